use wire::Fact;

use crate::bench::Bench;

const TRACE: usize = "Return-Path: <x@y>\r\n".len();
const MESSAGE: &str = "From: \"Dr Test\" <dr@medecin.example>\r\nTo: a@b.example\r\nSubject: Compte rendu\r\n\
Date: Mon, 23 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
--b\r\n\r\nle texte\r\n--b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\nUEs=\r\n--b--\r\n";

#[tokio::test]
async fn a_message_is_fetched_in_every_way() {
    let bench = Bench::start().await;
    bench.deliver("INBOX", MESSAGE.as_bytes()).await;
    let mut client = bench.logged_in().await;
    let selected = client.ok("SELECT inbox").await;
    for part in ["* 1 EXISTS", "[UNSEEN 1]", "[UIDNEXT 2]", "[PERMANENTFLAGS (", "\\*)]", "[UIDVALIDITY "] {
        assert!(selected.contains(part), "{part} in {selected}");
    }
    let size = MESSAGE.len() + TRACE;
    let all = client.ok("FETCH 1 ALL").await;
    assert!(
        all.contains(&format!(
            "RFC822.SIZE {size} ENVELOPE (\"Mon, 23 Nov 2026 10:00:00 +0100\" \"Compte rendu\" "
        )),
        "{all}"
    );
    assert!(all.contains("INTERNALDATE \"23-Nov-2026 10:00:00 +0000\""), "{all}");
    assert!(all.contains("((\"Dr Test\" NIL \"dr\" \"medecin.example\"))"), "{all}");
    let peek = client.ok("FETCH 1 (BODY.PEEK[] UID)").await;
    assert!(peek.contains(&format!("* 1 FETCH (BODY[] {{{size}}}\nReturn-Path: <x@y>\nFrom:")), "{peek}");
    assert!(peek.contains("--b--\n UID 1)"), "{peek}");
    assert!(client.ok("FETCH 1 FLAGS").await.contains("* 1 FETCH (FLAGS ())"));
    let part = client.ok("UID FETCH 1 BODY[1]").await;
    assert!(part.contains("* 1 FETCH (UID 1 BODY[1] {8}\nle texte FLAGS (\\Seen))"), "{part}");
    assert!(client.ok("FETCH 1 BODY.PEEK[TEXT]<0.3>").await.contains("BODY[TEXT]<0> {3}\n--b)"));
    assert!(client.ok("FETCH 1 BODY.PEEK[TEXT]<9999.3>").await.contains("BODY[TEXT]<9999> \"\")"));
    let fields = client.ok("FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT X-None)]").await;
    assert!(
        fields.contains("BODY[HEADER.FIELDS (SUBJECT X-None)] {25}\nSubject: Compte rendu\n\n)"),
        "{fields}"
    );
    assert!(client.ok("FETCH 1 BODY.PEEK[2.MIME]").await.contains("application/zip"));
    assert!(client.ok("FETCH 1 BODY.PEEK[7]").await.contains("BODY[7] NIL)"));
    let structure = client.ok("FETCH 1 (BODYSTRUCTURE BODY)").await;
    assert!(structure.contains("(\"application\" \"zip\" NIL NIL NIL \"BASE64\" 4 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\")"), "{structure}");
    assert!(client.ok("FETCH 1 RFC822.HEADER").await.contains("RFC822.HEADER {"));
    // RFC 9051 §9, seq-number; a UID that is not there is no mistake.
    assert!(client.ask("FETCH 9 FLAGS").await[0].contains(" BAD "));
    assert_eq!(client.ask("UID FETCH 9 FLAGS").await.len(), 1);
    let journal = format!("{:?}", bench.events().await);
    assert!(journal.contains(&format!("* 1 FETCH (BODY[] {{{size}}} UID 1)")), "{journal}");
    assert!(!journal.contains("le texte"));
}

#[tokio::test]
async fn a_big_message_goes_in_and_out_in_pieces() {
    let bench = Bench::start().await;
    let mut client = bench.selected("INBOX").await;
    let line = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n";
    let big = format!("Subject: big\r\n\r\n{}", line.repeat(100_000));
    client
        .send(format!(
            "a APPEND INBOX (\\Flagged $Test) \"01-Jan-2026 00:00:00 +0000\" {{{}}}\r\n",
            big.len()
        ))
        .await;
    assert!(client.line().await.starts_with("+ "));
    client.send(&big).await;
    client.send("\r\n").await;
    let answer = client.until("a").await;
    assert_eq!(answer[0], "* 1 EXISTS");
    assert!(
        answer.last().unwrap().starts_with("a OK [APPENDUID ") && answer.last().unwrap().contains(" 1] "),
        "{answer:?}"
    );
    let whole = client.ask("FETCH 1 (BODY[] FLAGS INTERNALDATE)").await;
    let received: usize = whole[1..whole.len() - 2].iter().map(|line| line.len() + 2).sum();
    assert!(whole[0].ends_with(&format!("BODY[] {{{}}}", big.len())));
    assert_eq!(received, big.len());
    let flags = &whole[whole.len() - 2];
    assert!(
        flags.contains("\\Seen")
            && flags.contains("\\Flagged")
            && flags.contains("$Test")
            && flags.contains("\" 1-Jan-2026"),
        "{flags}"
    );
    let middle = client.ok("FETCH 1 BODY.PEEK[TEXT]<3200000.10>").await;
    assert!(middle.contains("{10}\n0123456789)"), "{middle}");
    bench.fact(|fact| matches!(fact, Fact::Line { text, .. } if text.starts_with("a APPEND INBOX") && text.ends_with('}'))).await;
}

#[tokio::test]
async fn append_says_what_is_wrong() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    assert!(client.ask("APPEND Nowhere {5}").await[0].contains(" NO [TRYCREATE] "));
    assert!(client.ask("APPEND Nowhere {5+}\r\nabcde").await[0].contains(" NO [TRYCREATE] "));
    assert!(client.ask("APPEND INBOX (\\Recent) {5}").await[0].contains(" BAD "));
    let answer = client.ask("APPEND INBOX {5+}\r\nabcde trailing").await;
    assert!(answer[0].contains(" BAD "), "{answer:?}");
    client.send("m APPEND {5}\r\n").await;
    assert!(client.line().await.starts_with("+ "));
    client.send("INBOX {16}\r\n").await;
    assert!(client.line().await.starts_with("+ "));
    client.send("Subject: x\r\n\r\ny\n\r\n").await;
    assert!(client.line().await.starts_with("m OK [APPENDUID "));
    assert!(client.ok("STATUS INBOX (MESSAGES)").await.contains("(MESSAGES 1)"));
}

#[tokio::test]
async fn flags_are_stored_and_deleted_messages_removed() {
    let bench = Bench::start().await;
    for _ in 0..5 {
        bench.deliver("INBOX", MESSAGE.as_bytes()).await;
    }
    let mut client = bench.selected("INBOX").await;
    assert!(
        client.ok("STORE 2:3 +FLAGS (\\Deleted $Fait)").await.contains("* 3 FETCH (FLAGS (\\Deleted $Fait))")
    );
    assert!(!client.ok("UID STORE 5 +FLAGS.SILENT \\Deleted").await.contains("FETCH"));
    assert!(client.ok("UID STORE 1 FLAGS (\\Seen)").await.contains("* 1 FETCH (UID 1 FLAGS (\\Seen))"));
    assert!(client.ok("STORE 2 -FLAGS ($fait)").await.contains("* 2 FETCH (FLAGS (\\Deleted))"));
    assert_eq!(client.ok("SEARCH DELETED").await.lines().next(), Some("* SEARCH 2 3 5"));
    assert_eq!(client.ok("UID SEARCH NOT DELETED UNSEEN").await.lines().next(), Some("* SEARCH 4"));
    let one = client.ask("UID EXPUNGE 2,4").await;
    assert_eq!(one[0], "* 2 EXPUNGE");
    assert_eq!(one.len(), 2, "{one:?}");
    let rest = client.ask("EXPUNGE").await;
    assert_eq!(rest[..2], ["* 4 EXPUNGE", "* 2 EXPUNGE"]);
    assert!(client.ok("FETCH 1:* UID").await.contains("* 2 FETCH (UID 4)"));
    client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    assert_eq!(client.ask("CLOSE").await.len(), 1);
    assert!(client.ask("FETCH 1 FLAGS").await[0].contains(" BAD Select"));
    assert!(client.ok("EXAMINE INBOX").await.contains("* 1 EXISTS"));
    assert!(client.ask("STORE 1 +FLAGS (\\Deleted)").await[0].contains(" NO [READ-ONLY] "));
    client.ok("FETCH 1 BODY[]").await;
    assert!(client.ok("FETCH 1 FLAGS").await.contains("FLAGS ())"));
    client.ok("UNSELECT").await;
}

#[tokio::test]
async fn messages_are_copied_and_moved() {
    let bench = Bench::start().await;
    for _ in 0..4 {
        bench.deliver("INBOX", MESSAGE.as_bytes()).await;
    }
    let mut client = bench.selected("INBOX").await;
    let copied = client.ok("UID COPY 1:2 Archive").await;
    assert!(copied.contains("[COPYUID ") && copied.contains(" 1:2 1:2] "), "{copied}");
    let moved = client.ask("MOVE 2,4 Trash").await;
    assert!(moved[0].starts_with("* OK [COPYUID ") && moved[0].contains(" 2,4 1:2] "), "{moved:?}");
    assert_eq!(moved[1..3], ["* 4 EXPUNGE", "* 2 EXPUNGE"]);
    assert!(client.ask("COPY 1 Nowhere").await[0].contains(" NO [TRYCREATE] "));
    assert!(client.ok("STATUS Trash (MESSAGES)").await.contains("(MESSAGES 2)"));
    assert!(client.ok("FETCH 1:* UID").await.contains("* 2 FETCH (UID 3)"));
}

#[tokio::test]
async fn searches_look_everywhere() {
    let bench = Bench::start().await;
    bench.deliver("INBOX", MESSAGE.as_bytes()).await;
    let other = "From: x@y\r\nSubject: =?utf-8?B?UsOpc3VsdGF0cw==?=\r\nX-MSS-NIL: 2621\r\n\
Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nglyc=C3=A9mie\r\n";
    bench.deliver("INBOX", other.as_bytes()).await;
    let mut client = bench.selected("INBOX").await;
    for (criteria, wanted) in [
        ("ALL", "* SEARCH 1 2"),
        ("FROM medecin", "* SEARCH 1"),
        ("SUBJECT {9+}\r\nRÉSULTAT", "* SEARCH 2"),
        ("CHARSET UTF-8 BODY {9+}\r\nglycémie", "* SEARCH 2"),
        ("HEADER X-MSS-NIL 2621", "* SEARCH 2"),
        ("TEXT \"le texte\"", "* SEARCH 1"),
        ("OR FROM x@y LARGER 1000000", "* SEARCH 2"),
        ("SENTON 23-Nov-2026 ON 23-Nov-2026", "* SEARCH 1"),
        ("UID 2:*", "* SEARCH 2"),
        ("TO nobody", "* SEARCH"),
    ] {
        assert_eq!(client.ask(&format!("SEARCH {criteria}")).await[0], wanted, "{criteria}");
    }
    assert!(client.ask("SEARCH CHARSET X-OURS ALL").await[0].contains(" NO [BADCHARSET (US-ASCII UTF-8 "));
    let extended = client.ask("UID SEARCH RETURN (MIN MAX COUNT ALL) ALL").await;
    assert_eq!(
        extended[0].split_once(' ').unwrap().1,
        "ESEARCH (TAG \"t14\") UID MIN 1 MAX 2 COUNT 2 ALL 1:2"
    );
    assert_eq!(client.ask("SEARCH RETURN () TO nobody").await[0], "* ESEARCH (TAG \"t15\")");
}

#[tokio::test]
async fn two_sessions_see_each_other() {
    let bench = Bench::start().await;
    for _ in 0..3 {
        bench.deliver("INBOX", MESSAGE.as_bytes()).await;
    }
    let mut one = bench.selected("INBOX").await;
    let mut two = bench.selected("INBOX").await;
    two.ok("UID STORE 1 +FLAGS (\\Deleted)").await;
    two.ok("EXPUNGE").await;
    two.ok("UID STORE 3 +FLAGS (\\Answered)").await;
    // Not while FETCH, STORE or SEARCH is answered: number 3 still means UID 3.
    let fetched = one.ok("FETCH 3 UID").await;
    assert!(fetched.contains("* 3 FETCH (UID 3)") && !fetched.contains("EXPUNGE"), "{fetched}");
    assert!(fetched.contains("* 3 FETCH (UID 3 FLAGS (\\Answered))"), "{fetched}");
    assert!(one.ok("FETCH 1 RFC822.SIZE").await.contains("OK [EXPUNGEISSUED]"));
    assert!(!one.ok("SEARCH ALL").await.contains("EXPUNGE"));
    assert_eq!(one.ask("NOOP").await[0], "* 1 EXPUNGE");
    assert!(one.ok("FETCH 2 UID").await.contains("* 2 FETCH (UID 3)"));
    bench.deliver("INBOX", MESSAGE.as_bytes()).await;
    assert_eq!(one.ask("NOOP").await[0], "* 3 EXISTS");
    two.ok("DELETE Archive").await;
}

#[tokio::test]
async fn idle_tells_at_once() {
    let bench = Bench::start().await;
    let mut idle = bench.selected("INBOX").await;
    idle.send("i IDLE\r\n").await;
    assert!(idle.line().await.starts_with("+ "));
    bench.deliver("INBOX", MESSAGE.as_bytes()).await;
    assert_eq!(idle.line().await, "* 1 EXISTS");
    let mut other = bench.selected("INBOX").await;
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    assert_eq!(idle.line().await, "* 1 FETCH (UID 1 FLAGS (\\Deleted))");
    other.ok("EXPUNGE").await;
    assert_eq!(idle.line().await, "* 1 EXPUNGE");
    idle.send("DONE\r\n").await;
    assert!(idle.line().await.starts_with("i OK "));
    idle.send("j IDLE\r\nk NOOP\r\n").await;
    assert!(idle.line().await.starts_with("+ "));
    assert!(idle.line().await.starts_with("j BAD "));
    idle.ok("NOOP").await;
    other.ok("DELETE Junk").await;
}

#[tokio::test]
async fn a_folder_deleted_under_a_session_ends_it() {
    let bench = Bench::start().await;
    let mut one = bench.selected("Archive").await;
    let mut two = bench.logged_in().await;
    two.ok("DELETE Archive").await;
    one.send("a NOOP\r\n").await;
    assert!(one.rest().await[0].starts_with("* BYE The selected folder was deleted"));
}
