//! The checkers from outside: wire events as the servers state them, mails with real archives.

#![allow(clippy::unwrap_used)] // helpers of tests: a panic is a failed test

mod directory;
mod inspect;
mod matrix;
mod patients;
mod story;
mod tls;
mod tokens;
mod whatever;
