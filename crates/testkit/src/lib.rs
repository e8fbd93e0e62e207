//! What the project's end-to-end tests stand on; never part of a release.
//!
//! A [`Lab`] is the real program in its own process: `vaguemestre up` on free ports over a temporary data directory, so
//! that tests see what a user sees (arguments, standard output, exit codes, files, kill -9) and cannot reach inside.
//! Clients are programs too, in Python on its standard library: nothing of them is shared with the servers.
//!
//! Every lab is a trap: when it ends, the test fails if the server logged an `ERROR` (a fault of ours, never a
//! client's) that the test had not announced with [`Lab::expect_error`].

mod clients;
mod http;
mod lab;
mod output;
pub mod shape;
pub mod trial;

pub use clients::{Client, adapter, adapter_path, bad, client, drive, own};
pub use http::Answer;
pub use lab::{Lab, Product, run};
pub use output::Output;
