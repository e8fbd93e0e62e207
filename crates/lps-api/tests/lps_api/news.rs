//! What changed, told in three ways that agree.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use kernel::Secret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use xdm::Action;

use crate::Lab;
use crate::mails::{document, mail};

/// Waits until something is so, or panics after ten seconds.
async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it did not come");
}

/// A host that listens: what it was sent, and what it answers next.
#[derive(Clone, Default)]
struct Host {
    heard: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    refuses: Arc<Mutex<Option<u16>>>,
}

impl Host {
    async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mss", listener.local_addr().unwrap());
        let host = self.clone();
        let take = move |headers: HeaderMap, body: Bytes| {
            let host = host.clone();
            async move {
                if let Some(status) = *host.refuses.lock().unwrap() {
                    return StatusCode::from_u16(status).unwrap();
                }
                host.heard.lock().unwrap().push((headers, body));
                StatusCode::NO_CONTENT
            }
        };
        let router = Router::new().route("/mss", post(take));
        let (stop, stopped) = tokio::sync::watch::channel(false);
        tokio::spawn(async move {
            let _running = stop; // until the test ends
            web::serve_http(listener, router, stopped).await;
        });
        url
    }

    fn heard(&self) -> Vec<(HeaderMap, Bytes)> {
        self.heard.lock().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_numbered_and_followed() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox().await;
    let from = lab.get("/changes").await.ok()["newest"].as_u64().unwrap();
    let stream = lab.request("GET", &format!("/events?since={from}")).send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let keys = lab.receive(&mailbox.key, 1, &[mail(document(1, 1), Action::Create)]).await;
    let changes = lab.get(&format!("/changes?since={from}")).await.ok();
    let all = changes["changes"].as_array().unwrap();
    let received = all
        .iter()
        .find(|change| change["kind"] == "document.received")
        .unwrap_or_else(|| panic!("{changes}"));
    assert_eq!(received["key"], keys[0]);
    let numbers: Vec<u64> = all.iter().filter_map(|change| change["seq"].as_u64()).collect();
    assert!(numbers.windows(2).all(|two| two[1] == two[0] + 1), "{numbers:?}");
    assert_eq!(changes["next"], changes["newest"]);

    let (mut stream, mut text) = (stream, String::new());
    while !text.contains("document.received") {
        let chunk =
            tokio::time::timeout(Duration::from_secs(10), stream.chunk()).await.unwrap().unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(text.contains(&format!("id: {}", received["seq"])) && text.contains(&keys[0]), "{text}");
    // Again from the last one, as a browser does: nothing twice.
    let last = changes["newest"].as_u64().unwrap();
    let again =
        lab.request("GET", "/events?since=0").header("Last-Event-ID", last.to_string()).send().await.unwrap();
    let quiet = tokio::time::timeout(Duration::from_millis(200), {
        let mut again = again;
        async move { again.chunk().await }
    })
    .await;
    assert!(quiet.is_err(), "{quiet:?}");
    lab.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_signed_tried_again_and_loses_nothing() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox().await;
    let host = Host::default();
    let url = host.listen().await;
    *host.refuses.lock().unwrap() = Some(500);
    let made = lab
        .post("/webhooks", &json!({"url": url, "events": ["document.received", "document.request"]}))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let secret = Secret::new(made.json()["secret"].as_str().unwrap().to_owned());
    let path = format!("/webhooks/{}", made.json()["key"].as_str().unwrap());
    let mails = [mail(document(1, 1), Action::Create), mail(document(2, 1), Action::Create)];
    let keys = lab.receive(&mailbox.key, 1, &mails).await;
    let shown = until(async || Some(lab.get(&path).await.ok()).filter(|shown| shown["failures"] == 1)).await;
    assert!(shown["trouble"].as_str().unwrap().contains("500") && shown["suspended"] == false, "{shown}");
    assert!(shown.get("secret").is_none());

    *host.refuses.lock().unwrap() = None;
    assert_eq!(lab.post(&format!("{path}/resume"), &Value::Null).await.status, 200);
    let heard = until(async || Some(host.heard()).filter(|heard| heard.len() == 2)).await;
    let mut told = Vec::new();
    for (headers, body) in &heard {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
        let right = lps_api::sign(&secret, &id, at.parse().unwrap(), body).unwrap();
        assert_eq!(header("webhook-signature"), right);
        let message: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(
            (message["type"].as_str(), &message["data"]["practice"]),
            (Some("document.received"), &json!("lilas"))
        );
        assert!(!String::from_utf8_lossy(body).contains("PAT-TROIS"), "no health data in a message");
        told.push(message["data"]["key"].as_str().unwrap().to_owned());
    }
    assert_eq!(told, keys, "in order, each once");
    let shown = until(async || Some(lab.get(&path).await.ok()).filter(|shown| shown["failures"] == 0)).await;
    assert_eq!(shown["trouble"], Value::Null);

    // Gone is gone: suspended at once, and shown.
    *host.refuses.lock().unwrap() = Some(410);
    lab.receive(&mailbox.key, 3, &[mail(document(3, 1), Action::Create)]).await;
    until(async || Some(lab.get(&path).await.ok()).filter(|shown| shown["suspended"] == true)).await;
    assert_eq!(lab.send(lab.request("DELETE", &path)).await.status, 204);
    lab.end().await;
}
