//! *Juger un message déjà reçu*: a message that came in before the window, held against a job. It explains, it proves
//! nothing: such a judgement is not kept, has no number, and is marked *a posteriori* wherever it is shown.

use std::time::Duration;

use kernel::Timestamp;

use wire::{Event, Fact, MailFacts};

use crate::error::{Code, Error};
use crate::judge::{Context, Driver, Judgement, Marks, Meanwhile, Message, judge};
use crate::log::LogLine;
use crate::props::person_recipient;
use crate::scenario::{Scenario, Verb};
use crate::window::{Order, messages};
use crate::{Bench, log};

/// How far back is looked.
const MINUTES: Duration = Duration::from_secs(10 * 60);
/// Messages offered at most: the newest.
const MOST: usize = 50;
/// Messages of everybody looked at.
const LOOKED_AT: i64 = 1_000;
/// Events of the connection that are judged at most.
const MOST_EVENTS: i64 = 50_000;

/// A message that can be judged after the fact: of the last ten minutes, from the product's mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The operator's queue id: what [`Bench::judge_received`] takes.
    pub queue_id: String,
    /// When it was accepted.
    pub at: Timestamp,
    /// The mailbox that sent it.
    pub mailbox: String,
    /// Envelope recipients.
    pub to: Vec<String>,
    /// Octets.
    pub size: u64,
    /// Its Message-ID, if it has one.
    pub message_id: Option<String>,
}

/// What the judge says of it.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// The judgement.
    pub judgement: Judgement,
    /// The log of the connection that brought it.
    pub log: Vec<LogLine>,
}

impl Bench {
    /// The messages of the last ten minutes that a job about mail could be held against, newest first. None where the job
    /// is not about one message. Those of an adapter's runs are left out: they have been judged.
    ///
    /// # Errors
    /// `unknown_product`, `unknown_job`.
    pub async fn candidates(&self, nil: &str, job: &str) -> Result<Vec<Candidate>, Error> {
        let order = self.posterior_order(nil, job).await?;
        if !is_about_one_message(&order.scenario) {
            return Ok(Vec::new());
        }
        let found = self.received(&order).await?;
        Ok(found.into_iter().map(|(at, _, mail)| Candidate::of(at, mail)).collect())
    }

    /// Holds one of them against a job.
    ///
    /// # Errors
    /// `unknown_product`, `unknown_job`; `bad_input` where the message is not of the last ten minutes and of the job's mailbox, or the job
    /// is not about one message.
    pub async fn judge_received(&self, nil: &str, job: &str, queue_id: &str) -> Result<Posterior, Error> {
        let order = self.posterior_order(nil, job).await?;
        if !is_about_one_message(&order.scenario) {
            let message = format!("the job {job} is not about one message");
            let next = "Start the job, then do on the LPS what it asks for.";
            return Err(Error::new(Code::BadInput, message, next).field("job"));
        }
        let mut found = self.received(&order).await?.into_iter();
        let Some((_, connection, _)) = found.find(|(_, _, mail)| mail.queue_id == queue_id) else {
            let message =
                format!("no message {queue_id:?} came from {} in the last ten minutes", order.mailbox());
            let next = "Choose one of the messages listed, or send it again and start the job.";
            return Err(Error::new(Code::BadInput, message, next).field("queue_id"));
        };
        let query =
            journal::Query { connections: vec![connection], limit: MOST_EVENTS, ..Default::default() };
        let mut events = self.shared.parts.journal.events(&query).await?;
        events.retain(|event| is_of(event, queue_id));
        let (kept, _) = messages(&self.shared, &events).await?;
        let views: Vec<Message<'_>> =
            kept.iter().map(|(id, bytes)| Message { queue_id: id, bytes }).collect();
        let context = self.posterior_context(&order, &events);
        let judgement = judge(&order.scenario, &context, &events, &views);
        let log = log::write(&order.scenario, &context, &events, &judgement);
        Ok(Posterior { judgement, log })
    }

    /// What a run of a person would be, without its number: nothing is written down.
    async fn posterior_order(&self, nil: &str, job: &str) -> Result<Order, Error> {
        let product = self.product(nil).await?;
        let scenario = self.catalogue().find(job).cloned().ok_or_else(|| {
            let next = "List the jobs with: vaguemestre jobs.";
            Error::new(Code::UnknownJob, format!("no job is named {job:?}"), next).field("job")
        })?;
        Ok(Order {
            number: 0,
            scenario,
            product,
            adapter: None,
            timer: Duration::ZERO,
            accelerated: false,
            canned: false,
            seed: 0,
        })
    }

    /// The mailbox's messages of the last ten minutes, newest first, with their connections.
    async fn received(
        &self,
        order: &Order,
    ) -> Result<Vec<(Timestamp, wire::ConnectionId, MailFacts)>, Error> {
        let parts = &self.shared.parts;
        parts.journal.barrier().await?;
        let start = parts.clock.now().checked_sub(MINUTES).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut found = Vec::new();
        // The newest first, so that the oldest are those left out.
        for event in parts.journal.since(start, "mail", LOOKED_AT).await?.into_iter().rev() {
            let Fact::Mail { mail } = event.fact else { continue };
            if !mail.mailbox.eq_ignore_ascii_case(order.mailbox()) {
                continue;
            }
            let first =
                journal::Query { connections: vec![event.connection], limit: 1, ..Default::default() };
            let of_a_run = parts
                .journal
                .events(&first)
                .await?
                .iter()
                .any(|event| matches!(&event.fact, Fact::Connected { origin } if origin.run.is_some()));
            if !of_a_run {
                found.push((event.at, event.connection, mail));
            }
            if found.len() == MOST {
                break;
            }
        }
        Ok(found)
    }

    fn posterior_context(&self, order: &Order, events: &[Event]) -> Context {
        let now = self.shared.parts.clock.now();
        let domain = self.shared.parts.operator.domain();
        let recipients =
            order.scenario.mail_steps().map(|step| person_recipient(step.to, order, domain)).collect();
        Context {
            run: order.number,
            nil: order.product.nil.clone(),
            mailbox: order.mailbox().to_owned(),
            identity: order.identity().to_owned(),
            driver: Driver::Person,
            marks: Marks { recipients, ..Marks::default() },
            opened: events.first().map_or(now, |event| event.at),
            closed: events.last().map_or(now, |event| event.at),
            accelerated: self.shared.parts.timing.accelerated,
            canned: false,
            adapter: Vec::new(),
            strangers: 0,
            control: None,
            meanwhile: Meanwhile::default(),
            original: None,
            product_name: order.product.name.clone(),
            product_version: order.product.version.clone(),
            doors: std::collections::BTreeMap::new(),
            began: std::collections::BTreeMap::new(),
            handed: std::collections::BTreeMap::new(),
            shared: None,
            wanted: std::collections::BTreeMap::new(),
            truncated: i64::try_from(events.len()).is_ok_and(|count| count >= MOST_EVENTS),
        }
    }
}

impl Candidate {
    fn of(at: Timestamp, mail: MailFacts) -> Self {
        Self {
            queue_id: mail.queue_id,
            at,
            mailbox: mail.mailbox,
            to: mail.to,
            size: mail.size,
            message_id: mail.message_id,
        }
    }
}

/// One message to send, and nothing else: a reply needs the message that it answers, a negative job its control.
fn is_about_one_message(job: &Scenario) -> bool {
    let steps: Vec<_> = job.steps_for(false).collect();
    matches!(steps.as_slice(), [step] if step.adapter == Verb::Send && step.arm.is_none())
}

/// Of the connection and of this message: other messages of the same session are judged by themselves.
fn is_of(event: &Event, queue_id: &str) -> bool {
    match &event.fact {
        Fact::Mail { mail } => mail.queue_id == queue_id,
        Fact::Header { queue_id: other, .. } => other == queue_id,
        _ => true,
    }
}
