//! What a search finds: one card for a person or a structure, with all its places and addresses.
//!
//! The extraction has one line for each mailbox and each attachment, so that one person appears many times; a card joins
//! them, because a doctor looks for somebody, not for a line.

use serde::{Serialize, Serializer};

use crate::refresh::Outage;

/// What a card stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A health professional (boxes PER and CAB).
    Person,
    /// A structure: hospital, laboratory, practice… (boxes ORG and APP).
    Structure,
}

/// Type of a mailbox (TRE_R257-TypeBAL).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BoxType {
    /// Personal box of one professional.
    Per,
    /// Box of a structure or one of its services, read by people.
    Org,
    /// Box shared by a practice.
    Cab,
    /// Box of a machine: nobody reads it.
    App,
    /// A type that this program does not know, as it was written.
    Other(String),
}

impl BoxType {
    /// Reads the code of the extraction; an unknown one is kept as it is.
    pub fn parse(code: &str) -> Self {
        match code.trim().to_ascii_uppercase().as_str() {
            "PER" => Self::Per,
            "ORG" => Self::Org,
            "CAB" => Self::Cab,
            "APP" => Self::App,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The code.
    pub fn code(&self) -> &str {
        match self {
            Self::Per => "PER",
            Self::Org => "ORG",
            Self::Cab => "CAB",
            Self::App => "APP",
            Self::Other(other) => other,
        }
    }
}

impl Serialize for BoxType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// A person or a structure. Serialised as the `card` of `vaguemestre/annuaire/1`; fields that the contract does not name
/// are for the pages of this program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Card {
    /// Stable name of the card: `p-` and the national identifier, `s-` and the structure's, or `b-` and the address.
    pub id: String,
    /// Person or structure.
    pub kind: Kind,
    /// As shown: civility, first name and surname, or the structure's name.
    pub name: String,
    /// RPPS number, 11 digits.
    pub rpps: Option<String>,
    /// FINESS number of the structure, 9 characters.
    pub finess: Option<String>,
    /// Label of the profession (TRE_G15, TRE_R95).
    pub profession: Option<String>,
    /// Labels of the savoir-faire, separated by commas.
    pub specialty: Option<String>,
    /// Where they work, each place once.
    pub places: Vec<Place>,
    /// MSSanté addresses, each once, those that people read first.
    pub addresses: Vec<Address>,
    /// Civility of practice (DR, PR…).
    #[serde(skip)]
    pub civility: String,
    /// Surname of practice; empty for a structure.
    #[serde(skip)]
    pub family: String,
    /// First name of practice; empty for a structure.
    #[serde(skip)]
    pub given: String,
    /// The profession's code and label.
    #[serde(skip)]
    pub trade: Option<Coded>,
    /// Every savoir-faire with its code.
    #[serde(skip)]
    pub skills: Vec<Coded>,
    /// Every identifier: national, FINESS, SIRET, SIREN…
    #[serde(skip)]
    pub identifiers: Vec<String>,
    /// Whether one of the boxes asks for paperless mail (`Dématérialisation`).
    #[serde(skip)]
    pub paperless: bool,
}

/// A code with its label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Coded {
    /// Such as `SM04`.
    pub code: String,
    /// Such as `Cardiologie et Maladies vasculaires`.
    pub label: String,
}

/// A place of practice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Number, type of street in full and name, such as `12 place de l'église`; empty where unknown.
    pub street: String,
    /// Five digits, or empty.
    pub postcode: String,
    /// City without postcode and CEDEX.
    pub city: String,
    /// Name of the structure there.
    #[serde(skip)]
    pub structure: String,
}

/// An MSSanté address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Address {
    /// The address, in lower case.
    pub address: String,
    /// What kind of box it is.
    #[serde(rename = "type")]
    pub kind: BoxType,
    /// The structure or the service that it belongs to; empty where unknown.
    pub structure: String,
    /// Whether the box asks for paperless mail.
    #[serde(skip)]
    pub paperless: bool,
}

/// Everything that the extractions say of one card, for its page: SC.MSS/UX.41 asks for all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sheet {
    /// The card.
    pub card: Card,
    /// Date of the extraction (RFC 3339), or null.
    pub source_date: Option<String>,
    /// One section for each line of the extractions.
    pub sections: Vec<Section>,
    /// Why the base could not be brought up to date, where it could not: the card is that of the source date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
}

/// One line of an extraction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Which extraction, in French: its name as the State publishes it.
    pub title: &'static str,
    /// The fields that are not empty, in the order of the extraction.
    pub fields: Vec<SheetField>,
}

/// A field of an extraction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SheetField {
    /// The column's French name.
    pub label: &'static str,
    /// Its value, cleaned of stray spaces only.
    pub value: String,
}
