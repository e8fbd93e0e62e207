//! Who calls: the form, and the client's authentication (RFC 6749 §2.3.1).

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oidc::{ErrorCode, Form};

use super::answer::Refusal;
use crate::client::Client;
use crate::provider::Psc;

/// Reads a form body; each parameter once.
pub(super) fn form(headers: &HeaderMap, body: &[u8]) -> Result<Form, Refusal> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let description = "The body must be application/x-www-form-urlencoded.";
        return Err(Refusal::new(ErrorCode::InvalidRequest, description));
    }
    Form::parse(body)
        .map_err(|repeated| Refusal::new(ErrorCode::InvalidRequest, ascii(&repeated.to_string())))
}

/// The client, by `client_secret_basic` or `client_secret_post`.
pub(super) fn client(psc: &Psc, headers: &HeaderMap, form: &Form) -> Result<Client, Refusal> {
    let refused = |description: &str| Refusal::new(ErrorCode::InvalidClient, description);
    let (id, secret) = match (basic(headers)?, form.get("client_secret")) {
        (Some(_), Some(_)) => {
            let description = "Two ways of authenticating the client were used; one is enough.";
            return Err(Refusal::new(ErrorCode::InvalidRequest, description));
        }
        (Some((id, secret)), None) => {
            if form.get("client_id").is_some_and(|other| other != id) {
                return Err(refused("The client_id of the form is not the one of the header."));
            }
            (id, secret)
        }
        (None, Some(secret)) => {
            let id = form.get("client_id").ok_or_else(|| refused("client_id is missing."))?;
            (id.to_owned(), secret.to_owned())
        }
        (None, None) => {
            return Err(refused("Public clients are refused: authenticate with the client secret."));
        }
    };
    match psc.client(&id) {
        Some(client) if client.has_secret(&secret) => Ok(client),
        // One answer for both, so that names of clients cannot be tried out.
        _ => Err(refused("Unknown client, or wrong client secret.")),
    }
}

/// A bearer token from the header, or from the form of a POST (RFC 6750 §2.1 and §2.2).
pub(super) fn bearer(headers: &HeaderMap, body: &[u8]) -> Result<String, Refusal> {
    if let Some(token) = credentials(headers, "Bearer") {
        return Ok(token.to_owned());
    }
    if body.is_empty() {
        return Err(Refusal::no_token());
    }
    form(headers, body)?.get("access_token").map(str::to_owned).ok_or_else(Refusal::no_token)
}

fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Refusal> {
    let Some(text) = credentials(headers, "Basic") else { return Ok(None) };
    let malformed = || Refusal::new(ErrorCode::InvalidClient, "The Basic credentials cannot be read.");
    let bytes = STANDARD.decode(text).map_err(|_| malformed())?;
    let pair = String::from_utf8(bytes).map_err(|_| malformed())?;
    let (id, secret) = pair.split_once(':').ok_or_else(malformed)?;
    Ok(Some((oidc::decode_component(id), oidc::decode_component(secret))))
}

fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (found, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then(|| value.trim())
}

/// What an `error_description` may hold (RFC 6749 §5.2): printable ASCII without `"` and `\`.
fn ascii(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' || c == ' ' { c } else { '?' })
        .collect()
}
