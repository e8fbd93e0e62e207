//! Mails with documents, read back by our own reader and by another one, and mails that others got wrong.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // everything here is a test, helpers included

#[path = "mss/reading.rs"]
mod reading;
#[path = "mss/receipts.rs"]
mod receipts;

use std::io::{Cursor, Write as _};
use std::process::Command;

use cda::SmallKind;
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use mail_parser::{MessageParser, MimeHeaders as _};
use mss::{
    Address, Carried, ComposeError, Document, Draft, FileKind, Indicators, MessageId, Note, Unopened,
    carried, compose, compose_noted, interpret,
};

fn patient() -> Identity {
    let born = BirthDate::parse("19620714").unwrap();
    let traits = Traits::strict("D'Éssaï", "Éloïse Anne-Marie", born, Sex::Female, "75115");
    Identity::new(Matricule::from_body("2620775115042").unwrap(), Nature::Test, traits)
}

fn document(kind: SmallKind, id: u128, patient: Identity) -> Document {
    Document::new(cda::write(&cda::Draft::small(kind, &cda::oid_of(id), patient)))
}

fn draft(documents: Vec<Document>) -> Draft {
    let address = |text| Address::parse(text).unwrap();
    let date = "2026-11-23T09:05:00Z".parse().unwrap();
    let mut draft = Draft::new(
        address("899700000018@medecin.mssante.fr"),
        vec![address("bob@ch.mssante.fr")],
        "2621",
        date,
    );
    draft.message_id = MessageId::parse("fixed@medecin.mssante.fr").unwrap();
    draft.text = "Bonjour,\nci-joint.".into();
    draft.documents = documents;
    draft
}

fn subject(mail: &[u8]) -> String {
    MessageParser::default().parse(mail).unwrap().subject().unwrap().to_owned()
}

fn names(mail: &[u8]) -> Vec<String> {
    let mail = MessageParser::default().parse(mail).unwrap();
    mail.attachments().map(|part| part.attachment_name().unwrap_or_default().to_owned()).collect()
}

#[test]
fn one_document_makes_the_mail_of_the_reference() {
    let draft = draft(vec![document(SmallKind::LabReport, 1, patient())]);
    let composed = compose_noted(&draft).unwrap();
    let mail = &composed.bytes;
    assert_eq!(mail, &compose(&draft).unwrap(), "the same bytes each time");
    assert_eq!(composed.notes, [Note::CarriedPdf { position: 1 }]);
    assert_eq!(subject(mail), "XDM/1.0/DDM+CR d'examens biologiques D'ESSAI Eloise 14/07/1962");
    let found = Indicators::read(mail);
    assert_eq!(
        (found.nil, found.codecda, found.ins),
        (vec!["2621".into()], vec!["11502-2".into()], vec!["O".into()])
    );
    assert_eq!(names(mail), ["IHE_XDM.zip", "20260105_CR d'examens biologiques_D'ESSAI_Eloise.pdf"]);
    let carried = carried(mail);
    assert_eq!((carried.archives, carried.problems), (1, vec![]));
    let read = &carried.documents[0];
    assert_eq!((read.path.as_str(), read.id.as_str()), ("IHE_XDM/SUBSET01/DOC00001.XML", "2.25.1"));
    assert_eq!((read.code.as_str(), read.qualified, read.missing.len()), ("11502-2", true, 0));
    assert!(!mail.windows(2).any(|two| two[0] != b'\r' && two[1] == b'\n'), "a bare line feed");
    assert!(mail.split(|&b| b == b'\n').all(|line| line.len() < 999));
}

#[test]
fn several_documents_are_counted_in_order_and_repeats_kept() {
    let documents = vec![
        document(SmallKind::LabReport, 1, patient()),
        document(SmallKind::DischargeLetter, 2, patient()),
        document(SmallKind::LabReport, 3, patient()),
    ];
    let composed = compose_noted(&draft(documents)).unwrap();
    let mail = &composed.bytes;
    assert_eq!(subject(mail), "XDM/1.0/DDM+3 documents D'ESSAI Eloise 14/07/1962");
    assert_eq!(Indicators::read(mail).codecda, ["11502-2,11490-0,11502-2"]);
    let stem = "20260105_CR d'examens biologiques_D'ESSAI_Eloise";
    let letter = "20260105_Lettre de liaison à la sortie d'un établ_D'ESSAI_Eloise.pdf".to_owned();
    assert_eq!(
        names(mail),
        ["IHE_XDM.zip".to_owned(), format!("{stem}.pdf"), letter, format!("{stem}_2.pdf")]
    );
    assert_eq!(composed.notes, [1, 3].map(|position| Note::CarriedPdf { position }));
    let codes: Vec<String> = carried(mail).documents.into_iter().map(|document| document.code).collect();
    assert_eq!(codes.join(","), Indicators::read(mail).codecda[0]);
}

#[test]
fn the_pdf_is_the_one_that_level_1_carries_and_is_made_of_level_3() {
    let report = document(SmallKind::LabReport, 1, patient());
    let letter = document(SmallKind::DischargeLetter, 2, patient());
    let mail = compose(&draft(vec![report.clone(), letter.clone()])).unwrap();
    let read = interpret(&mail);
    let pdfs: Vec<&[u8]> = read
        .attachments
        .iter()
        .filter(|file| file.kind == FileKind::Pdf)
        .map(|file| file.bytes.as_slice())
        .collect();
    assert_eq!(pdfs.len(), 2);
    let carried = cda::read(&report.content).unwrap();
    assert_eq!(Some(pdfs[0]), carried.pdf(), "level 1: byte for byte");
    let made = pdfa::render(&cda::read(&letter.content).unwrap(), &letter.content).unwrap();
    assert_eq!((pdfs[1], made.origin), (made.bytes.as_slice(), pdfa::Origin::Rendered));
    let word = b"pdfaid:part";
    assert!(pdfs[1].windows(word.len()).any(|window| window == word), "PDF/A");
}

#[test]
fn what_no_pdf_can_be_made_of_is_told_and_goes_all_the_same() {
    let mut odd = cda::Draft::small(SmallKind::LabReport, "2.25.1", patient());
    odd.body = cda::Body::Pdf(b"\x00\x01 no PDF".to_vec());
    let composed = compose_noted(&draft(vec![Document::new(cda::write(&odd))])).unwrap();
    assert_eq!(names(&composed.bytes), ["IHE_XDM.zip"]);
    assert!(
        matches!(&composed.notes[..], [Note::WithoutPdf { position: 1, why }] if why.contains("application/pdf")),
        "{:?}",
        composed.notes
    );
    let letter = document(SmallKind::DischargeLetter, 1, patient()).content;
    let letter = String::from_utf8(letter).unwrap().replace("sans complication", "\u{5d0}\u{5d1}");
    let composed = compose_noted(&draft(vec![Document::new(letter.into_bytes())])).unwrap();
    assert_eq!(composed.notes, [Note::Characters { position: 1, count: 2 }]);
}

#[test]
fn the_label_is_cut_at_forty_characters_with_its_accents() {
    let mail = compose(&draft(vec![document(SmallKind::DischargeLetter, 1, patient())])).unwrap();
    assert_eq!(
        subject(&mail),
        "XDM/1.0/DDM+Lettre de liaison à la sortie d'un établ D'ESSAI Eloise 14/07/1962"
    );
    let raw = mss::header_values(&mail, "Subject");
    assert!(raw[0].contains("=?") && raw[0].is_ascii(), "{raw:?}");
}

#[test]
fn an_ins_that_lacks_something_says_no() {
    type Change = fn(&mut Identity);
    let changes: [(Change, &str); 4] = [
        (|p| p.oid = None, "OID"),
        (|p| p.matricule = None, "matricule"),
        (|p| p.traits.birth_date = None, "date de naissance"),
        (|p| p.traits.sex = None, "sexe"),
    ];
    for (change, missing) in changes {
        let mut patient = patient();
        change(&mut patient);
        let mail = compose(&draft(vec![document(SmallKind::LabReport, 1, patient)])).unwrap();
        assert_eq!(Indicators::read(&mail).ins, ["N"], "{missing}");
        let read = &carried(&mail).documents[0];
        assert!(!read.qualified && read.missing.contains(&missing.to_owned()), "{read:?}");
    }
    let mut nameless = patient();
    (nameless.traits.birth_name, nameless.traits.birth_date) = (None, None);
    let composed = compose_noted(&draft(vec![document(SmallKind::LabReport, 1, nameless)])).unwrap();
    assert_eq!(subject(&composed.bytes), "XDM/1.0/DDM+CR d'examens biologiques Eloise");
    assert!(composed.notes.contains(&Note::Unnamed));
}

#[test]
fn two_patients_never_share_a_mail() {
    let other = {
        let mut other = patient();
        other.matricule = Some(Matricule::from_body("2620775115043").unwrap());
        other
    };
    let documents =
        vec![document(SmallKind::LabReport, 1, patient()), document(SmallKind::LabReport, 2, other)];
    assert_eq!(compose(&draft(documents)), Err(ComposeError::TwoPatients { position: 2 }));
}

#[test]
fn a_code_that_a_header_cannot_hold_is_refused() {
    let mut odd = cda::Draft::small(SmallKind::LabReport, "2.25.1", patient());
    for code in ["", "1\r\nBcc: a@b", "1,2", "é"] {
        odd.code.code = code.into();
        let refused = compose(&draft(vec![Document::new(cda::write(&odd))]));
        assert_eq!(refused, Err(ComposeError::HeaderValue { header: mss::X_MSS_CODECDA }), "{code:?}");
    }
}

#[test]
fn another_reader_finds_the_same_names_and_bytes() {
    let mut letter = cda::Draft::small(SmallKind::LabReport, "2.25.1", patient());
    letter.code.display_name = "CR d'accouchement à 40/41 semaines : été".into();
    let draft = draft(vec![Document::new(cda::write(&letter))]);
    let mail = compose(&draft).unwrap();
    let expected = "20260105_CR d'accouchement à 40-41 semaines - été_D'ESSAI_Eloise.pdf";
    assert_eq!(names(&mail)[1], expected);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &mail).unwrap();
    let script = "import sys,email,email.policy,zipfile,io\n\
        m=email.message_from_binary_file(open(sys.argv[1],'rb'),policy=email.policy.default)\n\
        a=list(m.iter_attachments())\n\
        z=zipfile.ZipFile(io.BytesIO(a[0].get_content()))\n\
        assert z.testzip() is None\n\
        assert a[1].get_content()[:5]==b'%PDF-'\n\
        assert not m.defects and not any(p.defects for p in m.walk()),m.defects\n\
        sys.stdout.buffer.write('|'.join([str(m['subject']),m.get_content_type(),m.get_body().get_content_type()]\
        +[x.get_filename() for x in a]+[x.get_content_type() for x in a]).encode())";
    match Command::new("python3").args(["-c", script]).arg(file.path()).output() {
        Ok(out) => {
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            let subject = "XDM/1.0/DDM+CR d'accouchement à 40/41 semaines : été D'ESSAI Eloise 14/07/1962";
            assert_eq!(
                String::from_utf8(out.stdout).unwrap(),
                format!(
                    "{subject}|multipart/mixed|text/plain|IHE_XDM.zip|{expected}|application/zip|application/pdf"
                )
            );
        }
        Err(error) => eprintln!("SKIP python3: {error}"),
    }
}

// === Mails of others ===

/// A mail with one attachment, headers as given.
fn attached(headers: &str, content: &[u8]) -> Vec<u8> {
    let body = base64(content);
    format!(
        "From: <a@x.fr>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
         Content-Type: text/plain\r\n\r\ntext\r\n--b\r\n{headers}Content-Transfer-Encoding: base64\r\n\r\n{body}\r\n--b--\r\n"
    )
    .into_bytes()
}

fn base64(content: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in content.chunks(3) {
        let word = three.iter().fold(0u32, |word, &b| word << 8 | u32::from(b)) << (8 * (3 - three.len()));
        for index in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * index)) as usize & 63];
            out.push(if index <= three.len() { letter as char } else { '=' });
        }
        if out.len() % 78 == 76 {
            out.push_str("\r\n");
        }
    }
    out
}

fn archive() -> Vec<u8> {
    let content = document(SmallKind::LabReport, 1, patient()).content;
    xdm::Submission::new([content], "2026-11-23T09:05:00Z".parse().unwrap()).write().unwrap()
}

const ZIP: &str = "Content-Type: application/zip\r\nContent-Disposition: attachment; filename=";

#[test]
fn an_archive_is_told_by_its_name_or_by_what_it_holds() {
    let archive = archive();
    for headers in [
        format!("{ZIP}\"IHE_XDM.zip\"\r\n"),
        format!("{ZIP}ihe_xdm.ZIP\r\n"),
        format!("{ZIP}documents.zip\r\n"),
        "Content-Type: application/octet-stream; name=IHE-XDM.zip\r\n".to_owned(),
        "Content-Type: application/x-zip-compressed\r\n".to_owned(),
        "Content-Type: text/plain; name=IHE_XDM.zip\r\nContent-Disposition: inline\r\n".to_owned(),
    ] {
        let found = carried(&attached(&headers, &archive));
        let text_loses_bytes = headers.starts_with("Content-Type: text/plain");
        assert_eq!(found.archives, 1, "{headers}");
        assert!(text_loses_bytes || found.documents.len() == 1, "{headers}: {found:?}");
    }
}

#[test]
fn free_attachments_carry_nothing() {
    assert_eq!(carried(&attached("Content-Type: application/pdf\r\n", b"%PDF-1.4")), Carried::default());
    let mut free = zip::ZipWriter::new(Cursor::new(Vec::new()));
    free.start_file("photo.txt", zip::write::SimpleFileOptions::default()).unwrap();
    free.write_all(b"hello").unwrap();
    let free = free.finish().unwrap().into_inner();
    assert_eq!(carried(&attached(&format!("{ZIP}photos.zip\r\n"), &free)), Carried::default());
    assert_eq!(carried(&compose(&draft(vec![])).unwrap()), Carried::default());
    let within = attached(&format!("{ZIP}IHE_XDM.zip\r\n"), &archive());
    let outer = [
        b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n"
            .as_slice(),
        &within,
        b"\r\n--o--\r\n",
    ]
    .concat();
    assert_eq!(carried(&outer), Carried::default());
}

#[test]
fn damage_is_told_and_the_rest_is_read() {
    let named = format!("{ZIP}IHE_XDM.zip\r\n");
    for bytes in [&b"hello"[..], b"", &archive()[..300]] {
        let found = carried(&attached(&named, bytes));
        assert_eq!((found.archives, found.documents.len(), found.problems.len()), (1, 0, 1), "{found:?}");
        assert!(found.problems[0].starts_with("IHE_XDM.zip: "));
    }
    let mut mixed = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        ("IHE_XDM/SUBSET01/A.XML", b"<html/>".to_vec()),
        ("IHE_XDM/SUBSET01/B.XML", b"<ClinicalDocument".to_vec()),
        ("IHE_XDM/SUBSET01/C.XML", document(SmallKind::LabReport, 1, patient()).content),
    ] {
        mixed.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        mixed.write_all(&content).unwrap();
    }
    let found = carried(&attached(&named, &mixed.finish().unwrap().into_inner()));
    assert_eq!(found.documents.len(), 1);
    assert!(found.problems.iter().any(|problem| problem.contains("B.XML")), "{:?}", found.problems);
    let both = [attached(&named, &archive()), b"\r\n".to_vec()].concat();
    let text = String::from_utf8(both).unwrap();
    let part = &text[text.find("--b\r\nContent-Type: application").unwrap()..text.find("--b--").unwrap()];
    let twice = text.replace(part, &part.repeat(6));
    let found = carried(twice.as_bytes());
    assert_eq!((found.archives, found.documents.len()), (6, 4));
    let read = interpret(twice.as_bytes());
    assert_eq!(Carried::of(&read), found);
    let unopened =
        read.archives.iter().filter(|archive| archive.outcome == Err(Unopened::TooMany { limit: 4 }));
    assert_eq!((read.archives.len(), unopened.count()), (6, 2));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_panics(at in 0usize..20_000, octet: u8, cut in 0usize..20_000, noise: Vec<u8>) {
        let _ = carried(&noise);
        let mut mail = attached(&format!("{ZIP}IHE_XDM.zip\r\n"), &archive());
        let length = mail.len();
        mail[at % length] = octet;
        let _ = carried(&mail);
        let _ = carried(&mail[cut % length..]);
    }
}
