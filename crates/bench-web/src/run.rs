use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use bench::scenario::{Mailbox, Scenario};
use bench::{Phase, Product, Request as Order, RunView};
use i18n::Lang;
use rules::{Outcome, Text};
use serde::Deserialize;
use web::{Locale, T, Tone, pill};

use crate::Face;
use crate::frame::{endpoints, page, say, seconds, state_pill};
use crate::view::Failure;

pub(crate) fn routes() -> Router<Face> {
    Router::new()
        .route("/runs", post(start))
        .route("/runs/{number}", get(run_page))
        .route("/runs/{number}/log.txt", get(log_text))
        .route("/runs/{number}/proof", get(proof))
}

#[derive(Deserialize)]
struct StartForm {
    nil: String,
    job: String,
    timer: u64,
}

async fn start(State(face): State<Face>, Form(form): Form<StartForm>) -> Result<Response, Failure> {
    let order = Order {
        nil: form.nil,
        what: form.job,
        adapter: None,
        timer: Some(std::time::Duration::from_secs(form.timer.clamp(5, 3_600))),
        accelerated: false,
        canned: false,
        seed: None,
    };
    let (_, runs) = face.bench.start(order).await?;
    let number = runs.first().copied().unwrap_or_default();
    Ok(Redirect::to(&format!("/runs/{number}")).into_response())
}

// === Run ===

#[derive(Template)]
#[template(path = "run.html")]
struct RunTemplate {
    t: T,
    css: String,
    js: String,
    number: i64,
    nil: String,
    title: String,
    path: String,
    pill: String,
    running: bool,
    waiting: bool,
    when: String,
    duration: String,
    reason: String,
    lps: Vec<String>,
    banc: Vec<String>,
    checks: Vec<CheckRow>,
    log: Vec<LineRow>,
    strangers: u32,
    adapter: Vec<String>,
    has_proof: bool,
}

impl RunTemplate {
    fn strangers_count(&self) -> usize {
        self.strangers as usize
    }
}

struct CheckRow {
    requirement: String,
    pill: String,
    expected: String,
    received: String,
    rule: String,
    line: Option<u32>,
    next: String,
}

struct LineRow {
    n: u32,
    time: String,
    node: String,
    connection: String,
    text: String,
    mark: &'static str,
}

async fn run_page(
    State(face): State<Face>,
    Path(number): Path<i64>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let view = match face.bench.run(number).await {
        Ok(view) => view,
        Err(error) => {
            let page = page(&face, lang, &t.get("error-not-found-title"), &uri).status(StatusCode::NOT_FOUND);
            return Ok(page.say(&error.message));
        }
    };
    let product = face.bench.product(&view.run.nil).await.ok();
    let job = face.bench.catalogue().find(&view.run.job).cloned();
    let title = job.as_ref().map_or_else(|| view.run.job.clone(), |job| say(lang, &job.title));
    let heading = t.with("run-title", "number", &number.to_string());
    let body = RunTemplate {
        t,
        css: face.assets.path("banc.css"),
        js: face.assets.path("banc.js"),
        number,
        nil: view.run.nil.clone(),
        path: job.as_ref().map(|job| job.path.join(" / ")).unwrap_or_default(),
        pill: state_pill(t, view.run.verdict, view.phase),
        running: view.run.verdict.is_none(),
        waiting: view.phase == Some(Phase::Waiting),
        when: view.run.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        duration: seconds(view.run.duration_ms),
        reason: view.run.reason.clone(),
        lps: steps(&face, lang, job.as_ref(), product.as_ref(), |job| &job.lps),
        banc: steps(&face, lang, job.as_ref(), product.as_ref(), |job| &job.banc),
        checks: checks(lang, &view),
        log: log_rows(&view),
        strangers: view.evidence.as_ref().map_or(0, |evidence| evidence.context.strangers),
        adapter: adapter_words(&view),
        has_proof: view.evidence.is_some(),
        title,
    };
    Ok(page(&face, lang, &format!("{heading} · {}", body.title), &uri).show(&body))
}

fn steps(
    face: &Face,
    lang: Lang,
    job: Option<&Scenario>,
    product: Option<&Product>,
    which: impl Fn(&Scenario) -> &Vec<Text>,
) -> Vec<String> {
    let (Some(job), Some(product)) = (job, product) else { return Vec::new() };
    let (address, identity) = match job.mailbox {
        Mailbox::Per => (&product.psc_address, &product.psc_identity),
        Mailbox::App => (&product.app_address, &product.app_identity),
    };
    let addresses = &face.bench.parts().addresses;
    which(job)
        .iter()
        .map(|text| {
            say(lang, text)
                .replace("{address}", address)
                .replace("{identity}", identity)
                .replace("{imap}", &endpoints(&addresses.imap))
                .replace("{smtp}", &endpoints(&addresses.smtp))
                .replace("{psc}", addresses.psc["issuer"].as_str().unwrap_or_default())
                .replace("{nil}", &product.nil)
        })
        .collect()
}

fn checks(lang: Lang, view: &RunView) -> Vec<CheckRow> {
    let t = T(lang);
    let Some(evidence) = &view.evidence else { return Vec::new() };
    let line = |seq: Option<i64>| {
        seq.and_then(|seq| view.log.iter().find(|line| line.seq == Some(seq))).map(|line| line.n)
    };
    evidence
        .checks
        .iter()
        .map(|check| CheckRow {
            requirement: check.requirement.clone(),
            pill: match check.outcome {
                Outcome::Passed => pill(Tone::Good, &t.get("verdict-passed")),
                Outcome::Failed => pill(Tone::Bad, &t.get("verdict-failed")),
                _ => pill(Tone::Unsure, &t.get("verdict-inconclusive")),
            },
            expected: say(lang, &check.expected),
            received: say(lang, &check.received),
            rule: check.rule.clone(),
            line: line(check.decided_by),
            next: say(lang, &check.next),
        })
        .collect()
}

fn adapter_words(view: &RunView) -> Vec<String> {
    let Some(evidence) = &view.evidence else { return Vec::new() };
    evidence
        .context
        .adapter
        .iter()
        .map(|word| format!("{} : {} {}", word.step, word.outcome, word.detail))
        .collect()
}

fn log_rows(view: &RunView) -> Vec<LineRow> {
    view.log
        .iter()
        .map(|line| LineRow {
            n: line.n,
            time: line.at.strftime("%H:%M:%S%.3f").to_string(),
            node: line.node.clone(),
            connection: line.connection.map(|id| id.to_string()).unwrap_or_default(),
            mark: match line.text.as_str() {
                "['TEST_OK']" => "ok",
                "['TEST_KO']" => "ko",
                "['TEST_NC']" => "nc",
                text if text.starts_with("KO ") => "ko",
                text if text.starts_with("OK ") => "ok",
                _ => "",
            },
            text: line.text.clone(),
        })
        .collect()
}

async fn log_text(State(face): State<Face>, Path(number): Path<i64>) -> Result<Response, Failure> {
    let view = face.bench.run(number).await?;
    let text: String = view.log.iter().map(|line| line.render() + "\n").collect();
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

async fn proof(State(face): State<Face>, Path(number): Path<i64>) -> Result<Response, Failure> {
    let proof = face.bench.proof(number).await?;
    let name = format!("attachment; filename=\"vaguemestre-execution-{number}.proof\"");
    Ok(([(CONTENT_TYPE, "application/json; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)], proof)
        .into_response())
}
