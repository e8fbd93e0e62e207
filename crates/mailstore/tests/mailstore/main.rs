//! The whole suite on SQLite, and on PostgreSQL where `VAGUEMESTRE_TEST_POSTGRES` holds the URL of a database in which
//! schemas may be created.

#![allow(clippy::unwrap_used)] // a test says what went wrong by its panic
#![allow(clippy::print_stdout)] // and what it skipped by a line

mod bodies;
mod crash;
mod doctor;
mod folders;
mod learned;
mod messages;
mod model;
mod processes;
mod quota;
mod sharing;
mod upgrade;

use std::sync::Arc;

use bytes::Bytes;
use db::{Db, Values};
use journal::Journal;
use kernel::{Clock, Timestamp};
use mailstore::{Delivered, Delivery, Flags, MailStore, NewBody};
use sqlx::{Connection as _, Row as _};

/// A store of its own for one test.
pub(crate) struct Lab {
    pub(crate) db: Db,
    pub(crate) store: MailStore,
    pub(crate) clock: Clock,
    place: Place,
}

/// A database that no other test uses.
#[derive(Clone)]
pub(crate) enum Place {
    Sqlite(Arc<tempfile::TempDir>),
    Postgres(String),
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// A schema of its own on the server, or nothing where there is no server.
    pub(crate) async fn postgres() -> Option<Self> {
        let Ok(url) = std::env::var("VAGUEMESTRE_TEST_POSTGRES") else {
            println!("SKIP postgresql: VAGUEMESTRE_TEST_POSTGRES is not set");
            return None;
        };
        sqlx::any::install_default_drivers();
        let schema = format!("t_{}", kernel::random::mark());
        let mut admin = sqlx::AnyConnection::connect(&url).await.unwrap();
        db::query(format!("CREATE SCHEMA {schema}"), Values::new()).execute(&mut admin).await.unwrap();
        admin.close().await.unwrap();
        let joint = if url.contains('?') { '&' } else { '?' };
        Some(Self::Postgres(format!("{url}{joint}options[search_path]={schema}")))
    }

    pub(crate) async fn open(&self) -> Db {
        match self {
            Self::Sqlite(directory) => Db::open_sqlite(&directory.path().join("mail.db")).await.unwrap(),
            Self::Postgres(url) => Db::open_postgres(url).await.unwrap(),
        }
    }
}

pub(crate) async fn sqlite(clock: Clock) -> Lab {
    lab(Place::sqlite(), clock).await
}

pub(crate) async fn postgres(clock: Clock) -> Option<Lab> {
    Some(lab(Place::postgres().await?, clock).await)
}

pub(crate) async fn lab(place: Place, clock: Clock) -> Lab {
    let db = place.open().await;
    let store = MailStore::open(&db, clock.clone()).await.unwrap();
    Lab { db, store, clock, place }
}

/// `both!(name)` runs `async fn name(&Lab)` of the enclosing module on each database.
macro_rules! both {
    ($($name:ident),+ $(,)?) => { $(
        mod $name {
            #[tokio::test]
            async fn on_sqlite() {
                super::$name(&crate::sqlite(kernel::Clock::system()).await).await;
            }

            #[tokio::test]
            async fn on_postgresql() {
                if let Some(lab) = crate::postgres(kernel::Clock::system()).await {
                    super::$name(&lab).await;
                }
            }
        }
    )+ };
}
pub(crate) use both;

impl Lab {
    /// What another process would have: the same database, opened again.
    pub(crate) async fn another(&self) -> Lab {
        lab(self.place.clone(), self.clock.clone()).await
    }

    pub(crate) async fn inbox(&self, address: &str) -> i64 {
        let account = self.store.create_account(address).await.unwrap();
        self.store.folder(account.id, "INBOX").await.unwrap().unwrap().id
    }

    pub(crate) async fn received(&self, bytes: &[u8]) -> NewBody {
        let mut body = self.store.body();
        for part in bytes.chunks(10_000) {
            body.push(part).await.unwrap();
        }
        assert_eq!(body.size(), bytes.len() as u64);
        body.finish()
    }

    pub(crate) async fn delivery(&self, bytes: &[u8], trace: &str, folders: &[i64]) -> Delivery {
        Delivery {
            body: self.received(bytes).await,
            trace: Bytes::copy_from_slice(trace.as_bytes()),
            folders: folders.to_vec(),
            flags: Flags::default(),
            internal_date: self.clock.now(),
        }
    }

    pub(crate) async fn commit(&self, delivery: Delivery) -> Result<Delivered, db::Error> {
        let mut unit = db::Unit::new();
        let ticket = self.store.deliver_into(&mut unit, delivery);
        Ok(self.db.commit(unit).await?.take(ticket))
    }

    pub(crate) async fn deliver(&self, bytes: &[u8], folders: &[i64]) -> Delivered {
        self.commit(self.delivery(bytes, "", folders).await).await.unwrap()
    }

    pub(crate) async fn uids(&self, folder: i64) -> Vec<u32> {
        self.store.rows(folder).await.unwrap().into_iter().map(|row| row.uid).collect()
    }

    /// Rows of a table: what the interface does not tell.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let text = format!("SELECT count(*) FROM {table}");
        db::query(text, Values::new()).fetch_one(self.db.reader()).await.unwrap().get(0)
    }

    /// Changes rows behind the store's back; how many.
    pub(crate) async fn execute(&self, text: &str) -> u64 {
        let text = text.to_owned();
        let done = self.db.write(move |tx| {
            let text = text.clone();
            Box::pin(async move { Ok(db::query(text, Values::new()).execute(tx).await?.rows_affected()) })
        });
        done.await.unwrap()
    }

    pub(crate) async fn journal(&self) -> Journal {
        Journal::open(&self.db, self.clock.clone()).await.unwrap()
    }
}

pub(crate) fn deleted() -> Flags {
    Flags { deleted: true, ..Flags::default() }
}

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A mail that `seed` alone determines, with every byte value in it.
pub(crate) fn mail(seed: u64, size: usize) -> Vec<u8> {
    let mut rng = kernel::Rng::seeded(seed);
    let mut out = format!("Subject: {seed}\r\nX-Mark: {}\r\n\r\n", rng.mark()).into_bytes();
    while out.len() < size {
        out.extend_from_slice(&rng.draw().to_le_bytes());
    }
    out.truncate(size);
    out
}
