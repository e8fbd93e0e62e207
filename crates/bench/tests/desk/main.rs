//! The desk on a real bench: SQLite, mail servers, Pro Santé Connect and PKI on free ports.

#![allow(clippy::unwrap_used)] // a test says what went wrong by its panic

mod accounts;
mod client;
mod directory;
mod history;
mod import;
mod lab;
mod posteriori;
mod services;
mod settings;
