//! Laboratory results, as entries say them: code, value, range, interpretation, earlier results, isolates.
//!
//! Entries are found by their template (IHE XD-LAB *Laboratory Observation*, `1.3.6.1.4.1.19376.1.3.1.6`) wherever they
//! stand. Other models than the laboratory report use the same template (stroke, screening, obstetrics), so that finding
//! results does not make a document a report: ask for its type.
//!
//! Whether a result is normal is what its interpretation says, never what a range makes of its value: published examples
//! hold results whose code and range contradict each other, and the laboratory knows more than the range. Comparing is a
//! hint ([`Observation::outside`]), given where there is no interpretation.

mod interpretation;
mod read;
mod value;

pub use interpretation::{Meaning, OBSERVATION_INTERPRETATION, interpretation_label, meaning};
pub(crate) use read::read;
pub use value::{Bound, Value};

use crate::{Code, Error, Time};

/// All that a document says of laboratory results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Laboratory {
    /// Results, in the order of the document; earlier results stand within them.
    pub results: Vec<Observation>,
    /// Germs that grew, with what was measured on them.
    pub isolates: Vec<Isolate>,
}

impl Laboratory {
    /// Results that must reach a doctor now: `AA`, `HH`, `LL`.
    pub fn critical(&self) -> impl Iterator<Item = &Observation> {
        self.results.iter().filter(|result| result.is_critical())
    }
}

/// The results of a document, read from its bytes.
///
/// # Errors
/// Those of [`crate::read`].
pub fn results(bytes: &[u8]) -> Result<Vec<Observation>, Error> {
    crate::read_whole(bytes).map(|whole| whole.laboratory.results)
}

/// One result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// What was measured, LOINC most often; `None` where no code is given.
    pub code: Option<Code>,
    /// Its name as the narrative gives it, else the label of the code, else the code; may be empty.
    pub label: String,
    /// Titles of the sections around it, outermost first.
    pub sections: Vec<String>,
    /// The battery that it belongs to, by name.
    pub battery: Option<String>,
    /// The germ that it was measured on: an index into [`Laboratory::isolates`].
    pub isolate: Option<usize>,
    /// Whether it is a line of an antibiogram.
    pub is_antibiogram: bool,
    /// Values; nearly always one.
    pub values: Vec<Value>,
    /// What the laboratory says of it (HL7 ObservationInterpretation alone; codes of other systems are left out).
    pub interpretations: Vec<Code>,
    /// Reference ranges.
    pub ranges: Vec<Range>,
    /// When the sample or the measure is from.
    pub time: Option<Time>,
    /// `statusCode`: `completed`, `active`, `aborted`…
    pub status: Option<String>,
    /// How it was measured.
    pub method: Option<Code>,
    /// Comments.
    pub comments: Vec<String>,
    /// Earlier results of the same measure, in the order of the document.
    pub previous: Vec<Previous>,
}

impl Observation {
    /// Whether it is an alert: `AA`, `HH` or `LL` (JDV_HL7_ObservationInterpretation).
    pub fn is_critical(&self) -> bool {
        self.interpretations.iter().any(|code| meaning(&code.code) == Meaning::Critical)
    }

    /// Whether the laboratory says that it is not normal; critical ones included.
    pub fn is_abnormal(&self) -> bool {
        self.interpretations
            .iter()
            .any(|code| matches!(meaning(&code.code), Meaning::Critical | Meaning::Abnormal))
    }

    /// Whether it is to be pointed out without being abnormal: positive, detected, reactive, resistant…
    pub fn is_notable(&self) -> bool {
        self.interpretations.iter().any(|code| meaning(&code.code) == Meaning::Notable)
    }

    /// A hint, computed: whether a number stands below or above the normal range. `None` where the laboratory has given
    /// an interpretation, where units differ, or where there is nothing to compare.
    pub fn outside(&self) -> Option<Outside> {
        let [Value::Quantity { value, unit }] = self.values.as_slice() else { return None };
        if !self.interpretations.is_empty() {
            return None;
        }
        let value = number(value)?;
        let range = self.ranges.iter().find(|range| range.is_normal())?;
        let limit = |bound: &Option<Bound>| {
            let bound = bound.as_ref().filter(|bound| bound.unit == *unit)?;
            number(&bound.value)
        };
        if limit(&range.low).is_some_and(|low| value < low) {
            Some(Outside::Below)
        } else if limit(&range.high).is_some_and(|high| value > high) {
            Some(Outside::Above)
        } else {
            None
        }
    }

    /// What the interpretations say, in French.
    pub fn interpretation(&self) -> Option<String> {
        let labels: Vec<&str> = self
            .interpretations
            .iter()
            .map(|code| match interpretation_label(&code.code) {
                Some(label) => label,
                None if code.display_name.is_empty() => &code.code,
                None => &code.display_name,
            })
            .collect();
        (!labels.is_empty()).then(|| labels.join(", "))
    }

    /// The values in French.
    pub fn value(&self) -> String {
        self.values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ; ")
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

/// On which side of its range a value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// Below the lower bound.
    Below,
    /// Above the upper bound.
    Above,
}

/// A reference range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Lower bound; missing where there is none.
    pub low: Option<Bound>,
    /// Upper bound; missing where there is none.
    pub high: Option<Bound>,
    /// A range in words.
    pub text: Option<String>,
    /// What being within it means; `N`, or nothing.
    pub interpretation: Option<Code>,
}

impl Range {
    /// Whether this is the range of normal values.
    pub fn is_normal(&self) -> bool {
        self.interpretation.as_ref().is_none_or(|code| code.code == "N")
    }
}

impl std::fmt::Display for Range {
    /// In French: `0,27 – 4,2 m[UI]/L`, `< 1,6 g/L`, or the words.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.low, &self.high, &self.text) {
            (None, None, Some(text)) => f.write_str(text),
            (low, high, _) => Value::Interval { low: low.clone(), high: high.clone() }.fmt(f),
        }
    }
}

/// An earlier result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Previous {
    /// When it was.
    pub time: Option<Time>,
    /// Its values.
    pub values: Vec<Value>,
}

/// A germ that grew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Isolate {
    /// What it is, SNOMED CT most often.
    pub code: Option<Code>,
    /// Its name; may be empty.
    pub label: String,
    /// What was measured on it: indices into [`Laboratory::results`], the lines of its antibiogram included.
    pub results: Vec<usize>,
}
