//! The REST API: what each operation does, and that every refusal is an error object.

use serde_json::{Value, json};
use testkit::shape::assert_shape;
use testkit::{Answer, Lab, client};

use crate::{lab, lab_with_product, with_token};

/// The answer's object, where it has this status.
#[track_caller]
fn ok(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    answer.json()
}

/// The error of a refusal: of this status and code, with something to do.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    let object = ok(answer, status);
    let error = json!({"code": format!("={code}"), "message": "text", "field": "string?", "detail": "any", "next": "text"});
    assert_shape(&object, &json!({"schema": "=vaguemestre/error/1", "error": error}));
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    object["error"].clone()
}

fn get(lab: &Lab, path: &str) -> Answer {
    lab.api("GET", &format!("/api/v1{path}"), &Value::Null)
}

fn send(lab: &Lab, method: &str, path: &str, body: &Value) -> Answer {
    lab.api(method, &format!("/api/v1{path}"), body)
}

/// A body that is no JSON.
fn file(lab: &Lab, path: &str, media: &str, body: &[u8]) -> Answer {
    let (host, key) = (lab.authority(), format!("Bearer {}", lab.api_key()));
    lab.http("POST", path, &[("Host", &host), ("Authorization", &key), ("Content-Type", media)], body)
}

#[test]
fn every_refusal_under_api_is_an_error_object() {
    let (lab, _product) = lab_with_product();
    let bad = "bad_input";
    for (path, status, code) in [
        ("/nowhere", 404, bad),
        ("/products/", 404, bad),
        ("/products/1", 404, "unknown_product"),
        ("/products/%ff", 400, bad),
        ("/products/1/certificate", 404, "unknown_product"),
        ("/products/1/prerequisites", 404, "unknown_product"),
        ("/products/1/preflight?job=psc-nil", 404, "unknown_product"),
        ("/products/2621/preflight?job=telepathy", 404, "unknown_job"),
        ("/products/2621/preflight", 400, bad),
        ("/products/1/received?job=psc-nil", 404, "unknown_product"),
        ("/products/2621/received?job=telepathy", 404, "unknown_job"),
        ("/jobs/telepathy", 404, "unknown_job"),
        ("/jobs/psc-nil?nil=1", 404, "unknown_product"),
        ("/runs/4000", 404, bad),
        ("/runs/-1", 404, bad),
        ("/runs/one", 400, bad),
        ("/runs/99999999999999999999", 400, bad),
        ("/runs/4000/log", 404, bad),
        ("/runs/4000/proof", 404, bad),
        ("/runs/4000/events", 404, bad),
        ("/runs?page=0", 400, bad),
        ("/runs?per_page=501", 400, bad),
        ("/runs?verdict=perhaps", 400, bad),
        ("/runs?since=yesterday", 400, bad),
        ("/runs?unfinished=perhaps", 400, bad),
        ("/runs?text=%00", 400, bad),
        ("/runs?nil=a%0ab", 400, bad),
        ("/campaigns/4000", 404, bad),
        ("/campaigns/4000/proof", 404, bad),
        ("/campaigns/one", 400, bad),
        ("/compare?a=1&b=2", 404, bad),
        ("/compare?a=1", 400, bad),
        ("/activity?hours=0", 400, bad),
    ] {
        refused(&get(&lab, path), status, code);
    }
    for (method, path, body, status, code) in [
        ("POST", "/campaigns", json!({"nil": "1", "what": "all"}), 404, "unknown_product"),
        ("POST", "/campaigns", json!({"nil": "2621", "what": "telepathy"}), 404, "unknown_job"),
        ("POST", "/campaigns", json!({"nil": "2621", "what": "all", "timer_s": 0}), 400, bad),
        ("POST", "/campaigns", json!({"nil": "2621", "what": "all", "speed": 1}), 400, bad),
        (
            "POST",
            "/campaigns",
            json!({"nil": "2621", "what": "psc-nil", "adapter": {"argv": ["/nowhere"], "dir": "/"}}),
            409,
            "adapter_missing",
        ),
        ("POST", "/campaigns/4000/rerun", json!({"which": "all"}), 404, bad),
        ("POST", "/campaigns/4000/rerun", json!({"which": "some"}), 400, bad),
        ("POST", "/runs/4000/cancel", Value::Null, 404, bad),
        ("POST", "/runs/4000/prolong", Value::Null, 404, bad),
        ("POST", "/runs/4000/prolong?seconds=0", Value::Null, 400, bad),
        ("PUT", "/products/1/prerequisites/cpx", json!({"ticked": true}), 404, "unknown_product"),
        ("PUT", "/products/2621/prerequisites/tea", json!({"ticked": true}), 404, bad),
        ("PUT", "/products/2621", json!({"name": "x"}), 400, bad),
        ("PUT", "/products/2621/prerequisites/cpx", json!([true]), 400, bad),
        ("POST", "/campaigns", json!({"nil": "2621", "what": "all", "adapter": [["true"], "/"]}), 400, bad),
        ("POST", "/campaigns", json!({"nil": "2621", "what": "all", "timer_s": 2.5}), 400, bad),
        ("PUT", "/settings", json!({"language": "de"}), 400, bad),
        ("PUT", "/settings", json!({"retention_days": -1}), 400, bad),
        ("PUT", "/settings", json!({"colour": "blue"}), 400, bad),
        ("POST", "/psc/token", json!({"identity": "1"}), 404, "unknown_product"),
        ("POST", "/products/2621/received", json!({"job": "psc-nil", "queue_id": "no"}), 404, bad),
        ("DELETE", "/products/1", Value::Null, 404, "unknown_product"),
    ] {
        let error = refused(&send(&lab, method, path, &body), status, code);
        assert!(!error["message"].as_str().unwrap().is_empty(), "{method} {path}");
    }
    let method = send(&lab, "DELETE", "/runs/1", &Value::Null);
    refused(&method, 405, bad);
    assert_eq!(method.header("allow"), Some("GET,HEAD"));
    refused(&file(&lab, "/api/v1/campaigns", "text/plain", b"{}"), 415, bad);
    refused(&file(&lab, "/api/v1/products/import", "application/json", b"{}"), 415, bad);
    refused(&file(&lab, "/api/v1/campaigns", "application/json", &[b' '; 80 * 1024]), 413, bad);
    refused(&file(&lab, "/api/v1/products/import", "text/csv", &[b'a'; 1024 * 1024 + 1]), 413, bad);
    refused(&file(&lab, "/api/v1/products/import", "text/csv", b"no heading here"), 400, bad);
    let broken = refused(&file(&lab, "/api/v1/campaigns", "application/json", b"{\"nil\":"), 400, bad);
    assert!(broken["message"].as_str().unwrap().contains("line 1"), "{broken}");
    let host = lab.authority();
    for path in ["/api/v1/runs", "/api/v1/nowhere", "/api/v1/version"] {
        let without = lab.http("GET", path, &[("Host", &host)], b"");
        refused(&without, 401, "forbidden");
        assert_eq!(without.header("www-authenticate"), Some("Bearer"));
    }
}

#[test]
fn a_product_is_registered_changed_ticked_and_removed() {
    let lab = lab();
    let new = json!({"nil": "3015", "name": "MédiPlus", "psc_id": "899700000034", "app_id": "163254194",
        "parcours": "MDV", "demarche": "Vague 2", "statut": "en cours"});
    let added = send(&lab, "POST", "/products", &new);
    assert_eq!(added.header("location"), Some("/api/v1/products/3015"));
    let product = ok(&added, 201);
    assert_eq!((&product["parcours"], &product["statut"]), (&json!("MDV"), &json!("en cours")));
    let again = refused(&send(&lab, "POST", "/products", &new), 409, "duplicate_nil");
    assert_eq!(again["field"], "nil");
    let other = json!({"nil": "3016", "name": "Autre", "psc_id": "899700000034", "app_id": "163254202"});
    refused(&send(&lab, "POST", "/products", &other), 409, "identity_in_use");
    let twins = json!({"nil": "3016", "name": "Autre", "psc_id": "12", "app_id": "12"});
    refused(&send(&lab, "POST", "/products", &twins), 409, "bad_input");

    let edit = json!({"name": "MédiPlus Pro", "product_version": "2.0", "psc_id": "899700000042", "app_id": "163254194"});
    let edited = ok(&send(&lab, "PUT", "/products/3015", &edit), 200);
    assert_eq!((&edited["name"], &edited["parcours"]), (&json!("MédiPlus Pro"), &json!("")));
    assert!(edited["mailboxes"][0]["address"].as_str().unwrap().starts_with("899700000042@"), "{edited}");
    let shown = ok(&get(&lab, "/products/3015"), 200);
    assert_eq!(shown["versions"], json!(["2.0"]));
    lab.token("899700000042");

    let lines = ok(&get(&lab, "/products/3015/prerequisites"), 200);
    assert_shape(
        &lines,
        &json!({"schema": "=vaguemestre/prerequisites/1", "prerequisites": [{"id": "text", "ticked": null}]}),
    );
    let ticked = ok(&send(&lab, "PUT", "/products/3015/prerequisites/cpx", &json!({"ticked": true})), 200);
    let line = |lines: &Value| {
        lines["prerequisites"].as_array().unwrap().iter().find(|line| line["id"] == "cpx").unwrap()["ticked"]
            .clone()
    };
    assert_shape(&line(&ticked), &json!("time"));
    let unticked = ok(&send(&lab, "PUT", "/products/3015/prerequisites/cpx", &json!({"ticked": false})), 200);
    assert_eq!(line(&unticked), Value::Null);

    for job in ["psc-nil", "cert-auth-imap"] {
        let ready = ok(&get(&lab, &format!("/products/3015/preflight?job={job}")), 200);
        let step =
            json!({"id": "text", "subject": "text", "ok": "boolean", "fault": null, "took_us": "integer"});
        assert_shape(&ready, &json!({"schema": "=vaguemestre/preflight/1", "ready": true, "steps": [step]}));
    }
    assert_eq!(send(&lab, "DELETE", "/products/3015", &Value::Null).status, 204);
    refused(&get(&lab, "/products/3015"), 404, "unknown_product");
}

#[test]
fn a_list_of_products_is_read_then_registered() {
    let lab = lab();
    let csv = "nil;name;version;psc_id;app_id\n1;Un;1.0;11;12\n2;;1.0;21;22\n3;Trois;1.0;11;32\n";
    let path = |commit: bool| format!("/api/v1/products/import?commit={commit}");
    let seen = ok(&file(&lab, &path(false), "text/csv", csv.as_bytes()), 200);
    assert_eq!(
        (&seen["good"], &seen["bad"], &seen["committed"]),
        (&json!(1), &json!(2), &json!(false)),
        "{seen}"
    );
    assert_eq!(seen["rows"][1]["line"], 3);
    assert_shape(
        &seen["rows"][1]["error"],
        &json!({"code": "=bad_input", "message": "text", "next": "text"}),
    );
    assert_eq!(seen["rows"][2]["error"]["code"], "identity_in_use");
    assert_eq!(ok(&get(&lab, "/products"), 200)["products"], json!([]));
    let done = ok(&file(&lab, &path(true), "text/csv; charset=utf-8", csv.as_bytes()), 200);
    assert_eq!(done["committed"], true);
    assert_eq!(ok(&get(&lab, "/products"), 200)["products"].as_array().unwrap().len(), 1);
}

#[test]
fn the_tree_the_registry_and_the_bench_itself_are_shown() {
    let (lab, product) = lab_with_product();
    let jobs = ok(&get(&lab, "/jobs"), 200);
    for job in jobs["jobs"].as_array().unwrap() {
        let id = job["id"].as_str().unwrap();
        let shown = ok(&get(&lab, &format!("/jobs/{id}?nil=2621")), 200);
        assert_eq!((&shown["id"], &shown["digest"]), (&job["id"], &job["digest"]));
        let text = json!({"fr": "text", "en": "text"});
        assert_shape(
            &shown,
            &json!({"schema": "=vaguemestre/job/1", "lps": [text], "banc": [text], "timer_s": 120}),
        );
        let words = format!("{}{}", shown["lps"], shown["banc"]);
        assert!(!words.contains('{') || words.contains("{\"en\""), "{id}: {words}");
        for place in ["{address}", "{identity}", "{imap}", "{smtp}", "{psc}", "{nil}"] {
            assert!(!words.contains(place), "{id}: {words}");
        }
    }
    assert!(ok(&get(&lab, "/jobs/psc-auth-imap?nil=2621"), 200).to_string().contains(&product.per));

    let registry = ok(&get(&lab, "/requirements"), 200);
    let entry = json!({"id": "text", "text": {"fr": "text", "en": "text"}, "confidence": "=sure|likely", "boxes": ["text"]});
    assert_shape(&registry, &json!({"schema": "=vaguemestre/requirements/1", "requirements": [entry]}));
    let nil =
        registry["requirements"].as_array().unwrap().iter().find(|r| r["id"] == "SC.MSS/CONF.16").unwrap();
    assert!(nil["jobs"].as_array().unwrap().contains(&json!("psc-nil")), "{nil}");

    let nodes = ok(&get(&lab, "/nodes"), 200);
    let node = json!({"id": "text", "state": "=up|absent", "detail": "string", "took_us": "integer"});
    assert_shape(&nodes, &json!({"schema": "=vaguemestre/nodes/1", "nodes": [node]}));
    assert_eq!(ok(&get(&lab, "/health"), 200)["status"], "ok");
    let version = ok(&get(&lab, "/version"), 200);
    assert_shape(
        &version,
        &json!({"schema": "=vaguemestre/version/1", "version": "text", "domain": "text", "proof_key": "sha256"}),
    );

    let before = ok(&get(&lab, "/settings"), 200);
    assert_eq!((&before["timer_person_s"], &before["language"]), (&json!(120), &json!("")));
    let mut wanted = before.clone();
    wanted["timer_person_s"] = json!(45);
    wanted["language"] = json!("en");
    assert_eq!(ok(&send(&lab, "PUT", "/settings", &wanted), 200), wanted);
    assert_eq!(ok(&get(&lab, "/settings"), 200), wanted);
}

#[test]
fn a_run_is_followed_prolonged_cancelled_found_and_compared() {
    let (lab, product) = lab_with_product();
    let order = json!({"nil": "2621", "what": "psc-auth-imap", "timer_s": 20});
    let started = send(&lab, "POST", "/campaigns", &order);
    assert_eq!(started.header("location"), Some("/api/v1/campaigns/1"));
    assert_eq!(ok(&started, 202), json!({"campaign": 1, "runs": [1]}));
    lab.wait_for("/api/v1/runs/1", |run| run["phase"]["state"] == "waiting");
    refused(&get(&lab, "/runs/1/proof"), 409, "bad_input");
    // The window opens a moment after the run is said to wait.
    let prolonged = (0..100)
        .map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            send(&lab, "POST", "/runs/1/prolong?seconds=30", &Value::Null)
        })
        .find(|answer| answer.status == 200)
        .expect("an open window can be prolonged")
        .json();
    assert_shape(&prolonged, &json!({"run": 1, "ends": "time"}));
    let unfinished = ok(&get(&lab, "/runs?unfinished=true&nil=2621"), 200);
    assert_eq!(
        (&unfinished["total"], &unfinished["runs"][0]["phase"]["state"]),
        (&json!(1), &json!("waiting"))
    );

    // Followed from before the login to the verdict, with the key as everything else.
    let (host, key) = (lab.authority(), format!("Bearer {}", lab.api_key()));
    let headers = [("Host", host.as_str()), ("Authorization", key.as_str())];
    let streamed = std::thread::scope(|scope| {
        let stream = scope.spawn(|| lab.http("GET", "/api/v1/runs/1/events", &headers, b""));
        assert_eq!(client(&lab.ask("imap_login", "imap", &with_token(&lab, &product)))["ok"], json!(true));
        stream.join().unwrap()
    });
    assert_eq!(streamed.header("content-type"), Some("text/event-stream"));
    assert!(
        streamed.body.contains("event: line") && streamed.body.ends_with("event: done\ndata: 1\n\n"),
        "{}",
        streamed.body
    );
    let run = ok(&get(&lab, "/runs/1"), 200);
    assert_eq!((&run["verdict"], &run["phase"]["state"]), (&json!("passed"), &json!("finished")));

    let log = ok(&get(&lab, "/runs/1/log"), 200);
    let total = log["total"].as_u64().unwrap();
    assert_eq!(log["lines"].as_array().unwrap().len() as u64, total);
    let part = ok(&get(&lab, "/runs/1/log?from=3&count=2"), 200);
    assert_eq!((&part["lines"], &part["total"]), (&json!([log["lines"][2], log["lines"][3]]), &json!(total)));
    assert_eq!(ok(&get(&lab, "/runs/1/log?from=4000"), 200)["lines"], json!([]));

    // Finished, it can no more be moved; a second one is ended in its window.
    refused(&send(&lab, "POST", "/runs/1/prolong", &Value::Null), 409, "bad_input");
    refused(&send(&lab, "POST", "/runs/1/cancel", &Value::Null), 409, "bad_input");
    assert_eq!(
        ok(&send(&lab, "POST", "/campaigns/1/rerun", &json!({"which": "all"})), 202),
        json!({"campaign": 2, "runs": [2]})
    );
    refused(&send(&lab, "POST", "/campaigns/1/rerun", &json!({"which": "failed"})), 409, "bad_input");
    lab.wait_for("/api/v1/runs/2", |run| run["phase"]["state"] == "waiting");
    assert_eq!(ok(&send(&lab, "POST", "/runs/2/cancel", &Value::Null), 202), json!({"run": 2}));
    lab.wait_for("/api/v1/runs/2", |run| run["verdict"] == "aborted");

    let history = ok(&get(&lab, "/runs?per_page=1&page=2"), 200);
    assert_eq!((&history["total"], &history["runs"][0]["number"]), (&json!(2), &json!(1)));
    let passed = ok(&get(&lab, "/runs?verdict=passed&requirement=SC.MSS/CONF.07&proven=true"), 200);
    assert_eq!((&passed["total"], &passed["runs"][0]["job"]), (&json!(1), &json!("psc-auth-imap")));
    assert_eq!(ok(&get(&lab, "/runs?text=n%C2%B0%202"), 200)["runs"][0]["number"], 2);
    let activity = ok(&get(&lab, "/activity?hours=1"), 200);
    assert_eq!((&activity["all"]["runs"], &activity["products"][0]["nil"]), (&json!(2), &json!("2621")));

    let compared = ok(&get(&lab, "/compare?a=1&b=2"), 200);
    assert_eq!((&compared["a"]["number"], &compared["b"]["verdict"]), (&json!(1), &json!("aborted")));
    assert_shape(
        &compared["checks"][0],
        &json!({"requirement": "text", "a": {"outcome": "=passed", "received": "object"}, "differs": true}),
    );
}

#[test]
fn a_proof_is_verified_and_a_changed_one_is_not() {
    let (lab, product) = lab_with_product();
    ok(
        &send(&lab, "POST", "/campaigns", &json!({"nil": "2621", "what": "psc-auth-imap", "timer_s": 20})),
        202,
    );
    lab.wait_for("/api/v1/runs/1", |run| run["phase"]["state"] == "waiting");
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(client(&lab.ask("imap_login", "imap", &with_token(&lab, &product)))["ok"], json!(true));
    lab.wait_for("/api/v1/runs/1", |run| run["verdict"] == "passed");
    let proof = get(&lab, "/runs/1/proof");
    assert_eq!((proof.status, proof.header("content-type")), (200, Some("application/octet-stream")));
    assert_eq!(get(&lab, "/campaigns/1/proof").status, 200);
    let verify = |query: &str, bytes: &[u8]| {
        ok(&file(&lab, &format!("/api/v1/verify{query}"), "application/octet-stream", bytes), 200)
    };
    let valid = verify("", proof.body.as_bytes());
    let run = json!({"number": 1, "job": "=psc-auth-imap", "verdict": "=passed"});
    let notice = json!({"fr": "text", "en": "text"});
    assert_shape(
        &valid,
        &json!({"schema": "=vaguemestre/verify/1", "state": "=valid", "valid": true, "result": "=integrity only",
        "key": "sha256", "nil": "=2621", "made": "time", "runs": [run], "notice": notice}),
    );
    let key = valid["key"].as_str().unwrap();
    assert_eq!(verify(&format!("?key={key}"), proof.body.as_bytes())["result"], "signed by the expected key");
    assert_eq!(verify("?key=00", proof.body.as_bytes())["state"], "invalid");
    let changed = proof.body.replacen("2621", "2622", 1);
    assert_eq!(
        (&verify("", changed.as_bytes())["state"], &verify("", b"\xff")["state"]),
        (&json!("invalid"), &json!("unreadable"))
    );
}

#[test]
fn a_message_already_received_is_judged_without_a_run() {
    let (lab, product) = lab_with_product();
    let mut with = with_token(&lab, &product);
    with["to"] = json!(product.app);
    with["headers"] = json!(["X-MSS-NIL: 9999"]);
    assert_eq!(client(&lab.ask("smtp_send", "smtp", &with))["ok"], json!(true));
    let list = ok(&get(&lab, "/products/2621/received?job=psc-nil"), 200);
    let message = json!({"queue_id": "text", "at": "time", "mailbox": format!("={}", product.per), "to": ["text"], "size": "integer"});
    assert_shape(&list, &json!({"schema": "=vaguemestre/received/1", "messages": [message]}));
    let queue_id = &list["messages"][0]["queue_id"];
    let judged = ok(
        &send(&lab, "POST", "/products/2621/received", &json!({"job": "psc-nil", "queue_id": queue_id})),
        200,
    );
    let check = json!({"requirement": "text", "outcome": "text", "expected": "text", "received": "text", "en": "object"});
    assert_shape(
        &judged,
        &json!({"schema": "=vaguemestre/posterior/1", "a_posteriori": true, "verdict": "=failed", "checks": [check], "log": [{"n": "integer", "text": "string"}]}),
    );
    assert_eq!(ok(&get(&lab, "/runs"), 200)["total"], 0, "nothing is kept of it");
}

#[test]
fn the_description_and_its_page_need_no_key() {
    let lab = lab();
    let host = lab.authority();
    let document = lab.http("GET", "/api/v1/openapi.json", &[("Host", &host)], b"");
    let document = ok(&document, 200);
    assert_shape(
        &document,
        &json!({"openapi": "=3.1.0", "info": {"title": "=Vaguemestre"}, "paths": {"/api/v1/runs/{number}": {"get": "object"}}}),
    );
    for (language, title) in [("fr", "API du banc"), ("en", "API of the bench")] {
        let page = lab.page("/api", language);
        assert_eq!(page.status, 200);
        assert!(page.body.contains(title) && !page.body.contains(&lab.api_key()));
        for operation in document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|methods| methods.as_object().unwrap().values())
        {
            assert!(page.body.contains(&format!("id=\"{}\"", operation["operationId"].as_str().unwrap())));
        }
    }
}
