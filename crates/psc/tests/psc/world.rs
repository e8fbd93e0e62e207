//! A sandbox with two clients and some people, without sockets, at an hour that the test decides.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use kernel::{Clock, ManualClock, Secret, Timestamp};
use oidc::{TokenResponse, encode_pairs, pkce};
use psc::{ClientRegistration, Identity, Psc, PscConfig};
use serde_json::Value;
use tower::ServiceExt as _;

pub(crate) const ISSUER: &str = "https://localhost:8802/auth/realms/esante-wallet";
pub(crate) const CALLBACK: &str = "http://localhost:9999/cb?from=psc";
pub(crate) const DOCTOR: &str = "899700000018";
pub(crate) const CLIENT: &str = "lps one";
pub(crate) const SECRET: &str = "p:w%d é";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub(crate) struct World {
    pub(crate) psc: Psc,
    hands: ManualClock,
    _data: tempfile::TempDir,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} {}", self.status, self.text))
    }

    /// `400 invalid_grant`.
    pub(crate) fn error(&self) -> String {
        format!("{} {}", self.status.as_u16(), self.json()["error"].as_str().unwrap_or_default())
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// A parameter of the address that the browser is sent to.
    pub(crate) fn sent(&self, name: &str) -> Option<String> {
        let location = self.header(header::LOCATION);
        assert!(location.starts_with(CALLBACK), "{} {location} {}", self.status, self.text);
        let form = oidc::Form::parse(location.split_once('?').unwrap().1.as_bytes()).unwrap();
        form.get(name).map(str::to_owned)
    }

    /// What stands between two texts of the page; empty where the first is not there.
    pub(crate) fn between(&self, before: &str, after: &str) -> String {
        let rest = self.text.split(before).nth(1).unwrap_or_default();
        rest.split(after).next().unwrap_or_default().to_owned()
    }

    pub(crate) fn tokens(&self) -> TokenResponse {
        TokenResponse::parse(self.status.as_u16(), self.text.as_bytes()).unwrap()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|config| config)
    }

    pub(crate) fn with(change: impl FnOnce(PscConfig) -> PscConfig) -> Self {
        let data = tempfile::tempdir().unwrap();
        let start: Timestamp = "2026-11-23T10:00:00.75Z".parse().unwrap();
        let (clock, hands) = Clock::manual(start);
        let psc = Psc::open(change(PscConfig::new(data.path().join("psc"), clock))).unwrap();
        psc.add_identity(Identity::test(DOCTOR));
        psc.add_identity(Identity::minimal("ANS20260110093000", "Maxime", "<b>EDIT</b>"));
        let client = ClientRegistration::new(CLIENT, Secret::new(SECRET.into()), [CALLBACK]);
        let logged_out = vec!["http://localhost:9999/bye".to_owned()];
        psc.register_client(ClientRegistration { post_logout_redirect_uris: logged_out, ..client }).unwrap();
        psc.register_client(ClientRegistration::new("other", Secret::new("x".into()), [CALLBACK])).unwrap();
        Self { psc, hands, _data: data }
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.hands.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn realm(&self, request: Request<Body>) -> Reply {
        reply(self.psc.realm(), request).await
    }

    pub(crate) async fn wallet(&self, request: Request<Body>) -> Reply {
        reply(self.psc.wallet(8805), request).await
    }

    /// Posts a form to an endpoint of the realm, as the first client (`client_secret_basic`).
    pub(crate) async fn post(&self, endpoint: &str, pairs: &[(&str, &str)]) -> Reply {
        let credentials = oidc::basic_credentials(CLIENT, &Secret::new(SECRET.into()));
        let request = form_to(&at(endpoint)).header(header::AUTHORIZATION, credentials.reveal());
        self.realm(request.body(Body::from(encode_pairs(pairs.iter().copied()))).unwrap()).await
    }

    /// Posts a form without any authentication but what it holds.
    pub(crate) async fn post_bare(&self, endpoint: &str, pairs: &[(&str, &str)]) -> Reply {
        let body = Body::from(encode_pairs(pairs.iter().copied()));
        self.realm(form_to(&at(endpoint)).body(body).unwrap()).await
    }

    /// Asks for a decoupled identification with some parameters changed; `""` takes one away.
    pub(crate) async fn ciba(&self, changes: &[(&str, &str)]) -> Reply {
        let mut pairs = vec![
            ("scope", "openid scope_all"),
            ("acr_values", "eidas1"),
            ("login_hint", DOCTOR),
            ("binding_message", "42"),
            ("channel", "CARD"),
        ];
        for (name, value) in changes {
            pairs.retain(|(known, _)| known != name);
            if !value.is_empty() {
                pairs.push((name, value));
            }
        }
        self.post("ext/ciba/auth", &pairs).await
    }

    pub(crate) async fn poll(&self, auth_req_id: &str) -> Reply {
        self.post("token", &[("grant_type", oidc::CIBA_GRANT), ("auth_req_id", auth_req_id)]).await
    }

    /// A page of the desk: `(page, seal, cookie)`.
    pub(crate) async fn desk(&self, path: &str, cookie: &str) -> (Reply, String, String) {
        let request =
            Request::get(path).header(header::HOST, "127.0.0.1:8805").header(header::COOKIE, cookie);
        let page = self.wallet(request.body(Body::empty()).unwrap()).await;
        let seal = page.between("name=\"seal\" value=\"", "\"");
        let cookie = page.header(header::SET_COOKIE).split(';').next().unwrap().to_owned();
        (page, seal, cookie)
    }

    /// Posts a form of the desk.
    pub(crate) async fn submit(&self, path: &str, cookie: &str, pairs: &[(&str, &str)]) -> Reply {
        let request = form_to(path)
            .header(header::HOST, "127.0.0.1:8805")
            .header(header::ORIGIN, "http://127.0.0.1:8805")
            .header(header::COOKIE, cookie);
        self.wallet(request.body(Body::from(encode_pairs(pairs.iter().copied()))).unwrap()).await
    }

    /// Opens the wallet with these cookies.
    pub(crate) async fn authorize(&self, query: &str, cookie: &str) -> Reply {
        let request = Request::get(format!("/auth?{query}"))
            .header(header::HOST, "127.0.0.1:8805")
            .header(header::COOKIE, cookie);
        self.wallet(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn user_info(&self, token: &str) -> Reply {
        let request = Request::get(at("userinfo")).header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.realm(request.body(Body::empty()).unwrap()).await
    }

    /// Opens the wallet's page: `(page, form's number, cookie)`.
    pub(crate) async fn page(&self, query: &str) -> (Reply, String, String) {
        let request = Request::get(format!("/auth?{query}")).header(header::HOST, "127.0.0.1:8805");
        let page = self.wallet(request.body(Body::empty()).unwrap()).await;
        let number = page
            .text
            .split("name=\"request\" value=\"")
            .nth(1)
            .unwrap_or("")
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        let cookie = page.header(header::SET_COOKIE).split(';').next().unwrap().to_owned();
        (page, number, cookie)
    }

    /// Presses a button of the page.
    pub(crate) async fn press(&self, number: &str, cookie: &str, choice: &str) -> Reply {
        let pairs = [("request", number), ("choice", choice)];
        let request = form_to("/auth/decision")
            .header(header::HOST, "127.0.0.1:8805")
            .header(header::ORIGIN, "http://127.0.0.1:8805")
            .header(header::COOKIE, cookie);
        self.wallet(request.body(Body::from(encode_pairs(pairs))).unwrap()).await
    }

    /// A code, obtained as a browser does.
    pub(crate) async fn code(&self) -> String {
        let (_, number, cookie) = self.page(&query(&[])).await;
        self.press(&number, &cookie, &format!("CARD {DOCTOR}")).await.sent("code").unwrap()
    }

    /// Exchanges a code.
    pub(crate) async fn redeem(&self, code: &str, verifier: &str) -> Reply {
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", verifier),
        ];
        self.post("token", &pairs).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Reply {
        self.post("token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }
}

pub(crate) fn at(endpoint: &str) -> String {
    format!("/auth/realms/esante-wallet/protocol/openid-connect/{endpoint}")
}

/// A good authorization request with some parameters changed; `""` takes one away.
pub(crate) fn query(changes: &[(&str, &str)]) -> String {
    let challenge = pkce::challenge(VERIFIER);
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", CALLBACK),
        ("scope", "openid scope_all"),
        ("acr_values", "eidas1"),
        ("state", "st&te=é"),
        ("nonce", "n-0S6_WzA2Mj"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    encode_pairs(pairs)
}

pub(crate) fn form_to(path: &str) -> axum::http::request::Builder {
    Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

async fn reply(router: axum::Router, request: Request<Body>) -> Reply {
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes().to_vec();
    Reply { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes).unwrap() }
}
