//! The server on real sockets, real TLS and a real database, against clients that know nothing of it.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // tests: the helpers of this binary count as such too

mod bad;
mod bad_more;
mod chunks;
mod durable;
mod faults;
mod foreign;
mod good;
mod lab;
mod notices;
mod offers;
mod raw;
