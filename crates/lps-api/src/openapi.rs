//! The router, made from the handlers' own annotations, and the description, made from the same: what is served is what
//! is described. What every operation has in common is written into the description once.

use std::sync::LazyLock;

use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::Guard;

use crate::problem::{MEDIA, Problem};
use crate::{
    Service, access, documents, hooks, keys, mailboxes, mails, news, once, patients, people, requests, traces,
};

/// Where the API is.
const PREFIX: &str = "/api/v1";

/// Longest body, in octets: a mail is never sent here.
const BODY_LIMIT: usize = 1024 * 1024;

/// Longest refusal of axum's own that is passed on, in octets.
const REFUSAL: usize = 4 * 1024;

const ABOUT: &str = "What a medical software calls to receive MSSanté documents: mailboxes, the work list, filing, requests, \
patients, people, traces. The key (`Authorization: Bearer KEY`) names the practice; `Vaguemestre-Person` names who acts, and \
`Vaguemestre-Behalf` for whom. `Idempotency-Key` makes a repetition of POST, PUT or DELETE harmless for a week. Refusals are \
`application/problem+json` with `stage` and `retry`. Objects are open: fields are added over time, none is renamed or removed. \
Times are RFC 3339.";

/// What the parts of the API are about, in the order of the page.
const TAGS: &[(&str, &str)] = &[
    ("documents", "The work list, its documents and mails, and what is done with them"),
    ("requests", "Replacements and deletions that senders ask for"),
    ("patients", "Patients' files, as far as filing needs them"),
    ("mailboxes", "How mailboxes are reached; last fetch; diagnosis"),
    ("people", "People and their rights"),
    ("traces", "Who did what, when: search, export, check of the chain"),
    ("news", "What changed: asked for, followed, or told by webhooks"),
    ("service", "The practice of the key, and its keys"),
];

pub(crate) fn router(service: Service, port: u16) -> Router {
    let (operations, _) = described();
    let api = operations
        .layer(from_fn(once::once))
        // Outside of `once`: what answers with a secret, or takes one, is never kept.
        .merge(secrets().split_for_parts().0)
        .route("/api/{*rest}", any(lost))
        .layer(from_fn_with_state(service.clone(), access::check))
        .route("/api/v1/openapi.json", get(description))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(service);
    web::face(api, Guard::local(port), BODY_LIMIT).layer(from_fn(as_problem))
}

/// Operations whose repetition is answered from memory, where asked.
fn operations() -> OpenApiRouter<Service> {
    let all = OpenApiRouter::default()
        .routes(routes!(documents::list))
        .routes(routes!(documents::show))
        .routes(routes!(documents::content))
        .routes(routes!(documents::proposal))
        .routes(routes!(documents::life))
        .routes(routes!(documents::act))
        .routes(routes!(mails::failing))
        .routes(routes!(mails::show))
        .routes(routes!(mails::source))
        .routes(routes!(mails::part))
        .routes(routes!(mails::retry))
        .routes(routes!(requests::list))
        .routes(routes!(requests::show))
        .routes(routes!(requests::decide))
        .routes(routes!(patients::list, patients::add))
        .routes(routes!(patients::show, patients::save, patients::remove))
        .routes(routes!(patients::circle, patients::care))
        .routes(routes!(patients::uncare))
        .routes(routes!(mailboxes::list, mailboxes::add))
        .routes(routes!(mailboxes::show, mailboxes::remove))
        .routes(routes!(mailboxes::sync))
        .routes(routes!(mailboxes::diagnostic))
        .routes(routes!(people::list, people::add))
        .routes(routes!(people::show, people::save, people::remove))
        .routes(routes!(people::rights))
        .routes(routes!(people::grant, people::revoke))
        .routes(routes!(traces::list))
        .routes(routes!(traces::csv))
        .routes(routes!(traces::chain))
        .routes(routes!(news::changes))
        .routes(routes!(news::events))
        .routes(routes!(hooks::show, hooks::remove))
        .routes(routes!(hooks::resume))
        .routes(routes!(keys::practice))
        .routes(routes!(keys::revoke));
    OpenApiRouter::default().nest(PREFIX, all)
}

fn secrets() -> OpenApiRouter<Service> {
    let all = OpenApiRouter::default()
        .routes(routes!(hooks::list, hooks::add))
        .routes(routes!(keys::list, keys::add))
        .routes(routes!(mailboxes::log_in));
    OpenApiRouter::default().nest(PREFIX, all)
}

/// Every operation, with what is said of it.
fn described() -> (Router<Service>, utoipa::openapi::OpenApi) {
    let (router, mut said) = operations().split_for_parts();
    said.merge(secrets().split_for_parts().1);
    (router, said)
}

/// The description, made once.
static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| complete(described().1));

async fn description() -> Json<&'static Value> {
    Json(&*DESCRIPTION)
}

async fn lost(request: Request) -> Response {
    let said = format!("nothing is at {}", request.uri().path());
    Problem::unreadable(StatusCode::NOT_FOUND, said).into_response()
}

/// Makes a problem of every refusal under `/api` that is none yet: what axum and the guard refuse by themselves.
async fn as_problem(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let of_api = request.uri().path().starts_with("/api/");
    let response = next.run(request).await;
    let is_problem = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == MEDIA);
    if is_problem || !of_api || !response.status().is_client_error() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let said = to_bytes(body, REFUSAL).await.unwrap_or_default();
    let guards: Value = serde_json::from_slice(&said).unwrap_or_default();
    let said = String::from_utf8_lossy(&said).into_owned();
    let allow = parts.headers.get(ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or_default();
    let text = |field: &str| guards["error"][field].as_str().unwrap_or_default();
    let problem = match parts.status {
        StatusCode::METHOD_NOT_ALLOWED => refused_method(&method, allow),
        StatusCode::FORBIDDEN => {
            Problem::forbidden(parts.status, text("message"), text("next")).field(text("field"))
        }
        status if said.is_empty() => {
            Problem::unreadable(status, status.canonical_reason().unwrap_or("refused"))
        }
        status => Problem::unreadable(status, said),
    };
    let mut answer = problem.into_response();
    for (name, value) in parts.headers {
        if let Some(name) = name.filter(|name| name != CONTENT_TYPE && name != CONTENT_LENGTH) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

fn refused_method(method: &Method, allow: &str) -> Problem {
    let said = format!("{method} is no method of this address; use one of: {allow}");
    Problem::unreadable(StatusCode::METHOD_NOT_ALLOWED, said)
}

// === The description ===

/// The description with what every operation has in common.
fn complete(made: utoipa::openapi::OpenApi) -> Value {
    let mut all = serde_json::to_value(made).expect("a description serialises");
    all["info"] = json!({
        "title": "Vaguemestre LPS", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
        "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
    });
    for (name, schema) in crate::shapes::words() {
        all["components"]["schemas"][name] = serde_json::to_value(schema).expect("a schema serialises");
    }
    all["servers"] = json!([{"url": "/"}]);
    all["security"] = json!([{"key": []}]);
    all["components"]["securitySchemes"] =
        json!({"key": {"type": "http", "scheme": "bearer", "description": "A key of the practice."}});
    all["tags"] =
        TAGS.iter().map(|(name, about)| json!({"name": name, "description": about})).collect::<Value>();
    let empty = Map::new();
    let answered_once: Vec<String> = serde_json::to_value(operations().split_for_parts().1)
        .expect("a description serialises")["paths"]
        .as_object()
        .unwrap_or(&empty)
        .keys()
        .cloned()
        .collect();
    for (path, methods) in all["paths"].as_object_mut().into_iter().flatten() {
        let once = answered_once.contains(path);
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            finish(path, method, operation, once);
        }
    }
    all
}

fn finish(path: &str, method: &str, operation: &mut Value, once: bool) {
    operation["operationId"] = json!(name(path, method));
    let takes_body = operation.get("requestBody").is_some();
    if takes_body {
        operation["requestBody"]["required"] = json!(true);
    }
    let changes = method != "get";
    let mut headers = vec![
        (
            "Vaguemestre-Person",
            "The person who acts: a key of `GET /people`. The software itself where left out",
            32,
        ),
        ("Vaguemestre-Behalf", "The person for whom (*pour le compte de*)", 32),
    ];
    if changes && once {
        headers.push((
            "Idempotency-Key",
            "The same key with the same request is done once and answered the same",
            128,
        ));
    }
    let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let has_own = !parameters.is_empty();
    parameters.extend(headers.into_iter().map(|(name, about, longest)| {
        json!({"name": name, "in": "header", "required": false, "description": about,
               "schema": {"type": "string", "minLength": 1, "maxLength": longest}})
    }));
    operation["parameters"] = parameters.into();
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    let mut also = |status: &str, description: &str, wanted: bool| {
        if wanted && !responses.contains_key(status) {
            let schema = json!({"$ref": "#/components/schemas/Problem"});
            responses.insert(
                status.to_owned(),
                json!({"description": description, "content": {MEDIA: {"schema": schema}}}),
            );
        }
    };
    also(
        "400",
        "`bad_input`: a parameter, a header or the body is wrong; `field` names it",
        takes_body || has_own || changes,
    );
    also("401", "`forbidden`: no key of a practice", true);
    also("403", "`forbidden`: a foreign `Host` or `Origin`; `no_right`: the person may not", true);
    also("404", "`not_found`: nothing of this practice has this key", path.contains('{'));
    also("409", "`busy` or `conflict`: the same request is under way, or was cut off", changes && once);
    also("413", "`bad_input`: the body is too large", takes_body);
    also("415", "`bad_input`: the body is of another media type", takes_body);
    also("422", "`bad_input`: the `Idempotency-Key` was used for another request", changes && once);
    also(
        "503",
        "`storage`: the data directory cannot be read or written now; `offline`: no connector runs",
        true,
    );
    for response in responses.values_mut() {
        // utoipa writes problems as JSON; they have a media type of their own.
        let content = response["content"].as_object().cloned().unwrap_or_default();
        let is_problem = content
            .get("application/json")
            .is_some_and(|body| body["schema"]["$ref"] == "#/components/schemas/Problem");
        if is_problem {
            response["content"] = json!({MEDIA: content["application/json"]});
        }
    }
}

/// `get_documents_key` for `GET /api/v1/documents/{key}`.
fn name(path: &str, method: &str) -> String {
    let words = path.strip_prefix(PREFIX).unwrap_or(path).split('/').filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |name, word| name + "_" + &word.trim_matches(['{', '}']).replace('.', "_"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_says_what_it_is_and_how_it_refuses() {
        let all = &*DESCRIPTION;
        assert_eq!(all["openapi"], "3.1.0");
        let mut names = BTreeSet::new();
        for (path, methods) in all["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let at = format!("{method} {path}");
                assert!(path.starts_with("/api/v1/"), "{at}");
                assert!(names.insert(operation["operationId"].as_str().unwrap()), "{at}: a name twice");
                assert!(operation["summary"].as_str().is_some_and(|words| !words.ends_with('.')), "{at}");
                let tag = operation["tags"][0].as_str().unwrap_or_default();
                assert!(TAGS.iter().any(|(known, _)| *known == tag), "{at}: tag {tag:?}");
                for (status, response) in operation["responses"].as_object().unwrap() {
                    let said = response["description"].as_str().is_some_and(|words| !words.is_empty());
                    assert!(said, "{at} {status}");
                    let refusal = status.starts_with(['4', '5']);
                    assert!(
                        !refusal || response["content"].get(MEDIA).is_some(),
                        "{at} {status}: {response}"
                    );
                }
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    let said = parameter["description"].as_str().is_some_and(|words| !words.is_empty());
                    assert!(said, "{at}: {parameter}");
                }
            }
        }
        assert!(names.len() >= 40, "{names:?}");
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_schema_says_something() {
        let all = &*DESCRIPTION;
        let text = all.to_string();
        for reference in text.split("\"$ref\":\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let name = reference.strip_prefix("#/components/schemas/").unwrap();
            assert!(all["components"]["schemas"].get(name).is_some(), "{reference}");
        }
        for (name, schema) in all["components"]["schemas"].as_object().unwrap() {
            assert!(schema.get("description").is_some(), "{name} says nothing");
        }
    }

    #[test]
    fn what_answers_with_a_secret_is_never_kept() {
        let kept = serde_json::to_value(operations().split_for_parts().1).unwrap();
        for path in ["/api/v1/keys", "/api/v1/webhooks", "/api/v1/mailboxes/{key}/login"] {
            assert!(kept["paths"].get(path).is_none(), "{path}");
            let post = &DESCRIPTION["paths"][path]["post"];
            let takes =
                post["parameters"].as_array().unwrap().iter().any(|one| one["name"] == "Idempotency-Key");
            assert!(!takes, "{path}");
        }
    }
}
