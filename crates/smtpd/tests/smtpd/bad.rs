//! What clients must not do, each on a real socket: what they are told, what is kept, what is not executed.

use std::time::{Duration, Instant};

use kernel::{Limits, Secret, Timing};
use wire::{AuthOutcome, Fact};

use crate::lab::{APP, Lab, Options, PER, TOKEN};
use crate::raw::Raw;

fn response(token: &str) -> Secret<String> {
    sasl::xoauth2_response(PER, &Secret::new(token.to_owned()))
}

fn limits(change: impl FnOnce(&mut Limits)) -> Options {
    let mut options = Options::default();
    change(&mut options.limits);
    options
}

/// `(mechanism, user, tls, code, has token)` of each attempt.
async fn attempts(lab: &Lab) -> Vec<(String, String, bool, String, bool)> {
    let mut out = Vec::new();
    for fact in lab.facts().await {
        if let Fact::Auth { auth } = fact {
            let code = match auth.outcome {
                AuthOutcome::Refused { code, .. } => code,
                other => format!("{other:?}"),
            };
            out.push((auth.mechanism, auth.user, auth.tls, code, auth.token.is_some()));
        }
    }
    out
}

async fn violations(lab: &Lab) -> Vec<String> {
    let mut out = Vec::new();
    for fact in lab.facts().await {
        if let Fact::Violation { what } = fact {
            out.push(what);
        }
    }
    out
}

#[tokio::test]
async fn a_login_in_clear_is_refused_told_and_masked() {
    let lab = Lab::new().await;
    let mut raw = Raw::greeted(lab.starttls).await;
    let offered = raw.ehlo().await;
    assert!(offered.starttls && offered.auth.is_empty());
    let reply = raw.say(&format!("AUTH XOAUTH2 {}", response(TOKEN).reveal())).await;
    assert_eq!(reply.to_string(), "530 5.7.0 Must issue a STARTTLS command first");
    // Without initial response, and the token all the same, before the refusal is read.
    raw.send(format!("AUTH XOAUTH2\r\n{}\r\n", response(TOKEN).reveal())).await;
    assert_eq!((raw.reply().await.code, raw.reply().await.code), (530, 500));
    // As long as real tokens are.
    let long = format!("{TOKEN}{}", "x".repeat(3_000));
    raw.send(format!("AUTH XOAUTH2\r\n{}\r\n", response(&long).reveal())).await;
    assert_eq!((raw.reply().await.code, raw.reply().await.code), (530, 500));
    assert_eq!(raw.say("AUTH LOGIN").await.code, 530);
    assert_eq!(raw.say("c2hvcnQ=").await.code, 500);
    assert_eq!(raw.say(&format!("MAIL FROM:<{PER}>")).await.code, 530);
    assert_eq!(raw.say("QUIT").await.code, 221);
    let clear = |mechanism: &str, user: &str, token| {
        (mechanism.to_owned(), user.to_owned(), false, "cleartext".to_owned(), token)
    };
    let expected = [
        clear("XOAUTH2", PER, true),
        clear("XOAUTH2", "", false),
        clear("XOAUTH2", PER, true),
        clear("XOAUTH2", "", false),
        clear("XOAUTH2", PER, true),
        clear("LOGIN", "", false),
    ];
    assert_eq!(attempts(&lab).await, expected);
    for secret in [TOKEN, response(TOKEN).reveal(), "c2hvcnQ="] {
        lab.assert_no_leak(secret).await;
    }
}

#[tokio::test]
async fn commands_injected_behind_starttls_are_never_executed() {
    let lab = Lab::new().await;
    let mut raw = Raw::greeted(lab.starttls).await;
    raw.ehlo().await;
    raw.send(format!("STARTTLS\r\nEHLO injected.lab\r\nMAIL FROM:<{PER}>\r\n")).await;
    assert_eq!(raw.last_words().await, 554);
    assert!(violations(&lab).await[0].contains("octets in clear behind STARTTLS"));
    let facts = lab.facts().await;
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::Greeting { name, .. } if name == "injected.lab")));
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::Line { text, .. } if text.contains("MAIL"))));
}

#[tokio::test]
async fn clear_text_in_place_of_a_handshake_is_a_failed_handshake() {
    let lab = Lab::new().await;
    let mut raw = Raw::greeted(lab.starttls).await;
    raw.ehlo().await;
    assert_eq!(raw.say("STARTTLS").await.code, 220);
    raw.send("NOOP\r\n").await;
    assert!(raw.try_reply().await.is_none());
    assert_eq!(lab.wait_closed().await, "error: TLS handshake");
    assert!(lab.facts().await.iter().any(|fact| matches!(fact, Fact::TlsFailed { .. })));
    let mut raw = Raw::connect(lab.tls).await;
    raw.send("EHLO clear.lab\r\n").await;
    assert!(raw.try_reply().await.is_none());
}

#[tokio::test]
async fn nothing_learnt_in_clear_survives_the_handshake() {
    let lab = Lab::new().await;
    let mut raw = Raw::greeted(lab.starttls).await;
    raw.ehlo().await;
    raw.say("STARTTLS").await;
    let mut raw = raw.start_tls(&lab).await;
    assert_eq!(raw.say("AUTH XOAUTH2").await.code, 503); // the EHLO was before TLS
    let offered = raw.ehlo().await;
    assert!(!offered.starttls && offered.auth == ["XOAUTH2"]);
    assert_eq!(raw.say("STARTTLS").await.code, 503);
    assert_eq!(raw.say(&format!("MAIL FROM:<{PER}>")).await.to_string(), "530 5.7.0 Authentication required");
}

#[tokio::test]
async fn a_line_that_does_not_end_with_cr_lf_ends_the_session() {
    let lab = Lab::new().await;
    for line in ["EHLO a\n", "EHLO a\rb\r\n", "EHLO a\nMAIL FROM:<x@y>\r\n"] {
        let mut raw = Raw::greeted(lab.starttls).await;
        raw.send(line).await;
        assert_eq!(raw.last_words().await, 521, "{line:?}");
    }
    assert_eq!(violations(&lab).await.len(), 3);
}

#[tokio::test]
async fn no_smuggled_end_of_data_makes_a_second_message() {
    let lab = Lab::new().await;
    for end in ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r"] {
        let mut raw = Raw::logged_in(&lab).await;
        let data =
            format!("Subject: one\r\n\r\na{end}MAIL FROM:<{PER}>\r\nRCPT TO:<{APP}>\r\nDATA\r\nx\r\n.\r\n");
        let reply = raw.mail(PER, APP, data.as_bytes()).await;
        assert_eq!((reply.code, reply.enhanced.unwrap().to_string().as_str()), (550, "5.6.0"), "{end:?}");
        assert_eq!(raw.say("NOOP").await.code, 250); // in step: nothing was left to be read as commands
    }
    assert_eq!(lab.inbox(APP).await.len(), 0);
    assert_eq!(violations(&lab).await.len(), 5);
}

#[tokio::test]
async fn lines_over_the_limits_are_refused_and_memory_is_not_spent_on_them() {
    let lab = Lab::new().await;
    let mut raw = Raw::greeted(lab.starttls).await;
    assert_eq!(raw.say(&format!("NOOP {}", "x".repeat(5_000))).await.code, 500);
    assert_eq!(raw.say("NOOP").await.code, 250);
    assert_eq!(raw.say(&format!("AUTH XOAUTH2 {}", "x".repeat(13_000))).await.code, 500);
    assert_eq!(raw.say(&format!("AUTH XOAUTH2 {}", "x".repeat(11_000))).await.code, 530);
    raw.send(vec![b'y'; 1024 * 1024 + 5_000]).await;
    assert_eq!(raw.last_words().await, 521);
    let mut raw = Raw::logged_in(&lab).await;
    let line = [b"Subject: x\r\n\r\n".as_slice(), &[b'z'; 999], b"\r\n.\r\n"].concat();
    assert_eq!(raw.mail(PER, APP, &line).await.code, 550);
    let line = [b"Subject: x\r\n\r\n".as_slice(), &[b'z'; 998], b"\r\n.\r\n"].concat();
    assert_eq!(raw.mail(PER, APP, &line).await.code, 250);
    let mut raw = Raw::secured(&lab).await;
    assert_eq!(raw.say("AUTH XOAUTH2").await.code, 334);
    assert_eq!(
        raw.say(&"A".repeat(13_000)).await.to_string(),
        "500 5.5.6 Authentication exchange line is too long"
    );
}

#[tokio::test]
async fn messages_over_the_limit_are_refused_and_the_session_goes_on() {
    let lab = Lab::with(limits(|limits| limits.message = 100_000)).await;
    let mut raw = Raw::logged_in(&lab).await;
    assert_eq!(raw.ehlo().await.size, Some(100_000));
    let reply = raw.say(&format!("MAIL FROM:<{PER}> SIZE=100001")).await;
    assert_eq!((reply.code, reply.enhanced.unwrap().to_string().as_str()), (552, "5.3.4"));
    let big =
        [b"Subject: big\r\n\r\n".to_vec(), b"0123456789\r\n".repeat(15_000), b".\r\n".to_vec()].concat();
    assert_eq!(raw.mail(PER, APP, &big).await.code, 552);
    let headers = [b"X-Filler: 0123456789\r\n".repeat(3_500), b"\r\nbody\r\n.\r\n".to_vec()].concat();
    assert_eq!(raw.mail(PER, APP, &headers).await.code, 552);
    assert_eq!(raw.mail(PER, APP, b"Subject: small\r\n\r\n.\r\n").await.code, 250);
    assert_eq!(lab.inbox(APP).await.len(), 1);
    // A message without end is not drained for ever.
    assert_eq!(raw.say(&format!("MAIL FROM:<{PER}>")).await.code, 250);
    assert_eq!(raw.say(&format!("RCPT TO:<{APP}>")).await.code, 250);
    assert_eq!(raw.say("DATA").await.code, 354);
    raw.send(b"0123456789\r\n".repeat(105_000)).await;
    assert_eq!(raw.last_words().await, 552);
}

#[tokio::test]
async fn a_client_that_vanishes_within_data_leaves_nothing() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    raw.say(&format!("MAIL FROM:<{PER}>")).await;
    raw.say(&format!("RCPT TO:<{APP}>")).await;
    assert_eq!(raw.say("DATA").await.code, 354);
    raw.send("Subject: half\r\n\r\nabc\r\n.").await;
    drop(raw);
    assert_eq!(lab.wait_closed().await, "eof");
    assert!(lab.inbox(APP).await.is_empty());
    let facts = lab.facts().await;
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::Mail { .. })));
    assert!(
        facts
            .iter()
            .any(|fact| matches!(fact, Fact::Line { text, .. } if text.ends_with("without the final dot]")))
    );
}

#[tokio::test]
async fn what_follows_data_before_the_354_is_not_read_as_a_message() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    raw.send(format!("MAIL FROM:<{PER}>\r\nRCPT TO:<{APP}>\r\nDATA\r\nSubject: early\r\n\r\n.\r\n")).await;
    assert_eq!((raw.reply().await.code, raw.reply().await.code, raw.last_words().await), (250, 250, 554));
    assert!(lab.inbox(APP).await.is_empty());
}

#[tokio::test]
async fn refused_logins_are_named_and_the_third_is_the_last() {
    let lab = Lab::new().await;
    let mut raw = Raw::secured(&lab).await;
    // XOAUTH2: challenge, empty line, refusal.
    let reply = raw.say(&format!("AUTH XOAUTH2 {}", response("other.token.value").reveal())).await;
    assert_eq!(reply.code, 334);
    assert_eq!(sasl::decode_challenge(&reply.lines[0]), Some(sasl::Challenge::refused()));
    let reply = raw.say("").await;
    assert_eq!(reply.to_string(), "535 5.7.8 The token was not signed by this sandbox");
    assert_eq!(raw.say("AUTH PLAIN AGEAYg==").await.code, 504);
    assert_eq!(raw.say("AUTH XOAUTH2").await.code, 334);
    assert_eq!(raw.say("*").await.code, 501);
    raw.send("AUTH EXTERNAL =\r\n").await; // no client certificate
    assert_eq!((raw.reply().await.code, raw.last_words().await), (535, 421));
    let codes: Vec<String> = attempts(&lab).await.into_iter().map(|attempt| attempt.3).collect();
    assert_eq!(codes, ["token_signature", "mechanism_not_allowed", "cancelled", "no_certificate"]);
    let mut raw = Raw::secured(&lab).await;
    let reply = raw.say("AUTH XOAUTH2 !!!").await;
    assert_eq!((reply.code, reply.enhanced.unwrap().to_string().as_str()), (501, "5.5.2"));
    lab.assert_no_leak("other.token.value").await;
    lab.assert_no_leak("AGEAYg==").await;
}

#[tokio::test]
async fn mail_goes_from_ones_own_mailbox_to_the_bench_only() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    let code = |reply: smtp::client::Reply| (reply.code, reply.enhanced.unwrap().to_string());
    assert_eq!(code(raw.mail(APP, APP, b"").await), (553, "5.7.1".into()));
    assert_eq!(code(raw.mail(PER, "dr@gmail.com", b"").await), (550, "5.1.1".into()));
    assert_eq!(code(raw.say("RCPT TO:<away@bal.lab>").await), (451, "4.3.0".into()));
    assert_eq!(code(raw.say("RCPT TO:<Postmaster>").await), (550, "5.1.1".into()));
    assert_eq!(code(raw.say("DATA").await), (554, "5.5.1".into()));
    assert_eq!(raw.say("RSET").await.code, 250);
    assert_eq!(code(raw.say("DATA").await), (503, "5.5.1".into()));
    assert_eq!(raw.mail(&PER.to_uppercase(), &APP.to_uppercase(), b"\r\n.\r\n").await.code, 250);
    assert_eq!(raw.mail("", APP, b"\r\n.\r\n").await.code, 250); // an MDN
    assert_eq!(lab.inbox(APP).await.len(), 2);
}

#[tokio::test]
async fn counts_have_their_limits() {
    let lab = Lab::with(limits(|limits| {
        limits.recipients = 2;
        limits.errors = 4;
        limits.connections = 2;
    }))
    .await;
    let mut raw = Raw::logged_in(&lab).await;
    raw.say(&format!("MAIL FROM:<{PER}>")).await;
    raw.say(&format!("RCPT TO:<{APP}>")).await;
    raw.say(&format!("RCPT TO:<{PER}>")).await;
    let reply = raw.say(&format!("RCPT TO:<{APP}>")).await;
    assert_eq!((reply.code, reply.enhanced.unwrap().to_string().as_str()), (452, "4.5.3"));
    let _second = Raw::greeted(lab.starttls).await;
    let mut third = Raw::connect(lab.starttls).await;
    assert_eq!(third.last_words().await, 421);
    for _ in 0..2 {
        assert_eq!(raw.say("GET / HTTP/1.1").await.code, 500);
    }
    raw.send("HOST: x\r\n").await;
    assert_eq!((raw.reply().await.code, raw.last_words().await), (500, 421));
}

#[tokio::test]
async fn silence_ends_a_session() {
    let mut options = Options { timing: Timing::real(), ..Options::default() };
    options.timing.login = Duration::from_millis(300);
    let lab = Lab::with(options).await;
    let mut raw = Raw::greeted(lab.starttls).await;
    // Drops of bytes do not hold the line open.
    let start = Instant::now();
    for byte in ["N", "O", "O"] {
        raw.send(byte).await;
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    assert_eq!(raw.last_words().await, 421);
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(lab.wait_closed().await, "timeout");
    let mut raw = Raw::connect(lab.tls).await; // says nothing at all
    assert!(raw.try_reply().await.is_none());
    lab.wait_for(|fact| matches!(fact, Fact::TlsFailed { reason, .. } if reason.contains("handshake"))).await;
}

#[tokio::test]
async fn a_listener_ends_at_once_with_its_connections() {
    let mut lab = Lab::new().await;
    let mut idle = Raw::greeted(lab.starttls).await;
    let mut busy = Raw::logged_in(&lab).await;
    busy.say(&format!("MAIL FROM:<{PER}>")).await;
    busy.say(&format!("RCPT TO:<{APP}>")).await;
    assert_eq!(busy.say("DATA").await.code, 354);
    busy.send("Subject: cut\r\n").await;
    let start = Instant::now();
    lab.shutdown.send(true).unwrap();
    assert_eq!((idle.last_words().await, busy.last_words().await), (421, 421));
    for server in std::mem::take(&mut lab.servers) {
        server.await.unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(2));
    let closed = lab
        .facts()
        .await
        .into_iter()
        .filter(|fact| matches!(fact, Fact::Closed { reason } if reason == "shutdown"));
    assert_eq!(closed.count(), 2);
    assert!(tokio::net::TcpStream::connect(lab.starttls).await.is_err());
    assert!(lab.inbox(APP).await.is_empty());
}

#[tokio::test]
async fn rubbish_harms_nobody() {
    const WORDS: [&[u8]; 16] = [
        b"EHLO a.b\r\n",
        b"HELO",
        b"MAIL FROM:<",
        b"RCPT TO:<\"",
        b"DATA\r\n",
        b"AUTH XOAUTH2 ",
        b"AUTH EXTERNAL =\r\n",
        b"STARTTLS\r\n",
        b"\r\n.\r\n",
        b"\r\n",
        b"\n",
        b"\0\xff\xfe",
        b"\x16\x03\x01\x02\x00",
        b"899700000018@bal.lab>",
        b" SIZE=99999999999999999999",
        b"RSET\r\nNOOP\r\n",
    ];
    let lab = Lab::with(limits(|limits| limits.errors = 50)).await;
    for seed in 0..60 {
        let mut random = kernel::Rng::seeded(seed);
        let address = if seed % 6 == 0 { lab.tls } else { lab.starttls };
        let mut raw = Raw::connect(address).await;
        for _ in 0..random.below(60) {
            let bytes = match random.below(20) {
                place @ 0..16 => WORDS[usize::try_from(place).unwrap()].to_vec(),
                _ => random.draw().to_be_bytes().repeat(usize::try_from(random.below(400)).unwrap()),
            };
            if tokio::io::AsyncWriteExt::write_all(&mut raw.socket, &bytes).await.is_err() {
                break;
            }
        }
    }
    let mut raw = Raw::logged_in(&lab).await;
    assert_eq!(raw.mail(PER, APP, b"Subject: still here\r\n\r\n.\r\n").await.code, 250);
    assert_eq!((lab.inbox(APP).await.len(), lab.inbox(PER).await.len()), (1, 0));
}
