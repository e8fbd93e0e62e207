use std::cell::Cell;
use std::collections::HashMap;

use roxmltree::Node;

use super::{Bound, Isolate, Laboratory, OBSERVATION_INTERPRETATION, Observation, Previous, Range, Value};
use crate::read::tree::{at, attribute, children, code, text, time};
use crate::{Code, Limits, NAMESPACE, Time};

/// IHE XD-LAB, *Laboratory Observation*.
const OBSERVATION: &str = "1.3.6.1.4.1.19376.1.3.1.6";
/// LOINC, the battery of an antibiogram.
const ANTIBIOGRAM: &str = "18769-0";
/// LOINC, a comment.
const COMMENT: &str = "48767-8";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Everything below the body. What is cut is told in `problems`.
pub(crate) fn read(body: Node<'_, '_>, problems: &mut Vec<String>) -> Laboratory {
    let ids = body.descendants().filter_map(|node| Some((node.attribute("ID")?, node))).fold(
        HashMap::new(),
        |mut ids, (id, node)| {
            ids.entry(id).or_insert(node);
            ids
        },
    );
    let left = Cell::new(Limits::REFERENCES_CHARS);
    let mut reader = Reader { ids, found: Laboratory::default(), cut: false, left };
    reader.walk(body, &Place::default());
    if reader.cut {
        problems.push(format!("only the first {} laboratory results are read", Limits::RESULTS));
    }
    reader.found
}

struct Reader<'a, 'i> {
    ids: HashMap<&'a str, Node<'a, 'i>>,
    found: Laboratory,
    cut: bool,
    /// Characters that references may still take.
    left: Cell<usize>,
}

/// Where an entry stands.
#[derive(Clone, Default)]
struct Place {
    sections: Vec<String>,
    battery: Option<String>,
    isolate: Option<usize>,
    antibiogram: bool,
}

impl<'a, 'i: 'a> Reader<'a, 'i> {
    fn walk(&mut self, node: Node<'a, 'i>, place: &Place) {
        for child in node.children().filter(Node::is_element) {
            if child.tag_name().namespace() != Some(NAMESPACE) {
                continue;
            }
            match child.tag_name().name() {
                "text" | "title" | "value" | "code" | "templateId" => {}
                "section" => {
                    let mut place = place.clone();
                    let title = at(child, &["title"]).map(text).filter(|title| !title.is_empty());
                    let title = title.map(|title| title.chars().take(Limits::REPEATED_TITLE_CHARS).collect());
                    if place.sections.len() < Limits::SECTION_DEPTH {
                        place.sections.extend(title);
                    }
                    self.walk(child, &place);
                }
                "organizer" => {
                    let place = self.organizer(child, place);
                    self.walk(child, &place);
                }
                "observation" => {
                    if is_result(child) && !is_earlier(child) {
                        if self.found.results.len() == Limits::RESULTS {
                            self.cut = true;
                            return;
                        }
                        let result = self.observation(child, place);
                        if let Some(isolate) = place.isolate {
                            self.found.isolates[isolate].results.push(self.found.results.len());
                        }
                        self.found.results.push(result);
                    }
                    self.walk(child, place);
                }
                _ => self.walk(child, place),
            }
        }
    }

    fn organizer(&mut self, node: Node<'a, 'i>, place: &Place) -> Place {
        let mut place = place.clone();
        let kind = at(node, &["code"]);
        let label = kind.map(|kind| self.label(kind)).filter(|label| !label.is_empty());
        place.antibiogram |= kind.and_then(|kind| kind.attribute("code")) == Some(ANTIBIOGRAM);
        place.battery = label.or(place.battery);
        let playing = at(node, &["specimen", "specimenRole", "specimenPlayingEntity"])
            .filter(|entity| entity.attribute("classCode") == Some("MIC"));
        if let Some(germ) = playing {
            let germ = at(germ, &["code"]);
            self.found.isolates.push(Isolate {
                code: germ.and_then(code),
                label: germ.map(|germ| self.label(germ)).unwrap_or_default(),
                results: Vec::new(),
            });
            place.isolate = Some(self.found.isolates.len() - 1);
        }
        place
    }

    fn observation(&self, node: Node<'a, 'i>, place: &Place) -> Observation {
        let named = at(node, &["code"]);
        let in_set = |code: &Code| code.system.is_empty() || code.system == OBSERVATION_INTERPRETATION;
        let related = || children(node, "entryRelationship");
        Observation {
            code: named.and_then(code),
            label: named.map(|named| self.label(named)).unwrap_or_default(),
            sections: place.sections.clone(),
            battery: place.battery.clone(),
            isolate: place.isolate,
            is_antibiogram: place.antibiogram,
            values: children(node, "value").map(|value| self.value(value)).collect(),
            interpretations: children(node, "interpretationCode").filter_map(code).filter(in_set).collect(),
            ranges: children(node, "referenceRange")
                .filter_map(|range| at(range, &["observationRange"]))
                .map(|range| self.range(range))
                .collect(),
            time: moment(node),
            status: at(node, &["statusCode"]).and_then(|status| attribute(status, "code")),
            method: at(node, &["methodCode"]).and_then(code),
            comments: related()
                .filter_map(|related| at(related, &["act"]))
                .filter(|act| at(*act, &["code"]).and_then(|code| code.attribute("code")) == Some(COMMENT))
                .filter_map(|act| at(act, &["text"]))
                .map(|comment| self.words(comment))
                .filter(|comment| !comment.is_empty())
                .collect(),
            previous: related()
                .filter(|related| related.attribute("typeCode") == Some("REFR"))
                .flat_map(|related| children(related, "observation"))
                .map(|earlier| Previous {
                    time: moment(earlier),
                    values: children(earlier, "value").map(|value| self.value(value)).collect(),
                })
                .collect(),
        }
    }

    fn value(&self, node: Node<'a, 'i>) -> Value {
        let kind = node.attribute((XSI, "type")).unwrap_or_default();
        let kind = kind.rsplit(':').next().unwrap_or_default().trim();
        let missing = || Value::Missing(attribute(node, "nullFlavor").unwrap_or_default());
        let worded = || Some(self.words(node)).filter(|words| !words.is_empty()).map(Value::Text);
        if let Some(ivl) = kind.strip_prefix("IVL_").or((kind == "IVL").then_some("")) {
            if let Some(value) = attribute(node, "value").filter(|_| ivl != "TS") {
                return Value::Quantity { value, unit: attribute(node, "unit").unwrap_or_default() };
            }
            let (low, high) = (bound(node, "low"), bound(node, "high"));
            return if low.is_none() && high.is_none() { missing() } else { Value::Interval { low, high } };
        }
        match kind {
            "PQ" | "REAL" | "INT" | "MO" | "PPD_PQ" => match attribute(node, "value") {
                Some(value) => Value::Quantity {
                    value,
                    unit: attribute(node, "unit").or_else(|| attribute(node, "currency")).unwrap_or_default(),
                },
                None => worded().unwrap_or_else(missing),
            },
            "CD" | "CE" | "CV" | "CS" | "CO" | "PQR" => {
                let text = self.label(node);
                if text.is_empty() { missing() } else { Value::Coded { code: code(node), text } }
            }
            "BL" | "BN" => match node.attribute("value").map(str::trim) {
                Some("true" | "1") => Value::Truth(true),
                Some("false" | "0") => Value::Truth(false),
                _ => missing(),
            },
            "TS" => time(node).map_or_else(missing, Value::Point),
            "RTO" | "RTO_PQ_PQ" | "RTO_QTY_QTY" => {
                let part =
                    |name| at(node, &[name]).and_then(|part| attribute(part, "value").map(|v| (part, v)));
                match (part("numerator"), part("denominator")) {
                    (Some((above, numerator)), Some((below, denominator))) => {
                        let quantity = |node, value| {
                            let unit = attribute(node, "unit").unwrap_or_default();
                            Box::new(Value::Quantity { value, unit })
                        };
                        Value::Ratio {
                            numerator: quantity(above, numerator),
                            denominator: quantity(below, denominator),
                        }
                    }
                    _ => missing(),
                }
            }
            _ => worded().or_else(|| attribute(node, "value").map(Value::Text)).unwrap_or_else(missing),
        }
    }

    fn range(&self, node: Node<'a, 'i>) -> Range {
        let value = at(node, &["value"]);
        let words = at(node, &["text"]).or(value).map(|text| self.words(text));
        Range {
            low: value.and_then(|value| bound(value, "low")),
            high: value.and_then(|value| bound(value, "high")),
            text: words.filter(|words| !words.is_empty()),
            interpretation: at(node, &["interpretationCode"]).and_then(code),
        }
    }

    /// What a code is called: in the narrative, else by its label, else the code itself.
    fn label(&self, node: Node<'a, 'i>) -> String {
        let original =
            at(node, &["originalText"]).map(|text| self.words(text)).filter(|text| !text.is_empty());
        let short = |label: String| fold(&label.chars().take(Limits::REFERENCE_CHARS).collect::<String>());
        let label = || attribute(node, "displayName").map(short);
        let other =
            || at(node, &["translation"]).and_then(|other| attribute(other, "displayName")).map(short);
        original
            .or_else(label)
            .or_else(other)
            .or_else(|| attribute(node, "code").map(short))
            .unwrap_or_default()
    }

    /// The words of an ED: its own, else those of the narrative that it refers to.
    fn words(&self, node: Node<'a, 'i>) -> String {
        let own = bounded(node);
        if !own.is_empty() {
            return own;
        }
        at(node, &["reference"])
            .and_then(|reference| reference.attribute("value")?.trim().strip_prefix('#'))
            .and_then(|id| self.ids.get(id))
            .filter(|_| self.left.get() > 0)
            .map(|target| bounded(*target))
            .inspect(|words| self.left.set(self.left.get().saturating_sub(words.len() + 1)))
            .unwrap_or_default()
    }
}

fn is_result(node: Node<'_, '_>) -> bool {
    children(node, "templateId").any(|template| template.attribute("root") == Some(OBSERVATION))
}

/// An observation that another refers to is an earlier result of it.
fn is_earlier(node: Node<'_, '_>) -> bool {
    node.parent().is_some_and(|parent| {
        parent.attribute("typeCode") == Some("REFR")
            && parent.parent().is_some_and(|around| around.has_tag_name((NAMESPACE, "observation")))
    })
}

fn moment(node: Node<'_, '_>) -> Option<Time> {
    at(node, &["effectiveTime"])
        .and_then(time)
        .or_else(|| at(node, &["effectiveTime", "low"]).and_then(time))
        .or_else(|| at(node, &["effectiveTime", "high"]).and_then(time))
}

fn bound(node: Node<'_, '_>, name: &'static str) -> Option<Bound> {
    let node = at(node, &[name])?;
    Some(Bound {
        value: attribute(node, "value")?,
        unit: attribute(node, "unit").unwrap_or_default(),
        inclusive: node.attribute("inclusive") != Some("false"),
    })
}

/// Text below a node, of at most [`Limits::REFERENCE_CHARS`]: one narrative may be named by every entry.
fn bounded(node: Node<'_, '_>) -> String {
    let mut out = String::new();
    for piece in
        node.descendants().take(Limits::REFERENCE_CHARS).filter_map(|n| n.text().filter(|_| n.is_text()))
    {
        if out.len() > Limits::REFERENCE_CHARS {
            break;
        }
        out.extend(piece.chars().take(Limits::REFERENCE_CHARS));
        out.push(' ');
    }
    fold(&out)
}

fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
