use std::sync::Arc;

use bytes::Bytes;
use mailstore::{FlagChange, Found, HeadField, Heads, Learned, MOST_HEAD, MOST_TEXT, Parts};

use crate::{Lab, both, deleted};

both!(
    what_was_learned_is_found,
    copies_carry_it_and_expunges_take_it_away,
    what_is_not_known_is_said_so,
    days_and_nul,
    a_large_folder_is_searched_whole,
    many_small_bodies,
    parts_of_metadata
);

pub(crate) fn learned(subject: &str, text: &str) -> Learned {
    Learned {
        structure: Bytes::copy_from_slice(format!("structure of {subject}").as_bytes()),
        preview: Some(format!("preview of {subject}")),
        heads: Some(Heads {
            from: Some(String::from("dr zoé <zoe@a.test>")),
            subject: Some(subject.to_owned()),
            sent_day: Some(20_000),
            sent_at: Some(crate::instant("2024-10-04T10:00:00Z")),
            ..Heads::default()
        }),
        text: Some(text.to_owned()),
    }
}

async fn deliver(lab: &Lab, what: Learned, folders: &[i64]) -> i64 {
    let mut delivery = lab.delivery(b"Subject: x\r\n\r\ny\r\n", "", folders).await;
    delivery.body.learned = Some(Arc::new(what));
    lab.commit(delivery).await.unwrap().body
}

fn found(uids: &[u32]) -> Found {
    Found { uids: uids.to_vec(), unknown: Vec::new() }
}

async fn what_was_learned_is_found(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    let before = lab.clock.now().as_microsecond();
    deliver(lab, learned("résultats d'analyse", "glycémie normale"), &[inbox]).await;
    deliver(lab, learned("", "100 % de réussite_x"), &[inbox]).await;
    let store = &lab.store;
    let header = async |field, needle| store.search_header(inbox, field, needle).await.unwrap();
    assert_eq!(header(HeadField::Subject, "d'ana").await, found(&[1]));
    assert_eq!(header(HeadField::Subject, "").await, found(&[1, 2]));
    assert_eq!(header(HeadField::Subject, "ANA").await, found(&[]), "needles come folded");
    assert_eq!(header(HeadField::From, "zoé").await, found(&[1, 2]));
    assert_eq!(header(HeadField::Cc, "").await, found(&[]), "there is no such field");
    assert_eq!(store.search_text(inbox, "émie").await.unwrap(), found(&[1]));
    assert_eq!(store.search_text(inbox, "% de réussite_").await.unwrap(), found(&[2]), "no wildcards");
    assert_eq!(store.search_text(inbox, "_").await.unwrap(), found(&[2]));
    let meta = store.meta(inbox, &[1]).await.unwrap().remove(0);
    assert_eq!(meta.structure.as_deref(), Some(&b"structure of r\xc3\xa9sultats d'analyse"[..]));
    assert_eq!(meta.preview.as_deref(), Some("preview of résultats d'analyse"));
    let saved = meta.save_date.unwrap().as_microsecond();
    assert!((before..=lab.clock.now().as_microsecond()).contains(&saved));
    assert_eq!(store.with_body(inbox, meta.body).await.unwrap(), [1]);
}

async fn copies_carry_it_and_expunges_take_it_away(lab: &Lab) {
    let (a, b) = (lab.inbox("a@test").await, lab.inbox("b@test").await);
    for n in 0..3 {
        deliver(lab, learned(&format!("number {n}"), &format!("text {n}")), &[a]).await;
    }
    lab.store.copy(a, &[1, 3], b, false).await.unwrap();
    assert_eq!(lab.store.search_header(b, HeadField::Subject, "number 2").await.unwrap(), found(&[2]));
    assert_eq!(lab.store.search_text(b, "text 2").await.unwrap(), found(&[2]));
    lab.store.copy(a, &[2], b, true).await.unwrap();
    assert_eq!(lab.store.search_header(b, HeadField::Subject, "number").await.unwrap(), found(&[1, 2, 3]));
    assert_eq!(lab.store.search_header(a, HeadField::Subject, "number").await.unwrap(), found(&[1, 3]));
    assert!(lab.store.meta(b, &[3]).await.unwrap()[0].structure.is_some());
    // A move within one folder.
    assert_eq!(lab.store.copy(a, &[1], a, true).await.unwrap(), [(1, 4)]);
    assert_eq!(lab.store.search_header(a, HeadField::Subject, "number 0").await.unwrap(), found(&[4]));
    for folder in [a, b] {
        lab.store.store_flags(folder, &[1, 2, 3, 4], FlagChange::Add, &deleted(), None).await.unwrap();
        lab.store.expunge(folder, None).await.unwrap();
        assert_eq!(lab.store.search_text(folder, "text").await.unwrap(), found(&[]));
    }
    assert_eq!((lab.count("message_head").await, lab.count("body_text").await), (0, 0));
    let account = lab.store.account("a@test").await.unwrap().unwrap().id;
    let folder = lab.store.create_folder(account, "x").await.unwrap().unwrap().id;
    deliver(lab, learned("a", "b"), &[folder]).await;
    lab.store.delete_folder(folder).await.unwrap();
    assert_eq!((lab.count("message_head").await, lab.count("body_text").await), (0, 0));
}

async fn what_is_not_known_is_said_so(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    lab.deliver(b"nothing learned\r\n", &[inbox]).await;
    deliver(lab, learned("a", "b"), &[inbox]).await;
    deliver(lab, Learned { text: Some("b".repeat(MOST_TEXT + 1)), ..learned("a", "") }, &[inbox]).await;
    let subject = Some("a".repeat(MOST_HEAD + 1));
    let heads = Some(Heads { subject, ..Heads::default() });
    deliver(lab, Learned { heads, ..learned("", "b") }, &[inbox]).await;
    let by_header = lab.store.search_header(inbox, HeadField::Subject, "a").await.unwrap();
    assert_eq!(by_header, Found { uids: vec![2, 3], unknown: vec![1, 4] });
    let by_text = lab.store.search_text(inbox, "b").await.unwrap();
    assert_eq!(by_text, Found { uids: vec![2], unknown: vec![1, 3, 4] });
    let metas = lab.store.meta(inbox, &[1, 3]).await.unwrap();
    assert_eq!((&metas[0].structure, &metas[0].preview), (&None, &None));
    assert!(metas[1].structure.is_some());
}

async fn days_and_nul(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    deliver(lab, learned("nul \0 inside", "and \0 here"), &[inbox]).await;
    lab.deliver(b"unknown", &[inbox]).await;
    let preview = lab.store.meta(inbox, &[1]).await.unwrap().remove(0).preview;
    assert_eq!(preview.as_deref(), Some("preview of nul   inside"));
    let unknown = |uids: &[u32]| Found { uids: uids.to_vec(), unknown: vec![2] };
    assert_eq!(lab.store.search_header(inbox, HeadField::Subject, "nul").await.unwrap(), unknown(&[1]));
    assert_eq!(lab.store.search_header(inbox, HeadField::Subject, "\0").await.unwrap(), unknown(&[]));
    assert_eq!(lab.store.search_text(inbox, "\0").await.unwrap(), unknown(&[]));
    assert_eq!(lab.store.search_sent(inbox, 20_000, 20_000).await.unwrap(), unknown(&[1]));
    assert_eq!(lab.store.search_sent(inbox, 20_001, i64::MAX).await.unwrap(), unknown(&[]));
    assert_eq!(lab.store.search_sent(inbox, i64::MIN, 20_001).await.unwrap(), unknown(&[1]));
    assert!(lab.store.search_text(404, "a").await.unwrap_err().is_missing());
}

async fn a_large_folder_is_searched_whole(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    let mut unit = db::Unit::new();
    for n in 0..4_100 {
        let mut delivery = lab.delivery(b"x", "", &[inbox]).await;
        delivery.body.learned = Some(Arc::new(learned(&format!("number {n}"), &format!("text {n}"))));
        let _ticket = lab.store.deliver_into(&mut unit, delivery);
    }
    lab.db.commit(unit).await.unwrap();
    let all: Vec<u32> = (1..=4_100).collect();
    assert_eq!(lab.store.search_text(inbox, "text").await.unwrap(), found(&all));
    assert_eq!(
        lab.store.search_header(inbox, HeadField::Subject, "number 40").await.unwrap().uids.len(),
        111
    );
}

async fn many_small_bodies(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    let big = crate::mail(1, 300_000);
    let mut wanted = Vec::new();
    for bytes in [&b"one\r\n"[..], &b"two\r\n"[..], &big[..], b""] {
        let delivery = lab.delivery(bytes, if bytes.len() == 5 { "T: r\r\n" } else { "" }, &[inbox]).await;
        lab.commit(delivery).await.unwrap();
    }
    for meta in lab.store.meta(inbox, &[1, 2, 3, 4]).await.unwrap() {
        wanted.push((meta.body, meta.size));
    }
    wanted.push(wanted[0]);
    wanted.push((404, 1));
    let bodies = lab.store.small_bodies(&wanted).await.unwrap();
    let text = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    let one = text("T: r\r\none\r\n");
    assert_eq!(bodies, [one.clone(), text("T: r\r\ntwo\r\n"), None, text(""), one, None]);
    assert!(lab.store.small_bodies(&[]).await.unwrap().is_empty());
}

async fn parts_of_metadata(lab: &Lab) {
    let inbox = lab.inbox("a@test").await;
    deliver(lab, learned("a", "b"), &[inbox]).await;
    let whole = lab.store.meta(inbox, &[1]).await.unwrap().remove(0);
    for bits in 0..8u8 {
        let [headers, structure, preview] = [bits & 1, bits & 2, bits & 4].map(|bit| bit != 0);
        let part =
            lab.store.meta_parts(inbox, &[1], Parts { headers, structure, preview }).await.unwrap().remove(0);
        let mut expected = whole.clone();
        if !headers {
            expected.headers = Bytes::new();
        }
        if !structure {
            expected.structure = None;
        }
        if !preview {
            expected.preview = None;
        }
        assert_eq!(part, expected);
    }
}
