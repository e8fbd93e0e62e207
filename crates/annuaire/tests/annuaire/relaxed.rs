//! Nothing matches everything: what is given up, and that the answer says so.

use super::*;

/// The known people but these, in a crowd.
fn without(names: &[(&str, &str)]) -> (TempDir, Directory) {
    let dir = tempfile::tempdir().expect("a directory");
    let known = known().into_iter().filter(|row| !names.contains(&(row.family.as_str(), row.given.as_str())));
    let mut lines: Vec<String> = known.map(|row| row.line()).collect();
    lines.extend(People::new(1).rows(1_000).map(|row| row.line()));
    let file = write(dir.path(), "Extraction_Correspondance_MSSante_202611220415.txt", &lines);
    let directory = Directory::open(&dir.path().join("annuaire"), Clock::system()).expect("opened");
    directory.import(&[file], &ImportOptions::default(), &quiet).expect("imported");
    (dir, directory)
}

#[test]
fn the_first_official_example_without_its_doctor_gives_up_the_postcode() {
    let (_dir, directory) = without(&[("DUPONT", "Anne")]);
    let found = ask(&directory, "Dupont 97500 cardiologue");
    let relaxed = found.relaxed.clone().expect("relaxed");
    assert_eq!((relaxed.field, relaxed.query.as_str()), (FieldName::CodePostal, "97500"));
    assert_eq!((first(&found).as_str(), found.total), ("Dr Jean DUPONT", relaxed.total));
    assert!(relaxed.also.is_empty());
}

#[test]
fn the_second_official_example_without_its_doctor_gives_up_the_street_whole() {
    let (_dir, directory) = without(&[("MARCHENOIR", "Odile")]);
    for (text, street) in [
        ("gynéco place de l'église montluçon", "place eglise"),
        ("12 place de l'église, Montluçon, gynéco", "12 place eglise"),
        ("montluçon gynéco pl de l'eglise", "pl eglise"),
    ] {
        let found = ask(&directory, text);
        let relaxed = found.relaxed.clone().expect("relaxed");
        assert_eq!((relaxed.field, relaxed.query.as_str()), (FieldName::Rue, street), "{text}");
        assert_eq!(first(&found), "Dr Odette MARCHENOIR", "{text}");
        let fields: Vec<FieldName> = found.hits[0].reasons.iter().map(|reason| reason.field).collect();
        assert!(fields.contains(&FieldName::Specialite) && fields.contains(&FieldName::Ville), "{fields:?}");
    }
    // The same as fields of SC.MSS/UX.41.
    let some = |text: &str| Some(text.to_owned());
    let criteria = Criteria {
        specialty: some("gynéco"),
        street: some("place de l'église"),
        city: some("Montluçon"),
        ..Criteria::default()
    };
    let found = directory.search(&Query { criteria, ..Query::default() }, 10).expect("answered");
    let relaxed = found.relaxed.clone().expect("relaxed");
    assert_eq!((relaxed.field, relaxed.query.as_str()), (FieldName::Rue, "place eglise"));
    assert_eq!(first(&found), "Dr Odette MARCHENOIR");
}

#[test]
fn words_that_nobody_has_are_given_up_one_after_the_other_and_all_are_said() {
    let (_dir, directory) = without(&[]);
    let found = ask(&directory, "qwzxkjv dupont jxqwkz 97500");
    let relaxed = found.relaxed.clone().expect("relaxed");
    let mut given_up = vec![relaxed.query.as_str()];
    given_up.extend(relaxed.also.iter().map(|also| also.query.as_str()));
    given_up.sort_unstable();
    assert_eq!(given_up, ["jxqwkz", "qwzxkjv"]);
    assert_eq!((first(&found).as_str(), found.total), ("Dr Anne DUPONT", 1));
    let json = serde_json::to_value(&found).expect("JSON");
    assert_eq!(json["relaxed"]["also"].as_array().map(Vec::len), Some(1));
    // Nothing is left to look for.
    let found = ask(&directory, "qwzxkjv");
    assert!(found.relaxed.is_none() && found.hits.is_empty());
    let found = ask(&directory, "qwzxkjv jxqwkz");
    assert!(found.relaxed.is_none() && found.hits.is_empty(), "{found:?}");
}
