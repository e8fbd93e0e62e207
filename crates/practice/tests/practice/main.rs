//! The whole suite on SQLite, or on PostgreSQL where `VAGUEMESTRE_TEST_POSTGRES` holds the URL of a database in which schemas
//! may be created: the fast set runs the first, the extended one the second.

#![allow(clippy::unwrap_used)] // a test says what went wrong by its panic

mod arriving;
mod lessons;
mod mails;
mod scenarios;

use std::sync::Arc;

use db::{Db, Values};
use kernel::{Clock, ManualClock, Timestamp};
use practice::{Arrival, FolderState, Key, Mailbox, MailboxKind, Practice, Setting, Wanted};
use sqlx::Connection as _;

/// A practice of its own for one test.
pub(crate) struct Lab {
    pub(crate) practice: Practice,
    pub(crate) db: Db,
    pub(crate) hands: ManualClock,
    place: Place,
}

/// A database that no other test uses.
#[derive(Clone)]
enum Place {
    Sqlite(Arc<tempfile::TempDir>),
    Postgres(String),
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When tests begin.
pub(crate) fn start() -> Timestamp {
    time("2026-11-23T09:00:00Z")
}

/// A sandbox: the published patients are of tests.
pub(crate) fn setting() -> Setting {
    Setting { world: ins::World::Sandbox, ..Setting::default() }
}

impl Lab {
    pub(crate) async fn new() -> Self {
        match std::env::var("VAGUEMESTRE_TEST_POSTGRES") {
            Ok(url) => Self::on(Place::Postgres(schema(&url).await)).await,
            Err(_) => Self::on(Place::Sqlite(Arc::new(tempfile::tempdir().unwrap()))).await,
        }
    }

    async fn on(place: Place) -> Self {
        let db = match &place {
            Place::Sqlite(directory) => Db::open_sqlite(&directory.path().join("lps.db")).await.unwrap(),
            Place::Postgres(url) => Db::open_postgres(url).await.unwrap(),
        };
        let (clock, hands) = Clock::manual(start());
        let practice = Practice::open(db.clone(), clock, setting()).await.unwrap();
        Self { practice, db, hands, place }
    }

    /// The same data, opened by a process that starts.
    pub(crate) async fn reopened(self) -> Self {
        self.db.close().await;
        Self::on(self.place.clone()).await
    }

    /// A mailbox that takes everything up.
    pub(crate) async fn mailbox(&self, address: &str) -> Mailbox {
        let since = time("2026-01-01T00:00:00Z");
        let settings = serde_json::json!({});
        self.practice.save_mailbox(address, MailboxKind::Org, "Cabinet", settings, since).await.unwrap()
    }

    /// Tells that the INBOX of `mailbox` has these messages, keeps and reads them. Returns the mails' keys.
    pub(crate) async fn receive(&self, mailbox: &Key, first_uid: u32, mails: &[Vec<u8>]) -> Vec<Key> {
        let keys = self.arrive(mailbox, &inbox(1), first_uid, mails).await;
        self.practice.read_pending(1_000).await.unwrap();
        keys
    }

    /// As [`Lab::receive`], without reading.
    pub(crate) async fn arrive(
        &self,
        mailbox: &Key,
        folder: &FolderState,
        first_uid: u32,
        mails: &[Vec<u8>],
    ) -> Vec<Key> {
        let arrivals: Vec<Arrival> = (first_uid..).zip(mails).map(|(uid, _)| seen(uid)).collect();
        let told =
            self.practice.synchronised(mailbox, folder.clone(), arrivals, vec![], vec![]).await.unwrap();
        let mut wanted: Vec<Wanted> = told;
        wanted.sort_by_key(|wanted| wanted.uid);
        let octets = wanted
            .iter()
            .map(|one| (one.mail.clone(), mails[usize::try_from(one.uid - first_uid).unwrap()].clone()))
            .collect();
        self.practice.keep(octets).await.unwrap();
        wanted.into_iter().map(|one| one.mail).collect()
    }

    /// What one statement counts.
    pub(crate) async fn count(&self, text: &str) -> i64 {
        use sqlx::Row as _;
        let text = format!("SELECT cast(({text}) as bigint)");
        db::query(text, Values::new()).fetch_one(self.db.reader()).await.unwrap().try_get(0).unwrap()
    }
}

/// The URL of a schema of its own.
async fn schema(url: &str) -> String {
    sqlx::any::install_default_drivers();
    let schema = format!("t_{}", kernel::random::mark());
    let mut admin = sqlx::AnyConnection::connect(url).await.unwrap();
    db::query(format!("CREATE SCHEMA {schema}"), Values::new()).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}options[search_path]={schema}")
}

/// INBOX under this UIDVALIDITY.
pub(crate) fn inbox(uid_validity: u32) -> FolderState {
    FolderState { name: "INBOX".into(), role: "inbox".into(), uid_validity, uid_next: 0, modseq: 1 }
}

/// A message that arrived a minute after the last one.
pub(crate) fn seen(uid: u32) -> Arrival {
    let received = start() - jiff::SignedDuration::from_mins(10_000 - i64::from(uid.min(9_000)));
    Arrival { uid, received, flags: vec![] }
}
