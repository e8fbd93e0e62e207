//! The crate against foreign software: real sockets, real handshakes, OpenSSL 3 on the other side.

#![allow(clippy::unwrap_used)] // helpers of tests: a panic is a failed test

mod bad;
mod canned;
mod client;
mod lab;
mod profiles;
mod server;
mod support;
