use std::io::{Cursor, Write as _};

use cda::Professional;
use kernel::Timestamp;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::Action;
use crate::ebrim::{self, Named};

const FOLDER: &str = "IHE_XDM/SUBSET01";

/// An archive to be written: one submission set of one patient's documents.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The documents, in order; at least one.
    pub documents: Vec<SubmissionDocument>,
    /// When they are sent.
    pub time: Timestamp,
    /// Who sends them; the first document's first author where `None`.
    pub author: Option<Professional>,
}

/// A document to put into an archive.
#[derive(Clone, Debug)]
pub struct SubmissionDocument {
    /// A CDA document, as it stands: not an octet is changed.
    pub bytes: Vec<u8>,
    /// What the recipient shall do with it.
    pub action: Action,
}

impl Submission {
    /// New documents to send.
    pub fn new(documents: impl IntoIterator<Item = Vec<u8>>, time: Timestamp) -> Self {
        let document = |bytes| SubmissionDocument { bytes, action: Action::Create };
        Self { documents: documents.into_iter().map(document).collect(), time, author: None }
    }

    /// Writes the archive: the same bytes for the same submission. Identifiers that XDS wants fresh are derived from the
    /// content and the time, so that a retry sends the same set and not a second one.
    ///
    /// # Errors
    /// [`WriteError`], most often because a document is no CDA.
    pub fn write(&self) -> Result<Vec<u8>, WriteError> {
        if self.documents.is_empty() {
            return Err(WriteError::Empty);
        }
        if self.documents.len() > 99_999 {
            return Err(WriteError::TooMany);
        }
        let mut named = Vec::with_capacity(self.documents.len());
        for (index, document) in self.documents.iter().enumerate() {
            let position = index + 1;
            let header =
                cda::read(&document.bytes).map_err(|error| WriteError::Document { position, error })?;
            if header.id.is_none() {
                return Err(WriteError::NoId { position });
            }
            let name = format!("DOC{position:05}.XML");
            named.push(Named { name, header, bytes: &document.bytes, action: document.action });
        }
        let author = self.author.as_ref().or_else(|| named[0].header.authors.first());
        let metadata = ebrim::write(&named, author, self.time);
        self.pack(&named, &metadata).map_err(|error| WriteError::Zip { problem: error.to_string() })
    }

    fn pack(&self, documents: &[Named<'_>], metadata: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(dos_time(self.time))
            .unix_permissions(0o644);
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let mut add = |name: &str, bytes: &[u8]| -> zip::result::ZipResult<()> {
            archive.start_file(name, options)?;
            Ok(archive.write_all(bytes)?)
        };
        add("INDEX.HTM", index(documents).as_bytes())?;
        add("README.TXT", readme(documents).as_bytes())?;
        add(&format!("{FOLDER}/METADATA.XML"), metadata)?;
        for document in documents {
            add(&format!("{FOLDER}/{}", document.name), document.bytes)?;
        }
        Ok(archive.finish()?.into_inner())
    }
}

/// Why a submission cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// No document.
    #[error("an archive needs at least one document")]
    Empty,
    /// More than file names can number.
    #[error("an archive holds at most 99 999 documents")]
    TooMany,
    /// A document that cannot be read.
    #[error("document {position} cannot be sent: {error}")]
    Document {
        /// From 1.
        position: usize,
        /// Why.
        error: cda::Error,
    },
    /// A document without an identifier: nobody could ever replace or withdraw it.
    #[error("document {position} cannot be sent: it has no id")]
    NoId {
        /// From 1.
        position: usize,
    },
    /// The archive itself.
    #[error("the archive cannot be written: {problem}")]
    Zip {
        /// Why.
        problem: String,
    },
}

/// DOS times begin in 1980 and go by two seconds.
fn dos_time(time: Timestamp) -> DateTime {
    let text = time.strftime("%Y%m%d%H%M%S").to_string();
    let part =
        |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse::<u16>().ok()).unwrap_or(0);
    let small = |from: usize| u8::try_from(part(from, from + 2)).unwrap_or(0);
    DateTime::from_date_and_time(part(0, 4), small(4), small(6), small(8), small(10), small(12))
        .unwrap_or_default()
}

/// The page for a person without a medical software (ITI-32: XHTML Basic).
fn index(documents: &[Named<'_>]) -> String {
    let mut xml = cda::xml::Xml::new();
    xml.open("html", &[("xmlns", "http://www.w3.org/1999/xhtml"), ("lang", "fr"), ("xml:lang", "fr")]);
    xml.open("head", &[]);
    xml.text("title", &[], "IHE_XDM");
    xml.close();
    xml.open("body", &[]);
    xml.text("h1", &[], "Documents de santé");
    xml.text("p", &[], "Cette archive est faite pour être lue par un logiciel de santé.");
    xml.open("ul", &[]);
    for document in documents {
        xml.open("li", &[]);
        xml.text("a", &[("href", &format!("{FOLDER}/{}", document.name))], document.label());
        xml.close();
    }
    xml.close();
    xml.open("p", &[]);
    xml.text("a", &[("href", "README.TXT")], "README.TXT");
    String::from_utf8(xml.finish()).expect("what was written from text is text")
}

/// In ASCII, because nothing says the encoding of a text file. No name of a patient: the archive's documents have it.
fn readme(documents: &[Named<'_>]) -> String {
    let mut text = String::from(
        "IHE XDM (ITI-32)\r\n\r\nArchive de documents de sante echangee par MSSante.\r\n\
         INDEX.HTM ouvre la liste des documents dans un navigateur.\r\n\r\n\
         IHE_XDM/SUBSET01/METADATA.XML : metadonnees XDS\r\n",
    );
    for document in documents {
        text.push_str(&format!("{FOLDER}/{} : document CDA R2\r\n", document.name));
    }
    text
}
