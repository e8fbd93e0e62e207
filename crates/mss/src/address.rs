use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The domain of Mon espace santé: `<matricule INS>@patient.mssante.fr` (SC.MSS/UX.41, spec 01 §5).
pub const PATIENT_DOMAIN: &str = "patient.mssante.fr";

/// The address of a mailbox (BAL), as it stands in headers and in the envelope, without display name nor brackets.
///
/// The domain is kept in lower case; the local part as written, because RFC 5321 §2.4 leaves its case to the
/// operator. Quoted local parts and address literals are refused: no MSSanté mailbox has one. Letters outside ASCII
/// are accepted in the local part (RFC 6531 §3.3): structures' mailboxes such as `résultat_biologie@…` exist.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    text: String,
    at: usize,
}

impl Address {
    /// Reads `local@domain`.
    ///
    /// # Errors
    /// [`AddressError`] names the first rule that is broken.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let at = text.rfind('@').ok_or(AddressError::NoAt)?;
        let (local, domain) = (&text[..at], &text[at + 1..]);
        check_local(local)?;
        check_domain(domain)?;
        if text.len() > 254 {
            return Err(AddressError::TooLong);
        }
        Ok(Self { text: format!("{local}@{}", domain.to_ascii_lowercase()), at })
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before `@`: in the sandbox, the mailbox's identifier.
    pub fn local_part(&self) -> &str {
        &self.text[..self.at]
    }

    /// What stands after `@`, in lower case.
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// Whether this is a patient's mailbox of Mon espace santé.
    pub fn is_patient(&self) -> bool {
        self.domain() == PATIENT_DOMAIN
    }

    /// Whether the address can be sent to a server without SMTPUTF8 (RFC 6531).
    pub fn is_ascii(&self) -> bool {
        self.text.is_ascii()
    }
}

impl FromStr for Address {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.text
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Which rule an address breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// No `@`.
    #[error("an address is local-part@domain: there is no @")]
    NoAt,
    /// RFC 5321 §4.1.2 dot-string, RFC 6531 §3.3.
    #[error("the part before @ is not a dot-string of letters, digits and !#$%&'*+-/=?^_`{{|}}~")]
    LocalPart,
    /// RFC 1035 §2.3.1 and RFC 1123 §2.1.
    #[error("the part after @ is not a host name of letters, digits, hyphens and dots")]
    Domain,
    /// RFC 5321 §4.5.3.1: 64 octets for the local part, 255 for the domain; RFC 3696 erratum 1690: 254 in all.
    #[error("the address is too long (64 octets before @, 254 in all)")]
    TooLong,
}

fn check_local(local: &str) -> Result<(), AddressError> {
    if local.len() > 64 {
        return Err(AddressError::TooLong);
    }
    let atext = |c: char| {
        if c.is_ascii() {
            c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
        } else {
            c.is_alphanumeric()
        }
    };
    let well_formed = local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atext));
    if well_formed { Ok(()) } else { Err(AddressError::LocalPart) }
}

fn check_domain(domain: &str) -> Result<(), AddressError> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.split('.').all(label) { Ok(()) } else { Err(AddressError::Domain) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_domain_is_lower_cased_and_the_local_part_kept() {
        let address = Address::parse("Marie.MARTIN@Medecin.MSSante.fr").unwrap();
        assert_eq!(address.as_str(), "Marie.MARTIN@medecin.mssante.fr");
        assert_eq!((address.local_part(), address.domain()), ("Marie.MARTIN", "medecin.mssante.fr"));
        assert!(!address.is_patient());
        assert!(Address::parse("279035121518989@PATIENT.mssante.fr").unwrap().is_patient());
        assert!(!Address::parse("a@patient.mssante.fr.example").unwrap().is_patient());
    }

    #[test]
    fn a_structure_may_have_an_accent() {
        assert!(!Address::parse("résultat_biologie@ch.mssante.fr").unwrap().is_ascii());
    }

    #[test]
    fn what_cannot_be_written_safely_is_refused() {
        for (text, error) in [
            ("", AddressError::NoAt),
            ("marie", AddressError::NoAt),
            ("@x.fr", AddressError::LocalPart),
            ("a..b@x.fr", AddressError::LocalPart),
            ("a b@x.fr", AddressError::LocalPart),
            ("\"a b\"@x.fr", AddressError::LocalPart),
            ("<a@x.fr", AddressError::LocalPart),
            ("a@b@x.fr", AddressError::LocalPart),
            ("a@x.fr>\r\nBcc: e@evil.fr", AddressError::LocalPart),
            ("a@x.fr>\r\nBcc: e", AddressError::Domain),
            ("a@", AddressError::Domain),
            ("a@-x.fr", AddressError::Domain),
            ("a@[127.0.0.1]", AddressError::Domain),
            ("a@hôpital.fr", AddressError::Domain),
        ] {
            assert_eq!(Address::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(Address::parse(&format!("{}@x.fr", "a".repeat(65))), Err(AddressError::TooLong));
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_what_is_read_holds_no_separator(text in "\\PC{0,80}|[a-z.@<>\r\n ]{0,40}") {
            if let Ok(address) = Address::parse(&text) {
                prop_assert!(!address.as_str().contains(['\r', '\n', ' ', '<', '>', ',', ';', '"']));
                prop_assert_eq!(Address::parse(address.as_str()), Ok(address.clone()));
            }
        }
    }
}
