//! What is done with tokens once issued: user information, introspection, revocation.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse as _;
use oidc::{Claims, ErrorCode};
use serde_json::{Value, json};

use super::Answer;
use super::answer::{Refusal, never_kept};
use super::caller;
use crate::provider::Psc;
use crate::session::Session;
use crate::tokens::subject;

/// The person's attributes (OpenID Connect Core §5.3), as PSC structures them.
pub(super) async fn user_info(State(psc): State<Psc>, headers: HeaderMap, body: Bytes) -> Answer {
    let token = caller::bearer(&headers, &body)?;
    let (claims, session) = live(&psc, &token)?;
    let identity = psc.identity(&session.consent.identity);
    let person = identity.ok_or_else(|| Refusal::token("The identity has left the sandbox."))?;
    let mut info = person.user_info();
    info["sub"] = json!(claims.sub);
    info["authMode"] = json!(session.consent.mode.name());
    Ok(never_kept(Json(info).into_response()))
}

/// What a token is worth now (RFC 7662), for an authenticated client. `SubjectNameID` comes with access tokens only, as
/// at PSC.
pub(super) async fn introspect(State(psc): State<Psc>, headers: HeaderMap, body: Bytes) -> Answer {
    let form = caller::form(&headers, &body)?;
    caller::client(&psc, &headers, &form)?;
    let token =
        form.get("token").ok_or_else(|| Refusal::new(ErrorCode::InvalidRequest, "token is missing."))?;
    Ok(never_kept(Json(worth(&psc, token)).into_response()))
}

/// Revocation (RFC 7009): an access token alone, or, through its refresh token, the whole session.
pub(super) async fn revoke(State(psc): State<Psc>, headers: HeaderMap, body: Bytes) -> Answer {
    let form = caller::form(&headers, &body)?;
    let client = caller::client(&psc, &headers, &form)?;
    let token =
        form.get("token").ok_or_else(|| Refusal::new(ErrorCode::InvalidRequest, "token is missing."))?;
    let now = psc.now();
    let refresh = psc.sessions().of_refresh(token, now);
    let access = live(&psc, token).ok();
    let owner = refresh.as_ref().or(access.as_ref().map(|(_, session)| session));
    if owner.is_some_and(|session| session.consent.client_id != client.id) {
        let description = "The token was issued to another client.";
        return Err(Refusal::new(ErrorCode::UnauthorizedClient, description));
    }
    if let Some(session) = refresh {
        psc.end_session(&session.sid);
    } else if let Some((claims, session)) = access {
        psc.sessions().revoke_access(&session.sid, &claims.jti, claims.exp, now);
    }
    // An unknown token is as good as revoked (RFC 7009 §2.2).
    Ok(never_kept(().into_response()))
}

/// A token that is good by itself, of a session that lasts, and that nobody revoked.
fn live(psc: &Psc, token: &str) -> Result<(Claims, Session), Refusal> {
    let now = psc.now();
    let claims = psc.verifier().access(token, now).map_err(|error| Refusal::token(&error.to_string()))?;
    match psc.sessions().alive(&claims.sid, now) {
        Some(session) if !session.has_revoked(&claims.jti) => Ok((claims, session)),
        Some(_) => Err(Refusal::token("The token was revoked.")),
        None => Err(Refusal::token("The session is over.")),
    }
}

fn worth(psc: &Psc, token: &str) -> Value {
    if let Ok((claims, session)) = live(psc, token) {
        let mut value = serde_json::to_value(&claims).unwrap_or_default();
        value["SubjectNameID"] = json!(session.consent.identity);
        value["client_id"] = json!(claims.azp);
        value["username"] = json!(claims.preferred_username);
        value["token_type"] = json!("Bearer");
        value["active"] = json!(true);
        return value;
    }
    let now = psc.now();
    let sessions = psc.sessions();
    let Some(session) = sessions.of_refresh(token, now) else { return json!({"active": false}) };
    json!({
        "active": true,
        "exp": sessions.end_of(&session).as_second(),
        "auth_time": session.auth_time.as_second(),
        "iss": psc.issuer(),
        "sub": subject(&session.consent.identity),
        "typ": "Refresh",
        "azp": session.consent.client_id,
        "client_id": session.consent.client_id,
        "session_state": session.sid,
        "sid": session.sid,
        "scope": session.consent.scope,
        "preferred_username": session.consent.identity,
    })
}
