//! Connections, and what every one of them is told before its first use.
//!
//! `Any` takes a URL and knows no SQLite option in it, so durability is set by statements, on each connection and
//! for each role, and a test reads it back.

use std::fmt::Write as _;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions};

use crate::Error;

/// How many connections read at a time.
const READERS: u32 = 4;

/// Every SQLite connection: waits 5 s for another process's lock, loses nothing at a power cut.
const SQLITE: &str = "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; \
                      PRAGMA temp_store = MEMORY;";
/// The writer: WAL, with a check-point every 32 MiB so that a hot page is copied back once rather than many times.
const SQLITE_WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 8192; PRAGMA cache_size = -16384; \
                             PRAGMA journal_size_limit = 67108864;";
const SQLITE_READER: &str = "PRAGMA query_only = ON;";
const POSTGRES_WRITER: &str = "SET synchronous_commit = on;";
const POSTGRES_READER: &str = "SET default_transaction_read_only = on;";

/// Which database is behind a [`crate::Db`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file on this machine.
    Sqlite,
    /// A server that several nodes may share.
    Postgres,
}

/// Where to connect.
#[derive(Clone)]
pub(crate) struct Target {
    options: AnyConnectOptions,
    backend: Backend,
    place: String,
}

impl Target {
    pub(crate) fn sqlite(path: &Path) -> Result<Self, Error> {
        let place = path.display().to_string();
        let open = |source: sqlx::Error| Error::Open { place: place.clone(), source: Arc::new(source) };
        create_private(path).map_err(|io| open(sqlx::Error::Io(io)))?;
        let full = path.canonicalize().map_err(|io| open(sqlx::Error::Io(io)))?;
        let Some(text) = full.to_str() else {
            return Err(Error::invalid(format!("the path {place} is not UTF-8")));
        };
        let options = options(&format!("sqlite://{}?mode=rwc", percent_encoded(text))).map_err(open)?;
        Ok(Self { options, backend: Backend::Sqlite, place })
    }

    pub(crate) fn postgres(url: &str) -> Result<Self, Error> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(Error::invalid("the database URL must start with postgres://"));
        }
        let place = String::from("of the PostgreSQL server");
        let options =
            options(url).map_err(|source| Error::Open { place: place.clone(), source: Arc::new(source) })?;
        Ok(Self { options, backend: Backend::Postgres, place })
    }

    pub(crate) fn options(&self) -> &AnyConnectOptions {
        &self.options
    }

    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }

    /// How a writing transaction starts. SQLite takes the lock at once: an upgrade later could not be waited for.
    pub(crate) fn begin(&self) -> &'static str {
        match self.backend {
            Backend::Sqlite => "BEGIN IMMEDIATE",
            Backend::Postgres => "BEGIN",
        }
    }

    pub(crate) async fn connect_writer(&self) -> Result<AnyConnection, Error> {
        let connect = async {
            let mut conn = self.options.connect().await?;
            match self.backend {
                Backend::Sqlite => {
                    sqlx::raw_sql(SQLITE).execute(&mut conn).await?;
                    sqlx::raw_sql(SQLITE_WRITER).execute(&mut conn).await?;
                }
                Backend::Postgres => {
                    sqlx::raw_sql(POSTGRES_WRITER).execute(&mut conn).await?;
                }
            }
            // A file that cannot be written is found out now, not at the first message.
            for text in crate::schema::GROUND {
                sqlx::raw_sql(text).execute(&mut conn).await?;
            }
            Ok(conn)
        };
        connect.await.map_err(|source| Error::Open { place: self.place.clone(), source: Arc::new(source) })
    }

    pub(crate) async fn readers(&self) -> Result<AnyPool, Error> {
        let backend = self.backend;
        AnyPoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(Duration::from_secs(10))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(backend == Backend::Postgres)
            .after_connect(move |conn, _| {
                Box::pin(async move {
                    if backend == Backend::Sqlite {
                        sqlx::raw_sql(SQLITE).execute(&mut *conn).await?;
                    }
                    let text = if backend == Backend::Sqlite { SQLITE_READER } else { POSTGRES_READER };
                    sqlx::raw_sql(text).execute(&mut *conn).await?;
                    Ok(())
                })
            })
            .connect_with(self.options.clone())
            .await
            .map_err(|source| Error::Open { place: self.place.clone(), source: Arc::new(source) })
    }
}

fn options(url: &str) -> Result<AnyConnectOptions, sqlx::Error> {
    sqlx::any::install_default_drivers();
    Ok(AnyConnectOptions::from_str(url)?.disable_statement_logging())
}

/// Creates the file with mode 0600 where it does not exist: SQLite gives its journal the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path).map(drop)
}

/// The path as a URL may hold it: `?`, `#`, `%` and spaces are escaped.
fn percent_encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
