//! Connection numbers, reserved ahead of need.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use db::{Db, Error, Tx, Values};
use sqlx::Row as _;
use wire::ConnectionId;

/// Numbers reserved at a time. The next block is asked for when half of this one is used.
const BLOCK: i64 = 1_024;

/// Hands out numbers. `next` may run past `end` while the database does not answer: the block that is then reserved
/// starts above what was handed out, and [`Numbers::open`] starts above what was ever recorded.
#[derive(Debug)]
pub(crate) struct Numbers(Arc<Counter>);

#[derive(Debug)]
struct Counter {
    block: Mutex<Block>,
    refilling: AtomicBool,
}

#[derive(Debug)]
struct Block {
    next: i64,
    end: i64,
    /// The block after this one, once reserved.
    spare: Option<(i64, i64)>,
}

impl Numbers {
    pub(crate) async fn open(db: &Db) -> Result<Self, Error> {
        let used = db::query("SELECT coalesce(max(connection), 0) FROM event", Values::new())
            .fetch_one(db.reader())
            .await?
            .try_get::<i64, _>(0)?;
        let (next, end) = reserve_above(db, used).await?;
        let block = Mutex::new(Block { next, end, spare: None });
        Ok(Self(Arc::new(Counter { block, refilling: AtomicBool::new(false) })))
    }

    pub(crate) fn next(&self, db: &Db) -> ConnectionId {
        let (number, low) = self.0.take();
        if low && !self.0.refilling.swap(true, Ordering::AcqRel) {
            tokio::spawn(refill(Arc::clone(&self.0), db.clone()));
        }
        ConnectionId(number)
    }
}

impl Counter {
    /// The next number, and whether a new block should be asked for.
    fn take(&self) -> (i64, bool) {
        let mut block = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        if block.next >= block.end
            && let Some((next, end)) = block.spare.take()
        {
            (block.next, block.end) = (next, end);
        }
        let number = block.next;
        block.next += 1;
        (number, block.spare.is_none() && block.end - block.next < BLOCK / 2)
    }

    fn highest(&self) -> i64 {
        self.block.lock().unwrap_or_else(PoisonError::into_inner).next
    }

    /// Keeps a new block; refused where numbers were handed out past its start meanwhile.
    fn refilled(&self, next: i64, end: i64) -> bool {
        let mut block = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        if block.next > block.end && next < block.next {
            return false;
        }
        block.spare = Some((next, end));
        true
    }
}

async fn refill(counter: Arc<Counter>, db: Db) {
    let mut wait = Duration::from_millis(50);
    loop {
        match reserve_above(&db, counter.highest() - 1).await {
            Ok((next, end)) if counter.refilled(next, end) => break,
            Ok(_) => {}
            Err(Error::Closed) => break,
            Err(error) => {
                tracing::error!(%error, "connection numbers could not be reserved: trying again");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(5));
            }
        }
    }
    counter.refilling.store(false, Ordering::Release);
}

/// A block that starts above `used`.
async fn reserve_above(db: &Db, used: i64) -> Result<(i64, i64), Error> {
    db.write(move |tx: &mut Tx| {
        Box::pin(async move {
            let mut first = db::reserve(tx, "connection", BLOCK).await?;
            if first <= used {
                // The sequence catches up with what was handed out without it.
                let behind = used + 1 - first;
                db::reserve(tx, "connection", behind).await?;
                first = used + 1;
            }
            Ok((first, first + BLOCK))
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_past_the_block_are_not_given_twice() {
        let block = Mutex::new(Block { next: 1, end: 3, spare: None });
        let counter = Counter { block, refilling: AtomicBool::new(false) };
        let given: Vec<i64> = (0..4).map(|_| counter.take().0).collect();
        assert_eq!(given, [1, 2, 3, 4]);
        assert!(!counter.refilled(3, 10), "3 and 4 are already out");
        assert!(counter.refilled(5, 10));
        assert_eq!(counter.take().0, 5);
    }
}
