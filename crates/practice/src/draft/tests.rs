use super::*;

fn paris() -> TimeZone {
    crate::Setting::default().zone
}

#[test]
fn an_hour_without_offset_is_the_practice_s_own_and_days_are_its_days() {
    let time = |text| cda::Time::parse(text).unwrap();
    let at = |text| instant_of(&time(text), &paris()).unwrap().to_string();
    assert_eq!(at("20260701120000"), "2026-07-01T10:00:00Z");
    assert_eq!(at("20260101120000"), "2026-01-01T11:00:00Z");
    assert_eq!(at("20260101120000+0000"), "2026-01-01T12:00:00Z");
    let day = |text| day_of(&time(text), &paris());
    assert_eq!(day("20260331233000+0000").as_deref(), Some("2026-04-01"), "night in Paris (spec 07, L6)");
    assert_eq!(day("20260331").as_deref(), Some("2026-03-31"));
    assert_eq!(day("20260331233000").as_deref(), Some("2026-03-31"));
    assert_eq!((day("202603"), day("20261340"), day("20260230")), (None, None, None));
}

#[test]
fn identifiers_meet_whatever_the_case_of_a_uuid() {
    let id = |root: &str| identifier(&cda::Id::root(root));
    assert_eq!(id("AB12-cd34"), id("ab12-CD34"));
    assert_eq!(identifier(&cda::Id::new("1.2", "X")).as_deref(), Some("1.2^X"));
    assert_eq!(id(""), None);
}

#[test]
fn a_mail_of_nothing_is_still_a_row() {
    for bytes in [&b""[..], b"\r\n", b"\0\0\0", b"Subject: =?utf-8?q?a=00b?=\r\n\r\nx\0y\r\n"] {
        let draft = read(bytes, &mss::Settings::default(), &paris());
        assert_eq!(draft.documents.len(), 1, "{bytes:?}");
        let row = &draft.documents[0];
        assert_eq!(row.form, Form::Mail);
        assert!(!row.title.is_empty() && !row.title.contains('\0') && !draft.text.contains('\0'));
        assert_eq!(draft.provenance, Provenance::Unknown);
    }
}

#[test]
fn a_pdf_without_archive_is_to_be_filed_by_hand_and_a_report_of_delivery_is_no_work() {
    let mail = "From: Dr X <x@a.mssante.fr>\r\nSubject: Courrier DUPONT Marie 28/03/1979\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nBonjour\r\n--b\r\n\
        Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\n\
        %PDF-1.4 ...\r\n--b\r\nContent-Type: image/png; name=logo.png\r\n\
        Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n";
    let draft = read(mail.as_bytes(), &mss::Settings::default(), &paris());
    let rows: Vec<_> = draft.documents.iter().map(|row| (row.form, row.path.as_str())).collect();
    assert_eq!(rows, [(Form::Pdf, "a.pdf")], "the picture of a signature is no document");
    assert!(draft.documents[0].identity.ins().is_none());
    assert_eq!(draft.facts.files.len(), 2);
    let report = "From: MAILER-DAEMON@a.mssante.fr\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\
        Content-Type: text/plain\r\n\r\nfailed\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
        Reporting-MTA: dns; a\r\n\r\nFinal-Recipient: rfc822; y@b.mssante.fr\r\nAction: failed\r\nStatus: 5.1.1\r\n\
        --b--\r\n";
    let draft = read(report.as_bytes(), &mss::Settings::default(), &paris());
    assert_eq!((draft.documents.len(), draft.facts.report.as_deref()), (0, Some("dsn")));
}
