//! Fault scripts: at a named point a server does something wrong, so many times, and then behaves again.
//!
//! # Why this way
//!
//! - **Pure.** A script is data and a [`Plan`] is a counter: servers ask [`Plan::at`] at each point and do what they are
//!   told; nothing here knows a socket. So a fault can be armed on any server, and a test can hold any server to it.
//! - **Deterministic.** What happens follows from the script, the seed and the order of the questions: same seed, same
//!   transcript. Users of other mail sandboxes have asked for this since 2016 and were given probabilities.
//! - **A fault that cannot fire is a mistake**, found when the script is read where it can be, else said at the end
//!   ([`Plan::report`]): a client that never met its fault has proven nothing.
//!
//! The language is in `docs/faults.md`.

mod board;
mod parse;
mod plan;
mod point;
mod script;

pub use board::{Asker, Board, Busy, Guard};
pub use parse::ScriptError;
pub use plan::{Hit, Moment, Plan, Reached};
pub use point::{Point, Protocol};
pub use script::{Action, End, Fault, Script, nearest};
