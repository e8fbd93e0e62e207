//! Faults before and at the login: what is offered, STARTTLS, tokens.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::{AuthOutcome, Fact};

use crate::bench::{Bench, PER, TOKEN, xoauth2};
use crate::faults::{fault, imaplib, told};

#[tokio::test]
async fn what_is_offered_loses_and_gains_words() {
    let script = fault("capability", "[{ omit = \"starttls\" }, { add = \"AUTH=PLAIN\" }]");
    let (bench, _) = Bench::faulty(&script.replace("do", "times = 0\ndo")).await;
    let seen = imaplib(&bench, "clear", &["connect", "capability", "starttls"]).await;
    let offered = seen.of("capability")["result"].as_str().unwrap();
    assert!(!offered.contains("STARTTLS") && offered.ends_with("AUTH=PLAIN"), "{offered}");
    assert!(seen.failed() && seen.last().contains("TLS not supported by server"), "{}", seen.last());
    let told = bench.faults().await;
    // The greeting's list, and that of CAPABILITY.
    assert_eq!(told.len(), 2);
    assert_eq!(told[1], ("capability".into(), "omit STARTTLS, add AUTH=PLAIN".into(), 2));
}

#[tokio::test]
async fn starttls_is_refused_or_followed_by_clear_text() {
    let (bench, _) = Bench::faulty(&fault("starttls", "{ answer = \"NO [UNAVAILABLE] Not now\" }")).await;
    let seen = imaplib(&bench, "clear", &["connect", "starttls"]).await;
    assert!(seen.failed() && seen.last().contains("Couldn't establish TLS session"), "{}", seen.last());
    assert_eq!(bench.faults().await, [told("starttls", "answer NO [UNAVAILABLE] Not now")]);
    assert!(!format!("{:?}", bench.events().await).contains("ClientHello"));

    let injected = "* CAPABILITY IMAP4rev1 AUTH=PLAIN";
    let (bench, _) =
        Bench::faulty(&fault("starttls", &format!("{{ say = \"{injected}\" }}")).repeat(2)).await;
    let mut raw = TcpStream::connect(("127.0.0.1", bench.clear)).await.unwrap();
    let mut chunk = [0; 4_096];
    assert!(raw.read(&mut chunk).await.unwrap() > 0);
    raw.write_all(b"a STARTTLS\r\n").await.unwrap();
    let read = raw.read(&mut chunk).await.unwrap();
    let packet = String::from_utf8_lossy(&chunk[..read]).into_owned();
    assert_eq!(packet, format!("a OK Start TLS now\r\n{injected}\r\n"));
    assert!(bench.handshake(raw, None).await.is_ok());
    // imaplib forgets what it read before TLS, as it must.
    let seen = imaplib(&bench, "clear", &["connect", "starttls", "capability", "login"]).await;
    assert!(
        !seen.failed() && !seen.of("capability")["result"].to_string().contains("PLAIN"),
        "{}",
        seen.last()
    );
    assert_eq!(bench.faults().await.len(), 2);
}

#[tokio::test]
async fn a_token_is_refused_with_a_challenge_of_ones_own() {
    let json = r#"{"status":"400","schemes":"bearer","scope":"x"}"#;
    for at in ["login", "challenge"] {
        let script = format!("[[fault]]\nat = \"{at}\"\ndo = [{{ challenge = '{json}' }}]\n");
        let (bench, _) = Bench::faulty(&script).await;
        let mut client = bench.tls(None).await;
        client.send(format!("a AUTHENTICATE XOAUTH2 {}\r\n", xoauth2(PER, TOKEN))).await;
        assert_eq!(client.line().await, format!("+ {}", BASE64_STANDARD.encode(json)));
        client.send("\r\n").await;
        assert!(client.line().await.starts_with("a NO [AUTHENTICATIONFAILED] "));
        let answer = client.ask(&format!("AUTHENTICATE XOAUTH2 {}", xoauth2(PER, TOKEN))).await;
        assert!(answer[0].contains(" OK "), "the second time it is taken: {answer:?}");
        let auths = bench.auths().await;
        assert!(matches!(&auths[0].outcome, AuthOutcome::Refused { code, .. } if code == "token_refused"));
        assert_eq!(auths[0].token, auths[1].token);
        assert_eq!(auths[0].user, PER);
        assert_eq!(bench.faults().await, [told(at, &format!("challenge {json}"))]);
    }
    // imaplib sends no initial response: it is given the challenge after its credentials.
    let script = format!("[[fault]]\nat = \"login\"\ndo = [{{ challenge = '{json}' }}]\n");
    let (bench, _) = Bench::faulty(&script).await;
    let seen = imaplib(&bench, "tls", &["connect", "login"]).await;
    assert!(seen.failed() && seen.last().contains("AUTHENTICATIONFAILED"), "{}", seen.last());
}

#[tokio::test]
async fn a_login_is_unavailable_for_a_while_or_never_heard_of_again() {
    let script = fault("login", "{ answer = \"NO [UNAVAILABLE] Later\" }").replace("do", "times = 2\ndo");
    let (bench, plan) = Bench::faulty(&script).await;
    for _ in 0..2 {
        let seen = imaplib(&bench, "tls", &["connect", "login"]).await;
        assert!(seen.failed() && seen.last().contains("[UNAVAILABLE] Later"), "{}", seen.last());
    }
    assert!(!imaplib(&bench, "tls", &["connect", "login"]).await.failed());
    assert!(plan.report()[0].healed);
    let codes: Vec<_> = bench.auths().await.into_iter().map(|auth| auth.outcome).collect();
    assert!(
        matches!(&codes[..2], [AuthOutcome::Refused { code, .. }, _] if code == "unavailable"),
        "{codes:?}"
    );
    assert!(matches!(&codes[2], AuthOutcome::Accepted { .. }));

    let (bench, _) = Bench::faulty(&fault("login", "\"cut\"")).await;
    let seen = imaplib(&bench, "tls", &["connect", "login"]).await;
    assert!(seen.failed() && seen.last().contains("EOF"), "{}", seen.last());
    assert_eq!(bench.faults().await, [told("login", "cut")]);
}

#[tokio::test]
async fn logins_that_a_fault_refuses_count_as_failed_ones() {
    let script =
        fault("login", "{ answer = \"NO [AUTHENTICATIONFAILED] No\" }").replace("do", "times = 0\ndo");
    let (bench, _) = Bench::faulty(&script).await;
    let mut client = bench.tls(None).await;
    for attempt in 0..3 {
        client.send(format!("a{attempt} AUTHENTICATE XOAUTH2 {}\r\n", xoauth2(PER, TOKEN))).await;
        assert_eq!(client.line().await, format!("a{attempt} NO [AUTHENTICATIONFAILED] No"));
    }
    assert!(client.rest().await[0].starts_with("* BYE Too many failed logins"));
    assert_eq!(bench.auths().await.len(), 3);
    // The same where the command is refused before its credentials are looked at.
    let script =
        "[[fault]]\nat = \"command\"\ncommand = \"authenticate\"\ntimes = 0\ndo = { answer = \"NO x\" }";
    let (bench, _) = Bench::faulty(script).await;
    let mut client = bench.tls(None).await;
    for attempt in 0..3 {
        client.send(format!("a{attempt} AUTHENTICATE XOAUTH2 {}\r\n", xoauth2(PER, TOKEN))).await;
        assert_eq!(client.line().await, format!("a{attempt} NO x"));
    }
    assert!(client.rest().await[0].starts_with("* BYE Too many failed logins"));
    let journal = format!("{:?}", bench.events().await);
    assert!(!journal.contains(TOKEN) && !journal.contains(&xoauth2(PER, TOKEN)[..60]));
}

#[tokio::test]
async fn a_fault_is_in_the_journal_before_it_is_done() {
    let (bench, _) = Bench::faulty(&fault("greeting", "[{ say = \"* OK not yet\" }, \"silence\"]")).await;
    let mut raw = TcpStream::connect(("127.0.0.1", bench.clear)).await.unwrap();
    let mut chunk = [0; 64];
    let read = raw.read(&mut chunk).await.unwrap();
    assert_eq!(&chunk[..read], b"* OK not yet\r\n");
    let facts: Vec<_> = bench.events().await.into_iter().map(|event| event.fact).collect();
    let fault = facts.iter().position(|fact| matches!(fact, Fact::Fault { .. })).unwrap();
    let line = facts.iter().position(|fact| matches!(fact, Fact::Line { .. })).unwrap();
    assert!(fault < line, "{facts:?}");
}
