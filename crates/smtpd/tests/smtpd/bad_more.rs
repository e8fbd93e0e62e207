//! Bad input against the server on real sockets: too much, too slowly, too many, and at random.

use std::time::{Duration, Instant};

use kernel::{Limits, Rng};
use testkit::trial::{asked, memory, panics};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use wire::Fact;

use crate::lab::{APP, Lab, Options, PER, TOKEN};
use crate::raw::Raw;

#[tokio::test]
async fn ten_gigabytes_announced_are_refused_before_they_come() {
    const ANNOUNCED: u64 = 10 * 1024 * 1024 * 1024;
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    let (before, begun) = (memory("VmRSS"), Instant::now());
    for size in [ANNOUNCED, u64::MAX] {
        let refused = raw.say(&format!("MAIL FROM:<{PER}> SIZE={size}")).await;
        assert_eq!(refused.code, 552, "{refused}");
    }
    let refused = raw.say(&format!("MAIL FROM:<{PER}> SIZE=99999999999999999999999")).await;
    assert!(refused.is_permanent(), "{refused}");
    assert_eq!(raw.say("NOOP").await.code, 250);
    assert_eq!(raw.say(&format!("MAIL FROM:<{PER}>")).await.code, 250);
    assert_eq!(raw.say(&format!("RCPT TO:<{APP}>")).await.code, 250);
    let refused = raw.say(&format!("BDAT {ANNOUNCED} LAST")).await;
    assert!(refused.is_permanent(), "{refused}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let more = memory("VmRSS").saturating_sub(before);
    assert!(more < 32 * 1024, "{more} KiB more");
    let mut next = Raw::greeted(lab.starttls).await;
    assert_eq!(next.say("NOOP").await.code, 250);
    assert!(lab.inbox(APP).await.is_empty());
}

#[tokio::test]
async fn a_client_that_sends_drop_by_drop_is_cut() {
    let mut options = Options::default();
    options.timing.login = Duration::from_millis(400);
    options.timing.smtp_idle = Duration::from_millis(400);
    let lab = Lab::with(options).await;
    let raw = Raw::greeted(lab.starttls).await;
    let begun = Instant::now();
    let (mut reader, mut writer) = tokio::io::split(raw.socket);
    let drops = tokio::spawn(async move {
        let _ = writer.write_all(b"EHLO ").await;
        while writer.write_all(b"x").await.is_ok() && begun.elapsed() < Duration::from_secs(8) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut said = Vec::new();
    timeout(Duration::from_secs(5), reader.read_to_end(&mut said)).await.expect("the client is cut").ok();
    assert!(said.starts_with(b"421 "), "{}", String::from_utf8_lossy(&said));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    drops.abort();
    assert_eq!(Raw::greeted(lab.starttls).await.say("NOOP").await.code, 250);
}

#[tokio::test]
async fn many_silent_connections_cost_little_and_the_next_client_is_served() {
    let count = usize::try_from(asked("VAGUEMESTRE_IDLE_CONNECTIONS", 500)).unwrap();
    let mut options = Options::default();
    options.limits.connections = count + 1;
    options.limits.connections_per_address = count + 2;
    let lab = Lab::with(options).await;
    let before = memory("VmRSS");
    let mut silent = Vec::with_capacity(count);
    for _ in 0..count {
        silent.push(Raw::greeted(lab.starttls).await);
    }
    let each = memory("VmRSS").saturating_sub(before) / count as u64;
    println!("{count} silent connections: {each} KiB each, both ends");
    assert!(each <= 64, "{each} KiB for each connection, both ends");
    let mut next = Raw::greeted(lab.starttls).await;
    assert_eq!(next.say("NOOP").await.code, 250);
    assert_eq!(Raw::connect(lab.starttls).await.reply().await.code, 421);
    drop(silent);
    for _ in 0..250 {
        if Raw::connect(lab.starttls).await.reply().await.code == 220 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the places of those who left stay taken");
}

/// Hands over a message of `size` octets, made as it is sent.
async fn big(raw: &mut Raw, size: usize) -> smtp::client::Reply {
    assert_eq!(raw.say(&format!("MAIL FROM:<{PER}> SIZE={size}")).await.code, 250);
    assert_eq!(raw.say(&format!("RCPT TO:<{APP}>")).await.code, 250);
    assert_eq!(raw.say("DATA").await.code, 354);
    let head = format!("From: <{PER}>\r\nSubject: 25 Mo\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    raw.send(&head).await;
    let line = [b"QUJD".repeat(19).as_slice(), b"==\r\n"].concat();
    let piece = line.repeat(800);
    let mut left = (size - head.len()) / line.len() * line.len();
    while left > 0 {
        let now = left.min(piece.len());
        raw.send(&piece[..now]).await;
        left -= now;
    }
    raw.send(".\r\n").await;
    raw.reply().await
}

#[tokio::test]
async fn a_message_of_25_megabytes_passes_through_in_pieces() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    assert_eq!(big(&mut raw, 4 * 1024 * 1024).await.code, 250);
    let before = memory("VmHWM");
    assert_eq!(big(&mut raw, usize::try_from(Limits::default().message).unwrap()).await.code, 250);
    let more = memory("VmHWM").saturating_sub(before);
    println!("a message of 25 MB after one of 4 MB: {more} KiB more at the highest, both ends");
    assert!(more <= 32 * 1024, "{more} KiB more at the highest, both ends");
}

#[tokio::test]
async fn messages_that_are_hard_to_read_are_taken_as_they_are() {
    let lab = Lab::new().await;
    let mut deep = format!("From: <{PER}>\r\n");
    for level in 0..1_000 {
        deep += &format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n");
    }
    let mut wide = format!("From: <{PER}>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n");
    wide += &"--b\r\n\r\nx\r\n".repeat(10_000);
    let fields = format!("From: <{PER}>\r\n{}\r\nx\r\n", "X: y\r\n".repeat(50_000));
    let encoded = format!("From: <{PER}>\r\nSubject: {}\r\n\r\nx\r\n", "=?utf-8?q?=C3?=\r\n ".repeat(5_000));
    let octets =
        [format!("From: <{PER}>\r\nSubject: ").as_bytes(), b"\xff\xfe\x00\xc3\x28\r\n\r\n\xff\r\n"].concat();
    let begun = Instant::now();
    let mut raw = Raw::logged_in(&lab).await;
    let mut taken = 0;
    for (index, message) in
        [deep.into_bytes(), wide.into_bytes(), fields.into_bytes(), encoded.into_bytes(), octets]
            .iter()
            .enumerate()
    {
        let reply = raw.mail(PER, APP, &[message, b".\r\n".as_slice()].concat()).await;
        // A server may have its limits on header sections; it says so, and goes on.
        assert!(reply.code == 250 || reply.is_permanent(), "{index}: {reply}");
        if reply.code == 250 {
            taken += 1;
            let kept = lab.inbox(APP).await.pop().unwrap();
            assert!(kept.ends_with(message), "{index}: not kept as it came");
        }
        assert_eq!(raw.say("NOOP").await.code, 250);
    }
    assert_eq!(lab.inbox(APP).await.len(), taken);
    assert!(taken >= 2, "{taken} taken");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

/// A session that uses much of the language; mutations of it are most of the way in.
fn session() -> Vec<u8> {
    format!(
        "EHLO lps.lab\r\nNOOP\r\nMAIL FROM:<{PER}> SIZE=60 BODY=8BITMIME RET=HDRS ENVID=QQ+3D1\r\n\
         RCPT TO:<{APP}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x+2By@z\r\nRCPT TO:<nobody@bal.lab>\r\nDATA\r\n\
         From: <{PER}>\r\nSubject: a\r\n\r\n..dot\r\n.\r\nRSET\r\nMAIL FROM:<{PER}> SMTPUTF8\r\nRCPT TO:<{APP}>\r\n\
         BDAT 40\r\nFrom: <x@y>\r\nSubject: b\r\n\r\n0123456789012\r\nBDAT 3 LAST\r\nabc\r\nVRFY a\r\nHELP\r\nAUTH XOAUTH2\r\n*\r\n\
         MAIL FROM:<\"a b\"@bal.lab>\r\nRCPT TO:<@a,@b:bob@[IPv6:::1]>\r\nQUIT\r\n"
    )
    .into_bytes()
}

/// One to eight small changes: octets, lines cut, doubled, moved, numbers made huge.
fn mutated(rng: &mut Rng, session: &[u8]) -> Vec<u8> {
    let mut bytes = session.to_vec();
    for _ in 0..=rng.below(8) {
        let length = bytes.len() as u64;
        let at = usize::try_from(rng.below(length)).unwrap();
        let end = (at + 1 + usize::try_from(rng.below(24)).unwrap()).min(bytes.len());
        match rng.below(7) {
            0 => bytes[at] = u8::try_from(rng.below(256)).unwrap(),
            1 if end - at < bytes.len() => drop(bytes.drain(at..end)),
            1 => {} // never empty
            2 => {
                let piece = bytes[at..end].to_vec();
                let to = usize::try_from(rng.below(length)).unwrap();
                bytes.splice(to..to, piece);
            }
            3 => {
                let word: &[u8] = [
                    b"BDAT 99999999999\r\n".as_slice(),
                    b"BDAT 4\r\nabcd",
                    b"DATA\r\n",
                    b"\r\n",
                    b"\n.\n",
                    b"\0",
                    b"\"",
                    b"\r",
                    b"SIZE=4294967296",
                    b"\r\n.\r\n",
                    b"\xff\xfe",
                    b"STARTTLS\r\n",
                ][usize::try_from(rng.below(12)).unwrap()];
                bytes.splice(at..at, word.iter().copied());
            }
            4 => bytes.truncate(at.max(1)),
            5 => {
                let repeat = bytes[at..end].repeat(usize::try_from(1 + rng.below(60)).unwrap());
                bytes.splice(at..at, repeat);
            }
            _ => bytes[at] ^= 1 << rng.below(8),
        }
    }
    bytes
}

#[tokio::test]
async fn mutated_sessions_are_answered_or_closed_and_the_next_client_is_served() {
    let before = panics();
    let lab = Lab::new().await;
    let first = asked("VAGUEMESTRE_SEED", 1);
    for seed in first..first + asked("VAGUEMESTRE_STREAMS", 80) {
        let mut rng = Rng::seeded(seed);
        let bytes = mutated(&mut rng, &session());
        let logged_in = rng.below(4) > 0;
        let raw = if logged_in { Raw::logged_in(&lab).await } else { Raw::greeted(lab.starttls).await };
        let (mut reader, mut writer) = tokio::io::split(raw.socket);
        let size = 1 + usize::try_from(rng.below(200)).unwrap();
        let sending = async {
            // In pieces, as a network gives them, with a moment after DATA; the server may close before the end.
            for piece in bytes.chunks(size) {
                if writer.write_all(piece).await.is_err() {
                    return;
                }
                if piece.windows(6).any(|window| window == b"DATA\r\n") {
                    let _ = writer.flush().await;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            let _ = writer.flush().await;
            let _ = writer.shutdown().await;
        };
        let mut said = Vec::new();
        let both = async { tokio::join!(sending, reader.read_to_end(&mut said)) };
        let ended = timeout(Duration::from_secs(10), both).await;
        assert!(
            ended.is_ok(),
            "seed {seed}: the server neither answers nor closes: {}",
            bytes.escape_ascii()
        );
        let finished = bytes.windows(2).any(|pair| pair == b"\r\n");
        assert!(
            !finished || !said.is_empty(),
            "seed {seed}: a whole line and no answer: {}",
            bytes.escape_ascii()
        );
        for line in said.split(|&octet| octet == b'\n').filter(|line| !line.is_empty()) {
            let good = line.len() > 3 && line[..3].iter().all(u8::is_ascii_digit) && line.ends_with(b"\r");
            assert!(good, "seed {seed}: {}", line.escape_ascii());
        }
        assert_eq!(panics(), before, "seed {seed}: {}", bytes.escape_ascii());
    }
    let mut raw = Raw::logged_in(&lab).await;
    assert_eq!(raw.say("NOOP").await.code, 250);
    for message in lab.inbox(APP).await {
        let text = String::from_utf8_lossy(&message).replace("\r\n", "");
        assert!(
            !text.contains(['\r', '\n']),
            "a line end of one octet was taken in: {}",
            message.escape_ascii()
        );
    }
    let facts = lab.facts().await;
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::Line { text, .. } if text.contains(TOKEN))));
}
