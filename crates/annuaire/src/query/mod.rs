//! A question becomes criteria, each with every reading that is plausible.
//!
//! "Lourdes" is a first name, a surname and a city: all readings are kept, and the ranking weighs them. A criterion is met
//! by any of its readings; a card must meet every criterion.

mod parse;
pub(crate) mod places;
mod synonyms;
mod tables;
mod tests_of;

pub(crate) use parse::{is_street_type, plan};
pub(crate) use synonyms::nearest as nearest_usual_word;
pub(crate) use tables::Labels;
pub(crate) use tests_of::slips;

use crate::found::{FieldName, How};
use crate::index::{Column, Slip};

/// What a question asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Every one must be met.
    pub(crate) criteria: Vec<Criterion>,
    /// Types of boxes, of which the card must have one; empty for all.
    pub(crate) types: Vec<String>,
    /// Words like `clinique` were typed: structures come first.
    pub(crate) facility: bool,
}

/// A part of the question, and how it may be met.
#[derive(Clone, Debug)]
pub(crate) struct Criterion {
    /// Its words, folded.
    pub(crate) words: String,
    /// The field that it is most probably about.
    pub(crate) field: FieldName,
    /// Readings without an error.
    pub(crate) readings: Vec<Reading>,
    /// The words to look for with errors, and where; empty where none is forgiven.
    pub(crate) fuzzy: Vec<Fuzzy>,
}

/// One way to meet a criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) field: FieldName,
    pub(crate) how: How,
    pub(crate) weight: u8,
    pub(crate) test: Test,
}

/// What a card must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    /// This word.
    Word(Column, String),
    /// A word with this beginning.
    Prefix(Column, String),
    /// A word of which this one may be a misspelling.
    Near { column: Column, word: String, slip: Slip },
    /// Any of these.
    Any(Vec<Test>),
    /// All of these.
    All(Vec<Test>),
}

/// A word to look for with errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fuzzy {
    pub(crate) word: String,
    pub(crate) columns: Vec<Column>,
    /// Whether usual words and labels of professions and specialties are meant too.
    pub(crate) trades: bool,
    /// Whether the word may still be being typed.
    pub(crate) open: bool,
}

/// The field that a column's words are of.
pub(crate) fn field_of(column: Column) -> FieldName {
    match column {
        Column::Family | Column::Sound => FieldName::Nom,
        Column::Given => FieldName::Prenom,
        Column::Organization => FieldName::RaisonSociale,
        Column::Street => FieldName::Rue,
        Column::City => FieldName::Ville,
        Column::Postcode => FieldName::CodePostal,
        Column::Code => FieldName::Specialite,
        Column::Mail => FieldName::Adresse,
        Column::Identifier => FieldName::Identifiant,
        Column::Kind => FieldName::Type,
        Column::Start => FieldName::Texte,
    }
}

/// What an exact word weighs in each column; a beginning weighs six tenths, an error less.
pub(crate) fn weight_of(column: Column) -> u8 {
    match column {
        Column::Identifier => 200,
        Column::Family => 100,
        Column::Postcode => 95,
        Column::City => 90,
        Column::Code => 85,
        Column::Given => 80,
        Column::Organization => 75,
        Column::Street => 65,
        Column::Mail => 40,
        Column::Kind | Column::Start => 30,
        Column::Sound => 20,
    }
}
