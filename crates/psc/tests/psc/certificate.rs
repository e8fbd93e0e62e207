//! Clients that authenticate by certificate, over real TLS: the handshake is the lab's, the subject the registration's.

use std::sync::Arc;

use kernel::{Clock, Secret};
use oidc::{ACCESS_TOKEN_TYPE, CibaRequest, EXCHANGE_GRANT, TokenRequest, TokenResponse};
use psc::{Automatic, ClientRegistration, Psc, PscConfig};
use serde_json::Value;
use tls::{ClientTrust, Issued, Lab, LabNames};
use tokio::net::TcpListener;
use tokio::sync::watch;

const DOCTOR: &str = "899709011003";

struct Live {
    psc: Psc,
    lab: Lab,
    issued: Issued,
    _data: tempfile::TempDir,
    _stop: watch::Sender<bool>,
}

impl Live {
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let clock = Clock::system();
        let names = LabNames { domains: vec!["psc.lab.test".into()], crl_base: "http://127.0.0.1:1".into() };
        let lab = Lab::open(&data.path().join("pki"), &names, &clock).unwrap();
        let issued = lab.issue_auth_cli("163254178", "CABINET DE TEST").unwrap();
        let realm = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = PscConfig::new(data.path().join("psc"), clock);
        let port = realm.local_addr().unwrap().port();
        config.issuer = format!("https://localhost:{port}/auth/realms/esante-wallet");
        let psc = Psc::open(config).unwrap();
        psc.add_identity(psc::Identity::test(DOCTOR));
        let nobody = Secret::new(String::new());
        let client = ClientRegistration::new("proxy", nobody, [""; 0])
            .certificate(issued.facts.subject.clone())
            .automatic(Automatic::Accept);
        psc.register_client(ClientRegistration { certificate_bound_tokens: true, ..client }).unwrap();
        let secret = ClientRegistration::new("lps", Secret::new("s3cret".into()), [""; 0]);
        psc.register_client(secret).unwrap();
        let (stop, stopped) = watch::channel(false);
        let tls = lab.acceptor().https_with_clients().unwrap();
        tokio::spawn(web::serve_https(realm, psc.realm(), tls, stopped));
        Self { psc, lab, issued, _data: data, _stop: stop }
    }

    /// A client with this certificate, or none.
    fn http(&self, shown: Option<&Issued>) -> reqwest::Client {
        let crls: Vec<Vec<u8>> = self.lab.crls().into_iter().map(|(_, der)| der).collect();
        let mut trust = ClientTrust::new(self.lab.ca_pem(), &crls).unwrap();
        if let Some(shown) = shown {
            trust = trust.with_certificate(&shown.chain_pem, &shown.key_pem).unwrap();
        }
        let config: Arc<rustls::ClientConfig> = trust.config().unwrap();
        reqwest::Client::builder()
            .tls_backend_preconfigured(rustls::ClientConfig::clone(&config))
            .no_proxy()
            .build()
            .unwrap()
    }

    async fn post(&self, http: &reqwest::Client, endpoint: &str, body: &Secret<String>) -> (u16, Vec<u8>) {
        let address = format!("{}/protocol/openid-connect/{endpoint}", self.psc.issuer());
        let request = http
            .post(address)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.reveal().clone());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
    }

    /// Tokens by the decoupled flow, with the certificate alone.
    async fn tokens(&self, http: &reqwest::Client) -> TokenResponse {
        let ask = CibaRequest { login_hint: DOCTOR, binding_message: "07", channel: oidc::AuthMode::Mobile }
            .body(None);
        let ask = Secret::new(format!("{}&client_id=proxy", ask.reveal()));
        let (status, body) = self.post(http, "ext/ciba/auth", &ask).await;
        let asked = oidc::CibaAnswer::parse(status, &body).unwrap();
        let poll = TokenRequest::Ciba { auth_req_id: &asked.auth_req_id }.body_by_certificate("proxy");
        let (status, body) = self.post(http, "token", &poll).await;
        TokenResponse::parse(status, &body).unwrap()
    }
}

fn error(body: &[u8]) -> String {
    let json: Value = serde_json::from_slice(body).unwrap();
    json["error"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_authenticates_its_client_and_binds_its_tokens() {
    let live = Live::new().await;
    let (bare, known) = (live.http(None), live.http(Some(&live.issued)));
    let tokens = live.tokens(&known).await;
    let claims = live.psc.verifier().access(tokens.access_token.reveal(), live.psc.now()).unwrap();
    assert!(claims.cnf.is_some());

    let info = |http: &reqwest::Client| {
        let address = format!("{}/protocol/openid-connect/userinfo", live.psc.issuer());
        http.get(address).bearer_auth(tokens.access_token.reveal()).send()
    };
    assert_eq!(info(&known).await.unwrap().status(), 200);
    assert_eq!(info(&bare).await.unwrap().status(), 401, "a bound token without its certificate");

    let refresh = tokens.refresh_token.unwrap();
    let body = TokenRequest::Refresh { refresh_token: &refresh }.body_by_certificate("proxy");
    let (status, refused) = live.post(&bare, "token", &body).await;
    assert_eq!((status, error(&refused).as_str()), (401, "invalid_client"), "no certificate");
    let other = live.lab.issue_auth_cli("163254179", "AUTRE CABINET").unwrap();
    let (status, refused) = live.post(&live.http(Some(&other)), "token", &body).await;
    assert_eq!((status, error(&refused).as_str()), (401, "invalid_client"), "another's certificate");
    let body_of_lps = TokenRequest::Refresh { refresh_token: &refresh }.body_by_certificate("lps");
    let (status, _) = live.post(&known, "token", &body_of_lps).await;
    assert_eq!(status, 401, "a client that registered none");
    assert_eq!(live.post(&known, "token", &body).await.0, 200);

    live.lab.revoke(&live.issued.facts.serial).unwrap();
    let address = format!("{}/protocol/openid-connect/certs", live.psc.issuer());
    let fresh = live.http(Some(&live.issued));
    assert!(fresh.get(address).send().await.is_err(), "a revoked certificate ends the handshake");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_psc_token_is_exchanged_once_for_a_token_of_an_api() {
    let live = Live::new().await;
    let known = live.http(Some(&live.issued));
    let tokens = live.tokens(&known).await;
    let exchange = TokenRequest::Exchange { subject_token: &tokens.access_token, scope: "ROLE_LECTURE" };
    let by_secret = exchange.body(Some(("lps", &Secret::new("s3cret".into()))));
    let (status, refused) = live.post(&known, "token", &by_secret).await;
    assert_eq!((status, error(&refused).as_str()), (401, "invalid_client"), "a secret is not enough");
    let body = exchange.body_by_certificate("proxy");
    let (status, answer) = live.post(&known, "token", &body).await;
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((status, &answer["issued_token_type"]), (200, &ACCESS_TOKEN_TYPE.into()), "{answer}");
    assert_eq!((&answer["expires_in"], &answer["scope"]), (&3_600.into(), &"ROLE_LECTURE".into()));
    let issued = answer["access_token"].as_str().unwrap();
    let verifier = live.psc.verifier();
    let claims = verifier.api_token(issued, live.psc.now()).unwrap();
    assert_eq!((claims.national_id().as_deref(), claims.azp.as_str()), (Some(DOCTOR), "proxy"));
    assert!(claims.cnf.is_some() && verifier.access(issued, live.psc.now()).is_err(), "it opens no mailbox");
    let (status, again) = live.post(&known, "token", &body).await;
    assert_eq!((status, error(&again).as_str()), (400, "invalid_request"), "once");

    let forged = Secret::new("a.b.c".to_owned());
    let body = TokenRequest::Exchange { subject_token: &forged, scope: "x" }.body_by_certificate("proxy");
    assert_eq!(error(&live.post(&known, "token", &body).await.1), "invalid_request");
    let odd = oidc::encode_pairs([
        ("grant_type", EXCHANGE_GRANT),
        ("client_id", "proxy"),
        ("subject_token", "x"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:saml2"),
    ]);
    assert_eq!(error(&live.post(&known, "token", &Secret::new(odd)).await.1), "invalid_request");
}
