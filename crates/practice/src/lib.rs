//! What a practice keeps of its MSSanté mail: mailboxes, mails, documents, the work list, patients, requests, traces.
//!
//! No socket is opened here. The connector (`lps`) says what it saw and fetched; screens and the host API act and read.
//! Three rules shape it:
//!
//! - **One way in.** What a server has is told by [`Practice::synchronised`], the octets of mails are given to
//!   [`Practice::keep`], and mails are read by [`Practice::read_pending`]: whoever triggers it (first fetch, retry, a new
//!   reader, an import), the rows are the same. Fetched, kept and read are separate facts; a technical failure is never
//!   "no documents" (spec 07, L1 and L4).
//! - **One way to act.** Whatever a person decides is an [`Act`] by an [`Actor`], applied in one transaction with its
//!   trace and its change notice: all of it or nothing.
//! - **Every proposal has its reasons.** Where a document belongs is decided by [`ins::decide`]; nothing is filed on a
//!   local number, nothing is guessed.

mod acts;
mod arrivals;
mod blobs;
mod care;
mod changes;
mod columns;
mod critical;
mod draft;
mod error;
mod failure;
#[cfg(test)]
mod lab;
mod list;
mod mailboxes;
mod mails;
mod model;
mod patients;
mod people;
mod proposal;
mod reading;
mod requests;
mod schema;
mod store;
mod traces;
mod versions;
mod words;

pub use acts::Done;
pub use care::{Care, NewCare};
pub use critical::Escalation;
pub use error::Error;
pub use list::{Counts, Cursor, Filter, Page, Sort};
pub use model::*;
pub use people::{May, NewPerson, Person, PersonRole, Right};
pub use reading::READER;
pub use requests::RequestFilter;
pub use store::{Practice, Setting};
pub use traces::{Broken, CsvPiece, NewTrace, Outcome, TraceFilter, Verified};
