use cda::Id;
use serde::{Deserialize, Serialize};
use xdm::{Archive, Limits, Problem};

use crate::mime::{self, Part};

/// The health documents that a mail carries, as a judge of its `X-MSS-*` headers needs them (spec: ECO.2.4.1, ECO.2.4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// How many `IHE_XDM.zip` archives there are; one at most is allowed (MSS/va1.01).
    pub archives: usize,
    /// The CDA documents of the archives, in the order of METADATA.XML (else of the archive).
    pub documents: Vec<CarriedDocument>,
    /// What could not be read, in words: a damaged archive, a document that is no CDA. Never a reason to stop reading the rest.
    pub problems: Vec<String>,
}

/// One CDA document of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedDocument {
    /// Path in the archive, such as `IHE_XDM/SUBSET01/DOC00001.XML`.
    pub path: String,
    /// `ClinicalDocument/id`: root, or `root^extension`.
    pub id: String,
    /// `ClinicalDocument/code/@code`.
    pub code: String,
    /// Whether it holds a qualified INS: matricule, OID and the four strict traits (ECO.2.4.2, §3.8.2).
    pub qualified: bool,
    /// What is missing for that, in words (`OID`, `date de naissance`…); empty where it is qualified.
    pub missing: Vec<String>,
}

/// Archives of one mail that are opened; more are counted, and told as a problem.
const MOST_ARCHIVES: usize = 4;

/// Reads what a mail carries. Nothing panics and nothing is trusted: sizes are bounded.
///
/// An archive is told by its name, `IHE_XDM.zip` in any case, or by what it holds: a ZIP archive of another name with an
/// XDM inside counts, a free ZIP attachment does not. Mails attached to the mail are not looked into.
pub fn carried(message: &[u8]) -> Carried {
    let mut carried = Carried::default();
    let parts = match mime::parts(message) {
        Ok(parts) => parts,
        Err(problem) => {
            carried.problems.push(problem.to_string());
            return carried;
        }
    };
    for part in parts {
        read(&part, &mut carried);
    }
    carried
}

fn read(part: &Part, carried: &mut Carried) {
    let named = part.name.as_deref().is_some_and(is_xdm_name);
    if !named && !part.bytes.starts_with(b"PK\x03\x04") {
        return;
    }
    if carried.archives >= MOST_ARCHIVES {
        if named {
            carried.archives += 1;
            carried.problems.push(format!("archive {} of this mail was not opened", carried.archives));
        }
        return;
    }
    match Archive::open(&part.bytes, &Limits::default()) {
        Ok(archive) if named || holds_metadata(&archive) => {
            carried.archives += 1;
            documents(&archive, carried);
        }
        Ok(_) => {}
        Err(error) if named => {
            carried.archives += 1;
            carried.problems.push(format!("{}: {error}", xdm::FILE_NAME));
        }
        Err(_) => {} // a free attachment that only looks like an archive
    }
}

fn documents(archive: &Archive, carried: &mut Carried) {
    let unread = |problem: &&Problem| {
        matches!(
            problem,
            Problem::NoMetadata
                | Problem::Metadata { .. }
                | Problem::MissingDocument { .. }
                | Problem::NoUri { .. }
        )
    };
    carried.problems.extend(archive.problems.iter().filter(unread).map(Problem::to_string));
    for document in &archive.documents {
        if !document.looks_like_cda() {
            if document.mime.contains("xml") || document.path.to_ascii_uppercase().ends_with(".XML") {
                carried.problems.push(format!("{}: this is no CDA document", document.path));
            }
            continue;
        }
        match cda::read(&document.bytes) {
            Ok(read) => carried.documents.push(CarriedDocument::new(&document.path, &read)),
            Err(error) => carried.problems.push(format!("{}: {error}", document.path)),
        }
    }
}

impl CarriedDocument {
    fn new(path: &str, document: &cda::Document) -> Self {
        let missing = document.patient.qualified().err().unwrap_or_default();
        Self {
            path: path.to_owned(),
            id: document.id.as_ref().map(Id::to_string).unwrap_or_default(),
            code: document.code.as_ref().map(|code| code.code.clone()).unwrap_or_default(),
            qualified: missing.is_empty(),
            missing: missing.iter().map(ToString::to_string).collect(),
        }
    }
}

/// `IHE_XDM.zip` as the reference spells it, in any case; with a hyphen, as some senders do.
pub(crate) fn is_xdm_name(name: &str) -> bool {
    let name = name.trim();
    name.eq_ignore_ascii_case(xdm::FILE_NAME) || name.eq_ignore_ascii_case("ihe-xdm.zip")
}

pub(crate) fn holds_metadata(archive: &Archive) -> bool {
    archive.files.iter().any(|path| {
        let path = path.to_ascii_uppercase();
        path.starts_with("IHE_XDM/") && path.ends_with("/METADATA.XML")
    })
}
