//! A campaign: runs asked for together, how far they are, and which of them to run again.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use bench::desk::{Filter, Rerun};
use bench::judge::Verdict;
use bench::{Request as Order, Run};
use web::T;

use crate::Face;
use crate::asked::{Asked, CampaignNumber, Fields, Numbered, address, wrong};
use crate::runs::{RunRow, run_row};
use crate::view::{Failure, verdict_pill};

/// Runs of a campaign that its page lists; a group has a few dozen.
const LISTED: u32 = 500;

pub(crate) fn routes() -> Router<Face> {
    Router::new()
        .route("/campaigns/{number}", get(campaign))
        .route("/campaigns/{number}/rerun", post(rerun))
        .route("/campaigns/{number}/proof", get(proof))
}

#[derive(Template)]
#[template(path = "campaign.html")]
struct CampaignPage {
    t: T,
    number: i64,
    nil: String,
    seed: String,
    accelerated: bool,
    left_out: Vec<(String, String)>,
    runs: Vec<RunRow>,
    done: usize,
    all: usize,
    tally: Vec<(String, usize)>,
    finished: bool,
    failed: usize,
    remaining: usize,
    by_adapter: bool,
    command: String,
    history: String,
    has_proof: bool,
}

impl CampaignPage {
    fn progress(&self) -> String {
        let (done, all) = (self.done.to_string(), self.all.to_string());
        let args = [("done", done.as_str().into()), ("all", all.as_str().into())];
        i18n::text_with(self.t.0, "campaign-progress", &args)
    }
}

async fn campaign(
    State(face): State<Face>,
    CampaignNumber(number): CampaignNumber,
    asked: Asked,
) -> Result<Response, Failure> {
    let t = asked.t();
    let filter = Filter { campaign: Some(number), ..Filter::default() };
    let mut found = face.bench.history(&filter, 1, LISTED).await?;
    let Some(facts) = face.bench.campaign(number).await? else {
        return Ok(asked.unknown_number(&face, Numbered::Campaign, &number.to_string()));
    };
    found.runs.reverse();
    let runs = &found.runs;
    let ended = |verdicts: &[Verdict]| {
        runs.iter().filter(|run| run.verdict.is_some_and(|verdict| verdicts.contains(&verdict))).count()
    };
    let by_adapter = runs.iter().any(|run| run.driver == "adapter");
    let body = CampaignPage {
        t,
        number,
        seed: facts.seed.to_string(),
        accelerated: facts.accelerated,
        left_out: facts
            .left_out
            .iter()
            .map(|job| (job.clone(), crate::jobs::job_link(job, &facts.nil)))
            .collect(),
        runs: runs.iter().map(|run| run_row(&face, asked.lang, run)).collect(),
        done: runs.iter().filter(|run| run.verdict.is_some()).count(),
        all: runs.len(),
        tally: tally(t, runs),
        finished: runs.iter().all(|run| run.verdict.is_some()),
        failed: ended(&[Verdict::Failed]),
        remaining: ended(&[
            Verdict::Inconclusive,
            Verdict::NotStarted,
            Verdict::Aborted,
            Verdict::Unsupported,
        ]),
        by_adapter,
        command: command(&face, &facts.nil, runs),
        history: address("/runs", [("campaign", number.to_string().as_str())]),
        has_proof: ended(&[Verdict::Passed, Verdict::Failed, Verdict::Inconclusive, Verdict::Unsupported])
            > 0,
        nil: facts.nil,
    };
    let title = t.with("campaign-title", "number", &number.to_string());
    Ok(asked.page(&face, &title).show(&body))
}

/// The command that runs the same jobs with an adapter: what did not pass, or everything where all did.
fn command(face: &Face, nil: &str, runs: &[Run]) -> String {
    let mut jobs: Vec<&str> = Vec::new();
    for run in runs.iter().filter(|run| run.verdict != Some(Verdict::Passed)) {
        if !jobs.contains(&run.job.as_str()) {
            jobs.push(&run.job);
        }
    }
    if jobs.is_empty() {
        runs.iter().map(|run| run.job.as_str()).for_each(|job| {
            if !jobs.contains(&job) {
                jobs.push(job)
            }
        });
    }
    let what =
        if jobs.len() == face.bench.catalogue().iter().count() { "all".into() } else { jobs.join(",") };
    format!("vaguemestre run {what} --nil {nil} --adapter 'CMD'")
}

/// How many runs ended how.
fn tally(t: T, runs: &[Run]) -> Vec<(String, usize)> {
    let mut counts: Vec<(Verdict, usize)> = Vec::new();
    for verdict in runs.iter().filter_map(|run| run.verdict) {
        match counts.iter_mut().find(|(known, _)| *known == verdict) {
            Some((_, count)) => *count += 1,
            None => counts.push((verdict, 1)),
        }
    }
    counts.into_iter().map(|(verdict, count)| (verdict_pill(t, verdict), count)).collect()
}

/// *Relancer les échecs, le reste, tout*: for runs that a person drives. An adapter lives where its command was typed.
async fn rerun(
    State(face): State<Face>,
    CampaignNumber(number): CampaignNumber,
    asked: Asked,
    fields: Fields,
) -> Result<Response, Failure> {
    let t = asked.t();
    let Some(campaign) = face.bench.campaign(number).await? else {
        return Ok(asked.unknown_number(&face, Numbered::Campaign, &number.to_string()));
    };
    let which = match fields.get("which") {
        "failed" => Rerun::Failed,
        "remaining" => Rerun::Remaining,
        "all" => Rerun::All,
        other => {
            let message = t.with("campaign-which", "value", other);
            return Err(wrong(message, t.get("campaign-which-next")).into());
        }
    };
    let jobs = face.bench.jobs_to_rerun(number, which).await?;
    if jobs.is_empty() {
        return Err(wrong(t.get("campaign-nothing"), t.get("campaign-nothing-next")).into());
    }
    let order = Order {
        nil: campaign.nil,
        what: jobs.join(","),
        adapter: None,
        timer: None,
        accelerated: campaign.accelerated,
        canned: false,
        seed: None,
    };
    let (started, _) = face.bench.start(order).await?;
    Ok(Redirect::to(&format!("/campaigns/{started}")).into_response())
}

async fn proof(
    State(face): State<Face>,
    CampaignNumber(number): CampaignNumber,
) -> Result<Response, Failure> {
    let proof = face.bench.campaign_proof(number).await?;
    let name = format!("attachment; filename=\"vaguemestre-campagne-{number}.proof\"");
    let kind = "application/json; charset=utf-8".to_owned();
    Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], proof).into_response())
}
