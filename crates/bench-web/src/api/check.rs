use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderName, StatusCode};
use futures_util::StreamExt as _;
use rules::inspect::{Checked, Report, inspect_with};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{ApiError, ErrorCode};

use super::ask::{Answer, Asked, Refusal, plain_or_none};
use super::shapes::{self, Words};
use crate::Face;
use crate::check::{FILES, PATIENCE, blocking, largest, most, place};
use crate::upload::{self, Kept};

/// What is read of a body at most, in octets, thrown away or not.
pub(super) const LONGEST: usize = 64 * 1024 * 1024;

/// The name of what has none, as on the command line.
const NAMELESS: &str = "-";

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Named {
    /// The file's name: a PDF is judged by it too. Of a form, each file has its own.
    #[param(max_length = 255, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$", example = "message.eml")]
    name: Option<String>,
}

/// A mail, an archive, a document or a PDF, byte for byte.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(value_type = String, min_length = 1)]
pub(crate) struct CheckedFile(#[allow(dead_code)] String); // only described: any bytes are read

/// Several files of one form.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CheckedFiles {
    /// The files; other fields are not read.
    #[allow(dead_code)] // only described: the form is read part by part
    #[schema(value_type = Vec<String>, content_media_type = "application/octet-stream", min_items = 1, max_items = 20)]
    file: Vec<String>,
}

/// What was found in the files: the object of `vaguemestre check --json`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckReport {
    /// `vaguemestre/check/1`.
    schema: String,
    /// The files, in their order.
    inputs: Vec<CheckedInput>,
    /// How much was found.
    summary: CheckSummary,
}

/// How much was found, over all files.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckSummary {
    /// Requirements that are not met, and files that could not be judged whole.
    errors: u64,
    /// What is likely to be wrong, or known from one source only.
    warnings: u64,
}

/// One file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckedInput {
    /// Its name as given; `-` where none was.
    path: String,
    /// What it is, told by its octets.
    kind: CheckedKind,
    /// What it says.
    facts: CheckedFacts,
    /// What is not as it should be, worst first; 500 at most.
    findings: Vec<CheckFinding>,
}

/// What a file is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CheckedKind {
    Mail,
    Xdm,
    Cda,
    Pdf,
    Unknown,
}

/// What a file says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckedFacts {
    /// Its CDA documents that can be read.
    documents: Vec<CheckedDocument>,
}

/// What one CDA document says; more fields than are described here (see docs/contracts.md).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckedDocument {
    /// What the recipient shall do with it: `create`, `replace` or `delete`.
    action: String,
    /// Its name, or its path in the archive.
    file: String,
    /// SHA-1 of its octets, in hexadecimal.
    sha1: String,
    /// Title.
    title: String,
    /// LOINC code of its type.
    code: Option<String>,
    /// `setId`.
    set_id: Option<String>,
    /// `versionNumber`.
    version: Option<String>,
    /// Matricule INS.
    ins_matricule: Option<String>,
    /// OID of the matricule: production, waiting, test or demonstration.
    ins_oid: Option<String>,
    /// Birth name.
    birth_name: Option<String>,
    /// Birth given names.
    given_names: Option<String>,
    /// `F`, `M` or `U`.
    sex: Option<String>,
    /// `AAAAMMJJ`, or shorter.
    birth_date: Option<String>,
    /// `N1` or `N3`.
    level: String,
    /// Laboratory results that must reach a doctor now.
    critical: u64,
}

/// Something that is not as it should be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckFinding {
    /// The requirement, by its id of the registry (`GET /requirements`).
    rule: String,
    /// How much it weighs.
    severity: SeverityWord,
    /// What should be there; French where words are needed.
    expected: String,
    /// What is there; French where words are needed.
    received: String,
    /// Where.
    at: CheckPlace,
    /// What is wrong and what to do.
    message: Words,
}

/// How much a finding weighs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Severity)]
pub(crate) enum SeverityWord {
    Error,
    Warning,
    Info,
}

/// Where in a file; what does not apply is null.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckPlace {
    /// Part of a mail, numbered as IMAP does: `1.2`.
    part: Option<String>,
    /// Path in an archive, or the name of an attached file.
    entry: Option<String>,
    /// Octets before it, in the file.
    offset: Option<u64>,
    /// Line, from 1: of the file, or of the document that `entry` names.
    line: Option<u64>,
}

/// Checks files
///
/// The same as `vaguemestre check --json`: mails, IHE_XDM archives, CDA documents and PDF, told by their octets. Send one file as
/// the body, whatever its media type, or several as a form (`multipart/form-data`). Nothing is kept. Which addresses are of
/// patients is a setting (`PUT /settings`, `user_domains`). A file that was refused as
/// hostile has an error that says so; a file over the limit refuses the request.
#[utoipa::path(post, path = "/check", tag = "check", params(Named),
    request_body(content((CheckedFile = "application/octet-stream"), (CheckedFiles = "multipart/form-data")), description = "One file of 25 MiB at most; or a form with up to 20 files, 50 MiB in all"),
    responses((status = 200, description = "What was found", body = CheckReport),
        (status = 408, description = "`bad_input`: the body took more than two minutes to come", body = shapes::ErrorObject),
        (status = 409, description = "`busy`: other files are being checked", body = shapes::ErrorObject)))]
pub(crate) async fn check(
    State(face): State<Face>,
    Asked(query): Asked<Named>,
    request: Request,
) -> Answer<Json<Report>> {
    let name = plain_or_none("name", query.name, 255)?;
    let Some(_place) = place().await else {
        let error =
            ApiError::new(ErrorCode::Busy, "Other files are being checked.", "Try again in a moment.");
        return Err(Refusal(error));
    };
    let Ok(files) = tokio::time::timeout(PATIENCE, read(request, name)).await else {
        let refusal = Refusal::bad("body", "the body took too long to come", "Send fewer files at a time.");
        return Err(refusal.status(StatusCode::REQUEST_TIMEOUT));
    };
    let (files, reading) = (files?, face.bench.reading().await?);
    let judged = blocking(move || {
        let one = |(path, bytes): (String, Vec<u8>)| Checked {
            inspection: inspect_with(&path, &bytes, &reading),
            path,
        };
        Report::new(files.into_iter().map(one).collect())
    });
    judged.await.map(Json).map_err(Refusal)
}

/// The files of a request, with their names.
async fn read(request: Request, name: Option<String>) -> Answer<Vec<(String, Vec<u8>)>> {
    let media = header(&request, &CONTENT_TYPE).to_ascii_lowercase();
    if media.starts_with("multipart/form-data") {
        return form(request).await;
    }
    let name = name.unwrap_or_else(|| NAMELESS.into());
    let announced = header(&request, &CONTENT_LENGTH).parse().unwrap_or(0_usize);
    // To a client that asks first, before anything is sent (`Expect: 100-continue`: RFC 9110 §10.1.1).
    if announced > largest() && !header(&request, &EXPECT).is_empty() {
        return Err(too_large(&name));
    }
    let bytes = body(request.into_body(), &name).await?;
    if bytes.is_empty() {
        return Err(Refusal::bad("body", "there is no body", "Send the file as the body."));
    }
    Ok(vec![(name, bytes)])
}

/// A body, read to its end even where it is too large: a client that is hung up on in the middle sees a broken connection and
/// no refusal.
async fn body(body: Body, name: &str) -> Answer<Vec<u8>> {
    let (mut stream, mut bytes, mut size) = (body.into_data_stream(), Vec::new(), 0);
    while let Some(chunk) = stream.next().await {
        let chunk =
            chunk.map_err(|_| Refusal::bad("body", "the body was cut off", "Send the file whole."))?;
        size += chunk.len();
        match size {
            _ if size <= largest() => bytes.extend_from_slice(&chunk),
            _ if size <= LONGEST => bytes = Vec::new(),
            _ => break,
        }
    }
    if size > largest() { Err(too_large(name)) } else { Ok(bytes) }
}

fn header<'a>(request: &'a Request, name: &HeaderName) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn form(request: Request) -> Answer<Vec<(String, Vec<u8>)>> {
    let form = Multipart::from_request(request, &()).await.map_err(|rejection| {
        let next = "Send a form with its boundary, or the file itself as application/octet-stream.";
        Refusal::bad("Content-Type", rejection.body_text(), next)
    })?;
    let parts = upload::read(form, Kept { part: largest(), all: most() }).await;
    let parts = parts.map_err(|mut error| {
        if error.next.is_empty() {
            error.next = "Send the form whole, each file as a part of its own.".into();
        }
        Refusal(error)
    })?;
    // A part named `file` is one, whether the client gave it a filename or not.
    let is_file = |part: &upload::Part| part.file.is_some() || part.field == "file";
    let files: Vec<_> = parts.into_iter().filter(is_file).collect();
    if let Some(cut) = files.iter().find(|part| part.is_cut) {
        return Err(too_large(cut.file.as_deref().unwrap_or_default()));
    }
    match files.len() {
        0 => Err(Refusal::bad(
            "file",
            "the form holds no file",
            "Send each file as a part with a filename, or named file.",
        )),
        1..=FILES => {
            let named = |part: upload::Part| {
                let name = part.file.filter(|name| !name.is_empty());
                (name.unwrap_or_else(|| NAMELESS.into()), part.bytes)
            };
            Ok(files.into_iter().map(named).collect())
        }
        many => {
            let next = format!("Send at most {FILES} files at a time.");
            Err(Refusal::bad("file", format!("the form holds {many} files"), next))
        }
    }
}

fn too_large(name: &str) -> Refusal {
    let (one, all) = (largest() / 1024 / 1024, most() / 1024 / 1024);
    let next = format!("Send files of at most {one} MiB, {all} MiB in all. No operator takes a larger mail.");
    let message = format!("{name} is too large");
    Refusal::bad("file", message, next).status(StatusCode::PAYLOAD_TOO_LARGE)
}
