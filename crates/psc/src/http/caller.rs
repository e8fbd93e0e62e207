//! Who calls: the form, and the client's authentication (RFC 6749 §2.3.1, RFC 8705 §2).

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oidc::{ErrorCode, Form};
use web::{ClientCertificate, Peer};

use super::answer::Refusal;
use crate::client::Client;
use crate::provider::Psc;

/// What must never travel in an address: it would be in every log on the way (RFC 6749 §3.2, RFC 6750 §5.3).
const NEVER_IN_QUERY: [&str; 8] = [
    "access_token",
    "token",
    "refresh_token",
    "code",
    "client_secret",
    "auth_req_id",
    "subject_token",
    "id_token",
];

/// What of a request tells who is calling: an extractor that never fails.
pub(super) struct Visitor {
    pub(super) peer: Option<Peer>,
    pub(super) certificate: Option<ClientCertificate>,
    pub(super) headers: HeaderMap,
    query: String,
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self {
            peer: parts.extensions.get::<Peer>().copied(),
            certificate: parts.extensions.get::<ClientCertificate>().cloned(),
            headers: std::mem::take(&mut parts.headers),
            query: parts.uri.query().unwrap_or_default().to_owned(),
        })
    }
}

impl Visitor {
    /// Reads a form body; each parameter once, none of them huge, nothing secret in the address.
    pub(super) fn form(&self, body: &[u8]) -> Result<Form, Refusal> {
        self.clean_address()?;
        let media_type = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(invalid("The body must be application/x-www-form-urlencoded."));
        }
        let form = Form::parse(body).map_err(|repeated| invalid(&ascii(&repeated.to_string())))?;
        if form.longest() > oidc::LONGEST_TOKEN {
            return Err(invalid("A parameter is longer than 16384 bytes."));
        }
        Ok(form)
    }

    /// The client that the request claims to come from; nothing is checked, so nothing may be decided on it.
    pub(super) fn claimed(&self, body: &[u8]) -> String {
        let by_header = self.basic().ok().flatten().map(|(id, _)| id);
        let by_form = || Form::parse(body).ok()?.get("client_id").map(str::to_owned);
        by_header.or_else(by_form).unwrap_or_default()
    }

    /// The session that the form's refresh token or code belongs to, as words for what is told of the request (` sid=…`), empty
    /// where there is none; nothing is checked, so nothing may be decided on it.
    pub(super) fn session(&self, psc: &Psc, body: &[u8]) -> String {
        let form = Form::parse(body).unwrap_or_default();
        let by_token = form.get("refresh_token").and_then(|token| psc.sessions().trace(token));
        let sid = by_token.or_else(|| form.get("code").and_then(|code| psc.sessions().trace_code(code)));
        sid.map(|sid| format!(" sid={sid}")).unwrap_or_default()
    }

    /// The client, by `client_secret_basic`, `client_secret_post` or `tls_client_auth`.
    pub(super) fn client(&self, psc: &Psc, form: &Form) -> Result<Client, Refusal> {
        let (id, secret) = match (self.basic()?, form.get("client_secret")) {
            (Some(_), Some(_)) => {
                return Err(invalid("Two ways of authenticating the client were used; one is enough."));
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
            (None, None) => return self.by_certificate(psc, form),
        };
        match psc.client(&id) {
            Some(client) if client.has_secret(&secret) => Ok(client),
            // One answer for both, so that names of clients cannot be tried out.
            _ => Err(refused("Unknown client, or wrong client secret.")),
        }
    }

    /// Whether the certificate shown is the one that the client registered.
    pub(super) fn shows_certificate_of(&self, client: &Client) -> bool {
        let facts = self.certificate.as_ref().and_then(|shown| tls::certificate_facts(&shown.0).ok());
        facts.is_some_and(|facts| client.has_subject(&facts.subject))
    }

    /// A bearer token from the header, or from the form of a POST (RFC 6750 §2.1 and §2.2); never from the address.
    pub(super) fn bearer(&self, body: &[u8]) -> Result<String, Refusal> {
        self.clean_address()?;
        if let Some(token) = self.credentials("Bearer") {
            return Ok(token.to_owned());
        }
        if body.is_empty() {
            return Err(Refusal::no_token());
        }
        self.form(body)?.get("access_token").map(str::to_owned).ok_or_else(Refusal::no_token)
    }

    fn by_certificate(&self, psc: &Psc, form: &Form) -> Result<Client, Refusal> {
        if self.certificate.is_none() {
            let description = "Public clients are refused: authenticate with the client secret, or with the \
                               certificate that the client registered.";
            return Err(refused(description));
        }
        let id = form.get("client_id").ok_or_else(|| refused("client_id is missing."))?;
        psc.client(id)
            .filter(|client| self.shows_certificate_of(client))
            .ok_or_else(|| refused("Unknown client, or not the certificate that it registered."))
    }

    fn clean_address(&self) -> Result<(), Refusal> {
        let query = Form::parse(self.query.as_bytes()).unwrap_or_default();
        if query.has_any(&NEVER_IN_QUERY) {
            let description = "A token, code or secret never travels in an address: use the Authorization header or \
                               the body. Consider this one as known to others.";
            return Err(invalid(description));
        }
        Ok(())
    }

    fn basic(&self) -> Result<Option<(String, String)>, Refusal> {
        let Some(text) = self.credentials("Basic") else { return Ok(None) };
        let malformed = || refused("The Basic credentials cannot be read.");
        let bytes = STANDARD.decode(text).map_err(|_| malformed())?;
        let pair = String::from_utf8(bytes).map_err(|_| malformed())?;
        let (id, secret) = pair.split_once(':').ok_or_else(malformed)?;
        Ok(Some((oidc::decode_component(id), oidc::decode_component(secret))))
    }

    fn credentials(&self, scheme: &str) -> Option<&str> {
        let (found, value) = self.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        found.eq_ignore_ascii_case(scheme).then(|| value.trim())
    }
}

/// A parameter that must be there.
pub(super) fn needed<'a>(form: &'a Form, name: &str) -> Result<&'a str, Refusal> {
    form.get(name).ok_or_else(|| invalid(&format!("{name} is missing.")))
}

pub(super) fn invalid(description: &str) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, description)
}

fn refused(description: &str) -> Refusal {
    Refusal::new(ErrorCode::InvalidClient, description)
}

/// What an `error_description` may hold (RFC 6749 §5.2): printable ASCII without `"` and `\`.
fn ascii(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' || c == ' ' { c } else { '?' })
        .collect()
}
