//! `inspect` on bytes of any kind: it always answers, with ids that the registry knows. What it finds in mails, archives
//! and documents is tested through the program, with `check`.

use std::path::Path;

use cda::SmallKind;
use proptest::prelude::*;
use rules::Registry;
use rules::inspect::{Kind, Severity, inspect};

use crate::matrix::archive;

fn known(name: &str, bytes: &[u8]) {
    let inspection = inspect(name, bytes);
    for finding in &inspection.findings {
        assert!(Registry::get().find(&finding.rule).is_some(), "{}", finding.rule);
        assert!(!finding.message.fr.is_empty() && !finding.message.en.is_empty(), "{}", finding.rule);
    }
}

/// Identifiers that no test happens to meet count too: they are looked for in the sources.
#[test]
fn every_rule_that_a_finding_can_name_is_in_the_registry() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/inspect");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let source = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for word in source.split('"').filter(|word| {
            ["SC.", "MSS/", "ECO.", "LGC.", "INS/"].iter().any(|start| word.starts_with(start))
                && word.chars().all(|c| c.is_ascii_alphanumeric() || "./".contains(c))
        }) {
            assert!(Registry::get().find(word).is_some(), "{word} is not in the registry");
            seen += 1;
        }
    }
    assert!(
        seen > 15,
        "only {seen} ids were found: the sources are written otherwise than this test believes"
    );
}

#[test]
fn files_are_told_by_their_octets() {
    let (_, whole) = archive_of_one();
    for (name, bytes, kind) in [
        ("a", b"From: a@b.fr\r\nSubject: x\r\n\r\ntext".as_slice(), Kind::Mail),
        ("a.eml", b"anything", Kind::Mail),
        ("a.eml", whole.as_slice(), Kind::Xdm),
        ("a.zip", b"%PDF-1.4", Kind::Pdf),
        ("a.xml", b"<html/>", Kind::Unknown),
        ("a.txt", b"Note: to be read\n\ntext", Kind::Unknown),
    ] {
        assert_eq!(inspect(name, bytes).kind, kind, "{name}: {}", bytes.escape_ascii());
    }
}

/// `rule severity` of each finding that is more than a remark.
fn told(mail: &[u8]) -> Vec<String> {
    told_of("a.eml", mail)
}

fn told_of(name: &str, bytes: &[u8]) -> Vec<String> {
    let findings = inspect(name, bytes).findings.into_iter();
    findings
        .filter(|finding| finding.severity != Severity::Info)
        .map(|finding| format!("{} {:?}", finding.rule, finding.severity))
        .collect()
}

fn mail(documents: &[Vec<u8>]) -> Vec<u8> {
    let address = |text| mss::Address::parse(text).unwrap();
    let (from, to) = (address("899700000018@bal.lab"), vec![address("r1@bal.lab")]);
    let mut draft = mss::Draft::new(from, to, "2621", "2026-11-23T10:00:00Z".parse().unwrap());
    draft.label = mss::Label::person(Some("Dr"), "Camille", "Essai", None);
    (draft.subject, draft.text) = ("Bonjour".into(), "Voici.".into());
    draft.documents = documents.iter().cloned().map(mss::Document::new).collect();
    mss::compose(&draft).unwrap()
}

#[test]
fn what_we_write_has_no_finding() {
    let patient = crate::matrix::patient();
    let letter = cda::Draft::small(SmallKind::DischargeLetter, "2.25.1", patient.clone());
    let mut report = cda::Draft::small(SmallKind::DischargeLetter, "2.25.2", patient.clone());
    report.code = SmallKind::LabReport.code();
    let report = cda::write(&pdfa::at_level_1(&report).unwrap());
    let letter = cda::write(&letter);
    for documents in
        [vec![], vec![letter.clone()], vec![report.clone()], vec![letter.clone(), report.clone()]]
    {
        assert_eq!(told(&mail(&documents)), [""; 0], "{} documents", documents.len());
    }
    let both = String::from_utf8(mail(&[letter, report])).unwrap();
    let parts: Vec<&str> = both.split("\r\n--").collect();
    let less: Vec<&str> = parts.iter().copied().filter(|part| !part.contains("Lettre de liaison")).collect();
    assert_eq!(less.len() + 1, parts.len(), "one part is the letter's PDF");
    assert_eq!(told(less.join("\r\n--").as_bytes()), ["MSS/va1.01 Error", "ECO.2.1.6 Warning"]);
}

#[test]
fn every_sample_has_no_finding_as_file_in_an_archive_and_in_a_mail() {
    let time = "2026-11-23T10:00:00Z".parse().unwrap();
    for (number, sample) in (1..).zip(cda::Sample::ALL) {
        let id = cda::oid_of(number);
        let draft = pdfa::sample(sample, &id, crate::matrix::patient(), time).unwrap();
        let first = cda::write(&draft);
        let archive = xdm::Submission::new([first.clone()], time).write().unwrap();
        let mut next = draft.next_version(&cda::oid_of(number + 100));
        next.title.push_str(" (corrigé)");
        let mut replacing = xdm::Submission::new([cda::write(&next)], time);
        replacing.documents[0].action = xdm::Action::Replace;
        for (name, kind, bytes) in [
            ("a.xml", Kind::Cda, first.clone()),
            ("IHE_XDM.zip", Kind::Xdm, archive),
            ("IHE_XDM.zip", Kind::Xdm, replacing.write().unwrap()),
            ("a.eml", Kind::Mail, mail(&[first])),
        ] {
            assert_eq!(inspect(name, &bytes).kind, kind, "{sample:?}");
            assert_eq!(told_of(name, &bytes), [""; 0], "{sample:?} as {name}");
        }
    }
}

#[test]
fn a_pdf_without_fonts_is_told() {
    let letter = cda::Draft::small(SmallKind::DischargeLetter, "2.25.3", crate::matrix::patient());
    let bare = letter.at_level_1(cda::plain_pdf(&["Lettre"]));
    assert_eq!(told(&mail(&[cda::write(&bare)])), ["ECO.2.1.5 Warning"]);
}

#[test]
fn what_outlook_wraps_is_told() {
    let mail = "From: A <a@b.fr>\r\nMessage-ID: <1@b.fr>\r\nX-MSS-NIL: 1\r\nMIME-Version: 1.0\r\n\
                Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\neJ8+Ig==\r\n";
    let told = |mail: &str| {
        let findings = inspect("a.eml", mail.as_bytes()).findings;
        findings.into_iter().filter(|finding| finding.message.en.contains("winmail.dat")).count()
    };
    assert_eq!((told(mail), told(&mail.replace("eJ8+Ig==", "JVBERi0="))), (1, 0));
}

fn archive_of_one() -> (Vec<u8>, Vec<u8>) {
    let patient = crate::matrix::patient();
    let document = cda::write(&cda::Draft::small(SmallKind::LabReport, "2.25.1", patient.clone()));
    (document, archive(&[SmallKind::LabReport], &patient))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..2_000), name in "[a-z]{0,3}\\.(eml|xml|zip|pdf)?") {
        known(&name, &bytes);
    }

    #[test]
    fn a_damaged_file_gets_an_answer(at in 0usize..4_000, byte in any::<u8>(), cut in 0usize..6_000) {
        let (document, archive) = archive_of_one();
        for mut bytes in [document, archive] {
            let length = bytes.len();
            bytes[at % length] = byte;
            known("a.eml", &bytes);
            bytes.truncate(cut % length);
            known("a", &bytes);
            known("a.eml", &[b"Subject: x\r\n\r\n".as_slice(), &bytes].concat());
        }
    }
}
