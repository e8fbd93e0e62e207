//! One document of what was dropped: as a page in a frame, as text, as PDF; and the report for programs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderName;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_FRAME_OPTIONS};
use axum::response::{IntoResponse, Response};
use web::{ApiError, ErrorCode};

use super::shelf::Dropped;
use super::{blocking, gone, place, unkept};
use crate::Face;
use crate::asked::Asked;
use crate::view::Failure;

/// `/check/{id}/{file}/{document}`: the file by its place in the request, the document by its place in the file.
type Named = Path<(String, usize, usize)>;

/// The document as a page that can do nothing: no script, no load, no form, no origin; framed by our own page only.
pub(super) async fn page(State(face): State<Face>, named: Named, asked: Asked) -> Result<Response, Failure> {
    let policy = format!("{}; sandbox; frame-ancestors 'self'", cda::html::policy());
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (CONTENT_SECURITY_POLICY, policy),
        (X_FRAME_OPTIONS, "SAMEORIGIN".to_owned()),
    ];
    given(&face, named, &asked, headers, |bytes| {
        let whole = cda::read_whole(bytes).map_err(|error| error.to_string())?;
        Ok(cda::html::page(&whole, &cda::html::Options::default()).into_bytes())
    })
    .await
}

/// The document as plain text.
pub(super) async fn text(State(face): State<Face>, named: Named, asked: Asked) -> Result<Response, Failure> {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
        (CONTENT_DISPOSITION, "inline".to_owned()),
    ];
    given(&face, named, &asked, headers, |bytes| {
        let whole = cda::read_whole(bytes).map_err(|error| error.to_string())?;
        Ok(cda::text::plain(&whole).into_bytes())
    })
    .await
}

/// The document as PDF/A-1b, or of level 1 the PDF that it is.
pub(super) async fn pdf(State(face): State<Face>, named: Named, asked: Asked) -> Result<Response, Failure> {
    // The name tells nothing of the patient: it stays in the browser's list of downloads.
    let name = format!("document-{}-{}.pdf", named.1 + 1, named.2 + 1);
    let headers = [
        (CONTENT_TYPE, "application/pdf".to_owned()),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    given(&face, named, &asked, headers, |bytes| {
        let whole = cda::read_whole(bytes).map_err(|error| error.to_string())?;
        Ok(pdfa::render(&whole.header, bytes).map_err(|error| error.to_string())?.bytes)
    })
    .await
}

/// The object of `vaguemestre check --json`, to be kept.
pub(super) async fn report(State(face): State<Face>, Path(id): Path<String>, asked: Asked) -> Response {
    let Some(dropped) = face.uploads.find(&id) else { return gone(&face, &asked) };
    let disposition = [(CONTENT_DISPOSITION, "attachment; filename=\"check.json\"")];
    unkept((disposition, Json(super::report(&dropped))).into_response())
}

async fn given(
    face: &Face,
    Path((id, file, document)): Named,
    asked: &Asked,
    headers: [(HeaderName, String); 3],
    make: fn(&[u8]) -> Result<Vec<u8>, String>,
) -> Result<Response, Failure> {
    let Some(dropped) = face.uploads.find(&id) else { return Ok(gone(face, asked)) };
    let t = asked.t();
    let _place = place().await.ok_or_else(|| {
        let mut error = ApiError::new(ErrorCode::BadInput, t.get("check-busy"), "");
        error.status = axum::http::StatusCode::CONFLICT;
        Failure(error)
    })?;
    let made = blocking(move || bytes(&dropped, file, document).map(|bytes| make(&bytes))).await;
    match made.map_err(Failure)? {
        Some(Ok(bytes)) => Ok(unkept((headers, bytes).into_response())),
        Some(Err(problem)) => {
            let what = t.with("check-unshown", "problem", &problem);
            Err(Failure(ApiError::new(ErrorCode::BadInput, what, t.get("check-unshown-next"))))
        }
        None => Ok(gone(face, asked)),
    }
}

/// The octets of a document. The file is opened again each time: what it unpacks to is not kept.
fn bytes(dropped: &Arc<Dropped>, file: usize, document: usize) -> Option<Vec<u8>> {
    let file = dropped.files.get(file)?;
    let documents = rules::inspect::documents(&file.name, &file.bytes);
    documents.into_iter().nth(document).map(|(_, bytes)| bytes)
}
