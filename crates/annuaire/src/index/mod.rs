//! The base on disk: an index of words for finding, the extractions' lines for showing.
//!
//! Each kind of word has a field of its own (surname, city, code…), because a question says which one it means or leaves
//! it open; fields keep which cards have a word and nothing else, because the ranking looks at the cards themselves. The
//! beginnings of one to three letters are indexed as words: they are typed at every search and would else mean reading
//! thousands of dictionary entries.

mod card;
mod read;
mod record;
mod set;
mod spelling;
pub(crate) mod terms;
pub(crate) mod write;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tantivy::schema::{
    FAST, Field, IndexRecordOption, STORED, Schema, SchemaBuilder, TextFieldIndexing, TextOptions,
};

pub(crate) use card::{card_of, sheet_of};
pub(crate) use read::Base;
pub(crate) use record::records;
pub(crate) use set::{Gather, Set};
pub(crate) use spelling::Slip;

use crate::error::Error;
use crate::import::Report;
use crate::model::Coded;

/// Version of everything in a base's directory; a base of another version is built again, never read.
pub(crate) const FORMAT: u32 = 2;

/// The fields of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    /// Words of surnames, and the surname in one word.
    Family,
    /// Words of first names, and the first name in one word.
    Given,
    /// Words of structures, brands and services.
    Organization,
    /// Words of streets, their type in full, the number.
    Street,
    /// Words of cities.
    City,
    /// Postcodes, `d` and the department.
    Postcode,
    /// `p` and the profession's code, `s` and the savoir-faire's.
    Code,
    /// Addresses whole, words of their domains and local parts.
    Mail,
    /// RPPS, FINESS, SIRET…
    Identifier,
    /// Phonetic keys of surnames.
    Sound,
    /// `person`, `structure`, types of boxes, `paperless`.
    Kind,
    /// First one, two and three letters of the words of names, structures and cities.
    Start,
}

impl Column {
    const ALL: [Self; 12] = [
        Self::Family,
        Self::Given,
        Self::Organization,
        Self::Street,
        Self::City,
        Self::Postcode,
        Self::Code,
        Self::Mail,
        Self::Identifier,
        Self::Sound,
        Self::Kind,
        Self::Start,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Family => "family",
            Self::Given => "given",
            Self::Organization => "organization",
            Self::Street => "street",
            Self::City => "city",
            Self::Postcode => "postcode",
            Self::Code => "code",
            Self::Mail => "mail",
            Self::Identifier => "identifier",
            Self::Sound => "sound",
            Self::Kind => "kind",
            Self::Start => "start",
        }
    }
}

/// What is counted over hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Profession,
    Skill,
    Department,
    City,
    Types,
}

impl Counted {
    pub(crate) const ALL: [Self; 5] =
        [Self::Profession, Self::Skill, Self::Department, Self::City, Self::Types];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Profession => "x_profession",
            Self::Skill => "x_skill",
            Self::Department => "x_department",
            Self::City => "x_city",
            Self::Types => "x_types",
        }
    }
}

/// The index's fields by their use.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    pub(crate) schema: Schema,
    words: [Field; 12],
    pub(crate) counted: [Field; 5],
    pub(crate) card: Field,
}

impl Fields {
    pub(crate) fn new() -> Self {
        let mut builder = SchemaBuilder::new();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer("spaces")
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::Basic);
        let options = TextOptions::default().set_indexing_options(indexing);
        let words = Column::ALL.map(|column| builder.add_text_field(column.name(), options.clone()));
        let counted = Counted::ALL.map(|counted| builder.add_u64_field(counted.name(), FAST));
        let card = builder.add_bytes_field("card", STORED);
        Self { schema: builder.build(), words, counted, card }
    }

    pub(crate) fn word(&self, column: Column) -> Field {
        self.words[column as usize]
    }
}

/// What is known of a base beside its index.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) format: u32,
    pub(crate) report: Report,
    pub(crate) tables: Tables,
}

/// What numbers stand for in the counted columns; number 0 is nothing, number 1 the first of the table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tables {
    pub(crate) professions: Vec<Pair>,
    pub(crate) skills: Vec<Pair>,
    pub(crate) cities: Vec<String>,
    pub(crate) departments: Vec<String>,
}

/// A code with its label, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pair(pub(crate) String, pub(crate) String);

impl From<&Coded> for Pair {
    fn from(coded: &Coded) -> Self {
        Self(coded.code.clone(), coded.label.clone())
    }
}

impl Meta {
    pub(crate) fn new(report: &Report, tables: Tables) -> Self {
        Self { format: FORMAT, report: report.clone(), tables }
    }

    pub(crate) fn write(&self, dir: &Path) -> Result<(), Error> {
        let path = dir.join("meta.json");
        let failed = || Error::io(format!("writing {}", path.display()));
        let text = serde_json::to_vec(self).map_err(std::io::Error::other).map_err(failed())?;
        File::create(&path).and_then(|mut file| file.write_all(&text)).map_err(failed())
    }

    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        let damaged = |what: String| Error::Damaged { dir: dir.to_owned(), what };
        let text = fs::read(dir.join("meta.json")).map_err(|error| damaged(format!("meta.json: {error}")))?;
        let value: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| damaged(format!("meta.json: {error}")))?;
        let found = value["format"].as_u64().and_then(|format| u32::try_from(format).ok()).unwrap_or(0);
        if found != FORMAT {
            return Err(Error::OtherVersion { dir: dir.to_owned(), found, expected: FORMAT });
        }
        serde_json::from_value(value).map_err(|error| damaged(format!("meta.json: {error}")))
    }
}
