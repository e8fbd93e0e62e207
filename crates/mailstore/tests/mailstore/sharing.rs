use std::collections::BTreeSet;

use crate::{Lab, both, mail};
use wire::{Fact, Origin, Service};

both!(two_units_of_one_batch, a_missing_folder_harms_nobody_else, twenty_callers_share_commits);

async fn two_units_of_one_batch(lab: &Lab) {
    let (a, b) = (lab.inbox("a@test").await, lab.inbox("b@test").await);
    let before = lab.db.stats();
    let first = lab.delivery(b"one\r\n", "", &[a, b, a]).await;
    let second = lab.delivery(b"two\r\n", "", &[a]).await;
    let (first, second) = tokio::join!(lab.commit(first), lab.commit(second));
    let (first, second) = (first.unwrap(), second.unwrap());
    let after = lab.db.stats();
    assert_eq!((after.commits - before.commits, after.units - before.units), (1, 2));
    assert_eq!((first.uids, second.uids), (vec![1, 1, 2], vec![3]));
    assert_ne!(first.body, second.body);
    assert_eq!(lab.store.read_body(second.body, 0, 99).await.unwrap(), "two\r\n");
    assert_eq!(lab.store.status(a).await.unwrap().highest_modseq, 2, "one change of the folder");
}

async fn a_missing_folder_harms_nobody_else(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    let journal = lab.journal().await;
    let good = lab.delivery(b"good\r\n", "", &[inbox]).await;
    let bad = lab.delivery(b"bad\r\n", "", &[inbox, 404]).await;
    let mut tap = journal.connect(Origin {
        service: Service::Smtp,
        peer: String::from("127.0.0.1:1"),
        port: 1,
        implicit_tls: false,
        run: None,
    });
    tap.record(Fact::Note { text: String::from("with the bad one") });
    let mut unit = db::Unit::new();
    tap.take_into(&mut unit);
    lab.store.deliver_into(&mut unit, bad);
    let mut watch = lab.store.watch(inbox);
    let (bad, good) = tokio::join!(lab.db.commit(unit), lab.commit(good));
    assert!(bad.err().unwrap().is_missing());
    assert_eq!(good.unwrap().uids, [1], "the refused unit took no UID");
    assert_eq!(*watch.borrow_and_update(), 1);
    assert_eq!(journal.head().await.unwrap(), 0, "a unit is all or nothing");
    assert_eq!((lab.count("body").await, lab.count("body_chunk").await), (1, 1));
    let nowhere = lab.delivery(b"x", "", &[]).await;
    assert!(matches!(lab.commit(nowhere).await, Err(db::Error::Invalid(_))));
}

async fn twenty_callers_share_commits(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    let journal = lab.journal().await;
    let before = lab.db.stats();
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let (db, store, clock, journal) =
                (lab.db.clone(), lab.store.clone(), lab.clock.clone(), journal.clone());
            tokio::spawn(async move {
                let mut tap = journal.connect(Origin {
                    service: Service::Smtp,
                    peer: String::from("127.0.0.1:1"),
                    port: n,
                    implicit_tls: false,
                    run: None,
                });
                let mut uids = Vec::new();
                for round in 0..10 {
                    let mut body = store.body();
                    body.push(&mail(u64::from(n) * 100 + round, 4_096)).await.unwrap();
                    for _ in 0..9 {
                        tap.line(wire::Direction::Client, "NOOP", false);
                    }
                    let mut unit = db::Unit::new();
                    tap.take_into(&mut unit);
                    let delivery = mailstore::Delivery {
                        body: body.finish(),
                        trace: bytes::Bytes::new(),
                        folders: vec![inbox],
                        flags: mailstore::Flags::default(),
                        internal_date: clock.now(),
                    };
                    let ticket = store.deliver_into(&mut unit, delivery);
                    let stored = db.commit(unit).await.unwrap().take(ticket);
                    uids.push((stored.uids[0], stored.body, u64::from(n) * 100 + round));
                }
                uids
            })
        })
        .collect();
    let mut all = BTreeSet::new();
    for task in tasks {
        for (uid, body, seed) in task.await.unwrap() {
            assert!(all.insert(uid));
            assert_eq!(lab.store.read_body(body, 0, u64::MAX).await.unwrap(), mail(seed, 4_096));
        }
    }
    let after = lab.db.stats();
    let commits = after.commits - before.commits;
    assert!(commits <= 60, "200 units of 20 callers took {commits} commits");
    assert_eq!(all, (1..=200).collect());
    assert_eq!(journal.head().await.unwrap(), 20 + 200 * 9);
}
