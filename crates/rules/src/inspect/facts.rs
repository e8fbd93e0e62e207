use std::collections::BTreeMap;

use cda::media::FileKind;
use cda::narrative::{Kind, Node};
use cda::{Id, Whole};
use mss::Action;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Its CDA documents that can be read.
    pub documents: Vec<DocumentFacts>,
}

/// What one CDA document says: the same fields that a reader built on libxml2 gives, and the action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentFacts {
    /// What the recipient shall do with it; *create* for a document that comes without archive.
    pub action: Action,
    /// Its name, or its path in the archive.
    pub file: String,
    /// Octets.
    pub bytes: usize,
    /// SHA-1 of the octets, in hexadecimal.
    pub sha1: String,
    /// Whether it begins with a byte order mark.
    pub bom: bool,
    /// Local name of the root element.
    pub root: String,
    /// `id`: root and extension.
    pub id: (Option<String>, Option<String>),
    /// `setId`: root, or `root^extension`.
    pub set_id: Option<String>,
    /// `versionNumber`.
    pub version: Option<String>,
    /// `code/@code`.
    pub code: Option<String>,
    /// `code/@codeSystem`.
    pub code_system: Option<String>,
    /// `title`, blanks folded.
    pub title: String,
    /// `effectiveTime`, as written.
    pub effective_time: Option<String>,
    /// The matricule INS.
    pub ins_matricule: Option<String>,
    /// Its OID.
    pub ins_oid: Option<String>,
    /// How many identifiers the patient has.
    pub patient_ids: usize,
    /// Birth name.
    pub birth_name: Option<String>,
    /// Name in use.
    pub used_name: Option<String>,
    /// Birth given names.
    pub given_names: Option<String>,
    /// The first of them.
    pub first_given: Option<String>,
    /// Given name in use.
    pub used_given: Option<String>,
    /// `F`, `M` or `U`.
    pub sex: Option<String>,
    /// `AAAAMMJJ`, or shorter.
    pub birth_date: Option<String>,
    /// COG code of the place of birth.
    pub birth_place_cog: Option<String>,
    /// How many authors.
    pub authors: usize,
    /// How many acts.
    pub service_events: usize,
    /// `relatedDocument[@typeCode='RPLC']/parentDocument/id`: root and extension.
    pub replaces: Option<(Option<String>, Option<String>)>,
    /// `N1` or `N3`.
    pub level: cda::Level,
    /// Sections, inner ones included.
    pub sections: usize,
    /// Tables of the narrative.
    pub tables: usize,
    /// Laboratory results.
    pub lab_results: usize,
    /// How often each code of interpretation stands.
    pub lab_interpretations: BTreeMap<String, usize>,
    /// Results that must reach a doctor now.
    pub critical: usize,
    /// Embedded files.
    pub media: Vec<MediaFacts>,
}

/// A file embedded in a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaFacts {
    /// The type declared.
    pub declared: String,
    /// What the octets say.
    pub magic: String,
    /// Octets.
    pub bytes: usize,
    /// SHA-1 of the octets, in hexadecimal.
    pub sha1: String,
}

impl DocumentFacts {
    pub(super) fn new(file: &str, action: Action, bytes: &[u8], whole: &Whole) -> Self {
        let (header, sections) = (&whole.header, whole.all_sections());
        let (patient, traits) = (&header.patient, &header.patient.traits);
        let mut interpretations = BTreeMap::new();
        for code in whole.laboratory.results.iter().flat_map(|result| &result.interpretations) {
            *interpretations.entry(code.code.clone()).or_default() += 1;
        }
        Self {
            action,
            file: file.to_owned(),
            bytes: bytes.len(),
            sha1: Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
            bom: whole.has_mark,
            root: whole.root.clone(),
            id: header.id.as_ref().map(pair).unwrap_or_default(),
            set_id: header.set_id.as_ref().map(Id::to_string),
            version: header.version.map(|version| version.to_string()),
            code: header.code.as_ref().map(|code| code.code.clone()),
            code_system: header.code.as_ref().map(|code| code.system.clone()),
            title: header.title.clone(),
            effective_time: header.effective_time.as_ref().map(|time| time.as_str().to_owned()),
            ins_matricule: patient.matricule.as_ref().map(ToString::to_string),
            ins_oid: patient.oid.clone(),
            patient_ids: header.patient_ids.len(),
            birth_name: traits.birth_name.clone(),
            used_name: traits.used_name.clone(),
            given_names: traits.given_names.clone(),
            first_given: traits.first_given.clone(),
            used_given: traits.used_given.clone(),
            sex: traits.sex.map(|sex| sex.code().to_owned()),
            birth_date: traits.birth_date.map(ins::BirthDate::hl7),
            birth_place_cog: traits.birth_place.clone(),
            authors: header.authors.len(),
            service_events: header.acts.len(),
            replaces: header.replaces.as_ref().map(pair),
            level: header.level,
            sections: sections.len(),
            tables: sections.iter().map(|section| tables(&section.text)).sum(),
            lab_results: whole.laboratory.results.len(),
            lab_interpretations: interpretations,
            critical: whole.laboratory.critical().count(),
            media: whole.media.iter().map(media).collect(),
        }
    }
}

fn pair(id: &Id) -> (Option<String>, Option<String>) {
    ((!id.root.is_empty()).then(|| id.root.clone()), id.extension.clone())
}

fn tables(nodes: &[Node]) -> usize {
    let elements = nodes.iter().filter_map(Node::element);
    elements.map(|element| usize::from(element.kind == Kind::Table) + tables(&element.children)).sum()
}

fn media(file: &cda::media::Embedded) -> MediaFacts {
    let magic = match file.kind {
        FileKind::Pdf => "pdf",
        FileKind::Png => "png",
        FileKind::Jpeg => "jpeg",
        FileKind::Gif => "gif",
        FileKind::Tiff => "tiff",
        FileKind::Rtf => "rtf",
        FileKind::Zip => "zip",
        FileKind::Svg => "svg",
        FileKind::Html => "html",
        FileKind::Xml => "xml",
        FileKind::Text => "text",
        _ => "unknown",
    };
    MediaFacts {
        declared: file.media.media_type.clone(),
        magic: magic.to_owned(),
        bytes: file.media.bytes.len(),
        sha1: file.sha1(),
    }
}
