//! The sandbox operator's IMAP server (SC.MSS/CONF.06: IMAP4 with STARTTLS; RFC 8314 with TLS from the first byte).
//!
//! # Why this way
//!
//! - **The wire is ours.** Crate `imap` cuts, reads and writes; this one only adds sockets, the mail store and time.
//!   What came in clear behind STARTTLS ends the connection unexecuted.
//! - **Nothing is offered without TLS.** Before it there is no `AUTH=` and LOGINDISABLED stands; an attempt all the
//!   same is refused, and is a fact of its own for the judge, with whose token was shown to the network.
//! - **No body in memory.** Messages are streamed from the store, and into it; a structure is a tree of offsets.
//! - **Only what works is advertised.** Each capability has its test.
//! - **It errs on command.** A listener may have a fault script (crate `faults`): the session asks at each point of a
//!   conversation, does what it is told, and has said so in the journal before.
//! - **A listener is cheap.** The bench opens one for a single run: [`serve`] ends within two seconds of its signal.

mod ahead;
mod append;
mod binary;
mod capability;
mod compress;
mod connection;
mod context;
mod deflate;
mod faulty;
mod fetch;
mod folders;
mod idle;
mod listener;
mod login;
mod messages;
mod pen;
mod pieces;
mod quota;
mod rates;
mod resync;
mod search;
mod selected;
mod session;

pub use context::{Context, Endpoint, TlsFaults};
pub use listener::serve;
