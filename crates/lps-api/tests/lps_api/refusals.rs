//! What is asked wrongly, or by whom it should not.

use serde_json::{Value, json};
use xdm::Action;

use crate::Lab;
use crate::mails::{document, mail};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_its_own_practice_and_no_other() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox().await;
    let keys = lab.receive(&mailbox.key, 1, &[mail(document(1, 1), Action::Create)]).await;
    let other = lab.service.new_key("roses", "Logiciel").await.unwrap();
    let as_other = |path: &str| {
        let url = format!("{}/api/v1{path}", lab.base);
        lab.send(lab.http.get(url).bearer_auth(other.reveal()))
    };
    assert_eq!(as_other("/practice").await.ok()["name"], "roses");
    assert_eq!(as_other("/documents").await.ok()["documents"], json!([]));
    as_other(&format!("/documents/{}", keys[0])).await.refused(404, "not_found");
    as_other(&format!("/documents/{}/content", keys[0])).await.refused(404, "not_found");
    as_other(&format!("/mailboxes/{}", mailbox.key)).await.refused(404, "not_found");
    assert_eq!(as_other("/changes").await.ok()["changes"], json!([]));

    let none = lab.send(lab.http.get(format!("{}/api/v1/documents", lab.base))).await;
    none.refused(401, "forbidden");
    assert_eq!(none.header("www-authenticate"), Some("Bearer"));
    let wrong =
        lab.http.get(format!("{}/api/v1/documents", lab.base)).bearer_auth("0123456789abcdefghjkmnpqrs");
    lab.send(wrong).await.refused(401, "forbidden");
    for (header, value) in [("Host", "evil.test"), ("Origin", "https://evil.test")] {
        let foreign = lab.send(lab.request("GET", "/documents").header(header, value)).await;
        assert_eq!(foreign.refused(403, "forbidden")["field"], header);
    }
    lab.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_shown_once_and_revoked_but_never_by_itself() {
    let lab = Lab::new().await;
    let made = lab
        .send(lab.request("POST", "/keys").header("Idempotency-Key", "k").json(&json!({"label": "Autre"})))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let (id, key) = (made.json()["id"].clone(), made.json()["key"].as_str().unwrap().to_owned());
    let again = lab
        .send(lab.request("POST", "/keys").header("Idempotency-Key", "k").json(&json!({"label": "Autre"})))
        .await;
    assert_ne!(again.json()["key"], key.as_str(), "an answer with a secret is not kept");
    let listed = lab.get("/keys").await;
    assert!(!String::from_utf8_lossy(&listed.body).contains(&key));
    let with_it = || lab.send(lab.http.get(format!("{}/api/v1/practice", lab.base)).bearer_auth(&key));
    assert_eq!(with_it().await.ok()["key"]["id"], id);
    let path = format!("/keys/{}", id.as_str().unwrap());
    let itself = lab.http.delete(format!("{}/api/v1{path}", lab.base)).bearer_auth(&key);
    lab.send(itself).await.refused(409, "conflict");
    assert_eq!(lab.send(lab.request("DELETE", &path)).await.status, 204);
    with_it().await.refused(401, "forbidden");
    lab.send(lab.request("DELETE", &path)).await.refused(404, "not_found");
    lab.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_a_problem() {
    let lab = Lab::new().await;
    let nothing = "0000000000000000000000000n";
    for (path, status, code) in [
        ("/nowhere".to_owned(), 404, "bad_input"),
        ("/documents?limit=0".into(), 400, "bad_input"),
        ("/documents?limit=201".into(), 400, "bad_input"),
        ("/documents?limit=many".into(), 400, "bad_input"),
        ("/documents?state=perhaps".into(), 400, "bad_input"),
        ("/documents?provenance=mars".into(), 400, "bad_input"),
        ("/documents?mailbox=a%00b".into(), 400, "bad_input"),
        ("/documents?from=yesterday".into(), 400, "bad_input"),
        ("/documents?after=%25".into(), 400, "bad_value"),
        ("/documents?colour=red".into(), 400, "bad_input"),
        (format!("/documents/{nothing}"), 404, "not_found"),
        (format!("/documents/{nothing}/content"), 404, "not_found"),
        (format!("/documents/{nothing}/proposal"), 404, "not_found"),
        (format!("/documents/{nothing}/life"), 404, "not_found"),
        ("/documents/..%2f..".into(), 400, "bad_input"),
        (format!("/mails/{nothing}"), 404, "not_found"),
        (format!("/mails/{nothing}/source"), 404, "not_found"),
        (format!("/requests/{nothing}"), 404, "not_found"),
        ("/requests?state=perhaps".into(), 400, "bad_input"),
        (format!("/patients/{nothing}"), 404, "not_found"),
        (format!("/patients?after={nothing}"), 404, "not_found"),
        (format!("/people/{nothing}"), 404, "not_found"),
        (format!("/people/{nothing}/rights"), 404, "not_found"),
        ("/mailboxes/nobody@nowhere.test".into(), 404, "not_found"),
        ("/traces?outcome=perhaps".into(), 400, "bad_input"),
        ("/traces?until=x".into(), 400, "bad_input"),
        ("/changes?since=-1".into(), 400, "bad_input"),
        ("/changes?limit=501".into(), 400, "bad_input"),
        ("/webhooks/none".into(), 404, "not_found"),
    ] {
        let answer = lab.get(&path).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        answer.refused(status, code);
    }
    let acts = format!("/documents/{nothing}/acts");
    for (path, body, status, code) in [
        (acts.as_str(), json!({"act": "file"}), 404, "not_found"),
        (&acts, json!({"act": "burn"}), 400, "bad_input"),
        (&acts, json!({}), 400, "bad_input"),
        (&acts, json!({"act": "file", "patient": "a b"}), 400, "bad_input"),
        (&acts, json!({"act": "dismiss", "reason": ""}), 400, "bad_input"),
        (&acts, json!({"act": "dismiss", "reason": "x".repeat(1_001)}), 400, "bad_input"),
        ("/patients", json!({"record": {}}), 400, "bad_value"),
        ("/patients", json!({"record": {"identity": {"matricule": "1"}}}), 400, "bad_input"),
        ("/mailboxes", json!({"address": "no address", "kind": "APP"}), 400, "bad_value"),
        ("/mailboxes", json!({"address": "a@b.test", "kind": "POP"}), 400, "bad_input"),
        (
            "/mailboxes",
            json!({"address": "a@b.test", "kind": "APP", "settings": {"password": "x"}}),
            400,
            "bad_input",
        ),
        (
            "/webhooks",
            json!({"url": "http://example.test/", "events": ["document.received"]}),
            400,
            "bad_input",
        ),
        ("/webhooks", json!({"url": "https://example.test/", "events": []}), 400, "bad_input"),
        ("/webhooks", json!({"url": "https://example.test/", "events": ["weather"]}), 400, "bad_input"),
        ("/people", json!({"name": "", "role": "doctor"}), 400, "bad_value"),
        ("/people", json!({"name": "x", "role": "king"}), 400, "bad_input"),
        ("/keys", json!({"label": " "}), 400, "bad_input"),
    ] {
        let answer = lab.post(path, &body).await;
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        answer.refused(status, code);
    }
    let raw = |kind: &str, body: &str| {
        lab.send(lab.request("POST", "/patients").header("Content-Type", kind).body(body.to_owned()))
    };
    raw("text/plain", "{}").await.refused(415, "bad_input");
    raw("application/json", "[1]").await.refused(400, "bad_input");
    raw("application/json", "{").await.refused(400, "bad_input");
    raw("application/json", &"x".repeat(1024 * 1024 + 1)).await.refused(413, "bad_input");
    let method = lab.send(lab.request("DELETE", "/documents")).await;
    method.refused(405, "bad_input");
    assert!(method.header("allow").is_some_and(|allow| allow.contains("GET")), "{method:?}");
    let nobody = lab.request("GET", "/documents").header("Vaguemestre-Person", nothing);
    assert_eq!(lab.send(nobody).await.refused(400, "bad_input")["field"], "vaguemestre-person");
    let mailbox = lab.mailbox().await;
    let offline = lab.post(&format!("/mailboxes/{}/sync", mailbox.key), &Value::Null).await;
    assert_eq!(offline.refused(503, "offline")["stage"], "connect");
    let long = lab.request("POST", "/patients").header("Idempotency-Key", "x".repeat(129)).json(&json!({}));
    lab.send(long).await.refused(400, "bad_input");
    lab.end().await;
}
