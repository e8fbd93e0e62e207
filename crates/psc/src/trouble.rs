//! Faults of the answer itself, asked for at the door of every endpoint: late, unavailable, down.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::response::{IntoResponse as _, Response};
use oidc::{ErrorBody, ErrorCode};

use crate::fault::PscFault;
use crate::provider::Psc;

/// What a request of this client meets instead of its answer; waits first where answers are slow. The client is the
/// one that the request *claims* to come from: an outage does not wait for authentication.
pub(crate) async fn meets(psc: &Psc, client_id: &str) -> Option<Response> {
    if let Some(PscFault::Slow(delay)) = psc.strike(client_id, |fault| matches!(fault, PscFault::Slow(_))) {
        tokio::time::sleep(delay).await;
    }
    let of_answers = |fault| matches!(fault, PscFault::Down | PscFault::Unavailable503);
    match psc.strike(client_id, of_answers)? {
        PscFault::Down => {
            let mut response = StatusCode::SERVICE_UNAVAILABLE.into_response();
            response.extensions_mut().insert(web::HangUp);
            Some(response)
        }
        _ => {
            let body = ErrorBody {
                error: ErrorCode::TemporarilyUnavailable.name().into(),
                error_description: "Pro Sante Connect is unavailable.".into(),
            };
            let headers = [(RETRY_AFTER, "2"), (CACHE_CONTROL, "no-store")];
            Some((StatusCode::SERVICE_UNAVAILABLE, headers, Json(body)).into_response())
        }
    }
}
