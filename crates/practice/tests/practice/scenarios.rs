//! The ways of documents by MSSanté (spec 02 §6.2), in any order of arrival, with archives of both actions.

use practice::{Filter, Key, Request, RequestFilter, RequestKind, RequestState, Row, Standing, State};
use xdm::Action;

use crate::Lab;
use crate::mails::{document, mail, mail_from, version};

/// One mail of a story: what it is called, and what it holds.
type Told = (&'static str, Vec<(Vec<u8>, Action)>);

fn orders<T: Clone>(all: &[T]) -> Vec<Vec<T>> {
    if all.len() < 2 {
        return vec![all.to_vec()];
    }
    let mut found = Vec::new();
    for at in 0..all.len() {
        let mut rest = all.to_vec();
        let first = rest.remove(at);
        for mut order in orders(&rest) {
            order.insert(0, first.clone());
            found.push(order);
        }
    }
    found
}

impl Lab {
    /// The one document of a mail.
    pub(crate) async fn row_of(&self, mail: &Key) -> Row {
        let mail = self.practice.mail(mail).await.unwrap().unwrap();
        assert_eq!(mail.documents.len(), 1, "{:?}", mail.facts.problems);
        self.practice.row(&mail.documents[0], None).await.unwrap().unwrap()
    }

    pub(crate) async fn requests(&self) -> Vec<Request> {
        self.practice.requests(&RequestFilter::default(), 100).await.unwrap()
    }

    /// Receives the mails of a story, all at once or one by one, and returns their rows by name.
    async fn tell(&self, story: &[Told], at_once: bool) -> Vec<(&'static str, Row)> {
        let mailbox = self.mailbox("cabinet@cab.mssante.fr").await;
        let mails: Vec<Vec<u8>> = story.iter().map(|(_, documents)| mail(documents.clone())).collect();
        let mut keys = Vec::new();
        if at_once {
            keys = self.receive(&mailbox.key, 1, &mails).await;
        } else {
            for (uid, one) in (1..).zip(&mails) {
                keys.extend(self.receive(&mailbox.key, uid, std::slice::from_ref(one)).await);
            }
        }
        let mut rows = Vec::new();
        for ((name, _), key) in story.iter().zip(&keys) {
            rows.push((*name, self.row_of(key).await));
        }
        rows
    }
}

fn find<'a>(rows: &'a [(&str, Row)], name: &str) -> &'a Row {
    &rows.iter().find(|(found, _)| *found == name).unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn first_version_replacement_and_deletion_end_the_same_in_any_order() {
    let story: Vec<Told> = vec![
        ("v1", vec![(document(1, 1), Action::Create)]),
        ("v2", vec![(document(1, 2), Action::Replace)]),
        // Octet for octet the second version: only the action tells.
        ("D", vec![(document(1, 2), Action::Delete)]),
    ];
    for order in orders(&story) {
        for at_once in [true, false] {
            let lab = Lab::new().await;
            let rows = lab.tell(&order, at_once).await;
            let names: Vec<&str> = order.iter().map(|(name, _)| *name).collect();
            let before = |a: &str, b: &str| {
                names.iter().position(|name| *name == a) < names.iter().position(|name| *name == b)
            };
            let context = format!("{names:?}, at once: {at_once}");
            let (v1, v2, carrier) = (find(&rows, "v1"), find(&rows, "v2"), find(&rows, "D"));
            assert_eq!(carrier.standing, Standing::DeletionRequest, "{context}");
            assert_eq!((carrier.action, carrier.state), (practice::Action::Delete, State::ToDo), "{context}");
            let expected = if before("v1", "v2") {
                (Standing::New, Standing::NewVersion)
            } else {
                (Standing::Obsolete, Standing::New)
            };
            assert_eq!((v1.standing, v2.standing), expected, "{context}");
            let requests = lab.requests().await;
            let deletion: Vec<&Request> =
                requests.iter().filter(|one| one.kind == RequestKind::Deletion).collect();
            assert_eq!(deletion.len(), 1, "{context}");
            assert_eq!(deletion[0].target.as_ref(), Some(&v2.key), "{context}");
            assert_eq!((deletion[0].state, deletion[0].code), (RequestState::Pending, None), "{context}");
            assert_eq!(deletion[0].document, carrier.key, "{context}");
            let v2_now = lab.practice.row(&v2.key, None).await.unwrap().unwrap();
            assert_eq!(v2_now.request.as_ref(), Some(&deletion[0].key), "{context}: the document says it");
            assert_eq!(v2_now.state, State::ToDo, "{context}: nothing is done without a person");
            let replacement: Vec<&Request> =
                requests.iter().filter(|one| one.kind == RequestKind::Replacement).collect();
            assert_eq!(replacement.len(), usize::from(before("v1", "v2")), "{context}");
            for one in replacement {
                assert_eq!((one.target.as_ref(), one.code), (Some(&v1.key), None), "{context}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_versions_in_any_order_leave_the_last_one_unobsolete() {
    let story: Vec<Told> = (1..=3)
        .map(|n| (["v1", "v2", "v3"][n as usize - 1], vec![(document(2, n), Action::Create)]))
        .collect();
    for order in orders(&story) {
        let lab = Lab::new().await;
        let rows = lab.tell(&order, true).await;
        let names: Vec<&str> = order.iter().map(|(name, _)| *name).collect();
        for (at, name) in names.iter().enumerate() {
            let seen = &names[..at];
            let standing = find(&rows, name).standing;
            let expected = match seen.iter().max() {
                None => Standing::New,
                Some(last) if last > name => Standing::Obsolete,
                Some(_) => Standing::NewVersion,
            };
            assert_eq!(standing, expected, "{name} of {names:?}");
        }
        let versions = lab.practice.versions(&find(&rows, "v2").key).await.unwrap();
        let numbers: Vec<_> = versions.iter().map(|one| one.version).collect();
        assert_eq!(numbers, [Some(3), Some(2), Some(1)], "last first");
        assert!(versions.iter().all(|one| !one.replaced));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_comes_twice_is_a_duplicate_in_one_mailbox_and_across() {
    let lab = Lab::new().await;
    let (one, two) = (lab.mailbox("a@cab.mssante.fr").await, lab.mailbox("b@cab.mssante.fr").await);
    let sent = || mail(vec![(document(3, 1), Action::Create)]);
    let first = lab.receive(&one.key, 1, &[sent()]).await;
    let again = lab.receive(&one.key, 2, &[sent()]).await;
    let other = lab.receive(&two.key, 1, &[sent()]).await;
    let mut retold = version(3, 1);
    retold.title = "Lettre, corrigée sans le dire".into();
    let same_id = lab.receive(&two.key, 2, &[mail(vec![(cda::write(&retold), Action::Create)])]).await;
    assert_eq!(lab.row_of(&first[0]).await.standing, Standing::New);
    for key in [&again[0], &other[0], &same_id[0]] {
        assert_eq!(lab.row_of(key).await.standing, Standing::Duplicate);
    }
    retold.version = 7;
    let conflict = lab.receive(&two.key, 3, &[mail(vec![(cda::write(&retold), Action::Create)])]).await;
    assert_eq!(lab.row_of(&conflict[0]).await.standing, Standing::SameIdOtherContent);
    assert_eq!(lab.requests().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_an_old_version_has_code_900_and_by_a_stranger_901() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    let mut foreign = version(4, 3);
    foreign.author.organisation =
        Some(cda::Organisation { id: Some(cda::Id::new(cda::STRUCTURES, "77")), name: "Ailleurs".into() });
    let mails = [
        mail(vec![(document(4, 1), Action::Create)]),
        mail(vec![(document(4, 2), Action::Replace)]),
        mail(vec![(document(4, 1), Action::Delete)]),
        mail_from("x@else.mssante.fr", "XDM/1.0/DDM+x", vec![(cda::write(&foreign), Action::Replace)]),
        mail(vec![(document(5, 1), Action::Delete)]),
    ];
    let keys = lab.receive(&mailbox.key, 1, &mails).await;
    let requests = lab.requests().await;
    let codes: Vec<_> = requests.iter().rev().map(|one| (one.kind, one.state, one.code)).collect();
    assert_eq!(
        codes,
        [
            (RequestKind::Replacement, RequestState::Pending, None),
            (RequestKind::Deletion, RequestState::Pending, Some(900)),
            (RequestKind::Replacement, RequestState::Pending, Some(901)),
            (RequestKind::Deletion, RequestState::Orphan, None),
        ]
    );
    let orphans = RequestFilter { state: Some(RequestState::Orphan), ..RequestFilter::default() };
    let orphans = lab.practice.requests(&orphans, 10).await.unwrap();
    assert_eq!(orphans.len(), 1);
    assert_eq!(orphans[0].document, lab.row_of(&keys[4]).await.key);
    let about = RequestFilter { document: Some(lab.row_of(&keys[0]).await.key), ..RequestFilter::default() };
    assert_eq!(lab.practice.requests(&about, 10).await.unwrap().len(), 2);
    let after = RequestFilter { after: Some(requests[1].key.clone()), ..RequestFilter::default() };
    assert_eq!(lab.practice.requests(&after, 10).await.unwrap(), requests[2..]);
    assert_eq!(lab.practice.request(&requests[0].key).await.unwrap().as_ref(), Some(&requests[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_raised_by_the_reading_and_by_nothing_that_opens() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    let mails = [mail(vec![(document(6, 1), Action::Create)]), mail(vec![(document(6, 2), Action::Replace)])];
    let keys = lab.receive(&mailbox.key, 1, &mails).await;
    assert_eq!(lab.requests().await.len(), 1);
    for key in &keys {
        let row = lab.row_of(key).await;
        lab.practice.document_bytes(&row.key).await.unwrap().unwrap();
        lab.practice.versions(&row.key).await.unwrap();
    }
    assert_eq!(lab.practice.read_pending(100).await.unwrap(), 0);
    assert_eq!(lab.requests().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_of_before_the_take_up_is_history_and_asks_for_nothing() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    let (address, kind) = (&mailbox.address, mailbox.kind);
    lab.practice
        .save_mailbox(address, kind, "Cabinet", mailbox.settings.clone(), crate::start())
        .await
        .unwrap();
    let mails = [mail(vec![(document(7, 1), Action::Create)]), mail(vec![(document(7, 2), Action::Replace)])];
    let keys = lab.receive(&mailbox.key, 1, &mails).await;
    for key in &keys {
        let row = lab.row_of(key).await;
        assert_eq!((row.state, row.history), (State::History, true));
    }
    assert_eq!(lab.requests().await, []);
    let page = lab.practice.rows(&Filter::default(), None, 10).await.unwrap();
    assert!(page.rows.iter().all(|row| row.history));
}
