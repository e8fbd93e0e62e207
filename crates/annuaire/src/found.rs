//! The question and the answer, as `vaguemestre/annuaire/1` has them.

use serde::{Deserialize, Serialize};

use crate::model::Card;
use crate::refresh::Outage;

/// Name of the answer's form.
pub const SCHEMA: &str = "vaguemestre/annuaire/1";

/// A question: free text, fields, or both; everything that is given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Query {
    /// The one box: names, specialty, street, city, postcode, address, identifier, in any order.
    pub text: String,
    /// The fields of SC.MSS/UX.41.
    #[serde(flatten)]
    pub criteria: Criteria,
    /// Only cards with a box of one of these types (`PER`, `ORG`, `CAB`, `APP`); empty for all.
    pub types: Vec<String>,
    /// The department of the person who asks: cards of the same one come first among equals.
    pub near: Option<String>,
    /// Identifiers of cards to put first among equals: recent correspondents, care circle (LABEL.06).
    pub prefer: Vec<String>,
    /// Whether to count professions, specialties, departments, cities and types over the hits.
    pub facets: bool,
}

/// The criteria that SC.MSS/UX.41 names, each freely combined with the others and with the free text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Criteria {
    /// National identifier: RPPS, ADELI, IDNPS, FINESS or SIRET; its beginning is enough from six characters.
    pub identifier: Option<String>,
    /// Surname of practice.
    pub family: Option<String>,
    /// First name of practice.
    pub given: Option<String>,
    /// Profession: label, code or usual word.
    pub profession: Option<String>,
    /// Specialty or savoir-faire: label, code or usual word.
    pub specialty: Option<String>,
    /// Postal address: street, postcode and city in one.
    pub address: Option<String>,
    /// Name of the structure, its brand or its service.
    pub organization: Option<String>,
    /// Street.
    pub street: Option<String>,
    /// Postcode, or the beginning of one.
    pub postcode: Option<String>,
    /// City.
    pub city: Option<String>,
    /// MSSanté address, or a part of it.
    pub email: Option<String>,
    /// Department: `03`, `2A`, `971`, or its name.
    pub department: Option<String>,
}

impl Query {
    /// A question in the one box.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// `vaguemestre/annuaire/1`.
    pub schema: &'static str,
    /// Date of the extraction (RFC 3339), or null where it could not be told.
    pub source_date: Option<String>,
    /// Whether the extraction is older than [`crate::State::STALE_AFTER_DAYS`].
    pub stale: bool,
    /// How many cards match.
    pub total: u64,
    /// How long the search took, in microseconds.
    pub took_us: u64,
    /// The best, in order.
    pub hits: Vec<Hit>,
    /// Which criterion was given up because nothing matched all of them; the hits are those without it.
    pub relaxed: Option<Relaxed>,
    /// What was probably meant, where a word matches nothing as it is typed.
    pub did_you_mean: Option<String>,
    /// Counts over the hits, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facets: Option<Facets>,
    /// Why the base could not be brought up to date, where it could not: what is shown is that of the source date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
}

/// One card of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// From 1.
    pub rank: usize,
    /// The card.
    pub card: Card,
    /// Why it is there: one for each criterion that it meets.
    pub reasons: Vec<Reason>,
}

/// Why a card is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The field that matched.
    pub field: FieldName,
    /// The words of the question, folded.
    pub query: String,
    /// The value of the card.
    pub value: String,
    /// How they match.
    pub how: How,
}

/// A field of a card, by its French name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldName {
    /// Surname.
    Nom,
    /// First name.
    Prenom,
    /// Profession.
    Profession,
    /// Savoir-faire.
    Specialite,
    /// Name of a structure, its brand or a service.
    RaisonSociale,
    /// Street.
    Rue,
    /// Postcode.
    CodePostal,
    /// City.
    Ville,
    /// Department.
    Departement,
    /// MSSanté address.
    Adresse,
    /// RPPS, FINESS, SIRET…
    Identifiant,
    /// Type of box.
    Type,
    /// Free text, which no single field stands for.
    Texte,
}

/// How the words of a question match a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// By sound only.
    Phonetic,
    /// With one or two typing errors.
    Typo,
    /// By their beginning.
    Prefix,
    /// By an abbreviation or a usual word.
    Synonym,
    /// As they are, but for case, accents and punctuation.
    Exact,
}

/// What was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Relaxed {
    /// The field of the criterion that was given up.
    pub field: FieldName,
    /// Its words, folded.
    pub query: String,
    /// How many cards match without it.
    pub total: u64,
    /// The other criteria that could be given up instead, with their counts.
    pub others: Vec<RelaxedField>,
    /// What was given up besides, where giving up one criterion was not enough; the count is that of the hits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<RelaxedField>,
}

/// A criterion that could be given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RelaxedField {
    /// Its field.
    pub field: FieldName,
    /// Its words, folded.
    pub query: String,
    /// How many cards match without it.
    pub total: u64,
}

/// Counts over the hits, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facets {
    /// By profession.
    pub profession: Vec<Facet>,
    /// By savoir-faire.
    pub specialty: Vec<Facet>,
    /// By department.
    pub department: Vec<Facet>,
    /// By city.
    pub city: Vec<Facet>,
    /// By type of box.
    pub types: Vec<Facet>,
    /// Whether there were too many hits to count all of them: the counts are over the first ones.
    pub partial: bool,
}

/// A value and how many hits have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facet {
    /// What to give as the criterion.
    pub value: String,
    /// As shown.
    pub label: String,
    /// How many cards.
    pub count: u64,
}
