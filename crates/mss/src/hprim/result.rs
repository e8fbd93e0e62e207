use serde::{Deserialize, Serialize};

use super::{HprimLine, entities};

/// One analysis of a report: `RES|label|code|type|value|unit|low|high|abnormal|status|value2|unit2|low2|high2`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HprimResult {
    /// What was measured, in the laboratory's words.
    pub label: String,
    /// The laboratory's code.
    pub code: String,
    /// How the value is to be read.
    pub kind: HprimKind,
    /// The value as written.
    pub value: String,
    /// The value as a number, where it is one; a comma or a point, no more. `<5` is none.
    pub number: Option<f64>,
    /// Its unit, as written.
    pub unit: String,
    /// The range of reference.
    pub range: Range,
    /// The flag as the laboratory wrote it; empty where it wrote none.
    pub abnormal: String,
    /// `F` final, `R` replaced or partial, as written.
    pub status: String,
    /// The same in other units, where it is given: value, unit and range.
    pub second: Option<(String, String, Range)>,
}

impl HprimResult {
    /// How the value stands to the range. The laboratory's flag wins over our own comparison (spec 02 §4.3, 08); without
    /// either, nothing is said.
    pub fn level(&self) -> Option<(Level, Judged)> {
        if let Some(level) = Level::of(&self.abnormal) {
            return Some((level, Judged::ByLaboratory));
        }
        let value = self.number?;
        let level = match (number(&self.range.low), number(&self.range.high)) {
            (Some(low), _) if value < low => Level::Low,
            (_, Some(high)) if value > high => Level::High,
            (None, None) => return None,
            _ => Level::Normal,
        };
        Some((level, Judged::ByRange))
    }
}

/// How a value is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HprimKind {
    /// `N`.
    Number,
    /// `A`, or nothing that is known.
    #[default]
    Text,
    /// `D`.
    Date,
    /// `C`.
    Code,
}

/// Bounds as written; either may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Lower bound.
    pub low: String,
    /// Upper bound.
    pub high: String,
}

/// How a value stands to its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// `LL`, `--`.
    CriticallyLow,
    /// `L`, `-`.
    Low,
    /// `N`.
    Normal,
    /// `H`, `+`.
    High,
    /// `HH`, `++`.
    CriticallyHigh,
}

impl Level {
    fn of(flag: &str) -> Option<Self> {
        match flag.trim().to_ascii_uppercase().as_str() {
            "LL" | "--" => Some(Self::CriticallyLow),
            "L" | "-" => Some(Self::Low),
            "N" => Some(Self::Normal),
            "H" | "+" => Some(Self::High),
            "HH" | "++" => Some(Self::CriticallyHigh),
            _ => None,
        }
    }
}

/// Who said how a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// The laboratory's flag.
    ByLaboratory,
    /// Our comparison with the range.
    ByRange,
}

/// Reads a line after `****LAB****`. Trailing fields may be missing.
pub(super) fn line(line: &str) -> HprimLine {
    let line = entities::undone(line);
    let fields: Vec<&str> = line.split('|').take(20).map(str::trim).collect();
    let at = |index: usize| fields.get(index).copied().unwrap_or_default();
    match at(0).to_ascii_uppercase().as_str() {
        "TEX" => HprimLine::Text(
            line.split_once('|').map_or("", |(_, text)| text).trim_end_matches(['|', ' ']).to_owned(),
        ),
        "RES" if at(4).is_empty() => {
            HprimLine::Title(if at(1).is_empty() { at(2) } else { at(1) }.to_owned())
        }
        "RES" => {
            let second =
                (!at(10).is_empty()).then(|| (at(10).to_owned(), at(11).to_owned(), range(at(12), at(13))));
            HprimLine::Result(Box::new(HprimResult {
                label: at(1).to_owned(),
                code: at(2).to_owned(),
                kind: kind(at(3)),
                value: at(4).to_owned(),
                number: number(at(4)),
                unit: at(5).to_owned(),
                range: range(at(6), at(7)),
                abnormal: at(8).to_owned(),
                status: at(9).to_owned(),
                second,
            }))
        }
        _ => HprimLine::Text(line.trim_end().to_owned()),
    }
}

fn range(low: &str, high: &str) -> Range {
    Range { low: low.to_owned(), high: high.to_owned() }
}

fn kind(letter: &str) -> HprimKind {
    match letter {
        "N" => HprimKind::Number,
        "D" => HprimKind::Date,
        "C" => HprimKind::Code,
        _ => HprimKind::Text,
    }
}

/// A decimal number with a comma or a point; blanks may stand between thousands.
fn number(text: &str) -> Option<f64> {
    let plain: String =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| if c == ',' { '.' } else { c }).collect();
    let shaped = !plain.is_empty()
        && plain.len() <= 30
        && plain.bytes().all(|b| b.is_ascii_digit() || b"+-.".contains(&b));
    shaped.then(|| plain.parse().ok())?
}
