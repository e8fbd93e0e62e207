//! The host API over real practices on SQLite, a real socket and a real receiver of webhooks.
#![allow(clippy::unwrap_used)] // a test says what went wrong by its panic

mod described;
mod filing;
mod mails;
mod news;
mod refusals;

use kernel::{Clock, Secret, Timestamp};
use lps_api::{Parts, Service};
use practice::{Arrival, FolderState, Key, Mailbox, MailboxKind, Setting};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A service with two practices that nothing else uses.
pub(crate) struct Lab {
    pub(crate) service: Service,
    pub(crate) base: String,
    /// Of the practice `lilas`.
    pub(crate) key: Secret<String>,
    pub(crate) http: reqwest::Client,
    stop: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<()>,
    _dir: tempfile::TempDir,
}

/// An answer: status, one header on demand, body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The object of a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// The problem of a refusal: of this status and code, whole.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> Value {
        let told = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{told}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{told}");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{told}");
        assert_eq!(problem["type"], format!("urn:vaguemestre:problem:{code}"), "{told}");
        for field in ["title", "detail", "stage", "retry", "next"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {told}");
        }
        problem
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub(crate) fn client() -> reqwest::Client {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(config).no_proxy().build().unwrap()
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Lab {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let setting = Setting { world: ins::World::Sandbox, ..Setting::default() };
        let parts = Parts { dir: dir.path().join("lps"), clock: Clock::system(), setting, engine: None };
        let service = Service::open(parts).await.unwrap();
        service.add_practice("lilas", "Cabinet des Lilas").await.unwrap();
        service.add_practice("roses", "Cabinet des Roses").await.unwrap();
        let key = service.new_key("lilas", "Logiciel").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(web::serve_http(listener, service.router(port), stopped));
        let base = format!("http://127.0.0.1:{port}");
        Self { service, base, key, http: client(), stop, serving, _dir: dir }
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.unwrap().into() }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.http.request(method, format!("{}/api/v1{path}", self.base)).bearer_auth(self.key.reveal())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request("POST", path).json(body)).await
    }

    pub(crate) fn practice(&self) -> practice::Practice {
        self.service.house("lilas").unwrap().practice().clone()
    }

    /// A mailbox that takes everything up.
    pub(crate) async fn mailbox(&self) -> Mailbox {
        let since = time("2026-01-01T00:00:00Z");
        let practice = self.practice();
        practice
            .save_mailbox("cabinet@cab.mssante.fr", MailboxKind::Org, "Cabinet", json!({}), since)
            .await
            .unwrap()
    }

    /// Mails as the connector would bring them; the keys of their documents, in order.
    pub(crate) async fn receive(&self, mailbox: &Key, first: u32, mails: &[Vec<u8>]) -> Vec<String> {
        let practice = self.practice();
        let last = first + u32::try_from(mails.len()).unwrap();
        let folder = FolderState {
            name: "INBOX".into(),
            role: "inbox".into(),
            uid_validity: 7,
            uid_next: last,
            modseq: 0,
        };
        let arrival = |uid| Arrival { uid, received: time("2026-11-23T08:00:00Z"), flags: Vec::new() };
        let arrivals = (first..last).map(arrival).collect();
        let wanted = practice.synchronised(mailbox, folder, arrivals, Vec::new(), Vec::new()).await.unwrap();
        let octets = |uid: u32| mails[usize::try_from(uid - first).unwrap()].clone();
        let mut wanted = wanted;
        wanted.sort_by_key(|wanted| wanted.uid);
        let kept = wanted.iter().map(|wanted| (wanted.mail.clone(), octets(wanted.uid))).collect();
        practice.keep(kept).await.unwrap();
        while practice.read_pending(64).await.unwrap() > 0 {}
        let mut documents = Vec::new();
        for one in wanted {
            let mail = practice.mail(&one.mail).await.unwrap().unwrap();
            documents.extend(mail.documents.iter().map(ToString::to_string));
        }
        documents
    }

    pub(crate) async fn end(self) {
        self.service.stop().await;
        let _ = self.stop.send(true);
        self.serving.await.unwrap();
    }
}
