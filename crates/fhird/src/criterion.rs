//! One criterion of a search, and what it is held against.
//!
//! The semantics are those of the real server (spec 03 §2.2): a text is the start of the value, without regard to case and
//! accents; no words are told apart, so that `JEAN PIERRE` does not find `JEAN-PIERRE`.

use std::borrow::Cow;

use kernel::Timestamp;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::outcome::Refusal;
use crate::resource::{Resource, Shape};

/// Alternatives of one criterion at most.
const ALTERNATIVES: usize = 100;

/// How far back `_lastUpdated` reaches, in days (spec 03 §2.1).
pub(crate) const DAYS_BACK: i64 = 30;

const DAY: i64 = 86_400_000_000;

/// One value of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Text(&'a str),
    /// System and code.
    Token(&'a str, Cow<'a, str>),
    /// Kind and id.
    Reference(&'static str, &'a str),
    Date(Timestamp),
}

/// One parameter with its values: any of them will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Criterion {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    any: Vec<Wanted>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Start(String),
    Inside(String),
    Exactly(String),
    Token {
        system: Option<String>,
        code: Option<String>,
    },
    Reference {
        kind: Option<String>,
        id: String,
    },
    /// Prefix, first microsecond, first microsecond after.
    Date(String, i64, i64),
}

impl Criterion {
    /// Reads `name[:modifier]=value[,value…]`.
    ///
    /// # Errors
    /// 400 for an unknown parameter or modifier, and for a value that is none.
    pub(crate) fn parse(resource: Resource, key: &str, value: &str, now: Timestamp) -> Result<Self, Refusal> {
        let (name, modifier) = key.split_once(':').map_or((key, ""), |(name, modifier)| (name, modifier));
        let found = resource.parameters().find(|(known, _)| *known == name);
        let (name, shape) = found.ok_or_else(|| unknown(resource, name))?;
        let is_text = shape == Shape::Text;
        if !(modifier.is_empty() || is_text && matches!(modifier, "contains" | "exact")) {
            return Err(Refusal::bad(format!("Modifier :{} is not supported on {name}", short(modifier))));
        }
        let values = alternatives(value);
        if values.len() > ALTERNATIVES {
            return Err(Refusal::bad(format!("Parameter {name} has more than {ALTERNATIVES} values")));
        }
        if values.iter().all(|value| value.trim().is_empty()) {
            return Err(Refusal::bad(format!("Parameter {name} has no value")));
        }
        let read = |value: String| match shape {
            Shape::Text if modifier == "exact" => Ok(Wanted::Exactly(value)),
            Shape::Text if modifier == "contains" => Ok(Wanted::Inside(fold(&value))),
            Shape::Text => Ok(Wanted::Start(fold(&value))),
            Shape::Token => Ok(token(&value)),
            Shape::Reference => Ok(reference(&value)),
            Shape::Date => date(name, &value, now),
        };
        let any = values.into_iter().filter(|value| !value.is_empty()).map(read).collect::<Result<_, _>>()?;
        Ok(Self { name, shape, any })
    }

    /// Whether one of these values is wanted.
    pub(crate) fn holds(&self, fields: &[Field<'_>]) -> bool {
        fields.iter().any(|field| self.any.iter().any(|wanted| wanted.is(field)))
    }
}

impl Wanted {
    fn is(&self, field: &Field<'_>) -> bool {
        match (self, field) {
            (Self::Start(text), Field::Text(value)) => fold(value).starts_with(text.as_str()),
            (Self::Inside(text), Field::Text(value)) => fold(value).contains(text.as_str()),
            (Self::Exactly(text), Field::Text(value)) => value == text,
            (Self::Token { system, code }, Field::Token(its_system, its_code)) => {
                system.as_deref().is_none_or(|system| system == *its_system)
                    && code.as_deref().is_none_or(|code| code == its_code)
            }
            (Self::Reference { kind, id }, Field::Reference(its_kind, its_id)) => {
                kind.as_deref().is_none_or(|kind| kind == *its_kind) && id == its_id
            }
            (Self::Date(prefix, first, after), Field::Date(at)) => {
                let at = at.as_microsecond();
                match prefix.as_str() {
                    "ge" => at >= *first,
                    "gt" | "sa" => at >= *after,
                    "le" => at < *after,
                    "lt" | "eb" => at < *first,
                    "ne" => !(*first..*after).contains(&at),
                    _ => (*first..*after).contains(&at),
                }
            }
            _ => false,
        }
    }
}

/// Lower case without accents: the copy that the real server searches.
pub fn fold(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// At most 80 characters of what a client sent, for a text that says what was wrong.
pub(crate) fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

fn unknown(resource: Resource, name: &str) -> Refusal {
    // As the real server says it of `_summary`.
    Refusal::bad(format!("Parameter {} not found for {}", short(name), resource.name()))
}

/// The values between commas; `\,` is a comma of a value (FHIR R4 §3.1.1.4.0.1).
fn alternatives(value: &str) -> Vec<String> {
    let (mut values, mut current, mut escaped) = (Vec::new(), String::new(), false);
    for c in value.chars() {
        match c {
            _ if escaped => {
                if !matches!(c, ',' | '|' | '$' | '\\') {
                    current.push('\\');
                }
                current.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            ',' => values.push(std::mem::take(&mut current)),
            _ => current.push(c),
        }
    }
    values.push(current);
    values
}

fn token(value: &str) -> Wanted {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    match value.split_once('|') {
        Some((system, code)) => Wanted::Token { system: Some(system.to_owned()), code: some(code) },
        None => Wanted::Token { system: None, code: some(value) },
    }
}

fn reference(value: &str) -> Wanted {
    let mut parts = value.rsplit('/');
    let id = parts.next().unwrap_or_default().to_owned();
    Wanted::Reference { kind: parts.next().map(str::to_owned), id }
}

fn date(name: &str, value: &str, now: Timestamp) -> Result<Wanted, Refusal> {
    let wrong = || Refusal::bad(format!("Parameter {name}: {:?} is not a date (geYYYY-MM-DD)", short(value)));
    let split = value.find(|c: char| c.is_ascii_digit()).unwrap_or(value.len());
    let (prefix, text) = value.split_at(split);
    if !matches!(prefix, "" | "eq" | "ne" | "ge" | "gt" | "le" | "lt" | "sa" | "eb") {
        return Err(wrong());
    }
    let is_day = text.len() == 10;
    let instant = if is_day { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let first = instant.parse::<Timestamp>().map_err(|_| wrong())?.as_microsecond();
    let reaches_back = !matches!(prefix, "le" | "lt" | "eb" | "ne");
    if reaches_back && first < now.as_microsecond() - (DAYS_BACK + 1) * DAY {
        let text = format!("Parameter {name}: changes are kept for {DAYS_BACK} days");
        return Err(Refusal::bad(text));
    }
    Ok(Wanted::Date(prefix.to_owned(), first, first + if is_day { DAY } else { 1 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(key: &str, value: &str, field: Field<'_>) -> bool {
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        Criterion::parse(Resource::Practitioner, key, value, now).unwrap().holds(&[field])
    }

    #[test]
    fn a_text_is_the_start_of_the_value_without_case_and_accents() {
        let jean = || Field::Text("Jean-Rémi");
        assert!(holds("given", "jean", jean()) && holds("given", "JEAN-REMI", jean()));
        assert!(!holds("given", "remi", jean()) && !holds("given", "jean remi", jean()));
        assert!(holds("given:contains", "REMI", jean()) && holds("given:exact", "Jean-Rémi", jean()));
        assert!(!holds("given:exact", "Jean-Remi", jean()) && holds("given", "paul,je", jean()));
        assert!(holds("given", "a\\,b", Field::Text("A,B")) && !holds("given", ".*", jean()));
    }

    #[test]
    fn a_token_has_a_system_or_not() {
        let rpps = || Field::Token("https://rpps.esante.gouv.fr", "99900000018".into());
        for value in [
            "99900000018",
            "https://rpps.esante.gouv.fr|99900000018",
            "https://rpps.esante.gouv.fr|",
            "1,99900000018",
        ] {
            assert!(holds("identifier", value, rpps()), "{value}");
        }
        for value in ["9990000001", "|99900000018", "urn:oid:1|99900000018"] {
            assert!(!holds("identifier", value, rpps()), "{value}");
        }
    }

    #[test]
    fn a_day_is_a_day_whole_and_no_older_than_a_month() {
        let at = |text: &str| Field::Date(text.parse().unwrap());
        let noon = || at("2026-11-20T12:00:00Z");
        for (value, is) in [
            ("ge2026-11-20", true),
            ("gt2026-11-20", false),
            ("le2026-11-20", true),
            ("lt2026-11-20", false),
            ("2026-11-20", true),
            ("ne2026-11-20", false),
            ("ge2026-11-20T12:00:01Z", false),
        ] {
            assert_eq!(holds("_lastUpdated", value, noon()), is, "{value}");
        }
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        for value in ["ge2026-10-01", "ge2026-13-01", "ge", "xx2026-11-20", "ge20", "geé026-11-20"] {
            let refusal = Criterion::parse(Resource::Practitioner, "_lastUpdated", value, now).unwrap_err();
            assert_eq!(refusal.status, 400, "{value}");
        }
        assert!(Criterion::parse(Resource::Practitioner, "_lastUpdated", "ge2026-10-24", now).is_ok());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let now = Timestamp::UNIX_EPOCH;
        for (key, value) in [
            ("_summary", "count"),
            ("address-city", "x"),
            ("family:text", "x"),
            ("active:not", "true"),
            ("family", ""),
            ("family", " , "),
            ("mailbox-mss-type", "PER"),
            ("organization.name", "x"),
        ] {
            let refusal = Criterion::parse(Resource::Practitioner, key, value, now).unwrap_err();
            assert_eq!(refusal.status, 400, "{key}");
            assert!(refusal.text.contains(key.split(':').next().unwrap()), "{}", refusal.text);
        }
        let many = "x,".repeat(101);
        assert!(Criterion::parse(Resource::Practitioner, "family", &many, now).is_err());
    }
}
