//! Laboratory results, as entries for programs and as tables for people. Each label and each name is written once, in
//! the table, and the entries refer to it: what a person reads and what a program reads cannot drift apart.

use super::body::Names;
use super::{attributes, code, id};
use crate::lab::{Bound, Observation, Range, Value};
use crate::xml::Xml;
use crate::{Code, Id, LOINC, LabEntry, Time};

/// Models of IHE XD-LAB, and CI-SIS's of the same thing.
const REPORT: [&str; 2] = ["1.3.6.1.4.1.19376.1.3.1", "1.2.250.1.213.1.1.3.21"];
const RESULT: [&str; 2] = ["1.3.6.1.4.1.19376.1.3.1.6", "1.2.250.1.213.1.1.3.80"];
const BATTERY: [&str; 2] = ["1.3.6.1.4.1.19376.1.3.1.4", "1.2.250.1.213.1.1.3.78"];
const ISOLATE: [&str; 2] = ["1.3.6.1.4.1.19376.1.3.1.5", "1.2.250.1.213.1.1.3.79"];
const COMMENT: [&str; 3] =
    ["2.16.840.1.113883.10.20.1.40", "1.3.6.1.4.1.19376.1.5.3.1.4.2", "1.2.250.1.213.1.1.3.32"];
const EVENT: [(&str, &str); 2] = [("classCode", "OBS"), ("moodCode", "EVN")];
const COMPLETED: [(&str, &str); 1] = [("code", "completed")];

/// Results that share a table.
pub(super) struct Group<'a> {
    /// The table's caption with its name: of a battery, of a germ.
    caption: Option<(String, &'a str)>,
    kind: Kind<'a>,
    /// Each with the name of its label.
    results: Vec<(String, &'a Observation)>,
    antibiogram: Option<(String, Vec<(String, &'a Observation)>)>,
}

enum Kind<'a> {
    Alone,
    Battery(Option<&'a Code>),
    Isolate(&'a Code),
}

/// Gives names to all that entries refer to; results that stand alone one after the other share a table.
pub(super) fn named<'a>(entries: &'a [LabEntry], names: &mut Names) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for entry in entries {
        let mut all =
            |results: &'a [Observation]| results.iter().map(|result| (names.next(), result)).collect();
        match entry {
            LabEntry::Result(result) => {
                let mut one: Vec<_> = all(std::slice::from_ref(result.as_ref()));
                match groups.last_mut() {
                    Some(group) if matches!(group.kind, Kind::Alone) => group.results.append(&mut one),
                    _ => groups.push(Group {
                        caption: None,
                        kind: Kind::Alone,
                        results: one,
                        antibiogram: None,
                    }),
                }
            }
            LabEntry::Battery { name, code, results } => {
                let results = all(results);
                let caption = Some((names.next(), name.as_str()));
                groups.push(Group {
                    caption,
                    kind: Kind::Battery(code.as_ref()),
                    results,
                    antibiogram: None,
                });
            }
            LabEntry::Isolate { germ, name, results, antibiogram } => {
                let (results, lines): (Vec<_>, Vec<_>) = (all(results), all(antibiogram));
                let caption = Some((names.next(), name.as_str()));
                let antibiogram = (!lines.is_empty()).then(|| (names.next(), lines));
                groups.push(Group { caption, kind: Kind::Isolate(germ), results, antibiogram });
            }
        }
    }
    groups
}

/// For people.
pub(super) fn narrative(xml: &mut Xml, groups: &[Group<'_>]) {
    for group in groups {
        let caption = group.caption.as_ref().map(|(name, text)| (name.as_str(), *text));
        table(xml, caption, &group.results);
        if let Some((name, lines)) = &group.antibiogram {
            table(xml, Some((name, "Antibiogramme")), lines);
        }
    }
}

/// A column of a table of results: its title, and what stands in it.
type Column = (&'static str, fn(&Observation) -> String);

fn table(xml: &mut Xml, caption: Option<(&str, &str)>, results: &[(String, &Observation)]) {
    if results.is_empty() {
        if let Some((name, text)) = caption {
            xml.text("paragraph", &[("ID", name)], text);
        }
        return;
    }
    let columns: [Column; 4] = [
        ("Résultat", Observation::value),
        ("Valeurs de référence", |result| listed(result.ranges.iter())),
        ("Interprétation", |result| result.interpretation().unwrap_or_default()),
        ("Antériorités", |result| {
            let earlier = |previous: &crate::lab::Previous| {
                let values = listed(previous.values.iter());
                match &previous.time {
                    Some(time) => format!("{values} ({})", crate::french::moment(time)),
                    None => values,
                }
            };
            listed(result.previous.iter().map(earlier))
        }),
    ];
    let used: Vec<_> = columns
        .iter()
        .filter(|(_, cell)| results.iter().any(|(_, result)| !cell(result).is_empty()))
        .collect();
    xml.open("table", &[]);
    if let Some((name, text)) = caption {
        xml.text("caption", &[("ID", name)], text);
    }
    xml.open("thead", &[]);
    xml.open("tr", &[]);
    xml.text("th", &[], "Examen");
    for (title, _) in &used {
        xml.text("th", &[], title);
    }
    xml.close();
    xml.close();
    xml.open("tbody", &[]);
    for (name, result) in results {
        xml.open("tr", &[]);
        xml.open("td", &[]);
        xml.text("content", &[("ID", name)], label(result));
        xml.close();
        for (_, cell) in &used {
            let style: &[_] = if result.is_abnormal() { &[("styleCode", "Bold")] } else { &[] };
            xml.text("td", style, &cell(result));
        }
        xml.close();
    }
    xml.close();
    xml.close();
    for (_, result) in results {
        for comment in &result.comments {
            xml.text("paragraph", &[], &format!("{} : {comment}", label(result)));
        }
    }
}

fn listed(items: impl Iterator<Item = impl ToString>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(" ; ")
}

/// What a result is called.
fn label(result: &Observation) -> &str {
    let code = result.code.as_ref();
    let others = code.map(|code| [code.display_name.as_str(), code.code.as_str()]).unwrap_or_default();
    [result.label.as_str(), others[0], others[1]].into_iter().find(|text| !text.is_empty()).unwrap_or("")
}

/// For programs: one entry.
pub(super) fn write(xml: &mut Xml, section: &Code, groups: &[Group<'_>]) {
    if groups.is_empty() {
        return;
    }
    xml.open("entry", &[("typeCode", "DRIV")]);
    templates(xml, &REPORT);
    xml.open("act", &[("classCode", "ACT"), ("moodCode", "EVN")]);
    code(xml, "code", section);
    xml.empty("statusCode", &COMPLETED);
    for group in groups {
        match group.kind {
            Kind::Alone => {
                for (name, result) in &group.results {
                    xml.open("entryRelationship", &[("typeCode", "COMP")]);
                    observation(xml, name, result);
                    xml.close();
                }
            }
            Kind::Battery(code) => {
                xml.open("entryRelationship", &[("typeCode", "COMP")]);
                let name = group.caption.as_ref().map_or("", |(name, _)| name);
                battery(xml, name, code, &group.results);
                xml.close();
            }
            Kind::Isolate(germ) => {
                xml.open("entryRelationship", &[("typeCode", "COMP")]);
                isolate(xml, germ, group);
                xml.close();
            }
        }
    }
    xml.close();
    xml.close();
}

fn templates(xml: &mut Xml, models: &[&str]) {
    for model in models {
        id(xml, "templateId", &Id::root(*model));
    }
}

fn battery(xml: &mut Xml, name: &str, code: Option<&Code>, results: &[(String, &Observation)]) {
    xml.open("organizer", &[("classCode", "BATTERY"), ("moodCode", "EVN")]);
    templates(xml, &BATTERY);
    named_code(xml, "code", code, name);
    xml.empty("statusCode", &COMPLETED);
    components(xml, results);
    xml.close();
}

fn isolate(xml: &mut Xml, germ: &Code, group: &Group<'_>) {
    xml.open("organizer", &[("classCode", "CLUSTER"), ("moodCode", "EVN")]);
    templates(xml, &ISOLATE);
    xml.empty("statusCode", &COMPLETED);
    time(xml, group.results.iter().find_map(|(_, result)| result.time.as_ref()));
    xml.open("specimen", &[("typeCode", "SPC")]);
    xml.open("specimenRole", &[("classCode", "SPEC")]);
    xml.open("specimenPlayingEntity", &[("classCode", "MIC")]);
    let name = group.caption.as_ref().map_or("", |(name, _)| name);
    named_code(xml, "code", Some(germ), name);
    xml.close();
    xml.close();
    xml.close();
    components(xml, &group.results);
    if let Some((name, lines)) = &group.antibiogram {
        xml.open("component", &[]);
        battery(xml, name, Some(&Code::new("18769-0", LOINC, "Antibiogramme")), lines);
        xml.close();
    }
    xml.close();
}

fn components(xml: &mut Xml, results: &[(String, &Observation)]) {
    for (name, result) in results {
        xml.open("component", &[]);
        observation(xml, name, result);
        xml.close();
    }
}

/// A code whose words stand in the narrative.
fn named_code(xml: &mut Xml, element: &str, code: Option<&Code>, name: &str) {
    xml.open(element, &code.map(attributes).unwrap_or_default());
    xml.open("originalText", &[]);
    xml.empty("reference", &[("value", &format!("#{name}"))]);
    xml.close();
    xml.close();
}

fn observation(xml: &mut Xml, name: &str, result: &Observation) {
    xml.open("observation", &EVENT);
    templates(xml, &RESULT);
    named_code(xml, "code", result.code.as_ref(), name);
    if let Some(status) = &result.status {
        xml.empty("statusCode", &[("code", status)]);
    }
    time(xml, result.time.as_ref());
    for value in &result.values {
        self::value(xml, value);
    }
    for said in &result.interpretations {
        code(xml, "interpretationCode", said);
    }
    if let Some(method) = &result.method {
        code(xml, "methodCode", method);
    }
    for comment in &result.comments {
        xml.open("entryRelationship", &[("typeCode", "SUBJ")]);
        xml.open("act", &[("classCode", "ACT"), ("moodCode", "EVN")]);
        templates(xml, &COMMENT);
        code(xml, "code", &Code::new("48767-8", LOINC, "Commentaire"));
        xml.text("text", &[], comment);
        xml.empty("statusCode", &COMPLETED);
        xml.close();
        xml.close();
    }
    for earlier in &result.previous {
        xml.open("entryRelationship", &[("typeCode", "REFR")]);
        xml.open("observation", &EVENT);
        named_code(xml, "code", result.code.as_ref(), name);
        xml.empty("statusCode", &COMPLETED);
        time(xml, earlier.time.as_ref());
        for value in &earlier.values {
            self::value(xml, value);
        }
        xml.close();
        xml.close();
    }
    for range in &result.ranges {
        self::range(xml, range);
    }
    xml.close();
}

fn time(xml: &mut Xml, time: Option<&Time>) {
    if let Some(time) = time {
        xml.empty("effectiveTime", &[("value", time.as_str())]);
    }
}

fn range(xml: &mut Xml, range: &Range) {
    xml.open("referenceRange", &[("typeCode", "REFV")]);
    xml.open("observationRange", &[("classCode", "OBS"), ("moodCode", "EVN.CRT")]);
    if let Some(text) = &range.text {
        xml.text("text", &[], text);
    }
    if range.low.is_some() || range.high.is_some() {
        interval(xml, range.low.as_ref(), range.high.as_ref());
    }
    if let Some(said) = &range.interpretation {
        code(xml, "interpretationCode", said);
    }
    xml.close();
    xml.close();
}

fn interval(xml: &mut Xml, low: Option<&Bound>, high: Option<&Bound>) {
    xml.open("value", &[("xsi:type", "IVL_PQ")]);
    for (element, bound) in [("low", low), ("high", high)] {
        let Some(bound) = bound else { continue };
        let mut attributes = quantity(&bound.value, &bound.unit);
        if !bound.inclusive {
            attributes.push(("inclusive", "false"));
        }
        xml.empty(element, &attributes);
    }
    xml.close();
}

fn quantity<'a>(value: &'a str, unit: &'a str) -> Vec<(&'a str, &'a str)> {
    let unit = Some(("unit", unit)).filter(|(_, unit)| !unit.is_empty());
    std::iter::once(("value", value)).chain(unit).collect()
}

/// A value, by its HL7 data type. A ratio of anything but quantities is written in words.
fn value(xml: &mut Xml, value: &Value) {
    match value {
        Value::Quantity { value, unit } => {
            let mut attributes = vec![("xsi:type", "PQ")];
            attributes.extend(quantity(value, unit));
            xml.empty("value", &attributes);
        }
        Value::Interval { low, high } => interval(xml, low.as_ref(), high.as_ref()),
        Value::Coded { code, text } => {
            let mut attributes = vec![("xsi:type", "CD")];
            attributes.extend(code.iter().flat_map(self::attributes));
            xml.open("value", &attributes);
            xml.text("originalText", &[], text);
            xml.close();
        }
        Value::Ratio { numerator, denominator } => match (numerator.as_ref(), denominator.as_ref()) {
            (Value::Quantity { value: above, unit }, Value::Quantity { value: below, unit: per }) => {
                xml.open("value", &[("xsi:type", "RTO_PQ_PQ")]);
                xml.empty("numerator", &quantity(above, unit));
                xml.empty("denominator", &quantity(below, per));
                xml.close();
            }
            _ => xml.text("value", &[("xsi:type", "ST")], &value.to_string()),
        },
        Value::Text(text) => xml.text("value", &[("xsi:type", "ST")], text),
        Value::Truth(truth) => {
            let truth = if *truth { "true" } else { "false" };
            xml.empty("value", &[("xsi:type", "BL"), ("value", truth)]);
        }
        Value::Point(time) => xml.empty("value", &[("xsi:type", "TS"), ("value", time.as_str())]),
        Value::Missing(reason) if reason.is_empty() => xml.empty("value", &[("xsi:type", "ST")]),
        Value::Missing(reason) => xml.empty("value", &[("xsi:type", "ST"), ("nullFlavor", reason)]),
    }
}
