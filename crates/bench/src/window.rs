//! One run, from its preflight to its verdict.
//!
//! What a run asks of its client is prepared in [`props`](crate::props), a program is driven in
//! [`drive`](crate::drive), a person waited for in [`person`](crate::person); here is what both have in common: when the
//! window opens, which events are the run's own, and what is handed to the judge.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Timestamp, Timing};
use rules::Transcript;
use wire::{ConnectionId, Direction, Event, Fact, Service};

use crate::adapter::Adapter;
use crate::error::Error;
use crate::judge::{
    AdapterWord, Context, Driver, Judgement, Meanwhile, Message, Verdict, is_of_mailbox, judge, own,
};
use crate::product::Product;
use crate::proof::{KeptMessage, RunEvidence};
use crate::props::Props;
use crate::scenario::{Mailbox, Scenario};
use crate::{Bench, Shared};

/// Events read from the journal at a time.
const PAGE: i64 = 10_000;
/// What a proof keeps at most: events, and octets of text in them. A client that says more than that in one window is
/// judged on its beginning, and the verdict says so.
const MOST_EVENTS: usize = 250_000;
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
pub(crate) async fn run(bench: &Arc<Shared>, order: &Order) -> Ended {
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
    match open_and_judge(bench, order).await {
        Ok(ended) => ended,
        Err(error) if error.next.is_empty() => without(Verdict::NotStarted, error.message),
        Err(error) => without(Verdict::NotStarted, format!("{} {}", error.message, error.next)),
    }
}

pub(crate) const CANCELLED: &str = "l’exécution a été annulée";
pub(crate) const STOPPED: &str = "le banc a été arrêté pendant l’exécution";

async fn open_and_judge(bench: &Arc<Shared>, order: &Order) -> Result<Ended, Error> {
    let journal = &bench.parts.journal;
    let timing = order.timing(bench);
    preflight(bench, order).await?;
    let mut props = Props::prepare(bench, order).await?;
    journal.barrier().await?;
    let head = journal.head().await?;
    let opened = bench.parts.clock.now();
    bench.opened(order.number, head);

    let words = match &order.adapter {
        Some(adapter) => crate::drive::adapter(bench, order, adapter, &timing, &mut props).await?,
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
    let ids = split(order, &mut context, &outline_since(bench, head).await?);
    let (events, truncated) = own_events(bench, head, &ids).await?;
    let (kept, whole) = messages(bench, &events).await?;
    context.truncated = truncated || !whole;
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
    }
}

/// What happened on the mail servers since `head`, whoever did it, without what was said line by line: enough to tell whose
/// connections they are.
async fn outline_since(bench: &Shared, head: i64) -> Result<Vec<Event>, Error> {
    let (mut kept, mut after) = (Vec::new(), head);
    while kept.len() < MOST_EVENTS {
        let query = journal::Query { after, limit: PAGE, ..Default::default() };
        let page = bench.parts.journal.events(&query).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        kept.extend(page.into_iter().filter(tells_whose));
    }
    Ok(kept)
}

/// Whether an event can tell whose a connection is; what a client tries to send is one of those.
pub(crate) fn tells_whose(event: &Event) -> bool {
    matches!(event.service, Service::Imap | Service::Smtp)
        && match &event.fact {
            Fact::Line { direction: Direction::Client, text } => {
                text.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("MAIL FROM:"))
            }
            Fact::Line { .. } => false,
            _ => true,
        }
}

/// Everything on the run's own connections, and whether there was more than a proof keeps: strangers use none of it up.
async fn own_events(bench: &Shared, head: i64, ids: &[ConnectionId]) -> Result<(Vec<Event>, bool), Error> {
    let (mut kept, mut text, mut after) = (Vec::new(), 0, head);
    if ids.is_empty() {
        return Ok((kept, false));
    }
    loop {
        let query = journal::Query { connections: ids.to_vec(), after, limit: PAGE, ..Default::default() };
        let page = bench.parts.journal.events(&query).await?;
        let Some(last) = page.last() else { return Ok((kept, false)) };
        after = last.seq;
        for event in page {
            text += if let Fact::Line { text: line, .. } = &event.fact { line.len() } else { 64 };
            kept.push(event);
            if kept.len() >= MOST_EVENTS || text >= MOST_TEXT {
                return Ok((kept, true));
            }
        }
    }
}

/// The run's own connections; says in the context what the others were.
fn split(order: &Order, context: &mut Context, all: &[Event]) -> Vec<ConnectionId> {
    let ids: Vec<_> = own(&order.scenario, context, all).connections().iter().map(|c| c.id).collect();
    let (mut strangers, mut meanwhile) = (0, Meanwhile::default());
    let others = Transcript::new(all);
    let others = others.connections().iter().filter(|other| !ids.contains(&other.id));
    for connection in others.filter(|other| !crate::desk::is_probe(other)) {
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
