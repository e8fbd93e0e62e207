//! The sandbox as clients meet it: its routers with a clock that the test moves, then real HTTPS with the lab's
//! certificate and clients of other makes.

#![allow(clippy::unwrap_used)] // a helper that fails must stop its test

mod authorize;
mod bad_input;
mod certificate;
mod decoupled;
mod desk;
mod faults;
mod foreign;
mod leak;
mod logout;
mod realm;
mod sso;
mod tokens;
mod world;
