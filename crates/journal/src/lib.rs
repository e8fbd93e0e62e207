//! Keeps wire events and streams them.
//!
//! A server writes what it sees with a [`Tap`], one for each connection. Events are numbered at the commit, by the
//! writer, so that their order is the order of the disk; readers of the stream and readers of the table agree.
//!
//! # Why the connection's number is not the database's business
//!
//! Accepting a connection must neither wait nor fail, so numbers come from a block reserved ahead of need. What is
//! left of a block at the end of a process is never used: gaps are fine, a number given twice is not.

mod numbers;
mod query;
mod tap;
mod writer;

use std::sync::Arc;

use kernel::Timestamp;
use tokio::sync::broadcast;
use wire::{Event, Fact, Origin};

pub use query::Query;
pub use tap::Tap;

use numbers::Numbers;
use writer::JournalApplier;

/// Events that a reader of the stream may be late by before it is told that it missed some.
const STREAM: usize = 8_192;

const MIGRATIONS: &[&str] = &["
CREATE TABLE event (
    seq BIGINT PRIMARY KEY,
    at_us BIGINT NOT NULL,
    connection BIGINT NOT NULL,
    service TEXT NOT NULL,
    fact TEXT NOT NULL
);
CREATE INDEX event_connection ON event (connection, seq);
"];

/// The journal; cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    db: db::Db,
    clock: kernel::Clock,
    handle: db::Handle<JournalApplier>,
    stream: broadcast::Sender<Arc<Event>>,
    numbers: Numbers,
}

impl Journal {
    /// Opens the journal's tables and reserves connection numbers. Once for a database.
    ///
    /// # Errors
    /// What the database says; [`db::Error::Newer`] where a later version wrote the tables.
    pub async fn open(db: &db::Db, clock: kernel::Clock) -> Result<Self, db::Error> {
        db.migrate("journal", MIGRATIONS).await?;
        let numbers = Numbers::open(db).await?;
        let (stream, _) = broadcast::channel(STREAM);
        let handle = db.register(JournalApplier::new(stream.clone()));
        Ok(Self { shared: Arc::new(Shared { db: db.clone(), clock, handle, stream, numbers }) })
    }

    /// A new connection: allocates its number (never reused, even after a restart) and records [`Fact::Connected`].
    /// Never blocks and never fails: numbers come from a block reserved ahead.
    pub fn connect(&self, origin: Origin) -> Tap {
        let connection = self.shared.numbers.next(&self.shared.db);
        let mut tap = Tap::new(Arc::clone(&self.shared), connection, origin.service);
        tap.record(Fact::Connected { origin });
        tap
    }

    /// Events as they are committed, in order. A slow reader is told how many it missed (broadcast semantics).
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.shared.stream.subscribe()
    }

    /// Reads events back.
    ///
    /// # Errors
    /// What the database says; [`db::Error::Corrupt`] for an event that cannot be read.
    pub async fn events(&self, query: &Query) -> Result<Vec<Event>, db::Error> {
        query::events(self.shared.db.reader(), query).await
    }

    /// The newest events of one kind that were seen at `at` or later, oldest first: `fact` is the kind's tag, such as
    /// `mail`; `limit` at most.
    ///
    /// Times have no index: events are numbered nearly in their order, so that the place is found by halving, and
    /// looked at from a minute before.
    ///
    /// # Errors
    /// As [`Journal::events`].
    pub async fn since(&self, at: Timestamp, fact: &str, limit: i64) -> Result<Vec<Event>, db::Error> {
        query::since(self.shared.db.reader(), at, fact, limit).await
    }

    /// The `seq` of the newest committed event; 0 where there is none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn head(&self) -> Result<i64, db::Error> {
        query::head(self.shared.db.reader()).await
    }

    /// Returns when every event recorded and flushed before is committed.
    ///
    /// # Errors
    /// Where the database is closed.
    pub async fn barrier(&self) -> Result<(), db::Error> {
        self.shared.db.barrier().await
    }
}
