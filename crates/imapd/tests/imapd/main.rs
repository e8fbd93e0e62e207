//! The server on real sockets, with the lab's TLS, a real store and a real journal.

mod bad_clients;
mod bench;
mod folders;
mod login;
mod messages;
mod other_clients;
