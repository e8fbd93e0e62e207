//! Where a decoupled identification starts (CIBA Core §7, PSC's `channel`).

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use oidc::{AuthMode, CibaAnswer, ErrorCode, Form};

use super::Answer;
use super::answer::{self, Refusal};
use super::caller::{Visitor, invalid, needed};
use crate::ciba::{Asked, LIFE};
use crate::provider::Psc;
use crate::trouble;

/// Characters of a `binding_message`. PSC's own bound is not published; its proxies send two digits.
const LONGEST_MESSAGE: usize = 64;

pub(super) async fn authenticate(State(psc): State<Psc>, visitor: Visitor, body: Bytes) -> Answer {
    let claimed = visitor.claimed(&body);
    if let Some(trouble) = trouble::meets(&psc, &claimed).await {
        return Ok(trouble);
    }
    let answer = ask(&psc, &visitor, &body);
    let outcome = match &answer {
        Ok((_, asked)) => asked.clone(),
        Err(refusal) => format!("ciba refused error={} ({})", refusal.code.name(), refusal.description),
    };
    tracing::info!(outcome, "decoupled request");
    psc.note(&claimed, answer.is_ok(), &outcome);
    psc.witness().state(visitor.peer, "POST …/protocol/openid-connect/ext/ciba/auth", &outcome);
    answer.map(|(response, _)| response)
}

fn ask(psc: &Psc, visitor: &Visitor, body: &[u8]) -> Result<(Response, String), Refusal> {
    let form = visitor.form(body)?;
    let client = visitor.client(psc, &form)?;
    if !client.settings.decoupled {
        let description = "CIBA is not switched on for this client.";
        return Err(Refusal::new(ErrorCode::UnauthorizedClient, description));
    }
    check(&form)?;
    let channel = match form.get("channel") {
        Some(name) => AuthMode::from_name(name).ok_or_else(|| invalid("channel must be CARD or MOBILE."))?,
        None => AuthMode::Mobile,
    };
    let life = match form.get("requested_expiry").map(str::parse::<u64>) {
        None => LIFE,
        Some(Ok(seconds)) if (1..=LIFE.as_secs()).contains(&seconds) => Duration::from_secs(seconds),
        Some(_) => return Err(invalid("requested_expiry must be 1 to 120 seconds.")),
    };
    let hint = needed(&form, "login_hint")?;
    let Some(person) = psc.identity(hint) else {
        let description = "login_hint names nobody that this Pro Sante Connect knows.";
        return Err(Refusal::new(ErrorCode::UnknownUserId, description));
    };
    let binding_message = form.get("binding_message").unwrap_or_default();
    if binding_message.chars().count() > LONGEST_MESSAGE || binding_message.chars().any(char::is_control) {
        let description = "binding_message must have at most 64 printable characters.";
        return Err(Refusal::new(ErrorCode::InvalidBindingMessage, description));
    }
    // A second between polls where durations are short, as in the ANS's own tests.
    let interval = Duration::from_secs(if psc.timing().accelerated { 1 } else { 5 });
    let outcome = format!(
        "ciba asked client={} identity={} channel={} binding_message={binding_message:?}",
        client.id(),
        person.national_id,
        channel.name()
    );
    let asked = Asked {
        client_id: client.id().to_owned(),
        client_name: client.settings.name.clone(),
        identity: person.national_id,
        binding_message: binding_message.to_owned(),
        channel,
        scope: form.get("scope").unwrap_or_default().to_owned(),
        life,
        interval,
        automatic: psc.automatic(&client),
    };
    let now = psc.now();
    let auth_req_id = psc.decoupled().ask(asked, now);
    let answer = CibaAnswer { auth_req_id, expires_in: life, interval };
    Ok((answer::tokens(&answer.to_json()), outcome))
}

fn check(form: &Form) -> Result<(), Refusal> {
    if form.has_any(&["request", "login_hint_token", "id_token_hint"]) {
        return Err(invalid("The person is named by login_hint here, and by nothing else."));
    }
    let has = |wanted: &str| form.get("scope").is_some_and(|scope| scope.split(' ').any(|s| s == wanted));
    if !has("openid") || !has("scope_all") {
        return Err(Refusal::new(ErrorCode::InvalidScope, "scope must hold openid and scope_all."));
    }
    match form.get("acr_values") {
        Some(oidc::ACR_REQUESTED) => Ok(()),
        _ => Err(invalid("acr_values must be eidas1.")),
    }
}
