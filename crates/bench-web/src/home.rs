//! *Tableau de bord*: what was announced, who works here and how it goes, the newest verdicts, where to ask for help.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use bench::Product;
use bench::desk::Activity;
use i18n::{Arg, Lang};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use web::{Locale, T};

use crate::Face;
use crate::facts::{Card, card};
use crate::frame::{Row, chosen, page, row, say};
use crate::view::Failure;

/// Projects listed on the dashboard; the search finds the others.
const PROJECTS: usize = 50;

/// Newest runs on the dashboard.
const RUNS: i64 = 10;

/// Most memory that a searched expression may take once compiled.
const EXPRESSION: usize = 256 * 1024;

/// What "lately" is.
const DAY_S: i64 = 86_400;

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/", get(home))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct HomeQuery {
    q: String,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    t: T,
    notice: String,
    count: usize,
    matching: usize,
    search: String,
    bad_search: String,
    lately: String,
    projects: Vec<Project>,
    chosen: Option<Product>,
    jobs: Vec<(String, Vec<(String, String)>)>,
    timer: u64,
    runs: Vec<Row>,
    cards: Vec<Card>,
    support: Vec<Card>,
}

impl Project {
    fn failed_count(&self) -> usize {
        usize::try_from(self.failed).unwrap_or(usize::MAX)
    }
}

struct Project {
    nil: String,
    name: String,
    label: String,
    runs: u64,
    failed: u64,
    current: bool,
}

async fn home(
    State(face): State<Face>,
    Query(query): Query<HomeQuery>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let settings = face.bench.settings().await?;
    let products = face.bench.products().await?;
    let since = face.bench.parts().clock.now().as_microsecond() - DAY_S * 1_000_000;
    let since = kernel::Timestamp::from_microsecond(since).unwrap_or(kernel::Timestamp::UNIX_EPOCH);
    let activity = face.bench.activity(since).await?;
    let runs = face.bench.newest_runs(RUNS).await?;
    let chosen = chosen();
    let sought = Sought::parse(query.q.trim());
    let bad_search =
        sought.as_ref().err().map(|why| t.with("home-bad-regex", "why", why)).unwrap_or_default();
    let sought = sought.unwrap_or(Sought::All);
    let found: Vec<&Product> = products.iter().filter(|product| sought.finds(product)).collect();
    let current = chosen.as_ref().map_or("", |product| product.nil.as_str());
    let body = Home {
        t,
        notice: settings.notice.clone(),
        count: products.len(),
        matching: found.len(),
        search: query.q,
        lately: lately(lang, &activity),
        projects: found.iter().take(PROJECTS).map(|product| project(product, &activity, current)).collect(),
        jobs: jobs(&face, lang),
        timer: settings.timer_person_s,
        cards: chosen.as_ref().map(|product| mailboxes(t, product)).unwrap_or_default(),
        support: vec![support(t, &settings.support, chosen.as_ref(), runs.first().map(|run| run.number))],
        runs: runs.iter().map(|run| row(&face, lang, run)).collect(),
        chosen,
        bad_search,
    };
    let status = if body.bad_search.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    Ok(page(&face, lang, &t.get("bench-dashboard"), &uri).status(status).show(&body))
}

// === Search of projects ===

/// What was typed: words that must all be there, or an expression between slashes.
#[derive(Debug)]
enum Sought {
    All,
    Words(Vec<String>),
    Expression(Regex),
}

impl Sought {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::All);
        }
        let between =
            text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|inner| !inner.is_empty());
        let Some(inner) = between else {
            return Ok(Self::Words(text.split_whitespace().map(str::to_lowercase).collect()));
        };
        let built = RegexBuilder::new(inner).case_insensitive(true).size_limit(EXPRESSION).build();
        // The library draws the place over several lines; its last line is the reason.
        built.map(Self::Expression).map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        })
    }

    fn finds(&self, product: &Product) -> bool {
        let text = label(product);
        match self {
            Self::All => true,
            Self::Words(words) => {
                let text = text.to_lowercase();
                words.iter().all(|word| text.contains(word))
            }
            Self::Expression(expression) => {
                [product.nil.as_str(), &product.name, &text].iter().any(|text| expression.is_match(text))
            }
        }
    }
}

/// A project's label: everything that one may remember of a product.
fn label(product: &Product) -> String {
    let version = product.version.as_deref().unwrap_or_default();
    let words = [&product.nil, &product.name, version, &product.course, &product.procedure, &product.status];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

// === Parts of the page ===

fn project(product: &Product, activity: &[Activity], current: &str) -> Project {
    let lately = activity.iter().find(|one| one.nil == product.nil);
    let version = product.version.as_deref().unwrap_or_default();
    let label = [version, &product.course, &product.procedure, &product.status];
    Project {
        nil: product.nil.clone(),
        name: product.name.clone(),
        label: label.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" · "),
        runs: lately.map_or(0, |one| one.runs),
        failed: lately.map_or(0, |one| one.failed),
        current: product.nil == current,
    }
}

/// "23 exécutions depuis 24 h, 8 échecs, par 3015, 3044".
fn lately(lang: Lang, activity: &[Activity]) -> String {
    let Some(all) = activity.iter().find(|one| one.nil.is_empty()).filter(|all| all.runs > 0) else {
        return i18n::text(lang, "home-quiet");
    };
    let count = |number: u64| Arg::Number(i64::try_from(number).unwrap_or(i64::MAX));
    let by = all.by.join(", ");
    let args = [("runs", count(all.runs)), ("failed", count(all.failed)), ("by", Arg::Text(&by))];
    i18n::text_with(lang, "home-lately", &args)
}

/// The jobs by group, for the quick start.
fn jobs(face: &Face, lang: Lang) -> Vec<(String, Vec<(String, String)>)> {
    let mut groups: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for job in face.bench.catalogue().iter() {
        let group = job.path.last().cloned().unwrap_or_default();
        let entry = (job.id.clone(), say(lang, &job.title));
        match groups.iter_mut().find(|(name, _)| *name == group) {
            Some((_, jobs)) => jobs.push(entry),
            None => groups.push((group, vec![entry])),
        }
    }
    groups
}

fn mailboxes(t: T, product: &Product) -> Vec<Card> {
    vec![
        card(t.get("home-mailboxes"), "boxes")
            .fact(product.kind.name().to_owned(), product.psc_address.clone())
            .fact("APP".into(), product.app_address.clone()),
    ]
}

/// Who to write to, and a subject that says everything at once.
pub(crate) fn support(t: T, address: &str, product: Option<&Product>, run: Option<i64>) -> Card {
    let nil = product.map_or("…", |product| product.nil.as_str());
    let run = run.map_or_else(|| "…".to_owned(), |run| run.to_string());
    let args = [("nil", Arg::Text(nil)), ("run", Arg::Text(&run))];
    let body = [
        ("nil", Arg::Text(nil)),
        ("name", Arg::Text(product.map_or("…", |product| product.name.as_str()))),
        ("version", Arg::Text(product.and_then(|product| product.version.as_deref()).unwrap_or("…"))),
        ("run", Arg::Text(&run)),
        ("bench", Arg::Text(env!("CARGO_PKG_VERSION"))),
    ];
    let card = card(t.get("support-title"), "support");
    let card = if address.is_empty() { card } else { card.fact(t.get("support-to"), address.to_owned()) };
    card.fact(t.get("support-subject"), i18n::text_with(t.0, "support-subject-text", &args))
        .fact(t.get("support-body"), i18n::text_with(t.0, "support-body-text", &body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_words_or_an_expression_and_a_bad_one_says_why() {
        assert!(matches!(Sought::parse(""), Ok(Sought::All)));
        assert!(matches!(Sought::parse("santé pro"), Ok(Sought::Words(words)) if words.len() == 2));
        assert!(matches!(Sought::parse("/^26/"), Ok(Sought::Expression(_))));
        assert!(matches!(Sought::parse("//"), Ok(Sought::Words(_))));
        for bad in ["/(/", "/[z-a]/", "/a{1000}{1000}{1000}/"] {
            let why = Sought::parse(bad).unwrap_err();
            assert!(!why.is_empty() && !why.contains('\n'), "{bad}: {why:?}");
        }
    }
}
