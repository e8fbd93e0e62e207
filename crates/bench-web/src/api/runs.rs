use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bench::desk::{Comparison, Difference, Filter};
use bench::log::LogLine;
use bench::{Phase, RunView};
use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::ask::{Answer, Asked, Of, Refusal, plain, plain_or_none, within};
use super::shapes::{self, VerdictWord, Words};
use crate::Face;

/// Longest text of a filter.
const FILTER: usize = 200;

/// What to look for in the history; what is left out asks for nothing.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// Runs of this product.
    #[param(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    nil: Option<String>,
    /// Runs of this job.
    #[param(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    job: Option<String>,
    /// Runs of the jobs of this group: the last element of a path.
    #[param(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    group: Option<String>,
    /// Runs of the jobs about this requirement.
    #[param(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$", example = "SC.MSS/CONF.16")]
    requirement: Option<String>,
    /// Runs that ended so.
    verdict: Option<VerdictWord>,
    /// Only runs that are not finished.
    #[serde(default)]
    unfinished: bool,
    /// Runs of this campaign.
    #[param(minimum = 1, maximum = 9_007_199_254_740_991_u64)]
    campaign: Option<u64>,
    /// Asked for at this time or later.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-23T00:00:00Z")]
    since: Option<Timestamp>,
    /// Only runs that have a proof.
    #[serde(default)]
    proven: bool,
    /// Words of a job's title or id, or a run's number.
    #[serde(default)]
    #[param(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    text: String,
    /// Which page, from 1.
    #[serde(default = "first")]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    page: u32,
    /// Runs on a page.
    #[serde(default = "fifty")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    per_page: u32,
}

fn first() -> u32 {
    1
}

fn fifty() -> u32 {
    50
}

impl HistoryQuery {
    fn filter(self) -> Answer<Filter> {
        plain("text", &self.text, FILTER)?;
        within("page", self.page.into(), 1..=1_000_000)?;
        within("per_page", self.per_page.into(), 1..=500)?;
        if let Some(campaign) = self.campaign {
            within("campaign", campaign, 1..=(1 << 53) - 1)?;
        }
        Ok(Filter {
            nil: plain_or_none("nil", self.nil, FILTER)?,
            job: plain_or_none("job", self.job, FILTER)?,
            group: plain_or_none("group", self.group, FILTER)?,
            requirement: plain_or_none("requirement", self.requirement, FILTER)?,
            verdict: self.verdict.map(Into::into),
            unfinished: self.unfinished,
            campaign: self.campaign.and_then(|number| i64::try_from(number).ok()),
            since: self.since,
            proven: self.proven,
            text: self.text,
        })
    }
}

/// A page of the history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct History {
    /// `vaguemestre/runs/1`.
    schema: &'static str,
    /// How many runs there are in all.
    total: u64,
    /// This page, from 1.
    page: u32,
    /// Runs on a page.
    per_page: u32,
    /// Newest first.
    runs: Vec<RunLine>,
}

/// A run as the history shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunLine {
    /// Its number.
    number: i64,
    /// Its campaign.
    campaign: i64,
    /// The product.
    nil: String,
    /// The job.
    job: String,
    /// Null while it is not finished.
    #[schema(value_type = Option<VerdictWord>)]
    verdict: Option<&'static str>,
    /// Why it was not started or was aborted; empty otherwise.
    reason: String,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When its window opened.
    #[schema(value_type = String, format = DateTime)]
    started: Timestamp,
    /// From the opening of the window to the verdict.
    duration_ms: i64,
    /// The identifier of the mailbox that it was made with.
    identity: String,
    /// `adapter` or `person`.
    driver: String,
    /// Where it is.
    phase: shapes::Phase,
    /// Its page.
    url: String,
}

impl RunLine {
    fn new(face: &Face, run: bench::Run) -> Self {
        Self {
            phase: phase(face.bench.phase(run.number)),
            url: format!("{}/runs/{}", face.bench.parts().addresses.server, run.number),
            number: run.number,
            campaign: run.campaign,
            nil: run.nil,
            job: run.job,
            verdict: run.verdict.map(bench::judge::Verdict::name),
            reason: run.reason,
            created: run.created,
            started: run.started,
            duration_ms: run.duration_ms,
            identity: run.identity,
            driver: run.driver,
        }
    }
}

fn phase(phase: Option<Phase>) -> shapes::Phase {
    let (state, behind) = match phase {
        Some(Phase::Queued { behind }) => ("queued", Some(behind)),
        Some(Phase::Running) => ("running", None),
        Some(Phase::Waiting) => ("waiting", None),
        None => ("finished", None),
    };
    shapes::Phase { state: state.into(), behind }
}

/// Searches the history
#[utoipa::path(get, path = "/runs", tag = "runs", params(HistoryQuery), responses((status = 200, description = "One page, newest first", body = History)))]
pub(crate) async fn list(
    State(face): State<Face>,
    Asked(query): Asked<HistoryQuery>,
) -> Answer<Json<History>> {
    let (page, per_page) = (query.page, query.per_page);
    let found = face.bench.history(&query.filter()?, page, per_page).await?;
    let runs = found.runs.into_iter().map(|run| RunLine::new(&face, run)).collect();
    Ok(Json(History { schema: "vaguemestre/runs/1", total: found.total, page, per_page, runs }))
}

/// The run of this number.
pub(crate) async fn known(face: &Face, number: i64) -> Answer<Arc<RunView>> {
    face.run(number).await.map_err(|error| Refusal::from(error).missing())
}

/// Shows a run
#[utoipa::path(get, path = "/runs/{number}", tag = "runs", params(("number" = i64, Path, description = "The run's number", minimum = 1)),
    responses((status = 200, description = "The run with its checks", body = shapes::Run)))]
pub(crate) async fn show(State(face): State<Face>, Of(number): Of<i64>) -> Answer<Json<Value>> {
    Ok(Json(known(&face, number).await?.to_json()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogQuery {
    /// First line, from 1.
    #[serde(default = "first")]
    #[param(minimum = 1, maximum = 4_294_967_295_u64, default = 1)]
    from: u32,
    /// How many lines at most; all where left out.
    #[param(minimum = 1, maximum = 4_294_967_295_u64)]
    count: Option<u32>,
}

/// A run's log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Log {
    /// `vaguemestre/log/1`.
    schema: &'static str,
    /// The run.
    run: i64,
    /// Whether these are the final lines: those of an open window are provisional.
    finished: bool,
    /// Lines in all.
    total: usize,
    /// The lines asked for.
    #[schema(value_type = Vec<shapes::LogLine>)]
    lines: Vec<LogLine>,
}

/// Gives the log of a run
#[utoipa::path(get, path = "/runs/{number}/log", tag = "runs", params(("number" = i64, Path, description = "The run's number", minimum = 1), LogQuery),
    responses((status = 200, description = "The lines up to now", body = Log)))]
pub(crate) async fn log(
    State(face): State<Face>,
    Of(number): Of<i64>,
    Asked(query): Asked<LogQuery>,
) -> Answer<Json<Log>> {
    within("from", query.from.into(), 1..=u64::from(u32::MAX))?;
    within("count", query.count.unwrap_or(1).into(), 1..=u64::from(u32::MAX))?;
    let view = known(&face, number).await?;
    let finished = view.run.verdict.is_some();
    let open = if finished {
        Vec::new()
    } else {
        crate::live::so_far(&face, number).await.map_err(|failure| Refusal(failure.0))?
    };
    let all = if finished { &view.log } else { &open };
    let total = all.len();
    let count = query.count.map_or(usize::MAX, |count| count as usize);
    let lines = all.iter().skip(query.from as usize - 1).take(count).cloned().collect();
    Ok(Json(Log { schema: "vaguemestre/log/1", run: number, finished, total, lines }))
}

/// Follows a run
///
/// Server-sent events: `state` where the run stands, at once and at each change; `line` for each line of the log; then
/// `done`, once, when the verdict is in. Ends then.
#[utoipa::path(get, path = "/runs/{number}/events", tag = "runs", params(("number" = i64, Path, description = "The run's number", minimum = 1)),
    responses((status = 200, description = "The stream", body = shapes::SentEvent, content_type = "text/event-stream")))]
pub(crate) async fn events(State(face): State<Face>, Of(number): Of<i64>) -> Answer<Response> {
    known(&face, number).await?;
    let stream = crate::live::follow(State(face), Path(number)).await;
    Ok(stream.map_err(|failure| Refusal(failure.0))?.into_response())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct More {
    /// Seconds to add.
    #[serde(default = "minute")]
    #[param(minimum = 1, maximum = 3_600, default = 60)]
    seconds: u32,
}

fn minute() -> u32 {
    60
}

/// When an open window ends.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ends {
    /// The run.
    run: i64,
    /// When its window closes if nothing happens.
    #[schema(value_type = String, format = DateTime)]
    ends: Timestamp,
}

/// Gives the person of an open window more time
#[utoipa::path(post, path = "/runs/{number}/prolong", tag = "runs", params(("number" = i64, Path, description = "The run's number", minimum = 1), More),
    responses((status = 200, description = "Prolonged", body = Ends), (status = 409, description = "Nobody is waited for in this run", body = shapes::ErrorObject)))]
pub(crate) async fn prolong(
    State(face): State<Face>,
    Of(number): Of<i64>,
    Asked(more): Asked<More>,
) -> Answer<Json<Ends>> {
    within("seconds", more.seconds.into(), 1..=3_600)?;
    known(&face, number).await?;
    let prolonged = face.bench.prolong(number, Duration::from_secs(more.seconds.into())).await;
    let ends = prolonged.map_err(|error| Refusal::from(error).conflict())?;
    Ok(Json(Ends { run: number, ends }))
}

/// A run that is being ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Cancelled {
    /// The run; it ends as *aborted*.
    run: i64,
}

/// Ends a run that is queued or open
#[utoipa::path(post, path = "/runs/{number}/cancel", tag = "runs", params(("number" = i64, Path, description = "The run's number", minimum = 1)),
    responses((status = 202, description = "It ends as *aborted*, never with a verdict on the client", body = Cancelled), (status = 409, description = "It is finished", body = shapes::ErrorObject)))]
pub(crate) async fn cancel(
    State(face): State<Face>,
    Of(number): Of<i64>,
) -> Answer<(axum::http::StatusCode, Json<Cancelled>)> {
    known(&face, number).await?;
    face.bench.cancel(number).await.map_err(|error| Refusal::from(error).conflict())?;
    Ok((axum::http::StatusCode::ACCEPTED, Json(Cancelled { run: number })))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Two {
    /// The one run.
    #[param(minimum = 1)]
    a: i64,
    /// The other.
    #[param(minimum = 1)]
    b: i64,
}

/// Two runs side by side.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Compared {
    /// `vaguemestre/compare/1`.
    schema: &'static str,
    /// The one.
    a: RunLine,
    /// The other.
    b: RunLine,
    /// The checks of either.
    checks: Vec<ComparedCheck>,
    /// Log lines of `a` that `b` has not, whatever the times and the numbers in them.
    only_a: Vec<String>,
    /// Log lines of `b` that `a` has not.
    only_b: Vec<String>,
}

/// One check in both runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ComparedCheck {
    /// The requirement.
    requirement: String,
    /// What is expected.
    expected: Words,
    /// What `a` found; null where it has no such check.
    a: Option<Found>,
    /// What `b` found.
    b: Option<Found>,
    /// Whether outcome or finding differ.
    differs: bool,
}

/// What one run found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Found {
    /// The result.
    #[schema(value_type = shapes::OutcomeWord)]
    outcome: rules::Outcome,
    /// What was seen.
    received: Words,
}

/// Compares two runs
#[utoipa::path(get, path = "/compare", tag = "runs", params(Two), responses((status = 200, description = "What differs", body = Compared), (status = 404, description = "One of the two is no run", body = shapes::ErrorObject)))]
pub(crate) async fn compare(State(face): State<Face>, Asked(two): Asked<Two>) -> Answer<Json<Compared>> {
    let found = face.bench.compare(two.a, two.b).await.map_err(|error| Refusal::from(error).missing())?;
    let Comparison { left, right, checks, only_left, only_right } = found;
    Ok(Json(Compared {
        schema: "vaguemestre/compare/1",
        a: RunLine::new(&face, left),
        b: RunLine::new(&face, right),
        checks: checks.into_iter().map(ComparedCheck::from).collect(),
        only_a: only_left,
        only_b: only_right,
    }))
}

impl From<Difference> for ComparedCheck {
    fn from(difference: Difference) -> Self {
        let found = |side: Option<(rules::Outcome, rules::Text)>| {
            side.map(|(outcome, text)| Found { outcome, received: Words::from(&text) })
        };
        Self {
            requirement: difference.requirement,
            expected: Words::from(&difference.expected),
            a: found(difference.left),
            b: found(difference.right),
            differs: difference.differs,
        }
    }
}
