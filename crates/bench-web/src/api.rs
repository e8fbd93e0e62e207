use std::path::PathBuf;
use std::time::Duration;

use axum::extract::{Path, Query, Request, State, rejection::JsonRejection};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bench::adapter::Adapter;
use bench::{NewProduct, Request as Order};
use operator::Kind;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use web::{ApiError, ErrorCode};

use crate::Face;
use crate::view::Failure;

pub(crate) fn routes(face: Face) -> Router<Face> {
    Router::new()
        .route("/api/v1/products", get(products).post(add_product))
        .route("/api/v1/products/{nil}/certificate", get(certificate))
        .route("/api/v1/jobs", get(jobs))
        .route("/api/v1/campaigns", post(start))
        .route("/api/v1/campaigns/{number}", get(campaign))
        .route("/api/v1/campaigns/{number}/proof", get(campaign_proof))
        .route("/api/v1/runs/{number}", get(run))
        .route("/api/v1/runs/{number}/log", get(log))
        .route("/api/v1/runs/{number}/proof", get(proof))
        .route("/api/v1/psc/token", post(token))
        .layer(from_fn_with_state(face, key))
}

/// No key, no answer.
async fn key(State(face): State<Face>, request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    match given.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(given) if face.is_key(given.trim()) => next.run(request).await,
        _ => {
            let hint = "Send the content of DATA/run/api-key as: Authorization: Bearer KEY.";
            ApiError::new(ErrorCode::Forbidden, "The API needs its key.", hint)
                .field("Authorization")
                .into_response()
        }
    }
}

async fn products(State(face): State<Face>) -> Result<Json<Value>, Failure> {
    let data = &face.bench.parts().data;
    let all: Vec<Value> = face.bench.products().await?.iter().map(|product| product.to_json(data)).collect();
    Ok(Json(json!({"schema": "vaguemestre/products/1", "products": all})))
}

#[derive(Deserialize)]
struct ProductBody {
    nil: String,
    name: String,
    #[serde(default)]
    product_version: Option<String>,
    psc_id: String,
    app_id: String,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

async fn add_product(
    State(face): State<Face>,
    body: Result<Json<ProductBody>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let Json(body) = body?;
    let product = face
        .bench
        .add_product(NewProduct {
            nil: body.nil,
            name: body.name,
            version: body.product_version,
            kind: kind(body.kind.as_deref().unwrap_or("PER"))?,
            psc_identity: body.psc_id,
            app_identity: body.app_id,
            course: String::new(),
            procedure: String::new(),
            status: String::new(),
        })
        .await?;
    Ok((StatusCode::CREATED, Json(product.to_json(&face.bench.parts().data))))
}

/// The AUTH_CLI certificate of a product with its key: for the person who holds the API key.
async fn certificate(State(face): State<Face>, Path(nil): Path<String>) -> Result<Response, Failure> {
    let product = face.bench.product(&nil).await?;
    let parts = face.bench.parts();
    let files = bench::Files::of(&parts.data, &product.nil);
    let read = |path: &std::path::Path| std::fs::read_to_string(path).map_err(bench::Error::from);
    let body = json!({
        "identity": product.app_identity,
        "certificate": read(&files.certificate)?,
        "key": read(&files.key)?,
        "ca": parts.lab.ca_pem(),
    });
    Ok(([(axum::http::header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

/// PER or ORG: what a product's first mailbox may be.
pub(crate) fn kind(name: &str) -> Result<Kind, Failure> {
    Kind::parse(name).filter(|kind| *kind != Kind::App).ok_or_else(|| {
        let message = format!("{name:?} is not PER or ORG");
        Failure(ApiError::new(ErrorCode::BadInput, message, "Give --type PER or --type ORG.").field("type"))
    })
}

async fn jobs(State(face): State<Face>) -> Json<Value> {
    let all: Vec<Value> = face
        .bench
        .catalogue()
        .iter()
        .map(|job| {
            json!({
                "id": job.id, "path": job.path, "title": job.title, "requirements": job.requirements,
                "mailbox": job.mailbox.name(), "automation": job.automation, "control": job.control,
                "needs": job.needs, "estimated_s": job.estimated_s, "digest": job.digest(),
            })
        })
        .collect();
    Json(json!({"schema": "vaguemestre/jobs/1", "jobs": all}))
}

#[derive(Deserialize)]
struct CampaignBody {
    nil: String,
    what: String,
    #[serde(default)]
    adapter: Option<AdapterBody>,
    #[serde(default)]
    timer_s: Option<u64>,
    #[serde(default)]
    accelerated: bool,
    #[serde(default)]
    canned: bool,
    #[serde(default)]
    seed: Option<u64>,
}

#[derive(Deserialize)]
struct AdapterBody {
    argv: Vec<String>,
    dir: PathBuf,
}

async fn start(
    State(face): State<Face>,
    body: Result<Json<CampaignBody>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let Json(body) = body?;
    if body.timer_s.is_some_and(|timer| timer == 0 || timer > 24 * 3600) {
        let next = "Give a number of seconds between 1 and 86400.";
        return Err(Failure(
            ApiError::new(ErrorCode::BadInput, "the timer cannot be used", next).field("timer"),
        ));
    }
    let (campaign, runs) = face
        .bench
        .start(Order {
            nil: body.nil,
            what: body.what,
            adapter: body.adapter.map(|adapter| Adapter { argv: adapter.argv, dir: adapter.dir }),
            timer: body.timer_s.map(Duration::from_secs),
            accelerated: body.accelerated,
            canned: body.canned,
            seed: body.seed,
        })
        .await?;
    Ok((StatusCode::ACCEPTED, Json(json!({"campaign": campaign, "runs": runs}))))
}

#[derive(Deserialize)]
struct Wait {
    /// Seconds to wait for something to change before answering with things as they are.
    #[serde(default)]
    wait: u64,
}

async fn campaign(
    State(face): State<Face>,
    Path(number): Path<i64>,
    Query(wait): Query<Wait>,
) -> Result<Json<Value>, Failure> {
    let mut changes = face.bench.changes();
    changes.mark_unchanged();
    let unknown = || Failure(unknown("campaign", number));
    let now = face.bench.campaign_json(number).await?.ok_or_else(unknown)?;
    if wait.wait == 0 || now["finished"] == json!(true) {
        return Ok(Json(now));
    }
    let _ = timeout(Duration::from_secs(wait.wait.min(30)), changes.changed()).await;
    Ok(Json(face.bench.campaign_json(number).await?.ok_or_else(unknown)?))
}

fn unknown(what: &str, number: i64) -> ApiError {
    let message = format!("no {what} has the number {number}");
    ApiError::new(ErrorCode::BadInput, message, "Numbers are shown when something is started.").field(what)
}

async fn run(State(face): State<Face>, Path(number): Path<i64>) -> Result<Json<Value>, Failure> {
    Ok(Json(face.bench.run(number).await?.to_json()))
}

async fn log(State(face): State<Face>, Path(number): Path<i64>) -> Result<Json<Value>, Failure> {
    let view = face.bench.run(number).await?;
    let finished = view.run.verdict.is_some();
    let lines = if finished { view.log } else { crate::live::so_far(&face, number).await? };
    Ok(Json(json!({"schema": "vaguemestre/log/1", "run": number, "finished": finished, "lines": lines})))
}

async fn proof(State(face): State<Face>, Path(number): Path<i64>) -> Result<Response, Failure> {
    Ok(file(face.bench.proof(number).await?))
}

async fn campaign_proof(State(face): State<Face>, Path(number): Path<i64>) -> Result<Response, Failure> {
    Ok(file(face.bench.campaign_proof(number).await?))
}

fn file(proof: String) -> Response {
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], proof).into_response()
}

#[derive(Deserialize)]
struct TokenBody {
    identity: String,
    #[serde(default)]
    accelerated: bool,
}

async fn token(
    State(face): State<Face>,
    body: Result<Json<TokenBody>, JsonRejection>,
) -> Result<Response, Failure> {
    let Json(body) = body?;
    let tokens = face.bench.tokens(&body.identity, body.accelerated).await?;
    let headers = [(CONTENT_TYPE, "application/json"), (axum::http::header::CACHE_CONTROL, "no-store")];
    Ok((headers, tokens.response.to_json().reveal().clone()).into_response())
}
