//! No token reaches a disk, a log, a journal or a proof (SC.MSS/CONF.28); keys are readable by their owner alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::{adapter_path, bad, client, own};

use crate::lab_with_product;

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => files(&path, out),
            path => out.push(path),
        }
    }
}

#[test]
fn conf_28_no_token_is_kept_anywhere() {
    let (mut lab, product) = lab_with_product();
    // What the runs were given is kept outside of the data directory, by a recording adapter.
    let kept = lab.scratch().join("given");
    fs::create_dir_all(&kept).unwrap();
    let recorder = own("recorder.py", &[kept.to_str().unwrap(), &adapter_path("adapter.py")]);
    // Both logins, a mail, and a token that is refused and renewed: every way that a token takes.
    let jobs = "psc-auth-imap,psc-auth-smtp,psc-nil,psc-token-refused";
    lab.json(&["run", jobs, "--nil", &product.nil, "--adapter", &recorder]).ended(0);
    lab.json(&["run", "psc-auth-imap", "--nil", &product.nil, "--adapter", &bad("clear_auth.py")]).ended(1);
    let own_token = lab.token(&product.identity);
    client(&lab.ask("imap_login", "imap", &json!({"user": product.per, "token": own_token})));
    client(&lab.ask("clear", "imap", &json!({"lines": [format!("a LOGIN x auth=Bearer {own_token}")]})));

    let mut tokens = vec![own_token];
    for entry in fs::read_dir(&kept).unwrap().flatten() {
        let given: Value = serde_json::from_slice(&fs::read(entry.path()).unwrap()).unwrap();
        for secret in [&given["auth"]["access_token"], &given["auth"]["refresh"]["refresh_token"]] {
            tokens.extend(secret.as_str().map(str::to_owned));
        }
    }
    assert!(tokens.len() >= 9, "four runs gave two each at least, and one of ours: {}", tokens.len());
    let (of_a_login, _) = crate::psc::flow(&lab, Some(&product));
    assert_eq!(of_a_login.len(), 10, "a code, and three times an access, an ID and a refresh token");
    tokens.extend(of_a_login);

    for run in 1..=5 {
        let log = lab.cli(&["log", &run.to_string()]).stdout;
        assert!(!log.is_empty());
        let proof = lab.data().join(format!("run-{run}.proof"));
        lab.json(&["proof", &run.to_string(), "--out", proof.to_str().unwrap()]).ended(0);
        for token in &tokens {
            assert!(!log.contains(token), "the log of run {run} holds a token");
        }
    }
    assert_eq!(lab.stop(), 0);
    let printed = lab.log();
    let mut all = Vec::new();
    files(&lab.data(), &mut all);
    assert!(all.len() > 10, "the data directory was searched");
    // The middle of a token alone is enough to tell it.
    let parts: Vec<&str> =
        tokens.iter().map(|token| &token[token.len() / 3..(token.len() / 3 + 40).min(token.len())]).collect();
    assert!(parts.iter().all(|part| part.len() >= 20), "long enough to be found by nobody's accident");
    assert!(parts.iter().all(|part| !printed.contains(part)), "the server's log holds a token");
    for file in &all {
        let bytes = fs::read(file).unwrap();
        let found = parts.iter().any(|part| memchr::memmem::find(&bytes, part.as_bytes()).is_some());
        assert!(!found, "{} holds a token", file.display());
    }
}

#[test]
fn conf_28_a_stored_token_is_found_and_told_from_those_of_others() {
    let (lab, product) = lab_with_product();
    let token = lab.token(&product.identity);
    client(&lab.ask("imap_login", "imap", &json!({"user": product.per, "token": token})));
    let disk = lab.scratch().join("disk");
    fs::create_dir_all(&disk).unwrap();
    let disk = disk.to_str().unwrap();
    lab.json(&["token-scan", disk]).ended(0);
    fs::write(format!("{disk}/1.log"), format!("Authorization: Bearer {token}\n")).unwrap();
    fs::write(format!("{disk}/2.sql"), format!("INSERT '{}'", &token[..token.rfind('.').unwrap()])).unwrap();
    let scan = lab.cli(&["token-scan", disk, "--json"]);
    assert!(scan.code == 1 && !scan.stdout.contains(&token[20..60]), "found, and not printed: {scan:?}");
    let told: Value = serde_json::from_str(&scan.stdout).unwrap();
    let kinds: Vec<&Value> =
        told["findings"].as_array().unwrap().iter().map(|found| &found["kind"]).collect();
    assert_eq!(kinds, ["issued", "fragment"], "{told:#}");
    assert_eq!((&told["findings"][0]["offset"], &told["findings"][0]["of"]), (&json!(22), &json!("access")));
    // What the bench itself keeps: its database, its logs, its keys.
    lab.json(&["token-scan", lab.data().to_str().unwrap()]).ended(0);
}

#[test]
fn keys_and_secrets_are_readable_by_their_owner_alone() {
    let (lab, product) = lab_with_product();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut all = Vec::new();
    files(&lab.data(), &mut all);
    let secret = |path: &&PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.ends_with(".key")
            || name.contains("secret")
            || name.contains("api-key")
            || name.contains("signing-key")
    };
    let secrets: Vec<&PathBuf> = all.iter().filter(secret).collect();
    assert!(
        secrets.len() >= 7,
        "root, intermediate, server, product, client, API, PSC and proof keys: {secrets:?}"
    );
    for path in secrets {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
    assert_eq!(mode(&lab.data()), 0o700);
    let out = lab.scratch().join("certs");
    lab.json(&["cert", "--nil", &product.nil, "--out", out.to_str().unwrap()]).ended(0);
    assert_eq!(mode(&out.join("auth_cli.key")), 0o600);
}
