use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde_json::Value;
use web::{Locale, T};

use super::document::{resolve, schemas};
use crate::Face;
use crate::frame::page;

/// `GET /api`: the description as a page. Rendered here and not by a viewer from elsewhere: pages load nothing foreign.
pub(crate) async fn show(State(face): State<Face>, headers: HeaderMap, uri: Uri) -> Response {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let all = &*super::DESCRIPTION;
    let body = Reference {
        t,
        about: Prose::new(&all["info"]["description"]),
        version: text(&all["info"]["version"]),
        server: &face.bench.parts().addresses.server,
        key_file: face.bench.parts().data.join("run/api-key").display().to_string(),
        parts: parts(t, all, &face.bench.parts().addresses.server),
        common: common(all),
        schemas: schemas(all).map(|(name, schema)| Schema::new(all, name, schema)).collect(),
    };
    page(&face, lang, &t.get("api-title"), &uri).style(face.assets.path("api.css")).show(&body)
}

#[derive(Template)]
#[template(path = "api.html")]
struct Reference<'a> {
    t: T,
    about: Prose,
    version: String,
    server: &'a str,
    key_file: String,
    parts: Vec<Part>,
    common: Vec<AnswerRow>,
    schemas: Vec<Schema>,
}

/// Statuses that every operation may answer: told once.
const COMMON: [&str; 3] = ["401", "403", "503"];

/// The operations about one thing.
struct Part {
    id: String,
    title: String,
    about: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    about: Prose,
    parameters: Vec<Row>,
    body: Option<Content>,
    answers: Vec<AnswerRow>,
    curl: String,
}

/// A parameter of an operation, or a field of an object.
struct Row {
    name: String,
    place: String,
    required: bool,
    kind: Kind,
    about: Prose,
}

struct Content {
    media: String,
    kind: Kind,
    about: Prose,
}

struct AnswerRow {
    status: String,
    good: bool,
    kind: Option<Kind>,
    about: Prose,
}

/// A named object.
struct Schema {
    name: String,
    about: Prose,
    kind: Kind,
    words: Vec<String>,
    fields: Vec<Row>,
}

/// What a value is: words around the name of an object, which is a link.
#[derive(Default)]
struct Kind {
    before: String,
    link: Option<String>,
    after: String,
}

/// Text with `code` in it: each piece, and whether it is code.
struct Prose(Vec<(bool, String)>);

impl Prose {
    fn new(value: &Value) -> Self {
        let pieces = value.as_str().unwrap_or_default().split('`').enumerate();
        Self(
            pieces
                .filter(|(_, piece)| !piece.is_empty())
                .map(|(n, piece)| (n % 2 == 1, piece.replace('*', "")))
                .collect(),
        )
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn parts(t: T, all: &Value, server: &str) -> Vec<Part> {
    let tags = all["tags"].as_array().into_iter().flatten();
    tags.map(|tag| Part {
        id: text(&tag["name"]),
        title: title(t, &text(&tag["name"])),
        about: text(&tag["description"]),
        operations: operations(all, server, &tag["name"]),
    })
    .collect()
}

fn common(all: &Value) -> Vec<AnswerRow> {
    let answers = all["paths"]["/api/v1/jobs"]["get"]["responses"].as_object().into_iter().flatten();
    answers.filter(|(status, _)| COMMON.contains(&status.as_str())).map(AnswerRow::new).collect()
}

fn title(t: T, tag: &str) -> String {
    match tag {
        "products" => t.get("api-tag-products"),
        "jobs" => t.get("api-tag-jobs"),
        "campaigns" => t.get("api-tag-campaigns"),
        "runs" => t.get("api-tag-runs"),
        "proofs" => t.get("api-tag-proofs"),
        "check" => t.get("check-title"),
        "bench" => t.get("api-tag-bench"),
        other => other.to_owned(),
    }
}

fn operations(all: &Value, server: &str, tag: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, methods) in all["paths"].as_object().into_iter().flatten() {
        for method in ["get", "post", "put", "delete"] {
            if let Some(operation) = methods.get(method).filter(|operation| operation["tags"][0] == *tag) {
                found.push(Operation::new(all, server, path, method, operation));
            }
        }
    }
    found
}

impl Operation {
    fn new(all: &Value, server: &str, path: &str, method: &str, operation: &Value) -> Self {
        let content = operation["requestBody"]["content"].as_object().and_then(|all| all.iter().next());
        Self {
            id: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            about: Prose::new(&operation["description"]),
            parameters: operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .map(Row::parameter)
                .collect(),
            body: content.map(|(media, content)| Content {
                media: media.clone(),
                kind: Kind::of(&content["schema"]),
                about: Prose::new(&operation["requestBody"]["description"]),
            }),
            answers: operation["responses"]
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(status, _)| !COMMON.contains(&status.as_str()))
                .map(AnswerRow::new)
                .collect(),
            curl: curl(all, server, path, method, operation),
        }
    }
}

impl Row {
    fn parameter(value: &Value) -> Self {
        Self {
            name: text(&value["name"]),
            place: text(&value["in"]),
            required: value["required"] == true,
            kind: Kind::of(&value["schema"]),
            about: Prose::new(&value["description"]),
        }
    }
}

impl AnswerRow {
    fn new((status, value): (&String, &Value)) -> Self {
        let content = value["content"].as_object().and_then(|all| all.values().next());
        Self {
            status: status.clone(),
            good: status.starts_with('2'),
            kind: content.map(|content| Kind::of(&content["schema"])),
            about: Prose::new(&value["description"]),
        }
    }
}

impl Schema {
    fn new(all: &Value, name: &str, schema: &Value) -> Self {
        let words =
            schema["enum"].as_array().into_iter().flatten().map(|word| word.to_string().replace('"', ""));
        let mut fields = Vec::new();
        collect(all, schema, &mut fields);
        Self {
            name: name.to_owned(),
            about: Prose::new(&schema["description"]),
            kind: Kind::of(schema),
            words: words.map(|word| if word.is_empty() { "\"\"".into() } else { word }).collect(),
            fields,
        }
    }
}

/// The fields of an object, those of the objects that it is made of included.
fn collect(all: &Value, schema: &Value, fields: &mut Vec<Row>) {
    for part in schema["allOf"].as_array().into_iter().flatten() {
        match part["$ref"].as_str().and_then(|reference| resolve(all, reference)) {
            Some((_, part)) => collect(all, part, fields),
            None => collect(all, part, fields),
        }
    }
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let about = match field["$ref"].as_str().and_then(|reference| resolve(all, reference)) {
            Some((_, schema)) if field.get("description").is_none() => &schema["description"],
            _ => &field["description"],
        };
        fields.push(Row {
            name: name.clone(),
            place: String::new(),
            required: required.contains(&name.as_str()),
            kind: Kind::of(field),
            about: Prose::new(about),
        });
    }
}

impl Kind {
    fn of(schema: &Value) -> Self {
        if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
            return Self { link: Some(name.to_owned()), ..Self::default() };
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[choice].as_array() {
                let real = choices.iter().find(|choice| choice["type"] != "null");
                let mut kind = real.map(Self::of).unwrap_or_default();
                if choices.iter().any(|choice| choice["type"] == "null") {
                    kind.after.push_str(" | null");
                }
                return kind;
            }
        }
        if let Some(part) =
            schema["allOf"].as_array().filter(|all| all.len() == 1).and_then(|all| all.first())
        {
            return Self::of(part);
        }
        let names: Vec<&str> = match &schema["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        let null = if names.contains(&"null") { " | null" } else { "" };
        if names.contains(&"array") {
            let of = Self::of(&schema["items"]);
            return Self {
                before: format!("[{}", of.before),
                link: of.link,
                after: format!("{}]{null}", of.after),
            };
        }
        let mut words = names.first().copied().unwrap_or("object").to_owned();
        if let Some(format) = schema["format"].as_str().filter(|format| !format.starts_with("int")) {
            words = format.to_owned();
        }
        words.push_str(&range(schema));
        match &schema["default"] {
            Value::Null => {}
            value => words.push_str(&format!(" ({value})")),
        }
        Self { before: words + null, ..Self::default() }
    }
}

/// The values that are taken; limits that nobody meets are not told.
fn range(schema: &Value) -> String {
    let highest = schema["maximum"].as_u64().filter(|most| *most < 1 << 32);
    match (schema["minimum"].as_i64(), highest, schema["maxLength"].as_u64()) {
        (Some(least), Some(most), _) => format!(" {least}–{most}"),
        (Some(least), None, _) => format!(" ≥ {least}"),
        (None, _, Some(longest)) => format!(" ≤ {longest}"),
        _ => String::new(),
    }
}

/// A command that can be pasted: required parameters by their names, a body where there is one.
fn curl(all: &Value, server: &str, path: &str, method: &str, operation: &Value) -> String {
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        if parameter["in"] == "query" && parameter["required"] == true {
            let name = text(&parameter["name"]);
            query.push(format!(
                "{name}={}",
                example(all, &parameter["schema"], parameter.get("example")).trim_matches('"')
            ));
        }
    }
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let mut command = String::from("curl -H \"Authorization: Bearer $(cat $KEY)\"");
    if method != "get" {
        command.push_str(&format!(" -X {}", method.to_uppercase()));
    }
    if let Some((media, content)) =
        operation["requestBody"]["content"].as_object().and_then(|content| content.iter().next())
    {
        command.push_str(&format!(" -H 'Content-Type: {media}'"));
        command.push_str(&match media.as_str() {
            "application/json" => format!(" -d '{}'", example(all, &content["schema"], None)),
            _ => " --data-binary @FILE".into(),
        });
    }
    format!("{command} '{server}{path}{query}'")
}

/// What a value looks like: its example, else something of its kind. Optional fields are left out.
fn example(all: &Value, schema: &Value, given: Option<&Value>) -> String {
    if let Some(example) = given.or(schema.get("example")).or(schema["enum"].get(0)) {
        return example.to_string();
    }
    if let Some((_, schema)) = schema["$ref"].as_str().and_then(|reference| resolve(all, reference)) {
        return example(all, schema, None);
    }
    match schema["type"].as_str().unwrap_or("object") {
        "object" => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let fields = required
                .map(|name| format!("\"{name}\":{}", example(all, &schema["properties"][name], None)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        "array" => "[]".into(),
        "boolean" => "true".into(),
        "integer" | "number" => "1".into(),
        _ => "\"…\"".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_place_and_a_command() {
        let all = &*super::super::DESCRIPTION;
        let shown: usize =
            parts(T(i18n::Lang::En), all, "http://x").iter().map(|part| part.operations.len()).sum();
        let described: usize = all["paths"]
            .as_object()
            .unwrap()
            .values()
            .map(|methods| methods.as_object().unwrap().len())
            .sum();
        assert_eq!(shown, described);
        let all_parts = parts(T(i18n::Lang::En), all, "http://x");
        let commands: Vec<&str> = all_parts
            .iter()
            .flat_map(|part| &part.operations)
            .map(|operation| operation.curl.as_str())
            .collect();
        let starts = commands.iter().find(|command| command.ends_with("/campaigns'")).unwrap();
        assert!(starts.contains(r#"-d '{"nil":"2621","what":"psc-nil"}'"#), "{starts}");
        assert!(commands.iter().any(|command| command.ends_with("/preflight?job=psc-nil'")), "{commands:?}");
    }

    #[test]
    fn code_is_told_from_words() {
        let Prose(pieces) = Prose::new(&Value::from("Send `commit=true` to *register*"));
        assert_eq!(
            pieces,
            [(false, "Send ".into()), (true, "commit=true".into()), (false, " to register".to_owned())]
        );
    }
}
