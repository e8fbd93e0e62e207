//! A run's page: what is waited for, then the verdict, then the log; and what one can do about it.
//!
//! The summary comes before the log, whatever its length. While the run goes on the part above the log is replaced
//! by the script at each change (`live.rs` tells of them); without a script the page is read again by hand. Closing
//! the browser changes nothing for the run.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use bench::Request as Order;
use bench::judge::Verdict;
use i18n::Lang;
use rules::{Check, Outcome, Registry};
use web::{T, Tone, pill};

use crate::Face;
use crate::asked::{Asked, Fields, Numbered, RunNumber, wrong};
use crate::frame::say;
use crate::jobs::requirement_link;
use crate::run_page;
use crate::view::Failure;

/// What *Prolonger* adds.
const MORE: Duration = Duration::from_secs(60);
/// The timers that a page accepts, in seconds.
const TIMERS: std::ops::RangeInclusive<u64> = 5..=3_600;

pub(crate) fn routes() -> Router<Face> {
    Router::new()
        .route("/runs", post(start))
        .route("/runs/{number}", get(run_page::show))
        .route("/runs/{number}/prolong", post(prolong))
        .route("/runs/{number}/cancel", post(cancel))
        .route("/runs/{number}/log.txt", get(log_text))
        .route("/runs/{number}/proof", get(proof))
}

// === What one can do ===

/// *Lancer le job*, *Relancer*: a run that waits for a person.
async fn start(State(face): State<Face>, asked: Asked, fields: Fields) -> Result<Response, Failure> {
    let order = order(&face, &asked, &fields).await?;
    let (campaign, runs) = face.bench.start(order).await?;
    let place = match runs[..] {
        [only] => format!("/runs/{only}"),
        _ => format!("/campaigns/{campaign}"),
    };
    Ok(Redirect::to(&place).into_response())
}

async fn order(face: &Face, asked: &Asked, fields: &Fields) -> Result<Order, bench::Error> {
    let t = asked.t();
    let (nil, job) = (fields.get("nil"), fields.get("job"));
    let timer = match fields.get("timer") {
        "" => face.bench.last_timer(nil, job).await?,
        text => text
            .parse()
            .ok()
            .filter(|timer| TIMERS.contains(timer))
            .ok_or_else(|| wrong(t.with("start-timer", "value", text), t.get("start-timer-next")))?,
    };
    // A box that is not ticked sends nothing: `options` says that it was there.
    let accelerated = match fields.get("options") {
        "" => face.bench.settings().await?.accelerated,
        _ => !fields.get("accelerated").is_empty(),
    };
    Ok(Order {
        nil: nil.to_owned(),
        what: job.to_owned(),
        adapter: None,
        timer: Some(Duration::from_secs(timer)),
        accelerated,
        canned: false,
        seed: None,
    })
}

async fn prolong(
    State(face): State<Face>,
    RunNumber(number): RunNumber,
    asked: Asked,
) -> Result<Response, Failure> {
    let done = face.bench.prolong(number, MORE).await;
    back_to(&face, &asked, number, done.is_ok()).await
}

async fn cancel(
    State(face): State<Face>,
    RunNumber(number): RunNumber,
    asked: Asked,
) -> Result<Response, Failure> {
    let done = face.bench.cancel(number).await;
    back_to(&face, &asked, number, done.is_ok()).await
}

/// The run's page after something was asked of it. What came too late, a window just closed for example, is no error: the
/// page says what came of it.
async fn back_to(face: &Face, asked: &Asked, run: i64, done: bool) -> Result<Response, Failure> {
    if !done && face.run(run).await.is_err() {
        return Ok(asked.unknown_number(face, Numbered::Run, &run.to_string()));
    }
    Ok(Redirect::to(&format!("/runs/{run}")).into_response())
}

async fn log_text(
    State(face): State<Face>,
    RunNumber(number): RunNumber,
    asked: Asked,
) -> Result<Response, Failure> {
    let Ok(view) = face.run(number).await else {
        return Ok(asked.unknown_number(&face, Numbered::Run, &number.to_string()));
    };
    let mut text = String::with_capacity(view.log.len() * 96);
    for line in &view.log {
        text.push_str(&line.render());
        text.push('\n');
    }
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

async fn proof(State(face): State<Face>, RunNumber(number): RunNumber) -> Result<Response, Failure> {
    let proof = face.bench.proof(number).await?;
    let name = format!("attachment; filename=\"vaguemestre-execution-{number}.proof\"");
    Ok(([(CONTENT_TYPE, "application/json; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)], proof)
        .into_response())
}

// === The verdict in words ===

/// The one sentence that a verdict comes down to.
pub(crate) struct Headline {
    /// Class of the style sheet.
    pub(crate) class: &'static str,
    /// The sentence.
    pub(crate) text: String,
}

/// What a reader wants to know before any detail: the first finding that decided.
pub(crate) fn headline(t: T, lang: Lang, verdict: Verdict, checks: &[Check]) -> Headline {
    let class = match verdict {
        Verdict::Passed | Verdict::Attested => "good",
        Verdict::Failed => "bad",
        Verdict::Inconclusive | Verdict::Aborted => "unsure",
        _ => "idle",
    };
    let failed = checks.iter().find(|check| check.outcome == Outcome::Failed);
    let decisive = failed.or(checks.iter().find(|check| check.outcome != Outcome::Passed));
    let text = match (verdict, decisive) {
        (Verdict::Passed, _) => t.count("run-all-passed", "count", checks.len()),
        (_, Some(check)) => say(lang, &check.received),
        (Verdict::Unsupported, None) => t.get("run-is-unsupported"),
        (Verdict::NotStarted, None) => t.get("run-is-not-started"),
        (Verdict::Aborted, None) => t.get("run-is-aborted"),
        (_, None) => String::new(),
    };
    Headline { class, text }
}

/// One check, explained.
pub(crate) struct CheckRow {
    pub(crate) requirement: String,
    pub(crate) registry: String,
    pub(crate) class: &'static str,
    pub(crate) pill: String,
    pub(crate) expected: String,
    pub(crate) received: String,
    pub(crate) rule: String,
    /// The requirement in our words.
    pub(crate) rule_text: String,
    /// Line of the log, with its address.
    pub(crate) line: Option<(u32, String)>,
    pub(crate) next: String,
}

/// The checks of a judgement, those that did not pass first; `line` finds the log line of an event.
pub(crate) fn check_rows(
    lang: Lang,
    checks: &[Check],
    line: impl Fn(Option<i64>) -> Option<(u32, String)>,
) -> Vec<CheckRow> {
    let t = T(lang);
    let text_of = |id: &str| {
        let requirement = Registry::get().find(id)?;
        Some(if matches!(lang, Lang::Fr) { requirement.fr.clone() } else { requirement.en.clone() })
    };
    let mut sorted: Vec<&Check> = checks.iter().collect();
    sorted.sort_by_key(|check| match check.outcome {
        Outcome::Failed => 0,
        Outcome::Passed => 2,
        _ => 1,
    });
    let row = |check: &&Check| CheckRow {
        requirement: check.requirement.clone(),
        registry: requirement_link(&check.requirement),
        class: match check.outcome {
            Outcome::Passed => "good",
            Outcome::Failed => "bad",
            _ => "unsure",
        },
        pill: outcome_pill(t, check.outcome),
        expected: say(lang, &check.expected),
        received: say(lang, &check.received),
        rule: check.rule.clone(),
        rule_text: text_of(&check.requirement).unwrap_or_default(),
        line: line(check.decided_by),
        next: say(lang, &check.next),
    };
    sorted.iter().map(row).collect()
}

/// How many of these checks passed.
pub(crate) fn passed(checks: &[CheckRow]) -> usize {
    checks.iter().filter(|check| check.class == "good").count()
}

/// Whether all of them can be shown at once, or those that passed are folded.
pub(crate) fn is_short(checks: &[CheckRow]) -> bool {
    checks.len() <= 4
}

/// The pill of a check.
pub(crate) fn outcome_pill(t: T, outcome: Outcome) -> String {
    match outcome {
        Outcome::Passed => pill(Tone::Good, &t.get("verdict-passed")),
        Outcome::Failed => pill(Tone::Bad, &t.get("verdict-failed")),
        _ => pill(Tone::Unsure, &t.get("verdict-inconclusive")),
    }
}
