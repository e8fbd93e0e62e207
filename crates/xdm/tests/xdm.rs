//! Archives of our own read back and held against other readers, archives of others, clumsy ones and hostile ones.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // everything here is a test, helpers included

mod hostile;
mod inverse;

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use cda::{Draft, Id, SmallKind};
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use kernel::Timestamp;
use xdm::{Action, Archive, Limits, Problem, Submission, SubmissionDocument, WriteError};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const FOLDER: &str = "IHE_XDM/SUBSET01";

fn patient() -> Identity {
    let born = BirthDate::parse("19620714").unwrap();
    let traits = Traits::strict("D'ESSAI", "Éloïse Anne-Marie", born, Sex::Female, "75115");
    Identity::new(Matricule::from_body("2620775115042").unwrap(), Nature::Test, traits)
}

fn document(kind: SmallKind, id: u128) -> Vec<u8> {
    cda::write(&Draft::small(kind, &cda::oid_of(id), patient()))
}

fn time() -> Timestamp {
    "2026-11-23T09:05:01Z".parse().unwrap()
}

fn two() -> Submission {
    Submission::new([document(SmallKind::LabReport, 1), document(SmallKind::DischargeLetter, 2)], time())
}

fn open(bytes: &[u8]) -> Archive {
    Archive::open(bytes, &Limits::default()).unwrap()
}

/// An archive of these files.
fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// The METADATA.XML of an archive, as text.
fn metadata(bytes: &[u8]) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut file = archive.by_name(&format!("{FOLDER}/METADATA.XML")).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut file, &mut text).unwrap();
    text
}

#[test]
fn what_is_written_is_read_back_in_order_and_without_a_problem() {
    let mut submission = two();
    submission.documents[1].action = Action::Replace;
    let third = SubmissionDocument { bytes: document(SmallKind::LabReport, 3), action: Action::Delete };
    submission.documents.push(third);
    let bytes = submission.write().unwrap();
    assert_eq!(bytes, submission.write().unwrap(), "the same bytes each time");
    let archive = open(&bytes);
    assert_eq!(archive.problems, []);
    let paths: Vec<&str> = archive.files.iter().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "INDEX.HTM",
            "README.TXT",
            "IHE_XDM/SUBSET01/METADATA.XML",
            "IHE_XDM/SUBSET01/DOC00001.XML",
            "IHE_XDM/SUBSET01/DOC00002.XML",
            "IHE_XDM/SUBSET01/DOC00003.XML"
        ]
    );
    for (index, (read, sent)) in archive.documents.iter().zip(&submission.documents).enumerate() {
        assert_eq!((&read.bytes, read.action), (&sent.bytes, sent.action));
        assert_eq!(read.unique_id, Some(format!("2.25.{}", index + 1)));
        assert_eq!((read.mime.as_str(), read.listed), ("text/xml", true));
        let matricule = patient().matricule.unwrap();
        assert_eq!(read.patient_id, Some(format!("{matricule}^^^&1.2.250.1.213.1.4.10&ISO^NH")));
    }
    let codes: Vec<_> =
        archive.documents.iter().map(|document| document.type_code.as_deref().unwrap()).collect();
    assert_eq!(codes, ["11502-2", "11490-0", "11502-2"]);
    let ids: Vec<Id> = archive.cdas().map(|(_, read)| read.unwrap().id.unwrap()).collect();
    assert_eq!(ids, [Id::root("2.25.1"), Id::root("2.25.2"), Id::root("2.25.3")]);
}

/// A published report, replaced and then deleted. The last two files are the same octets: the action alone tells them
/// apart, and it must be read first.
#[test]
fn a_published_report_is_created_replaced_and_deleted() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = std::env::var_os("VAGUEMESTRE_CORPUS").map_or(beside, PathBuf::from).join("lifecycle");
    if !folder.join("facts.json").is_file() {
        eprintln!("SKIP corpus: {} is not there", folder.display());
        return;
    }
    let sent = |file: &str, action| {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let mut submission = Submission::new([bytes.clone()], time());
        submission.documents[0].action = action;
        let archive = submission.write().unwrap();
        let (opened, seen) = (open(&archive), xdm::glance(&archive, &Limits::default()).unwrap());
        assert_eq!(opened.problems, []);
        assert_eq!((opened.documents.len(), seen.len()), (1, 1));
        assert_eq!((opened.documents[0].action, seen[0].action), (action, action), "{file}");
        assert_eq!(opened.documents[0].bytes, bytes);
        let header = cda::read(&bytes).unwrap();
        let glanced = seen[0].header.as_ref().unwrap();
        assert_eq!((&glanced.id, &glanced.replaces), (&header.id, &header.replaces));
        assert_eq!(opened.documents[0].unique_id, header.id.as_ref().map(ToString::to_string));
        (bytes, header)
    };
    let (_, created) = sent("1-initial.xml", Action::Create);
    let (new, replacement) = sent("2-replacement.xml", Action::Replace);
    let (last, deletion) = sent("3-deletion.xml", Action::Delete);
    assert!(created.id.is_some() && created.replaces.is_none());
    assert_eq!((created.version, replacement.version), (Some(1), Some(2)));
    assert_eq!(replacement.replaces, created.id, "a replacement names the document that it replaces");
    assert_eq!(last, new, "the deletion is the last version, byte for byte");
    assert_eq!(deletion.id, replacement.id, "a deletion is of the document's own identifier");
}

#[test]
fn the_metadata_is_well_formed_and_refers_to_itself_only() {
    let text = metadata(&two().write().unwrap());
    let tree = roxmltree::Document::parse(&text).unwrap();
    let mut ids = std::collections::HashSet::new();
    for node in tree.descendants() {
        if let Some(id) = node.attribute("id") {
            assert!(ids.insert(id.to_owned()), "{id} twice");
        }
    }
    for node in tree.descendants() {
        for reference in ["classifiedObject", "registryObject", "sourceObject", "targetObject"] {
            if let Some(target) = node.attribute(reference) {
                assert!(ids.contains(target), "{reference} {target}");
            }
        }
    }
    let count = |name: &str| tree.descendants().filter(|node| node.tag_name().name() == name).count();
    assert_eq!((count("ExtrinsicObject"), count("RegistryPackage"), count("Association")), (2, 1, 2));
    let slot = |name: &str| {
        let node = tree.descendants().find(|node| node.attribute("name") == Some(name)).unwrap();
        node.descendants()
            .filter(|node| node.has_tag_name((node.tag_name().namespace().unwrap_or(""), "Value")))
            .map(|node| node.text().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(slot("creationTime"), ["20260105090000"]);
    assert_eq!(slot("submissionTime"), ["20261123090501"]);
    assert_eq!(slot("URI"), ["DOC00001.XML"]);
    assert_eq!(slot("sourcePatientInfo"), ["PID-5|D'ESSAI^Éloïse^^^^^L", "PID-7|19620714", "PID-8|F"]);
    assert_eq!(slot("serviceStartTime"), ["20260105090000"]);
    assert_eq!(
        slot("legalAuthenticator"),
        ["899700000018^ESSAI^Camille^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"]
    );
}

#[test]
fn other_programs_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("IHE_XDM.zip");
    std::fs::write(&path, two().write().unwrap()).unwrap();
    match Command::new("unzip").arg("-t").arg(&path).output() {
        Ok(out) => assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout)),
        Err(error) => eprintln!("SKIP unzip: {error}"),
    }
    let script = "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                  i=z.getinfo('INDEX.HTM')\nprint(i.date_time)";
    match Command::new("python3").args(["-c", script]).arg(&path).output() {
        Ok(out) => {
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), "(2026, 11, 23, 9, 5, 0)");
        }
        Err(error) => eprintln!("SKIP python3: {error}"),
    }
}

#[test]
fn an_archive_streamed_by_another_program_is_read() {
    // Sizes after the data instead of before it: what a program writes that cannot go back in its output.
    let dir = tempfile::tempdir().unwrap();
    let (source, target) = (dir.path().join("in.zip"), dir.path().join("out.zip"));
    std::fs::write(&source, two().write().unwrap()).unwrap();
    let script = "import sys,zipfile\n\
        class Out:\n\
        \x20def __init__(s,p): s.f=open(p,'wb')\n\
        \x20def write(s,b): return s.f.write(b)\n\
        \x20def flush(s): s.f.flush()\n\
        i=zipfile.ZipFile(sys.argv[1]);o=Out(sys.argv[2])\n\
        z=zipfile.ZipFile(o,'w',zipfile.ZIP_DEFLATED)\n\
        z.writestr('IHE_XDM/','')\n\
        for n in i.namelist(): z.writestr(n,i.read(n))\n\
        z.close();o.flush()";
    match Command::new("python3").args(["-c", script]).args([&source, &target]).output() {
        Ok(out) => {
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            let archive = open(&std::fs::read(&target).unwrap());
            assert_eq!((archive.documents.len(), archive.problems), (2, vec![]));
        }
        Err(error) => eprintln!("SKIP python3: {error}"),
    }
}

#[test]
fn without_metadata_the_documents_are_found_all_the_same() {
    let report = document(SmallKind::LabReport, 1);
    let bytes = packed(&[
        ("IHE_XDM/SUBSET01/NOTE.XML", b"<note/>"),
        ("__MACOSX/IHE_XDM/SUBSET01/._A.XML", &report),
        ("IHE_XDM/SUBSET01/A.XML", &report),
        ("IHE_XDM/SUBSET01/A.PDF", b"%PDF-1.4"),
    ]);
    let archive = open(&bytes);
    assert_eq!(archive.problems, [Problem::NoMetadata]);
    let found: Vec<_> =
        archive.documents.iter().map(|document| (document.path.as_str(), document.listed)).collect();
    assert_eq!(found, [("IHE_XDM/SUBSET01/A.XML", false)]);
    let empty = open(&packed(&[]));
    assert_eq!((empty.documents, empty.problems), (vec![], vec![Problem::NoMetadata]));
}

#[test]
fn faults_of_the_metadata_are_told_and_the_documents_kept() {
    let (report, written) = (document(SmallKind::LabReport, 1), two().write().unwrap());
    let text = metadata(&written);
    let marked = [b"\xef\xbb\xbf".as_slice(), &report].concat();
    let with = |text: &str, documents: &[(&str, &[u8])]| {
        let mut files = vec![("IHE_XDM/SUBSET01/metadata.xml", text.as_bytes())];
        files.extend(documents);
        open(&packed(&files))
    };
    let files = [("IHE_XDM/SUBSET01/DOC00001.XML", report.as_slice())];

    let archive = with(&text, &files);
    assert!(matches!(&archive.problems[..], [Problem::MissingDocument { uri, .. }] if uri == "DOC00002.XML"));

    let archive =
        with(&text, &[("IHE_XDM/SUBSET01/doc00001.xml", &marked), ("IHE_XDM/SUBSET01/MORE.XML", &report)]);
    assert_eq!(archive.documents.len(), 2);
    assert!(matches!(&archive.problems[..], [Problem::Size { .. }, Problem::Hash { without_mark: true, .. },
        Problem::MissingDocument { .. }, Problem::Unlisted { path }] if path.ends_with("MORE.XML")));

    let other = document(SmallKind::LabReport, 9);
    let archive = with(&text, &[("IHE_XDM/SUBSET01/DOC00001.XML", &other)]);
    assert!(archive.problems.iter().any(|found| matches!(found, Problem::Hash { without_mark: false, .. })));

    let twice = text.replace("DOC00002.XML", "./DOC00001.XML");
    let archive = with(&twice, &files);
    assert!(matches!(&archive.problems[..], [Problem::Twice { .. }]), "{:?}", archive.problems);
    assert_eq!(archive.documents.len(), 1);

    for broken in ["<a", "<a/>", "", "<!DOCTYPE a><a/>"] {
        let archive = with(broken, &files);
        assert!(
            matches!(&archive.problems[..], [Problem::Metadata { .. }]),
            "{broken}: {:?}",
            archive.problems
        );
        assert_eq!(archive.documents.len(), 1);
    }
}

#[test]
fn actions_are_understood_in_every_spelling() {
    let report = document(SmallKind::LabReport, 1);
    let read = |slot: &str, status: &str, rest: &str| {
        let text = format!(
            "<SubmitObjectsRequest><RegistryObjectList><ExtrinsicObject id='urn:uuid:1' status='{status}'>{slot}\
             <Slot name='uri'><ValueList><Value>A.XML</Value></ValueList></Slot></ExtrinsicObject>{rest}\
             </RegistryObjectList></SubmitObjectsRequest>"
        );
        let archive = open(&packed(&[("X/METADATA.XML", text.as_bytes()), ("X/A.XML", &report)]));
        (archive.documents[0].action, archive.problems.len())
    };
    let slot = |name: &str, value: &str| {
        format!("<Slot name='{name}'><ValueList><Value>{value}</Value></ValueList></Slot>")
    };
    assert_eq!(read("", "x:Approved", ""), (Action::Create, 0));
    for name in ["urn:action:extraMetadataSlot", "action", "urn:asip:ci-sis:action"] {
        assert_eq!(read(&slot(name, "D"), "", ""), (Action::Delete, 0), "{name}");
        assert_eq!(read(&slot(name, " C "), "", ""), (Action::Replace, 0), "{name}");
    }
    assert_eq!(read(&slot("transaction", "D"), "", ""), (Action::Create, 0));
    assert_eq!(read(&slot("action", "X"), "", ""), (Action::Create, 1));
    assert_eq!(read("", "urn:asip:ci-sis:2010:StatusType:Deleted", ""), (Action::Delete, 0));
    let set = format!("<RegistryPackage>{}</RegistryPackage>", slot("urn:action:extraMetadataSlot", "D"));
    assert_eq!(read("", "", &set), (Action::Delete, 0));
    let association = "<Association associationType='urn:ihe:iti:2007:AssociationType:RPLC' \
                       sourceObject='urn:uuid:1' targetObject='urn:uuid:0'/>";
    assert_eq!(read("", "", association), (Action::Replace, 0));
}

#[test]
fn what_cannot_be_sent_is_named() {
    assert_eq!(Submission::new([], time()).write(), Err(WriteError::Empty));
    let mut submission = two();
    submission.documents[1].bytes = b"<html/>".to_vec();
    assert!(matches!(submission.write(), Err(WriteError::Document { position: 2, .. })));
    submission.documents[1].bytes = b"<ClinicalDocument xmlns='urn:hl7-org:v3'/>".to_vec();
    assert_eq!(submission.write(), Err(WriteError::NoId { position: 2 }));
    let old = Submission { time: "1970-01-01T00:00:00Z".parse().unwrap(), ..two() };
    assert_eq!(open(&old.write().unwrap()).documents.len(), 2);
}
