use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use bench::judge::Verdict;
use bench::scenario::{Mailbox, Scenario};
use bench::{NewProduct, Phase, Product, Request as Order, Run, RunView};
use i18n::Lang;
use rules::{Outcome, Text};
use serde::Deserialize;
use web::{Link, Locale, Page, T, Tone, pill};

use crate::Face;
use crate::view::{Failure, phase_pill, verdict_pill};

pub(crate) fn routes() -> Router<Face> {
    Router::new()
        .route("/", get(home))
        .route("/products", post(add_product))
        .route("/runs", post(start))
        .route("/runs/{number}", get(run_page))
        .route("/runs/{number}/log.txt", get(log_text))
        .route("/runs/{number}/proof", get(proof))
}

fn page(face: &Face, lang: Lang, title: &str, uri: &Uri) -> Page {
    let t = T(lang);
    let link =
        |href: &str, id: &str| Link { href: href.into(), label: t.get(id), current: href == uri.path() };
    let _ = face;
    Page::new(lang, t.get("bench-site"), title, uri).nav(vec![link("/", "bench-dashboard")]).wide()
}

/// A sentence in the page's language.
fn say(lang: Lang, text: &Text) -> String {
    match lang {
        Lang::Fr => text.fr.clone(),
        _ => text.en.clone(),
    }
}

// === Dashboard ===

#[derive(Deserialize, Default)]
struct HomeQuery {
    nil: Option<String>,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    t: T,
    css: String,
    products: &'a [Product],
    chosen: Option<&'a Product>,
    chosen_nil: &'a str,
    groups: Vec<Group>,
    runs: Vec<Row>,
    error: Option<String>,
    form: ProductForm,
    imap: String,
    smtp: String,
    psc: String,
    timer: u64,
}

struct Group {
    path: String,
    jobs: Vec<Job>,
}

struct Job {
    id: String,
    title: String,
    requirements: String,
    mailbox: &'static str,
    last: Option<(i64, String)>,
}

struct Row {
    number: i64,
    nil: String,
    title: String,
    when: String,
    duration: String,
    pill: String,
}

async fn home(
    State(face): State<Face>,
    Query(query): Query<HomeQuery>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    show_home(&face, &headers, &uri, query.nil.as_deref(), None, ProductForm::default()).await
}

async fn show_home(
    face: &Face,
    headers: &HeaderMap,
    uri: &Uri,
    nil: Option<&str>,
    error: Option<bench::Error>,
    form: ProductForm,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(headers);
    let t = T(lang);
    let products = face.bench.products().await?;
    let chosen = products.iter().find(|product| Some(product.nil.as_str()) == nil).or(products.first());
    let last = match chosen {
        Some(product) => face.bench.last_runs(&product.nil).await?,
        None => Vec::new(),
    };
    let addresses = &face.bench.parts().addresses;
    let status = if error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let body = Home {
        t,
        css: face.assets.path("banc.css"),
        groups: groups(face, lang, &last),
        runs: face.bench.newest_runs(30).await?.iter().map(|run| row(face, lang, run)).collect(),
        products: &products,
        chosen,
        chosen_nil: chosen.map_or("", |product| &product.nil),
        error: error.map(|error| format!("{} {}", error.message, error.next)),
        form,
        imap: endpoints(&addresses.imap),
        smtp: endpoints(&addresses.smtp),
        psc: addresses.psc["issuer"].as_str().unwrap_or_default().to_owned(),
        timer: face.bench.parts().timing.window.as_secs(),
    };
    Ok(page(face, lang, &t.get("bench-dashboard"), uri).status(status).show(&body))
}

fn endpoints(value: &serde_json::Value) -> String {
    let host = value["host"].as_str().unwrap_or_default();
    format!("{host}:{} (STARTTLS) · {host}:{} (TLS)", value["starttls"], value["tls"])
}

fn groups(face: &Face, lang: Lang, last: &[Run]) -> Vec<Group> {
    let mut all: Vec<Group> = Vec::new();
    for scenario in face.bench.catalogue().iter() {
        let path = scenario.path.join(" / ");
        let job = Job {
            id: scenario.id.clone(),
            title: say(lang, &scenario.title),
            requirements: scenario.requirements.join(", "),
            mailbox: scenario.mailbox.name(),
            last: last
                .iter()
                .find(|run| run.job == scenario.id)
                .and_then(|run| run.verdict.map(|verdict| (run.number, verdict_pill(T(lang), verdict)))),
        };
        match all.iter_mut().find(|group| group.path == path) {
            Some(group) => group.jobs.push(job),
            None => all.push(Group { path, jobs: vec![job] }),
        }
    }
    all
}

fn row(face: &Face, lang: Lang, run: &Run) -> Row {
    let title =
        face.bench.catalogue().find(&run.job).map_or_else(|| run.job.clone(), |job| say(lang, &job.title));
    Row {
        number: run.number,
        nil: run.nil.clone(),
        title,
        when: run.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        duration: if run.verdict.is_some() { seconds(run.duration_ms) } else { String::new() },
        pill: state_pill(T(lang), run.verdict, face.bench.phase(run.number)),
    }
}

fn state_pill(t: T, verdict: Option<Verdict>, phase: Option<Phase>) -> String {
    match verdict {
        Some(verdict) => verdict_pill(t, verdict),
        None => phase_pill(t, phase),
    }
}

fn seconds(ms: i64) -> String {
    format!("{}.{} s", ms / 1_000, (ms % 1_000) / 100)
}

// === Forms ===

#[derive(Deserialize, Default, Clone)]
struct ProductForm {
    nil: String,
    name: String,
    #[serde(default)]
    product_version: String,
    psc_id: String,
    app_id: String,
    #[serde(default, rename = "type")]
    kind: String,
}

async fn add_product(
    State(face): State<Face>,
    headers: HeaderMap,
    uri: Uri,
    Form(form): Form<ProductForm>,
) -> Result<Response, Failure> {
    let version = Some(form.product_version.trim().to_owned()).filter(|version| !version.is_empty());
    let kind = crate::api::kind(if form.kind.is_empty() { "PER" } else { &form.kind })?;
    let new = NewProduct {
        nil: form.nil.trim().to_owned(),
        name: form.name.trim().to_owned(),
        version,
        kind,
        psc_identity: form.psc_id.trim().to_owned(),
        app_identity: form.app_id.trim().to_owned(),
    };
    match face.bench.add_product(new).await {
        Ok(product) => Ok(Redirect::to(&format!("/?nil={}", product.nil)).into_response()),
        Err(error) => show_home(&face, &headers, &uri, None, Some(error), form).await,
    }
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
