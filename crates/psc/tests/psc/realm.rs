//! Discovery, keys, user information, introspection, revocation, logout.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oidc::{Jwks, Verifier};
use serde_json::{Value, json};

use crate::world::{CLIENT, DOCTOR, ISSUER, World, at};

#[tokio::test]
async fn both_discovery_documents_are_one_and_lead_to_doors_that_open() {
    let world = World::new();
    let get = async |path: &str| world.realm(Request::get(path).body(Body::empty()).unwrap()).await;
    let standard = get("/auth/realms/esante-wallet/.well-known/openid-configuration").await;
    let wallet = get("/auth/realms/esante-wallet/.well-known/wallet-openid-configuration").await;
    assert_eq!(standard.text, wallet.text);
    let document = wallet.json();
    assert_eq!(document["issuer"], ISSUER);
    assert_eq!(document["authorization_endpoint"], "http://127.0.0.1:8805/auth");
    assert_eq!(
        document["grant_types_supported"],
        json!([
            "authorization_code",
            "refresh_token",
            "urn:openid:params:grant-type:ciba",
            "urn:ietf:params:oauth:grant-type:token-exchange"
        ])
    );
    assert_eq!(document["backchannel_token_delivery_modes_supported"], json!(["poll"]));
    assert_eq!(
        document["mtls_endpoint_aliases"]["token_endpoint"], document["token_endpoint"],
        "the same addresses, as at PSC"
    );
    assert_eq!(document["acr_values_supported"], json!(["0", "0"]));
    let host = ISSUER.split("/auth").next().unwrap();
    for (name, value) in document.as_object().unwrap() {
        if let Some(path) = value.as_str().and_then(|v| v.strip_prefix(host)).filter(|_| name != "issuer") {
            assert_ne!(get(path).await.status, StatusCode::NOT_FOUND, "{name}");
        }
    }
    let keys: Jwks = serde_json::from_str(&get(&at("certs")).await.text).unwrap();
    let set = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    let verifier = Verifier::new(ISSUER, &keys);
    assert!(verifier.access(set.response.access_token.reveal(), world.psc.now()).is_ok());
}

#[tokio::test]
async fn user_information_has_the_structure_of_psc() {
    let world = World::new();
    let set = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    let token = set.response.access_token.reveal();
    let info = world.user_info(token).await.json();
    assert_eq!(info["SubjectNameID"], DOCTOR);
    assert!(
        info["sub"].as_str().unwrap().starts_with("f:") && info["sub"].as_str().unwrap().ends_with(DOCTOR)
    );
    assert_eq!(info["SubjectRole"], json!(["10^1.2.250.1.213.1.1.5.5"]));
    assert_eq!(info["otherIds"], json!([{"identifiant": DOCTOR, "origine": "RPPS", "qualite": 1}]));
    assert_eq!((&info["authMode"], &info["email_verified"]), (&json!("CARD"), &json!(false)));
    let practice = &info["SubjectRefPro"]["exercices"][0];
    assert_eq!((&practice["codeProfession"], &practice["codeSavoirFaire"]), (&json!("10"), &json!("SM26")));
    let activities = practice["activities"].as_array().unwrap();
    assert_eq!(
        activities.iter().map(|a| &a["codeModeExercice"]).collect::<Vec<_>>(),
        [&json!("L"), &json!("S")]
    );
    assert_eq!(activities[0].as_object().unwrap().len(), 30);
    assert!(info.get("email").is_none());

    let minimal = world.psc.issue_tokens("ANS20260110093000", CLIENT, None).unwrap();
    let info = world.user_info(minimal.response.access_token.reveal()).await.json();
    assert_eq!((info.get("SubjectRefPro"), &info["otherIds"][0]["origine"]), (None, &json!("EDIT")));

    let by_post = world.post_bare("userinfo", &[("access_token", token)]).await;
    assert_eq!(by_post.json()["SubjectNameID"], DOCTOR);
}

#[tokio::test]
async fn only_a_good_living_token_opens_user_information() {
    let world = World::new();
    let none = world.realm(Request::get(at("userinfo")).body(Body::empty()).unwrap()).await;
    assert_eq!(none.status, StatusCode::UNAUTHORIZED);
    assert_eq!(none.header(header::WWW_AUTHENTICATE), "Bearer realm=\"esante-wallet\"");

    let set = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    let good = set.response.access_token.reveal().clone();
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut other: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
    other["preferred_username"] = json!("899799999999");
    let other = encode(&other);
    let mut flipped = signature.to_owned().into_bytes();
    flipped[10] = if flipped[10] == b'A' { b'B' } else { b'A' };
    let elsewhere = World::with(|mut config| {
        config.issuer = ISSUER.replace("esante-wallet", "another");
        config
    });
    let foreign = elsewhere.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    for (why, token) in [
        ("alg none", format!("{}.{body}.", encode(&json!({"alg": "none", "typ": "JWT"})))),
        (
            "HS256",
            format!(
                "{}.{body}.{signature}",
                encode(&json!({"alg": "HS256", "kid": world.psc.jwks().keys[0].kid}))
            ),
        ),
        ("another body", format!("{head}.{other}.{signature}")),
        ("another signature", format!("{head}.{body}.{}", String::from_utf8(flipped).unwrap())),
        ("another realm", foreign.response.access_token.reveal().clone()),
        ("an ID token", set.response.id_token.as_ref().unwrap().reveal().clone()),
        ("a refresh token", set.response.refresh_token.as_ref().unwrap().reveal().clone()),
        ("nonsense", "abc".into()),
    ] {
        let refused = world.user_info(&token).await;
        assert_eq!(refused.error(), "401 invalid_token", "{why}");
        assert!(refused.header(header::WWW_AUTHENTICATE).contains("error=\"invalid_token\""), "{why}");
    }
    assert_eq!(world.user_info(&good).await.status, StatusCode::OK);
    world.wait(120);
    assert_eq!(world.user_info(&good).await.error(), "401 invalid_token", "expired");
}

#[tokio::test]
async fn introspection_tells_what_a_token_is_worth_now() {
    let world = World::new();
    let set = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    let access = set.response.access_token.reveal();
    let told = world.post("token/introspect", &[("token", access)]).await.json();
    assert_eq!(
        (&told["active"], &told["SubjectNameID"], &told["azp"]),
        (&json!(true), &json!(DOCTOR), &json!(CLIENT))
    );
    assert_eq!((&told["jti"], &told["typ"]), (&json!(set.jti), &json!("Bearer")));
    let refresh = set.response.refresh_token.as_ref().unwrap().reveal();
    let told = world.post("token/introspect", &[("token", refresh)]).await.json();
    assert_eq!((&told["active"], told.get("SubjectNameID")), (&json!(true), None));
    assert_eq!(world.post("token/introspect", &[("token", "x")]).await.json(), json!({"active": false}));
    assert_eq!(world.post_bare("token/introspect", &[("token", access)]).await.error(), "401 invalid_client");
    assert_eq!(world.post("token/introspect", &[]).await.error(), "400 invalid_request");
    world.wait(120);
    assert_eq!(world.post("token/introspect", &[("token", access)]).await.json(), json!({"active": false}));
}

#[tokio::test]
async fn revocation_is_of_one_token_or_of_the_session() {
    let world = World::new();
    let set = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    let (access, refresh) =
        (set.response.access_token.reveal(), set.response.refresh_token.as_ref().unwrap());
    let thief = [("token", access.as_str()), ("client_id", "other"), ("client_secret", "x")];
    assert_eq!(world.post_bare("revoke", &thief).await.error(), "400 unauthorized_client");
    assert_eq!(world.post("revoke", &[("token", "unknown")]).await.status, StatusCode::OK);
    assert_eq!(world.post("revoke", &[("token", access)]).await.status, StatusCode::OK);
    assert_eq!(world.user_info(access).await.error(), "401 invalid_token");
    let second = world.refresh(refresh.reveal()).await.tokens();
    assert_eq!(world.user_info(second.access_token.reveal()).await.status, StatusCode::OK);
    let newest = second.refresh_token.unwrap();
    assert_eq!(world.post("revoke", &[("token", newest.reveal())]).await.status, StatusCode::OK);
    assert_eq!(world.user_info(second.access_token.reveal()).await.error(), "401 invalid_token");
    assert_eq!(world.refresh(newest.reveal()).await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn logout_ends_the_session_that_the_id_token_names() {
    let world = World::new();
    let set = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    let hint = set.response.id_token.as_ref().unwrap().reveal().as_str();
    let logout = async |pairs: &[(&str, &str)]| {
        let path = format!("{}?{}", at("logout"), oidc::encode_pairs(pairs.iter().copied()));
        world.realm(Request::get(path).body(Body::empty()).unwrap()).await
    };
    let missing = logout(&[("state", "s")]).await;
    assert!(missing.status == StatusCode::BAD_REQUEST && missing.text.contains("id_token_hint"));
    assert!(world.psc.session_lasts(&set.sid));
    let unknown =
        logout(&[("id_token_hint", hint), ("post_logout_redirect_uri", "https://evil.test/")]).await;
    assert_eq!((unknown.status, unknown.header(header::LOCATION)), (StatusCode::BAD_REQUEST, ""));
    assert!(!unknown.text.contains(hint), "the page does not repeat the token");

    world.wait(3_600);
    let set = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    let hint = set.response.id_token.as_ref().unwrap().reveal().as_str();
    world.wait(600); // the ID token is expired, the session lasts
    let target = "http://localhost:9999/bye";
    let back =
        logout(&[("id_token_hint", hint), ("post_logout_redirect_uri", target), ("state", "x y")]).await;
    assert_eq!(
        (back.status, back.header(header::LOCATION)),
        (StatusCode::FOUND, "http://localhost:9999/bye?state=x+y")
    );
    assert!(!world.psc.session_lasts(&set.sid));
    assert_eq!(
        world.refresh(set.response.refresh_token.unwrap().reveal()).await.error(),
        "400 invalid_grant"
    );
    let again = world.post_bare("logout", &[("id_token_hint", hint)]).await;
    assert!(again.status == StatusCode::OK && again.text.contains("déjà close"), "{}", again.text);
}
