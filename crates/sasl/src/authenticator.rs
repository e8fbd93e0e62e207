use std::future::Future;
use std::pin::Pin;

use wire::{CertificateFacts, Service, TokenFacts};

use crate::{Credentials, Mechanism, Offer, Rights};

/// One request to log in, as a server hands it over.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Which server asks.
    pub service: Service,
    /// The mechanism in use.
    pub mechanism: Mechanism,
    /// What the client claims.
    pub credentials: Credentials,
    /// The verified client certificate of the TLS session, if any.
    pub certificate: Option<CertificateFacts>,
}

/// Who decides. Implemented by the operator; asked by the IMAP and SMTP servers.
pub trait Authenticator: Send + Sync + 'static {
    /// Judges an attempt. It never fails for a technical reason: where the store is away it refuses with
    /// [`RefusalCode::Unavailable`], which clients read as temporary.
    fn authenticate<'a>(
        &'a self,
        attempt: Attempt,
    ) -> Pin<Box<dyn Future<Output = Result<Granted, Refusal>> + Send + 'a>>;

    /// What may be told of the token of an attempt (hash, claimed identifiers), whatever the result.
    fn token_facts(&self, credentials: &Credentials) -> Option<TokenFacts>;

    /// What the mailbox that these credentials name is offered, where it has its own choice: the shape of a refusal
    /// (Mailiz drops the connection) is known before anybody is logged in.
    fn offer_of(&self, credentials: &Credentials) -> Option<Offer> {
        let _ = credentials;
        None
    }

    /// The mechanisms to offer once TLS is up, on a port that offers `offer`. Never offered before.
    fn mechanisms(&self, certificate: Option<&CertificateFacts>, offer: &Offer) -> Vec<Mechanism>;
}

/// A login that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The mailbox's address.
    pub mailbox: String,
    /// The national identifier of the person, or of the structure behind the certificate.
    pub identity: String,
    /// The mailbox's account in the mail store.
    pub account: i64,
    /// What this mailbox is offered from now on.
    pub offer: Offer,
    /// What this person may do with it.
    pub rights: Rights,
}

/// A login that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Machine reason.
    pub code: RefusalCode,
    /// The same for a person, in English (protocol texts are).
    pub reason: String,
}

impl Refusal {
    /// A refusal with its text.
    pub fn new(code: RefusalCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

/// Why a login was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalCode {
    /// The token's life is over.
    TokenExpired,
    /// Not signed by the sandbox's PSC.
    TokenSignature,
    /// Signed by the right key for another environment.
    TokenIssuer,
    /// Not a token that one can read.
    TokenMalformed,
    /// A good token that the operator refuses all the same, as real ones do for a while (spec 01 §3.3).
    TokenRefused,
    /// A good token or certificate, of somebody who has no right to this mailbox.
    WrongIdentity,
    /// No such mailbox.
    UnknownMailbox,
    /// EXTERNAL without a client certificate.
    NoCertificate,
    /// A client certificate that no mailbox knows.
    WrongCertificate,
    /// This mailbox is not opened with that mechanism.
    MechanismNotAllowed,
    /// The store is away: try later.
    Unavailable,
}

impl RefusalCode {
    /// The name in the journal and in verdicts.
    pub fn name(self) -> &'static str {
        match self {
            Self::TokenExpired => "token_expired",
            Self::TokenSignature => "token_signature",
            Self::TokenIssuer => "token_issuer",
            Self::TokenMalformed => "token_malformed",
            Self::TokenRefused => "token_refused",
            Self::WrongIdentity => "wrong_identity",
            Self::UnknownMailbox => "unknown_mailbox",
            Self::NoCertificate => "no_certificate",
            Self::WrongCertificate => "wrong_certificate",
            Self::MechanismNotAllowed => "mechanism_not_allowed",
            Self::Unavailable => "unavailable",
        }
    }

    /// IMAP response code (RFC 5530).
    pub fn imap(self) -> &'static str {
        match self {
            Self::TokenExpired => "EXPIRED",
            Self::WrongIdentity | Self::MechanismNotAllowed => "AUTHORIZATIONFAILED",
            Self::Unavailable => "UNAVAILABLE",
            _ => "AUTHENTICATIONFAILED",
        }
    }

    /// SMTP reply code and enhanced status (RFC 4954 §6).
    pub fn smtp(self) -> (u16, &'static str) {
        match self {
            Self::Unavailable => (454, "4.7.0"),
            _ => (535, "5.7.8"),
        }
    }
}
