//! `check` and `show` from outside: our own mails, the same with one defect each, published documents, hostile files.

use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cda::{Draft, SmallKind};
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use mss::{Address, Document, Label};
use serde_json::{Value, json};
use testkit::shape::assert_shape;
use testkit::{Output, run};

use crate::PROGRAM;

fn patient() -> Identity {
    let traits = Traits::strict("CORSE", "ANNE", BirthDate::parse("19780526").unwrap(), Sex::Female, "63220");
    Identity::new(Matricule::from_body("2780526318021").unwrap(), Nature::Test, traits)
}

/// A report of level 1, its PDF a PDF/A-1b as the reference asks.
fn document(number: u32, patient: Identity) -> Vec<u8> {
    let mut draft = Draft::small(SmallKind::DischargeLetter, &format!("2.25.{number}"), patient);
    draft.code = SmallKind::LabReport.code();
    cda::write(&pdfa::at_level_1(&draft).unwrap())
}

fn letter(patient: Identity) -> Vec<u8> {
    cda::write(&Draft::small(SmallKind::DischargeLetter, "2.25.9", patient))
}

fn draft(documents: Vec<Vec<u8>>) -> mss::Draft {
    let from = Address::parse("899700000018@mail-tests-editeur.lab").unwrap();
    let to = Address::parse("r1@bal.lab").unwrap();
    let mut draft = mss::Draft::new(from, vec![to], "2621", "2026-11-23T10:00:00Z".parse().unwrap());
    draft.label = Label::person(Some("Dr"), "Camille", "Essai", None);
    draft.subject = "Bonjour".into();
    draft.text = "Résultats joints.".into();
    draft.documents = documents.into_iter().map(Document::new).collect();
    draft
}

fn mail(documents: Vec<Vec<u8>>) -> Vec<u8> {
    mss::compose(&draft(documents)).unwrap()
}

fn archive(documents: Vec<Vec<u8>>) -> Vec<u8> {
    xdm::Submission::new(documents, "2026-11-23T10:00:00Z".parse().unwrap()).write().unwrap()
}

/// An archive with each file passed through `change`, which may take it away.
fn changed(archive: &[u8], change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut from = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..from.len() {
        let mut entry = from.by_index(index).unwrap();
        let name = entry.name().unwrap().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if let Some(bytes) = change(&name, bytes) {
            to.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            to.write_all(&bytes).unwrap();
        }
    }
    to.finish().unwrap().into_inner()
}

fn metadata(archive: &[u8], from: &str, to: &str) -> Vec<u8> {
    changed(archive, |name, bytes| {
        if !name.ends_with("METADATA.XML") {
            return Some(bytes);
        }
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(from), "{from} is not in METADATA.XML");
        Some(text.replace(from, to).into_bytes())
    })
}

fn with(mail: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(mail.to_vec()).unwrap();
    assert!(text.contains(from), "{from} is not in the mail:\n{}", &text[..text.len().min(2_000)]);
    text.replace(from, to).into_bytes()
}

/// A folder for one test.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run(Path::new(PROGRAM), &self.0.path().join("no-data"), arguments, &[])
    }

    /// What `check --json` says of these octets, and its exit code.
    fn check(&self, name: &str, bytes: &[u8]) -> (i32, Value) {
        let path = self.file(name, bytes);
        let output = self.run(&["check", path.to_str().unwrap(), "--json"]);
        let object = output.json();
        assert_shape(
            &object,
            &json!({"schema": "=vaguemestre/check/1", "inputs": [{
                "path": "text", "kind": "=mail|xdm|cda|pdf|unknown",
                "facts": {"documents": [{"action": "=create|replace|delete", "file": "text", "sha1": "text"}]},
                "findings": [{
                    "rule": "text", "severity": "=error|warning|info", "expected": "string", "received": "string",
                    "at": {"part": "string?", "entry": "string?", "offset": "integer?", "line": "integer?"},
                    "message": {"fr": "text", "en": "text"},
                }],
            }], "summary": {"errors": "integer", "warnings": "integer"}}),
        );
        (output.code, object["inputs"][0].clone())
    }
}

/// `rule severity` of each finding that is more than a remark.
fn found(input: &Value) -> Vec<String> {
    let findings = input["findings"].as_array().unwrap();
    let word = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    for finding in findings {
        assert!(finding["message"]["fr"].as_str().is_some_and(|text| !text.is_empty()), "{finding}");
        assert!(finding["message"]["en"].as_str().is_some_and(|text| !text.is_empty()), "{finding}");
        assert!(
            rules::Registry::get().find(&word(finding, "rule")).is_some(),
            "not in the registry: {finding}"
        );
    }
    let told = findings.iter().filter(|finding| finding["severity"] != "info");
    told.map(|finding| format!("{} {}", word(finding, "rule"), word(finding, "severity"))).collect()
}

#[test]
fn our_own_mails_and_archives_have_no_finding() {
    let desk = Desk::new();
    for documents in [
        vec![],
        vec![document(1, patient())],
        vec![document(1, patient()), document(2, patient())],
        vec![letter(patient())],
        vec![letter(patient()), document(1, patient())],
    ] {
        let count = documents.len();
        let (code, input) = desk.check("a.eml", &mail(documents.clone()));
        assert_eq!((code, &input["kind"], found(&input)), (0, &json!("mail"), vec![]), "{input:#}");
        assert_eq!(input["facts"]["documents"].as_array().unwrap().len(), count);
        if count > 0 {
            let (code, input) = desk.check("IHE_XDM.zip", &archive(documents));
            assert_eq!((code, &input["kind"], found(&input)), (0, &json!("xdm"), vec![]), "{input:#}");
            assert_eq!(input["facts"]["documents"][0]["insOid"], Nature::Test.oid());
            assert_eq!(input["facts"]["documents"][0]["action"], "create");
        }
    }
}

#[test]
fn each_defect_of_a_mail_has_its_finding() {
    let desk = Desk::new();
    let good = mail(vec![document(1, patient())]);
    let line = |name: &str| {
        let values = mss::header_values(&good, name);
        format!("{name}: {}", values[0])
    };
    let pdf = {
        let text = String::from_utf8(good.clone()).unwrap();
        let at = text.find("20260105_").expect("the PDF is named by its act");
        text[at..at + 12].to_owned()
    };
    for (from, to, expected) in [
        (line("X-MSS-INS").as_str(), "X-MSS-INS: N", "SC.MSS/CONF.14 error"),
        ("X-MSS-INS: O\r\n", "", "SC.MSS/CONF.14 error"),
        (line("X-MSS-CODECDA").as_str(), "X-MSS-CODECDA: 1-1", "SC.MSS/CONF.15 error"),
        ("X-MSS-NIL: 2621\r\n", "", "SC.MSS/CONF.16 error"),
        ("X-MSS-NIL: 2621", "X-MSS-NIL: 2621\r\nX-MSS-MES: FIN", "SC.MSS/CONF.21 error"),
        (line("Message-ID").as_str(), "Message-ID: 12", "MSS/va1.12 error"),
        ("Dr_Camille_ESSAI", "", "MSS/va1.16 error"),
        ("XDM/1.0/DDM+", "XDM/1.0/DDM ", "ECO.2.1.3 error"),
        (" CORSE ANNE", " Corse Anne", "ECO.2.1.3 error"),
        (pdf.as_str(), "resultat_123", "ECO.2.1.6 error"),
        ("filename=\"IHE_XDM.zip\"", "filename=\"documents.zip\"", "MSS/va1.01 error"),
        ("charset=\"utf-8\"", "charset=\"iso-8859-1\"", "ECO.2.2.3 error"),
        ("Content-Type: text/plain", "Content-Type: text/html", "MSS/va1.11 error"),
    ] {
        let bad = with(&good, from, to);
        let (code, input) = desk.check("a.eml", &bad);
        assert!(found(&input).iter().any(|finding| finding == expected), "{from} → {to}: {input:#}");
        assert_eq!(code, 1, "{from} → {to}");
    }
    for (from, to, told) in [
        (" CORSE ANNE", " CORSE Anne", None),
        (" 26/05/1978", "", None),
        ("20260105_CR d'exam", "20260105_Compte rendu", Some("ECO.2.1.6 warning")),
    ] {
        let (code, input) = desk.check("a.eml", &with(&good, from, to));
        assert_eq!(
            (code, found(&input)),
            (0, Vec::from_iter(told.map(str::to_owned))),
            "{from} → {to}: {input:#}"
        );
    }
    let header = with(&good, "X-MSS-INS: O", "X-MSS-INS: N");
    let (_, input) = desk.check("a.eml", &header);
    let finding = &input["findings"][0];
    let lines = String::from_utf8(header).unwrap();
    let at = lines.lines().position(|line| line.starts_with("X-MSS-INS")).unwrap() + 1;
    assert_eq!(finding["at"]["line"], at, "{finding}");
    let (_, input) = desk.check("a.eml", &mail(vec![document(1, Identity { oid: None, ..patient() })]));
    assert!(
        !found(&input).iter().any(|finding| finding.ends_with("error")),
        "INS: N is right there: {input:#}"
    );
    let both = String::from_utf8(mail(vec![letter(patient()), document(1, patient())])).unwrap();
    let parts: Vec<&str> = both.split("\r\n--").collect();
    let without: Vec<&str> =
        parts.iter().copied().filter(|part| !part.contains("Lettre de liaison")).collect();
    assert_eq!(without.len() + 1, parts.len(), "one part is the letter's PDF");
    let (code, input) = desk.check("a.eml", without.join("\r\n--").as_bytes());
    assert_eq!(
        (code, found(&input)),
        (1, vec!["MSS/va1.01 error".to_owned(), "ECO.2.1.6 warning".to_owned()]),
        "a PDF is missing: {input:#}"
    );
    let bare =
        Draft::small(SmallKind::LabReport, "2.25.1", patient()).at_level_1(cda::plain_pdf(&["Sans police"]));
    let (code, input) = desk.check("a.eml", &mail(vec![cda::write(&bare)]));
    assert_eq!((code, found(&input)), (0, vec!["ECO.2.1.5 warning".to_owned()]), "no PDF/A: {input:#}");
}

#[test]
fn each_defect_of_an_archive_has_its_finding() {
    let desk = Desk::new();
    let one = document(1, patient());
    let good = archive(vec![one.clone()]);
    let size = one.len().to_string();
    let matricule = patient().matricule.unwrap().to_string();
    let without =
        |gone: &'static str| changed(&good, move |name, bytes| (!name.ends_with(gone)).then_some(bytes));
    let mut traitless = patient();
    traitless.traits.birth_date = None;
    let other = Identity::new(Matricule::from_body("1790351215189").unwrap(), Nature::Test, patient().traits);
    for (bad, expected) in [
        (metadata(&good, &size, "12"), "MSS/va1.01 error"),
        (metadata(&good, "DOC00001.XML", "DOC00007.XML"), "MSS/va1.01 error"),
        (metadata(&good, &matricule, "279035121518989"), "ECO.2.1.2 error"),
        (metadata(&good, "11502-2", "11490-0"), "MSS/va1.01 error"),
        (metadata(&good, "2.25.1\"", "2.25.3\""), "MSS/va1.01 error"),
        (metadata(&good, "<rim:", "<"), "ECO.2.1.2 error"),
        (without("METADATA.XML"), "ECO.2.1.2 error"),
        (without("README.TXT"), "MSS/va1.01 warning"),
        (without("DOC00001.XML"), "MSS/va1.01 error"),
        (
            changed(&good, |name, mut bytes| {
                let at = bytes.len() - 1;
                if name.ends_with("DOC00001.XML") {
                    bytes[at] = b' ';
                }
                Some(bytes)
            }),
            "MSS/va1.01 error",
        ),
        (archive(vec![one.clone(), document(2, other)]), "MSS/va1.01 error"),
        (archive(vec![document(3, traitless)]), "INS/va1.53 error"),
    ] {
        let (code, input) = desk.check("IHE_XDM.zip", &bad);
        assert!(found(&input).iter().any(|finding| finding == expected), "{expected}: {input:#}");
        assert_eq!(code, i32::from(expected.ends_with("error")), "{input:#}");
    }
    let path = desk.file("IHE_XDM.zip", &without("README.TXT"));
    let path = path.to_str().unwrap();
    assert_eq!(desk.run(&["check", path]).code, 0);
    assert_eq!(desk.run(&["check", path, "--strict"]).code, 1, "a warning counts with --strict");
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let found = std::env::var_os("VAGUEMESTRE_CORPUS").map_or(beside, PathBuf::from);
    if found.join("facts.json").is_file() {
        return Some(found);
    }
    println!("SKIP corpus: {} is not there", found.display());
    None
}

#[test]
fn published_documents_say_what_another_reader_found() {
    let Some(corpus) = corpus() else { return };
    let desk = Desk::new();
    let folder = corpus.join("cda");
    let output = desk.run(&["check", folder.to_str().unwrap(), "--json"]);
    assert!(matches!(output.code, 0 | 1), "{}", output.stderr);
    let object = output.json();
    let expected: Value = serde_json::from_slice(&std::fs::read(corpus.join("facts.json")).unwrap()).unwrap();
    let expected = expected.as_array().unwrap();
    let inputs: Vec<&Value> =
        object["inputs"].as_array().unwrap().iter().filter(|input| input["kind"] == "cda").collect();
    assert_eq!(inputs.len(), expected.len());
    for facts in expected {
        let name = facts["file"].as_str().unwrap();
        let input = inputs.iter().find(|input| input["path"].as_str().unwrap().ends_with(name)).expect(name);
        let mut found_facts = input["facts"]["documents"][0].clone();
        assert_eq!(found_facts.as_object_mut().unwrap().remove("action"), Some(json!("create")));
        assert_eq!(&found_facts, facts, "{name}");
        found(input);
    }
}

/// Replacement and deletion are the same octets: METADATA.XML alone tells which.
#[test]
fn a_published_report_is_created_replaced_and_deleted() {
    let Some(corpus) = corpus() else { return };
    let desk = Desk::new();
    let folder = corpus.join("lifecycle");
    let expected: Value = serde_json::from_slice(&std::fs::read(folder.join("facts.json")).unwrap()).unwrap();
    let mut seen = Vec::new();
    for (facts, action) in expected.as_array().unwrap().iter().zip([
        xdm::Action::Create,
        xdm::Action::Replace,
        xdm::Action::Delete,
    ]) {
        let bytes = std::fs::read(folder.join(facts["file"].as_str().unwrap())).unwrap();
        let mut submission = xdm::Submission::new([bytes], "2026-11-23T10:00:00Z".parse().unwrap());
        submission.documents[0].action = action;
        let (_, input) = desk.check("IHE_XDM.zip", &submission.write().unwrap());
        assert_eq!(input["facts"]["documents"].as_array().unwrap().len(), 1, "{input:#}");
        let mut told = input["facts"]["documents"][0].clone();
        assert_eq!(told["action"], action.to_string());
        let (told, mut wanted) = (told.as_object_mut().unwrap(), facts.clone());
        told.remove("action");
        told.remove("file");
        wanted.as_object_mut().unwrap().remove("file");
        assert_eq!(json!(told), wanted, "{action}");
        let of_action = |finding: &String| finding.starts_with("LGC.MSS/UX.05");
        assert!(!found(&input).iter().any(of_action), "{input:#}");
        seen.push(wanted);
    }
    let [created, replacement, deletion] = seen.as_slice() else { panic!("{} documents", seen.len()) };
    assert_eq!((&created["replaces"], &replacement["replaces"]), (&Value::Null, &created["id"]));
    assert_eq!(deletion, replacement);
    let bytes = std::fs::read(folder.join("2-replacement.xml")).unwrap();
    let (_, input) = desk.check("IHE_XDM.zip", &archive(vec![bytes]));
    assert!(found(&input).contains(&"LGC.MSS/UX.05 warning".to_owned()), "no action is told: {input:#}");
}

#[test]
fn hostile_files_are_refused_or_told_and_never_a_crash() {
    let desk = Desk::new();
    let good = mail(vec![document(1, patient())]);
    let whole = archive(vec![document(1, patient())]);
    let bomb = changed(&whole, |name, bytes| {
        Some(if name.ends_with("README.TXT") { vec![b' '; 60 * 1024 * 1024] } else { bytes })
    });
    let xml = String::from_utf8(document(1, patient())).unwrap();
    let root = xml.find("<ClinicalDocument").unwrap();
    let dtd = format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{}", &xml[root..]);
    let deep = format!("<ClinicalDocument xmlns=\"urn:hl7-org:v3\">{}", "<a>".repeat(200_000));
    for (name, bytes, kind) in [
        ("bomb.zip", bomb, "xdm"),
        ("dtd.xml", dtd.into_bytes(), "cda"),
        ("deep.xml", deep.into_bytes(), "cda"),
        ("cut.xml", xml.as_bytes()[..xml.len() / 2].to_vec(), "cda"),
        ("cut.zip", whole[..whole.len() / 2].to_vec(), "xdm"),
        ("empty", vec![], "unknown"),
        ("noise", vec![0xff; 4_096], "unknown"),
        ("notes.txt", b"hello".to_vec(), "unknown"),
    ] {
        let (code, input) = desk.check(name, &bytes);
        assert_eq!((code, &input["kind"]), (2, &json!(kind)), "{name}: {input:#}");
        assert!(found(&input).iter().any(|finding| finding.ends_with("error")), "{name}");
    }
    for cut in [300, good.len() / 3, good.len() / 2, good.len() - 40] {
        let (code, input) = desk.check("cut.eml", &good[..cut]);
        assert_eq!(code, 1, "cut at {cut}: {input:#}");
    }
    let injected = with(&good, "X-MSS-INS: O", "X-MSS-INS: \u{202e}<script>alert(1)</script>\u{1b}[2J");
    let path = desk.file("a.eml", &injected);
    let page = desk.0.path().join("report.html");
    let output = desk.run(&["check", path.to_str().unwrap(), "--html", page.to_str().unwrap()]);
    assert_eq!(output.code, 1);
    assert!(!output.stdout.contains(['\u{202e}', '\u{1b}']), "{}", output.stdout);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("SC.MSS/CONF.14") && page.contains("&lt;script&gt;") && !page.contains("<script"));
}

#[test]
fn paths_standard_input_directories_and_languages() {
    let desk = Desk::new();
    desk.run(&["check", "/no/such/file", "--json"]).refused("bad_input");
    desk.run(&["check", "--json"]).refused("bad_input");
    let folder = desk.0.path().join("inbox");
    std::fs::create_dir_all(folder.join("deep")).unwrap();
    std::fs::write(folder.join("a.eml"), mail(vec![])).unwrap();
    std::fs::write(folder.join("deep/notes.txt"), b"hello").unwrap();
    let output = desk.run(&["check", folder.to_str().unwrap(), "--json"]);
    let object = output.ended(0);
    let kinds: Vec<&Value> =
        object["inputs"].as_array().unwrap().iter().map(|input| &input["kind"]).collect();
    assert_eq!(kinds, ["mail", "unknown"], "a file of another kind in a directory is only named");
    let french = desk.run(&["check", folder.to_str().unwrap()]);
    let english = desk.run(&["check", folder.to_str().unwrap(), "--lang", "en"]);
    assert!(
        french.stdout.contains("erreurs 0") && english.stdout.contains("errors 0"),
        "{french:?} {english:?}"
    );

    let mut child = Command::new(PROGRAM)
        .args(["check", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&document(1, patient())).unwrap();
    let output = child.wait_with_output().unwrap();
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &object["inputs"][0]["kind"]), (Some(0), &json!("cda")), "{object:#}");
    assert_eq!(object["inputs"][0]["path"], "-");
}

#[test]
fn a_document_is_shown_in_three_ways_out_of_whatever_carries_it() {
    let desk = Desk::new();
    let letter = letter(patient());
    for (name, bytes) in
        [("a.xml", letter.clone()), ("a.zip", archive(vec![letter.clone()])), ("a.eml", mail(vec![letter]))]
    {
        let path = desk.file(name, &bytes);
        let path = path.to_str().unwrap();
        let text = desk.run(&["show", path]);
        assert!(text.code == 0 && text.stdout.contains("CORSE"), "{name}: {text:?}");
        assert_eq!(text.stdout, desk.run(&["show", path, "--text"]).stdout);
        let page = desk.run(&["show", path, "--html"]);
        assert!(page.stdout.starts_with("<!DOCTYPE html>") && page.stdout.contains("CORSE"), "{name}");
        let out = desk.0.path().join("a.pdf");
        assert_eq!(desk.run(&["show", path, "--pdf", "--out", out.to_str().unwrap()]).code, 0);
        let (code, input) = desk.check("20260105_Lettre_CORSE_ANNE.pdf", &std::fs::read(out).unwrap());
        assert_eq!((code, &input["kind"], found(&input)), (0, &json!("pdf"), vec![]), "{input:#}");
    }
    let two = desk.file("two.zip", &archive(vec![document(1, patient()), document(2, patient())]));
    let two = two.to_str().unwrap();
    desk.run(&["show", two, "--json"]).refused("bad_input");
    desk.run(&["show", two, "--document", "3", "--json"]).refused("bad_input");
    assert_eq!(desk.run(&["show", two, "--document", "2"]).code, 0);
    let plain = desk.file("plain.eml", &mail(vec![]));
    desk.run(&["show", plain.to_str().unwrap(), "--json"]).refused("bad_input");
}
