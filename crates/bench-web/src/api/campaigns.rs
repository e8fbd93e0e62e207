use std::path::PathBuf;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderName, StatusCode};
use bench::adapter::Adapter;
use bench::desk::Rerun;
use bench::{Code, Error, Request as Order};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::ask::{Answer, Asked, Body, Of, Refusal, object_or_none, plain, whole_or_none, within};
use super::shapes;
use crate::Face;

/// A program that drives the client.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Adapter)]
pub(crate) struct AdapterBody {
    /// Program and arguments.
    #[schema(min_items = 1)]
    argv: Vec<String>,
    /// The folder that it is started in, on the bench's machine.
    #[schema(value_type = String)]
    dir: PathBuf,
}

impl From<AdapterBody> for Adapter {
    fn from(body: AdapterBody) -> Self {
        Self { argv: body.argv, dir: body.dir }
    }
}

/// What to run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Order)]
pub(crate) struct OrderBody {
    /// The product.
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$", example = "2621")]
    nil: String,
    /// A job, a group (the last element of a path), or `all`.
    #[schema(max_length = 8000, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$", example = "psc-nil")]
    what: String,
    /// The program that drives the client; a person does where left out.
    #[serde(default, deserialize_with = "object_or_none")]
    adapter: Option<AdapterBody>,
    /// Seconds that a window waits; the setting's where left out.
    #[serde(default, deserialize_with = "whole_or_none")]
    #[schema(minimum = 1, maximum = 86_400)]
    timer_s: Option<u64>,
    /// Whether announced durations are shortened.
    #[serde(default)]
    accelerated: bool,
    /// Whether the client is handed ready bytes.
    #[serde(default)]
    canned: bool,
    /// The seed; drawn where left out. Its 53 low bits count.
    #[serde(default, deserialize_with = "whole_or_none")]
    #[schema(minimum = 0, maximum = 18_446_744_073_709_551_615_u64)]
    seed: Option<u64>,
}

/// What was started.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Started {
    /// The campaign's number.
    campaign: i64,
    /// The numbers of its runs.
    runs: Vec<i64>,
}

/// Where a campaign that was started is, and what it is.
type Accepted = (StatusCode, [(HeaderName, String); 1], Json<Started>);

/// Starts a campaign
///
/// Its runs go on by themselves; `GET /campaigns/{number}?wait=20` tells when something changed.
#[utoipa::path(post, path = "/campaigns", tag = "campaigns", request_body = OrderBody,
    responses((status = 202, description = "Started", body = Started, headers(("Location" = String, description = "Where the campaign is"))),
        (status = 404, description = "`unknown_product`, `unknown_job`", body = shapes::ErrorObject),
        (status = 409, description = "`adapter_missing`: the program cannot be found on the bench's machine", body = shapes::ErrorObject)))]
pub(crate) async fn start(State(face): State<Face>, Body(body): Body<OrderBody>) -> Answer<Accepted> {
    plain("nil", &body.nil, 200)?;
    plain("what", &body.what, 8_000)?;
    let order = Order {
        nil: body.nil,
        what: body.what,
        adapter: body.adapter.map(Into::into),
        timer: timer(body.timer_s)?,
        accelerated: body.accelerated,
        canned: body.canned,
        seed: body.seed,
    };
    begin(&face, order).await
}

async fn begin(face: &Face, order: Order) -> Answer<Accepted> {
    let (campaign, runs) = face.bench.start(order).await.map_err(|error| {
        let absent = error.code == Code::AdapterMissing;
        let refusal = Refusal::from(error);
        if absent { refusal.status(StatusCode::CONFLICT) } else { refusal }
    })?;
    let place = format!("/api/v1/campaigns/{campaign}");
    Ok((StatusCode::ACCEPTED, [(LOCATION, place)], Json(Started { campaign, runs })))
}

fn timer(seconds: Option<u64>) -> Answer<Option<Duration>> {
    match seconds {
        Some(seconds) => within("timer", seconds, 1..=86_400).map(|()| Some(Duration::from_secs(seconds))),
        None => Ok(None),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wait {
    /// Seconds to wait for something to change before answering with things as they are; more than 30 count as 30.
    #[serde(default)]
    #[param(minimum = 0, maximum = 3_600, default = 0)]
    wait: u64,
}

/// Shows a campaign
#[utoipa::path(get, path = "/campaigns/{number}", tag = "campaigns", params(("number" = i64, Path, description = "The campaign's number", minimum = 1), Wait),
    responses((status = 200, description = "The campaign with its runs; `finished` says whether every verdict is in", body = shapes::Campaign)))]
pub(crate) async fn show(
    State(face): State<Face>,
    Of(number): Of<i64>,
    Asked(wait): Asked<Wait>,
) -> Answer<Json<Value>> {
    within("wait", wait.wait, 0..=3_600)?;
    let mut changes = face.bench.changes();
    changes.mark_unchanged();
    let now = known(&face, number).await?;
    if wait.wait == 0 || now["finished"] == json!(true) {
        return Ok(Json(now));
    }
    let _ = timeout(Duration::from_secs(wait.wait.min(30)), changes.changed()).await;
    Ok(Json(known(&face, number).await?))
}

/// The campaign of this number.
pub(crate) async fn known(face: &Face, number: i64) -> Answer<Value> {
    face.bench.campaign_json(number).await?.ok_or_else(|| {
        let message = format!("no campaign has the number {number}");
        let next = "Numbers are shown when something is started.";
        Refusal::bad("campaign", message, next).missing()
    })
}

/// Which runs of a campaign to run again.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Which {
    /// Those that failed.
    Failed,
    /// Those without a verdict on the client.
    Remaining,
    /// All.
    All,
}

/// What to run again, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RerunBody {
    which: Which,
    /// The program that drives the client; a person does where left out.
    #[serde(default, deserialize_with = "object_or_none")]
    adapter: Option<AdapterBody>,
    /// Seconds that a window waits; the setting's where left out.
    #[serde(default, deserialize_with = "whole_or_none")]
    #[schema(minimum = 1, maximum = 86_400)]
    timer_s: Option<u64>,
}

/// Runs a campaign, or a part of it, again
///
/// With the same product and durations; the seed is drawn anew.
#[utoipa::path(post, path = "/campaigns/{number}/rerun", tag = "campaigns", request_body = RerunBody, params(("number" = i64, Path, description = "The campaign's number", minimum = 1)),
    responses((status = 202, description = "Started, as a campaign of its own", body = Started, headers(("Location" = String, description = "Where the campaign is"))),
        (status = 409, description = "No run of it is of that kind; `adapter_missing`", body = shapes::ErrorObject)))]
pub(crate) async fn rerun(
    State(face): State<Face>,
    Of(number): Of<i64>,
    Body(body): Body<RerunBody>,
) -> Answer<Accepted> {
    let timer = timer(body.timer_s)?;
    let campaign = known(&face, number).await?;
    let which = match body.which {
        Which::Failed => Rerun::Failed,
        Which::Remaining => Rerun::Remaining,
        Which::All => Rerun::All,
    };
    let jobs = face.bench.jobs_to_rerun(number, which).await?;
    if jobs.is_empty() {
        let next = "Look at the campaign, or run all of it again.";
        let none = Error::new(Code::BadInput, "no run of this campaign is of that kind", next).field("which");
        return Err(Refusal::from(none).conflict());
    }
    let order = Order {
        nil: campaign["nil"].as_str().unwrap_or_default().to_owned(),
        what: jobs.join(","),
        adapter: body.adapter.map(Into::into),
        timer,
        accelerated: campaign["accelerated"] == json!(true),
        canned: false,
        seed: None,
    };
    begin(&face, order).await
}
