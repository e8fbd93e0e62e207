//! Exchange of a PSC token for a token of an API (RFC 8693, "API Pro Santé Connectées").
//!
//! In the field each API has its own authorization server; the sandbox plays it at PSC's token endpoint, so that an LPS
//! can rehearse the call. What it gives says `typ: API` and opens no mailbox.

use std::time::Duration;

use axum::response::Response;
use kernel::Secret;
use oidc::{ACCESS_TOKEN_TYPE, Claims, Confirmation, ErrorCode, Form};
use serde_json::json;

use super::answer::{self, Refusal};
use super::caller::{Visitor, invalid, needed};
use super::resource;
use crate::client::Client;
use crate::provider::Psc;
use crate::session::uuid;
use crate::tokens::sign;

/// Life of an API's token: the ANS recommends one to four hours.
const LIFE: Duration = Duration::from_secs(3_600);

/// The other kind of subject token that the ANS's guide allows.
const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The exchange: mutual TLS with the structure's certificate, each subject token once.
pub(super) fn exchange(
    psc: &Psc,
    client: &Client,
    visitor: &Visitor,
    form: &Form,
) -> Result<(Response, String), Refusal> {
    let Some(shown) = visitor.certificate.as_ref().filter(|_| visitor.shows_certificate_of(client)) else {
        let description = "Token exchange needs mutual TLS with the certificate that the client registered.";
        return Err(Refusal::new(ErrorCode::InvalidClient, description));
    };
    let token = needed(form, "subject_token")?;
    if !matches!(needed(form, "subject_token_type")?, ACCESS_TOKEN_TYPE | JWT_TYPE) {
        return Err(invalid("subject_token_type must be an access token or a JWT."));
    }
    if form.get("requested_token_type").is_some_and(|kind| !matches!(kind, ACCESS_TOKEN_TYPE | JWT_TYPE)) {
        return Err(invalid("requested_token_type must be an access token or a JWT."));
    }
    let scope = form.get("scope").unwrap_or_default();
    if scope.len() > 1_000 || !scope.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
        return Err(Refusal::new(
            ErrorCode::InvalidScope,
            "scope must be printable ASCII, at most 1000 bytes.",
        ));
    }
    // RFC 8693 §2.2.2: a subject token that is invalid for any reason is an invalid request.
    let (subject, _) = resource::live(psc, visitor, token).map_err(|refusal| {
        invalid(&format!("The subject token cannot be exchanged: {}", refusal.description))
    })?;
    let now = psc.now();
    if !psc.sessions().spend(&subject.jti, subject.exp, now) {
        return Err(invalid("The subject token was exchanged already: each serves once."));
    }
    let life = if psc.timing().accelerated { psc.timing().access_token } else { LIFE };
    let claims = Claims {
        exp: now.as_second().saturating_add(i64::try_from(life.as_secs()).unwrap_or(i64::MAX)),
        iat: now.as_second(),
        jti: uuid(),
        typ: oidc::API_TOKEN.into(),
        azp: client.id().to_owned(),
        nonce: String::new(),
        scope: scope.to_owned(),
        cnf: Some(Confirmation::of(&shown.0)),
        ..subject
    };
    let Some(issued) = sign(psc, &claims, None) else {
        return Err(Refusal::new(ErrorCode::ServerError, "The token could not be signed."));
    };
    let outcome = format!(
        "token granted by=exchange client={} identity={} jti={} sid={} sha256={}",
        client.id(),
        claims.preferred_username,
        claims.jti,
        claims.sid,
        issued.fingerprint()
    );
    let body = json!({
        "access_token": issued.reveal(),
        "issued_token_type": ACCESS_TOKEN_TYPE,
        "token_type": "Bearer",
        "expires_in": life.as_secs(),
        "scope": scope,
    });
    Ok((answer::tokens(&Secret::new(body.to_string())), outcome))
}
