//! Faults as others meet them: Python's imaplib, and a socket that shows every octet. What they saw, and what the journal
//! says, is compared.

use std::time::{Duration, Instant};

use faults::{Asker, Board, Hit, Plan};
use kernel::Timing;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::Fact;

use crate::bench::{Bench, Client, PER, TOKEN};
use crate::other_clients::run;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/imapd/faults.py");

/// What imaplib says of each step, up to the first that fails.
pub(crate) struct Seen(Vec<Value>);

impl Seen {
    /// The last step's result, as text.
    pub(crate) fn last(&self) -> String {
        self.0.last().unwrap()["result"].to_string()
    }

    pub(crate) fn failed(&self) -> bool {
        self.0.last().unwrap()["failed"].as_bool().unwrap()
    }

    pub(crate) fn of(&self, step: &str) -> &Value {
        self.0
            .iter()
            .rfind(|line| line["step"] == step)
            .unwrap_or_else(|| panic!("no {step} in {:?}", self.0))
    }

    fn seconds(&self, step: &str) -> f64 {
        self.of(step)["seconds"].as_f64().unwrap()
    }
}

/// Has imaplib do these steps.
pub(crate) async fn imaplib(bench: &Bench, mode: &str, steps: &[&str]) -> Seen {
    let port = if mode == "tls" { bench.tls } else { bench.clear }.to_string();
    let (good, text) =
        run("python3", &[&[SCRIPT, mode, &port, &bench.ca(), PER, TOKEN], steps].concat()).await;
    assert!(good, "{text}");
    Seen(text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{text}"))).collect())
}

/// A script of one fault.
pub(crate) fn fault(at: &str, action: &str) -> String {
    format!("[[fault]]\nat = \"{at}\"\ndo = {action}\n")
}

pub(crate) fn told(point: &str, what: &str) -> (String, String, u32) {
    (point.into(), what.into(), 1)
}

const LETTER: &[u8] = b"Subject: essai\r\n\r\n0123456789 0123456789 0123456789 0123456789 0123456789\r\n";

#[tokio::test]
async fn a_greeting_is_cut_reset_silent_late_or_another() {
    for (action, what, saw) in [
        ("\"cut\"", "cut", "EOF"),
        ("\"reset\"", "reset", "reset by peer"),
        ("[{ raw = \"* OK [CAPA\" }, \"cut\"]", "raw * OK [CAPA, cut", "EOF"),
        ("{ answer = \"BYE Too busy\" }", "answer BYE Too busy", "Too busy"),
        ("[{ say = \"* BYE Full\" }, \"cut\"]", "say * BYE Full, cut", "Full"),
    ] {
        let (bench, plan) = Bench::faulty(&fault("greeting", action)).await;
        let seen = imaplib(&bench, "clear", &["connect"]).await;
        // imaplib reads half a line as a line: what it makes of it is its own affair, that it was cut is not.
        assert!(
            seen.failed() && (seen.last().contains(saw) || what.starts_with("raw")),
            "{action}: {}",
            seen.last()
        );
        let seen = imaplib(&bench, "clear", &["connect", "starttls", "login"]).await;
        assert!(!seen.failed(), "it heals: {}", seen.last());
        assert_eq!(bench.faults().await, [told("greeting", what)]);
        bench.closed("fault: ").await;
        assert!(plan.report()[0].healed);
    }
}

#[tokio::test]
async fn a_server_is_late_or_silent() {
    let (bench, _) = Bench::faulty(&fault("greeting", "{ delay = \"400ms\" }")).await;
    let seen = imaplib(&bench, "tls", &["connect", "login"]).await;
    assert!(!seen.failed() && seen.seconds("connect") >= 0.4, "{:?}", seen.0);
    assert_eq!(bench.faults().await, [told("greeting", "delay 400 ms")]);

    let (bench, _) =
        Bench::faulty(&fault("command", "\"silence\"").replace("do", "command = \"NOOP\"\ndo")).await;
    let seen = imaplib(&bench, "tls", &["connect", "login", "noop"]).await;
    assert!(seen.failed() && seen.last().contains("timed out"), "{}", seen.last());
    assert!(seen.seconds("noop") >= 3.0);
    bench.closed("fault: silence, then eof").await;

    let mut timing = Timing::real();
    timing.imap_idle = Duration::from_millis(200);
    let plan = Plan::new(fault("greeting", "\"silence\"").parse().unwrap(), 1);
    let bench = Bench::asking(Asker::Plan(plan), timing).await;
    let mut raw = Client::over(TcpStream::connect(("127.0.0.1", bench.clear)).await.unwrap());
    assert!(raw.rest().await.is_empty());
    bench.closed("fault: silence, then timeout").await;
}

#[tokio::test]
async fn a_connection_ends_before_anything_or_before_the_handshake() {
    for (at, mode, saw) in [
        ("connect", "clear", "EOF"),
        ("connect", "tls", "EOF"),
        ("handshake", "tls", "EOF"),
        ("handshake", "clear", "EOF"),
    ] {
        let (bench, _) = Bench::faulty(&fault(at, "[{ delay = \"50ms\" }, \"cut\"]")).await;
        let seen = imaplib(&bench, mode, &["connect", "starttls"]).await;
        assert!(seen.failed() && seen.last().contains(saw), "{at} {mode}: {}", seen.last());
        assert_eq!(bench.faults().await, [told(at, "delay 50 ms, cut")]);
        assert!(!format!("{:?}", bench.events().await).contains("TlsEstablished"));
    }
}

#[tokio::test]
async fn the_tls_lab_shakes_hands_and_an_unknown_server_does_not() {
    let (bench, _) = Bench::faulty(&fault("handshake", "{ tls = \"tls-1.1-only\" }")).await;
    let seen = imaplib(&bench, "tls", &["connect"]).await;
    assert!(seen.failed() && seen.last().contains("SSL"), "{}", seen.last());
    assert_eq!(bench.faults().await, [told("handshake", "tls tls-1.1-only")]);
    bench.fact(|fact| matches!(fact, Fact::Note { text } if text == wire::old_tls::OFFERED)).await;
    let seen = imaplib(&bench, "tls", &["connect", "login"]).await;
    assert!(!seen.failed());

    let (bench, _) = Bench::faulty(&fault("handshake", "{ tls = \"unheard-of\" }")).await;
    let seen = imaplib(&bench, "clear", &["connect", "starttls"]).await;
    assert!(seen.failed());
    bench.closed("no server of the TLS lab is named “unheard-of”").await;
}

#[tokio::test]
async fn a_literal_is_cut_at_its_octet() {
    let script = "[[fault]]\nat = \"literal\"\nbyte = 40\ntimes = 2\ndo = \"cut\"\n";
    let (bench, plan) = Bench::faulty(script).await;
    bench.deliver("INBOX", LETTER).await;
    for mode in ["tls", "clear"] {
        let steps = if mode == "tls" { vec!["connect"] } else { vec!["connect", "starttls"] };
        let seen = imaplib(&bench, mode, &[&steps[..], &["login", "select", "fetch"]].concat()).await;
        assert!(seen.failed() && seen.last().contains("EOF"), "{}", seen.last());
        assert_eq!(seen.of("fetch")["literals"][0], 40);
    }
    let seen = imaplib(&bench, "tls", &["connect", "login", "select", "fetch"]).await;
    assert_eq!(seen.of("fetch")["result"][1], LETTER.len() + "Return-Path: <x@y>\r\n".len());
    let told = bench.faults().await;
    assert_eq!(told, [("literal".into(), "cut".into(), 1), ("literal".into(), "cut".into(), 2)]);
    assert!(plan.report()[0].healed);
}

#[tokio::test]
async fn a_literal_that_is_too_short_for_its_fault_is_no_occurrence() {
    let (bench, plan) = Bench::faulty("[[fault]]\nat = \"literal\"\nbyte = 4000\ndo = \"cut\"\n").await;
    bench.deliver("INBOX", LETTER).await;
    let seen = imaplib(&bench, "tls", &["connect", "login", "select", "fetch"]).await;
    assert!(!seen.failed());
    assert_eq!((plan.report()[0].happened, bench.faults().await.len()), (0, 0));
    bench.deliver("INBOX", &[b"Subject: y\r\n\r\n", &[b'z'; 300_000][..]].concat()).await;
    let mut client = bench.selected("INBOX").await;
    client.send("a UID FETCH 2 BODY.PEEK[]\r\n").await;
    let line = client.line().await;
    assert!(line.ends_with("}"), "{line}");
    let mut octets = 0;
    while let Some(line) = client.tail().await {
        octets += line;
    }
    assert_eq!(octets, 4_000);
    assert_eq!(plan.report()[0].happened, 1);
}

#[tokio::test]
async fn a_message_comes_slowly_and_whole() {
    let script = "[[fault]]\nat = \"literal\"\nbyte = 10\ndo = { throttle = 200 }\n";
    let (bench, _) = Bench::faulty(script).await;
    bench.deliver("INBOX", LETTER).await;
    let seen = imaplib(&bench, "tls", &["connect", "login", "select", "fetch", "logout"]).await;
    assert!(!seen.failed() && seen.seconds("fetch") > 0.3, "{:?}", seen.0);
    assert_eq!(seen.of("fetch")["literals"][0], LETTER.len() + "Return-Path: <x@y>\r\n".len());
    assert_eq!(bench.faults().await, [told("literal", "throttle 200 octets a second")]);
}

#[tokio::test]
async fn a_greeting_comes_octet_by_octet() {
    let (bench, _) = Bench::faulty(&fault("greeting", "{ split = 1 }")).await;
    let mut raw = TcpStream::connect(("127.0.0.1", bench.clear)).await.unwrap();
    let (mut all, mut reads, mut chunk) = (Vec::new(), 0, [0; 4_096]);
    while !all.ends_with(b"\r\n") {
        let read = raw.read(&mut chunk).await.unwrap();
        all.extend_from_slice(&chunk[..read]);
        reads += 1;
    }
    assert!(all.starts_with(b"* OK [CAPABILITY ") && reads > all.len() / 2, "{reads} reads of {}", all.len());
    // Slowness lasts, and imaplib does not mind.
    let (bench, _) = Bench::faulty(&fault("greeting", "{ split = 1 }")).await;
    let seen = imaplib(&bench, "clear", &["connect", "starttls", "login", "select", "logout"]).await;
    assert!(!seen.failed(), "{}", seen.last());
}

#[tokio::test]
async fn commands_are_refused_told_of_others_or_answered_under_another_tag() {
    let at = |at: &str, command: &str, action: &str| {
        format!("[[fault]]\nat = \"{at}\"\ncommand = \"{command}\"\ndo = {action}\n")
    };
    let steps = ["connect", "login", "select"];
    for (script, last, failed, saw) in [
        (at("command", "select", "{ answer = \"NO [INUSE] Busy\" }"), "select", false, "[INUSE] Busy"),
        (at("command", "noop", "{ say = \"* 77 EXISTS\" }"), "exists", false, "77"),
        (at("command", "noop", "{ tag = \"ZZ9\" }"), "noop", true, "unexpected response: b'ZZ9 OK"),
        (at("answer", "noop", "{ tag = \"ZZ8\" }"), "noop", true, "unexpected response: b'ZZ8 OK"),
        (at("answer", "fetch", "[{ say = \"* BYE Later\" }, \"cut\"]"), "fetch", true, "Later"),
        (
            at("command", "append", "{ answer = \"NO [OVERQUOTA] Full\" }"),
            "append",
            false,
            "[OVERQUOTA] Full",
        ),
        (at("answer", "append", "{ answer = \"NO [OVERQUOTA] Full\" }"), "append", false, "[OVERQUOTA] Full"),
        (
            at("command", "fetch", "{ say = \"* 1 FETCH (X {0}\\r\\n Y NIL)\\r\\n* HUH\" }"),
            "fetch",
            false,
            "OK",
        ),
    ] {
        let (bench, _) = Bench::faulty(&script).await;
        bench.deliver("INBOX", LETTER).await;
        let more: &[&str] = match last {
            "select" => &[],
            "exists" => &["noop", "exists"],
            "append" => &["append", "noop"],
            last => &[last],
        };
        let seen = imaplib(&bench, "tls", &[&steps[..], more].concat()).await;
        assert_eq!(seen.failed(), failed, "{script}{:?}", seen.0);
        assert!(seen.of(last)["result"].to_string().contains(saw), "{script}{:?}", seen.0);
        assert_eq!(bench.faults().await.len(), 1, "{script}");
        // Before the literal nothing is stored; after it, it is, and the client was told otherwise.
        let inbox = bench.store.folder(bench.per, "INBOX").await.unwrap().unwrap();
        let stored = bench.store.status(inbox.id).await.unwrap().messages;
        assert_eq!(
            stored,
            if script.contains("\"answer\"\ncommand = \"append\"") { 2 } else { 1 },
            "{script}"
        );
    }
}

#[tokio::test]
async fn half_a_message_is_never_stored() {
    for action in ["\"cut\"", "\"reset\""] {
        let (bench, _) = Bench::faulty(&fault("message", action).replace("do", "byte = 2000\ndo")).await;
        let seen = imaplib(&bench, "tls", &["connect", "login", "append"]).await;
        assert!(seen.failed(), "{}", seen.last());
        let inbox = bench.store.folder(bench.per, "INBOX").await.unwrap().unwrap();
        bench.closed("fault: ").await;
        assert_eq!(bench.store.status(inbox.id).await.unwrap().messages, 0);
        let seen = imaplib(&bench, "tls", &["connect", "login", "append"]).await;
        assert!(!seen.failed());
        assert_eq!(bench.store.status(inbox.id).await.unwrap().messages, 1);
        assert_eq!(bench.faults().await.len(), 1);
    }
}

#[tokio::test]
async fn idle_is_told_things_and_left() {
    let (bench, _) = Bench::faulty(&fault("idle", "[{ say = \"* 5 EXPUNGE\" }, \"cut\"]")).await;
    let seen = imaplib(&bench, "tls", &["connect", "login", "select", "idle"]).await;
    assert_eq!(seen.of("idle")["result"], serde_json::json!(["+ Idling", "* 5 EXPUNGE"]));
    let (bench, _) = Bench::faulty(&fault("idle", "\"cut\"")).await;
    let seen = imaplib(&bench, "tls", &["connect", "login", "select", "idle"]).await;
    assert_eq!(seen.of("idle")["result"], serde_json::json!(["+ Idling", ""]));
    assert_eq!(bench.faults().await, [told("idle", "cut")]);
}

#[tokio::test]
async fn another_uidvalidity_lasts_over_connections() {
    let script = "[[fault]]\nat = \"command\"\ncommand = \"NOOP\"\ndo = { uidvalidity = 77 }\n";
    let (bench, _) = Bench::faulty(script).await;
    let mut client = bench.logged_in().await;
    let before = client.ok("SELECT INBOX").await;
    assert!(before.contains("UIDVALIDITY ") && !before.contains("UIDVALIDITY 77]"), "{before}");
    client.ok("NOOP").await;
    assert!(client.ok("SELECT INBOX").await.contains("UIDVALIDITY 77]"));
    assert!(client.ok("APPEND INBOX {3+}\r\nabc").await.contains("APPENDUID 77 "));
    assert!(client.ok("COPY 1 Archive").await.contains("COPYUID 77 "));
    let steps = ["connect", "login", "select", "uidvalidity", "status"];
    let seen = imaplib(&bench, "tls", &steps).await;
    assert!(seen.of("uidvalidity")["result"].to_string().contains("77"), "{:?}", seen.0);
    assert!(seen.of("status")["result"].to_string().contains("UIDVALIDITY 77"), "{:?}", seen.0);
    assert_eq!(bench.faults().await, [told("command", "uidvalidity 77")]);
}

#[tokio::test]
async fn same_seed_same_octets() {
    let script = "[[fault]]\nat = \"command\"\ntimes = 0\npercent = 50\ndo = { answer = \"NO Later\" }\n\
        [[fault]]\nat = \"answer\"\ntimes = 0\npercent = 30\ndo = { say = \"* OK still here\" }\n";
    let mut seen = Vec::new();
    for seed in [7, 7, 8] {
        let (bench, _) = Bench::faulty(&format!("seed = {seed}\n{script}")).await;
        let mut raw = TcpStream::connect(("127.0.0.1", bench.clear)).await.unwrap();
        let commands: String = (0..60).map(|number| format!("a{number} NOOP\r\n")).collect();
        raw.write_all(commands.as_bytes()).await.unwrap();
        let (mut all, mut chunk) = (Vec::new(), [0; 4_096]);
        let last = |all: &[u8]| String::from_utf8_lossy(all).lines().any(|line| line.starts_with("a59 "));
        while !last(&all) {
            let read = timeout(Duration::from_secs(10), raw.read(&mut chunk)).await.unwrap().unwrap();
            all.extend_from_slice(&chunk[..read]);
        }
        seen.push(all);
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
    let text = String::from_utf8_lossy(&seen[0]).into_owned();
    assert!(
        text.contains(" NO Later") && text.contains(" OK Nothing done") && text.contains("* OK still here")
    );
}

#[tokio::test]
async fn who_never_stops_coming_back_is_counted_and_sent_away() {
    let script = fault("greeting", "{ answer = \"BYE Too busy\" }").replace("do", "times = 0\ndo");
    let (bench, plan) = Bench::faulty(&script).await;
    let mut last = Vec::new();
    for _ in 0..=Hit::MOST_RETURNS {
        let mut raw = TcpStream::connect(("127.0.0.1", bench.clear)).await.unwrap();
        last.clear();
        raw.read_to_end(&mut last).await.unwrap();
    }
    let last = String::from_utf8_lossy(&last).into_owned();
    assert!(last.starts_with("* BYE You came back more than 500 times; this is a loop"), "{last}");
    bench.violation("came back to the fault “greeting” more than 500 times").await;
    assert_eq!(plan.report()[0].happened, Hit::MOST_RETURNS + 1);
}

#[tokio::test]
async fn a_delay_ends_with_the_client_and_with_the_server() {
    for (at, tls) in [("greeting", false), ("connect", true), ("handshake", true)] {
        let (bench, _) = Bench::faulty(&fault(at, "{ delay = \"1m\" }")).await;
        let port = if tls { bench.tls } else { bench.clear };
        let raw = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        bench.fact(|fact| matches!(fact, Fact::Fault { .. })).await;
        drop(raw);
        bench.closed("eof").await;
    }
    let (bench, _) = Bench::faulty(&fault("greeting", "{ delay = \"1m\" }")).await;
    let _raw = TcpStream::connect(("127.0.0.1", bench.clear)).await.unwrap();
    bench.fact(|fact| matches!(fact, Fact::Fault { .. })).await;
    let begin = Instant::now();
    bench.shutdown.send(true).unwrap();
    for server in bench.servers {
        server.await.unwrap();
    }
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_board_is_for_one_mailbox_and_a_while() {
    let board = Board::default();
    let bench = Bench::asking(Asker::Board(board.clone()), Timing::real()).await;
    let plan = |text: &str| Plan::new(text.parse().unwrap(), 1);
    let script =
        "[[fault]]\nat = \"command\"\ncommand = \"SELECT\"\ntimes = 0\ndo = { answer = \"NO [INUSE] x\" }";
    let steps = ["connect", "login", "select"];
    let other = board.arm("somebody@else.example", plan(script)).unwrap();
    assert!(imaplib(&bench, "tls", &steps).await.last().contains("OK"));
    drop(other);
    let own = board.arm(&PER.to_uppercase(), plan(script)).unwrap();
    assert!(imaplib(&bench, "tls", &steps).await.last().contains("INUSE"));
    drop(own);
    assert!(imaplib(&bench, "tls", &steps).await.last().contains("OK"));
    assert_eq!(bench.faults().await.len(), 1);
}
