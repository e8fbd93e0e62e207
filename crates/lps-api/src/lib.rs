//! The host API of the LPS side: what a medical software calls instead of speaking IMAP, reading archives and comparing
//! identities by itself.
//!
//! One process serves several practices. Each has a base of its own and API keys of its own; the key names the practice,
//! so that no parameter can lead into another's files. Programs read ([`practice::Practice`]'s rows), act (one act, one
//! transaction, one trace) and are told of changes in three ways that agree: `changes?since=`, server-sent events, and
//! signed webhooks, all numbered by the same sequence.
//!
//! Refusals are `application/problem+json` with the stage that something died in and its retry class. `Idempotency-Key`
//! makes a repetition harmless. The description is OpenAPI 3.1, made from the handlers that serve.

mod access;
mod ask;
mod documents;
mod engine;
mod error;
mod findings;
mod hooks;
mod keys;
mod mailboxes;
mod mails;
mod news;
mod once;
mod openapi;
mod patients;
mod people;
mod problem;
mod registry;
mod requests;
mod service;
mod shapes;
mod signature;
mod sql;
mod traces;

pub use error::Error;
pub use registry::PracticeLine;
pub use service::{House, Parts, Service};
pub use signature::{SIGNATURE_HEADERS, sign};
