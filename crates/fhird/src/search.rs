//! A search: what was asked, and the bundle that answers it.

use std::collections::HashSet;

use axum::http::StatusCode;
use kernel::Timestamp;
use serde_json::{Value, json};

use crate::PAGE;
use crate::criterion::{Criterion, short};
use crate::outcome::Refusal;
use crate::page::{Context, Seal};
use crate::render;
use crate::resource::{Resource, Shape};
use crate::roll::{Body, Item, Roll};

/// `_count` at most (documented for Device; taken for all).
const LARGEST: usize = 10_000;

/// Matches from which a search by text has no total unless asked for one. The real threshold is not published.
const LARGE: usize = 1_000;

/// Parameters of one request at most.
const PARAMETERS: usize = 100;

/// Addresses told to the journal at most.
const TOLD: usize = 100;

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) bundle: Value,
    /// Matches on all pages.
    pub(crate) total: usize,
    /// MSSanté addresses handed out.
    pub(crate) addresses: Vec<String>,
}

#[derive(Debug)]
struct Wish {
    criteria: Vec<Criterion>,
    count: usize,
    total: Option<bool>,
    includes: Vec<String>,
    reverse: Vec<String>,
    elements: Vec<String>,
}

/// Answers one page.
///
/// # Errors
/// 400 for what the real server does not understand, 404 for an unknown resource.
pub(crate) fn run(
    roll: &Roll,
    seal: &Seal,
    base: &str,
    context: &Context,
    now: Timestamp,
) -> Result<Found, Refusal> {
    let resource = Resource::from_name(&context.resource).ok_or_else(|| unknown(&context.resource))?;
    let wish = wish(resource, &context.pairs, now)?;
    let items = roll.items(resource);
    let is_match = |item: &Item| wish.criteria.iter().all(|one| one.holds(&item.fields(one.name)));
    let matches: Vec<usize> = (0..items.len()).filter(|at| is_match(&items[*at])).collect();
    let ahead = matches.iter().skip_while(|at| **at < context.after);
    let page: Vec<usize> = ahead.copied().take(wish.count).collect();
    let has_more = page.last().is_some_and(|last| matches.last().is_some_and(|end| end > last));

    let shown: Vec<&Item> = page.iter().map(|at| &items[*at]).collect();
    let included = included(roll, &wish, &shown);
    let entry = |item: &Item, mode: &str| {
        json!({"fullUrl": format!("{base}/{}/{}", item.resource().name(), item.id),
            "resource": render::resource(item, &wish.elements), "search": {"mode": mode}})
    };
    let entries = shown.iter().map(|item| entry(item, "match"));
    let entries: Vec<Value> = entries.chain(included.iter().map(|item| entry(item, "include"))).collect();

    let mut links =
        vec![json!({"relation": "self", "url": address(base, &context.resource, &context.pairs)})];
    if let Some(last) = page.last().filter(|_| has_more) {
        let next = Context {
            before: context.before + page.len(),
            after: last + 1,
            at: now.as_microsecond(),
            ..context.clone()
        };
        links.push(json!({"relation": "next", "url": format!("{base}/_page?id={}", seal.close(&next))}));
    }
    let mut bundle = json!({"resourceType": "Bundle", "id": kernel::random::id(), "type": "searchset",
        "meta": {"lastUpdated": now.to_string()}, "link": links});
    let by_text = wish.criteria.iter().any(|one| one.shape == Shape::Text);
    if wish.total.unwrap_or(!(by_text && matches.len() >= LARGE)) {
        bundle["total"] = matches.len().into();
    }
    if !entries.is_empty() {
        bundle["entry"] = entries.into();
    }
    let has_telecom = wish.elements.is_empty() || wish.elements.iter().any(|name| name == "telecom");
    let boxes = shown.iter().chain(&included).filter(|item| item.active && has_telecom);
    let addresses = boxes.flat_map(|item| item.mailboxes.iter().map(|mailbox| mailbox.address.clone()));
    Ok(Found { bundle, total: matches.len(), addresses: addresses.take(TOLD).collect() })
}

/// 404 for a resource that the API does not have.
pub(crate) fn unknown(name: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("Unknown resource type {:?}", short(name)))
}

fn wish(resource: Resource, pairs: &[(String, String)], now: Timestamp) -> Result<Wish, Refusal> {
    let mut wish = Wish {
        criteria: Vec::new(),
        count: PAGE,
        total: None,
        includes: Vec::new(),
        reverse: Vec::new(),
        elements: Vec::new(),
    };
    if pairs.len() > PARAMETERS {
        return Err(Refusal::bad(format!("More than {PARAMETERS} parameters")));
    }
    for (key, value) in pairs {
        match key.as_str() {
            "_count" => {
                let count = value.parse::<usize>().map_err(|_| {
                    Refusal::bad(format!("Parameter _count: {:?} is not a number", short(value)))
                })?;
                wish.count = count.min(LARGEST);
            }
            "_total" => {
                wish.total = Some(match value.as_str() {
                    "none" => false,
                    "estimate" | "accurate" => true,
                    _ => {
                        let text = format!(
                            "Parameter _total: {:?} is not one of none, estimate, accurate",
                            short(value)
                        );
                        return Err(Refusal::bad(text));
                    }
                });
            }
            "_format" => {
                if !matches!(value.as_str(), "json" | "application/json" | "application/fhir+json") {
                    return Err(Refusal::bad("Parameter _format: only JSON is written"));
                }
            }
            "_include" => wish.includes.push(known(value, resource.includes(), key)?),
            "_revinclude" => wish.reverse.push(known(value, resource.revincludes(), key)?),
            "_elements" => wish.elements.extend(value.split(',').map(|name| name.trim().to_owned())),
            _ => wish.criteria.push(Criterion::parse(resource, key, value, now)?),
        }
    }
    Ok(wish)
}

fn known(value: &str, known: &[&str], key: &str) -> Result<String, Refusal> {
    if known.contains(&value) {
        return Ok(value.to_owned());
    }
    Err(Refusal::bad(format!("Parameter {key}: {:?} is not one of: {}", short(value), known.join(", "))))
}

/// What `_include` and `_revinclude` bring, each resource once.
fn included<'a>(roll: &'a Roll, wish: &Wish, shown: &[&Item]) -> Vec<&'a Item> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut found: Vec<&Item> = Vec::new();
    let mut take = |item: &'a Item| {
        if seen.insert(&item.id) {
            found.push(item);
        }
    };
    for one in &wish.includes {
        for item in shown {
            let reached = match (&item.body, one.as_str()) {
                (Body::Role(role), "PractitionerRole:practitioner") => {
                    roll.find(Resource::Practitioner, &role.person)
                }
                (Body::Role(role), "PractitionerRole:organization") => {
                    roll.find(Resource::Organization, &role.place)
                }
                (Body::Organization(place), "Organization:partof") => {
                    place.part_of.as_deref().and_then(|id| roll.find(Resource::Organization, id))
                }
                _ => None,
            };
            reached.into_iter().for_each(&mut take);
        }
    }
    let ids: HashSet<&str> = shown.iter().map(|item| item.id.as_str()).collect();
    for one in &wish.reverse {
        let (name, parameter) = one.split_once(':').unwrap_or((one, ""));
        let Some(resource) = Resource::from_name(name) else { continue };
        for item in roll.items(resource).iter().filter(|item| item.active) {
            let to = match (&item.body, parameter) {
                (Body::Role(role), "practitioner") => &role.person,
                (Body::Role(role), "organization") => &role.place,
                (Body::Service(unit) | Body::Device(unit), "organization") => &unit.place,
                _ => continue,
            };
            if ids.contains(to.as_str()) {
                take(item);
            }
        }
    }
    found
}

fn address(base: &str, resource: &str, pairs: &[(String, String)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{base}/{resource}{mark}{query}")
}
