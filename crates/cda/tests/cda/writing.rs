//! What is written of every kind, read back and held against the schema.

use cda::lab::{Bound, Isolate, Laboratory, OBSERVATION_INTERPRETATION, Observation, Previous, Range, Value};
use cda::{
    Block, Body, Code, Draft, Id, LOINC, LabEntry, Level, Sample, SectionDraft, Time, read, read_header,
    read_whole, write,
};
use ins::Identity;
use kernel::Timestamp;
use proptest::prelude::*;

use super::{patient, valid};

pub(super) fn time() -> Timestamp {
    "2026-11-23T09:05:00Z".parse().unwrap()
}

/// The laboratory that a draft's sections hold, as a reader should find it.
fn expected(sections: &[SectionDraft]) -> Laboratory {
    let mut found = Laboratory::default();
    for section in sections {
        for entry in &section.entries {
            let mut add = |result: &Observation, battery: Option<&str>, isolate, is_antibiogram| {
                let label = Some(result.label.as_str()).filter(|label| !label.is_empty());
                let others = result.code.as_ref().map(|code| code.display_name.as_str());
                found.results.push(Observation {
                    label: label.or(others).unwrap_or_default().to_owned(),
                    sections: vec![section.title.clone()],
                    battery: battery.map(str::to_owned),
                    isolate,
                    is_antibiogram,
                    ..result.clone()
                });
                found.results.len() - 1
            };
            match entry {
                LabEntry::Result(result) => {
                    add(result, None, None, false);
                }
                LabEntry::Battery { name, results, .. } => {
                    for result in results {
                        add(result, Some(name), None, false);
                    }
                }
                LabEntry::Isolate { germ, name, results, antibiogram } => {
                    let isolate = found.isolates.len();
                    let mut indices: Vec<usize> =
                        results.iter().map(|result| add(result, None, Some(isolate), false)).collect();
                    let lines = antibiogram.iter();
                    indices.extend(lines.map(|line| add(line, Some("Antibiogramme"), Some(isolate), true)));
                    found.isolates.push(Isolate {
                        code: Some(germ.clone()),
                        label: name.clone(),
                        results: indices,
                    });
                }
            }
        }
        let mut inner = expected(&section.sections);
        assert!(inner.results.is_empty(), "results of inner sections are not asked for here");
        found.isolates.append(&mut inner.isolates);
    }
    found
}

fn sections(draft: &Draft) -> &[SectionDraft] {
    match &draft.body {
        Body::Text { sections, .. } => sections,
        Body::Pdf(_) => &[],
    }
}

#[test]
fn every_kind_is_valid_and_read_back() {
    for sample in Sample::ALL {
        let draft = sample.draft("2.25.77", patient(), time());
        let bytes = write(&draft);
        assert_eq!(bytes, write(&draft), "{sample:?}: the same bytes each time");
        valid(&bytes);
        let whole = read_whole(&bytes).unwrap();
        let header = &whole.header;
        assert!(header.problems.is_empty(), "{sample:?}: {:?}", header.problems);
        assert_eq!(header.code, Some(sample.code()));
        assert_eq!((&header.patient, &header.authors[0]), (&draft.patient, &draft.author));
        assert_eq!(header.patient.qualified(), Ok(()));
        assert_eq!(header.effective_time.as_ref().unwrap().timestamp(), Some(time()));
        assert_eq!(header.acts[0].stop.as_ref().unwrap().timestamp(), Some(time()));
        assert_eq!(header.level == Level::N1, sample == Sample::PdfLetter);
        assert_eq!(header.body.is_some(), sample == Sample::PdfLetter);
        // CI-SIS's model of the laboratory report wants a copy in PDF.
        assert_eq!(header.copy.is_some(), whole.is_laboratory_report());
        assert!(header.templates.len() >= 3, "{sample:?}: a model of its own");
        for template in &draft.templates {
            assert!(header.templates.contains(template));
        }
        assert_eq!(whole.laboratory, expected(sections(&draft)), "{sample:?}");
        let text = cda::text::plain(&whole);
        assert!(text.contains("sans valeur médicale") || sample == Sample::PdfLetter, "{text}");
    }
}

#[test]
fn results_are_of_the_kind_that_the_sample_says() {
    let results =
        |sample: Sample| read_whole(&write(&sample.draft("2.25.1", patient(), time()))).unwrap().laboratory;
    let normal = results(Sample::NormalResults);
    assert!(!normal.results.is_empty() && normal.results.iter().all(|result| !result.is_abnormal()));
    assert_eq!(normal.results[1].previous.len(), 1);
    let abnormal = results(Sample::AbnormalResults);
    assert_eq!(
        (abnormal.results.iter().filter(|r| r.is_abnormal()).count(), abnormal.critical().count()),
        (4, 0)
    );
    assert_eq!(abnormal.results[4].battery.as_deref(), Some("Bilan lipidique"));
    let critical = results(Sample::CriticalResults);
    let codes: Vec<&str> = critical
        .critical()
        .flat_map(|result| &result.interpretations)
        .map(|code| code.code.as_str())
        .collect();
    assert_eq!(codes, ["HH", "LL", "AA"]);
    assert!(critical.results.iter().any(|result| !result.is_abnormal()));
    let germs = results(Sample::Microbiology);
    assert_eq!((germs.isolates.len(), germs.isolates[0].label.as_str()), (1, "Escherichia coli"));
    assert_eq!(germs.results.iter().filter(|result| result.is_antibiogram).count(), 3);
}

#[test]
fn a_person_reads_what_a_program_reads() {
    let text = |sample: Sample| {
        cda::text::plain(&read_whole(&write(&sample.draft("2.25.1", patient(), time()))).unwrap())
    };
    let critical = text(Sample::CriticalResults);
    for said in [
        "Potassium",
        "7,1 mmol/L",
        "3,5 – 5,1 mmol/L",
        "alerte : très élevé",
        "4,4 mmol/L (12/09/2025 à 08:15)",
        "Troponine I : Résultat transmis par téléphone",
        "RÉSULTAT CRITIQUE : Potassium",
    ] {
        assert!(critical.contains(said), "{said} in {critical}");
    }
    assert!(text(Sample::Microbiology).contains("Antibiogramme"));
    assert!(text(Sample::Prescription).contains("Ramipril 5 mg, comprimé | 1 comprimé le matin | 3 mois"));
    assert!(text(Sample::ImagingReport).contains("Lithiase vésiculaire non compliquée."));
    assert!(text(Sample::DischargeLetter).contains("- Consultation du médecin traitant"));
}

#[test]
fn a_copy_in_pdf_is_found_and_a_next_version_replaces() {
    let first = Sample::CriticalResults.draft("2.25.1", patient(), time());
    let mut second = first.next_version("2.25.2");
    let file = cda::plain_pdf(&["Copie (été)"]);
    if let Body::Text { copy, .. } = &mut second.body {
        *copy = Some(file.clone());
    }
    let bytes = write(&second);
    valid(&bytes);
    let whole = read_whole(&bytes).unwrap();
    assert_eq!(whole.header.pdf(), Some(file.as_slice()));
    assert_eq!(whole.pdf().map(|pdf| pdf.is_as_declared()), Some(true));
    let header = &whole.header;
    assert_eq!(
        (header.id.clone(), header.replaces.clone()),
        (Some(Id::root("2.25.2")), Some(Id::root("2.25.1")))
    );
    assert_eq!((header.set_id.clone(), header.version), (Some(Id::root("2.25.1")), Some(2)));
    let pdf = second.at_level_1(file.clone());
    let read = read(&write(&pdf)).unwrap();
    assert_eq!((read.level, read.pdf(), read.version), (Level::N1, Some(file.as_slice()), Some(2)));
    valid(&write(&pdf));
}

#[test]
fn the_header_alone_is_the_header_of_the_whole() {
    let Some(corpus) = super::corpus() else { return };
    let mut seen = 0;
    for folder in ["cda", "lifecycle"] {
        for entry in std::fs::read_dir(corpus.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|end| end != "xml") {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let mut expected = read(&bytes).unwrap();
            (expected.body, expected.copy) = (None, None);
            assert_eq!(read_header(&bytes).unwrap(), expected, "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 76, "{seen} documents only");
}

#[test]
fn a_header_is_read_from_the_beginning_of_a_document_alone() {
    for sample in Sample::ALL {
        let bytes = write(&sample.draft("2.25.1", patient(), time()));
        let mut expected = read(&bytes).unwrap();
        (expected.body, expected.copy) = (None, None);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let body =
            ["<structuredBody>", "<nonXMLBody>"].iter().find_map(|tag| Some(text.find(tag)? + tag.len()));
        let start = &bytes[..body.unwrap()];
        assert_eq!(read_header(start).unwrap(), expected);
        // What follows is not looked at: not even whether it is text.
        assert_eq!(read_header(&[start, b"\xff <<< &nbsp;"].concat()).unwrap(), expected);
        let utf16: Vec<u8> =
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(read_header(&utf16).unwrap(), expected);
        assert!(matches!(read_header(&bytes[..start.len() / 2]), Err(cda::Error::Xml { .. })));
    }
}

#[test]
fn what_only_looks_like_a_body_is_no_end_of_the_header() {
    let id = "<id root='1.2'/>";
    let body = "<component><nonXMLBody><text>x</text></nonXMLBody></component>";
    for before in [
        "<!-- <component><structuredBody/> -->",
        "<?p <component> ?>",
        "<x:component xmlns:x='urn:x'><x:structuredBody/></x:component>",
        "<component xmlns='urn:x'><structuredBody/></component>",
        "<title a='>&lt;component>'><![CDATA[<component>]]></title>",
        "<author><component><structuredBody/></component></author>",
    ] {
        let text = format!("<ClinicalDocument xmlns='urn:hl7-org:v3'>{before}{id}{body}</ClinicalDocument>");
        let header = read_header(text.as_bytes()).unwrap();
        assert_eq!((header.id, header.level), (Some(Id::root("1.2")), Level::N1), "{before}");
        assert!(header.problems.is_empty(), "{before}: {:?}", header.problems);
    }
    for (empty, problems) in [("<component/>", 1), ("<component> </component>", 1), ("", 1)] {
        let text = format!("<ClinicalDocument xmlns='urn:hl7-org:v3'>{id}{empty}</ClinicalDocument>");
        let header = read_header(text.as_bytes()).unwrap();
        assert_eq!(header.problems.len(), problems, "{empty}");
        assert_eq!(header, read(text.as_bytes()).unwrap());
    }
    let bomb = "<!DOCTYPE a [<!ENTITY b 'c'>]><ClinicalDocument xmlns='urn:hl7-org:v3'><component/>";
    assert_eq!(read_header(bomb.as_bytes()).unwrap_err(), cda::Error::DocumentType);
    let deep = format!("<ClinicalDocument xmlns='urn:hl7-org:v3'>{}", "<a>".repeat(200_000));
    assert!(matches!(read_header(deep.as_bytes()), Err(cda::Error::Shape { .. })));
    assert!(matches!(read_header(b"<svg><component/></svg>"), Err(cda::Error::NotCda { .. })));
}

/// A text of a document, with all that markup is made of; words, because blanks are folded when it is read.
fn words() -> impl Strategy<Value = String> {
    prop::collection::vec("[A-Za-zÀ-ÿœŒ<>&\"'’;/=\\-\\]\\[!{}😀]{1,9}", 1..4)
        .prop_map(|words| words.join(" "))
}

fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,4})(\\.[0-9]{1,3})?"
}

fn bound() -> impl Strategy<Value = Option<Bound>> {
    let unit = prop::sample::select(vec!["", "mmol/L", "m[IU]/L", "10*9/L"]);
    prop::option::of((number(), unit, any::<bool>()).prop_map(|(value, unit, inclusive)| Bound {
        value,
        unit: unit.into(),
        inclusive,
    }))
}

fn value() -> impl Strategy<Value = Value> {
    let quantity = || {
        let unit = prop::sample::select(vec!["", "g/L", "umol/L", "/mL", "%"]);
        (number(), unit).prop_map(|(value, unit)| Value::Quantity { value, unit: unit.into() })
    };
    prop_oneof![
        quantity(),
        (bound(), bound())
            .prop_filter("an interval has a bound", |(low, high)| low.is_some() || high.is_some())
            .prop_map(|(low, high)| Value::Interval { low, high }),
        (prop::option::of(words()), words()).prop_map(|(label, text)| Value::Coded {
            code: label.map(|label| Code::new("260385009", "2.16.840.1.113883.6.96", label)),
            text,
        }),
        (quantity(), quantity()).prop_map(|(above, below)| Value::Ratio {
            numerator: Box::new(above),
            denominator: Box::new(below),
        }),
        words().prop_map(Value::Text),
        any::<bool>().prop_map(Value::Truth),
        Just(Value::Point(Time::parse("20260105").unwrap())),
        Just(Value::Missing("NAV".into())),
    ]
}

fn result() -> impl Strategy<Value = Observation> {
    let said = prop::sample::select(vec!["N", "H", "L", "HH", "LL", "AA", "POS", "<", ">"]);
    let range = (bound(), bound(), prop::option::of(words())).prop_filter_map(
        "a range says something",
        |(low, high, text)| {
            let said = low.is_some() || high.is_some() || text.is_some();
            said.then_some(Range { low, high, text, interpretation: None })
        },
    );
    let earlier =
        value().prop_map(|value| Previous { time: Time::parse("202512010815+0100"), values: vec![value] });
    (
        words(),
        prop::option::of(words()),
        prop::collection::vec(value(), 0..3),
        prop::collection::vec(said, 0..2),
        prop::collection::vec(range, 0..3),
        prop::collection::vec(earlier, 0..3),
        prop::collection::vec(words(), 0..2),
        any::<bool>(),
    )
        .prop_map(|(label, display, values, said, ranges, previous, comments, timed)| Observation {
            code: display.map(|display| Code::new("2823-3", LOINC, display)),
            label,
            values,
            interpretations: said
                .iter()
                .map(|code| Code::new(*code, OBSERVATION_INTERPRETATION, ""))
                .collect(),
            ranges,
            time: timed.then(|| Time::parse("20260105091500+0100").unwrap()),
            status: timed.then(|| "completed".into()),
            method: timed.then(|| Code::new("m", "1.2.3", "Méthode")),
            comments,
            previous,
            ..Observation::default()
        })
}

fn entry() -> impl Strategy<Value = LabEntry> {
    let many = || prop::collection::vec(result(), 0..3);
    prop_oneof![
        result().prop_map(LabEntry::from),
        (words(), many()).prop_map(|(name, results)| LabEntry::Battery { name, code: None, results }),
        (words(), many(), many()).prop_map(|(name, results, antibiogram)| LabEntry::Isolate {
            germ: Code::new("112283007", "2.16.840.1.113883.6.96", "Escherichia coli (organism)"),
            name,
            results,
            antibiogram,
        }),
    ]
}

/// What XML cannot hold becomes a blank, and blanks are folded.
fn folded(text: &str) -> String {
    let kept = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    let cleaned: String = text.chars().map(|c| if kept(c) { c } else { ' ' }).collect();
    cleaned.split_whitespace().collect::<Vec<_>>().join(" ")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn prop_results_are_read_back_as_they_were(title in words(), entries in prop::collection::vec(entry(), 0..5)) {
        let mut draft = Sample::NormalResults.draft("2.25.1", patient(), time());
        let section = SectionDraft { code: Code::new("18719-5", LOINC, "Biochimie"), title, entries, ..SectionDraft::default() };
        draft.body = Body::of(vec![section]);
        let whole = read_whole(&write(&draft)).unwrap();
        prop_assert_eq!(&whole.laboratory, &expected(sections(&draft)));
        // Each label and each value stands in the narrative too.
        let text = folded(&cda::text::narrative(&whole));
        for result in &whole.laboratory.results {
            prop_assert!(text.contains(&folded(&result.label)), "{} in {text}", result.label);
        }
    }

    #[test]
    fn prop_headers_are_read_back_whatever_the_names(
        family in any::<String>(), given in any::<String>(), title in any::<String>(), organisation in any::<String>(),
        extension in any::<String>(), paragraph in any::<String>(), cell in any::<String>(), version in 1u32..,
    ) {
        let mut draft = Sample::DischargeLetter.draft("2.25.1", Identity::default(), time());
        draft.patient.traits.birth_name = Some(family.clone());
        draft.patient.traits.first_given = Some(given.clone());
        draft.title.clone_from(&title);
        draft.version = version;
        draft.author.family.clone_from(&family);
        draft.author.given.clone_from(&given);
        if let Some(structure) = &mut draft.author.organisation {
            structure.name.clone_from(&organisation);
        }
        draft.replaces = Some(Id::new("1.2.3", &extension));
        let table = Block::Table { head: vec![cell.clone()], rows: vec![vec![cell.clone()]] };
        draft.body = Body::of(vec![SectionDraft {
            code: Code::new("48767-8", LOINC, "Commentaire"),
            blocks: vec![Block::Paragraph(paragraph.clone()), Block::List(vec![cell.clone()]), table],
            ..SectionDraft::default()
        }]);
        let bytes = write(&draft);
        let whole = read_whole(&bytes).unwrap();
        let header = &whole.header;
        let some = |text: &str| Some(folded(text)).filter(|text| !text.is_empty());
        prop_assert_eq!(&header.patient.traits.birth_name, &some(&family));
        prop_assert_eq!(&header.patient.traits.first_given, &some(&given));
        prop_assert_eq!(&header.title, &folded(&title));
        prop_assert_eq!(header.version, Some(version));
        prop_assert_eq!(&header.authors[0].family, &folded(&family));
        prop_assert_eq!(&header.custodian.as_ref().unwrap().name, &folded(&organisation));
        let replaced = header.replaces.clone().unwrap();
        prop_assert_eq!(replaced.extension.map(|text| folded(&text)), some(&extension));
        let text = folded(&cda::text::narrative(&whole));
        prop_assert!(text.contains(&folded(&paragraph)) && text.contains(&folded(&cell)), "{text}");
        prop_assert_eq!(&read_header(&bytes).unwrap(), header);
    }

    #[test]
    fn prop_any_bytes_are_read_or_refused_alike(cut in 0usize..20_000, at in 0usize..20_000, octet in any::<u8>()) {
        let mut bytes = write(&Sample::CriticalResults.draft("2.25.1", patient(), time()));
        let length = bytes.len();
        bytes[at % length] = octet;
        bytes.truncate(length - cut % length);
        // Whatever the whole reader takes, the header's takes, and finds the same in it.
        if let Ok(mut expected) = read(&bytes) {
            (expected.body, expected.copy) = (None, None);
            expected.problems.clear();
            let mut header = read_header(&bytes).unwrap();
            header.problems.clear();
            prop_assert_eq!(header, expected);
        } else {
            let _ = read_header(&bytes);
        }
    }
}
