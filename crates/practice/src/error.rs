use kernel::{Failure, RetryClass, Stage};

/// Why something was not done. Messages are for a person and hold no health data: names of fields, opaque keys, reasons.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was named is not here (any more).
    #[error("there is no {what} {key} (any more)")]
    NotFound {
        /// `mailbox`, `mail`, `document`, `request`, `patient`, `person`.
        what: &'static str,
        /// As asked.
        key: String,
    },
    /// The present state of things forbids it: read it again before anything else.
    #[error("refused: {why}")]
    Refused {
        /// For programs, such as `not_certain`, `already_filed`, `no_right`, `not_pending`.
        code: &'static str,
        /// For people.
        why: String,
    },
    /// A value that can never be taken.
    #[error("{field}: {why}")]
    Bad {
        /// Which one.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// What is stored cannot be read back, or does not agree with itself.
    #[error("what is stored is damaged: {what}")]
    Damaged {
        /// What, without its content.
        what: String,
    },
    /// A fault of our own: a task that died.
    #[error("internal fault: {0}")]
    Internal(String),
    /// The database.
    #[error(transparent)]
    Db(#[from] db::Error),
}

impl Error {
    /// Of something that was named and is not here.
    pub fn not_found(what: &'static str, key: impl std::fmt::Display) -> Self {
        Self::NotFound { what, key: key.to_string() }
    }

    /// Of something that the present state forbids.
    pub fn refused(code: &'static str, why: impl Into<String>) -> Self {
        Self::Refused { code, why: why.into() }
    }

    /// Of a value that cannot be taken.
    pub fn bad(field: &'static str, why: impl Into<String>) -> Self {
        Self::Bad { field, why: why.into() }
    }

    /// Of stored data.
    pub fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }

    /// Whether the same request may succeed later, unchanged.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Db(error) => error.is_temporary(),
            Self::Internal(_) => true,
            _ => false,
        }
    }

    /// A short word for programs: the `code` of problem+json.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Refused { code, .. } => code,
            Self::Bad { .. } => "bad_value",
            Self::Damaged { .. } => "damaged",
            Self::Internal(_) => "internal",
            Self::Db(error) => error.code().unwrap_or("storage"),
        }
    }

    /// The same with its stage and retry class.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Db(error) => error.failure(),
            Self::NotFound { .. } | Self::Bad { .. } | Self::Refused { .. } => {
                Failure::permanent(Stage::Input, self.to_string())
            }
            Self::Damaged { .. } => Failure::permanent(Stage::Storage, self.to_string()),
            Self::Internal(_) => {
                Failure { stage: Stage::Storage, retry: RetryClass::Later, message: self.to_string() }
            }
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Db(error.into())
    }
}
