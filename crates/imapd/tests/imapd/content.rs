//! What messages hold, and finding them: FETCH items, SEARCH with its extensions, SORT, THREAD, APPEND of several,
//! compression.

use std::pin::Pin;
use std::task::{Context as Task, Poll};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::bench::{Bench, Client};

/// A text in quoted-printable, an attachment in base64 that holds NUL, a part whose encoding nobody knows.
const PARTS: &str = "From: \"Dr Zoé\" <zoe@a.fr>\r\nTo: u@b\r\nSubject: =?utf-8?Q?R=C3=A9sultats?=\r\n\
Date: Tue, 3 Feb 2026 23:30:00 -0500\r\nMessage-ID: <1@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
La glyc=E9mie est nor=\r\nmale.\r\n--b\r\nContent-Type: application/octet-stream\r\n\
Content-Transfer-Encoding: base64\r\n\r\nAAECAwQ=\r\n--b\r\nContent-Transfer-Encoding: x-ours\r\n\r\nabc\r\n--b--\r\n";

async fn append(client: &mut Client, message: &str) {
    client.ok(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())).await;
}

fn found(lines: &[String]) -> &str {
    lines[0].strip_prefix("* SEARCH").unwrap_or_else(|| panic!("{lines:?}")).trim()
}

#[tokio::test]
async fn what_was_learned_answers_as_a_reading_would() {
    let bench = Bench::start().await;
    let mut client = bench.selected("INBOX").await;
    append(&mut client, PARTS).await; // learned as it came in
    bench.deliver("INBOX", PARTS.as_bytes()).await; // nothing learned, and a trace line in front
    client.ok("NOOP").await;
    let tail = |text: String| text.split_once("FETCH (").unwrap().1.split('\n').next().unwrap().to_owned();
    for items in [
        "(ENVELOPE BODYSTRUCTURE)",
        "BODY",
        "BODY.PEEK[2]",
        "BODY.PEEK[1.MIME]",
        "PREVIEW",
        "BODY.PEEK[3]<1.1>",
    ] {
        let learned = client.ok(&format!("FETCH 1 {items}")).await;
        let read = client.ok(&format!("FETCH 2 {items}")).await;
        assert_eq!(tail(learned), tail(read), "{items}");
    }
    for section in
        ["BODY.PEEK[1]", "BODY.PEEK[1.MIME]", "BODY.PEEK[TEXT]", "BODY.PEEK[HEADER.FIELDS (TO DATE)]"]
    {
        let learned = client.ask(&format!("FETCH 1 {section}")).await;
        let read = client.ask(&format!("FETCH 2 {section}")).await;
        assert_eq!(learned[1..learned.len() - 1], read[1..read.len() - 1], "{section}");
    }
    assert!(client.ok("FETCH 1 PREVIEW").await.contains("PREVIEW {"), "not ASCII, so a literal");
    assert!(client.ok("FETCH 1:2 (PREVIEW (LAZY))").await.contains("* 2 FETCH (PREVIEW NIL)"));
    for criteria in [
        "FROM zo\u{e9}",
        "SUBJECT r\u{e9}sul",
        "BODY \"glyc\u{e9}mie est normale\"",
        "SENTON 3-Feb-2026",
        "TEXT u@b",
    ] {
        let criteria = criteria
            .split_once(' ')
            .map(|(key, text)| {
                let text = text.trim_matches('"');
                if key == "SENTON" {
                    criteria.to_owned()
                } else {
                    format!("{key} {{{}+}}\r\n{text}", text.len())
                }
            })
            .unwrap();
        assert_eq!(found(&client.ask(&format!("SEARCH {criteria}")).await), "1 2", "{criteria}");
    }
    assert_eq!(found(&client.ask("SEARCH BODY u@b").await), "");
}

#[tokio::test]
async fn parts_are_sent_with_their_encoding_undone() {
    let bench = Bench::start().await;
    let mut client = bench.selected("INBOX").await;
    append(&mut client, PARTS).await;
    let text = client.ask("FETCH 1 (BINARY.SIZE[1] BINARY[1])").await;
    assert_eq!(text[0], "* 1 FETCH (BINARY.SIZE[1] 24 BINARY[1] {24}");
    assert!(text[1].starts_with("La glyc") && text[1].contains("mie est normale."), "{text:?}");
    assert!(client.ok("FETCH 1 FLAGS").await.contains("\\Seen"), "BINARY sets it as BODY does");
    // RFC 3516 §4.3: NUL only in a literal8.
    client.send("b FETCH 1 (BINARY.PEEK[2] BINARY.PEEK[2]<1.3> BINARY.SIZE[2] BINARY.PEEK[9])\r\n").await;
    let lines = client.until("b").await.join("\n");
    assert_eq!(
        lines.split("\nb OK").next().unwrap(),
        "* 1 FETCH (BINARY[2] ~{5}\n\0\u{1}\u{2}\u{3}\u{4} BINARY[2]<1> ~{3}\n\u{1}\u{2}\u{3} BINARY.SIZE[2] 5 BINARY[9] NIL)"
    );
    assert!(client.ask("FETCH 1 BINARY[3]").await[0].contains(" NO [UNKNOWN-CTE] "));
    assert!(client.ask("FETCH 1 BINARY[1.MIME]").await[0].contains(" BAD "));
    let whole = client.ask("FETCH 1 BINARY.PEEK[]").await;
    assert_eq!(whole[0], format!("* 1 FETCH (BINARY[] {{{}}}", PARTS.len()));
    // A literal8 is taken, NUL and all; who asks with BODY[] gets it without (RFC 3501 §9).
    client.ok("APPEND INBOX ~{43+}\r\nContent-Transfer-Encoding: binary\r\n\r\na\0b\r\n\0").await;
    client.ok("NOOP").await;
    assert!(client.ok("FETCH 2 BODY[1]").await.contains("YQBiDQoA"));
    assert!(client.ok("FETCH 2 BINARY[1]").await.contains("~{6}\na\0b\n\0"));
}

#[tokio::test]
async fn dates_and_ids_of_messages() {
    let bench = Bench::start().await;
    let mut client = bench.selected("INBOX").await;
    client
        .ok("APPEND INBOX \"01-Jan-2020 00:00:00 +0000\" {28+}\r\nMessage-ID: <1@x>\r\nA: b\r\n\r\nx")
        .await;
    append(&mut client, "Message-ID: <2@x>\r\nReferences: <1@x> <9@x>\r\n\r\ny").await;
    append(&mut client, "Subject: alone\r\n\r\nz").await;
    client.ok("NOOP").await;
    let ids = client.ask("FETCH 1:3 (EMAILID THREADID SAVEDATE)").await;
    let id = |line: &str, name: &str| {
        line.split_once(&format!("{name} (")).unwrap().1.split(')').next().unwrap().to_owned()
    };
    let (first, second) = (id(&ids[0], "EMAILID"), id(&ids[1], "EMAILID"));
    assert_ne!(first, second);
    assert_eq!(id(&ids[0], "THREADID"), id(&ids[1], "THREADID"));
    assert_ne!(id(&ids[0], "THREADID"), id(&ids[2], "THREADID"));
    assert!(ids[0].contains("SAVEDATE \"") && !ids[0].contains("2020"), "{ids:?}");
    assert_eq!(found(&client.ask(&format!("SEARCH EMAILID {second}")).await), "2");
    assert_eq!(found(&client.ask(&format!("SEARCH THREADID {}", id(&ids[0], "THREADID"))).await), "1 2");
    assert_eq!(found(&client.ask("SEARCH SAVEDSINCE 1-Jan-2026 BEFORE 2-Jan-2020").await), "1");
    assert_eq!(found(&client.ask("SEARCH OR SAVEDBEFORE 1-Jan-2026 SAVEDON 1-Jan-2020").await), "");
    assert_eq!(found(&client.ask("SEARCH SAVEDATESUPPORTED").await), "1 2 3");
    assert_eq!(found(&client.ask("SEARCH YOUNGER 3600").await), "2 3");
    // RFC 8474 §5.1: a copy is the same message.
    client.ok("COPY 1 Archive").await;
    client.ok("SELECT Archive").await;
    assert!(client.ok("FETCH 1 EMAILID").await.contains(&format!("EMAILID ({first})")));
}

#[tokio::test]
async fn a_result_is_saved_and_used_again() {
    let bench = Bench::start().await;
    let mut client = bench.selected("INBOX").await;
    for number in 1..=5 {
        append(
            &mut client,
            &format!(
                "Subject: n{number}\r\nFrom: {}\r\n\r\nx",
                if number % 2 == 1 { "odd@x" } else { "even@x" }
            ),
        )
        .await;
    }
    client.ok("NOOP").await;
    // RFC 5182 §2.1: SAVE alone says nothing.
    assert_eq!(client.ask("SEARCH RETURN (SAVE) FROM odd").await.len(), 1);
    assert!(client.ok("FETCH $ UID").await.contains("* 5 FETCH (UID 5)"));
    assert_eq!(found(&client.ask("SEARCH $ SUBJECT n3").await), "3");
    assert_eq!(found(&client.ask("UID SEARCH UID $ NOT SUBJECT n3").await), "1 5");
    let both = client.ask("UID SEARCH RETURN (SAVE MIN MAX) FROM odd").await;
    assert!(both[0].ends_with("UID MIN 1 MAX 5"), "{both:?}");
    assert!(!client.ok("UID FETCH $ UID").await.contains("UID 3"));
    // What is expunged leaves it; a search that fails empties it; another folder does too.
    client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    client.ok("EXPUNGE").await;
    assert_eq!(found(&client.ask("UID SEARCH $").await), "5");
    assert!(client.ask("SEARCH RETURN (SAVE) CHARSET X-OURS ALL").await[0].contains(" NO [BADCHARSET "));
    assert_eq!(found(&client.ask("SEARCH $").await), "");
    client.ok("SEARCH RETURN (SAVE) ALL").await;
    client.ok("STORE $ +FLAGS.SILENT (\\Flagged)").await;
    assert_eq!(found(&client.ask("SEARCH FLAGGED").await), "1 2 3 4");
    client.ok("COPY $ Archive").await;
    client.ok("SELECT Archive").await;
    assert_eq!(found(&client.ask("SEARCH $").await), "");
    assert!(client.ok("STATUS Archive (MESSAGES)").await.contains("MESSAGES 4"));
}

#[tokio::test]
async fn mod_sequences_and_charsets_in_a_search() {
    let bench = Bench::start().await;
    let mut client = bench.selected("INBOX").await;
    append(&mut client, PARTS).await;
    append(&mut client, "Subject: x\r\n\r\ny").await;
    let stored = client.ok("UID STORE 1 +FLAGS (\\Flagged)").await;
    let first = client.ask("SEARCH MODSEQ 1").await;
    assert!(first.iter().any(|line| line.contains("* SEARCH 1 2 (MODSEQ ")), "{first:?} {stored}");
    let line = first.iter().find(|line| line.starts_with("* SEARCH")).unwrap();
    let modseq: u64 = line.split("MODSEQ ").nth(1).unwrap().trim_end_matches(')').parse().unwrap();
    assert_eq!(
        client.ask(&format!("SEARCH MODSEQ \"/flags/\\\\seen\" all {modseq}")).await[0],
        format!("* SEARCH 1 (MODSEQ {modseq})")
    );
    assert_eq!(client.ask(&format!("SEARCH MODSEQ {}", modseq + 1)).await[0], "* SEARCH");
    let extended = client.ask("SEARCH RETURN (MIN) MODSEQ 1").await;
    assert!(extended[0].ends_with(&format!("MIN 1 MODSEQ {modseq}")), "{extended:?}");
    client.send(b"l SEARCH CHARSET ISO-8859-1 SUBJECT {4+}\r\nR\xe9su\r\n").await;
    assert_eq!(client.until("l").await[0], "* SEARCH 1");
    client.send(b"m SEARCH CHARSET UTF-8 SUBJECT {4+}\r\nR\xe9su\r\n").await;
    assert!(client.until("m").await[0].contains(" BAD "));
}

#[tokio::test]
async fn messages_are_sorted_and_threaded() {
    let bench = Bench::start().await;
    let mut client = bench.selected("INBOX").await;
    for (from, subject, date, references) in [
        ("zoe@x", "Bilan", "3 Feb 2026 10:00:00 +0000", ""),
        ("ana@x", "Re: bilan", "4 Feb 2026 10:00:00 +0000", "References: <1@x>\r\n"),
        ("bob@x", "Autre", "1 Feb 2026 23:00:00 -0500", ""),
        ("ana@x", "Re: [liste] Bilan (fwd)", "5 Feb 2026 10:00:00 +0000", "In-Reply-To: <1@x>\r\n"),
        ("eve@x", "Re: bilan", "6 Feb 2026 10:00:00 +0000", "References: <1@x> <2@x>\r\n"),
    ] {
        let number = client.ok("STATUS INBOX (UIDNEXT)").await;
        let number = number.split("UIDNEXT ").nth(1).unwrap().split(')').next().unwrap().to_owned();
        let message = format!(
            "From: {from}\r\nSubject: {subject}\r\nDate: {date}\r\nMessage-ID: <{number}@x>\r\n{references}\r\n{}",
            "x".repeat(100 - number.parse::<usize>().unwrap())
        );
        append(&mut client, &message).await;
    }
    client.ok("NOOP").await;
    for (command, wanted) in [
        ("SORT (FROM REVERSE DATE) UTF-8 ALL", "* SORT 4 2 3 5 1"),
        ("UID SORT (DATE) US-ASCII ALL", "* SORT 3 1 2 4 5"),
        ("SORT (SUBJECT REVERSE DATE) UTF-8 NOT 3", "* SORT 5 4 2 1"),
        ("SORT (SIZE) UTF-8 FROM nobody", "* SORT"),
        ("THREAD REFERENCES UTF-8 ALL", "* THREAD (3)(1 (2 5)(4))"),
        ("UID THREAD ORDEREDSUBJECT UTF-8 ALL", "* THREAD (3)(1 (2)(4)(5))"),
        ("THREAD REFERENCES UTF-8 2:3", "* THREAD (3)(2)"),
    ] {
        assert_eq!(client.ask(command).await[0], wanted, "{command}");
    }
    let extended = client.ask("SORT RETURN (MIN ALL COUNT) (FROM REVERSE DATE) UTF-8 ALL").await;
    assert!(extended[0].ends_with(" MIN 4 ALL 4,2:3,5,1 COUNT 5"), "{extended:?}");
    assert!(client.ask("SORT (LENGTH) UTF-8 ALL").await[0].contains(" BAD "));
    assert!(client.ask("THREAD REFS UTF-8 ALL").await[0].contains(" BAD "));
    assert!(client.ask("SORT (DATE) X-OURS ALL").await[0].contains(" NO [BADCHARSET "));
}

#[tokio::test]
async fn several_messages_are_appended_or_none() {
    let bench = Bench::start().await;
    let mut client = bench.selected("INBOX").await;
    // The dialogue of RFC 3502 §6.3.11.
    client.send("A003 APPEND INBOX (\\Seen) {14}\r\n").await;
    assert!(client.line().await.starts_with("+ "));
    client.send("Subject: a\r\n\r\n (\\Flagged) \" 7-Feb-1994 22:43:04 -0800\" {15}\r\n").await;
    assert!(client.line().await.starts_with("+ "));
    client.send("Subject: bb\r\n\r\n {14+}\r\nSubject: c\r\n\r\n\r\n").await;
    let answer = client.until("A003").await;
    assert!(
        answer.last().unwrap().contains("OK [APPENDUID ") && answer.last().unwrap().contains(" 1:3]"),
        "{answer:?}"
    );
    let flags = client.ok("FETCH 1:3 (FLAGS INTERNALDATE)").await;
    assert!(flags.contains("\\Flagged) INTERNALDATE \" 8-Feb-1994 06:43:04 +0000\")"), "{flags}");
    // One that is refused takes the others with it.
    for bad in ["{0+}\r\n", "(\\Recent) {1+}\r\nx", "{26214401}", "nonsense"] {
        let answer = client.ask(&format!("APPEND INBOX {{3+}}\r\nx\r\n {bad}")).await;
        let last = answer.last().unwrap();
        assert!(last.contains(" NO ") || last.contains(" BAD "), "{bad}: {answer:?}");
        assert!(client.ok("STATUS INBOX (MESSAGES)").await.contains("MESSAGES 3"), "{bad}");
    }
    // RFC 6855 §4.
    assert!(client.ask("APPEND INBOX UTF8 (~{3+}\r\nx\r\n)").await.last().unwrap().contains(" BAD "));
    client.ok("ENABLE UTF8=ACCEPT").await;
    client.ok("APPEND INBOX UTF8 (~{18+}\r\nSubject: \u{e9}t\u{e9}\r\n\r\n)").await;
    assert!(client.ask("APPEND INBOX UTF8 (~{3+}\r\nx\r\n").await.last().unwrap().contains(" BAD "));
    client.ok("NOOP").await;
    assert!(client.ok("FETCH 4 ENVELOPE").await.contains("\u{e9}t\u{e9}"));
}

#[tokio::test]
async fn both_directions_are_compressed() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    assert!(client.ask("COMPRESS LZ4").await[0].contains(" BAD "));
    client.ok("COMPRESS DEFLATE").await;
    let mut client = Client::over(Packed::new(client.stream));
    assert!(client.ask("COMPRESS DEFLATE").await[0].contains(" NO [COMPRESSIONACTIVE] "));
    client.ok("SELECT INBOX").await;
    let big = format!("Subject: x\r\n\r\n{}", (0..60_000u32).map(|n| format!("{n:x} ")).collect::<String>());
    append(&mut client, &big).await;
    client.ok("NOOP").await;
    let lines = client.ask("FETCH 1 BODY.PEEK[]").await;
    assert!(
        lines[0].ends_with(&format!("{{{}}}", big.len())) && lines[3].starts_with("0 1 2 3 "),
        "{}",
        lines[0]
    );
    client.send("i IDLE\r\n").await;
    assert!(client.line().await.starts_with("+ "));
    bench.deliver("INBOX", b"Subject: y\r\n\r\n").await;
    assert_eq!(client.line().await, "* 2 EXISTS");
    client.send("DONE\r\n").await;
    assert!(client.until("i").await.last().unwrap().starts_with("i OK "));
    client.send("z LOGOUT\r\n").await;
    assert!(client.rest().await.last().unwrap().starts_with("z OK "));
}

#[tokio::test]
async fn a_bomb_ends_the_connection() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    client.ok("COMPRESS DEFLATE").await;
    let mut packer = Compress::new(Compression::best(), false);
    let mut packed = Vec::with_capacity(1 << 20);
    let bomb = [&b"a APPEND INBOX {20000000+}\r\n"[..], &vec![b'a'; 20_000_000]].concat();
    packer.compress_vec(&bomb, &mut packed, FlushCompress::Sync).unwrap();
    assert!(packed.len() < 100_000);
    let _ = client.stream.write_all(&packed).await;
    bench.closed("repetitions").await;
    let mut client = bench.logged_in().await;
    client.send("c COMPRESS DEFLATE\r\nd NOOP\r\n").await;
    bench.closed("Wait for the answer to COMPRESS").await;
}

/// A client's side of RFC 4978, over any stream.
pub(crate) struct Packed<S> {
    inner: S,
    packer: Compress,
    unpacker: Decompress,
    ready: Vec<u8>,
}

impl<S> Packed<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self {
            inner,
            packer: Compress::new(Compression::default(), false),
            unpacker: Decompress::new(false),
            ready: Vec::new(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Packed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        loop {
            if !self.ready.is_empty() {
                let count = self.ready.len().min(out.remaining());
                out.put_slice(&self.ready[..count]);
                self.ready.drain(..count);
                return Poll::Ready(Ok(()));
            }
            let mut raw = vec![0; 4_096];
            let mut buffer = ReadBuf::new(&mut raw);
            match Pin::new(&mut self.inner).poll_read(task, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                other => return other,
            }
            let mut input = buffer.filled();
            while !input.is_empty() {
                let mut piece = Vec::with_capacity(65_536);
                let before = self.unpacker.total_in();
                self.unpacker.decompress_vec(input, &mut piece, FlushDecompress::Sync).unwrap();
                input = &input[usize::try_from(self.unpacker.total_in() - before).unwrap()..];
                self.ready.extend_from_slice(&piece);
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Packed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let mut packed = Vec::with_capacity(bytes.len() + 1_024);
        self.packer.compress_vec(bytes, &mut packed, FlushCompress::Sync).unwrap();
        let mut rest = packed.as_slice();
        while !rest.is_empty() {
            // The stream below takes all of it: TLS buffers what the socket does not take.
            match Pin::new(&mut self.inner).poll_write(task, rest) {
                Poll::Ready(Ok(count)) => rest = &rest[count..],
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    task.waker().wake_by_ref();
                    std::thread::yield_now();
                }
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(task)
    }
}

/// The same header a hundred times: refused before it is all in memory.
#[tokio::test]
async fn headers_asked_for_over_and_over_are_refused() {
    let bench = Bench::start().await;
    let header: String = (0..12_000).map(|n| format!("X-Long-{n}: {}\r\n", "y".repeat(60))).collect();
    bench.deliver("INBOX", format!("{header}\r\nbody\r\n").as_bytes()).await;
    let mut client = bench.selected("INBOX").await;
    let items: Vec<String> = (0..50).map(|n| format!("BODY.PEEK[HEADER.FIELDS.NOT (A{n})]")).collect();
    let answer = client.ask(&format!("FETCH 1 ({})", items.join(" "))).await;
    assert!(answer[0].contains(" NO [LIMIT] "), "{answer:?}");
    assert!(client.ok("FETCH 1 (BODY.PEEK[HEADER])").await.contains("X-Long-11999"));
}
