//! One schema test for each object that scripts rely on (docs/contracts.md), with its exit code: new fields may
//! appear, none is renamed or removed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use testkit::shape::assert_shape;
use testkit::{Lab, adapter, bad};

use crate::{PROGRAM, lab, lab_with_product, only_run};

fn run_shape() -> Value {
    json!({
        "schema": "=vaguemestre/run/1", "campaign": "integer", "nil": "text", "seed": "integer", "accelerated": "boolean",
        "summary": {"passed": "integer", "failed": "integer", "inconclusive": "integer", "unsupported": "integer",
                    "not_started": "integer", "aborted": "integer", "attested": "integer", "not_applicable": "integer"},
        "left_out": ["string"],
        "runs": [{
            "number": "integer", "job": "text",
            "verdict": "=passed|failed|inconclusive|unsupported|not_started|aborted|attested|not_applicable",
            "control": "integer?", "started": "time", "duration_ms": "integer", "url": "url",
            "checks": [{"requirement": "text", "outcome": "=passed|failed|inconclusive", "expected": "text",
                        "received": "text", "rule": "text", "transcript_line": "integer?", "next": "string"}],
        }],
    })
}

fn product_shape() -> Value {
    json!({
        "schema": "=vaguemestre/product/1", "nil": "text", "name": "text", "product_version": "text?", "status": "=ready",
        "mailboxes": [{"type": "=PER|ORG|APP", "address": "text", "auth": "=xoauth2|external", "identity": "text"}],
        "psc_client": {"client_id": "text", "secret_file": "path"},
    })
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path.as_ref()).unwrap().permissions().mode() & 0o777
}

#[test]
fn up_prints_its_object_publishes_it_and_ends_with_0_on_sigterm() {
    let mut lab = lab();
    let up = lab.up().clone();
    let service = json!({"host": "=localhost", "starttls": "integer", "tls": "integer"});
    assert_shape(
        &up,
        &json!({
            "schema": "=vaguemestre/up/1", "version": "=0.1.0", "pid": "integer", "data": "path", "server": "url",
            "api_key_file": "path", "ca_file": "path", "crl_urls": ["url"],
            "psc": {"issuer": "url", "discovery": "url", "wallet_discovery": "url"},
            "imap": service, "smtp": service,
            "dns": {"host": "=127.0.0.1", "port": "integer", "domains": ["text"]}, "directory": "any", "pki": "url", "lps": "any",
        }),
    );
    let issuer = up["psc"]["issuer"].as_str().unwrap();
    assert!(
        issuer.starts_with("https://localhost:") && issuer.ends_with("/auth/realms/esante-wallet"),
        "{issuer}"
    );
    assert_eq!(up["psc"]["discovery"], format!("{issuer}/.well-known/openid-configuration"));
    assert_eq!(up["psc"]["wallet_discovery"], format!("{issuer}/.well-known/wallet-openid-configuration"));
    assert!(
        up["crl_urls"]
            .as_array()
            .unwrap()
            .iter()
            .all(|url| { url.as_str().unwrap().starts_with(up["pki"].as_str().unwrap()) })
    );
    let published = lab.data().join("run/server.json");
    assert_eq!(serde_json::from_str::<Value>(&fs::read_to_string(&published).unwrap()).unwrap(), up);
    assert_eq!(up["api_key_file"], json!(lab.data().canonicalize().unwrap().join("run/api-key")));
    assert_eq!(mode(lab.data().join("run/api-key")), 0o600);
    let anchors = fs::read_to_string(up["ca_file"].as_str().unwrap()).unwrap();
    assert_eq!(anchors.matches("BEGIN CERTIFICATE").count(), 2, "root and intermediate");
    assert_eq!(lab.stop(), 0);
    assert!(!published.exists(), "commands must not look for a server that is gone");
    // Ports are picked once, and kept.
    lab.start_again();
    for part in ["server", "imap", "smtp", "psc", "pki", "crl_urls"] {
        assert_eq!(lab.up()[part], up[part], "{part} has moved");
    }
}

#[test]
fn up_in_words_names_every_address() {
    let mut lab = lab();
    let ports = lab.up().clone();
    assert_eq!(lab.stop(), 0);
    let mut child = Command::new(PROGRAM)
        .args(["--data", &lab.data().display().to_string(), "--lang", "en", "up"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    let mut stdout = child.stdout.take().unwrap();
    while !text.contains("Ctrl-C") {
        let mut chunk = [0; 1024];
        let read = std::io::Read::read(&mut stdout, &mut chunk).unwrap();
        assert_ne!(read, 0, "it ended: {text}");
        text += &String::from_utf8_lossy(&chunk[..read]);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for part in [&ports["server"], &ports["psc"]["issuer"], &ports["ca_file"]] {
        assert!(text.contains(part.as_str().unwrap()), "{part} is not in {text}");
    }
    for part in [&ports["imap"]["starttls"], &ports["smtp"]["tls"]] {
        assert!(text.contains(&format!(":{part} ")), "{part} is not in {text}");
    }
}

#[test]
fn product_and_products_keep_their_contract() {
    let lab = lab();
    let empty = lab.json(&["account", "list"]).ended(0);
    assert_eq!(empty, json!({"schema": "vaguemestre/products/1", "products": []}));
    let add = |words: &[&str]| lab.json(&[&["account", "add"], words].concat()).ended(0);
    let per = add(&[
        "--nil",
        "2621",
        "--name",
        "SantéProMoins",
        "--product-version",
        "2.1.2",
        "--psc-id",
        "899700000018",
        "--app-id",
        "163254178",
    ]);
    let org = add(&[
        "--nil",
        "DEV-9",
        "--name",
        "É & <Co>",
        "--psc-id",
        "ORG-1",
        "--app-id",
        "APP-1",
        "--type",
        "ORG",
    ]);
    for product in [&per, &org] {
        assert_shape(product, &product_shape());
        assert_eq!(product["mailboxes"].as_array().unwrap().len(), 2);
        let secret = product["psc_client"]["secret_file"].as_str().unwrap();
        assert_eq!(mode(secret), 0o600);
        assert!(fs::read_to_string(secret).unwrap().trim().len() >= 20);
    }
    assert_eq!(per["product_version"], "2.1.2");
    assert_eq!(per["mailboxes"][0]["address"], "899700000018@mail-tests-editeur.vaguemestre.test");
    assert_eq!(per["mailboxes"][1]["address"], "163254178@mail-tests-editeur.vaguemestre.test");
    assert_eq!((&per["mailboxes"][0]["type"], &org["mailboxes"][0]["type"]), (&json!("PER"), &json!("ORG")));
    let list = lab.json(&["account", "list"]).ended(0);
    assert_shape(&list, &json!({"schema": "=vaguemestre/products/1", "products": [product_shape()]}));
    assert_eq!(list["products"], json!([per, org]));
}

#[test]
fn jobs_keeps_its_contract() {
    let lab = lab();
    let jobs = lab.json(&["jobs"]).ended(0);
    assert_shape(
        &jobs,
        &json!({"schema": "=vaguemestre/jobs/1", "jobs": [{
            "id": "text", "path": ["text"], "title": {"fr": "text", "en": "text"}, "requirements": ["text"],
            "mailbox": "=PER|ORG|APP", "automation": "=auto|person|attestation", "control": "text?", "needs": ["text"],
            "estimated_s": "integer", "digest": "sha256",
        }]}),
    );
    let ids: Vec<&str> =
        jobs["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap()).collect();
    for id in ["psc-auth-imap", "psc-auth-smtp", "cert-auth-imap", "cert-auth-smtp", "psc-nil"] {
        assert!(ids.contains(&id), "{id} is missing");
    }
    // The API gives the same object to a program that speaks HTTP.
    assert_eq!(lab.api("GET", "/api/v1/jobs", &Value::Null).json(), jobs);
}

#[test]
fn run_keeps_its_contract_and_its_exit_codes() {
    let (lab, product) = lab_with_product();
    let python = adapter("adapter.py");
    let junit = lab.scratch().join("report.xml").display().to_string();
    let order = ["run", "MSS-LPS-SEGUR-PER-ORG-1", "--nil", &product.nil, "--adapter"];
    let good =
        lab.json(&[order.as_slice(), &[&python, "--seed", "7", "--accelerated", "--junit", &junit]].concat());
    let good = good.ended(0);
    assert_shape(&good, &run_shape());
    assert_eq!(
        (&good["seed"], &good["accelerated"], &good["nil"]),
        (&json!(7), &json!(true), &json!("2621"))
    );
    let bad_one =
        lab.json(&["run", "psc-auth-imap", "--nil", &product.nil, "--adapter", &bad("clear_auth.py")]);
    let bad_one = bad_one.ended(1);
    assert_shape(&bad_one, &run_shape());
    let run = only_run(&bad_one);
    assert_eq!(run["url"], format!("{}/runs/{}", lab.up()["server"].as_str().unwrap(), run["number"]));
    // The line that a check points at is the line of the log that shows the fault.
    let log = lab.json(&["log", &run["number"].to_string()]).ended(0);
    assert_shape(
        &log,
        &json!({"schema": "=vaguemestre/log/1", "run": "integer", "finished": true,
                "lines": [{"n": "integer", "at": "time", "node": "text", "text": "string"}]}),
    );
    let n = run["checks"][0]["transcript_line"].as_u64().unwrap();
    let line = &log["lines"][usize::try_from(n).unwrap() - 1];
    assert_eq!(line["n"], json!(n));
    assert!(line["text"].as_str().unwrap().contains("XOAUTH2"), "{line}");
    assert_eq!(log["lines"].as_array().unwrap().last().unwrap()["text"], "['TEST_KO']");
    junit_is_read_by_others(&junit, &good);
}

/// Read by Python's XML parser, not by ours.
fn junit_is_read_by_others(path: &str, campaign: &Value) {
    let script = "import sys, json, xml.etree.ElementTree as e\nt = e.parse(sys.argv[1]).getroot()\n\
                  print(json.dumps([[c.get('name'), [k.tag for k in c]] for c in t.iter('testcase')]))";
    let output = Command::new("python3").args(["-c", script, path]).output().unwrap();
    let cases: Vec<(String, Vec<String>)> = serde_json::from_slice(&output.stdout).unwrap();
    let runs = campaign["runs"].as_array().unwrap();
    assert_eq!(cases.len(), runs.len());
    for ((name, tags), run) in cases.iter().zip(runs) {
        assert!(name.contains(run["job"].as_str().unwrap()), "{name}");
        assert!(!tags.iter().any(|tag| ["failure", "error", "skipped"].contains(&tag.as_str())), "{tags:?}");
    }
}

#[test]
fn junit_tells_failures_errors_and_skips_apart() {
    let (lab, product) = lab_with_product();
    for (client, job, tag) in [
        ("clear_auth.py", "psc-auth-imap", "failure"),
        ("liar.py", "psc-auth-imap", "error"),
        ("wrong_token.py", "cert-auth-imap", "skipped"),
    ] {
        let junit = lab.scratch().join("report.xml").display().to_string();
        let order = ["run", job, "--nil", &product.nil, "--adapter", &bad(client), "--junit", &junit];
        lab.json(&order).ended(1);
        let text = fs::read_to_string(&junit).unwrap();
        for other in ["failure", "error", "skipped"] {
            assert_eq!(text.contains(&format!("<{other}")), other == tag, "{client}: {text}");
        }
    }
}

#[test]
fn psc_token_prints_the_token_and_a_line_feed_and_nothing_else() {
    let (lab, product) = lab_with_product();
    let plain = lab.cli(&["psc", "token", "--identity", &product.identity]);
    assert_eq!((plain.code, plain.stderr.as_str()), (0, ""));
    let token = plain.stdout.strip_suffix('\n').unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let is_base64url = |part: &&str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    assert!(parts.len() == 3 && parts.iter().all(is_base64url), "{} parts", parts.len());
    for (words, life) in [(&[][..], 120), (&["--accelerated"][..], 5)] {
        let words = [&["psc", "token", "--identity", &product.identity], words].concat();
        let tokens = lab.json(&words).ended(0);
        let shape = json!({"access_token": "text", "refresh_token": "text", "id_token": "text", "expires_in": life,
                           "token_type": "=Bearer", "scope": "text"});
        assert_shape(&tokens, &shape);
    }
}

#[test]
fn cert_writes_a_certificate_that_another_library_takes() {
    let (lab, product) = lab_with_product();
    let out = lab.scratch().join("certificate").display().to_string();
    let told = lab.json(&["cert", "--nil", &product.nil, "--out", &out]).ended(0);
    assert_shape(
        &told,
        &json!({"schema": "=vaguemestre/cert/1", "nil": "=2621", "identity": "=163254178", "cert_file": "path",
                "key_file": "path", "ca_file": "path"}),
    );
    assert_eq!(mode(told["key_file"].as_str().unwrap()), 0o600);
    let script = "import ssl, sys\nc = ssl.create_default_context(cafile=sys.argv[3])\nc.load_cert_chain(*sys.argv[1:3])";
    let files = ["cert_file", "key_file", "ca_file"].map(|file| told[file].as_str().unwrap().to_owned());
    assert!(Command::new("python3").args(["-c", script]).args(files).status().unwrap().success());
    let words = lab.cli(&["cert", "--nil", &product.nil, "--out", &out, "--lang", "en"]);
    assert_eq!(words.code, 0);
    assert!(words.stdout.contains("auth_cli.key") && words.stdout.contains("ca.pem"), "{}", words.stdout);
}

#[test]
fn our_lps_passes_every_job() {
    let (other, _) = lab_with_product();
    let listed = other.json(&["jobs"]).ended(0);
    // A first start from nothing, as a newcomer's: keys included.
    let lab = Lab::unstarted(PROGRAM);
    let done = lab.json(&["demo", "--once"]).ended(0);
    assert_shape(&done, &run_shape());
    assert_shape(&done, &json!({"proof": "path", "left_out": ["string"], "runs": [{"verdict": "=passed"}]}));
    let ids = |list: &Value, name: &str| -> Vec<String> {
        list.as_array().unwrap().iter().map(|one| one[name].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&done["runs"], "job"), ids(&listed["jobs"], "id"));
    assert!(done["runs"].as_array().unwrap().iter().all(|run| !run["checks"].as_array().unwrap().is_empty()));
    assert_eq!(done["left_out"], json!([]));
    assert_eq!(done["summary"]["passed"], json!(done["runs"].as_array().unwrap().len()));
    let verified = lab.json(&["verify", done["proof"].as_str().unwrap()]).ended(0);
    assert_eq!(verified["runs"].as_array().unwrap().len(), done["runs"].as_array().unwrap().len());
    assert!(!lab.data().join("run/server.json").exists());
}

#[test]
fn token_scan_prints_its_object() {
    let (lab, product) = lab_with_product();
    let disk = lab.scratch().join("disk");
    fs::create_dir_all(&disk).unwrap();
    fs::write(disk.join("app.log"), format!("token={}\n", lab.token(&product.identity))).unwrap();
    std::os::unix::fs::symlink(disk.join("app.log"), disk.join("link")).unwrap();
    let (disk, missing) = (disk.to_str().unwrap().to_owned(), lab.scratch().join("missing"));
    let missing = missing.to_str().unwrap();
    let told = lab.json(&["token-scan", &disk, missing]).ended(1);
    assert_shape(
        &told,
        &json!({
            "schema": "=vaguemestre/token-scan/1", "issued_known": "integer", "files": 1, "bytes": "integer",
            "took_ms": "integer", "truncated": false, "foreign_tokens": 0,
            "findings": [{"file": "path", "offset": 6, "kind": "=issued|token|fragment|refresh_token",
                          "of": "=access|id|refresh?", "wrapped": 0, "jti": "text?", "excerpt": "text"}],
            "unreadable": [{"file": "path", "why": "text"}], "skipped": ["path"],
        }),
    );
    let counts = ["findings", "unreadable", "skipped"].map(|list| told[list].as_array().unwrap().len());
    assert_eq!(counts, [1, 1, 1], "{told:#}");
    let unreadable = lab.json(&["token-scan", missing]).ended(2);
    assert_eq!(unreadable["unreadable"][0]["file"], missing);
}

#[test]
fn words_are_french_by_default_and_english_on_request() {
    let (lab, product) = lab_with_product();
    let order = ["run", "psc-auth-imap", "--nil", &product.nil, "--adapter", &bad("clear_auth.py")];
    let fr = lab.cli(&order);
    let en = lab.cli(&[order.as_slice(), &["--lang", "en"]].concat());
    assert_eq!((fr.code, en.code), (1, 1));
    assert!(fr.stdout.contains("Échoué") && fr.stdout.contains("envoyé en clair"), "{}", fr.stdout);
    assert!(en.stdout.contains("Failed") && en.stdout.contains("sent in clear"), "{}", en.stdout);
    assert!(!en.stdout.contains("Attendu") && !fr.stdout.contains("Expected"));
}
