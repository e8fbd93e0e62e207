//! Two stores on one database are what two processes are: nothing is shared but the tables.

use std::collections::BTreeSet;
use std::time::Duration;

use mailstore::{FlagChange, MailStore};

use crate::{Lab, both, deleted};

both!(
    two_processes_create_an_account,
    changes_of_another_process_wake,
    two_processes_deliver,
    two_processes_expunge
);

async fn two_processes_create_an_account(lab: &Lab) {
    let other = lab.another().await;
    for n in 0..10 {
        let address = format!("{n}@test");
        let (one, two) =
            tokio::join!(lab.store.create_account(&address), other.store.create_account(&address));
        assert_eq!(one.unwrap(), two.unwrap());
    }
    assert_eq!((lab.count("account").await, lab.count("folder").await), (10, 60));
}

async fn woken(watch: &mut tokio::sync::watch::Receiver<u64>) {
    tokio::time::timeout(Duration::from_secs(5), watch.changed()).await.expect("woken in time").unwrap();
    watch.borrow_and_update();
}

async fn changes_of_another_process_wake(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    let other = lab.another().await;
    let mut watch = other.store.watch(inbox);
    lab.deliver(b"1", &[inbox]).await;
    woken(&mut watch).await;
    assert_eq!(other.uids(inbox).await, [1]);
    lab.store.store_flags(inbox, &[1], FlagChange::Add, &deleted(), None).await.unwrap();
    woken(&mut watch).await;
    lab.store.expunge(inbox, None).await.unwrap();
    woken(&mut watch).await;
    assert_eq!(other.store.changes(inbox, 2).await.unwrap().vanished, [1]);
    // Its own changes wake at once, and once.
    other.deliver(b"2", &[inbox]).await;
    assert!(watch.has_changed().unwrap());
    watch.borrow_and_update();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(!watch.has_changed().unwrap(), "what was told is not told again");
    let account = lab.store.account("a@test").await.unwrap().unwrap().id;
    let folder = lab.store.create_folder(account, "x").await.unwrap().unwrap().id;
    let mut watch = other.store.watch(folder);
    lab.store.delete_folder(folder).await.unwrap();
    woken(&mut watch).await;
}

async fn fill(lab: &Lab, store: &MailStore, folders: &[i64], count: usize) -> Vec<(u32, u32)> {
    let mut uids = Vec::new();
    for _ in 0..count {
        let delivery = lab.delivery(b"Subject: x\r\n\r\n", "", folders).await;
        let mut unit = db::Unit::new();
        let ticket = store.deliver_into(&mut unit, delivery);
        let done = lab.db.commit(unit).await.unwrap().take(ticket);
        uids.push((done.uids[0], done.uids[1]));
    }
    uids
}

/// In opposite orders, so that each holds what the other one waits for.
async fn two_processes_deliver(lab: &Lab) {
    let (a, b) = (lab.inbox("a@test").await, lab.inbox("b@test").await);
    let other = lab.another().await;
    let (there, back) = ([a, b], [b, a]);
    let (one, two) = tokio::join!(fill(lab, &lab.store, &there, 40), fill(&other, &other.store, &back, 40));
    let in_a: BTreeSet<u32> = one.iter().map(|(a, _)| *a).chain(two.iter().map(|(_, a)| *a)).collect();
    let in_b: BTreeSet<u32> = one.iter().map(|(_, b)| *b).chain(two.iter().map(|(b, _)| *b)).collect();
    let all: BTreeSet<u32> = (1..=80).collect();
    assert_eq!((&in_a, &in_b), (&all, &all), "no UID is given twice, and none is lost");
    assert_eq!(lab.store.status(a).await.unwrap().highest_modseq, 81);
}

/// Both expunge and move the same messages: each goes once, and no body is freed while a folder holds it.
async fn two_processes_expunge(lab: &Lab) {
    let (a, b) = (lab.inbox("a@test").await, lab.inbox("b@test").await);
    let other = lab.another().await;
    for _ in 0..30 {
        lab.deliver(b"Subject: x\r\n\r\n", &[a]).await;
    }
    let all: Vec<u32> = (1..=30).collect();
    let (mut moved, mut expunged) = (0, 0);
    for some in all.chunks(3) {
        lab.store.store_flags(a, some, FlagChange::Add, &deleted(), None).await.unwrap();
        let (one, two) = tokio::join!(lab.store.copy(a, some, b, true), other.store.expunge(a, Some(some)));
        moved += one.unwrap().len();
        expunged += two.unwrap().len();
    }
    assert_eq!(moved + expunged, 30);
    assert_eq!((lab.uids(a).await.len(), lab.uids(b).await.len()), (0, moved));
    let moved = i64::try_from(moved).unwrap();
    assert_eq!((lab.count("body").await, lab.count("body_chunk").await), (moved, moved));
    let account = |lab: &Lab, address: &'static str| {
        let store = lab.store.clone();
        async move { store.quota(store.account(address).await.unwrap().unwrap().id).await.unwrap().used.messages }
    };
    assert_eq!((account(lab, "a@test").await, account(lab, "b@test").await), (0, moved.unsigned_abs()));
}
