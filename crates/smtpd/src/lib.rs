//! The sandbox operator's SMTP submission server (SC.MSS/CONF.05; RFC 6409 with STARTTLS, RFC 8314 with TLS from the
//! first byte).
//!
//! # Why this way
//!
//! - **Durable, or not said.** The message and the events that tell of it are one commit; `250` is written after it
//!   and never before. Whoever kills the process finds both or neither.
//! - **Strict.** The grammar is the one of crate `smtp`. What arrives in clear behind STARTTLS or ahead of `354` ends
//!   the connection, because nothing good ever comes that way. No mechanism is offered, and none accepted, without
//!   TLS.
//! - **Everything is told, no secret is.** Each line goes to the journal masked, message data is only counted, and
//!   every attempt to log in is a fact of its own, including one in clear.
//! - **A listener is cheap.** The bench opens one for a single run: [`serve`] ends within two seconds of its signal.
//!
//! Events reach the journal with the commit of the message that they lead to, or 20 ms after the client fell silent,
//! or with the end of the connection, whichever comes first: never later than the `250` that rests on them.
//!
//! Mail goes only where [`Recipients`] says; the server itself relays nothing. A recipient may be taken and fail, or
//! be late, afterwards: the sender's mailbox then gets the notice that the sender asked for (RFC 3461, RFC 3464), in
//! the same commit. A notice has the empty reverse path, goes to a local mailbox or nowhere, and is never answered.
//!
//! What a client is offered follows [`sasl::Offer`]: with [`sasl::Profile::Old`] there is AUTH, SIZE and STARTTLS, no
//! enhanced status code, and every other extension is unknown; with [`sasl::Profile::Mailiz`] a refused token gets its
//! challenge and then nothing.
//!
//! Where [`Endpoint::faults`] says so the server misbehaves, at a named point and as told; each fault is a fact of the
//! journal. A message is never half stored: what ends before the final dot leaves nothing, what was stored stays.

mod auth;
mod chunks;
mod connection;
mod context;
mod deliver;
mod envelope;
mod headers;
mod inboxes;
mod listener;
mod notices;
mod pen;
mod rates;
mod receive;
mod session;
mod suffer;
mod trace;

pub use context::{Allowance, BoxFuture, Context, Endpoint, Policy, Recipients, Resolution, TlsFaults};
pub use listener::serve;
pub use rates::Rates;
