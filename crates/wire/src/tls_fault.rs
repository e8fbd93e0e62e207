//! The words that tell which TLS fault a server shows on purpose, and how a client met one that is played by hand.
//!
//! The lab that misbehaves states them, and a judge reads them: they are one list, so that the two agree, and in French
//! because they are shown in a transcript as they are.

/// How the [`crate::Fact::Note`] begins that a connection with a TLS fault carries, right after the ClientHello. It
/// marks the connection as one on which the sandbox misbehaves on purpose; the fault's name follows.
pub const SHOWN: &str = "Défaut TLS présenté : ";
/// How the reason of [`crate::Fact::TlsFailed`] begins where a client refused a version or a suite that is only played
/// (TLS 1.0, CBC, DHE, RC4…).
pub const REFUSED: &str = "défaut TLS refusé par le client";
/// How it begins where the client went on with the handshake.
pub const ACCEPTED: &str = "défaut TLS accepté par le client";
/// How it begins where what the client did shows neither: silence, or an end that may have another cause.
pub const UNCLEAR: &str = "défaut TLS : réaction du client sans conclusion";

/// The note of a fault: `Défaut TLS présenté : expired (certificat expiré)`.
pub fn note(name: &str, title: &str) -> String {
    format!("{SHOWN}{name} ({title})")
}

/// The fault's name out of its note; `None` where the note is another one.
///
/// ```
/// let note = wire::tls_fault::note("expired", "certificat expiré");
/// assert_eq!(wire::tls_fault::name(&note), Some("expired"));
/// assert_eq!(wire::tls_fault::name("autre chose"), None);
/// ```
pub fn name(note: &str) -> Option<&str> {
    note.strip_prefix(SHOWN)?.split(' ').next().filter(|name| !name.is_empty())
}
