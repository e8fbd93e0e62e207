use crate::lab::Observation;
use crate::{Code, Id};

/// A section of a document to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SectionDraft {
    /// The models that it follows.
    pub templates: Vec<Id>,
    /// What it is, LOINC most often.
    pub code: Code,
    /// Its title.
    pub title: String,
    /// What it says.
    pub blocks: Vec<Block>,
    /// Laboratory results: each is written twice, as an entry and as a line of a table after [`SectionDraft::blocks`].
    pub entries: Vec<LabEntry>,
    /// The sections in it.
    pub sections: Vec<SectionDraft>,
}

impl SectionDraft {
    /// A section of paragraphs.
    pub fn paragraphs(code: Code, title: &str, paragraphs: &[&str]) -> Self {
        let blocks = paragraphs.iter().map(|&text| Block::Paragraph(text.to_owned())).collect();
        Self { code, title: title.to_owned(), blocks, ..Self::default() }
    }
}

/// A piece of narrative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Paragraph(String),
    /// A list.
    List(Vec<String>),
    /// A table: its head, then its rows. A table without rows is left out, because the schema wants one.
    Table {
        /// The head.
        head: Vec<String>,
        /// The rows.
        rows: Vec<Vec<String>>,
    },
}

/// Laboratory results as entries hold them (CI-SIS *FR-Resultats-examens-de-biologie-medicale*, IHE XD-LAB).
///
/// Of an [`Observation`], [`Observation::sections`], `battery`, `isolate` and `is_antibiogram` are not written: they say
/// where it stands, which is said here by where it is put. Values are written as they are: a quantity that is no number
/// makes a document that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabEntry {
    /// A result that stands alone. Boxed, because it is much larger than the others.
    Result(Box<Observation>),
    /// Results that belong together.
    Battery {
        /// What they are called.
        name: String,
        /// Which battery, where there is a code for it.
        code: Option<Code>,
        /// The results.
        results: Vec<Observation>,
    },
    /// A germ that grew.
    Isolate {
        /// What it is, SNOMED CT.
        germ: Code,
        /// Its name.
        name: String,
        /// What was measured on it.
        results: Vec<Observation>,
        /// What it withstands.
        antibiogram: Vec<Observation>,
    },
}

impl From<Observation> for LabEntry {
    fn from(result: Observation) -> Self {
        Self::Result(Box::new(result))
    }
}
