//! The matrix of the four headers on real mails: archives written by `xdm`, documents by `cda`, read back by `mss`.

use std::io::{Read as _, Write as _};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cda::SmallKind;
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use rules::{
    Check, CodeCdaHeader, Content, Contents, InReplyTo, InsHeader, MailReceived, MesHeader, NilHeader,
    Outcome, SentTo, UniqueMessageId,
};

use crate::story::Story;

const TO: &str = "r1@bal.lab";

pub(crate) fn patient() -> Identity {
    let traits = Traits::strict("CORSE", "ANNE", BirthDate::parse("19780526").unwrap(), Sex::Female, "63220");
    Identity::new(Matricule::from_body("2780526318021").unwrap(), Nature::Test, traits)
}

fn document(kind: SmallKind, number: u32, patient: &Identity) -> Vec<u8> {
    cda::write(&cda::Draft::small(kind, &format!("2.25.{number}"), patient.clone()))
}

/// An archive of one or both small documents.
pub(crate) fn archive(kinds: &[SmallKind], patient: &Identity) -> Vec<u8> {
    let documents = kinds.iter().zip(1..).map(|(kind, number)| document(*kind, number, patient));
    xdm::Submission::new(documents, "2026-11-23T10:00:00Z".parse().unwrap()).write().unwrap()
}

/// A whole archive in which a PDF takes the place of the CDA document.
fn archive_without_cda() -> Vec<u8> {
    let with = archive(&[SmallKind::LabReport], &patient());
    let mut from = zip::ZipArchive::new(std::io::Cursor::new(with)).unwrap();
    let mut to = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for index in 0..from.len() {
        let mut entry = from.by_index(index).unwrap();
        let name = entry.name().unwrap().replace("DOC00001.XML", "DOC00001.PDF");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if name.ends_with("METADATA.XML") {
            let text = String::from_utf8(bytes).unwrap();
            bytes = text
                .replace("DOC00001.XML", "DOC00001.PDF")
                .replace("text/xml", "application/pdf")
                .into_bytes();
        } else if name.ends_with(".PDF") {
            bytes = b"%PDF-1.4\n".to_vec();
        }
        to.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        to.write_all(&bytes).unwrap();
    }
    to.finish().unwrap().into_inner()
}

fn mail(headers: &str, attachment: Option<(&str, &[u8])>) -> Vec<u8> {
    let mut mail = format!(
        "From: <899700000018@bal.lab>\r\nTo: <r1@bal.lab>\r\nMessage-ID: <1.2@bal.lab>\r\n{headers}MIME-Version: 1.0\r\n"
    );
    match attachment {
        None => mail.push_str("Content-Type: text/plain; charset=utf-8\r\n\r\nBonjour\r\n"),
        Some((name, bytes)) => {
            let lines: Vec<String> = BASE64_STANDARD
                .encode(bytes)
                .as_bytes()
                .chunks(76)
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect();
            mail.push_str(&format!(
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
                 Bonjour\r\n--b\r\nContent-Type: application/zip\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
                lines.join("\r\n")
            ));
        }
    }
    mail.into_bytes()
}

fn xdm_mail(headers: &str, kinds: &[SmallKind], patient: &Identity) -> Story {
    sent(&mail(headers, Some(("IHE_XDM.zip", &archive(kinds, patient)))))
}

fn sent(bytes: &[u8]) -> Story {
    let mut story = Story::smtp();
    story.connect().tls().login("A", "").mail(TO, bytes);
    story
}

fn ins(story: &Story) -> Check {
    story.judge(|t, mails| InsHeader { requirement: "SC.MSS/CONF.14" }.check(t, mails))
}

fn codecda(story: &Story) -> Check {
    story.judge(|t, mails| CodeCdaHeader { requirement: "SC.MSS/CONF.15" }.check(t, mails))
}

fn nil(story: &Story) -> Check {
    story.judge(|t, mails| NilHeader { requirement: "SC.MSS/CONF.16", nil: "2621" }.check(t, mails))
}

fn mes(story: &Story, close: bool) -> Check {
    story.judge(|t, mails| MesHeader { requirement: "SC.MSS/CONF.21", close }.check(t, mails))
}

fn content(story: &Story, expect: Content) -> Check {
    story.judge(|t, mails| Contents { requirement: "SC.MSS/CONF.14", expect }.check(t, mails))
}

#[test]
fn a_qualified_document_has_o_its_code_and_the_nil() {
    let headers = "X-MSS-NIL: 2621\r\nX-MSS-INS: O\r\nX-MSS-CODECDA: 11490-0\r\n";
    let story = xdm_mail(headers, &[SmallKind::DischargeLetter], &patient());
    for (check, header) in
        [(ins(&story), "X-MSS-INS"), (codecda(&story), "X-MSS-CODECDA"), (nil(&story), "X-MSS-NIL")]
    {
        assert_eq!(
            (check.outcome, check.decided_by),
            (Outcome::Passed, story.header(header, 0)),
            "{check:?}"
        );
    }
    assert_eq!(mes(&story, false).outcome, Outcome::Passed);
    let one = Content::Documents { count: 1, qualified: Some(true) };
    assert_eq!(content(&story, one).outcome, Outcome::Passed);
    let plain = content(&story, Content::Plain);
    assert_eq!(plain.outcome, Outcome::Inconclusive);
    assert!(plain.received.fr.contains("1 document(s) CDA (11490-0), dont 1 à INS qualifiée"), "{plain:?}");
}

#[test]
fn without_the_oid_n_is_expected() {
    let bare = Identity { oid: None, ..patient() };
    let story = xdm_mail("X-MSS-INS: O\r\n", &[SmallKind::DischargeLetter], &bare);
    let check = ins(&story);
    assert_eq!(
        (check.outcome, check.decided_by),
        (Outcome::Failed, story.header("X-MSS-INS", 0)),
        "{check:?}"
    );
    assert!(check.next.fr.contains("Écrire N") && check.next.fr.contains("OID"), "{check:?}");
    let story = xdm_mail("X-MSS-INS: N\r\n", &[SmallKind::DischargeLetter], &bare);
    assert_eq!(ins(&story).outcome, Outcome::Passed);
    let not = Content::Documents { count: 1, qualified: Some(false) };
    assert_eq!(content(&story, not).outcome, Outcome::Passed);
}

#[test]
fn two_documents_have_two_codes() {
    let kinds = [SmallKind::DischargeLetter, SmallKind::LabReport];
    for (value, outcome) in [
        ("11490-0,11502-2", Outcome::Passed),
        ("11502-2,11490-0", Outcome::Passed), // the order is a remark
        ("11490-0, 11502-2", Outcome::Failed),
        ("11490-0", Outcome::Failed),
        ("34112-3,11502-2", Outcome::Failed),
    ] {
        let story = xdm_mail(&format!("X-MSS-CODECDA: {value}\r\n"), &kinds, &patient());
        let check = codecda(&story);
        assert_eq!(check.outcome, outcome, "{check:?}");
        assert_eq!(check.expected.fr, "X-MSS-CODECDA: 11490-0,11502-2");
    }
}

#[test]
fn a_header_that_lacks_or_stands_twice_fails() {
    let story = xdm_mail("", &[SmallKind::LabReport], &patient());
    for check in [ins(&story), codecda(&story), nil(&story)] {
        assert_eq!((check.outcome, check.decided_by), (Outcome::Failed, Some(6)), "{check:?}");
    }
    let story = xdm_mail("X-MSS-INS: O\r\nX-MSS-INS: O\r\n", &[SmallKind::LabReport], &patient());
    assert_eq!(ins(&story).decided_by, story.header("X-MSS-INS", 1));
}

#[test]
fn plain_mail_free_pdf_and_an_archive_without_cda_have_the_nil_alone() {
    let pdf = archive_without_cda();
    for attachment in [None, Some(("CR.pdf", &b"%PDF-1.4"[..])), Some(("IHE_XDM.zip", &pdf[..]))] {
        let story = sent(&mail("X-MSS-NIL: 2621\r\n", attachment));
        for check in [nil(&story), ins(&story), codecda(&story), mes(&story, false)] {
            assert_eq!(check.outcome, Outcome::Passed, "{check:?}");
        }
        let headers = "X-MSS-NIL: 2621\r\nX-MSS-INS: N\r\nX-MSS-CODECDA: 11490-0\r\nX-MSS-MES: FIN\r\n";
        let story = sent(&mail(headers, attachment));
        for check in [ins(&story), codecda(&story), mes(&story, false)] {
            assert_eq!(check.outcome, Outcome::Failed, "{check:?}");
        }
    }
    assert_eq!(content(&sent(&mail("", None)), Content::Plain).outcome, Outcome::Passed);
    let zip = content(&sent(&mail("", Some(("libre.zip", b"PK\x03\x04x")))), Content::Plain);
    assert_eq!(zip.outcome, Outcome::Passed, "{zip:?}");
}

#[test]
fn a_damaged_archive_is_told_and_proves_nothing() {
    let mut broken = archive(&[SmallKind::LabReport], &patient());
    broken.truncate(broken.len() / 2);
    let story = sent(&mail("X-MSS-INS: O\r\nX-MSS-CODECDA: 11502-2\r\n", Some(("IHE_XDM.zip", &broken))));
    for check in [ins(&story), codecda(&story)] {
        assert_eq!(check.outcome, Outcome::Inconclusive, "{check:?}");
        assert!(check.received.fr.contains("illisibles"), "{check:?}");
    }
    let one = Content::Documents { count: 1, qualified: None };
    assert_eq!(content(&story, one).outcome, Outcome::Inconclusive);
}

#[test]
fn fin_is_for_patients_who_shall_not_answer() {
    assert_eq!(mes(&sent(&mail("X-MSS-MES: FIN\r\n", None)), true).outcome, Outcome::Passed);
    assert_eq!(mes(&sent(&mail("", None)), true).outcome, Outcome::Failed);
    assert_eq!(mes(&sent(&mail("X-MSS-MES: fin\r\n", None)), true).outcome, Outcome::Failed);
}

#[test]
fn blanks_behind_a_value_are_remarked() {
    let check = mes(&sent(&mail("X-MSS-MES: FIN \r\n", None)), true);
    assert_eq!(check.outcome, Outcome::Passed);
    assert!(check.received.fr.contains("remarque : des blancs"), "{check:?}");
}

#[test]
fn a_client_s_text_is_quoted_safely() {
    let long = "x\u{1b}[31m".repeat(100);
    let check = nil(&sent(&mail(&format!("X-MSS-NIL: {long}\r\n"), None)));
    assert_eq!(check.outcome, Outcome::Failed);
    assert!(check.received.fr.contains("x⍰[31m") && !check.received.fr.contains('\u{1b}'));
    assert!(check.received.fr.chars().count() < 250);
}

#[test]
fn every_message_counts() {
    let mut story = Story::smtp();
    story.connect().mail(TO, &mail("X-MSS-NIL: 2621\r\n", None)).mail(TO, &mail("", None));
    let check = nil(&story);
    assert_eq!(check.outcome, Outcome::Failed);
    assert!(check.received.fr.contains("absent"));
}

#[test]
fn where_no_mail_came_the_reason_is_told() {
    let nothing = Story::smtp();
    let mut left = Story::smtp();
    left.connect().tls().says("QUIT");
    let mut refused = Story::smtp();
    refused.connect().tls().login("A", "token_expired");
    for (story, outcome, said) in [
        (&nothing, Outcome::Inconclusive, "Aucun message"),
        (&left, Outcome::Inconclusive, "aucun message n’a été accepté"),
        (&refused, Outcome::Failed, "jeton expiré"),
    ] {
        let received = story.judge(|t, mails| MailReceived { requirement: "SC.MSS/CONF.05" }.check(t, mails));
        for check in [received, nil(story), ins(story), codecda(story), mes(story, true)] {
            assert_eq!(check.outcome, outcome);
            assert!(check.received.fr.contains(said), "{check:?}");
        }
        // Preconditions are never failed.
        let recipient = story.judge(|t, mails| SentTo { requirement: "x", recipient: TO }.check(t, mails));
        for check in [content(story, Content::Plain), recipient] {
            assert_eq!(check.outcome, Outcome::Inconclusive);
            assert!(check.received.fr.contains(said), "{check:?}");
        }
    }
}

#[test]
fn a_step_without_its_mail_is_told_what_came_instead() {
    let check = sent(&mail("", None))
        .judge(|t, _| NilHeader { requirement: "SC.MSS/CONF.16", nil: "2621" }.check(t, &[]));
    assert_eq!((check.outcome, check.decided_by), (Outcome::Inconclusive, Some(6)));
    assert!(check.received.fr.contains("pour cette étape") && check.received.fr.contains(TO), "{check:?}");
}

#[test]
fn a_reply_to_nothing_proves_nothing() {
    let story = sent(&mail("In-Reply-To: <>\r\nReferences: <>\r\n", None));
    let check = story.judge(|t, mails| InReplyTo { requirement: "MSS/va1.08", original: "" }.check(t, mails));
    assert_eq!(check.outcome, Outcome::Inconclusive);
}

#[test]
fn the_envelope_must_hold_the_recipient() {
    let story = sent(&mail("", None));
    let to = |recipient| story.judge(|t, mails| SentTo { requirement: "x", recipient }.check(t, mails));
    assert_eq!(to("R1@BAL.lab").outcome, Outcome::Passed);
    let other = to("r2@bal.lab");
    assert_eq!((other.outcome, other.decided_by), (Outcome::Inconclusive, Some(6)));
    assert!(other.received.fr.contains(TO) && other.next.fr.contains("r2@bal.lab"), "{other:?}");
}

#[test]
fn bytes_that_were_not_kept_prove_nothing() {
    let story = sent(&mail("X-MSS-NIL: 2621\r\n", None));
    let check = story.judge(|t, mails| {
        let mut mails = mails.to_vec();
        mails[0].message = None;
        NilHeader { requirement: "SC.MSS/CONF.16", nil: "2621" }.check(t, &mails)
    });
    assert_eq!(check.outcome, Outcome::Inconclusive);
}

#[test]
fn a_reply_names_what_it_answers() {
    let reply = |headers: &str| {
        let story = sent(&mail(headers, None));
        story.judge(|t, mails| InReplyTo { requirement: "MSS/va1.08", original: "<q@lab>" }.check(t, mails))
    };
    for headers in [
        "In-Reply-To: <q@lab>\r\nReferences: <q@lab>\r\n",
        "In-Reply-To: <q@lab>\r\nReferences: <a@b>\r\n <q@lab>\r\n",
    ] {
        assert_eq!(reply(headers).outcome, Outcome::Passed);
    }
    for (headers, next) in [
        ("", "Ajouter In-Reply-To"),
        ("In-Reply-To: <q@lab>\r\n", "Ajouter References"),
        ("In-Reply-To: q@lab\r\nReferences: <q@lab>\r\n", "entre chevrons"),
        ("In-Reply-To: <x@lab>\r\nReferences: <q@lab>\r\n", "Recopier dans In-Reply-To"),
        ("In-Reply-To: <q@lab> <x@lab>\r\nReferences: <q@lab>\r\n", "lui seul"),
        ("In-Reply-To: <q@lab>\r\nReferences: <q@lab> <x@lab>\r\n", "à la fin"),
        ("In-Reply-To: <q@lab>\r\nIn-Reply-To: <q@lab>\r\nReferences: <q@lab>\r\n", "qu’une fois"),
    ] {
        let check = reply(headers);
        assert_eq!(check.outcome, Outcome::Failed, "{headers}");
        assert!(check.next.fr.contains(next), "{headers}: {check:?}");
    }
}

#[test]
fn one_well_formed_message_id() {
    let check = |field: &str| {
        let text = String::from_utf8(mail("", None)).unwrap().replace("Message-ID: <1.2@bal.lab>\r\n", field);
        sent(text.as_bytes()).judge(|t, mails| UniqueMessageId { requirement: "MSS/va1.12" }.check(t, mails))
    };
    for field in ["Message-ID: <1.2@bal.lab>\r\n", "Message-Id: <a-b_c@BAL.LAB>\r\n"] {
        let check = check(field);
        assert_eq!(check.outcome, Outcome::Passed);
        assert!(!check.received.fr.contains("remarque"), "{check:?}");
    }
    for field in ["Message-ID: <1@poste-7.local>\r\n", "Message-ID: <1@[127.0.0.1]>\r\n"] {
        let check = check(field);
        assert!(check.outcome == Outcome::Passed && check.received.fr.contains("remarque"), "{check:?}");
    }
    for (field, next) in [
        ("", "dans chaque message"),
        ("Message-ID: 1@bal.lab\r\n", "chevrons"),
        ("Message-ID: <1>\r\n", "chevrons"),
        ("Message-ID: <a b@bal.lab>\r\n", "chevrons"),
        ("Message-ID: <a..b@bal.lab>\r\n", "chevrons"),
        ("Message-ID: <a@b@bal.lab>\r\n", "chevrons"),
        ("Message-ID: <1@bal.lab>\r\nMessage-ID: <2@bal.lab>\r\n", "qu’un seul"),
    ] {
        let check = check(field);
        assert_eq!(check.outcome, Outcome::Failed, "{field}");
        assert!(check.next.fr.contains(next), "{field}: {check:?}");
    }
}

#[test]
fn two_mails_do_not_share_a_message_id() {
    let unique = |second: &[u8]| {
        let mut story = Story::smtp();
        story.connect().mail(TO, &mail("", None)).mail(TO, second);
        story.judge(|t, mails| UniqueMessageId { requirement: "MSS/va1.12" }.check(t, mails))
    };
    let check = unique(&mail("X-MSS-NIL: 2621\r\n", None));
    assert!(check.outcome == Outcome::Failed && check.received.fr.contains("déjà porté"), "{check:?}");
    assert_eq!(unique(&mail("", None)).outcome, Outcome::Passed); // the same bytes: sent again
}
