use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rules::inspect::Inspection;

/// How long what was dropped is kept, in minutes.
pub(super) const MINUTES: usize = 15;
/// Octets kept in all: two full requests. The newest one is always kept.
const ROOM: u64 = 100 * 1024 * 1024;
/// Requests kept; small files have findings that count too.
const MOST: usize = 20;

/// A file as it was dropped.
pub(super) struct File {
    pub(super) name: String,
    /// In octets.
    pub(super) size: u64,
    /// What it holds; nothing where it was too large.
    pub(super) bytes: Vec<u8>,
    /// What was found; `None` where it was too large to be read.
    pub(super) inspection: Option<Inspection>,
    /// For each document that the facts tell of, its place among [`rules::inspect::documents`].
    pub(super) places: Vec<Option<usize>>,
}

/// What one request dropped.
pub(super) struct Dropped {
    /// Its name: unguessable.
    id: String,
    pub(super) files: Vec<File>,
}

/// What was dropped lately, by unguessable names; in memory only, newest last.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<VecDeque<Arc<Dropped>>>>);

impl Shelf {
    /// Keeps these files for [`MINUTES`] at most, or until others need the room; gives their name.
    pub(super) fn keep(&self, files: Vec<File>) -> String {
        let id = kernel::random::id();
        let mut all = self.all();
        all.push_back(Arc::new(Dropped { id: id.clone(), files }));
        while all.len() > 1 && (all.len() > MOST || all.iter().map(|one| one.octets()).sum::<u64>() > ROOM) {
            all.pop_front();
        }
        drop(all);
        let (shelf, name) = (Arc::downgrade(&self.0), id.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(60 * MINUTES as u64)).await;
            if let Some(shelf) = shelf.upgrade() {
                Self(shelf).forget(&name);
            }
        });
        id
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Dropped>> {
        self.all().iter().find(|dropped| dropped.id == id).cloned()
    }

    pub(super) fn forget(&self, id: &str) {
        self.all().retain(|dropped| dropped.id != id);
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Arc<Dropped>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shelf({} kept)", self.all().len())
    }
}

impl Dropped {
    fn octets(&self) -> u64 {
        self.files.iter().map(|file| file.bytes.len() as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(octets: usize) -> Vec<File> {
        vec![File {
            name: "a".into(),
            size: octets as u64,
            bytes: vec![0; octets],
            inspection: None,
            places: vec![],
        }]
    }

    #[tokio::test]
    async fn old_files_make_room_and_are_forgotten_when_asked() {
        let shelf = Shelf::default();
        let first = shelf.keep(file(60 * 1024 * 1024));
        assert!(shelf.find(&first).is_some() && shelf.find("other").is_none());
        let second = shelf.keep(file(60 * 1024 * 1024));
        assert!(shelf.find(&first).is_none(), "120 MB are more than are kept");
        shelf.forget(&second);
        assert!(shelf.find(&second).is_none());
        let small = shelf.keep(file(1));
        for _ in 0..MOST {
            shelf.keep(file(1));
        }
        assert!(shelf.find(&small).is_none(), "the oldest of many small ones");
    }

    #[tokio::test(start_paused = true)]
    async fn a_quarter_of_an_hour_later_it_is_gone() {
        let shelf = Shelf::default();
        let id = shelf.keep(file(1));
        tokio::time::sleep(Duration::from_secs(60 * MINUTES as u64 - 1)).await;
        assert!(shelf.find(&id).is_some());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(shelf.find(&id).is_none());
    }
}
