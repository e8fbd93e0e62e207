//! Faults: what the script says is what the client sees, and what the journal says; a message is whole or not there.

use std::time::{Duration, Instant};

use faults::Plan;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;
use wire::{AuthOutcome, Direction, Fact};

use crate::lab::{APP, Lab, PER};
use crate::raw::Raw;

const MAIL: &[u8] =
    b"From: <899700000018@bal.lab>\r\nSubject: faults\r\nMessage-ID: <1@bal.lab>\r\n\r\nHello\r\n.\r\n";

async fn lab(faults: &str) -> (Lab, Plan) {
    Lab::faulty(faults).await
}

/// One fault, in a table of its own.
fn fault(at: &str, what: &str) -> String {
    format!("[[fault]]\nat = \"{at}\"\ndo = {what}\n")
}

/// What the journal says was done wrong: where, what.
async fn told(lab: &Lab) -> Vec<(String, String)> {
    let facts = lab.facts().await.into_iter();
    facts
        .filter_map(|fact| match fact {
            Fact::Fault { point, what, .. } => Some((point, what)),
            _ => None,
        })
        .collect()
}

/// Every line that the journal says was said by the server.
async fn said(lab: &Lab) -> Vec<String> {
    let facts = lab.facts().await.into_iter();
    facts
        .filter_map(|fact| match fact {
            Fact::Line { direction: Direction::Server, text } => Some(text),
            _ => None,
        })
        .collect()
}

/// Ends without a word: `None` at an end of file, the error where the connection was reset.
async fn ending(raw: &mut Raw) -> Option<std::io::ErrorKind> {
    let mut octets = [0; 64];
    match timeout(Duration::from_secs(5), raw.socket.read(&mut octets)).await.expect("an end") {
        Ok(0) => None,
        Ok(count) => panic!("said {:?}", String::from_utf8_lossy(&octets[..count])),
        Err(error) => Some(error.kind()),
    }
}

#[tokio::test]
async fn a_connection_ends_before_the_greeting_in_three_ways_and_then_heals() {
    let script =
        fault("connect", "\"cut\"") + &fault("greeting", "\"reset\"") + &fault("greeting", "\"silence\"");
    let (lab, plan) = lab(&script).await;
    assert_eq!(ending(&mut Raw::connect(lab.starttls).await).await, None);
    let reset = ending(&mut Raw::connect(lab.starttls).await).await;
    assert_eq!(reset, Some(std::io::ErrorKind::ConnectionReset));
    let mut silent = Raw::connect(lab.starttls).await;
    silent.send("EHLO is.anybody.there\r\n").await;
    assert!(timeout(Duration::from_millis(300), silent.try_reply()).await.is_err());
    drop(silent);
    Raw::greeted(lab.starttls).await;
    assert!(plan.report().iter().all(|fault| fault.healed));
    let faults = told(&lab).await;
    let expected = [("connect", "cut"), ("greeting", "reset"), ("greeting", "silence")];
    assert_eq!(faults, expected.map(|(point, what)| (point.to_owned(), what.to_owned())));
    lab.wait_for(|fact| *fact == Fact::Closed { reason: "fault: reset".into() }).await;
    lab.wait_for(|fact| matches!(fact, Fact::Line { text, .. } if text == "[23 octets, not listened to]"))
        .await;
}

#[tokio::test]
async fn silence_ends_with_the_server() {
    let (mut lab, _) = lab(&fault("greeting", "\"silence\"")).await;
    let mut raw = Raw::connect(lab.starttls).await;
    lab.wait_for(|fact| matches!(fact, Fact::Fault { .. })).await;
    let at = Instant::now();
    lab.shutdown.send(true).unwrap();
    for server in std::mem::take(&mut lab.servers) {
        server.await.unwrap();
    }
    assert!(at.elapsed() < Duration::from_secs(2));
    assert_eq!(raw.reply().await.code, 421);
}

#[tokio::test]
async fn a_greeting_comes_late_slowly_and_piece_by_piece() {
    let script = fault("greeting", "[{ delay = \"300ms\" }, { throttle = 200 }]")
        + &fault("greeting", "{ split = 1 }");
    let (lab, _) = lab(&script).await;
    let at = Instant::now();
    let mut raw = Raw::connect(lab.starttls).await;
    let greeting = raw.reply().await;
    assert_eq!(greeting.code, 220);
    // Thirty-two octets, twenty at a time: two pieces, a tenth of a second apart.
    assert!(at.elapsed() >= Duration::from_millis(400), "{:?}", at.elapsed());
    let mut split = Raw::connect(lab.starttls).await;
    let (mut pieces, mut first) = (0, [0; 64]);
    for _ in 0..20 {
        pieces += usize::from(split.socket.read(&mut first).await.unwrap() == 1);
    }
    assert!(pieces >= 15, "{pieces} of 20 reads brought one octet");
    let faults = told(&lab).await;
    assert_eq!(faults[0].1, "delay 300 ms, throttle 200 octets a second");
}

#[tokio::test]
async fn a_delay_ends_when_its_client_goes() {
    let (lab, _) = lab(&fault("greeting", "{ delay = \"60m\" }")).await;
    let raw = Raw::connect(lab.starttls).await;
    lab.wait_for(|fact| matches!(fact, Fact::Fault { .. })).await;
    drop(raw);
    assert_eq!(lab.wait_closed().await, "eof");
}

#[tokio::test]
async fn starttls_is_left_out_refused_or_followed_by_words_in_clear() {
    let script = fault("capability", "{ omit = \"STARTTLS\" }")
        + &fault("starttls", "{ answer = \"454 4.7.0 TLS not available\" }")
        + &fault("starttls", "{ say = \"250 injected\" }");
    let (lab, _) = lab(&script).await;
    let mut raw = Raw::greeted(lab.starttls).await;
    assert!(!raw.ehlo().await.starttls);
    assert!(raw.ehlo().await.starttls);
    assert_eq!(raw.say("STARTTLS").await.code, 454);
    assert_eq!(raw.say("NOOP").await.code, 250);
    raw.send("STARTTLS\r\n").await;
    let mut octets = vec![0; 512];
    let count = raw.socket.read(&mut octets).await.unwrap();
    assert_eq!(&octets[..count], b"220 2.0.0 Ready to start TLS\r\n250 injected\r\n", "in one packet");
    let mut raw = raw.start_tls(&lab).await;
    assert_eq!(raw.say("EHLO raw.lab").await.code, 250);
    assert!(said(&lab).await.contains(&"250 injected".to_owned()));
}

#[tokio::test]
async fn a_handshake_is_somebody_elses() {
    let script =
        fault("handshake", "{ tls = \"tls-1.1-only\" }") + &fault("handshake", "{ tls = \"nobody\" }");
    let (lab, _) = lab(&script).await;
    for port in [lab.tls, lab.tls] {
        let socket = tokio::net::TcpStream::connect(port).await.unwrap();
        let crls: Vec<Vec<u8>> = lab.pki.crls().into_iter().map(|(_, der)| der).collect();
        let config = tls::ClientTrust::new(lab.pki.ca_pem(), &crls).unwrap().config().unwrap();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        assert!(tokio_rustls::TlsConnector::from(config).connect(name, socket).await.is_err());
    }
    lab.wait_for(|fact| matches!(fact, Fact::TlsFailed { .. })).await;
    lab.wait_for(|fact| matches!(fact, Fact::Note { text } if text.contains("no server “nobody”"))).await;
    Raw::secured(&lab).await;
}

#[tokio::test]
async fn capabilities_are_others() {
    let script = fault("capability", "[{ omit = \"AUTH\" }, { add = \"AUTH PLAIN LOGIN\" }]")
        .replace("do", "skip = 2\ndo");
    let (lab, _) = lab(&script).await;
    let mut raw = Raw::secured(&lab).await;
    assert!(!raw.ehlo().await.offers(sasl::Mechanism::Xoauth2));
    lab.wait_for(|fact| matches!(fact, Fact::Line { text, .. } if text.ends_with("AUTH PLAIN LOGIN"))).await;
}

#[tokio::test]
async fn a_token_is_refused_with_a_challenge_of_the_scripts_own_and_unavailable_is_not_a_refusal() {
    let own = r#"{"status":"401","schemes":"bearer","scope":"https://mss.fr/"}"#;
    let script =
        fault("login", &format!("[{{ challenge = '{own}' }}, {{ answer = \"535 5.7.8 Expired\" }}]"))
            + &fault("login", "{ answer = \"454 4.7.0 Try later\" }");
    let (lab, plan) = lab(&script).await;
    let mut raw = Raw::secured(&lab).await;
    let response = sasl::xoauth2_response(PER, &kernel::Secret::new(crate::lab::TOKEN.to_owned()));
    let challenge = raw.say(&format!("AUTH XOAUTH2 {}", response.reveal())).await;
    assert_eq!(challenge.code, 334);
    assert_eq!(sasl::decode_challenge(&challenge.lines[0]).unwrap().scope, "https://mss.fr/");
    assert_eq!(raw.say("").await.code, 535);
    assert_eq!(raw.say("AUTH XOAUTH2").await.code, 334);
    assert_eq!(raw.say(response.reveal()).await.code, 454);
    assert_eq!(raw.say("AUTH XOAUTH2").await.code, 334);
    assert_eq!(raw.say(response.reveal()).await.code, 235);
    assert!(plan.report().iter().all(|fault| fault.healed));
    lab.wait_for(|fact| matches!(fact, Fact::Line { text, .. } if text.starts_with("235"))).await;
    let outcomes: Vec<String> = lab
        .facts()
        .await
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::Auth { auth } => Some(match auth.outcome {
                AuthOutcome::Refused { code, .. } => code,
                _ => "accepted".into(),
            }),
            _ => None,
        })
        .collect();
    assert_eq!(outcomes, ["token_refused", "unavailable", "accepted"]);
    lab.assert_no_leak(response.reveal()).await;
}

#[tokio::test]
async fn a_client_that_comes_back_for_ever_is_cut() {
    let script = fault("login", "{ answer = \"535 5.7.8 No\" }").replace("do", "times = 0\ndo");
    let (lab, plan) = lab(&script).await;
    let mut raw = Raw::secured(&lab).await;
    let mut last = 0;
    for _ in 0..10 {
        raw.send("AUTH XOAUTH2 AAAA\r\n").await;
        match raw.try_reply().await {
            Some(reply) => last = reply.code,
            None => break,
        }
    }
    assert_eq!(last, 421, "unreadable responses are counted as ever");
    let response = sasl::xoauth2_response(PER, &kernel::Secret::new(crate::lab::TOKEN.to_owned()));
    let mut raw = Raw::secured(&lab).await;
    let mut codes = Vec::new();
    raw.send(format!("AUTH XOAUTH2 {}\r\n", response.reveal()).repeat(5)).await;
    while let Some(reply) = raw.try_reply().await {
        codes.push(reply.code);
    }
    assert_eq!(codes, [535, 535, 535, 421]);
    assert_eq!(plan.report()[0].happened, 3);
}

#[tokio::test]
async fn a_client_in_a_loop_is_told_so() {
    let script = fault("greeting", "{ answer = \"421 4.3.2 Later\" }").replace("do", "times = 0\ndo");
    let (lab, plan) = lab(&script).await;
    for _ in 0..faults::Hit::MOST_RETURNS {
        let moment = faults::Moment::new(faults::Protocol::Smtp, faults::Point::Greeting);
        assert!(!plan.at(&moment).unwrap().is_loop());
    }
    let mut raw = Raw::connect(lab.starttls).await;
    assert_eq!(raw.last_words().await, 421);
    assert!(
        lab.wait_closed().await.starts_with("error: a loop: back at the fault greeting for the 501th time")
    );
}

#[tokio::test]
async fn a_command_gets_another_answer_and_is_not_executed() {
    let at = |command: &str, what: &str| {
        format!("[[fault]]\nat = \"command\"\ncommand = \"{command}\"\ndo = {what}\n")
    };
    let script = at("noop", "{ answer = \"250\" }")
        + &at("rset", "{ answer = \"250-several\\n250-lines\\n250 of one reply\" }")
        + &at("vrfy", "[{ answer = \"421 4.3.2 Going down\" }, \"cut\"]")
        + &at("quit", "\"cut\"");
    let (lab, plan) = lab(&script).await;
    let mut raw = Raw::logged_in(&lab).await;
    let bare = raw.say("NOOP").await;
    assert_eq!((bare.code, bare.lines.concat().as_str()), (250, ""));
    assert_eq!(raw.say(&format!("MAIL FROM:<{PER}>")).await.code, 250);
    assert_eq!(raw.say("RSET").await.lines.len(), 3);
    assert_eq!(raw.say(&format!("RCPT TO:<{APP}>")).await.code, 250, "the RSET was not executed");
    raw.send("VRFY x\r\n").await;
    assert_eq!(raw.last_words().await, 421);
    let mut raw = Raw::logged_in(&lab).await;
    raw.send("QUIT\r\n").await;
    assert_eq!(ending(&mut raw).await, None);
    assert!(plan.report().iter().all(|fault| fault.healed));
}

#[tokio::test]
async fn one_recipient_is_greylisted_and_the_other_gets_the_mail() {
    let script = format!(
        "[[fault]]\nat = \"rcpt\"\nrecipient = \"{}\"\ndo = {{ answer = \"451 4.7.1 Greylisted\" }}\n",
        APP.to_uppercase()
    ) + &fault("mail", "{ answer = \"452 4.3.1 Full\" }")
        + &fault("data", "[{ delay = \"200ms\" }, { answer = \"451 4.3.0 Not now\" }]");
    let (lab, plan) = lab(&script).await;
    let mut raw = Raw::logged_in(&lab).await;
    assert_eq!(raw.say(&format!("RCPT TO:<{APP}>")).await.code, 503, "out of order: no fault");
    assert_eq!(raw.say(&format!("MAIL FROM:<{PER}>")).await.code, 452);
    assert_eq!(raw.say(&format!("MAIL FROM:<{PER}>")).await.code, 250);
    assert_eq!(raw.say(&format!("RCPT TO:<{APP}>")).await.code, 451);
    assert_eq!(raw.say(&format!("RCPT TO:<{PER}>")).await.code, 250);
    let at = Instant::now();
    assert_eq!(raw.say("DATA").await.code, 451);
    assert!(at.elapsed() >= Duration::from_millis(200));
    assert_eq!(raw.say("DATA").await.code, 354, "the transaction is still there");
    raw.send(MAIL).await;
    assert_eq!(raw.reply().await.code, 250);
    assert_eq!((lab.inbox(PER).await.len(), lab.inbox(APP).await.len()), (1, 0));
    assert_eq!(raw.mail(PER, APP, MAIL).await.code, 250);
    assert_eq!(lab.inbox(APP).await.len(), 1);
    assert!(plan.report().iter().all(|fault| fault.healed));
}

#[tokio::test]
async fn a_message_cut_before_its_end_leaves_nothing() {
    let script = fault("message", "\"cut\"").replace("do", "byte = 40\ndo")
        + &fault("message", "\"reset\"").replace("do", "byte = 10\ndo");
    let (lab, plan) = lab(&script).await;
    for ends in [None, Some(std::io::ErrorKind::ConnectionReset)] {
        let mut raw = Raw::logged_in(&lab).await;
        raw.say(&format!("MAIL FROM:<{PER}>")).await;
        raw.say(&format!("RCPT TO:<{APP}>")).await;
        assert_eq!(raw.say("DATA").await.code, 354);
        raw.send(&MAIL[..MAIL.len() - 3]).await;
        assert_eq!(ending(&mut raw).await, ends);
    }
    assert!(lab.inbox(APP).await.is_empty());
    let lines: Vec<_> = lab.facts().await.into_iter().filter_map(octets_of).collect();
    assert_eq!(lines, ["[40 octets, without the final dot]", "[10 octets, without the final dot]"]);
    assert!(plan.report().iter().all(|fault| fault.healed));
    assert_eq!(Raw::logged_in(&lab).await.mail(PER, APP, MAIL).await.code, 250);
}

#[tokio::test]
async fn a_message_that_is_over_before_the_octet_of_its_fault_is_none() {
    let script = fault("message", "\"cut\"").replace("do", "byte = 100000\ndo");
    let (lab, plan) = lab(&script).await;
    assert_eq!(Raw::logged_in(&lab).await.mail(PER, APP, MAIL).await.code, 250);
    assert_eq!((plan.report()[0].seen, plan.report()[0].happened), (1, 0));
    assert!(told(&lab).await.is_empty());
}

#[tokio::test]
async fn after_the_dot_nothing_is_stored_where_a_fault_speaks_first() {
    let script = fault("dot", "{ answer = \"554 5.6.0 Content refused\" }")
        + &fault("dot", "[{ answer = \"421 4.3.0 Going down\" }, \"cut\"]")
        + &fault("dot", "\"cut\"");
    let (lab, plan) = lab(&script).await;
    let mut raw = Raw::logged_in(&lab).await;
    assert_eq!(raw.mail(PER, APP, MAIL).await.code, 554);
    assert_eq!(raw.mail(PER, APP, MAIL).await.code, 421);
    assert!(raw.try_reply().await.is_none());
    let mut raw = Raw::logged_in(&lab).await;
    raw.say(&format!("MAIL FROM:<{PER}>")).await;
    raw.say(&format!("RCPT TO:<{APP}>")).await;
    raw.say("DATA").await;
    raw.send(MAIL).await;
    assert_eq!(ending(&mut raw).await, None);
    assert!(lab.inbox(APP).await.is_empty());
    assert!(!lab.facts().await.iter().any(|fact| matches!(fact, Fact::Mail { .. })));
    assert!(plan.report().iter().all(|fault| fault.healed));
}

#[tokio::test]
async fn a_message_that_is_stored_stays_whatever_its_client_hears() {
    let script = fault("accepted", "\"cut\"")
        + &fault("accepted", "{ answer = \"451 4.3.0 Who knows\" }")
        + &fault("accepted", "{ delay = \"200ms\" }");
    let (lab, plan) = lab(&script).await;
    let mut raw = Raw::logged_in(&lab).await;
    raw.say(&format!("MAIL FROM:<{PER}>")).await;
    raw.say(&format!("RCPT TO:<{APP}>")).await;
    raw.say("DATA").await;
    raw.send(MAIL).await;
    assert_eq!(ending(&mut raw).await, None);
    assert_eq!(lab.inbox(APP).await.len(), 1);
    assert!(!said(&lab).await.iter().any(|line| line.contains("queued as")), "it never said so");
    let mut raw = Raw::logged_in(&lab).await;
    assert_eq!(raw.mail(PER, APP, MAIL).await.code, 451);
    assert_eq!(lab.inbox(APP).await.len(), 2);
    let at = Instant::now();
    assert_eq!(raw.mail(PER, APP, MAIL).await.code, 250);
    assert!(at.elapsed() >= Duration::from_millis(200));
    assert_eq!(lab.inbox(APP).await.len(), 3);
    lab.wait_for(|fact| matches!(fact, Fact::Line { text, .. } if text.contains("queued as"))).await;
    let mails = lab.facts().await.iter().filter(|fact| matches!(fact, Fact::Mail { .. })).count();
    assert_eq!(mails, 3);
    assert_eq!(said(&lab).await.iter().filter(|line| line.contains("queued as")).count(), 1);
    assert!(plan.report().iter().all(|fault| fault.healed));
}

#[tokio::test]
async fn chunks_are_messages_too() {
    let script = fault("message", "\"cut\"").replace("do", "byte = 20\ndo")
        + &fault("dot", "{ answer = \"554 5.6.0 No\" }")
        + &fault("command", "{ answer = \"451 4.3.0 No\" }")
            .replace("do", "command = \"bdat\"\nskip = 2\ndo");
    let (lab, plan) = lab(&script).await;
    let whole = &MAIL[..MAIL.len() - 3];
    let begin = async || {
        let mut raw = Raw::logged_in(&lab).await;
        raw.say(&format!("MAIL FROM:<{PER}>")).await;
        assert_eq!(raw.say(&format!("RCPT TO:<{APP}>")).await.code, 250);
        raw
    };
    let chunk = [format!("BDAT {} LAST\r\n", whole.len()).as_bytes(), whole].concat();
    let mut raw = begin().await;
    raw.send(&chunk).await;
    assert!(raw.try_reply().await.is_none());
    let mut raw = begin().await;
    raw.send(&chunk).await;
    assert_eq!(raw.reply().await.code, 554);
    let mut raw = begin().await;
    raw.send(&chunk).await;
    assert_eq!(raw.reply().await.code, 451, "and the chunk is not taken for commands");
    assert_eq!(raw.say("NOOP").await.code, 250);
    assert!(lab.inbox(APP).await.is_empty());
    raw.send(&chunk).await;
    assert_eq!(raw.reply().await.code, 250);
    assert_eq!(lab.inbox(APP).await.len(), 1);
    assert!(plan.report().iter().all(|fault| fault.healed));
}

#[tokio::test]
async fn a_mailbox_that_is_not_meant_sees_nothing() {
    let board = faults::Board::default();
    let options = crate::lab::Options { faults: faults::Asker::Board(board.clone()), ..Default::default() };
    let lab = Lab::with(options).await;
    let plan = || Plan::new(fault("mail", "{ answer = \"450 4.2.0 Busy\" }").parse().unwrap(), 1);
    let guard = board.arm(APP, plan()).unwrap();
    assert_eq!(Raw::logged_in(&lab).await.mail(PER, APP, MAIL).await.code, 250);
    drop(guard);
    let _guard = board.arm(PER, plan()).unwrap();
    let mut raw = Raw::logged_in(&lab).await;
    assert_eq!(raw.mail(PER, APP, MAIL).await.code, 450);
    assert_eq!(raw.mail(PER, APP, MAIL).await.code, 250);
}

#[tokio::test]
async fn the_same_seed_says_the_same() {
    let script = "[[fault]]\nat = \"command\"\ncommand = \"NOOP\"\ntimes = 0\npercent = 50\n\
        do = { answer = \"451 4.3.0 Heads\" }\n";
    let mut transcripts = Vec::new();
    for seed in [7, 7, 8] {
        let plan = Plan::new(script.parse().unwrap(), seed);
        let faults = faults::Asker::Plan(plan);
        let lab = Lab::with(crate::lab::Options { faults, ..Default::default() }).await;
        let mut raw = Raw::greeted(lab.starttls).await;
        let mut codes = Vec::new();
        for _ in 0..32 {
            codes.push(raw.say("NOOP").await.code);
            raw.say("RSET").await;
        }
        transcripts.push(codes);
    }
    assert_eq!(transcripts[0], transcripts[1]);
    assert_ne!(transcripts[0], transcripts[2]);
}

fn octets_of(fact: Fact) -> Option<String> {
    match fact {
        Fact::Line { direction: Direction::Client, text } if text.contains("without the final dot") => {
            Some(text)
        }
        _ => None,
    }
}

#[test]
fn every_script_of_the_gallery_can_be_read() {
    let gallery = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/faults");
    let mut count = 0;
    for entry in std::fs::read_dir(gallery).unwrap() {
        let path = entry.unwrap().path();
        let script: faults::Script = match std::fs::read_to_string(&path).unwrap().parse() {
            Ok(script) => script,
            Err(error) => panic!("{}: {error}", path.display()),
        };
        for name in Plan::new(script, 1).tls_names() {
            tls::BadServer::parse(name).unwrap();
        }
        count += 1;
    }
    assert!(count >= 13, "{count} scripts");
}
