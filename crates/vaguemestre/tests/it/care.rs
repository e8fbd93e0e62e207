//! `backup` and `doctor`: a copy made while the server works is as good as the original, and what is broken is named.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;
use testkit::{adapter, client, run};

use crate::{PROGRAM, lab_with_product, with_token};

fn modes(directory: &Path, out: &mut Vec<(String, u32)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        out.push((entry.path().display().to_string(), mode));
        if entry.file_type().unwrap().is_dir() {
            modes(&entry.path(), out);
        }
    }
}

#[test]
fn a_copy_made_while_the_server_works_starts_and_its_proofs_verify() {
    let (mut lab, product) = lab_with_product();
    lab.json(&["run", "psc-nil", "--nil", &product.nil, "--adapter", &adapter("adapter.py")]).ended(0);
    let mut with = with_token(&lab, &product);
    with["to"] = json!(product.per);
    with["count"] = json!(3);
    client(&lab.ask("smtp_send", "smtp", &with));
    let before = client(&lab.ask("imap_fetch", "imap", &with_token(&lab, &product)));
    let proof = lab.scratch().join("before.proof");
    lab.json(&["proof", "1", "--out", proof.to_str().unwrap()]).ended(0);
    let key = lab.json(&["verify", proof.to_str().unwrap()]).ended(0)["key"].as_str().unwrap().to_owned();

    let copy = lab.scratch().join("copy");
    let out = copy.to_str().unwrap();
    let told = lab.json(&["backup", "--out", out]).ended(0);
    assert_eq!((&told["schema"], &told["out"]), (&json!("vaguemestre/backup/1"), &json!(out)), "{told}");
    assert!(told["files"].as_i64() > Some(5) && told["bytes"].as_u64() > Some(10_000), "{told}");
    let again = lab.json(&["backup", "--out", out]).refused("bad_input");
    assert_eq!(again["field"], "out");
    lab.json(&["backup", "--out", lab.data().join("x").to_str().unwrap()]).refused("bad_input");
    let mut found = Vec::new();
    modes(&copy, &mut found);
    assert!(found.iter().all(|(_, mode)| [0o600, 0o700].contains(mode)), "{found:?}");
    assert!(found.iter().any(|(path, _)| path.ends_with("run/api-key")), "{found:?}");
    assert!(
        !found.iter().any(|(path, _)| path.ends_with("server.json") || path.ends_with("-wal")),
        "{found:?}"
    );
    let left: Vec<_> = fs::read_dir(lab.scratch()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.iter().filter(|name| name.to_string_lossy().contains(".tmp")).count(), 0, "{left:?}");

    // The original is gone: the copy takes its place.
    lab.kill9();
    fs::rename(lab.data(), lab.scratch().join("original")).unwrap();
    fs::rename(&copy, lab.data()).unwrap();
    lab.start_again();
    let after = client(&lab.ask("imap_fetch", "imap", &with_token(&lab, &product)));
    assert_eq!(before["bodies"], after["bodies"]);
    let proof = lab.scratch().join("after.proof");
    lab.json(&["proof", "1", "--out", proof.to_str().unwrap()]).ended(0);
    let told = lab.json(&["verify", proof.to_str().unwrap(), "--key", &key]).ended(0);
    assert_eq!(told["result"], "signed by the expected key");
    lab.json(&["run", "psc-nil", "--nil", &product.nil, "--adapter", &adapter("adapter.py")]).ended(0);
    assert_eq!(lab.json(&["doctor"]).ended(0)["summary"], json!({"errors": 0, "warnings": 0, "repaired": 0}));
}

#[test]
fn the_doctor_names_what_is_wrong_and_mends_what_it_can() {
    let (mut lab, _) = lab_with_product();
    let told = lab.json(&["doctor"]).ended(0);
    assert_eq!(told["schema"], "vaguemestre/doctor/1");
    assert!(told["versions"]["mailstore"].as_i64() >= Some(2), "{told}");
    assert!(told["checks"].as_array().unwrap().iter().all(|check| check["count"] == 0), "{told:#}");
    lab.stop();
    let key = lab.data().join("run/api-key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let told = lab.json(&["doctor"]).ended(1);
    assert_eq!(told["summary"], json!({"errors": 0, "warnings": 1, "repaired": 0}));
    let said = lab.cli(&["doctor", "--lang", "en"]);
    assert!(said.stdout.contains("run/api-key") && said.stdout.contains("--repair"), "{}", said.stdout);
    let told = lab.json(&["doctor", "--repair"]).ended(0);
    assert_eq!(told["summary"], json!({"errors": 0, "warnings": 0, "repaired": 1}));
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);

    // A page in the middle of the file is overwritten.
    let database = lab.data().join("vaguemestre.sqlite");
    let mut bytes = fs::read(&database).unwrap();
    let middle = bytes.len() / 2 / 4_096 * 4_096;
    bytes[middle..middle + 4_096].fill(0xff);
    fs::write(&database, &bytes).unwrap();
    let output = lab.json(&["doctor", "--repair"]);
    assert!(output.code == 1 || output.code == 2, "{output:?}");
    fs::write(&database, b"not a database").unwrap();
    let error = lab.json(&["doctor"]).refused("data_unwritable");
    assert!(error["message"].as_str().unwrap().contains("vaguemestre.sqlite"), "{error}");
}

#[test]
fn a_place_that_is_no_data_directory_is_refused() {
    let (lab, _) = lab_with_product();
    let empty = lab.scratch().join("empty");
    fs::create_dir(&empty).unwrap();
    for command in [&["doctor"][..], &["backup", "--out", "/nonexistent/x"]] {
        let command = [command, &["--json"]].concat();
        let told = run(Path::new(PROGRAM), &empty, &command, &[]).refused("bad_input");
        assert_eq!(told["field"], "data");
        let url = Path::new("postgres://user:secret@db/x");
        let error = run(Path::new(PROGRAM), url, &command, &[]).refused("bad_input").to_string();
        assert!(error.contains("pg_dump") && !error.contains("secret"), "{error}");
    }
    lab.json(&["backup", "--out", "/nonexistent/x"]).refused("bad_input");
    assert!(fs::read_dir(&empty).unwrap().next().is_none(), "nothing was made there");
}
