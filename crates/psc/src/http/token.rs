use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, response::Response};
use oidc::{ErrorCode, Form, pkce};
use web::Peer;

use super::Answer;
use super::answer::{self, Refusal};
use super::caller;
use crate::client::Client;
use crate::provider::Psc;
use crate::session::Session;
use crate::tokens;

/// The token endpoint: authorization codes and refresh tokens against tokens.
pub(super) async fn token(
    State(psc): State<Psc>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let answer = exchange(&psc, &headers, &body);
    let outcome = match &answer {
        Ok((_, granted)) => granted.clone(),
        Err(refusal) => format!("token refused error={} ({})", refusal.code.name(), refusal.description),
    };
    tracing::info!(outcome, "token endpoint");
    psc.witness().state(peer.map(|Extension(peer)| peer), "POST …/protocol/openid-connect/token", &outcome);
    answer.map(|(response, _)| response)
}

fn exchange(psc: &Psc, headers: &HeaderMap, body: &[u8]) -> Result<(Response, String), Refusal> {
    let form = caller::form(headers, body)?;
    let client = caller::client(psc, headers, &form)?;
    match form.get("grant_type") {
        Some("authorization_code") => grant(psc, &client, "code", by_code(psc, &client, &form)?),
        Some("refresh_token") => grant(psc, &client, "refresh", by_refresh(psc, &client, &form)?),
        Some(_) => {
            let description = "Only authorization_code and refresh_token are offered.";
            Err(Refusal::new(ErrorCode::UnsupportedGrantType, description))
        }
        None => Err(Refusal::new(ErrorCode::InvalidRequest, "grant_type is missing.")),
    }
}

fn by_code(psc: &Psc, client: &Client, form: &Form) -> Result<Session, Refusal> {
    let code = needed(form, "code")?;
    let redirect_uri = needed(form, "redirect_uri")?;
    let verifier = needed(form, "code_verifier")?;
    if !pkce::is_verifier(verifier) {
        let description = "code_verifier must have 43 to 128 unreserved characters (RFC 7636).";
        return Err(Refusal::new(ErrorCode::InvalidRequest, description));
    }
    let now = psc.now();
    psc.sessions()
        .redeem(code, &client.id, redirect_uri, verifier, now)
        .map_err(|why| Refusal::new(ErrorCode::InvalidGrant, why))
}

fn by_refresh(psc: &Psc, client: &Client, form: &Form) -> Result<Session, Refusal> {
    let token = needed(form, "refresh_token")?;
    let now = psc.now();
    let session = psc
        .sessions()
        .refreshing(token, &client.id, now)
        .map_err(|why| Refusal::new(ErrorCode::InvalidGrant, why))?;
    let granted: Vec<&str> = session.consent.scope.split(' ').collect();
    match form.get("scope").map(|scope| scope.split(' ').all(|wanted| granted.contains(&wanted))) {
        Some(false) => Err(Refusal::new(ErrorCode::InvalidScope, "A refresh cannot widen the scope.")),
        _ => Ok(session),
    }
}

fn grant(psc: &Psc, client: &Client, how: &str, session: Session) -> Result<(Response, String), Refusal> {
    let Some(person) = psc.identity(&session.consent.identity) else {
        psc.end_session(&session.sid);
        return Err(Refusal::new(ErrorCode::InvalidGrant, "The identity has left the sandbox."));
    };
    let Some(set) = tokens::issue(psc, &session, &person, psc.timing().access_token) else {
        return Err(match psc.session_lasts(&session.sid) {
            true => Refusal::new(ErrorCode::ServerError, "The token could not be signed."),
            false => Refusal::new(ErrorCode::InvalidGrant, "The session is over."),
        });
    };
    let outcome = format!(
        "token granted by={how} client={} identity={} jti={} sid={} sha256={}",
        client.id,
        person.national_id,
        set.jti,
        set.sid,
        set.response.access_token.fingerprint()
    );
    Ok((answer::tokens(&set.response.to_json()), outcome))
}

fn needed<'a>(form: &'a Form, name: &str) -> Result<&'a str, Refusal> {
    form.get(name).ok_or_else(|| Refusal::new(ErrorCode::InvalidRequest, format!("{name} is missing.")))
}
