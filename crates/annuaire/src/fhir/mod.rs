//! A client of the Annuaire Santé's FHIR API, version 2: one professional or one address, asked for now (ANN/va1.04).
//!
//! Searching is the business of the local base: the API knows no street, no typing error and no ranking. What it alone can
//! say is whether an address is still listed today, and what changed within the last 30 days.
//!
//! # Why an outage is never an empty result
//!
//! "Not listed" makes a doctor give up a correspondent. So each answer that is not a bundle read to its end is a typed
//! [`kernel::Failure`]: no network, 401, 429, 503, a page of HTML with status 200, JSON cut in the middle. And an empty bundle is
//! believed only of an API that lists somebody at all: [`Client::verify_address`] asks for that too.
//!
//! # Why so lenient a reader
//!
//! The implementation guides disagree with the server and with each other (`valueCode` or `valueCodeableConcept`, R256 or R257,
//! spec of the directory §2.4), and change without notice. What is not understood is left out; one field never costs the
//! resource.

mod client;
mod http;
mod live;
mod read;

pub use client::{Client, Page, Settings};
pub use live::{Holder, Live};
pub use read::{Bundle, Mailbox, Resource, read_bundle};

/// The public API.
pub const BASE: &str = "https://gateway.api.esante.gouv.fr/fhir/v2";

/// How far back changes can be asked for, in days.
pub const DAYS_BACK: i64 = 30;
