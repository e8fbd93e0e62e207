//! The API keys of the practice: each software has its own, so that one can be withdrawn without the others.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Caller;
use crate::ask::{Body, Of, plain};
use crate::problem::{Answer, Problem};
use crate::registry::KeyLine;
use crate::shapes::ProblemObject;
use crate::{Error, Service};

/// The practice that the key opens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct House {
    /// Its name.
    name: String,
    /// As people call it.
    label: String,
    /// The key that was sent.
    key: ApiKey,
    /// Whether a connector fetches mail here.
    connected: bool,
    /// The version of this service.
    version: &'static str,
}

/// An API key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKey {
    /// What to revoke it with.
    id: String,
    /// Which software has it.
    label: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// Shown once, when it is made: the service keeps its SHA-256 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// The API keys of the practice.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKeys {
    /// The oldest first.
    keys: Vec<ApiKey>,
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// Which software will have it.
    #[schema(min_length = 1, max_length = 100, example = "Logiciel du cabinet")]
    label: String,
}

/// Says which practice the key opens
#[utoipa::path(get, path = "/practice", tag = "service", responses((status = 200, description = "The practice", body = House)))]
pub(crate) async fn practice(caller: Caller) -> Json<House> {
    let line = caller.house.line().clone();
    Json(House {
        name: line.name,
        label: line.label,
        key: caller.key.into(),
        connected: caller.house.engine.is_some(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Lists the API keys of the practice
#[utoipa::path(get, path = "/keys", tag = "service", responses((status = 200, description = "All that are in use", body = ApiKeys)))]
pub(crate) async fn list(State(service): State<Service>, caller: Caller) -> Json<ApiKeys> {
    let keys = service.registry().keys_of(&caller.house.line.name);
    Json(ApiKeys { keys: keys.into_iter().map(ApiKey::from).collect() })
}

/// Makes an API key
///
/// The key is in this answer only. `Idempotency-Key` has no effect here: a key is never kept.
#[utoipa::path(post, path = "/keys", tag = "service", request_body = NewKey,
    responses((status = 201, description = "Made; the key is shown this once", body = ApiKey),
        (status = 409, description = "`conflict`: there are a hundred of them", body = ProblemObject)))]
pub(crate) async fn add(
    State(service): State<Service>,
    caller: Caller,
    Body(new): Body<NewKey>,
) -> Answer<(StatusCode, Json<ApiKey>)> {
    plain("label", &new.label, 100)?;
    let made = service.registry().new_key(&caller.house.line.name, new.label.trim()).await;
    let (line, secret) = made.map_err(|error| match error {
        Error::Db(error) => Problem::from(error),
        other => Problem::conflict(other.to_string(), "Revoke one that is not used."),
    })?;
    Ok((StatusCode::CREATED, Json(ApiKey { key: Some(secret.reveal().clone()), ..line.into() })))
}

/// Revokes an API key
///
/// It opens nothing from now on. A key cannot revoke itself, so that a practice is never locked out by a slip.
#[utoipa::path(delete, path = "/keys/{id}", tag = "service", params(("id" = String, Path, description = "The key's id")),
    responses((status = 204, description = "Revoked"), (status = 409, description = "`conflict`: it is the key of this request", body = ProblemObject)))]
pub(crate) async fn revoke(
    State(service): State<Service>,
    caller: Caller,
    Of(id): Of<String>,
) -> Answer<StatusCode> {
    if caller.key.id == id {
        return Err(Problem::conflict("this key carries this very request", "Revoke it with another key."));
    }
    let revoked = service.registry().revoke(&caller.house.line.name, &id).await;
    match revoked {
        Ok(true) => Ok(StatusCode::NO_CONTENT),
        Ok(false) => Err(Problem::missing("API key", &id)),
        Err(Error::Db(error)) => Err(error.into()),
        Err(other) => Err(Problem::conflict(other.to_string(), "Try again.")),
    }
}

impl From<KeyLine> for ApiKey {
    fn from(line: KeyLine) -> Self {
        Self { id: line.id, label: line.label, created: line.created, key: None }
    }
}
