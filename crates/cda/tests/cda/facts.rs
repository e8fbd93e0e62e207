//! Every field of every fact that another reader found.

use std::collections::BTreeMap;

use cda::media::FileKind;
use cda::narrative::{Kind, Node};
use cda::{Id, Level, Whole, read};
use ins::{BirthDate, Matricule};
use serde_json::Value;
use sha1::{Digest, Sha1};

use super::corpus;

/// All that is compared: a field that is not here would go by unseen.
const FIELDS: [&str; 33] = [
    "file",
    "bytes",
    "sha1",
    "bom",
    "root",
    "id",
    "setId",
    "version",
    "code",
    "codeSystem",
    "title",
    "effectiveTime",
    "insMatricule",
    "insOid",
    "patientIds",
    "birthName",
    "usedName",
    "givenNames",
    "firstGiven",
    "usedGiven",
    "sex",
    "birthDate",
    "birthPlaceCog",
    "authors",
    "serviceEvents",
    "replaces",
    "level",
    "sections",
    "tables",
    "labResults",
    "labInterpretations",
    "critical",
    "media",
];

#[test]
fn every_published_example_says_what_another_reader_found() {
    let Some(corpus) = corpus() else { return };
    let mut seen = 0;
    for folder in ["cda", "lifecycle"] {
        let facts = if folder == "cda" { "facts.json".into() } else { format!("{folder}/facts.json") };
        let facts: Value = serde_json::from_slice(&std::fs::read(corpus.join(facts)).unwrap()).unwrap();
        for facts in facts.as_array().unwrap() {
            let name = facts["file"].as_str().unwrap();
            let bytes = std::fs::read(corpus.join(folder).join(name)).unwrap();
            assert!(cda::looks_like_cda(&bytes), "{name}");
            let whole = cda::read_whole(&bytes).unwrap();
            let (header, mut expected) = (read(&bytes).unwrap(), whole.header.clone());
            expected.problems.clear();
            assert_eq!(header, expected, "{name}: both readers read one header");
            assert_eq!(
                facts.as_object().unwrap().keys().filter(|key| !FIELDS.contains(&key.as_str())).count(),
                0,
                "{name}: a fact that nothing here compares"
            );
            compare(name, facts, &header);
            compare_bytes(name, facts, &bytes, &whole);
            compare_body(name, facts, &whole);
            seen += 1;
        }
    }
    assert!(seen >= 76, "{seen} documents only");
}

fn compare(name: &str, facts: &Value, document: &cda::Document) {
    let text = |key: &str| facts[key].as_str().map(str::to_owned);
    let id = |value: &Value| {
        let part = |index: usize| value[index].as_str().map(str::to_owned);
        part(0).map(|root| Id { root, extension: part(1) })
    };
    let (patient, traits) = (&document.patient, &document.patient.traits);
    assert_eq!(document.id, id(&facts["id"]), "{name}: id");
    assert_eq!(document.set_id.as_ref().map(Id::to_string), text("setId"), "{name}: setId");
    assert_eq!(document.version.map(|version| version.to_string()), text("version"), "{name}: version");
    let code = document.code.as_ref().unwrap();
    assert_eq!(Some(code.code.clone()), text("code"), "{name}: code");
    assert_eq!(Some(code.system.clone()), text("codeSystem"), "{name}: codeSystem");
    assert_eq!(Some(document.title.clone()), text("title"), "{name}: title");
    let time = document.effective_time.as_ref().map(|time| time.as_str().to_owned());
    assert_eq!(time, text("effectiveTime"), "{name}: effectiveTime");
    assert_eq!(
        patient.matricule.as_ref().map(Matricule::to_string),
        text("insMatricule"),
        "{name}: matricule"
    );
    assert_eq!(patient.oid, text("insOid"), "{name}: OID");
    assert_eq!(
        document.patient_ids.len() as u64,
        facts["patientIds"].as_u64().unwrap(),
        "{name}: patient ids"
    );
    assert_eq!(traits.birth_name, text("birthName"), "{name}: birthName");
    assert_eq!(traits.used_name, text("usedName"), "{name}: usedName");
    assert_eq!(traits.given_names, text("givenNames"), "{name}: givenNames");
    assert_eq!(traits.first_given, text("firstGiven"), "{name}: firstGiven");
    assert_eq!(traits.used_given, text("usedGiven"), "{name}: usedGiven");
    assert_eq!(traits.sex.map(|sex| sex.code().to_owned()), text("sex"), "{name}: sex");
    assert_eq!(traits.birth_date.map(BirthDate::hl7), text("birthDate"), "{name}: birthDate");
    assert_eq!(traits.birth_place, text("birthPlaceCog"), "{name}: birth place");
    assert_eq!(document.authors.len() as u64, facts["authors"].as_u64().unwrap(), "{name}: authors");
    assert_eq!(document.acts.len() as u64, facts["serviceEvents"].as_u64().unwrap(), "{name}: acts");
    assert_eq!(document.replaces, id(&facts["replaces"]), "{name}: replaces");
    assert_eq!(Some(format!("{:?}", document.level)), text("level"), "{name}: level");
    assert!(document.problems.is_empty(), "{name}: {:?}", document.problems);
    assert!(!document.authors[0].family.is_empty(), "{name}: author");
    if document.level == Level::N1 {
        let size = facts["media"][0]["bytes"].as_u64().map(|size| size as usize);
        assert_eq!(document.pdf().map(<[u8]>::len), size, "{name}: PDF");
    }
}

fn compare_bytes(name: &str, facts: &Value, bytes: &[u8], whole: &Whole) {
    assert_eq!(facts["bytes"], bytes.len(), "{name}: bytes");
    assert_eq!(facts["sha1"], hex(bytes), "{name}: sha1");
    assert_eq!(facts["bom"], whole.has_mark, "{name}: bom");
    assert_eq!(facts["root"], whole.root, "{name}: root");
}

fn compare_body(name: &str, facts: &Value, whole: &Whole) {
    let sections = whole.all_sections();
    assert_eq!(facts["sections"], sections.len(), "{name}: sections");
    let tables: usize = sections.iter().map(|section| tables(&section.text)).sum();
    assert_eq!(facts["tables"], tables, "{name}: tables");
    let results = &whole.laboratory.results;
    assert_eq!(facts["labResults"], results.len(), "{name}: results");
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for code in results.iter().flat_map(|result| &result.interpretations) {
        *counts.entry(&code.code).or_default() += 1;
    }
    assert_eq!(facts["labInterpretations"], serde_json::json!(counts), "{name}: interpretations");
    assert_eq!(facts["critical"], whole.laboratory.critical().count(), "{name}: critical");
    let media: Vec<Value> = whole
        .media
        .iter()
        .map(|file| {
            let magic = match file.kind {
                FileKind::Pdf => "pdf",
                FileKind::Png => "png",
                FileKind::Jpeg => "jpeg",
                other => panic!("{name}: {other:?}"),
            };
            assert_eq!(file.sha1(), hex(&file.media.bytes), "{name}");
            serde_json::json!({
                "declared": file.media.media_type,
                "magic": magic,
                "bytes": file.media.bytes.len(),
                "sha1": file.sha1(),
            })
        })
        .collect();
    assert_eq!(facts["media"], Value::Array(media), "{name}: media");
    assert_eq!(whole.pdf().map(|file| file.media.bytes.as_slice()), whole.header.pdf(), "{name}: PDF");
}

fn tables(nodes: &[Node]) -> usize {
    nodes
        .iter()
        .filter_map(Node::element)
        .map(|element| usize::from(element.kind == Kind::Table) + tables(&element.children))
        .sum()
}

fn hex(bytes: &[u8]) -> String {
    Sha1::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
