use std::sync::LazyLock;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bench::proof::{Verification, verify as check};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

use super::ask::{Answer, Asked, Of, Refusal, file, plain_or_none};
use super::shapes::{self, Words};
use crate::Face;

/// Largest proof that is read, in octets.
const LIMIT: usize = 32 * 1024 * 1024;

/// Proofs verified at the same time: each is held whole in memory, and judged again.
static PLACES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(2));

/// Gives the proof of a run
#[utoipa::path(get, path = "/runs/{number}/proof", tag = "proofs", params(("number" = i64, Path, description = "The run's number", minimum = 1)),
    responses((status = 200, description = "The signed file, to be kept byte for byte: a JSON body, then the signature line", body = String, content_type = "application/octet-stream"),
        (status = 409, description = "There is no evidence: not finished, or never started", body = shapes::ErrorObject)))]
pub(crate) async fn of_run(State(face): State<Face>, Of(number): Of<i64>) -> Answer<Response> {
    super::runs::known(&face, number).await?;
    Ok(signed(face.bench.proof(number).await.map_err(|error| Refusal::from(error).conflict())?))
}

/// Gives the proof of a campaign
#[utoipa::path(get, path = "/campaigns/{number}/proof", tag = "proofs", params(("number" = i64, Path, description = "The campaign's number", minimum = 1)),
    responses((status = 200, description = "The signed file of every judged run, to be kept byte for byte", body = String, content_type = "application/octet-stream"),
        (status = 409, description = "No run of it has evidence", body = shapes::ErrorObject)))]
pub(crate) async fn of_campaign(State(face): State<Face>, Of(number): Of<i64>) -> Answer<Response> {
    super::campaigns::known(&face, number).await?;
    Ok(signed(face.bench.campaign_proof(number).await.map_err(|error| Refusal::from(error).conflict())?))
}

/// A proof is no JSON text: its last line is the signature.
fn signed(proof: String) -> Response {
    ([(CONTENT_TYPE, "application/octet-stream")], proof).into_response()
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Key {
    /// The key that must have signed: its id, or the public key in base64url. Without, a good signature says "integrity only".
    #[param(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    key: Option<String>,
}

/// A proof, byte for byte.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(value_type = String, min_length = 1)]
pub(crate) struct ProofFile(#[allow(dead_code)] String); // only described: any bytes are read

/// What a proof is worth.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Verified {
    /// `vaguemestre/verify/1`.
    schema: &'static str,
    /// `valid`, `invalid` or `unreadable`.
    state: &'static str,
    /// Whether the signature is good and every verdict the same when judged again.
    valid: bool,
    /// By which key, or why not.
    result: String,
    /// The id of the key that signed; null where the file is not valid.
    key: Option<String>,
    /// The product.
    nil: Option<String>,
    /// When it was made.
    #[schema(value_type = Option<String>, format = DateTime)]
    made: Option<kernel::Timestamp>,
    /// The runs in it, with their verdicts.
    runs: Vec<ProvenRun>,
    /// What a proof is not.
    notice: Option<Words>,
}

/// A run in a proof.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProvenRun {
    /// Its number.
    number: i64,
    /// The job.
    job: String,
    /// The verdict.
    #[schema(value_type = shapes::VerdictWord)]
    verdict: &'static str,
}

/// Verifies a proof
///
/// Checks the signature and judges every run again. Send the file as it is, whatever its media type.
#[utoipa::path(post, path = "/verify", tag = "proofs", params(Key), request_body(content = ProofFile, content_type = "application/octet-stream", description = "The file, at most 32 MiB"),
    responses((status = 200, description = "What it is worth", body = Verified)))]
pub(crate) async fn verify(Asked(query): Asked<Key>, request: Request) -> Answer<Json<Verified>> {
    let key = plain_or_none("key", query.key, 200)?;
    let place = PLACES.acquire().await;
    let bytes = file(request.into_body(), LIMIT).await?;
    if bytes.is_empty() {
        return Err(Refusal::bad("body", "there is no body", "Send the proof file as the body."));
    }
    let verified = tokio::task::spawn_blocking(move || describe(check(&bytes, key.as_deref()))).await;
    drop(place);
    verified.map(Json).map_err(|error| {
        tracing::error!(%error, "a proof could not be verified");
        Refusal::bad("body", "the proof could not be verified", "Look at the server's log.")
    })
}

fn describe(found: Verification) -> Verified {
    let schema = "vaguemestre/verify/1";
    match found {
        Verification::Valid { pinned, key_id, body } => Verified {
            schema,
            state: "valid",
            valid: true,
            result: if pinned { "signed by the expected key" } else { "integrity only" }.into(),
            key: Some(key_id),
            nil: Some(body.product.nil.clone()),
            made: Some(body.made),
            runs: body
                .runs
                .iter()
                .map(|run| ProvenRun {
                    number: run.number,
                    job: run.scenario.id.clone(),
                    verdict: run.verdict.name(),
                })
                .collect(),
            notice: Some(Words::from(&body.notice)),
        },
        Verification::Invalid(result) => Verified { schema, state: "invalid", result, ..Default::default() },
        Verification::Unreadable(result) => {
            Verified { schema, state: "unreadable", result, ..Default::default() }
        }
    }
}
