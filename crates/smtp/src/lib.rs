//! SMTP submission without I/O: strict grammar, replies, data framing, client side.
//!
//! Bytes in, values out; nothing here opens a socket, reads a clock or keeps a message. The server side is strict on
//! purpose, because a bench that forgives an editor's mistake hides it, and because every past smuggling attack was
//! born from two servers that read the same bytes differently: lines end with CR LF and nothing else, a message ends
//! with CR LF dot CR LF and nothing else, and a parameter that was not advertised is refused (RFC 5321, RFC 6409).
//! Existing parsers were tried and put aside: they accept a bare LF, a space after `MAIL FROM:`, and lose quoted
//! local parts. One of them serves as an oracle in the tests.
//!
//! A server cuts lines with [`LineReader`], reads them with [`Command::parse`], takes messages in with
//! [`DataReceiver`] and answers with [`Response`]. A client uses [`client`].

mod address;
pub mod client;
mod command;
mod data;
mod dsn;
mod line;
mod notice;
mod response;
mod sender;

pub use address::{AddressError, Domain, ForwardPath, Mailbox, ReversePath};
pub use command::{BodyType, Command, MailParameters, RcptParameters, SyntaxError};
pub use data::{DataFault, DataReceiver, Progress};
pub use dsn::{Notify, OriginalRecipient, Ret};
pub use line::{LineError, LineReader};
pub use notice::{Action, Notice, Outcome, date};
pub use response::Response;
pub use sender::{SenderError, senders};
