use serde_json::{Value, json};

/// Why the bench could not do what was asked: the error codes of the contracts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The code.
    pub code: Code,
    /// What happened, for a person.
    pub message: String,
    /// The argument or field at fault.
    pub field: Option<String>,
    /// Facts for a program.
    pub detail: Value,
    /// What to do.
    pub next: String,
}

/// The codes of CONTRACTS that the bench gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// The product is known, with this very version.
    DuplicateNil,
    /// Another product uses this identifier.
    IdentityInUse,
    /// No such product.
    UnknownProduct,
    /// No such job or group.
    UnknownJob,
    /// A port is taken.
    PortInUse,
    /// The data directory cannot be written.
    DataUnwritable,
    /// The data directory is of a newer version.
    DataNewer,
    /// No server is running.
    NoServer,
    /// The adapter's program cannot be found or started.
    AdapterMissing,
    /// Somebody else holds what is needed.
    Busy,
    /// The request itself is wrong.
    BadInput,
    /// Not allowed.
    Forbidden,
}

impl Code {
    /// As the contracts write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::DuplicateNil => "duplicate_nil",
            Self::IdentityInUse => "identity_in_use",
            Self::UnknownProduct => "unknown_product",
            Self::UnknownJob => "unknown_job",
            Self::PortInUse => "port_in_use",
            Self::DataUnwritable => "data_unwritable",
            Self::DataNewer => "data_newer",
            Self::NoServer => "no_server",
            Self::AdapterMissing => "adapter_missing",
            Self::Busy => "busy",
            Self::BadInput => "bad_input",
            Self::Forbidden => "forbidden",
        }
    }
}

impl Error {
    /// An error with what to do about it.
    pub fn new(code: Code, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, detail: json!({}), next: next.into() }
    }

    /// Names the field at fault.
    #[must_use]
    pub fn field(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    /// Adds facts for a program.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// The object of the contracts.
    pub fn to_json(&self) -> Value {
        json!({
            "schema": "vaguemestre/error/1",
            "error": {
                "code": self.code.name(),
                "message": self.message,
                "field": self.field,
                "detail": self.detail,
                "next": self.next,
            }
        })
    }
}

impl From<db::Error> for Error {
    fn from(error: db::Error) -> Self {
        let newer = matches!(error, db::Error::Newer { .. });
        let code = if newer { Code::DataNewer } else { Code::DataUnwritable };
        let next = match code {
            Code::DataNewer => {
                "Use the version of vaguemestre that wrote this data directory, or another --data."
            }
            _ => "Check the free space and the rights of the data directory.",
        };
        Self::new(code, error.to_string(), next)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(
            Code::DataUnwritable,
            error.to_string(),
            "Check the free space and the rights of the data directory.",
        )
    }
}

impl From<tls::Error> for Error {
    fn from(error: tls::Error) -> Self {
        Self::new(Code::DataUnwritable, error.to_string(), "Look at the lab's files in the data directory.")
    }
}
