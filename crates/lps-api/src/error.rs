/// Why the service cannot start, or change its list of practices.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name of a practice is one that no path should hold.
    #[error("{0:?} is no name for a practice: 1 to 40 of a-z, 0-9 and -")]
    Name(String),
    /// There is no practice of this name.
    #[error("there is no practice {0:?}")]
    Unknown(String),
    /// There is enough of it.
    #[error("no more than {1} {0} at a time")]
    TooMany(&'static str, usize),
    /// A file of the data directory cannot be read or written.
    #[error("{what}: {source}")]
    File {
        /// Which one.
        what: String,
        /// What was met.
        source: std::io::Error,
    },
    /// A practice's base.
    #[error(transparent)]
    Practice(#[from] practice::Error),
    /// The connector of a practice does not start.
    #[error("the connector of {practice} does not start: {failure}")]
    Connector {
        /// Of which practice.
        practice: String,
        /// What was met.
        failure: kernel::Failure,
    },
    /// The base of practices and keys.
    #[error(transparent)]
    Db(#[from] db::Error),
}

impl Error {
    /// The code that commands answer with (CONTRACTS, errors).
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name(_) | Self::Unknown(_) | Self::TooMany(..) | Self::Connector { .. } => "bad_input",
            Self::File { .. } => "data_unwritable",
            Self::Practice(practice::Error::Db(error)) | Self::Db(error) => {
                error.code().unwrap_or("data_unwritable")
            }
            Self::Practice(_) => "data_unwritable",
        }
    }
}
