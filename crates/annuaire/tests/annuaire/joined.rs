//! The three PS_LibreAcces files joined to the mailboxes: more places, more savoir-faire, more to show.

use std::io::Write as _;

use super::*;

const ACTIVITIES: &str = "Type d'identifiant PP|Identifiant PP|Identification nationale PP|Code civilité d'exercice|Libellé civilité d'exercice|Code civilité|Libellé civilité|Nom d'exercice|Prénom d'exercice|Code profession|Libellé profession|Code catégorie professionnelle|Libellé catégorie professionnelle|Code type savoir-faire|Libellé type savoir-faire|Code savoir-faire|Libellé savoir-faire|Code mode exercice|Libellé mode exercice|Numéro SIRET site|Numéro SIREN site|Numéro FINESS site|Numéro FINESS établissement juridique|Identifiant technique de la structure|Raison sociale site|Enseigne commerciale site|Complément destinataire (coord. structure)|Complément point géographique (coord. structure)|Numéro Voie (coord. structure)|Indice répétition voie (coord. structure)|Code type de voie (coord. structure)|Libellé type de voie (coord. structure)|Libellé Voie (coord. structure)|Mention distribution (coord. structure)|Bureau cedex (coord. structure)|Code postal (coord. structure)|Code commune (coord. structure)|Libellé commune (coord. structure)|Code pays (coord. structure)|Libellé pays (coord. structure)|Téléphone (coord. structure)|Téléphone 2 (coord. structure)|Télécopie (coord. structure)|Adresse e-mail (coord. structure)|Code Département (structure)|Libellé Département (structure)|Ancien identifiant de la structure|Autorité d'enregistrement|Code secteur d'activité|Libellé secteur d'activité|Code section tableau pharmaciens|Libellé section tableau pharmaciens|Code rôle|Libellé rôle|Code genre activité|Libellé genre activité";
const SKILLS: &str = "Type d'identifiant PP|Identifiant PP|Identification nationale PP|Nom d'exercice|Prénom d'exercice|Code profession|Libellé profession|Code catégorie professionnelle|Libellé catégorie professionnelle|Code type savoir-faire|Libellé type savoir-faire|Code savoir-faire|Libellé savoir-faire";
const DIPLOMAS: &str = "Type d'identifiant PP|Identifiant PP|Identification nationale PP|Nom d'exercice|Prénom d'exercice|Code type diplôme obtenu|Libellé type diplôme obtenu|Code diplôme obtenu|Libellé diplôme obtenu|Code type autorisation|Libellé type autorisation|Code discipline autorisation|Libellé discipline autorisation";

/// A line of this header with these fields, and the separator at its end that the real files have.
fn line(header: &str, fields: &[(&str, &str)]) -> String {
    let value = |name: &str| fields.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
    fields.iter().for_each(|(name, _)| assert!(header.split('|').any(|known| known == *name), "{name}"));
    header.split('|').map(value).collect::<Vec<_>>().join("|") + "|"
}

/// A person of the practitioners' files: number, surname, first name.
fn person<'a>(
    number: &'a str,
    national: &'a str,
    family: &'a str,
    given: &'a str,
) -> Vec<(&'a str, &'a str)> {
    vec![
        ("Identifiant PP", number),
        ("Identification nationale PP", national),
        ("Nom d'exercice", family),
        ("Prénom d'exercice", given),
        ("Code profession", "10"),
        ("Libellé profession", "Médecin"),
    ]
}

fn archive(dir: &Path) -> PathBuf {
    let odile = || person("99900000003", "899900000003", "MARCHENOIR", "Odile");
    let nobody = || person("99900000099", "899900000099", "SANSBOITE", "Alix");
    let mut place = odile();
    place.extend([
        ("Numéro FINESS site", "990000029"),
        ("Raison sociale site", "POLYCLINIQUE DES DEUX SOURCES"),
        ("Numéro Voie (coord. structure)", "3"),
        ("Libellé type de voie (coord. structure)", "Avenue"),
        ("Libellé Voie (coord. structure)", "DES THERMES"),
        ("Bureau cedex (coord. structure)", "03200 VICHY CEDEX"),
        ("Code postal (coord. structure)", "03200"),
        ("Téléphone (coord. structure)", "0470000000"),
        ("Libellé genre activité", "Activité standard de soin"),
    ]);
    let mut skill = odile();
    skill.extend([("Code savoir-faire", "SST17"), ("Libellé savoir-faire", "Médecine palliative")]);
    let named = |number, national, family, given| -> Vec<(&str, &str)> {
        person(number, national, family, given).into_iter().take(4).collect()
    };
    let mut diploma = named("99900000003", "899900000003", "MARCHENOIR", "Odile");
    diploma.push(("Libellé diplôme obtenu", "Diplôme d'État de docteur en médecine"));
    let files = [
        ("PS_LibreAcces_Personne_activite_202611230030.txt", ACTIVITIES, vec![place, nobody()]),
        ("PS_LibreAcces_SavoirFaire_202611230030.txt", SKILLS, vec![skill]),
        ("PS_LibreAcces_Dipl_AutExerc_202611230030.txt", DIPLOMAS, vec![diploma]),
    ];
    let path = dir.join("PS_LibreAcces_202611230030.zip");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).expect("made"));
    for (name, header, lines) in files {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).expect("begun");
        let lines: Vec<String> = lines.iter().map(|fields| line(header, fields)).collect();
        write!(archive, "{header}|\r\n{}\r\n", lines.join("\r\n")).expect("written");
    }
    archive.finish().expect("finished");
    path
}

#[test]
fn the_practitioners_files_add_places_skills_and_fields_to_the_same_card() {
    let dir = tempfile::tempdir().expect("a directory");
    let mailboxes = extraction(dir.path(), 500);
    let directory = Directory::open(&dir.path().join("annuaire"), Clock::system()).expect("opened");
    // The practitioners first: the order of the files does not matter.
    let files = [archive(dir.path()), mailboxes];
    let report = directory.import(&files, &ImportOptions::default(), &quiet).expect("imported");
    assert_eq!(report.rejected, 0, "{report:?}");
    assert_eq!(report.without_mailbox, 1, "somebody without a mailbox is left out, and counted");
    assert_eq!((report.mailboxes, report.files.len()), (509, 4));
    assert_eq!(report.source_date.as_deref(), Some("2026-11-23T00:30:00+01:00"));
    // Found by what only the other files say, alone and with what the mailboxes say.
    for text in [
        "marchenoir vichy",
        "soins palliatifs vichy",
        "gynéco avenue des thermes vichy",
        "odile marchenoir polyclinique des deux sources",
        "990000029",
        "marchenoir montluçon palliatif",
    ] {
        let found = ask(&directory, text);
        assert!(found.relaxed.is_none() && first(&found) == "Dr Odile MARCHENOIR", "{text}: {found:?}");
    }
    assert!(ask(&directory, "sansboite").hits.is_empty());
    let sheet = directory.show("99900000003").expect("shown");
    let cities: Vec<&str> = sheet.card.places.iter().map(|place| place.city.as_str()).collect();
    assert_eq!(cities, ["MONTLUCON", "VICHY"]);
    assert_eq!(sheet.card.addresses.len(), 1, "a second place is no second mailbox");
    let skills: Vec<&str> = sheet.card.skills.iter().map(|skill| skill.code.as_str()).collect();
    assert_eq!(skills, ["SM20", "SST17"]);
    let field = |label: &str| {
        let fields = sheet.sections.iter().flat_map(|section| &section.fields);
        fields.filter(|field| field.label == label).map(|field| field.value.as_str()).next_back()
    };
    assert_eq!(sheet.sections.len(), 4);
    assert_eq!(field("Téléphone (coord. structure)"), Some("0470000000"));
    assert_eq!(field("Libellé diplôme obtenu"), Some("Diplôme d'État de docteur en médecine"));
    assert_eq!(field("Libellé genre activité"), Some("Activité standard de soin"));
}

#[test]
fn practitioners_alone_are_no_base() {
    let (dir, directory) = directory();
    let error =
        directory.import(&[archive(dir.path())], &ImportOptions::default(), &quiet).expect_err("refused");
    assert!(error.to_string().contains("no mailbox"), "{error}");
    assert_eq!(first(&ask(&directory, "dupont 97500")), "Dr Anne DUPONT");
}
