//! The bad input that a provider must stand, one test each: RFC errors, in the client's log, without a token.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use kernel::Secret;
use oidc::{encode_pairs, pkce};

use crate::world::{CALLBACK, CLIENT, DOCTOR, SECRET, VERIFIER, World, at, form_to, query};

#[tokio::test]
async fn redirect_near_misses_are_shown_to_the_person_and_never_followed() {
    let world = World::new();
    for near in [
        "http://localhost:9999/cb",
        "http://localhost:9999/cb?from=psc&x=1",
        "http://localhost:9999/cb?from=psc#",
        "http://localhost:9999/cb/?from=psc",
        "http://LOCALHOST:9999/cb?from=psc",
        "http://localhost:9999//cb?from=psc",
        "http://localhost:9999/a/../cb?from=psc",
        "http://localhost:99999/cb?from=psc",
        "https://localhost:9999/cb?from=psc",
        "http://localhost.evil.test:9999/cb?from=psc",
        "http://localhost:9999@evil.test/cb?from=psc",
        "http://localhost:9999\\@evil.test/cb?from=psc",
        " http://localhost:9999/cb?from=psc",
        "http://localhost:9999/cb?from=psc ",
        "http://localhost:9999/cb%3Ffrom=psc",
        "http://localhost:9999/cb?from=psc\r\nLocation: https://evil.test",
    ] {
        let (page, ..) = world.page(&query(&[("redirect_uri", near)])).await;
        assert_eq!((page.status, page.header(header::LOCATION)), (StatusCode::BAD_REQUEST, ""), "{near:?}");
    }
    assert!(world.psc.client_log(CLIENT).iter().all(|event| !event.good));
}

#[tokio::test]
async fn nothing_redirects_to_an_address_that_is_not_registered() {
    let world = World::new();
    for (path, value) in [
        ("/lang", "back=https://evil.test/&lang=en"),
        ("/lang", "back=//evil.test/&lang=en"),
        ("/lang", "back=/\\evil.test/&lang=en"),
    ] {
        let request = form_to(path).header(header::HOST, "127.0.0.1:8805");
        let back = world.wallet(request.body(Body::from(value)).unwrap()).await;
        assert_eq!(back.header(header::LOCATION), "/", "{value}");
    }
    let set = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    let hint = set.response.id_token.unwrap();
    for target in
        ["https://evil.test/", "http://localhost:9999/bye/", "http://localhost:9999/bye?x", "//evil.test"]
    {
        let pairs = [("id_token_hint", hint.reveal().as_str()), ("post_logout_redirect_uri", target)];
        let page = world.post_bare("logout", &pairs).await;
        assert_eq!((page.status, page.header(header::LOCATION)), (StatusCode::BAD_REQUEST, ""), "{target}");
    }
}

#[tokio::test]
async fn a_code_replayed_kills_the_session_and_is_logged() {
    let world = World::new();
    let code = world.code().await;
    let tokens = world.redeem(&code, VERIFIER).await.tokens();
    assert_eq!(world.redeem(&code, VERIFIER).await.error(), "400 invalid_grant");
    assert_eq!(world.user_info(tokens.access_token.reveal()).await.error(), "401 invalid_token");
    let log = world.psc.client_log(CLIENT);
    assert!(log.iter().any(|event| event.text.contains("used already") && !event.good), "{log:?}");
    assert!(log.iter().all(|event| !event.text.contains(&code)));
}

#[tokio::test]
async fn pkce_missing_or_wrong_gives_no_token() {
    let world = World::new();
    for (name, value) in
        [("code_challenge", ""), ("code_challenge_method", ""), ("code_challenge_method", "plain")]
    {
        let back = world.authorize(&query(&[(name, value)]), "").await;
        assert_eq!(back.sent("error").as_deref(), Some("invalid_request"), "{name}={value}");
    }
    let code = world.code().await;
    let without = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK)];
    assert_eq!(world.post("token", &without).await.error(), "400 invalid_request");
    let code = world.code().await;
    assert_eq!(world.redeem(&code, &pkce::verifier()).await.error(), "400 invalid_grant");
    assert_eq!(world.redeem(&code, VERIFIER).await.error(), "400 invalid_grant", "spent by the wrong one");
}

#[tokio::test]
async fn a_missing_state_is_refused() {
    let world = World::new();
    let back = world.authorize(&query(&[("state", "")]), "").await;
    assert_eq!((back.sent("error").as_deref(), back.sent("state")), (Some("invalid_request"), None));
}

#[tokio::test]
async fn duplicate_parameters_are_refused_everywhere() {
    let world = World::new();
    for name in ["client_id", "redirect_uri", "state", "nonce", "scope", "unheard_of"] {
        let page = world.authorize(&format!("{}&{name}=a&{name}=b", query(&[])), "").await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{name}");
    }
    for endpoint in ["token", "token/introspect", "revoke", "ext/ciba/auth"] {
        let twice = world.post(endpoint, &[("token", "a"), ("token", "b")]).await;
        assert_eq!(twice.error(), "400 invalid_request", "{endpoint}");
    }
}

#[tokio::test]
async fn huge_parameters_are_refused_everywhere() {
    let world = World::new();
    let long = "x".repeat(3_000);
    for name in ["state", "nonce", "scope", "login_hint", "kc_idp_hint", "ui_locales"] {
        let back = world.authorize(&query(&[(name, &long)]), "").await;
        assert_eq!(back.sent("error").as_deref(), Some("invalid_request"), "{name}");
    }
    let long = "x".repeat(17_000);
    for endpoint in ["token", "token/introspect", "revoke", "ext/ciba/auth"] {
        assert_eq!(
            world.post(endpoint, &[("token", &long)]).await.error(),
            "400 invalid_request",
            "{endpoint}"
        );
        let huge = world.post(endpoint, &[("token", &"x".repeat(70_000))]).await;
        assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE, "{endpoint}");
    }
    assert_eq!(world.user_info(&"x".repeat(20_000)).await.error(), "401 invalid_token");
}

#[tokio::test]
async fn a_wrong_content_type_is_refused() {
    let world = World::new();
    for endpoint in ["token", "token/introspect", "revoke", "ext/ciba/auth"] {
        for media_type in ["application/json", "text/plain", "multipart/form-data; boundary=x", ""] {
            let credentials = oidc::basic_credentials(CLIENT, &Secret::new(SECRET.into()));
            let request = Request::post(at(endpoint))
                .header(header::CONTENT_TYPE, media_type)
                .header(header::AUTHORIZATION, credentials.reveal());
            let refused = world.realm(request.body(Body::from("grant_type=x")).unwrap()).await;
            assert_eq!(refused.error(), "400 invalid_request", "{endpoint} {media_type}");
        }
    }
}

#[tokio::test]
async fn a_token_in_an_address_is_refused_even_where_it_is_good() {
    let world = World::new();
    let set = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    let access = set.response.access_token.reveal();
    let query = encode_pairs([("access_token", access.as_str())]);
    let address = format!("{}?{query}", at("userinfo"));
    let get = world.realm(Request::get(&address).body(Body::empty()).unwrap()).await;
    assert_eq!(get.error(), "400 invalid_request");
    let both = Request::get(&address).header(header::AUTHORIZATION, format!("Bearer {access}"));
    assert_eq!(world.realm(both.body(Body::empty()).unwrap()).await.error(), "400 invalid_request");
    let refresh = set.response.refresh_token.unwrap();
    let query = encode_pairs([("refresh_token", refresh.reveal().as_str())]);
    let credentials = oidc::basic_credentials(CLIENT, &Secret::new(SECRET.into()));
    let request =
        form_to(&format!("{}?{query}", at("token"))).header(header::AUTHORIZATION, credentials.reveal());
    let refused = world.realm(request.body(Body::from("grant_type=refresh_token")).unwrap()).await;
    assert_eq!(refused.error(), "400 invalid_request");
    assert!(!refused.text.contains(refresh.reveal()));
}

#[tokio::test]
async fn forms_of_other_sites_and_of_other_browsers_do_nothing() {
    let world = World::new();
    world.ciba(&[]).await;
    let (page, seal, cookie) = world.desk("/ecps", "").await;
    let number = page.between("name=\"request\" value=\"", "\"");
    let (_, other_seal, other_cookie) = world.desk("/ecps", "").await;
    assert!(seal != other_seal && cookie != other_cookie);
    let accept = |seal: &str| encode_pairs([("seal", seal), ("request", &number), ("choice", "accept")]);
    for (seal, cookie) in [
        ("", &cookie),
        ("x", &cookie),
        (&other_seal, &cookie),
        (&seal, &other_cookie),
        (&seal, &String::new()),
    ] {
        let pairs = [("seal", seal), ("request", number.as_str()), ("choice", "accept")];
        assert_eq!(world.submit("/ecps", cookie, &pairs).await.status, StatusCode::FORBIDDEN);
    }
    let foreign = form_to("/ecps")
        .header(header::HOST, "127.0.0.1:8805")
        .header(header::ORIGIN, "https://evil.test")
        .header(header::COOKIE, &cookie);
    let refused = world.wallet(foreign.body(Body::from(accept(&seal))).unwrap()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    for path in [
        "/identities",
        "/identities/remove",
        "/identities/samples",
        "/clients",
        "/clients/secret",
        "/clients/remove",
        "/faults",
        "/faults/disarm",
        "/faults/rotate",
        "/session/close",
    ] {
        let pairs = [("id", DOCTOR), ("client", CLIENT), ("fault", "down")];
        assert_eq!(world.submit(path, &cookie, &pairs).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert!(world.psc.identity(DOCTOR).is_some() && world.psc.client_settings(CLIENT).is_some());
    assert!(world.psc.armed().is_empty() && world.psc.jwks().keys.len() == 1);
    let (page, ..) = world.desk("/ecps", &cookie).await;
    assert!(page.text.contains(&number), "the request still waits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_refreshes_at_once_one_wins() {
    let world = std::sync::Arc::new(World::new());
    let set = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    let token = set.response.refresh_token.unwrap();
    let attempts: Vec<_> = (0..1_000)
        .map(|_| {
            let (world, token) = (world.clone(), token.clone());
            tokio::spawn(async move { world.refresh(token.reveal()).await })
        })
        .collect();
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    for attempt in attempts {
        let reply = attempt.await.unwrap();
        let outcome = if reply.status == StatusCode::OK { "200".to_owned() } else { reply.error() };
        *outcomes.entry(outcome).or_default() += 1;
    }
    let expected = BTreeMap::from([("200".to_owned(), 1), ("400 invalid_grant".to_owned(), 999)]);
    assert_eq!(outcomes, expected);
    assert!(!world.psc.session_lasts(&set.sid), "and the session is over: somebody has a copy");
}
