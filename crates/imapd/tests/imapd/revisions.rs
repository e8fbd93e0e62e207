//! IMAP4rev2 beside IMAP4rev1, names in UTF-8, extended lists, special uses, quotas, object identifiers.

use mailstore::QuotaLimit;

use crate::bench::Bench;

const MESSAGE: &[u8] = b"Subject: x\r\n\r\ntext\r\n";

#[tokio::test]
async fn the_second_revision_is_switched_on() {
    let bench = Bench::start().await;
    bench.deliver("INBOX", MESSAGE).await;
    let mut client = bench.logged_in().await.seeing();
    assert!(client.ok("CAPABILITY").await.starts_with("* CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ "));
    client.ok("CREATE &AMk-t&AOk-").await;
    let before = client.ok("SELECT INBOX").await;
    assert!(before.contains(" RECENT") && before.contains("[UNSEEN 1]"), "{before}");
    assert_eq!(client.ask("SEARCH ALL").await[0], "* SEARCH 1");
    assert_eq!(client.ask("ENABLE IMAP4rev2").await[0], "* ENABLED IMAP4rev2");
    // RFC 9051 §6.3.2: CLOSED, LIST, and neither RECENT nor UNSEEN.
    let after = client.ok("SELECT INBOX").await;
    assert!(after.starts_with("* OK [CLOSED] "), "{after}");
    assert!(after.contains("* LIST (\\HasNoChildren) \"/\" \"INBOX\""), "{after}");
    assert!(!after.contains("RECENT") && !after.contains("[UNSEEN"), "{after}");
    let found = client.ask("UID SEARCH ALL").await;
    assert!(found[0].starts_with("* ESEARCH (TAG \"") && found[0].ends_with("\") UID ALL 1"), "{found:?}");
    // Names are what they are, and `&` is nothing but itself.
    assert!(client.ok("LIST \"\" \"É*\"").await.contains("\"Été\""));
    client.ok("CREATE \"R&D\"").await;
    assert!(client.ok("LIST \"\" R*").await.contains("\"R&D\""));
    assert!(client.ask("SELECT &AMk-t&AOk-").await.last().unwrap().contains(" NO [NONEXISTENT] "));
    assert!(client.ok("STATUS \"Été\" (MESSAGES)").await.contains("* STATUS \"Été\" (MESSAGES 0)"));
    // RFC 5198: one way of writing only.
    let answer = client.ask("CREATE \"e\u{301}te\u{301}\"").await;
    assert!(answer[0].contains(" NO [CANNOT] "), "{answer:?}");
    let mut other = bench.logged_in().await;
    assert!(other.ok("LIST \"\" *").await.contains("\"&AMk-t&AOk-\""), "another session has its own");
    assert!(other.ok("LIST \"\" *").await.contains("\"R&-D\""));
}

#[tokio::test]
async fn utf8_names_without_the_second_revision() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await.seeing();
    assert_eq!(client.ask("ENABLE UTF8=ACCEPT").await[0], "* ENABLED UTF8=ACCEPT");
    client.ok("CREATE \"Reçus\"").await;
    client.ok("SUBSCRIBE \"Reçus\"").await;
    assert!(client.ok("LSUB \"\" *").await.contains("\"Reçus\""));
    assert!(client.ok("SELECT \"Reçus\"").await.contains(" RECENT"), "this is still IMAP4rev1");
    assert!(client.ask("CREATE {3+}\r\nx\u{e9}").await[0].contains(" OK "));
    client.ok("SELECT INBOX").await;
    assert!(client.ask("SEARCH CHARSET UTF-8 SUBJECT x").await[0].contains(" BAD "));
    client.ok("SEARCH SUBJECT \"reçu\"").await;
    let broken = [b"b CREATE {1+}\r\n".as_slice(), &[0xe9], b"\r\n"].concat();
    client.send(&broken).await;
    assert!(client.line().await.starts_with("b BAD "));
}

/// The hierarchy and the answers of RFC 5258 §5, examples 8 and 9 (folders without names of their own exist here).
#[tokio::test]
async fn extended_lists_are_those_of_the_rfc() {
    let bench = Bench::start().await;
    for folder in bench.store.folders(bench.per).await.unwrap() {
        bench.store.subscribe(folder.id, false).await.unwrap();
    }
    let mut client = bench.logged_in().await;
    for name in
        ["foo2/bar1", "foo2/bar2", "baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2/mamba", "qux2/bar2"]
    {
        client.ok(&format!("CREATE {name}")).await;
        client.ok(&format!("SUBSCRIBE {name}")).await;
    }
    client.ok("SUBSCRIBE eps2").await;
    let mut lines = client.ask("LIST (RECURSIVEMATCH SUBSCRIBED) \"\" \"*2\"").await;
    lines.pop();
    let plain = |line: &String| {
        line.replace("\\HasChildren ", "").replace("\\HasNoChildren ", "").replace("\\HasChildren", "")
    };
    let mut got: Vec<String> = lines.iter().map(plain).collect();
    got.sort();
    let mut wanted = vec![
        r#"* LIST () "/" "foo2" ("CHILDINFO" ("SUBSCRIBED"))"#,
        r#"* LIST (\Subscribed) "/" "foo2/bar2""#,
        r#"* LIST (\Subscribed) "/" "baz2/bar2""#,
        r#"* LIST (\Subscribed) "/" "baz2/bar22""#,
        r#"* LIST (\Subscribed) "/" "baz2/bar222""#,
        r#"* LIST (\Subscribed) "/" "eps2" ("CHILDINFO" ("SUBSCRIBED"))"#,
        r#"* LIST (\Subscribed) "/" "qux2/bar2""#,
    ];
    wanted.sort_unstable();
    assert_eq!(got, wanted);
    let parents = client.ok("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" \"%\"").await;
    assert_eq!(parents.matches("(\"CHILDINFO\" (\"SUBSCRIBED\"))").count(), 4, "{parents}");
    // Example 7: several patterns; a folder that two of them match is told once.
    let some = client.ask("LIST \"\" (\"INBOX\" \"Drafts\" \"foo2/%\" \"foo2/bar1\")").await;
    assert_eq!(some.len(), 5, "{some:?}");
    // Example 3 and RFC 5819.
    let children = client.ok("LIST () \"\" \"%\" RETURN (CHILDREN SUBSCRIBED STATUS (MESSAGES))").await;
    assert!(children.contains("* LIST (\\HasChildren \\Subscribed) \"/\" \"eps2\""), "{children}");
    assert!(children.contains("* STATUS \"eps2\" (MESSAGES 0)"), "{children}");
    assert!(client.ask("LIST (RECURSIVEMATCH) \"\" *").await[0].contains(" BAD "));
    assert!(client.ask("LIST (RECURSIVEMATCH REMOTE) \"\" *").await[0].contains(" BAD "));
    assert!(client.ask("LIST (NONSENSE) \"\" *").await[0].contains(" BAD "));
    assert!(client.ok("LIST (REMOTE SUBSCRIBED) \"\" (e%)").await.contains("\"eps2\""));
    // A parent that is deleted stays as a name above its children.
    client.ok("DELETE qux2").await;
    let gone = client.ok("LIST \"\" qux%").await;
    assert!(gone.contains("* LIST (\\HasChildren \\NonExistent \\Noselect) \"/\" \"qux2\""), "{gone}");
}

#[tokio::test]
async fn folders_are_created_for_a_use() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    client.ok("DELETE Drafts").await;
    let made = client.ok("CREATE Brouillons (USE (\\Drafts))").await;
    assert!(made.contains(" OK [MAILBOXID (F"), "{made}");
    let listed = client.ok("LIST (SPECIAL-USE) \"\" * RETURN (SPECIAL-USE)").await;
    assert!(listed.contains("* LIST (\\HasNoChildren \\Drafts) \"/\" \"Brouillons\""), "{listed}");
    assert!(!listed.contains("INBOX"), "{listed}");
    assert!(client.ask("CREATE Vues (USE (\\All))").await[0].contains(" NO [USEATTR] "));
    assert!(client.ask("CREATE Vues (USE (\\Sent \\Junk))").await[0].contains(" NO [USEATTR] "));
    assert!(client.ok("CREATE Vues/2026 (USE ())").await.contains("MAILBOXID"));
    assert!(client.ask("CREATE Vues (USE (\\Sent))").await[0].contains(" NO [ALREADYEXISTS] "));
    assert!(!client.ok("LIST (SPECIAL-USE) \"\" *").await.contains("Vues"));
}

#[tokio::test]
async fn a_folder_keeps_its_identifier() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    let id = |text: &str| text.split_once("MAILBOXID (").unwrap().1.split_once(')').unwrap().0.to_owned();
    let made = id(&client.ok("CREATE a").await);
    let other = id(&client.ok("CREATE b").await);
    assert_ne!(made, other);
    assert!(made.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    assert_eq!(id(&client.ok("SELECT a").await), made);
    client.ok("RENAME a c/d").await;
    assert_eq!(id(&client.ok("STATUS c/d (MESSAGES MAILBOXID)").await), made);
    client.ok("CREATE a").await;
    assert_ne!(
        id(&client.ok("STATUS a (MAILBOXID)").await),
        made,
        "a new folder of the old name is another one"
    );
}

#[tokio::test]
async fn quotas_are_told_and_kept() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    let told = client.ask("GETQUOTAROOT INBOX").await;
    assert_eq!(told[..2], ["* QUOTAROOT \"INBOX\" \"\"", "* QUOTA \"\" ()"]);
    let limit = QuotaLimit { bytes: Some(10 * 1024), messages: Some(2) };
    bench.store.set_quota(bench.per, limit).await.unwrap();
    bench.deliver("INBOX", MESSAGE).await;
    assert_eq!(client.ask("GETQUOTA \"\"").await[0], "* QUOTA \"\" (STORAGE 1 10 MESSAGE 1 2)");
    assert!(client.ask("GETQUOTA other").await[0].contains(" NO [NONEXISTENT] "));
    assert!(client.ask("SETQUOTA \"\" (STORAGE 512)").await[0].contains(" NO [NOPERM] "));
    client.ok("SELECT INBOX").await;
    client.ok("COPY 1 Archive").await;
    assert!(client.ask("COPY 1 Archive").await[0].contains(" NO [OVERQUOTA] "));
    let answer = client.ask("APPEND INBOX {19+}\r\nSubject: x\r\n\r\nabc\r\n").await;
    assert!(answer.last().unwrap().contains(" NO [OVERQUOTA] "), "{answer:?}");
    client.ok("MOVE 1 Trash").await;
    client.ok("SELECT Trash").await;
    client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    let size = MESSAGE.len() + "Return-Path: <x@y>\r\n".len();
    let status = client.ok("STATUS Trash (DELETED DELETED-STORAGE SIZE)").await;
    assert!(status.contains(&format!("(DELETED 1 DELETED-STORAGE {size} SIZE {size})")), "{status}");
    client.ok("EXPUNGE").await;
    assert!(client.ok("APPEND INBOX {19+}\r\nSubject: x\r\n\r\nabc\r\n").await.contains("APPENDUID"));
}

#[tokio::test]
async fn every_command_of_an_extension_is_advertised() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    let offered = client.ok("CAPABILITY").await;
    for name in [
        "IMAP4rev1",
        "IMAP4rev2",
        "LITERAL+",
        "SASL-IR",
        "ID",
        "ENABLE",
        "NAMESPACE",
        "UNSELECT",
        "UIDPLUS",
        "MOVE",
        "IDLE",
        "CHILDREN",
        "SPECIAL-USE",
        "CREATE-SPECIAL-USE",
        "LIST-EXTENDED",
        "LIST-STATUS",
        "STATUS=SIZE",
        "ESEARCH",
        "WITHIN",
        "CONDSTORE",
        "QRESYNC",
        "UTF8=ACCEPT",
        "OBJECTID",
        "APPENDLIMIT=26214400",
        "QUOTA",
        "QUOTA=RES-STORAGE",
        "QUOTA=RES-MESSAGE",
    ] {
        assert!(offered.split([' ', '\n']).any(|word| word == name), "{name} in {offered}");
    }
}

/// RFC 3501 §2.3.2: a message is recent in one session only, and not for one that looks without touching.
#[tokio::test]
async fn a_message_is_recent_once() {
    let bench = Bench::start().await;
    bench.deliver("INBOX", MESSAGE).await;
    let mut looks = bench.logged_in().await.seeing();
    assert!(looks.ok("EXAMINE INBOX").await.contains("* 1 RECENT"));
    let mut first = bench.logged_in().await.seeing();
    assert!(first.ok("STATUS INBOX (RECENT)").await.contains("(RECENT 1)"));
    assert!(first.ok("SELECT INBOX").await.contains("* 1 RECENT"));
    assert!(first.ok("FETCH 1 FLAGS").await.contains("FLAGS (\\Recent)"));
    assert!(first.ok("STATUS INBOX (RECENT)").await.contains("(RECENT 0)"));
    let mut second = bench.logged_in().await.seeing();
    assert!(second.ok("SELECT INBOX").await.contains("* 0 RECENT"));
    assert!(second.ok("FETCH 1 FLAGS").await.contains("FLAGS ()"));
    bench.deliver("INBOX", MESSAGE).await;
    assert_eq!(second.ask("NOOP").await[..2], ["* 2 EXISTS", "* 1 RECENT"]);
    let told = first.ok("NOOP").await;
    assert!(told.contains("* 2 EXISTS") && told.contains("* 1 RECENT"), "{told}");
    assert!(first.ok("FETCH 2 FLAGS").await.contains("FLAGS ()"));
    // IMAP4rev2 knows nothing of it.
    bench.deliver("INBOX", MESSAGE).await;
    let mut third = bench.logged_in().await.seeing();
    third.ok("ENABLE IMAP4rev2").await;
    third.ok("SELECT INBOX").await;
    assert!(third.ok("FETCH 3 FLAGS").await.contains("FLAGS ()"));
}
