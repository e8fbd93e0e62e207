//! The mailboxes of the practice, and what is known of their folders.

use db::{Tx, Values};
use kernel::{Failure, Timestamp};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::columns::{instant, json, millis, opt_instant, word};
use crate::{ChangeKind, Error, FolderState, Key, Mailbox, MailboxKind, Practice, changes, failure};

const COLUMNS: &str = "key, address, kind, label, settings, since, checked_at, checked_by, failure";

/// Characters of a label, and of whoever checks.
const LABEL: usize = 200;

impl Practice {
    /// Adds the mailbox of this address, or changes it; one that was removed comes back with its mails. `since` (*reprise
    /// depuis le*) counts for mails that arrive from then on: what is in the work list already stays there.
    ///
    /// # Errors
    /// [`Error::Bad`] for what is no address; [`Error::Db`].
    pub async fn save_mailbox(
        &self,
        address: &str,
        kind: MailboxKind,
        label: &str,
        settings: serde_json::Value,
        since: Timestamp,
    ) -> Result<Mailbox, Error> {
        let address = mss::Address::parse(address)
            .map_err(|error| Error::bad("address", error.to_string()))?
            .as_str()
            .to_lowercase();
        let label: String = mss::one_line(label).chars().take(LABEL).collect();
        let (key, now, settings) = (Key::random(), self.now(), settings.to_string());
        self.write(move |tx| {
            let (key, address, label, settings) =
                (key.clone(), address.clone(), label.clone(), settings.clone());
            Box::pin(async move {
                let id = db::reserve(tx, "lps_mailbox", 1).await?;
                let text = format!(
                    "INSERT INTO lps_mailbox (id, key, address, kind, label, settings, since, removed) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, 0) ON CONFLICT (address) DO UPDATE SET kind = $4, \
                     label = $5, settings = $6, since = $7, removed = 0 RETURNING {COLUMNS}"
                );
                let values = Values::new()
                    .int(id)
                    .text(key.as_str())
                    .text(address)
                    .text(kind.word())
                    .text(label)
                    .text(settings)
                    .int(millis(since));
                let saved = mailbox(&db::query(text, values).fetch_one(&mut *tx).await?)?;
                changes::note(tx, now, ChangeKind::MailboxChanged, &saved.key).await?;
                Ok(saved)
            })
        })
        .await
    }

    /// The mailboxes, by address.
    ///
    /// # Errors
    /// [`Error::Db`], [`Error::Damaged`].
    pub async fn mailboxes(&self) -> Result<Vec<Mailbox>, Error> {
        let text = format!("SELECT {COLUMNS} FROM lps_mailbox WHERE removed = 0 ORDER BY address");
        let rows = db::query(text, Values::new()).fetch_all(self.reader()).await?;
        rows.iter().map(mailbox).collect()
    }

    /// One of them, by its key or its address.
    ///
    /// # Errors
    /// [`Error::Db`], [`Error::Damaged`].
    pub async fn mailbox(&self, key_or_address: &str) -> Result<Option<Mailbox>, Error> {
        let text = format!(
            "SELECT {COLUMNS} FROM lps_mailbox WHERE removed = 0 AND (key = $1 OR address = $2) LIMIT 1"
        );
        let values = Values::new().text(key_or_address).text(key_or_address.trim().to_lowercase());
        db::query(text, values).fetch_optional(self.reader()).await?.as_ref().map(mailbox).transpose()
    }

    /// Takes a mailbox off the list. Its mails and documents stay: they are part of patients' files.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Db`].
    pub async fn remove_mailbox(&self, mailbox: &Key) -> Result<(), Error> {
        let (key, now) = (mailbox.clone(), self.now());
        self.write(move |tx| {
            let key = key.clone();
            Box::pin(async move {
                let id = mailbox_id(tx, &key).await?;
                db::query("UPDATE lps_mailbox SET removed = 1 WHERE id = $1", Values::new().int(id))
                    .execute(&mut *tx)
                    .await?;
                changes::note(tx, now, ChangeKind::MailboxChanged, &key).await
            })
        })
        .await
    }

    /// Says how the last check of a mailbox went, and who asked for it. A failure leaves *dernière relève* where it was.
    /// Notices are given of failures that come, change and go, not of every check.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Db`].
    pub async fn checked(&self, mailbox: &Key, by: &str, outcome: Result<(), Failure>) -> Result<(), Error> {
        let (key, now) = (mailbox.clone(), self.now());
        let by: String = mss::one_line(by).chars().take(LABEL).collect();
        let failed = outcome.err().map(|failed| failure::to_text(&failed));
        self.write(move |tx| {
            let (key, by, failed) = (key.clone(), by.clone(), failed.clone());
            Box::pin(async move {
                let id = mailbox_id(tx, &key).await?;
                let before = db::query("SELECT failure FROM lps_mailbox WHERE id = $1", Values::new().int(id))
                    .fetch_one(&mut *tx)
                    .await?;
                let before: Option<String> = before.try_get(0)?;
                let (text, values) = match &failed {
                    None => (
                        "UPDATE lps_mailbox SET checked_at = $2, checked_by = $3, failure = NULL WHERE id = $1",
                        Values::new().int(id).int(millis(now)).text(by),
                    ),
                    Some(failed) => (
                        "UPDATE lps_mailbox SET failure = $2 WHERE id = $1",
                        Values::new().int(id).text(failed.as_str()),
                    ),
                };
                db::query(text, values).execute(&mut *tx).await?;
                if before != failed {
                    changes::note(tx, now, ChangeKind::MailboxChanged, &key).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// The folders of a mailbox, as they were told last.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn folders(&self, mailbox: &Key) -> Result<Vec<FolderState>, Error> {
        let rows = db::query(
            "SELECT f.name, f.role, f.uid_validity, f.uid_next, f.modseq FROM lps_folder f \
             JOIN lps_mailbox b ON b.id = f.mailbox WHERE b.key = $1 ORDER BY f.name",
            Values::new().text(mailbox.as_str()),
        )
        .fetch_all(self.reader())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(FolderState {
                    name: row.try_get(0)?,
                    role: row.try_get(1)?,
                    uid_validity: narrow(row.try_get(2)?),
                    uid_next: narrow(row.try_get(3)?),
                    modseq: row.try_get::<String, _>(4)?.parse().unwrap_or(0),
                })
            })
            .collect()
    }

    /// A folder is no longer on the server: it was deleted, or renamed. Its mails are marked gone, and stay; those that
    /// turn up in another folder are known again by their octets.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the mailbox; [`Error::Db`].
    pub async fn folder_removed(&self, mailbox: &Key, name: &str) -> Result<(), Error> {
        let (key, name) = (mailbox.clone(), name.to_owned());
        self.write(move |tx| {
            let (key, name) = (key.clone(), name.clone());
            Box::pin(async move {
                let mailbox = mailbox_id(tx, &key).await?;
                // Its row stays for the mails that name it; without UIDVALIDITY nothing in it is taken for known.
                let found = db::query(
                    "UPDATE lps_folder SET uid_validity = 0, uid_next = 0, modseq = '0' \
                     WHERE mailbox = $1 AND name = $2 RETURNING id",
                    Values::new().int(mailbox).text(name),
                )
                .fetch_optional(&mut *tx)
                .await?;
                if let Some(row) = found {
                    let folder: i64 = row.try_get(0)?;
                    db::query("UPDATE lps_mail SET gone = 1 WHERE folder = $1", Values::new().int(folder))
                        .execute(&mut *tx)
                        .await?;
                    crate::arrivals::swap_copies(tx, mailbox).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

/// The row number of a mailbox that is not removed.
pub(crate) async fn mailbox_id(tx: &mut Tx, key: &Key) -> Result<i64, Error> {
    let found = db::query(
        "SELECT id FROM lps_mailbox WHERE key = $1 AND removed = 0",
        Values::new().text(key.as_str()),
    )
    .fetch_optional(tx)
    .await?;
    let row = found.ok_or_else(|| Error::not_found("mailbox", key))?;
    Ok(row.try_get(0)?)
}

/// A stored UID, UIDVALIDITY or UIDNEXT.
pub(crate) fn narrow(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or(0)
}

fn mailbox(row: &AnyRow) -> Result<Mailbox, Error> {
    Ok(Mailbox {
        key: Key::stored(row.try_get(0)?),
        address: row.try_get(1)?,
        kind: word(row, 2, MailboxKind::parse)?,
        label: row.try_get(3)?,
        settings: json(row, 4, "the settings of a mailbox")?,
        since: instant(row.try_get(5)?),
        checked_at: opt_instant(row, 6)?,
        checked_by: row.try_get(7)?,
        failure: row.try_get::<Option<String>, _>(8)?.as_deref().map(failure::from_text),
    })
}
