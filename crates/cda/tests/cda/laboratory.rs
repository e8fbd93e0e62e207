//! Laboratory results: of the published examples, and of made ones where the examples have none.

use cda::lab::{Meaning, Outside, Value, interpretation_label, meaning};
use cda::{Whole, read_whole};

use super::corpus;

fn example(name: &str) -> Option<Whole> {
    let bytes = std::fs::read(corpus()?.join("cda").join(name)).unwrap();
    Some(read_whole(&bytes).unwrap())
}

#[test]
fn a_thyroid_report_says_values_ranges_and_interpretations() {
    let Some(whole) = example("BIO-CR-BIO_2024.01_TSH_1.xml") else { return };
    assert!(whole.is_laboratory_report());
    let results = &whole.laboratory.results;
    let said: Vec<_> = results
        .iter()
        .map(|result| {
            (result.code.as_ref().unwrap().code.as_str(), result.value(), result.ranges[0].to_string())
        })
        .collect();
    assert_eq!(
        said,
        [
            ("3016-3", "1,950 mUI/L".to_owned(), "0,270 – 4,200 mUI/L".to_owned()),
            ("3024-7", "7,67 pg/mL".to_owned(), "9,30 – 17,00 pg/mL".to_owned()),
        ]
    );
    assert_eq!(results.iter().map(|result| result.is_abnormal()).collect::<Vec<_>>(), [false, true]);
    assert_eq!(results[1].interpretation().as_deref(), Some("bas"));
    assert_eq!(whole.laboratory.critical().count(), 0);
    assert!(results.iter().all(|result| !result.label.is_empty() && result.time.is_some()));
    assert_eq!(results[1].outside(), None, "the laboratory has spoken");
}

#[test]
fn prefixes_of_types_make_no_difference() {
    let Some(whole) = example("BIO-CR-BIO_2021.01_Auto-Presentable.xml") else { return };
    let results = &whole.laboratory.results;
    let of = |code: &str| {
        results.iter().find(|result| result.code.as_ref().is_some_and(|found| found.code == code)).unwrap()
    };
    assert_eq!(of("30239-8").value(), "45 UI/L");
    assert!(of("30239-8").is_abnormal(), "45 in 10–50 is high where the laboratory says so");
    assert_eq!(of("1988-5").value(), "<1.0 mg/L");
    assert!(matches!(of("1988-5").values[0], Value::Text(_)));
    assert!(of("13457-7").ranges[0].low.is_none() && of("13457-7").ranges[0].high.is_some());
}

#[test]
fn germs_have_their_antibiograms() {
    let Some(whole) = example("BIO-CR-BIO_2021.01_Microbiologie_V2.xml") else { return };
    let laboratory = &whole.laboratory;
    assert_eq!(laboratory.isolates.len(), 2);
    let germ = &laboratory.isolates[0];
    assert_eq!(
        (germ.label.as_str(), germ.code.as_ref().unwrap().code.as_str()),
        ("Escherichia coli", "112283007")
    );
    let lines: Vec<_> = germ
        .results
        .iter()
        .map(|&index| &laboratory.results[index])
        .map(|result| (result.label.as_str(), result.value(), result.interpretation(), result.is_antibiogram))
        .collect();
    let line = |label, value: &str, said: Option<&str>, antibiogram| {
        (label, value.to_owned(), said.map(str::to_owned), antibiogram)
    };
    assert_eq!(
        lines,
        [
            line("Dénombrement de germes", "120000 /mL", None, false),
            line("Amoxicilline", "≥ 0,512 µg/mL", Some("résistant"), true),
            line("Ampicilline", "< 0,128 µg/mL", Some("intermédiaire"), true),
            line("Gentamicine", "< 0,032 µg/mL", Some("sensible"), true),
        ]
    );
    assert_eq!(laboratory.isolates[1].results.len(), 4);
    let colour = &laboratory.results[0];
    assert_eq!((colour.label.as_str(), colour.value().as_str()), ("Couleur", "paille"));
    assert_eq!(colour.battery.as_deref(), Some("Examen macroscopique"));
}

#[test]
fn earlier_results_stand_within_the_present_one() {
    let Some(whole) = example("BIO-CR-BIO_2023.01_Electrophorese.xml") else { return };
    let results = &whole.laboratory.results;
    assert_eq!(results.iter().map(|result| result.previous.len()).sum::<usize>(), 20);
    let urea = results.iter().find(|result| result.previous.len() == 2).unwrap();
    let earlier: Vec<_> = urea
        .previous
        .iter()
        .map(|earlier| (earlier.time.as_ref().unwrap().day(), earlier.values[0].to_string()))
        .collect();
    assert_eq!(
        earlier,
        [(Some("20200912"), "8,5 mmol/L".to_owned()), (Some("20200103"), "7,9 mmol/L".to_owned())]
    );
}

#[test]
fn the_codes_of_interpretation_are_those_of_the_value_set() {
    let Some(corpus) = corpus() else { return };
    let set =
        std::fs::read_to_string(corpus.join("jdv/JDV_HL7_ObservationInterpretation_CISIS.xml")).unwrap();
    let tree = cda::xml::parse(&set, 10_000).unwrap();
    let codes: Vec<&str> = tree
        .descendants()
        .filter(|node| node.tag_name().name() == "Concept")
        .map(|node| node.attribute("code").unwrap())
        .collect();
    assert_eq!(codes.len(), 39);
    for code in codes {
        assert!(interpretation_label(code).is_some(), "{code}");
    }
    for (code, expected) in [
        ("AA", Meaning::Critical),
        ("HH", Meaning::Critical),
        ("LL", Meaning::Critical),
        ("H", Meaning::Abnormal),
        ("<", Meaning::Abnormal),
        ("N", Meaning::Normal),
        ("POS", Meaning::Notable),
        ("S", Meaning::Other),
        ("ZZZ", Meaning::Other),
    ] {
        assert_eq!(meaning(code), expected, "{code}");
    }
}

/// One result, given the content of its observation after the templates.
fn made(observation: &str) -> Whole {
    let text = format!(
        "<c:ClinicalDocument xmlns:c='urn:hl7-org:v3' xmlns='urn:hl7-org:v3' \
         xmlns:i='http://www.w3.org/2001/XMLSchema-instance'><component><structuredBody><component><section>\
         <title>Chimie</title><text><content ID='k'>Potassium</content></text><entry><act><entryRelationship><observation>\
         <templateId root='1.3.6.1.4.1.19376.1.3.1.6'/>{observation}</observation></entryRelationship></act></entry>\
         </section></component></structuredBody></component></c:ClinicalDocument>"
    );
    read_whole(text.as_bytes()).unwrap()
}

const RANGE: &str = "<referenceRange><observationRange><value i:type='IVL_PQ'><low value='3.5' unit='mmol/L'/>\
                     <high value='5.1' unit='mmol/L'/></value><interpretationCode code='HH' \
                     codeSystem='2.16.840.1.113883.5.83'/></observationRange></referenceRange>";

#[test]
fn alerts_are_alerts_and_ranges_are_none() {
    for (code, critical) in [("AA", true), ("HH", true), ("LL", true), ("H", false), ("N", false)] {
        let whole = made(&format!(
            "<code code='2823-3' codeSystem='2.16.840.1.113883.6.1'><originalText><reference value='#k'/></originalText>\
             </code><value i:type='c:PQ' value='7.1' unit='mmol/L'/><interpretationCode code='{code}' \
             codeSystem='2.16.840.1.113883.5.83'/>{RANGE}"
        ));
        assert_eq!(whole.laboratory.critical().count(), usize::from(critical), "{code}");
        let page = cda::html::page(&whole, &cda::html::Options::default());
        assert_eq!(page.contains("Résultat critique"), critical);
        assert_eq!(page.contains("Potassium\u{a0}: 7,1 mmol/L — alerte"), critical);
        assert_eq!(cda::text::plain(&whole).contains("RÉSULTAT CRITIQUE : Potassium"), critical);
    }
    let other = made("<interpretationCode code='HH' codeSystem='2.16.840.1.113883.6.1'/>");
    assert_eq!(other.laboratory.critical().count(), 0, "of another system");
    let range_alone = made(&format!("<value i:type='PQ' value='4' unit='mmol/L'/>{RANGE}"));
    assert_eq!(range_alone.laboratory.critical().count(), 0, "the code of a range is none of the result");
}

#[test]
fn comparing_is_a_hint_where_there_is_no_word_of_the_laboratory() {
    let outside = |value: &str, unit: &str, said: &str| {
        let range = RANGE.replace("code='HH'", "code='N'");
        let whole = made(&format!("<value i:type='PQ' value='{value}' unit='{unit}'/>{said}{range}"));
        whole.laboratory.results[0].outside()
    };
    assert_eq!(outside("7.1", "mmol/L", ""), Some(Outside::Above));
    assert_eq!(outside("2", "mmol/L", ""), Some(Outside::Below));
    assert_eq!(outside("5.1", "mmol/L", ""), None);
    assert_eq!(outside("7.1", "g/L", ""), None);
    assert_eq!(outside("NaN", "mmol/L", ""), None);
    assert_eq!(outside("7.1", "mmol/L", "<interpretationCode code='N'/>"), None);
}

#[test]
fn values_of_every_type_are_read() {
    for (value, said) in [
        ("i:type='PQ' value='1.5' unit='g/L'", "1,5 g/L"),
        ("i:type='INT' value='3'", "3"),
        ("i:type='BL' value='true'", "oui"),
        ("i:type='TS' value='20240104'", "04/01/2024"),
        ("i:type='CD' code='1' displayName='négatif'", "négatif"),
        ("i:type='CD' code='1'", "1"),
        ("i:type='ST'", ""),
        ("i:type='PQ' nullFlavor='NAV'", "non renseigné"),
        ("nullFlavor='UNK'", "non renseigné"),
        ("i:type='xx:WHAT' value='9'", "9"),
    ] {
        let whole = made(&format!("<value {value}/>"));
        let found = whole.laboratory.results[0].value();
        assert_eq!(found, if said.is_empty() { "non renseigné" } else { said }, "{value}");
    }
    let ratio = made("<value i:type='RTO'><numerator value='1'/><denominator value='160'/></value>");
    assert_eq!(ratio.laboratory.results[0].value(), "1 / 160");
    let titre = made("<value i:type='ED'><reference value='#k'/></value><methodCode code='m'/>");
    assert_eq!(titre.laboratory.results[0].value(), "Potassium");
    let dangling = made("<value i:type='ED'><reference value='#absent'/></value>");
    assert_eq!(dangling.laboratory.results[0].value(), "non renseigné");
}
