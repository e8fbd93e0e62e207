//! A small OpenID provider over real HTTPS that a test can make lie: what it publishes, signs and tells is one
//! [`Answer`], which the test changes before it leaves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use kernel::{Clock, Secret, base64url};
use lps::psc::{ClientAuthentication, Config, Error, LoginOptions, RelyingParty, Session};
use oidc::{Form, Jwk, pkce};
use serde_json::{Map, Value, json};
use tls::Lab;

use crate::peer::{Peer, Server, lab, trust};

pub(crate) const DOCTOR: &str = "899700000018";
pub(crate) const CALLBACK: &str = "https://lps.example.test/callback";
const SUB: &str = "f:550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd:899700000018";

/// An RSA key with its public half.
pub(crate) struct Key {
    pair: RsaKeyPair,
    pub(crate) jwk: Jwk,
}

/// The provider's key, and one that it does not publish unless told to.
pub(crate) fn key(number: usize) -> &'static Key {
    static KEYS: [OnceLock<Key>; 2] = [OnceLock::new(), OnceLock::new()];
    KEYS[number].get_or_init(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = AsDer::<Pkcs8V1Der<'static>>::as_der(&pair).unwrap();
        let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        let jwk = oidc::SigningKey::from_pem(&pem).unwrap().jwk().clone();
        Key { pair: RsaKeyPair::from_pkcs8(der.as_ref()).unwrap(), jwk }
    })
}

/// What the provider is about to say. Fields are changed by a test's closure.
pub(crate) struct Answer {
    /// Which endpoint: the last part of its path.
    pub(crate) endpoint: String,
    /// The form that was posted, or nothing.
    pub(crate) form: Form,
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    /// Which key signs; `None` leaves the signature empty.
    pub(crate) signer: Option<usize>,
    /// Turns the signature's last octet over.
    pub(crate) spoil: bool,
    pub(crate) userinfo: Map<String, Value>,
    pub(crate) jwks: Vec<Jwk>,
    /// Members of the token answer besides the ID token.
    pub(crate) tokens: Map<String, Value>,
    pub(crate) discovery: Map<String, Value>,
    /// Said instead of all that.
    pub(crate) instead: Option<(u16, String)>,
}

type Lie = dyn Fn(&mut Answer) + Send + Sync;

/// The provider.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) lab: Lab,
    clock: Clock,
    shared: Arc<Shared>,
    server: Server,
}

struct Shared {
    lie: Box<Lie>,
    clock: Clock,
    asked: Mutex<Vec<Asked>>,
    codes: Mutex<HashMap<String, (String, String)>>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: String,
    pub(crate) body: String,
}

impl Provider {
    pub(crate) async fn honest() -> Self {
        Self::lying(|_| {}).await
    }

    pub(crate) async fn lying(lie: impl Fn(&mut Answer) + Send + Sync + 'static) -> Self {
        Self::at(Clock::system(), lie).await
    }

    pub(crate) async fn at(clock: Clock, lie: impl Fn(&mut Answer) + Send + Sync + 'static) -> Self {
        let lab = lab();
        let shared = Arc::new(Shared {
            lie: Box::new(lie),
            clock: clock.clone(),
            asked: Mutex::default(),
            codes: Mutex::default(),
        });
        let (acceptor, state) = (lab.acceptor(), Arc::clone(&shared));
        let server = Server::start(move |_, peer| {
            let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
            async move {
                let Some(mut peer) = peer.tls(&acceptor).await else { return };
                while state.serve(&mut peer).await {}
            }
        })
        .await;
        Self { issuer: format!("https://localhost:{}/realm", server.port), lab, clock, shared, server }
    }

    pub(crate) fn config(&self) -> Config {
        let secret = ClientAuthentication::Basic(Secret::new("s3cr&t+%".into()));
        Config::new(&self.issuer, "product", secret, CALLBACK, trust(&self.lab))
    }

    pub(crate) fn party(&self) -> RelyingParty {
        RelyingParty::new(self.config(), self.clock.clone()).unwrap()
    }

    /// What the wallet does when a person accepts: a code, and the query of the callback.
    pub(crate) fn accept(&self, url: &str) -> String {
        let form = Form::parse(url.split_once('?').unwrap().1.as_bytes()).unwrap();
        for (name, wanted) in [
            ("response_type", "code"),
            ("client_id", "product"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid scope_all"),
            ("acr_values", "eidas1"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(form.get(name), Some(wanted), "{name}");
        }
        for name in ["state", "nonce", "code_challenge"] {
            assert!(form.get(name).unwrap().len() >= 22, "{name} has 128 bits at least");
        }
        let code = kernel::random::id();
        let kept = (form.get("nonce").unwrap().to_owned(), form.get("code_challenge").unwrap().to_owned());
        self.shared.codes.lock().unwrap().insert(code.clone(), kept);
        let state = form.get("state").unwrap();
        oidc::encode_pairs([("code", code.as_str()), ("state", state), ("iss", self.issuer.as_str())])
    }

    /// A whole login.
    pub(crate) async fn log_in(&self, party: &RelyingParty) -> Result<Session, Error> {
        let login = party.begin_login(LoginOptions::default()).await?;
        let query = self.accept(&login.url);
        party.finish_login(&login.handle, &query).await
    }

    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        let all = self.shared.asked.lock().unwrap();
        all.iter().filter(|asked| asked.path.ends_with(path)).cloned().collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.server.connections()
    }
}

impl Shared {
    /// One request of a connection that is kept open; false at its end.
    async fn serve(&self, peer: &mut Peer) -> bool {
        let request = peer.line().await;
        let Some(path) = request.split(' ').nth(1).map(str::to_owned) else { return false };
        let head = peer.until("").await;
        let field = |name: &str| {
            let found = head.iter().filter_map(|line| line.split_once(": "));
            found.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
        };
        let length = field("content-length").map_or(0, |length| length.parse().unwrap());
        let body = peer.octets(length).await;
        let authorization = field("authorization").unwrap_or_default();
        let issuer = format!("https://{}/realm", field("host").unwrap());
        self.asked.lock().unwrap().push(Asked { path: path.clone(), authorization, body: body.clone() });
        tokio::time::sleep(Duration::from_millis(5)).await; // long enough for others to arrive meanwhile
        let (status, text) = self.answer(&issuer, &path, &body);
        let close = if status == 200 { "keep-alive" } else { "close" };
        peer.say(&format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: {close}\r\n\r\n{text}",
            text.len()
        ))
        .await;
        status == 200
    }

    fn answer(&self, issuer: &str, path: &str, body: &str) -> (u16, String) {
        let endpoint = path.rsplit('/').next().unwrap_or_default().to_owned();
        let form = Form::parse(body.as_bytes()).unwrap();
        let now = self.clock.now().as_second();
        let mut nonce = json!(null);
        if form.get("grant_type") == Some("authorization_code") {
            let code = form.get("code").unwrap();
            let Some((kept, challenge)) = self.codes.lock().unwrap().remove(code) else {
                return (400, r#"{"error":"invalid_grant"}"#.into());
            };
            assert_eq!(pkce::challenge(form.get("code_verifier").unwrap()), challenge);
            assert_eq!(form.get("redirect_uri"), Some(CALLBACK));
            nonce = json!(kept);
        }
        let access = format!("eyJhbGciOiJSUzI1NiJ9.{}.c2ln", base64url(kernel::random::id().as_bytes()));
        let object = |value: Value| value.as_object().unwrap().clone();
        let mut answer = Answer {
            endpoint,
            form,
            header: object(json!({"alg": "RS256", "typ": "JWT", "kid": key(0).jwk.kid})),
            claims: object(json!({
                "iss": issuer, "sub": SUB, "aud": "product", "exp": now + 120, "iat": now, "nonce": nonce, "azp": "product",
                "acr": "eidas1", "at_hash": oidc::at_hash(&access), "typ": "ID", "sid": "session-1", "auth_time": now,
            })),
            signer: Some(0),
            spoil: false,
            userinfo: object(json!({
                "sub": SUB, "SubjectNameID": DOCTOR, "given_name": "KIT", "family_name": "DOC", "SubjectRole": ["10^1.2.3"],
            })),
            jwks: vec![key(0).jwk.clone()],
            tokens: object(json!({
                "access_token": access, "token_type": "Bearer", "expires_in": 120, "refresh_expires_in": 1800,
                "refresh_token": kernel::random::id(), "scope": "openid scope_all",
            })),
            discovery: object(json!({
                "issuer": issuer, "authorization_endpoint": format!("{issuer}/auth"),
                "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/certs"),
                "userinfo_endpoint": format!("{issuer}/userinfo"), "revocation_endpoint": format!("{issuer}/revoke"),
                "end_session_endpoint": format!("{issuer}/logout"),
                "backchannel_authentication_endpoint": format!("{issuer}/ciba"),
                "authorization_response_iss_parameter_supported": true,
            })),
            instead: None,
        };
        (self.lie)(&mut answer);
        if let Some(instead) = answer.instead {
            return instead;
        }
        let value = match answer.endpoint.as_str() {
            "wallet-openid-configuration" | "openid-configuration" => Value::Object(answer.discovery),
            "certs" => json!({ "keys": answer.jwks }),
            "userinfo" => Value::Object(answer.userinfo),
            "token" => {
                let id_token = jwt(&answer.header, &answer.claims, answer.signer, answer.spoil);
                answer.tokens.entry("id_token").or_insert(json!(id_token));
                answer.tokens.retain(|_, value| !value.is_null());
                Value::Object(answer.tokens)
            }
            "ciba" => json!({"auth_req_id": "r1", "expires_in": 120, "interval": 1}),
            _ => json!({}),
        };
        (200, value.to_string())
    }
}

/// A JWT of these parts.
pub(crate) fn jwt(
    header: &Map<String, Value>,
    claims: &Map<String, Value>,
    signer: Option<usize>,
    spoil: bool,
) -> String {
    let part = |value: &Map<String, Value>| base64url(serde_json::to_string(value).unwrap().as_bytes());
    let signed = format!("{}.{}", part(header), part(claims));
    let mut signature = Vec::new();
    if let Some(signer) = signer {
        signature = vec![0; 256];
        let pair = &key(signer).pair;
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    }
    if spoil {
        *signature.last_mut().unwrap() ^= 1;
    }
    format!("{signed}.{}", base64url(&signature))
}
