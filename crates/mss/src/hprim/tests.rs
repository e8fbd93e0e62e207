use proptest::prelude::*;

use super::*;

const HEADER: &str = "0000129610\r\nESSAI\r\nÉloïse\r\n12 RUE DES LILAS   \r\n\r\n62580 BAILLEUL\r\n18/12/2009\r\n\
    2 09 12 62 041 123 75\r\n    506232\r\n22/05/2013\r\n         C LABORATOIRE\r\n     DOCDOC Dr MARTIN\r\n";

const RESULTS: &str = "****LAB****\r\nTEX|Num&eacute;ration|\r\nRES||IGET 005|A\r\n\
    RES|Hémoglobine|HB|N|11,2|g/dL|12,0|16.0||F|112|g/L|120|160\r\nRES|Sodium|NA|N|139|mmol/L|135|145|N|F\r\n\
    RES|Potassium|K|N|4,0|mmol/L|3,5|4,5|HH|F\r\nRES|CRP|CRP|A|<5|mg/L\r\nRES|Groupe|GR|A|A positif\r\nPied de page\r\n";

fn file() -> String {
    format!(
        "{HEADER}Bonjour,<br>\r\nr&eacute;sultat &lt; 5\r\n{RESULTS}****FIN****\r\n****FINFICHIER****\r\n"
    )
}

fn only(bytes: &[u8]) -> HprimReport {
    let mut file = read_hprim(bytes).unwrap();
    assert_eq!(file.reports.len(), 1);
    file.reports.remove(0)
}

#[test]
fn the_header_block_is_read_line_by_line() {
    let report = only(file().as_bytes());
    assert_eq!((report.patient_number.as_str(), report.family.as_str()), ("0000129610", "ESSAI"));
    assert_eq!((report.given.as_str(), report.social_security.as_str()), ("Éloïse", "209126204112375"));
    assert_eq!(report.birth_date.and_then(BirthDate::french).as_deref(), Some("18/12/2009"));
    assert_eq!((report.report_number.as_str(), report.date.unwrap().hl7()), ("506232", "20130522".into()));
    assert_eq!(report.address, ["12 RUE DES LILAS", "62580 BAILLEUL"]);
    assert_eq!((report.sender.code.as_str(), report.sender.label.as_str()), ("C", "LABORATOIRE"));
    assert_eq!((report.recipient.code.as_str(), report.recipient.label.as_str()), ("DOCDOC", "Dr MARTIN"));
    assert_eq!(report.text, "Bonjour,\nrésultat < 5\n");
    assert!(report.closed && !report.century_guessed);
    assert!(!format!("{report:?}").contains("ESSAI"));
}

#[test]
fn results_keep_the_laboratory_s_word_over_ours() {
    let report = only(file().as_bytes());
    assert_eq!(report.lines[0], HprimLine::Text("Numération".into()));
    assert_eq!(report.lines[1], HprimLine::Title("IGET 005".into()));
    assert_eq!(report.lines.last(), Some(&HprimLine::Text("Pied de page".into())));
    let found: Vec<_> = report.results().map(|result| (result.code.as_str(), result.level())).collect();
    let expected = [
        ("HB", Some((Level::Low, Judged::ByRange))),
        ("NA", Some((Level::Normal, Judged::ByLaboratory))),
        ("K", Some((Level::CriticallyHigh, Judged::ByLaboratory))),
        ("CRP", None),
        ("GR", None),
    ];
    assert_eq!(found, expected);
    let first = report.results().next().unwrap();
    assert_eq!((first.kind, first.number, first.unit.as_str()), (HprimKind::Number, Some(11.2), "g/dL"));
    assert_eq!(first.second.as_ref().unwrap().0, "112");
}

#[test]
fn every_encoding_and_line_end_gives_the_same_report() {
    let expected = only(file().as_bytes());
    let latin: Vec<u8> = file().chars().map(|c| c as u8).collect();
    let wide: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(file().encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let marked = [b"\xef\xbb\xbf".as_slice(), file().as_bytes()].concat();
    for bytes in
        [latin, wide, marked, file().replace("\r\n", "\n").into(), file().replace("\r\n", "\r").into()]
    {
        assert_eq!(only(&bytes), expected);
    }
}

#[test]
fn several_reports_are_several_patients_and_a_cut_one_is_told() {
    let two = format!(
        "{HEADER}un\r\n****FIN****\r\n\r\n\r\n{}deux\r\n****FIN****\r\n****FINFICHIER****\r\n",
        HEADER.replace("ESSAI", "AUTRE")
    );
    let read = read_hprim(two.as_bytes()).unwrap();
    let names: Vec<&str> = read.reports.iter().map(|report| report.family.as_str()).collect();
    assert_eq!((names, read.closed), (vec!["ESSAI", "AUTRE"], true));
    let nameless = HEADER.replace("0000129610", "");
    let two = format!("{HEADER}un\r\n****FIN****\r\n{nameless}deux\r\n****FIN****\r\n");
    let read = read_hprim(two.as_bytes()).unwrap();
    assert_eq!((read.reports[1].family.as_str(), read.reports[1].patient_number.as_str()), ("ESSAI", ""));
    let cut = format!("{HEADER}un\r\n****LAB****\r\nRES|A|B");
    let read = read_hprim(cut.as_bytes()).unwrap();
    assert_eq!((read.closed, read.reports[0].closed, read.reports[0].lines.len()), (false, false, 1));
    assert_eq!(read_hprim(b"Bonjour,\r\nvoici ** FIN ** de la lettre\r\n"), None);
    let many = format!("{HEADER}****FIN****\n").repeat(3_000);
    let read = read_hprim(many.as_bytes()).unwrap();
    assert_eq!((read.reports.len(), read.cut), (MailLimits::default().hprim, true));
}

#[test]
fn dates_of_every_make() {
    let report = BirthDate::parse("20130522");
    for (text, expected) in [
        ("18/12/2009", Some(("20091218", false))),
        ("18122009", Some(("20091218", false))),
        ("1-2-1962", Some(("19620201", false))),
        ("18/12/09", Some(("20091218", true))),
        ("18/12/62", Some(("19621218", true))),
        ("181213", Some(("19131218", true))),
        ("32/12/2009", None),
        ("18/13/2009", None),
        ("18/12/0009", None),
        ("", None),
        ("é8122009", None),
    ] {
        let found = date(text, report).map(|(date, guessed)| (date.hl7(), guessed));
        assert_eq!(found, expected.map(|(date, guessed)| (date.to_owned(), guessed)), "{text}");
    }
    assert_eq!(date("18/12/62", None), None, "no century without a report date");
}

proptest! {
    #[test]
    fn nothing_panics(bytes: Vec<u8>, lines in proptest::collection::vec("(\\*\\*\\*\\*(LAB|FIN|FINFICHIER)\\*\\*\\*\\*|(RES|TEX)[|a-z0-9,.<&;]{0,30}|\\PC{0,20})", 0..40)) {
        let _ = read_hprim(&bytes);
        let text = lines.join("\n");
        if let Some(read) = read_hprim(text.as_bytes()) {
            for report in &read.reports {
                let _ = report.results().map(HprimResult::level).count();
            }
        }
    }
}
