//! `faulty`, from outside: its two objects, its exit codes, and its gallery (docs/contracts.md, docs/faults.md).

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use testkit::shape::assert_shape;

use crate::PROGRAM;

const ONE_FAULT: &str = "seed = 7\n\n[[fault]]\nname = \"no service\"\nat = \"greeting\"\nprotocol = \"smtp\"\n\
                          do = [{ say = \"421 4.3.2 Not now\" }, \"cut\"]\n";

/// A server on a script, and the object that it printed.
fn start(dir: &Path, script: &str) -> (Child, Value) {
    let path = dir.join("script.toml");
    fs::write(&path, script).unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["faulty", "--json", "--messages", "2", "--script"])
        .arg(&path)
        .arg("--report")
        .arg(dir.join("report.json"))
        .arg("--data")
        .arg(dir.join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let told = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    (child, told)
}

fn terminate(child: Child) -> Output {
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait_with_output().unwrap()
}

fn report(dir: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(dir.join("report.json")).unwrap()).unwrap()
}

fn report_shape() -> Value {
    json!({
        "schema": "=vaguemestre/faulty-report/1", "seed": "integer", "reached": "boolean",
        "faults": [{"name": "text", "line": "integer", "at": "text", "seen": "integer", "happened": "integer",
                    "healed": "boolean"}],
        "events": [{"fact": "any"}],
    })
}

#[test]
fn faulty_and_its_report_keep_their_contract() {
    let dir = tempfile::tempdir().unwrap();
    let (child, told) = start(dir.path(), ONE_FAULT);
    let service = json!({"host": "=localhost", "starttls": "integer", "tls": "integer"});
    assert_shape(
        &told,
        &json!({
            "schema": "=vaguemestre/faulty/1", "version": "text", "pid": "integer", "data": "path", "script": "path",
            "seed": 7, "ca_file": "path", "imap": service, "smtp": service, "address": "=faulty@faulty.test",
            "recipients": ["text"], "token": "text", "messages": 2,
        }),
    );
    let port = u16::try_from(told["smtp"]["starttls"].as_u64().unwrap()).unwrap();
    let mut heard = String::new();
    TcpStream::connect(("127.0.0.1", port)).unwrap().read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "421 4.3.2 Not now\r\n");
    let ended = terminate(child);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let report = report(dir.path());
    assert_shape(&report, &report_shape());
    assert_eq!((&report["seed"], &report["reached"]), (&json!(7), &json!(true)));
    let fault =
        json!({"name": "no service", "line": 3, "at": "greeting", "seen": 1, "happened": 1, "healed": true});
    assert_eq!(report["faults"], json!([fault]));
    let events = report["events"].to_string();
    let (fault, line) = (events.find("\"no service\"").unwrap(), events.find("421 4.3.2 Not now").unwrap());
    assert!(fault < line, "the fault stands before what it does: {events}");
}

#[test]
fn a_fault_that_no_client_met_is_exit_1() {
    let dir = tempfile::tempdir().unwrap();
    let (child, _) = start(dir.path(), ONE_FAULT);
    let ended = terminate(child);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(String::from_utf8_lossy(&ended.stderr).contains("no service"), "{ended:?}");
    let report = report(dir.path());
    assert_shape(&report, &report_shape());
    assert_eq!(report["reached"], json!(false));
    assert_eq!(report["faults"][0]["happened"], json!(0));
}

#[test]
fn a_bad_script_is_exit_2_with_its_line_and_the_nearest_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bad.toml");
    for (script, line, nearest) in [
        ("[[fault]]\nat = \"greting\"\ndo = \"cut\"\n", "line 2: ", "greeting"),
        ("[[fault]]\nat = \"handshake\"\n# expird\ndo = { tls = \"expird\" }\n", "line 4: ", "expired"),
    ] {
        fs::write(&path, script).unwrap();
        let ended = Command::new(PROGRAM).args(["faulty", "--json", "--script"]).arg(&path).output().unwrap();
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        let error: Value = serde_json::from_slice(&ended.stdout).unwrap();
        assert_shape(
            &error,
            &json!({"schema": "=vaguemestre/error/1", "error": {"code": "=bad_input", "message": "text", "next": "text"}}),
        );
        let message = error["error"]["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("{}: {line}", path.display())) && message.contains(nearest),
            "{message}"
        );
    }
}

#[test]
fn every_script_of_the_gallery_is_read() {
    let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/faults");
    let mut count = 0;
    for entry in fs::read_dir(gallery).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let script: faults::Script =
            text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(!script.faults.is_empty());
        count += 1;
    }
    assert!(count >= 18, "{count}");
}
