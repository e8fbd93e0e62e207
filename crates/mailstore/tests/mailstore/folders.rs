use kernel::Clock;
use mailstore::MailStore;

use crate::{Lab, both, instant};

both!(
    an_account_has_its_folders,
    names_and_parents,
    renames,
    renaming_inbox_moves_its_messages,
    deletion,
    lost_subscriptions_are_bounded,
    statuses
);

async fn names(store: &MailStore, account: i64) -> Vec<String> {
    store.folders(account).await.unwrap().into_iter().map(|folder| folder.name).collect()
}

async fn an_account_has_its_folders(lab: &Lab) {
    let account = lab.store.create_account(" Dr.House@Mss.TEST ").await.unwrap();
    assert_eq!(account.address, "dr.house@mss.test");
    assert_eq!(lab.store.create_account("dr.house@mss.test").await.unwrap(), account);
    assert_eq!(lab.store.account("DR.HOUSE@mss.test").await.unwrap(), Some(account.clone()));
    assert_eq!(lab.store.account("nobody@mss.test").await.unwrap(), None);
    assert!(lab.store.create_account("nobody").await.is_err());
    assert_eq!(lab.store.accounts().await.unwrap(), std::slice::from_ref(&account));
    let folders = lab.store.folders(account.id).await.unwrap();
    let uses: Vec<_> =
        folders.iter().map(|folder| (folder.name.as_str(), folder.special_use.as_deref())).collect();
    assert_eq!(
        uses,
        [
            ("INBOX", None),
            ("Archive", Some("\\Archive")),
            ("Drafts", Some("\\Drafts")),
            ("Junk", Some("\\Junk")),
            ("Sent", Some("\\Sent")),
            ("Trash", Some("\\Trash")),
        ]
    );
    assert!(folders.iter().all(|folder| folder.subscribed));
    let inbox = lab.store.folder(account.id, "iNbOx").await.unwrap().unwrap();
    assert_eq!(inbox.name, "INBOX");
    assert_eq!(
        lab.store.folder(account.id, "sent").await.unwrap(),
        None,
        "only INBOX is compared without case"
    );
    lab.store.subscribe(inbox.id, false).await.unwrap();
    assert!(!lab.store.folder(account.id, "INBOX").await.unwrap().unwrap().subscribed);
    assert!(lab.store.subscribe(999, true).await.unwrap_err().is_missing());
}

async fn names_and_parents(lab: &Lab) {
    let account = lab.store.create_account("a@test").await.unwrap().id;
    let created = lab.store.create_folder(account, "Clients/Été/2026/").await.unwrap().unwrap();
    assert_eq!((created.name.as_str(), created.subscribed), ("Clients/Été/2026", false));
    assert!(names(&lab.store, account).await.contains(&String::from("Clients/Été")));
    assert_eq!(lab.store.create_folder(account, "Clients").await.unwrap(), None);
    assert_eq!(lab.store.create_folder(account, "INBOX/x").await.unwrap().unwrap().name, "INBOX/x");
    assert_eq!(lab.store.create_folder(account, "inbox/x").await.unwrap(), None);
    for bad in ["", "a//b", "/a", "a\r\nb"] {
        assert!(matches!(lab.store.create_folder(account, bad).await, Err(db::Error::Invalid(_))), "{bad:?}");
        assert_eq!(lab.store.folder(account, bad).await.unwrap(), None);
    }
    assert!(lab.store.create_folder(404, "x").await.unwrap_err().is_missing());
}

async fn renames(lab: &Lab) {
    let account = lab.store.create_account("a@test").await.unwrap().id;
    let leaf = lab.store.create_folder(account, "A/B/C").await.unwrap().unwrap();
    lab.store.create_folder(account, "AB").await.unwrap();
    lab.deliver(b"in C\r\n", &[leaf.id]).await;
    assert!(lab.store.rename_folder(account, "A", "X/Y").await.unwrap());
    let moved = lab.store.folder(account, "X/Y/B/C").await.unwrap().unwrap();
    assert_eq!(
        (moved.id, moved.uid_validity),
        (leaf.id, leaf.uid_validity),
        "the same folder under another name"
    );
    assert_eq!(lab.uids(moved.id).await, [1]);
    let all = names(&lab.store, account).await;
    assert!(
        all.contains(&String::from("AB")) && !all.iter().any(|name| name == "A" || name.starts_with("A/"))
    );
    for (from, to) in [("A", "Z"), ("X", "AB"), ("X", "X/under"), ("X", "X")] {
        assert!(!lab.store.rename_folder(account, from, to).await.unwrap(), "{from} to {to}");
    }
    // A child that outlives its parent stands in the way of nothing but its own name.
    let parent = lab.store.folder(account, "X/Y").await.unwrap().unwrap();
    lab.store.delete_folder(parent.id).await.unwrap();
    lab.store.create_folder(account, "D/B").await.unwrap();
    let above = lab.store.folder(account, "D").await.unwrap().unwrap();
    lab.store.delete_folder(above.id).await.unwrap();
    assert!(lab.store.rename_folder(account, "X", "D").await.unwrap(), "D/B is not in the way");
    assert!(lab.store.folder(account, "D/Y/B/C").await.unwrap().is_some());
    // Up by one level, where a freed name is taken again.
    lab.store.create_folder(account, "P/P/P").await.unwrap();
    let top = lab.store.folder(account, "P").await.unwrap().unwrap();
    lab.store.delete_folder(top.id).await.unwrap();
    assert!(lab.store.rename_folder(account, "P/P", "P").await.unwrap());
    let all = names(&lab.store, account).await;
    assert!(all.contains(&String::from("P")) && all.contains(&String::from("P/P")), "{all:?}");
    assert!(!all.contains(&String::from("P/P/P")));
}

async fn renaming_inbox_moves_its_messages(lab: &Lab) {
    let account = lab.store.create_account("a@test").await.unwrap().id;
    let inbox = lab.store.folder(account, "INBOX").await.unwrap().unwrap().id;
    lab.deliver(b"one\r\n", &[inbox]).await;
    lab.deliver(b"two\r\n", &[inbox]).await;
    assert!(lab.store.rename_folder(account, "inbox", "Old/Mail").await.unwrap());
    let old = lab.store.folder(account, "Old/Mail").await.unwrap().unwrap().id;
    assert_eq!((lab.uids(inbox).await, lab.uids(old).await), (vec![], vec![1, 2]));
    assert_eq!(lab.deliver(b"three\r\n", &[inbox]).await.uids, [3], "UIDs go on");
    assert!(!lab.store.rename_folder(account, "INBOX", "Old").await.unwrap());
}

async fn deletion(lab: &Lab) {
    let account = lab.store.create_account("a@test").await.unwrap().id;
    let inbox = lab.store.folder(account, "INBOX").await.unwrap().unwrap().id;
    assert!(matches!(lab.store.delete_folder(inbox).await, Err(db::Error::Invalid(_))));
    let first = lab.store.create_folder(account, "F").await.unwrap().unwrap();
    let shared = lab.deliver(b"shared\r\n", &[first.id, inbox]).await;
    let own = lab.deliver(b"own\r\n", &[first.id]).await;
    let mut watch = lab.store.watch(first.id);
    lab.store.delete_folder(first.id).await.unwrap();
    assert!(watch.has_changed().unwrap(), "whoever has it selected is told");
    watch.mark_unchanged();
    assert!(lab.store.read_body(own.body, 0, 9).await.unwrap_err().is_missing());
    assert_eq!(lab.store.read_body(shared.body, 0, 99).await.unwrap(), "shared\r\n");
    assert!(lab.store.delete_folder(first.id).await.unwrap_err().is_missing());
    assert!(lab.store.status(first.id).await.unwrap_err().is_missing());
    assert!(lab.store.changes(first.id, 0).await.unwrap_err().is_missing());
    assert_eq!((lab.count("message").await, lab.count("body_chunk").await), (1, 1));
}

async fn lost_subscriptions_are_bounded(lab: &Lab) {
    let account = lab.store.create_account("a@test").await.unwrap().id;
    let other = lab.store.create_account("b@test").await.unwrap().id;
    let lost = format!(
        "INSERT INTO lost_subscription (account, name) WITH RECURSIVE n (i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4999) SELECT {account}, 'gone ' || i FROM n"
    );
    assert_eq!(lab.execute(&lost).await, 4_999);
    for (account, name) in [(account, "Sent"), (account, "Junk"), (other, "Junk")] {
        let folder = lab.store.folder(account, name).await.unwrap().unwrap().id;
        lab.store.delete_folder(folder).await.unwrap();
    }
    let kept = lab.store.lost_subscriptions(account).await.unwrap();
    assert_eq!(kept.len(), 5_000);
    assert!(kept.contains(&"Sent".to_owned()) && !kept.contains(&"Junk".to_owned()));
    assert_eq!(lab.store.lost_subscriptions(other).await.unwrap(), ["Junk"], "each account has its own");
    // Who unsubscribes has room again.
    assert!(lab.store.forget_subscription(account, "gone 1").await.unwrap());
    let trash = lab.store.folder(account, "Trash").await.unwrap().unwrap().id;
    lab.store.delete_folder(trash).await.unwrap();
    assert!(lab.store.lost_subscriptions(account).await.unwrap().contains(&"Trash".to_owned()));
}

async fn statuses(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    let empty = lab.store.status(inbox).await.unwrap();
    assert_eq!((empty.messages, empty.uid_next, empty.highest_modseq, empty.size), (0, 1, 1, 0));
    let mut seen = lab.delivery(b"12345", "abc", &[inbox]).await;
    seen.flags.seen = true;
    lab.commit(seen).await.unwrap();
    let mut gone = lab.delivery(b"123", "", &[inbox]).await;
    gone.flags.deleted = true;
    lab.commit(gone).await.unwrap();
    let status = lab.store.status(inbox).await.unwrap();
    assert_eq!((status.messages, status.unseen, status.deleted, status.size), (2, 1, 1, 11));
    assert_eq!((status.uid_next, status.highest_modseq), (3, 3));
    assert_eq!(status.uid_validity, empty.uid_validity);
}

#[tokio::test]
async fn a_uid_validity_is_never_given_twice() {
    let (clock, _hands) = Clock::manual(instant("2026-11-23T10:00:00Z"));
    let lab = crate::sqlite(clock).await;
    let account = lab.store.create_account("a@test").await.unwrap().id;
    let mut given: Vec<u32> =
        lab.store.folders(account).await.unwrap().into_iter().map(|folder| folder.uid_validity).collect();
    assert!(
        given.iter().all(|value| u64::from(*value) >= 1_795_428_000),
        "about the second it is: {given:?}"
    );
    for _ in 0..5 {
        // Within one and the same second: the clock stands still.
        let folder = lab.store.create_folder(account, "F").await.unwrap().unwrap();
        assert!(
            given
                .iter()
                .all(|value| *value < folder.uid_validity || given.contains(&value.saturating_add(1)))
        );
        assert!(!given.contains(&folder.uid_validity));
        given.push(folder.uid_validity);
        lab.store.delete_folder(folder.id).await.unwrap();
    }
}
