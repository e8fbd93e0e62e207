//! *Preuves*: the runs that have one, and a place to have any proof verified, ours or another bench's.

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use bench::desk::Filter;
use bench::proof::{Body, Verification, verify};
use i18n::{Arg, Lang};
use serde::Deserialize;
use web::{Locale, T};

use crate::Face;
use crate::facts::address;
use crate::frame::{Row, number, page, row, say};
use crate::upload;
use crate::view::{Failure, verdict_pill};

/// Largest proof that is read: a run with a 25 MB message takes a third more as base64.
const LONGEST: usize = 64 * 1024 * 1024;

/// Proofs on a page.
const PAGE: u32 = 25;

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/proofs", get(list).post(check).layer(DefaultBodyLimit::max(LONGEST)))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ListQuery {
    page: String,
    all: String,
}

#[derive(Template)]
#[template(path = "proofs.html")]
struct Proofs {
    t: T,
    rows: Vec<Row>,
    total: u64,
    of: Option<String>,
    everybody: bool,
    place: String,
    previous: Option<String>,
    following: Option<String>,
    key: String,
    result: Option<Outcome>,
}

/// What is said of a proof that was sent.
struct Outcome {
    file: String,
    tone: &'static str,
    title: String,
    why: String,
    facts: Vec<(String, String)>,
    runs: Vec<(String, String, String)>,
    notice: String,
}

async fn list(
    State(face): State<Face>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    show(&face, &headers, &uri, &query, None).await
}

async fn show(
    face: &Face,
    headers: &HeaderMap,
    uri: &Uri,
    query: &ListQuery,
    result: Option<Outcome>,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(headers);
    let t = T(lang);
    let everybody = !query.all.is_empty();
    let of = crate::frame::chosen().map(|product| product.nil).filter(|_| !everybody);
    let at: u32 = query.page.parse().unwrap_or(1).max(1);
    let filter = Filter { nil: of.clone(), proven: true, ..Filter::default() };
    let found = face.bench.history(&filter, at, PAGE).await?;
    let pages = u32::try_from(found.total.div_ceil(u64::from(PAGE))).unwrap_or(u32::MAX).max(1);
    let to = |page: u32| {
        let mut pairs = vec![("page".to_owned(), page.to_string())];
        if everybody {
            pairs.push(("all".into(), "1".into()));
        }
        address("/proofs", &pairs)
    };
    let numbers = [("page", Arg::Number(at.into())), ("pages", Arg::Number(pages.into()))];
    let status = if result.as_ref().is_some_and(|one| one.tone != "good") {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    };
    let body = Proofs {
        t,
        rows: found.runs.iter().map(|run| row(face, lang, run)).collect(),
        total: found.total,
        of,
        everybody,
        place: i18n::text_with(lang, "products-place", &numbers),
        previous: (at > 1).then(|| to(at - 1)),
        following: (at < pages).then(|| to(at + 1)),
        key: face.bench.signer().key_id(),
        result,
    };
    Ok(page(face, lang, &t.get("proofs-title"), uri).status(status).show(&body))
}

// === Verification ===

async fn check(
    State(face): State<Face>,
    headers: HeaderMap,
    uri: Uri,
    form: Multipart,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(&headers);
    let (mut name, mut proof, mut key) = (String::new(), Vec::new(), String::new());
    for part in upload::parts(form).await? {
        match part.field.as_str() {
            "key" => key = part.text().trim().to_owned(),
            "proof" => (name, proof) = (part.file.unwrap_or_default(), part.bytes),
            _ => {}
        }
    }
    let pinned = Some(key).filter(|key| !key.is_empty());
    // Judging again is work for a thread of its own: a proof may hold a hundred runs.
    let verification = tokio::task::spawn_blocking(move || verify(&proof, pinned.as_deref())).await;
    let verification =
        verification.unwrap_or_else(|_| Verification::Unreadable("the judge gave up on it".into()));
    let outcome = outcome(lang, &face.bench.signer().key_id(), name, verification);
    show(&face, &headers, &uri, &ListQuery::default(), Some(outcome)).await
}

fn outcome(lang: Lang, own_key: &str, file: String, verification: Verification) -> Outcome {
    let t = T(lang);
    let empty = |tone, title: &str, why| Outcome {
        file: file.clone(),
        tone,
        title: t.get(title),
        why,
        facts: Vec::new(),
        runs: Vec::new(),
        notice: String::new(),
    };
    match verification {
        Verification::Invalid(why) => {
            empty("bad", "proofs-invalid", t.with("proofs-invalid-why", "why", &why))
        }
        Verification::Unreadable(why) => {
            empty("unsure", "proofs-unreadable", t.with("proofs-unreadable-why", "why", &why))
        }
        Verification::Valid { pinned, key_id, body } => {
            let why = match (pinned, key_id == own_key) {
                (true, _) => "proofs-valid-pinned",
                (false, true) => "proofs-valid-own",
                (false, false) => "proofs-valid-integrity",
            };
            Outcome {
                facts: facts(t, &key_id, &body),
                runs: contents(lang, &body),
                notice: say(lang, &body.notice),
                ..empty("good", "proofs-valid", t.get(why))
            }
        }
    }
}

fn facts(t: T, key: &str, body: &Body) -> Vec<(String, String)> {
    let version = body.product.version.clone().unwrap_or_default();
    let product = format!("{} - {} {version}", body.product.nil, body.product.name);
    vec![
        (t.get("bench-product"), product.trim_end().to_owned()),
        (t.get("proofs-campaign"), body.campaign.to_string()),
        (t.get("proofs-made"), body.made.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
        (t.get("proofs-version"), body.version.clone()),
        (t.get("proofs-key"), key.to_owned()),
    ]
}

fn contents(lang: Lang, body: &Body) -> Vec<(String, String, String)> {
    let one = |run: &bench::proof::RunEvidence| {
        (number(T(lang), run.number), say(lang, &run.scenario.title), verdict_pill(T(lang), run.verdict))
    };
    body.runs.iter().map(one).collect()
}
