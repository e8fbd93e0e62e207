//! The sandbox of the Annuaire Santé's public FHIR API, version 2.
//!
//! The State offers no sandbox of it (spec 03 §2.1): a client is tried against production or not at all. This one has
//! the same resources, parameters, string semantics, paging, quota and errors, and people that a seed invented.
//!
//! # Why as limited as the original
//!
//! No tokens, no typos, no ranking, no search by name *and* street: a client that passes here must not owe it to a kinder
//! server. What the real one refuses is refused; what is unreliable there is answered here, and said in the journal.
//!
//! # What the journal gets
//!
//! Each request is a connection of its own with a [`wire::Fact::Search`]: criteria, matches and the addresses handed out,
//! so that a judge can hold a recipient against them (SC.MSS/CONF.20). The key is told by its digest only.

mod capability;
mod criterion;
mod entry;
mod fault;
mod http;
mod outcome;
mod page;
mod quota;
mod render;
mod resource;
mod roll;
mod sandbox;
mod search;

pub use criterion::fold;
pub use entry::{Entry, Kind, invented};
pub use fault::{Armed, Fault, UnknownFault};
pub use sandbox::{Sandbox, Settings};

/// Path of the API on its host.
pub const PATH: &str = "/fhir/v2";

/// Calls of one application within a second (spec 03 §2.1); one more is answered 429.
pub const CALLS_PER_SECOND: usize = 17;

/// Entries of a page where `_count` says nothing.
pub const PAGE: usize = 50;
