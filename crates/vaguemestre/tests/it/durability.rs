//! `kill -9` at the worst moments: nothing acknowledged is lost, nothing gets a verdict by accident.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::{adapter_path, client, drive, own};

use crate::{lab_with_product, with_token};

#[test]
fn every_mail_with_a_250_survives_kill_9_byte_for_byte() {
    let (mut lab, product) = lab_with_product();
    let mut with = with_token(&lab, &product);
    with["to"] = json!(product.per);
    with["count"] = json!(50);
    with["stay"] = json!(true);
    let mut sender = drive(&lab.ask("smtp_send", "smtp", &with));
    let mut acknowledged: Vec<Value> = Vec::new();
    while acknowledged.len() < 20 {
        acknowledged.push(sender.hear());
    }
    lab.kill9();
    sender.end();
    lab.json(&["account", "list"]).refused("no_server");

    lab.start_again();
    let told = client(&lab.ask("imap_fetch", "imap", &with_token(&lab, &product)));
    let bodies: Vec<Vec<u8>> = told["bodies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|body| STANDARD.decode(body.as_str().unwrap()).unwrap())
        .collect();
    for mail in &acknowledged {
        assert_eq!(mail["ok"], json!(true), "{mail}");
        let sent = STANDARD.decode(mail["mail"].as_str().unwrap()).unwrap();
        let copies = bodies.iter().filter(|body| body.ends_with(&sent)).count();
        assert_eq!(copies, 1, "{} is there {copies} times", mail["text"]);
    }
}

#[test]
fn a_run_cut_by_kill_9_is_aborted_and_its_number_is_not_used_again() {
    let (mut lab, product) = lab_with_product();
    let slow = own("slow.py", &["20", &adapter_path("adapter.py")]);
    let running = lab.spawn(&["run", "psc-auth-imap", "--nil", &product.nil, "--adapter", &slow]);
    lab.wait_for("/api/v1/runs/1", |run| run["phase"]["state"] == "running");
    lab.kill9();
    running.join().unwrap().refused("no_server");

    lab.start_again();
    let run = lab.api("GET", "/api/v1/runs/1", &json!(null)).json();
    assert_eq!(run["verdict"], "aborted", "{run:#}");
    lab.json(&["proof", "1", "--out", lab.scratch().join("x").to_str().unwrap()]).refused("bad_input");
    let done = lab.json(&["run", "psc-auth-imap", "--nil", &product.nil, "--adapter", "lps"]).ended(0);
    assert_eq!(
        done["runs"][0]["number"],
        json!(2),
        "the product, its mailboxes and its certificate are there again"
    );
}

#[test]
fn sigterm_ends_with_zero_and_takes_the_address_away() {
    let (mut lab, _) = lab_with_product();
    assert!(lab.data().join("run/server.json").exists());
    assert_eq!(lab.stop(), 0);
    assert!(!lab.data().join("run/server.json").exists());
}
