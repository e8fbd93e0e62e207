//! ENVELOPE, BODYSTRUCTURE and the octets of a section, from a message's own octets.
//!
//! # Why not a mail parser
//!
//! IMAP wants encoded words as they were written, offsets into the stored octets, and bodies of 25 MB that are never
//! in memory as a whole. A mail parser decodes, owns and reads all at once. So [`Scanner`] reads a message once, in
//! pieces of any size, and keeps a tree of offsets; a section is then a range that the server streams from its store.
//! `mail-parser` is the oracle of the tests, and decodes the encoded words that SEARCH looks into.
//!
//! [`Learner`] does it once, while a message comes in: what it learned is kept beside the message, and FETCH, SEARCH
//! and PREVIEW then read no body.

mod armour;
mod envelope;
mod header;
mod learn;
mod scan;
mod section;
mod stored;
mod structure;
mod texts;
mod transfer;

pub use armour::Armour;
pub use envelope::{Address, Envelope};
pub use header::{Field, Parameters, end_of_header, fields, select_fields, unfold};
pub use learn::{Finder, Heads, Learned, Learner};
pub(crate) use learn::{decode_words, decoded_fields, instant, sent_day};
pub use scan::{Part, Scanner};
pub use section::{Octets, locate, part_of};
pub use stored::Stored;
pub use structure::{write_envelope, write_structure};
pub use texts::fold;
pub use transfer::{Transfer, TransferDecoder};
