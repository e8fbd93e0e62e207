use std::fmt;

use serde::{Deserialize, Serialize};

/// The traits of an identity, as the civil register writes them; each may be absent from what was read.
///
/// The *strict* ones are all but the names in use. `Debug` says which are present, never what they are.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Traits {
    /// Birth name (*nom de naissance*).
    pub birth_name: Option<String>,
    /// First of the birth given names (*premier prénom*); a compound one keeps its hyphen.
    pub first_given: Option<String>,
    /// All birth given names, separated by spaces (*liste des prénoms*).
    pub given_names: Option<String>,
    /// Birth date.
    pub birth_date: Option<BirthDate>,
    /// Sex.
    pub sex: Option<Sex>,
    /// COG code of the place of birth, 5 characters; 99xxx abroad.
    pub birth_place: Option<String>,
    /// The name in use (*nom utilisé*), where it was given. Not a strict trait.
    pub used_name: Option<String>,
    /// The given name in use (*prénom utilisé*), where it was given. Not a strict trait.
    pub used_given: Option<String>,
}

impl Traits {
    /// The strict traits. The first given name is the first of `given_names`, which are separated by spaces.
    pub fn strict(
        birth_name: &str,
        given_names: &str,
        birth_date: BirthDate,
        sex: Sex,
        birth_place: &str,
    ) -> Self {
        Self {
            birth_name: Some(birth_name.to_owned()),
            first_given: given_names.split_whitespace().next().map(str::to_owned),
            given_names: Some(given_names.to_owned()),
            birth_date: Some(birth_date),
            sex: Some(sex),
            birth_place: Some(birth_place.to_owned()),
            used_name: None,
            used_given: None,
        }
    }
}

impl fmt::Debug for Traits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present = [
            ("birth_name", self.birth_name.is_some()),
            ("first_given", self.first_given.is_some()),
            ("given_names", self.given_names.is_some()),
            ("birth_date", self.birth_date.is_some()),
            ("sex", self.sex.is_some()),
            ("birth_place", self.birth_place.is_some()),
            ("used_name", self.used_name.is_some()),
            ("used_given", self.used_given.is_some()),
        ];
        f.write_str("Traits")?;
        f.debug_list().entries(present.iter().filter(|(_, is)| *is).map(|(name, _)| name)).finish()
    }
}

/// A birth date as documents carry it: a year, a month of it, or a day (HL7 v3 TS: `AAAA`, `AAAAMM`, `AAAAMMJJ`).
///
/// Months and days are not checked against the calendar: registers hold dates such as the 31st of an unknown month.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BirthDate {
    year: u16,
    month: Option<u8>,
    day: Option<u8>,
}

impl BirthDate {
    /// Reads an HL7 timestamp; an hour after the day is left out. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let rest = &text[digits..];
        let zoned = digits >= 8 && rest.starts_with(['+', '-', '.', 'Z']);
        if !rest.is_empty() && !zoned {
            return None;
        }
        let part = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse().ok());
        match digits {
            4 => Some(Self { year: part(0, 4)?, month: None, day: None }),
            6 => Some(Self { year: part(0, 4)?, month: part(4, 6).map(narrow), day: None }),
            8.. => {
                Some(Self { year: part(0, 4)?, month: part(4, 6).map(narrow), day: part(6, 8).map(narrow) })
            }
            _ => None,
        }
    }

    /// As HL7 writes it: `19790328`, or shorter where month or day are not known.
    pub fn hl7(self) -> String {
        let two = |part: Option<u8>| part.map_or_else(String::new, |part| format!("{part:02}"));
        format!("{:04}{}{}", self.year, two(self.month), two(self.day))
    }

    /// As the French write it: `28/03/1979`. `None` where month or day are not known (ECO.2.1.3 wants all three).
    pub fn french(self) -> Option<String> {
        Some(format!("{:02}/{:02}/{:04}", self.day?, self.month?, self.year))
    }
}

impl fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BirthDate(…)")
    }
}

impl TryFrom<String> for BirthDate {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a birth date is AAAA, AAAAMM or AAAAMMJJ")
    }
}

impl From<BirthDate> for String {
    fn from(date: BirthDate) -> Self {
        date.hl7()
    }
}

/// Two digits fit one octet.
fn narrow(part: u16) -> u8 {
    u8::try_from(part).unwrap_or(u8::MAX)
}

/// Sex, as the civil register has it (HL7 AdministrativeGender).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sex {
    /// Code `F`.
    #[serde(rename = "F")]
    Female,
    /// Code `M`.
    #[serde(rename = "M")]
    Male,
    /// Code `U`, in HL7 `UN`: not determined.
    #[serde(rename = "U")]
    Undetermined,
}

impl Sex {
    /// Reads `F`, `M`, `U` or `UN`.
    pub fn from_code(code: &str) -> Option<Self> {
        match code.trim() {
            "F" => Some(Self::Female),
            "M" => Some(Self::Male),
            "U" | "UN" => Some(Self::Undetermined),
            _ => None,
        }
    }

    /// `F`, `M` or `U`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Female => "F",
            Self::Male => "M",
            Self::Undetermined => "U",
        }
    }

    /// In French, as documents label it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Female => "Féminin",
            Self::Male => "Masculin",
            Self::Undetermined => "Indéterminé",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_in_every_length_and_come_back() {
        for (text, hl7, french) in [
            ("19790328", "19790328", Some("28/03/1979")),
            ("197903281030+0100", "19790328", Some("28/03/1979")),
            ("19790328+0100", "19790328", Some("28/03/1979")),
            ("197903", "197903", None),
            (" 1979 ", "1979", None),
        ] {
            let date = BirthDate::parse(text).unwrap();
            assert_eq!((date.hl7().as_str(), date.french().as_deref()), (hl7, french), "{text}");
        }
        for bad in ["", "79", "1979-03-28", "28/03/1979", "19790", "unknown", "１979"] {
            assert_eq!(BirthDate::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn debug_names_what_is_there_and_shows_none_of_it() {
        let traits = Traits {
            birth_name: Some("PAT-TROIS".into()),
            birth_date: BirthDate::parse("19790328"),
            ..Traits::default()
        };
        assert_eq!(format!("{traits:?}"), r#"Traits["birth_name", "birth_date"]"#);
    }

    proptest! {
        #[test]
        fn reading_a_date_never_panics(text in "\\PC{0,20}") {
            if let Some(date) = BirthDate::parse(&text) {
                prop_assert_eq!(BirthDate::parse(&date.hl7()), Some(date));
            }
        }
    }
}
