use annuaire::{Criteria, Directory, Error, ImportOptions, Query};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use web::{ApiError, ErrorCode};

use super::ask::{Answer, Asked, Body, Refusal};
use crate::Face;

/// Hits of an answer where nothing is said.
const HITS: usize = 20;

/// A question to the directory: free text, the criteria of SC.MSS/UX.41, or both.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct Sought {
    /// Free text: names, specialty, street, city, postcode, in any order.
    #[param(example = "gynéco place de l'église montluçon")]
    q: Option<String>,
    /// RPPS, FINESS or SIRET.
    identifier: Option<String>,
    /// Surname.
    family: Option<String>,
    /// First name.
    given: Option<String>,
    /// Profession.
    profession: Option<String>,
    /// Specialty.
    specialty: Option<String>,
    /// Street, postcode and city in one.
    address: Option<String>,
    /// Name of the structure.
    organization: Option<String>,
    /// Street.
    street: Option<String>,
    /// Postcode.
    postcode: Option<String>,
    /// City.
    city: Option<String>,
    /// MSSanté address.
    email: Option<String>,
    /// Department.
    department: Option<String>,
    /// Types of boxes, separated by commas: `PER`, `ORG`, `CAB`, `APP`.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    kind: Option<String>,
    /// Department of the person who asks.
    near: Option<String>,
    /// Whether to count professions, specialties, departments, cities and types.
    facets: Option<bool>,
    /// Hits at most.
    #[param(maximum = 200)]
    limit: Option<usize>,
}

/// Searches the directory
#[utoipa::path(get, path = "/directory/search", tag = "directory", params(Sought),
    responses((status = 200, description = "`vaguemestre/annuaire/1`: the best cards, with the reason of each", body = Object),
        (status = 404, description = "There is no base yet", body = super::shapes::ErrorObject),
        (status = 409, description = "The base on disk is damaged, or of another version", body = super::shapes::ErrorObject)))]
pub(crate) async fn search(State(face): State<Face>, Asked(sought): Asked<Sought>) -> Answer<Json<Value>> {
    let limit = sought.limit.unwrap_or(HITS);
    let query = Query {
        text: sought.q.unwrap_or_default(),
        criteria: Criteria {
            identifier: sought.identifier,
            family: sought.family,
            given: sought.given,
            profession: sought.profession,
            specialty: sought.specialty,
            address: sought.address,
            organization: sought.organization,
            street: sought.street,
            postcode: sought.postcode,
            city: sought.city,
            email: sought.email,
            department: sought.department,
        },
        types: sought.kind.iter().flat_map(|kinds| kinds.split(',')).map(str::to_owned).collect(),
        near: sought.near,
        prefer: Vec::new(),
        facets: sought.facets.unwrap_or(false),
    };
    let found = on_disk(&face, move |directory| directory.search(&query, limit)).await?;
    Ok(Json(json!(found)))
}

/// Which card.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// The `id` of a hit, an RPPS, a FINESS or an address.
    id: String,
}

/// Shows everything about one card
#[utoipa::path(get, path = "/directory/card", tag = "directory", params(Which),
    responses((status = 200, description = "The card, and every field of the extractions with its French name", body = Object),
        (status = 404, description = "There is no base yet, or no such card", body = super::shapes::ErrorObject),
        (status = 409, description = "The base on disk is damaged, or of another version", body = super::shapes::ErrorObject)))]
pub(crate) async fn card(State(face): State<Face>, Asked(which): Asked<Which>) -> Answer<Json<Value>> {
    let sheet = on_disk(&face, move |directory| directory.show(&which.id)).await?;
    Ok(Json(json!({"schema": "vaguemestre/annuaire-card/1", "sheet": sheet})))
}

/// Files of this machine to import, together one base.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ToImport {
    /// Absolute paths: the MSSanté extraction, and the PS_LibreAcces files where wanted; ZIP or text.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 8)]
    files: Vec<std::path::PathBuf>,
    /// Publish even where the base is much smaller than the one that serves.
    #[serde(default)]
    even_if_smaller: bool,
    /// Date of the extraction (RFC 3339), where its name does not tell.
    #[serde(default)]
    source_date: Option<String>,
}

/// Imports an extraction
#[utoipa::path(post, path = "/directory/import", tag = "directory", request_body = ToImport,
    responses((status = 200, description = "The new base is the one that serves", body = Object),
        (status = 409, description = "`busy`: another import is running", body = super::shapes::ErrorObject),
        (status = 507, description = "`data_unwritable`: no room for the new base", body = super::shapes::ErrorObject)))]
pub(crate) async fn import(State(face): State<Face>, Body(asked): Body<ToImport>) -> Answer<Json<Value>> {
    if asked.files.is_empty() || asked.files.len() > 8 || asked.files.iter().any(|file| !file.is_absolute()) {
        return Err(Refusal::bad(
            "files",
            "one to eight absolute paths are wanted",
            "Name the extraction's file.",
        ));
    }
    let options = ImportOptions { even_if_smaller: asked.even_if_smaller, source_date: asked.source_date };
    let report =
        on_disk(&face, move |directory| directory.import(&asked.files, &options, &|_, _| {})).await?;
    Ok(Json(json!({"schema": "vaguemestre/annuaire-import/1", "report": report})))
}

async fn on_disk<R: Send + 'static>(
    face: &Face,
    ask: impl FnOnce(&Directory) -> Result<R, Error> + Send + 'static,
) -> Answer<R> {
    let directory = face.directory.clone().ok_or_else(|| refusal(Error::NoBase("-".into())))?;
    let asked = tokio::task::spawn_blocking(move || ask(&directory)).await;
    match asked {
        Ok(answer) => answer.map_err(refusal),
        Err(error) => {
            tracing::error!(%error, "a question to the directory ended badly");
            let error = ApiError::new(ErrorCode::Busy, "the directory did not answer", "Try again.");
            Err(Refusal(error).status(StatusCode::SERVICE_UNAVAILABLE))
        }
    }
}

/// An outage is never an empty answer.
fn refusal(error: Error) -> Refusal {
    let (code, status, next) = match &error {
        Error::NoBase(_) | Error::UnknownCard(_) => (ErrorCode::BadInput, StatusCode::NOT_FOUND, ""),
        Error::OtherVersion { .. } | Error::Damaged { .. } => (ErrorCode::BadInput, StatusCode::CONFLICT, ""),
        Error::Busy(_) => (ErrorCode::Busy, StatusCode::CONFLICT, "Wait for its end."),
        Error::Io { .. } => {
            (ErrorCode::DataUnwritable, StatusCode::INSUFFICIENT_STORAGE, "Make room on the disk.")
        }
        _ => (ErrorCode::BadInput, StatusCode::BAD_REQUEST, ""),
    };
    Refusal(ApiError::new(code, error.to_string(), next)).status(status)
}
