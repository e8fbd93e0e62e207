//! What the service answers is what its description says: every operation is called, and what comes back is held against
//! the schema.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use xdm::Action;

use crate::mails::{document, mail, patient};
use crate::{Answer, Lab};

/// The description, and the operations that were seen to do what it says.
struct Description {
    all: Value,
    seen: BTreeSet<String>,
}

impl Description {
    /// Holds a success of an operation against its schema.
    #[track_caller]
    fn hold(&mut self, method: &str, path: &str, answer: &Answer) -> Value {
        let operation = &self.all["paths"][format!("/api/v1{path}")][method.to_lowercase()];
        let at = format!("{method} {path}");
        assert!(operation.is_object(), "{at} is not described");
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        let response = &operation["responses"][answer.status.to_string()];
        assert!(response.is_object(), "{at}: {} is not described: {told}", answer.status);
        assert!(answer.status < 300, "{at}: {told}");
        self.seen.insert(at.clone());
        let Some(schema) = response["content"].get("application/json").map(|body| &body["schema"]) else {
            return Value::Null;
        };
        let value = answer.json();
        if let Err(why) = self.fits(&value, schema, "") {
            panic!("{at}: {why}\n{value:#}");
        }
        value
    }

    fn fits(&self, value: &Value, schema: &Value, at: &str) -> Result<(), String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.strip_prefix("#/components/schemas/").unwrap();
            return self.fits(value, &self.all["components"]["schemas"][name], at);
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[choice].as_array() {
                let tried: Vec<_> = choices.iter().map(|choice| self.fits(value, choice, at)).collect();
                let fits = tried.iter().any(Result::is_ok);
                return if fits { Ok(()) } else { Err(format!("{at}: none of {tried:?}")) };
            }
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one.as_str()],
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            _ => return Ok(()),
        };
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        if !types.contains(&kind) {
            return Err(format!("{at} is {kind}, and is described as {types:?}"));
        }
        if let Some(words) = schema["enum"].as_array()
            && !value.is_null()
            && !words.contains(value)
        {
            return Err(format!("{at} is {value}, none of {words:?}"));
        }
        for one in value.as_array().into_iter().flatten() {
            self.fits(one, &schema["items"], &format!("{at}[]"))?;
        }
        let Some(properties) = schema["properties"].as_object() else { return Ok(()) };
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if value.get(required).is_none() {
                return Err(format!("{at}.{required} is not there"));
            }
        }
        for (name, inner) in value.as_object().into_iter().flatten() {
            match properties.get(name) {
                Some(property) => self.fits(inner, property, &format!("{at}.{name}"))?,
                None => return Err(format!("{at}.{name} is not described")),
            }
        }
        Ok(())
    }
}

/// Calls one operation with the key in its path, and holds the answer.
async fn call(
    lab: &Lab,
    said: &mut Description,
    method: &str,
    path: &str,
    keys: &[&str],
    body: Option<Value>,
) -> Value {
    let mut filled = path.to_owned();
    for key in keys {
        let (from, to) = (filled.find('{').unwrap(), filled.find('}').unwrap());
        filled.replace_range(from..=to, key);
    }
    let request = lab.request(method, &filled);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let answer = lab.send(request).await;
    said.hold(method, path, &answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_as_it_is_described() {
    let lab = Lab::new().await;
    let all = lab.send(lab.http.get(format!("{}/api/v1/openapi.json", lab.base))).await.ok();
    let mut said = Description { all, seen: BTreeSet::new() };
    let said = &mut said;
    let mailbox = lab.mailbox().await;
    let mails = [mail(document(1, 1), Action::Create), mail(document(1, 2), Action::Replace)];
    let keys = lab.receive(&mailbox.key, 1, &mails).await;
    let document = keys[0].as_str();
    macro_rules! call {
        ($method:literal, $path:literal $(, [$($key:expr),*])? $(; $body:expr)?) => {{
            #[allow(unused_mut, unused_assignments)]
            let mut body: Option<Value> = None;
            $(body = Some($body);)?
            call(&lab, said, $method, $path, &[$($($key),*)?], body).await
        }};
    }
    call!("GET", "/practice");
    let record = json!({"identity": patient(), "status": "qualified"});
    let person = call!("POST", "/people"; json!({"name": "Dr Aubert", "role": "doctor", "national_id": "899700000018"}));
    let person = person["key"].as_str().unwrap().to_owned();
    call!("GET", "/people");
    call!("GET", "/people/{key}", [&person]);
    call!("PUT", "/people/{key}", [&person]; json!({"name": "Dr C. Aubert", "role": "doctor"}));
    call!("PUT", "/people/{key}/rights/{mailbox}", [&person, mailbox.key.as_str()]; json!({"may": "act", "until": "2026-12-31"}));
    call!("GET", "/people/{key}/rights", [&person]);
    let listed = call!("GET", "/documents");
    assert_eq!(listed["documents"].as_array().unwrap().len(), 2);
    call!("GET", "/documents/{key}", [document]);
    call!("GET", "/documents/{key}/content", [document]);
    call!("GET", "/documents/{key}/proposal", [document]);
    let new = call!("POST", "/patients"; json!({"host_ref": "P-1", "record": record}));
    let new = new["key"].as_str().unwrap().to_owned();
    call!("GET", "/documents/{key}/proposal", [document]);
    call!("POST", "/documents/{key}/acts", [document]; json!({"act": "file", "patient": new}));
    call!("GET", "/documents/{key}/life", [document]);
    let mail = listed["documents"][0]["mail"].as_str().unwrap();
    call!("GET", "/mails/{key}", [mail]);
    call!("GET", "/mails/{key}/source", [mail]);
    let part = lab.get(&format!("/mails/{mail}")).await.ok()["facts"]["files"][0]["part"].to_string();
    call!("GET", "/mails/{key}/parts/{part}", [mail, &part]);
    call!("GET", "/mails/failing");
    call!("POST", "/mails/{key}/retry", [mail]);
    let requests = call!("GET", "/requests");
    let request = requests["requests"][0]["key"].as_str().unwrap();
    call!("GET", "/requests/{key}", [request]);
    call!("POST", "/requests/{key}/decision", [request]; json!({"decision": "refuse", "reason": "Déjà classé"}));
    call!("GET", "/patients");
    call!("GET", "/patients/{key}", [&new]);
    call!("PUT", "/patients/{key}", [&new]; json!({"record": record}));
    let care = call!("POST", "/patients/{key}/care", [&new]; json!({"name": "Dr Aubert", "role": "médecin traitant", "since": "2026-01-01"}));
    call!("GET", "/patients/{key}/care", [&new]);
    call!("DELETE", "/patients/{key}/care/{entry}", [&new, care["key"].as_str().unwrap()]);
    call!("POST", "/documents/{key}/acts", [document]; json!({"act": "reopen"}));
    call!("DELETE", "/patients/{key}", [&new]);
    let other = call!("POST", "/mailboxes"; json!({"address": "autre@cab.mssante.fr", "kind": "APP", "settings": {"imap": {"host": "imap.cab.test", "port": 993, "security": "tls"}}}));
    call!("GET", "/mailboxes");
    call!("GET", "/mailboxes/{key}", ["autre@cab.mssante.fr"]);
    call!("DELETE", "/mailboxes/{key}", [other["key"].as_str().unwrap()]);
    call!("GET", "/traces");
    call!("GET", "/traces.csv");
    call!("GET", "/traces/chain");
    call!("GET", "/changes");
    let hook =
        call!("POST", "/webhooks"; json!({"url": "http://localhost:9/", "events": ["request.changed"]}));
    let hook = hook["key"].as_str().unwrap();
    call!("GET", "/webhooks");
    call!("GET", "/webhooks/{key}", [hook]);
    call!("POST", "/webhooks/{key}/resume", [hook]);
    call!("DELETE", "/webhooks/{key}", [hook]);
    let key = call!("POST", "/keys"; json!({"label": "Autre"}));
    call!("GET", "/keys");
    call!("DELETE", "/keys/{id}", [key["id"].as_str().unwrap()]);
    call!("DELETE", "/people/{key}/rights/{mailbox}", [&person, mailbox.key.as_str()]);
    call!("DELETE", "/people/{key}", [&person]);
    // Those that need an operator are tried with one, by the whole program's tests; the stream has a test of its own.
    let elsewhere = [
        "GET /events",
        "GET /mailboxes/{key}/diagnostic",
        "POST /mailboxes/{key}/login",
        "POST /mailboxes/{key}/sync",
    ];
    let mut described = BTreeSet::new();
    for (path, methods) in said.all["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert(format!("{} {}", method.to_uppercase(), path.strip_prefix("/api/v1").unwrap()));
        }
    }
    let missing: Vec<&String> = described
        .iter()
        .filter(|one| !said.seen.contains(*one) && !elsewhere.contains(&one.as_str()))
        .collect();
    assert!(missing.is_empty(), "described, and never tried: {missing:?}");
    lab.end().await;
}
