//! What is done with tokens once issued: user information, introspection, revocation.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::IntoResponse as _;
use oidc::{Claims, ErrorCode};
use serde_json::{Value, json};

use super::Answer;
use super::answer::{Refusal, never_kept};
use super::caller::{Visitor, needed};
use crate::fault::PscFault;
use crate::provider::Psc;
use crate::session::Session;
use crate::tokens::subject;
use crate::trouble;

/// The person's attributes (OpenID Connect Core §5.3), as PSC structures them.
pub(super) async fn user_info(State(psc): State<Psc>, visitor: Visitor, body: Bytes) -> Answer {
    let token = visitor.bearer(&body);
    let bearer = token.as_ref().ok().and_then(|token| owner(&psc, token)).unwrap_or_default();
    if let Some(trouble) = trouble::meets(&psc, &bearer).await {
        return Ok(trouble);
    }
    let told = token.and_then(|token| attributes(&psc, &visitor, &bearer, &token));
    let outcome = match &told {
        Ok(_) => "user information given".to_owned(),
        Err(refusal) => format!("user information refused ({})", refusal.description),
    };
    tracing::info!(client = bearer, outcome, "user information");
    psc.note(&bearer, told.is_ok(), &outcome);
    told.map(|info| never_kept(Json(info).into_response()))
}

/// What a token is worth now (RFC 7662), for an authenticated client. `SubjectNameID` comes with access tokens only, as
/// at PSC.
pub(super) async fn introspect(State(psc): State<Psc>, visitor: Visitor, body: Bytes) -> Answer {
    let claimed = visitor.claimed(&body);
    if let Some(trouble) = trouble::meets(&psc, &claimed).await {
        return Ok(trouble);
    }
    let form = visitor.form(&body)?;
    let client = visitor.client(&psc, &form)?;
    let token = needed(&form, "token")?;
    kill_if_armed(&psc, client.id(), token);
    let worth = worth(&psc, token);
    psc.note(client.id(), true, &format!("introspection active={}", worth["active"]));
    Ok(never_kept(Json(worth).into_response()))
}

/// Revocation (RFC 7009): an access token alone, or, through its refresh token, the whole session.
pub(super) async fn revoke(State(psc): State<Psc>, visitor: Visitor, body: Bytes) -> Answer {
    let claimed = visitor.claimed(&body);
    if let Some(trouble) = trouble::meets(&psc, &claimed).await {
        return Ok(trouble);
    }
    let form = visitor.form(&body)?;
    let client = visitor.client(&psc, &form)?;
    let token = needed(&form, "token")?;
    let now = psc.now();
    let refresh = psc.sessions().of_refresh(token, now);
    let access = valid(&psc, token).ok();
    let owner = refresh.as_ref().or(access.as_ref().map(|(_, session)| session));
    if owner.is_some_and(|session| session.consent.client_id != client.id()) {
        let description = "The token was issued to another client.";
        return Err(Refusal::new(ErrorCode::UnauthorizedClient, description));
    }
    psc.note(client.id(), true, "revocation");
    if let Some(session) = refresh {
        psc.end_session(&session.sid);
    } else if let Some((claims, session)) = access {
        psc.sessions().revoke_access(&session.sid, &claims.jti, claims.exp, now);
    }
    // An unknown token is as good as revoked (RFC 7009 §2.2).
    Ok(never_kept(().into_response()))
}

/// A token that is good by itself, of a session that lasts, that nobody revoked, and, where it is bound to a
/// certificate, presented with that certificate (RFC 8705 §3).
pub(super) fn live(psc: &Psc, visitor: &Visitor, token: &str) -> Result<(Claims, Session), Refusal> {
    let (claims, session) = valid(psc, token)?;
    let bound = claims.cnf.as_ref();
    let shown = visitor.certificate.as_ref();
    if bound.is_some_and(|cnf| !shown.is_some_and(|certificate| cnf.matches(&certificate.0))) {
        return Err(Refusal::token("The token is bound to a certificate that was not shown."));
    }
    Ok((claims, session))
}

fn attributes(psc: &Psc, visitor: &Visitor, bearer: &str, token: &str) -> Result<Value, Refusal> {
    kill_if_armed(psc, bearer, token);
    let (claims, session) = live(psc, visitor, token)?;
    let identity = psc.identity(&session.consent.identity);
    let person = identity.ok_or_else(|| Refusal::token("The identity has left the sandbox."))?;
    let mut info = person.user_info();
    // Of the session, not of the token: a token that names somebody else is found out here.
    info["sub"] = json!(subject(&person.national_id));
    info["authMode"] = json!(session.consent.mode.name());
    tracing::debug!(jti = claims.jti, "user information");
    Ok(info)
}

/// The client that a token was made for, where the token is one of ours.
fn owner(psc: &Psc, token: &str) -> Option<String> {
    psc.verifier().access(token, psc.now()).ok().map(|claims| claims.azp)
}

/// The armed end of a session: before the answer, whichever token names the session.
fn kill_if_armed(psc: &Psc, client_id: &str, token: &str) {
    let by_refresh = psc.sessions().behind(token).map(|session| session.sid.clone());
    let sid = by_refresh.or_else(|| psc.verifier().access(token, psc.now()).ok().map(|claims| claims.sid));
    if let Some(sid) = sid
        && psc.session_lasts(&sid)
        && psc.strike(client_id, |fault| fault == PscFault::SessionKilled).is_some()
    {
        psc.end_session(&sid);
    }
}

fn valid(psc: &Psc, token: &str) -> Result<(Claims, Session), Refusal> {
    let now = psc.now();
    let claims = psc.verifier().access(token, now).map_err(|error| Refusal::token(&error.to_string()))?;
    lasting(psc, claims)
}

fn lasting(psc: &Psc, claims: Claims) -> Result<(Claims, Session), Refusal> {
    let now = psc.now();
    match psc.sessions().alive(&claims.sid, now) {
        Some(session) if !session.has_revoked(&claims.jti) => Ok((claims, session)),
        Some(_) => Err(Refusal::token("The token was revoked.")),
        None => Err(Refusal::token("The session is over.")),
    }
}

fn worth(psc: &Psc, token: &str) -> Value {
    let of_api = || psc.verifier().api_token(token, psc.now()).ok().and_then(|c| lasting(psc, c).ok());
    if let Some((claims, session)) = valid(psc, token).ok().or_else(of_api) {
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
