//! Receipts: what is written is read back equal, by our reader and by another; what others write is understood.

use std::process::Command;

use mss::*;
use proptest::prelude::*;

const ASKING: &str = "Return-Path: <bob@ch.mssante.fr>\r\nFrom: Bob <bob@ch.mssante.fr>\r\nTo: <lab@app.mssante.fr>\r\n\
    Message-ID: <m1@ch.mssante.fr>\r\nSubject: =?utf-8?Q?XDM/1.0/DDM+R=C3=A9sultats_VIAL_Paul?=\r\n\
    Disposition-Notification-To: <BOB@ch.mssante.fr>\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Transfer-Encoding: 8bit\r\n\r\nété\r\n--=_x\r\nFin\r\n";

fn answer(receipt: Receipt, original: &[u8]) -> Answer<'_> {
    Answer {
        from: Address::parse("lab@app.mssante.fr").unwrap(),
        label: Label::entity("Hôpital – Biologie"),
        nil: "2621".into(),
        receipt,
        date: "2026-11-23T09:05:00Z".parse().unwrap(),
        message_id: MessageId::parse("r1@app.mssante.fr").unwrap(),
        original,
    }
}

fn mdn(bytes: &[u8]) -> Mdn {
    match Report::read(bytes) {
        Some(Report::Mdn(mdn)) => mdn,
        other => panic!("{other:?}\n{}", String::from_utf8_lossy(bytes)),
    }
}

fn unknown_patient() -> IntegrationError {
    IntegrationError::known(902).unwrap()
}

#[test]
fn each_receipt_is_read_back_as_written() {
    for (receipt, disposition, manual, subject) in [
        (Receipt::Displayed, Disposition::Displayed, true, "Lu : Résultats VIAL Paul"),
        (Receipt::Processed, Disposition::Processed, false, "XDM/1.0/DDM+Résultats VIAL Paul"),
        (
            Receipt::Failed(unknown_patient()),
            Disposition::Processed,
            false,
            "[KO Intégration système !][902] XDM/1.0/DDM+Résultats VIAL Paul",
        ),
    ] {
        let written = answer(receipt.clone(), ASKING.as_bytes()).write().unwrap();
        assert!(written.null_sender);
        assert_eq!(written.to[0].as_str(), "BOB@ch.mssante.fr");
        let read = mdn(&written.bytes);
        assert_eq!((&read.disposition, read.manual, read.sent_manually), (&disposition, manual, manual));
        assert_eq!(read.original.message_id.as_ref().unwrap().as_str(), "m1@ch.mssante.fr");
        assert_eq!(read.original.subject.as_deref(), Some("XDM/1.0/DDM+Résultats VIAL Paul"));
        assert_eq!(read.final_recipient.as_ref().unwrap().as_str(), "lab@app.mssante.fr");
        assert_eq!(read.error.is_some(), matches!(receipt, Receipt::Failed(_)));
        assert_eq!(read.error.map(|error| error.code), matches!(receipt, Receipt::Failed(_)).then_some(902));
        let mail = interpret(&written.bytes);
        assert_eq!((mail.subject.as_str(), mail.problems.as_slice()), (subject, &[][..]));
        assert_eq!(mail.indicators.nil, ["2621"]);
        assert!(mail.receipt_request.is_none() && mail.documents.is_empty() && mail.attachments.is_empty());
        assert_eq!(mail.in_reply_to.unwrap().as_str(), "m1@ch.mssante.fr");
        let text = String::from_utf8(written.bytes.clone()).unwrap();
        assert_eq!(text.matches(ASKING).count(), 1, "the original once and whole:\n{text}");
        assert!(
            text.contains("report-type=\"disposition-notification\"")
                && text.contains("message_original.eml")
        );
        // Never a receipt for a receipt.
        let again = answer(Receipt::Displayed, &written.bytes).write();
        assert_eq!(again, Err(AnswerError::ForReport));
    }
}

#[test]
fn a_person_has_to_agree_where_the_receipt_would_go_elsewhere() {
    for (from, to, reserve) in [
        ("Return-Path: <bob@ch.mssante.fr>\r\n", "", Reserve::NoReturnPath),
        ("Return-Path: <bob@", "Return-Path: <eve@", Reserve::OtherReturnPath),
        ("To: <BOB@ch.mssante.fr>", "To: <bob@ch.mssante.fr>, eve@x.fr", Reserve::SeveralAddresses),
        (
            "Message-ID:",
            "Disposition-Notification-Options: x=required,y\r\nMessage-ID:",
            Reserve::RequiredOption,
        ),
    ] {
        let mail = ASKING.replacen(from, to, 1);
        let request = MdnRequest::read(mail.as_bytes()).unwrap();
        assert_eq!(request.reserves, [reserve], "{mail}");
        assert_eq!(answer(Receipt::Processed, mail.as_bytes()).write(), Err(AnswerError::NotByItself));
        assert!(answer(Receipt::Displayed, mail.as_bytes()).write().is_ok());
        let told = answer(Receipt::Failed(unknown_patient()), mail.as_bytes()).write().unwrap();
        assert!(!told.null_sender, "an error is told as an ordinary mail");
    }
    assert!(MdnRequest::read(ASKING.as_bytes()).unwrap().may_be_automatic());
    let nobody = ASKING.replacen("<bob@ch.mssante.fr>", "<>", 1);
    assert_eq!(MdnRequest::read(nobody.as_bytes()), None);
    let silent = ASKING.replacen("Disposition-Notification-To", "X-Nothing", 1);
    assert_eq!(answer(Receipt::Processed, silent.as_bytes()).write(), Err(AnswerError::NotAsked));
    let told = answer(Receipt::Failed(unknown_patient()), silent.as_bytes()).write().unwrap();
    assert_eq!((told.null_sender, told.to[0].as_str()), (false, "bob@ch.mssante.fr"));
    let read = mdn(&told.bytes);
    assert_eq!((read.formal, read.error.unwrap().code), (false, 902));
    assert_eq!(read.original.message_id.unwrap().as_str(), "m1@ch.mssante.fr");
    let mut hostile = answer(Receipt::Displayed, ASKING.as_bytes());
    hostile.nil = "1\r\nBcc: e@x.fr".into();
    assert!(matches!(hostile.write(), Err(AnswerError::Header(_))));
}

fn report(kind: &str, fields: &str, third: &str) -> Vec<u8> {
    format!(
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@x.fr\r\nSubject: Rapport\r\nIn-Reply-To: <m0@x.fr>\r\nContent-Type: MULTIPART/Report;\r\n\
         \tboundary=b; report-type={kind}\r\n\r\n--b\r\n\r\nBonjour\r\n--b\r\nContent-Type: message/{kind}\r\n\r\n{fields}\r\n--b\r\n{third}\r\n--b--\r\n"
    )
    .into_bytes()
}

#[test]
fn receipts_of_every_make_are_read() {
    let ans = "Final-Recipient: rfc822;lab@app.mssante.fr\r\nOriginal-Message-ID:\r\n <m1@x.fr>\r\n";
    for (disposition, expected, code) in [
        ("manual-action/MDN-sent-manually; displayed", Disposition::Displayed, None),
        ("Automatic-Action / mdn-sent-automatically ;PROCESSED", Disposition::Processed, None),
        (
            "automatic-action/MDN-sent-automatically; processed/Error: 904^INS différente",
            Disposition::Processed,
            Some(904),
        ),
        (
            "automatic-action/MDN-sent-automatically; processed/error\r\nError: 905^incomplet",
            Disposition::Processed,
            Some(905),
        ),
        ("manual-action/MDN-sent-manually; deleted", Disposition::Deleted, None),
        ("manual-action/MDN-sent-manually; mangled", Disposition::Other("mangled".into()), None),
        ("", Disposition::Other(String::new()), None),
    ] {
        let read =
            mdn(&report("disposition-notification", &format!("{ans}Disposition: {disposition}\r\n"), "\r\n"));
        assert_eq!((read.disposition, read.error.map(|error| error.code)), (expected, code), "{disposition}");
        assert_eq!(read.original.message_id.unwrap().as_str(), "m1@x.fr");
    }
    let bare = mdn(&report(
        "disposition-notification",
        "Disposition: x; displayed\r\n",
        "Content-Type: message/rfc822\r\n\r\nMessage-ID: <m2@x.fr>\r\n\r\n",
    ));
    assert_eq!(bare.original.message_id.unwrap().as_str(), "m2@x.fr");
    let none = mdn(&report("disposition-notification", "Disposition: x; displayed\r\n", "\r\n"));
    assert_eq!(none.original.message_id.unwrap().as_str(), "m0@x.fr");
    for subject in [
        "[KO Intégration système !][902] XDM/1.0/DDM+A",
        "[Erreur d'intégration !][902] A",
        "[ko integration systeme ! ] [902^inconnu]",
    ] {
        let read = mdn(format!("Subject: {subject}\r\n\r\nx").as_bytes());
        assert_eq!((read.formal, read.error.unwrap().code), (false, 902), "{subject}");
    }
    assert_eq!(Report::read(b"Subject: [KO Integration] sans code\r\n\r\n"), None);
}

#[test]
fn a_delivery_is_asked_for_and_its_report_read() {
    let id = MessageId::parse("a+b=c@x.fr").unwrap();
    let request = DsnRequest::new(&id);
    assert_eq!(request.mail_parameters(), " RET=HDRS ENVID=a+2Bb+3Dc@x.fr");
    let address = Address::parse("résultat@ch.mssante.fr").unwrap();
    assert_eq!(
        request.recipient_parameters(&address),
        " NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=utf-8;r\\x{E9}sultat@ch.mssante.fr"
    );
    let fields = "Reporting-MTA: dns; mx.x.fr\r\nOriginal-Envelope-Id: a+2Bb+3Dc@x.fr\r\n\r\n\
        Original-Recipient: utf-8;r\\x{E9}sultat@ch.mssante.fr\r\nFinal-Recipient: rfc822; <b@x.fr>\r\nAction: delivered\r\nStatus: 2.0.0\r\n\r\n\
        Final-Recipient: rfc822;c@x.fr\r\nAction: failed (mailbox full)\r\nStatus: 5.3.4 (too big)\r\nDiagnostic-Code: smtp; 552 no\r\n";
    let headers = "Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <a+b=c@x.fr>\r\nSubject: =?utf-8?Q?=C3=A9?=\r\nTo: c@x.fr\r\n";
    let Some(Report::Dsn(read)) = Report::read(&report("delivery-status", fields, headers)) else { panic!() };
    assert_eq!(read.original.message_id, Some(id));
    assert_eq!((read.original.subject.as_deref(), read.reporter.as_deref()), (Some("é"), Some("mx.x.fr")));
    assert_eq!(read.deliveries[0].recipient, Some(address));
    assert_eq!(
        (&read.deliveries[0].action, read.deliveries[0].status),
        (&DeliveryAction::Delivered, Some((2, 0, 0)))
    );
    assert_eq!(
        (&read.deliveries[1].action, read.deliveries[1].diagnostic.as_str()),
        (&DeliveryAction::Failed, "552 no")
    );
    let bounce = read.bounce.unwrap();
    assert_eq!((bounce.cause, bounce.clue), (BounceCause::TooLarge, Clue::Status(5, 3, 4)));
    assert_eq!(bounce.recipient.unwrap().as_str(), "c@x.fr");
}

#[test]
fn bounces_are_classified_by_fields_then_by_words() {
    for (status, words, expected) in [
        ("5.1.1", "fermée", BounceCause::NotFound),
        ("5.1.10", "", BounceCause::NotFound),
        ("5.1.3", "", BounceCause::InvalidAddress),
        ("5.2.1", "", BounceCause::Closed),
        ("5.2.3", "", BounceCause::TooLarge),
        ("5.0.0", "La messagerie du patient est clôturée", BounceCause::Closed),
        ("5.0.0", "Patient non trouvé", BounceCause::NotFound),
        ("5.0.0", "L'adresse est invalide", BounceCause::InvalidAddress),
        ("5.0.0", "dépasse 25 Mo", BounceCause::TooLarge),
        ("odd", "mystère", BounceCause::Other),
    ] {
        let fields = format!(
            "Reporting-MTA: dns;x\r\n\r\nFinal-Recipient: rfc822;p@x.fr\r\nAction: failed\r\nStatus: {status}\r\n"
        );
        let mail = report("delivery-status", &fields, "\r\n");
        let mail = String::from_utf8(mail).unwrap().replace("Bonjour", words);
        let found = Report::read(mail.as_bytes()).unwrap();
        assert_eq!(found.bounce().unwrap().cause, expected, "{status} {words}");
    }
    let bounce = "From: Postmaster <postmaster@patient.mssante.fr>\r\nSubject: =?utf-8?Q?Message_non_distribu=C3=A9_:_x?=\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\r\nMessagerie fermée";
    let mail = interpret(bounce.as_bytes());
    assert_eq!(mail.report.unwrap().bounce().unwrap().cause, BounceCause::Closed);
    assert_eq!(mail.sender, Sender::Operator);
    let colleague = bounce.replace("postmaster@patient.mssante.fr", "bob@ch.mssante.fr");
    assert_eq!(Report::read(colleague.as_bytes()), None, "a colleague's mail with such a subject is none");
    let delayed = report(
        "delivery-status",
        "Reporting-MTA: dns;x\r\n\r\nFinal-Recipient: rfc822;p@x.fr\r\nAction: delayed\r\nStatus: 4.2.2\r\n",
        "",
    );
    assert_eq!(Report::read(&delayed).unwrap().bounce(), None);
}

#[test]
fn another_reader_sees_the_same_receipt() {
    let written = answer(Receipt::Failed(unknown_patient()), ASKING.as_bytes()).write().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &written.bytes).unwrap();
    let script = "import sys,email,email.policy\n\
        m=email.message_from_binary_file(open(sys.argv[1],'rb'),policy=email.policy.default)\n\
        a,b,c=m.get_payload()\n\
        f=b.get_payload()[0]\n\
        assert not m.defects and not any(p.defects for p in m.walk())\n\
        sys.stdout.buffer.write('|'.join([m.get_content_type(),m.get_param('report-type'),str(m['subject']),a.get_content_type(),\
        b.get_content_type(),f['Original-Message-ID'],f['Disposition'],f['Error'],c.get_content_type(),c.get_filename(),\
        c.get_payload()[0]['Message-ID']]).encode())";
    match Command::new("python3").args(["-c", script]).arg(file.path()).output() {
        Ok(out) => {
            assert!(
                out.status.success(),
                "{}\n{}",
                String::from_utf8_lossy(&out.stderr),
                String::from_utf8_lossy(&written.bytes)
            );
            assert_eq!(
                String::from_utf8(out.stdout).unwrap(),
                "multipart/report|disposition-notification|[KO Intégration système !][902] XDM/1.0/DDM+Résultats VIAL Paul|\
                 text/plain|message/disposition-notification|<m1@ch.mssante.fr>|\
                 automatic-action/MDN-sent-automatically; processed/Error: 902^Identifiant patient inconnu|\
                 902^Identifiant patient inconnu|message/rfc822|message_original.eml|<m1@ch.mssante.fr>"
            );
        }
        Err(error) => eprintln!("SKIP python3: {error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_error_and_any_original_come_back(code in 100u16..1_000, label in "[A-Za-z é^\r\n/;:]{0,40}", body in "(\\PC|\r\n|--=_){0,60}") {
        let label = if label.trim().is_empty() { "x".to_owned() } else { label };
        let original = ASKING.replace("Fin", &body);
        let receipt = Receipt::Failed(IntegrationError { code, label });
        let written = answer(receipt, original.as_bytes()).write().unwrap();
        let read = mdn(&written.bytes);
        prop_assert_eq!(read.error.unwrap().code, code);
        prop_assert_eq!(read.original.message_id.unwrap().as_str().to_owned(), "m1@ch.mssante.fr");
        prop_assert!(interpret(&written.bytes).indicators.mes.is_empty());
    }

    #[test]
    fn reading_reports_never_panics(fields in "([A-Za-z-]{1,12}: \\PC{0,30}\r\n|\r\n|Status: [0-9.]{0,8}\r\n|Action: [a-z]{0,8}\r\n|Disposition: [a-z/;:^0-9]{0,30}\r\n){0,12}", noise: Vec<u8>) {
        for kind in ["delivery-status", "disposition-notification"] {
            let _ = Report::read(&report(kind, &fields, "Content-Type: message/rfc822\r\n"));
        }
        let _ = Report::read(&noise);
        let _ = answer(Receipt::Displayed, &noise).write();
    }
}
