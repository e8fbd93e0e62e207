//! Logout told to the other clients of the same login: to a real server, and through frames.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::routing::post;
use kernel::Secret;
use oidc::Form;
use psc::ClientRegistration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::world::{CALLBACK, CLIENT, DOCTOR, Reply, VERIFIER, World, at, query};

async fn logout(world: &World, pairs: &[(&str, &str)]) -> Reply {
    let path = format!("{}?{}", at("logout"), oidc::encode_pairs(pairs.iter().copied()));
    world.realm(Request::get(path).body(Body::empty()).unwrap()).await
}

/// A session of the first client and one of `other`, of the same browser: `(ID token of the first, sid of both)`.
async fn two_sessions(world: &World) -> (String, [String; 2]) {
    let (_, number, cookie) = world.page(&query(&[])).await;
    let back = world.press(&number, &cookie, &format!("CARD {DOCTOR}")).await;
    let set_cookie = back.headers.get_all(header::SET_COOKIE).iter().next_back().unwrap();
    let sso = set_cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
    let tokens = world.redeem(&back.sent("code").unwrap(), VERIFIER).await.tokens();
    let other = world.authorize(&query(&[("client_id", "other")]), &sso).await;
    let sids = [back.sent("session_state").unwrap(), other.sent("session_state").unwrap()];
    (tokens.id_token.unwrap().reveal().clone(), sids)
}

#[tokio::test]
async fn the_other_clients_servers_are_told_with_a_signed_token() {
    let (told, mut heard) = mpsc::unbounded_channel::<(HeaderMap, String)>();
    let told = Arc::new(told);
    let receive = move |headers: HeaderMap, body: Bytes| {
        let told = told.clone();
        async move {
            let form = Form::parse(&body).unwrap();
            told.send((headers, form.get("logout_token").unwrap().to_owned())).unwrap();
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (_stop, stopped) = watch::channel(false);
    let server = Router::new().route("/bye", post(receive));
    tokio::spawn(web::serve_http(listener, server, stopped));

    let world = World::new();
    let other = ClientRegistration::new("other", Secret::new("x".into()), [CALLBACK]);
    let backchannel_logout_uri = Some(format!("http://127.0.0.1:{port}/bye?of=psc"));
    world.psc.register_client(ClientRegistration { backchannel_logout_uri, ..other }).unwrap();
    let (hint, sids) = two_sessions(&world).await;
    let page = logout(&world, &[("id_token_hint", &hint)]).await;
    assert!(page.status == StatusCode::OK && page.text.contains("est close"), "{}", page.text);
    assert!(sids.iter().all(|sid| !world.psc.session_lasts(sid)), "one logout for the whole login");

    let (headers, token) = tokio::time::timeout(Duration::from_secs(5), heard.recv()).await.unwrap().unwrap();
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    let claims = world.psc.verifier().logout_token(&token, "other", world.psc.now()).unwrap();
    assert_eq!(claims.sid.as_deref(), Some(sids[1].as_str()));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while !world.psc.client_log("other").iter().any(|event| event.text.contains("sent: HTTP 200")) {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", world.psc.client_log("other"));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn frames_tell_the_other_clients_through_the_browser() {
    let world = World::new();
    let other = ClientRegistration::new("other", Secret::new("x".into()), [CALLBACK]);
    let frontchannel_logout_uri = Some("https://other.example:8443/front?a=b".to_owned());
    world.psc.register_client(ClientRegistration { frontchannel_logout_uri, ..other }).unwrap();
    let (hint, sids) = two_sessions(&world).await;
    let pairs = [
        ("id_token_hint", hint.as_str()),
        ("post_logout_redirect_uri", "http://localhost:9999/bye"),
        ("state", "s"),
    ];
    let page = logout(&world, &pairs).await;
    assert_eq!(page.status, StatusCode::OK);
    let frame = page.between("<iframe src=\"", "\"");
    assert!(
        frame.starts_with("https://other.example:8443/front?a=b&") && frame.contains(&sids[1]),
        "{frame}"
    );
    assert!(page.header(header::CONTENT_SECURITY_POLICY).contains("frame-src https://other.example:8443"));
    assert_eq!(page.headers["refresh"], "2; url=http://localhost:9999/bye?state=s");
    assert!(!page.text.contains(&hint) && !page.text.contains("[psc-"), "{}", page.text);
}

#[tokio::test]
async fn a_logout_in_the_name_of_another_client_ends_nothing() {
    let world = World::new();
    let set = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    let hint = set.response.id_token.as_ref().unwrap().reveal().as_str();
    let page = logout(&world, &[("id_token_hint", hint), ("client_id", "other")]).await;
    assert!(page.status == StatusCode::BAD_REQUEST && world.psc.session_lasts(&set.sid));
    let page = logout(&world, &[("id_token_hint", hint), ("client_id", CLIENT)]).await;
    assert!(page.status == StatusCode::OK && !world.psc.session_lasts(&set.sid));
}
