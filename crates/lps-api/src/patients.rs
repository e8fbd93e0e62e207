//! Patients' files, as far as filing needs them. A software that has its own sends them here under its own names
//! (`host_ref`) and keeps the rest to itself.

use axum::Json;
use axum::http::StatusCode;
use ins::Record;
use practice::{Care, NewCare, Patient};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::Caller;
use crate::ask::{Asked, Body, Of, within};
use crate::problem::{Answer, Problem};
use crate::shapes::{self, ProblemObject};

/// Patients of one page.
const PAGE: u64 = 200;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Find {
    /// Words that begin a name, a birth date (`28/03/1979`), or a matricule. All patients where it is left out.
    text: Option<String>,
    /// The patient that the host calls so.
    host_ref: Option<String>,
    /// The `next` of the page before; not with `text`.
    after: Option<String>,
    /// How many at most (50 where left out).
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
}

/// Patients.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Patients {
    /// By name for a search, else in the order in which they came.
    #[schema(value_type = Vec<shapes::Patient>)]
    patients: Vec<Patient>,
    /// What to ask the next page with as `after`; null after the last.
    next: Option<String>,
}

/// What is said of a patient.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatientBody {
    /// The patient's name in the host's own base.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200, example = "P-1042")]
    host_ref: Option<String>,
    /// Identity, status, former numbers; a birth name at least.
    #[schema(value_type = shapes::Record)]
    record: Record,
}

/// Finds patients
#[utoipa::path(get, path = "/patients", tag = "patients", params(Find), responses((status = 200, description = "Those that match", body = Patients)))]
pub(crate) async fn list(caller: Caller, Asked(query): Asked<Find>) -> Answer<Json<Patients>> {
    let limit = within("limit", query.limit.unwrap_or(50), 1..=PAGE)?;
    let practice = &caller.house.practice;
    if let Some(host_ref) = &query.host_ref {
        let patients = practice.patient_of_host(host_ref).await?.into_iter().collect();
        return Ok(Json(Patients { patients, next: None }));
    }
    if let Some(text) = query.text.as_deref().filter(|text| !text.trim().is_empty()) {
        return Ok(Json(Patients { patients: practice.find_patients(text, limit).await?, next: None }));
    }
    let after = query.after.as_deref().map(|key| shapes::key("after", key)).transpose()?;
    let patients = practice.patients(after.as_ref(), limit).await?;
    let last = patients.last().filter(|_| patients.len() == limit);
    let next = last.map(|patient| patient.key.to_string());
    Ok(Json(Patients { patients, next }))
}

/// Saves a patient
///
/// The one of this `host_ref` is changed, where there is one: a host may send all of its patients again and again.
#[utoipa::path(post, path = "/patients", tag = "patients", request_body = PatientBody,
    responses((status = 200, description = "Saved", body = shapes::Patient)))]
pub(crate) async fn add(caller: Caller, Body(body): Body<PatientBody>) -> Answer<Json<Patient>> {
    let practice = &caller.house.practice;
    Ok(Json(practice.save_patient(&caller.actor, None, body.host_ref.as_deref(), &body.record).await?))
}

/// Shows a patient
#[utoipa::path(get, path = "/patients/{key}", tag = "patients", params(("key" = String, Path, description = "The patient")),
    responses((status = 200, description = "The patient", body = shapes::Patient)))]
pub(crate) async fn show(caller: Caller, Of(key): Of<String>) -> Answer<Json<Patient>> {
    let patient = caller.house.practice.patient(&shapes::key("key", &key)?).await?;
    patient.map(Json).ok_or_else(|| Problem::missing("patient", &key))
}

/// Changes a patient
#[utoipa::path(put, path = "/patients/{key}", tag = "patients", request_body = PatientBody, params(("key" = String, Path, description = "The patient")),
    responses((status = 200, description = "Saved", body = shapes::Patient),
        (status = 409, description = "`host_ref_taken`: another patient has this name at the host", body = ProblemObject)))]
pub(crate) async fn save(
    caller: Caller,
    Of(key): Of<String>,
    Body(body): Body<PatientBody>,
) -> Answer<Json<Patient>> {
    let key = shapes::key("key", &key)?;
    let practice = &caller.house.practice;
    Ok(Json(practice.save_patient(&caller.actor, Some(&key), body.host_ref.as_deref(), &body.record).await?))
}

/// Takes a patient away from proposals and searches
#[utoipa::path(delete, path = "/patients/{key}", tag = "patients", params(("key" = String, Path, description = "The patient")),
    responses((status = 204, description = "Gone"), (status = 409, description = "`has_documents`: file them elsewhere first", body = ProblemObject)))]
pub(crate) async fn remove(caller: Caller, Of(key): Of<String>) -> Answer<StatusCode> {
    caller.house.practice.remove_patient(&caller.actor, &shapes::key("key", &key)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

// === The care circle (LABEL.06) ===

/// A professional of a patient's care circle.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CareBody {
    /// RPPS, ADELI or FINESS with its prefix; may be left out for one that the directory does not have.
    #[serde(default)]
    professional: String,
    /// As screens show them.
    #[schema(example = "Dr Camille Aubert")]
    name: String,
    /// In free words.
    #[schema(example = "médecin traitant")]
    role: String,
    /// The address that they are written to.
    #[serde(default)]
    address: Option<String>,
    /// The first day.
    #[schema(format = Date)]
    since: String,
    /// The last day, included.
    #[serde(default)]
    #[schema(format = Date)]
    until: Option<String>,
}

/// A patient's care circle.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Circle {
    /// Professionals, with their role and dates.
    #[schema(value_type = Vec<shapes::Care>)]
    care: Vec<Care>,
}

/// Lists the care circle of a patient
#[utoipa::path(get, path = "/patients/{key}/care", tag = "patients", params(("key" = String, Path, description = "The patient")),
    responses((status = 200, description = "Professionals, those of other days too", body = Circle)))]
pub(crate) async fn circle(caller: Caller, Of(key): Of<String>) -> Answer<Json<Circle>> {
    let practice = &caller.house.practice;
    let patient = shapes::key("key", &key)?;
    if practice.patient(&patient).await?.is_none() {
        return Err(Problem::missing("patient", &key));
    }
    Ok(Json(Circle { care: practice.care_circle(&patient, false).await? }))
}

/// Adds a professional to the care circle of a patient
#[utoipa::path(post, path = "/patients/{key}/care", tag = "patients", request_body = CareBody, params(("key" = String, Path, description = "The patient")),
    responses((status = 200, description = "Saved", body = shapes::Care)))]
pub(crate) async fn care(
    caller: Caller,
    Of(key): Of<String>,
    Body(body): Body<CareBody>,
) -> Answer<Json<Care>> {
    let CareBody { professional, name, role, address, since, until } = body;
    let care = NewCare { professional, name, role, address, since, until };
    let patient = shapes::key("key", &key)?;
    Ok(Json(caller.house.practice.save_care(&caller.actor, &patient, None, care).await?))
}

/// Takes a professional out of the care circle
#[utoipa::path(delete, path = "/patients/{key}/care/{entry}", tag = "patients",
    params(("key" = String, Path, description = "The patient"), ("entry" = String, Path, description = "The entry")),
    responses((status = 204, description = "Gone")))]
pub(crate) async fn uncare(caller: Caller, Of((key, entry)): Of<(String, String)>) -> Answer<StatusCode> {
    let (patient, entry) = (shapes::key("key", &key)?, shapes::key("entry", &entry)?);
    caller.house.practice.remove_care(&caller.actor, &patient, &entry).await?;
    Ok(StatusCode::NO_CONTENT)
}
