//! Tokens signed with a real key, and every way in which one can be wrong.

#![allow(clippy::unwrap_used)] // a helper that fails must stop its test

use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kernel::Timestamp;
use oidc::{
    Claims, IdClaims, Jwks, LogoutClaims, OtherId, SigningKey, TokenError, Verifier, at_hash, claimed,
};
use serde_json::{Value, json};

const ISSUER: &str = "https://localhost:8802/auth/realms/esante-wallet";
const NOW: i64 = 1_795_000_000;

static KEY: LazyLock<SigningKey> = LazyLock::new(new_key);
static OTHER_KEY: LazyLock<SigningKey> = LazyLock::new(new_key);

fn new_key() -> SigningKey {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let body = STANDARD.encode(der.as_ref());
    SigningKey::from_pem(&format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"))
        .unwrap()
}

fn verifier() -> Verifier {
    Verifier::new(ISSUER, &Jwks { keys: vec![KEY.jwk().clone()] })
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn claims() -> Claims {
    Claims {
        exp: NOW + 120,
        iat: NOW,
        auth_time: Some(NOW - 3_489),
        jti: "5b4f9a52-6c1e-4d51-9d0b-0e8f5b9c2a11".into(),
        iss: ISSUER.into(),
        sub: "f:4f0c3c1e-7b2a-4a57-8f53-1d2f0b6a9c77:899700000018".into(),
        typ: "Bearer".into(),
        azp: "lps".into(),
        nonce: String::new(),
        session_state: "s-1".into(),
        sid: "s-1".into(),
        acr: "eidas3".into(),
        scope: "openid scope_all".into(),
        auth_mode: Some("CARD".into()),
        other_ids: vec![OtherId { identifiant: "899700000018".into(), origine: "RPPS".into(), qualite: 1 }],
        preferred_username: "899700000018".into(),
        subject_name_id: None,
        cnf: None,
    }
}

fn forged(header: Value, payload: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap());
    format!("{}.{}.{}", part(&header), part(payload), signature)
}

#[test]
fn a_good_token_gives_its_claims_until_its_last_second() {
    let token = KEY.sign(&claims()).unwrap();
    assert_eq!(verifier().access(&token, at(NOW)), Ok(claims()));
    assert_eq!(
        verifier().access(&token, at(NOW + 119)).unwrap().national_id().as_deref(),
        Some("899700000018")
    );
    assert_eq!(verifier().access(&token, at(NOW + 120)), Err(TokenError::Expired));
    let lenient = verifier().with_leeway(Duration::from_secs(30));
    assert!(lenient.access(&token, at(NOW + 149)).is_ok());
    assert_eq!(lenient.access(&token, at(NOW + 150)), Err(TokenError::Expired));
    assert!(lenient.access(&token, at(NOW - 30)).is_ok());
    assert_eq!(lenient.access(&token, at(NOW - 31)), Err(TokenError::NotYetValid));
}

#[test]
fn the_token_has_exactly_the_claims_of_a_psc_token() {
    let value = serde_json::to_value(claims()).unwrap();
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut expected = vec![
        "exp",
        "iat",
        "auth_time",
        "jti",
        "iss",
        "sub",
        "typ",
        "azp",
        "nonce",
        "session_state",
        "sid",
        "acr",
        "scope",
        "authMode",
        "otherIds",
        "preferred_username",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn each_forgery_is_named() {
    let payload = serde_json::to_value(claims()).unwrap();
    let kid = KEY.kid();
    let good = KEY.sign(&claims()).unwrap();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let check = |token: &str| verifier().access(token, at(NOW)).unwrap_err();

    for alg in ["none", "None", "HS256", "RS384", "PS256", "ES256"] {
        assert_eq!(
            check(&forged(json!({"alg": alg, "kid": kid}), &payload, "")),
            TokenError::Algorithm,
            "{alg}"
        );
    }
    // HS256 with the public key as secret: the classical confusion.
    let key = jsonwebtoken_hs256(&payload, kid, KEY.jwk().n.as_bytes());
    assert_eq!(check(&key), TokenError::Algorithm);
    assert_eq!(check(&forged(json!({"alg": "RS256"}), &payload, signature)), TokenError::UnknownKey);
    assert_eq!(
        check(&forged(json!({"alg": "RS256", "kid": "x"}), &payload, signature)),
        TokenError::UnknownKey
    );
    assert_eq!(check(&OTHER_KEY.sign(&claims()).unwrap()), TokenError::UnknownKey);
    assert_eq!(check(&forged(json!({"alg": "RS256", "kid": kid}), &payload, "")), TokenError::Signature);
    assert_eq!(check(&forged(json!({"alg": "RS256", "kid": kid}), &payload, "&&")), TokenError::Signature);
    let mut other = payload.clone();
    other["preferred_username"] = json!("899700000026");
    assert_eq!(check(&forged(json!({"alg": "RS256", "kid": kid}), &other, signature)), TokenError::Signature);
    assert_eq!(check(signed), TokenError::Malformed);
    for junk in ["", "a", "..", "a.b.c", "é.é.é", &"a.".repeat(9_000), &format!("{good}.x")] {
        assert_eq!(check(junk), TokenError::Malformed, "{junk}");
    }
    let critical = forged(json!({"alg": "RS256", "kid": kid, "crit": ["b64"]}), &payload, signature);
    assert_eq!(check(&critical), TokenError::Malformed);
}

fn jsonwebtoken_hs256(payload: &Value, kid: &str, secret: &[u8]) -> String {
    let unsigned = forged(json!({"alg": "HS256", "kid": kid}), payload, "");
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
    let tag = aws_lc_rs::hmac::sign(&key, unsigned.trim_end_matches('.').as_bytes());
    format!("{unsigned}{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

#[test]
fn a_well_signed_token_can_still_be_wrong() {
    let check = |change: &dyn Fn(&mut Claims)| {
        let mut wrong = claims();
        change(&mut wrong);
        verifier().access(&KEY.sign(&wrong).unwrap(), at(NOW)).unwrap_err()
    };
    assert_eq!(check(&|c| c.iss = ISSUER.replace("localhost", "other")), TokenError::Issuer);
    assert_eq!(check(&|c| c.iss.push('/')), TokenError::Issuer);
    assert_eq!(check(&|c| c.exp = NOW), TokenError::Expired);
    assert_eq!(check(&|c| c.iat = NOW + 1), TokenError::NotYetValid);
    assert_eq!(check(&|c| c.acr = "eidas4".into()), TokenError::Acr);
    assert_eq!(check(&|c| c.acr = String::new()), TokenError::Acr);
    assert_eq!(check(&|c| c.typ = "Refresh".into()), TokenError::Type);
    // An expired token of another environment is told as such: issuer before dates.
    assert_eq!(check(&|c| (c.iss, c.exp) = ("x".into(), 1)), TokenError::Issuer);
    let without_jti =
        KEY.sign(&json!({"exp": NOW + 9, "iat": NOW, "iss": ISSUER, "sub": "x", "typ": "Bearer"})).unwrap();
    assert_eq!(verifier().access(&without_jti, at(NOW)), Err(TokenError::Malformed));
}

#[test]
fn an_id_token_is_checked_as_a_client_must() {
    let id = IdClaims {
        exp: NOW + 120,
        iat: NOW,
        auth_time: Some(NOW),
        jti: "j".into(),
        iss: ISSUER.into(),
        aud: "lps".into(),
        sub: "f:u:899700000018".into(),
        typ: "ID".into(),
        azp: "lps".into(),
        nonce: "n-1".into(),
        session_state: "s".into(),
        sid: "s".into(),
        at_hash: Some(at_hash("access")),
        acr: "eidas1".into(),
        subject_name_id: Some("899700000018".into()),
        preferred_username: "899700000018".into(),
        given_name: None,
        family_name: None,
    };
    let token = KEY.sign(&id).unwrap();
    let check = |client: &str, nonce: &str, access: Option<&str>, now: i64| {
        verifier().id_token(&token, client, nonce, access, at(now)).map(|_| ())
    };
    assert_eq!(check("lps", "n-1", Some("access"), NOW), Ok(()));
    assert_eq!(check("other", "n-1", None, NOW), Err(TokenError::Audience));
    assert_eq!(check("lps", "n-2", None, NOW), Err(TokenError::Nonce));
    assert_eq!(check("lps", "n-1", Some("another"), NOW), Err(TokenError::AccessTokenHash));
    assert_eq!(check("lps", "n-1", None, NOW + 120), Err(TokenError::Expired));
    assert!(verifier().id_token_hint(&token).is_ok());
    assert_eq!(verifier().access(&token, at(NOW)), Err(TokenError::Type));
    assert!(verifier().id_token_hint(&KEY.sign(&claims()).unwrap()).is_err());
}

#[test]
fn what_a_token_claims_is_read_without_belief() {
    let payload = serde_json::to_value(claims()).unwrap();
    let (jti, identity) = claimed(&forged(json!({"alg": "none"}), &payload, ""));
    assert_eq!(jti.as_deref(), Some("5b4f9a52-6c1e-4d51-9d0b-0e8f5b9c2a11"));
    assert_eq!(identity.as_deref(), Some("899700000018"));
    assert_eq!(claimed("nonsense"), (None, None));
    let (jti, identity) =
        claimed(&forged(json!({}), &json!({"jti": 3, "otherIds": "x", "sub": "a\u{7}b"}), ""));
    assert_eq!((jti, identity.as_deref()), (None, Some("ab")));
    let long = claimed(&forged(json!({}), &json!({"jti": "x".repeat(5_000)}), "")).0;
    assert_eq!(long.map(|jti| jti.len()), Some(128));
}

#[test]
fn a_key_keeps_its_name_and_its_secret() {
    assert_eq!(KEY.kid().len(), 43);
    assert_ne!(KEY.kid(), OTHER_KEY.kid());
    assert!(format!("{:?}", *KEY).len() < 100);
    assert!(SigningKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").is_err());
    let published: Jwks = serde_json::from_value(json!({"keys": [
        {"kty": "EC", "kid": "e", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "RSA", "kid": "enc", "use": "enc", "n": "AQAB", "e": "AQAB"},
        serde_json::to_value(KEY.jwk()).unwrap(),
    ]}))
    .unwrap();
    let verifier = Verifier::new(ISSUER, &published);
    assert!(verifier.access(&KEY.sign(&claims()).unwrap(), at(NOW)).is_ok());
}

#[test]
fn several_issuers_are_accepted_each_with_its_own_keys() {
    let elsewhere = "https://auth.bas.example/auth/realms/esante-wallet";
    let theirs = Jwks { keys: vec![OTHER_KEY.jwk().clone()] };
    let both = verifier().and(elsewhere, &theirs);
    let foreign = Claims { iss: elsewhere.into(), ..claims() };
    assert!(both.access(&KEY.sign(&claims()).unwrap(), at(NOW)).is_ok());
    assert!(both.access(&OTHER_KEY.sign(&foreign).unwrap(), at(NOW)).is_ok());
    // A key of one realm never vouches for the other.
    assert_eq!(both.access(&KEY.sign(&foreign).unwrap(), at(NOW)), Err(TokenError::UnknownKey));
    assert_eq!(both.access(&OTHER_KEY.sign(&claims()).unwrap(), at(NOW)), Err(TokenError::UnknownKey));
    assert_eq!(verifier().access(&OTHER_KEY.sign(&foreign).unwrap(), at(NOW)), Err(TokenError::UnknownKey));
    let third = Claims { iss: "https://elsewhere.example".into(), ..claims() };
    assert_eq!(both.access(&KEY.sign(&third).unwrap(), at(NOW)), Err(TokenError::Issuer));
    let again = both.and(elsewhere, &Jwks { keys: vec![KEY.jwk().clone()] });
    assert!(again.access(&KEY.sign(&foreign).unwrap(), at(NOW)).is_ok(), "a second set replaces the first");
}

#[test]
fn a_logout_token_is_one_and_nothing_else() {
    let good = LogoutClaims::new(ISSUER, "lps", "s-1", "sub", at(NOW));
    let read =
        |claims: &Value| verifier().logout_token(&KEY.sign_as("logout+jwt", claims).unwrap(), "lps", at(NOW));
    let value = serde_json::to_value(&good).unwrap();
    assert_eq!(read(&value), Ok(good));
    for (change, error) in [
        (json!({"aud": "other"}), TokenError::Audience),
        (json!({"events": {}}), TokenError::Type),
        (json!({"nonce": "n"}), TokenError::Type),
        (json!({"iss": "https://elsewhere"}), TokenError::Issuer),
        (json!({"exp": NOW}), TokenError::Expired),
        (json!({"iat": NOW + 1}), TokenError::NotYetValid),
        (json!({"sid": null, "sub": null}), TokenError::Malformed),
    ] {
        let mut changed = value.clone();
        changed.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(read(&changed), Err(error), "{change}");
    }
    assert_eq!(
        verifier().logout_token(&KEY.sign(&claims()).unwrap(), "lps", at(NOW)),
        Err(TokenError::Malformed),
        "an access token is none"
    );
    let hint = KEY.sign_as("logout+jwt", &value).unwrap();
    assert!(verifier().access(&hint, at(NOW)).is_err() && verifier().id_token_hint(&hint).is_err());
}

#[test]
fn a_key_cannot_sign_in_the_name_of_another() {
    let token = OTHER_KEY.sign_under(KEY.kid(), "JWT", &claims()).unwrap();
    assert_eq!(verifier().access(&token, at(NOW)), Err(TokenError::Signature));
}
