use proptest::prelude::*;

use super::*;
use crate::{Matricule, Missing, Nature, Sex, Status, Traits, World};

fn identity() -> Identity {
    let born = BirthDate::parse("19790328").unwrap();
    let traits = Traits::strict("PAT-TROIS", "DOMINIQUE MARIE-LOUISE", born, Sex::Female, "51215");
    Identity::new(Matricule::from_body("2790351215189").unwrap(), Nature::Test, traits)
}

fn record() -> Record {
    Record { identity: identity(), status: Status::Qualified, ..Record::default() }
}

fn with(change: impl FnOnce(&mut Identity)) -> Identity {
    let mut changed = identity();
    change(&mut changed);
    changed
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn each_likeness_has_its_reason() {
    for (theirs, ours, expected) in [
        ("MARTIN", "MARTIN", Likeness::Equal),
        ("Léa", "LEA", Likeness::Spelling),
        ("JEAN-PIERRE", "Jean Pierre", Likeness::Spelling),
        ("D\u{2019}ARC", "D'ARC", Likeness::Spelling),
        ("D'ARC", "DARC", Likeness::Compound),
        ("ANNE", "ANNE-SOPHIE", Likeness::Compound),
        ("DUPONT MARTIN", "MARTIN", Likeness::Compound),
        ("ANNE", "ANNELISE", Likeness::Differs),
        ("MARTIN", "MARTEN", Likeness::Differs),
        (" ", "MARTIN", Likeness::MissingReceived),
        ("MARTIN", "", Likeness::MissingRecord),
        ("", "", Likeness::MissingBoth),
    ] {
        assert_eq!(names(Some(theirs), Some(ours)), expected, "{theirs} / {ours}");
    }
    let date = BirthDate::parse;
    assert_eq!(dates(date("1979"), date("19790328")), Likeness::Coarser);
    assert_eq!(dates(date("19790328"), date("19790329")), Likeness::Differs);
    let married = with(|patient| patient.traits.birth_name = text("DURAND"));
    let mut wife = record();
    wife.identity.traits.used_name = text("Durand");
    assert_eq!(compare(&married, &wife).of(Trait::BirthName), Likeness::UsedForBirth);
    assert_eq!(compare(&identity(), &wife).of(Trait::UsedName), Likeness::MissingReceived);
    assert_eq!(compare(&identity(), &record()).of(Trait::UsedName), Likeness::MissingBoth);
}

#[test]
fn a_document_is_filed_only_where_nothing_speaks_against_it() {
    let spelled = with(|patient| {
        patient.traits.birth_name = text("Pat trois");
        patient.traits.given_names = text("Dominique Marie Louise");
    });
    for received in [identity(), spelled] {
        let found = decide(&received, &[Record::default(), record()], World::Sandbox);
        assert_eq!((found.decision, found.reasons), (Decision::File { record: 1 }, vec![]));
    }
    type Change = fn(&mut Record);
    let changes: [(Change, Reason); 3] = [
        (|record| record.status = Status::Retrieved, Reason::Status(Status::Retrieved)),
        (|record| record.doubtful = true, Reason::Doubtful),
        (|record| record.fictitious = true, Reason::Fictitious),
    ];
    for (change, reason) in changes {
        let mut changed = record();
        change(&mut changed);
        let found = decide(&identity(), &[changed], World::Sandbox);
        assert_eq!((&found.decision, found.code()), (&Decision::Confirm { record: 0 }, None));
        assert_eq!(found.reasons, [reason]);
    }
    let placeless = with(|patient| patient.traits.birth_place = None);
    let found = decide(&placeless, &[record()], World::Sandbox);
    assert_eq!(found.decision, Decision::Confirm { record: 0 });
    assert_eq!(found.reasons, [Reason::Unequal(Trait::BirthPlace, Likeness::MissingReceived)]);
    let found = decide(&identity(), &[record()], World::Production);
    assert_eq!(
        (found.decision, found.reasons),
        (Decision::Confirm { record: 0 }, vec![Reason::TestIdentity])
    );
}

#[test]
fn one_number_and_other_traits_are_a_conflict() {
    type Change = fn(&mut Traits);
    let changes: [(Change, Trait); 5] = [
        (|traits| traits.birth_name = text("AUTRE"), Trait::BirthName),
        (|traits| traits.first_given = text("DOMINIQUE-MARIE"), Trait::FirstGiven),
        (|traits| traits.birth_date = BirthDate::parse("19790329"), Trait::BirthDate),
        (|traits| traits.sex = Some(Sex::Male), Trait::Sex),
        (|traits| traits.birth_place = text("99100"), Trait::BirthPlace),
    ];
    for (change, what) in changes {
        let received = with(|patient| change(&mut patient.traits));
        let found = decide(&received, &[record()], World::Sandbox);
        assert_eq!((&found.decision, found.code()), (&Decision::Conflict { record: 0 }, Some(904)), "{what}");
        assert!(matches!(found.reasons.as_slice(), [Reason::Unequal(found, _)] if *found == what), "{what}");
        assert_eq!(found.candidates.len(), 1);
    }
}

#[test]
fn a_former_number_is_the_patient_s_and_other_oids_are_not() {
    let nia = Matricule::from_body("8790351215189").unwrap();
    let mut renamed = record();
    renamed.identity.oid = Some(Nature::Nir.oid().into());
    renamed.former.push(Ins { matricule: nia.clone(), nature: Nature::Nia });
    let old = with(|patient| {
        (patient.matricule, patient.oid) = (Some(nia), Some(Nature::Nia.oid().into()));
    });
    let found = decide(&old, &[renamed.clone()], World::Production);
    assert_eq!((found.decision, found.reasons), (Decision::File { record: 0 }, vec![Reason::FormerNumber]));
    let found = decide(&identity(), &[renamed.clone()], World::Sandbox);
    assert_eq!(found.decision, Decision::Unknown, "production and tests are never one");
    assert_eq!(found.reasons, [Reason::SameDigitsOtherOid { record: 0 }]);
    let as_nia = with(|patient| patient.oid = Some(Nature::Nia.oid().into()));
    assert_eq!(compare(&as_nia, &renamed).ins, InsLikeness::OtherNature);
}

#[test]
fn without_a_number_a_person_chooses_among_the_nearest() {
    let received = with(|patient| {
        (patient.matricule, patient.oid) = (None, None);
        patient.traits.given_names = None;
        patient.traits.birth_place = None;
    });
    let mut near = record();
    near.identity.traits.birth_date = BirthDate::parse("1979");
    let mut other = record();
    other.identity.traits.birth_date = BirthDate::parse("19790329");
    let found = decide(&received, &[near, other, record()], World::Sandbox);
    assert_eq!((&found.decision, found.code()), (&Decision::Choose { records: vec![2, 0] }, Some(903)));
    assert_eq!(found.candidates[0].1.ins, InsLikeness::MissingReceived);
    let found = decide(&Identity::default(), &[record()], World::Sandbox);
    assert_eq!((&found.decision, found.code()), (&Decision::Unknown, Some(903)));
    let mut numberless = record();
    (numberless.identity.matricule, numberless.identity.oid) = (None, None);
    let found = decide(&identity(), &[numberless.clone()], World::Sandbox);
    assert_eq!((&found.decision, found.code()), (&Decision::Choose { records: vec![0] }, Some(902)));
    let sexless = with(|patient| patient.traits.sex = None);
    let found = decide(&sexless, &[numberless], World::Sandbox);
    assert_eq!(found.code(), Some(905));
    assert!(found.reasons.contains(&Reason::Incomplete(vec![Missing::Sex])));
    let mut somebody = record();
    somebody.identity.matricule = Some(Matricule::from_body("2790351215190").unwrap());
    let found = decide(&identity(), &[somebody], World::Sandbox);
    assert_eq!(
        (&found.decision, found.code()),
        (&Decision::Unknown, Some(902)),
        "another number, another person"
    );
}

#[test]
fn two_records_of_one_number_are_an_alert_and_a_wrong_key_a_warning() {
    let found = decide(&identity(), &[record(), record()], World::Sandbox);
    assert_eq!(found.decision, Decision::Duplicates { records: vec![0, 1] });
    let wrong = Matricule::parse("279035121518988").unwrap();
    let received = with(|patient| patient.matricule = Some(wrong.clone()));
    let mut same = record();
    same.identity.matricule = Some(wrong);
    let found = decide(&received, &[same], World::Sandbox);
    assert_eq!((found.decision, found.reasons), (Decision::File { record: 0 }, vec![Reason::WrongKey]));
}

#[test]
fn a_match_goes_through_json() {
    let found = decide(&identity(), &[record()], World::Production);
    let json = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Match>(&json).unwrap(), found);
}

proptest! {
    #[test]
    fn likeness_of_names_is_the_same_from_both_sides(a in "[A-Ca-cé' -]{0,8}", b in "[A-Ca-cé' -]{0,8}") {
        let turned = match names(Some(&b), Some(&a)) {
            Likeness::MissingReceived => Likeness::MissingRecord,
            Likeness::MissingRecord => Likeness::MissingReceived,
            other => other,
        };
        prop_assert_eq!(names(Some(&a), Some(&b)), turned);
    }

    #[test]
    fn nothing_unlike_is_ever_filed(name in "[Pp][aâA][tT][ '-]{0,2}(trois|TROIS)|\\PC{0,12}", given in "(Dominique|DOMINIQUE)( M)?|\\PC{0,12}") {
        let received = with(|patient| {
            patient.traits.birth_name = Some(name.clone());
            patient.traits.first_given = Some(given.clone());
        });
        if let Decision::File { .. } = decide(&received, &[record()], World::Sandbox).decision {
            prop_assert_eq!(folded(&name), "PAT TROIS");
            prop_assert_eq!(folded(&given), "DOMINIQUE");
        }
    }
}
