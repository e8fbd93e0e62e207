//! The REST API, its description (OpenAPI 3.1) and the page `/api`.
//!
//! Handlers are annotated where they stand, and one router is made from the annotations: what is served is what is
//! described. What every operation has in common (the refusals, the key) is written into the description once, by
//! [`document`]. Whatever goes wrong under `/api` is answered by the error object of the contracts, also what axum
//! refuses by itself: an unknown address, a method that an address does not have, a body that is too large.

mod ask;
mod campaigns;
mod check;
mod checklist;
mod desk;
mod directory;
mod document;
mod jobs;
mod mailboxes;
mod page;
mod products;
mod proofs;
mod psc;
mod runs;
mod shapes;

use std::sync::LazyLock;

use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde_json::Value;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;
use web::{ApiError, ErrorCode};

use crate::Face;

/// Where the API is.
const PREFIX: &str = "/api/v1";

pub(crate) fn routes(face: Face) -> Router<Face> {
    let (router, _) = described();
    router
        .route("/api/{*rest}", any(lost))
        .layer(from_fn_with_state(face, key))
        .route("/api/v1/openapi.json", get(description))
        .layer(from_fn(as_object))
}

/// The page that shows the description.
pub(crate) fn pages() -> Router<Face> {
    Router::new().route("/api", get(page::show))
}

/// Every operation, with what is said of it.
fn described() -> (Router<Face>, utoipa::openapi::OpenApi) {
    let operations = OpenApiRouter::default()
        .routes(routes!(products::list, products::add))
        .routes(routes!(products::import))
        .routes(routes!(products::show, products::edit, products::remove))
        .routes(routes!(products::certificate))
        .routes(routes!(mailboxes::list))
        .routes(routes!(mailboxes::change))
        .routes(routes!(checklist::prerequisites))
        .routes(routes!(checklist::tick))
        .routes(routes!(checklist::preflight))
        .routes(routes!(checklist::received, checklist::judge))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::show))
        .routes(routes!(jobs::requirements))
        .routes(routes!(campaigns::start))
        .routes(routes!(campaigns::show))
        .routes(routes!(campaigns::rerun))
        .routes(routes!(runs::list))
        .routes(routes!(runs::show))
        .routes(routes!(runs::log))
        .routes(routes!(runs::events))
        .routes(routes!(runs::prolong))
        .routes(routes!(runs::cancel))
        .routes(routes!(runs::compare))
        .routes(routes!(proofs::of_run))
        .routes(routes!(proofs::of_campaign))
        .routes(routes!(proofs::verify))
        .routes(routes!(check::check).layer(DefaultBodyLimit::max(check::LONGEST)))
        .routes(routes!(desk::nodes))
        .routes(routes!(desk::activity))
        .routes(routes!(desk::settings, desk::save))
        .routes(routes!(desk::version))
        .routes(routes!(desk::health))
        .routes(routes!(desk::token))
        .routes(routes!(psc::list, psc::arm))
        .routes(routes!(psc::disarm))
        .routes(routes!(directory::search))
        .routes(routes!(directory::card))
        .routes(routes!(directory::import));
    OpenApiRouter::default().nest(PREFIX, operations).split_for_parts()
}

/// The description, made once.
static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| document::complete(described().1));

async fn description() -> Json<&'static Value> {
    Json(&*DESCRIPTION)
}

/// No key, no answer (401 with the scheme to use: RFC 9110 §15.5.2, RFC 6750 §3).
async fn key(State(face): State<Face>, request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    match given.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(given) if face.is_key(given.trim()) => next.run(request).await,
        _ => {
            let hint = "Send the content of DATA/run/api-key as: Authorization: Bearer KEY.";
            let mut error =
                ApiError::new(ErrorCode::Forbidden, "The API needs its key.", hint).field("Authorization");
            error.status = StatusCode::UNAUTHORIZED;
            ([(WWW_AUTHENTICATE, "Bearer")], error).into_response()
        }
    }
}

async fn lost(request: Request) -> Response {
    let message = format!("nothing is at {}", request.uri().path());
    let mut error =
        ApiError::new(ErrorCode::BadInput, message, "See GET /api/v1/openapi.json, or the page /api.");
    error.status = StatusCode::NOT_FOUND;
    error.into_response()
}

/// Longest refusal of axum's own that is passed on, in octets.
const REFUSAL: usize = 4 * 1024;

/// Makes an error object of every refusal that is none yet.
async fn as_object(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let response = next.run(request).await;
    let is_object = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !response.status().is_client_error() || is_object {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let said = to_bytes(body, REFUSAL).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let error = match (parts.status, parts.headers.get(ALLOW).and_then(|allow| allow.to_str().ok())) {
        (StatusCode::METHOD_NOT_ALLOWED, Some(allow)) => refused_method(&method, allow),
        (status, _) => {
            let reason = status.canonical_reason().unwrap_or("refused");
            let message = if said.is_empty() { reason } else { &said };
            ApiError::new(ErrorCode::BadInput, message, "See GET /api/v1/openapi.json, or the page /api.")
        }
    };
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(CONTENT_TYPE);
    (parts.status, parts.headers, Json(error.to_json())).into_response()
}

fn refused_method(method: &Method, allow: &str) -> ApiError {
    let message = format!("{method} is no method of this address");
    ApiError::new(ErrorCode::BadInput, message, format!("Use one of: {allow}."))
}
