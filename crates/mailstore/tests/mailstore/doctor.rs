use std::sync::Arc;

use kernel::Timestamp;
use mailstore::{Check, Found, HeadField, QuotaLimit, Severity, examine, repair};

use crate::learned::learned;
use crate::{Lab, both, mail};

both!(a_sound_store_has_nothing, each_harm_is_named_and_mended, what_cannot_be_mended_stays);

/// Everything that the store does, done once.
async fn lived_in(lab: &Lab) -> i64 {
    let (a, b) = (lab.inbox("a@test").await, lab.inbox("b@test").await);
    for n in 0..4 {
        let mut delivery = lab.delivery(&mail(n, 1_000), "T: r\r\n", &[a, b]).await;
        delivery.body.learned = Some(Arc::new(learned("subject", "text")));
        lab.commit(delivery).await.unwrap();
    }
    lab.deliver(&mail(9, 700_000), &[a]).await;
    lab.deliver(b"", &[a]).await;
    lab.store.store_flags(a, &[1], mailstore::FlagChange::Add, &crate::deleted(), None).await.unwrap();
    lab.store.expunge(a, None).await.unwrap();
    lab.store.copy(a, &[2], b, true).await.unwrap();
    a
}

async fn wrong(lab: &Lab, now: Timestamp) -> Vec<Check> {
    examine(&lab.db, now).await.unwrap().into_iter().filter(|check| check.count > 0).collect()
}

async fn harm(lab: &Lab, text: &str) {
    assert!(lab.execute(text).await > 0, "the harm was done");
}

async fn a_sound_store_has_nothing(lab: &Lab) {
    assert_eq!(wrong(lab, lab.clock.now()).await, []);
    lived_in(lab).await;
    assert_eq!(wrong(lab, lab.clock.now()).await, []);
    assert_eq!(examine(&lab.db, lab.clock.now()).await.unwrap().len(), 12);
    repair(&lab.db, lab.clock.now()).await.unwrap();
    assert_eq!(wrong(lab, lab.clock.now()).await, []);
}

async fn each_harm_is_named_and_mended(lab: &Lab) {
    let inbox = lived_in(lab).await;
    let before =
        (lab.store.rows(inbox).await.unwrap(), lab.count("body").await, lab.count("body_chunk").await);
    for (harms, id, first) in [
        ("UPDATE folder SET uid_next = 2 WHERE id = {inbox}", "uid_order", "a@test INBOX"),
        ("UPDATE folder SET highest_modseq = 2 WHERE id = {inbox}", "mod_sequences", "a@test INBOX"),
        ("UPDATE sequence SET next = 2 WHERE name = 'body'", "numbers", "body 6"),
        ("UPDATE folder SET messages = 99 WHERE id = {inbox}", "counts", "a@test INBOX"),
        ("UPDATE body SET refs = refs + 1 WHERE id = 3", "references", "body 3"),
        (
            "INSERT INTO body_chunk (place, data) SELECT 99 * 65536, data FROM body_chunk WHERE place = 2 * 65536",
            "orphans",
            "body 99",
        ),
        ("INSERT INTO body_text (body, folded) VALUES (98, 'x')", "learned", "body 98"),
        ("INSERT INTO body_draft (body, at_us) VALUES (97, 0)", "drafts", "body 97"),
    ] {
        harm(lab, &harms.replace("{inbox}", &inbox.to_string())).await;
        let found = wrong(lab, lab.clock.now()).await;
        assert_eq!(found.iter().map(|check| check.id).collect::<Vec<_>>(), [id]);
        assert_eq!(found[0].first.as_deref(), Some(first));
        assert!(found[0].repairable);
        repair(&lab.db, lab.clock.now()).await.unwrap();
        assert_eq!(wrong(lab, lab.clock.now()).await, [], "{id}");
    }
    // A message whose text is lost is searched in its body from then on.
    harm(lab, "DELETE FROM body_text").await;
    harm(lab, &format!("DELETE FROM message_head WHERE folder = {inbox}")).await;
    assert_eq!(wrong(lab, lab.clock.now()).await[0].id, "learned");
    repair(&lab.db, lab.clock.now()).await.unwrap();
    let unknown: Vec<u32> = before.0.iter().map(|row| row.uid).collect();
    let found = lab.store.search_header(inbox, HeadField::Subject, "s").await.unwrap();
    assert_eq!(found, Found { uids: Vec::new(), unknown });
    let after =
        (lab.store.rows(inbox).await.unwrap(), lab.count("body").await, lab.count("body_chunk").await);
    assert_eq!(before, after, "no message and no byte was touched");
    assert_eq!(wrong(lab, lab.clock.now()).await, []);
}

async fn what_cannot_be_mended_stays(lab: &Lab) {
    let inbox = lived_in(lab).await;
    let account = lab.store.account("a@test").await.unwrap().unwrap().id;
    lab.store.set_quota(account, QuotaLimit { bytes: Some(1), messages: None }).await.unwrap();
    harm(lab, "DELETE FROM body_chunk WHERE place = 5 * 65536 + 2").await;
    harm(lab, &format!("UPDATE message SET body = 77 WHERE folder = {inbox} AND uid = 3")).await;
    repair(&lab.db, lab.clock.now()).await.unwrap();
    let found = wrong(lab, lab.clock.now()).await;
    let ids: Vec<(&str, Severity)> = found.iter().map(|check| (check.id, check.severity)).collect();
    let (error, warning) = (Severity::Error, Severity::Warning);
    assert_eq!(ids, [("missing_bodies", error), ("pieces", error), ("quota", warning)]);
    assert!(found.iter().all(|check| !check.repairable && check.count == 1));
    assert_eq!(found[1].first.as_deref(), Some("body 5"));
}
