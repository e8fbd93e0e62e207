//! Values on their way to and from columns: the few shapes that every table shares.

use db::Values;
use kernel::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::{Error, Key};

/// An instant as columns keep it: milliseconds since 1970, UTC.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// Back; out of range is the epoch.
pub(crate) fn instant(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A word of an enumeration.
pub(crate) fn word<T>(row: &AnyRow, at: usize, parse: impl Fn(&str) -> Option<T>) -> Result<T, Error> {
    let text: String = row.try_get(at)?;
    parse(&text).ok_or_else(|| Error::damaged(format!("the word {text:?} in column {at}")))
}

/// A column of JSON.
pub(crate) fn json<T: serde::de::DeserializeOwned>(row: &AnyRow, at: usize, what: &str) -> Result<T, Error> {
    let text: String = row.try_get(at)?;
    serde_json::from_str(&text).map_err(|_| Error::damaged(what))
}

/// An opaque name, or none.
pub(crate) fn opt_key(row: &AnyRow, at: usize) -> Result<Option<Key>, Error> {
    Ok(row.try_get::<Option<String>, _>(at)?.map(Key::stored))
}

/// An instant, or none.
pub(crate) fn opt_instant(row: &AnyRow, at: usize) -> Result<Option<Timestamp>, Error> {
    Ok(row.try_get::<Option<i64>, _>(at)?.map(instant))
}

/// Adds the values of a [`db::list`] of texts, the last one repeated up to the list's [`db::rung`].
pub(crate) fn texts<'a>(mut values: Values, texts: impl ExactSizeIterator<Item = &'a str> + Clone) -> Values {
    let last = texts.clone().last().unwrap_or_default();
    let missing = db::rung(texts.len()) - texts.len();
    for text in texts.chain(std::iter::repeat_n(last, missing)) {
        values = values.text(text);
    }
    values
}
