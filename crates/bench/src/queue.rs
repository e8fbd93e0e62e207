//! One run at a time per mailbox; the next one is queued and told behind which. A run that an adapter drives leaves when
//! its client has ended: what remains of its window, the grace and the verdict, is nobody's wait.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The queues of every mailbox.
#[derive(Debug)]
pub(crate) struct Queues {
    waiting: Mutex<HashMap<String, VecDeque<i64>>>,
    moved: watch::Sender<u64>,
}

impl Queues {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { waiting: Mutex::default(), moved: watch::Sender::new(0) })
    }

    /// Takes a place; it is given back when the [`Place`] is dropped.
    pub(crate) fn join(self: &Arc<Self>, mailbox: &str, run: i64) -> Place {
        self.lock().entry(mailbox.to_owned()).or_default().push_back(run);
        Place { queues: Arc::clone(self), mailbox: mailbox.to_owned(), run }
    }

    /// The run just before `run` on its mailbox, if it has to wait.
    pub(crate) fn behind(&self, run: i64) -> Option<i64> {
        self.lock().values().find_map(|queue| {
            let at = queue.iter().position(|other| *other == run)?;
            at.checked_sub(1).map(|before| queue[before])
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, VecDeque<i64>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a mailbox's queue; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    queues: Arc<Queues>,
    mailbox: String,
    run: i64,
}

impl Place {
    /// Gives the place back before its holder ends.
    pub(crate) fn leave(&self) {
        let mut waiting = self.queues.lock();
        if let Some(queue) = waiting.get_mut(&self.mailbox) {
            queue.retain(|run| *run != self.run);
            if queue.is_empty() {
                waiting.remove(&self.mailbox);
            }
        }
        drop(waiting);
        self.queues.moved.send_modify(|turn| *turn += 1);
    }

    /// Returns when every run before this one has left.
    pub(crate) async fn turn(&self) {
        let mut moved = self.queues.moved.subscribe();
        while self.queues.behind(self.run).is_some() {
            if moved.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_run_of_a_mailbox_waits_and_knows_behind_which() {
        let queues = Queues::new();
        let first = queues.join("a@x", 31);
        let second = queues.join("a@x", 32);
        let other = queues.join("b@x", 33);
        assert_eq!((queues.behind(31), queues.behind(32), queues.behind(33)), (None, Some(31), None));
        first.turn().await;
        other.turn().await;
        let waiting = tokio::spawn(async move { second.turn().await });
        first.leave();
        waiting.await.unwrap();
        assert_eq!(queues.behind(32), None);
        drop(first);
        assert_eq!(queues.behind(33), None);
    }
}
