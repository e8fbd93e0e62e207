//! Logout started by the client (OpenID Connect RP-Initiated Logout 1.0).

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use oidc::Form;
use web::{Locale, Page, T};

use super::answer::never_kept;
use super::caller;
use crate::provider::Psc;

pub(super) async fn by_link(State(psc): State<Psc>, locale: Locale, uri: Uri) -> Response {
    match Form::parse(uri.query().unwrap_or_default().as_bytes()) {
        Ok(form) => logout(&psc, locale, &form),
        Err(_) => say(&psc, locale, StatusCode::BAD_REQUEST, "logout-hint-missing"),
    }
}

pub(super) async fn by_form(
    State(psc): State<Psc>,
    locale: Locale,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match caller::form(&headers, &body) {
        Ok(form) => logout(&psc, locale, &form),
        Err(refusal) => refusal.into_response(),
    }
}

/// The session is named by the ID token, expired or not: the sandbox keeps no browser session of its own, so without
/// it there is nothing to end. Only a registered address is gone back to.
fn logout(psc: &Psc, locale: Locale, form: &Form) -> Response {
    let hint = form.get("id_token_hint").and_then(|token| psc.verifier().id_token_hint(token).ok());
    let Some(hint) = hint else {
        return say(psc, locale, StatusCode::BAD_REQUEST, "logout-hint-missing");
    };
    let ended = psc.end_session(&hint.sid);
    tracing::info!(client = hint.aud, sid = hint.sid, ended, "logout");
    let Some(target) = form.get("post_logout_redirect_uri") else {
        return say(psc, locale, StatusCode::OK, if ended { "logout-done" } else { "logout-already" });
    };
    let known = psc
        .client(&hint.aud)
        .is_some_and(|client| client.post_logout_redirect_uris.iter().any(|u| u == target));
    if !known {
        return say(psc, locale, StatusCode::BAD_REQUEST, "logout-redirect-unknown");
    }
    let place = match form.get("state") {
        Some(state) => crate::wallet::with_query(target, &[("state", state)]),
        None => target.to_owned(),
    };
    never_kept((StatusCode::FOUND, [(LOCATION, place)]).into_response())
}

/// The address is left out of the page's language switch: it holds the ID token.
fn say(psc: &Psc, Locale(lang): Locale, status: StatusCode, text: &str) -> Response {
    let t = T(lang);
    let here = psc.realm_path("/protocol/openid-connect/logout").parse().unwrap_or_default();
    let page = Page::new(lang, t.get("wallet-site"), t.get("logout-title"), &here).status(status);
    never_kept(page.say(&t.get(text)))
}
