//! One run, from its queue to its verdict.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Rng, Secret, Timestamp, Timing};
use rules::Message;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout, timeout_at};
use wire::{Event, Fact, Service};

use crate::Shared;
use crate::adapter::{Adapter, Allowance};
use crate::error::{Code, Error};
use crate::judge::{AdapterWord, Context, Driver, Judgement, Marks, Verdict, judge, own};
use crate::product::{Files, Product, write_private};
use crate::proof::{KeptMessage, RunEvidence};
use crate::scenario::{Mailbox, Scenario, Step, Verb};

/// What one run is asked to do.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) number: i64,
    pub(crate) scenario: Scenario,
    pub(crate) product: Product,
    pub(crate) adapter: Option<Adapter>,
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
    fn timing(&self, bench: &Shared) -> Timing {
        if self.accelerated { Timing::accelerated() } else { bench.parts.timing.clone() }
    }

    pub(crate) fn mailbox(&self) -> &str {
        match self.scenario.mailbox {
            Mailbox::Per => &self.product.psc_address,
            Mailbox::App => &self.product.app_address,
        }
    }

    fn identity(&self) -> &str {
        match self.scenario.mailbox {
            Mailbox::Per => &self.product.psc_identity,
            Mailbox::App => &self.product.app_identity,
        }
    }
}

/// Runs the window and judges it. A failure before the window opens is *not started*, with its reason.
pub(crate) async fn run(bench: &Arc<Shared>, order: &Order) -> Ended {
    let asked = bench.parts.clock.now();
    match open_and_judge(bench, order).await {
        Ok(ended) => ended,
        Err(error) => Ended {
            verdict: Verdict::NotStarted,
            reason: error.message,
            opened: asked,
            closed: bench.parts.clock.now(),
            evidence: None,
        },
    }
}

async fn open_and_judge(bench: &Arc<Shared>, order: &Order) -> Result<Ended, Error> {
    let journal = &bench.parts.journal;
    let timing = order.timing(bench);
    let mut marks = Marks::default();
    journal.barrier().await?;
    let head = journal.head().await?;
    let opened = bench.parts.clock.now();
    bench.opened(order.number, head);

    let adapter = match &order.adapter {
        Some(adapter) => drive_adapter(bench, order, adapter, &timing, &mut marks).await?,
        None => {
            wait_for_person(bench, order, head, opened).await?;
            Vec::new()
        }
    };
    journal.barrier().await?;

    let closed = bench.parts.clock.now();
    let all = journal.events(&journal::Query { after: head, ..Default::default() }).await?;
    let mut context = context(order, marks, opened, closed, adapter);
    let (events, strangers) = split(order, &context, all);
    context.strangers = strangers;
    let kept = messages(bench, &events).await?;
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

fn context(
    order: &Order,
    marks: Marks,
    opened: Timestamp,
    closed: Timestamp,
    adapter: Vec<AdapterWord>,
) -> Context {
    Context {
        run: order.number,
        nil: order.product.nil.clone(),
        mailbox: order.mailbox().to_owned(),
        identity: order.identity().to_owned(),
        driver: if order.adapter.is_some() { Driver::Adapter } else { Driver::Person },
        marks,
        opened,
        closed,
        accelerated: order.accelerated,
        canned: order.canned,
        adapter,
        strangers: 0,
        control: None,
    }
}

/// Separates the run's own events from those of strangers, and counts the strangers' connections.
fn split(order: &Order, context: &Context, all: Vec<Event>) -> (Vec<Event>, u32) {
    let mail_only = |event: &Event| matches!(event.service, Service::Imap | Service::Smtp);
    let ids: Vec<_> = own(&order.scenario, context, &all).connections().iter().map(|c| c.id).collect();
    let mut strangers: Vec<_> = Vec::new();
    let mut mine = Vec::new();
    for event in all.into_iter().filter(mail_only) {
        if ids.contains(&event.connection) {
            mine.push(event);
        } else if !strangers.contains(&event.connection) {
            strangers.push(event.connection);
        }
    }
    (mine, u32::try_from(strangers.len()).unwrap_or(u32::MAX))
}

/// The bytes, as received, of every message that the run's events name.
async fn messages(bench: &Shared, events: &[Event]) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let store = bench.parts.operator.store();
    let mut kept = Vec::new();
    for event in events {
        let Fact::Mail { mail } = &event.fact else { continue };
        for recipient in &mail.to {
            // A run's own recipient leads to the sink; it is an alias no more when the window is closed.
            let account =
                bench.parts.operator.mailbox(recipient).map_or(bench.sink, |mailbox| mailbox.account);
            let Some(inbox) = store.folder(account, "INBOX").await? else { continue };
            if let Some(body) = store.find_body(inbox.id, &mail.sha256).await? {
                let stored = store.read_body(body.id, 0, body.size).await?;
                kept.push((mail.queue_id.clone(), as_received(&stored, &mail.sha256).to_vec()));
                break;
            }
        }
    }
    Ok(kept)
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

// === A program drives the client ===

async fn drive_adapter(
    bench: &Arc<Shared>,
    order: &Order,
    adapter: &Adapter,
    timing: &Timing,
    marks: &mut Marks,
) -> Result<Vec<AdapterWord>, Error> {
    let operator = &bench.parts.operator;
    let mut rng = Rng::seeded(order.seed ^ order.number.cast_unsigned());
    let nonce = format!("r{}-{}", order.number, rng.mark());
    let recipient = format!("banc-{nonce}@{}", operator.domain());
    marks.nonce = Some(nonce.clone());
    marks.recipient = Some(recipient.clone());

    let work_dir = WorkDir::make(bench.parts.data.join("work").join(format!("run-{}", order.number)))?;
    let listeners = operator.open_private(order.number).await?;
    operator.add_alias(&recipient, bench.sink);
    let (auth, secrets) = credentials(bench, order, timing, &work_dir, marks)?;

    let mut words = Vec::new();
    for step in &order.scenario.step {
        let message = match step.adapter {
            Verb::Send | Verb::Append => compose(bench, order, &recipient, &nonce, &work_dir)?,
            _ => Value::Null,
        };
        let name = serde_json::to_value(step.adapter).expect("a verb serialises");
        let request = json!({
            "protocol": 1,
            "run": order.number,
            "job": order.scenario.id,
            "step": name,
            "deadline_ms": u64::try_from(timing.adapter.as_millis()).unwrap_or(u64::MAX),
            "work_dir": work_dir.path,
            "mailbox": {"type": order.scenario.mailbox.name(), "address": order.mailbox()},
            "imap": endpoint(step, rules::Protocol::Imap, listeners.imap_port),
            "smtp": endpoint(step, rules::Protocol::Smtp, listeners.smtp_port),
            "ca_file": bench.parts.addresses.ca_file,
            "crl_urls": bench.parts.addresses.crl_urls,
            "dns": null,
            "directory": null,
            "psc": bench.parts.addresses.psc,
            "auth": auth,
            "nil": order.product.nil,
            "expect_refusal": false,
            "message": message,
        });
        let limits = Allowance {
            deadline: timing.adapter,
            kill_after: timing.adapter_kill,
            line: bench.parts.limits.adapter_line,
        };
        let word = adapter.step(name.as_str().unwrap_or_default(), &request, limits, &secrets).await;
        let stop = word.outcome != "done";
        words.push(word);
        if stop {
            break;
        }
    }
    tokio::time::sleep(timing.window_grace).await;
    operator.remove_alias(&recipient);
    // Connections that the adapter left open are said goodbye to, so that their end is on the record.
    let _ = timeout(Duration::from_secs(5), listeners.close()).await;
    Ok(words)
}

fn endpoint(step: &Step, protocol: rules::Protocol, port: u16) -> Value {
    if step.protocols.contains(&protocol) {
        json!({"host": "localhost", "port": port, "security": "starttls"})
    } else {
        json!({})
    }
}

/// What the adapter logs in with, and the secrets to mask in what it prints.
fn credentials(
    bench: &Shared,
    order: &Order,
    timing: &Timing,
    work_dir: &WorkDir,
    marks: &mut Marks,
) -> Result<(Value, Vec<Secret<String>>), Error> {
    let files = Files::of(&bench.parts.data, &order.product.nil);
    match order.scenario.mailbox {
        Mailbox::Per => {
            let tokens = bench.issue(&order.product, Some(timing.access_token))?;
            let secret = files.read_secret()?;
            marks.tokens.push(tokens.jti.clone());
            let access = tokens.response.access_token.clone();
            let refresh = tokens.response.refresh_token.clone();
            let refresh = refresh.unwrap_or_else(|| Secret::new(String::new()));
            let auth = json!({
                "mechanism": "xoauth2",
                "user": order.mailbox(),
                "access_token": access.reveal(),
                "refresh": {
                    "token_endpoint": bench.parts.psc.discovery().token_endpoint,
                    "client_id": order.product.client_id,
                    "client_secret": secret.reveal(),
                    "refresh_token": refresh.reveal(),
                },
            });
            Ok((auth, vec![access, refresh, secret]))
        }
        Mailbox::App => {
            let key = files.read_key()?;
            let issued =
                bench.parts.lab.renew_auth_cli(&order.product.app_identity, &order.product.name, &key)?;
            let certificate = work_dir.path.join("auth_cli.pem");
            write_private(&certificate, issued.chain_pem.as_bytes())?;
            marks.certificates.push(issued.facts.serial.clone());
            Ok((
                json!({"mechanism": "external", "cert_file": certificate, "key_file": files.key}),
                Vec::new(),
            ))
        }
    }
}

fn compose(
    bench: &Shared,
    order: &Order,
    recipient: &str,
    nonce: &str,
    work_dir: &WorkDir,
) -> Result<Value, Error> {
    let text = format!("Message du banc Vaguemestre, exécution n° {}.\nRepère : {nonce}\n", order.number);
    let eml_file = if order.canned {
        let path = work_dir.path.join("message.eml");
        let message = canned(bench, order, recipient, nonce, &text);
        write_private(&path, message.as_bytes())?;
        Some(path)
    } else {
        None
    };
    Ok(json!({
        "to": [recipient],
        "subject": null,
        "text": text,
        "documents": [],
        "facts": {"ins": null, "cda_code": null, "to_patient": false, "close": false},
        "eml_file": eml_file,
    }))
}

/// Ready bytes for a client that cannot compose: what is proven then is its transport, and the verdict says so.
fn canned(bench: &Shared, order: &Order, recipient: &str, nonce: &str, text: &str) -> String {
    let date = bench.parts.clock.now().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let domain = bench.parts.operator.domain();
    format!(
        "Date: {date}\r\nFrom: <{}>\r\nTo: <{recipient}>\r\nSubject: Vaguemestre {nonce}\r\n\
         Message-ID: <{nonce}@{domain}>\r\nX-MSS-NIL: {}\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}",
        order.mailbox(),
        order.product.nil,
        text.replace('\n', "\r\n")
    )
}

// === A person drives the client ===

/// Waits until the mailbox's own traffic can be judged, or the timer runs out.
async fn wait_for_person(
    bench: &Arc<Shared>,
    order: &Order,
    head: i64,
    opened: Timestamp,
) -> Result<(), Error> {
    let journal = &bench.parts.journal;
    let mut live = journal.subscribe();
    let end = Instant::now() + order.timer;
    loop {
        let wake = timeout_at(end, live.recv()).await;
        match wake {
            Err(_) | Ok(Err(RecvError::Closed)) => return Ok(()),
            Ok(Ok(event)) if !matters(&event.fact) => continue,
            Ok(Ok(_) | Err(RecvError::Lagged(_))) => {}
        }
        let events = journal.events(&journal::Query { after: head, ..Default::default() }).await?;
        let context = context(order, Marks::default(), opened, bench.parts.clock.now(), Vec::new());
        let transcript = own(&order.scenario, &context, &events);
        let over = transcript.connections().iter().any(|connection| {
            let closed = connection.events.iter().any(|event| matches!(event.fact, Fact::Closed { .. }));
            let mail = connection.mails().next().is_some();
            let login = connection.logins().next().is_some();
            if order.scenario.expects_mail() { mail || (closed && login) } else { login }
        });
        if over {
            tokio::time::sleep(bench.parts.timing.window_grace).await;
            return Ok(());
        }
    }
}

fn matters(fact: &Fact) -> bool {
    matches!(fact, Fact::Auth { .. } | Fact::Mail { .. } | Fact::Closed { .. } | Fact::TlsEstablished { .. })
}

/// A run's folder; removed at the end.
struct WorkDir {
    path: PathBuf,
}

impl WorkDir {
    fn make(path: PathBuf) -> Result<Self, Error> {
        fs::create_dir_all(&path).map_err(|error| {
            let message = format!("{} cannot be made: {error}", path.display());
            Error::new(Code::DataUnwritable, message, "Check the rights of the data directory.")
        })?;
        Ok(Self { path })
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
