//! The LPS side of `up`: from a mail in a mailbox of the sandbox to a patient's file, by commands alone.

use serde_json::{Value, json};
use testkit::{Lab, Product, client};

use crate::{lab_with_product, with_token};

/// Adds the product's APP mailbox, opened by its certificate.
fn add_app(lab: &Lab, product: &Product) -> Value {
    let certs = lab.scratch().join("certs");
    lab.json(&["cert", "--nil", &product.nil, "--out", certs.to_str().unwrap()]).ended(0);
    let (chain, key) = (certs.join("auth_cli.pem"), certs.join("auth_cli.key"));
    let arguments = [
        "lps",
        "account",
        "add",
        "--address",
        &product.app,
        "--type",
        "APP",
        "--since",
        "2026-01-01T00:00:00Z",
        "--cert",
        chain.to_str().unwrap(),
        "--key",
        key.to_str().unwrap(),
    ];
    lab.json(&arguments).ended(0)
}

/// Sends a sample from the product's PER mailbox; returns the patient's record.
fn send_sample(lab: &Lab, product: &Product, kind: &str) -> Value {
    let out = lab.scratch().join("mail.eml");
    let arguments = ["lps", "sample", "--from", &product.per, "--to", &product.app, "--kind", kind, "--out"];
    let told = lab.json(&[&arguments[..], &[out.to_str().unwrap()]].concat()).ended(0);
    let mail = std::fs::read_to_string(&out).unwrap();
    let (head, text) = mail.split_once("\r\n\r\n").unwrap();
    let addressed = |line: &&str| line.starts_with("From:") || line.starts_with("To:");
    let headers: Vec<&str> = head.split("\r\n").filter(|line| !addressed(line)).collect();
    let mut with = with_token(lab, product);
    (with["to"], with["headers"], with["text"]) = (json!(product.app), json!(headers), json!(text));
    let sent = client(&lab.ask("smtp_send", "smtp", &with));
    assert_eq!(sent["ok"], true, "{sent}");
    told["record"].clone()
}

/// One call of the host API with the key of its practice.
fn api(lab: &Lab, method: &str, path: &str, body: &Value) -> Value {
    let told: Value =
        serde_json::from_str(&std::fs::read_to_string(lab.data().join("lps/run/server.json")).unwrap())
            .unwrap();
    let key = std::fs::read_to_string(told["api_key_file"].as_str().unwrap()).unwrap();
    let url = format!("{}/api/v1{path}", told["lps"].as_str().unwrap());
    let file = lab.scratch().join("body.json");
    std::fs::write(&file, body.to_string()).unwrap();
    let mut curl = std::process::Command::new("curl");
    curl.args(["-sS", "-X", method, "-H", &format!("Authorization: Bearer {}", key.trim())]);
    if !body.is_null() {
        curl.args(["-H", "Content-Type: application/json", "--data-binary", &format!("@{}", file.display())]);
    }
    let output = curl.arg(url).output().expect("curl runs");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn a_document_goes_from_a_mailbox_to_a_patients_file() {
    let (lab, product) = lab_with_product();
    assert_eq!(lab.up()["lps"].as_str().map(|url| url.starts_with("http://127.0.0.1:")), Some(true));
    let none = lab.json(&["lps", "account", "list"]).ended(0);
    assert_eq!(none, json!({"schema": "vaguemestre/lps-mailboxes/1", "mailboxes": []}));
    let mailbox = add_app(&lab, &product);
    assert_eq!(
        (mailbox["kind"].as_str(), mailbox["address"].as_str()),
        (Some("APP"), Some(product.app.as_str()))
    );
    let record = send_sample(&lab, &product, "letter");
    let synced = lab.json(&["lps", "sync", &product.app]).ended(0);
    assert_eq!(synced["failed"], json!([]), "{synced}");
    let list = lab.json(&["lps", "list"]).ended(0);
    assert_eq!(list["documents"].as_array().map(Vec::len), Some(1), "{list}");
    let document = list["documents"][0]["key"].as_str().unwrap().to_owned();
    // Nobody here has this INS: nothing is guessed.
    let refused = lab.json(&["lps", "file", &document]).refused("bad_input");
    assert_eq!(refused["detail"]["status"], 409, "{refused}");
    let saved = api(&lab, "POST", "/patients", &json!({"host_ref": "P-1", "record": record}));
    let filed = lab.json(&["lps", "file", &document]).ended(0);
    assert_eq!((filed["state"].as_str(), &filed["patient"]), (Some("filed"), &saved["key"]));
    let shown = lab.json(&["lps", "show", &document]).ended(0);
    assert_eq!(shown["document"]["patient_name"].as_str().map(str::is_empty), Some(false), "{shown}");
    let xml = lab.scratch().join("document.xml");
    lab.json(&["lps", "show", &document, "--out", xml.to_str().unwrap()]).ended(0);
    lab.json(&["check", xml.to_str().unwrap()]).ended(0);
    let trace = lab.json(&["lps", "trace", "--document", &document]).ended(0);
    let acts: Vec<&str> =
        trace["traces"].as_array().unwrap().iter().filter_map(|line| line["act"].as_str()).collect();
    assert!(acts.contains(&"file"), "{trace}");
    assert_eq!(lab.json(&["lps", "trace", "--verify"]).ended(0)["broken"], Value::Null);
    assert_eq!(lab.json(&["lps", "request", "list"]).ended(0)["requests"], json!([]));
}

#[test]
fn a_diagnosis_says_which_step_fails() {
    let (lab, product) = lab_with_product();
    add_app(&lab, &product);
    let good = lab.json(&["lps", "diagnose", &product.app]).ended(0);
    let steps = good["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["outcome"] != "bad"), "{good:#}");
    assert_eq!(steps.last().unwrap()["step"], "mailbox");
    // A PER mailbox waits for its person, and says so.
    lab.json(&["lps", "account", "add", "--address", &product.per, "--type", "PER"]).ended(0);
    let waiting = lab.json(&["lps", "diagnose", &product.per]).ended(1);
    let last = waiting["steps"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (last["step"].as_str(), last["cause"].as_str()),
        (Some("login"), Some("nobody_logged_in")),
        "{waiting:#}"
    );
    let refused = lab.json(&["lps", "sync", &product.per]).refused("bad_input");
    assert_eq!(refused["detail"]["stage"], "authenticate", "{refused}");
    let token = json!({"access_token": lab.token(&product.identity)});
    let path = format!("/mailboxes/{}/login", product.per);
    let key_file = lab.data().join("lps/run/cabinet.key");
    let key = std::fs::read_to_string(key_file).unwrap();
    let status = std::process::Command::new("curl")
        .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Content-Type: application/json", "-H"])
        .arg(format!("Authorization: Bearer {}", key.trim()))
        .args(["--data-binary", &token.to_string()])
        .arg(format!("{}/api/v1{path}", lab.up()["lps"].as_str().unwrap()))
        .output()
        .expect("curl runs");
    assert_eq!(String::from_utf8_lossy(&status.stdout), "204");
    lab.json(&["lps", "sync", &product.per]).ended(0);
    lab.json(&["lps", "diagnose", &product.per]).ended(0);
}

#[test]
fn the_service_alone_serves_the_same_practice_and_holds_its_directory() {
    let (mut lab, product) = lab_with_product();
    add_app(&lab, &product);
    let ca = lab.up()["ca_file"].as_str().unwrap().to_owned();
    lab.json(&["lps", "serve", "--port", "0", "--ca-file", &ca]).refused("busy");
    lab.stop();
    lab.json(&["lps", "list"]).refused("no_server");
    lab.start_again();
    let kept = lab.json(&["lps", "account", "list"]).ended(0);
    assert_eq!(kept["mailboxes"][0]["address"], product.app.as_str(), "{kept}");
    let copy = lab.scratch().join("copy");
    lab.json(&["backup", "--out", copy.to_str().unwrap()]).ended(0);
    for file in
        ["lps/lps.sqlite", "lps/practices/cabinet/practice.sqlite", "lps/practices/cabinet/webhooks.key"]
    {
        assert!(copy.join(file).is_file(), "{file} is not in the backup");
    }
}
