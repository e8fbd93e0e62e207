//! The types that the outside sees.

mod act;
mod key;
mod mail;
mod mailbox;
mod request;
mod row;

pub use act::{Act, Actor, Patient, Proposal, Trace};
pub use key::Key;
pub use mail::{FileFact, Mail, MailFacts, Reading};
pub use mailbox::{Arrival, FolderState, Mailbox, MailboxKind, Wanted};
pub use request::{Change, ChangeKind, Request, RequestKind, RequestState, Version};
pub use row::{Action, Form, Provenance, Row, Standing, State};
