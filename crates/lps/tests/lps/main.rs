//! The session engine against servers that misbehave as servers of the field do, and against revocation lists that
//! come late, forged or not at all. Real TCP, real TLS, the lab's certificates.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // everything here is a test, helpers included

mod adapter;
mod crl;
mod decoupled;
mod discover;
mod engine;
mod field;
mod imap;
mod party;
mod peer;
mod provider;
mod psc_sessions;
mod python;
mod real;
mod real_engine;
mod search;
mod smtp;
mod tokens;
