//! What somebody who read a message while it came in says of it, kept so that nobody reads it again.
//!
//! The store knows neither MIME nor IMAP: it is told. What a listing needs (structure, preview) lies with the body;
//! what a search by header scans is a narrow table of its own, in the order of the folder; what a search by text
//! scans is a third one. A message of which nothing was said (an older row) is found by its absence: see
//! [`crate::Found::unknown`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use db::{Error, Insert, Tx, Values};
use kernel::Timestamp;

use crate::delivery::{Delivery, by_weight};
use crate::read::Pick;

/// Bytes of searchable text that are kept of one message; one that has more is searched in its body.
pub const MOST_TEXT: usize = 256 * 1024;
/// Bytes of one searchable header field that are kept; a message that has more is searched in its headers.
pub const MOST_HEAD: usize = 8 * 1024;

/// Searchable headers are kept.
const HEADS: i64 = 1;
/// Searchable headers and text are kept. The index of what is not lists everything below.
const WHOLE: i64 = 3;

/// What was learned of a message as it came in.
#[derive(Clone, Default)]
pub struct Learned {
    /// Opaque here: what the IMAP layer answers ENVELOPE and BODYSTRUCTURE from. Empty: not known.
    pub structure: Bytes,
    /// The first words, for RFC 8970. None: not known; empty: there are none.
    pub preview: Option<String>,
    /// The header fields that searches ask for. None: not known.
    pub heads: Option<Heads>,
    /// The text of the body, decoded and folded as the searcher's needles are. None: not known, or longer than
    /// [`MOST_TEXT`].
    pub text: Option<String>,
}

/// Header fields, decoded and folded as the searcher's needles are. None: the message has no such field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// `From:`.
    pub from: Option<String>,
    /// `To:`.
    pub to: Option<String>,
    /// `Cc:`.
    pub cc: Option<String>,
    /// `Bcc:`.
    pub bcc: Option<String>,
    /// `Subject:`.
    pub subject: Option<String>,
    /// `Message-ID:`.
    pub message_id: Option<String>,
    /// The day that `Date:` names in its own zone (RFC 3501 SENTON), in days since 1970-01-01.
    pub sent_day: Option<i64>,
    /// The instant that `Date:` names (RFC 5256 sorts by it).
    pub sent_at: Option<Timestamp>,
}

static HEAD: Insert = Insert::new(
    "INSERT INTO message_head (folder, uid, sent_day, sent_at, h_from, h_to, h_cc, h_bcc, h_subject, h_message_id)",
    10,
);
static TEXT: Insert = Insert::new("INSERT INTO body_text (body, folded)", 2);

impl Learned {
    fn heads(&self) -> Option<&Heads> {
        self.heads
            .as_ref()
            .filter(|heads| heads.fields().into_iter().flatten().all(|text| text.len() <= MOST_HEAD))
    }

    pub(crate) fn preview(&self) -> Option<String> {
        self.preview.as_deref().map(storable)
    }

    fn text(&self) -> Option<&str> {
        self.text.as_deref().filter(|text| text.len() <= MOST_TEXT)
    }

    /// What the column `learned` says.
    pub(crate) fn level(&self) -> i64 {
        match (self.heads(), self.text()) {
            (Some(_), Some(_)) => WHOLE,
            (Some(_), None) => HEADS,
            // A text without heads would need a fourth case that nobody has.
            (None, _) => 0,
        }
    }
}

impl Heads {
    fn fields(&self) -> [Option<&str>; 6] {
        [&self.from, &self.to, &self.cc, &self.bcc, &self.subject, &self.message_id]
            .map(|field| field.as_deref())
    }
}

/// Writes the texts of new bodies.
pub(crate) async fn write_texts(tx: &mut Tx, items: &[Delivery], bodies: &[i64]) -> Result<(), Error> {
    let rows: Vec<(i64, &str)> = items
        .iter()
        .zip(bodies)
        .filter_map(|(item, body)| {
            let learned = item.body.learned.as_deref()?;
            (learned.level() == WHOLE).then(|| (*body, learned.text().unwrap_or_default()))
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    for some in by_weight(&rows, |(_, text)| text.len()) {
        TEXT.run(tx, some, |values, (body, text)| values.int(*body).text(storable(text))).await?;
    }
    Ok(())
}

/// Writes the searchable headers of new messages.
pub(crate) async fn write_heads(tx: &mut Tx, rows: &[(i64, i64, &Arc<Learned>)]) -> Result<(), Error> {
    let rows: Vec<(i64, i64, &Heads)> =
        rows.iter().filter_map(|(folder, uid, learned)| Some((*folder, *uid, learned.heads()?))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    HEAD.run(tx, &rows, |values, (folder, uid, heads)| {
        let sent_at = heads.sent_at.map(Timestamp::as_microsecond);
        let values = values.int(*folder).int(*uid).opt_int(heads.sent_day).opt_int(sent_at);
        heads.fields().into_iter().fold(values, |values, field| match field {
            Some(text) => values.text(storable(text)),
            None => values.opt_text(None),
        })
    })
    .await
}

/// Copies the searchable headers of messages that were copied.
pub(crate) async fn copy_heads(
    tx: &mut Tx,
    folder: i64,
    target: i64,
    uids: &BTreeMap<i64, i64>,
) -> Result<(), Error> {
    let pairs: Vec<(i64, i64)> = uids.iter().map(|(from, to)| (*from, *to)).collect();
    for some in pairs.chunks(256) {
        let first = 3;
        // CROSS JOIN: SQLite takes the tables in this order, and so looks each message up.
        let text = format!(
            "INSERT INTO message_head (folder, uid, sent_day, sent_at, h_from, h_to, h_cc, h_bcc, h_subject, \
             h_message_id) SELECT cast($1 as bigint), v.column2, h.sent_day, h.sent_at, h.h_from, h.h_to, h.h_cc, \
             h.h_bcc, h.h_subject, h.h_message_id FROM {} AS v CROSS JOIN message_head AS h \
             WHERE h.folder = $2 AND h.uid = v.column1",
            db::pairs(first, some.len())
        );
        let values = Values::new().int(target).int(folder).int_pairs(some);
        db::query(text, values).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Takes the searchable headers of messages away.
pub(crate) async fn drop_heads(tx: &mut Tx, folder: i64, picks: &[Pick]) -> Result<(), Error> {
    for pick in picks {
        let text = format!("DELETE FROM message_head WHERE folder = $1 AND {}", pick.condition("uid", 2));
        db::query(text, pick.bind(Values::new().int(folder))).execute(&mut *tx).await?;
    }
    Ok(())
}

/// A text that both databases take: PostgreSQL has no NUL in its texts.
fn storable(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', " ") } else { text.to_owned() }
}

impl fmt::Debug for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Patient data stay out of logs.
        f.debug_struct("Learned").field("level", &self.level()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_not_known() {
        let short = Learned { heads: Some(Heads::default()), text: Some("a".into()), ..Learned::default() };
        assert_eq!(short.level(), WHOLE);
        let long = Learned { text: Some("x".repeat(MOST_TEXT + 1)), ..short.clone() };
        assert_eq!(long.level(), HEADS);
        let subject = Some("x".repeat(MOST_HEAD + 1));
        let wide = Learned { heads: Some(Heads { subject, ..Heads::default() }), ..short };
        assert_eq!(wide.level(), 0);
        assert_eq!(Learned::default().level(), 0);
    }
}
