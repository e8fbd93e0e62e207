//! The realm's endpoints, below `…/auth/realms/esante-wallet`.
//!
//! No guard on Host or Origin here, unlike the other faces: clients come from other machines under names that only they
//! know, and no endpoint trusts anything that a browser sends by itself (no cookie).

mod answer;
mod caller;
mod decoupled;
mod exchange;
mod logout;
mod resource;
mod token;

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::provider::Psc;
use crate::trouble;

pub(crate) fn router(psc: Psc) -> Router {
    let path = |name: &str| psc.realm_path(name);
    let router = Router::new()
        .route(&path("/.well-known/openid-configuration"), get(discovery))
        .route(&path("/.well-known/wallet-openid-configuration"), get(discovery))
        .route(&path("/protocol/openid-connect/certs"), get(certs))
        .route(&path("/protocol/openid-connect/auth"), get(to_wallet))
        .route(&path("/protocol/openid-connect/token"), post(token::token))
        .route(&path("/protocol/openid-connect/ext/ciba/auth"), post(decoupled::authenticate))
        .route(&path("/protocol/openid-connect/token/introspect"), post(resource::introspect))
        .route(&path("/protocol/openid-connect/revoke"), post(resource::revoke))
        .route(&path("/protocol/openid-connect/userinfo"), get(resource::user_info).post(resource::user_info))
        .route(&path("/protocol/openid-connect/logout"), get(logout::by_link).post(logout::by_form))
        .with_state(psc);
    web::open_face(router, web::BODY_LIMIT)
}

/// Nobody says who she is here, so only a fault of everybody strikes.
async fn discovery(State(psc): State<Psc>) -> Response {
    match trouble::meets(&psc, "").await {
        Some(trouble) => trouble,
        None => Json(psc.discovery()).into_response(),
    }
}

/// The realm's own authorization endpoint, which PSC has beside the wallet's and does not advertise: for clients
/// that refuse any address without TLS. It shows nothing, and sends the browser to the wallet.
async fn to_wallet(State(psc): State<Psc>, uri: Uri) -> Response {
    let endpoint = psc.discovery().authorization_endpoint;
    let place = uri.query().map_or(endpoint.clone(), |query| format!("{endpoint}?{query}"));
    answer::never_kept((StatusCode::FOUND, [(LOCATION, place)]).into_response())
}

async fn certs(State(psc): State<Psc>) -> Response {
    match trouble::meets(&psc, "").await {
        Some(trouble) => trouble,
        None => Json(psc.jwks()).into_response(),
    }
}

/// What a handler of this module answers with: never kept by anybody.
type Answer = Result<Response, answer::Refusal>;
