//! The adapter protocol: how a bench drives this client, one process and one step at a time.
//!
//! One JSON object comes on standard input, one goes to standard output; there is no secret in arguments nor in the
//! environment. What is answered here is only ever shown: the verdict comes from the wire.

mod again;
mod psc_login;
mod reply;
mod request;
mod search;
mod steps;

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use serde::Serialize;

pub use psc_login::PscLogin;
pub use request::{Auth, Facts, MailboxRef, Message, RefreshGrant, Request, Step};
pub use search::Query;

/// The version of the protocol that is spoken here.
pub const PROTOCOL: u32 = 1;
/// Longest request that is read, in octets.
const MAX_REQUEST: u64 = 1024 * 1024;

/// What the step came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Response {
    /// In one word.
    pub outcome: Outcome,
    /// For a person, in English; no secret, no patient data.
    pub detail: String,
    /// SHA-256 of the access token presented last, in hexadecimal.
    pub token_used_sha256: Option<String>,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All of it was done.
    Done,
    /// One side refused the other: the server a login, a recipient or a message; or this client a server that it
    /// does not trust.
    Refused,
    /// This client cannot do it.
    Unsupported,
    /// It could not be found out: a bad request, a broken connection, no answer in time.
    Error,
}

impl Response {
    pub(crate) fn new(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { outcome, detail: detail.into(), token_used_sha256: None }
    }

    /// The process's exit code: 3 for unsupported, else 0.
    pub fn exit_code(&self) -> u8 {
        if self.outcome == Outcome::Unsupported { 3 } else { 0 }
    }
}

/// Does what `request` asks, with files in `work_dir`. Never fails: failures are outcomes.
pub async fn perform(request: Request, work_dir: &Path) -> Response {
    steps::perform(request, work_dir).await
}

/// Reads one request from standard input, does it, writes one line to standard output, and gives the exit code. A
/// request that cannot be read is answered too, with what is wrong.
pub async fn run_stdio() -> u8 {
    let response =
        match tokio::task::spawn_blocking(read_request).await.unwrap_or_else(|join| Err(join.into())) {
            Err(error) => Response::new(Outcome::Error, format!("standard input cannot be read: {error}")),
            Ok(input) if input.len() as u64 > MAX_REQUEST => {
                Response::new(Outcome::Error, format!("the request is longer than {MAX_REQUEST} octets"))
            }
            Ok(input) => match Request::read(&input) {
                Err(problem) => Response::new(Outcome::Error, problem),
                Ok(request) => {
                    let work_dir = request.work_dir.clone();
                    perform(request, &work_dir).await
                }
            },
        };
    let mut line = serde_json::to_vec(&response).expect("three strings serialise");
    line.push(b'\n');
    let mut output = io::stdout().lock();
    if output.write_all(&line).and_then(|()| output.flush()).is_err() {
        tracing::warn!("standard output is closed: nobody reads the outcome");
    }
    response.exit_code()
}

fn read_request() -> io::Result<Vec<u8>> {
    let mut input = Vec::new();
    io::stdin().lock().take(MAX_REQUEST + 1).read_to_end(&mut input)?;
    Ok(input)
}
