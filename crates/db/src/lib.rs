//! SQLite or PostgreSQL through one SQL text (`sqlx::Any`; columns BIGINT, TEXT and BLOB only), and one writer
//! that batches.
//!
//! # Why one writer
//!
//! A durable commit costs one `fsync`, whatever it holds. So nobody commits alone: every write is a [`Unit`] handed
//! to the writer, which gathers what is waiting, applies it in one transaction, commits once, and only then answers
//! everybody. Parts of a unit are typed items of an [`Applier`], so that a hundred messages become a few multi-row
//! statements rather than a thousand single ones. A unit is all or nothing; where a batch fails, its units are
//! tried again one by one, so that a poisoned one harms nobody else.
//!
//! # Why `Any`, and what it asks of the callers
//!
//! One text for two databases is worth more here than compile-time checked queries. The price: only BIGINT, TEXT
//! and BLOB columns, `cast(sum(x) as bigint)` around sums, and `$1…` parameters. What differs in the DDL is
//! translated by [`Db::migrate`]. A statement costs about the same whatever it holds, so what matters is how many
//! rows one carries: [`Insert`] and [`list`] write a few fixed texts, which the connection keeps prepared.

mod batch;
mod care;
mod error;
mod open;
mod schema;
mod sql;
mod unit;
mod writer;

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

pub use care::snapshot;
pub use error::Error;
pub use open::Backend;
pub use sql::{Insert, Values, holds, list, pairs, query, reserve, rung, table};
pub use unit::{Applier, Handle, Replies, Ticket, Unit};
pub use writer::Stats;

use batch::Job;
use open::Target;
use writer::Shared;

/// A transaction in progress, as appliers and closures see it.
pub type Tx = sqlx::AnyConnection;

/// A boxed future that may borrow.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A handle on a database; cheap to clone. When the last clone goes, what was handed over is still committed as
/// long as the runtime lives; [`Db::close`] waits for it.
#[derive(Clone)]
pub struct Db {
    shared: Arc<Shared>,
    reader: sqlx::AnyPool,
    backend: Backend,
}

impl Db {
    /// Opens (and creates, readable by its owner only) the SQLite file at `path`. Must be called within a Tokio
    /// runtime.
    ///
    /// # Errors
    /// [`Error::is_unwritable`] where the directory is missing or read-only, or the disk is full;
    /// [`Error::is_temporary`] where another process holds the file for longer than five seconds.
    pub async fn open_sqlite(path: &Path) -> Result<Self, Error> {
        Self::open(Target::sqlite(path)?).await
    }

    /// Opens the database at a `postgres://` URL. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Where the URL is malformed, the server unreachable ([`Error::is_temporary`]), or the login refused. The
    /// message never repeats the URL, which may hold a password.
    pub async fn open_postgres(url: &str) -> Result<Self, Error> {
        Self::open(Target::postgres(url)?).await
    }

    async fn open(target: Target) -> Result<Self, Error> {
        let writer = target.connect_writer().await?;
        let reader = target.readers().await?;
        let backend = target.backend();
        Ok(Self { shared: writer::start(target, writer), reader, backend })
    }

    /// Which database is behind.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Brings a component's tables to version `migrations.len()`, in one transaction. `migrations[n]` leads from
    /// version `n` to `n + 1` and is never edited once released.
    ///
    /// Texts are written once, for both databases: columns are BIGINT, TEXT or BLOB (BYTEA on PostgreSQL);
    /// `BIGINT PRIMARY KEY` of a single column becomes SQLite's row id; `WITHOUT ROWID` is left out on PostgreSQL.
    ///
    /// # Errors
    /// [`Error::Newer`] where the data were written by a later version; else what the database says.
    pub async fn migrate(&self, component: &'static str, migrations: &[&str]) -> Result<(), Error> {
        schema::migrate(self, component, migrations).await
    }

    /// Registers a kind of item. Appliers of one batch run in registration order.
    pub fn register<A: Applier>(&self, applier: A) -> Handle<A> {
        self.shared.register(applier)
    }

    /// Commits a unit, durably, and returns its replies. The unit is committed even if the caller stops waiting.
    ///
    /// # Errors
    /// What the unit's own items met (another unit's failure is never seen here); [`Error::is_unknown`] where the
    /// connection to the server died during the commit itself.
    pub async fn commit(&self, unit: Unit) -> Result<Replies, Error> {
        self.shared.commit(unit).await
    }

    /// Hands a unit over without waiting; a failure is logged as an error. Committed before any unit handed over
    /// later. The queue takes it even where it is long: see [`Db::ready`].
    pub fn submit(&self, unit: Unit) {
        self.shared.submit(unit);
    }

    /// Returns when the queue is short enough that handing over more does not pile up memory: what a task that only
    /// ever [`Db::submit`]s waits for now and then.
    pub async fn ready(&self) {
        self.shared.ready().await;
    }

    /// Returns when everything handed over before is committed.
    ///
    /// # Errors
    /// [`Error::Closed`] after [`Db::close`].
    pub async fn barrier(&self) -> Result<(), Error> {
        self.shared.barrier().await
    }

    /// Runs a closure inside the writer's transaction (schema-like or rare writes), after the items of the same
    /// batch. May run twice if a batch fails, hence `Fn`. An error rolls back what the closure did.
    ///
    /// # Errors
    /// What the closure returns, or what the commit meets.
    pub async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T, Error>> + Send + Sync + 'static,
    {
        self.write_then(work, |_| {}).await
    }

    /// [`Db::write`], and `committed` called by the writer after the commit, in commit order, even if the caller has
    /// stopped waiting: publish notices there.
    ///
    /// # Errors
    /// As [`Db::write`]; `committed` is then not called.
    pub async fn write_then<T, F, G>(&self, work: F, committed: G) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T, Error>> + Send + Sync + 'static,
        G: FnOnce(&T) + Send + 'static,
    {
        self.shared.write(work, committed).await
    }

    /// Hands a closure over without waiting, for clean-up that nobody waits for; a failure is logged as an error.
    pub fn submit_write<F>(&self, work: F)
    where
        F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<(), Error>> + Send + Sync + 'static,
    {
        self.shared.submit_write(work);
    }

    /// The pool for reading. Readers see only what is committed, and cannot write.
    pub fn reader(&self) -> &sqlx::AnyPool {
        &self.reader
    }

    /// What the writer has done since the database was opened.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Waits for the queue to empty and closes the files. Later writes fail with [`Error::Closed`].
    pub async fn close(&self) {
        let (answer, done) = tokio::sync::oneshot::channel();
        if self.shared.push(Job::Close(answer)).is_ok() {
            let _ = done.await;
        }
        self.reader.close().await;
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("backend", &self.backend).field("stats", &self.stats()).finish()
    }
}
