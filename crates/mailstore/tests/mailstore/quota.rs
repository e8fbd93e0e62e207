use mailstore::{FlagChange, Quota, QuotaLimit, Usage};

use crate::{Lab, both, deleted};

both!(
    usage_follows_every_change,
    what_passes_a_limit_is_refused,
    a_mailbox_past_its_limit_can_be_tidied,
    a_full_mailbox_harms_nobody_else
);

fn used(messages: u64, bytes: u64) -> Usage {
    Usage { bytes, messages }
}

async fn account(lab: &Lab, address: &str) -> i64 {
    lab.store.create_account(address).await.unwrap().id
}

async fn usage(lab: &Lab, account: i64) -> Usage {
    lab.store.quota(account).await.unwrap().used
}

async fn usage_follows_every_change(lab: &Lab) {
    let (a, b) = (account(lab, "a@test").await, account(lab, "b@test").await);
    let (inbox, other) = (lab.inbox("a@test").await, lab.inbox("b@test").await);
    assert_eq!(lab.store.quota(a).await.unwrap(), Quota::default());
    lab.deliver(b"12345", &[inbox, other, inbox]).await;
    let traced = lab.delivery(b"12345", "T: r\r\n", &[inbox]).await;
    lab.commit(traced).await.unwrap();
    assert_eq!((usage(lab, a).await, usage(lab, b).await), (used(3, 21), used(1, 5)));
    lab.store.copy(inbox, &[3], other, false).await.unwrap();
    lab.store.copy(inbox, &[1], other, true).await.unwrap();
    lab.store.copy(inbox, &[2], inbox, true).await.unwrap();
    assert_eq!((usage(lab, a).await, usage(lab, b).await), (used(2, 16), used(3, 21)));
    lab.store.store_flags(other, &[1, 2], FlagChange::Add, &deleted(), None).await.unwrap();
    lab.store.expunge(other, None).await.unwrap();
    assert_eq!(usage(lab, b).await, used(1, 5));
    assert!(lab.store.rename_folder(b, "INBOX", "old").await.unwrap());
    assert_eq!(usage(lab, b).await, used(1, 5));
    let old = lab.store.folder(b, "old").await.unwrap().unwrap().id;
    lab.store.delete_folder(old).await.unwrap();
    assert_eq!(usage(lab, b).await, used(0, 0));
    assert!(lab.store.quota(404).await.unwrap_err().is_missing());
}

async fn what_passes_a_limit_is_refused(lab: &Lab) {
    let (a, b) = (account(lab, "a@test").await, account(lab, "b@test").await);
    let (inbox, other) = (lab.inbox("a@test").await, lab.inbox("b@test").await);
    let sent = lab.store.folder(a, "Sent").await.unwrap().unwrap().id;
    lab.store.set_quota(a, QuotaLimit { bytes: Some(10), messages: Some(3) }).await.unwrap();
    assert_eq!(lab.store.quota(a).await.unwrap().limit, QuotaLimit { bytes: Some(10), messages: Some(3) });
    lab.deliver(b"123456", &[inbox]).await;
    let refused = |result: Result<_, db::Error>| {
        let error = result.expect_err("a limit stands in the way");
        assert!(error.is_over_quota() && !error.is_temporary(), "{error}");
        error.to_string()
    };
    let more = lab.delivery(b"12345", "", &[inbox]).await;
    let why = refused(lab.commit(more).await);
    assert_eq!(why, "the mailbox a@test may hold 10 bytes at most");
    assert!(lab.store.copy(inbox, &[1], sent, false).await.unwrap_err().is_over_quota());
    // A move within the account frees what it takes; exactly full is not over.
    lab.store.copy(inbox, &[1], sent, true).await.unwrap();
    lab.deliver(b"1234", &[inbox]).await;
    assert_eq!(usage(lab, a).await, used(2, 10));
    lab.deliver(b"", &[inbox]).await;
    let fourth = lab.delivery(b"", "", &[inbox]).await;
    assert_eq!(refused(lab.commit(fourth).await), "the mailbox a@test may hold 3 messages at most");
    // From another account, too; and that one has no limit.
    lab.deliver(b"1", &[other]).await;
    assert!(lab.store.copy(other, &[1], inbox, true).await.unwrap_err().is_over_quota());
    assert_eq!(lab.uids(other).await, [1], "what is refused changes nothing");
    lab.store.set_quota(a, QuotaLimit::default()).await.unwrap();
    lab.store.copy(other, &[1], inbox, true).await.unwrap();
    assert_eq!((usage(lab, a).await, usage(lab, b).await), (used(4, 11), used(0, 0)));
    assert!(lab.store.set_quota(404, QuotaLimit::default()).await.unwrap_err().is_missing());
}

async fn a_mailbox_past_its_limit_can_be_tidied(lab: &Lab) {
    let (a, b) = (account(lab, "a@test").await, account(lab, "b@test").await);
    let (inbox, other) = (lab.inbox("a@test").await, lab.inbox("b@test").await);
    let trash = lab.store.folder(a, "Trash").await.unwrap().unwrap().id;
    lab.deliver(b"12345", &[inbox]).await;
    lab.deliver(b"12345", &[inbox, other]).await;
    for account in [a, b] {
        lab.store.set_quota(account, QuotaLimit { bytes: Some(4), messages: Some(0) }).await.unwrap();
    }
    assert_eq!(lab.store.copy(inbox, &[1], trash, true).await.unwrap(), [(1, 1)]);
    assert!(lab.store.rename_folder(a, "INBOX", "old").await.unwrap());
    let old = lab.store.folder(a, "old").await.unwrap().unwrap().id;
    assert_eq!((lab.uids(trash).await, lab.uids(old).await), (vec![1], vec![1]));
    assert!(lab.store.copy(old, &[1], trash, false).await.unwrap_err().is_over_quota());
    assert!(lab.store.copy(other, &[1], trash, true).await.unwrap_err().is_over_quota());
    assert_eq!((usage(lab, a).await, usage(lab, b).await), (used(2, 10), used(1, 5)));
}

async fn a_full_mailbox_harms_nobody_else(lab: &Lab) {
    let a = account(lab, "a@test").await;
    let (full, other) = (lab.inbox("a@test").await, lab.inbox("b@test").await);
    lab.store.set_quota(a, QuotaLimit { bytes: Some(0), messages: None }).await.unwrap();
    let (bad, good) = (lab.delivery(b"bad", "", &[full]).await, lab.delivery(b"good", "", &[other]).await);
    let (bad, good) = tokio::join!(lab.commit(bad), lab.commit(good));
    assert!(bad.err().unwrap().is_over_quota());
    assert_eq!(good.unwrap().uids, [1]);
    assert_eq!((lab.count("body").await, lab.count("body_chunk").await), (1, 1));
    assert_eq!(usage(lab, a).await, used(0, 0));
}
