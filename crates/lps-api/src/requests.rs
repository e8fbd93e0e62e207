//! Replacements and deletions that senders ask for: background reading raises them, a person decides, the host confirms.

use axum::Json;
use practice::{Act, Request, RequestFilter, RequestState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::Caller;
use crate::ask::{Asked, Body, Of, plain, within};
use crate::problem::{Answer, Problem};
use crate::shapes::{self, ProblemObject, RequestStateWord};

/// Requests of one page.
const PAGE: u64 = 200;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// In this state; `pending` waits for a person, `accepted` for the host.
    #[param(value_type = Option<RequestStateWord>)]
    state: Option<RequestState>,
    /// About this document, or come with it.
    document: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// How many at most (50 where left out).
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
}

/// Requests.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Requests {
    /// The newest first.
    #[schema(value_type = Vec<shapes::Request>)]
    requests: Vec<Request>,
    /// What to ask the next page with as `after`; null after the last.
    next: Option<String>,
}

/// What is decided about a request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "decision", deny_unknown_fields)]
pub(crate) enum Decision {
    /// *Supprimer du dossier*, or *Intégrer la nouvelle version*. Effective once the host confirms.
    Accept,
    /// Refused.
    Refuse {
        /// Why.
        #[schema(min_length = 1, max_length = 1000)]
        reason: String,
    },
    /// The host has done in its own base what was accepted.
    Confirm,
}

/// Lists requests
#[utoipa::path(get, path = "/requests", tag = "requests", params(Which), responses((status = 200, description = "Those that match", body = Requests)))]
pub(crate) async fn list(caller: Caller, Asked(query): Asked<Which>) -> Answer<Json<Requests>> {
    let limit = within("limit", query.limit.unwrap_or(50), 1..=PAGE)?;
    let filter = RequestFilter {
        state: query.state,
        document: query.document.as_deref().map(|key| shapes::key("document", key)).transpose()?,
        after: query.after.as_deref().map(|key| shapes::key("after", key)).transpose()?,
    };
    let requests = caller.house.practice.requests(&filter, limit).await?;
    let last = requests.last().filter(|_| requests.len() == limit);
    let next = last.map(|request| request.key.to_string());
    Ok(Json(Requests { requests, next }))
}

/// Shows a request
#[utoipa::path(get, path = "/requests/{key}", tag = "requests", params(("key" = String, Path, description = "The request")),
    responses((status = 200, description = "The request", body = shapes::Request)))]
pub(crate) async fn show(caller: Caller, Of(key): Of<String>) -> Answer<Json<Request>> {
    let request = caller.house.practice.request(&shapes::key("key", &key)?).await?;
    request.map(Json).ok_or_else(|| Problem::missing("request", &key))
}

/// Decides about a request, or confirms it
#[utoipa::path(post, path = "/requests/{key}/decision", tag = "requests", request_body = Decision, params(("key" = String, Path, description = "The request")),
    responses((status = 200, description = "The request as it stands now", body = shapes::Request),
        (status = 409, description = "It was decided already, or is not accepted yet", body = ProblemObject)))]
pub(crate) async fn decide(
    caller: Caller,
    Of(key): Of<String>,
    Body(decision): Body<Decision>,
) -> Answer<Json<Request>> {
    let request = shapes::key("key", &key)?;
    let act = match decision {
        Decision::Accept => Act::Accept { request: request.clone() },
        Decision::Refuse { reason } => {
            plain("reason", &reason, 1_000)?;
            Act::Refuse { request: request.clone(), reason }
        }
        Decision::Confirm => Act::Confirm { request: request.clone() },
    };
    caller.house.practice.act(&caller.actor, act).await?;
    let now = caller.house.practice.request(&request).await?;
    now.map(Json).ok_or_else(|| Problem::missing("request", &key))
}
