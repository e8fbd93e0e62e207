//! Clients of other makes, over real HTTPS with the lab's certificate.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use kernel::{Clock, Secret};
use psc::{ClientRegistration, Psc, PscConfig};
use serde_json::Value;
use tls::{ClientTrust, Lab, LabNames};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::watch;

const CALLBACK: &str = "http://localhost:9999/cb";
const DOCTOR: &str = "899709011003";

struct Live {
    psc: Psc,
    ca_file: PathBuf,
    trust: Arc<rustls::ClientConfig>,
    _data: tempfile::TempDir,
    stop: watch::Sender<bool>,
}

async fn live() -> Live {
    let data = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let names = LabNames { domains: vec!["psc.lab.test".into()], crl_base: "http://127.0.0.1:1".into() };
    let lab = Lab::open(&data.path().join("pki"), &names, &clock).unwrap();
    let ca_file = data.path().join("ca.pem");
    std::fs::write(&ca_file, lab.ca_pem()).unwrap();
    let crls: Vec<Vec<u8>> = lab.crls().into_iter().map(|(_, der)| der).collect();
    let trust = ClientTrust::new(lab.ca_pem(), &crls).unwrap().config().unwrap();

    let realm = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let wallet = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let wallet_port = wallet.local_addr().unwrap().port();
    let mut config = PscConfig::new(data.path().join("psc"), clock);
    config.issuer =
        format!("https://localhost:{}/auth/realms/esante-wallet", realm.local_addr().unwrap().port());
    config.wallet_base = format!("http://127.0.0.1:{wallet_port}");
    let psc = Psc::open(config).unwrap();
    psc::samples().into_iter().for_each(|identity| psc.add_identity(identity));
    psc.register_client(ClientRegistration::new("lps", Secret::new("s3cr&t+%".into()), [CALLBACK])).unwrap();
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(web::serve_https(realm, psc.realm(), lab.acceptor().https(), stopped.clone()));
    tokio::spawn(web::serve_http(wallet, psc.wallet(wallet_port), stopped));
    Live { psc, ca_file, trust, _data: data, stop }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_house_client_logs_in_over_https() {
    let live = live().await;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(rustls::ClientConfig::clone(&live.trust))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let document = format!("{}/.well-known/wallet-openid-configuration", live.psc.issuer());
    let discovery: oidc::Discovery = client.get(document).send().await.unwrap().json().await.unwrap();
    let keys: oidc::Jwks = client.get(&discovery.jwks_uri).send().await.unwrap().json().await.unwrap();
    let set = live.psc.issue_tokens(DOCTOR, "lps", None).unwrap();
    let refresh = set.response.refresh_token.unwrap();
    let body = oidc::TokenRequest::Refresh { refresh_token: &refresh }.body(None);
    let answer = client
        .post(&discovery.token_endpoint)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", oidc::basic_credentials("lps", &Secret::new("s3cr&t+%".into())).reveal())
        .body(body.reveal().clone())
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    let tokens = oidc::TokenResponse::parse(status, &answer.bytes().await.unwrap()).unwrap();
    let verifier = oidc::Verifier::new(discovery.issuer, &keys);
    let claims = verifier.access(tokens.access_token.reveal(), live.psc.now()).unwrap();
    assert_eq!(claims.national_id().as_deref(), Some(DOCTOR));
    live.stop.send(true).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_python_library_logs_in_as_a_person_would() {
    let live = live().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/psc/foreign_client.py");
    let told = run("python3", &script, &live, &[]).await;
    assert_eq!((&told["SubjectNameID"], &told["aud"]), (&DOCTOR.into(), &"lps".into()), "{told}");
    assert_eq!(
        (&told["refreshed"], &told["active"], &told["after_revocation"]),
        (&true.into(), &true.into(), &401.into()),
        "{told}"
    );
    assert_eq!(told["wrong_verifier"], "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node.js and OPENID_CLIENT, the folder where `npm i openid-client@6` was done"]
async fn a_certified_client_library_logs_in() {
    let folder = std::env::var("OPENID_CLIENT").expect("OPENID_CLIENT names a folder");
    let live = live().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/psc/openid_client.mjs");
    let told = run("node", &script, &live, &[("OPENID_CLIENT", &folder)]).await;
    assert_eq!((&told["SubjectNameID"], &told["acr"]), (&DOCTOR.into(), &"eidas1".into()), "{told}");
    assert_eq!((&told["refreshed"], &told["active"]), (&true.into(), &true.into()), "{told}");
}

async fn run(program: &str, script: &Path, live: &Live, more: &[(&str, &str)]) -> Value {
    let output = Command::new(program)
        .arg(script)
        .env("PSC_ISSUER", live.psc.issuer())
        .env("PSC_CA", &live.ca_file)
        .env("NODE_EXTRA_CA_CERTS", &live.ca_file)
        .env("PSC_IDENTITY", DOCTOR)
        .env("PSC_CLIENT", "lps")
        .env("PSC_SECRET", "s3cr&t+%")
        .env("PSC_CALLBACK", CALLBACK)
        .env("NO_PROXY", "localhost,127.0.0.1")
        .envs(more.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), output).await.unwrap().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}{error}", String::from_utf8_lossy(&output.stdout)))
}
