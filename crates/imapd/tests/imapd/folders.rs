use crate::bench::Bench;

#[tokio::test]
async fn folders_are_listed_with_their_uses() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    assert!(client.ok("LIST \"\" \"\"").await.starts_with("* LIST (\\Noselect) \"/\" \"\""));
    let all = client.ok("LIST \"\" *").await;
    for line in [
        "* LIST (\\HasNoChildren) \"/\" \"INBOX\"",
        "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"",
        "* LIST (\\HasNoChildren \\Drafts) \"/\" \"Drafts\"",
        "* LIST (\\HasNoChildren \\Trash) \"/\" \"Trash\"",
        "* LIST (\\HasNoChildren \\Junk) \"/\" \"Junk\"",
        "* LIST (\\HasNoChildren \\Archive) \"/\" \"Archive\"",
    ] {
        assert!(all.contains(line), "{line} in {all}");
    }
    client.ok("CREATE &AMk-tudes/2026/").await;
    assert!(client.ask("CREATE &AMk-tudes/2026").await[0].contains(" NO [ALREADYEXISTS] "));
    assert!(client.ask("CREATE \"a//b\"").await[0].contains(" NO [CANNOT] "));
    let top = client.ok("LIST \"\" \"%\"").await;
    assert!(top.contains("* LIST (\\HasChildren) \"/\" \"&AMk-tudes\"") && !top.contains("2026"), "{top}");
    assert!(client.ok("LIST &AMk-tudes/ %").await.contains("\"&AMk-tudes/2026\""));
    client.ok("RENAME &AMk-tudes \"Anciennes \\\"notes\\\"\"").await;
    assert!(client.ok("LIST \"\" *").await.contains("\"Anciennes \\\"notes\\\"/2026\""));
    assert!(client.ask("RENAME Nowhere x").await[0].contains(" NO [NONEXISTENT] "));
    assert!(client.ask("RENAME Sent Sent/Below").await[0].contains(" NO [CANNOT] "));
    assert!(client.ask(&format!("CREATE {}", "x".repeat(300))).await[0].contains(" NO [CANNOT] "));
    assert!(client.ask("DELETE INBOX").await[0].contains(" NO [CANNOT] "));
    client.ok("DELETE \"Anciennes \\\"notes\\\"/2026\"").await;
    assert!(client.ask("SELECT \"Anciennes \\\"notes\\\"/2026\"").await[0].contains(" NO [NONEXISTENT] "));
}

#[tokio::test]
async fn extended_list_tells_what_is_asked() {
    let bench = Bench::start().await;
    bench.deliver("Sent", b"Subject: x\r\n\r\ny\r\n").await;
    let mut client = bench.logged_in().await;
    let special =
        client.ok("LIST (SPECIAL-USE) \"\" \"*\" RETURN (SUBSCRIBED STATUS (MESSAGES UNSEEN))").await;
    assert!(special.contains("\\Sent") && !special.contains("\"INBOX\""), "{special}");
    assert!(special.contains("* STATUS \"Sent\" (MESSAGES 1 UNSEEN 1)"), "{special}");
    let several = client.ok("LIST \"\" (INBOX \"Dr*\") RETURN (CHILDREN SPECIAL-USE)").await;
    assert_eq!(several.matches("* LIST").count(), 2, "{several}");
    client.ok("CREATE Parent/Child").await;
    client.ok("UNSUBSCRIBE Parent").await;
    client.ok("SUBSCRIBE Parent/Child").await;
    let recursive = client.ok("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" \"%\"").await;
    assert!(recursive.contains("\"Parent\" (\"CHILDINFO\" (\"SUBSCRIBED\"))"), "{recursive}");
    assert!(client.ok("LSUB \"\" \"%\"").await.contains("* LSUB (\\Noselect) \"/\" \"Parent\""));
    assert!(client.ok("LSUB \"\" \"*\"").await.contains("\"Parent/Child\""));
    client.ok("UNSUBSCRIBE Parent/Child").await;
    assert!(!client.ok("LSUB \"\" \"*\"").await.contains("\"Parent/Child\""));
    assert!(client.ask("LIST (NONSENSE) \"\" *").await[0].contains(" BAD "));
}

/// RFC 3501 §6.3.6: a deleted folder stays subscribed, until somebody says otherwise.
#[tokio::test]
async fn a_subscription_outlives_its_folder() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    client.ok("CREATE Gone").await;
    client.ok("SUBSCRIBE Gone").await;
    client.ok("DELETE Gone").await;
    let listed = client.ok("LIST (SUBSCRIBED) \"\" *").await;
    assert!(listed.contains("* LIST (\\NonExistent \\Subscribed) \"/\" \"Gone\""), "{listed}");
    assert!(client.ok("LSUB \"\" *").await.contains("* LSUB (\\Noselect) \"/\" \"Gone\""));
    client.ok("CREATE Gone").await;
    let back = client.ok("LIST \"\" Gone RETURN (SUBSCRIBED)").await;
    assert!(back.contains("\\Subscribed"), "{back}");
    client.ok("DELETE Gone").await;
    client.ok("UNSUBSCRIBE Gone").await;
    assert!(!client.ok("LSUB \"\" *").await.contains("Gone"));
    assert!(client.ask("UNSUBSCRIBE Gone").await[0].contains(" NO [NONEXISTENT] "));
}

#[tokio::test]
async fn status_counts() {
    let bench = Bench::start().await;
    let message = b"Subject: x\r\n\r\ny\r\n";
    bench.deliver("INBOX", message).await;
    bench.deliver("INBOX", message).await;
    let mut client = bench.logged_in().await;
    let status = client.ok("STATUS inbox (MESSAGES RECENT UIDNEXT UNSEEN SIZE DELETED APPENDLIMIT)").await;
    let size = 2 * (message.len() + "Return-Path: <x@y>\r\n".len());
    let wanted = format!(
        "* STATUS \"INBOX\" (MESSAGES 2 RECENT 2 UIDNEXT 3 UNSEEN 2 SIZE {size} DELETED 0 APPENDLIMIT 26214400)"
    );
    assert!(status.contains(&wanted), "{status}");
    assert!(client.ask("STATUS Nowhere (MESSAGES)").await[0].contains(" NO [NONEXISTENT] "));
}

#[tokio::test]
async fn the_inbox_renamed_is_emptied() {
    let bench = Bench::start().await;
    bench.deliver("INBOX", b"Subject: x\r\n\r\ny\r\n").await;
    let mut client = bench.logged_in().await;
    client.ok("RENAME INBOX Old").await;
    assert!(client.ok("STATUS INBOX (MESSAGES)").await.contains("(MESSAGES 0)"));
    assert!(client.ok("STATUS Old (MESSAGES)").await.contains("(MESSAGES 1)"));
}
