//! One run, from its preflight to its verdict.
//!
//! What a run asks of its client is prepared in [`props`](crate::props), a program is driven in
//! [`drive`](crate::drive), a person waited for in [`person`](crate::person); here is what both have in common: when the
//! window opens, which events are the run's own, and what is handed to the judge.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Timestamp, Timing};
use rules::{Connection, Transcript};
use wire::{ConnectionId, Direction, Event, Fact, Service};

use crate::adapter::Adapter;
use crate::error::Error;
use crate::judge::{
    AdapterWord, Context, Driver, Judgement, Meanwhile, Message, Verdict, is_of_mailbox, judge, own,
};
use crate::product::Product;
use crate::proof::{KeptMessage, RunEvidence};
use crate::props::Props;
use crate::queue::Place;
use crate::scenario::{Mailbox, Scenario};
use crate::{Bench, Shared};

/// Events read from the journal at a time.
pub(crate) const PAGE: i64 = 10_000;
/// What a proof keeps at most: events, and octets of text in them. A client that says more than that in one window is
/// judged on its beginning, and the verdict says so.
pub(crate) const MOST_EVENTS: usize = 250_000;
const MOST_TEXT: usize = 64 * 1024 * 1024;
/// Octets of messages that a proof keeps at most: two of the largest that the operator takes, and some.
const MOST_OCTETS: u64 = 64 * 1024 * 1024;

/// What one run is asked to do.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) number: i64,
    pub(crate) scenario: Scenario,
    pub(crate) product: Product,
    pub(crate) adapter: Option<Adapter>,
    /// Of the window for a person, of one step for an adapter.
    pub(crate) timer: Duration,
    pub(crate) accelerated: bool,
    pub(crate) canned: bool,
    pub(crate) seed: u64,
}

/// What a run ended with, before it is written down.
pub(crate) struct Ended {
    pub(crate) verdict: Verdict,
    pub(crate) reason: String,
    pub(crate) opened: Timestamp,
    pub(crate) closed: Timestamp,
    pub(crate) evidence: Option<RunEvidence>,
}

impl Order {
    pub(crate) fn timing(&self, bench: &Shared) -> Timing {
        if self.accelerated { Timing::accelerated() } else { bench.parts.timing.clone() }
    }

    pub(crate) fn mailbox(&self) -> &str {
        match self.scenario.mailbox {
            Mailbox::Per => &self.product.psc_address,
            Mailbox::App => &self.product.app_address,
        }
    }

    pub(crate) fn identity(&self) -> &str {
        match self.scenario.mailbox {
            Mailbox::Per => &self.product.psc_identity,
            Mailbox::App => &self.product.app_identity,
        }
    }

    fn driver(&self) -> Driver {
        if self.adapter.is_some() { Driver::Adapter } else { Driver::Person }
    }
}

/// Runs the window and judges it. A failure before the window opens is *not started*, with its reason.
pub(crate) async fn run(bench: &Arc<Shared>, order: &Order, place: &Place) -> Ended {
    let asked = bench.parts.clock.now();
    let without = |verdict, reason: String| Ended {
        verdict,
        reason,
        opened: asked,
        closed: bench.parts.clock.now(),
        evidence: None,
    };
    if bench.is_cancelled(order.number) {
        return without(Verdict::Aborted, bench.why_cancelled().into());
    }
    match open_and_judge(bench, order, place).await {
        Ok(ended) => ended,
        Err(error) if error.next.is_empty() => without(Verdict::NotStarted, error.message),
        Err(error) => without(Verdict::NotStarted, format!("{} {}", error.message, error.next)),
    }
}

pub(crate) const CANCELLED: &str = "l’exécution a été annulée";
pub(crate) const STOPPED: &str = "le banc a été arrêté pendant l’exécution";

async fn open_and_judge(bench: &Arc<Shared>, order: &Order, place: &Place) -> Result<Ended, Error> {
    let journal = &bench.parts.journal;
    let timing = order.timing(bench);
    preflight(bench, order).await?;
    let mut props = Props::prepare(bench, order).await?;
    journal.barrier().await?;
    let head = journal.head().await?;
    let opened = bench.parts.clock.now();
    bench.opened(order.number, head);

    let words = match &order.adapter {
        Some(adapter) => crate::drive::adapter(bench, order, place, adapter, &timing, &mut props).await?,
        None => {
            crate::person::wait(bench, order, head, &props, opened).await?;
            Vec::new()
        }
    };
    if bench.is_cancelled(order.number) {
        let closed = bench.parts.clock.now();
        return Ok(Ended {
            verdict: Verdict::Aborted,
            reason: bench.why_cancelled().into(),
            opened,
            closed,
            evidence: None,
        });
    }
    journal.barrier().await?;

    let closed = bench.parts.clock.now();
    let mut context = context(order, &props, opened, closed, words);
    let (outline, all) = outline_since(bench, head, context.marks.nonce.as_deref()).await?;
    let ids = split(order, &mut context, &outline);
    let (events, every_event) = own_events(bench, head, &ids).await?;
    let (kept, every_message) = messages(bench, &events).await?;
    context.truncated = !(all && every_event && every_message);
    let views: Vec<Message<'_>> = kept.iter().map(|(id, bytes)| Message { queue_id: id, bytes }).collect();
    let Judgement { verdict, checks } = judge(&order.scenario, &context, &events, &views);
    let evidence = RunEvidence {
        number: order.number,
        scenario: order.scenario.clone(),
        context,
        events,
        messages: kept.iter().map(|(id, bytes)| KeptMessage::new(id, bytes)).collect(),
        verdict,
        checks,
    };
    Ok(Ended { verdict, reason: String::new(), opened, closed, evidence: Some(evidence) })
}

/// Everything that the run needs answers, so that what fails later is the client.
async fn preflight(bench: &Arc<Shared>, order: &Order) -> Result<(), Error> {
    let face = Bench { shared: Arc::clone(bench) };
    let steps = face.preflight(&order.product, &order.scenario, order.adapter.as_ref()).await?;
    match steps.into_iter().find(|step| step.fault.is_some()) {
        Some(step) => {
            let fault = step.fault.unwrap_or_default();
            let message = format!("Prérequis « {} » ({}) : {fault}", step.id, step.subject);
            Err(Error::new(crate::Code::BadInput, message, step.next))
        }
        None => Ok(()),
    }
}

pub(crate) fn context(
    order: &Order,
    props: &Props,
    opened: Timestamp,
    closed: Timestamp,
    adapter: Vec<AdapterWord>,
) -> Context {
    Context {
        run: order.number,
        nil: order.product.nil.clone(),
        mailbox: order.mailbox().to_owned(),
        identity: order.identity().to_owned(),
        driver: order.driver(),
        marks: props.marks.clone(),
        opened,
        closed,
        accelerated: order.accelerated,
        canned: order.canned,
        adapter,
        strangers: 0,
        control: props.control,
        meanwhile: Meanwhile::default(),
        original: props.original.clone(),
        product_name: order.product.name.clone(),
        product_version: order.product.version.clone(),
        truncated: false,
        doors: props.doors.clone(),
        began: props.began.clone(),
        handed: props.handed.clone(),
        shared: props.shared.clone(),
        wanted: props.sought.iter().map(|(step, sought)| (step.clone(), sought.wanted())).collect(),
    }
}

/// What happened on the mail servers since `head`, whoever did it, without what was said line by line: enough to tell whose
/// connections they are. And whether that is all of it.
async fn outline_since(bench: &Shared, head: i64, nonce: Option<&str>) -> Result<(Vec<Event>, bool), Error> {
    let (mut kept, mut after) = (Vec::new(), head);
    while kept.len() < MOST_EVENTS {
        let query = journal::Query { after, limit: PAGE, ..Default::default() };
        let page = bench.parts.journal.events(&query).await?;
        let Some(last) = page.last() else { return Ok((kept, true)) };
        after = last.seq;
        kept.extend(page.into_iter().filter(|event| tells_whose(event, nonce)));
    }
    Ok((kept, false))
}

/// Whether an event can tell whose a connection is. Of the lines only those do that hold the run's nonce, or say that a
/// client tries to send.
pub(crate) fn tells_whose(event: &Event, nonce: Option<&str>) -> bool {
    if let (Service::Psc, Fact::Note { text }) = (event.service, &event.fact) {
        return text.contains("sid=") || nonce.is_some_and(|nonce| text.contains(nonce));
    }
    matches!(event.service, Service::Imap | Service::Smtp | Service::Dns | Service::Directory)
        && match &event.fact {
            Fact::Line { direction, text } => {
                let holds_nonce = nonce.is_some_and(|nonce| text.contains(nonce));
                holds_nonce || (*direction == Direction::Client && begins_a_mail(text))
            }
            _ => true,
        }
}

/// Whether a client's line opens a mail transaction (RFC 5321 §4.1.1.2).
pub(crate) fn begins_a_mail(line: &str) -> bool {
    line.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("MAIL FROM:"))
}

/// Everything on the run's own connections, and whether a proof holds it all: strangers use none of that up.
async fn own_events(bench: &Shared, head: i64, ids: &[ConnectionId]) -> Result<(Vec<Event>, bool), Error> {
    let (mut kept, mut room, mut after) = (Vec::new(), Room::new(MOST_EVENTS, MOST_TEXT), head);
    if ids.is_empty() {
        return Ok((kept, true));
    }
    loop {
        let query = journal::Query { connections: ids.to_vec(), after, limit: PAGE, ..Default::default() };
        let page = bench.parts.journal.events(&query).await?;
        let Some(last) = page.last() else { return Ok((kept, true)) };
        after = last.seq;
        for event in page {
            if !room.takes(&event.fact) {
                return Ok((kept, false));
            }
            kept.push(event);
        }
    }
}

/// What is left of what a proof keeps.
struct Room {
    events: usize,
    text: usize,
}

impl Room {
    fn new(events: usize, text: usize) -> Self {
        Self { events, text }
    }

    /// Whether one more fact fits; it is counted then.
    fn takes(&mut self, fact: &Fact) -> bool {
        let size = if let Fact::Line { text, .. } = fact { text.len() } else { 64 };
        match (self.events.checked_sub(1), self.text.checked_sub(size)) {
            (Some(events), Some(text)) => {
                *self = Self { events, text };
                true
            }
            _ => false,
        }
    }
}

/// The run's own connections; says in the context what the others were.
fn split(order: &Order, context: &mut Context, all: &[Event]) -> Vec<ConnectionId> {
    let ids: Vec<_> = own(&order.scenario, context, all).connections().iter().map(|c| c.id).collect();
    let (mut strangers, mut meanwhile) = (0, Meanwhile::default());
    let others = Transcript::new(all);
    // Nobody comes to PSC or to the directory as a stranger: whoever wants a token, or an address, asks there.
    let is_mail =
        |other: &&Connection<'_>| !matches!(other.service(), Some(Service::Psc | Service::Directory));
    let others = others.connections().iter().filter(is_mail);
    let others = others.filter(|other| !ids.contains(&other.id));
    let is_another_runs = |other: &&Connection<'_>| {
        other.origin().is_some_and(|origin| origin.run.is_some_and(|run| run != order.number))
    };
    for connection in others.filter(|other| !crate::desk::is_probe(other) && !is_another_runs(other)) {
        strangers += 1;
        if is_of_mailbox(context, connection) {
            meanwhile.connections += 1;
            meanwhile.logins += u32::try_from(connection.logins().count()).unwrap_or(u32::MAX);
            meanwhile.mails += u32::try_from(connection.mails().count()).unwrap_or(u32::MAX);
        }
    }
    context.strangers = strangers;
    context.meanwhile = meanwhile;
    ids
}

/// The bytes, as received, of every message that the run's events name; and whether a proof holds them all.
pub(crate) async fn messages(
    bench: &Shared,
    events: &[Event],
) -> Result<(Vec<(String, Vec<u8>)>, bool), Error> {
    let store = bench.parts.operator.store();
    let (mut kept, mut octets) = (Vec::new(), 0);
    for event in events {
        let Fact::Mail { mail } = &event.fact else { continue };
        for recipient in &mail.to {
            // A run's own recipient leads to the sink; it is an alias no more when the window is closed.
            let account =
                bench.parts.operator.mailbox(recipient).map_or(bench.sink, |mailbox| mailbox.account);
            let Some(inbox) = store.folder(account, "INBOX").await? else { continue };
            if let Some(body) = store.find_body(inbox.id, &mail.sha256).await? {
                octets += body.size;
                if octets > MOST_OCTETS {
                    return Ok((kept, false));
                }
                let stored = store.read_body(body.id, 0, body.size).await?;
                kept.push((mail.queue_id.clone(), as_received(&stored, &mail.sha256).to_vec()));
                break;
            }
        }
    }
    Ok((kept, true))
}

/// What the client sent, without the trace lines that the operator put before it.
fn as_received<'a>(stored: &'a [u8], sha256: &str) -> &'a [u8] {
    const TRACE_LINES: usize = 16;
    let mut rest = stored;
    for _ in 0..TRACE_LINES {
        if kernel::sha256_hex(rest) == sha256 {
            return rest;
        }
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => rest = &rest[end + 1..],
            None => break,
        }
    }
    stored
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(direction: Direction, text: &str) -> Event {
        let fact = Fact::Line { direction, text: text.into() };
        Event { seq: 1, at: Timestamp::UNIX_EPOCH, connection: ConnectionId(1), service: Service::Smtp, fact }
    }

    #[test]
    fn a_proof_keeps_so_many_events_and_so_much_text() {
        let long = line(Direction::Client, &"x".repeat(70)).fact;
        let mut by_text = Room::new(10, 200);
        assert_eq!([(); 4].map(|()| by_text.takes(&long)), [true, true, false, false]);
        assert!(by_text.takes(&line(Direction::Server, "ok").fact), "a short line still fits");
        let mut by_count = Room::new(2, 10_000);
        assert_eq!([(); 3].map(|()| by_count.takes(&long)), [true, true, false]);
    }

    #[test]
    fn of_the_lines_only_those_tell_whose_a_connection_is_that_hold_the_nonce_or_begin_a_mail() {
        let told = |direction, text: &str| tells_whose(&line(direction, text), Some("r31-abc"));
        assert!(told(Direction::Client, "mail FROM:<a@b>"));
        assert!(told(Direction::Client, "RCPT TO:<banc-r31-abc@x>"));
        assert!(told(Direction::Server, "550 5.1.1 <banc-r31-abc@x>: no such mailbox"));
        assert!(!told(Direction::Client, "RCPT TO:<banc-r30-abc@x>"));
        assert!(!told(Direction::Server, "MAIL FROM:<a@b>"));
        assert!(!tells_whose(&line(Direction::Client, "a1 NOOP"), None));
        let closed = Event { fact: Fact::Closed { reason: "quit".into() }, ..line(Direction::Client, "") };
        assert!(tells_whose(&closed, None));
        assert!(!tells_whose(&Event { service: Service::Psc, ..closed }, None));
    }
}
