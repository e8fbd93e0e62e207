//! How a client takes a server that does wrong.
//!
//! One question for each way of doing right ([`Must`]), asked of the connections of one step: those on which the server
//! was told to misbehave, and those that followed. A fault that was never met proves nothing, and neither does a client
//! that never came: both are inconclusive.

mod after;
mod discovery;
mod must;
pub(crate) mod seen;

use wire::Fact;

pub use discovery::Discovery;
pub use must::Must;

use crate::{Check, Outcome, Protocol, Text, Transcript};

/// The server misbehaved as the step's script says, and the client did as it must.
#[derive(Clone, Copy, Debug)]
pub struct Faulted<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Where.
    pub protocol: Protocol,
    /// What the client must do.
    pub must: Must,
    /// How often at most, where the question is how often; or how many milliseconds at least.
    pub bound: u32,
    /// The names of the faults that must have happened.
    pub faults: &'r [String],
}

/// What one question came to.
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) received: Text,
    pub(crate) by: Option<i64>,
    pub(crate) next: Text,
}

impl Answer {
    pub(crate) fn into_check(self, requirement: &str, rule: &str, expected: Text) -> Check {
        match self.outcome {
            Outcome::Passed => Check::passed(requirement, rule, expected, self.received, self.by),
            outcome => {
                let pair = (expected, self.received);
                Check::not_passed(requirement, rule, outcome, pair, self.by, self.next)
            }
        }
    }
}

impl Faulted<'_> {
    /// Judges the connections of one step, in the order in which they came.
    pub fn check(&self, transcript: &Transcript<'_>) -> Check {
        let expected = self.must.expected(self.protocol, self.bound);
        let rule = self.must.rule();
        let end = |answer: Answer| answer.into_check(self.requirement, rule, expected.clone());
        let answer = self.must.ask(self.protocol, self.bound, transcript);
        // What must never be done is a fault of the client's whether or not every fault happened.
        if answer.outcome == Outcome::Failed && self.must.is_prohibition() {
            return end(answer);
        }
        if let Some(missing) = self.not_reached(transcript) {
            return end(missing);
        }
        end(answer)
    }

    fn not_reached(&self, transcript: &Transcript<'_>) -> Option<Answer> {
        let happened = |name: &String| {
            transcript
                .of(self.protocol)
                .flat_map(|connection| &connection.events)
                .any(|event| matches!(&event.fact, Fact::Fault { name: fault, .. } if fault == name))
        };
        let missing = self.faults.iter().find(|name| !happened(name))?;
        let came = transcript.of(self.protocol).next().is_some();
        let (received, next) = if came {
            (
                Text::new(
                    format!("Défaut non atteint : « {missing} »"),
                    format!("Fault not reached: “{missing}”"),
                ),
                Text::new(
                    "Le client n’est pas allé jusqu’à ce point : relancer, en faisant tout ce que l’étape demande.",
                    "The client did not come that far: run again, doing all that the step asks for.",
                ),
            )
        } else {
            (
                Text::new(
                    format!("Aucune connexion {} de ce client pendant l’étape", self.protocol.name()),
                    format!("No {} connection of this client during the step", self.protocol.name()),
                ),
                Text::new(
                    "Se connecter à l’hôte et au port donnés pour cette étape.",
                    "Connect to the host and port given for this step.",
                ),
            )
        };
        let by =
            transcript.of(self.protocol).last().and_then(|last| last.events.last()).map(|event| event.seq);
        Some(Answer { outcome: Outcome::Inconclusive, received, by, next })
    }
}
