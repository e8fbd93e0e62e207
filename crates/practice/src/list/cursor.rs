//! Where a page ended.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{Filter, Sort};
use crate::{Error, Key};

/// Where a page ended. Opaque; it goes with the order that it was made in, not with the filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// One that comes back; whether it is one shows when it is used.
    pub fn parse(text: &str) -> Self {
        Self(text.chars().take(200).collect())
    }

    /// As written: letters, digits, `-` and `_`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn after(filter: &Filter, document: &Key) -> Self {
        let order = order(filter);
        Self(URL_SAFE_NO_PAD.encode(format!("{order}{document}")))
    }

    /// The document after which the page begins.
    pub(super) fn read(&self, filter: &Filter) -> Result<Key, Error> {
        let wrong = || Error::bad("after", "not the cursor of a page in this order: begin again without it");
        let octets = URL_SAFE_NO_PAD.decode(&self.0).map_err(|_| wrong())?;
        let text = String::from_utf8(octets).map_err(|_| wrong())?;
        text.strip_prefix(order(filter)).and_then(Key::parse).ok_or_else(wrong)
    }
}

fn order(filter: &Filter) -> &'static str {
    match (filter.sort, filter.reversed) {
        (Sort::Received, false) => "r+",
        (Sort::Received, true) => "r-",
        (Sort::Made, false) => "m+",
        (Sort::Made, true) => "m-",
        (Sort::Patient, false) => "p+",
        (Sort::Patient, true) => "p-",
        (Sort::Type, false) => "t+",
        (Sort::Type, true) => "t-",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_in_its_own_order_and_nothing_else_does() {
        let (filter, key) = (Filter::default(), Key::random());
        let cursor = Cursor::after(&filter, &key);
        assert!(cursor.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
        assert_eq!(Cursor::parse(cursor.as_str()).read(&filter).unwrap(), key);
        assert!(cursor.read(&Filter { reversed: true, ..Filter::default() }).is_err());
        for text in ["", "%", "cis", "w7_DvyI", &"A".repeat(5_000)] {
            assert!(Cursor::parse(text).read(&filter).is_err(), "{text}");
        }
    }
}
