//! The authority over HTTP, asked by OpenSSL and curl: revocation as a client sees it, and what the journal keeps.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ConnectInfo;
use journal::{Journal, Query};
use kernel::Clock;
use tls::{Acceptor, BadServer, LabNames, Stream};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use wire::{Direction, Fact, Service};

use crate::lab::run;

struct Pki {
    lab: Arc<tls::Lab>,
    base: String,
    journal: Journal,
    dir: tempfile::TempDir,
}

impl Pki {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let names = LabNames { domains: vec!["bal.lab".into()], crl_base: base.clone() };
        let clock = Clock::system();
        let lab = Arc::new(tls::Lab::open(&dir.path().join("pki"), &names, &clock).unwrap());
        let db = db::Db::open_sqlite(&dir.path().join("data.sqlite")).await.unwrap();
        let journal = Journal::open(&db, clock).await.unwrap();
        let router = operator::pki_router_with_journal(Arc::clone(&lab), journal.clone(), |request| {
            let ConnectInfo(peer) = request.get::<ConnectInfo<SocketAddr>>()?;
            Some((*peer, 8_804))
        });
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        std::fs::write(
            dir.path().join("root.pem"),
            lab.ca_pem().split_inclusive("-----END CERTIFICATE-----\n").next().unwrap(),
        )
        .unwrap();
        Self { lab, base, journal, dir }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// What `s_client` says of a server when it fetches the CRL by itself.
    async fn s_client(&self, acceptor: Acceptor) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            if let Ok((mut stream, _)) = acceptor.accept(Stream::plain(tcp), &mut |_| {}).await {
                let _ = stream.write_all(b"* OK ready\r\n").await;
                let _ = stream.shutdown().await;
            }
        });
        let root = self.path("root.pem");
        let arguments = ["s_client", "-connect", &address, "-CAfile", &root, "-ign_eof", "-showcerts"];
        let revocation = ["-verify_return_error", "-crl_check", "-crl_download"];
        let (_, text) = run("openssl", &[&arguments[..], &revocation].concat(), "").await;
        server.await.unwrap();
        text
    }

    /// Method and path, peer, and outcome of each request, in order.
    async fn requests(&self) -> Vec<(String, String)> {
        self.journal.barrier().await.unwrap();
        let events = self.journal.events(&Query::default()).await.unwrap();
        assert!(events.iter().all(|event| event.service == Service::Pki));
        let origins = events.iter().filter_map(|event| match &event.fact {
            Fact::Connected { origin } => Some(origin),
            _ => None,
        });
        for origin in origins {
            assert!(origin.peer.starts_with("127.0.0.1:") && origin.port == 8_804, "{origin:?}");
        }
        let asked = events.iter().filter_map(|event| match &event.fact {
            Fact::Line { direction: Direction::Client, text } => Some(text.clone()),
            _ => None,
        });
        let told = events.iter().filter_map(|event| match &event.fact {
            Fact::Note { text } => Some(text.clone()),
            _ => None,
        });
        asked.zip(told).collect()
    }
}

#[tokio::test]
async fn openssl_fetches_the_crl_and_believes_it() {
    let pki = Pki::new().await;
    for (fault, error) in [
        (None, None),
        (Some(BadServer::Revoked), Some("certificate revoked")),
        (Some(BadServer::StaleCrl), Some("CRL has expired")),
        // (Not CrlUnreachable: OpenSSL 3.0 tries a refused connection for ever. The tests of `tls` have it.)
    ] {
        let acceptor = fault.map_or_else(|| pki.lab.acceptor(), |fault| pki.lab.bad_acceptor(fault).unwrap());
        let text = pki.s_client(acceptor).await;
        match error {
            Some(error) => assert!(text.contains(error) && !text.contains("* OK"), "{fault:?}: {text}"),
            None => assert!(text.contains("Verify return code: 0 (ok)"), "{text}"),
        }
    }
    let requests = pki.requests().await;
    let asked: Vec<&str> = requests.iter().map(|(asked, _)| asked.as_str()).collect();
    let stale = "GET /CRL/ACI-EL-ORG-2-LAB.crl";
    assert!(asked.starts_with(&["GET /CRL/ACI-EL-ORG-LAB.crl"]) && asked.contains(&stale), "{asked:?}");
    assert!(requests.iter().all(|(_, told)| told.starts_with("200: ") && told.ends_with(" octets")));
}

#[tokio::test]
async fn openssl_and_curl_ask_the_ocsp_responder() {
    let pki = Pki::new().await;
    let text = pki.s_client(pki.lab.bad_acceptor(BadServer::RevokedOcsp).unwrap()).await;
    assert!(text.contains("Verify return code: 0 (ok)"), "its CRL is silent: {text}");
    std::fs::write(pki.dir.path().join("leaf.pem"), text).unwrap();
    let [root, leaf, request, answer] =
        ["root.pem", "leaf.pem", "request.der", "answer.der"].map(|name| pki.path(name));
    let organisations = pki.path("pki/organisations.pem");
    let url = format!("{}/OCSP", pki.base);
    let about = ["ocsp", "-issuer", &organisations, "-cert", &leaf];
    let (output, text) =
        run("openssl", &[&about[..], &["-CAfile", &root, "-url", &url, "-reqout", &request]].concat(), "")
            .await;
    assert!(output.status.success() && text.contains("leaf.pem: revoked"), "{text}");
    assert!(text.contains("Response verify OK") && !text.contains("WARNING"), "the nonce comes back: {text}");

    // The same by GET, the request in the path (RFC 6960 appendix A.1).
    let (_, encoded) = run("openssl", &["base64", "-A", "-in", &request], "").await;
    let encoded = encoded.trim().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let get = format!("{url}/{encoded}");
    let (output, text) = run("curl", &["-q", "--noproxy", "*", "-sS", "-f", "-o", &answer, &get], "").await;
    assert!(output.status.success(), "{text}");
    let (_, text) =
        run("openssl", &[&about[..], &["-no_nonce", "-CAfile", &root, "-respin", &answer]].concat(), "")
            .await;
    assert!(text.contains("leaf.pem: revoked"), "{text}");

    // Nonsense is answered, and a request without end is not read.
    let (_, text) =
        run("curl", &["-q", "--noproxy", "*", "-sS", "--data", "hello", &url, "-o", &answer], "").await;
    assert_eq!(std::fs::read(&answer).unwrap(), [0x30, 3, 0x0a, 1, 1], "{text}");
    let long = "x".repeat(20_000);
    let status = ["-q", "--noproxy", "*", "-sS", "-o", &answer, "-w", "%{http_code}", "--data", &long, &url];
    assert_eq!(run("curl", &status, "").await.1.trim(), "413");

    let requests = pki.requests().await;
    let outcomes: Vec<&str> =
        requests.iter().filter(|(asked, _)| asked.contains("/OCSP")).map(|(_, told)| told.as_str()).collect();
    assert_eq!(outcomes.len(), 4, "{outcomes:?}");
    assert!(outcomes[..2].iter().all(|told| told.starts_with("200: OCSP ") && told.ends_with(" revoked")));
    assert_eq!(outcomes[2..], ["200: OCSP malformedRequest", "413"]);
}
