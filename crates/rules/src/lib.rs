//! The registry of requirements, and the checkers: wire events and bytes in, findings out.
//!
//! A checker knows a rule, not who asked: it is given a [`Transcript`] (the connections that belong to a run) and the
//! messages ([`Taken`]), and answers with [`Check`]s that explain themselves: expected, received, the rule, the line,
//! what to do. It is pure, so that a verdict can be replayed from its proof years later.
//!
//! Three outcomes are kept apart with care. *Failed* needs something seen that breaks the rule. *Inconclusive* is
//! everything that proves nothing: no traffic, a mail other than the one the test is about, bytes that cannot be read.
//! And what rests on one source only never fails anybody: it is a remark beside a pass.

mod check;
mod content;
mod directory;
mod faulty;
mod indicators;
pub mod inspect;
mod login;
mod mail;
mod registry;
mod renewal;
mod session;
mod starttls;
mod text;
mod thread;
mod tls_floor;
mod transcript;

pub use check::{Check, Outcome};
pub use content::{Content, Contents, SentTo};
pub use directory::{Criterion, DirectoryTrouble, FoundFirst, SearchedBy, Wanted};
pub use faulty::{Discovery, Faulted, Must};
pub use indicators::{CodeCdaHeader, InsHeader, MesHeader, NilHeader};
pub use login::{ClientCertificate, LoginAccepted, MechanismUsed, TlsBeforeLogin};
pub use mail::{MailReceived, Taken};
pub use registry::{Confidence, Proof, Registry, Requirement};
pub use renewal::TokenRenewed;
pub use session::{Session, SessionMust};
pub use starttls::StartTls;
pub use text::Text;
pub use thread::{InReplyTo, UniqueMessageId};
pub use tls_floor::{OldTlsRefused, TlsOffered};
pub use transcript::{Connection, Protocol, Transcript};
