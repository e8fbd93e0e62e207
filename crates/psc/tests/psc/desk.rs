//! The desk: identities, clients and faults arranged by hand, and kept.

use axum::http::{StatusCode, header};
use kernel::{Clock, Secret};
use psc::{ClientRegistration, ClientSettings, Identity, Psc, PscConfig};

use crate::world::{CALLBACK, CLIENT, DOCTOR, VERIFIER, World};

#[tokio::test]
async fn every_page_is_complete_in_both_languages() {
    let world = World::new();
    world.psc.arm(CLIENT, psc::PscFault::Down, 1).keep();
    world.psc.disarm_client(CLIENT);
    world.psc.arm("*", psc::PscFault::Expired, None).keep();
    world.ciba(&[]).await;
    for path in [
        "/",
        "/ecps",
        "/identities",
        "/identities/edit",
        "/identities/edit?id=899700000018",
        "/identities/edit?id=nobody",
        "/clients",
        "/clients/edit",
        "/clients/edit?client=lps+one",
        "/faults",
    ] {
        for lang in ["fr", "en"] {
            let (page, ..) = world.desk(path, &format!("vaguemestre_lang={lang}")).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert!(page.text.contains(&format!("<html lang=\"{lang}\">")), "{path}");
            assert!(!page.text.contains("[psc-") && !page.text.contains("<b>"), "{path} {}", page.text);
            assert!(page.header(header::CONTENT_SECURITY_POLICY).contains("form-action 'self'"), "{path}");
            assert_eq!(page.header(header::CACHE_CONTROL), "no-store");
        }
    }
}

#[tokio::test]
async fn an_identity_is_made_changed_and_removed_on_the_page() {
    let world = World::new();
    let (page, seal, cookie) = world.desk("/identities/edit", "").await;
    let proposed = page.between("name=\"national_id\" value=\"", "\"");
    assert_eq!(proposed, "ANS20261123100000");
    let mut pairs = vec![
        ("seal", seal.as_str()),
        ("new", "1"),
        ("national_id", &proposed),
        ("civility", "M"),
        ("given_name", "Loïc"),
        ("family_name", "d’ESSAI <i>"),
        ("first_code", "60"),
        ("first_mode", "L"),
        ("first_sector", "SA08"),
        ("first_structure", "CABINET DU BAC"),
        ("first_structure_id", "R990042"),
        ("first_postcode", "35000"),
        ("first_city", "RENNES"),
    ];
    assert_eq!(world.submit("/identities", &cookie, &pairs).await.status, StatusCode::SEE_OTHER);
    let made = world.psc.identity(&proposed).unwrap();
    assert_eq!(
        (made.practices.len(), made.practices[0].activities[0].structure.city.as_str()),
        (1, "RENNES")
    );
    let again = world.submit("/identities", &cookie, &pairs).await;
    assert!(again.status == StatusCode::BAD_REQUEST && again.text.contains("déjà celui"), "{}", again.text);
    pairs.retain(|(name, _)| !matches!(*name, "new" | "first_structure"));
    pairs.push(("second_code", "50"));
    pairs.push(("second_structure", "MATERNITE DU BAC"));
    world.submit("/identities", &cookie, &pairs).await;
    let changed = world.psc.identity(&proposed).unwrap();
    assert!(changed.practices[0].activities.is_empty(), "no structure, no activity");
    assert_eq!(changed.practices[1].profession, "50");
    let (list, ..) = world.desk("/identities", &cookie).await;
    assert!(list.text.contains("Loïc d’ESSAI &#60;i&#62;") && !list.text.contains("<i>"));
    for (name, value) in
        [("national_id", "a b"), ("given_name", "   "), ("second_structure", &"x".repeat(101))]
    {
        let wrong: Vec<_> = pairs.iter().map(|(n, v)| (*n, if *n == name { value } else { *v })).collect();
        let refused = world.submit("/identities", &cookie, &wrong).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{name}={value}");
    }
    world.submit("/identities/remove", &cookie, &[("seal", &seal), ("id", &proposed)]).await;
    assert!(world.psc.identity(&proposed).is_none());
    world.submit("/identities/samples", &cookie, &[("seal", &seal)]).await;
    assert_eq!(world.psc.identities().len(), psc::samples().len() + 1, "one was there already");
}

#[tokio::test]
async fn a_client_is_made_on_the_page_and_its_secret_is_told_once() {
    let world = World::new();
    let (_, seal, cookie) = world.desk("/clients/edit", "").await;
    let mut pairs = vec![
        ("seal", seal.as_str()),
        ("new", "1"),
        ("client_id", "made by hand"),
        ("name", "Fait main"),
        ("redirect_uris", "http://localhost:9999/cb?from=psc\r\n\r\nhttps://lps.example/cb\r\n"),
    ];
    let page = world.submit("/clients", &cookie, &pairs).await;
    let secret = page.between("</strong> <span class=\"mono\">", "<");
    assert_eq!((page.status, secret.len()), (StatusCode::OK, 52), "{}", page.text);
    assert_eq!(page.header(header::CACHE_CONTROL), "no-store");
    let settings = world.psc.client_settings("made by hand").unwrap();
    assert_eq!(settings.redirect_uris.len(), 2);
    let introspect = async |secret: &str| {
        let form = [("client_id", "made by hand"), ("client_secret", secret), ("token", "x")];
        world.post_bare("token/introspect", &form).await.status
    };
    assert_eq!(introspect(&secret).await, StatusCode::OK);
    let (shown, ..) = world.desk("/clients/edit?client=made+by+hand", &cookie).await;
    assert!(!shown.text.contains(&secret) && shown.text.contains("introspection"), "the log, and no secret");
    let again = world.submit("/clients", &cookie, &pairs).await;
    assert!(again.status == StatusCode::BAD_REQUEST && again.text.contains("déjà celui"), "{}", again.text);
    let rotated =
        world.submit("/clients/secret", &cookie, &[("seal", &seal), ("client", "made by hand")]).await;
    let newer = rotated.between("</strong> <span class=\"mono\">", "<");
    assert_eq!(
        (introspect(&newer).await, introspect(&secret).await),
        (StatusCode::OK, StatusCode::UNAUTHORIZED)
    );
    pairs.retain(|(name, _)| !matches!(*name, "new" | "redirect_uris"));
    pairs.push(("redirect_uris", "http://lps.example/cb"));
    let refused = world.submit("/clients", &cookie, &pairs).await;
    assert!(refused.status == StatusCode::BAD_REQUEST && refused.text.contains("https is needed"));
    assert_eq!(world.psc.client_settings("made by hand").unwrap().redirect_uris.len(), 2, "nothing changed");
    world.submit("/clients/remove", &cookie, &[("seal", &seal), ("client", "made by hand")]).await;
    assert_eq!(introspect(&newer).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn faults_are_armed_and_disarmed_on_the_page() {
    let world = World::new();
    let (_, seal, cookie) = world.desk("/faults", "").await;
    let arm = async |client: &str, fault: &str, times: &str| {
        let pairs = [("seal", seal.as_str()), ("client", client), ("fault", fault), ("times", times)];
        world.submit("/faults", &cookie, &pairs).await
    };
    assert_eq!(arm(CLIENT, "alg-none", "1").await.status, StatusCode::SEE_OTHER);
    assert_eq!(arm("*", "slow:1s", "").await.status, StatusCode::SEE_OTHER);
    let unknown = arm(CLIENT, "algnone", "1").await;
    assert!(
        unknown.status == StatusCode::BAD_REQUEST && unknown.text.contains("alg-none"),
        "{}",
        unknown.text
    );
    assert_eq!(arm("nobody", "down", "1").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(arm(CLIENT, "down", "0").await.status, StatusCode::BAD_REQUEST);
    let armed = world.psc.armed();
    assert_eq!(armed.len(), 2);
    world.submit("/faults/disarm", &cookie, &[("seal", &seal), ("id", &armed[1].id.to_string())]).await;
    let tokens = world.redeem(&world.code().await, VERIFIER).await.tokens();
    assert!(tokens.access_token.reveal().ends_with('.'), "no signature");
    let (page, ..) = world.desk("/faults", &cookie).await;
    assert!(page.text.contains("alg-none") && !page.text.contains("slow:1s"));
    world.submit("/faults/rotate", &cookie, &[("seal", &seal)]).await;
    assert_eq!(world.psc.jwks().keys.len(), 2);
}

#[test]
fn what_was_made_by_hand_is_there_after_a_restart_and_no_secret_is_on_disk() {
    let data = tempfile::tempdir().unwrap();
    let open = || Psc::open(PscConfig::new(data.path().join("psc"), Clock::system())).unwrap();
    let psc = open();
    let mine = Identity::minimal("ANS20261123100000", "Maxime", "À LA MAIN");
    psc.save_identity(mine.clone()).unwrap();
    psc.add_identity(Identity::test(DOCTOR));
    let settings = ClientSettings { redirect_uris: vec![CALLBACK.into()], ..ClientSettings::new("by hand") };
    psc.save_client(settings.clone()).unwrap();
    let secret = psc.rotate_secret("by hand").unwrap();
    let register = |psc: &Psc| {
        psc.register_client(ClientRegistration::new("bench", Secret::new("first".into()), [CALLBACK]))
            .unwrap();
    };
    register(&psc);
    let newer = psc.rotate_secret("bench").unwrap();
    let token = psc.issue_tokens(DOCTOR, "bench", None).unwrap();
    let kid = psc.rotate_key().unwrap();

    let again = open();
    register(&again);
    again.add_identity(Identity::test("ANS20261123100000"));
    assert_eq!(again.identity("ANS20261123100000"), Some(mine), "what a person changed stays");
    assert!(again.identity(DOCTOR).is_none(), "its owner declares it again");
    assert_eq!(again.client_settings("by hand"), Some(settings));
    assert_eq!((again.jwks().keys.len(), again.jwks().keys[0].kid.as_str()), (2, kid.as_str()));
    let access = token.response.access_token.reveal();
    assert!(again.verifier().access(access, again.now()).is_ok(), "signed by the key before");
    for entry in std::fs::read_dir(data.path().join("psc")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for secret in [secret.reveal(), newer.reveal(), access] {
            assert!(!text.contains(secret.as_str()), "{}", path.display());
        }
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
    std::fs::write(data.path().join("psc/clients.json"), "damaged").unwrap();
    let damaged = Psc::open(PscConfig::new(data.path().join("psc"), Clock::system())).unwrap_err();
    assert!(damaged.to_string().contains("clients.json"), "{damaged}");
}
