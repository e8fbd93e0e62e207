use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use oidc::{CIBA_GRANT, Confirmation, EXCHANGE_GRANT, ErrorCode, Form, pkce};

use super::Answer;
use super::answer::{self, Refusal};
use super::caller::{Visitor, invalid, needed};
use super::exchange;
use crate::client::Client;
use crate::fault::PscFault;
use crate::provider::Psc;
use crate::session::Renewed;
use crate::tokens::{self, Recipe};
use crate::trouble;

/// What is told of a request to it.
const TOKEN: &str = "POST …/protocol/openid-connect/token";

/// The token endpoint: codes, refresh tokens, decoupled requests and subject tokens against tokens.
pub(super) async fn token(State(psc): State<Psc>, visitor: Visitor, body: Bytes) -> Answer {
    let (claimed, session) = (visitor.claimed(&body), visitor.session(&psc, &body));
    if let Some(trouble) = trouble::meets(&psc, &claimed).await {
        psc.witness().state(visitor.peer, TOKEN, &format!("token unanswered{session}"));
        return Ok(trouble);
    }
    let answer = serve(&psc, &visitor, &body).await;
    let outcome = match &answer {
        Ok((_, granted)) => granted.clone(),
        Err(refusal) => {
            format!("token refused error={} ({}){session}", refusal.code.name(), refusal.description)
        }
    };
    tracing::info!(outcome, "token endpoint");
    psc.note(&claimed, answer.is_ok(), &outcome);
    psc.witness().state(visitor.peer, TOKEN, &outcome);
    answer.map(|(response, _)| response)
}

async fn serve(psc: &Psc, visitor: &Visitor, body: &[u8]) -> Result<(Response, String), Refusal> {
    let form = visitor.form(body)?;
    let client = visitor.client(psc, &form)?;
    let (how, renewed) = match form.get("grant_type") {
        Some("authorization_code") => ("code", by_code(psc, &client, &form)?),
        Some("refresh_token") => ("refresh", by_refresh(psc, &client, &form)?),
        Some(CIBA_GRANT) => ("ciba", by_decoupled_request(psc, &client, &form)?),
        Some(EXCHANGE_GRANT) => return exchange::exchange(psc, &client, visitor, &form),
        Some(_) => {
            let description = "authorization_code, refresh_token, CIBA and token exchange are offered.";
            return Err(Refusal::new(ErrorCode::UnsupportedGrantType, description));
        }
        None => return Err(invalid("grant_type is missing.")),
    };
    grant(psc, &client, visitor, how, renewed).await
}

fn by_code(psc: &Psc, client: &Client, form: &Form) -> Result<Renewed, Refusal> {
    let code = needed(form, "code")?;
    let redirect_uri = needed(form, "redirect_uri")?;
    let verifier = needed(form, "code_verifier")?;
    if !pkce::is_verifier(verifier) {
        return Err(invalid("code_verifier must have 43 to 128 unreserved characters (RFC 7636)."));
    }
    let now = psc.now();
    let mut sessions = psc.sessions();
    let session = sessions.redeem(code, client.id(), redirect_uri, verifier, now).map_err(refusal)?;
    sessions.rotate(&session.sid, now).ok_or_else(over)
}

fn by_refresh(psc: &Psc, client: &Client, form: &Form) -> Result<Renewed, Refusal> {
    let token = needed(form, "refresh_token")?;
    let id = client.id();
    if psc.strike(id, |fault| fault == PscFault::RefreshRefused).is_some() {
        return Err(Refusal::new(ErrorCode::InvalidGrant, "The refresh token is refused."));
    }
    let now = psc.now();
    let owned =
        psc.sessions().behind(token).filter(|session| session.consent.client_id == id).map(|s| s.sid.clone());
    if let Some(sid) = owned
        && psc.strike(id, |fault| fault == PscFault::SessionKilled).is_some()
    {
        psc.end_session(&sid);
    }
    psc.sessions().renew(token, id, form.get("scope"), now).map_err(refusal)
}

fn by_decoupled_request(psc: &Psc, client: &Client, form: &Form) -> Result<Renewed, Refusal> {
    let name = needed(form, "auth_req_id")?;
    let now = psc.now();
    let consent = psc.decoupled().poll(name, client.id(), now).map_err(refusal)?;
    let mut sessions = psc.sessions();
    let session = sessions.open(consent, None, now);
    sessions.rotate(&session.sid, now).ok_or_else(over)
}

async fn grant(
    psc: &Psc,
    client: &Client,
    visitor: &Visitor,
    how: &str,
    renewed: Renewed,
) -> Result<(Response, String), Refusal> {
    let sid = renewed.session.sid.clone();
    let Some(person) = psc.identity(&renewed.session.consent.identity) else {
        psc.end_session(&sid);
        return Err(Refusal::new(ErrorCode::InvalidGrant, "The identity has left the sandbox."));
    };
    let cnf = match (&visitor.certificate, client.settings.certificate_bound_tokens) {
        (Some(shown), true) => Some(Confirmation::of(&shown.0)),
        (None, true) => {
            psc.end_session(&sid);
            return Err(invalid(
                "The tokens of this client are bound to its certificate, which was not shown.",
            ));
        }
        (_, false) => None,
    };
    let fault = psc.token_fault(client.id()).await;
    let recipe = Recipe { life: psc.timing().access_token, cnf, fault, ..Recipe::default() };
    let Some(set) = tokens::issue(psc, renewed, &person, &recipe) else {
        return Err(Refusal::new(ErrorCode::ServerError, "The token could not be signed."));
    };
    let wrong = fault.map(|fault| format!(" fault={fault}")).unwrap_or_default();
    let outcome = format!(
        "token granted by={how} client={} identity={} jti={} sid={} sha256={}{wrong}",
        client.id(),
        person.national_id,
        set.jti,
        set.sid,
        set.response.access_token.fingerprint()
    );
    Ok((answer::tokens(&set.response.to_json()), outcome))
}

fn refusal((code, why): crate::session::Refusal) -> Refusal {
    Refusal::new(code, why)
}

fn over() -> Refusal {
    Refusal::new(ErrorCode::InvalidGrant, "The session is over.")
}
