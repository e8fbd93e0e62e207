//! The judge: `(scenario, context, events, messages) → judgement`. Pure, so that a proof can be replayed.

use std::collections::BTreeMap;

use kernel::Timestamp;
use rules::{
    Check, ClientCertificate, CodeCdaHeader, Connection, Content, Contents, DirectoryTrouble, Discovery,
    Faulted, FoundFirst, InReplyTo, InsHeader, LoginAccepted, MailReceived, MechanismUsed, MesHeader,
    NilHeader, OldTlsRefused, Outcome, Protocol, SearchedBy, SentTo, Session, StartTls, Taken, Text,
    TlsBeforeLogin, TlsOffered, TokenRenewed, Transcript, UniqueMessageId, Wanted,
};
use serde::{Deserialize, Serialize};
use wire::{ConnectionId, Event, Fact, MailFacts, Service};

use crate::scenario::{Arm, Expectation, Scenario, Verb};

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
    /// The run that is the positive control of this one; its own number where the control is one of its steps.
    pub control: Option<i64>,
    /// What the product's mailbox did besides, during the window: shown, never judged.
    #[serde(default)]
    pub meanwhile: Meanwhile,
    /// Message-ID of the message that the bench put into the mailbox to be answered.
    #[serde(default)]
    pub original: Option<String>,
    /// The product's name when it ran.
    #[serde(default)]
    pub product_name: String,
    /// The product's version when it ran.
    #[serde(default)]
    pub product_version: Option<String>,
    /// Whether there was more on the wire than a proof keeps: only the beginning was judged.
    #[serde(default)]
    pub truncated: bool,
    /// The ports of the steps that had some of their own, with an adapter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub doors: BTreeMap<String, Vec<u16>>,
    /// When those steps began.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub began: BTreeMap<String, Timestamp>,
    /// What the steps handed out whose token is judged.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub handed: BTreeMap<String, Handed>,
    /// The other mailbox that the same person may open, where a step is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<String>,
    /// Whom the steps are about that look somebody up.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub wanted: BTreeMap<String, Wanted>,
}

/// A token that a step handed out, by what tells it in a transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    /// Its `jti`.
    pub jti: String,
    /// Its session at PSC.
    pub sid: String,
}

impl Handed {
    /// Whether this is a question to PSC in the name of the session.
    fn was_used_on(&self, connection: &Connection<'_>) -> bool {
        let names = |event: &&Event| match &event.fact {
            Fact::Note { text } => {
                text.split([' ', ')']).any(|word| word.strip_prefix("sid=") == Some(self.sid.as_str()))
            }
            _ => false,
        };
        connection.service() == Some(Service::Psc) && connection.events.iter().any(names)
    }
}

/// What else a mailbox did during a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meanwhile {
    /// Connections.
    pub connections: u32,
    /// Logins tried on them.
    pub logins: u32,
    /// Messages sent on them.
    pub mails: u32,
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
    /// The recipients that the run owns, one for each step that sends a message, in their order. For a person: those that
    /// the page asks for.
    #[serde(default)]
    pub recipients: Vec<String>,
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

/// A message as the operator took it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The operator's queue id, which the [`wire::MailFacts`] of the transcript name too.
    pub queue_id: &'a str,
    /// The bytes as received, without the operator's own trace lines.
    pub bytes: &'a [u8],
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
    // What cannot be told to be this mailbox's explains, and never condemns.
    let unattributed = context.driver == Driver::Person
        && !transcript.connections().iter().any(|connection| is_of_mailbox(context, connection));
    let mut checks = Vec::new();
    // What must hold for the test to mean something, and what the test is about.
    let (mut control, mut test) = (Vec::new(), Vec::new());
    for expectation in &scenario.expect {
        if expectation.needs_adapter() && context.driver == Driver::Person {
            continue;
        }
        let of_step = of_step(scenario, context, &transcript, expectation.step());
        let mails = taken(scenario, context, &of_step, messages, expectation.step());
        let mut check = match expectation {
            Expectation::Discovered { requirement, step, protocol, nowhere } => {
                let ids: Vec<_> = of_step.connections().iter().map(|connection| connection.id).collect();
                let rest = transcript.filter(|connection| !ids.contains(&connection.id));
                let began = step.as_ref().and_then(|step| context.began.get(step)).copied();
                Discovery { requirement, protocol: *protocol, nowhere: *nowhere, began }
                    .check(&of_step, &rest)
            }
            _ => hold(expectation, scenario, context, &of_step, &mails),
        };
        if unattributed && check.outcome == Outcome::Failed {
            check.outcome = Outcome::Inconclusive;
        }
        let is_control = scenario.control.is_some() && expectation.step() == scenario.control.as_deref();
        if is_control && scenario.expect.len() > 1 { &mut control } else { &mut test }.push(check.outcome);
        checks.push(check);
    }
    if let Some(missing) = control_run_missing(scenario, context) {
        control.push(missing.outcome);
        checks.push(missing);
    }
    let verdict = if test.contains(&Outcome::Failed) {
        Verdict::Failed
    } else if test.iter().chain(&control).all(|outcome| *outcome == Outcome::Passed) && !test.is_empty() {
        Verdict::Passed
    } else {
        // A negative test without its positive control says nothing, and silence is never a pass.
        Verdict::Inconclusive
    };
    Judgement { verdict, checks }
}

/// Where steps have faults: what belongs to one of them. With an adapter the port says it; with a person what came before
/// the first fault is the control, and the rest is the test.
fn of_step<'a>(
    scenario: &Scenario,
    context: &Context,
    transcript: &Transcript<'a>,
    step: Option<&str>,
) -> Transcript<'a> {
    let Some(step) = step.and_then(|id| scenario.step.iter().find(|step| step.id == id)) else {
        return transcript.clone();
    };
    if context.driver == Driver::Adapter {
        let ports = context.doors.values().flatten();
        let own = context.doors.get(&step.id);
        return transcript.filter(|connection| {
            if connection.service() == Some(Service::Psc) {
                let handed = context.handed.get(&step.id);
                return handed.is_some_and(|handed| handed.was_used_on(connection))
                    || step.psc_login && is_return_of(context, connection);
            }
            let Some(port) = connection.origin().map(|origin| origin.port) else { return own.is_none() };
            own.map_or_else(|| !ports.clone().any(|other| *other == port), |own| own.contains(&port))
        });
    }
    if !scenario.step.iter().any(|step| step.faults.is_some()) {
        return transcript.clone();
    }
    let faults = transcript.connections().iter().flat_map(|connection| &connection.events);
    let first = faults.filter(|event| matches!(event.fact, Fact::Fault { .. })).map(|event| event.seq).min();
    transcript.filter(|connection| {
        let after = first.is_some_and(|first| connection.events.last().is_some_and(|last| last.seq >= first));
        after == step.faults.is_some()
    })
}

/// Where the control is another job: the run that proved it must be known.
fn control_run_missing(scenario: &Scenario, context: &Context) -> Option<Check> {
    let control = scenario.control.as_ref().filter(|_| !scenario.has_own_control())?;
    if context.control.is_some() {
        return None;
    }
    Some(Check {
        requirement: scenario.requirements.first().cloned().unwrap_or_default(),
        outcome: Outcome::Inconclusive,
        expected: Text::new(
            format!("Le témoin positif {control} réussi par ce produit, depuis moins de 10 minutes"),
            format!("The positive control {control} passed by this product, less than 10 minutes ago"),
        ),
        received: Text::new("Aucune exécution de ce témoin", "No run of this control"),
        rule: "Témoin positif d’un test négatif".into(),
        decided_by: None,
        next: Text::new(
            format!("Lancer {control}, puis ce test."),
            format!("Run {control}, then this test."),
        ),
    })
}

/// The messages that an expectation about `step` looks at: with an adapter those to the step's own recipient, with a
/// person the mailbox's messages in the order of the steps.
fn taken<'a>(
    scenario: &Scenario,
    context: &Context,
    transcript: &Transcript<'a>,
    messages: &'a [Message<'a>],
    step: Option<&str>,
) -> Vec<Taken<'a>> {
    let mut mails: Vec<_> = transcript.mails().collect();
    mails.sort_by_key(|(event, _)| event.seq);
    let place = step.and_then(|step| scenario.mail_steps().position(|other| other.id == step));
    let chosen: Vec<_> = match (place, context.driver) {
        (None, _) => mails,
        (Some(place), Driver::Person) => in_order(scenario, context, place, mails, messages),
        (Some(place), Driver::Adapter) => {
            let own = context.marks.recipients.get(place);
            mails.into_iter().filter(|(_, mail)| own.is_some_and(|own| goes_to(mail, own))).collect()
        }
    };
    let bytes = |queue_id: &str| messages.iter().find(|m| m.queue_id == queue_id).map(|m| m.bytes);
    chosen
        .into_iter()
        .map(|(event, mail)| Taken { seq: event.seq, mail, message: bytes(&mail.queue_id) })
        .collect()
}

/// With a person: an answer is known by what it answers; the other messages are taken in the order of their steps.
fn in_order<'a>(
    scenario: &Scenario,
    context: &Context,
    place: usize,
    mails: Vec<(&'a Event, &'a MailFacts)>,
    messages: &'a [Message<'a>],
) -> Vec<(&'a Event, &'a MailFacts)> {
    let is_answer = |mail: &MailFacts| {
        let message = messages.iter().find(|message| message.queue_id == mail.queue_id);
        let named =
            message.map(|message| mss::header_values(message.bytes, "In-Reply-To")).unwrap_or_default();
        context
            .original
            .as_ref()
            .is_some_and(|original| named.iter().any(|value| value.contains(original.as_str())))
    };
    let (answers, others): (Vec<_>, Vec<_>) = mails.into_iter().partition(|(_, mail)| is_answer(mail));
    let is_reply = |step: &crate::scenario::Step| step.adapter == Verb::Reply;
    let wanted = scenario.mail_steps().nth(place).is_some_and(is_reply);
    if wanted && !answers.is_empty() {
        return answers.into_iter().take(1).collect();
    }
    // Where no answer was known for one, its place in the order is what is left.
    let before =
        scenario.mail_steps().take(place).filter(|step| answers.is_empty() || !is_reply(step)).count();
    others.into_iter().skip(before).take(1).collect()
}

fn hold(
    expectation: &Expectation,
    scenario: &Scenario,
    context: &Context,
    transcript: &Transcript<'_>,
    mails: &[Taken<'_>],
) -> Check {
    use Expectation as E;
    let requirement = expectation.requirement();
    match expectation {
        E::TlsBeforeLogin { protocol, .. } => {
            TlsBeforeLogin { requirement, protocol: *protocol }.check(transcript)
        }
        E::Mechanism { protocol, mechanism, .. } => {
            MechanismUsed { requirement, protocol: *protocol, mechanism }.check(transcript)
        }
        E::Login { protocol, .. } => {
            LoginAccepted { requirement, protocol: *protocol, mailbox: &context.mailbox }.check(transcript)
        }
        E::ClientCertificate { protocol, .. } => {
            ClientCertificate { requirement, protocol: *protocol, identity: &context.identity }
                .check(transcript)
        }
        E::Starttls { protocol, .. } => StartTls { requirement, protocol: *protocol }.check(transcript),
        E::TlsOffered { protocol, .. } => TlsOffered { requirement, protocol: *protocol }.check(transcript),
        E::SuitesOffered { protocol, .. } => crate::offer::check(requirement, *protocol, transcript),
        E::OldTlsRefused { protocol, .. } => {
            OldTlsRefused { requirement, protocol: *protocol }.check(transcript)
        }
        E::TokenRenewed { protocol, .. } => {
            TokenRenewed { requirement, protocol: *protocol }.check(transcript)
        }
        E::MailReceived { .. } => MailReceived { requirement }.check(transcript, mails),
        E::SentTo { step, .. } => {
            let place = scenario.mail_steps().position(|other| Some(&other.id) == step.as_ref());
            let recipient = place.and_then(|place| context.marks.recipients.get(place));
            SentTo { requirement, recipient: recipient.map_or("", String::as_str) }.check(transcript, mails)
        }
        E::Content { documents: 0, .. } => {
            Contents { requirement, expect: Content::Plain }.check(transcript, mails)
        }
        E::Content { documents, qualified, .. } => {
            let expect = Content::Documents { count: *documents, qualified: *qualified };
            Contents { requirement, expect }.check(transcript, mails)
        }
        E::Nil { .. } => NilHeader { requirement, nil: &context.nil }.check(transcript, mails),
        E::Ins { .. } => InsHeader { requirement }.check(transcript, mails),
        E::Codecda { .. } => CodeCdaHeader { requirement }.check(transcript, mails),
        E::Mes { close, .. } => MesHeader { requirement, close: *close }.check(transcript, mails),
        E::Reply { .. } => {
            let original = context.original.as_deref().unwrap_or_default();
            InReplyTo { requirement, original }.check(transcript, mails)
        }
        E::Faulted { protocol, must, bound, step, .. } => {
            let step = scenario.step.iter().find(|other| Some(&other.id) == step.as_ref());
            let faults = step.map(crate::scenario::Step::fault_names).unwrap_or_default();
            Faulted { requirement, protocol: *protocol, must: *must, bound: *bound, faults: &faults }
                .check(transcript)
        }
        E::Session { protocol, must, bound, step, .. } => {
            let handed = step.as_ref().and_then(|step| context.handed.get(step));
            let handed = handed.map(|handed| handed.jti.as_str());
            let shares = scenario.step.iter().any(|other| other.shared && Some(&other.id) == step.as_ref());
            let shared = context.shared.as_deref().filter(|_| shares);
            let mailbox = shared.unwrap_or(&context.mailbox);
            Session { requirement, protocol: *protocol, must: *must, bound: *bound, handed, mailbox }
                .check(transcript, mails)
        }
        E::FoundFirst { step, .. } => {
            let wanted = sought(context, step.as_deref());
            FoundFirst { requirement, wanted: &wanted }.check(transcript, mails)
        }
        E::SearchedBy { step, .. } => {
            let wanted = sought(context, step.as_deref());
            SearchedBy { requirement, wanted: &wanted }.check(transcript)
        }
        E::DirectoryTrouble { step, .. } => {
            let wanted = sought(context, step.as_deref());
            let at = scenario.step.iter().position(|other| Some(&other.id) == step.as_ref());
            let fault = at.and_then(|at| scenario.step[at].directory_fault.as_ref());
            let fault = fault.map_or("", |wanted| wanted.fault.as_str());
            let said = at.and_then(|at| context.adapter.get(at)).map(|word| word.outcome.as_str());
            DirectoryTrouble { requirement, wanted: &wanted, fault, said }.check(transcript, mails)
        }
        // Judged on the rest of the run too, by the caller.
        E::Discovered { protocol, nowhere, .. } => {
            Discovery { requirement, protocol: *protocol, nowhere: *nowhere, began: None }
                .check(transcript, &Transcript::default())
        }
        E::MessageId { .. } => UniqueMessageId { requirement }.check(transcript, mails),
    }
}

/// Whom a step is about; nobody where it looks nobody up, and then nothing passes.
fn sought(context: &Context, step: Option<&str>) -> Wanted {
    step.and_then(|step| context.wanted.get(step)).cloned().unwrap_or_default()
}

/// The part of `events` that belongs to the run.
pub fn own<'a>(scenario: &Scenario, context: &Context, events: &'a [Event]) -> Transcript<'a> {
    let all = Transcript::new(events);
    match context.driver {
        Driver::Adapter => all.filter(|connection| is_marked(context, connection)),
        Driver::Person => {
            let mailbox = all.filter(|connection| is_of_mailbox(context, connection));
            if mailbox.connections().is_empty() {
                // Nobody logged in: a client that could not, for want of trust in the lab's anchor for example.
                return all.filter(|connection| is_nobodys(scenario, connection));
            }
            if scenario.step.iter().any(|step| step.faults.is_some()) {
                // Before a login the faults have no name on them: those met by the client that passed the control count.
                return all.filter(|connection| {
                    is_of_mailbox(context, connection) || is_same_client(&mailbox, connection)
                });
            }
            let ids = first_of_each_step(scenario, &mailbox);
            if ids.is_empty() { mailbox } else { mailbox.filter(|connection| ids.contains(&connection.id)) }
        }
    }
}

/// Whether a connection without a login, on which a fault happened, is of a client that logged in to the mailbox: from the
/// same address, with the same ClientHello where it came to one.
pub(crate) fn is_same_client(mailbox: &Transcript<'_>, connection: &Connection<'_>) -> bool {
    let host = |connection: &Connection<'_>| {
        let peer = connection.origin().map(|origin| origin.peer.as_str()).unwrap_or_default().to_owned();
        peer.rsplit_once(':').map_or(peer.clone(), |(host, _)| host.to_owned())
    };
    let shape = |connection: &Connection<'_>| {
        connection
            .hello()
            .map(|(_, hello)| (hello.versions.clone(), hello.suites.clone(), hello.groups.clone()))
    };
    connection.is_faulty()
        && connection.logins().next().is_none()
        && mailbox.connections().iter().any(|own| {
            host(own) == host(connection) && (shape(connection).is_none() || shape(own) == shape(connection))
        })
}

/// Whether a connection to the fixed ports ended before anybody could say whose it is.
fn is_nobodys(scenario: &Scenario, connection: &Connection<'_>) -> bool {
    let fixed = connection.origin().is_some_and(|origin| origin.run.is_none());
    let asked = scenario.protocols().iter().any(|protocol| match protocol {
        Protocol::Imap => connection.service() == Some(wire::Service::Imap),
        Protocol::Smtp => connection.service() == Some(wire::Service::Smtp),
    });
    fixed && asked && connection.logins().next().is_none() && !crate::desk::is_probe(connection)
}

/// With a person the mailbox and the window decide: the first login of each protocol asked for (up to the first one
/// accepted where the first is refused on purpose), and as many messages as the job has steps that send one.
fn first_of_each_step(scenario: &Scenario, mailbox: &Transcript<'_>) -> Vec<ConnectionId> {
    let mut ids = Vec::new();
    let refused_first = scenario.step.iter().any(|step| step.arm == Some(Arm::RefuseFirstToken));
    for protocol in scenario.steps_for(false).filter(|step| !step.mails()).flat_map(|step| &step.protocols) {
        let tries = mailbox.of(*protocol).filter(|connection| connection.logins().next().is_some());
        for connection in tries {
            ids.push(connection.id);
            if !refused_first || is_let_in(connection) {
                break;
            }
        }
    }
    let mut wanted = scenario.mail_steps().count();
    let before = ids.len();
    for connection in mailbox.connections() {
        let mails = connection.mails().count();
        if wanted > 0 && mails > 0 {
            wanted = wanted.saturating_sub(mails);
            ids.push(connection.id);
        }
    }
    if before == ids.len() && scenario.expects_mail() {
        ids.extend(mailbox.of(Protocol::Smtp).map(|connection| connection.id));
    }
    ids
}

/// Whether a login of this connection was accepted.
pub(crate) fn is_let_in(connection: &Connection<'_>) -> bool {
    connection.logins().any(|(_, auth)| matches!(auth.outcome, wire::AuthOutcome::Accepted { .. }))
}

/// Whether the envelope holds this recipient, in any case.
fn goes_to(mail: &MailFacts, recipient: &str) -> bool {
    mail.to.iter().any(|to| to.eq_ignore_ascii_case(recipient))
}

/// Whether this is a question to PSC with the address of return that the run owns.
fn is_return_of(context: &Context, connection: &Connection<'_>) -> bool {
    let Some(nonce) = &context.marks.nonce else { return false };
    connection
        .events
        .iter()
        .any(|event| matches!(&event.fact, Fact::Note { text } if text.contains(nonce.as_str())))
}

fn is_marked(context: &Context, connection: &Connection<'_>) -> bool {
    if let Some(run) = connection.origin().and_then(|origin| origin.run) {
        return run == context.run;
    }
    if connection.service() == Some(Service::Psc) {
        return context.handed.values().any(|handed| handed.was_used_on(connection))
            || is_return_of(context, connection);
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
        Fact::Mail { mail } => marks.recipients.iter().any(|recipient| goes_to(mail, recipient)),
        Fact::Line { text, .. } | Fact::Greeting { name: text, .. } | Fact::Header { value: text, .. } => {
            marks.nonce.as_ref().is_some_and(|nonce| text.contains(nonce.as_str()))
        }
        _ => false,
    })
}

pub(crate) fn is_of_mailbox(context: &Context, connection: &Connection<'_>) -> bool {
    if connection.origin().is_some_and(|origin| origin.run.is_some_and(|run| run != context.run)) {
        return false;
    }
    let of_certificate = connection
        .tls()
        .and_then(|(_, tls)| tls.certificate.as_ref())
        .is_some_and(|certificate| certificate.common_name == context.identity);
    // A client that gives the bare identifier, or another mailbox with this person's token, is this mailbox's client too:
    // it must be told what it did wrong.
    let of_user = |auth: &wire::AuthFacts| {
        let claimed = auth.token.as_ref().and_then(|token| token.claimed_identity.as_deref());
        auth.user.eq_ignore_ascii_case(&context.mailbox)
            || auth.user.eq_ignore_ascii_case(&context.identity)
            || claimed == Some(context.identity.as_str())
    };
    of_certificate || connection.logins().any(|(_, auth)| of_user(auth))
}
