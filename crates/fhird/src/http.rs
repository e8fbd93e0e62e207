//! The API over HTTP: key, quota, armed faults, then the answer; the journal is told of all of them.

use std::sync::PoisonError;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use journal::Tap;
use serde_json::Value;
use web::Peer;
use wire::{Direction, Fact, Origin, SearchFacts, Service};

use crate::PATH;
use crate::capability;
use crate::criterion::short;
use crate::fault::Fault;
use crate::outcome::Refusal;
use crate::page::Context;
use crate::render;
use crate::resource::Resource;
use crate::sandbox::Sandbox;
use crate::search::{self, Found};

/// Longest form of a `_search`, in octets.
const LONGEST: usize = 64 * 1024;

/// Longest key, in octets.
const KEY: usize = 200;

const FHIR: &str = "application/fhir+json;charset=UTF-8";

/// A page for people where FHIR was asked for.
const MAINTENANCE: &str = "<!doctype html><html lang=\"fr\"><title>Maintenance</title><h1>Service momentanément indisponible</h1></html>";

pub(crate) fn router(sandbox: Sandbox) -> Router {
    Router::new().fallback(handle).with_state(sandbox)
}

/// What a request asks, as far as it was understood: for the journal.
#[derive(Debug, Default)]
struct Asked {
    resource: String,
    pairs: Vec<(String, String)>,
}

/// What it gets.
struct Answer {
    status: StatusCode,
    body: Value,
    found: usize,
    addresses: Vec<String>,
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let body = refusal.outcome();
        Self { status: refusal.status, body, found: 0, addresses: Vec::new() }
    }
}

impl From<Found> for Answer {
    fn from(found: Found) -> Self {
        Self { status: StatusCode::OK, body: found.bundle, found: found.total, addresses: found.addresses }
    }
}

async fn handle(State(sandbox): State<Sandbox>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let peer = parts.extensions.get::<Peer>().copied();
    let path = parts.uri.path().to_owned();
    let line = format!("{} {}", parts.method, parts.uri);
    let key = key(&parts.headers);
    let is_page = path.ends_with("/_page");
    let mut asked = Asked::default();
    let mut used = None;
    let answer = match admitted(&sandbox, key.as_deref()) {
        Err(refusal) => refusal.into(),
        Ok(()) => {
            used = sandbox.arms.take(is_page);
            let pairs = pairs(&parts.method, parts.uri.query(), &parts.headers, body).await;
            match pairs.and_then(|pairs| route(&sandbox, &parts.method, &path, pairs, &mut asked)) {
                Ok(answer) => answer,
                Err(refusal) => refusal.into(),
            }
        }
    };
    let fault = used.map(|(fault, _)| fault);
    let answer = spoil(&sandbox, fault, answer);
    let mut tap = begin(&sandbox, peer, &line, &answer, used);
    if fault == Some(Fault::Slow) {
        // A client that leaves meanwhile has met the fault all the same: what the tap holds is written when it is dropped.
        tokio::time::sleep(sandbox.settings.timing.slow_answer).await;
    }
    if let Some(tap) = &mut tap {
        tell(tap, key.as_deref(), asked, &answer);
    }
    respond(&parts.method, answer, fault)
}

/// The key of the request, where it has one that can be one.
fn key(headers: &HeaderMap) -> Option<String> {
    let key = headers.get("ESANTE-API-KEY")?.to_str().ok()?.trim();
    let is_plain = !key.is_empty() && key.len() <= KEY && key.bytes().all(|byte| byte.is_ascii_graphic());
    is_plain.then(|| key.to_owned())
}

/// Any key is an application's: the portal gives them to whoever asks. One that begins with `revoked` was taken back.
fn admitted(sandbox: &Sandbox, key: Option<&str>) -> Result<(), Refusal> {
    let Some(key) = key else {
        let text = "The header ESANTE-API-KEY is missing, or is no key";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, text));
    };
    if key.starts_with("revoked") {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "This key may not use the API any more"));
    }
    if !sandbox.quota().take(&kernel::sha256_hex(key.as_bytes()), sandbox.settings.clock.now()) {
        let text = format!("More than {} calls within a second", crate::CALLS_PER_SECOND);
        return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, text));
    }
    Ok(())
}

/// The parameters of the address, then those of the form.
async fn pairs(
    method: &Method,
    query: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<(String, String)>, Refusal> {
    let read = |text: &[u8]| form_urlencoded::parse(text).into_owned().collect::<Vec<_>>();
    let mut pairs = read(query.unwrap_or_default().as_bytes());
    if *method == Method::POST {
        let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !media.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
            return Err(Refusal::bad("_search takes a form: application/x-www-form-urlencoded"));
        }
        let form = to_bytes(body, LONGEST)
            .await
            .map_err(|_| Refusal::bad(format!("The form is cut, or longer than {LONGEST} octets")))?;
        pairs.extend(read(&form));
    }
    Ok(pairs)
}

fn route(
    sandbox: &Sandbox,
    method: &Method,
    path: &str,
    pairs: Vec<(String, String)>,
    asked: &mut Asked,
) -> Result<Answer, Refusal> {
    let nothing = || Refusal::new(StatusCode::NOT_FOUND, format!("Nothing at {}", short(path)));
    let rest = path.strip_prefix(PATH).and_then(|rest| rest.strip_prefix('/')).ok_or_else(nothing)?;
    let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    let is_get = matches!(*method, Method::GET | Method::HEAD);
    let is_search = *method == Method::POST && parts.get(1) == Some(&"_search");
    if !is_get && !is_search {
        let text = format!("{method} is not allowed: the API is read only");
        return Err(Refusal::new(StatusCode::FORBIDDEN, text));
    }
    let now = sandbox.settings.clock.now();
    let base = sandbox.settings.base.as_str();
    match parts.as_slice() {
        ["metadata"] => {
            let body = capability::statement(base, now);
            Ok(Answer { status: StatusCode::OK, body, found: 0, addresses: Vec::new() })
        }
        ["_page"] => {
            let id = pairs.iter().find(|(name, _)| name == "id").map_or("", |(_, id)| id.as_str());
            let gone =
                || Refusal::new(StatusCode::GONE, "This page is not known, or not any more: search again");
            let context = sandbox.seal.open(id, now).ok_or_else(gone)?;
            look_up(sandbox, context, asked)
        }
        [name] | [name, "_search"] => {
            if parts.len() == 2 && is_get {
                return Err(nothing());
            }
            let context = Context {
                resource: (*name).to_owned(),
                pairs,
                before: 0,
                after: 0,
                at: now.as_microsecond(),
            };
            look_up(sandbox, context, asked)
        }
        [name, id] => {
            let resource = Resource::from_name(name).ok_or_else(|| search::unknown(name))?;
            asked.resource = resource.name().to_owned();
            asked.pairs = vec![("_id".into(), short(id))];
            let roll = sandbox.roll.read().unwrap_or_else(PoisonError::into_inner);
            let item = roll.find(resource, id).ok_or_else(|| {
                Refusal::new(StatusCode::NOT_FOUND, format!("{name}/{} is not known", short(id)))
            })?;
            let boxes = item.mailboxes.iter().filter(|_| item.active);
            let addresses = boxes.map(|mailbox| mailbox.address.clone()).collect();
            Ok(Answer { status: StatusCode::OK, body: render::resource(item, &[]), found: 1, addresses })
        }
        _ => Err(nothing()),
    }
}

fn look_up(sandbox: &Sandbox, context: Context, asked: &mut Asked) -> Result<Answer, Refusal> {
    asked.resource = short(&context.resource);
    asked.pairs = context.pairs.clone();
    let roll = sandbox.roll.read().unwrap_or_else(PoisonError::into_inner);
    let settings = &sandbox.settings;
    search::run(&roll, &sandbox.seal, &settings.base, &context, settings.clock.now()).map(Answer::from)
}

/// What an armed fault makes of an answer; texts are left to [`respond`].
fn spoil(sandbox: &Sandbox, fault: Option<Fault>, answer: Answer) -> Answer {
    let refuse = |status, text: &str| Answer::from(Refusal::new(status, text));
    match fault {
        Some(Fault::TooManyRequests) => refuse(StatusCode::TOO_MANY_REQUESTS, "Too many calls"),
        Some(Fault::Unavailable) => refuse(StatusCode::SERVICE_UNAVAILABLE, "The directory is not available"),
        Some(Fault::Unauthorized) => refuse(StatusCode::UNAUTHORIZED, "This key is not known"),
        Some(Fault::PageExpired) => refuse(StatusCode::GONE, "This page is not known any more: search again"),
        Some(Fault::Empty) => Answer {
            status: StatusCode::OK,
            body: serde_json::json!({"resourceType": "Bundle", "type": "searchset", "total": 0,
                "link": [{"relation": "self", "url": sandbox.settings.base}]}),
            found: 0,
            addresses: Vec::new(),
        },
        Some(Fault::Html | Fault::CutJson) => Answer { found: 0, addresses: Vec::new(), ..answer },
        Some(Fault::Slow) | None => answer,
    }
}

fn respond(method: &Method, answer: Answer, fault: Option<Fault>) -> Response {
    let mut text = answer.body.to_string();
    let (mut status, mut media) = (answer.status, FHIR);
    match fault {
        Some(Fault::Html) => {
            (status, media, text) = (StatusCode::OK, "text/html;charset=UTF-8", MAINTENANCE.to_owned());
        }
        Some(Fault::CutJson) => {
            let mut half = text.len() / 2;
            while !text.is_char_boundary(half) {
                half -= 1;
            }
            text.truncate(half);
        }
        _ => {}
    }
    let text = if *method == Method::HEAD { String::new() } else { text };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// One connection of the journal for each request: HTTP connections are pooled by clients and mean nothing. With it what
/// was asked, and the fault that is used for it.
fn begin(
    sandbox: &Sandbox,
    peer: Option<Peer>,
    line: &str,
    answer: &Answer,
    fault: Option<(Fault, u32)>,
) -> Option<Tap> {
    let journal = sandbox.settings.journal.as_ref()?;
    let mut tap = journal.connect(Origin {
        service: Service::Directory,
        peer: peer.map_or_else(String::new, |peer| peer.address.to_string()),
        port: peer.map_or(0, |peer| peer.port),
        implicit_tls: false,
        run: sandbox.run,
    });
    tap.line(Direction::Client, line, false);
    if let Some((fault, nth)) = fault {
        let (point, name) = ("directory".to_owned(), fault.name().to_owned());
        tap.record(Fact::Fault { point, name, what: format!("answered {}", answer.status), nth });
    }
    Some(tap)
}

/// What was answered; on disk before whatever the client does next.
fn tell(tap: &mut Tap, key: Option<&str>, asked: Asked, answer: &Answer) {
    if asked.pairs.iter().any(|(name, _)| name == "mailbox-mss:contains") {
        let text = "mailbox-mss:contains is unreliable in production: ask for the whole address";
        tap.record(Fact::Note { text: text.into() });
    }
    let plain = |(name, value): (String, String)| (short(&name), short(&value));
    tap.record(Fact::Search {
        search: SearchFacts {
            resource: asked.resource,
            parameters: asked.pairs.into_iter().take(100).map(plain).collect(),
            status: answer.status.as_u16(),
            found: answer.found as u64,
            addresses: answer.addresses.clone(),
            key_sha256: key.map(|key| kernel::sha256_hex(key.as_bytes())),
        },
    });
    tap.record(Fact::Closed { reason: "eof".into() });
    tap.flush();
}
