use std::path::PathBuf;

/// Why the sandbox could not do what its owner asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The directory or the key file cannot be read or written. Usual cause: rights of the data directory.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The signing key cannot be read or made. Usual cause: a damaged `signing-key.pem`; removing it makes a new one,
    /// and clients must then fetch the key set again.
    #[error("the signing key cannot be used: {0}")]
    Key(String),
    /// The issuer is not an `https` address with a path, or the wallet's base not an `http` one.
    #[error("not an address that Pro Santé Connect can live at: {0}")]
    Address(String),
    /// An address of return is not absolute, has a fragment, or is plain HTTP to another machine.
    #[error("redirect address refused: {0}")]
    RedirectUri(String),
    /// The HTTP client that tells of logouts cannot be set up. Usual cause: a TLS configuration that is not one.
    #[error("the HTTP client cannot be set up: {0}")]
    Outgoing(String),
    /// A `client_id` that is empty, too long, not printable ASCII, or `*`.
    #[error("not a client_id: {0:?}; 1 to 100 printable ASCII characters are needed")]
    ClientId(String),
    /// A test identity with a field that cannot be: which one, and why.
    #[error("the identity's {field} cannot be used: {why}")]
    Identity {
        /// Name of the field, as in [`crate::Identity`].
        field: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The sandbox keeps no more of these.
    #[error("no more than {1} {0} are kept: remove one first")]
    TooMany(&'static str, usize),
    /// No identity of this national identifier.
    #[error("no test identity {0}")]
    UnknownIdentity(String),
    /// No client of this name.
    #[error("no client {0}")]
    UnknownClient(String),
}
