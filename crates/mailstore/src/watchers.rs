use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Who waits for changes of which folder, in this process. A folder that nobody watches takes no place.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<HashMap<i64, watch::Sender<u64>>>);

impl Watchers {
    pub(crate) fn watch(&self, folder: i64) -> watch::Receiver<u64> {
        self.lock().entry(folder).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    pub(crate) fn announce(&self, folder: i64) {
        let mut senders = self.lock();
        if let Some(sender) = senders.get(&folder) {
            if sender.receiver_count() == 0 {
                senders.remove(&folder);
            } else {
                sender.send_modify(|count| *count += 1);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, watch::Sender<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_nobody_watches_takes_no_place() {
        let watchers = Watchers::default();
        let mut watch = watchers.watch(1);
        watchers.announce(1);
        assert!(watch.has_changed().unwrap());
        assert_eq!(*watch.borrow_and_update(), 1);
        drop(watch);
        watchers.announce(1);
        assert!(watchers.lock().is_empty());
    }
}
