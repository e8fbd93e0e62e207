//! Tokens that are wrong on purpose: each breaks the rule that its fault names, and no other.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::fault::PscFault;
use crate::keys::Fresh;
use crate::provider::Psc;
use crate::tokens::subject;

/// How long ago an expired token died, in seconds: past the five minutes of skew that clients forgive at most.
const LONG_DEAD: i64 = 330;

/// How far ahead a token of the future is born, in seconds: `mod_auth_openidc` forgives ten minutes.
const AHEAD: i64 = 3_600;

/// The person named instead, where the sandbox has no other: of the test range, nobody's.
const SOMEBODY: &str = "899700999994";

/// Signs claims after having broken them, or breaks the signature.
pub(crate) fn sign<T: serde::Serialize>(psc: &Psc, claims: &T, fault: PscFault) -> Result<String, String> {
    let value = serde_json::to_value(claims).map_err(|error| error.to_string())?;
    let Value::Object(mut claims) = value else { return Err("claims are no object".into()) };
    match fault {
        PscFault::Expired => shift(psc, &mut claims, -LONG_DEAD),
        PscFault::Future => {
            shift(psc, &mut claims, AHEAD);
            claims.insert("nbf".into(), claims["iat"].clone());
        }
        PscFault::WrongIssuer => {
            claims.insert("iss".into(), json!(format!("{}-autre", psc.issuer())));
        }
        PscFault::OtherIdentity => rename(psc, &mut claims),
        PscFault::MissingClaims => {
            for name in ["sub", "preferred_username", "otherIds", "SubjectNameID", "acr", "auth_time"] {
                claims.remove(name);
            }
        }
        PscFault::AlgNone => {
            let part = |value: &Value| kernel::base64url(value.to_string().as_bytes());
            let header = part(&json!({"alg": "none", "typ": "JWT"}));
            return Ok(format!("{header}.{}.", part(&Value::Object(claims))));
        }
        PscFault::WrongKey => {
            let stranger = stranger()?;
            let signed = stranger.sign_under(psc.key().kid(), "JWT", &claims);
            return signed.map_err(|error| error.to_string());
        }
        _ => {}
    }
    psc.key().sign(&claims).map_err(|error| error.to_string())
}

/// Moves birth and end: an expired token ends so long ago, a future one is born so far ahead.
fn shift(psc: &Psc, claims: &mut Map<String, Value>, by: i64) {
    let time = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or_default();
    let life = time("exp") - time("iat");
    let born = if by < 0 { psc.now().as_second() + by - life } else { psc.now().as_second() + by };
    claims.insert("iat".into(), json!(born));
    claims.insert("exp".into(), json!(born + life));
}

fn rename(psc: &Psc, claims: &mut Map<String, Value>) {
    let right = claims.get("preferred_username").and_then(Value::as_str).unwrap_or_default().to_owned();
    let other = psc
        .identities()
        .into_iter()
        .find(|person| person.national_id != right)
        .unwrap_or_else(|| crate::Identity::test(SOMEBODY));
    claims.insert("sub".into(), json!(subject(&other.national_id)));
    for (name, value) in [
        ("preferred_username", json!(other.national_id)),
        ("SubjectNameID", json!(other.national_id)),
        ("otherIds", json!(other.other_ids())),
        ("given_name", json!(other.given_name)),
        ("family_name", json!(other.family_name)),
    ] {
        if claims.contains_key(name) {
            claims.insert(name.into(), value);
        }
    }
}

/// A key that nobody publishes, made once.
fn stranger() -> Result<&'static oidc::SigningKey, String> {
    static STRANGER: OnceLock<oidc::SigningKey> = OnceLock::new();
    if let Some(key) = STRANGER.get() {
        return Ok(key);
    }
    let key = Fresh::make().map_err(|error| error.to_string())?.into_key();
    Ok(STRANGER.get_or_init(|| key))
}
