//! The one task that writes.
//!
//! While a commit waits for the disk, others queue; the next batch takes them all. That is the whole trick, and the
//! rest is what happens when something fails: the batch is rolled back and its jobs are tried one by one, each in its
//! own transaction, so that only the faulty one is refused. A connection that dies is opened again; one that dies
//! *during* a commit leaves an outcome that nobody knows, which is said so and never tried again.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use futures_util::FutureExt as _;
use sqlx::{AnyConnection, Connection as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::batch::{Batch, Closure, Job, Scope, UnitJob, guarded, refused};
use crate::open::Target;
use crate::unit::{Kind, Place, TypedKind};
use crate::{Applier, BoxFuture, Error, Handle, Replies, Tx, Unit};

/// Jobs in one batch at most: bounds the length of a transaction.
const BATCH: usize = 512;
/// Jobs that may wait before callers wait in turn.
const QUEUE: usize = 1_024;
/// How often the writer lets others run before it closes a batch: those it has just answered come back with more.
const COURTESY: usize = 3;
/// How often a transaction that fell to another process's (a deadlock between two nodes) is tried again at once.
const CONFLICTS: usize = 3;

/// What the writer has done since the database was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Transactions committed.
    pub commits: u64,
    /// Units and closures committed in them.
    pub units: u64,
    /// Batches that failed and were tried again one by one.
    pub retries: u64,
    /// Units and closures refused.
    pub failures: u64,
}

/// What every [`crate::Db`] handle shares with the writer.
pub(crate) struct Shared {
    id: u64,
    queue: mpsc::UnboundedSender<Job>,
    room: Arc<Semaphore>,
    core: Arc<Core>,
}

#[derive(Default)]
struct Core {
    kinds: RwLock<Vec<Arc<dyn Kind>>>,
    commits: AtomicU64,
    units: AtomicU64,
    retries: AtomicU64,
    failures: AtomicU64,
}

/// Starts the task that writes. It ends when every handle is gone, or when it is told to close.
pub(crate) fn start(target: Target, conn: AnyConnection) -> Arc<Shared> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let (queue, jobs) = mpsc::unbounded_channel();
    let core = Arc::new(Core::default());
    let shared = Shared {
        id: NEXT.fetch_add(1, Ordering::Relaxed),
        queue,
        room: Arc::new(Semaphore::new(QUEUE)),
        core: Arc::clone(&core),
    };
    tokio::spawn(Writer { target, conn: Some(conn), jobs, core }.run());
    Arc::new(shared)
}

impl Shared {
    pub(crate) fn register<A: Applier>(&self, applier: A) -> Handle<A> {
        let mut kinds = self.core.kinds.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        kinds.push(Arc::new(TypedKind(Arc::new(applier))));
        Handle::new(Place { owner: self.id, applier: kinds.len() - 1 })
    }

    pub(crate) async fn commit(&self, unit: Unit) -> Result<Replies, Error> {
        if unit.is_empty() {
            return Ok(Replies { parts: Vec::new() });
        }
        self.check(&unit)?;
        let room = self.room().await?;
        let (answer, reply) = oneshot::channel();
        self.push(Job::Unit(UnitJob { unit, answer: Some(answer), room: Some(room) }))?;
        reply.await.unwrap_or(Err(Error::Closed))
    }

    pub(crate) fn submit(&self, unit: Unit) {
        if unit.is_empty() {
            return;
        }
        let handed = self.check(&unit).and_then(|()| {
            let room = Arc::clone(&self.room).try_acquire_owned().ok();
            self.push(Job::Unit(UnitJob { unit, answer: None, room }))
        });
        if let Err(error) = handed {
            refused(&error);
        }
    }

    pub(crate) async fn ready(&self) {
        drop(self.room().await);
    }

    pub(crate) async fn barrier(&self) -> Result<(), Error> {
        let (answer, reply) = oneshot::channel();
        self.push(Job::Barrier(answer))?;
        reply.await.map_err(|_| Error::Closed)
    }

    pub(crate) async fn write<T, F, G>(&self, work: F, committed: G) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T, Error>> + Send + Sync + 'static,
        G: FnOnce(&T) + Send + 'static,
    {
        let room = self.room().await?;
        let (answer, reply) = oneshot::channel();
        let job = Closure { work, committed, result: None, answer: Some(answer), room: Some(room) };
        self.push(Job::Work(Box::new(job)))?;
        reply.await.unwrap_or(Err(Error::Closed))
    }

    pub(crate) fn submit_write<F>(&self, work: F)
    where
        F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<(), Error>> + Send + Sync + 'static,
    {
        let job = Closure { work, committed: |_: &()| {}, result: None, answer: None, room: None };
        if let Err(error) = self.push(Job::Work(Box::new(job))) {
            refused(&error);
        }
    }

    pub(crate) fn push(&self, job: Job) -> Result<(), Error> {
        self.queue.send(job).map_err(|_| Error::Closed)
    }

    pub(crate) fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            commits: read(&self.core.commits),
            units: read(&self.core.units),
            retries: read(&self.core.retries),
            failures: read(&self.core.failures),
        }
    }

    fn check(&self, unit: &Unit) -> Result<(), Error> {
        match unit.parts.iter().all(|(place, _)| place.owner == self.id) {
            true => Ok(()),
            false => Err(Error::Other(String::from("a unit holds items of another database"))),
        }
    }

    async fn room(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.room).acquire_owned().await.map_err(|_| Error::Closed)
    }
}

struct Writer {
    target: Target,
    conn: Option<AnyConnection>,
    jobs: mpsc::UnboundedReceiver<Job>,
    core: Arc<Core>,
}

impl Writer {
    async fn run(mut self) {
        let mut closing = Vec::new();
        while let Some(first) = self.jobs.recv().await {
            let mut batch = Batch::default();
            self.take(&mut batch, first);
            for _ in 0..COURTESY {
                tokio::task::yield_now().await;
                let before = batch.jobs();
                while batch.jobs() < BATCH
                    && let Ok(job) = self.jobs.try_recv()
                {
                    self.take(&mut batch, job);
                }
                if batch.jobs() == before || batch.jobs() >= BATCH {
                    break;
                }
            }
            closing.append(&mut batch.closing);
            if batch.jobs() > 0 {
                self.write(&mut batch).await;
            }
            for barrier in batch.barriers.drain(..) {
                let _ = barrier.send(());
            }
            if !closing.is_empty() {
                // Nothing more is taken in; what was handed over before is written, and then the receiver ends.
                self.jobs.close();
            }
        }
        if let Some(conn) = self.conn.take() {
            let _ = conn.close().await;
        }
        for answer in closing {
            let _ = answer.send(());
        }
    }

    fn take(&self, batch: &mut Batch, job: Job) {
        match job {
            Job::Unit(job) => batch.add(&self.core.kinds, job),
            Job::Work(mut work) => {
                work.taken();
                batch.works.push(Some(work));
            }
            Job::Barrier(answer) => batch.barriers.push(answer),
            Job::Close(answer) => batch.closing.push(answer),
        }
    }

    async fn write(&mut self, batch: &mut Batch) {
        let jobs = batch.jobs();
        let error = match self.attempt(batch, Scope::All).await {
            Ok(()) => {
                self.count(jobs);
                for bag in batch.bags.iter().flatten() {
                    guarded("notice", || bag.committed());
                }
                (0..batch.units.len()).for_each(|at| batch.answer_unit(at, Ok(())));
                (0..batch.works.len()).for_each(|at| batch.answer_work(at, Ok(())));
                return;
            }
            Err(error) => error,
        };
        if jobs == 1 || !error.again {
            self.core.failures.fetch_add(jobs as u64, Ordering::Relaxed);
            batch.refuse_all(&error.cause);
            return;
        }
        tracing::debug!(error = %error.cause, jobs, "a batch failed: its parts are tried one by one");
        self.core.retries.fetch_add(1, Ordering::Relaxed);
        let scopes = (0..batch.units.len()).map(Scope::Unit).chain((0..batch.works.len()).map(Scope::Work));
        for scope in scopes {
            match self.attempt(batch, scope).await {
                Ok(()) => {
                    self.count(1);
                    batch.publish(scope);
                    batch.answer(scope, Ok(()));
                }
                Err(error) => {
                    self.core.failures.fetch_add(1, Ordering::Relaxed);
                    batch.answer(scope, Err(error.cause.clone()));
                    if !error.again {
                        // The server is away, or the outcome unknown: the others would only wait for the same.
                        batch.refuse_all(&error.cause);
                        return;
                    }
                }
            }
        }
    }

    fn count(&self, jobs: usize) {
        self.core.commits.fetch_add(1, Ordering::Relaxed);
        self.core.units.fetch_add(jobs as u64, Ordering::Relaxed);
    }

    /// One transaction, tried again where another process's stood in its way.
    async fn attempt(&mut self, batch: &mut Batch, scope: Scope) -> Result<(), Attempt> {
        for _ in 0..CONFLICTS {
            match self.attempt_once(batch, scope).await {
                Err(error) if error.again && error.cause.is_conflict() => {
                    tracing::debug!(error = %error.cause, "another process stood in the way: once more");
                }
                outcome => return outcome,
            }
        }
        self.attempt_once(batch, scope).await
    }

    /// One transaction. The connection is kept only where it is known to be sound.
    async fn attempt_once(&mut self, batch: &mut Batch, scope: Scope) -> Result<(), Attempt> {
        loop {
            let (mut conn, kept) = match self.conn.take() {
                Some(conn) => (conn, true),
                None => (self.target.connect_writer().await.map_err(Attempt::hopeless)?, false),
            };
            let (outcome, sound) = match conn.begin_with(self.target.begin()).await.map_err(Error::from) {
                Ok(tx) => transaction(tx, batch, scope).await,
                // The server may have cut an idle connection: once more, with a new one.
                Err(error) if error.is_connection_lost() && kept => continue,
                Err(error) => {
                    let sound = !error.is_connection_lost();
                    (Err(Attempt::hopeless(error)), sound)
                }
            };
            if sound {
                self.conn = Some(conn);
            }
            return outcome;
        }
    }
}

/// Applies, commits or rolls back; and whether the connection may be used again.
async fn transaction(
    mut tx: sqlx::Transaction<'_, sqlx::Any>,
    batch: &mut Batch,
    scope: Scope,
) -> (Result<(), Attempt>, bool) {
    let cause = match AssertUnwindSafe(batch.apply(&mut tx, scope)).catch_unwind().await {
        Ok(Ok(())) => match tx.commit().await {
            Ok(()) => return (Ok(()), true),
            Err(source) => {
                let source = Arc::new(source);
                let error = Error::Sql(Arc::clone(&source));
                if error.is_connection_lost() {
                    return (Err(Attempt::hopeless(Error::Unknown(source))), false);
                }
                // SQLite may keep the transaction open after a failed COMMIT: a new connection is the sure way out.
                return (Err(Attempt { cause: error, again: true }), false);
            }
        },
        Ok(Err(error)) => error,
        Err(_panic) => {
            tracing::error!("an applier or a closure panicked inside a transaction");
            Error::Other(String::from("the writing code panicked"))
        }
    };
    let sound = tx.rollback().await.is_ok() && !cause.is_connection_lost();
    (Err(Attempt { cause, again: true }), sound)
}

/// Why a transaction did not take place.
struct Attempt {
    cause: Error,
    /// Whether its parts are worth trying one by one.
    again: bool,
}

impl Attempt {
    fn hopeless(cause: Error) -> Self {
        Self { cause, again: false }
    }
}
