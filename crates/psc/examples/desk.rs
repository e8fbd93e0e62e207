//! The wallet and its desk on http://127.0.0.1:8895, with something on every page, to be looked at:
//! `cargo run -p psc --example desk`. Ends after ten minutes.

#![allow(clippy::unwrap_used)] // a tool to look with: it stops where it cannot go on

use std::time::Duration;

use kernel::{Clock, Secret};
use psc::{ClientRegistration, Psc, PscConfig, PscFault};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt as _;

#[tokio::main]
async fn main() {
    let data = tempfile::tempdir().unwrap();
    let psc = Psc::open(PscConfig::new(data.path(), Clock::system())).unwrap();
    psc::samples().into_iter().for_each(|person| psc.add_identity(person));
    let client =
        ClientRegistration::new("lps-0001", Secret::new("s3cret".into()), ["http://localhost:9999/cb"]);
    psc.register_client(client.named("SantéProMoins 2.1")).unwrap();
    psc.arm("lps-0001", PscFault::AlgNone, 2).keep();
    psc.arm("*", PscFault::JwksRotated, None).keep();
    for (hint, message) in [("899709011003", "42"), ("899709011359", "07")] {
        let pairs = [
            ("client_id", "lps-0001"),
            ("client_secret", "s3cret"),
            ("scope", "openid scope_all"),
            ("acr_values", "eidas1"),
            ("login_hint", hint),
            ("binding_message", message),
            ("channel", if message == "42" { "CARD" } else { "MOBILE" }),
        ];
        let request =
            axum::http::Request::post("/auth/realms/esante-wallet/protocol/openid-connect/ext/ciba/auth")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(axum::body::Body::from(oidc::encode_pairs(pairs)))
                .unwrap();
        psc.realm().oneshot(request).await.unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:8895").await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let served = tokio::spawn(web::serve_http(listener, psc.wallet(8895), stopped));
    tokio::time::sleep(Duration::from_secs(600)).await;
    stop.send(true).unwrap();
    served.await.unwrap();
}
