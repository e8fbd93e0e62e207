//! The client's side: what to write, and how to read what the server answers.
//!
//! The caller owns the socket. It feeds a [`ReplyReader`] with what it reads, and must look at
//! [`ReplyReader::buffered`] right after the reply to STARTTLS: bytes that came before the handshake are an injection
//! and end the session (RFC 3207 §6, SC.MSS/CONF.05).
//!
//! ```
//! use smtp::client::{Capabilities, ReplyReader};
//!
//! let mut reader = ReplyReader::new();
//! reader.feed(b"250-smtp.example\r\n250-SIZE 26214400\r\n250 AUTH XOAUTH2\r\n");
//! let reply = reader.next_reply()?.expect("a whole reply was fed");
//! let offered = Capabilities::read(&reply);
//! assert_eq!(offered.size, Some(26_214_400));
//! assert!(offered.auth.iter().any(|name| name == "XOAUTH2") && !offered.starttls);
//! # Ok::<(), smtp::client::ReplyError>(())
//! ```

mod capabilities;
mod reply;
mod write;

pub use capabilities::Capabilities;
pub use reply::{EnhancedCode, Reply, ReplyError, ReplyReader};
pub use write::{DATA, DotStuffer, InvalidName, QUIT, RSET, STARTTLS, auth, dot_stuff, ehlo, mail, rcpt};
