use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use journal::Journal;
use kernel::{Clock, Timing};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::entry::Entry;
use crate::fault::{Armed, Arms, Fault};
use crate::http;
use crate::page::Seal;
use crate::quota::Quota;
use crate::roll::Roll;

/// Days over which the people that were there from the start have last changed.
const SPREAD: u64 = 90;

/// What a sandbox is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address under which clients see the API, such as `http://127.0.0.1:8803/fhir/v2`: links begin with it.
    pub base: String,
    /// Where the hour comes from.
    pub clock: Clock,
    /// How long a slow answer takes.
    pub timing: Timing,
    /// Who is told; nobody where there is none.
    pub journal: Option<Journal>,
}

/// The directory's API with its people; cheap to clone.
#[derive(Clone, Debug)]
pub struct Sandbox {
    pub(crate) settings: Arc<Settings>,
    pub(crate) roll: Arc<RwLock<Roll>>,
    pub(crate) seal: Arc<Seal>,
    pub(crate) arms: Arms,
    /// Whose requests these are, for the journal.
    pub(crate) run: Option<i64>,
    quota: Arc<Mutex<Quota>>,
}

impl Sandbox {
    /// A directory with nobody in it.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            roll: Arc::default(),
            seal: Arc::new(Seal::new()),
            arms: Arms::default(),
            run: None,
            quota: Arc::default(),
        }
    }

    /// The same directory, for one run of the bench: the journal says so of each request. Its clones from before are not
    /// of the run.
    #[must_use]
    pub fn of_run(self, run: i64) -> Self {
        Self { run: Some(run), ..self }
    }

    /// Adds people who were there before: the dates of their last change lie within the last 90 days.
    pub fn fill(&self, entries: impl IntoIterator<Item = Entry>) {
        let now = self.settings.clock.now();
        let mut roll = self.roll.write().unwrap_or_else(PoisonError::into_inner);
        for (at, entry) in entries.into_iter().enumerate() {
            // A step that shares no factor with the spread: neighbours are not of one day.
            let hours = (at as u64 * 37 % SPREAD) * 24 + at as u64 % 24;
            let then = now.checked_sub(Duration::from_secs(hours * 3_600)).unwrap_or(now);
            roll.add(&entry, then);
        }
    }

    /// Adds a mailbox now. The same address again moves to its new holder.
    pub fn publish(&self, entry: &Entry) {
        let now = self.settings.clock.now();
        self.roll.write().unwrap_or_else(PoisonError::into_inner).add(entry, now);
    }

    /// Takes a mailbox away now; a person who has none left is told as deleted (`active` false). `false` where nobody
    /// has this address.
    pub fn withdraw(&self, address: &str) -> bool {
        let now = self.settings.clock.now();
        self.roll.write().unwrap_or_else(PoisonError::into_inner).withdraw(address, now)
    }

    /// Makes the next `times` requests go wrong in this way, until the guard is dropped. Of several faults the oldest
    /// that is not used up is taken. Each use is a fact of the journal.
    pub fn arm(&self, fault: Fault, times: u32) -> Armed {
        self.arms.arm(fault, times)
    }

    /// The API below [`crate::PATH`].
    pub fn router(&self) -> Router {
        http::router(self.clone())
    }

    /// Answers below [`crate::PATH`] on a socket, until `stop` becomes true or its sender is gone.
    pub async fn serve(self, listener: TcpListener, stop: watch::Receiver<bool>) {
        web::serve_http(listener, self.router(), stop).await;
    }

    pub(crate) fn quota(&self) -> MutexGuard<'_, Quota> {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
