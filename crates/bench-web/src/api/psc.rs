use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use psc::{FaultState, PscFault};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, ErrorCode};

use super::ask::{Answer, Body, Of, Refusal, plain, whole_or_none, within};
use crate::Face;

/// A client name that stands for every client.
const EVERYBODY: &str = "*";

/// What goes wrong at the sandbox's Pro Santé Connect.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PscFaults {
    /// `vaguemestre/psc-faults/1`.
    schema: &'static str,
    /// Every fault that there is, by name.
    kinds: Vec<&'static str>,
    /// Those armed, those used up included until they are disarmed.
    faults: Vec<ArmedPscFault>,
}

/// One fault.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArmedPscFault {
    /// Its number, for disarming it.
    id: u64,
    /// The client that it strikes; `*` for all.
    client: String,
    /// Its name, with the delay where it is `slow`.
    fault: String,
    /// How often it strikes yet; `null` until it is disarmed.
    left: Option<u32>,
    /// How often it has struck.
    used: u32,
}

impl From<FaultState> for ArmedPscFault {
    fn from(state: FaultState) -> Self {
        let fault = state.fault.to_string();
        Self { id: state.id, client: state.client_id, fault, left: state.left, used: state.used }
    }
}

/// Shows what goes wrong at Pro Santé Connect
#[utoipa::path(get, path = "/psc/faults", tag = "bench", responses((status = 200, description = "Every fault armed", body = PscFaults)))]
pub(crate) async fn list(State(face): State<Face>) -> Json<PscFaults> {
    let faults = face.bench.parts().psc.armed().into_iter().map(Into::into).collect();
    let kinds = PscFault::ALL.iter().map(|fault| fault.name()).collect();
    Json(PscFaults { schema: "vaguemestre/psc-faults/1", kinds, faults })
}

/// What should go wrong.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PscFaultWanted {
    /// The client that it strikes, such as `lps-2621`; `*` for all.
    #[schema(min_length = 1, max_length = 100)]
    client: String,
    /// Its name; `slow` takes a delay of at most 120 seconds: `slow:3s`, `slow:250ms`.
    #[schema(example = "expired")]
    fault: String,
    /// How often it strikes; until it is disarmed where absent.
    #[serde(default, deserialize_with = "whole_or_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    times: Option<u64>,
}

/// Arms a fault of Pro Santé Connect
///
/// It is armed until it is disarmed or the server stops.
#[utoipa::path(post, path = "/psc/faults", tag = "bench", request_body = PscFaultWanted,
    responses((status = 201, description = "Armed", body = ArmedPscFault), (status = 404, description = "`bad_input`: there is no such client", body = super::shapes::ErrorObject)))]
pub(crate) async fn arm(
    State(face): State<Face>,
    Body(wanted): Body<PscFaultWanted>,
) -> Answer<(StatusCode, Json<ArmedPscFault>)> {
    let psc = &face.bench.parts().psc;
    plain("client", &wanted.client, 100)?;
    let fault: PscFault = wanted.fault.parse().map_err(|error: psc::UnknownFault| {
        Refusal::bad("fault", error.to_string(), format!("Did you mean {}?", error.nearest))
    })?;
    if let Some(times) = wanted.times {
        within("times", times, 1..=1_000_000)?;
    }
    if wanted.client != EVERYBODY && psc.client_settings(&wanted.client).is_none() {
        let next =
            "Give the client_id of a product (lps-NIL), of a client of the wallet's page, or * for all.";
        return Err(Refusal::bad("client", format!("there is no client {:?}", wanted.client), next).missing());
    }
    let times = wanted.times.and_then(|times| u32::try_from(times).ok());
    let id = psc.arm(&wanted.client, fault, times).keep();
    let state = FaultState { id, client_id: wanted.client, fault, left: times, used: 0 };
    Ok((StatusCode::CREATED, Json(state.into())))
}

/// Disarms a fault of Pro Santé Connect
#[utoipa::path(delete, path = "/psc/faults/{id}", tag = "bench", params(("id" = u64, Path, description = "The fault's number")),
    responses((status = 204, description = "Disarmed")))]
pub(crate) async fn disarm(State(face): State<Face>, Of(id): Of<u64>) -> Answer<StatusCode> {
    if face.bench.parts().psc.disarm(id) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let next = "See GET /api/v1/psc/faults.";
    let error = ApiError::new(ErrorCode::BadInput, format!("no fault has the number {id}"), next).field("id");
    Err(Refusal(error).missing())
}
