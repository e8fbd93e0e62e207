//! The people of the practice, and what each may do in which mailbox. The holder of an API key administers both.

use axum::Json;
use axum::http::StatusCode;
use practice::{Key, May, NewPerson, Person, PersonRole, Right};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::House;
use crate::access::Caller;
use crate::ask::{Body, Of};
use crate::problem::{Answer, Problem};
use crate::shapes::{self, MayWord, PersonRoleWord, ProblemObject};

/// The name of a person who is named in a header.
pub(crate) async fn name_of(house: &House, person: &Key, header: &str) -> Answer<String> {
    match house.practice.person(person).await? {
        Some(person) => Ok(person.name),
        None => {
            let next = "Take the key from GET /api/v1/people.";
            Err(Problem::bad(header, format!("{header} names nobody of this practice"), next))
        }
    }
}

/// The people of the practice.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct People {
    /// By name.
    #[schema(value_type = Vec<shapes::Person>)]
    people: Vec<Person>,
}

/// What is said of a person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonBody {
    /// As screens and traces show them.
    #[schema(min_length = 1, max_length = 200, example = "Dr Camille Aubert")]
    name: String,
    /// What they are.
    #[schema(value_type = PersonRoleWord)]
    role: PersonRole,
    /// RPPS or ADELI with its prefix, as Pro Santé Connect says it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 64, example = "899700000018")]
    national_id: Option<String>,
}

impl From<PersonBody> for NewPerson {
    fn from(body: PersonBody) -> Self {
        Self { name: body.name, role: body.role, national_id: body.national_id }
    }
}

/// What a person may do in a mailbox.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RightBody {
    /// `read`: sees the list, opens documents; `act`: files, decides, assigns, notes as well.
    #[schema(value_type = MayWord)]
    may: May,
    /// For whom the person acts there (*pour le compte de*).
    #[serde(default)]
    behalf: Option<String>,
    /// The first day; always, without one.
    #[serde(default)]
    #[schema(format = Date)]
    since: Option<String>,
    /// The last day, included: a replacement's right ends by itself.
    #[serde(default)]
    #[schema(format = Date)]
    until: Option<String>,
}

/// Rights.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rights {
    /// By person, then by mailbox; those of other days too.
    #[schema(value_type = Vec<shapes::Right>)]
    rights: Vec<Right>,
}

/// Lists the people of the practice
#[utoipa::path(get, path = "/people", tag = "people", responses((status = 200, description = "All of them", body = People)))]
pub(crate) async fn list(caller: Caller) -> Answer<Json<People>> {
    Ok(Json(People { people: caller.house.practice.people().await? }))
}

/// Adds a person
///
/// The one of this national identifier is changed, where there is one: a host may send all of its people again and again.
#[utoipa::path(post, path = "/people", tag = "people", request_body = PersonBody,
    responses((status = 200, description = "Saved", body = shapes::Person)))]
pub(crate) async fn add(caller: Caller, Body(body): Body<PersonBody>) -> Answer<Json<Person>> {
    Ok(Json(caller.house.practice.save_person(&caller.actor, None, body.into()).await?))
}

/// Shows a person
#[utoipa::path(get, path = "/people/{key}", tag = "people", params(("key" = String, Path, description = "The person")),
    responses((status = 200, description = "The person", body = shapes::Person)))]
pub(crate) async fn show(caller: Caller, Of(key): Of<String>) -> Answer<Json<Person>> {
    let person = caller.house.practice.person(&shapes::key("key", &key)?).await?;
    person.map(Json).ok_or_else(|| Problem::missing("person", &key))
}

/// Changes a person
#[utoipa::path(put, path = "/people/{key}", tag = "people", request_body = PersonBody, params(("key" = String, Path, description = "The person")),
    responses((status = 200, description = "Saved", body = shapes::Person),
        (status = 409, description = "`national_id_taken`: another person has this identifier", body = ProblemObject)))]
pub(crate) async fn save(
    caller: Caller,
    Of(key): Of<String>,
    Body(body): Body<PersonBody>,
) -> Answer<Json<Person>> {
    let key = shapes::key("key", &key)?;
    Ok(Json(caller.house.practice.save_person(&caller.actor, Some(&key), body.into()).await?))
}

/// Takes a person away, with their rights
///
/// What they did stays theirs.
#[utoipa::path(delete, path = "/people/{key}", tag = "people", params(("key" = String, Path, description = "The person")),
    responses((status = 204, description = "Gone")))]
pub(crate) async fn remove(caller: Caller, Of(key): Of<String>) -> Answer<StatusCode> {
    caller.house.practice.remove_person(&caller.actor, &shapes::key("key", &key)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the rights of a person
#[utoipa::path(get, path = "/people/{key}/rights", tag = "people", params(("key" = String, Path, description = "The person")),
    responses((status = 200, description = "In which mailboxes, from which day to which", body = Rights)))]
pub(crate) async fn rights(caller: Caller, Of(key): Of<String>) -> Answer<Json<Rights>> {
    let person = shapes::key("key", &key)?;
    if caller.house.practice.person(&person).await?.is_none() {
        return Err(Problem::missing("person", &key));
    }
    Ok(Json(Rights { rights: caller.house.practice.rights(Some(&person)).await? }))
}

/// Gives a person a right in a mailbox
///
/// In place of the one that they have there.
#[utoipa::path(put, path = "/people/{key}/rights/{mailbox}", tag = "people", request_body = RightBody,
    params(("key" = String, Path, description = "The person"), ("mailbox" = String, Path, description = "The mailbox's key")),
    responses((status = 200, description = "The rights of the person now", body = Rights)))]
pub(crate) async fn grant(
    caller: Caller,
    Of((key, mailbox)): Of<(String, String)>,
    Body(body): Body<RightBody>,
) -> Answer<Json<Rights>> {
    let right = Right {
        person: shapes::key("key", &key)?,
        mailbox: shapes::key("mailbox", &mailbox)?,
        may: body.may,
        behalf: body.behalf.as_deref().map(|key| shapes::key("behalf", key)).transpose()?,
        since: body.since,
        until: body.until,
    };
    caller.house.practice.grant(&caller.actor, &right).await?;
    Ok(Json(Rights { rights: caller.house.practice.rights(Some(&right.person)).await? }))
}

/// Takes a right back
#[utoipa::path(delete, path = "/people/{key}/rights/{mailbox}", tag = "people",
    params(("key" = String, Path, description = "The person"), ("mailbox" = String, Path, description = "The mailbox's key")),
    responses((status = 204, description = "Gone")))]
pub(crate) async fn revoke(caller: Caller, Of((key, mailbox)): Of<(String, String)>) -> Answer<StatusCode> {
    let (person, mailbox) = (shapes::key("key", &key)?, shapes::key("mailbox", &mailbox)?);
    caller.house.practice.revoke(&caller.actor, &person, &mailbox).await?;
    Ok(StatusCode::NO_CONTENT)
}
