//! Lessons that others paid for (spec 07 §2), each a test; those of sessions and of sending are elsewhere.

use db::Values;
use ins::{Identity, Nature};
use kernel::{Failure, Stage};
use practice::{FolderState, Form, Key, Provenance, Reading, Standing, State};
use sqlx::Row as _;
use xdm::Action;

use crate::mails::{document, mail, patient, version, with_file, words};
use crate::{Lab, inbox, seen, start};

/// Everything that a row says, keys and times of our own apart.
async fn rows(lab: &Lab) -> Vec<String> {
    let text = "SELECT d.part, d.path, d.form, d.action, d.type_code, d.title, d.author, d.organisation, d.made, d.act_day, \
                d.cda_id, d.sha256, d.critical, d.identity, d.facts, d.patient_name, d.folded, d.standing, d.state, \
                m.parse, m.subject, m.facts, m.documents FROM lps_document d JOIN lps_mail m ON m.id = d.mail \
                ORDER BY m.uid, d.part, d.path";
    let found = db::query(text, Values::new()).fetch_all(lab.db.reader()).await.unwrap();
    let number = |row: &sqlx::any::AnyRow, at: usize| format!("{:?}", row.try_get::<Option<i64>, _>(at));
    let cell = |row: &sqlx::any::AnyRow, at: usize| match row.try_get::<Option<String>, _>(at) {
        Ok(text) => format!("{text:?}"),
        Err(_) => number(row, at),
    };
    found.iter().map(|row| (0..23).map(|at| cell(row, at)).collect::<Vec<_>>().join("|")).collect()
}

fn story() -> Vec<Vec<u8>> {
    vec![
        mail(vec![(document(1, 1), Action::Create), (document(9, 1), Action::Create)]),
        mail(vec![(document(1, 2), Action::Replace)]),
        with_file(
            "x@y.mssante.fr",
            "Courrier DUPONT Marie 28/03/1979",
            "application/pdf",
            "a.pdf",
            b"%PDF-1.4 x",
        ),
        words("x@y.mssante.fr", "Bonjour", "Rien de plus."),
        mail(vec![(
            cda::write(&cda::Sample::CriticalResults.draft("1.2.3", patient(), start())),
            Action::Create,
        )]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_every_trigger_yields_the_same_rows() {
    let mails = story();
    let at_once = Lab::new().await;
    let mailbox = at_once.mailbox("cabinet@cab.mssante.fr").await;
    at_once.receive(&mailbox.key, 1, &mails).await;
    let expected = rows(&at_once).await;
    assert_eq!(expected.len(), 6);

    let one_by_one = Lab::new().await;
    let mailbox = one_by_one.mailbox("cabinet@cab.mssante.fr").await;
    for (uid, one) in (1..).zip(&mails) {
        one_by_one.receive(&mailbox.key, uid, std::slice::from_ref(one)).await;
    }
    assert_eq!(rows(&one_by_one).await, expected, "one by one");

    let retried = Lab::new().await;
    let mailbox = retried.mailbox("cabinet@cab.mssante.fr").await;
    let looks = (1..=5).map(seen).collect();
    let wanted = retried.practice.synchronised(&mailbox.key, inbox(1), looks, vec![], vec![]).await.unwrap();
    for one in &wanted {
        let failed = Failure::temporary(Stage::Command, "the connection was cut");
        retried.practice.fetch_failed(&one.mail, failed).await.unwrap();
    }
    assert_eq!(retried.practice.wanted(&mailbox.key, "INBOX", 10).await.unwrap(), []);
    retried.hands.advance(std::time::Duration::from_secs(61));
    retried.arrive(&mailbox.key, &inbox(1), 1, &mails).await;
    retried.practice.read_pending(100).await.unwrap();
    assert_eq!(rows(&retried).await, expected, "after failures");

    let again = Lab::new().await;
    let mailbox = again.mailbox("cabinet@cab.mssante.fr").await;
    again.receive(&mailbox.key, 1, &mails).await;
    let older = "UPDATE lps_mail SET parser = 0";
    again.db.write(move |tx| Box::pin(async move { run(tx, older).await })).await.unwrap();
    let again = again.reopened().await;
    assert_eq!(again.practice.read_pending(100).await.unwrap(), 5, "a new reader reads all again (L4)");
    assert_eq!(rows(&again).await, expected, "read again");
    assert_eq!(again.practice.requests(&practice::RequestFilter::default(), 9).await.unwrap().len(), 1);

    let torn = Lab::new().await;
    let mailbox = torn.mailbox("cabinet@cab.mssante.fr").await;
    torn.arrive(&mailbox.key, &inbox(1), 1, &mails).await;
    let (a, b, c) = tokio::join!(
        torn.practice.read_pending(100),
        torn.practice.read_pending(100),
        torn.practice.read_pending(2)
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    torn.practice.read_pending(100).await.unwrap();
    assert_eq!(torn.count("SELECT count(*) FROM lps_document").await, 6, "three triggers at once");
}

async fn run(tx: &mut db::Tx, text: &'static str) -> Result<(), db::Error> {
    db::query(text, Values::new()).execute(tx).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_technical_failure_is_never_no_documents() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    let mails = [mail(vec![(document(1, 1), Action::Create)]), mail(vec![(document(2, 1), Action::Create)])];
    let keys = lab.arrive(&mailbox.key, &inbox(1), 1, &mails).await;
    let state = async |key: &Key| lab.practice.mail(key).await.unwrap().unwrap();
    assert_eq!(state(&keys[0]).await.reading, Reading::Pending, "kept is not read");
    // The disk loses the first one's octets for a while.
    let lose = "UPDATE lps_blob_piece SET place = -place WHERE place = (SELECT blob FROM lps_mail ORDER BY id LIMIT 1) * 65536";
    let find = "UPDATE lps_blob_piece SET place = -place WHERE place < 0";
    lab.db.write(move |tx| Box::pin(run(tx, lose))).await.unwrap();
    assert_eq!(lab.practice.read_pending(100).await.unwrap(), 2);
    let failed = state(&keys[0]).await;
    assert_eq!((failed.reading, failed.documents.len()), (Reading::Failed, 0));
    assert_eq!(failed.read_failure.map(|failure| failure.stage), Some(Stage::Storage));
    assert_eq!(state(&keys[1]).await.reading, Reading::Ok, "the other one is not held up");
    assert_eq!(lab.practice.read_pending(100).await.unwrap(), 0, "not before its time");
    assert_eq!(lab.practice.failing(10).await.unwrap(), keys[..1]);
    for _ in 0..4 {
        lab.hands.advance(std::time::Duration::from_secs(7 * 3_600));
        assert_eq!(lab.practice.read_pending(100).await.unwrap(), 1);
    }
    let hopeless = state(&keys[0]).await;
    assert_eq!((hopeless.reading, hopeless.documents.len()), (Reading::Hopeless, 1), "people see it");
    lab.hands.advance(std::time::Duration::from_secs(7 * 3_600));
    assert_eq!(lab.practice.read_pending(100).await.unwrap(), 0);
    lab.db.write(move |tx| Box::pin(run(tx, find))).await.unwrap();
    lab.practice.retry(&keys[0]).await.unwrap();
    assert_eq!(lab.practice.read_pending(100).await.unwrap(), 1);
    let read = state(&keys[0]).await;
    assert_eq!((read.reading, &read.documents), (Reading::Ok, &hopeless.documents));
    let row = lab.row_of(&keys[0]).await;
    assert_eq!((row.form, row.standing, row.state), (Form::Cda, Standing::New, State::ToDo));
    assert_eq!(lab.practice.failing(10).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn l5_one_uid_in_two_folders_is_two_mails_and_one_number_under_two_oids_two_people() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    let mails = [words("x@y.mssante.fr", "Un", "1"), words("x@y.mssante.fr", "Deux", "2")];
    let other = FolderState { name: "Autre".into(), role: String::new(), ..inbox(1) };
    let a = lab.arrive(&mailbox.key, &inbox(1), 5, &mails[..1]).await;
    let b = lab.arrive(&mailbox.key, &other, 5, &mails[1..]).await;
    lab.practice.read_pending(10).await.unwrap();
    for (key, subject) in [(&a[0], "Un"), (&b[0], "Deux")] {
        assert_eq!(lab.practice.mail(key).await.unwrap().unwrap().subject, subject);
    }
    let mut real = version(8, 1);
    real.patient = Identity { oid: Some(Nature::Nir.oid().into()), ..patient() };
    let mails =
        [mail(vec![(document(7, 1), Action::Create)]), mail(vec![(cda::write(&real), Action::Create)])];
    lab.receive(&mailbox.key, 20, &mails).await;
    let pairs = "SELECT count(*) FROM (SELECT DISTINCT matricule, oid FROM lps_document WHERE matricule IS NOT NULL) AS p";
    assert_eq!(lab.count(pairs).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn l6_folders_go_by_their_use_and_nights_by_the_zone() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    let named = |name: &str, role: &str| FolderState { name: name.into(), role: role.into(), ..inbox(1) };
    let mut uid = 1;
    let mut arrive = async |folder: FolderState, set: u32| {
        uid += 1;
        let keys =
            lab.arrive(&mailbox.key, &folder, uid, &[mail(vec![(document(set, 1), Action::Create)])]).await;
        lab.practice.read_pending(10).await.unwrap();
        lab.practice.mail(&keys[0]).await.unwrap().unwrap()
    };
    // Its name holds "sent", and it is a folder like any other.
    let consents = arrive(named("Consentements", ""), 11).await;
    assert_eq!(consents.documents.len(), 1);
    let sent = arrive(named("Envoyés", "sent"), 12).await;
    assert_eq!((sent.documents.len(), sent.reading), (0, Reading::Ok), "our own mail is no work");
    let trash = arrive(named("Corbeille", "trash"), 13).await;
    let row = lab.practice.row(&trash.documents[0], None).await.unwrap().unwrap();
    assert_eq!(row.state, State::History);
    let mut night = version(14, 1);
    night.service_start = "2026-03-31T22:30:00Z".parse().unwrap();
    let keys = lab.receive(&mailbox.key, 90, &[mail(vec![(cda::write(&night), Action::Create)])]).await;
    assert_eq!(
        lab.row_of(&keys[0]).await.act_day.as_deref(),
        Some("2026-04-01"),
        "half past midnight in Paris"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn l8_what_waits_is_in_the_store_and_not_in_the_process() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    let keys = lab.arrive(&mailbox.key, &inbox(1), 1, &story()).await;
    let before = lab.practice.changes(0, 100).await.unwrap();
    let lab = lab.reopened().await;
    assert_eq!(*lab.practice.watch().borrow(), before.len() as u64);
    assert_eq!(lab.practice.read_pending(100).await.unwrap(), keys.len());
    assert_eq!(lab.count("SELECT count(*) FROM lps_document").await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn l10_one_poisoned_mail_harms_no_other() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    let bomb =
        with_file("x@y.mssante.fr", "Archive", "application/zip", "IHE_XDM.zip", b"PK\x03\x04 no archive");
    let cut = {
        let mut whole = mail(vec![(document(3, 1), Action::Create)]);
        whole.truncate(whole.len() / 2);
        whole
    };
    let no_cda = {
        let mut broken = document(4, 1);
        broken.truncate(broken.len() - 200);
        with_file("x@y.mssante.fr", "Seul", "text/xml", "DOC.XML", &broken)
    };
    let nul = b"From: a\0b <x@y.mssante.fr>\r\nSubject: =?utf-8?q?nul=00ici?=\r\n\r\nun\0deux".to_vec();
    let mails = [
        bomb,
        mail(vec![(document(1, 1), Action::Create)]),
        cut,
        no_cda,
        nul,
        b"\xff\xfe\0".to_vec(),
        story().remove(4),
    ];
    let keys = lab.receive(&mailbox.key, 1, &mails).await;
    assert_eq!(lab.count("SELECT count(*) FROM lps_mail WHERE parse IN ('ok', 'empty')").await, 7);
    for (key, form) in
        keys.iter().zip([Form::File, Form::Cda, Form::File, Form::File, Form::Mail, Form::Mail, Form::Cda])
    {
        let row = lab.row_of(key).await;
        assert_eq!(row.form, form, "{}", row.title);
        assert!(!row.title.is_empty());
    }
    let critical = lab.row_of(&keys[6]).await;
    assert!(critical.critical && !critical.acknowledged);
    assert_eq!(critical.provenance, Provenance::Professional);
    assert!(!lab.row_of(&keys[1]).await.critical);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_above_the_limit_is_said_and_waits_for_a_person() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox("cabinet@cab.mssante.fr").await;
    let limit = usize::try_from(lab.practice.setting().blob_limit).unwrap();
    let keys = lab.receive(&mailbox.key, 1, &[vec![b'x'; limit + 1], story().remove(1)]).await;
    let large = lab.practice.mail(&keys[0]).await.unwrap().unwrap();
    assert_eq!((large.reading, large.size), (Reading::Wanted, None));
    assert!(!large.fetch_failure.unwrap().is_retryable());
    lab.hands.advance(std::time::Duration::from_secs(30 * 86_400));
    assert_eq!(lab.practice.wanted(&mailbox.key, "INBOX", 10).await.unwrap(), []);
    assert_eq!(lab.row_of(&keys[1]).await.form, Form::Cda);
    lab.practice.retry(&keys[0]).await.unwrap();
    assert_eq!(lab.practice.wanted(&mailbox.key, "INBOX", 10).await.unwrap().len(), 1);
}
