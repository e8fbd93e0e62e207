//! What documents make of a mail: its subject, its indicators, its attachments.

use std::collections::HashSet;

use cda::Time;
use ins::unaccented;
use pdfa::Origin;
use xdm::{Submission, SubmissionDocument};

use crate::compose::is_header_value;
use crate::{ComposeError, Draft, Note, X_MSS_CODECDA, XDM_MARKER};

/// Characters of a document's label in subjects and file names (ECO.2.1.3, ECO.2.1.6).
const LABEL_LENGTH: usize = 40;

/// The mention of AMBU.MSS/va1.02; after the mark, which comes first (ECO.2.1.3, spec 01 §8, point 9).
pub(crate) const REPLACES: &str = "[Annule et remplace]";

/// The documents of a draft, ready to go.
pub(crate) struct Bundle {
    pub(crate) subject: String,
    /// X-MSS-CODECDA: one code for each document, repeated where types are, in the order of the archive (ECO.2.4.1).
    pub(crate) codes: String,
    /// X-MSS-INS (ECO.2.4.2).
    pub(crate) ins: &'static str,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) notes: Vec<Note>,
}

/// A file of the mail.
pub(crate) struct Attachment {
    pub(crate) name: String,
    pub(crate) mime: &'static str,
    pub(crate) bytes: Vec<u8>,
}

impl Bundle {
    pub(crate) fn new(draft: &Draft) -> Result<Self, ComposeError> {
        let read = read(draft)?;
        let documents = draft
            .documents
            .iter()
            .map(|document| SubmissionDocument { bytes: document.content.clone(), action: document.action });
        let submission = Submission { documents: documents.collect(), time: draft.date, author: None };
        let archive = submission.write().map_err(ComposeError::Archive)?;
        let (pdfs, mut notes) = pdfs(draft, &read);
        let name = Name::of(&read[0]);
        if name.family.is_empty() || name.given.is_empty() {
            notes.push(Note::Unnamed);
        }
        let zip = Attachment { name: xdm::FILE_NAME.to_owned(), mime: "application/zip", bytes: archive };
        let qualified = read.iter().any(|document| document.patient.qualified().is_ok());
        Ok(Self {
            subject: subject(&read, &name, draft.replaces),
            codes: codes(&read)?,
            ins: if qualified { "O" } else { "N" },
            attachments: std::iter::once(zip).chain(pdfs).collect(),
            notes,
        })
    }
}

/// Every document, once they are known to be of one patient.
fn read(draft: &Draft) -> Result<Vec<cda::Document>, ComposeError> {
    let mut all: Vec<cda::Document> = Vec::with_capacity(draft.documents.len());
    for (index, document) in draft.documents.iter().enumerate() {
        let position = index + 1;
        let document =
            cda::read(&document.content).map_err(|error| ComposeError::Document { position, error })?;
        if let Some(first) = all.first()
            && !document.patient.is_same_patient(&first.patient)
        {
            return Err(ComposeError::TwoPatients { position });
        }
        all.push(document);
    }
    Ok(all)
}

fn codes(documents: &[cda::Document]) -> Result<String, ComposeError> {
    let mut codes = Vec::with_capacity(documents.len());
    for document in documents {
        let code = document.code.as_ref().map_or("", |code| code.code.as_str());
        if code.is_empty() || code.contains(',') || !is_header_value(code) {
            return Err(ComposeError::HeaderValue { header: X_MSS_CODECDA });
        }
        codes.push(code);
    }
    Ok(codes.join(","))
}

/// `XDM/1.0/DDM+<label> <NAME> <given name> <birth date>` (ECO.2.1.3). What the document does not say is left out.
fn subject(documents: &[cda::Document], name: &Name, replaces: bool) -> String {
    let label = match documents {
        [one] => type_label(one),
        many => format!("{} documents", many.len()),
    };
    let mention = if replaces { REPLACES } else { "" };
    let words = [mention, label.as_str(), &name.family, &name.given, &name.born];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    format!("{XDM_MARKER}+{}", words.join(" "))
}

/// A PDF for each document (ECO.2.1.5), named `<date>_<label>_<NAME>_<given name>.pdf` (ECO.2.1.6); two of one name get a
/// number.
fn pdfs(draft: &Draft, documents: &[cda::Document]) -> (Vec<Attachment>, Vec<Note>) {
    let (mut files, mut notes, mut used) = (Vec::new(), Vec::new(), HashSet::new());
    for (index, document) in documents.iter().enumerate() {
        let position = index + 1;
        let pdf = match pdfa::render(document, &draft.documents[index].content) {
            Ok(pdf) => pdf,
            Err(error) => {
                notes.push(Note::WithoutPdf { position, why: error.to_string() });
                continue;
            }
        };
        match pdf.origin {
            Origin::Embedded => notes.push(Note::CarriedPdf { position }),
            Origin::Rendered if pdf.replaced > 0 => {
                notes.push(Note::Characters { position, count: pdf.replaced });
            }
            Origin::Rendered => {}
        }
        let name = Name::of(document);
        let written = Time::from_timestamp(draft.date);
        let day = document
            .service_start()
            .and_then(Time::day)
            .or_else(|| document.effective_time.as_ref().and_then(Time::day))
            .or_else(|| written.day())
            .unwrap_or_default();
        let words = [day, &type_label(document), &name.family, &name.given];
        let stem: Vec<String> = words.into_iter().map(file_part).filter(|word| !word.is_empty()).collect();
        let stem = stem.join("_");
        let mut file = format!("{stem}.pdf");
        let mut number = 1;
        while !used.insert(file.to_lowercase()) {
            number += 1;
            file = format!("{stem}_{number}.pdf");
        }
        files.push(Attachment { name: file, mime: "application/pdf", bytes: pdf.bytes });
    }
    (files, notes)
}

/// The patient's name as subjects write it.
struct Name {
    family: String,
    given: String,
    born: String,
}

impl Name {
    fn of(document: &cda::Document) -> Self {
        let traits = &document.patient.traits;
        let plain = |text: &Option<String>| one_line(&unaccented(text.as_deref().unwrap_or_default()));
        Self {
            family: plain(&traits.birth_name).to_uppercase(),
            given: plain(&traits.first_given),
            born: traits.birth_date.and_then(ins::BirthDate::french).unwrap_or_default(),
        }
    }
}

/// What subjects and file names call a document (ECO.2.1.3, ECO.2.1.6): the label of its type, else its title, else the
/// code; accents stay, forty characters at most.
pub fn type_label(document: &cda::Document) -> String {
    let code = document.code.as_ref();
    let candidates = [
        code.map_or("", |code| code.display_name.as_str()),
        document.title.as_str(),
        code.map_or("", |code| code.code.as_str()),
    ];
    let found = candidates.into_iter().find(|text| !text.trim().is_empty()).unwrap_or_default();
    one_line(found).chars().take(LABEL_LENGTH).collect::<String>().trim_end().to_owned()
}

/// The text on one line: control characters are blanks, and blanks in a row are one.
pub fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What no file system takes becomes a hyphen.
fn file_part(text: &str) -> String {
    text.chars().map(|c| if "/\\:*?\"<>|_".contains(c) { '-' } else { c }).collect()
}
