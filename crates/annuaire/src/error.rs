use std::io;
use std::path::PathBuf;

/// Why the directory cannot do what it was asked. Each says what, where and what to do next; the last good base, where
/// there is one, keeps serving whatever happened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing was imported yet in this data directory.
    #[error(
        "no directory base is in {0}: import one with `vaguemestre annuaire import FILE`, or make a synthetic one with `vaguemestre annuaire synth`"
    )]
    NoBase(PathBuf),
    /// The base was written by another version of the program; it is built again by an import.
    #[error(
        "the base in {dir} has format {found}, this program reads format {expected}: import the extraction again"
    )]
    OtherVersion {
        /// Where the base is.
        dir: PathBuf,
        /// The format of the base.
        found: u32,
        /// The format that this program reads.
        expected: u32,
    },
    /// The base's files cannot be read, usually because some were removed by hand.
    #[error("the base in {dir} is damaged ({what}): import the extraction again")]
    Damaged {
        /// Where the base is.
        dir: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Another import is under way in the same data directory.
    #[error("another import is under way in {0}: wait for its end")]
    Busy(PathBuf),
    /// The file is not one of the public extractions, or is cut or damaged; nothing was changed.
    #[error("{file}: {what}. {next}")]
    Refused {
        /// The file as it was named.
        file: String,
        /// What is wrong and where.
        what: String,
        /// What to do.
        next: String,
    },
    /// The disk refused, usually because it is full; nothing was changed.
    #[error("{what}: {source}; the base that serves was left as it was")]
    Io {
        /// What was being done.
        what: String,
        /// What the system answered.
        source: io::Error,
    },
    /// Nobody has this identifier.
    #[error("no card has the identifier {0:?}: take the `id` of a search's hit, an RPPS or an address")]
    UnknownCard(String),
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(crate) fn refused(file: &str, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Refused { file: file.to_owned(), what: what.into(), next: next.into() }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Io { .. })
    }
}
