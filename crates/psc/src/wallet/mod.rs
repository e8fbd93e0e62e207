//! The wallet: the pages that a person's browser opens to choose who she is, the telephone that the sandbox plays for
//! her (e-CPS), and the desk where identities, clients and faults are arranged.
//!
//! A test person has no password, so the page is a choice: one button per identity and means. What protects it is what
//! protects any form of a service on loopback (Host and Origin guard), plus a request number that is unguessable,
//! serves once, and is tied to the browser by a cookie: a foreign page cannot accept in the person's place. The other
//! forms carry a seal that is computed from the same cookie.
//!
//! A choice is remembered by a second cookie (single sign-on): the next client gets its code without a page, for
//! 30 minutes without use and 4 hours at most, unless it asks for a fresh identification.

mod clients;
mod ecps;
mod faults;
mod identities;
mod pages;
mod pending;
mod request;
mod visit;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use oidc::{AuthMode, ErrorCode, Form};
use web::{Guard, Locale};

use crate::client::Automatic;
use crate::provider::Psc;
use crate::session::{Binding, Consent, Digest, Login};
use crate::trouble;

pub(crate) use pending::Pending;
use request::{AuthRequest, Rejected};
use visit::{Sealed, Visit};

/// What is told of an authorization request.
const AUTH: &str = "GET …/auth";

/// Remembers who was chosen in this browser.
const SSO: &str = "vaguemestre_sso";

/// As on the other pages, without `form-action`: browsers apply it to where a form's answer redirects, and that is
/// the client's own address. What may be redirected to is decided by the registration instead.
const POLICY: &str = "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'";

pub(crate) fn router(psc: Psc, port: u16) -> Router {
    let router = Router::new()
        .route("/", get(home))
        .route("/session/close", post(close))
        .route("/auth", get(authorize))
        .route("/auth/decision", post(decide))
        .route("/ecps", get(ecps::list).post(ecps::answer))
        .route("/identities", get(identities::list).post(identities::save))
        .route("/identities/edit", get(identities::edit))
        .route("/identities/remove", post(identities::remove))
        .route("/identities/samples", post(identities::samples))
        .route("/clients", get(clients::list).post(clients::save))
        .route("/clients/edit", get(clients::edit))
        .route("/clients/secret", post(clients::secret))
        .route("/clients/remove", post(clients::remove))
        .route("/faults", get(faults::list).post(faults::arm))
        .route("/faults/disarm", post(faults::disarm))
        .route("/faults/rotate", post(faults::rotate))
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

async fn home(visit: Visit, headers: HeaderMap) -> Response {
    let psc = &visit.psc;
    let person = sso(psc, &headers).and_then(|(_, login)| psc.identity(&login.identity));
    pages::home(&visit, person.map(|person| person.full_name()))
}

/// Ends the browser's own session, and tells the clients that were in it.
async fn close(headers: HeaderMap, Sealed(visit, _): Sealed) -> Response {
    let ended = web::cookie(&headers, SSO).map(|cookie| visit.psc.close_login(cookie)).unwrap_or_default();
    tracing::info!(ended = ended.len(), "browser session closed");
    let mut response = visit.back("/");
    let gone = format!("{SSO}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    response.headers_mut().append(SET_COOKIE, HeaderValue::from_str(&gone).expect("a fixed text"));
    response
}

async fn authorize(State(psc): State<Psc>, Locale(lang): Locale, headers: HeaderMap, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let form = Form::parse(query.as_bytes()).unwrap_or_default();
    let claimed = form.get("client_id").unwrap_or_default();
    let refused = |why: &str| {
        let back = form.get("redirect_uri").map(request::shown).unwrap_or_default();
        psc.witness().state(None, AUTH, &format!("authorization refused {why} redirect={back}"));
    };
    if let Some(trouble) = trouble::meets(&psc, claimed).await {
        return trouble;
    }
    let request = match AuthRequest::read(&psc, query) {
        Ok(request) => request,
        Err(Rejected::Here(problem)) => {
            psc.note(claimed, false, &format!("authorization request refused with a page: {}", problem.what));
            refused(&format!("page={}", problem.what));
            return pages::refused(lang, &uri, &problem);
        }
        Err(Rejected::There { redirect_uri, state, code, description }) => {
            tracing::info!(error = code.name(), description, "authorization request refused");
            let text = format!("authorization request refused error={} ({description})", code.name());
            psc.note(claimed, false, &text);
            refused(&format!("error={} ({description})", code.name()));
            return error_redirect(&psc, &redirect_uri, state.as_deref(), code, description);
        }
    };
    if let Some(alias) = &request.idp_hint {
        tracing::info!(client = request.client_id, alias, "delegated identity provider asked for");
    }
    if let Some(person) = psc.answers_for(&request.client_id, &request.redirect_uri) {
        return identified(&psc, &request, &person, AuthMode::Mobile, "nobody: awaited");
    }
    if let Some((login, known)) = sso(&psc, &headers).filter(|(_, login)| suits(&psc, &request, login)) {
        return enter(&psc, &request, &known.identity, known.mode, login, "single sign-on");
    }
    let state = Some(request.state.as_str());
    if request.silent {
        let description = "Nobody who suits the request is logged in.";
        psc.note(&request.client_id, false, "authorization request refused error=login_required");
        return error_redirect(&psc, &request.redirect_uri, state, ErrorCode::LoginRequired, description);
    }
    let hinted = request.login_hint.as_deref().and_then(|hint| psc.identity(hint));
    match (psc.client(&request.client_id).and_then(|client| psc.automatic(&client)), hinted) {
        (Some(Automatic::Accept), Some(person)) => {
            return identified(&psc, &request, &person.national_id, AuthMode::Mobile, "nobody: automatic");
        }
        (Some(Automatic::Refuse), _) => return refuse(&psc, &request),
        _ => {}
    }
    let visit = Visit::new(&psc, lang, uri, &headers);
    let number = psc.pending().add(request.clone(), visit.browser(), psc.now());
    let mut response = pages::choose(&visit, &request, &number);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

async fn decide(State(psc): State<Psc>, Locale(lang): Locale, headers: HeaderMap, body: Bytes) -> Response {
    let form = Form::parse(&body).unwrap_or_default();
    let browser = visit::browser_of(&headers).unwrap_or_default();
    let number = form.get("request").unwrap_or_default();
    let now = psc.now();
    let Some(request) = psc.pending().take(number, browser, now) else { return pages::stale(lang) };
    // The button's value: `CARD 8997…`, `MOBILE 8997…` or `refuse`.
    let choice = form.get("choice").unwrap_or_default();
    let Some((mode, national_id)) = choice.split_once(' ') else { return refuse(&psc, &request) };
    let (Some(mode), Some(person)) = (AuthMode::from_name(mode), psc.identity(national_id)) else {
        return pages::unknown_identity(lang);
    };
    identified(&psc, &request, &person.national_id, mode, "the person")
}

/// A person has identified herself: the browser remembers it, and the client gets its code.
fn identified(psc: &Psc, request: &AuthRequest, identity: &str, mode: AuthMode, by: &str) -> Response {
    let (cookie, login) = psc.sessions().sign_in(identity, mode, psc.now());
    let mut response = enter(psc, request, identity, mode, login, by);
    let cookie = format!("{SSO}={}; Path=/; HttpOnly; SameSite=Lax", cookie.reveal());
    response.headers_mut().append(SET_COOKIE, HeaderValue::from_str(&cookie).expect("base64url"));
    response
}

/// Opens the client's session within a login, and sends the browser back with a code.
fn enter(
    psc: &Psc,
    request: &AuthRequest,
    identity: &str,
    mode: AuthMode,
    login: Digest,
    by: &str,
) -> Response {
    let consent = Consent {
        identity: identity.to_owned(),
        client_id: request.client_id.clone(),
        mode,
        nonce: request.nonce.clone(),
        scope: request.scope.clone(),
    };
    let binding =
        Binding { redirect_uri: request.redirect_uri.clone(), challenge: request.challenge.clone() };
    let now = psc.now();
    let (session, code) = {
        let mut sessions = psc.sessions();
        let session = sessions.open(consent, Some(login), now);
        let code = sessions.code(&session, binding, now);
        (session, code)
    };
    tracing::info!(client = request.client_id, identity, sid = session.sid, by, "identified");
    psc.note(
        &request.client_id,
        true,
        &format!("identified identity={identity} sid={} by={by}", session.sid),
    );
    psc.session_of(&request.redirect_uri, &session.sid);
    let back = request::shown(&request.redirect_uri);
    psc.witness().state(None, AUTH, &format!("authorization granted sid={} redirect={back}", session.sid));
    let pairs = [
        ("code", code.reveal().as_str()),
        ("state", &request.state),
        ("session_state", &session.sid),
        ("iss", psc.issuer()),
    ];
    go(&with_query(&request.redirect_uri, &pairs))
}

fn refuse(psc: &Psc, request: &AuthRequest) -> Response {
    tracing::info!(client = request.client_id, "the person refused to identify herself");
    psc.note(&request.client_id, false, "the person refused error=access_denied");
    let state = Some(request.state.as_str());
    error_redirect(psc, &request.redirect_uri, state, ErrorCode::AccessDenied, "The person refused.")
}

/// The login of this browser, while it lasts.
fn sso(psc: &Psc, headers: &HeaderMap) -> Option<(Digest, Login)> {
    let cookie = web::cookie(headers, SSO)?;
    psc.sessions().login(cookie, psc.now())
}

/// Whether a login answers a request without a page.
fn suits(psc: &Psc, request: &AuthRequest, login: &Login) -> bool {
    let age = psc.now().as_second() - login.auth_time.as_second();
    !request.fresh
        && request.max_age.is_none_or(|most| age < most)
        && request.login_hint.as_deref().is_none_or(|hint| hint == login.identity)
        && psc.identity(&login.identity).is_some()
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
