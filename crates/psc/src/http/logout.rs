//! Logout started by the client (OpenID Connect RP-Initiated Logout 1.0), told to the other clients of the same login:
//! to their servers (back channel) and through the browser (front channel).

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LOCATION};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use oidc::Form;
use web::{Locale, Page, T};

use super::answer::never_kept;
use super::caller::Visitor;
use crate::provider::Psc;
use crate::session::Session;
use crate::trouble;

/// Seconds that the frames have before the browser goes on.
const FRAMES: u32 = 2;

/// The page that holds the front-channel frames.
#[derive(Template)]
#[template(path = "logged-out.html")]
struct LoggedOut<'a> {
    t: T,
    frames: &'a [String],
    next: Option<&'a str>,
}

pub(super) async fn by_link(State(psc): State<Psc>, locale: Locale, uri: Uri) -> Response {
    match Form::parse(uri.query().unwrap_or_default().as_bytes()) {
        Ok(form) => logout(&psc, locale, &form).await,
        Err(_) => say(&psc, locale, StatusCode::BAD_REQUEST, "logout-hint-missing"),
    }
}

pub(super) async fn by_form(
    State(psc): State<Psc>,
    locale: Locale,
    visitor: Visitor,
    body: Bytes,
) -> Response {
    match visitor.form(&body) {
        Ok(form) => logout(&psc, locale, &form).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// The session is named by the ID token, expired or not: the realm sees no cookie (the wallet's is of another origin),
/// so without it there is nothing to end. Only a registered address is gone back to.
async fn logout(psc: &Psc, locale: Locale, form: &Form) -> Response {
    let hint = form.get("id_token_hint").and_then(|token| psc.verifier().id_token_hint(token).ok());
    let Some(hint) = hint else {
        return say(psc, locale, StatusCode::BAD_REQUEST, "logout-hint-missing");
    };
    if form.get("client_id").is_some_and(|id| id != hint.aud) {
        return say(psc, locale, StatusCode::BAD_REQUEST, "psc-logout-other-client");
    }
    if let Some(trouble) = trouble::meets(psc, &hint.aud).await {
        return trouble;
    }
    let ended = psc.close(&hint.sid);
    let outcome = format!("logout sid={} sessions_ended={}", hint.sid, ended.len());
    tracing::info!(client = hint.aud, sid = hint.sid, ended = ended.len(), "logout");
    psc.note(&hint.aud, true, &outcome);
    let frames = frames(psc, &ended);
    let Some(target) = form.get("post_logout_redirect_uri") else {
        let text = if ended.is_empty() { "logout-already" } else { "logout-done" };
        return match frames.is_empty() {
            true => say(psc, locale, StatusCode::OK, text),
            false => framed(psc, locale, &frames, None),
        };
    };
    let client = psc.client(&hint.aud);
    let known =
        client.is_some_and(|client| client.settings.post_logout_redirect_uris.iter().any(|u| u == target));
    if !known {
        return say(psc, locale, StatusCode::BAD_REQUEST, "logout-redirect-unknown");
    }
    let place = match form.get("state") {
        Some(state) => crate::wallet::with_query(target, &[("state", state)]),
        None => target.to_owned(),
    };
    match frames.is_empty() {
        true => never_kept((StatusCode::FOUND, [(LOCATION, place)]).into_response()),
        false => framed(psc, locale, &frames, Some(&place)),
    }
}

/// Front-Channel Logout 1.0 §3: issuer and session are added to the registered address.
fn frames(psc: &Psc, ended: &[Session]) -> Vec<String> {
    let address = |session: &Session| {
        let client = psc.client(&session.consent.client_id)?;
        let registered = client.settings.frontchannel_logout_uri?;
        Some(crate::wallet::with_query(&registered, &[("iss", psc.issuer()), ("sid", &session.sid)]))
    };
    ended.iter().filter_map(address).collect()
}

fn framed(psc: &Psc, Locale(lang): Locale, frames: &[String], next: Option<&str>) -> Response {
    let t = T(lang);
    let page = Page::new(lang, t.get("wallet-site"), t.get("logout-title"), &here(psc));
    let mut response = never_kept(page.show(&LoggedOut { t, frames, next }));
    let origins: Vec<String> = frames
        .iter()
        .filter_map(|frame| frame.parse::<Uri>().ok())
        .filter_map(|uri| Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?)))
        .collect();
    let policy = format!(
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; frame-src {}",
        origins.join(" ")
    );
    let refresh = next.map(|next| format!("{FRAMES}; url={next}"));
    let headers = response.headers_mut();
    // Registered addresses are checked to be addresses: both values are printable.
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    if let Some(Ok(refresh)) = refresh.map(|refresh| HeaderValue::from_str(&refresh)) {
        headers.insert(HeaderName::from_static("refresh"), refresh);
    }
    response
}

/// The address is left out of the page's language switch: it holds the ID token.
fn say(psc: &Psc, Locale(lang): Locale, status: StatusCode, text: &str) -> Response {
    let t = T(lang);
    let page = Page::new(lang, t.get("wallet-site"), t.get("logout-title"), &here(psc)).status(status);
    never_kept(page.say(&t.get(text)))
}

fn here(psc: &Psc) -> Uri {
    psc.realm_path("/protocol/openid-connect/logout").parse().unwrap_or_default()
}
