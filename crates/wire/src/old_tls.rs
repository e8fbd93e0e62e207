//! The words that tell how a client met a server limited to TLS 1.1 (SC.MSS/CONF.01).
//!
//! The server that plays this part states them, and a judge reads them: they are one list, so that the two agree,
//! and in French because they are shown in a transcript as they are.

/// [`crate::Fact::Note`] of a connection on which TLS 1.1 is offered. It marks the connection as one on which the
/// sandbox misbehaves on purpose.
pub const OFFERED: &str = "TLS 1.1 proposé au client";
/// How the reason of [`crate::Fact::TlsFailed`] begins where the client refused the version.
pub const REFUSED: &str = "TLS 1.1 refusé par le client";
/// How it begins where the client went on with the handshake.
pub const ACCEPTED: &str = "TLS 1.1 accepté par le client";
/// How it begins where what the client did shows neither: silence, or an end that may have another cause.
pub const UNCLEAR: &str = "TLS 1.1 : réaction du client sans conclusion";
