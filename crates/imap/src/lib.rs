//! IMAP4rev1 (RFC 3501) without I/O: bytes in, typed values out, and the way back.
//!
//! # Why our own grammar and writer
//!
//! A bench must say *where* a client's command goes wrong, always answer with the client's own tag, and be able to
//! put any byte on the wire. So the framing cuts the tag before anything else, the parser keeps the place of the
//! first octet that it does not understand, and the writer is a plain buffer. `imap-codec` is the oracle of the
//! tests in both directions; it is not linked into the product, for reasons read in its source: it rewrites
//! sequence sets while it reads them, has no extended LIST nor SEARCH, and gives no tag with an error.
//!
//! - [`framing`] cuts commands out of a stream, within limits; [`command`] understands them.
//! - [`response`] writes what a server says; [`mime`] computes ENVELOPE, BODYSTRUCTURE and sections.
//! - [`search`] matches messages.
//! - [`client`] is the other side: commands written, responses read.

pub mod client;
pub mod command;
mod cursor;
pub mod date;
pub mod framing;
pub mod mime;
pub mod mutf7;
pub mod response;
pub mod search;
mod sequence;
pub mod sort;
pub mod thread;

pub use cursor::ParseError;
pub use sequence::{Compact, SequenceSet};
