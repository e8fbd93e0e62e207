//! The wallet: the pages that a person's browser opens to choose who she is.
//!
//! A test person has no password, so the page is a choice: one button per identity and means. What protects it is what
//! protects any form of a service on loopback (Host and Origin guard), plus a request number that is unguessable,
//! serves once, and is tied to the browser by a cookie: a foreign page cannot accept in the person's place.
//!
//! No browser session is kept (no single sign-on): every request shows the page, and `prompt=none` answers
//! `login_required`.

mod pages;
mod pending;
mod request;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HeaderValue, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use oidc::{AuthMode, ErrorCode, Form};
use web::{Guard, Locale};

use crate::provider::Psc;
use crate::session::{Binding, Consent};

pub(crate) use pending::Pending;
use request::{AuthRequest, Rejected};

/// Ties the page to the browser it was shown in.
const BROWSER: &str = "vaguemestre_wallet";

/// As on the other pages, without `form-action`: browsers apply it to where a form's answer redirects, and that is
/// the client's own address. What may be redirected to is decided by the registration instead.
const POLICY: &str = "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'";

pub(crate) fn router(psc: Psc, port: u16) -> Router {
    let router = Router::new()
        .route("/", get(home))
        .route("/auth", get(authorize))
        .route("/auth/decision", post(decide))
        .with_state(psc);
    web::face(router, Guard::local(port), web::BODY_LIMIT)
}

/// Adds parameters to an address that may have some already.
pub(crate) fn with_query(address: &str, pairs: &[(&str, &str)]) -> String {
    let separator = match address.find('?') {
        None => "?",
        Some(at) if at + 1 == address.len() => "",
        Some(_) => "&",
    };
    format!("{address}{separator}{}", oidc::encode_pairs(pairs.iter().copied()))
}

async fn home(State(psc): State<Psc>, Locale(lang): Locale, uri: Uri) -> Response {
    pages::home(&psc, lang, &uri)
}

async fn authorize(State(psc): State<Psc>, Locale(lang): Locale, headers: HeaderMap, uri: Uri) -> Response {
    let request = match AuthRequest::read(&psc, uri.query().unwrap_or_default()) {
        Ok(request) => request,
        Err(Rejected::Here(problem)) => return pages::refused(lang, &uri, &problem),
        Err(Rejected::There { redirect_uri, state, code, description }) => {
            tracing::info!(error = code.name(), description, "authorization request refused");
            return error_redirect(&psc, &redirect_uri, state.as_deref(), code, description);
        }
    };
    let browser = browser_of(&headers).map_or_else(kernel::random::id, str::to_owned);
    let number = psc.pending().add(request.clone(), &browser, psc.now());
    let mut response = pages::choose(&psc, lang, &uri, &request, &number);
    let cookie = format!("{BROWSER}={browser}; Path=/auth; HttpOnly; SameSite=Lax");
    let headers = response.headers_mut();
    headers.insert(SET_COOKIE, HeaderValue::from_str(&cookie).expect("letters and digits"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

async fn decide(State(psc): State<Psc>, Locale(lang): Locale, headers: HeaderMap, body: Bytes) -> Response {
    let form = Form::parse(&body).unwrap_or_default();
    let browser = browser_of(&headers).unwrap_or_default();
    let number = form.get("request").unwrap_or_default();
    let now = psc.now();
    let Some(request) = psc.pending().take(number, browser, now) else { return pages::stale(lang) };
    let state = Some(request.state.as_str());
    // The button's value: `CARD 8997…`, `MOBILE 8997…` or `refuse`.
    let choice = form.get("choice").unwrap_or_default();
    let Some((mode, national_id)) = choice.split_once(' ') else {
        tracing::info!(client = request.client_id, "the person refused to identify herself");
        let description = "The person refused.";
        return error_redirect(&psc, &request.redirect_uri, state, ErrorCode::AccessDenied, description);
    };
    let (Some(mode), Some(person)) = (AuthMode::from_name(mode), psc.identity(national_id)) else {
        return pages::unknown_identity(lang);
    };
    let consent = Consent {
        identity: person.national_id,
        client_id: request.client_id.clone(),
        mode,
        nonce: request.nonce.clone(),
        scope: request.scope.clone(),
    };
    let binding =
        Binding { redirect_uri: request.redirect_uri.clone(), challenge: request.challenge.clone() };
    let (session, code) = {
        let mut sessions = psc.sessions();
        let session = sessions.open(consent, now);
        let code = sessions.code(&session, binding, now);
        (session, code)
    };
    tracing::info!(
        client = request.client_id,
        identity = session.consent.identity,
        sid = session.sid,
        "identified"
    );
    let pairs = [
        ("code", code.reveal().as_str()),
        ("state", &request.state),
        ("session_state", &session.sid),
        ("iss", psc.issuer()),
    ];
    go(&with_query(&request.redirect_uri, &pairs))
}

fn error_redirect(psc: &Psc, to: &str, state: Option<&str>, code: ErrorCode, description: &str) -> Response {
    let mut pairs = vec![("error", code.name()), ("error_description", description)];
    pairs.extend(state.map(|state| ("state", state)));
    pairs.push(("iss", psc.issuer()));
    go(&with_query(to, &pairs))
}

/// 303: the browser comes back with GET, whatever it came with (RFC 9700 §4.12).
fn go(address: &str) -> Response {
    let headers = [(LOCATION, address), (CACHE_CONTROL, "no-store"), (CONTENT_SECURITY_POLICY, POLICY)];
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn browser_of(headers: &HeaderMap) -> Option<&str> {
    let own = |pair: &'_ &str| pair.len() == 26 && pair.bytes().all(|b| b.is_ascii_alphanumeric());
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(BROWSER)?.strip_prefix('='))
        .find(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_added_to_whatever_address() {
        let with = |address| with_query(address, &[("code", "a b"), ("state", "é&")]);
        assert_eq!(with("https://lps/cb"), "https://lps/cb?code=a+b&state=%C3%A9%26");
        assert_eq!(with("https://lps/cb?x=1"), "https://lps/cb?x=1&code=a+b&state=%C3%A9%26");
        assert_eq!(with("https://lps/cb?"), "https://lps/cb?code=a+b&state=%C3%A9%26");
    }
}
