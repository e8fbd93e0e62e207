//! The wallet: what it shows, what it refuses, and who may press its buttons.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use crate::world::{CALLBACK, CLIENT, DOCTOR, ISSUER, World, query};

#[tokio::test]
async fn a_choice_sends_the_browser_back_with_a_code() {
    let world = World::new();
    let (page, number, cookie) = world.page(&query(&[])).await;
    assert_eq!((page.status, page.header(header::CACHE_CONTROL)), (StatusCode::OK, "no-store"));
    assert!(
        page.text.contains("Choisir une identité de test") && page.text.contains(DOCTOR),
        "{}",
        page.text
    );
    assert!(page.text.contains("&#60;b&#62;EDIT") && !page.text.contains("<b>EDIT"), "names are escaped");
    assert!(page.header(header::SET_COOKIE).contains("HttpOnly; SameSite=Lax"));
    assert!(
        !page.header(header::CONTENT_SECURITY_POLICY).contains("form-action"),
        "the callback is elsewhere"
    );
    let back = world.press(&number, &cookie, &format!("MOBILE {DOCTOR}")).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    assert!(back.header(header::LOCATION).starts_with(&format!("{CALLBACK}&code=")));
    assert_eq!(back.sent("state").as_deref(), Some("st&te=é"));
    assert_eq!(back.sent("iss").as_deref(), Some(ISSUER));
    assert!(world.psc.session_lasts(&back.sent("session_state").unwrap()));
}

#[tokio::test]
async fn the_page_is_complete_in_english_and_lights_up_the_hint() {
    let world = World::new();
    let request = Request::get(format!("/auth?{}", query(&[("login_hint", DOCTOR)])))
        .header(header::HOST, "localhost:8805")
        .header(header::ACCEPT_LANGUAGE, "en-GB");
    let page = world.wallet(request.body(Body::empty()).unwrap()).await.text;
    assert!(page.contains("<html lang=\"en\">") && page.contains("Identity suggested by the software"));
    assert!(page.contains("card person hinted") && !page.contains("Accepter"), "{page}");
    let (unknown, ..) = world.page(&query(&[("login_hint", "8\"><i>")])).await;
    assert!(unknown.text.contains("ne connaît pas") && !unknown.text.contains("<i>"));
    assert!(!page.contains("[wallet-") && !unknown.text.contains("[wallet-"), "no text is missing");
}

#[tokio::test]
async fn a_refusal_is_told_to_the_client() {
    let world = World::new();
    let (_, number, cookie) = world.page(&query(&[])).await;
    let back = world.press(&number, &cookie, "refuse").await;
    assert_eq!(back.sent("error").as_deref(), Some("access_denied"));
    assert_eq!((back.sent("state").as_deref(), back.sent("code")), (Some("st&te=é"), None));
}

#[tokio::test]
async fn an_unsafe_request_is_explained_to_the_person_and_never_redirected() {
    let world = World::new();
    for (changes, says) in [
        (vec![("client_id", "")], "client_id manque"),
        (vec![("client_id", "unknown\"><script>")], "est pas déclaré"),
        (vec![("redirect_uri", "")], "redirect_uri manque"),
        (vec![("redirect_uri", "http://localhost:9999/cb")], "pas déclarée"),
        (vec![("redirect_uri", "http://localhost:9999/cb?from=psc/../x")], "pas déclarée"),
        (vec![("redirect_uri", "HTTP://localhost:9999/cb?from=psc")], "pas déclarée"),
    ] {
        let (page, ..) = world.page(&query(&changes)).await;
        assert_eq!(
            (page.status, page.header(header::LOCATION)),
            (StatusCode::BAD_REQUEST, ""),
            "{changes:?}"
        );
        assert!(page.text.contains(says) && !page.text.contains("<script"), "{changes:?} {}", page.text);
    }
    let (page, ..) = world.page(&format!("{}&state=again", query(&[]))).await;
    assert!(page.status == StatusCode::BAD_REQUEST && page.text.contains("plusieurs fois"), "{}", page.text);
}

#[tokio::test]
async fn every_other_fault_is_told_to_the_client() {
    let world = World::new();
    let long = "x".repeat(3_000);
    for (name, value, error) in [
        ("response_type", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("scope", "openid", "invalid_scope"),
        ("scope", "", "invalid_scope"),
        ("scope", "openidscope_all", "invalid_scope"),
        ("acr_values", "", "invalid_request"),
        ("acr_values", "eidas3", "invalid_request"),
        ("nonce", "", "invalid_request"),
        ("nonce", &long, "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("prompt", "none", "login_required"),
        ("request", "eyJ", "request_not_supported"),
    ] {
        let (back, ..) = world.page(&query(&[(name, value)])).await;
        assert_eq!(back.status, StatusCode::SEE_OTHER, "{name}={value}");
        assert_eq!(back.sent("error").as_deref(), Some(error), "{name}={value}");
        assert_eq!(back.sent("state").as_deref(), Some("st&te=é"));
    }
    for state in ["", &long] {
        let (back, ..) = world.page(&query(&[("state", state)])).await;
        assert_eq!((back.sent("error").as_deref(), back.sent("state")), (Some("invalid_request"), None));
    }
}

#[tokio::test]
async fn only_the_browser_that_saw_the_page_may_answer_it_once_and_in_time() {
    let world = World::new();
    let accept = format!("CARD {DOCTOR}");
    let (_, number, cookie) = world.page(&query(&[])).await;
    let (_, other_number, other_cookie) = world.page(&query(&[])).await;
    assert_ne!(cookie, other_cookie);
    for (number, cookie) in [
        (&number, &other_cookie),
        (&other_number, &cookie),
        (&number, &String::new()),
        (&String::new(), &cookie),
    ] {
        let page = world.press(number, cookie, &accept).await;
        assert!(
            page.status == StatusCode::BAD_REQUEST && page.text.contains("plus valable"),
            "{}",
            page.text
        );
    }
    assert_eq!(world.press(&number, &cookie, &accept).await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.press(&number, &cookie, &accept).await.status, StatusCode::BAD_REQUEST);
    world.wait(600);
    assert_eq!(world.press(&other_number, &other_cookie, &accept).await.status, StatusCode::BAD_REQUEST);

    let (_, number, cookie) = world.page(&query(&[])).await;
    assert!(world.press(&number, &cookie, "CARD 899799999999").await.text.contains("Identité inconnue"));
}

#[tokio::test]
async fn foreign_pages_cannot_press_a_button() {
    let world = World::new();
    let (_, number, cookie) = world.page(&query(&[])).await;
    let body = oidc::encode_pairs([("request", number.as_str()), ("choice", "CARD 899700000018")]);
    let foreign = Request::post("/auth/decision")
        .header(header::HOST, "127.0.0.1:8805")
        .header(header::ORIGIN, "https://evil.test")
        .header(header::COOKIE, cookie)
        .body(Body::from(body))
        .unwrap();
    assert_eq!(world.wallet(foreign).await.status, StatusCode::FORBIDDEN);
    let rebound = Request::get(format!("/auth?{}", query(&[]))).header(header::HOST, "evil.test:8805");
    assert_eq!(world.wallet(rebound.body(Body::empty()).unwrap()).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_second_tab_keeps_the_browsers_cookie() {
    let world = World::new();
    let (_, first, cookie) = world.page(&query(&[])).await;
    let request = Request::get(format!("/auth?{}", query(&[("client_id", CLIENT)])))
        .header(header::HOST, "127.0.0.1:8805")
        .header(header::COOKIE, &cookie);
    let second = world.wallet(request.body(Body::empty()).unwrap()).await;
    assert!(second.header(header::SET_COOKIE).starts_with(&cookie));
    assert_eq!(world.press(&first, &cookie, "refuse").await.status, StatusCode::SEE_OTHER);
}
