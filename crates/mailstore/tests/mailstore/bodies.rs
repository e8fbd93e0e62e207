use std::time::Duration;

use kernel::{Clock, sha256_hex};

use crate::{Lab, both, deleted, instant, mail};

const PIECE: usize = 256 * 1024;

both!(
    every_size_comes_back_byte_for_byte,
    a_clone_has_its_own_trace,
    headers_are_the_first_bytes,
    freed_with_the_last,
    found_by_digest,
);

async fn every_size_comes_back_byte_for_byte(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    for (seed, size) in
        [0, 1, 300, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 5].into_iter().enumerate()
    {
        for trace in ["", "Return-Path: <b@test>\r\nReceived: from b\r\n"] {
            let bytes = mail(seed as u64, size);
            let delivery = lab.delivery(&bytes, trace, &[inbox]).await;
            assert_eq!(delivery.body.sha256, sha256_hex(&bytes), "of the bytes as received");
            let stored = lab.commit(delivery).await.unwrap();
            let whole = [trace.as_bytes(), &bytes].concat();
            let meta = lab.store.meta(inbox, &stored.uids).await.unwrap().remove(0);
            assert_eq!(meta.size, whole.len() as u64);
            assert!(whole.starts_with(&meta.headers));
            assert_eq!(lab.store.read_body(stored.body, 0, u64::MAX).await.unwrap(), whole, "{size} {trace}");
            let mut rng = kernel::Rng::seeded(seed as u64);
            for _ in 0..5 {
                let from = rng.below(whole.len() as u64 + 10) as usize;
                let len = rng.below(PIECE as u64 + 1_000) as usize;
                let part = lab.store.read_body(stored.body, from as u64, len as u64).await.unwrap();
                assert_eq!(
                    part,
                    whole[from.min(whole.len())..(from + len).min(whole.len())],
                    "{from} {len} of {size}"
                );
            }
        }
    }
    assert!(lab.store.read_body(999_999, 0, 1).await.unwrap_err().is_missing());
    assert_eq!(lab.count("body_draft").await, 0);
}

async fn a_clone_has_its_own_trace(lab: &Lab) {
    let (a, b) = (lab.inbox("a@test").await, lab.inbox("b@test").await);
    for size in [500, 2 * PIECE + 7] {
        let bytes = mail(size as u64, size);
        let first = lab.delivery(&bytes, "X-For: a\r\n", &[a]).await;
        let mut second = first.clone();
        (second.trace, second.folders) = ("X-For: b\r\n".into(), vec![b]);
        let mut third = second.clone();
        third.trace = "X-For: again\r\n".into();
        // Two in one unit, one after it.
        let mut unit = db::Unit::new();
        let tickets = [first, second].map(|delivery| lab.store.deliver_into(&mut unit, delivery));
        let mut replies = lab.db.commit(unit).await.unwrap();
        let [first, second] = tickets.map(|ticket| replies.take(ticket));
        let third = lab.commit(third).await.unwrap();
        for (stored, trace) in
            [(first, "X-For: a\r\n"), (second, "X-For: b\r\n"), (third, "X-For: again\r\n")]
        {
            let whole = [trace.as_bytes(), &bytes].concat();
            assert_eq!(lab.store.read_body(stored.body, 0, u64::MAX).await.unwrap(), whole);
        }
    }
}

async fn headers_are_the_first_bytes(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    let headers = b"From: a\r\nSubject: long\r\n folded\r\n\r\n";
    let small = [&headers[..], b"text\r\n\r\nmore"].concat();
    let big = [&headers[..], &mail(1, 2 * PIECE)].concat();
    for bytes in [small, big] {
        let stored = lab.commit(lab.delivery(&bytes, "Received: x\r\n", &[inbox]).await).await.unwrap();
        let meta = lab.store.meta(inbox, &stored.uids).await.unwrap().remove(0);
        assert_eq!(meta.headers, [b"Received: x\r\n", &headers[..]].concat());
    }
    let endless = vec![b'x'; 200_000];
    let stored = lab.commit(lab.delivery(&endless, "Received: x\r\n", &[inbox]).await).await.unwrap();
    let meta = lab.store.meta(inbox, &stored.uids).await.unwrap().remove(0);
    assert_eq!((meta.headers.len(), meta.size), (64 * 1024, 200_013));
}

async fn found_by_digest(lab: &Lab) {
    let (a, b) = (lab.inbox("a@test").await, lab.inbox("b@test").await);
    let bytes = mail(1, 700);
    lab.deliver(&bytes, &[a]).await;
    let newest = lab.commit(lab.delivery(&bytes, "X-T: 1\r\n", &[a]).await).await.unwrap();
    let found = lab.store.find_body(a, &sha256_hex(&bytes)).await.unwrap().unwrap();
    assert_eq!((found.id, found.size), (newest.body, 708));
    assert_eq!(lab.store.find_body(b, &sha256_hex(&bytes)).await.unwrap(), None);
}

async fn freed_with_the_last(lab: &Lab) {
    let (a, b) = (lab.inbox("a@test").await, lab.inbox("b@test").await);
    let bytes = mail(1, 2 * PIECE + 9);
    let stored = lab.deliver(&bytes, &[a, b]).await;
    let copies = lab.store.copy(a, &stored.uids, b, false).await.unwrap();
    assert_eq!(lab.count("body").await, 1, "one body, three messages");
    lab.deliver(b"another\r\n", &[a]).await;
    for (folder, uid) in [(a, stored.uids[0]), (b, stored.uids[1])] {
        lab.store.store_flags(folder, &[uid], mailstore::FlagChange::Add, &deleted(), None).await.unwrap();
        assert_eq!(lab.store.expunge(folder, None).await.unwrap(), [uid]);
        assert_eq!(
            lab.store.read_body(stored.body, 0, u64::MAX).await.unwrap(),
            bytes,
            "the copy still refers to it"
        );
    }
    let last = copies[0].1;
    lab.store.store_flags(b, &[last], mailstore::FlagChange::Add, &deleted(), None).await.unwrap();
    lab.store.expunge(b, Some(&[last])).await.unwrap();
    assert!(lab.store.read_body(stored.body, 0, 1).await.unwrap_err().is_missing());
    assert_eq!(
        (lab.count("body").await, lab.count("body_chunk").await),
        (1, 1),
        "the other body is untouched"
    );
}

#[tokio::test]
async fn a_body_given_up_is_freed() {
    let lab = crate::sqlite(Clock::system()).await;
    let mut half = lab.store.body();
    half.push(&mail(1, 3 * PIECE)).await.unwrap();
    assert_eq!((lab.count("body_draft").await, lab.count("body_chunk").await), (1, 2));
    drop(half);
    let refused = lab.delivery(&mail(2, 3 * PIECE), "", &[404]).await;
    assert!(lab.commit(refused).await.unwrap_err().is_missing());
    lab.db.barrier().await.unwrap();
    assert_eq!((lab.count("body_draft").await, lab.count("body_chunk").await), (0, 0));
}

#[tokio::test]
async fn what_a_dead_process_left_is_swept_and_a_live_one_is_not() {
    let (clock, hands) = Clock::manual(instant("2026-11-23T10:00:00Z"));
    let lab = crate::sqlite(clock).await;
    let inbox = lab.inbox("a@test").await;
    let mut dead = lab.store.body();
    dead.push(&mail(1, 3 * PIECE)).await.unwrap();
    let mut slow = lab.store.body();
    slow.push(&mail(2, 2 * PIECE)).await.unwrap();
    hands.advance(Duration::from_secs(3_000));
    slow.push(&mail(3, 2 * PIECE)).await.unwrap();
    assert_eq!(lab.store.sweep().await.unwrap(), 0);
    hands.advance(Duration::from_secs(1_000));
    assert_eq!(lab.store.sweep().await.unwrap(), 1);
    // The one that was swept cannot be delivered with a hole in it; the slow one can.
    let folders = vec![inbox];
    let delivery = |body| mailstore::Delivery {
        body,
        trace: bytes::Bytes::new(),
        folders: folders.clone(),
        flags: mailstore::Flags::default(),
        internal_date: lab.clock.now(),
    };
    assert!(lab.commit(delivery(dead.finish())).await.unwrap_err().is_missing());
    let stored = lab.commit(delivery(slow.finish())).await.unwrap();
    let whole = [mail(2, 2 * PIECE), mail(3, 2 * PIECE)].concat();
    assert_eq!(lab.store.read_body(stored.body, 0, u64::MAX).await.unwrap(), whole);
}
