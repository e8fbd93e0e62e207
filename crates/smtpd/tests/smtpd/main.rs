//! The server on real sockets, real TLS and a real database, against clients that know nothing of it.

mod bad;
mod durable;
mod foreign;
mod good;
mod lab;
mod raw;
