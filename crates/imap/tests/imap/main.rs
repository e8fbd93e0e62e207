//! The crate against independent implementations: `imap-codec` for the protocol, `mail-parser` for MIME.
#![allow(clippy::unwrap_used)] // helpers outside #[test] functions fail as tests do

mod client;
mod grammar;
mod structure;
