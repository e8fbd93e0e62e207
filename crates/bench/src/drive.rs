//! A program drives the client: one call of the adapter for each step, on ports that the run owns.

use std::sync::Arc;
use std::time::Duration;

use faults::Plan;
use kernel::{Secret, Timing};
use psc::TokenWish;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::Shared;
use crate::adapter::{Adapter, Allowance};
use crate::error::Error;
use crate::judge::{AdapterWord, Handed};
use crate::lookup::{Lookup, Sought};
use crate::names::Names;
use crate::product::{Files, write_private};
use crate::props::{Message, Props};
use crate::queue::Place;
use crate::scenario::{Arm, Mailbox, Step, TokenKind, Verb};
use crate::window::Order;

/// What makes a token longer than 4 KB, in octets.
const LONG: usize = 4_096;

pub(crate) async fn adapter(
    bench: &Arc<Shared>,
    order: &Order,
    place: &Place,
    adapter: &Adapter,
    timing: &Timing,
    props: &mut Props,
) -> Result<Vec<AdapterWord>, Error> {
    let operator = &bench.parts.operator;
    let healthy = operator.open_private(order.number).await?;
    let mut words = Vec::new();
    let mut misbehaving = Vec::new();
    let mut mails = 0;
    for step in &order.scenario.step {
        if bench.is_cancelled(order.number) {
            break;
        }
        let poke = bench.wait_until(order.number, bench.parts.clock.now() + order.timer);
        let script = step.script(timing.slow_answer);
        // What a slow answer takes is not the client's.
        let deadline = match &step.faults {
            Some(text) if text.contains("$slow") => order.timer + timing.slow_answer,
            _ if step.directory_fault.is_some() => order.timer + timing.slow_answer,
            _ => order.timer,
        };
        let plan = script.map(|script| Plan::new(script, order.seed ^ order.number.cast_unsigned()));
        let faulty = match (plan, step.arm) {
            (Some(plan), _) => {
                Some(operator.open_private_faulty(order.number, sasl::Offer::default(), plan).await?)
            }
            (None, Some(Arm::OldTls)) => Some(operator.open_old_tls(order.number).await?),
            _ if step.has_own_session() || step.directory_fault.is_some() => {
                Some(operator.open_private(order.number).await?)
            }
            // The first step of a job that asks the DNS is its control: its ports stay open for who remembers them.
            _ if step.dns && Some(&step.id) != order.scenario.control.as_ref() => {
                Some(operator.open_private(order.number).await?)
            }
            _ => None,
        };
        let doors = faulty.as_ref().unwrap_or(&healthy);
        let names = match step.dns {
            true => Some(Names::open(bench, order.number, doors, step.dns_fault.as_ref()).await?),
            false => None,
        };
        let sought = props.sought.get(&step.id);
        let lookup = match sought {
            Some(sought) => {
                let fault = step.directory_fault.as_ref();
                Some(Lookup::open(bench, order.number, timing, sought, fault).await?)
            }
            None => None,
        };
        let query = sought.map(Sought::query);
        let own_doors = step.faults.is_some() || step.has_own_session() || step.directory_fault.is_some();
        if own_doors || (step.dns && faulty.is_some()) {
            let mut ports = vec![doors.imap_port, doors.imaps_port, doors.smtp_port, doors.smtps_port];
            ports.extend(names.as_ref().map(|names| names.port));
            ports.extend(lookup.as_ref().map(|lookup| lookup.port));
            props.doors.insert(step.id.clone(), ports);
            props.began.insert(step.id.clone(), bench.parts.clock.now());
        }
        let armed =
            (step.arm == Some(Arm::RefuseFirstToken)).then(|| operator.refuse_first_token(order.mailbox()));
        let returns =
            format!("http://127.0.0.1/callback/{}", props.marks.nonce.as_deref().unwrap_or_default());
        let awaited = step.psc_login.then(|| {
            let product = &order.product;
            bench.parts.psc.await_login(&product.client_id, &returns, &product.psc_identity)
        });
        let trouble = step.psc_fault.as_ref();
        let psc_armed =
            trouble.map(|wanted| bench.parts.psc.arm(&order.product.client_id, wanted.fault, wanted.times));
        let (auth, secrets) = match step.psc_login {
            true => psc_login(bench, order, step, &returns, props)?,
            false => credentials(bench, order, step, timing, props)?,
        };
        let message = match step.adapter {
            Verb::Send | Verb::Reply => {
                mails += 1;
                message(order, step, &props.messages[mails - 1], props, query)?
            }
            Verb::Search => {
                json!({"to": [], "subject": null, "text": "", "documents": [], "facts": {"query": query}, "eml_file": null})
            }
            Verb::Append => {
                json!({"to": [], "subject": null, "text": "", "documents": [], "facts": {}, "eml_file": null})
            }
            _ => Value::Null,
        };
        let name = serde_json::to_value(step.adapter).expect("a verb serialises");
        let request = json!({
            "protocol": 1,
            "run": order.number,
            "job": order.scenario.id,
            "step": name,
            "deadline_ms": u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
            "work_dir": props.work_dir.path,
            "mailbox": mailbox(order, step, props),
            "imap": endpoint(step, rules::Protocol::Imap, [doors.imap_port, doors.imaps_port]),
            "smtp": endpoint(step, rules::Protocol::Smtp, [doors.smtp_port, doors.smtps_port]),
            "ca_file": bench.parts.addresses.ca_file,
            "crl_urls": bench.parts.addresses.crl_urls,
            "dns": names.as_ref().map(|names| names.told()),
            "directory": lookup.as_ref().map(Lookup::told),
            "psc": bench.parts.addresses.psc,
            "auth": auth,
            "nil": order.product.nil,
            "expect_refusal": step.expects_refusal(),
            "message": message,
        });
        let limits =
            Allowance { deadline, kill_after: timing.adapter_kill, line: bench.parts.limits.adapter_line };
        let step_name = name.as_str().unwrap_or_default();
        let word = tokio::select! {
            word = adapter.step(step_name, &request, limits, &secrets) => word,
            () = ended(bench, order.number, &poke) => break,
        };
        if let Some(sid) = awaited.as_ref().and_then(|awaited| awaited.sids().pop()) {
            props.handed.insert(step.id.clone(), Handed { jti: String::new(), sid });
        }
        drop((armed, psc_armed, names, lookup, awaited));
        // Closed with the window, not before: what the client said last is still on its way to the server.
        misbehaving.extend(faulty);
        // What a client says of a server that misbehaved ends nothing: the wire tells.
        let go_on = word.outcome == "done"
            || (step.faults.is_some() || step.has_own_session()) && word.outcome != "unsupported"
            || (step.expects_refusal() && word.outcome == "refused");
        words.push(word);
        bench.progress(order.number, words.len());
        if !go_on {
            break;
        }
    }
    place.leave();
    if let Some(shared) = &props.shared {
        // Hers for this run only; the mailbox stays, for the next one.
        let _ = operator.revoke(shared, &order.product.psc_identity).await;
    }
    tokio::time::sleep(timing.window_grace).await;
    for faulty in misbehaving {
        let _ = timeout(Duration::from_secs(5), faulty.close()).await;
    }
    // Connections that the adapter left open are said goodbye to, so that their end is on the record.
    let _ = timeout(Duration::from_secs(5), healthy.close()).await;
    Ok(words)
}

/// Returns when the run is cancelled, or the bench stops.
async fn ended(bench: &Shared, run: i64, poke: &tokio::sync::Notify) {
    while !bench.is_cancelled(run) {
        poke.notified().await;
    }
}

/// The mailbox that a step is about.
fn mailbox(order: &Order, step: &Step, props: &Props) -> Value {
    match &props.shared {
        Some(address) if step.shared => json!({"type": "ORG", "address": address}),
        _ => json!({"type": mailbox_type(order), "address": order.mailbox()}),
    }
}

/// PER or APP; ORG where the product's first mailbox is one.
fn mailbox_type(order: &Order) -> &'static str {
    match order.scenario.mailbox {
        Mailbox::Per => order.product.kind.name(),
        Mailbox::App => "APP",
    }
}

fn endpoint(step: &Step, protocol: rules::Protocol, [plain, tls]: [u16; 2]) -> Value {
    if step.protocols.contains(&protocol) && !step.dns {
        let (port, security) = if step.implicit_tls { (tls, "tls") } else { (plain, "starttls") };
        json!({"host": "localhost", "port": port, "security": security})
    } else {
        json!({})
    }
}

/// What the adapter logs in with, and the secrets to mask in what it prints. A fresh token for each step.
fn credentials(
    bench: &Shared,
    order: &Order,
    step: &Step,
    timing: &Timing,
    props: &mut Props,
) -> Result<(Value, Vec<Secret<String>>), Error> {
    let files = Files::of(&bench.parts.data, &order.product.nil);
    match order.scenario.mailbox {
        Mailbox::Per => {
            let tokens = bench.issue_as(&order.product, wish(step, timing))?;
            let secret = files.read_secret()?;
            props.marks.tokens.push(tokens.jti.clone());
            if step.has_own_session() {
                let handed = Handed { jti: tokens.jti.clone(), sid: tokens.sid.clone() };
                props.handed.insert(step.id.clone(), handed);
            }
            let access = tokens.response.access_token.clone();
            let refresh = tokens.response.refresh_token.clone();
            let refresh = refresh.unwrap_or_else(|| Secret::new(String::new()));
            let auth = json!({
                "mechanism": "xoauth2",
                "user": mailbox(order, step, props)["address"],
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
            let certificate = props.work_dir.path.join("auth_cli.pem");
            if props.marks.certificates.is_empty() {
                let key = files.read_key()?;
                let (identity, name) = (&order.product.app_identity, &order.product.name);
                let issued = bench.parts.lab.renew_auth_cli(identity, name, &key)?;
                write_private(&certificate, issued.chain_pem.as_bytes())?;
                props.marks.certificates.push(issued.facts.serial.clone());
            }
            let auth = json!({"mechanism": "external", "cert_file": certificate, "key_file": files.key});
            Ok((auth, Vec::new()))
        }
    }
}

/// What it takes to log in to PSC: the product's client, and an address of return that this run owns.
fn psc_login(
    bench: &Shared,
    order: &Order,
    step: &Step,
    returns: &str,
    props: &Props,
) -> Result<(Value, Vec<Secret<String>>), Error> {
    let secret = Files::of(&bench.parts.data, &order.product.nil).read_secret()?;
    let told = &bench.parts.addresses.psc;
    let auth = json!({
        "mechanism": "xoauth2",
        "user": mailbox(order, step, props)["address"],
        "access_token": "",
        "refresh": null,
        "psc": {
            "issuer": told["issuer"],
            "discovery": told["wallet_discovery"],
            "client_id": order.product.client_id,
            "client_secret": secret.reveal(),
            "redirect_uri": returns,
            "login_hint": order.product.psc_identity,
        },
    });
    Ok((auth, vec![secret]))
}

/// The token that a step hands out.
fn wish(step: &Step, timing: &Timing) -> TokenWish {
    let life = match step.token {
        Some(TokenKind::Expired) => Duration::ZERO,
        Some(TokenKind::Brief) => timing.slow_answer,
        // What is judged of these is no race against a short life.
        Some(TokenKind::Usual | TokenKind::Long) => Timing::real().access_token,
        None => timing.access_token,
    };
    let padding = if step.token == Some(TokenKind::Long) { LONG } else { 0 };
    let fault = step.psc_fault.as_ref().map(|trouble| trouble.fault);
    TokenWish { life: Some(life), fault, padding, bound_to: None }
}

/// What a step is to send; with a `query`, to whom is for the client to find, and so are the bytes.
fn message(
    order: &Order,
    step: &Step,
    message: &Message,
    props: &Props,
    query: Option<Value>,
) -> Result<Value, Error> {
    let to = if query.is_some() { Vec::new() } else { vec![&message.recipient] };
    let eml_file = if order.canned && query.is_none() {
        let path = props.work_dir.path.join(format!("{}.eml", step.id));
        write_private(&path, props.canned(order, step, message)?.as_slice())?;
        Some(path)
    } else {
        None
    };
    Ok(json!({
        "to": to,
        "subject": null,
        "text": message.text,
        "documents": message.documents.iter().map(|document| &document.path).collect::<Vec<_>>(),
        "facts": {
            "ins": message.documents.first().map(|document| &document.matricule),
            "ins_oid": message.documents.first().map(|document| &document.oid),
            "qualified": message.documents.first().map(|document| document.qualified),
            "cda_code": message.documents.first().map(|document| &document.code),
            "cda_codes": message.documents.iter().map(|document| &document.code).collect::<Vec<_>>(),
            "to_patient": step.to != crate::scenario::Recipient::Bench,
            "close": step.close,
            "in_reply_to": (step.adapter == Verb::Reply).then_some(props.original.as_ref()).flatten(),
            "query": query,
        },
        "eml_file": eml_file,
    }))
}
