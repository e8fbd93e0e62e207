//! The ground that every crate of the house stands on.
//!
//! Time, randomness, secrets, limits and the vocabulary of failures live here, and nowhere else, for one
//! reason: a bench must be able to replay a run and to prove that nothing leaked. Code that asks the system
//! for the hour, or prints a token, cannot be replayed nor proven. `clippy.toml` bans the short cuts.

mod clock;
mod digest;
mod failure;
mod limits;
pub mod random;
mod secret;
mod timing;

pub use clock::{Clock, ManualClock};
pub use digest::{base64url, hex, sha256, sha256_hex};
pub use failure::{Failure, RetryClass, Stage};
pub use jiff::Timestamp;
pub use limits::Limits;
pub use random::Rng;
pub use secret::Secret;
pub use timing::Timing;
