//! Bad input against the server on real sockets: too much, too slowly, too deep, too many, at random, and two at once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kernel::{Limits, Rng, Timing};

use testkit::trial::{asked, memory, panics};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::bench::{Bench, Client, PER, TOKEN, xoauth2};

#[tokio::test]
async fn ten_gigabytes_announced_are_refused_before_they_come() {
    const ANNOUNCED: u64 = 10 * 1024 * 1024 * 1024;
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    let (before, begun) = (memory("VmRSS"), Instant::now());
    let refused = client.ask(&format!("APPEND INBOX {{{ANNOUNCED}}}")).await;
    assert!(refused[0].contains(" NO [TOOBIG] "), "{refused:?}");
    let refused = client.ask(&format!("SEARCH SUBJECT {{{ANNOUNCED}}}")).await;
    assert!(refused[0].contains(" BAD "), "{refused:?}");
    client.ok("NOOP").await;
    client.send(format!("z APPEND INBOX {{{ANNOUNCED}+}}\r\n")).await;
    assert!(client.rest().await.last().unwrap().starts_with("* BYE "));
    for before_login in ["LOGIN", "APPEND INBOX"] {
        let mut client = bench.clear().await;
        client.send(format!("z {before_login} {{{ANNOUNCED}+}}\r\n")).await;
        assert!(client.rest().await.last().unwrap().starts_with("* BYE "));
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let more = memory("VmRSS").saturating_sub(before);
    assert!(more < 32 * 1024, "{more} KiB more");
}

#[tokio::test]
async fn a_client_that_sends_drop_by_drop_is_cut() {
    let mut timing = Timing::real();
    timing.login = Duration::from_millis(400);
    let bench = Bench::with(Limits::default(), timing).await;
    let mut client = bench.clear().await;
    let begun = Instant::now();
    // Never silent for as long as the server waits, and never done: what counts is the whole command.
    let (mut reader, mut writer) = tokio::io::split(client.stream);
    let drops = tokio::spawn(async move {
        let _ = writer.write_all(b"a LOGIN ").await;
        while writer.write_all(b"x").await.is_ok() && begun.elapsed() < Duration::from_secs(8) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut said = Vec::new();
    timeout(Duration::from_secs(5), reader.read_to_end(&mut said)).await.expect("the client is cut").ok();
    assert!(String::from_utf8_lossy(&said).contains("* BYE "), "{}", String::from_utf8_lossy(&said));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    drops.abort();
    bench.closed("timeout").await;
    client = bench.clear().await;
    client.ok("NOOP").await;
}

#[tokio::test]
async fn many_silent_connections_cost_little_and_the_next_client_is_served() {
    let count = usize::try_from(asked("VAGUEMESTRE_IDLE_CONNECTIONS", 500)).unwrap();
    let mut limits = Limits::default();
    limits.connections = count + 1;
    limits.connections_per_address = count + 2;
    let bench = Bench::with(limits, Timing::real()).await;
    let before = memory("VmRSS");
    let mut silent = Vec::with_capacity(count);
    for _ in 0..count {
        silent.push(bench.clear().await);
    }
    // Both ends are in this process, and so are the buffers that the clients read into.
    let each = memory("VmRSS").saturating_sub(before) / count as u64;
    println!("{count} silent connections: {each} KiB each, both ends");
    assert!(each <= 64, "{each} KiB for each connection, both ends");
    let mut next = bench.clear().await;
    next.ok("NOOP").await;
    let mut refused = Client::over(tokio::net::TcpStream::connect(("127.0.0.1", bench.clear)).await.unwrap());
    assert!(refused.line().await.starts_with("* BYE "));
    drop(silent);
    for _ in 0..250 {
        let mut client =
            Client::over(tokio::net::TcpStream::connect(("127.0.0.1", bench.clear)).await.unwrap());
        if client.line().await.starts_with("* OK ") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the places of those who left stay taken");
}

#[tokio::test]
async fn a_message_of_25_megabytes_passes_through_in_pieces() {
    let bench = Bench::start().await;
    let mut client = bench.selected("INBOX").await;
    // A smaller one first: what both need (caches, buffers) is not what is asked about.
    through(&mut client, 1, 4 * 1024 * 1024).await;
    let before = memory("VmHWM");
    through(&mut client, 2, usize::try_from(Limits::default().message).unwrap()).await;
    let more = memory("VmHWM").saturating_sub(before);
    println!("a message of 25 MB after one of 4 MB: {more} KiB more at the highest, both ends");
    assert!(more <= 32 * 1024, "{more} KiB more at the highest, both ends");
}

/// A message of `size` octets into the folder and out of it, octet by octet the same; the client keeps none of it.
async fn through(client: &mut Client, number: u32, size: usize) {
    // Lines of 77 octets and a line end, as base64 has.
    let line = [b"QUJD".repeat(19).as_slice(), b"=\r\n"].concat();
    let head = b"Subject: 25 Mo\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let piece = line.repeat(800);
    let at = |offset: usize| {
        if offset < head.len() { head[offset] } else { line[(offset - head.len()) % line.len()] }
    };
    client.send(format!("a APPEND INBOX {{{size}}}\r\n")).await;
    assert!(client.line().await.starts_with("+ "));
    client.send(head).await;
    let mut left = size - head.len();
    while left > 0 {
        let now = left.min(piece.len());
        client.send(&piece[..now]).await;
        left -= now;
    }
    client.send("\r\n").await;
    assert!(client.until("a").await.last().unwrap().contains(" OK "));
    client.send(format!("b FETCH {number} BODY.PEEK[]\r\n")).await;
    let mut announced = None;
    while announced.is_none() {
        let line = client.line().await;
        announced = line.rsplit_once('{').and_then(|(_, rest)| rest.strip_suffix('}')?.parse::<usize>().ok());
    }
    assert_eq!(announced, Some(size));
    let mut offset = 0;
    client
        .octets(size, |octets| {
            for octet in octets {
                assert_eq!(*octet, at(offset), "octet {offset}");
                offset += 1;
            }
        })
        .await;
    assert!(client.until("b").await.last().unwrap().contains(" OK "));
}

#[tokio::test]
async fn names_that_are_no_names_are_refused_and_good_ones_are_kept() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    let bad: [&[u8]; 8] = [
        b"\"&\"",
        b"\"&abc\"",
        b"\"&AO-\"",
        b"\"&2D0-\"",
        b"{3+}\r\n\xff\xfe\xfd",
        b"{2+}\r\n\xc3\x28",
        b"\"a\x01b\"",
        b"\"\"",
    ];
    for name in bad {
        for verb in ["CREATE", "SELECT", "STATUS", "RENAME INBOX", "SUBSCRIBE"] {
            let after = if verb == "STATUS" { " (MESSAGES)" } else { "" };
            client.send([b"n ", verb.as_bytes(), b" ", name, after.as_bytes(), b"\r\n"].concat()).await;
            let answer = client.until("n").await;
            let last = answer.last().unwrap();
            assert!(last.starts_with("n NO ") || last.starts_with("n BAD "), "{verb} {name:?}: {answer:?}");
        }
        client.ok("NOOP").await;
    }
    client.ok("CREATE \"Envoy&AOk-s &- re&AOc-us\"").await;
    assert!(client.ok("LIST \"\" \"Env*\"").await.contains("\"Envoy&AOk-s &- re&AOc-us\""));
    client.ok("SELECT \"Envoy&AOk-s &- re&AOc-us\"").await;
}

#[tokio::test]
async fn parts_a_thousand_deep_and_ten_thousand_parts() {
    let bench = Bench::start().await;
    let mut client = bench.selected("INBOX").await;
    let mut deep = String::from("Subject: deep\r\n");
    for level in 0..1_000 {
        deep += &format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n");
    }
    deep += "\r\nbottom\r\n";
    let mut attached = String::new();
    for level in 0..1_000 {
        attached += &format!("Subject: {level}\r\nContent-Type: message/rfc822\r\n\r\n");
    }
    let mut wide = String::from("Subject: wide\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n");
    for part in 0..10_000 {
        wide += &format!("--b\r\nContent-Type: text/plain; name=\"{part}\"\r\n\r\n{part}\r\n");
    }
    wide += "--b--\r\n";
    let boundary = format!("Content-Type: multipart/mixed; boundary={}\r\n\r\n", "b".repeat(50_000));
    let headers = "X-Long: ".to_owned() + &"v".repeat(400_000) + "\r\n\r\nx";
    let fields = "X: y\r\n".repeat(50_000) + "\r\nx";
    let begun = Instant::now();
    for (index, message) in [deep, attached, wide, boundary, headers, fields].iter().enumerate() {
        let number = index + 1;
        let answer = client.ask(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())).await;
        assert!(answer.last().unwrap().contains(" OK "), "{number}: {answer:?}");
        client.ok("NOOP").await;
        let told = client.ok(&format!("FETCH {number} (ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE)")).await;
        assert!(told.contains(&format!("RFC822.SIZE {}", message.len())), "{number}");
        assert!(told.len() < 4 * 1024 * 1024, "{number}: {} octets", told.len());
        let path = vec!["1"; 32].join(".");
        for section in [&*path, "1.1.1.MIME", "9999", "4294967295", "TEXT", "1"] {
            client.ok(&format!("FETCH {number} BODY.PEEK[{section}]<0.10>")).await;
        }
    }
    let path = vec!["1"; 500].join(".");
    assert!(client.ask(&format!("FETCH 1 BODY.PEEK[{path}]")).await.last().unwrap().contains(" BAD "));
    client.ok("SEARCH TEXT bottom").await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// What one client believes of its folder, from nothing but what it was told.
#[derive(Default)]
struct View {
    /// UID and flags, in the order of their numbers; `None` for messages that were announced and not asked about yet.
    rows: Vec<Option<(u32, BTreeSet<String>)>>,
}

impl View {
    /// Takes one untagged response in. `quiet` says that no EXPUNGE may come now (RFC 3501 §7.4.1).
    fn take(&mut self, line: &str, quiet: bool) {
        let Some((number, rest)) = line.strip_prefix("* ").and_then(|rest| rest.split_once(' ')) else {
            return;
        };
        let Ok(number) = number.parse::<usize>() else { return };
        if rest == "EXISTS" {
            assert!(number >= self.rows.len(), "EXISTS went down from {} to {number}", self.rows.len());
            self.rows.resize(number, None);
        } else if rest == "EXPUNGE" {
            assert!(!quiet, "EXPUNGE while numbers were in use");
            self.rows.remove(number - 1);
        } else if let Some(facts) = rest.strip_prefix("FETCH ") {
            let flags = facts.split_once("FLAGS (").and_then(|(_, rest)| rest.split_once(')'));
            let uid = facts.split_once("UID ").map(|(_, rest)| {
                rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u32>().unwrap()
            });
            let row = &mut self.rows[number - 1];
            if let (Some(uid), Some(old)) = (uid, row.as_ref()) {
                assert_eq!(uid, old.0, "message {number} changed its UID: {line}");
            }
            let Some(uid) = uid.or(row.as_ref().map(|old| old.0)) else { return };
            let Some((flags, _)) = flags else { return };
            *row = Some((uid, flags.split(' ').filter(|flag| !flag.is_empty()).map(str::to_owned).collect()));
        }
    }

    async fn say(&mut self, client: &mut Client, command: &str) -> String {
        let lines = client.ask(command).await;
        let quiet = ["FETCH", "STORE", "SEARCH"].iter().any(|verb| command.starts_with(verb));
        for line in &lines[..lines.len() - 1] {
            self.take(line, quiet);
        }
        lines.last().unwrap().clone()
    }
}

#[tokio::test]
async fn two_clients_on_one_mailbox_agree_with_the_store() {
    let first = asked("VAGUEMESTRE_SEED", 1);
    for seed in first..first + asked("VAGUEMESTRE_PAIRS", 4) {
        let bench = Bench::start().await;
        let mut rng = Rng::seeded(seed);
        let mut pair = [
            (bench.selected("INBOX").await, View::default()),
            (bench.selected("INBOX").await, View::default()),
        ];
        let steps = asked("VAGUEMESTRE_STEPS", 120);
        for step in 0..steps {
            let (client, view) = &mut pair[usize::try_from(rng.below(2)).unwrap()];
            let most = view.rows.len() as u64;
            let (a, b) = (1 + rng.below(most.max(1)), 1 + rng.below(most.max(1)));
            let flag = ["\\Seen", "\\Flagged", "\\Deleted", "$Vu", "\\Answered"]
                [usize::try_from(rng.below(5)).unwrap()];
            let command = match rng.below(12) {
                0..=2 => format!("APPEND INBOX ({flag}) {{14+}}\r\nSubject: a\r\n\r\n"),
                3 | 4 => format!("STORE {a}:{b} +FLAGS ({flag})"),
                5 => format!("UID STORE {a}:{b} -FLAGS ({flag})"),
                6 => format!("STORE {a} FLAGS ({flag} $x)"),
                7 => "EXPUNGE".into(),
                8 => format!("UID MOVE {a} Trash"),
                9 => format!("COPY {a}:{b} INBOX"),
                10 => format!("FETCH {a}:{b} (UID FLAGS)"),
                _ => "NOOP".into(),
            };
            let end = view.say(client, &command).await;
            assert!(!end.contains(" BYE "), "seed {seed}, step {step}: {command}: {end}");
        }
        let folder = bench.store.folder(bench.per, "INBOX").await.unwrap().unwrap();
        let stored: Vec<u32> = bench.store.rows(folder.id).await.unwrap().iter().map(|row| row.uid).collect();
        let mut told = Vec::new();
        for (client, view) in &mut pair {
            view.say(client, "NOOP").await;
            let believed: Vec<Option<(u32, BTreeSet<String>)>> = view.rows.clone();
            assert_eq!(
                believed.len(),
                stored.len(),
                "seed {seed}: one believes in {} messages",
                believed.len()
            );
            if !stored.is_empty() {
                view.say(client, "FETCH 1:* (UID FLAGS)").await;
            }
            let truth: Vec<(u32, BTreeSet<String>)> = view.rows.iter().cloned().map(Option::unwrap).collect();
            for (number, (believed, truth)) in believed.iter().zip(&truth).enumerate() {
                if let Some(believed) = believed {
                    assert_eq!(believed, truth, "seed {seed}: message {} is not what was told", number + 1);
                }
            }
            assert_eq!(truth.iter().map(|row| row.0).collect::<Vec<_>>(), stored, "seed {seed}");
            told.push(truth);
        }
        assert_eq!(told[0], told[1], "seed {seed}");
    }
}

/// A session that uses much of the language; mutations of it are most of the way in.
const SESSION: &[u8] = b"a1 CAPABILITY\r\na2 ID (\"name\" \"x\" \"os\" NIL)\r\na3 ENABLE CONDSTORE QRESYNC\r\na4 SELECT INBOX\r\n\
a5 APPEND INBOX (\\Seen $x) \" 5-Jan-2026 10:15:00 +0100\" {14+}\r\nSubject: a\r\n\r\n\r\n\
a6 FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.9> MODSEQ)\r\n\
a7 UID SEARCH RETURN (MIN ALL) OR (NOT SUBJECT \"x\") (SINCE 1-Jan-2026 LARGER 5)\r\n\
a8 STORE 1 (UNCHANGEDSINCE 99) +FLAGS (\\Deleted)\r\na9 CREATE \"Envoy&AOk-s\"\r\nb0 LIST \"\" (\"%\" \"*\") RETURN (STATUS (MESSAGES))\r\n\
b1 RENAME \"Envoy&AOk-s\" {5+}\r\nautre\r\nb2 UID COPY 1:* autre\r\nb3 STATUS autre (MESSAGES UIDNEXT HIGHESTMODSEQ)\r\n\
b4 IDLE\r\nDONE\r\nb5 UID MOVE 1 Trash\r\nb6 EXPUNGE\r\nb7 SORT (REVERSE DATE) UTF-8 ALL\r\nb8 THREAD REFERENCES UTF-8 ALL\r\n\
b9 GETQUOTAROOT INBOX\r\nc0 CLOSE\r\nc1 DELETE autre\r\nc2 NAMESPACE\r\nc3 LOGOUT\r\n";

/// One to eight small changes: octets, lines cut, doubled, moved, numbers made huge.
fn mutated(rng: &mut Rng, session: &[u8]) -> Vec<u8> {
    let mut bytes = session.to_vec();
    for _ in 0..=rng.below(8) {
        let length = bytes.len() as u64;
        let at = usize::try_from(rng.below(length)).unwrap();
        let end = (at + 1 + usize::try_from(rng.below(24)).unwrap()).min(bytes.len());
        match rng.below(8) {
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
                    b"{999999999999}\r\n".as_slice(),
                    b"{4}\r\n",
                    b"{0+}\r\n",
                    b"\r\n",
                    b"\n",
                    b"\0",
                    b"\"",
                    b"(((((((((",
                    b"4294967295",
                    b"*:*",
                    b"\xff\xfe",
                    b"~{3+}\r\nabc",
                    b"BODY[1.2.3.4.5.6.7.8.9",
                    b"18446744073709551615",
                    b" ",
                    b"\\",
                ][usize::try_from(rng.below(16)).unwrap()];
                bytes.splice(at..at, word.iter().copied());
            }
            4 => bytes.truncate(at.max(1)),
            5 => {
                for octet in &mut bytes[at..end] {
                    *octet = octet.to_ascii_uppercase() ^ 0x20;
                }
            }
            6 => {
                let repeat = bytes[at..end].repeat(usize::try_from(1 + rng.below(40)).unwrap());
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
    let bench = Bench::start().await;
    let first = asked("VAGUEMESTRE_SEED", 1);
    for seed in first..first + asked("VAGUEMESTRE_STREAMS", 80) {
        let mut rng = Rng::seeded(seed);
        let bytes = mutated(&mut rng, SESSION);
        let logged_in = rng.below(4) > 0;
        let client = if logged_in { bench.logged_in().await } else { bench.clear().await };
        let (mut reader, mut writer) = tokio::io::split(client.stream);
        let sending = async {
            // In pieces, as a network gives them; the server may close before the end.
            for piece in bytes.chunks(1 + usize::try_from(rng.below(200)).unwrap()) {
                if writer.write_all(piece).await.is_err() {
                    return;
                }
            }
            let _ = writer.flush().await;
            let _ = writer.shutdown().await;
        };
        let mut said = Vec::new();
        let reading = reader.read_to_end(&mut said);
        let both = async { tokio::join!(sending, reading) };
        let ended = timeout(Duration::from_secs(10), both).await;
        assert!(
            ended.is_ok(),
            "seed {seed}: the server neither answers nor closes: {}",
            bytes.escape_ascii()
        );
        let text = String::from_utf8_lossy(&said);
        assert!(!text.contains("[SERVERBUG]"), "seed {seed}: {text}");
        let finished = bytes.windows(2).filter(|pair| pair == b"\r\n").count() > 0;
        assert!(
            !finished || !said.is_empty(),
            "seed {seed}: a whole line and no answer: {}",
            bytes.escape_ascii()
        );
        assert_eq!(panics(), before, "seed {seed}: {}", bytes.escape_ascii());
    }
    let mut client = bench.logged_in().await;
    client.ok("SELECT INBOX").await;
    client.ok("NOOP").await;
    let journal = format!("{:?}", bench.events().await);
    assert!(!journal.contains(TOKEN) && !journal.contains(&xoauth2(PER, TOKEN)[..60]));
}
