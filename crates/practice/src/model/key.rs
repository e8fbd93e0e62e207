//! Opaque names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An opaque name: of a mailbox, a mail, a document, a request, a patient, a person. Random, never reused, safe in URLs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// A new one.
    pub fn random() -> Self {
        Self(kernel::random::id())
    }

    /// One that somebody gives; `None` for what no key looks like (32 letters, digits and hyphens at most).
    pub fn parse(text: &str) -> Option<Self> {
        let right = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (!text.is_empty() && text.len() <= 32 && text.bytes().all(right)).then(|| Self(text.to_owned()))
    }

    /// One that was stored.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
