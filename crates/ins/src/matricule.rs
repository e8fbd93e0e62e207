use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{BirthDate, Sex};

/// A matricule INS: the 13 characters of an NIR or NIA and their key of two digits.
///
/// Upper case, without blanks. The shape is sure (15 characters, digits save a Corsican `2A` or `2B` at the place of the
/// département); the key is not: documents with a wrong one exist, and are to be warned about, not refused. See
/// [`Matricule::key_is_right`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Matricule(String);

impl Matricule {
    /// Reads 15 characters; blanks between them and lower case are accepted, as people type them.
    ///
    /// # Errors
    /// [`MatriculeError`], most often because the key was left out (13 characters).
    pub fn parse(text: &str) -> Result<Self, MatriculeError> {
        let text = compact(text);
        if text.chars().count() != 15 {
            return Err(MatriculeError::Length { found: text.chars().count(), expected: 15 });
        }
        body_number(&text)?;
        if !text.as_bytes()[13..].iter().all(u8::is_ascii_digit) {
            return Err(MatriculeError::Character);
        }
        Ok(Self(text))
    }

    /// Adds its key to the 13 characters of an NIR or NIA: the way to make a matricule for a test.
    ///
    /// # Errors
    /// [`MatriculeError`] where `body` is not of that shape.
    pub fn from_body(body: &str) -> Result<Self, MatriculeError> {
        let body = compact(body);
        if body.chars().count() != 13 {
            return Err(MatriculeError::Length { found: body.chars().count(), expected: 13 });
        }
        let key = key_of(body_number(&body)?);
        Ok(Self(format!("{body}{key:02}")))
    }

    /// The 15 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 13 characters before the key.
    pub fn body(&self) -> &str {
        &self.0[..13]
    }

    /// The key as written.
    pub fn key(&self) -> &str {
        &self.0[13..]
    }

    /// Whether the key is `97 − (N mod 97)`, where `N` is the body as a number, `2A` read as 19 and `2B` as 18.
    pub fn key_is_right(&self) -> bool {
        body_number(&self.0).is_ok_and(|number| format!("{:02}", key_of(number)) == self.key())
    }

    /// What the digits say of their bearer, to be confirmed before a patient is written to (spec 01 §5, §3.4.2.2 of the
    /// reference). The day of birth is not among it.
    pub fn deduced(&self) -> Deduced {
        let number = |from: usize| self.0[from..from + 2].parse().unwrap_or_default();
        let (sex, provisional) = match self.0.as_bytes()[0] {
            b'1' => (Some(Sex::Male), false),
            b'2' => (Some(Sex::Female), false),
            b'3' | b'7' => (Some(Sex::Male), true),
            b'4' | b'8' => (Some(Sex::Female), true),
            _ => (None, true),
        };
        Deduced { sex, provisional, year: number(1), month: Month::of(number(3)) }
    }
}

/// What a matricule says of its bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deduced {
    /// By the first digit; `None` for one that no number has.
    pub sex: Option<Sex>,
    /// The first digit is of a waiting number (NIA: 3, 4, 7, 8), or of none that is known.
    pub provisional: bool,
    /// The last two digits of the year of birth; the century is not said.
    pub year: u8,
    /// The month of birth.
    pub month: Month,
}

impl Deduced {
    /// Whether a birth date can be that of this bearer. Months that are not known say nothing against it.
    pub fn fits(&self, born: BirthDate) -> bool {
        let digits = born.hl7();
        let part = |from: usize| digits.get(from..from + 2).and_then(|part| part.parse::<u8>().ok());
        let month = match (self.month, part(4)) {
            (Month::Known(mine), Some(theirs)) => mine == theirs,
            _ => true,
        };
        part(2) == Some(self.year) && month
    }
}

/// The digits of the month in a matricule (spec 01 §5, 02 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Month {
    /// 01 to 12.
    Known(u8),
    /// 20 to 42 and 50 to 99: a month that the register did not know, or a number given when those of the month were
    /// used up. It says nothing.
    Unknown(u8),
    /// None of these: 00, 13 to 19, 43 to 49. No number of the register has one; to be warned about.
    Odd(u8),
}

impl Month {
    fn of(digits: u8) -> Self {
        match digits {
            1..=12 => Self::Known(digits),
            20..=42 | 50..=99 => Self::Unknown(digits),
            _ => Self::Odd(digits),
        }
    }
}

impl fmt::Display for Matricule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A matricule is a patient's data: `Debug`, which ends up in logs, shows no digit of it.
impl fmt::Debug for Matricule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Matricule(…)")
    }
}

impl FromStr for Matricule {
    type Err = MatriculeError;
    fn from_str(text: &str) -> Result<Self, MatriculeError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Matricule {
    type Error = MatriculeError;
    fn try_from(text: String) -> Result<Self, MatriculeError> {
        Self::parse(&text)
    }
}

impl From<Matricule> for String {
    fn from(matricule: Matricule) -> Self {
        matricule.0
    }
}

/// Why a text is no matricule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatriculeError {
    /// Too short or too long.
    #[error(
        "a matricule INS has 15 characters, 13 before its key: {expected} are expected here, there are {found}"
    )]
    Length {
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// Something else than digits, `2A` or `2B`.
    #[error("a matricule INS holds digits only, save 2A or 2B at the sixth and seventh places")]
    Character,
}

fn compact(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect()
}

/// The first 13 characters as a number; the text has at least as many.
fn body_number(text: &str) -> Result<u64, MatriculeError> {
    let body = text.get(..13).filter(|body| body.is_ascii()).ok_or(MatriculeError::Character)?;
    let digits = match &body[5..7] {
        "2A" => format!("{}19{}", &body[..5], &body[7..]),
        "2B" => format!("{}18{}", &body[..5], &body[7..]),
        _ => body.to_owned(),
    };
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        digits.parse().map_err(|_| MatriculeError::Character)
    } else {
        Err(MatriculeError::Character)
    }
}

fn key_of(number: u64) -> u64 {
    97 - number % 97
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_keys_of_the_published_test_patients_are_right() {
        for text in ["279035121518989", "277076322082910", "146026322000196"] {
            let matricule = Matricule::parse(text).unwrap();
            assert!(matricule.key_is_right(), "{text}");
            assert_eq!(Matricule::from_body(matricule.body()).unwrap(), matricule);
        }
        assert!(!Matricule::parse("221042545611404").unwrap().key_is_right());
    }

    #[test]
    fn corsica_counts_as_19_and_18() {
        assert_eq!(Matricule::from_body("255082a123456").unwrap().key(), "46");
        assert_eq!(Matricule::from_body("255082B123456").unwrap().key(), "73");
        assert!(Matricule::parse("2 55 08 2A 123 456 46").unwrap().key_is_right());
    }

    #[test]
    fn what_is_no_matricule_is_named() {
        let length = |found, expected| MatriculeError::Length { found, expected };
        assert_eq!(Matricule::parse("2790351215189"), Err(length(13, 15)));
        assert_eq!(Matricule::parse(""), Err(length(0, 15)));
        assert_eq!(Matricule::from_body("279035121518989"), Err(length(15, 13)));
        for bad in
            ["2790351215189AB", "A79035121518989", "27903É121518989", "279032C21518989", "２79035121518989"]
        {
            assert_eq!(Matricule::parse(bad), Err(MatriculeError::Character), "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_digit() {
        let shown = format!("{:?}", Matricule::parse("279035121518989").unwrap());
        assert!(!shown.bytes().any(|b| b.is_ascii_digit()), "{shown}");
    }

    #[test]
    fn sex_year_and_month_are_deduced_with_their_oddities() {
        let deduced = |body: &str| Matricule::from_body(body).unwrap().deduced();
        let patient = deduced("2790351215189");
        assert_eq!((patient.sex, patient.provisional, patient.year), (Some(Sex::Female), false, 79));
        assert_eq!(patient.month, Month::Known(3));
        for (born, fits) in [("19790328", true), ("1979", true), ("19790428", false), ("19800328", false)] {
            assert_eq!(patient.fits(BirthDate::parse(born).unwrap()), fits, "{born}");
        }
        for (month, expected) in [
            ("12", Month::Known(12)),
            ("20", Month::Unknown(20)),
            ("42", Month::Unknown(42)),
            ("43", Month::Odd(43)),
            ("63", Month::Unknown(63)),
            ("00", Month::Odd(0)),
            ("13", Month::Odd(13)),
        ] {
            let found = deduced(&format!("179{month}51215189"));
            assert_eq!(found.month, expected);
            assert_eq!(found.sex, Some(Sex::Male));
        }
        assert!(deduced("1796351215189").fits(BirthDate::parse("19790328").unwrap()), "an unknown month");
        let waiting = deduced("8790351215189");
        assert_eq!((waiting.sex, waiting.provisional), (Some(Sex::Female), true));
        assert_eq!(deduced("5790351215189").sex, None);
    }

    proptest! {
        #[test]
        fn a_key_made_is_a_key_found_right_and_one_changed_digit_is_seen(
            body in "[12][0-9]{4}([0-9]{2}|2A|2B)[0-9]{6}", at in 7usize..13, by in 1u8..10,
        ) {
            let matricule = Matricule::from_body(&body).unwrap();
            prop_assert!(matricule.key_is_right());
            let mut bytes = matricule.as_str().as_bytes().to_vec();
            bytes[at] = b'0' + (bytes[at] - b'0' + by) % 10;
            let changed = Matricule::parse(std::str::from_utf8(&bytes).unwrap()).unwrap();
            prop_assert!(!changed.key_is_right());
        }

        #[test]
        fn reading_never_panics(text in "\\PC{0,20}") {
            let _ = Matricule::parse(&text);
            let _ = Matricule::from_body(&text);
        }
    }
}
