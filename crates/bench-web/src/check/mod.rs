//! *Vérifier un fichier*: mails, archives, documents and PDF dropped on a page, judged as `vaguemestre check` judges them.
//!
//! What is dropped may be a patient's. It is kept in memory only, for a quarter of an hour, so that the result has an address
//! (the other language, a document in its frame, its PDF); then it is gone, and nothing of it was ever on a disk. What is
//! shown of a document comes from `cda::html`, in a frame without scripts, without an origin and without the network.

mod document;
mod result;
mod shelf;
mod work;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use i18n::Arg;
use rules::inspect::{DocumentFacts, Inspection, Settings, documents, inspect_with};
use web::T;

use crate::Face;
use crate::asked::Asked;
use crate::upload::{self, Kept, Part};
use crate::view::Failure;
use shelf::{Dropped, File};

pub(crate) use shelf::Shelf;
pub(crate) use work::{FILES, PATIENCE, blocking, largest, most, place};

/// What is read of a form at most, in octets, thrown away or not; beyond it the connection ends.
const LONGEST: usize = 256 * 1024 * 1024;

pub(crate) fn routes() -> Router<Face> {
    Router::new()
        .route("/check", get(blank).post(judge).layer(DefaultBodyLimit::max(LONGEST)))
        .route("/check/{id}", get(show))
        .route("/check/{id}/forget", post(forget))
        .route("/check/{id}/report.json", get(document::report))
        .route("/check/{id}/{file}/{document}/page", get(document::page))
        .route("/check/{id}/{file}/{document}/text", get(document::text))
        .route("/check/{id}/{file}/{document}/pdf", get(document::pdf))
}

#[derive(Template)]
#[template(path = "file-check.html")]
struct Form {
    t: T,
    fault: String,
    said: String,
    limits: String,
    kept: String,
}

fn form(face: &Face, asked: &Asked, status: StatusCode, fault: String, said: String) -> Response {
    let t = asked.t();
    let body =
        Form { t, fault, said, limits: limits(t), kept: t.count("check-kept", "minutes", shelf::MINUTES) };
    asked.page(face, &t.get("check-title")).status(status).show(&body)
}

fn limits(t: T) -> String {
    let numbers = [("files", FILES.into()), ("one", mega(largest())), ("all", mega(most()))];
    i18n::text_with(t.0, "check-limits", &numbers)
}

fn mega(octets: usize) -> Arg<'static> {
    (octets / 1024 / 1024).into()
}

async fn blank(State(face): State<Face>, asked: Asked) -> Response {
    let said =
        if asked.get("forgotten").is_empty() { String::new() } else { asked.t().get("check-forgotten") };
    form(&face, &asked, StatusCode::OK, String::new(), said)
}

/// Judges what was dropped, and leads to the result.
async fn judge(State(face): State<Face>, asked: Asked, parts: Multipart) -> Result<Response, Failure> {
    let t = asked.t();
    let again = |status, fault| Ok(form(&face, &asked, status, fault, String::new()));
    let Some(place) = place().await else {
        return again(StatusCode::CONFLICT, t.get("check-busy"));
    };
    let kept = Kept { part: largest(), all: most() };
    let Ok(parts) = tokio::time::timeout(PATIENCE, upload::read(parts, kept)).await else {
        return again(StatusCode::REQUEST_TIMEOUT, t.get("check-slow"));
    };
    // A file field without a file is sent as a part without a name.
    let is_file =
        |part: &Part| part.field == "file" && part.file.as_ref().is_some_and(|name| !name.is_empty());
    let parts: Vec<Part> = parts.map_err(Failure)?.into_iter().filter(is_file).collect();
    if parts.is_empty() {
        return again(StatusCode::BAD_REQUEST, t.get("check-nothing"));
    }
    if parts.len() > FILES {
        let fault = t.count("check-too-many", "count", parts.len()) + " " + &limits(t);
        return again(StatusCode::BAD_REQUEST, fault);
    }
    let reading = face.bench.reading().await?;
    let judged = move || parts.into_iter().map(|part| file(part, &reading)).collect::<Vec<_>>();
    let files = blocking(judged).await.map_err(Failure)?;
    drop(place);
    let id = face.uploads.keep(files);
    Ok(Redirect::to(&format!("/check/{id}")).into_response())
}

fn file(part: Part, reading: &Settings) -> File {
    let name = part.file.unwrap_or_default();
    let inspection = (!part.is_cut).then(|| inspect_with(&name, &part.bytes, reading));
    let places = inspection.as_ref().map(|found| places(&name, &part.bytes, found)).unwrap_or_default();
    File { name, size: part.size, bytes: part.bytes, inspection, places }
}

/// Where the documents of the facts are. A document that cannot be read has a place in the file, and no facts.
fn places(name: &str, bytes: &[u8], found: &Inspection) -> Vec<Option<usize>> {
    let facts = &found.facts.documents;
    if facts.is_empty() {
        return Vec::new();
    }
    let mut there: Vec<Option<(String, usize)>> =
        documents(name, bytes).into_iter().map(|(path, bytes)| Some((path, bytes.len()))).collect();
    let place = |one: &DocumentFacts| {
        let is_it = |place: &Option<(String, usize)>| {
            place.as_ref().is_some_and(|(path, octets)| *path == one.file && *octets == one.bytes)
        };
        let found = there.iter().position(is_it)?;
        there[found] = None;
        Some(found)
    };
    facts.iter().map(place).collect()
}

async fn show(State(face): State<Face>, Path(id): Path<String>, asked: Asked) -> Response {
    let response = match face.uploads.find(&id) {
        Some(dropped) => result::show(&face, &asked, &id, &dropped),
        None => gone(&face, &asked),
    };
    unkept(response)
}

async fn forget(State(face): State<Face>, Path(id): Path<String>) -> Redirect {
    face.uploads.forget(&id);
    Redirect::to("/check?forgotten=1")
}

/// Nothing is there any more, or never was.
fn gone(face: &Face, asked: &Asked) -> Response {
    let fault = asked.t().count("check-gone", "minutes", shelf::MINUTES);
    form(face, asked, StatusCode::NOT_FOUND, fault, String::new())
}

/// Tells the browser to keep nothing of it on its disk.
fn unkept(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The report on these files, as programs get it; a file that was too large is left out.
fn report(dropped: &Dropped) -> rules::inspect::Report {
    let checked = dropped.files.iter().filter_map(|file| {
        let inspection = file.inspection.clone()?;
        Some(rules::inspect::Checked { path: file.name.clone(), inspection })
    });
    rules::inspect::Report::new(checked.collect())
}
