//! The reader's half of `bench/documents_vs_lxml`: `read_corpus DIRECTORY facts|header|time ROUNDS`.
//!
//! `facts` and `header` print one JSON object a file, in the order of their names; `time` prints one a round, with the
//! nanoseconds that each way of reading all files took. Files are in memory before the clock starts.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use cda::media::FileKind;
use cda::narrative::{Kind, Node};
use cda::{Document, Id, Whole};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, what, rest @ ..] = arguments.as_slice() else {
        return Err("usage: read_corpus DIRECTORY facts|header|time ROUNDS".into());
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name, std::fs::read(path)?));
    }
    let mut out = std::io::stdout().lock();
    match what.as_str() {
        "facts" => {
            for (name, bytes) in &files {
                let facts = facts(&cda::read_whole(bytes)?);
                writeln!(out, "{}", json!({ "file": name, "facts": Value::from_iter(facts) }))?;
            }
        }
        "header" => {
            for (name, bytes) in &files {
                let facts = header(&cda::read_header(bytes)?);
                writeln!(out, "{}", json!({ "file": name, "facts": Value::from_iter(facts) }))?;
            }
        }
        _ => {
            let rounds: usize = rest.first().map_or(Ok(1), |text| text.parse())?;
            for _ in 0..rounds {
                let start = Instant::now();
                for (_, bytes) in &files {
                    black_box(facts(&cda::read_whole(bytes)?));
                }
                let whole = start.elapsed().as_nanos();
                let start = Instant::now();
                for (_, bytes) in &files {
                    black_box(header(&cda::read_header(bytes)?));
                }
                let line = json!({ "facts": whole as u64, "header": start.elapsed().as_nanos() as u64 });
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(())
}

type Facts = Vec<(&'static str, Value)>;

/// What the header says.
fn header(document: &Document) -> Facts {
    let id = |id: &Option<Id>| id.as_ref().map(|id| json!([id.root, id.extension])).unwrap_or_default();
    let (patient, traits) = (&document.patient, &document.patient.traits);
    vec![
        ("id", id(&document.id)),
        ("setId", id(&document.set_id)),
        ("version", json!(document.version.map(|version| version.to_string()))),
        ("code", json!(document.code.as_ref().map(|code| &code.code))),
        ("title", json!(document.title)),
        ("effectiveTime", json!(document.effective_time.as_ref().map(cda::Time::as_str))),
        ("insMatricule", json!(patient.matricule.as_ref().map(ins::Matricule::as_str))),
        ("insOid", json!(patient.oid)),
        ("patientIds", json!(document.patient_ids.len())),
        ("birthName", json!(traits.birth_name)),
        ("givenNames", json!(traits.given_names)),
        ("sex", json!(traits.sex.map(ins::Sex::code))),
        ("birthDate", json!(traits.birth_date.map(ins::BirthDate::hl7))),
        ("birthPlace", json!(traits.birth_place)),
        ("authors", json!(document.authors.len())),
        ("acts", json!(document.acts.len())),
        ("replaces", id(&document.replaces)),
        ("level", json!(format!("{:?}", document.level))),
    ]
}

/// What header and body say.
fn facts(whole: &Whole) -> Facts {
    let mut facts = header(&whole.header);
    let sections = whole.all_sections();
    let results = &whole.laboratory.results;
    let mut interpretations: BTreeMap<&str, u64> = BTreeMap::new();
    for code in results.iter().flat_map(|result| &result.interpretations) {
        *interpretations.entry(&code.code).or_default() += 1;
    }
    let media: Vec<Value> = whole
        .media
        .iter()
        .map(|file| json!([file.media.media_type, kind(file.kind), file.media.bytes.len(), file.sha1()]))
        .collect();
    facts.extend([
        ("sections", json!(sections.len())),
        ("tables", json!(sections.iter().map(|section| tables(&section.text)).sum::<usize>())),
        ("labResults", json!(results.len())),
        ("labInterpretations", json!(interpretations)),
        ("critical", json!(whole.laboratory.critical().count())),
        ("media", json!(media)),
    ]);
    facts
}

fn kind(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Pdf => "pdf",
        FileKind::Png => "png",
        FileKind::Jpeg => "jpeg",
        _ => "other",
    }
}

fn tables(nodes: &[Node]) -> usize {
    nodes
        .iter()
        .filter_map(Node::element)
        .map(|element| usize::from(element.kind == Kind::Table) + tables(&element.children))
        .sum()
}
