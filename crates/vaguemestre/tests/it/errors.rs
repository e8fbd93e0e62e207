//! Every error code that can be reached: the object of the contract, exit code 2, and what helps.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use testkit::{Lab, run};

use crate::{PROGRAM, lab, lab_with_product};

fn add<'a>(nil: &'a str, name: &'a str, psc: &'a str, app: &'a str) -> [&'a str; 10] {
    ["account", "add", "--nil", nil, "--name", name, "--psc-id", psc, "--app-id", app]
}

#[test]
fn duplicate_nil() {
    let (lab, product) = lab_with_product();
    let again =
        lab.json(&add(&product.nil, "Produit 2621", &product.identity, "163254178")).refused("duplicate_nil");
    assert_eq!(again["field"], "nil");
    assert!(again["message"].as_str().unwrap().contains("Produit 2621"), "{again}");
    let others = lab.json(&add(&product.nil, "Autre", "1", "2")).refused("duplicate_nil");
    assert!(others["message"].as_str().unwrap().contains(&product.identity), "{others}");
    // Another version of the same product is no duplicate.
    let version =
        [&add(&product.nil, "Produit 2621", &product.identity, "163254178")[..], &["--product-version", "3"]];
    assert_eq!(lab.json(&version.concat()).ended(0)["product_version"], "3");
}

#[test]
fn identity_in_use_names_the_other_product() {
    let (lab, product) = lab_with_product();
    for (psc, app, field, identity) in [
        (product.identity.as_str(), "2", "psc_id", product.identity.as_str()),
        ("1", "163254178", "app_id", "163254178"),
        ("163254178", "2", "psc_id", "163254178"),
    ] {
        let error = lab.json(&add("77", "Autre", psc, app)).refused("identity_in_use");
        assert_eq!(error["field"], field);
        assert_eq!(error["detail"]["nil"], product.nil);
        assert_eq!(error["detail"]["name"], "Produit 2621");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("2621") && message.contains(identity), "{message}");
    }
    assert_eq!(lab.json(&["account", "list"]).ended(0)["products"].as_array().unwrap().len(), 1);
}

#[test]
fn registrations_at_the_same_moment_leave_one_winner() {
    let lab = lab();
    let all: Vec<_> = (0..6)
        .map(|n| lab.spawn(&add(&format!("{}", 100 + n / 3), "Produit", "899700000018", "163254178")))
        .collect();
    let outputs: Vec<_> = all.into_iter().map(|one| one.join().unwrap()).collect();
    let winners = outputs.iter().filter(|output| output.code == 0).count();
    assert_eq!(winners, 1, "{outputs:#?}");
    for output in outputs.iter().filter(|output| output.code != 0) {
        let code = output.json()["error"]["code"].clone();
        assert!(code == "duplicate_nil" || code == "identity_in_use", "{output:?}");
    }
    assert_eq!(lab.json(&["account", "list"]).ended(0)["products"].as_array().unwrap().len(), 1);
}

#[test]
fn unknown_product_and_unknown_job() {
    let (lab, product) = lab_with_product();
    let out = lab.scratch().display().to_string();
    for words in [
        &["run", "all", "--nil", "9999", "--adapter", "lps"][..],
        &["cert", "--nil", "9999", "--out", &out],
        &["psc", "token", "--identity", "9999"],
    ] {
        let error = lab.json(words).refused("unknown_product");
        assert!(error["message"].as_str().unwrap().contains("9999"), "{error}");
        assert!(error["next"].as_str().unwrap().contains("account list"), "{error}");
    }
    for what in ["psc-telepathy", "MSS-LPS", "", "ALL", "psc-nil "] {
        let error =
            lab.json(&["run", what, "--nil", &product.nil, "--adapter", "lps"]).refused("unknown_job");
        assert!(error["next"].as_str().unwrap().contains("vaguemestre jobs"), "{error}");
    }
}

#[test]
fn port_in_use_names_its_holder() {
    let lab = lab();
    let other = Lab::unstarted(PROGRAM);
    fs::create_dir(other.data()).unwrap();
    fs::copy(lab.data().join("ports.json"), other.data().join("ports.json")).unwrap();
    let error = other.json(&["up"]).refused("port_in_use");
    let holder = error["detail"]["holder"].as_str().unwrap();
    assert!(holder.contains("vaguemestre") && holder.contains(&lab.up()["pid"].to_string()), "{error}");
    assert!(
        error["detail"]["port"].is_u64() && error["message"].as_str().unwrap().contains(holder),
        "{error}"
    );
    assert!(error["next"].as_str().unwrap().contains("--renumber"), "{error}");
    // And what it says to do works.
    let renumbered = Command::new(PROGRAM)
        .args([
            "--data",
            &other.data().display().to_string(),
            "--json",
            "up",
            "--ports",
            "auto",
            "--renumber",
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = renumbered;
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let up: Value = serde_json::from_str(&line).unwrap();
    assert_ne!(up["server"], lab.up()["server"]);
}

#[test]
fn data_unwritable_names_the_place() {
    let lab = Lab::unstarted(PROGRAM);
    fs::write(lab.scratch().join("file"), "").unwrap();
    let place = lab.scratch().join("file/data");
    let error =
        run(Path::new(PROGRAM), &place, &["up", "--ports", "auto", "--json"], &[]).refused("data_unwritable");
    assert!(error["message"].as_str().unwrap().contains(&place.display().to_string()), "{error}");
}

#[test]
fn data_newer_is_refused_and_left_alone() {
    let mut lab = lab();
    assert_eq!(lab.stop(), 0);
    let path = lab.data().join("vaguemestre.sqlite").display().to_string();
    let script = "import sqlite3, sys\nd = sqlite3.connect(sys.argv[1])\n\
                  d.execute(\"UPDATE schema_version SET version = 99 WHERE component = 'bench'\")\nd.commit()";
    assert!(Command::new("python3").args(["-c", script, &path]).status().unwrap().success());
    for command in [&["up"][..], &["demo", "--once"]] {
        let error = lab.json(command).refused("data_newer");
        assert!(error["message"].as_str().unwrap().contains("99"), "{error}");
    }
    let script = "import sqlite3, sys\nd = sqlite3.connect(sys.argv[1])\n\
                  print(d.execute(\"SELECT version FROM schema_version WHERE component = 'bench'\").fetchone()[0])";
    let output = Command::new("python3").args(["-c", script, &path]).output().unwrap();
    assert_eq!(output.stdout, b"99\n");
}

#[test]
fn no_server_says_how_to_start_one() {
    let lab = Lab::unstarted(PROGRAM);
    let out = lab.scratch().join("x").display().to_string();
    for words in [
        &["account", "list"][..],
        &["jobs"],
        &["run", "all", "--nil", "2621"],
        &["log", "1"],
        &["proof", "1", "--out", &out],
        &["psc", "token", "--identity", "1"],
        &["cert", "--nil", "2621", "--out", &out],
    ] {
        let error = lab.json(words).refused("no_server");
        assert!(error["next"].as_str().unwrap().contains("vaguemestre up"), "{error}");
        let plain = lab.cli(words);
        assert_eq!((plain.code, plain.stdout.as_str()), (2, ""));
        assert!(plain.stderr.contains("[no_server]") && plain.stderr.contains("vaguemestre up"), "{plain:?}");
    }
}

#[test]
fn busy_names_who_holds_the_data() {
    let lab = lab();
    for command in [&["up"][..], &["demo", "--once"]] {
        let error = lab.json(command).refused("busy");
        assert!(error["message"].as_str().unwrap().contains(&lab.up()["pid"].to_string()), "{error}");
    }
}

#[test]
fn bad_input_names_the_field() {
    let (lab, product) = lab_with_product();
    for (words, field) in [
        (&add("../x", "N", "1", "2")[..], "nil"),
        (&add("1", " ", "1", "2")[..], "name"),
        (&add("1", "N", "a b", "2")[..], "psc_id"),
        (&add("1", "N", "1", "2@x")[..], "app_id"),
        (&[&add("1", "N", "1", "2")[..], &["--type", "APP"]].concat()[..], "type"),
        (&["run", "all", "--nil", &product.nil, "--timer", "0"][..], "timer"),
        (&["log", "4000"][..], "run"),
        (&["proof", "4000", "--out", "/dev/null"][..], "run"),
        (&["verify", "/nowhere/proof"][..], "file"),
    ] {
        assert_eq!(lab.json(words).refused("bad_input")["field"], field, "{words:?}");
    }
    for words in
        [&["telepathy"][..], &["run"], &["account", "add"], &["up", "--ports", "some"], &["log", "one"]]
    {
        lab.json(words).refused("bad_input");
    }
    // The API itself: no object, another object, a number that is none.
    for body in [json!([]), json!({"nil": 3}), json!("x")] {
        let answer = lab.api("POST", "/api/v1/products", &body);
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (400, &json!("bad_input")),
            "{answer:?}"
        );
    }
}

#[test]
fn forbidden_without_the_key_or_from_elsewhere() {
    let lab = lab();
    let (host, key) = (lab.authority(), format!("Bearer {}", lab.api_key()));
    let asked = |headers: &[(&str, &str)]| {
        let answer = lab.http("GET", "/api/v1/jobs", headers, b"");
        (answer.status, answer)
    };
    assert_eq!(asked(&[("Host", &host), ("Authorization", &key)]).0, 200);
    let short = &key[..key.len() - 1];
    for headers in [
        &[("Host", host.as_str())][..],
        &[("Host", &host), ("Authorization", "Bearer ")],
        &[("Host", &host), ("Authorization", short)],
        &[("Host", &host), ("Authorization", &key[7..])],
        &[("Host", "evil.test"), ("Authorization", &key)],
        &[("Authorization", &key)],
        &[("Host", &host), ("Authorization", &key), ("Origin", "https://evil.test")],
        &[("Host", &host), ("Authorization", &key), ("Origin", "null")],
    ] {
        let (status, answer) = asked(headers);
        if headers.iter().any(|(name, _)| *name == "Host") {
            // 401 asks for the key; 403 says that no key would help.
            let elsewhere =
                headers.iter().any(|header| *header == ("Host", "evil.test") || header.0 == "Origin");
            let expected = if elsewhere { 403 } else { 401 };
            assert_eq!(
                (status, &answer.json()["error"]["code"]),
                (expected, &json!("forbidden")),
                "{headers:?}"
            );
        } else {
            assert!(status == 403 || status == 400, "{answer:?}");
        }
        assert!(!answer.body.contains(&key[7..]), "the key is not told to those who lack it");
    }
}

#[test]
fn a_server_is_also_found_by_option_and_by_environment() {
    let lab = lab();
    let elsewhere = lab.scratch().join("empty");
    let (server, key) = (lab.up()["server"].as_str().unwrap(), lab.api_key());
    let program = Path::new(PROGRAM);
    let key_file = lab.up()["api_key_file"].as_str().unwrap();
    let by_option = ["jobs", "--json", "--server", server, "--api-key-file", key_file];
    run(program, &elsewhere, &by_option, &[]).ended(0);
    let environment = [("VAGUEMESTRE_SERVER", server), ("VAGUEMESTRE_API_KEY", key.as_str())];
    run(program, &elsewhere, &["jobs", "--json"], &environment).ended(0);
    run(program, &elsewhere, &["jobs", "--json"], &environment[..1]).refused("forbidden");
    let wrong = lab.scratch().join("wrong-key");
    fs::write(&wrong, "0000000000000000000000\n").unwrap();
    let wrong = wrong.display().to_string();
    run(program, &elsewhere, &["jobs", "--json", "--server", server, "--api-key-file", &wrong], &[])
        .refused("forbidden");
    let nobody = ["jobs", "--json", "--server", "http://127.0.0.1:1", "--api-key-file", key_file];
    run(program, &elsewhere, &nobody, &[]).refused("no_server");
    assert_eq!(fs::metadata(lab.data()).unwrap().permissions().mode() & 0o777, 0o700);
}
