//! What the sandbox does wrong on demand, and what a client that checks finds.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use kernel::Secret;
use oidc::{TokenError, TokenResponse};
use psc::PscFault;
use serde_json::json;

use crate::world::{CLIENT, DOCTOR, VERIFIER, World, at};

async fn login(world: &World) -> TokenResponse {
    world.redeem(&world.code().await, VERIFIER).await.tokens()
}

fn judged(world: &World, tokens: &TokenResponse) -> (Option<TokenError>, Option<TokenError>) {
    let (verifier, now) = (world.psc.verifier(), world.psc.now());
    let access = tokens.access_token.reveal();
    let id = tokens.id_token.as_ref().unwrap().reveal();
    (
        verifier.access(access, now).err(),
        verifier.id_token(id, CLIENT, "n-0S6_WzA2Mj", Some(access), now).err(),
    )
}

#[tokio::test]
async fn each_bad_token_breaks_the_rule_that_its_fault_names() {
    let world = World::new();
    for (fault, error) in [
        (PscFault::Expired, TokenError::Expired),
        (PscFault::Future, TokenError::NotYetValid),
        (PscFault::WrongIssuer, TokenError::Issuer),
        (PscFault::WrongKey, TokenError::Signature),
        (PscFault::AlgNone, TokenError::Algorithm),
        (PscFault::MissingClaims, TokenError::Malformed),
    ] {
        let armed = world.psc.arm(CLIENT, fault, 1);
        let tokens = login(&world).await;
        assert_eq!(judged(&world, &tokens), (Some(error), Some(error)), "{fault}");
        assert_eq!(judged(&world, &login(&world).await), (None, None), "{fault} strikes once");
        assert_eq!(armed.disarm(), 1);
    }
    assert!(world.psc.armed().is_empty());
}

#[tokio::test]
async fn another_identity_is_found_by_comparing_with_the_user_information() {
    let world = World::new();
    let _armed = world.psc.arm(CLIENT, PscFault::OtherIdentity, 1);
    let tokens = login(&world).await;
    assert_eq!(judged(&world, &tokens), (None, None), "the token is perfect, and somebody else's");
    let access = tokens.access_token.reveal();
    let claims = world.psc.verifier().access(access, world.psc.now()).unwrap();
    assert_ne!(claims.national_id().as_deref(), Some(DOCTOR));
    let info = world.user_info(access).await.json();
    assert_eq!(info["SubjectNameID"], DOCTOR);
    assert_ne!(info["sub"], json!(claims.sub));
}

#[tokio::test]
async fn a_skew_of_five_minutes_is_seen_and_a_leeway_of_thirty_seconds_is_kept() {
    let world = World::new();
    let tokens = login(&world).await;
    let access = tokens.access_token.reveal();
    let verifier = world.psc.verifier().with_leeway(Duration::from_secs(30));
    let (ahead, behind) =
        (world.psc.now() + Duration::from_secs(300), world.psc.now() - Duration::from_secs(300));
    assert_eq!(verifier.access(access, ahead).err(), Some(TokenError::Expired));
    assert_eq!(verifier.access(access, behind).err(), Some(TokenError::NotYetValid));
    assert!(verifier.access(access, world.psc.now() - Duration::from_secs(29)).is_ok());
}

#[tokio::test]
async fn refreshes_are_refused_or_their_session_is_killed() {
    let world = World::new();
    let first = login(&world).await.refresh_token.unwrap();
    let armed = world.psc.arm(CLIENT, PscFault::RefreshRefused, 1);
    assert_eq!(world.refresh(first.reveal()).await.error(), "400 invalid_grant");
    assert_eq!(armed.used(), 1);
    let tokens = world.refresh(first.reveal()).await.tokens();
    assert!(world.psc.session_lasts(&tokens.session_state), "refused, not ended");
    let _killed = world.psc.arm(CLIENT, PscFault::SessionKilled, 1);
    assert_eq!(world.refresh(tokens.refresh_token.unwrap().reveal()).await.error(), "400 invalid_grant");
    assert!(!world.psc.session_lasts(&tokens.session_state));

    let tokens = login(&world).await;
    let _killed = world.psc.arm(CLIENT, PscFault::SessionKilled, 1);
    assert_eq!(world.user_info(tokens.access_token.reveal()).await.error(), "401 invalid_token");
}

#[tokio::test]
async fn a_rotated_key_makes_clients_fetch_the_set_again_and_old_tokens_live_on() {
    let world = World::new();
    let old = login(&world).await;
    let before = world.psc.verifier();
    let _armed = world.psc.arm(CLIENT, PscFault::JwksRotated, 1);
    let new = login(&world).await;
    assert_eq!(
        before.access(new.access_token.reveal(), world.psc.now()).err(),
        Some(TokenError::UnknownKey),
        "a set fetched before the rotation"
    );
    assert_eq!(judged(&world, &new), (None, None));
    assert_eq!(judged(&world, &old), (None, None), "the old key is still published");
    assert_eq!(world.psc.jwks().keys.len(), 2);
    world.wait(4 * 3600);
    assert_eq!(world.psc.jwks().keys.len(), 1, "until the longest session is over");
}

#[tokio::test]
async fn an_outage_is_of_one_client_or_of_all() {
    let world = World::new();
    let tokens = login(&world).await;
    let armed = world.psc.arm(CLIENT, PscFault::Unavailable503, None);
    let refused = world.post("token", &[]).await;
    assert_eq!(refused.error(), "503 temporarily_unavailable");
    assert_eq!(refused.headers["retry-after"], "2");
    assert_eq!(world.user_info(tokens.access_token.reveal()).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.ciba(&[]).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.page(&crate::world::query(&[])).await.0.status, StatusCode::SERVICE_UNAVAILABLE);
    let other = [("client_id", "other"), ("client_secret", "x"), ("token", "x")];
    assert_eq!(world.post_bare("token/introspect", &other).await.status, StatusCode::OK);
    let certs = async || world.realm(Request::get(at("certs")).body(Body::empty()).unwrap()).await;
    assert_eq!(certs().await.status, StatusCode::OK, "keys are everybody's");
    drop(armed);
    assert_eq!(world.post("token", &[]).await.error(), "400 invalid_request");
    let _all = world.psc.arm("*", PscFault::Unavailable503, None);
    assert_eq!(certs().await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.post_bare("token/introspect", &other).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_slow_answer_comes_late_and_comes() {
    let world = World::new();
    let _armed = world.psc.arm(CLIENT, PscFault::Slow(Duration::from_millis(150)), 1);
    let start = tokio::time::Instant::now();
    assert_eq!(world.post("token", &[]).await.error(), "400 invalid_request");
    assert!(start.elapsed() >= Duration::from_millis(150));
    let log = world.psc.client_log(CLIENT);
    assert!(log.iter().any(|event| event.text == "fault: slow:150ms"), "{log:?}");
}

#[tokio::test]
async fn a_provider_that_is_down_closes_the_connection_and_comes_back() {
    let world = World::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(web::serve_http(listener, world.psc.realm(), stopped));
    let http =
        reqwest::Client::builder().tls_backend_preconfigured(trusting_nobody()).no_proxy().build().unwrap();
    let address = format!("http://127.0.0.1:{port}{}", at("token"));
    let credentials = oidc::basic_credentials(CLIENT, &Secret::new(crate::world::SECRET.into()));
    let post = || http.post(&address).header("authorization", credentials.reveal()).body("").send();
    let armed = world.psc.arm(CLIENT, PscFault::Down, None);
    let error = post().await.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
    drop(armed);
    assert_eq!(post().await.unwrap().status(), 400, "up again");
}

#[tokio::test]
async fn what_is_armed_can_be_seen_and_disarmed() {
    let world = World::new();
    let kept = world.psc.arm(CLIENT, PscFault::Down, 3).keep();
    let _guard = world.psc.arm("*", PscFault::Expired, None);
    let states = world.psc.armed();
    assert_eq!((states.len(), states[0].id, states[0].left, states[1].left), (2, kept, Some(3), None));
    assert!(world.psc.disarm(kept) && !world.psc.disarm(kept));
    assert_eq!(world.psc.disarm_client("*"), 1);
    assert_eq!(judged(&world, &login(&world).await), (None, None));
}

fn trusting_nobody() -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

#[tokio::test]
async fn tokens_are_made_as_they_are_wished_for() {
    let world = World::new();
    let bound_to = Some(oidc::Confirmation::of(b"certificate"));
    let wish = psc::TokenWish { padding: 4_096, bound_to: bound_to.clone(), ..psc::TokenWish::default() };
    let long = world.psc.issue_tokens_as(DOCTOR, CLIENT, wish).unwrap();
    let token = long.response.access_token.reveal();
    assert!(token.len() > 5_000, "{}", token.len());
    assert_eq!(world.psc.verifier().access(token, world.psc.now()).unwrap().cnf, bound_to);
    for (fault, error) in [
        (PscFault::Expired, oidc::TokenError::Expired),
        (PscFault::AlgNone, oidc::TokenError::Algorithm),
        (PscFault::WrongIssuer, oidc::TokenError::Issuer),
    ] {
        let wish = psc::TokenWish { fault: Some(fault), ..psc::TokenWish::default() };
        let wrong = world.psc.issue_tokens_as(DOCTOR, CLIENT, wish).unwrap();
        let access = wrong.response.access_token.reveal();
        assert_eq!(world.psc.verifier().access(access, world.psc.now()), Err(error));
        let next = world.refresh(wrong.response.refresh_token.unwrap().reveal()).await.tokens();
        assert!(world.psc.verifier().access(next.access_token.reveal(), world.psc.now()).is_ok(), "{fault}");
    }
}
