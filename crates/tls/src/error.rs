use std::io;
use std::path::PathBuf;

/// Why something of this crate could not be done. No variant holds key material.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the lab is there but cannot be used, or is missing while others depend on it. Typical cause: a
    /// partial copy or restore of the data directory, or an edited file. Nothing is regenerated in its place.
    #[error(
        "{}: {what}; restore the file from a copy, or move the whole directory away to have a new lab made (clients must then trust the new anchor)",
        file.display()
    )]
    Damaged {
        /// The file at fault.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The handshake did not end well. Typical cause: the client's certificate, its TLS version, or its refusal of
    /// ours. The text is the one of [`wire::Fact::TlsFailed`].
    #[error("TLS handshake failed: {0}")]
    Handshake(String),
    /// The bytes are not a ClientHello. Typical cause: a client that speaks clear text on a TLS port.
    #[error("no TLS ClientHello: {0}")]
    Hello(String),
    /// Something handed over by the caller cannot be used: a name, a serial number, a PEM text, a CRL.
    #[error("{0}")]
    Input(String),
    /// The lab could not make a key or a signature.
    #[error("the lab's authority could not issue: {0}")]
    Issue(#[from] rcgen::Error),
    /// The lab's directory cannot be read or written.
    #[error("{}: {source}", path.display())]
    Storage {
        /// What was read or written.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// Why a certificate that is cryptographically sound is still not wanted: rules of the trust space that a TLS
/// library does not know. Carried inside [`rustls::CertificateError::Other`]; [`crate::explain`] shows it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The certificate has no EKU extension, or not the needed purpose (IGC-Santé profiles always have it).
    #[error("the certificate of “{subject}” is not meant for {usage} (extended key usage)")]
    MissingUsage {
        /// `CN` of the certificate.
        subject: String,
        /// `server authentication` or `client authentication`.
        usage: &'static str,
    },
    /// No CRL of an authority of the chain was given (SC.MSS/CONF.22: without one, refuse).
    #[error("no CRL of “{issuer}” is at hand, so that revocation cannot be checked{}", at(.url))]
    NoCrl {
        /// `CN` of the authority.
        issuer: String,
        /// Where the certificate says that the CRL is.
        url: Option<String>,
    },
    /// The chain leads to none of the given anchors.
    #[error("the certificate was issued by “{issuer}”, which does not lead to the given IGC-Santé anchors")]
    UnknownAuthority {
        /// `CN` of the issuer that the certificate names.
        issuer: String,
    },
    /// The issuer is another authority than Élémentaire Organisations (SC.MSS/CONF.27).
    #[error(
        "the certificate was issued by an authority that is not IGC-Santé Élémentaire Organisations: “{issuer}”"
    )]
    WrongAuthority {
        /// `CN` of the issuer that the certificate names.
        issuer: String,
    },
}

impl From<Refusal> for rustls::Error {
    fn from(refusal: Refusal) -> Self {
        let other = rustls::OtherError(std::sync::Arc::new(refusal));
        Self::InvalidCertificate(rustls::CertificateError::Other(other))
    }
}

fn at(url: &Option<String>) -> String {
    url.as_ref().map(|url| format!(" (it is published at {url})")).unwrap_or_default()
}
