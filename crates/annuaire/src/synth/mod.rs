//! People who do not exist: a synthetic extraction of any size, the same for the same seed.
//!
//! Shaped like the real one (types, professions, domains, cities, dirt: spec of the directory, §6) and made of nobody:
//! surnames are built from syllables, RPPS numbers begin with 999, domains end with `.mssante.test`, SIREN numbers begin
//! with 000000. No list of names was taken from the real extraction.

mod names;
mod people;
mod places;
mod trades;
mod write;

pub use people::{People, Rows};
pub use places::{City, cities};
pub use write::{Figures, write_extraction};

use serde::Serialize;

/// One line of the synthetic extraction, typed: what the real one says of a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `PER`, `ORG`, `CAB` or `APP`.
    pub kind: &'static str,
    /// The MSSanté address.
    pub address: String,
    /// RPPS number (11 digits, from 999); empty for a structure's box.
    pub rpps: String,
    /// National identifier of the structure: type digit and number (`1` FINESS, `3` SIRET, `4` RPPS and rank), or empty.
    pub structure: String,
    /// Service of the structure, mostly for `ORG`.
    pub service: String,
    /// Civility of practice: `DR`, `PR`, `M`, `MME`.
    pub civility: &'static str,
    /// Surname of practice, in capitals.
    pub family: String,
    /// First name of practice.
    pub given: String,
    /// `C`, `M` or `E` (TRE_R09); empty for a structure's box.
    pub category: &'static str,
    /// Code of the profession.
    pub profession: &'static str,
    /// Label of the profession.
    pub profession_label: &'static str,
    /// Code of the savoir-faire, or empty.
    pub skill: &'static str,
    /// Label of the savoir-faire, or empty.
    pub skill_label: &'static str,
    /// Whether the box asks for paperless mail.
    pub paperless: bool,
    /// Name of the structure.
    pub organization: String,
    /// Brand of the structure, or empty.
    pub brand: String,
    /// Number in the street, or empty.
    pub number: String,
    /// Type of street, in its short form (`PL`, `AV`…), or empty.
    pub street_type: &'static str,
    /// Name of the street, in capitals without accents, or empty.
    pub street: String,
    /// City's line: postcode and city, CEDEX where there is one.
    pub city_line: String,
    /// Five digits, or empty.
    pub postcode: String,
    /// City alone, as the State writes it.
    pub city: String,
    /// Name of the department, or empty.
    pub department: &'static str,
}

impl Row {
    /// National identifier of the person: `8` and the RPPS number; empty for a structure's box.
    pub fn national_id(&self) -> String {
        if self.rpps.is_empty() { String::new() } else { format!("8{}", self.rpps) }
    }

    /// The type digit of the structure's identifier; empty where there is none.
    pub fn structure_type(&self) -> &str {
        self.structure.get(..1).unwrap_or_default()
    }

    /// The line of the extraction: 31 columns separated by `|`, without line end.
    pub fn line(&self) -> String {
        let national = self.national_id();
        let (id_type, category_label) = match (self.rpps.is_empty(), self.category) {
            (true, _) => ("", ""),
            (_, "M") => ("8", "Militaire"),
            (_, "E") => ("8", "Etudiant"),
            _ => ("8", "Civil"),
        };
        let country = if self.city_line.is_empty() { "" } else { "FRANCE" };
        [
            self.kind,
            &self.address,
            id_type,
            &self.rpps,
            &national,
            self.structure_type(),
            &self.structure,
            &self.service,
            self.civility,
            &self.family,
            &self.given,
            self.category,
            category_label,
            self.profession,
            self.profession_label,
            self.skill,
            self.skill_label,
            if self.paperless { "O" } else { "N" },
            &self.organization,
            &self.brand,
            "",
            "",
            &self.number,
            "",
            self.street_type,
            &self.street,
            "",
            &self.city_line,
            &self.postcode,
            self.department,
            country,
        ]
        .join("|")
    }
}
