use std::borrow::Cow;
use std::io::ErrorKind;
use std::sync::Arc;

use kernel::{Failure, RetryClass, Stage};

/// Why the database did not do what was asked. Ask [`Error::is_temporary`] and its sisters rather than matching.
///
/// Messages are for the operator of the server: they hold no bound value, no URL and no secret.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data were written by a later version of the program: update it, or give it another directory.
    #[error(
        "the data of \"{component}\" have version {found} and this program knows {known} at most: update it"
    )]
    Newer {
        /// Whose tables.
        component: String,
        /// The version found.
        found: i64,
        /// The last version known here.
        known: i64,
    },
    /// The database could not be opened.
    #[error("cannot open the database {place}: {source}")]
    Open {
        /// The file, or the kind of server (never its URL).
        place: String,
        /// What was met.
        source: Arc<sqlx::Error>,
    },
    /// A statement failed.
    #[error("the database refused: {0}")]
    Sql(Arc<sqlx::Error>),
    /// The connection died while the commit was under way: nobody knows whether it took place.
    #[error("the connection was lost during the commit, which may or may not have taken place: {0}")]
    Unknown(Arc<sqlx::Error>),
    /// What was to be changed is not there (any more).
    #[error("{0} does not exist (any more)")]
    Missing(String),
    /// What was asked can never be done.
    #[error("{0}")]
    Invalid(String),
    /// What was to be stored would pass a limit that somebody has set.
    #[error("{0}")]
    OverQuota(String),
    /// A stored value that no version of this program writes.
    #[error("unreadable stored value: {0}")]
    Corrupt(String),
    /// The database is being closed.
    #[error("the database is closed")]
    Closed,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// A stored value that cannot be read back; `what` names it without repeating patient data.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt(what.into())
    }

    /// Something that had to exist; `what` is its name, as in `folder 12`.
    pub fn missing(what: impl Into<String>) -> Self {
        Self::Missing(what.into())
    }

    /// A request that can never succeed.
    pub fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid(what.into())
    }

    /// Whether nothing can be written there: missing or read-only directory, full disk, failing disk, missing right.
    /// Commands answer `data_unwritable`.
    pub fn is_unwritable(&self) -> bool {
        match self.sql() {
            Some(sqlx::Error::Io(io)) => !is_network(io.kind()),
            Some(sqlx::Error::Database(error)) => match Code::of(error.as_ref()) {
                // perm, readonly, ioerr, full, cantopen
                Code::Sqlite(primary) => matches!(primary, 3 | 8 | 10 | 13 | 14),
                Code::Postgres(state) => {
                    state.starts_with("53") || state.starts_with("58") || matches!(&*state, "25006" | "42501")
                }
                Code::None => false,
            },
            _ => false,
        }
    }

    /// Whether the same request may succeed later, unchanged: lock held, server away, disk full or failing.
    pub fn is_temporary(&self) -> bool {
        match self.sql() {
            Some(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed) => true,
            Some(sqlx::Error::Database(error)) => match Code::of(error.as_ref()) {
                // busy, locked, ioerr, full
                Code::Sqlite(primary) => matches!(primary, 5 | 6 | 10 | 13),
                Code::Postgres(state) => {
                    ["08", "40", "53", "55", "57", "58"].iter().any(|class| state.starts_with(class))
                }
                Code::None => false,
            },
            _ => matches!(self, Self::Closed),
        }
    }

    /// Whether a row with the same key exists already.
    pub fn is_duplicate(&self) -> bool {
        matches!(self.sql(), Some(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// Whether what was to be changed is not there (any more).
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }

    /// Whether a limit that somebody has set stands in the way (IMAP's OVERQUOTA, SMTP's 4.2.2 or 5.2.2).
    pub fn is_over_quota(&self) -> bool {
        matches!(self, Self::OverQuota(_))
    }

    /// Whether the transaction fell to another process's: it did nothing, and may simply be tried again.
    pub(crate) fn is_conflict(&self) -> bool {
        match self.sql() {
            Some(sqlx::Error::Database(error)) => match Code::of(error.as_ref()) {
                // serialization failure, deadlock
                Code::Postgres(state) => matches!(&*state, "40001" | "40P01"),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether nobody knows if the write took place.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// The code that commands answer with (CONTRACTS, errors), where there is one.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Newer { .. } => Some("data_newer"),
            _ if self.is_unwritable() => Some("data_unwritable"),
            _ => None,
        }
    }

    /// The same as a typed failure of the storage stage.
    pub fn failure(&self) -> Failure {
        let retry = match self {
            Self::Unknown(_) => RetryClass::Unknown,
            _ if self.is_temporary() => RetryClass::Later,
            _ => RetryClass::Never,
        };
        Failure { stage: Stage::Storage, retry, message: self.to_string() }
    }

    /// Whether the connection is of no more use.
    pub(crate) fn is_connection_lost(&self) -> bool {
        match self.sql() {
            Some(
                sqlx::Error::Io(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::WorkerCrashed,
            ) => true,
            Some(sqlx::Error::Database(error)) => match Code::of(error.as_ref()) {
                Code::Postgres(state) => {
                    state.starts_with("08") || matches!(&*state, "57P01" | "57P02" | "57P03")
                }
                _ => false,
            },
            _ => false,
        }
    }

    fn sql(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Open { source, .. } | Self::Sql(source) | Self::Unknown(source) => Some(source),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(Arc::new(error))
    }
}

/// What the database calls the error: SQLite's primary result code, or PostgreSQL's five characters.
enum Code<'a> {
    Sqlite(i64),
    Postgres(Cow<'a, str>),
    None,
}

impl<'a> Code<'a> {
    fn of(error: &'a dyn sqlx::error::DatabaseError) -> Self {
        let sqlite = error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some();
        match error.code() {
            // The low byte of an extended result code is the primary one.
            Some(code) if sqlite => code.parse::<i64>().map_or(Self::None, |code| Self::Sqlite(code & 0xff)),
            Some(code) => Self::Postgres(code),
            None => Self::None,
        }
    }
}

fn is_network(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::BrokenPipe
            | ErrorKind::TimedOut
            | ErrorKind::UnexpectedEof
    )
}
