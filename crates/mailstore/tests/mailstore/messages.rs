use mailstore::{FlagChange, Flags};

use crate::{Lab, both, deleted};

both!(
    flags_change,
    keywords_are_bounded,
    conditional_store,
    expunge_among_uids,
    copies_and_moves,
    changes_since,
    metadata_of_many,
    watchers
);

fn flags(seen: bool, keywords: &[&str]) -> Flags {
    Flags { seen, keywords: keywords.iter().map(|word| (*word).to_owned()).collect(), ..Flags::default() }
}

async fn fill(lab: &Lab, folder: i64, count: usize) {
    for n in 0..count {
        lab.deliver(format!("Subject: {n}\r\n\r\n").as_bytes(), &[folder]).await;
    }
}

async fn flags_change(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    fill(lab, inbox, 3).await;
    let rows = lab
        .store
        .store_flags(inbox, &[3, 1, 9, 1], FlagChange::Add, &flags(true, &["Lu", "lu"]), None)
        .await
        .unwrap();
    assert_eq!(
        rows.iter().map(|row| row.uid).collect::<Vec<_>>(),
        [1, 3],
        "those that exist, ascending, once"
    );
    assert!(rows.iter().all(|row| row.modseq == 5 && row.flags == flags(true, &["Lu"])));
    assert_eq!(lab.store.rows(inbox).await.unwrap()[1].flags, Flags::default());
    let same =
        lab.store.store_flags(inbox, &[1], FlagChange::Add, &flags(true, &["LU"]), None).await.unwrap();
    assert_eq!(same[0].modseq, 5, "what does not change keeps its mod-sequence");
    assert_eq!(lab.store.status(inbox).await.unwrap().highest_modseq, 5);
    let off =
        lab.store.store_flags(inbox, &[1], FlagChange::Remove, &flags(false, &["LU"]), None).await.unwrap();
    assert_eq!((off[0].modseq, &off[0].flags), (6, &flags(true, &[])));
    let all = lab
        .store
        .store_flags(inbox, &[1, 2, 3], FlagChange::Replace, &flags(false, &["x"]), None)
        .await
        .unwrap();
    assert_eq!(all, lab.store.rows(inbox).await.unwrap());
    assert!(all.iter().all(|row| row.flags == flags(false, &["x"]) && row.modseq == 7));
}

async fn keywords_are_bounded(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    fill(lab, inbox, 2).await;
    let (long, other) = ("x".repeat(4_094), "y".repeat(4_096));
    let store = async |change, words: &[&str]| {
        lab.store.store_flags(inbox, &[1, 2], change, &flags(false, words), None).await
    };
    store(FlagChange::Add, &[&long]).await.unwrap();
    for (change, words) in [(FlagChange::Add, ["yy"]), (FlagChange::Replace, [&*format!("{other}y")])] {
        let error = store(change, &words).await.unwrap_err();
        assert!(matches!(error, db::Error::Invalid(_)), "{error:?}");
        assert_eq!(error.to_string(), "a message has at most 4096 octets of keywords");
    }
    assert!(lab.store.rows(inbox).await.unwrap().iter().all(|row| row.flags == flags(false, &[&long])));
    store(FlagChange::Add, &["y"]).await.unwrap();
    store(FlagChange::Replace, &[&other]).await.unwrap();
    // A message of an older version has more, and can lose some and be marked as read.
    let old = format!("{other} {long} z");
    lab.execute(&format!("UPDATE message SET keywords = '{old}'")).await;
    store(FlagChange::Remove, &["z"]).await.unwrap();
    lab.store.store_flags(inbox, &[1, 2], FlagChange::Add, &flags(true, &[]), None).await.unwrap();
    assert!(
        lab.store.rows(inbox).await.unwrap().iter().all(|row| row.flags == flags(true, &[&other, &long]))
    );
    let mut appended = lab.delivery(b"x", "", &[inbox]).await;
    appended.flags = flags(false, &[&other, "z"]);
    assert!(matches!(lab.commit(appended).await, Err(db::Error::Invalid(_))));
}

async fn conditional_store(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    fill(lab, inbox, 3).await;
    let before = lab.store.status(inbox).await.unwrap().highest_modseq;
    lab.store.store_flags(inbox, &[2], FlagChange::Add, &flags(true, &[]), None).await.unwrap();
    let done = lab
        .store
        .store_flags(
            inbox,
            &[1, 2, 3],
            FlagChange::Add,
            &Flags { flagged: true, ..Flags::default() },
            Some(before),
        )
        .await
        .unwrap();
    assert_eq!(done.iter().map(|row| row.uid).collect::<Vec<_>>(), [1, 3], "2 was changed later");
    assert!(!lab.store.rows(inbox).await.unwrap()[1].flags.flagged);
}

async fn expunge_among_uids(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    fill(lab, inbox, 5).await;
    lab.store.store_flags(inbox, &[1, 2, 4], FlagChange::Add, &deleted(), None).await.unwrap();
    assert_eq!(lab.store.expunge(inbox, Some(&[5, 4, 3])).await.unwrap(), [4]);
    assert_eq!(lab.uids(inbox).await, [1, 2, 3, 5]);
    assert_eq!(lab.store.expunge(inbox, None).await.unwrap(), [1, 2]);
    let modseq = lab.store.status(inbox).await.unwrap().highest_modseq;
    assert!(lab.store.expunge(inbox, None).await.unwrap().is_empty());
    assert_eq!(lab.store.status(inbox).await.unwrap().highest_modseq, modseq);
    assert_eq!(lab.deliver(b"next\r\n", &[inbox]).await.uids, [6], "a UID is never given twice");
}

async fn copies_and_moves(lab: &Lab) {
    let (a, b) = (lab.inbox("a@test").await, lab.inbox("b@test").await);
    fill(lab, a, 4).await;
    lab.deliver(b"already there\r\n", &[b]).await;
    lab.store.store_flags(a, &[2], FlagChange::Replace, &flags(true, &["k"]), None).await.unwrap();
    let source = lab.store.meta(a, &[2]).await.unwrap().remove(0);
    assert_eq!(lab.store.copy(a, &[4, 2, 7], b, false).await.unwrap(), [(2, 2), (4, 3)]);
    let copy = lab.store.meta(b, &[2]).await.unwrap().remove(0);
    assert_eq!(
        (&copy.flags, copy.internal_date, copy.body),
        (&source.flags, source.internal_date, source.body)
    );
    assert_eq!(lab.store.copy(a, &[1, 3], b, true).await.unwrap(), [(1, 4), (3, 5)]);
    assert_eq!((lab.uids(a).await, lab.uids(b).await), (vec![2, 4], vec![1, 2, 3, 4, 5]));
    assert!(lab.store.copy(a, &[2], 404, true).await.unwrap_err().is_missing());
    assert_eq!(lab.uids(a).await, [2, 4], "a move that fails moves nothing");
    assert!(lab.store.copy(a, &[99], b, false).await.unwrap().is_empty());
    // Within one folder a move gives new UIDs.
    assert_eq!(lab.store.copy(a, &[2], a, true).await.unwrap(), [(2, 5)]);
    assert_eq!(lab.uids(a).await, [4, 5]);
}

async fn changes_since(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    fill(lab, inbox, 3).await;
    let since = lab.store.status(inbox).await.unwrap().highest_modseq;
    assert_eq!(
        lab.store.changes(inbox, since).await.unwrap(),
        mailstore::Changes { highest_modseq: since, ..mailstore::Changes::default() }
    );
    lab.store.store_flags(inbox, &[1], FlagChange::Add, &deleted(), None).await.unwrap();
    lab.store.store_flags(inbox, &[3], FlagChange::Add, &flags(true, &[]), None).await.unwrap();
    lab.store.expunge(inbox, None).await.unwrap();
    fill(lab, inbox, 1).await;
    let changes = lab.store.changes(inbox, since).await.unwrap();
    assert_eq!(changes.changed.iter().map(|row| row.uid).collect::<Vec<_>>(), [3, 4]);
    assert_eq!((changes.vanished, changes.highest_modseq), (vec![1], since + 4));
}

async fn metadata_of_many(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    let deliveries = futures(lab, inbox, 1_300).await;
    assert_eq!(deliveries, 1_300);
    let odd: Vec<u32> = (0..650).map(|n| n * 2 + 1).rev().collect();
    let metas = lab.store.meta(inbox, &odd).await.unwrap();
    assert_eq!(metas.len(), 650);
    assert!(
        metas.windows(2).all(|pair| pair[0].uid < pair[1].uid) && metas.iter().all(|meta| meta.uid % 2 == 1)
    );
    assert_eq!(lab.store.meta(inbox, &(1..=2_000).collect::<Vec<_>>()).await.unwrap().len(), 1_300);
    let rows = lab.store.store_flags(inbox, &odd, FlagChange::Add, &deleted(), None).await.unwrap();
    assert_eq!(rows.len(), 650);
    assert_eq!(lab.store.expunge(inbox, None).await.unwrap().len(), 650);
    assert_eq!(
        (lab.count("message").await, lab.count("body").await, lab.count("body_chunk").await),
        (650, 650, 650)
    );
    assert_eq!(lab.store.meta(inbox, &[]).await.unwrap(), []);
}

/// Many deliveries in one unit.
async fn futures(lab: &Lab, folder: i64, count: usize) -> usize {
    let mut unit = db::Unit::new();
    let mut tickets = Vec::new();
    for n in 0..count {
        let delivery = lab.delivery(format!("Subject: {n}\r\n\r\n").as_bytes(), "", &[folder]).await;
        tickets.push(lab.store.deliver_into(&mut unit, delivery));
    }
    let mut replies = lab.db.commit(unit).await.unwrap();
    let uids: Vec<u32> = tickets.into_iter().map(|ticket| replies.take(ticket).uids[0]).collect();
    assert_eq!(uids, (1..=count as u32).collect::<Vec<_>>());
    uids.len()
}

async fn watchers(lab: &Lab) {
    let (a, b) = (lab.inbox("a@test").await, lab.inbox("b@test").await);
    let (mut on_a, mut on_b) = (lab.store.watch(a), lab.store.watch(b));
    lab.deliver(b"x\r\n", &[a]).await;
    assert!(on_a.has_changed().unwrap() && !on_b.has_changed().unwrap());
    let seen = *on_a.borrow_and_update();
    lab.store.store_flags(a, &[1], FlagChange::Add, &flags(true, &[]), None).await.unwrap();
    assert!(*on_a.borrow_and_update() > seen);
    lab.store.store_flags(a, &[1], FlagChange::Add, &flags(true, &[]), None).await.unwrap();
    assert!(!on_a.has_changed().unwrap(), "nothing changed, nothing said");
    lab.store.copy(a, &[1], b, true).await.unwrap();
    assert!(on_a.has_changed().unwrap() && on_b.has_changed().unwrap());
    on_b.mark_unchanged();
    lab.store.store_flags(b, &[1], FlagChange::Add, &deleted(), None).await.unwrap();
    lab.store.expunge(b, None).await.unwrap();
    assert!(on_b.has_changed().unwrap());
}
