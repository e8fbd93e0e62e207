//! An IHE_XDM archive: how it is made, and METADATA.XML beside the documents that it describes.

use cda::Id;
use mss::{Action, ReceivedDocument};
use xdm::{Archive, Document, OpenError, Problem};

use super::document::{self, Read};
use super::finding::{Findings, Severity};
use super::{At, Facts};
use crate::Text;
use crate::text::shown;

const ARCHIVE: &str = "MSS/va1.01";
const METADATA: &str = "ECO.2.1.2";
const ACTION: &str = "LGC.MSS/UX.05";

/// A file that is an archive.
pub(super) fn inspect(bytes: &[u8], findings: &mut Findings) -> Facts {
    match Archive::open(bytes, &xdm::Limits::default()) {
        Ok(archive) => {
            let entries: Vec<Entry<'_>> = (0..).zip(&archive.documents).map(Entry::from).collect();
            let read = judge(&archive.files, &archive.problems, &entries, findings);
            Facts { documents: read.into_iter().map(|read| read.facts).collect() }
        }
        Err(error) => {
            refused(&error, findings, true);
            Facts::default()
        }
    }
}

/// A document of an archive, whoever opened it.
pub(super) struct Entry<'a> {
    /// Its place among the documents of the file.
    index: usize,
    path: &'a str,
    bytes: &'a [u8],
    is_xml: bool,
    action: Action,
    listed: bool,
    unique_id: Option<&'a str>,
    patient_id: Option<&'a str>,
    type_code: Option<&'a str>,
}

impl<'a> From<(usize, &'a Document)> for Entry<'a> {
    fn from((index, document): (usize, &'a Document)) -> Self {
        Self {
            index,
            path: &document.path,
            bytes: &document.bytes,
            is_xml: document.mime.contains("xml") || document.path.to_ascii_uppercase().ends_with(".XML"),
            action: document.action,
            listed: document.listed,
            unique_id: document.unique_id.as_deref(),
            patient_id: document.patient_id.as_deref(),
            type_code: document.type_code.as_deref(),
        }
    }
}

impl<'a> From<(usize, &'a ReceivedDocument)> for Entry<'a> {
    fn from((index, document): (usize, &'a ReceivedDocument)) -> Self {
        Self {
            index,
            path: &document.path,
            bytes: &document.bytes,
            is_xml: document.is_xml(),
            action: document.action,
            listed: document.listed,
            unique_id: document.unique_id.as_deref(),
            patient_id: document.patient_id.as_deref(),
            type_code: document.type_code.as_deref(),
        }
    }
}

/// An archive that is refused whole. `alone` says that the whole file is this archive.
pub(super) fn refused(error: &OpenError, findings: &mut Findings, alone: bool) {
    let limit = matches!(
        error,
        OpenError::TooLarge { .. } | OpenError::TooManyEntries { .. } | OpenError::Bomb { .. }
    );
    let said = shown(&error.to_string());
    let message = Text::new(
        format!("L’archive est refusée ({said}). La refaire avec les seuls documents du patient."),
        format!("The archive is refused ({said}). Make it again, with the patient's documents only."),
    );
    let values = (xdm::FILE_NAME, said.as_str());
    if alone || limit {
        findings.refuse(ARCHIVE, values, At::default(), message);
    } else {
        findings.error(ARCHIVE, values, At::default(), message);
    }
}

/// Judges an opened archive and each of its documents; gives those that can be read, in the order of the archive.
pub(super) fn judge(
    files: &[String],
    problems: &[Problem],
    entries: &[Entry<'_>],
    findings: &mut Findings,
) -> Vec<Read> {
    layout(files, findings);
    problems.iter().for_each(|fault| problem(fault, findings));
    let (mut read, mut any) = (Vec::new(), false);
    for entry in entries {
        if !cda::looks_like_cda(entry.bytes) {
            if entry.is_xml {
                let message = Text::new(
                    "Ce document XML n’est pas un CDA : le destinataire ne saura pas le classer.",
                    "This XML document is no CDA: the recipient cannot file it.",
                );
                findings.error(ARCHIVE, ("ClinicalDocument", "XML"), At::entry(entry.path), message);
            }
            continue;
        }
        any = true;
        if let Some(found) = document::read(entry.path, entry.action, entry.bytes, findings, false) {
            described(entry, &found.whole.header, findings);
            read.push(Read { index: entry.index, ..found });
        }
    }
    if !any {
        let message = Text::new(
            "L’archive ne contient aucun document CDA : elle doit en contenir au moins un.",
            "The archive holds no CDA document: it must hold one at least.",
        );
        findings.error(ARCHIVE, ("CDA", "0"), At::default(), message);
    }
    one_patient(&read, findings);
    read
}

/// The tree of IHE ITI-32: readers find their way all the same, so that a fault here is a warning.
fn layout(files: &[String], findings: &mut Findings) {
    for name in ["INDEX.HTM", "README.TXT"] {
        if !files.iter().any(|path| path.eq_ignore_ascii_case(name)) {
            let message = Text::new(
                format!("{name} manque à la racine de l’archive."),
                format!("{name} is missing at the root of the archive."),
            );
            findings.warning(ARCHIVE, (name, ""), At::default(), message);
        }
    }
    let odd = files.iter().find(|path| {
        let upper = path.to_ascii_uppercase();
        upper.ends_with("METADATA.XML")
            && !(path.starts_with("IHE_XDM/SUBSET") && path.matches('/').count() == 2 && **path == upper)
    });
    if let Some(path) = odd {
        let message = Text::new(
            "METADATA.XML n’est pas à sa place, IHE_XDM/SUBSET01/METADATA.XML, en capitales.",
            "METADATA.XML is not at its place, IHE_XDM/SUBSET01/METADATA.XML, in capitals.",
        );
        findings.warning(ARCHIVE, ("IHE_XDM/SUBSET01/METADATA.XML", path), At::entry(path), message);
    }
}

fn problem(problem: &Problem, findings: &mut Findings) {
    use Severity::{Error, Warning};
    let (rule, severity, fr, entry, expected, received) = match problem {
        Problem::NoMetadata => (
            METADATA,
            Error,
            "METADATA.XML manque : le patient ne peut pas être identifié",
            None,
            "METADATA.XML".to_owned(),
            String::new(),
        ),
        Problem::Metadata { path, problem } => (
            METADATA,
            Error,
            "METADATA.XML ne peut pas être lu",
            Some(path),
            "XML".to_owned(),
            problem.clone(),
        ),
        Problem::MissingDocument { path, uri } => (
            ARCHIVE,
            Error,
            "METADATA.XML décrit un fichier absent de l’archive",
            Some(path),
            uri.clone(),
            String::new(),
        ),
        Problem::NoUri { path } => (
            ARCHIVE,
            Error,
            "METADATA.XML décrit un document sans dire dans quel fichier il est",
            Some(path),
            "URI".to_owned(),
            String::new(),
        ),
        Problem::Twice { path } => (
            ARCHIVE,
            Warning,
            "METADATA.XML décrit deux fois ce fichier",
            Some(path),
            "1".to_owned(),
            "2".to_owned(),
        ),
        Problem::Unlisted { path } => (
            ARCHIVE,
            Warning,
            "METADATA.XML ne décrit pas ce document",
            Some(path),
            "DocumentEntry".to_owned(),
            String::new(),
        ),
        Problem::Hash { path, declared, found, without_mark: true } => (
            ARCHIVE,
            Warning,
            "l’empreinte est celle du document sans sa marque d’ordre des octets",
            Some(path),
            found.clone(),
            declared.clone(),
        ),
        Problem::Hash { path, declared, found, .. } => (
            ARCHIVE,
            Error,
            "l’empreinte SHA-1 de METADATA.XML n’est pas celle du document",
            Some(path),
            found.clone(),
            declared.clone(),
        ),
        Problem::Size { path, declared, found } => (
            ARCHIVE,
            Error,
            "la taille de METADATA.XML n’est pas celle du document",
            Some(path),
            found.to_string(),
            declared.clone(),
        ),
        Problem::Action { path, value } => (
            ACTION,
            Warning,
            "l’action demandée n’est pas connue : le document sera pris pour un nouveau",
            Some(path),
            "C, D".to_owned(),
            value.clone(),
        ),
        _ => (ARCHIVE, Warning, "l’archive a un défaut", None, String::new(), problem.to_string()),
    };
    let at = entry.map(|path| At::entry(path)).unwrap_or_default();
    let mut fr = fr.to_owned();
    if let Some(first) = fr.get(..1).map(str::to_uppercase) {
        fr.replace_range(..1, &first);
    }
    let message = Text::new(
        format!("{fr}. Corriger METADATA.XML à partir du fichier joint."),
        shown(&problem.to_string()),
    );
    findings.add((rule, severity), (&expected, &received), at, message);
}

/// What METADATA.XML says of one document, beside what the document says (spec of the CI-SIS mapping).
fn described(entry: &Entry<'_>, header: &cda::Document, findings: &mut Findings) {
    let at = || At::entry(entry.path);
    action(entry, header, findings);
    if !entry.listed {
        return;
    }
    let code = header.code.as_ref().map(|code| code.code.as_str()).unwrap_or_default();
    let declared = entry.type_code.unwrap_or_default();
    if !code.is_empty() && code != declared {
        let message = Text::new(
            "typeCode de METADATA.XML n’est pas le code du document.",
            "typeCode of METADATA.XML is not the document's code.",
        );
        findings.error(ARCHIVE, (code, declared), at(), message);
    }
    let id = header.id.as_ref().map(Id::to_string).unwrap_or_default();
    let declared = entry.unique_id.unwrap_or_default();
    if !id.is_empty() && id != declared {
        let message = Text::new(
            "uniqueId de METADATA.XML n’est pas l’identifiant du document (racine, ou racine^extension).",
            "uniqueId of METADATA.XML is not the document's identifier (root, or root^extension).",
        );
        findings.error(ARCHIVE, (&id, declared), at(), message);
    }
    patient_id(entry, header, findings);
}

/// `patientId`, a CX: `id^^^&oid&ISO^NH`. It is what the recipient files by.
fn patient_id(entry: &Entry<'_>, header: &cda::Document, findings: &mut Findings) {
    let at = || At::entry(entry.path);
    let declared = entry.patient_id.unwrap_or_default();
    let mut parts = declared.split('^');
    let number = parts.next().unwrap_or_default();
    let oid = parts.nth(2).and_then(|authority| authority.split('&').nth(1)).unwrap_or_default();
    if number.is_empty() || oid.is_empty() {
        let message = Text::new(
            "patientId de METADATA.XML est absent ou n’a pas la forme numéro^^^&OID&ISO^type : le destinataire ne peut pas identifier le patient.",
            "patientId of METADATA.XML is missing, or has not the form number^^^&OID&ISO^type: the recipient cannot identify the patient.",
        );
        findings.error(METADATA, ("numéro^^^&OID&ISO^NH", declared), at(), message);
        return;
    }
    let known = |id: &Id| id.root == oid && id.extension.as_deref() == Some(number);
    let ins = header.patient.matricule.as_ref().zip(header.patient.oid.as_deref());
    if !header.patient_ids.iter().any(known) {
        let expected = match ins {
            Some((matricule, oid)) => format!("{matricule}^^^&{oid}&ISO^NH"),
            None => header.local_id().map(|id| id.to_string()).unwrap_or_default(),
        };
        let message = Text::new(
            "patientId de METADATA.XML n’est aucun des identifiants du patient dans le document.",
            "patientId of METADATA.XML is none of the patient's identifiers in the document.",
        );
        findings.error(METADATA, (&expected, declared), at(), message);
    } else if let Some((matricule, root)) = ins.filter(|(_, root)| *root != oid) {
        let message = Text::new(
            "Le document porte une INS, mais patientId de METADATA.XML est un autre numéro : l’INS est prioritaire.",
            "The document carries an INS, but patientId of METADATA.XML is another number: the INS comes first.",
        );
        findings.warning(METADATA, (&format!("{matricule}^^^&{root}&ISO^NH"), declared), at(), message);
    }
}

/// The slot's name is known from one tool only: warnings.
fn action(entry: &Entry<'_>, header: &cda::Document, findings: &mut Findings) {
    let at = At::entry(entry.path);
    match (entry.action, &header.replaces) {
        (Action::Replace, None) => {
            let message = Text::new(
                "Remplacement demandé (action C), mais le document ne dit pas lequel il remplace (relatedDocument RPLC).",
                "A replacement is asked for (action C), but the document does not say which one it replaces (relatedDocument RPLC).",
            );
            findings.warning(ACTION, ("relatedDocument[@typeCode='RPLC']", ""), at, message);
        }
        (Action::Create, Some(replaced)) => {
            let message = Text::new(
                "Le document en remplace un autre, mais METADATA.XML ne demande pas le remplacement (action C).",
                "The document replaces another, but METADATA.XML does not ask for the replacement (action C).",
            );
            findings.warning(ACTION, ("C", &replaced.to_string()), at, message);
        }
        _ => {}
    }
}

/// One patient a mail (MSS/va1.01). Where identities are too incomplete to be told apart, a warning.
fn one_patient(read: &[Read], findings: &mut Findings) {
    let Some((first, others)) = read.split_first() else { return };
    let first = &first.whole.header.patient;
    for Read { facts, whole, .. } in others {
        let other = &whole.header.patient;
        if first.is_same_patient(other) {
            continue;
        }
        let told = |one: &ins::Identity| {
            one.matricule.is_some() || (one.traits.birth_name.is_some() && one.traits.birth_date.is_some())
        };
        let severity = if told(first) && told(other) { Severity::Error } else { Severity::Warning };
        let message = Text::new(
            "Ce document n’est pas du même patient que le premier de l’archive, ou ne permet pas de le dire : un message, un patient.",
            "This document is not of the same patient as the first of the archive, or does not let it be told: one mail, one patient.",
        );
        let values = ("un seul patient", "deux patients");
        findings.add((ARCHIVE, severity), values, At::entry(&facts.file), message);
    }
}
