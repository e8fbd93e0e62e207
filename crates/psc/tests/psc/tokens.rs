//! The token endpoint, with everything that a client can get wrong.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use oidc::at_hash;
use std::time::Duration;

use crate::world::{CALLBACK, CLIENT, DOCTOR, ISSUER, SECRET, VERIFIER, World, at};

#[tokio::test]
async fn a_code_gives_tokens_as_psc_makes_them() {
    let world = World::new();
    let code = world.code().await;
    let answer = world.redeem(&code, VERIFIER).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(
        (answer.header(header::CACHE_CONTROL), answer.header(header::PRAGMA)),
        ("no-store", "no-cache")
    );
    let json = answer.json();
    assert_eq!(
        (&json["token_type"], &json["expires_in"], &json["refresh_expires_in"]),
        (&"Bearer".into(), &120.into(), &1800.into())
    );
    assert_eq!((&json["scope"], &json["not-before-policy"]), (&"openid scope_all".into(), &0.into()));
    let tokens = answer.tokens();
    let access = tokens.access_token.reveal();
    let claims = world.psc.verifier().access(access, world.psc.now()).unwrap();
    assert_eq!(claims.national_id().as_deref(), Some(DOCTOR));
    assert_eq!((claims.exp - claims.iat, claims.azp.as_str(), claims.iss.as_str()), (120, CLIENT, ISSUER));
    assert_eq!((claims.acr.as_str(), claims.auth_mode.as_deref()), ("eidas3", Some("CARD")));
    assert_eq!((&claims.sid, &claims.session_state), (&tokens.session_state, &tokens.session_state));
    let id_token = tokens.id_token.unwrap();
    let verifier = world.psc.verifier();
    let id =
        verifier.id_token(id_token.reveal(), CLIENT, "n-0S6_WzA2Mj", Some(access), world.psc.now()).unwrap();
    assert_eq!((id.acr.as_str(), id.at_hash.as_deref()), ("eidas1", Some(at_hash(access).as_str())));
    assert_eq!((id.sid.as_str(), id.subject_name_id.as_deref()), (claims.sid.as_str(), Some(DOCTOR)));
}

#[tokio::test]
async fn a_code_used_twice_closes_the_session() {
    let world = World::new();
    let code = world.code().await;
    let tokens = world.redeem(&code, VERIFIER).await.tokens();
    assert_eq!(world.user_info(tokens.access_token.reveal()).await.status, StatusCode::OK);
    assert_eq!(world.redeem(&code, VERIFIER).await.error(), "400 invalid_grant");
    assert_eq!(world.user_info(tokens.access_token.reveal()).await.error(), "401 invalid_token");
    assert_eq!(world.refresh(tokens.refresh_token.unwrap().reveal()).await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn a_code_that_is_late_foreign_or_unproven_is_refused() {
    let world = World::new();
    let code = world.code().await;
    world.wait(59);
    assert_eq!(world.redeem(&code, VERIFIER).await.status, StatusCode::OK);
    let code = world.code().await;
    world.wait(60);
    assert_eq!(world.redeem(&code, VERIFIER).await.error(), "400 invalid_grant");
    let code = world.code().await;
    let wrong = "wrong-verifier-wrong-verifier-wrong-verifier-1";
    assert_eq!(world.redeem(&code, wrong).await.error(), "400 invalid_grant");
    assert_eq!(world.redeem("never-issued", VERIFIER).await.error(), "400 invalid_grant");
    assert_eq!(world.redeem(&world.code().await, "short").await.error(), "400 invalid_request");
    let code = world.code().await;
    let stolen = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", "other"),
        ("client_secret", "x"),
    ];
    assert_eq!(world.post_bare("token", &stolen).await.error(), "400 invalid_grant");
    assert_eq!(world.redeem(&code, VERIFIER).await.status, StatusCode::OK, "a thief's attempt harms nobody");
}

#[tokio::test]
async fn clients_authenticate_one_way_and_well() {
    let world = World::new();
    let set = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    let token = set.response.refresh_token.unwrap();
    let form = |more: &[(&'static str, &'static str)]| {
        let mut pairs = vec![("grant_type", "refresh_token"), ("refresh_token", token.reveal().as_str())];
        pairs.extend_from_slice(more);
        pairs
    };
    let wrong = world.post_bare("token", &form(&[("client_id", CLIENT), ("client_secret", "wrong")])).await;
    assert_eq!(wrong.error(), "401 invalid_client");
    assert!(wrong.header(header::WWW_AUTHENTICATE).starts_with("Basic"));
    let unknown =
        world.post_bare("token", &form(&[("client_id", "nobody"), ("client_secret", SECRET)])).await;
    assert_eq!(unknown.text, wrong.text, "names of clients cannot be tried out");
    assert_eq!(world.post_bare("token", &form(&[("client_id", CLIENT)])).await.error(), "401 invalid_client");
    assert_eq!(
        world.post_bare("token", &form(&[("client_secret", SECRET)])).await.error(),
        "401 invalid_client"
    );
    assert_eq!(world.post("token", &form(&[("client_secret", SECRET)])).await.error(), "400 invalid_request");
    assert_eq!(world.post("token", &form(&[("client_id", "other")])).await.error(), "401 invalid_client");
    for header_value in ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Digest x"] {
        let request = Request::post(at("token"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::AUTHORIZATION, header_value);
        let body = Body::from(oidc::encode_pairs(form(&[])));
        assert_eq!(
            world.realm(request.body(body).unwrap()).await.error(),
            "401 invalid_client",
            "{header_value}"
        );
    }
    let good = world.post_bare("token", &form(&[("client_id", CLIENT), ("client_secret", SECRET)])).await;
    assert_eq!(good.status, StatusCode::OK, "{}", good.text);
}

#[tokio::test]
async fn malformed_requests_are_named() {
    let world = World::new();
    assert_eq!(world.post("token", &[]).await.error(), "400 invalid_request");
    assert_eq!(
        world.post("token", &[("grant_type", "password")]).await.error(),
        "400 unsupported_grant_type"
    );
    assert_eq!(
        world.post("token", &[("grant_type", "authorization_code")]).await.error(),
        "400 invalid_request"
    );
    let twice = [("grant_type", "refresh_token"), ("grant_type", "refresh_token")];
    assert_eq!(world.post("token", &twice).await.error(), "400 invalid_request");
    let json = Request::post(at("token")).header(header::CONTENT_TYPE, "application/json");
    assert_eq!(world.realm(json.body(Body::from("{}")).unwrap()).await.error(), "400 invalid_request");
    let huge = Request::post(at("token")).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let huge = world.realm(huge.body(Body::from(vec![b'a'; 100_000])).unwrap()).await;
    assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE);
    let get = world.realm(Request::get(at("token")).body(Body::empty()).unwrap()).await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_used_one_ends_the_session() {
    let world = World::new();
    let first = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    let old = first.response.refresh_token.clone().unwrap();
    world.wait(100);
    let second = world.refresh(old.reveal()).await.tokens();
    assert_ne!(second.refresh_token.as_ref(), Some(&old));
    let verifier = world.psc.verifier();
    let before = verifier.access(first.response.access_token.reveal(), world.psc.now()).unwrap();
    let after = verifier.access(second.access_token.reveal(), world.psc.now()).unwrap();
    assert_eq!((before.sid, before.auth_time), (after.sid, after.auth_time));
    assert_ne!(before.jti, after.jti);
    let newest = second.refresh_token.unwrap();
    let widened = [
        ("grant_type", "refresh_token"),
        ("refresh_token", newest.reveal().as_str()),
        ("scope", "openid admin"),
    ];
    assert_eq!(world.post("token", &widened).await.error(), "400 invalid_scope");
    let reused = world.refresh(old.reveal()).await;
    assert_eq!(reused.error(), "400 invalid_grant");
    assert!(reused.text.contains("used already"), "{}", reused.text);
    assert_eq!(world.refresh(newest.reveal()).await.error(), "400 invalid_grant", "the session is over");
    assert_eq!(world.user_info(second.access_token.reveal()).await.error(), "401 invalid_token");
}

#[tokio::test]
async fn a_refresh_token_dies_after_thirty_idle_minutes() {
    let world = World::new();
    let set = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    world.wait(29 * 60);
    let next = world.refresh(set.response.refresh_token.unwrap().reveal()).await.tokens();
    world.wait(30 * 60);
    assert_eq!(world.refresh(next.refresh_token.unwrap().reveal()).await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn a_token_for_scripts_has_the_life_that_was_asked() {
    let world = World::new();
    let set = world.psc.issue_tokens(DOCTOR, CLIENT, Some(Duration::from_secs(5))).unwrap();
    let verifier = world.psc.verifier();
    let access = set.response.access_token.reveal();
    assert_eq!(verifier.access(access, world.psc.now()).unwrap().jti, set.jti);
    assert_eq!(set.response.expires_in, Duration::from_secs(5));
    world.wait(5);
    assert_eq!(verifier.access(access, world.psc.now()), Err(oidc::TokenError::Expired));
    assert!(set.expires <= world.psc.now() && world.psc.session_lasts(&set.sid));
    let refreshed = world.refresh(set.response.refresh_token.unwrap().reveal()).await.tokens();
    assert_eq!(refreshed.expires_in, Duration::from_secs(120));
    let dead = world.psc.issue_tokens(DOCTOR, CLIENT, Some(Duration::ZERO)).unwrap();
    assert!(verifier.access(dead.response.access_token.reveal(), world.psc.now()).is_err());
    assert!(matches!(world.psc.issue_tokens("8", CLIENT, None), Err(psc::Error::UnknownIdentity(_))));
    assert!(matches!(world.psc.issue_tokens(DOCTOR, "nobody", None), Err(psc::Error::UnknownClient(_))));
}

#[tokio::test]
async fn an_identity_that_leaves_takes_its_sessions_along() {
    let world = World::new();
    let set = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    assert!(world.psc.remove_identity(DOCTOR));
    assert_eq!(world.user_info(set.response.access_token.reveal()).await.error(), "401 invalid_token");
    assert_eq!(
        world.refresh(set.response.refresh_token.unwrap().reveal()).await.error(),
        "400 invalid_grant"
    );
    assert!(!world.psc.session_lasts(&set.sid));
}
