//! The server on real sockets, with the lab's TLS, a real store and a real journal.
#![allow(clippy::unwrap_used)] // helpers outside #[test] functions fail as tests do

mod bad_clients;
mod bad_more;
mod bench;
mod content;
mod faults;
mod faults_login;
mod folders;
mod login;
mod messages;
mod offers;
mod other_clients;
mod revisions;
mod rfc;
mod sync;
mod transcripts;
