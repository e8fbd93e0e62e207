//! Bad input on the wire of the assembled program: refusals in the protocol's own terms.

use std::time::Duration;

use serde_json::json;
use testkit::client;

use crate::{lab_with_product, with_token};

const REFUSED: &str = r#"{"status":"401","schemes":"bearer","scope":"mail"}"#;

#[test]
fn an_expired_token_is_refused_with_the_challenge_and_its_code() {
    let (lab, product) = lab_with_product();
    let output = lab.cli(&["psc", "token", "--identity", &product.identity, "--accelerated"]);
    let token = output.stdout.trim().to_owned();
    assert!(
        client(&lab.ask("imap_login", "imap", &json!({"user": product.per, "token": token})))["ok"]
            == json!(true)
    );
    std::thread::sleep(Duration::from_millis(5_300));
    let told = client(&lab.ask("imap_login", "imap", &json!({"user": product.per, "token": token})));
    assert_eq!((&told["ok"], &told["challenge"]), (&json!(false), &json!(REFUSED)), "{told}");
    assert!(told["text"].as_str().unwrap().contains("[EXPIRED]"), "{told}");
    let told = client(&lab.ask("smtp_login", "smtp", &json!({"user": product.per, "token": token})));
    assert_eq!((&told["code"], &told["challenge"]), (&json!(535), &json!(REFUSED)), "{told}");
    assert!(told["text"].as_str().unwrap().starts_with("5.7.8"), "{told}");
}

#[test]
fn a_token_of_another_identity_opens_nothing() {
    let (lab, product) = lab_with_product();
    let other = lab.product("2626", "899700000026", "163254186");
    let ask = json!({"user": product.per, "token": lab.token(&other.identity)});
    let told = client(&lab.ask("imap_login", "imap", &ask));
    assert!(told["text"].as_str().unwrap().contains("[AUTHORIZATIONFAILED]"), "{told}");
    assert_eq!(client(&lab.ask("smtp_login", "smtp", &ask))["code"], json!(535));
    // Nor does a PSC token open an applicative mailbox.
    let ask = json!({"user": product.app, "token": lab.token(&product.identity)});
    assert_eq!(client(&lab.ask("imap_login", "imap", &ask))["ok"], json!(false));
}

#[test]
fn mail_goes_only_between_the_mailboxes_of_the_sandbox() {
    let (lab, product) = lab_with_product();
    for (to, status, words) in [
        ("dr.martin@example.org", "5.7.1", "nothing leaves this sandbox"),
        ("nobody@mail-tests-editeur.vaguemestre.test", "5.1.1", "no such mailbox"),
    ] {
        let mut with = with_token(&lab, &product);
        with["to"] = json!(to);
        let told = client(&lab.ask("smtp_rcpt", "smtp", &with));
        let text = told["text"].as_str().unwrap();
        assert!(told["code"] == json!(550) && text.starts_with(status) && text.contains(words), "{told}");
    }
}

#[test]
fn no_login_in_clear_and_no_command_smuggled_past_starttls() {
    let (lab, _) = lab_with_product();
    let told = client(&lab.ask(
        "clear",
        "imap",
        &json!({"lines": ["a CAPABILITY", "b LOGIN x y", "c AUTHENTICATE XOAUTH2"]}),
    ));
    let lines = told["lines"].to_string();
    assert!(
        lines.contains("LOGINDISABLED") && !lines.contains("AUTH=") && lines.contains("[PRIVACYREQUIRED]"),
        "{lines}"
    );
    let told = client(&lab.ask("clear", "smtp", &json!({"lines": ["EHLO x", "AUTH XOAUTH2 dXNlcg=="]})));
    let lines = told["lines"].to_string();
    assert!(lines.contains("250-STARTTLS") || lines.contains("250 STARTTLS"), "{lines}");
    assert!(!lines.contains("AUTH ") && lines.contains("530 5.7.0"), "{lines}");
    let told =
        client(&lab.ask("clear", "imap", &json!({"lines": ["a STARTTLS\r\nb CAPABILITY\r\nc LOGOUT"]})));
    let lines = told["lines"].to_string();
    assert!(
        !lines.contains("b OK") && !lines.contains("* BYE Logging") && lines.contains("a BAD"),
        "{lines}"
    );
    let told = client(&lab.ask(
        "clear",
        "smtp",
        &json!({"lines": ["EHLO x", "STARTTLS\r\nMAIL FROM:<a@b>\r\nNOOP"]}),
    ));
    let lines = told["lines"].to_string();
    assert!(lines.contains("554") && !lines.contains("220 2.0.0"), "{lines}");
}
