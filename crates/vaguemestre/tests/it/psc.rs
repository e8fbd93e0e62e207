//! The sandbox's Pro Santé Connect seen from outside: faults by API, another issuer's tokens, and a client of its own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use testkit::shape::assert_shape;
use testkit::{Lab, Product, client};

use crate::{PROGRAM, lab_with_product};

/// Goes through a login with the product's client: every code and token that was got, and the key set.
pub(crate) fn flow(lab: &Lab, product: Option<&Product>) -> (Vec<String>, Value) {
    let mut ask = json!({"ca": lab.up()["ca_file"], "discovery": lab.up()["psc"]["wallet_discovery"]});
    if let Some(product) = product {
        let of = &product.json["psc_client"];
        let secret = fs::read_to_string(of["secret_file"].as_str().unwrap()).unwrap();
        ask["client_id"] = of["client_id"].clone();
        ask["secret"] = json!(secret.trim());
        ask["redirect"] = json!("http://127.0.0.1/callback");
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/psc_flow.py");
    let mut python = Command::new("python3");
    let mut child = python.args(["-B", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(ask.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the login did not go through: see above");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let secrets =
        told["secrets"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    (secrets, told["jwks"].clone())
}

fn call(lab: &Lab, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let answer = lab.api(method, &format!("/api/v1/psc/faults{path}"), body);
    (answer.status, if answer.status == 204 { Value::Null } else { answer.json() })
}

#[test]
fn faults_are_armed_listed_and_disarmed_by_the_api() {
    let (lab, product) = lab_with_product();
    let client_id = product.json["psc_client"]["client_id"].clone();
    let (status, armed) =
        call(&lab, "POST", "", &json!({"client": client_id, "fault": "slow:250ms", "times": 2}));
    assert_eq!(status, 201, "{armed}");
    assert_shape(
        &armed,
        &json!({"id": "number", "client": "text", "fault": "=slow:250ms", "left": "number", "used": "number"}),
    );
    let (status, everybody) = call(&lab, "POST", "", &json!({"client": "*", "fault": "refresh-refused"}));
    assert_eq!((status, &everybody["left"]), (201, &Value::Null));
    let (_, all) = call(&lab, "GET", "", &Value::Null);
    assert_eq!(all["schema"], "vaguemestre/psc-faults/1");
    assert_eq!(all["faults"], json!([armed, everybody]));
    assert!(all["kinds"].as_array().unwrap().contains(&json!("alg-none")), "{all}");
    // It strikes: a renewal is refused as long as it is armed.
    let run = |verdict: &str| {
        let done = lab.json(&[
            "run",
            "psc-token-refused",
            "--nil",
            &product.nil,
            "--accelerated",
            "--adapter",
            "lps",
        ]);
        assert_eq!(done.json()["runs"][0]["verdict"], verdict);
    };
    run("failed");
    let (_, all) = call(&lab, "GET", "", &Value::Null);
    assert!(all["faults"].as_array().unwrap().iter().all(|fault| fault["used"].as_u64() > Some(0)), "{all}");
    for fault in [&armed, &everybody] {
        assert_eq!(call(&lab, "DELETE", &format!("/{}", fault["id"]), &Value::Null).0, 204);
    }
    run("passed");
    for (body, status, field) in [
        (json!({"client": "nobody", "fault": "expired"}), 404, "client"),
        (json!({"client": "*", "fault": "expird"}), 400, "fault"),
        (json!({"client": "*", "fault": "expired", "times": 0}), 400, "times"),
        (json!({"client": "a\nb", "fault": "expired"}), 400, "client"),
    ] {
        let (got, error) = call(&lab, "POST", "", &body);
        assert_eq!((got, &error["error"]["field"]), (status, &json!(field)), "{error}");
    }
    assert_eq!(call(&lab, "POST", "", &json!({"client": "*", "fault": "expired", "often": 1})).0, 400);
    assert_eq!(call(&lab, "DELETE", "/4000", &Value::Null).0, 404);
    assert_eq!(call(&lab, "DELETE", "/one", &Value::Null).0, 400);
}

#[test]
fn the_tokens_of_a_second_issuer_open_mailboxes_where_that_was_asked_for() {
    let (elsewhere, there) = lab_with_product();
    let (_, jwks) = flow(&elsewhere, None);
    let issuer = elsewhere.up()["psc"]["issuer"].as_str().unwrap();
    let token = elsewhere.token(&there.identity);
    let opens = |lab: &Lab, product: &Product, token: &str| {
        client(&lab.ask("imap_login", "imap", &json!({"user": product.per, "token": token})))["ok"] == true
    };
    let (alone, own) = lab_with_product();
    assert!(!opens(&alone, &own, &token) && opens(&alone, &own, &alone.token(&own.identity)));

    let file = elsewhere.scratch().join("jwks.json");
    fs::write(&file, jwks.to_string()).unwrap();
    let address = serve(jwks.to_string());
    let other = elsewhere.product("3015", "899700000034", "163254194");
    for keys in [file.to_str().unwrap(), &address] {
        let mut lab = Lab::start_with(PROGRAM, &["--also-issuer", issuer, "--also-jwks", keys]);
        let own = lab.product("2621", "899700000018", "163254178");
        assert!(opens(&lab, &own, &token), "{keys}");
        assert!(opens(&lab, &own, &lab.token(&own.identity)), "its own are as good as before");
        assert!(!opens(&lab, &own, &elsewhere.token(&other.identity)), "somebody else's");
        assert_eq!(lab.stop(), 0);
        // The address answered once: what it said was kept.
        lab.start_again();
        assert!(opens(&lab, &own, &token), "{keys}, after a restart");
    }
    for (arguments, part) in [
        (vec!["--also-issuer", issuer], "also-jwks"),
        (vec!["--also-issuer", issuer, "--also-jwks", "/nowhere"], "/nowhere"),
        (vec!["--also-issuer", issuer, "--also-jwks", "http://keys.example/certs"], "anybody on the way"),
    ] {
        let lab = Lab::unstarted(PROGRAM);
        let refused = lab.cli(&[&["up", "--ports", "auto"], &arguments[..]].concat());
        assert!(refused.code == 2 && refused.stderr.contains(part), "{refused:?}");
    }
}

/// Answers one request with this text, then none; the address.
fn serve(text: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/certs", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
        stream.write_all((head + &text).as_bytes()).unwrap();
    });
    address
}
