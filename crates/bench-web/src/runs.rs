//! *Exécutions*: the history, with filters that make a permanent link.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bench::desk::Filter;
use bench::judge::Verdict;
use bench::{Phase, Product, Run};
use i18n::Lang;
use kernel::Timestamp;
use web::{T, Tone, pill};

use crate::Face;
use crate::asked::Asked;
use crate::frame::{say, seconds, state_pill};
use crate::jobs::group_title;
use crate::view::Failure;

/// Runs on one page.
const PER_PAGE: u32 = 50;

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/runs", get(history)).route("/execution/{number}", get(execution))
}

/// A run in a list.
pub(crate) struct RunRow {
    pub(crate) number: i64,
    pub(crate) campaign: i64,
    pub(crate) nil: String,
    pub(crate) job: String,
    pub(crate) title: String,
    pub(crate) identity: String,
    pub(crate) driver: String,
    pub(crate) iso: String,
    pub(crate) when: String,
    pub(crate) duration: String,
    pub(crate) pill: String,
    pub(crate) reason: String,
}

/// A run as lists show it.
pub(crate) fn run_row(face: &Face, lang: Lang, run: &Run) -> RunRow {
    let t = T(lang);
    let job = face.bench.catalogue().find(&run.job);
    RunRow {
        number: run.number,
        campaign: run.campaign,
        nil: run.nil.clone(),
        job: run.job.clone(),
        title: job.map_or_else(|| run.job.clone(), |job| say(lang, &job.title)),
        identity: run.identity.clone(),
        driver: driver(t, &run.driver),
        iso: run.started.to_string(),
        when: run.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        duration: if run.verdict.is_some() { seconds(run.duration_ms) } else { String::new() },
        pill: match face.bench.phase(run.number).filter(|_| run.verdict.is_none()) {
            Some(Phase::Queued { .. }) => pill(Tone::Waiting, &t.get("runs-queued")),
            phase => state_pill(t, run.verdict, phase),
        },
        reason: reason(t, &run.reason),
    }
}

/// Why a run has no verdict on the client, in the reader's language where the bench says one of its own sentences.
pub(crate) fn reason(t: T, reason: &str) -> String {
    match reason {
        "l’exécution a été annulée" => t.get("reason-cancelled"),
        "le banc a été arrêté pendant l’exécution" => t.get("reason-stopped"),
        other => other.to_owned(),
    }
}

/// Who drove the client.
pub(crate) fn driver(t: T, driver: &str) -> String {
    match driver {
        "adapter" => t.get("runs-by-adapter"),
        "person" => t.get("runs-by-person"),
        _ => String::new(),
    }
}

/// The old address of an execution, as MOTCO2's users type it.
async fn execution(Path(number): Path<String>) -> Response {
    Redirect::permanent(&format!("/runs/{}", crate::asked::segment(&number))).into_response()
}

#[derive(Template)]
#[template(path = "runs.html")]
struct History<'a> {
    t: T,
    products: Vec<Product>,
    jobs: Vec<(String, String)>,
    groups: Vec<(String, String)>,
    requirements: Vec<String>,
    verdicts: Vec<(&'static str, String)>,
    nil: &'a str,
    job: &'a str,
    group: &'a str,
    requirement: &'a str,
    verdict: &'a str,
    since: &'a str,
    text: &'a str,
    filtered: bool,
    nonsense: Vec<String>,
    official: bool,
    runs: Vec<RunRow>,
    total: u64,
    page: u32,
    pages: u32,
    before: Option<String>,
    after: Option<String>,
}

impl History<'_> {
    fn place(&self) -> String {
        let (page, pages) = (self.page.to_string(), self.pages.to_string());
        i18n::text_with(
            self.t.0,
            "runs-page",
            &[("page", page.as_str().into()), ("pages", pages.as_str().into())],
        )
    }

    fn found(&self) -> String {
        self.t.count("runs-found", "count", usize::try_from(self.total).unwrap_or(usize::MAX))
    }
}

async fn history(State(face): State<Face>, asked: Asked) -> Result<Response, Failure> {
    let t = asked.t();
    let get = |name| asked.get(name);
    let mut nonsense = Vec::new();
    let filter = filter(&face, &asked, &mut nonsense);
    let page = match get("page") {
        "" => 1,
        text => text.parse::<u32>().ok().filter(|page| (1..=1_000_000).contains(page)).unwrap_or_else(|| {
            nonsense.push(t.with("runs-nonsense-page", "value", text));
            1
        }),
    };
    let found = face.bench.history(&filter, page, PER_PAGE).await?;
    let pages = u32::try_from(found.total.div_ceil(u64::from(PER_PAGE))).unwrap_or(u32::MAX).max(1);
    let to = |page: u32| asked.link(&[("page", &page.to_string())]);
    let catalogue = face.bench.catalogue();
    let mut groups: Vec<(String, String)> = Vec::new();
    let mut requirements: Vec<String> = Vec::new();
    for job in catalogue.iter() {
        if let Some(group) = job.path.last().filter(|group| groups.iter().all(|(known, _)| known != *group)) {
            groups.push((group.clone(), group_title(t, group)));
        }
        requirements.extend(
            job.requirements.iter().filter(|id| !requirements.contains(id)).cloned().collect::<Vec<_>>(),
        );
    }
    requirements.sort();
    let body = History {
        t,
        products: face.bench.products().await?,
        jobs: catalogue.iter().map(|job| (job.id.clone(), say(asked.lang, &job.title))).collect(),
        groups,
        requirements,
        verdicts: verdicts(t),
        nil: get("nil"),
        job: get("job"),
        group: get("group"),
        requirement: get("requirement"),
        verdict: get("verdict"),
        since: get("since"),
        text: get("q"),
        filtered: filter != Filter::default(),
        nonsense,
        official: found.total == 0 && is_number(get("q")),
        runs: found.runs.iter().map(|run| run_row(&face, asked.lang, run)).collect(),
        total: found.total,
        before: (page > 1).then(|| to(page.min(pages + 1) - 1)),
        after: (page < pages).then(|| to(page + 1)),
        page,
        pages,
    };
    Ok(asked.page(&face, &t.get("bench-runs")).status(StatusCode::OK).show(&body))
}

fn filter(face: &Face, asked: &Asked, nonsense: &mut Vec<String>) -> Filter {
    let t = asked.t();
    let some = |name: &'static str| Some(asked.get(name).to_owned()).filter(|value| !value.is_empty());
    let mut filter = Filter {
        nil: some("nil"),
        job: some("job"),
        group: some("group"),
        requirement: some("requirement"),
        text: asked.get("q").chars().take(200).collect(),
        ..Filter::default()
    };
    match asked.get("verdict") {
        "" => {}
        "unfinished" => filter.unfinished = true,
        name => match Verdict::parse(name) {
            Some(verdict) => filter.verdict = Some(verdict),
            None => nonsense.push(t.with("runs-nonsense-verdict", "value", name)),
        },
    }
    let hours = |hours: i64| ago(face.bench.parts().clock.now(), hours);
    match asked.get("since") {
        "" | "all" => {}
        "24h" => filter.since = Some(hours(24)),
        "7d" => filter.since = Some(hours(7 * 24)),
        other => nonsense.push(t.with("runs-nonsense-since", "value", other)),
    }
    if let Some(campaign) = some("campaign") {
        match campaign.parse() {
            Ok(number) => filter.campaign = Some(number),
            Err(_) => nonsense.push(t.with("runs-nonsense-campaign", "value", &campaign)),
        }
    }
    filter
}

fn ago(now: Timestamp, hours: i64) -> Timestamp {
    let micros = now.as_microsecond() - hours * 3_600_000_000;
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Whether somebody searches for a number: `31`, `n° 31`, `#29400`.
fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['n', 'N', '°', 'º', 'o', '#', ' ', '\u{a0}', '\u{202f}']);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn verdicts(t: T) -> Vec<(&'static str, String)> {
    vec![
        ("passed", t.get("verdict-passed")),
        ("failed", t.get("verdict-failed")),
        ("inconclusive", t.get("verdict-inconclusive")),
        ("unsupported", t.get("verdict-unsupported")),
        ("not_started", t.get("verdict-not-started")),
        ("aborted", t.get("verdict-aborted")),
        ("attested", t.get("verdict-attested")),
        ("not_applicable", t.get("verdict-not-applicable")),
        ("unfinished", t.get("runs-unfinished")),
    ]
}

/// The word of a verdict.
pub(crate) fn verdict_word(t: T, verdict: Verdict) -> String {
    verdicts(t)
        .into_iter()
        .find(|(name, _)| *name == verdict.name())
        .map_or_else(String::new, |(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_recognised_in_the_forms_that_people_write() {
        for text in ["31", "n° 31", "N°31", "#29400", "no 7"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "n°", "nil", "CONF.21", "31a", "-3"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
