//! The registry of requirements, and the checkers: wire events and bytes in, findings out.
//!
//! A checker knows a rule, not who asked: it is given a [`Transcript`] (the connections that belong to a run) and the
//! messages, and answers with [`Check`]s that explain themselves: expected, received, the rule, the line, what to do.
//! It is pure, so that a verdict can be replayed from its proof years later.

mod check;
mod login;
mod nil;
mod registry;
mod text;
mod transcript;

pub use check::{Check, Outcome};
pub use login::{ClientCertificate, LoginAccepted, MechanismUsed, TlsBeforeLogin};
pub use nil::{MailReceived, Message, NilHeader};
pub use registry::{Confidence, Registry, Requirement};
pub use text::Text;
pub use transcript::{Connection, Protocol, Transcript};
