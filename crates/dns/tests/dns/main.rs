//! The server over real sockets, asked by a foreign client (`dig`), each fault suffered by it, and our journal saying the
//! same.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // everything here is a test, helpers included

mod bench;
mod faults;
mod records;
mod sockets;
