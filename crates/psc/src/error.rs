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
    /// No identity of this national identifier.
    #[error("no test identity {0}")]
    UnknownIdentity(String),
    /// No client of this name.
    #[error("no client {0}")]
    UnknownClient(String),
}
