//! Single sign-on: who is remembered by the browser, for how long, and who insists on being asked.

use axum::http::{StatusCode, header};

use crate::world::{CALLBACK, CLIENT, DOCTOR, Reply, VERIFIER, World, query};

/// The cookie that remembers a choice.
fn remembered(reply: &Reply) -> String {
    let cookies = reply.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    let sso = cookies.into_iter().find(|cookie| cookie.starts_with("vaguemestre_sso=")).unwrap();
    assert!(sso.contains("HttpOnly; SameSite=Lax"), "{sso}");
    sso.split(';').next().unwrap().to_owned()
}

async fn signed_in(world: &World) -> String {
    let (_, number, cookie) = world.page(&query(&[])).await;
    remembered(&world.press(&number, &cookie, &format!("MOBILE {DOCTOR}")).await)
}

#[tokio::test]
async fn the_next_client_gets_its_code_without_a_page() {
    let world = World::new();
    let cookie = signed_in(&world).await;
    world.wait(60);
    for prompt in ["", "none"] {
        let back = world.authorize(&query(&[("client_id", "other"), ("prompt", prompt)]), &cookie).await;
        assert_eq!(back.status, StatusCode::SEE_OTHER, "{prompt} {}", back.text);
        let code = back.sent("code").unwrap();
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("client_id", "other"),
            ("client_secret", "x"),
        ];
        let tokens = world.post_bare("token", &pairs).await.tokens();
        let claims = world.psc.verifier().access(tokens.access_token.reveal(), world.psc.now()).unwrap();
        assert_eq!(claims.auth_mode.as_deref(), Some("MOBILE"));
        assert_eq!(claims.iat - claims.auth_time.unwrap(), 60, "nobody was identified again");
    }
}

#[tokio::test]
async fn a_client_that_insists_is_asked_about() {
    let world = World::new();
    let cookie = signed_in(&world).await;
    world.wait(60);
    for (name, value) in [
        ("prompt", "login"),
        ("prompt", "select_account"),
        ("max_age", "0"),
        ("max_age", "60"),
        ("login_hint", "ANS20260110093000"),
    ] {
        let page = world.authorize(&query(&[(name, value)]), &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{name}={value}");
    }
    for (name, value) in [("max_age", "61"), ("login_hint", DOCTOR), ("kc_idp_hint", "etablissement")] {
        let back = world.authorize(&query(&[(name, value)]), &cookie).await;
        assert!(back.sent("code").is_some(), "{name}={value}");
    }
    for (changes, error) in [
        (vec![("prompt", "none"), ("login_hint", "ANS20260110093000")], "login_required"),
        (vec![("prompt", "none"), ("max_age", "60")], "login_required"),
        (vec![("prompt", "none login")], "invalid_request"),
        (vec![("prompt", "maybe")], "invalid_request"),
        (vec![("max_age", "-1")], "invalid_request"),
        (vec![("max_age", "soon")], "invalid_request"),
    ] {
        let back = world.authorize(&query(&changes), &cookie).await;
        assert_eq!(back.sent("error").as_deref(), Some(error), "{changes:?}");
    }
    let stranger = world.authorize(&query(&[("prompt", "none")]), "vaguemestre_sso=guess").await;
    assert_eq!(stranger.sent("error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn the_browser_forgets_after_thirty_idle_minutes_or_four_hours() {
    let world = World::new();
    let cookie = signed_in(&world).await;
    let silent = query(&[("prompt", "none")]);
    for _ in 0..8 {
        world.wait(29 * 60);
        assert!(world.authorize(&silent, &cookie).await.sent("code").is_some());
    }
    world.wait(9 * 60);
    let late = world.authorize(&silent, &cookie).await;
    assert_eq!(late.sent("error").as_deref(), Some("login_required"), "four hours");
    let cookie = signed_in(&world).await;
    world.wait(30 * 60);
    let idle = world.authorize(&silent, &cookie).await;
    assert_eq!(idle.sent("error").as_deref(), Some("login_required"), "thirty minutes");
}

#[tokio::test]
async fn the_session_is_closed_from_the_home_page_by_its_own_form_only() {
    let world = World::new();
    let sso = signed_in(&world).await;
    let (home, seal, cookie) = world.desk("/", &sso).await;
    assert!(home.text.contains("Camille MEDECIN000018"), "{}", home.text);
    let both = format!("{cookie}; {sso}");
    let silent = query(&[("prompt", "none")]);
    assert_eq!(world.submit("/session/close", &both, &[("seal", "x")]).await.status, StatusCode::FORBIDDEN);
    let back = world.authorize(&silent, &sso).await;
    let session = back.sent("session_state").unwrap();
    assert!(world.psc.session_lasts(&session));
    assert_eq!(world.submit("/session/close", &both, &[("seal", &seal)]).await.status, StatusCode::SEE_OTHER);
    assert!(!world.psc.session_lasts(&session));
    assert_eq!(world.authorize(&silent, &sso).await.sent("error").as_deref(), Some("login_required"));
    assert!(world.psc.client_log(CLIENT).iter().any(|event| event.text.contains("session closed")));
}
