use std::fmt;

use crate::{Code, Time};

/// A value, by its HL7 data type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// PQ, REAL, INT, MO: a number as written, and its unit (UCUM); empty where it has none.
    Quantity {
        /// As written, with a point.
        value: String,
        /// As written.
        unit: String,
    },
    /// IVL_PQ, IVL_REAL, IVL_INT: between bounds, or beyond one.
    Interval {
        /// From.
        low: Option<Bound>,
        /// To.
        high: Option<Bound>,
    },
    /// CD, CE, CV, CS, CO.
    Coded {
        /// The code, where there is one.
        code: Option<Code>,
        /// What the narrative says, else the label, else the code.
        text: String,
    },
    /// RTO: one over the other.
    Ratio {
        /// Above.
        numerator: Box<Value>,
        /// Below.
        denominator: Box<Value>,
    },
    /// ST, ED, SC, and types that are not known.
    Text(String),
    /// BL.
    Truth(bool),
    /// TS.
    Point(Time),
    /// Nothing, and why (`nullFlavor`); empty where no reason is given.
    Missing(String),
}

/// A bound of an interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// As written.
    pub value: String,
    /// As written (UCUM).
    pub unit: String,
    /// Whether the bound itself belongs to it; HL7 says yes where nothing is said.
    pub inclusive: bool,
}

/// In French, with a decimal comma, for a person to read. Whoever computes takes the fields.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantity { value, unit } => quantity(f, value, unit),
            Self::Interval { low: Some(low), high: Some(high) } => {
                if low.unit == high.unit || low.unit.is_empty() {
                    write!(f, "{} – ", comma(&low.value))?;
                } else {
                    quantity(f, &low.value, &low.unit)?;
                    f.write_str(" – ")?;
                }
                quantity(f, &high.value, &high.unit)
            }
            Self::Interval { low: Some(low), high: None } => {
                f.write_str(if low.inclusive { "≥ " } else { "> " })?;
                quantity(f, &low.value, &low.unit)
            }
            Self::Interval { low: None, high: Some(high) } => {
                f.write_str(if high.inclusive { "≤ " } else { "< " })?;
                quantity(f, &high.value, &high.unit)
            }
            Self::Interval { low: None, high: None } => Ok(()),
            Self::Coded { text, .. } | Self::Text(text) => f.write_str(text),
            Self::Ratio { numerator, denominator } => write!(f, "{numerator} / {denominator}"),
            Self::Truth(true) => f.write_str("oui"),
            Self::Truth(false) => f.write_str("non"),
            Self::Point(time) => f.write_str(&crate::french::moment(time)),
            Self::Missing(_) => f.write_str("non renseigné"),
        }
    }
}

fn quantity(f: &mut fmt::Formatter<'_>, value: &str, unit: &str) -> fmt::Result {
    f.write_str(&comma(value))?;
    match unit {
        "" | "1" => Ok(()),
        unit => write!(f, " {}", unit_label(unit)),
    }
}

fn comma(value: &str) -> String {
    value.replace('.', ",")
}

/// A unit of UCUM as laboratories print it: `[IU]` is `UI`, `ug` is `µg`, `10*9` is `10^9`, notes in braces go.
fn unit_label(unit: &str) -> String {
    let mut out = String::with_capacity(unit.len());
    let mut note = false;
    for c in unit.chars() {
        match c {
            '{' => note = true,
            '}' if note => note = false,
            _ if note => {}
            '*' => out.push('^'),
            c => out.push(c),
        }
    }
    if out.is_empty() || out.starts_with('/') && unit.starts_with('{') {
        return unit.replace(['{', '}'], "");
    }
    let out = out.replace("[IU]", "UI").replace("[iU]", "UI").replace("[pH]", "");
    let micro = |part: &str| match part {
        "ug" | "umol" | "uL" | "ul" | "um" | "us" | "uUI" => format!("µ{}", &part[1..]),
        part => part.to_owned(),
    };
    out.split('/').map(micro).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_said_in_french() {
        let quantity = |value: &str, unit: &str| Value::Quantity { value: value.into(), unit: unit.into() };
        let bound =
            |value: &str, inclusive| Some(Bound { value: value.into(), unit: "ug/mL".into(), inclusive });
        for (value, said) in [
            (quantity("1.950", "m[IU]/L"), "1,950 mUI/L"),
            (quantity("500", "/mL"), "500 /mL"),
            (quantity("7.5", "10*9/L"), "7,5 10^9/L"),
            (quantity("2.0", "1"), "2,0"),
            (quantity("12", "{copies}/mL"), "12 copies/mL"),
            (quantity("86", "umol/L"), "86 µmol/L"),
            (Value::Interval { low: bound("0.5", true), high: None }, "≥ 0,5 µg/mL"),
            (Value::Interval { low: None, high: bound("0.5", false) }, "< 0,5 µg/mL"),
            (Value::Interval { low: bound("0.1", true), high: bound("0.5", true) }, "0,1 – 0,5 µg/mL"),
            (Value::Truth(true), "oui"),
            (Value::Missing("NAV".into()), "non renseigné"),
        ] {
            assert_eq!(value.to_string(), said);
        }
    }
}
