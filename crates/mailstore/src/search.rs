//! Searches in what was learned of the messages.
//!
//! The database scans, in the order of the folder, and answers one row with all the UIDs in it: a row for each UID
//! would cost more than the scan. A large folder is scanned in two halves at once.

use db::{Error, Values};
use sqlx::Row as _;

use crate::MailStore;

/// Messages from which a folder is scanned in halves.
const LARGE: i64 = 4_000;

/// A header field that is kept for searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadField {
    /// `From:`.
    From,
    /// `To:`.
    To,
    /// `Cc:`.
    Cc,
    /// `Bcc:`.
    Bcc,
    /// `Subject:`.
    Subject,
    /// `Message-ID:`.
    MessageId,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Ascending UIDs of what matches.
    pub uids: Vec<u32>,
    /// Ascending UIDs of messages of which this is not known: look into each.
    pub unknown: Vec<u32>,
}

impl HeadField {
    fn column(self) -> &'static str {
        match self {
            Self::From => "h_from",
            Self::To => "h_to",
            Self::Cc => "h_cc",
            Self::Bcc => "h_bcc",
            Self::Subject => "h_subject",
            Self::MessageId => "h_message_id",
        }
    }
}

impl MailStore {
    /// Messages of the folder whose field holds `needle`, folded as what was kept; the empty needle finds every
    /// message that has the field.
    ///
    /// # Errors
    /// [`Error::Missing`] where the folder is gone; else what the database says.
    pub async fn search_header(&self, folder: i64, field: HeadField, needle: &str) -> Result<Found, Error> {
        if needle.contains('\0') {
            return self.nothing(folder, 1).await;
        }
        let condition = db::holds(self.db().backend(), field.column(), "$4");
        let text = format!(
            "SELECT string_agg(cast(uid AS text), ' ') FROM message_head \
             WHERE folder = $1 AND uid BETWEEN $2 AND $3 AND {condition}"
        );
        self.scan(folder, 1, &text, |values| values.text(needle)).await
    }

    /// Messages of the folder that were sent on one of these days, in days since 1970-01-01, both included
    /// ([`crate::Heads::sent_day`]).
    ///
    /// # Errors
    /// As [`MailStore::search_header`].
    pub async fn search_sent(&self, folder: i64, first: i64, last: i64) -> Result<Found, Error> {
        let text = "SELECT string_agg(cast(uid AS text), ' ') FROM message_head \
                    WHERE folder = $1 AND uid BETWEEN $2 AND $3 AND sent_day BETWEEN $4 AND $5";
        self.scan(folder, 1, text, |values| values.int(first).int(last)).await
    }

    /// Messages of the folder whose text holds `needle`, folded as what was kept.
    ///
    /// # Errors
    /// As [`MailStore::search_header`].
    pub async fn search_text(&self, folder: i64, needle: &str) -> Result<Found, Error> {
        if needle.contains('\0') {
            return self.nothing(folder, 3).await;
        }
        let condition = db::holds(self.db().backend(), "t.folded", "$4");
        let text = format!(
            "SELECT string_agg(cast(m.uid AS text), ' ') FROM message m JOIN body_text t ON t.body = m.body \
             WHERE m.folder = $1 AND m.uid BETWEEN $2 AND $3 AND {condition}"
        );
        self.scan(folder, 3, &text, |values| values.text(needle)).await
    }

    /// UIDs of the folder's messages that are this body (RFC 8474: EMAILID), ascending.
    ///
    /// # Errors
    /// What the database says.
    pub async fn with_body(&self, folder: i64, body: i64) -> Result<Vec<u32>, Error> {
        let text = "SELECT string_agg(cast(uid AS text), ' ') FROM message WHERE folder = $1 AND body = $2";
        self.uids(text, Values::new().int(folder).int(body)).await
    }

    async fn nothing(&self, folder: i64, level: i64) -> Result<Found, Error> {
        Ok(Found { uids: Vec::new(), unknown: self.unknown(folder, level).await? })
    }

    async fn scan(
        &self,
        folder: i64,
        level: i64,
        text: &str,
        bind: impl Fn(Values) -> Values,
    ) -> Result<Found, Error> {
        let size =
            db::query("SELECT messages, uid_next FROM folder WHERE id = $1", Values::new().int(folder))
                .fetch_optional(self.db().reader())
                .await?
                .ok_or_else(|| Error::missing(format!("folder {folder}")))?;
        let (messages, next): (i64, i64) = (size.try_get(0)?, size.try_get(1)?);
        // The newer messages are the more numerous of a mailbox that is tidied: half of them, not of the UIDs.
        let middle = match messages {
            LARGE.. => next - (next.min(messages)) / 2,
            _ => 0,
        };
        let part = |from: i64, to: i64| {
            let values = bind(Values::new().int(folder).int(from).int(to));
            self.uids(text, values)
        };
        let older = async { if middle > 0 { part(0, middle - 1).await } else { Ok(Vec::new()) } };
        let (older, newer, unknown) =
            tokio::try_join!(older, part(middle, i64::MAX), self.unknown(folder, level))?;
        let mut uids = older;
        uids.extend(newer);
        Ok(Found { uids, unknown })
    }

    /// Messages of which less than `level` was learned, ascending.
    async fn unknown(&self, folder: i64, level: i64) -> Result<Vec<u32>, Error> {
        // `learned < 3` is what the index says of itself.
        let text = "SELECT string_agg(cast(uid AS text), ' ') FROM message \
                    WHERE folder = $1 AND learned < 3 AND learned < $2";
        self.uids(text, Values::new().int(folder).int(level)).await
    }

    async fn uids(&self, text: &str, values: Values) -> Result<Vec<u32>, Error> {
        let row = db::query(text.to_owned(), values).fetch_one(self.db().reader()).await?;
        let list: Option<String> = row.try_get(0)?;
        let mut uids = list
            .as_deref()
            .unwrap_or_default()
            .split_ascii_whitespace()
            .map(|word| word.parse().map_err(|_| Error::corrupt("a UID that is no number")))
            .collect::<Result<Vec<u32>, _>>()?;
        if !uids.is_sorted() {
            uids.sort_unstable();
        }
        Ok(uids)
    }
}
