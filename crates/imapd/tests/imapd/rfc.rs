//! The dialogues that the RFCs of extensions show, where Dovecot has none to be recorded.
//!
//! Folders, identifiers and messages are those of the bench; the order of commands, the responses and their codes are
//! those of the RFC. In a dialogue, `«x»` is what the server chooses: the same wherever it is told again, and two of
//! them are never equal. A status and a continuation are compared up to their text for people.

use std::collections::HashMap;

use crate::bench::{APP, Bench, Client, PER, TOKEN, xoauth2};

/// Holds a dialogue: `C:` is sent, CR LF added; `S:` must come; `S: ...` stands for any lines.
async fn hold(client: &mut Client, dialogue: &str) {
    let mut kept: HashMap<String, String> = HashMap::new();
    let mut any = false;
    for told in dialogue.lines().map(str::trim).filter(|told| !told.is_empty()) {
        if let Some(command) = told.strip_prefix("C: ") {
            let mut command = command.replace("\\r\\n", "\r\n");
            for (name, value) in &kept {
                command = command.replace(&format!("«{name}»"), value);
            }
            client.send(format!("{command}\r\n")).await;
            continue;
        }
        let wanted = told.strip_prefix("S: ").unwrap();
        if wanted == "..." {
            any = true;
            continue;
        }
        loop {
            let line = client.line().await;
            if matches(wanted, &line, &mut kept) {
                break;
            }
            assert!(any, "{line} for {wanted}");
        }
        any = false;
    }
}

fn matches(wanted: &str, line: &str, kept: &mut HashMap<String, String>) -> bool {
    let mut words = wanted.split(' ');
    let status =
        words.next() == Some("+") || words.next().is_some_and(|word| ["OK", "NO", "BAD"].contains(&word));
    let (mut wanted, mut rest, mut bound) = (wanted, line, kept.clone());
    while let Some((before, after)) = wanted.split_once('«') {
        let (name, after) = after.split_once('»').unwrap();
        let Some(tail) = rest.strip_prefix(before) else { return false };
        // RFC 8474 §7: what an identifier is made of.
        let end =
            tail.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(tail.len());
        let (value, tail) = tail.split_at(end);
        let other = bound.iter().any(|(known, taken)| (known == name) != (taken == value));
        if value.is_empty() || other {
            return false;
        }
        bound.insert(name.to_owned(), value.to_owned());
        (wanted, rest) = (after, tail);
    }
    let same = if status { rest.starts_with(wanted) } else { rest == wanted };
    if same {
        *kept = bound;
    }
    same
}

/// RFC 8474 §4.
#[tokio::test]
async fn identifiers_of_folders() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    hold(
        &mut client,
        r#"
        C: 3 create foo
        S: 3 OK [MAILBOXID («foo»)]
        C: 4 create bar
        S: 4 OK [MAILBOXID («bar»)]
        C: 5 create foo
        S: 5 NO
        C: 27 select "foo"
        S: ...
        S: * OK [MAILBOXID («foo»)]
        S: ...
        S: 27 OK [READ-WRITE]
        C: 6 status foo (mailboxid)
        S: * STATUS "foo" (MAILBOXID («foo»))
        S: 6 OK
        C: 7 status bar (mailboxid)
        S: * STATUS "bar" (MAILBOXID («bar»))
        S: 7 OK
        C: 8 rename foo renamed
        S: 8 OK
        C: 9 status renamed (mailboxid)
        S: * STATUS "renamed" (MAILBOXID («foo»))
        S: 9 OK
        C: 10 status bar (mailboxid)
        S: * STATUS "bar" (MAILBOXID («bar»))
        S: 10 OK
        C: 11 list "" (inbox bar renamed) return (status (mailboxid))
        S: ...
        S: * STATUS "INBOX" (MAILBOXID («inbox»))
        S: * LIST (\HasNoChildren) "/" "bar"
        S: * STATUS "bar" (MAILBOXID («bar»))
        S: * LIST (\HasNoChildren) "/" "renamed"
        S: * STATUS "renamed" (MAILBOXID («foo»))
        S: 11 OK"#,
    )
    .await;
}

/// RFC 8474 §5 and §6.
#[tokio::test]
async fn identifiers_of_messages_and_threads() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    for message in [
        "Subject: Message A\r\nMessage-ID: <54797@example.com>\r\n\r\nx",
        "Subject: Re: Message A\r\nMessage-ID: <21213@example.org>\r\nReferences: <54797@example.com>\r\n\r\nx",
        "Subject: Message C\r\nMessage-ID: <60280@example.com>\r\n\r\nx",
    ] {
        client
            .ok(&format!("append inbox \"20-Mar-2018 03:07:37 +1100\" {{{}+}}\r\n{message}", message.len()))
            .await;
    }
    client.ok("create foo").await;
    client.ok("select inbox").await;
    hold(
        &mut client,
        "
        C: 22 fetch 1:* (emailid threadid)
        S: * 1 FETCH (EMAILID («a») THREADID («ta»))
        S: * 2 FETCH (EMAILID («b») THREADID («ta»))
        S: * 3 FETCH (EMAILID («c») THREADID («tc»))
        S: 22 OK
        C: 27 search emailid «a»
        S: * SEARCH 1
        S: 27 OK
        C: 28 search threadid «ta»
        S: * SEARCH 1 2
        S: 28 OK
        C: 23 move 2 foo
        S: * OK [COPYUID «validity» 2 1]
        S: * 2 EXPUNGE
        S: 23 OK
        C: 24 fetch 1:* (emailid threadid)
        S: * 1 FETCH (EMAILID («a») THREADID («ta»))
        S: * 2 FETCH (EMAILID («c») THREADID («tc»))
        S: 24 OK
        C: 25 select foo
        S: ...
        S: 25 OK [READ-WRITE]
        C: 26 fetch 1:* (emailid threadid)
        S: * 1 FETCH (EMAILID («b») THREADID («ta»))
        S: 26 OK",
    )
    .await;
}

/// RFC 7889 §2, §3 and §4.
#[tokio::test]
async fn how_large_an_upload_may_be() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    assert!(client.ok("CAPABILITY").await.contains(" APPENDLIMIT=26214400"));
    hold(
        &mut client,
        r#"
        C: t1 STATUS INBOX (APPENDLIMIT)
        S: * STATUS "INBOX" (APPENDLIMIT 26214400)
        S: t1 OK
        C: t2 LIST "" INBO% RETURN (STATUS (APPENDLIMIT))
        S: * LIST (\HasNoChildren) "/" "INBOX"
        S: * STATUS "INBOX" (APPENDLIMIT 26214400)
        S: t2 OK
        C: t3 APPEND INBOX (\Seen) {26214401}
        S: t3 NO [TOOBIG]
        C: t4 NOOP
        S: t4 OK"#,
    )
    .await;
}

/// RFC 6855 §3 and §4, which RFC 9755 keeps.
#[tokio::test]
async fn utf8_is_taken_where_it_was_enabled() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    hold(
        &mut client,
        r#"
        C: a1 ENABLE UTF8=ACCEPT
        S: * ENABLED UTF8=ACCEPT
        S: a1 OK
        C: a2 CREATE "Été"
        S: a2 OK
        C: a3 LIST "" "É%"
        S: * LIST (\HasNoChildren) "/" "Été"
        S: a3 OK
        C: a4 APPEND "Été" UTF8 (~{23+}\r\nSubject: Réglé\r\n\r\nx\r\n)
        S: a4 OK [APPENDUID «validity» 1]
        C: a5 SELECT "Été"
        S: ...
        S: a5 OK [READ-WRITE]
        C: a6 FETCH 1 ENVELOPE
        S: * 1 FETCH (ENVELOPE (NIL {7}
        S: Réglé NIL NIL NIL NIL NIL NIL NIL NIL))
        S: a6 OK
        C: a7 SEARCH SUBJECT "réglé"
        S: * SEARCH 1
        S: a7 OK
        C: a8 SEARCH CHARSET UTF-8 SUBJECT x
        S: a8 BAD"#,
    )
    .await;
}

/// RFC 6154 §5.2 and §5.3. A folder has one use here, hence the second USEATTR (§3: the server may be unable).
#[tokio::test]
async fn folders_with_a_use_are_listed_and_created() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    for used in ["Sent", "Drafts", "Trash", "Junk", "Archive"] {
        client.ok(&format!("DELETE {used}")).await;
    }
    client.ok("CREATE ToDo").await;
    hold(
        &mut client,
        r#"
        C: t1 CREATE SentMail (USE (\Sent))
        S: t1 OK [MAILBOXID («sent»)]
        C: t2 CREATE MyDrafts (USE (\Drafts))
        S: t2 OK [MAILBOXID («drafts»)]
        C: t3 CREATE Everything (USE (\All))
        S: t3 NO [USEATTR]
        C: t4 CREATE MySpecial (USE (\Junk \Trash))
        S: t4 NO [USEATTR]
        C: t5 LIST (SPECIAL-USE) "" "*"
        S: * LIST (\HasNoChildren \Drafts) "/" "MyDrafts"
        S: * LIST (\HasNoChildren \Sent) "/" "SentMail"
        S: t5 OK
        C: t6 LIST "" (INBOX "%o" "%ts") RETURN (SPECIAL-USE)
        S: * LIST (\HasNoChildren) "/" "INBOX"
        S: * LIST (\HasNoChildren \Drafts) "/" "MyDrafts"
        S: * LIST (\HasNoChildren) "/" "ToDo"
        S: t6 OK"#,
    )
    .await;
}

/// RFC 4959 §5: with an initial response, without one, and with an empty one.
#[tokio::test]
async fn an_initial_response_spares_a_turn() {
    let bench = Bench::start().await;
    let response = xoauth2(PER, TOKEN);
    let mut client = bench.tls(None).await;
    assert!(client.ok("CAPABILITY").await.contains(" SASL-IR "));
    hold(&mut client, &format!("C: A01 AUTHENTICATE XOAUTH2 {response}\nS: A01 OK")).await;
    let mut client = bench.tls(None).await;
    hold(&mut client, &format!("C: A01 AUTHENTICATE XOAUTH2\nS: +\nC: {response}\nS: A01 OK")).await;
    let certificate = bench.certificate(APP.split('@').next().unwrap());
    let mut client = bench.tls(Some(&certificate)).await;
    hold(&mut client, "C: A01 AUTHENTICATE EXTERNAL =\nS: A01 OK").await;
    let mut client = bench.tls(Some(&certificate)).await;
    hold(&mut client, "C: A01 AUTHENTICATE EXTERNAL\nS: +").await;
    client.send("\r\n").await;
    assert!(client.line().await.starts_with("A01 OK "));
}

/// RFC 8438 §3: a folder is as large as its messages are together.
#[tokio::test]
async fn a_folder_tells_its_size() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    client.ok("CREATE frop").await;
    client.ok("APPEND frop {14+}\r\nSubject: a\r\n\r\n").await;
    client.ok("APPEND frop {21+}\r\nSubject: abcdefg\r\n\r\nx").await;
    hold(
        &mut client,
        r#"
        C: A01 STATUS frop (MESSAGES SIZE UIDNEXT)
        S: * STATUS "frop" (MESSAGES 2 SIZE 35 UIDNEXT 3)
        S: A01 OK
        C: A02 SELECT "frop"
        S: ...
        S: A02 OK [READ-WRITE]
        C: A03 FETCH 1:* (RFC822.SIZE)
        S: * 1 FETCH (RFC822.SIZE 14)
        S: * 2 FETCH (RFC822.SIZE 21)
        S: A03 OK
        C: A04 LIST "" frop RETURN (STATUS (MESSAGES SIZE))
        S: * LIST (\HasNoChildren) "/" "frop"
        S: * STATUS "frop" (MESSAGES 2 SIZE 35)
        S: A04 OK"#,
    )
    .await;
}

/// RFC 8970 §6, example 3: what a search saves is used by a command sent right behind it (RFC 5182 §2.1).
#[tokio::test]
async fn previews_of_what_a_search_has_saved() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    for (from, text) in [("foo@x", "Preview!"), ("bar@x", "Nothing"), ("foo@y", "Another preview!")] {
        let message = format!("From: {from}\r\n\r\n{text}\r\n");
        client.ok(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())).await;
    }
    client.ok("SELECT INBOX").await;
    hold(
        &mut client,
        r#"
        C: C2 SEARCH RETURN (SAVE) FROM "FOO"
        C: C3 FETCH $ (UID PREVIEW)
        S: C2 OK
        S: * 1 FETCH (UID 1 PREVIEW "Preview!")
        S: * 3 FETCH (UID 3 PREVIEW "Another preview!")
        S: C3 OK
        C: C4 UID FETCH 3 (PREVIEW)
        S: * 3 FETCH (UID 3 PREVIEW "Another preview!")
        S: C4 OK"#,
    )
    .await;
}

/// RFC 4978 §4: once only.
#[tokio::test]
async fn compression_is_switched_on_once() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    assert!(client.ok("CAPABILITY").await.contains(" COMPRESS=DEFLATE"));
    hold(&mut client, "C: c compress deflate\nS: c OK").await;
    let mut client = Client::over(crate::content::Packed::new(client.stream));
    hold(&mut client, "C: d compress deflate\nS: d NO [COMPRESSIONACTIVE]\nC: e noop\nS: e OK").await;
}
