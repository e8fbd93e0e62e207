use annuaire::synth::{People, Row};

/// How many populations there are.
const SEEDS: u64 = 1_000_000_000;

/// The first `count` mailboxes of the people that a seed invents: nobody real, the same for the same seed.
pub fn invented(seed: u64, count: u64) -> impl Iterator<Item = Entry> {
    // The seed is multiplied there: a run's has all its bits.
    People::new(seed % SEEDS).rows(count).map(Entry::from)
}

/// One mailbox of the directory with its holder and its place: what a line of the public extraction says of it (31 columns,
/// spec 03 §1.3). A text that is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// What kind of mailbox it is.
    pub kind: Kind,
    /// The MSSanté address: the only key of a mailbox.
    pub address: String,
    /// RPPS number of the holder, 11 digits; empty for a structure's mailbox.
    pub rpps: String,
    /// Civility of practice, such as `DR`.
    pub title: String,
    /// *Nom d'exercice*.
    pub family: String,
    /// *Prénom d'exercice*.
    pub given: String,
    /// Category of profession (TRE_R09): `C`, `M` or `E`.
    pub category: String,
    /// Code of the profession (TRE_G15 or TRE_R95).
    pub profession: String,
    /// Label of the profession.
    pub profession_label: String,
    /// Code of the savoir-faire, such as `SM04`.
    pub skill: String,
    /// Label of the savoir-faire.
    pub skill_label: String,
    /// National identifier of the structure with its leading type digit: 1 FINESS, 2 SIREN, 3 SIRET, 4 RPPS and rank.
    pub structure: String,
    /// *Raison sociale*.
    pub company: String,
    /// *Enseigne commerciale*.
    pub brand: String,
    /// *Service de rattachement*.
    pub service: String,
    /// Postal lines between the name and the postcode, in their order.
    pub lines: Vec<String>,
    /// Postcode.
    pub postcode: String,
    /// Town.
    pub city: String,
    /// *Dématérialisation*: the holder wants no paper.
    pub paperless: bool,
}

/// Kind of a mailbox (TRE_R257-TypeBAL).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A person's.
    #[default]
    Per,
    /// A structure's.
    Org,
    /// A program's: nobody reads it.
    App,
    /// A practice's, held by a person.
    Cab,
}

impl Kind {
    /// The code of TRE_R257.
    pub fn code(self) -> &'static str {
        match self {
            Self::Per => "PER",
            Self::Org => "ORG",
            Self::App => "APP",
            Self::Cab => "CAB",
        }
    }

    /// The kind of this code; `None` for any other text.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Per, Self::Org, Self::App, Self::Cab].into_iter().find(|kind| kind.code() == code)
    }
}

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        let street = [row.number.as_str(), row.street_type, row.street.as_str()];
        let street: Vec<&str> = street.into_iter().filter(|part| !part.is_empty()).collect();
        Self {
            kind: Kind::from_code(row.kind).unwrap_or_default(),
            address: row.address,
            rpps: row.rpps,
            title: row.civility.to_owned(),
            family: row.family,
            given: row.given,
            category: row.category.to_owned(),
            profession: row.profession.to_owned(),
            profession_label: row.profession_label.to_owned(),
            skill: row.skill.to_owned(),
            skill_label: row.skill_label.to_owned(),
            structure: row.structure,
            company: row.organization,
            brand: row.brand,
            service: row.service,
            lines: if street.is_empty() { Vec::new() } else { vec![street.join(" ")] },
            postcode: row.postcode,
            city: row.city,
            paperless: row.paperless,
        }
    }
}
