//! Mails read: octets become rows.
//!
//! Whoever triggers it, one function does it: it takes what waits (new mails first, then what failed and is due, then what
//! an older reader has read), reads outside of any transaction and on threads that may block, and writes a batch in one
//! commit. Two readings at once do no harm: within the transaction each mail is asked once more whether it still waits.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use db::{Tx, Values};
use kernel::{Failure, Stage};
use sqlx::Row as _;

use crate::columns::millis;
use crate::draft::{self, MailDraft};
use crate::{Error, Practice, Reading, blobs};

mod document;
mod write;

/// The version of the reader. Where it is another one than that which has read a mail, the mail is read again.
pub const READER: u32 = 1;

/// Mails of one commit.
const BATCH: usize = 256;
/// Octets of the mails that are in memory for one commit; one mail may be larger.
const OCTETS: u64 = 32 * 1024 * 1024;
/// After so many failures a mail is hopeless: people see it, and another version of the reader will try.
const ATTEMPTS: i64 = 5;

/// A mail in hand.
#[derive(Clone, Debug)]
struct Job {
    mail: i64,
    mailbox: i64,
    key: String,
    blob: i64,
    size: u64,
    sha256: String,
    received: i64,
    history: bool,
    attempts: i64,
    /// Special use of its folder.
    role: String,
}

/// A mail that was read, or was not for a technical reason.
type Outcome = Result<MailDraft, Failure>;

/// A mail with its octets, or why they cannot be had.
type Fetched = (Job, Result<Vec<u8>, Failure>);

impl Practice {
    /// Reads mails that wait, `limit` at most, and returns how many were taken in hand: fewer than `limit` where no more
    /// wait. A mail whose reading fails for a technical reason (its octets are damaged, the reader has a fault) is tried
    /// again later and holds up no other; it is never taken for one without documents.
    ///
    /// # Errors
    /// [`Error::Db`]: what is written stays, the rest waits.
    pub async fn read_pending(&self, limit: usize) -> Result<usize, Error> {
        let mut taken = 0;
        while taken < limit {
            let hand = self.take(BATCH.min(limit - taken)).await?;
            if hand.jobs.is_empty() {
                break;
            }
            taken += hand.jobs.len();
            let read = self.read_jobs(&hand.jobs).await?;
            self.write_read(read).await?;
        }
        Ok(taken)
    }

    /// Mails that wait and that no other reading has in hand.
    async fn take(&self, most: usize) -> Result<Hand<'_>, Error> {
        let mut hand = Hand { practice: self, jobs: Vec::new() };
        let mut octets = 0;
        for waiting in [Reading::Pending, Reading::Failed, Reading::Stale] {
            if hand.jobs.len() >= most {
                break;
            }
            let busy = self.in_hand().len();
            let text = "SELECT m.id, m.mailbox, m.key, m.blob, b.size, b.sha256, m.received, m.history, \
                        m.parse_attempts, f.role FROM lps_mail m JOIN lps_blob b ON b.id = m.blob \
                        JOIN lps_folder f ON f.id = m.folder WHERE m.parse = $1 AND m.parse_due <= $2 \
                        ORDER BY m.id LIMIT $3";
            let limit = i64::try_from(most - hand.jobs.len() + busy).unwrap_or(i64::MAX);
            let values = Values::new().text(waiting.word()).int(millis(self.now())).int(limit);
            for row in db::query(text, values).fetch_all(self.reader()).await? {
                let job = Job {
                    mail: row.try_get(0)?,
                    mailbox: row.try_get(1)?,
                    key: row.try_get(2)?,
                    blob: row.try_get(3)?,
                    size: u64::try_from(row.try_get::<i64, _>(4)?).unwrap_or(0),
                    sha256: row.try_get(5)?,
                    received: row.try_get(6)?,
                    history: row.try_get::<i64, _>(7)? == 1,
                    attempts: row.try_get(8)?,
                    role: row.try_get(9)?,
                };
                let full = hand.jobs.len() >= most || (octets > 0 && octets + job.size > OCTETS);
                if full || !self.in_hand().insert(job.mail) {
                    continue;
                }
                octets += job.size;
                hand.jobs.push(job);
            }
        }
        Ok(hand)
    }

    /// Reads, on as many threads as there are processors.
    async fn read_jobs(&self, jobs: &[Job]) -> Result<Vec<(Job, Outcome)>, Error> {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(8);
        let mut parts: Vec<Vec<Fetched>> = vec![Vec::new(); threads];
        for (at, job) in jobs.iter().enumerate() {
            let bytes = match blobs::read(self.reader(), job.blob, job.size).await {
                Ok(bytes) => Ok(bytes),
                // The database's own trouble is no mail's fault.
                Err(Error::Db(error)) => return Err(Error::Db(error)),
                Err(error) => Err(error.failure()),
            };
            parts[at % threads].push((job.clone(), bytes));
        }
        let tasks: Vec<_> = parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (senders, zone) = (self.setting().senders.clone(), self.setting().zone.clone());
                tokio::task::spawn_blocking(move || -> Vec<(Job, Outcome)> {
                    let read = |(job, bytes): Fetched| {
                        let outcome = bytes.and_then(|bytes| one(&job, &bytes, &senders, &zone));
                        (job, outcome)
                    };
                    part.into_iter().map(read).collect()
                })
            })
            .collect();
        let mut read = Vec::with_capacity(jobs.len());
        for task in tasks {
            read.extend(task.await.map_err(|_| Error::Internal("a reading was ended".into()))?);
        }
        // Versions stand by the order of arrival, whatever the threads did.
        read.sort_by_key(|(job, _)| job.mail);
        Ok(read)
    }

    /// Writes a batch; where one of it cannot be written, the others are.
    async fn write_read(&self, read: Vec<(Job, Outcome)>) -> Result<(), Error> {
        let read = Arc::new(read);
        match self.write_batch(Arc::clone(&read)).await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_temporary() || read.is_empty() => return Err(error),
            Err(error) => tracing::warn!(%error, mails = read.len(), "a batch is written mail by mail"),
        }
        for (job, outcome) in read.iter() {
            let alone = Arc::new(vec![(job.clone(), outcome.clone())]);
            let Err(error) = self.write_batch(alone).await else { continue };
            if error.is_temporary() {
                return Err(error);
            }
            tracing::error!(mail = job.key, %error, "what was read of a mail cannot be written");
            let failed = Failure::temporary(Stage::Storage, format!("the rows cannot be written: {error}"));
            self.write_batch(Arc::new(vec![(job.clone(), Err(failed))])).await?;
        }
        Ok(())
    }

    async fn write_batch(&self, read: Arc<Vec<(Job, Outcome)>>) -> Result<(), Error> {
        let now = self.now();
        self.write(move |tx| {
            let read = Arc::clone(&read);
            Box::pin(async move { write::batch(tx, now, &read).await })
        })
        .await
    }
}

/// Reads one mail. A fault of the reader is that mail's alone.
fn one(
    job: &Job,
    bytes: &[u8],
    senders: &mss::Settings,
    zone: &jiff::tz::TimeZone,
) -> Result<MailDraft, Failure> {
    let read = std::panic::catch_unwind(AssertUnwindSafe(|| draft::read(bytes, senders, zone)));
    read.map_err(|_| {
        tracing::error!(mail = job.key, reader = READER, "the reader has a fault: it stopped on a mail");
        Failure::temporary(Stage::Storage, format!("version {READER} of the reader stopped on this mail"))
    })
}

/// Queues what another version of the reader has read: what it could not read at once, the rest when nothing else waits.
pub(crate) async fn requeue(tx: &mut Tx) -> Result<(), Error> {
    for (from, to) in [
        (Reading::Failed, Reading::Pending),
        (Reading::Hopeless, Reading::Pending),
        (Reading::Ok, Reading::Stale),
        (Reading::Empty, Reading::Stale),
    ] {
        let values = Values::new().text(from.word()).text(to.word()).int(i64::from(READER));
        db::query(
            "UPDATE lps_mail SET parse = $2, parse_attempts = 0, parse_due = 0 WHERE parse = $1 AND parser <> $3",
            values,
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Mails in the hand of one reading; given back when it ends, however it ends.
struct Hand<'a> {
    practice: &'a Practice,
    jobs: Vec<Job>,
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        let done: BTreeSet<i64> = self.jobs.iter().map(|job| job.mail).collect();
        self.practice.in_hand().retain(|mail| !done.contains(mail));
    }
}
