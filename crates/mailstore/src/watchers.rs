//! Who waits for changes of which folder.
//!
//! This process's commits are told at once. Other processes' (several nodes on one PostgreSQL) are found by asking
//! for the mod-sequences of the watched folders, one short statement for 256 of them: an answer is a folder whose
//! mod-sequence is beyond the last one that was told. It costs nothing where nobody waits, and needs nothing that
//! only one of the two databases has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use db::{Backend, Db, Error, Values};
use sqlx::Row as _;
use tokio::sync::watch;

/// The mod-sequence that a deleted folder is taken to have: it is told once.
const GONE: u64 = u64::MAX;
/// Folders asked for in one statement.
const ASKED: usize = 256;

/// Who waits for changes of which folder, in this process. A folder that nobody watches takes no place.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<HashMap<i64, Watched>>);

struct Watched {
    sender: watch::Sender<u64>,
    /// The mod-sequence that watchers know of.
    told: u64,
}

impl Watchers {
    pub(crate) fn watch(&self, folder: i64) -> watch::Receiver<u64> {
        let new = || Watched { sender: watch::Sender::new(0), told: 0 };
        self.lock().entry(folder).or_insert_with(new).sender.subscribe()
    }

    /// The folder has come to this mod-sequence (0: not known).
    pub(crate) fn announce(&self, folder: i64, modseq: u64) {
        let mut all = self.lock();
        if let Some(watched) = all.get_mut(&folder) {
            if watched.sender.receiver_count() == 0 {
                all.remove(&folder);
            } else {
                watched.told = watched.told.max(modseq);
                watched.sender.send_modify(|count| *count += 1);
            }
        }
    }

    /// The folder is deleted.
    pub(crate) fn gone(&self, folder: i64) {
        self.announce(folder, GONE);
    }

    /// Announces what others have come to, unless it was told meanwhile.
    fn found(&self, folder: i64, modseq: u64) {
        let known = self.lock().get(&folder).is_none_or(|watched| watched.told >= modseq);
        if !known {
            self.announce(folder, modseq);
        }
    }

    /// The watched folders that may change, with the mod-sequences told.
    fn told(&self) -> Vec<(i64, i64)> {
        let mut all = self.lock();
        all.retain(|_, watched| watched.sender.receiver_count() > 0);
        all.iter()
            .filter(|(_, watched)| watched.told != GONE)
            .map(|(folder, watched)| (*folder, i64::try_from(watched.told).unwrap_or(i64::MAX)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts to look for other processes' changes, until the store or the database goes.
pub(crate) fn follow(watchers: &Arc<Watchers>, db: &Db) {
    let watchers = Arc::downgrade(watchers);
    let reader = db.reader().clone();
    // Only PostgreSQL is made for several nodes; beside a SQLite file there may be a command at most.
    let pause = match db.backend() {
        Backend::Postgres => Duration::from_millis(400),
        Backend::Sqlite => Duration::from_millis(900),
    };
    tokio::spawn(async move {
        let mut failing = false;
        loop {
            tokio::time::sleep(pause).await;
            if reader.is_closed() {
                return;
            }
            match look(&watchers, &reader).await {
                Ok(true) => failing = false,
                Ok(false) => return,
                // Said once, not twice a second.
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "changes of other processes cannot be asked for");
                    }
                }
            }
        }
    });
}

/// One look; false where the store is gone.
async fn look(watchers: &Weak<Watchers>, reader: &sqlx::AnyPool) -> Result<bool, Error> {
    let Some(told) = watchers.upgrade().map(|watchers| watchers.told()) else { return Ok(false) };
    for some in told.chunks(ASKED) {
        let text = format!(
            "SELECT v.column1, f.highest_modseq FROM {} AS v LEFT JOIN folder f ON f.id = v.column1 \
             WHERE v.column1 >= 0 AND (f.id IS NULL OR f.highest_modseq > v.column2)",
            db::pairs(1, some.len())
        );
        let rows = db::query(text, Values::new().int_pairs(some)).fetch_all(reader).await?;
        let Some(watchers) = watchers.upgrade() else { return Ok(false) };
        for row in &rows {
            let modseq: Option<i64> = row.try_get(1)?;
            watchers.found(row.try_get(0)?, modseq.map_or(GONE, |modseq| modseq.unsigned_abs()));
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_nobody_watches_takes_no_place() {
        let watchers = Watchers::default();
        let mut watch = watchers.watch(1);
        watchers.announce(1, 1);
        assert!(watch.has_changed().unwrap());
        assert_eq!(*watch.borrow_and_update(), 1);
        drop(watch);
        watchers.announce(1, 2);
        assert!(watchers.lock().is_empty());
        drop(watchers.watch(2));
        assert!(watchers.told().is_empty() && watchers.lock().is_empty());
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let watchers = Watchers::default();
        let mut watch = watchers.watch(1);
        watchers.announce(1, 7);
        assert_eq!(*watch.borrow_and_update(), 1);
        watchers.found(1, 7);
        assert!(!watch.has_changed().unwrap());
        watchers.found(1, 8);
        assert_eq!(*watch.borrow_and_update(), 2);
        watchers.gone(1);
        assert_eq!(*watch.borrow_and_update(), 3);
        assert!(watchers.told().is_empty(), "a deleted folder is not asked for again");
    }
}
