//! The relying party against the modules of the OpenID conformance suite's plans for relying parties
//! (`oidcc-client-basic-certification-test-plan`, `oidcc-client-config-…`, `oidcc-client-refreshtoken-…`), one test each,
//! and what PSC's rules add.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kernel::{Clock, RetryClass, Secret};
use lps::psc::{Breach, ClientAuthentication, Config, Error, LoginOptions, RelyingParty};
use serde_json::{Value, json};

use crate::peer::trust;
use crate::provider::{Answer, CALLBACK, DOCTOR, Provider, jwt, key};

/// What a login at a provider that lies like this comes to.
async fn refused(lie: impl Fn(&mut Answer) + Send + Sync + 'static) -> Breach {
    let provider = Provider::lying(lie).await;
    match provider.log_in(&provider.party()).await {
        Err(Error::Breach(breach)) => breach,
        other => panic!("not refused: {other:?}"),
    }
}

fn claim(name: &'static str, value: Value) -> impl Fn(&mut Answer) + Send + Sync + 'static {
    move |answer| {
        answer.claims.insert(name.into(), value.clone());
    }
}

fn without(name: &'static str) -> impl Fn(&mut Answer) + Send + Sync + 'static {
    move |answer| {
        answer.claims.remove(name);
    }
}

#[tokio::test]
async fn client_test_and_scope_userinfo_claims_and_idtoken_sig_rs256() {
    let provider = Provider::honest().await;
    let session = provider.log_in(&provider.party()).await.unwrap();
    let person = session.person();
    assert_eq!((person.national_id.as_str(), person.profession.as_deref()), (DOCTOR, Some("10")));
    assert_eq!((person.given_name.as_deref(), person.family_name.as_deref()), (Some("KIT"), Some("DOC")));
    assert_eq!(session.sid(), "session-1");
    let token = session.access_token().await.unwrap();
    assert!(provider.asked("/userinfo")[0].authorization == format!("Bearer {}", token.reveal()));
    assert_eq!(provider.asked("/certs").len(), 1);
}

#[tokio::test]
async fn client_secret_basic() {
    let provider = Provider::honest().await;
    provider.log_in(&provider.party()).await.unwrap();
    let asked = provider.asked("/token").remove(0);
    let expected = oidc::basic_credentials("product", &Secret::new("s3cr&t+%".into()));
    assert_eq!(asked.authorization, *expected.reveal());
    assert!(!asked.body.contains("client_secret"));
}

#[tokio::test]
async fn client_secret_post_and_tls_client_auth() {
    let provider = Provider::lying(|answer| {
        let issuer = answer.discovery["issuer"].as_str().unwrap().to_owned();
        answer.discovery.insert(
            "mtls_endpoint_aliases".into(),
            json!({"token_endpoint": format!("{issuer}/mtls/token")}),
        );
    })
    .await;
    let config = |authentication| {
        Config::new(&provider.issuer, "product", authentication, CALLBACK, trust(&provider.lab))
    };
    let post = config(ClientAuthentication::Post(Secret::new("a b".into())));
    provider.log_in(&RelyingParty::new(post, Clock::system()).unwrap()).await.unwrap();
    let certificate = config(ClientAuthentication::Certificate);
    provider.log_in(&RelyingParty::new(certificate, Clock::system()).unwrap()).await.unwrap();
    let asked = provider.asked("token");
    assert!(
        asked[0].body.ends_with("client_id=product&client_secret=a+b") && asked[0].authorization.is_empty()
    );
    assert!(
        asked[1].body.ends_with("&client_id=product") && asked[1].path == "/realm/mtls/token",
        "{}",
        asked[1].path
    );
}

#[tokio::test]
async fn invalid_iss() {
    assert_eq!(refused(claim("iss", json!("https://other.example/realm"))).await, Breach::Issuer);
}

#[tokio::test]
async fn missing_sub() {
    assert_eq!(refused(without("sub")).await, Breach::Claim("sub"));
}

#[tokio::test]
async fn invalid_aud() {
    assert_eq!(refused(claim("aud", json!("another"))).await, Breach::Audience);
}

#[tokio::test]
async fn missing_iat() {
    assert_eq!(refused(without("iat")).await, Breach::Claim("iat"));
}

#[tokio::test]
async fn kid_absent_single_jwks() {
    let provider = Provider::lying(|answer| drop(answer.header.remove("kid"))).await;
    assert_eq!(provider.log_in(&provider.party()).await.unwrap().person().national_id, DOCTOR);
}

#[tokio::test]
async fn kid_absent_multiple_jwks() {
    let breach = refused(|answer| {
        answer.header.remove("kid");
        answer.jwks.push(key(1).jwk.clone());
    });
    assert_eq!(breach.await, Breach::AmbiguousKey);
}

#[tokio::test]
async fn idtoken_sig_none() {
    let breach = refused(|answer| {
        answer.header.insert("alg".into(), json!("none"));
        answer.signer = None;
    });
    assert_eq!(breach.await, Breach::Algorithm);
}

#[tokio::test]
async fn idtoken_sig_hs256_with_the_client_secret() {
    let breach = refused(|answer| drop(answer.header.insert("alg".into(), json!("HS256"))));
    assert_eq!(breach.await, Breach::Algorithm);
}

#[tokio::test]
async fn invalid_sig_rs256() {
    assert_eq!(refused(|answer| answer.spoil = true).await, Breach::Signature);
    assert_eq!(refused(|answer| answer.signer = None).await, Breach::Signature);
    assert_eq!(refused(|answer| answer.signer = Some(1)).await, Breach::Signature);
}

#[tokio::test]
async fn userinfo_invalid_sub() {
    let other = |answer: &mut Answer| drop(answer.userinfo.insert("sub".into(), json!("f:u:899700000026")));
    assert_eq!(refused(other).await, Breach::UserinfoSubject);
    assert_eq!(refused(|answer| drop(answer.userinfo.remove("sub"))).await, Breach::UserinfoSubject);
}

#[tokio::test]
async fn nonce_invalid() {
    assert_eq!(refused(claim("nonce", json!("of another request"))).await, Breach::Nonce);
    assert_eq!(refused(without("nonce")).await, Breach::Nonce);
}

#[tokio::test]
async fn other_claims_that_have_no_sense() {
    let now = Clock::system().now().as_second();
    for (name, value, breach) in [
        ("aud", json!(["product", "another"]), Breach::Audience),
        ("aud", json!([]), Breach::Audience),
        ("aud", json!(null), Breach::Claim("aud")),
        ("azp", json!("another"), Breach::AuthorizedParty),
        ("exp", json!(now - 60), Breach::Expired),
        ("exp", json!("tomorrow"), Breach::Claim("exp")),
        ("exp", json!(null), Breach::Claim("exp")),
        ("iat", json!(now + 300), Breach::NotYetValid),
        ("nbf", json!(now + 300), Breach::NotYetValid),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA"), Breach::AccessTokenHash),
        ("acr", json!("0"), Breach::Level),
        ("acr", json!(null), Breach::Level),
        ("sub", json!(""), Breach::Claim("sub")),
        ("typ", json!("Refresh"), Breach::Claim("typ")),
    ] {
        assert_eq!(refused(claim(name, value.clone())).await, breach, "{name}: {value}");
    }
    let provider = Provider::lying(claim("aud", json!(["product"]))).await;
    provider.log_in(&provider.party()).await.unwrap();
}

#[tokio::test]
async fn clocks_may_differ_a_little() {
    let now = Clock::system().now().as_second();
    let provider = Provider::lying(move |answer| {
        answer.claims.extend([("iat".into(), json!(now + 20)), ("exp".into(), json!(now + 140))]);
    })
    .await;
    provider.log_in(&provider.party()).await.unwrap();
    let mut config = provider.config();
    config.leeway = std::time::Duration::from_secs(61);
    assert!(matches!(RelyingParty::new(config, Clock::system()), Err(Error::Config(_))));
}

#[tokio::test]
async fn an_id_token_that_is_none_of_the_kind() {
    for (token, breach) in [
        (json!("a.b"), Breach::Malformed),
        (json!("a.b.c"), Breach::Malformed),
        (json!("e30.e30.e30.e30"), Breach::Malformed),
        (json!("e30.e30."), Breach::Algorithm),
        (json!("x".repeat(20_000)), Breach::Malformed),
    ] {
        let lie = move |answer: &mut Answer| drop(answer.tokens.insert("id_token".into(), token.clone()));
        assert_eq!(refused(lie).await, breach);
    }
    assert_eq!(
        refused(|answer| drop(answer.tokens.insert("id_token".into(), json!(null)))).await,
        Breach::NoIdToken
    );
    let critical = |answer: &mut Answer| drop(answer.header.insert("crit".into(), json!(["x"])));
    assert_eq!(refused(critical).await, Breach::Malformed);
}

#[tokio::test]
async fn signing_key_rotation_is_followed_with_one_more_look_at_the_keys() {
    let rotated = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&rotated);
    let provider = Provider::lying(move |answer| {
        if seen.load(Ordering::SeqCst) {
            answer.header.insert("kid".into(), json!(key(1).jwk.kid));
            answer.signer = Some(1);
            answer.jwks = vec![key(0).jwk.clone(), key(1).jwk.clone()];
        }
    })
    .await;
    let party = provider.party();
    provider.log_in(&party).await.unwrap();
    rotated.store(true, Ordering::SeqCst);
    provider.log_in(&party).await.unwrap();
    provider.log_in(&party).await.unwrap();
    assert_eq!(provider.asked("/certs").len(), 2, "once at first, once for the new key");
}

#[tokio::test]
async fn a_key_that_is_nowhere_is_looked_for_once() {
    let provider = Provider::lying(|answer| drop(answer.header.insert("kid".into(), json!("nowhere")))).await;
    let party = provider.party();
    assert_eq!(provider.log_in(&party).await.unwrap_err(), Error::Breach(Breach::Key));
    assert_eq!(provider.asked("/certs").len(), 1);
}

#[tokio::test]
async fn discovery_by_either_name_and_only_of_the_issuer() {
    let standard = Provider::lying(|answer| {
        if answer.endpoint == "wallet-openid-configuration" {
            answer.instead = Some((404, "<html>".into()));
        }
    })
    .await;
    standard.log_in(&standard.party()).await.unwrap();
    assert_eq!(standard.asked("/openid-configuration").len(), 1);
    let discovery = |name: &'static str, value: &'static str| {
        move |answer: &mut Answer| drop(answer.discovery.insert(name.into(), json!(value)))
    };
    assert_eq!(refused(discovery("issuer", "https://other.example")).await, Breach::DiscoveryIssuer);
    for (name, bad) in [
        ("token_endpoint", "http://localhost/token"),
        ("jwks_uri", "file:///etc/passwd"),
        ("authorization_endpoint", "javascript:alert(1)"),
        ("authorization_endpoint", "http://wallet.example/auth"),
    ] {
        assert_eq!(refused(discovery(name, bad)).await, Breach::DiscoveryEndpoint, "{name}");
    }
}

#[tokio::test]
async fn the_wallet_of_the_settings_wins() {
    let provider = Provider::honest().await;
    let mut config = provider.config();
    config.authorization_endpoint = Some("https://wallet.example/auth?a=b".into());
    let party = RelyingParty::new(config, Clock::system()).unwrap();
    let mut options = LoginOptions::default();
    options.login_hint = Some("8 é".into());
    let login = party.begin_login(options).await.unwrap();
    assert!(login.url.starts_with("https://wallet.example/auth?a=b&response_type=code&"), "{}", login.url);
    assert!(login.url.contains("login_hint=8+%C3%A9"));
}

#[tokio::test]
async fn a_callback_that_is_not_the_answer() {
    let provider = Provider::honest().await;
    let party = provider.party();
    for (change, error) in [
        (("state", ""), Error::Breach(Breach::State)),
        (("state", "another"), Error::Breach(Breach::State)),
        (("iss", ""), Error::Breach(Breach::CallbackIssuer)),
        (("iss", "https://evil.example"), Error::Breach(Breach::CallbackIssuer)),
        (("code", ""), Error::Breach(Breach::Callback)),
        (("code", "guessed"), Error::LoginAgain),
        (("error", "access_denied"), Error::Denied),
        (
            ("error", "temporarily_unavailable"),
            Error::Unavailable("temporarily_unavailable, HTTP 302".into()),
        ),
        (("error", "<script>"), Error::Refused("HTTP 302".into())),
    ] {
        let login = party.begin_login(LoginOptions::default()).await.unwrap();
        let query = provider.accept(&login.url);
        let kept = query.split('&').filter(|pair| !pair.starts_with(&format!("{}=", change.0)));
        let mut query = kept.collect::<Vec<_>>().join("&");
        query.push_str(&format!("&{}", oidc::encode_pairs([change])));
        assert_eq!(party.finish_login(&login.handle, &query).await.unwrap_err(), error, "{change:?}");
        assert_eq!(
            party.finish_login(&login.handle, &query).await.unwrap_err(),
            Error::UnknownLogin,
            "once only"
        );
    }
    let login = party.begin_login(LoginOptions::default()).await.unwrap();
    let twice = format!("{}&code=x", provider.accept(&login.url));
    assert_eq!(party.finish_login(&login.handle, &twice).await.unwrap_err(), Error::Breach(Breach::Callback));
    let login = party.begin_login(LoginOptions::default()).await.unwrap();
    let huge = format!("{}&x={}", provider.accept(&login.url), "y".repeat(10_000));
    assert_eq!(party.finish_login(&login.handle, &huge).await.unwrap_err(), Error::Breach(Breach::Callback));
}

#[tokio::test]
async fn another_browser_cannot_finish_a_login_nor_can_one_that_comes_late() {
    let (clock, hands) = Clock::manual(Clock::system().now());
    let provider = Provider::at(clock, |_| {}).await;
    let party = provider.party();
    let mine = party.begin_login(LoginOptions::default()).await.unwrap();
    let other = party.begin_login(LoginOptions::default()).await.unwrap();
    let query = provider.accept(&mine.url);
    assert_eq!(party.finish_login(&other.handle, &query).await.unwrap_err(), Error::Breach(Breach::State));
    assert_eq!(party.finish_login("", &query).await.unwrap_err(), Error::UnknownLogin);
    hands.advance(std::time::Duration::from_secs(600));
    assert_eq!(party.finish_login(&mine.handle, &query).await.unwrap_err(), Error::UnknownLogin);
    assert!(provider.asked("/token").is_empty(), "no code was spent");
}

#[tokio::test]
async fn a_locked_session_goes_on_with_the_same_person_only() {
    let provider = Provider::honest().await;
    let party = provider.party();
    for (person, outcome) in [(DOCTOR, Ok(())), ("899700000026", Err(Error::Breach(Breach::Person)))] {
        let mut options = LoginOptions::default();
        options.person = Some(person.into());
        let login = party.begin_login(options).await.unwrap();
        assert!(login.url.contains(&format!("login_hint={person}")));
        let query = provider.accept(&login.url);
        assert_eq!(party.finish_login(&login.handle, &query).await.map(drop), outcome);
    }
}

#[tokio::test]
async fn trouble_at_psc_is_temporary_and_a_wrong_registration_is_not() {
    for (status, body, error) in [
        (503, "<html>", Error::Unavailable("HTTP 503".into())),
        (429, r#"{"error":"slow"}"#, Error::Unavailable("HTTP 429".into())),
        (401, r#"{"error":"invalid_client"}"#, Error::Refused("invalid_client".into())),
        (302, "", Error::Breach(Breach::Answer(302))),
        (200, "[]", Error::Breach(Breach::Answer(200))),
    ] {
        let provider = Provider::lying(move |answer| {
            if answer.endpoint == "token" {
                answer.instead = Some((status, body.into()));
            }
        })
        .await;
        let outcome = provider.log_in(&provider.party()).await.unwrap_err();
        assert_eq!(outcome, error);
        let retry = kernel::Failure::from(outcome.clone()).retry;
        assert_eq!(retry == RetryClass::Later, outcome.is_retryable());
    }
    let provider = Provider::honest().await;
    let mut config = provider.config();
    config.issuer = "https://localhost:1/realm".into();
    let party = RelyingParty::new(config, Clock::system()).unwrap();
    assert!(party.begin_login(LoginOptions::default()).await.unwrap_err().is_retryable());
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let provider = Provider::honest().await;
    let party = provider.party();
    let login = party.begin_login(LoginOptions::default()).await.unwrap();
    let query = provider.accept(&login.url);
    let session = party.finish_login(&login.handle, &query).await.unwrap();
    let token = session.access_token().await.unwrap();
    let logout = session.logout().await.unwrap();
    let shown =
        format!("{party:?} {:?} {login:?} {session:?} {:?} {logout:?}", provider.config(), session.person());
    for secret in ["s3cr", "eyJ", token.reveal(), login.handle.as_str(), DOCTOR] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn the_providers_own_tokens_are_what_they_seem() {
    let object = json!({"a": 1}).as_object().unwrap().clone();
    assert_eq!(jwt(&object, &object, None, false), "eyJhIjoxfQ.eyJhIjoxfQ.");
}
