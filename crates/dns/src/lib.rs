//! The sandbox's authoritative DNS: what a mail client asks when it looks for the servers of a mailbox
//! (SC.MSS/CONF.04, RFC 6186, RFC 8314), answered truly, or wrongly in a way that somebody armed.
//!
//! Why a server of our own: a fault here is a wrong identifier, a reply that never comes, or a TCP port that does not
//! take over from a truncated datagram. No zone file says such things, so the loops must be ours; reading and writing
//! messages is left to `hickory-proto`. [`Zone`] is plain data and knows no fault; [`Server`] asks it, bends the answer
//! as the armed [`Fault`] says, and tells the journal what was asked and what was said; [`serve`] owns the sockets.

mod fault;
mod name;
mod probe;
mod rate;
mod serve;
mod server;
mod zone;

pub use fault::{Fault, FaultError};
pub use name::BadName;
pub use probe::{MailService, ProbeError, probe};
pub use serve::{bind, serve};
pub use server::{ArmError, Guard, Server};
pub use zone::{MailPorts, Sandbox, TTL, Zone};
