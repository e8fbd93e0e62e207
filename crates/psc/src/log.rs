//! What each client did, for the person who makes it work: the last events, in memory, without any secret.

use std::collections::{BTreeMap, VecDeque};

use kernel::Timestamp;

/// Events kept per client.
const EVENTS: usize = 200;

/// Clients that have a log; events of further ones are only traced.
const CLIENTS: usize = 1_000;

/// One thing that a client did, or that was done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientEvent {
    /// When.
    pub at: Timestamp,
    /// What, in a line: method, outcome, identifiers and digests; never a token, code or secret.
    pub text: String,
    /// Whether it went as the client wished.
    pub good: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Logs(BTreeMap<String, VecDeque<ClientEvent>>);

impl Logs {
    pub(crate) fn add(&mut self, client_id: &str, at: Timestamp, good: bool, text: &str) {
        if !self.0.contains_key(client_id) && self.0.len() >= CLIENTS {
            return;
        }
        let events = self.0.entry(client_id.to_owned()).or_default();
        if events.len() >= EVENTS {
            events.pop_front();
        }
        let text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect();
        events.push_back(ClientEvent { at, text, good });
    }

    /// The newest first.
    pub(crate) fn of(&self, client_id: &str) -> Vec<ClientEvent> {
        self.0.get(client_id).map(|events| events.iter().rev().cloned().collect()).unwrap_or_default()
    }

    pub(crate) fn forget(&mut self, client_id: &str) {
        self.0.remove(client_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_events_are_kept_and_the_newest_comes_first() {
        let mut logs = Logs::default();
        for number in 0..(EVENTS + 7) {
            logs.add("lps", Timestamp::UNIX_EPOCH, true, &format!("event\n{number}"));
        }
        let events = logs.of("lps");
        assert_eq!((events.len(), events[0].text.as_str()), (EVENTS, "event 206"));
        logs.forget("lps");
        assert!(logs.of("lps").is_empty());
    }
}
