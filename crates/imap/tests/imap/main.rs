//! The crate against independent implementations: `imap-codec` for the protocol, `mail-parser` for MIME.

mod client;
mod grammar;
mod structure;
