use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use db::{BoxFuture, Db, Tx};
use ins::World;
use jiff::tz::TimeZone;
use kernel::{Clock, Timestamp};
use tokio::sync::watch;

use crate::schema::MIGRATIONS;
use crate::{Error, changes, reading};

/// Everything that a practice keeps. Cheap to clone; every clone is the same practice.
///
/// Two processes on one database would both fetch and both read: an exclusive lock on the data directory is the caller's
/// business. On PostgreSQL rows stay right even then, but [`Practice::watch`] tells of this process's changes alone.
#[derive(Clone)]
pub struct Practice {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    clock: Clock,
    setting: Setting,
    notices: watch::Sender<u64>,
    /// Mails that a reading has in hand, by `id`: two triggers at once share the work rather than do it twice. What makes
    /// it right is the check within the transaction.
    in_hand: Mutex<BTreeSet<i64>>,
}

/// What is the practice's own to say.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Which numbers are admitted: [`World::Production`] unless told otherwise, so that an identity of tests is never filed
    /// among real people by oversight.
    pub world: World,
    /// Where the practice stands: days are its days (spec 07, L6).
    pub zone: TimeZone,
    /// How senders are told apart.
    pub senders: mss::Settings,
    /// Octets of the largest mail that is kept.
    pub blob_limit: u64,
}

impl Default for Setting {
    /// Production, Paris, Mon espace santé; mails of 40 MB: the 25 MB of MSSanté once in base64, and some margin. Paris by
    /// its rule since 1996, which needs no database of zones on the machine.
    fn default() -> Self {
        let paris = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3");
        Self {
            world: World::Production,
            zone: paris.unwrap_or(TimeZone::UTC),
            senders: mss::Settings::default(),
            blob_limit: 40 * 1024 * 1024,
        }
    }
}

impl Practice {
    /// Opens the practice of this database, bringing its tables to their version. Mails that an earlier version of the
    /// reader has read are queued to be read again (spec 07, L4).
    ///
    /// # Errors
    /// [`Error::Db`]: the database, or data of a later version of the program.
    pub async fn open(db: Db, clock: Clock, setting: Setting) -> Result<Self, Error> {
        db.migrate("practice", MIGRATIONS).await?;
        let inner = Inner {
            db,
            clock,
            setting,
            notices: watch::Sender::new(0),
            in_hand: Mutex::new(BTreeSet::new()),
        };
        let practice = Self { inner: Arc::new(inner) };
        practice.requeue().await?;
        let newest = changes::newest(practice.reader()).await?;
        practice.inner.notices.send_replace(newest);
        Ok(practice)
    }

    /// Queues what another version of the reader has read.
    async fn requeue(&self) -> Result<(), Error> {
        self.write(|tx| Box::pin(reading::requeue(tx))).await
    }

    /// The number of the newest change, each time that there is one; see [`Practice::changes`].
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.inner.notices.subscribe()
    }

    /// What the practice says of itself.
    pub fn setting(&self) -> &Setting {
        &self.inner.setting
    }

    /// The present instant.
    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The pool for reading.
    pub(crate) fn reader(&self) -> &sqlx::AnyPool {
        self.inner.db.reader()
    }

    /// Which database is behind.
    pub(crate) fn backend(&self) -> db::Backend {
        self.inner.db.backend()
    }

    pub(crate) fn in_hand(&self) -> std::sync::MutexGuard<'_, BTreeSet<i64>> {
        self.inner.in_hand.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Runs `work` in one transaction: all of it or nothing, whatever error it returns. May run twice, hence `Fn`. The
    /// notices that it [`changes::note`]s are published after the commit, even if the caller has stopped waiting.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T, Error>> + Send + Sync + 'static,
    {
        let work = Arc::new(work);
        // The writer knows its own errors alone; what else stopped the work is kept aside.
        let aside: Arc<Mutex<Option<Error>>> = Arc::default();
        let keep = Arc::clone(&aside);
        let practice = self.clone();
        let done = self
            .inner
            .db
            .write_then(
                move |tx| {
                    let (work, keep) = (Arc::clone(&work), Arc::clone(&keep));
                    Box::pin(async move {
                        match work(&mut *tx).await {
                            Ok(value) => Ok((value, changes::newest_in(tx).await?)),
                            Err(Error::Db(error)) => Err(error),
                            Err(other) => {
                                let told = db::Error::invalid(other.to_string());
                                *keep.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(other);
                                Err(told)
                            }
                        }
                    })
                },
                move |(_, newest)| practice.publish(*newest),
            )
            .await;
        match done {
            Ok((value, _)) => Ok(value),
            Err(error) => {
                let other = aside.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
                Err(other.unwrap_or(Error::Db(error)))
            }
        }
    }

    fn publish(&self, newest: u64) {
        self.inner.notices.send_if_modified(|known| {
            let moved = newest > *known;
            *known = newest.max(*known);
            moved
        });
    }
}

impl fmt::Debug for Practice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Practice").field("db", &self.inner.db).finish_non_exhaustive()
    }
}
