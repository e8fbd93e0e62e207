//! Shapes of JSON objects: what a contract promises, and room for the fields that it does not mention.
//!
//! A shape is itself JSON. Its strings are words: `string`, `text` (a string that is not empty), `integer`, `number`,
//! `boolean`, `object`, `any`, `time` (RFC 3339), `path` (absolute), `url`, `sha256` (64 hexadecimal digits), and
//! `=a|b` (one of these strings). A `?` after a word allows null. `[shape]` holds for every element, `{…}` for these
//! fields at least; null, numbers and booleans stand for themselves.

use kernel::Timestamp;
use serde_json::Value;

/// Fails the test where `value` has not this shape.
///
/// # Panics
/// Naming the place and what is wrong there.
#[track_caller]
pub fn assert_shape(value: &Value, shape: &Value) {
    if let Err(why) = check(value, shape, "$") {
        panic!("{why}\nin {value:#}");
    }
}

/// Says where `value` has not this shape.
///
/// # Errors
/// The place, as a path from `$`, and what is wrong there.
pub fn check(value: &Value, shape: &Value, at: &str) -> Result<(), String> {
    match shape {
        Value::String(word) => match word.strip_suffix('?') {
            Some(_) if value.is_null() => Ok(()),
            Some(word) => is(value, word, at),
            None => is(value, word, at),
        },
        Value::Array(shapes) => {
            let elements = value.as_array().ok_or_else(|| format!("{at}: not an array: {value}"))?;
            let shape = shapes.first().ok_or("an array's shape holds the shape of its elements")?;
            elements
                .iter()
                .enumerate()
                .try_for_each(|(n, element)| check(element, shape, &format!("{at}[{n}]")))
        }
        Value::Object(fields) => {
            let object = value.as_object().ok_or_else(|| format!("{at}: not an object: {value}"))?;
            fields.iter().try_for_each(|(name, shape)| {
                let place = format!("{at}.{name}");
                let field = object.get(name).ok_or_else(|| format!("{place}: missing"))?;
                check(field, shape, &place)
            })
        }
        same if same == value => Ok(()),
        other => Err(format!("{at}: {value} is not {other}")),
    }
}

fn is(value: &Value, word: &str, at: &str) -> Result<(), String> {
    let text = value.as_str();
    let good = match word {
        "any" => true,
        "string" => text.is_some(),
        "text" => text.is_some_and(|text| !text.trim().is_empty()),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "time" => text.is_some_and(|text| text.parse::<Timestamp>().is_ok()),
        "path" => text.is_some_and(|text| text.starts_with('/')),
        "url" => text.is_some_and(|text| text.starts_with("http://") || text.starts_with("https://")),
        "sha256" => text.is_some_and(|text| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())),
        choice => match choice.strip_prefix('=') {
            Some(choices) => text.is_some_and(|text| choices.split('|').any(|choice| choice == text)),
            None => return Err(format!("{at}: no shape is named {choice:?}")),
        },
    };
    if good { Ok(()) } else { Err(format!("{at}: {value} is not {word}")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::check;

    #[test]
    fn a_shape_tells_what_is_wrong_and_where() {
        let shape = json!({"a": "integer", "b": [{"c": "=x|y"}], "d": "time?", "e": null});
        let good = json!({"a": 1, "b": [{"c": "x"}, {"c": "y"}], "d": null, "e": null, "more": 1});
        assert_eq!(check(&good, &shape, "$"), Ok(()));
        for (bad, place) in [
            (json!({"a": "1", "b": [], "d": null, "e": null}), "$.a:"),
            (json!({"a": 1, "b": [{"c": "z"}], "d": null, "e": null}), "$.b[0].c:"),
            (json!({"a": 1, "b": [], "d": "noon", "e": null}), "$.d:"),
            (json!({"a": 1, "b": [], "d": null, "e": 0}), "$.e:"),
            (json!({"a": 1, "b": [], "d": null}), "$.e: missing"),
        ] {
            let why = check(&bad, &shape, "$").unwrap_err();
            assert!(why.starts_with(place), "{why}");
        }
        assert!(check(&json!(1), &json!("intger"), "$").is_err(), "a misspelt shape never passes");
    }
}
