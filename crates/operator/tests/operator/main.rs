//! The operator's faults, met by clients of other people (Python, OpenSSL, curl) and judged by the checkers.

#![allow(clippy::unwrap_used)] // helpers of tests: a panic is a failed test

mod faults;
mod issuers;
mod lab;
mod old_tls;
mod pki;
mod settings;
mod tokens;
