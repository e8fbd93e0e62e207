mod sample;
mod section;

use ins::Identity;
use kernel::Timestamp;

use crate::{Code, Id, LOINC, Organisation, PROFESSIONALS, Professional, STRUCTURES, pdf};

pub use sample::Sample;
pub use section::{Block, LabEntry, SectionDraft};

/// A document to be written: what differs from one to the next. [`crate::write`] turns it into the same bytes each time.
/// [`Sample`] has one ready for each kind.
#[derive(Clone, Debug)]
pub struct Draft {
    /// `id/@root`: an OID, or a UUID as an OID ([`oid_of`]). Each version has its own.
    pub id_root: String,
    /// `setId/@root`: the same for all versions.
    pub set_id: String,
    /// `versionNumber`, from 1.
    pub version: u32,
    /// The models that it follows, besides those of every French document (`templateId`). Claim none that is not kept:
    /// DocumentEntry.formatCode follows from it.
    pub templates: Vec<Id>,
    /// Type of the document (JDV_J07).
    pub code: Code,
    /// Title.
    pub title: String,
    /// When it was written and signed.
    pub time: Timestamp,
    /// When the act began (ECO.2.1.6 dates file names by it).
    pub service_start: Timestamp,
    /// When it ended, where it has.
    pub service_stop: Option<Timestamp>,
    /// What was done.
    pub act: Code,
    /// The patient. Whatever is `None` is left out: an identity that is not qualified makes a document that says so.
    pub patient: Identity,
    /// The patient's number in the author's own files; documents always carry one.
    pub local_id: Id,
    /// Author, who signs too.
    pub author: Professional,
    /// Kind of structure (JDV_J02).
    pub facility: Code,
    /// Frame of practice (JDV_J04).
    pub setting: Code,
    /// The document that this one replaces.
    pub replaces: Option<Id>,
    /// The body.
    pub body: Body,
}

/// The body of a document to be written.
#[derive(Clone, Debug)]
pub enum Body {
    /// Level 1: a PDF file.
    Pdf(Vec<u8>),
    /// Level 3: sections.
    Text {
        /// At least one; a body without any is not valid.
        sections: Vec<SectionDraft>,
        /// The whole document as PDF, carried in a section of its own (55108-5, *Copie du document*).
        copy: Option<Vec<u8>>,
    },
}

/// Documents that [`Draft::small`] makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SmallKind {
    /// *Lettre de liaison à la sortie d'un établissement de soins* (11490-0), level 3.
    DischargeLetter,
    /// *CR d'examens biologiques* (11502-2), level 1, around a [`plain_pdf`], which is no PDF/A: for tests of what must cope
    /// with such a document. One to be sent has a PDF/A-1b (ECO.2.1.5), which crate `pdfa` makes.
    LabReport,
}

impl SmallKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::DischargeLetter, Self::LabReport];

    /// The type of the document, with the label of JDV_J07.
    pub fn code(self) -> Code {
        match self {
            Self::DischargeLetter => {
                Code::new("11490-0", LOINC, "Lettre de liaison à la sortie d'un établissement de soins")
            }
            Self::LabReport => Code::new("11502-2", LOINC, "CR d'examens biologiques"),
        }
    }
}

impl Draft {
    /// A whole small document about `patient`, version 1, by an invented author, dated 5 January 2026 at 9:00 UTC: set
    /// [`Draft::time`] to date it otherwise. Its set is named as the document is.
    pub fn small(kind: SmallKind, id_root: &str, patient: Identity) -> Self {
        let time = Timestamp::from_second(1_767_603_600).expect("a date within range");
        let (title, act, body) = match kind {
            SmallKind::DischargeLetter => (
                "Lettre de liaison à la sortie",
                Code::new("IMP", "2.16.840.1.113883.5.4", "Hospitalisation"),
                Body::of(vec![SectionDraft {
                    code: Code::new("48767-8", LOINC, "Commentaire"),
                    title: "Synthèse du séjour".into(),
                    blocks: vec![
                        Block::Paragraph("Document d'essai sans valeur médicale.".into()),
                        Block::Paragraph("Séjour sans complication. Sortie à domicile.".into()),
                    ],
                    ..SectionDraft::default()
                }]),
            ),
            SmallKind::LabReport => (
                "Compte rendu d'examens biologiques",
                Code::new("18719-5", LOINC, "Biochimie"),
                Body::Pdf(pdf::page(&[
                    "Compte rendu d'examens biologiques",
                    "",
                    "Document d'essai sans valeur médicale.",
                    "Glucose : 5,1 mmol/L",
                ])),
            ),
        };
        Self {
            id_root: id_root.to_owned(),
            set_id: id_root.to_owned(),
            version: 1,
            templates: vec![],
            code: kind.code(),
            title: title.to_owned(),
            time,
            service_start: time,
            service_stop: None,
            act,
            patient,
            local_id: Id::new(oid_of(0x5641_4755_454d_4553), "BANC-0001"),
            author: Professional {
                id: Some(Id::new(PROFESSIONALS, "899700000018")),
                family: "ESSAI".into(),
                given: "Camille".into(),
                specialty: Some(Code::new(
                    "G15_10/SM26",
                    "1.2.250.1.213.1.1.4.5",
                    "Médecin - Médecine générale (SM)",
                )),
                role: None,
                organisation: Some(Organisation {
                    id: Some(Id::new(STRUCTURES, "1000000002")),
                    name: "Structure d'essai".into(),
                }),
                device: false,
            },
            facility: Code::new("SA01", "1.2.250.1.71.4.2.4", "Etablissement public de santé"),
            setting: Code::new("ETABLISSEMENT", "1.2.250.1.213.1.1.4.9", "Etablissement de santé"),
            replaces: None,
            body,
        }
    }

    /// The next version of this document, named `id_root`, which replaces it (`relatedDocument`, RPLC): what is corrected
    /// in it, and when, is the caller's to say.
    #[must_use]
    pub fn next_version(&self, id_root: &str) -> Self {
        Self {
            id_root: id_root.to_owned(),
            version: self.version.saturating_add(1),
            replaces: Some(Id::root(&self.id_root)),
            ..self.clone()
        }
    }

    /// The same document at level 1, with a PDF for its body. It claims no model: those of CI-SIS are of level 3.
    #[must_use]
    pub fn at_level_1(self, pdf: Vec<u8>) -> Self {
        Self { templates: vec![], body: Body::Pdf(pdf), ..self }
    }
}

impl Body {
    /// Sections, without a copy in PDF.
    pub fn of(sections: Vec<SectionDraft>) -> Self {
        Self::Text { sections, copy: None }
    }
}

/// A PDF of one page with these lines, at most 45 of at most 90 characters: something to put into a document of level 1.
/// The same bytes each time. It is no PDF/A, for it embeds no font; characters outside Latin-1 become question marks.
pub fn plain_pdf(lines: &[&str]) -> Vec<u8> {
    pdf::page(lines)
}

/// The OID of a UUID, given as its number (ITU-T X.667 §6.3: `2.25.` and the number in decimal).
pub fn oid_of(uuid: u128) -> String {
    format!("2.25.{uuid}")
}
