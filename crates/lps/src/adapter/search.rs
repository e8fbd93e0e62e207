//! Looking somebody up in the directory's FHIR API (SC.MSS/CONF.20, SC.MSS/UX.41).
//!
//! The API answers one question at a time: people by what they are, structures by where they are. What is asked of both is
//! two searches, and the addresses that both gave. An answer that is not a bundle read to its end is a failure, never
//! "nobody found": that is `annuaire::fhir`'s promise, and it is kept up to the outcome of the step.

use std::collections::BTreeMap;
use std::time::Duration;

use annuaire::fhir::{Client, Live, Resource, Settings};
use kernel::{Failure, Secret, Stage};
use mss::Address;
use serde::Deserialize;

use super::request::{Message, Request, Step};
use super::steps::{ended, missing, patience_left};
use super::{Outcome, Response};

/// The application's key. The protocol gives none: in the sandbox any key is an application's.
const KEY: &str = "lps-adapter";

/// Entries at most: more is no question that a person asks.
const MOST: usize = 1_000;

/// The API gives up after this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is known of whom to find: the criteria of SC.MSS/UX.41, those that are given all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Query {
    /// RPPS number or IDNPS of a person; any other identifier is a structure's.
    pub identifier: Option<String>,
    /// Surname of practice.
    pub family: Option<String>,
    /// First name of practice.
    pub given: Option<String>,
    /// Label of the profession.
    pub profession: Option<String>,
    /// Its code, which the API asks for.
    pub profession_code: Option<String>,
    /// Label of the specialty.
    pub specialty: Option<String>,
    /// Its code, which the API asks for.
    pub specialty_code: Option<String>,
    /// Postal address.
    pub address: Option<String>,
    /// Name of the structure.
    pub organization: Option<String>,
    /// Street.
    pub street: Option<String>,
    /// Postcode.
    pub postcode: Option<String>,
    /// Town.
    pub city: Option<String>,
    /// MSSanté address.
    pub email: Option<String>,
}

/// The step `search`: looks somebody up and says who was found.
pub(super) async fn search(request: &Request) -> Response {
    let query = request.message.as_ref().and_then(|message| message.facts.query.as_ref());
    let Some(query) = query else { return ended(missing("message.facts.query")) };
    match find(request, query).await {
        Ok(found) if found.is_empty() => Response::new(Outcome::Done, "nobody in the directory matches"),
        Ok(found) => Response::new(Outcome::Done, format!("{} found: {}", found.len(), some(&found))),
        Err(failure) => ended(failure),
    }
}

/// Gives a mail without a recipient the one that its query finds.
///
/// # Errors
/// The outcome of the step where there is not exactly one: nothing is sent then.
pub(super) async fn address(mut request: Request) -> Result<Request, Response> {
    let is_open = |message: &&Message| {
        request.step == Step::Send && message.to.is_empty() && message.eml_file.is_none()
    };
    let query = request.message.as_ref().filter(is_open).and_then(|message| message.facts.query.clone());
    let Some(query) = query else { return Ok(request) };
    let found = find(&request, &query).await.map_err(ended)?;
    let not_sent = |why: String| Response::new(Outcome::Error, format!("{why}: nothing was sent"));
    let address = match found.keys().next() {
        Some(address) if found.len() == 1 => address,
        None => return Err(not_sent("nobody in the directory matches".into())),
        Some(_) => return Err(not_sent(format!("{} entries match ({})", found.len(), some(&found)))),
    };
    let address = Address::parse(address).map_err(|error| {
        not_sent(format!("the directory gives {address:?}, which is no address: {error}"))
    })?;
    if let Some(message) = &mut request.message {
        message.to.push(address);
    }
    Ok(request)
}

/// The addresses found, each with its holder's name.
type Found = BTreeMap<String, String>;

async fn find(request: &Request, query: &Query) -> Result<Found, Failure> {
    let base = request.directory.clone().ok_or_else(|| missing("directory"))?;
    let client = Client::new(Settings {
        base,
        key: Secret::new(KEY.to_owned()),
        tls: None,
        patience: PATIENCE.min(patience_left(request)),
    })?;
    let mut all: Vec<Found> = Vec::new();
    let people = people(query)?;
    if !people.is_empty() {
        all.push(resources(&client, "Practitioner", "PractitionerRole:practitioner", &people).await?);
    }
    let places = places(query);
    if !places.is_empty() {
        all.push(resources(&client, "Organization", "PractitionerRole:organization", &places).await?);
    }
    if let Some(email) = &query.email {
        all.push(match client.verify_address(email).await? {
            Live::Listed(holders) => holders
                .into_iter()
                .map(|holder| (holder.mailbox.address.to_lowercase(), holder.name))
                .collect(),
            Live::Absent => Found::new(),
        });
    }
    let mut all = all.into_iter();
    let mut found = all.next().ok_or_else(|| {
        Failure::permanent(Stage::Input, "message.facts.query has no criterion that is known here")
    })?;
    for other in all {
        found.retain(|address, _| other.contains_key(address));
    }
    Ok(found)
}

/// What the API is asked of people.
fn people(query: &Query) -> Result<Vec<(&'static str, &str)>, Failure> {
    let coded = |label: &Option<String>, code: &Option<String>, what: &str| match (label, code) {
        (Some(_), None) => {
            let text = format!("message.facts.query gives a {what} without its code, which the API asks for");
            Err(Failure::permanent(Stage::Input, text))
        }
        _ => Ok(()),
    };
    coded(&query.profession, &query.profession_code, "profession")?;
    coded(&query.specialty, &query.specialty_code, "specialty")?;
    let identifier = query.identifier.as_ref().filter(|identifier| is_of_person(identifier));
    Ok(given([
        ("identifier", identifier),
        ("family", query.family.as_ref()),
        ("given", query.given.as_ref()),
        ("qualification-code", query.profession_code.as_ref()),
        ("qualification-code", query.specialty_code.as_ref()),
    ]))
}

/// What the API is asked of structures.
fn places(query: &Query) -> Vec<(&'static str, &str)> {
    let identifier = query.identifier.as_ref().filter(|identifier| !is_of_person(identifier));
    given([
        ("identifier", identifier),
        ("name", query.organization.as_ref()),
        ("address:contains", query.address.as_ref()),
        ("address-line:contains", query.street.as_ref()),
        ("address-postalcode", query.postcode.as_ref()),
        ("address-city", query.city.as_ref()),
    ])
}

fn given<'a, const N: usize>(pairs: [(&'static str, Option<&'a String>); N]) -> Vec<(&'static str, &'a str)> {
    pairs.into_iter().filter_map(|(name, value)| Some((name, value?.as_str()))).collect()
}

/// An RPPS number has eleven digits, an IDNPS twelve, from 8.
fn is_of_person(identifier: &str) -> bool {
    let is_number = identifier.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (identifier.len() == 11 || identifier.len() == 12 && identifier.starts_with('8'))
}

/// The mailboxes of what matches, and of the situations that go with it.
async fn resources(
    client: &Client,
    resource: &str,
    along: &str,
    pairs: &[(&'static str, &str)],
) -> Result<Found, Failure> {
    let values: Vec<(&str, String)> =
        pairs.iter().map(|(name, value)| (*name, Client::escape(value.trim()))).collect();
    let mut asked: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    asked.extend([("_revinclude", along), ("_count", "200")]);
    let all = client.all(resource, &asked, MOST).await?;
    let mut found = Found::new();
    for one in all.iter().filter(|one| one.active) {
        for mailbox in &one.mailboxes {
            found.insert(mailbox.address.to_lowercase(), name(one, &all));
        }
    }
    Ok(found)
}

/// The name of a person or a structure; of a situation its person's, where that came along.
fn name(resource: &Resource, all: &[Resource]) -> String {
    let person = all.iter().find(|one| !one.id.is_empty() && one.id == resource.practitioner);
    let who = person.unwrap_or(resource);
    let whole = format!("{} {}", who.given, who.family);
    if whole.trim().is_empty() { who.name.clone() } else { whole.trim().to_owned() }
}

/// At most three of those found, in words.
fn some(found: &Found) -> String {
    let mut words: Vec<String> =
        found.iter().take(3).map(|(address, name)| format!("{name} <{address}>")).collect();
    if found.len() > 3 {
        words.push("…".into());
    }
    words.join(", ")
}
