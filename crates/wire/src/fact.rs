use serde::{Deserialize, Serialize};

use crate::Origin;

/// Which way a line went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// From the client to us.
    #[serde(rename = "C")]
    Client,
    /// From us to the client.
    #[serde(rename = "S")]
    Server,
}

/// One thing that happened on a connection. Serialised with the tag `fact`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fact {
    /// A client connected.
    Connected {
        /// Where it came in.
        origin: Origin,
    },
    /// The raw ClientHello, before any handshake (SC.MSS/CONF.01, CONF.03).
    ClientHello {
        /// What it offers.
        hello: ClientHelloFacts,
    },
    /// The handshake is done.
    TlsEstablished {
        /// What was negotiated.
        tls: TlsFacts,
    },
    /// The handshake did not end well.
    TlsFailed {
        /// Why, in the TLS library's words; never a secret.
        reason: String,
        /// The certificate that the client presented, where it had come to that.
        certificate: Option<CertificateFacts>,
    },
    /// A protocol line, masked (see [`crate::mask_line`]), without its line end; literals and data are counted,
    /// not copied.
    Line {
        /// Who wrote it.
        direction: Direction,
        /// The text, at most 1 000 characters.
        text: String,
    },
    /// Somebody tried to log in.
    Auth {
        /// Who, how, and with what result.
        auth: AuthFacts,
    },
    /// The client's name for itself: EHLO or HELO argument, or the IMAP ID command's name.
    Greeting {
        /// `EHLO`, `HELO` or `ID`.
        verb: String,
        /// The name.
        name: String,
    },
    /// A message was taken in, and is on disk.
    Mail {
        /// Envelope and identifiers.
        mail: MailFacts,
    },
    /// A header field that the judge will read, as received (`X-MSS-NIL: 2621`).
    Header {
        /// The message's queue id.
        queue_id: String,
        /// Field name as written.
        name: String,
        /// Unfolded value.
        value: String,
    },
    /// The client broke a rule of the protocol; nothing was executed.
    Violation {
        /// Which rule, in words.
        what: String,
    },
    /// The connection is over.
    Closed {
        /// `logout`, `quit`, `eof`, `timeout`, `error: …`, `shutdown`.
        reason: String,
    },
    /// The server did wrong, as it was told to.
    Fault {
        /// Where: `greeting`, `handshake`, `literal`… as in a fault script.
        point: String,
        /// The fault's name.
        name: String,
        /// What was done.
        what: String,
        /// The how many-eth time, from 1.
        nth: u32,
    },
    /// Somebody asked the sandbox's directory (SC.MSS/CONF.20, SC.MSS/UX.41).
    Search {
        /// What was asked, and what was handed out.
        search: SearchFacts,
    },
    /// A line of the bench's own (stimuli, adapters, strangers).
    Note {
        /// The text.
        text: String,
    },
}

/// A ClientHello, read before any handshake. Code points are as in the IANA registries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientHelloFacts {
    /// The record layer's version (0x0301 from most clients; says nothing of what is offered).
    pub record_version: u16,
    /// `legacy_version`.
    pub legacy_version: u16,
    /// Versions offered: `supported_versions` where present, else `legacy_version` alone. GREASE left out.
    pub versions: Vec<u16>,
    /// Cipher suites in the client's order, GREASE left out.
    pub suites: Vec<u16>,
    /// Named groups, GREASE left out.
    pub groups: Vec<u16>,
    /// Signature schemes.
    pub signature_schemes: Vec<u16>,
    /// Server name indication.
    pub sni: Option<String>,
    /// ALPN protocols.
    pub alpn: Vec<String>,
}

/// What a handshake ended with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: String,
    /// IANA name of the suite, such as `TLS_AES_256_GCM_SHA384`.
    pub suite: String,
    /// Server name the client asked for.
    pub sni: Option<String>,
    /// The client's certificate, verified against the lab's anchors and CRLs; `None` where it sent none.
    pub certificate: Option<CertificateFacts>,
}

/// An X.509 certificate as a judge needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// Subject, RFC 4514 order as read (`C=FR, O=…, OU=…, CN=…`).
    pub subject: String,
    /// `CN` of the subject.
    pub common_name: String,
    /// `CN` of the issuer.
    pub issuer: String,
    /// Serial number, lower-case hexadecimal without leading zeros.
    pub serial: String,
    /// SHA-256 of the DER, hexadecimal.
    pub sha256: String,
    /// RFC 3339.
    pub not_before: String,
    /// RFC 3339.
    pub not_after: String,
}

/// One SASL exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthFacts {
    /// As the client wrote it, upper-cased: `XOAUTH2`, `EXTERNAL`, `PLAIN`, or `LOGIN` for IMAP's command.
    pub mechanism: String,
    /// The mailbox that was asked for (XOAUTH2 `user=`, EXTERNAL authorization identity); empty if none.
    pub user: String,
    /// Whether TLS was up.
    pub tls: bool,
    /// The token, where there was one.
    pub token: Option<TokenFacts>,
    /// Serial number of the client certificate, where there was one.
    pub certificate_serial: Option<String>,
    /// The result.
    pub outcome: AuthOutcome,
}

/// What can be told of a bearer token without keeping it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenFacts {
    /// SHA-256 of the whole token, hexadecimal.
    pub sha256: String,
    /// The `jti` that it claims; *not* verified unless the login was accepted.
    pub claimed_jti: Option<String>,
    /// The national identifier that it claims; *not* verified unless the login was accepted.
    pub claimed_identity: Option<String>,
}

/// How a login ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuthOutcome {
    /// In.
    Accepted {
        /// The mailbox opened.
        mailbox: String,
        /// National identifier of the person, or of the structure for a certificate.
        identity: String,
    },
    /// Out.
    Refused {
        /// Machine name: `token_expired`, `token_signature`, `token_issuer`, `token_malformed`, `token_refused` (a good
        /// token, refused on purpose), `wrong_identity`, `unknown_mailbox`, `no_certificate`, `wrong_certificate`,
        /// `mechanism_not_allowed`, `cleartext`, `malformed`, `cancelled`.
        code: String,
        /// The same for a person.
        reason: String,
    },
}

/// A message that was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailFacts {
    /// The operator's queue id, as in the final `250`.
    pub queue_id: String,
    /// The mailbox that submitted it.
    pub mailbox: String,
    /// Envelope sender; empty for `<>`.
    pub from: String,
    /// Envelope recipients, in order.
    pub to: Vec<String>,
    /// Bytes, as stored.
    pub size: u64,
    /// SHA-256 of the bytes as received, hexadecimal.
    pub sha256: String,
    /// `Message-ID` without its angle brackets.
    pub message_id: Option<String>,
    /// EHLO or HELO name of the session.
    pub helo: String,
}

/// A request to the directory's API, whatever its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchFacts {
    /// The resource, such as `Practitioner`; empty where none was asked for (`metadata`, a refusal before that).
    pub resource: String,
    /// Name, with its modifier, and value of each parameter, in order; of a page those of its search.
    pub parameters: Vec<(String, String)>,
    /// HTTP status of the answer.
    pub status: u16,
    /// How many resources match, on all pages.
    pub found: u64,
    /// MSSanté addresses in the answer, 100 at most.
    pub addresses: Vec<String>,
    /// SHA-256 of the application's key, hexadecimal.
    pub key_sha256: Option<String>,
}
