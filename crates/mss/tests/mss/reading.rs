//! Mails of every day and mails of nobody's good will, interpreted.

use std::time::{Duration, Instant};

use mail_parser::{MessageParser, MimeHeaders as _};
use mss::*;
use proptest::prelude::*;

use super::{ZIP, archive, attached, document, draft, patient};
use cda::SmallKind;

fn with_head(head: &str, mail: &[u8]) -> Vec<u8> {
    [head.as_bytes(), mail].concat()
}

fn suggested(mail: &Interpreted, what: Suggested) -> Vec<(&str, Source)> {
    mail.suggestions
        .iter()
        .filter(|found| found.what == what)
        .map(|found| (found.value.as_str(), found.source))
        .collect()
}

#[test]
fn a_mail_that_we_write_is_read_back() {
    let mut draft = draft(vec![
        document(SmallKind::LabReport, 1, patient()),
        document(SmallKind::DischargeLetter, 2, patient()),
    ]);
    draft.documents[1].action = Action::Replace;
    draft.reply_to = Some(Address::parse("org@ch.mssante.fr").unwrap());
    draft.in_reply_to = Some(MessageId::parse("p@x.fr").unwrap());
    let mail = interpret(&compose(&draft).unwrap());
    assert_eq!(mail.problems, []);
    assert!(mail.marked && !mail.replaces && !mail.closes_exchange);
    assert_eq!(mail.shown_subject, "2 documents D'ESSAI Eloise 14/07/1962");
    assert_eq!((mail.text.trim(), mail.html.as_deref()), ("Bonjour,\r\nci-joint.", None));
    assert_eq!((mail.date, mail.message_id), (Some(draft.date), Some(draft.message_id.clone())));
    assert_eq!(mail.reply_to.as_ref().unwrap().address, draft.reply_to);
    assert_eq!((mail.in_reply_to.as_ref(), mail.references.len()), (draft.in_reply_to.as_ref(), 1));
    assert_eq!((&mail.sender, mail.to[0].raw.as_str()), (&Sender::Professional, "bob@ch.mssante.fr"));
    assert_eq!(
        (mail.indicators.nil.as_slice(), mail.indicators.ins.as_slice()),
        (&["2621".into()][..], &["O".into()][..])
    );
    let kinds: Vec<FileKind> = mail.attachments.iter().map(|file| file.kind).collect();
    assert_eq!(kinds, [FileKind::Xdm, FileKind::Pdf, FileKind::Pdf]);
    let actions: Vec<Action> = mail.documents.iter().map(|document| document.action).collect();
    assert_eq!(actions, [Action::Create, Action::Replace]);
    let archive = &mail.archives[0];
    assert_eq!((archive.attachment, archive.named, archive.nested, mail.archives.len()), (0, true, false, 1));
    let opened = archive.outcome.as_ref().unwrap();
    assert_eq!((opened.files.len(), opened.problems.len()), (5, 0));
    for (found, sent) in mail.documents.iter().zip(&draft.documents) {
        assert!(found.bytes == sent.content && found.read().is_ok() && !found.nested);
    }
    assert_eq!(mail.attachments[1].sha256, kernel::sha256_hex(&mail.attachments[1].bytes));
    let types: Vec<&str> = mail.parts.iter().map(|part| part.mime.as_str()).collect();
    let pdf = "application/pdf";
    assert_eq!(types, ["multipart/mixed", "text/plain", "application/zip", pdf, pdf]);
}

#[test]
fn receipts_asked_for_and_replacements_are_seen() {
    let mut draft = draft(vec![]);
    draft.subject = "Suivi".into();
    let mail = interpret(&compose(&draft).unwrap());
    assert!(mail.receipt_request.is_none() && mail.delivery_receipt.is_empty() && !mail.replaces);
    (draft.read_receipt, draft.delivery_receipt, draft.replaces) = (true, true, true);
    let mail = interpret(&compose(&draft).unwrap());
    assert_eq!(mail.receipt_request.unwrap().to, [draft.from.clone()]);
    assert_eq!(mail.delivery_receipt[0].address, Some(draft.from.clone()));
    assert_eq!((mail.subject.as_str(), mail.replaces), ("[Annule et remplace] Suivi", true));
    draft.documents = vec![document(SmallKind::LabReport, 1, patient())];
    let mail = interpret(&compose(&draft).unwrap());
    assert_eq!(
        mail.subject,
        "XDM/1.0/DDM+[Annule et remplace] CR d'examens biologiques D'ESSAI Eloise 14/07/1962"
    );
    assert_eq!(suggested(&mail, Suggested::FamilyName)[0].0, "D'ESSAI");
}

#[test]
fn senders_are_told_apart() {
    let sender = |from: &str, more: &str, settings: &Settings| {
        interpret_with(format!("From: {from}\r\n{more}\r\nx").as_bytes(), settings).sender
    };
    let usual = Settings::default();
    let Sender::Patient(patient) = sender("Leo Dupond <279035121518989@patient.mssante.fr>", "", &usual)
    else {
        panic!()
    };
    assert_eq!((patient.given.as_str(), patient.family.as_str()), ("Leo", "Dupond"));
    assert!(patient.matricule.as_ref().unwrap().key_is_right());
    assert_eq!(patient.to_string(), "Leo DUPOND (279035121518989)");
    assert!(!format!("{patient:?}").contains("2790"));
    let Sender::Patient(bare) = sender("279035121518989@PATIENT.mssante.fr", "", &usual) else { panic!() };
    assert_eq!(bare.to_string(), "279035121518989");
    for (label, given, family) in [
        ("DE LA TOUR Anne-Marie", "Anne-Marie", "DE LA TOUR"),
        ("Anne Marie VIAL", "Anne Marie", "VIAL"),
        ("Vial", "", "Vial"),
    ] {
        let Sender::Patient(patient) = sender(&format!("{label} <1@patient.mssante.fr>"), "", &usual) else {
            panic!()
        };
        assert_eq!((patient.given.as_str(), patient.family.as_str()), (given, family));
    }
    let tests = "mail-tests-editeur.espacedeconfiance.mssante.fr";
    let motco = format!("Patient <184131175@{tests}>");
    assert_eq!(sender(&motco, "", &usual), Sender::Professional);
    for form in [format!("184131175@{tests}"), format!("#########@{tests}")] {
        let domain: UserDomain = form.parse().unwrap();
        assert_eq!(domain.to_string(), form);
        let settings = Settings { user_domains: vec![domain], ..Settings::default() };
        assert!(matches!(sender(&motco, "", &settings), Sender::Patient(_)));
        assert_eq!(sender(&format!("899700000018@{tests}"), "", &settings), Sender::Professional);
        assert_eq!(sender("1@patient.mssante.fr", "", &settings), Sender::Professional);
    }
    let bench = Settings::with_motco2();
    assert!(matches!(sender(&motco, "", &bench), Sender::Patient(_)));
    assert!(matches!(sender("1@patient.mssante.fr", "", &bench), Sender::Patient(_)));
    assert_eq!(sender(&format!("163254178@{tests}"), "", &bench), Sender::Professional);
    for bad in ["a b@x.fr", "", "@x.fr", "patient.fr,x.fr", &format!("{}@x.fr", "#".repeat(65))] {
        assert!(bad.parse::<UserDomain>().is_err(), "{bad}");
    }
    assert_eq!(sender("lab@x.fr", "Auto-Submitted: auto-generated\r\n", &usual), Sender::Application);
    assert_eq!(sender("nobody", "", &usual), Sender::Unknown);
}

#[test]
fn subjects_say_what_they_say_and_no_more() {
    let subject = |text: &str| interpret(format!("Subject: {text}\r\n\r\n").as_bytes());
    for (text, replaces, closes) in [
        ("[FIN]", false, true),
        ("[fin]", false, false),
        ("Re: [FIN]", false, false),
        ("XDM/1.0/DDM+[Annule et remplace] CR VIAL Paul", true, false),
        ("[ANNULE ET REMPLACE] XDM/1.0/DDM+CR", true, false),
    ] {
        let mail = subject(text);
        assert_eq!((mail.replaces, mail.closes_exchange), (replaces, closes), "{text}");
        assert!(!mail.shown_subject.contains("XDM"));
    }
    let mail =
        subject("XDM/1.0/DDM+[Annule et remplace] CR d'examens biologiques LE GALL Anne-Marie 26/11/1978");
    let by_subject = |value| vec![(value, Source::Subject)];
    assert_eq!(suggested(&mail, Suggested::FamilyName), by_subject("LE GALL"));
    assert_eq!(suggested(&mail, Suggested::GivenName), by_subject("Anne-Marie"));
    assert_eq!(suggested(&mail, Suggested::BirthDate), by_subject("19781126"));
    assert_eq!(suggested(&mail, Suggested::DocumentType), by_subject("CR d'examens biologiques"));
    for nothing in ["URGENT rappeler Jean", "Votre patient", "", "RE: RDV du 3"] {
        assert_eq!(subject(nothing).suggestions, [], "{nothing}");
    }
}

#[test]
fn mail_without_archive_is_recognised_and_suggests() {
    let hprim = "1\r\nVIAL\r\nPaul\r\n\r\n\r\n\r\n26/11/1978\r\n178112\r\n9\r\n22/05/2026\r\nA Labo\r\nB Dr\r\ntexte\r\n****FIN****\r\n****FINFICHIER****\r\n";
    let zipped = |name: &str| {
        let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        out.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        out.finish().unwrap().into_inner()
    };
    let cda = document(SmallKind::LabReport, 1, patient()).content;
    let dicom = [vec![0; 128], b"DICM".to_vec()].concat();
    for (content, declared, kind, lies) in [
        (b"%PDF-1.4".to_vec(), "application/pdf", FileKind::Pdf, false),
        (b"%PDF-1.4".to_vec(), "image/png", FileKind::Pdf, true),
        (b"\xff\xd8\xff\xe0".to_vec(), "image/png", FileKind::Image, false),
        (b"<svg onload=x>".to_vec(), "image/png", FileKind::Svg, true),
        (b"MZ\x90".to_vec(), "application/pdf", FileKind::Program, true),
        (zipped("[Content_Types].xml"), "application/octet-stream", FileKind::Office, false),
        (zipped("photo.txt"), "application/zip", FileKind::Zip, false),
        (cda, "text/xml", FileKind::Cda, false),
        (hprim.as_bytes().to_vec(), "application/octet-stream", FileKind::Hprim, false),
        (dicom, "application/dicom", FileKind::Dicom, false),
        (b"x\x9f>\"..".to_vec(), "application/ms-tnef", FileKind::Tnef, false),
        (archive(), "application/octet-stream", FileKind::Xdm, false),
        (Vec::new(), "application/pdf", FileKind::Empty, false),
        (b"bonjour".to_vec(), "text/plain", FileKind::Text, false),
    ] {
        let mail = interpret(&attached(&format!("Content-Type: {declared}; name=f\r\n"), &content));
        let file = &mail.attachments[0];
        assert_eq!((file.kind, file.is_mislabelled(), &file.bytes), (kind, lies, &content), "{declared}");
        assert_eq!(mail.documents.len(), usize::from(matches!(kind, FileKind::Cda | FileKind::Xdm)));
        let unread = mail.problems.contains(&MailProblem::Tnef { position: 1 });
        assert_eq!(unread, kind == FileKind::Tnef, "{declared}");
    }
    let mail = interpret(&attached("Content-Type: text/plain; name=r.hpr\r\n", hprim.as_bytes()));
    assert_eq!(mail.hprim[0].0, Some(0));
    assert_eq!(suggested(&mail, Suggested::SocialSecurity), [("178112", Source::Hprim(0))]);
    assert_eq!(suggested(&mail, Suggested::BirthDate), [("19781126", Source::Hprim(0))]);
    let own = interpret(format!("Subject: r\r\n\r\n{hprim}").as_bytes());
    assert_eq!((own.hprim[0].0, own.hprim[0].1.reports[0].family.as_str()), (None, "VIAL"));
    let name = "Content-Type: application/pdf\r\nContent-Disposition: attachment;\r\n filename*0*=utf-8''20150802_CR%20d'anesth;\r\n filename*1*=%C3%A9sie_VIAL_Paul.pdf\r\n";
    let mail = interpret(&attached(name, b"%PDF-"));
    assert_eq!(suggested(&mail, Suggested::DocumentType), [("CR d'anesthésie", Source::FileName(0))]);
    assert_eq!(suggested(&mail, Suggested::FamilyName), [("VIAL", Source::FileName(0))]);
    let mail = interpret(
        "Subject: x\r\n\r\nVotre patient, né le 26/11/1978\r\nNom : VIAL, Prénom : Paul\r\n".as_bytes(),
    );
    assert_eq!(suggested(&mail, Suggested::BirthDate), [("19781126", Source::Text)]);
    assert_eq!(suggested(&mail, Suggested::GivenName), [("Paul", Source::Text)]);
}

#[test]
fn names_are_made_safe() {
    for (name, safe) in [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\temp\\\\a:b.pdf", "a-b.pdf"),
        ("CR\u{202e}fdp.exe", "CRfdp.exe"),
        ("...", "piece-jointe.pdf"),
        ("a|b?.pdf", "a-b-.pdf"),
    ] {
        let mail =
            interpret(&attached(&format!("Content-Type: application/pdf; name=\"{name}\"\r\n"), b"%PDF-"));
        assert_eq!(mail.attachments[0].safe_name(), safe, "{name}");
    }
}

#[test]
fn html_alone_still_has_words_and_attached_mails_their_documents() {
    let html = "Content-Type: text/html; charset=iso-8859-1\r\n\r\n<head><title>t</title></head><style>x{}</style><p>R\u{e9}sultats&nbsp;:<br>ok<script>bad()</script>";
    let bytes: Vec<u8> = html.chars().map(|c| c as u8).collect();
    let mail = interpret(&bytes);
    assert_eq!(mail.text, "Résultats\u{a0}:\nok");
    assert!(mail.html.unwrap().contains("bad()"));
    let inner = attached(&format!("{ZIP}IHE_XDM.zip\r\n"), &archive());
    let forwarded = [b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\nVoir\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n".as_slice(), &inner, b"\r\n--o--\r\n"].concat();
    let mail = interpret(&forwarded);
    assert_eq!((mail.text.trim(), mail.documents.len(), mail.documents[0].nested), ("Voir", 1, true));
    let kinds: Vec<(FileKind, bool)> = mail.attachments.iter().map(|file| (file.kind, file.nested)).collect();
    assert_eq!(kinds, [(FileKind::Mail, false), (FileKind::Xdm, true)]);
    assert_eq!(mail.attachments[0].bytes, inner);
    assert_eq!(mail.documents[0].attachment, 1);
    assert_eq!(carried(&forwarded), Carried::default());
}

#[test]
fn faults_are_named() {
    let cut = attached(&format!("{ZIP}IHE_XDM.zip\r\n"), &archive());
    let cut = &cut[..cut.len() / 2];
    let mail = interpret(cut);
    assert!(mail.problems.contains(&MailProblem::NotClosed));
    assert!(mail.problems.iter().any(|problem| matches!(problem, MailProblem::Archive { position: 1, .. })));
    let mail = interpret(b"Content-Type: multipart/mixed\r\n\r\nBonjour");
    assert_eq!((mail.problems.as_slice(), mail.text.as_str()), (&[MailProblem::NoBoundary][..], "Bonjour"));
    assert_eq!(interpret(b"").problems, [MailProblem::NoHeader]);
    let broken =
        b"Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0!\r\n";
    assert_eq!(interpret(broken).problems, [MailProblem::Transfer { position: 1 }]);
    let two = attached(&format!("{ZIP}IHE_XDM.zip\r\n"), &archive());
    let text = String::from_utf8(two).unwrap();
    let part = &text[text.find("--b\r\nContent-Type: application").unwrap()..text.find("--b--").unwrap()];
    assert!(
        interpret(text.replace(part, &part.repeat(2)).as_bytes())
            .problems
            .contains(&MailProblem::Archives { count: 2 })
    );
}

/// Bounds are wide: they tell linear from quadratic on a busy machine, without optimisation.
fn soon<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let out = run();
    assert!(start.elapsed() < Duration::from_secs(20), "{what}: {:?}", start.elapsed());
    out
}

#[test]
fn bombs_are_bounded() {
    let parts = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n",
        "--b\r\n\r\nx\r\n".repeat(10_000)
    );
    let mail = soon("parts", || interpret(parts.as_bytes()));
    assert!(mail.problems.contains(&MailProblem::TooManyParts { limit: 1_000 }) && mail.parts.len() == 1_000);
    let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(100_000);
    let mail = soon("attached mails", || interpret(nested.as_bytes()));
    assert!(mail.problems.contains(&MailProblem::TooDeep { limit: 20 }));
    soon("attached mails, carried", || carried(nested.as_bytes()));
    soon("attached mails, parent", || Parent::read(nested.as_bytes()));
    let nested: String = (0..20_000)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"))
        .collect();
    let mail = soon("multiparts", || interpret(nested.as_bytes()));
    assert!(mail.problems.contains(&MailProblem::TooDeep { limit: 20 }));
    let missing: String = (0..900)
        .map(|n| {
            format!(
                "--b\r\nContent-Type: multipart/mixed; boundary=never{n}\r\n\r\n{}\r\n",
                "--\r\n".repeat(200)
            )
        })
        .collect();
    let missing = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{missing}--b--");
    let mail = soon("missing boundaries", || interpret(missing.as_bytes()));
    assert!(mail.problems.contains(&MailProblem::NoBoundary));
    let heads = format!("Subject: a\r\n{}\r\nx", "X-Bomb: y\r\n".repeat(300_000));
    let mail = soon("fields", || interpret(heads.as_bytes()));
    assert!(mail.problems.contains(&MailProblem::Head) && mail.subject == "a");
    for field in [
        format!("Subject: {}", "=?a?B?".repeat(40_000)),
        format!("Subject: {}", "=?utf-8?Q?=C3?= ".repeat(15_000)),
        format!("To: {}", "\"".repeat(200_000)),
        format!("References: {}", "<a@x> ".repeat(40_000)),
        format!("Content-Type: text/plain; {}", "name*1*=%%;".repeat(20_000)),
    ] {
        soon("one field", || interpret(format!("{field}\r\n\r\nx").as_bytes()));
    }
    let stars = format!("Subject: a\r\n\r\n{}", "****FIN****\r\n".repeat(100_000));
    assert!(soon("hprim", || interpret(stars.as_bytes())).hprim[0].1.cut);
}

#[test]
fn a_general_reader_agrees_on_everyday_mails() {
    for (headers, body) in [
        (format!("{ZIP}IHE_XDM.zip\r\n"), archive()),
        ("Content-Type: application/pdf; name=\"=?utf-8?B?w6kucGRm?=\"\r\n".into(), b"%PDF-1.4\n\x00\xff".to_vec()),
        ("Content-Type: image/png\r\nContent-Disposition: attachment; filename*=utf-8''%C3%A9t%C3%A9.png\r\n".into(), vec![7; 1_000]),
    ] {
        let mail = with_head("Subject: =?iso-8859-1?Q?R=E9sultats?=\r\n", &attached(&headers, &body));
        let ours = interpret(&mail);
        let theirs = MessageParser::default().parse(&mail).unwrap();
        assert_eq!(Some(ours.subject.as_str()), theirs.subject());
        let part = theirs.attachments().next().unwrap();
        assert_eq!((ours.attachments[0].name.as_deref(), ours.attachments[0].bytes.as_slice()), (part.attachment_name(), part.contents()));
        assert_eq!(theirs.body_text(0).as_deref(), Some(ours.text.as_str()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn interpreting_never_panics(noise: Vec<u8>, at in 0usize..20_000, octet: u8, cut in 0usize..20_000,
        lines in proptest::collection::vec("(Content-Type: (multipart/mixed; boundary=b|message/rfc822|text/html|multipart/report; boundary=b)|--b(--)?|Subject: \\PC{0,30}|[A-Z][a-z-]{0,20}: \\PC{0,20}|\\PC{0,20}|)", 0..40))
    {
        let _ = interpret(&noise);
        let mut mail = attached(&format!("{ZIP}IHE_XDM.zip\r\n"), &archive());
        let length = mail.len();
        mail[at % length] = octet;
        let _ = interpret(&mail);
        let _ = interpret(&mail[cut % length..]);
        let read = interpret(lines.join("\r\n").as_bytes());
        prop_assert!(read.parts.len() <= lines.len() + 1);
        let _ = format!("{read:?}");
    }

    #[test]
    fn bytes_of_attachments_come_back(content: Vec<u8>) {
        let mail = interpret(&attached("Content-Type: application/octet-stream; name=f\r\n", &content));
        prop_assert_eq!(&mail.attachments[0].bytes, &content);
    }
}
