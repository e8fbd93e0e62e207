use std::time::Duration;

use crate::Bench;

/// One service of the sandbox, as the page *Nœuds* shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `banc`, `imap`, `imaps`, `smtp`, `smtps`, `psc`, `pki`, `dns`, `annuaire`, `lps`.
    pub id: &'static str,
    /// Where it is: `localhost:1143`, or a URL. Empty where this build has none.
    pub address: String,
    /// Whether it answers.
    pub state: NodeState,
    /// What it said, or why it did not: a greeting, an HTTP status, an error.
    pub detail: String,
    /// How long it took to answer.
    pub took: Duration,
}

/// Whether a service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It does.
    Up,
    /// It does not.
    Down,
    /// It is not part of this build.
    Absent,
}

impl Bench {
    /// Asks every service for its greeting, all at once, for at most one second each. The probes come to the fixed ports without
    /// logging in, so no run takes them for its client.
    pub async fn nodes(&self) -> Vec<Node> {
        todo!()
    }
}
