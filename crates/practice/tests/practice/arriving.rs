//! Folders and octets: what a look tells, what is kept, what is known again.

use kernel::{Failure, Stage};
use practice::{ChangeKind, Error, FolderState, Key, MailboxKind, Reading};

use crate::mails::{document, mail, words};
use crate::{Lab, inbox, seen, start};
use xdm::Action;

fn letter() -> Vec<u8> {
    mail(vec![(document(1, 1), Action::Create)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_told_twice_costs_nothing_and_gives_what_is_missing() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("Cabinet@Cab.MSSante.fr").await;
    assert_eq!(mailbox.address, "cabinet@cab.mssante.fr");
    let look = |uids: &[u32]| uids.iter().map(|uid| seen(*uid)).collect::<Vec<_>>();
    let first = lab
        .practice
        .synchronised(&mailbox.key, inbox(7), look(&[1, 2, 3, 3, 0]), vec![], vec![])
        .await
        .unwrap();
    assert_eq!(
        first.iter().map(|one| one.uid).collect::<Vec<_>>(),
        [3, 2, 1],
        "newest first, each once, no 0"
    );
    lab.practice.keep(vec![(first[0].mail.clone(), letter())]).await.unwrap();
    let again =
        lab.practice.synchronised(&mailbox.key, inbox(7), look(&[1, 2, 3]), vec![], vec![]).await.unwrap();
    assert_eq!(again, first[1..]);
    assert_eq!(lab.practice.wanted(&mailbox.key, "INBOX", 10).await.unwrap(), again);
    assert_eq!(lab.practice.folders(&mailbox.key).await.unwrap(), [inbox(7)]);
    let flags = vec![(1, vec!["\\Seen".to_owned(), "$Forwarded".to_owned()])];
    lab.practice.synchronised(&mailbox.key, inbox(7), vec![], flags.clone(), vec![2..=2]).await.unwrap();
    let known = lab.practice.known(&mailbox.key, "INBOX").await.unwrap();
    assert_eq!(known, [flags[0].clone(), (3, vec![])]);
    assert_eq!(
        lab.practice.wanted(&mailbox.key, "INBOX", 10).await.unwrap().len(),
        1,
        "what is gone is not fetched"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_names_are_said() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    let nobody = Key::random();
    let look = async |key: &Key, folder: FolderState| {
        lab.practice.synchronised(key, folder, vec![], vec![], vec![]).await
    };
    assert!(matches!(look(&nobody, inbox(1)).await, Err(Error::NotFound { what: "mailbox", .. })));
    assert!(matches!(look(&mailbox.key, inbox(0)).await, Err(Error::Bad { field: "uid_validity", .. })));
    let since = start();
    let saved =
        lab.practice.save_mailbox("no address", MailboxKind::Per, "", serde_json::json!({}), since).await;
    assert!(matches!(saved, Err(Error::Bad { field: "address", .. })));
    assert!(matches!(lab.practice.remove_mailbox(&nobody).await, Err(Error::NotFound { .. })));
    assert!(matches!(lab.practice.retry(&nobody).await, Err(Error::NotFound { what: "mail", .. })));
    lab.practice.fetch_failed(&nobody, Failure::temporary(Stage::Command, "x")).await.unwrap();
    lab.practice.keep(vec![(nobody.clone(), letter())]).await.unwrap();
    assert_eq!(lab.practice.mail_bytes(&nobody).await.unwrap(), None);
    assert_eq!(lab.practice.document_bytes(&nobody).await.unwrap(), None);
    assert_eq!(lab.count("SELECT count(*) FROM lps_blob").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_is_saved_checked_removed_and_comes_back() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    lab.practice.checked(&mailbox.key, "Dr Martin", Ok(())).await.unwrap();
    let failed = Failure::temporary(Stage::Connect, "the port does not answer");
    lab.hands.advance(std::time::Duration::from_secs(60));
    lab.practice.checked(&mailbox.key, "Dr Martin", Err(failed.clone())).await.unwrap();
    let now = lab.practice.mailbox("CABINET@cab.mssante.fr").await.unwrap().unwrap();
    assert_eq!((now.checked_at, now.checked_by.as_deref()), (Some(start()), Some("Dr Martin")));
    assert_eq!(now.failure.as_ref(), Some(&failed), "the last good check stays known");
    let json = serde_json::to_string(&now).unwrap();
    assert_eq!(serde_json::from_str::<practice::Mailbox>(&json).unwrap(), now);
    lab.practice.remove_mailbox(&mailbox.key).await.unwrap();
    assert_eq!(lab.practice.mailboxes().await.unwrap(), []);
    assert_eq!(lab.mailbox("cabinet@cab.mssante.fr").await.key, mailbox.key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_numbered_anew_files_nothing_twice() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    let mails = [letter(), mail(vec![(document(2, 1), Action::Create)])];
    let keys = lab.receive(&mailbox.key, 1, &mails).await;
    let documents = lab.count("SELECT count(*) FROM lps_document").await;
    let swapped = [mails[1].clone(), mails[0].clone(), words("x@y.mssante.fr", "Nouveau", "Bonjour")];
    lab.arrive(&mailbox.key, &inbox(2), 10, &swapped).await;
    lab.practice.read_pending(100).await.unwrap();
    assert_eq!(lab.count("SELECT count(*) FROM lps_document").await, documents + 1);
    assert_eq!(lab.count("SELECT count(*) FROM lps_mail").await, 3);
    for (key, uid) in keys.iter().zip([11, 10]) {
        let mail = lab.practice.mail(key).await.unwrap().unwrap();
        assert_eq!((mail.uid, mail.gone, mail.documents.len()), (uid, false, 1));
    }
    assert_eq!(lab.practice.known(&mailbox.key, "INBOX").await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_moved_or_copied_is_one_mail() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    let archive = FolderState { name: "Archives 2026".into(), role: String::new(), ..inbox(5) };
    let mails = [letter()];
    let keys = lab.receive(&mailbox.key, 1, &mails).await;
    // A copy, then the first one is gone: a move as most clients make it.
    let copies = lab.arrive(&mailbox.key, &archive, 40, &mails).await;
    lab.practice.read_pending(100).await.unwrap();
    let copy = lab.practice.mail(&copies[0]).await.unwrap().unwrap();
    assert_eq!((copy.reading, copy.documents.len()), (Reading::Copy, 0));
    lab.practice.synchronised(&mailbox.key, inbox(1), vec![], vec![], vec![1..=u32::MAX]).await.unwrap();
    let moved = lab.practice.mail(&keys[0]).await.unwrap().unwrap();
    assert_eq!((moved.folder.as_str(), moved.uid, moved.gone), ("Archives 2026", 40, false));
    // The folder is renamed: its mails turn up in another one.
    lab.practice.folder_removed(&mailbox.key, "Archives 2026").await.unwrap();
    assert!(lab.practice.mail(&keys[0]).await.unwrap().unwrap().gone);
    let renamed = FolderState { name: "Archives".into(), ..archive.clone() };
    lab.arrive(&mailbox.key, &renamed, 40, &mails).await;
    let moved = lab.practice.mail(&keys[0]).await.unwrap().unwrap();
    assert_eq!((moved.folder.as_str(), moved.gone, moved.documents.len()), ("Archives", false, 1));
    assert_eq!(lab.count("SELECT count(*) FROM lps_document").await, 1);
    assert_eq!(lab.count("SELECT count(*) FROM lps_blob").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn octets_come_back_whole_and_are_kept_once() {
    let lab = Lab::new().await;
    let (one, two) = (lab.mailbox("a@cab.mssante.fr").await, lab.mailbox("b@cab.mssante.fr").await);
    let mut large = letter();
    large.extend(std::iter::repeat_n(b"0123456789abcdef\r\n", 60_000).flatten());
    let mails = [large.clone(), large.clone(), Vec::new()];
    let keys = lab.arrive(&one.key, &inbox(1), 1, &mails).await;
    let others = lab.arrive(&two.key, &inbox(1), 1, &mails[..1]).await;
    for key in [&keys[0], &others[0]] {
        assert_eq!(lab.practice.mail_bytes(key).await.unwrap().as_deref(), Some(&large[..]));
    }
    assert_eq!(lab.practice.mail_bytes(&keys[2]).await.unwrap().as_deref(), Some(&b""[..]));
    assert_eq!(lab.count("SELECT count(*) FROM lps_blob").await, 2);
    lab.practice.keep(vec![(keys[0].clone(), b"something else".to_vec())]).await.unwrap();
    assert_eq!(
        lab.practice.mail_bytes(&keys[0]).await.unwrap().unwrap().len(),
        large.len(),
        "once is for all"
    );
    assert_eq!(lab.practice.read_pending(100).await.unwrap(), 3);
    let twin = lab.practice.mail(&keys[1]).await.unwrap().unwrap();
    assert_eq!(twin.reading, Reading::Copy, "two mails of the same octets in one mailbox are one");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_named_by_their_place_and_documents_by_their_octets() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    let pdf = |text: &str| cda::plain_pdf(&[text]);
    let part = |bytes: &[u8]| {
        use base64::Engine as _;
        let body = base64::engine::general_purpose::STANDARD.encode(bytes);
        format!(
            "--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=resultat.pdf\r\n\r\n{body}\r\n"
        )
    };
    let head = "From: x@y.mssante.fr\r\nSubject: Deux\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    let mail = format!("{head}{}{}--b--\r\n", part(&pdf("un")), part(&pdf("deux"))).into_bytes();
    let keys = lab.receive(&mailbox.key, 1, &[mail]).await;
    let read = lab.practice.mail(&keys[0]).await.unwrap().unwrap();
    assert_eq!(read.documents.len(), 2, "two files of one name (spec 07, L5)");
    for (at, text) in ["un", "deux"].into_iter().enumerate() {
        let bytes = lab.practice.document_bytes(&read.documents[at]).await.unwrap().unwrap();
        assert_eq!(bytes, pdf(text));
        let part = read.facts.files[at].part;
        assert_eq!(lab.practice.part_bytes(&keys[0], part).await.unwrap(), Some(bytes));
    }
    assert_eq!(lab.practice.part_bytes(&keys[0], 99).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_numbered_without_gaps_and_watched() {
    let lab = Lab::new().await;
    let mut watch = lab.practice.watch();
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    lab.receive(&mailbox.key, 1, &[letter(), mail(vec![(document(1, 2), Action::Replace)])]).await;
    watch.changed().await.unwrap();
    let changes = lab.practice.changes(0, 100).await.unwrap();
    let kinds: Vec<ChangeKind> = changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds[0], ChangeKind::MailboxChanged);
    assert_eq!(kinds.iter().filter(|kind| **kind == ChangeKind::DocumentReceived).count(), 2);
    assert!(kinds.contains(&ChangeKind::DocumentRequest));
    let numbers: Vec<u64> = changes.iter().map(|change| change.seq).collect();
    assert_eq!(numbers, (1..=changes.len() as u64).collect::<Vec<_>>());
    assert_eq!(*watch.borrow_and_update(), changes.len() as u64);
    assert_eq!(lab.practice.changes(2, 1).await.unwrap(), changes[2..3]);
    assert_eq!(lab.practice.changes(u64::MAX, 1).await.unwrap(), []);
}
