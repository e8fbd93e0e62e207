//! The directory on real files: import, search, guards.

use std::fs;
use std::path::{Path, PathBuf};

use annuaire::synth::{People, Row, write_extraction};
use annuaire::{Criteria, Directory, Error, FieldName, Found, How, ImportOptions, Query};
use kernel::Clock;
use tempfile::TempDir;

const HEADER: &str = "Type de BAL|Adresse BAL|Type Identifiant PP|Identifiant PP|Identification nationale PP|Type identifiant structure|Identification Structure|Service de rattachement|Civilité d'exercice|Nom d'exercice|Prénom d'exercice|Catégorie profession|Libellé de catégorie profession|Code Profession|Libellé Profession|Code savoir-faire|Libellé savoir-faire|Dématérialisation|Raison Sociale structure BAL|Enseigne commerciale structure BAL|L2COMPLEMENTLOCALISATION structure BAL|L3COMPLEMENTDISTRIBUTION structure BAL|L4NUMEROVOIE structure BAL|L4COMPLEMENTNUMEROVOIE structure BAL|NL4TYPEVOIE structure BAL|L4LIBELLEVOIE structure BAL|L5LIEUDITMENTION structure BAL|L6LIGNEACHEMINEMENT structure BAL|Code postal structure BAL|Département structure BAL|Pays structure BAL";

/// People made up for these tests.
fn doctor(
    number: u32,
    family: &str,
    given: &str,
    skill: (&'static str, &'static str),
    place: [&str; 4],
) -> Row {
    let street_type = ["R", "AV", "PL", "BD"].into_iter().find(|kind| *kind == place[0]).unwrap_or("");
    Row {
        kind: "PER",
        address: format!(
            "{}.{}@medecin.mssante.test",
            given.to_lowercase(),
            family.to_lowercase().replace([' ', '\''], "-")
        ),
        rpps: format!("999{number:08}"),
        structure: format!("4999{number:08}001"),
        civility: "DR",
        family: family.to_owned(),
        given: given.to_owned(),
        category: "C",
        profession: "10",
        profession_label: "Médecin",
        skill: skill.0,
        skill_label: skill.1,
        paperless: true,
        street_type,
        street: place[1].to_owned(),
        number: "12".to_owned(),
        city_line: format!("{} {}", place[2], place[3]),
        postcode: place[2].to_owned(),
        ..Row::default()
    }
}

const CARDIO: (&str, &str) = ("SM04", "Cardiologie et Maladies vasculaires");
const GYNECO: (&str, &str) = ("SM20", "Gynécologie-obstétrique");
const GP: (&str, &str) = ("SM54", "Médecine générale");

fn known() -> Vec<Row> {
    vec![
        doctor(1, "DUPONT", "Anne", CARDIO, ["R", "DES PECHEURS", "97500", "ST PIERRE"]),
        doctor(2, "DUPONT", "Jean", CARDIO, ["AV", "VICTOR HUGO", "75009", "PARIS"]),
        doctor(3, "MARCHENOIR", "Odile", GYNECO, ["PL", "DE L EGLISE", "03100", "MONTLUCON"]),
        doctor(4, "MARCHENOIR", "Odette", GYNECO, ["BD", "DE COURTAIS", "03100", "MONTLUCON"]),
        doctor(5, "LE GOFF", "Jean-Pierre", GP, ["R", "PASTEUR", "29200", "BREST"]),
        doctor(6, "D'ARTENAY", "Hélène", GP, ["R", "ST JEAN", "69003", "LYON 03"]),
        doctor(7, "LEFEBVRE", "Paul", GP, ["PL", "ST MICHEL", "75005", "PARIS CEDEX 05"]),
        Row {
            kind: "ORG",
            address: "secretariat@ch-montlucon.mssante.test".to_owned(),
            structure: "1990000011".to_owned(),
            service: "Secrétariat médical".to_owned(),
            organization: "CENTRE HOSPITALIER DE MONTLUCON".to_owned(),
            brand: "CH MONTLUCON".to_owned(),
            street_type: "AV",
            street: "DU 8 MAI 1945".to_owned(),
            city_line: "03109 MONTLUCON CEDEX".to_owned(),
            postcode: "03109".to_owned(),
            ..Row::default()
        },
        Row {
            kind: "APP",
            address: "robot@ch-montlucon.mssante.test".to_owned(),
            structure: "1990000011".to_owned(),
            service: "Envoi automatique".to_owned(),
            organization: "CENTRE HOSPITALIER DE MONTLUCON".to_owned(),
            ..Row::default()
        },
    ]
}

fn quiet(_: annuaire::Stage, _: u64) {}

fn write(dir: &Path, name: &str, lines: &[String]) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, format!("{HEADER}\n{}\n", lines.join("\n"))).expect("written");
    path
}

fn extraction(dir: &Path, crowd: u64) -> PathBuf {
    let mut lines: Vec<String> = known().iter().map(Row::line).collect();
    lines.extend(People::new(1).rows(crowd).map(|row| row.line()));
    write(dir, "Extraction_Correspondance_MSSante_202611220415.txt", &lines)
}

/// A directory with the known people in a crowd.
fn directory() -> (TempDir, Directory) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = extraction(dir.path(), 3_000);
    let directory = Directory::open(&dir.path().join("annuaire"), Clock::system()).expect("opened");
    directory.import(&[file], &ImportOptions::default(), &quiet).expect("imported");
    (dir, directory)
}

fn ask(directory: &Directory, text: &str) -> Found {
    directory.search(&Query::text(text), 10).expect("answered")
}

fn first(found: &Found) -> String {
    found.hits.first().map(|hit| hit.card.name.clone()).unwrap_or_default()
}

#[test]
fn the_official_examples_find_their_doctor() {
    let (_dir, directory) = directory();
    let found = ask(&directory, "Dupont 97500 cardiologue");
    assert_eq!(first(&found), "Dr Anne DUPONT");
    assert_eq!(found.hits[0].card.addresses[0].address, "anne.dupont@medecin.mssante.test");
    let found = ask(&directory, "gynéco place de l'église montluçon");
    assert_eq!((first(&found), found.total), ("Dr Odile MARCHENOIR".to_owned(), 1));
    let how =
        |field| found.hits[0].reasons.iter().find(|reason| reason.field == field).map(|reason| reason.how);
    assert_eq!(how(FieldName::Specialite), Some(How::Synonym));
    assert_eq!(how(FieldName::Ville), Some(How::Exact));
    assert_eq!(how(FieldName::Rue), Some(How::Exact));
}

#[test]
fn names_are_found_in_any_order_case_accent_and_writing() {
    let (_dir, directory) = directory();
    for text in
        ["jean pierre le goff", "LEGOFF Jean-Pierre", "Dr Le Goff jeanpierre", "goff jp", "le-goff brest"]
    {
        assert_eq!(first(&ask(&directory, text)), "Dr Jean-Pierre LE GOFF", "{text}");
    }
    for text in ["d'artenay helene", "dartenay", "D’ARTENAY Hélène lyon 3", "artenay lyon 3e arrondissement"]
    {
        assert_eq!(first(&ask(&directory, text)), "Dr Hélène D'ARTENAY", "{text}");
    }
    for text in ["lefebvre paris 5", "lefebvre 75005", "paul lefebvre place saint michel", "lefebvre paris v"]
    {
        assert_eq!(first(&ask(&directory, text)), "Dr Paul LEFEBVRE", "{text}");
    }
}

#[test]
fn errors_and_sounds_lead_there_and_say_so() {
    let (_dir, directory) = directory();
    for text in
        ["marchenior odile", "marchenoir odlie", "machenoir odile montlucon", "cardiolgue dupont paris"]
    {
        let found = ask(&directory, text);
        assert!(
            ["Dr Odile MARCHENOIR", "Dr Jean DUPONT"].contains(&first(&found).as_str()),
            "{text}: {found:?}"
        );
        assert!(found.hits[0].reasons.iter().any(|reason| reason.how == How::Typo), "{text}");
    }
    assert_eq!(ask(&directory, "marchenior odile").did_you_mean.as_deref(), Some("marchenoir odile"));
    let found = ask(&directory, "artné");
    assert_eq!(found.relaxed, None);
    let found = ask(&directory, "lefaivre 75005");
    assert_eq!(first(&found), "Dr Paul LEFEBVRE", "{found:?}");
}

#[test]
fn what_is_given_up_is_said() {
    let (_dir, directory) = directory();
    let found = ask(&directory, "marchenoir 97500");
    let relaxed = found.relaxed.clone().expect("relaxed");
    assert_eq!((relaxed.field, relaxed.query.as_str(), relaxed.total), (FieldName::CodePostal, "97500", 2));
    assert!(found.hits.iter().all(|hit| hit.card.family == "MARCHENOIR"));
    assert_eq!(found.total, 2);
}

#[test]
fn each_criterion_alone_finds() {
    let (_dir, directory) = directory();
    let some = |text: &str| Some(text.to_owned());
    let cases: Vec<(&str, Criteria)> = vec![
        ("Dr Anne DUPONT", Criteria { identifier: some("99900000001"), ..Criteria::default() }),
        ("Dr Anne DUPONT", Criteria { identifier: some("899900000001"), ..Criteria::default() }),
        (
            "Dr Odile MARCHENOIR",
            Criteria { family: some("Marchenoir"), given: some("odile"), ..Criteria::default() },
        ),
        ("Dr Odette MARCHENOIR", Criteria { given: some("odette"), ..Criteria::default() }),
        (
            "CENTRE HOSPITALIER DE MONTLUCON",
            Criteria { organization: some("hopital montlucon"), ..Criteria::default() },
        ),
        (
            "CENTRE HOSPITALIER DE MONTLUCON",
            Criteria { organization: some("CH Montlucon"), ..Criteria::default() },
        ),
        ("Dr Anne DUPONT", Criteria { street: some("rue des pêcheurs"), ..Criteria::default() }),
        (
            "Dr Anne DUPONT",
            Criteria { postcode: some("97500"), specialty: some("cardiologue"), ..Criteria::default() },
        ),
        (
            "Dr Odile MARCHENOIR",
            Criteria { city: some("Montluçon"), street: some("église"), ..Criteria::default() },
        ),
        (
            "Dr Odile MARCHENOIR",
            Criteria { address: some("12 place de l'église 03100 Montluçon"), ..Criteria::default() },
        ),
        (
            "Dr Jean DUPONT",
            Criteria { email: some("jean.dupont@medecin.mssante.test"), ..Criteria::default() },
        ),
        (
            "Dr Anne DUPONT",
            Criteria { profession: some("médecin"), department: some("975"), ..Criteria::default() },
        ),
        (
            "Dr Odile MARCHENOIR",
            Criteria {
                specialty: some("SM20"),
                street: some("place de l eglise"),
                city: some("montlucon"),
                ..Criteria::default()
            },
        ),
    ];
    for (name, criteria) in cases {
        let found = directory
            .search(&Query { criteria: criteria.clone(), ..Query::default() }, 10)
            .expect("answered");
        assert!(
            found.relaxed.is_none() && found.hits.iter().any(|hit| hit.card.name == name),
            "{criteria:?}: {:?} {:?}",
            found.hits.iter().map(|hit| &hit.card.name).collect::<Vec<_>>(),
            found.relaxed
        );
    }
    // Criteria that many meet: every hit meets them.
    let found = directory.search(
        &Query { criteria: Criteria { city: some("lyon"), ..Criteria::default() }, ..Query::default() },
        10,
    );
    assert!(
        found.expect("answered").hits.iter().all(|hit| hit
            .card
            .places
            .iter()
            .any(|place| place.city.starts_with("LYON")))
    );
}

#[test]
fn a_structure_is_one_card_and_its_machines_come_last() {
    let (_dir, directory) = directory();
    let found = ask(&directory, "ch montlucon");
    assert_eq!(first(&found), "CENTRE HOSPITALIER DE MONTLUCON");
    let card = &found.hits[0].card;
    assert_eq!(card.finess.as_deref(), Some("990000011"));
    let types: Vec<&str> = card.addresses.iter().map(|address| address.kind.code()).collect();
    assert_eq!(types, ["ORG", "APP"]);
    let only = directory.search(&Query { types: vec!["APP".to_owned()], ..Query::text("montlucon") }, 10);
    assert_eq!(only.expect("answered").total, 1);
}

#[test]
fn a_card_shows_every_field_with_its_french_label() {
    let (_dir, directory) = directory();
    for id in ["p-899900000003", "99900000003", "899900000003", "odile.marchenoir@medecin.mssante.test"] {
        let sheet = directory.show(id).expect("shown");
        assert_eq!(sheet.card.name, "Dr Odile MARCHENOIR");
        let field = |label: &str| sheet.sections[0].fields.iter().find(|field| field.label == label);
        assert_eq!(field("Nom d'exercice").map(|field| field.value.as_str()), Some("MARCHENOIR"));
        assert_eq!(
            field("L6LIGNEACHEMINEMENT structure BAL").map(|field| field.value.as_str()),
            Some("03100 MONTLUCON")
        );
        assert_eq!(field("Enseigne commerciale structure BAL"), None);
        assert_eq!(sheet.source_date.as_deref(), Some("2026-11-22T04:15:00+01:00"));
    }
    assert!(matches!(directory.show("p-899912345678"), Err(Error::UnknownCard(_))));
    let id = ask(&directory, "ch montlucon").hits[0].card.id.clone();
    assert_eq!(directory.show(&id).expect("shown").card.id, id);
}

#[test]
fn bad_questions_are_answered() {
    let (_dir, directory) = directory();
    for text in [
        "",
        " ",
        "d",
        "de la",
        "🚑",
        "\0",
        "a AND (b OR \"c\")~2 nom:*",
        "@",
        "@@",
        ".",
        "é",
        "docteur",
        "97500 97500",
    ] {
        let found = ask(&directory, text);
        assert!(found.hits.len() <= 10, "{text}");
    }
    let long = ask(&directory, &"dupont ".repeat(1_500));
    assert!(long.took_us < 1_000_000);
    assert_eq!(ask(&directory, "").total, 0);
    assert!(ask(&directory, "d").total > 0);
    assert!(ask(&directory, "de la").hits.len() <= 10);
}

#[test]
fn hits_have_the_form_of_the_contract() {
    let (_dir, directory) = directory();
    let found = serde_json::to_value(ask(&directory, "gyneco montlucon eglise")).expect("JSON");
    assert_eq!(found["schema"], "vaguemestre/annuaire/1");
    let card = &found["hits"][0]["card"];
    let keys: Vec<&str> = card.as_object().expect("an object").keys().map(String::as_str).collect();
    for key in ["id", "kind", "name", "rpps", "finess", "profession", "specialty", "places", "addresses"] {
        assert!(keys.contains(&key), "{key}");
    }
    assert_eq!(keys.len(), 9);
    assert_eq!(card["kind"], "person");
    assert_eq!(card["places"][0]["city"], "MONTLUCON");
    assert_eq!(card["addresses"][0]["type"], "PER");
    assert_eq!(found["hits"][0]["reasons"][0]["how"], "synonym");
    assert!(found["relaxed"].is_null() && found["did_you_mean"].is_null());
}

#[test]
fn facets_count_the_hits() {
    let (_dir, directory) = directory();
    let found = directory.search(&Query { facets: true, ..Query::text("montlucon") }, 10).expect("answered");
    let facets = found.facets.expect("counted");
    assert!(
        facets
            .profession
            .iter()
            .any(|facet| facet.value == "10" && facet.label == "Médecin" && facet.count >= 2)
    );
    assert!(facets.department.iter().any(|facet| facet.value == "03"));
    assert!(facets.types.iter().any(|facet| facet.value == "APP" && facet.count >= 1));
}

mod criteria;
mod fetched;
mod guards;
mod joined;
mod killed;
mod relaxed;
