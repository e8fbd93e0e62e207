use std::time::Duration;

use ins::{BirthDate, Decision, Identity, Matricule, Nature, Sex, Traits};

use crate::lab::{Lab, Put, dominique, qualified, software};
use crate::{
    Act, Actor, Done, Error, Filter, Key, May, PersonRole, RequestKind, RequestState, Right, Standing, State,
    TraceFilter,
};

fn code(done: Result<Done, Error>) -> &'static str {
    done.expect_err("it should be refused").code()
}

fn somebody() -> Identity {
    let born = BirthDate::parse("19460101").unwrap();
    let traits = Traits::strict("DECOURCY", "PAUL", born, Sex::Male, "63220");
    Identity::new(Matricule::from_body("1460263220001").unwrap(), Nature::Test, traits)
}

async fn outcomes(lab: &Lab, document: &Key) -> Vec<(String, String)> {
    let lines = lab.practice.life(document).await.unwrap();
    lines.into_iter().map(|line| (line.act, line.outcome)).collect()
}

fn file(document: &Key, patient: Option<&Key>) -> Act {
    Act::File { document: document.clone(), patient: patient.cloned() }
}

#[tokio::test]
async fn one_act_files_to_the_patient_who_is_certain_and_a_second_click_changes_nothing() {
    let lab = Lab::open().await;
    let doctor = lab.person("Dr Martin", PersonRole::Doctor, May::Act).await;
    let record = qualified(dominique());
    let patient = lab.practice.save_patient(&software(), None, Some("42"), &record).await.unwrap();
    let document = lab.put(Put::default()).await;
    let before = *lab.practice.watch().borrow();
    let done = lab.practice.act(&doctor, file(&document, None)).await.unwrap();
    let row = done.row.unwrap();
    assert_eq!((done.changed, row.state, row.of_mail), (true, State::Filed, (1, 1)));
    assert_eq!((row.patient, done.patient.unwrap().host_ref), (Some(patient.key.clone()), Some("42".into())));
    assert!(*lab.practice.watch().borrow() > before, "who watches is told");
    assert!(!lab.practice.act(&doctor, file(&document, None)).await.unwrap().changed);
    assert!(!lab.practice.act(&doctor, file(&document, Some(&patient.key))).await.unwrap().changed);
    assert_eq!(outcomes(&lab, &document).await, [("file".into(), "done".into())], "one trace for one change");
    let other = lab.practice.save_patient(&software(), None, None, &qualified(somebody())).await.unwrap();
    assert_eq!(code(lab.practice.act(&doctor, file(&document, Some(&other.key))).await), "already_filed");
    let busy = lab.practice.remove_patient(&software(), &patient.key).await.expect_err("documents are there");
    assert_eq!(busy.code(), "has_documents");
    let back =
        lab.practice.act(&doctor, Act::Reopen { document: document.clone() }).await.unwrap().row.unwrap();
    assert_eq!((back.state, back.patient, back.of_mail), (State::ToDo, None, (0, 1)));
    lab.practice.remove_patient(&software(), &patient.key).await.unwrap();
}

#[tokio::test]
async fn without_certainty_nothing_is_filed_and_the_refusal_is_traced() {
    let lab = Lab::open().await;
    let doctor = lab.person("Dr Martin", PersonRole::Doctor, May::Act).await;
    let document = lab.put(Put::default()).await;
    assert_eq!(code(lab.practice.act(&doctor, file(&document, None)).await), "not_certain");
    // Traits that differ under the same number (904): proposed side by side, never filed by itself.
    let mut other = dominique();
    other.traits.birth_name = Some("MARTIN".into());
    let patient = lab.practice.save_patient(&software(), None, None, &qualified(other)).await.unwrap();
    let proposal = lab.practice.proposal(&document).await.unwrap().unwrap();
    assert_eq!(proposal.matched.decision, Decision::Conflict { record: 0 });
    assert_eq!(proposal.patients, std::slice::from_ref(&patient));
    assert_eq!(code(lab.practice.act(&doctor, file(&document, None)).await), "not_certain");
    assert_eq!(lab.practice.row(&document, None).await.unwrap().unwrap().state, State::ToDo);
    let refused = ("file".to_owned(), "refused".to_owned());
    assert_eq!(outcomes(&lab, &document).await, [refused.clone(), refused]);
    // A person who has compared may decide.
    let done = lab.practice.act(&doctor, file(&document, Some(&patient.key))).await.unwrap();
    assert_eq!(done.row.unwrap().patient, Some(patient.key));
    let unknown = Key::random();
    assert_eq!(code(lab.practice.act(&doctor, file(&unknown, None)).await), "not_found");
}

#[tokio::test]
async fn a_new_file_is_provisional_and_a_number_that_is_here_makes_none() {
    let lab = Lab::open().await;
    let doctor = lab.person("Dr Martin", PersonRole::Doctor, May::Act).await;
    let (first, second) = (lab.put(Put::default()).await, lab.put(Put::default()).await);
    let new = |document: &Key, host: Option<&str>| Act::FileToNew {
        document: document.clone(),
        host_ref: host.map(str::to_owned),
    };
    let done = lab.practice.act(&doctor, new(&first, Some("7"))).await.unwrap();
    let patient = done.patient.unwrap();
    assert_eq!(patient.record.status, ins::Status::Provisional);
    assert_eq!(patient.record.identity, dominique());
    assert_eq!(code(lab.practice.act(&doctor, new(&second, None)).await), "ins_known");
    let other = lab.put(Put { identity: somebody(), ..Put::default() }).await;
    assert_eq!(code(lab.practice.act(&doctor, new(&other, Some("7"))).await), "host_ref_taken");
    assert_eq!(lab.practice.find_patients("decourcy", 10).await.unwrap(), [], "all of it or nothing");
    let nobody = lab.put(Put { identity: Identity::default(), ..Put::default() }).await;
    assert_eq!(code(lab.practice.act(&doctor, new(&nobody, None)).await), "no_traits");
}

#[tokio::test]
async fn duplicates_and_carriers_are_never_filed_and_old_versions_by_a_person_only() {
    let lab = Lab::open().await;
    let doctor = lab.person("Dr Martin", PersonRole::Doctor, May::Act).await;
    let patient =
        lab.practice.save_patient(&software(), None, None, &qualified(dominique())).await.unwrap().key;
    for (standing, refused) in [
        (Standing::Duplicate, "duplicate"),
        (Standing::DeletionRequest, "deletion_request"),
        (Standing::Obsolete, "obsolete"),
        (Standing::SameIdOtherContent, "same_id_other_content"),
    ] {
        let document = lab.put(Put { standing, ..Put::default() }).await;
        assert_eq!(code(lab.practice.act(&doctor, file(&document, None)).await), refused);
        assert_eq!(code(lab.practice.act(&software(), file(&document, Some(&patient))).await), refused);
        let by_hand = lab.practice.act(&doctor, file(&document, Some(&patient))).await;
        match standing {
            Standing::Obsolete | Standing::SameIdOtherContent => assert!(by_hand.unwrap().changed),
            _ => assert_eq!(code(by_hand), refused),
        }
    }
}

#[tokio::test]
async fn rights_are_of_a_mailbox_of_a_day_and_for_somebody() {
    let lab = Lab::open().await;
    let document = lab.put(Put::default()).await;
    let reader = lab.person("Claire", PersonRole::Secretary, May::Read).await;
    let aside = || Act::NotMine { document: document.clone() };
    assert_eq!(code(lab.practice.act(&reader, aside()).await), "no_right");
    let stranger = Actor { person: Some(Key::random()), name: "X".into(), behalf: None };
    assert_eq!(code(lab.practice.act(&stranger, aside()).await), "no_right");
    assert!(lab.practice.row(&document, stranger.person.as_ref()).await.unwrap().is_none());
    assert!(lab.practice.row(&document, reader.person.as_ref()).await.unwrap().is_some());
    // A replacement of one day, for the doctor whom they replace.
    let doctor = lab.person("Dr Martin", PersonRole::Doctor, May::Act).await;
    let mut replacement = lab.person("Dr Remplaçant", PersonRole::Replacement, May::Read).await;
    let right = Right {
        person: replacement.person.clone().unwrap(),
        mailbox: lab.mailbox.clone(),
        may: May::Act,
        behalf: doctor.person.clone(),
        since: Some("2026-11-23".into()),
        until: Some("2026-11-23".into()),
    };
    lab.practice.grant(&software(), &right).await.unwrap();
    replacement.behalf = reader.person.clone();
    assert_eq!(code(lab.practice.act(&replacement, aside()).await), "no_behalf");
    replacement.behalf = doctor.person.clone();
    assert!(lab.practice.act(&replacement, aside()).await.unwrap().changed);
    let life = lab.practice.life(&document).await.unwrap();
    let last = life.last().unwrap();
    assert_eq!((last.author.as_str(), last.behalf.as_deref()), ("Dr Remplaçant", Some("Dr Martin")));
    assert_eq!(last.mailbox.as_deref(), Some("cabinet@sim.mssante.fr"));
    lab.clock.advance(Duration::from_secs(14 * 3_600 + 1_800)); // 00:30 in Paris, still the day before in UTC
    let again = Act::Reopen { document: document.clone() };
    assert_eq!(code(lab.practice.act(&replacement, again).await), "no_right", "the day is the practice's");
    let backwards =
        Right { since: Some("2026-11-24".into()), until: Some("2026-11-23".into()), ..right.clone() };
    assert_eq!(lab.practice.grant(&software(), &backwards).await.unwrap_err().code(), "bad_value");
    let no_day = Right { since: Some("2026-02-30".into()), until: None, ..right };
    assert_eq!(lab.practice.grant(&software(), &no_day).await.unwrap_err().code(), "bad_value");
}

#[tokio::test]
async fn medical_acts_are_a_doctors_and_reading_is_each_persons_own() {
    let lab = Lab::open().await;
    let secretary = lab.person("Claire", PersonRole::Secretary, May::Act).await;
    let doctor = lab.person("Dr Martin", PersonRole::Doctor, May::Act).await;
    let document = lab.put(Put { critical: true, ..Put::default() }).await;
    let visa = || Act::Visa { document: document.clone() };
    let acknowledge = || Act::Acknowledge { document: document.clone() };
    assert_eq!(code(lab.practice.act(&secretary, visa()).await), "medical_only");
    assert_eq!(code(lab.practice.act(&secretary, acknowledge()).await), "medical_only");
    assert_eq!(code(lab.practice.act(&software(), acknowledge()).await), "nobody");
    let row = lab.practice.act(&doctor, visa()).await.unwrap().row.unwrap();
    assert_eq!(row.vised_by.as_deref(), Some("Dr Martin"));
    assert!(lab.practice.act(&doctor, acknowledge()).await.unwrap().row.unwrap().acknowledged);
    assert!(!lab.practice.act(&doctor, acknowledge()).await.unwrap().changed);
    let plain = lab.put(Put::default()).await;
    let refused = lab.practice.act(&doctor, Act::Acknowledge { document: plain.clone() }).await;
    assert_eq!(code(refused), "not_critical");

    let seen = async |who: &Actor| lab.practice.row(&plain, who.person.as_ref()).await.unwrap().unwrap().read;
    let read = |read| Act::Read { document: plain.clone(), read };
    assert!(!seen(&doctor).await);
    assert!(lab.practice.act(&doctor, read(true)).await.unwrap().row.unwrap().read);
    assert!(seen(&doctor).await && !seen(&secretary).await);
    assert!(!lab.practice.act(&doctor, read(true)).await.unwrap().changed);
    assert!(lab.practice.act(&doctor, read(false)).await.unwrap().changed);
    assert!(!seen(&doctor).await);

    let assign = |to: Option<Key>| Act::Assign { document: plain.clone(), to };
    let row = lab.practice.act(&secretary, assign(doctor.person.clone())).await.unwrap().row.unwrap();
    assert_eq!(row.assigned.as_deref(), doctor.person.as_ref().map(Key::as_str));
    assert_eq!(code(lab.practice.act(&secretary, assign(Some(Key::random()))).await), "not_found");
    assert_eq!(lab.practice.act(&secretary, assign(None)).await.unwrap().row.unwrap().assigned, None);
    let note = |text: &str| Act::Note { document: plain.clone(), text: text.into() };
    let row = lab.practice.act(&secretary, note(" à rappeler ")).await.unwrap().row.unwrap();
    assert_eq!(row.note.as_deref(), Some("à rappeler"));
    assert_eq!(code(lab.practice.act(&secretary, note(&"x".repeat(4_001))).await), "bad_value");
    let traced = lab.practice.traces(&TraceFilter::default(), None, 100).await.unwrap();
    assert!(!traced.iter().any(|line| format!("{line:?}").contains("rappeler")), "a note is no one else's");
}

#[tokio::test]
async fn a_deletion_hides_when_accepted_and_stays_once_the_host_has_confirmed() {
    let lab = Lab::open().await;
    let doctor = lab.person("Dr Martin", PersonRole::Doctor, May::Act).await;
    lab.practice.save_patient(&software(), None, None, &qualified(dominique())).await.unwrap();
    let target = lab.put(Put { ago: 60, ..Put::default() }).await;
    lab.practice.act(&doctor, file(&target, None)).await.unwrap();
    let carrier = lab
        .put(Put { standing: Standing::DeletionRequest, of: Some(target.clone()), ..Put::default() })
        .await;
    let request = lab.request(RequestKind::Deletion, &carrier, Some(&target), None).await;
    let state = async |key: &Key| lab.practice.row(key, None).await.unwrap().unwrap().state;
    assert_eq!(lab.practice.row(&target, None).await.unwrap().unwrap().request, Some(request.clone()));
    let confirm = || Act::Confirm { request: request.clone() };
    assert_eq!(code(lab.practice.act(&software(), confirm()).await), "not_accepted");
    let done = lab.practice.act(&doctor, Act::Accept { request: request.clone() }).await.unwrap();
    let row = done.row.unwrap();
    assert_eq!((row.key.clone(), row.state, row.request), (target.clone(), State::Deleted, None));
    assert_eq!(state(&carrier).await, State::Dismissed);
    assert!(!lab.practice.act(&doctor, Act::Accept { request: request.clone() }).await.unwrap().changed);
    // Taken back before the host has done it: everything as before.
    lab.practice.act(&doctor, Act::Reopen { document: target.clone() }).await.unwrap();
    assert_eq!((state(&target).await, state(&carrier).await), (State::ToDo, State::ToDo));
    let again = lab.practice.request(&request).await.unwrap().unwrap();
    assert_eq!((again.state, again.decided_by), (RequestState::Pending, None));
    assert_eq!(lab.practice.row(&target, None).await.unwrap().unwrap().request, Some(request.clone()));
    lab.practice.act(&doctor, Act::Accept { request: request.clone() }).await.unwrap();
    assert!(lab.practice.act(&software(), confirm()).await.unwrap().changed);
    assert!(!lab.practice.act(&software(), confirm()).await.unwrap().changed);
    let effective = lab.practice.request(&request).await.unwrap().unwrap();
    assert_eq!(
        (effective.state, effective.decided_by.as_deref()),
        (RequestState::Effective, Some("Dr Martin"))
    );
    assert!(effective.effective_at.is_some());
    assert_eq!(code(lab.practice.act(&doctor, Act::Reopen { document: target }).await), "effective");
}

#[tokio::test]
async fn a_new_version_goes_where_the_old_one_is_which_stays_readable() {
    let lab = Lab::open().await;
    let doctor = lab.person("Dr Martin", PersonRole::Doctor, May::Act).await;
    let patient =
        lab.practice.save_patient(&software(), None, None, &qualified(dominique())).await.unwrap().key;
    let old = lab.put(Put { ago: 60, ..Put::default() }).await;
    lab.practice.act(&doctor, file(&old, None)).await.unwrap();
    let put = || Put { standing: Standing::NewVersion, of: Some(old.clone()), ..Put::default() };
    let new = lab.put(put()).await;
    let request = lab.request(RequestKind::Replacement, &new, Some(&old), None).await;
    let done = lab.practice.act(&doctor, Act::Accept { request: request.clone() }).await.unwrap();
    let row = done.row.unwrap();
    assert_eq!((row.key.clone(), row.state, row.patient), (new.clone(), State::Filed, Some(patient.clone())));
    let before = lab.practice.row(&old, None).await.unwrap().unwrap();
    assert_eq!((before.state, before.request), (State::Filed, None), "kept, and nothing waits");
    assert_eq!(done.request, Some(request.clone()));
    assert_eq!(lab.practice.request(&request).await.unwrap().unwrap().state, RequestState::Accepted);

    // Filing the new version is accepting; taking it out is taking the acceptance back.
    let next = lab.put(Put { of: Some(new.clone()), ..put() }).await;
    let second = lab.request(RequestKind::Replacement, &next, Some(&new), None).await;
    let done = lab.practice.act(&doctor, file(&next, None)).await.unwrap();
    assert_eq!(done.request, Some(second.clone()));
    lab.practice.act(&doctor, Act::Reopen { document: next.clone() }).await.unwrap();
    assert_eq!(lab.practice.request(&second).await.unwrap().unwrap().state, RequestState::Pending);

    // One that names somebody else is not filed because the old one was here.
    let wrong = lab.put(Put { identity: somebody(), of: Some(new.clone()), ..put() }).await;
    let third = lab.request(RequestKind::Replacement, &wrong, Some(&new), None).await;
    assert_eq!(
        code(lab.practice.act(&doctor, Act::Accept { request: third.clone() }).await),
        "other_patient"
    );
    let refuse =
        |request: &Key, reason: &str| Act::Refuse { request: request.clone(), reason: reason.into() };
    assert_eq!(code(lab.practice.act(&doctor, refuse(&third, "  ")).await), "bad_value");
    let done = lab.practice.act(&doctor, refuse(&third, "autre patient")).await.unwrap();
    assert_eq!(done.row.unwrap().state, State::Dismissed);
    let refused = lab.practice.request(&third).await.unwrap().unwrap();
    assert_eq!((refused.state, refused.reason.as_deref()), (RequestState::Refused, Some("autre patient")));
    assert_eq!(code(lab.practice.act(&doctor, Act::Accept { request: third }).await), "not_pending");
    let row = lab.practice.row(&new, None).await.unwrap().unwrap();
    assert_eq!(row.request, Some(second), "the one that still waits");
}

#[tokio::test]
async fn what_should_not_be_obeyed_is_not() {
    let lab = Lab::open().await;
    let doctor = lab.person("Dr Martin", PersonRole::Doctor, May::Act).await;
    let target = lab.put(Put::default()).await;
    let carrier = lab.put(Put { standing: Standing::DeletionRequest, ..Put::default() }).await;
    for (number, refused) in [(900, "code_900"), (901, "code_901")] {
        let request = lab.request(RequestKind::Deletion, &carrier, Some(&target), Some(number)).await;
        assert_eq!(code(lab.practice.act(&doctor, Act::Accept { request }).await), refused);
    }
    let orphan = lab.request(RequestKind::Deletion, &carrier, None, None).await;
    assert_eq!(code(lab.practice.act(&doctor, Act::Accept { request: orphan.clone() }).await), "orphan");
    let reason = String::from("document inconnu");
    assert!(lab.practice.act(&doctor, Act::Refuse { request: orphan, reason }).await.unwrap().changed);
    assert_eq!(lab.practice.row(&target, None).await.unwrap().unwrap().state, State::ToDo);
}

#[tokio::test]
async fn critical_results_wait_for_a_doctor_and_go_to_a_replacement_once() {
    let lab = Lab::open().await;
    let doctor = lab.person("Dr Martin", PersonRole::Doctor, May::Act).await;
    lab.person("Claire", PersonRole::Secretary, May::Act).await;
    let old = lab.put(Put { critical: true, ago: 300, ..Put::default() }).await;
    let recent = lab.put(Put { critical: true, ago: 5, ..Put::default() }).await;
    lab.put(Put { critical: true, history: true, ago: 300, ..Put::default() }).await;
    let rows = lab.practice.critical(doctor.person.as_ref()).await.unwrap();
    assert_eq!(rows.iter().map(|row| &row.key).collect::<Vec<_>>(), [&old, &recent], "the oldest first");
    let viewed = Filter { viewer: doctor.person.clone(), ..Filter::default() };
    assert_eq!(lab.practice.counts(&viewed).await.unwrap().critical, 2);
    let assign = Act::Assign { document: old.clone(), to: doctor.person.clone() };
    lab.practice.act(&doctor, assign).await.unwrap();
    let other = lab.put(Put { critical: true, ago: 200, ..Put::default() }).await;
    let assign = Act::Assign { document: other.clone(), to: doctor.person.clone() };
    lab.practice.act(&doctor, assign).await.unwrap();
    let replacement = lab.person("Dr Remplaçant", PersonRole::Replacement, May::Act).await;
    let four_hours = Duration::from_secs(4 * 3_600);
    let gone = lab.practice.escalate(four_hours).await.unwrap();
    assert_eq!(gone.len(), 1);
    assert_eq!((&gone[0].document, &gone[0].to), (&old, &replacement.person));
    assert_eq!(lab.practice.escalate(four_hours).await.unwrap(), [], "once");
    lab.practice.remove_person(&software(), replacement.person.as_ref().unwrap()).await.unwrap();
    let gone = lab.practice.escalate(Duration::from_secs(3 * 3_600)).await.unwrap();
    assert_eq!((&gone[0].document, &gone[0].to), (&other, &None), "nobody else is there today");
    let life = lab.practice.life(&other).await.unwrap();
    assert_eq!(
        (life.last().unwrap().act.as_str(), life.last().unwrap().outcome.as_str()),
        ("escalate", "failed")
    );
    lab.practice.act(&doctor, Act::Acknowledge { document: old.clone() }).await.unwrap();
    assert_eq!(lab.practice.counts(&viewed).await.unwrap().critical, 2);
}
