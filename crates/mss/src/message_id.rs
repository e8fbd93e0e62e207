use std::fmt;

use crate::Address;

/// A Message-ID without its angle brackets (RFC 5322 §3.6.4).
///
/// It is made once by the client, on the mailbox's domain, and stays the same over every retry: receipts, traces and
/// the search for a message whose fate is unknown all hang on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// A new one on the domain of `from`. Nothing in it tells the workstation's name or the hour.
    pub fn fresh(from: &Address) -> Self {
        Self(format!("{}@{}", kernel::random::id(), from.domain()))
    }

    /// Reads an identifier, with or without its brackets, as another software wrote it.
    ///
    /// # Errors
    /// [`MessageIdError`] where it could not be written back into a header.
    pub fn parse(text: &str) -> Result<Self, MessageIdError> {
        let text = text.trim();
        let bare = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
        let printable = bare.chars().all(|c| c.is_ascii_graphic() && c != '<' && c != '>');
        if bare.is_empty() || bare.len() > 512 || !printable {
            Err(MessageIdError)
        } else {
            Ok(Self(bare.into()))
        }
    }

    /// The identifier without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

/// A Message-ID that cannot be written back: empty, longer than 512 octets, or holding blanks, brackets or
/// characters outside ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a Message-ID is 1 to 512 printable ASCII characters without blanks or inner brackets")]
pub struct MessageIdError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_one_is_on_the_mailbox_s_domain_and_unique() {
        let from = Address::parse("a@medecin.mssante.fr").unwrap();
        let id = MessageId::fresh(&from);
        assert!(id.as_str().ends_with("@medecin.mssante.fr"));
        assert_ne!(id, MessageId::fresh(&from));
    }

    #[test]
    fn brackets_are_optional_and_injections_refused() {
        assert_eq!(MessageId::parse("<a@b>").unwrap().to_string(), "<a@b>");
        assert_eq!(MessageId::parse("a@b").unwrap().to_string(), "<a@b>");
        for bad in ["", "<>", "<a@b>\r\nX: y", "a b@c", "<a@<b>"] {
            assert_eq!(MessageId::parse(bad), Err(MessageIdError), "{bad:?}");
        }
    }
}
