use cda::Id;
use serde::{Deserialize, Serialize};
use xdm::Problem;

use crate::{Interpreted, MailProblem, ReceivedDocument, Unopened, interpret};

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

/// Reads what a mail carries. Nothing panics and nothing is trusted: sizes are bounded.
///
/// An archive is told by its name, `IHE_XDM.zip` in any case, or by what it holds: a ZIP archive of another name with an
/// XDM inside counts, a free ZIP attachment does not. Mails attached to the mail are not looked into.
pub fn carried(message: &[u8]) -> Carried {
    Carried::of(&interpret(message))
}

impl Carried {
    /// What a mail that was read already carries.
    pub fn of(mail: &Interpreted) -> Self {
        Self::read_by(mail, |_, document| document.read().map(|read| CarriedDocument::new(document, &read)))
    }

    /// As [`Carried::of`], where somebody reads the documents anyway: `read` is asked once for each document of an archive
    /// that looks like CDA, with its place in [`Interpreted::documents`].
    pub fn read_by(
        mail: &Interpreted,
        mut read: impl FnMut(usize, &ReceivedDocument) -> Result<CarriedDocument, cda::Error>,
    ) -> Self {
        let mut carried = Self::default();
        let whole =
            |problem: &&MailProblem| matches!(problem, MailProblem::TooLarge { .. } | MailProblem::NoHeader);
        carried.problems.extend(mail.problems.iter().find(whole).map(ToString::to_string));
        for archive in mail.archives.iter().filter(|archive| !archive.nested) {
            carried.archives += 1;
            match &archive.outcome {
                Ok(opened) => {
                    carried.problems.extend(opened.problems.iter().filter(unread).map(Problem::to_string))
                }
                Err(Unopened::Refused(error)) => {
                    carried.problems.push(format!("{}: {error}", xdm::FILE_NAME))
                }
                Err(Unopened::TooMany { .. }) => {
                    carried
                        .problems
                        .push(format!("archive {} of this mail was not opened", carried.archives));
                }
            }
            for (index, document) in mail.documents.iter().enumerate() {
                if document.attachment == archive.attachment {
                    carried.document(index, document, &mut read);
                }
            }
        }
        carried
    }

    fn document(
        &mut self,
        index: usize,
        document: &ReceivedDocument,
        read: &mut impl FnMut(usize, &ReceivedDocument) -> Result<CarriedDocument, cda::Error>,
    ) {
        if document.looks_like_cda() {
            match read(index, document) {
                Ok(found) => self.documents.push(found),
                Err(error) => self.problems.push(format!("{}: {error}", document.path)),
            }
        } else if document.is_xml() {
            self.problems.push(format!("{}: this is no CDA document", document.path));
        }
    }
}

/// Faults of an archive for which a document of it may be missing here.
fn unread(problem: &&Problem) -> bool {
    matches!(
        problem,
        Problem::NoMetadata
            | Problem::Metadata { .. }
            | Problem::MissingDocument { .. }
            | Problem::NoUri { .. }
    )
}

impl CarriedDocument {
    /// Of a document that was read.
    pub fn new(received: &ReceivedDocument, document: &cda::Document) -> Self {
        let missing = document.patient.qualified().err().unwrap_or_default();
        Self {
            path: received.path.clone(),
            id: document.id.as_ref().map(Id::to_string).unwrap_or_default(),
            code: document.code.as_ref().map(|code| code.code.clone()).unwrap_or_default(),
            qualified: missing.is_empty(),
            missing: missing.iter().map(ToString::to_string).collect(),
        }
    }
}
