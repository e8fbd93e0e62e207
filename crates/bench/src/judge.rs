//! The judge: `(scenario, context, events, messages) → judgement`. Pure, so that a proof can be replayed.

use kernel::Timestamp;
use rules::{
    Check, ClientCertificate, Connection, LoginAccepted, MailReceived, MechanismUsed, Message, NilHeader,
    Outcome, Protocol, TlsBeforeLogin, Transcript,
};
use serde::{Deserialize, Serialize};
use wire::{Event, Fact};

use crate::scenario::{Expectation, Scenario};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything expected was seen.
    Passed,
    /// Something was seen that must not be, or the contrary.
    Failed,
    /// Nothing that can be judged was seen. Never a pass by silence.
    Inconclusive,
    /// The adapter cannot do this.
    Unsupported,
    /// The run died before its window.
    NotStarted,
    /// The bench stopped during the window.
    Aborted,
    /// Declared by a person.
    Attested,
    /// Does not concern this product.
    NotApplicable,
}

impl Verdict {
    /// The word of the JSON contracts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Unsupported => "unsupported",
            Self::NotStarted => "not_started",
            Self::Aborted => "aborted",
            Self::Attested => "attested",
            Self::NotApplicable => "not_applicable",
        }
    }

    /// How the log ends, in MOTCO2's words.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Passed | Self::Attested => "TEST_OK",
            Self::Failed => "TEST_KO",
            _ => "TEST_NC",
        }
    }

    /// Reads the word of the JSON contracts.
    pub fn parse(name: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
    }
}

/// Everything about a run that the judge may know, besides the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// The run's number.
    pub run: i64,
    /// The product's number.
    pub nil: String,
    /// Address of the mailbox under test.
    pub mailbox: String,
    /// Its identifier.
    pub identity: String,
    /// Who drives the client.
    pub driver: Driver,
    /// What recognises the run's own traffic.
    pub marks: Marks,
    /// When the window opened.
    pub opened: Timestamp,
    /// When it closed.
    pub closed: Timestamp,
    /// Whether announced durations were shortened.
    pub accelerated: bool,
    /// Whether the client was handed ready bytes instead of facts.
    pub canned: bool,
    /// What the adapter said; shown, never judged, but for `unsupported`.
    pub adapter: Vec<AdapterWord>,
    /// Connections of others during the window: counted and shown, never judged.
    pub strangers: u32,
    /// The run that is the positive control of this one.
    pub control: Option<i64>,
}

/// Who drives the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Driver {
    /// A program: only what carries the run's marks is judged.
    Adapter,
    /// A person: the mailbox's first login or first mail in the window is judged.
    Person,
}

/// What recognises a run's own traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// `jti` of the tokens handed out.
    pub tokens: Vec<String>,
    /// Serial numbers of the certificates handed out.
    pub certificates: Vec<String>,
    /// The recipient that the run owns.
    pub recipient: Option<String>,
    /// A word that no other run uses.
    pub nonce: Option<String>,
}

/// One step's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdapterWord {
    /// The step.
    pub step: String,
    /// `done`, `refused`, `unsupported`, `error`, or `timeout`, `unreadable` from the bench.
    pub outcome: String,
    /// The adapter's detail, masked.
    pub detail: String,
}

/// The judge's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Each check, in the scenario's order.
    pub checks: Vec<Check>,
}

/// Judges a run.
pub fn judge(
    scenario: &Scenario,
    context: &Context,
    events: &[Event],
    messages: &[Message<'_>],
) -> Judgement {
    if context.adapter.iter().any(|word| word.outcome == "unsupported") {
        return Judgement { verdict: Verdict::Unsupported, checks: Vec::new() };
    }
    let transcript = own(scenario, context, events);
    let checks: Vec<Check> =
        scenario.expect.iter().map(|expectation| hold(expectation, context, &transcript, messages)).collect();
    let worst = |outcome| checks.iter().any(|check| check.outcome == outcome);
    let verdict = if worst(Outcome::Failed) {
        Verdict::Failed
    } else if worst(Outcome::Inconclusive) || checks.is_empty() {
        Verdict::Inconclusive
    } else {
        Verdict::Passed
    };
    Judgement { verdict, checks }
}

fn hold(
    expectation: &Expectation,
    context: &Context,
    transcript: &Transcript<'_>,
    messages: &[Message<'_>],
) -> Check {
    match expectation {
        Expectation::TlsBeforeLogin { requirement, protocol } => {
            TlsBeforeLogin { requirement, protocol: *protocol }.check(transcript)
        }
        Expectation::Mechanism { requirement, protocol, mechanism } => {
            MechanismUsed { requirement, protocol: *protocol, mechanism }.check(transcript)
        }
        Expectation::Login { requirement, protocol } => {
            LoginAccepted { requirement, protocol: *protocol, mailbox: &context.mailbox }.check(transcript)
        }
        Expectation::ClientCertificate { requirement, protocol } => {
            ClientCertificate { requirement, protocol: *protocol, identity: &context.identity }
                .check(transcript)
        }
        Expectation::MailReceived { requirement } => MailReceived { requirement }.check(transcript),
        Expectation::Nil { requirement } => {
            NilHeader { requirement, nil: &context.nil }.check(transcript, messages)
        }
    }
}

/// The part of `events` that belongs to the run.
pub fn own<'a>(scenario: &Scenario, context: &Context, events: &'a [Event]) -> Transcript<'a> {
    let all = Transcript::new(events);
    match context.driver {
        Driver::Adapter => all.filter(|connection| is_marked(context, connection)),
        Driver::Person => {
            let mailbox = all.filter(|connection| is_of_mailbox(context, connection));
            let first = if scenario.expects_mail() {
                mailbox
                    .connections()
                    .iter()
                    .find(|connection| connection.mails().next().is_some())
                    .map(|c| c.id)
            } else {
                let protocols = scenario.protocols();
                let wanted =
                    |p: &Protocol| mailbox.of(*p).find(|c| c.logins().next().is_some()).map(|c| c.id);
                protocols.iter().find_map(wanted)
            };
            match first {
                Some(id) => mailbox.filter(|connection| connection.id == id),
                None => mailbox,
            }
        }
    }
}

fn is_marked(context: &Context, connection: &Connection<'_>) -> bool {
    if let Some(run) = connection.origin().and_then(|origin| origin.run) {
        return run == context.run;
    }
    let marks = &context.marks;
    connection.events.iter().any(|event| match &event.fact {
        Fact::Auth { auth } => {
            let token = auth.token.as_ref().and_then(|token| token.claimed_jti.as_ref());
            token.is_some_and(|jti| marks.tokens.contains(jti))
        }
        Fact::TlsEstablished { tls } => tls
            .certificate
            .as_ref()
            .is_some_and(|certificate| marks.certificates.contains(&certificate.serial)),
        Fact::Mail { mail } => marks.recipient.as_ref().is_some_and(|recipient| mail.to.contains(recipient)),
        Fact::Line { text, .. } | Fact::Greeting { name: text, .. } | Fact::Header { value: text, .. } => {
            marks.nonce.as_ref().is_some_and(|nonce| text.contains(nonce.as_str()))
        }
        _ => false,
    })
}

fn is_of_mailbox(context: &Context, connection: &Connection<'_>) -> bool {
    if connection.origin().is_some_and(|origin| origin.run.is_some_and(|run| run != context.run)) {
        return false;
    }
    let of_certificate = connection
        .tls()
        .and_then(|(_, tls)| tls.certificate.as_ref())
        .is_some_and(|certificate| certificate.common_name == context.identity);
    of_certificate || connection.logins().any(|(_, auth)| auth.user.eq_ignore_ascii_case(&context.mailbox))
}
