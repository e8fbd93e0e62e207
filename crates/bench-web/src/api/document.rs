use serde_json::{Map, Value, json};

/// What the parts of the API are about, in the order of the page.
const TAGS: &[(&str, &str)] = &[
    ("products", "Products (NIL), their mailboxes, certificates and checklists"),
    ("jobs", "The tree of jobs, and the requirements that they are about"),
    ("campaigns", "What is run together"),
    ("runs", "The history, a run and its log"),
    ("proofs", "Signed files that anybody can check"),
    ("check", "Files held against the requirements, without product or run"),
    ("directory", "Who has which MSSanté address, in the base of this machine"),
    ("bench", "The bench itself: services, settings, tokens of the sandbox"),
];

const ABOUT: &str = "Everything that the pages of the bench do, for programs. Every operation wants the key of the data \
directory (`DATA/run/api-key`) as `Authorization: Bearer KEY`, and a `Host` that is this machine. Objects are open: fields are \
added over time, none is renamed or removed. Times are RFC 3339. Verdicts come from the wire; a verdict of this bench is a \
rehearsal and no proof towards the ANS.";

/// The description with what every operation has in common.
pub(super) fn complete(made: utoipa::openapi::OpenApi) -> Value {
    let mut all = serde_json::to_value(made).expect("a description serialises");
    all["info"] = json!({
        "title": "Vaguemestre", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
        "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
    });
    all["servers"] = json!([{"url": "/"}]);
    all["security"] = json!([{"key": []}]);
    all["components"]["securitySchemes"] = json!({"key": {"type": "http", "scheme": "bearer", "description": "The content of `DATA/run/api-key`."}});
    all["tags"] =
        TAGS.iter().map(|(name, about)| json!({"name": name, "description": about})).collect::<Value>();
    for (path, methods) in all["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            finish(path, method, operation);
        }
    }
    all
}

fn finish(path: &str, method: &str, operation: &mut Value) {
    operation["operationId"] = json!(name(path, method));
    let takes_body = operation.get("requestBody").is_some();
    let any_type = operation["requestBody"]["content"].get("application/octet-stream").is_some();
    let parameters = operation["parameters"].as_array().is_some_and(|all| !all.is_empty());
    if takes_body {
        operation["requestBody"]["required"] = json!(true);
    }
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    let mut also = |status: &str, description: &str, wanted: bool| {
        if wanted && !responses.contains_key(status) {
            responses.insert(status.to_owned(), refusal(description));
        }
    };
    also("400", "`bad_input`: a parameter or the body is wrong; `field` names it", takes_body || parameters);
    also("401", "`forbidden`: no key, or a wrong one", true);
    also("403", "`forbidden`: a foreign `Host` or `Origin`", true);
    also(
        "404",
        "Nothing has this number or name: `unknown_product`, `unknown_job`, else `bad_input`",
        path.contains('{'),
    );
    also("413", "`bad_input`: the body is too large", takes_body);
    also("415", "`bad_input`: the body is of another media type", takes_body && !any_type);
    also("503", "`data_unwritable`: the data directory cannot be read or written", true);
}

fn refusal(description: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/Error"});
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}

/// `get_products_nil` for `GET /api/v1/products/{nil}`.
fn name(path: &str, method: &str) -> String {
    let words = path.strip_prefix(super::PREFIX).unwrap_or(path).split('/').filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |name, word| name + "_" + word.trim_matches(['{', '}']))
}

/// The schema that a reference leads to, with its name.
pub(super) fn resolve<'a>(all: &'a Value, reference: &'a str) -> Option<(&'a str, &'a Value)> {
    let name = reference.strip_prefix("#/components/schemas/")?;
    Some((name, all["components"]["schemas"].get(name)?))
}

/// The named schemas.
pub(super) fn schemas(all: &Value) -> impl Iterator<Item = (&String, &Value)> {
    all["components"]["schemas"].as_object().into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn operations(all: &Value) -> Vec<(&String, &String, &Value)> {
        let paths = all["paths"].as_object().unwrap();
        paths
            .iter()
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
            })
            .collect()
    }

    #[test]
    fn every_operation_says_what_it_is_and_how_it_refuses() {
        let all = &*super::super::DESCRIPTION;
        assert_eq!(all["openapi"], "3.1.0");
        let mut names = BTreeSet::new();
        for (path, method, operation) in operations(all) {
            let at = format!("{method} {path}");
            assert!(path.starts_with("/api/v1/"), "{at}");
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{at}: a name twice");
            assert!(operation["summary"].as_str().is_some_and(|words| !words.ends_with('.')), "{at}");
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            assert!(TAGS.iter().any(|(known, _)| *known == tag), "{at}: tag {tag:?}");
            assert!(operation["responses"].get("403").is_some(), "{at}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                assert!(
                    response["description"].as_str().is_some_and(|words| !words.is_empty()),
                    "{at} {status}"
                );
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(
                    parameter["description"].as_str().is_some_and(|words| !words.is_empty()),
                    "{at}: {parameter}"
                );
            }
        }
        assert!(names.len() >= 30, "{names:?}");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let all = &*super::super::DESCRIPTION;
        let text = all.to_string();
        for reference in text.split("\"$ref\":\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(resolve(all, reference).is_some(), "{reference}");
        }
        for (name, schema) in schemas(all) {
            assert!(
                schema.get("description").is_some() || schema.get("enum").is_some(),
                "{name} says nothing"
            );
        }
    }
}
