use ins::{BirthDate, Decision, Ins, InsLikeness, Matricule, Nature, Record};

use super::typed_day;
use crate::lab::{Lab, Put, dominique, qualified, software};
use crate::{Error, Key, NewCare};

#[test]
fn a_day_is_read_as_people_type_it_and_a_double_name_is_no_day() {
    for (typed, day) in [
        ("28/03/1979", Some("19790328")),
        ("8/3/1979", Some("19790308")),
        ("1979-03-28", Some("19790328")),
        ("JEAN-PAUL-LUC", None),
        ("PAT-TROIS", None),
    ] {
        assert_eq!(typed_day(typed).as_deref(), day, "{typed}");
    }
}

#[tokio::test]
async fn a_host_sends_its_patients_again_and_again() {
    let lab = Lab::open().await;
    let save = async |host: Option<&'static str>, record: &Record| {
        lab.practice.save_patient(&software(), None, host, record).await
    };
    let first = save(Some("42"), &qualified(dominique())).await.unwrap();
    let mut married = qualified(dominique());
    married.identity.traits.used_name = Some("Lefèvre".into());
    let again = save(Some("42"), &married).await.unwrap();
    assert_eq!(first.key, again.key);
    assert_eq!(lab.practice.patients(None, 10).await.unwrap(), std::slice::from_ref(&again));
    assert_eq!(lab.practice.patient_of_host("42").await.unwrap(), Some(again.clone()));
    let find = async |text: &str| lab.practice.find_patients(text, 10).await.unwrap().len();
    for (text, found) in [
        ("pat", 1),
        ("lefevre", 1),
        ("trois marie 28/03/1979", 1),
        ("2790351215189 89", 0),
        ("279035121518989", 1),
        ("2790351215189", 1),
        ("rois", 0),
        ("29/03/1979", 0),
        ("", 1),
        ("%", 0),
    ] {
        assert_eq!(find(text).await, found, "{text}");
    }
    let other = save(None, &qualified(dominique())).await.unwrap();
    let taken = lab.practice.save_patient(&software(), Some(&other.key), Some("42"), &married).await;
    assert_eq!(taken.unwrap_err().code(), "host_ref_taken");
    assert!(matches!(save(None, &Record::default()).await, Err(Error::Bad { .. })));
    let unknown = lab.practice.save_patient(&software(), Some(&Key::random()), None, &married).await;
    assert_eq!(unknown.unwrap_err().code(), "not_found");
}

#[tokio::test]
async fn who_is_proposed_follows_numbers_of_before_dates_that_are_coarse_and_never_the_other_world() {
    let lab = Lab::open().await;
    let document = lab.put(Put::default()).await;
    let proposed = async || lab.practice.proposal(&document).await.unwrap().unwrap();
    assert_eq!(proposed().await.matched.decision, Decision::Unknown);
    // Many were born that day; they are not shown.
    for n in 0..30 {
        let mut other = dominique();
        (other.matricule, other.oid) = (None, None);
        other.traits.birth_name = Some(format!("AUTRE{n}"));
        lab.practice.save_patient(&software(), None, None, &qualified(other)).await.unwrap();
    }
    assert_eq!(proposed().await.patients, []);
    let mut coarse = dominique();
    (coarse.matricule, coarse.oid) = (None, None);
    coarse.traits.birth_date = BirthDate::parse("1979");
    let patient = lab.practice.save_patient(&software(), None, None, &qualified(coarse)).await.unwrap();
    let found = proposed().await;
    assert_eq!(
        (found.matched.decision, &found.patients[0]),
        (Decision::Choose { records: vec![0] }, &patient)
    );
    // The same digits of production: another person, said as a reason.
    let real = ins::Identity { oid: Some(Nature::Nir.oid().into()), ..dominique() };
    let real = lab.practice.save_patient(&software(), None, None, &qualified(real)).await.unwrap();
    let found = proposed().await;
    assert!(found.matched.reasons.contains(&ins::Reason::SameDigitsOtherOid { record: 1 }));
    assert_eq!(found.patients, [patient.clone(), real]);
    // The number that the patient had before.
    let mut record = qualified(dominique());
    record.former =
        vec![Ins { matricule: Matricule::from_body("2790351215189").unwrap(), nature: Nature::Test }];
    record.identity.matricule = Some(Matricule::from_body("2790351215190").unwrap());
    lab.practice.save_patient(&software(), Some(&patient.key), None, &record).await.unwrap();
    let found = proposed().await;
    assert_eq!(found.patients[0].key, patient.key);
    assert_eq!(found.matched.candidates[0].1.ins, InsLikeness::Former);
    let compared = lab.practice.comparison(&document, &patient.key).await.unwrap().unwrap();
    assert_eq!(compared.ins, InsLikeness::Former);
    assert!(lab.practice.proposal(&Key::random()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_care_circle_has_roles_and_days() {
    let lab = Lab::open().await;
    let patient =
        lab.practice.save_patient(&software(), None, None, &qualified(dominique())).await.unwrap().key;
    let care = |name: &str, since: &str, until: Option<&str>| NewCare {
        professional: "810000000001".into(),
        name: name.into(),
        role: "médecin traitant".into(),
        address: Some("dr@sim.mssante.fr".into()),
        since: since.into(),
        until: until.map(str::to_owned),
    };
    let save = async |key: Option<&Key>, care: NewCare| {
        lab.practice.save_care(&software(), &patient, key, care).await
    };
    let before = save(None, care("Dr Ancien", "2020-01-01", Some("2026-11-22"))).await.unwrap();
    let now = save(None, care("Dr Martin", "2026-11-23", None)).await.unwrap();
    assert_eq!(save(None, care("Dr Martin", "2026-11-23", None)).await.unwrap(), now, "not twice");
    assert_eq!(lab.practice.care_circle(&patient, true).await.unwrap(), std::slice::from_ref(&now));
    assert_eq!(lab.practice.care_circle(&patient, false).await.unwrap(), [before.clone(), now.clone()]);
    save(Some(&now.key), care("Dr Martin", "2026-11-23", Some("2026-11-23"))).await.unwrap();
    lab.clock.advance(std::time::Duration::from_secs(86_400));
    assert_eq!(lab.practice.care_circle(&patient, true).await.unwrap(), []);
    for bad in [
        care(" ", "2026-01-01", None),
        care("Dr", "1/1/2026", None),
        care("Dr", "2026-02-01", Some("2026-01-01")),
    ] {
        assert_eq!(save(None, bad).await.unwrap_err().code(), "bad_value");
    }
    assert_eq!(
        save(Some(&Key::random()), care("Dr", "2026-01-01", None)).await.unwrap_err().code(),
        "not_found"
    );
    lab.practice.remove_care(&software(), &patient, &before.key).await.unwrap();
    assert_eq!(
        lab.practice.remove_care(&software(), &patient, &before.key).await.unwrap_err().code(),
        "not_found"
    );
}
