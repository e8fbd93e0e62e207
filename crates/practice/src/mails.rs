//! Mails and their octets, for whoever opens one. Files are taken out of the mail each time: one copy of the octets is
//! kept, and what it holds cannot drift from it.

use std::sync::Arc;

use db::Values;
use sqlx::Row as _;

use crate::columns::{instant, json, millis, opt_instant, word};
use crate::mailboxes::narrow;
use crate::{
    ChangeKind, Error, Form, Key, Mail, Practice, Provenance, Reading, arrivals, blobs, changes, failure,
};

impl Practice {
    /// A mail.
    ///
    /// # Errors
    /// [`Error::Db`], [`Error::Damaged`].
    pub async fn mail(&self, key: &Key) -> Result<Option<Mail>, Error> {
        let row = db::query(
            "SELECT m.key, x.key, f.name, m.uid, m.received, m.history, m.flags, m.gone, b.size, m.fetch_failure, \
             m.parse, m.parse_failure, m.message_id, m.in_reply_to, m.sent, m.sender, m.sender_name, m.provenance, \
             m.subject, m.text, m.facts, m.id FROM lps_mail m JOIN lps_mailbox x ON x.id = m.mailbox \
             JOIN lps_folder f ON f.id = m.folder LEFT JOIN lps_blob b ON b.id = m.blob WHERE m.key = $1",
            Values::new().text(key.as_str()),
        )
        .fetch_optional(self.reader())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let documents = db::query(
            "SELECT key FROM lps_document WHERE mail = $1 ORDER BY id",
            Values::new().int(row.try_get(21)?),
        )
        .fetch_all(self.reader())
        .await?;
        let failed = |at: usize| -> Result<_, Error> {
            Ok(row.try_get::<Option<String>, _>(at)?.as_deref().map(failure::from_text))
        };
        Ok(Some(Mail {
            key: Key::stored(row.try_get(0)?),
            mailbox: Key::stored(row.try_get(1)?),
            folder: row.try_get(2)?,
            uid: narrow(row.try_get(3)?),
            received: instant(row.try_get(4)?),
            history: row.try_get::<i64, _>(5)? == 1,
            flags: arrivals::split(&row.try_get::<String, _>(6)?),
            gone: row.try_get::<i64, _>(7)? == 1,
            size: row.try_get::<Option<i64>, _>(8)?.and_then(|size| u64::try_from(size).ok()),
            fetch_failure: failed(9)?,
            reading: word(&row, 10, Reading::parse)?,
            read_failure: failed(11)?,
            message_id: row.try_get(12)?,
            in_reply_to: row.try_get(13)?,
            sent: opt_instant(&row, 14)?,
            sender: row.try_get(15)?,
            sender_name: row.try_get(16)?,
            provenance: word(&row, 17, Provenance::parse)?,
            subject: row.try_get(18)?,
            text: row.try_get(19)?,
            facts: json(&row, 20, "the facts of a mail")?,
            documents: documents
                .iter()
                .map(|row| Ok(Key::stored(row.try_get(0)?)))
                .collect::<Result<_, Error>>()?,
        }))
    }

    /// Mails that need somebody: their octets could not be fetched, or their reading failed. Newest first.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn failing(&self, limit: usize) -> Result<Vec<Key>, Error> {
        let rows = db::query(
            "SELECT key FROM (SELECT key, id FROM lps_mail WHERE blob IS NULL AND gone = 0 AND fetch_attempts > 0 \
             UNION ALL SELECT key, id FROM lps_mail WHERE parse IN ('failed', 'hopeless')) AS f \
             ORDER BY id DESC LIMIT $1",
            Values::new().int(i64::try_from(limit.clamp(1, 1_000)).unwrap_or(1_000)),
        )
        .fetch_all(self.reader())
        .await?;
        rows.iter().map(|row| Ok(Key::stored(row.try_get(0)?))).collect()
    }

    /// Fetches or reads a mail that failed once more, without waiting for its time.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Db`].
    pub async fn retry(&self, mail: &Key) -> Result<(), Error> {
        let (key, now) = (mail.clone(), self.now());
        self.write(move |tx| {
            let key = key.clone();
            Box::pin(async move {
                let done = db::query(
                    "UPDATE lps_mail SET fetch_due = 0, parse_due = 0, parse_attempts = 0, \
                     parse = CASE WHEN parse IN ('failed', 'hopeless') THEN 'pending' ELSE parse END WHERE key = $1",
                    Values::new().text(key.as_str()),
                )
                .execute(&mut *tx)
                .await?;
                if done.rows_affected() == 0 {
                    return Err(Error::not_found("mail", &key));
                }
                tracing::debug!(at = millis(now), "a mail is tried again");
                changes::note(tx, now, ChangeKind::MailChanged, &key).await
            })
        })
        .await
    }

    /// The octets of a mail, as fetched; `None` where the mail is unknown or they are not here.
    ///
    /// # Errors
    /// [`Error::Damaged`] where they are no longer what was kept; [`Error::Db`].
    pub async fn mail_bytes(&self, mail: &Key) -> Result<Option<Vec<u8>>, Error> {
        let row = db::query(
            "SELECT b.id, b.size, b.sha256 FROM lps_mail m JOIN lps_blob b ON b.id = m.blob WHERE m.key = $1",
            Values::new().text(mail.as_str()),
        )
        .fetch_optional(self.reader())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let size = u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0);
        let bytes = blobs::read(self.reader(), row.try_get(0)?, size).await?;
        let sha256: String = row.try_get(2)?;
        let (bytes, found) = blocking(move || {
            let found = kernel::sha256_hex(&bytes);
            (bytes, found)
        })
        .await?;
        if found != sha256 {
            return Err(Error::damaged(format!("the octets of mail {mail} are not those that were kept")));
        }
        Ok(Some(bytes))
    }

    /// The octets of a file of a mail, by its place ([`crate::FileFact::part`]); `None` where there is none.
    ///
    /// # Errors
    /// As [`Practice::mail_bytes`].
    pub async fn part_bytes(&self, mail: &Key, part: u32) -> Result<Option<Vec<u8>>, Error> {
        let Some(bytes) = self.mail_bytes(mail).await? else { return Ok(None) };
        let settings = self.setting().senders.clone();
        blocking(move || {
            let read = mss::interpret_with(&bytes, &settings);
            let found = read.attachments.into_iter().find(|file| u32::try_from(file.part) == Ok(part));
            found.map(|file| file.bytes)
        })
        .await
    }

    /// The octets of a document: the CDA, the PDF, the report, the file; of a mail without files, the mail. `None` for an
    /// unknown document.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the mail no longer holds it; as [`Practice::mail_bytes`].
    pub async fn document_bytes(&self, document: &Key) -> Result<Option<Vec<u8>>, Error> {
        let row = db::query(
            "SELECT m.key, d.form, d.part, d.path, d.sha256 FROM lps_document d JOIN lps_mail m ON m.id = d.mail \
             WHERE d.key = $1",
            Values::new().text(document.as_str()),
        )
        .fetch_optional(self.reader())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let mail = Key::stored(row.try_get(0)?);
        let form = word(&row, 1, Form::parse)?;
        let part: i64 = row.try_get(2)?;
        let (path, sha256): (String, String) = (row.try_get(3)?, row.try_get(4)?);
        let bytes = self.mail_bytes(&mail).await?;
        let gone = || Error::damaged(format!("the mail of document {document} no longer holds it"));
        let bytes = Arc::new(bytes.ok_or_else(gone)?);
        if form == Form::Mail {
            return Ok(Some(Arc::unwrap_or_clone(bytes)));
        }
        let settings = self.setting().senders.clone();
        let found = blocking(move || {
            let read = mss::interpret_with(&bytes, &settings);
            if form == Form::Hprim {
                let file = read
                    .attachments
                    .into_iter()
                    .find(|file| i64::try_from(file.part) == Ok(part) && !path.is_empty());
                return Some(file.map_or_else(|| read.text.into_bytes(), |file| file.bytes));
            }
            let documents = read.documents.into_iter().map(|one| (one.path, one.bytes));
            let files = read.attachments.into_iter().map(|file| (file.safe_name(), file.bytes));
            let mut same: Vec<(String, Vec<u8>)> =
                documents.chain(files).filter(|(_, bytes)| kernel::sha256_hex(bytes) == sha256).collect();
            let at = same.iter().position(|(name, _)| *name == path).unwrap_or(0);
            (at < same.len()).then(|| same.swap_remove(at).1)
        })
        .await?;
        found.map(Some).ok_or_else(gone)
    }
}

/// Runs what computes where it may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Internal("a reading was ended".into()))
}
