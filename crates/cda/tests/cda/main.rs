//! Documents of the field read as another reader reads them, our own read back and held against the schema, and bytes
//! that are no documents.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // everything here is a test, helpers included

mod facts;
mod hostile;
mod independent;
mod laboratory;
mod show;
mod writing;

use std::path::{Path, PathBuf};
use std::process::Command;

use cda::{Body, Draft, Error, Id, Level, SmallKind, read, write};
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};

/// Published example documents, where they are at hand.
fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let found = std::env::var_os("VAGUEMESTRE_CORPUS").map_or(beside, PathBuf::from);
    if found.join("facts.json").is_file() {
        Some(found)
    } else {
        eprintln!("SKIP corpus: {} is not there", found.display());
        None
    }
}

fn patient() -> Identity {
    let born = BirthDate::parse("19620714").unwrap();
    let traits = Traits::strict("D'ESSAI", "Éloïse Anne-Marie", born, Sex::Female, "75115");
    Identity::new(Matricule::from_body("2620775115042").unwrap(), Nature::Test, traits)
}

#[test]
fn what_is_written_is_read_back_and_is_valid() {
    for kind in SmallKind::ALL {
        let mut draft = Draft::small(kind, &cda::oid_of(42), patient());
        draft.version = 2;
        draft.set_id = "1.2.250.1.999.7".into();
        draft.replaces = Some(Id::new("1.2.250.1.999.6", "v1"));
        draft.title = "Titre <b>& \"co\"</b> \u{1}".into();
        let bytes = write(&draft);
        assert_eq!(bytes, write(&draft), "the same bytes each time");
        let document = read(&bytes).unwrap();
        assert_eq!(document.id, Some(Id::root("2.25.42")));
        assert_eq!(document.set_id, Some(Id::root("1.2.250.1.999.7")));
        assert_eq!(document.version, Some(2));
        assert_eq!(document.code, Some(kind.code()));
        assert_eq!(document.title, "Titre <b>& \"co\"</b>");
        assert_eq!(document.effective_time.as_ref().unwrap().timestamp(), Some(draft.time));
        assert_eq!(document.service_start().unwrap().day(), Some("20260105"));
        assert_eq!(document.patient, draft.patient);
        assert_eq!(document.patient.qualified(), Ok(()));
        assert_eq!(document.local_id(), Some(&draft.local_id));
        assert_eq!(document.authors, [draft.author.clone()]);
        assert_eq!(document.legal_authenticator, Some(draft.author.clone()));
        assert_eq!(document.replaces, draft.replaces);
        assert_eq!(document.facility, Some(draft.facility.clone()));
        assert_eq!(document.principal_act().unwrap().setting, Some(draft.setting.clone()));
        match &draft.body {
            Body::Pdf(pdf) => {
                assert_eq!((document.level, document.pdf()), (Level::N1, Some(pdf.as_slice())));
            }
            Body::Text { .. } => assert_eq!((document.level, document.pdf()), (Level::N3, None)),
        }
        valid(&bytes);
    }
}

#[test]
fn an_identity_that_is_not_qualified_stays_so_through_a_document() {
    type Change = fn(&mut Identity);
    let without: [(ins::Missing, Change); 5] = [
        (ins::Missing::Matricule, |p| (p.matricule, p.oid) = (None, None)),
        (ins::Missing::Oid, |p| p.oid = None),
        (ins::Missing::BirthName, |p| p.traits.birth_name = None),
        (ins::Missing::BirthDate, |p| p.traits.birth_date = None),
        (ins::Missing::Sex, |p| p.traits.sex = None),
    ];
    for (missing, change) in without {
        let mut patient = patient();
        change(&mut patient);
        let bytes = write(&Draft::small(SmallKind::LabReport, "2.25.1", patient.clone()));
        let read = read(&bytes).unwrap().patient;
        assert_eq!(read, patient);
        assert!(read.qualified().unwrap_err().contains(&missing), "{missing:?}");
        valid(&bytes);
    }
}

/// Against the schema of CDA R2 with the French extensions, where both are at hand.
fn valid(bytes: &[u8]) {
    let Some(corpus) = corpus() else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let schema = corpus.join("xsd/CDA_extended.xsd");
    match Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .args([&schema, file.path()])
        .output()
    {
        Ok(out) => assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr)),
        Err(error) => eprintln!("SKIP xmllint: {error}"),
    }
}

#[test]
fn encodings_and_wrappers_make_no_difference() {
    let bytes = write(&Draft::small(SmallKind::DischargeLetter, "2.25.1", patient()));
    let text = String::from_utf8(bytes.clone()).unwrap();
    let expected = read(&bytes).unwrap();
    let marked = [b"\xef\xbb\xbf".as_slice(), &bytes].concat();
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(text.replace("UTF-8", "UTF-16").encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let latin: Vec<u8> =
        text.replace("UTF-8", "iso-8859-1").chars().map(|c| u8::try_from(c).unwrap()).collect();
    let root = text.find("<ClinicalDocument").unwrap();
    let wrapped = format!(
        "<x:stylesheet xmlns:x='http://www.w3.org/1999/XSL/Transform'><x:template>{}</x:template></x:stylesheet>",
        &text[root..]
    );
    let prefixed = prefixed(&text);
    for variant in [marked, utf16, latin, wrapped.into_bytes(), prefixed.into_bytes()] {
        assert!(cda::looks_like_cda(&variant));
        assert_eq!(read(&variant).unwrap(), expected);
    }
}

/// The same document with a prefix on each name.
fn prefixed(text: &str) -> String {
    let mut out = text.replace("xmlns=", "xmlns:c=").replace("</", "</c:");
    let names: Vec<usize> = out
        .match_indices('<')
        .map(|(at, _)| at)
        .filter(|&at| out[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic()))
        .filter(|&at| !out[at..].starts_with("<c:"))
        .collect();
    for at in names.into_iter().rev() {
        out.insert_str(at + 1, "c:");
    }
    out.replace("</c:c:", "</c:")
}

#[test]
fn what_is_no_document_is_named_with_its_place() {
    let bomb = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>";
    assert_eq!(read(bomb.as_bytes()).unwrap_err(), Error::DocumentType);
    let remote = "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>";
    assert_eq!(read(remote.as_bytes()).unwrap_err(), Error::DocumentType);
    assert_eq!(read(b"<html/>").unwrap_err(), Error::NotCda { root: "html".into() });
    assert_eq!(
        read(b"<ClinicalDocument xmlns='urn:else'/>").unwrap_err(),
        Error::NotCda { root: "ClinicalDocument".into() }
    );
    match read(b"<a>\n  <b></c>\n</a>").unwrap_err() {
        Error::Xml { line, problem, .. } => assert_eq!((line, problem.is_empty()), (2, false)),
        other => panic!("{other:?}"),
    }
    let whole = write(&Draft::small(SmallKind::LabReport, "2.25.1", patient()));
    for cut in [1, 50, 200, whole.len() - 20] {
        assert!(matches!(read(&whole[..cut]), Err(Error::Xml { .. })), "{cut}");
    }
    assert!(matches!(read(b""), Err(Error::Xml { .. })));
    assert!(matches!(read(b"%PDF-1.4"), Err(Error::Xml { .. })));
    assert!(matches!(read(&vec![b' '; cda::MAX_BYTES + 1]), Err(Error::TooLarge { .. })));
    let wide = format!("<a>{}</a>", "<b/>".repeat(cda::MAX_NODES as usize));
    assert!(matches!(read(wide.as_bytes()), Err(Error::TooManyNodes { .. })));
    let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
    assert!(matches!(read(deep.as_bytes()), Err(Error::Shape { .. })));
}

#[test]
fn a_header_without_anything_is_read_as_such() {
    let document =
        read(b"<ClinicalDocument xmlns='urn:hl7-org:v3'><id nullFlavor='UNK'/></ClinicalDocument>").unwrap();
    assert_eq!((document.id.clone(), document.code.clone(), document.title.as_str()), (None, None, ""));
    assert_eq!(document.patient, Identity::default());
    assert_eq!(document.problems.len(), 1);
}

#[test]
fn the_patient_is_the_one_of_the_header_and_the_ins_is_told_by_its_oid() {
    let with = |ids: &str| {
        let text = format!(
            "<ClinicalDocument xmlns='urn:hl7-org:v3'><recordTarget><patientRole>{ids}</patientRole></recordTarget>\
             <component><structuredBody><component><section><entry><observation><subject><relatedSubject>\
             <id root='1.2.250.1.213.1.4.8' extension='179035121518989'/></relatedSubject></subject></observation>\
             </entry></section></component></structuredBody></component></ClinicalDocument>"
        );
        let patient = read(text.as_bytes()).unwrap().patient;
        (patient.matricule.map(String::from), patient.oid)
    };
    let digits = "279035121518989";
    let some = |text: &str| Some(text.to_owned());
    let twice = "<id root='1.2.250.1.213.1.4.13' extension='279035121518989'/>\
                 <id root='1.2.250.1.213.1.4.10' extension='279035121518989'/>";
    assert_eq!(with(twice), (some(digits), some("1.2.250.1.213.1.4.10")));
    assert_eq!(
        with("<id root='1.2.250.1.213.1.4.8' extension='oops'/>"),
        (None, some("1.2.250.1.213.1.4.8"))
    );
    assert_eq!(with("<id extension='279035121518989'/>"), (some(digits), None));
    assert_eq!(with("<id root='1.2.3' extension='1234'/>"), (None, None));
    assert_eq!(with(""), (None, None));
}
