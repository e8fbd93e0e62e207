//! The decoupled flow, from the client's request to its tokens, with the person at the simulated telephone.

use axum::http::{StatusCode, header};
use kernel::Secret;
use oidc::CibaAnswer;
use psc::{Automatic, ClientRegistration};

use crate::world::{CALLBACK, CLIENT, DOCTOR, SECRET, World};

fn name_of(reply: &crate::world::Reply) -> String {
    let answer = CibaAnswer::parse(reply.status.as_u16(), reply.text.as_bytes()).unwrap();
    answer.auth_req_id.reveal().clone()
}

#[tokio::test]
async fn a_person_accepts_on_her_telephone_and_the_client_gets_tokens() {
    let world = World::new();
    let asked = world.ciba(&[]).await;
    assert_eq!(asked.header(header::CACHE_CONTROL), "no-store");
    let json = asked.json();
    assert_eq!((&json["expires_in"], &json["interval"]), (&120.into(), &5.into()));
    let name = name_of(&asked);
    assert_eq!(world.poll(&name).await.error(), "400 authorization_pending");
    world.wait(1);
    assert_eq!(world.poll(&name).await.error(), "400 slow_down");

    let (page, seal, cookie) = world.desk("/ecps", "").await;
    assert!(page.text.contains(DOCTOR) && page.text.contains("42") && page.text.contains("Carte CPx"));
    assert!(!page.text.contains(&name), "the page does not know the client's own name for it");
    let number = page.between("name=\"request\" value=\"", "\"");
    let answer = [("seal", seal.as_str()), ("request", number.as_str()), ("choice", "accept")];
    assert_eq!(world.submit("/ecps", &cookie, &answer).await.status, StatusCode::SEE_OTHER);
    world.wait(10);
    let tokens = world.poll(&name).await.tokens();
    let claims = world.psc.verifier().access(tokens.access_token.reveal(), world.psc.now()).unwrap();
    assert_eq!((claims.auth_mode.as_deref(), claims.acr.as_str()), (Some("CARD"), "eidas3"));
    assert_eq!(claims.national_id().as_deref(), Some(DOCTOR));
    assert!(tokens.id_token.is_some());
    assert_eq!(world.refresh(tokens.refresh_token.unwrap().reveal()).await.status, StatusCode::OK);
    world.wait(10);
    assert_eq!(world.poll(&name).await.error(), "400 invalid_grant", "a name serves once");
    assert_eq!(
        world.submit("/ecps", &cookie, &answer).await.status,
        StatusCode::CONFLICT,
        "so does an answer"
    );
}

#[tokio::test]
async fn a_refusal_and_a_silence_have_their_errors() {
    let world = World::new();
    let name = name_of(&world.ciba(&[("channel", "MOBILE")]).await);
    let (page, seal, cookie) = world.desk("/ecps", "").await;
    assert!(
        page.text.contains("e-CPS ·") && page.headers.get("refresh").is_none(),
        "a question stands still"
    );
    let number = page.between("name=\"request\" value=\"", "\"");
    world.submit("/ecps", &cookie, &[("seal", &seal), ("request", &number), ("choice", "refuse")]).await;
    assert_eq!(world.poll(&name).await.error(), "400 access_denied");

    let name = name_of(&world.ciba(&[]).await);
    world.wait(120);
    assert_eq!(world.poll(&name).await.error(), "400 expired_token");
    let (page, ..) = world.desk("/ecps", &cookie).await;
    assert!(page.text.contains("Aucune demande en attente") && page.headers["refresh"] == "3");
    let short = name_of(&world.ciba(&[("requested_expiry", "20")]).await);
    world.wait(20);
    assert_eq!(world.poll(&short).await.error(), "400 expired_token");
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named() {
    let world = World::new();
    let (long, lines) = ("x".repeat(65), "a\nb");
    for (name, value, error) in [
        ("login_hint", "", "400 invalid_request"),
        ("login_hint", "899799999999", "400 unknown_user_id"),
        ("scope", "openid", "400 invalid_scope"),
        ("acr_values", "eidas3", "400 invalid_request"),
        ("acr_values", "", "400 invalid_request"),
        ("channel", "PIGEON", "400 invalid_request"),
        ("binding_message", &long, "400 invalid_binding_message"),
        ("binding_message", lines, "400 invalid_binding_message"),
        ("requested_expiry", "0", "400 invalid_request"),
        ("requested_expiry", "many", "400 invalid_request"),
        ("request", "eyJ", "400 invalid_request"),
    ] {
        assert_eq!(world.ciba(&[(name, value)]).await.error(), error, "{name}={value}");
    }
    assert_eq!(
        world.post_bare("ext/ciba/auth", &[("login_hint", DOCTOR)]).await.error(),
        "401 invalid_client"
    );
    let off = ClientRegistration::new(CLIENT, Secret::new(SECRET.into()), [CALLBACK]);
    world.psc.register_client(ClientRegistration { decoupled: false, ..off.clone() }).unwrap();
    assert_eq!(world.ciba(&[]).await.error(), "400 unauthorized_client");
    world.psc.register_client(off).unwrap();
    let name = name_of(&world.ciba(&[]).await);
    let stolen = [
        ("grant_type", oidc::CIBA_GRANT),
        ("auth_req_id", name.as_str()),
        ("client_id", "other"),
        ("client_secret", "x"),
    ];
    assert_eq!(world.post_bare("token", &stolen).await.error(), "400 invalid_grant");
    assert_eq!(world.poll("unknown").await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn a_program_can_answer_in_the_persons_place() {
    let world = World::new();
    let name = name_of(&world.ciba(&[]).await);
    let waiting = world.psc.pending_requests();
    assert_eq!(
        (waiting.len(), waiting[0].identity.as_str(), waiting[0].mode),
        (1, DOCTOR, oidc::AuthMode::Card)
    );
    assert!(!world.psc.answer_request("another", true) && world.psc.answer_request(&waiting[0].number, true));
    assert!(world.psc.pending_requests().is_empty() && !world.psc.answer_request(&waiting[0].number, true));
    assert!(!world.poll(&name).await.tokens().access_token.reveal().is_empty());
}

#[tokio::test]
async fn a_whole_sandbox_can_do_without_persons() {
    let world = World::with(|mut config| {
        config.automatic = Some(Automatic::Refuse);
        config
    });
    let name = name_of(&world.ciba(&[]).await);
    assert_eq!(world.poll(&name).await.error(), "400 access_denied");
}

#[tokio::test]
async fn in_ci_the_answers_come_by_themselves() {
    for (automatic, code) in [
        (Automatic::Accept, None),
        (Automatic::Refuse, Some("400 access_denied")),
        (Automatic::Expire, Some("400 authorization_pending")),
    ] {
        let world = World::new();
        let registration = ClientRegistration::new(CLIENT, Secret::new(SECRET.into()), [CALLBACK]);
        world.psc.register_client(registration.automatic(automatic)).unwrap();
        let name = name_of(&world.ciba(&[]).await);
        let polled = world.poll(&name).await;
        match code {
            None => assert!(!polled.tokens().access_token.reveal().is_empty()),
            Some(error) => assert_eq!(polled.error(), error, "{automatic:?}"),
        }
        let hinted = crate::world::query(&[("login_hint", DOCTOR)]);
        let page = world.authorize(&hinted, "").await;
        match automatic {
            Automatic::Accept => assert!(page.sent("code").is_some()),
            Automatic::Refuse => assert_eq!(page.sent("error").as_deref(), Some("access_denied")),
            Automatic::Expire => assert_eq!(page.status, StatusCode::OK, "the page waits"),
        }
    }
}
