use std::time::Duration;

use kernel::{Secret, Timestamp};
use oidc::{Claims, Confirmation, IdClaims, TokenResponse, at_hash};

use crate::fault::PscFault;
use crate::forge;
use crate::identity::Identity;
use crate::provider::Psc;
use crate::session::{Renewed, Session, uuid};

/// The federation that subjects belong to: the middle of every `sub`. Its value means nothing, and differs between
/// environments in the real service too.
const FEDERATION: &str = "0d1f5f0e-6a55-4c0b-9f0b-6d0a3b7c2e91";

/// Tokens just issued, with what identifies them in a transcript.
#[derive(Clone, Debug)]
pub struct TokenSet {
    /// The access token's `jti`.
    pub jti: String,
    /// The session.
    pub sid: String,
    /// End of the access token's life.
    pub expires: Timestamp,
    /// The tokens, as the token endpoint answers them; [`TokenResponse::to_json`] gives the answer.
    pub response: TokenResponse,
}

/// How tokens without a browser are to be ([`Psc::issue_tokens_as`]); by default as any others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenWish {
    /// Life of the access token, in whole seconds; zero gives one that has expired already. The usual one where `None`.
    pub life: Option<Duration>,
    /// What is wrong with the tokens; faults of answers ([`PscFault::is_of_tokens`] says no) change nothing here.
    pub fault: Option<PscFault>,
    /// Octets that the access token's claims carry besides (claim `padding`): real tokens grow with what is in them, and
    /// a client must not depend on their length.
    pub padding: usize,
    /// The certificate that the access token is bound to (RFC 8705 §3).
    pub bound_to: Option<Confirmation>,
}

/// What tokens are made with, beside the session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recipe {
    /// Life of the access token.
    pub(crate) life: Duration,
    /// Octets that the access token carries besides.
    pub(crate) padding: usize,
    /// The certificate that it is bound to.
    pub(crate) cnf: Option<Confirmation>,
    /// What is wrong with it.
    pub(crate) fault: Option<PscFault>,
}

/// Signs tokens for a session whose refresh token was just made. `None` where the key cannot sign (which is logged).
pub(crate) fn issue(psc: &Psc, renewed: Renewed, person: &Identity, recipe: &Recipe) -> Option<TokenSet> {
    let now = psc.now();
    let session = &renewed.session;
    let claims = access_claims(psc, session, person, recipe, now);
    let access_token = match recipe.padding {
        0 => sign(psc, &claims, recipe.fault)?,
        octets => {
            let mut padded = serde_json::to_value(&claims).ok()?;
            padded["padding"] = serde_json::Value::String("x".repeat(octets));
            sign(psc, &padded, recipe.fault)?
        }
    };
    let id = id_claims(&claims, person, session, access_token.reveal());
    let id_token = sign(psc, &id, recipe.fault)?;
    let response = TokenResponse {
        access_token,
        expires_in: Duration::from_secs(recipe.life.as_secs()),
        refresh_token: Some(renewed.refresh_token),
        refresh_expires_in: Duration::from_secs(u64::try_from(renewed.life).unwrap_or(0)),
        id_token: Some(id_token),
        session_state: session.sid.clone(),
        scope: session.consent.scope.clone(),
    };
    Some(TokenSet { jti: claims.jti.clone(), sid: session.sid.clone(), expires: claims.expires(), response })
}

/// The `sub` of a person.
pub(crate) fn subject(national_id: &str) -> String {
    format!("f:{FEDERATION}:{national_id}")
}

/// Signs claims with the realm's key, or wrongly.
pub(crate) fn sign<T: serde::Serialize>(
    psc: &Psc,
    claims: &T,
    fault: Option<PscFault>,
) -> Option<Secret<String>> {
    let signed = match fault {
        Some(fault) => forge::sign(psc, claims, fault),
        None => psc.key().sign(claims).map_err(|error| error.to_string()),
    };
    match signed {
        Ok(token) => Some(Secret::new(token)),
        Err(error) => {
            tracing::error!(error, "a token could not be signed");
            None
        }
    }
}

fn access_claims(psc: &Psc, session: &Session, person: &Identity, recipe: &Recipe, now: Timestamp) -> Claims {
    let consent = &session.consent;
    let life = i64::try_from(recipe.life.as_secs()).unwrap_or(i64::MAX);
    Claims {
        exp: now.as_second().saturating_add(life),
        iat: now.as_second(),
        auth_time: Some(session.auth_time.as_second()),
        jti: uuid(),
        iss: psc.issuer().to_owned(),
        sub: subject(&person.national_id),
        typ: "Bearer".into(),
        azp: consent.client_id.clone(),
        nonce: consent.nonce.clone(),
        session_state: session.sid.clone(),
        sid: session.sid.clone(),
        acr: consent.mode.acr().into(),
        scope: consent.scope.clone(),
        auth_mode: Some(consent.mode.name().into()),
        other_ids: person.other_ids(),
        preferred_username: person.national_id.clone(),
        subject_name_id: None,
        cnf: recipe.cnf.clone(),
    }
}

fn id_claims(access: &Claims, person: &Identity, session: &Session, access_token: &str) -> IdClaims {
    IdClaims {
        exp: access.exp,
        iat: access.iat,
        auth_time: access.auth_time,
        jti: uuid(),
        iss: access.iss.clone(),
        aud: access.azp.clone(),
        sub: access.sub.clone(),
        typ: "ID".into(),
        azp: access.azp.clone(),
        nonce: session.consent.nonce.clone(),
        session_state: session.sid.clone(),
        sid: session.sid.clone(),
        at_hash: Some(at_hash(access_token)),
        acr: oidc::ACR_REQUESTED.into(),
        subject_name_id: Some(person.national_id.clone()),
        preferred_username: person.national_id.clone(),
        given_name: Some(person.given_name.clone()),
        family_name: Some(person.family_name.clone()),
    }
}
