//! Octets of mails: kept once each, whatever number of mailboxes received them, and durable before anything is read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use db::{Insert, Tx, Values};
use kernel::{Failure, RetryClass, Stage, Timestamp};
use sqlx::Row as _;

use crate::arrivals::trade_places;
use crate::columns::{millis, texts};
use crate::{ChangeKind, Error, Key, Practice, changes, failure};

/// Octets of one piece.
const PIECE: usize = 256 * 1024;
/// Places that a blob has: `id * PLACES + n` holds the nth piece. One number, so that it is SQLite's row id.
const PLACES: i64 = 65_536;
/// Octets that one statement carries, more or less.
const STATEMENT: usize = 4 * 1024 * 1024;
/// The longest wait before a fetch is tried again.
const LONGEST: Duration = Duration::from_secs(6 * 3_600);

static BLOB: Insert = Insert::new("INSERT INTO lps_blob (id, sha256, size)", 3);
static CHUNK: Insert = Insert::new("INSERT INTO lps_blob_piece (place, data)", 2);

impl Practice {
    /// Keeps the octets of mails, all in one commit; durable when it returns. Mails that are unknown or have their octets
    /// already are left alone, so that a batch may be given twice. A mail above the limit of [`crate::Setting`] is marked
    /// so and holds up no other.
    ///
    /// Where the same octets are here already in the same mailbox, it is the same mail: if that one is gone from the
    /// server it takes the new place, and the new key is forgotten; else the new one becomes its copy, without documents.
    ///
    /// # Errors
    /// [`Error::Db`]; nothing is kept then.
    pub async fn keep(&self, mails: Vec<(Key, Vec<u8>)>) -> Result<(), Error> {
        let limit = self.setting().blob_limit;
        let (mails, large): (Vec<_>, Vec<_>) =
            mails.into_iter().partition(|(_, bytes)| bytes.len() as u64 <= limit);
        for (key, bytes) in large {
            let told = format!("the mail has {} octets; at most {limit} are kept", bytes.len());
            self.fetch_failed(&key, Failure::permanent(Stage::Command, told)).await?;
        }
        if mails.is_empty() {
            return Ok(());
        }
        let hashed = tokio::task::spawn_blocking(move || {
            mails
                .into_iter()
                .map(|(key, bytes)| Kept { key, sha256: kernel::sha256_hex(&bytes), bytes })
                .collect()
        });
        let kept: Arc<Vec<Kept>> =
            Arc::new(hashed.await.map_err(|_| Error::Internal("a digest was not computed".into()))?);
        self.write(move |tx| {
            let kept = Arc::clone(&kept);
            Box::pin(async move { write(tx, &kept).await })
        })
        .await
    }

    /// The octets of a mail could not be fetched. What may be gone the next time is tried again, after a minute, then ever
    /// less often; what is permanent waits for [`Practice::retry`]. Nothing of it says that the mail is empty.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn fetch_failed(&self, mail: &Key, failed: Failure) -> Result<(), Error> {
        let (key, now) = (mail.clone(), self.now());
        self.write(move |tx| {
            let (key, failed) = (key.clone(), failed.clone());
            Box::pin(async move {
                let found = db::query(
                    "SELECT id, fetch_attempts FROM lps_mail WHERE key = $1 AND blob IS NULL",
                    Values::new().text(key.as_str()),
                )
                .fetch_optional(&mut *tx)
                .await?;
                let Some(row) = found else { return Ok(()) };
                let attempts: i64 = row.try_get(1)?;
                let due = match failed.retry {
                    RetryClass::Never => i64::MAX,
                    _ => due(now, attempts),
                };
                let values =
                    Values::new().int(row.try_get(0)?).text(failure::to_text(&failed)).int(attempts + 1).int(due);
                db::query(
                    "UPDATE lps_mail SET fetch_failure = $2, fetch_attempts = $3, fetch_due = $4 WHERE id = $1",
                    values,
                )
                .execute(&mut *tx)
                .await?;
                changes::note(tx, now, ChangeKind::MailChanged, &key).await
            })
        })
        .await
    }
}

/// When to try again after `attempts` failures before this one: a minute, doubled each time.
pub(crate) fn due(now: Timestamp, attempts: i64) -> i64 {
    let doubled = 60u64 << attempts.clamp(0, 12);
    let wait = Duration::from_secs(doubled).min(LONGEST);
    millis(now) + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2)
}

/// A mail's octets.
struct Kept {
    key: Key,
    sha256: String,
    bytes: Vec<u8>,
}

/// A row of `lps_mail` that waits for octets, or has the same as one that does.
struct Known {
    mail: i64,
    mailbox: i64,
    gone: bool,
    copy: bool,
}

async fn write(tx: &mut Tx, kept: &[Kept]) -> Result<(), Error> {
    let waiting = waiting(tx, kept).await?;
    let kept: Vec<(&Kept, (i64, i64))> =
        kept.iter().filter_map(|one| Some((one, *waiting.get(one.key.as_str())?))).collect();
    if kept.is_empty() {
        return Ok(());
    }
    let mut blobs = stored(tx, kept.iter().map(|(one, _)| one.sha256.as_str())).await?;
    let mut known = same_octets(tx, &blobs.values().copied().collect::<Vec<_>>()).await?;
    let mut new: BTreeMap<&str, &[u8]> = BTreeMap::new();
    for (one, _) in &kept {
        if !blobs.contains_key(&one.sha256) {
            new.insert(&one.sha256, &one.bytes);
        }
    }
    write_blobs(tx, &new, &mut blobs).await?;
    let mut taken = BTreeSet::new();
    let mut fresh: Vec<(i64, i64)> = Vec::new();
    for (one, (mail, mailbox)) in kept {
        let blob = blobs.get(&one.sha256).copied().ok_or_else(|| Error::damaged("a blob has no number"))?;
        // A batch that names a mail twice is taken once.
        if !taken.insert(mail) {
            continue;
        }
        let others = known.entry(blob).or_default();
        let of_mailbox = |other: &Known| other.mailbox == mailbox && !other.copy;
        if let Some(moved) = others.iter_mut().find(|other| of_mailbox(other) && other.gone) {
            moved.gone = false;
            trade_places(tx, moved.mail, mail).await?;
            db::query("DELETE FROM lps_mail WHERE id = $1", Values::new().int(mail))
                .execute(&mut *tx)
                .await?;
        } else if others.iter().any(of_mailbox) {
            let text = "UPDATE lps_mail SET blob = $2, parse = 'copy', fetch_failure = NULL WHERE id = $1";
            db::query(text, Values::new().int(mail).int(blob)).execute(&mut *tx).await?;
        } else {
            fresh.push((mail, blob));
            others.push(Known { mail, mailbox, gone: false, copy: false });
        }
    }
    for some in fresh.chunks(256) {
        let text = format!(
            "UPDATE lps_mail SET blob = v.column2, parse = 'pending', fetch_failure = NULL FROM {} AS v \
             WHERE lps_mail.id = v.column1",
            db::pairs(1, some.len())
        );
        db::query(text, Values::new().int_pairs(some)).execute(&mut *tx).await?;
    }
    Ok(())
}

/// The mails among these that are known and have no octets: row and mailbox by key.
async fn waiting(tx: &mut Tx, kept: &[Kept]) -> Result<BTreeMap<String, (i64, i64)>, Error> {
    let mut found = BTreeMap::new();
    for some in kept.chunks(256) {
        let text = format!(
            "SELECT key, id, mailbox FROM lps_mail WHERE blob IS NULL AND key IN ({})",
            db::list(1, some.len())
        );
        let values = texts(Values::new(), some.iter().map(|one| one.key.as_str()));
        for row in db::query(text, values).fetch_all(&mut *tx).await? {
            found.insert(row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?));
        }
    }
    Ok(found)
}

/// The blobs that are here already, by digest.
async fn stored<'a>(
    tx: &mut Tx,
    digests: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, i64>, Error> {
    let digests: Vec<&str> = digests.collect();
    let mut found = BTreeMap::new();
    for some in digests.chunks(256) {
        let text = format!("SELECT sha256, id FROM lps_blob WHERE sha256 IN ({})", db::list(1, some.len()));
        for row in db::query(text, texts(Values::new(), some.iter().copied())).fetch_all(&mut *tx).await? {
            found.insert(row.try_get(0)?, row.try_get(1)?);
        }
    }
    Ok(found)
}

/// The mails that have these blobs.
async fn same_octets(tx: &mut Tx, blobs: &[i64]) -> Result<BTreeMap<i64, Vec<Known>>, Error> {
    let mut found: BTreeMap<i64, Vec<Known>> = BTreeMap::new();
    for some in blobs.chunks(256) {
        let text = format!(
            "SELECT blob, id, mailbox, gone, CASE WHEN parse = 'copy' THEN 1 ELSE 0 END FROM lps_mail \
             WHERE blob IN ({}) ORDER BY id",
            db::list(1, some.len())
        );
        for row in db::query(text, Values::new().ints(some)).fetch_all(&mut *tx).await? {
            found.entry(row.try_get(0)?).or_default().push(Known {
                mail: row.try_get(1)?,
                mailbox: row.try_get(2)?,
                gone: row.try_get::<i64, _>(3)? == 1,
                copy: row.try_get::<i64, _>(4)? == 1,
            });
        }
    }
    Ok(found)
}

async fn write_blobs(
    tx: &mut Tx,
    new: &BTreeMap<&str, &[u8]>,
    blobs: &mut BTreeMap<String, i64>,
) -> Result<(), Error> {
    if new.is_empty() {
        return Ok(());
    }
    let first = db::reserve(tx, "lps_blob", i64::try_from(new.len()).unwrap_or(i64::MAX)).await?;
    let rows: Vec<(i64, &str, &[u8])> =
        (first..).zip(new).map(|(id, (sha256, bytes))| (id, *sha256, *bytes)).collect();
    BLOB.run(tx, &rows, |values, (id, sha256, bytes)| {
        values.int(*id).text(*sha256).int(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
    })
    .await?;
    let pieces: Vec<(i64, &[u8])> = rows
        .iter()
        .flat_map(|(id, _, bytes)| {
            (0i64..).zip(bytes.chunks(PIECE)).map(move |(n, piece)| (id * PLACES + n, piece))
        })
        .collect();
    let mut rest = pieces.as_slice();
    while !rest.is_empty() {
        let mut sum = 0;
        let fits = |(_, piece): &&(i64, &[u8])| {
            sum += piece.len();
            sum <= STATEMENT
        };
        let count = rest.iter().take_while(fits).count().max(1);
        CHUNK.run(tx, &rest[..count], |values, (place, piece)| values.int(*place).blob(piece)).await?;
        rest = &rest[count..];
    }
    blobs.extend(rows.into_iter().map(|(id, sha256, _)| (sha256.to_owned(), id)));
    Ok(())
}

/// The octets of a blob. They are as many as were written; whether they are the same is for the caller, who may know
/// the digest anyway.
///
/// # Errors
/// [`Error::Damaged`] where some are missing.
pub(crate) async fn read(reader: &sqlx::AnyPool, blob: i64, size: u64) -> Result<Vec<u8>, Error> {
    let rows = db::query(
        "SELECT data FROM lps_blob_piece WHERE place BETWEEN $1 AND $2 ORDER BY place",
        Values::new().int(blob * PLACES).int(blob * PLACES + PLACES - 1),
    )
    .fetch_all(reader)
    .await?;
    let mut bytes: Vec<u8> = Vec::new();
    for row in rows {
        let piece: Vec<u8> = row.try_get(0)?;
        if bytes.is_empty() {
            bytes = piece;
        } else {
            bytes.extend_from_slice(&piece);
        }
    }
    if bytes.len() as u64 != size {
        let found = bytes.len();
        return Err(Error::damaged(format!("blob {blob} has {found} octets and should have {size}")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_six_hours() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!([due(now, 0), due(now, 1), due(now, 3)], [60_000, 120_000, 480_000]);
        assert_eq!([due(now, 9), due(now, 60)], [6 * 3_600_000; 2]);
    }
}
