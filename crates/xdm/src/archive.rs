use sha1::{Digest, Sha1};

use crate::entries::{Entry, unpack};
use crate::metadata::{self, Action};
use crate::{Limits, OpenError};

/// An opened archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// Its documents: those of METADATA.XML in its order, then CDA documents that it does not name.
    pub documents: Vec<Document>,
    /// Faults that did not stop the reading.
    pub problems: Vec<Problem>,
    /// Every file, by path, in the order of the archive.
    pub files: Vec<String>,
}

/// A document of an archive.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// Path in the archive, such as `IHE_XDM/SUBSET01/DOC00001.XML`.
    pub path: String,
    /// MIME type as declared; empty where nothing declares it.
    pub mime: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What is to be done with it. To be read before anything else: a document to be deleted has the same bytes as the
    /// one that was sent.
    pub action: Action,
    /// Whether METADATA.XML names it.
    pub listed: bool,
    /// DocumentEntry.title.
    pub title: String,
    /// DocumentEntry.uniqueId.
    pub unique_id: Option<String>,
    /// DocumentEntry.patientId, an HL7 v2 CX.
    pub patient_id: Option<String>,
    /// DocumentEntry.typeCode, the code alone.
    pub type_code: Option<String>,
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({}, {}, {} octets)", self.path, self.action, self.bytes.len())
    }
}

impl Document {
    /// Whether it is an XML document that may be a CDA, by its beginning.
    pub fn looks_like_cda(&self) -> bool {
        cda::looks_like_cda(&self.bytes)
    }
}

/// A fault of an archive that can be read all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// No METADATA.XML: the documents are those that look like CDA.
    #[error("there is no IHE_XDM/SUBSETnn/METADATA.XML: its documents were looked for without it")]
    NoMetadata,
    /// A METADATA.XML that cannot be used.
    #[error("{path} cannot be used: {problem}")]
    Metadata {
        /// Where.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// METADATA.XML names a file that is not there.
    #[error("{path} names “{uri}”, which is not in the archive")]
    MissingDocument {
        /// The METADATA.XML.
        path: String,
        /// What it names.
        uri: String,
    },
    /// A DocumentEntry without a URI.
    #[error("{path} describes a document without saying in which file it is (no URI)")]
    NoUri {
        /// The METADATA.XML.
        path: String,
    },
    /// METADATA.XML names one file twice: the first entry counts.
    #[error("{path} is named twice in METADATA.XML: the first entry counts")]
    Twice {
        /// The document.
        path: String,
    },
    /// A CDA document that METADATA.XML does not name.
    #[error("{path} is a document that METADATA.XML does not name")]
    Unlisted {
        /// The document.
        path: String,
    },
    /// The SHA-1 is another one (IHE ITI TF-3 §4.2.3.2.10).
    #[error("{path}: the hash in METADATA.XML is {declared}, the file's SHA-1 is {found}{}", if *.without_mark { " (it fits the file without its byte order mark)" } else { "" })]
    Hash {
        /// The document.
        path: String,
        /// As declared.
        declared: String,
        /// As computed.
        found: String,
        /// The declared one is that of the file without its byte order mark: a known habit of one generator.
        without_mark: bool,
    },
    /// The size is another one.
    #[error("{path}: the size in METADATA.XML is {declared}, the file has {found} octets")]
    Size {
        /// The document.
        path: String,
        /// As declared.
        declared: String,
        /// As counted.
        found: usize,
    },
    /// An action that is neither C nor D.
    #[error("{path}: the action “{value}” is not known; the document is taken for a new one")]
    Action {
        /// The document.
        path: String,
        /// The value.
        value: String,
    },
}

impl Archive {
    /// Opens an archive, in memory.
    ///
    /// # Errors
    /// [`OpenError`], where the bytes are no archive or a hostile one. What can be read in spite of a fault is no error:
    /// see [`Archive::problems`].
    pub fn open(bytes: &[u8], limits: &Limits) -> Result<Self, OpenError> {
        let entries = unpack(bytes, limits)?;
        let files = entries.iter().map(|entry| entry.path.clone()).collect();
        let mut reading =
            Reading { taken: vec![false; entries.len()], entries, documents: vec![], problems: vec![] };
        let metadata: Vec<usize> =
            (0..reading.entries.len()).filter(|&index| is_metadata(&reading.entries[index].path)).collect();
        if metadata.is_empty() {
            reading.problems.push(Problem::NoMetadata);
        }
        let complete =
            metadata.into_iter().map(|index| reading.subset(index)).filter(|read| !read).count() == 0;
        let told = !complete || reading.problems.contains(&Problem::NoMetadata);
        reading.unlisted(told);
        Ok(Self { documents: reading.documents, problems: reading.problems, files })
    }

    /// The documents that look like CDA, each with what it says.
    pub fn cdas(&self) -> impl Iterator<Item = (&Document, Result<cda::Document, cda::Error>)> {
        self.documents
            .iter()
            .filter(|document| document.looks_like_cda())
            .map(|document| (document, cda::read(&document.bytes)))
    }

    /// The same documents, each with its header alone ([`cda::read_header`]): much quicker, and enough to tell whose a
    /// document is.
    pub fn headers(&self) -> impl Iterator<Item = (&Document, Result<cda::Document, cda::Error>)> {
        self.documents
            .iter()
            .filter(|document| document.looks_like_cda())
            .map(|document| (document, cda::read_header(&document.bytes)))
    }
}

struct Reading {
    entries: Vec<Entry>,
    taken: Vec<bool>,
    documents: Vec<Document>,
    problems: Vec<Problem>,
}

impl Reading {
    /// The documents of one METADATA.XML; `false` where it cannot be used.
    fn subset(&mut self, index: usize) -> bool {
        let path = self.entries[index].path.clone();
        self.taken[index] = true;
        let listed = match metadata::read(&self.entries[index].bytes) {
            Ok(listed) => listed,
            Err(problem) => {
                self.problems.push(Problem::Metadata { path, problem });
                return false;
            }
        };
        for entry in listed {
            let Some(uri) = entry.uri.clone() else {
                self.problems.push(Problem::NoUri { path: path.clone() });
                continue;
            };
            let paths = self.entries.iter().map(|entry| entry.path.as_str());
            match find(paths, &path, &uri) {
                Some(at) => self.take(at, entry),
                None => {
                    let uri = uri.chars().take(120).collect();
                    self.problems.push(Problem::MissingDocument { path: path.clone(), uri });
                }
            }
        }
        true
    }

    fn take(&mut self, at: usize, entry: metadata::Entry) {
        if std::mem::replace(&mut self.taken[at], true) {
            self.problems.push(Problem::Twice { path: self.entries[at].path.clone() });
            return;
        }
        let Entry { path, bytes } = &mut self.entries[at];
        let bytes = std::mem::take(bytes);
        if let Some(declared) = &entry.size
            && declared.parse() != Ok(bytes.len())
        {
            let declared = declared.chars().take(40).collect();
            self.problems.push(Problem::Size { path: path.clone(), declared, found: bytes.len() });
        }
        if let Some(declared) = &entry.hash {
            let found = sha1(&bytes);
            if !declared.eq_ignore_ascii_case(&found) {
                let bare = bytes.strip_prefix(b"\xef\xbb\xbf");
                let without_mark = bare.is_some_and(|bare| declared.eq_ignore_ascii_case(&sha1(bare)));
                let declared = declared.chars().take(64).collect();
                self.problems.push(Problem::Hash { path: path.clone(), declared, found, without_mark });
            }
        }
        if let Some(value) = entry.odd_action {
            self.problems.push(Problem::Action { path: path.clone(), value });
        }
        self.documents.push(Document {
            path: path.clone(),
            mime: entry.mime,
            bytes,
            action: entry.action,
            listed: true,
            title: entry.title,
            unique_id: entry.unique_id,
            patient_id: entry.patient_id,
            type_code: entry.type_code,
        });
    }

    /// CDA documents that nothing named. Each is a fault of its own unless the whole METADATA.XML is, which is told.
    fn unlisted(&mut self, told: bool) {
        for (entry, taken) in self.entries.iter_mut().zip(&self.taken) {
            if *taken || is_aside(&entry.path) || !cda::looks_like_cda(&entry.bytes) {
                continue;
            }
            if !told {
                self.problems.push(Problem::Unlisted { path: entry.path.clone() });
            }
            self.documents.push(Document {
                path: entry.path.clone(),
                mime: String::new(),
                bytes: std::mem::take(&mut entry.bytes),
                action: Action::Create,
                listed: false,
                title: String::new(),
                unique_id: None,
                patient_id: None,
                type_code: None,
            });
        }
    }
}

/// Where the file is that METADATA.XML names. A URI is a file beside it; some generators write it from the root of the
/// archive.
pub(crate) fn find<'a>(
    paths: impl Iterator<Item = &'a str> + Clone,
    metadata: &str,
    uri: &str,
) -> Option<usize> {
    let folder = metadata.rsplit_once('/').map_or("", |(folder, _)| folder);
    let uri = uri.trim().trim_start_matches("./");
    [format!("{folder}/{uri}"), uri.to_owned()]
        .iter()
        .find_map(|wanted| paths.clone().position(|path| path.eq_ignore_ascii_case(wanted)))
}

/// `IHE_XDM/<any>/METADATA.XML`, in any case, at any depth: archives exist that were packed one folder too high.
pub(crate) fn is_metadata(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("METADATA.XML"));
    named && !is_aside(path)
}

/// What some systems put beside the files.
pub(crate) fn is_aside(path: &str) -> bool {
    path.split('/').any(|part| part.eq_ignore_ascii_case("__MACOSX"))
}

pub(crate) fn sha1(bytes: &[u8]) -> String {
    kernel::hex(&Sha1::digest(bytes))
}
