//! The sandbox as clients meet it: its routers with a clock that the test moves, then real HTTPS with the lab's
//! certificate and clients of other makes.

#![allow(clippy::unwrap_used)] // a helper that fails must stop its test

mod authorize;
mod foreign;
mod leak;
mod realm;
mod tokens;
mod world;
