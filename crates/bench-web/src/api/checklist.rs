use axum::Json;
use axum::extract::State;
use bench::desk::PreflightStep;
use bench::posteriori::Candidate;
use bench::scenario::Scenario;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Answer, Asked, Body, Of, Refusal, plain};
use super::shapes;
use crate::Face;

/// The checklist that MOTCO2 asks for before an account is made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Prerequisites {
    /// `vaguemestre/prerequisites/1`.
    schema: &'static str,
    /// The product.
    nil: String,
    /// In the order in which things are done.
    prerequisites: Vec<Prerequisite>,
}

/// One line of the checklist.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Prerequisite {
    /// Such as `convergence` or `bas-psc`.
    id: &'static str,
    /// When it was ticked; null where it is not.
    #[schema(value_type = Option<String>, format = DateTime)]
    ticked: Option<Timestamp>,
}

/// Shows the checklist of a product
#[utoipa::path(get, path = "/products/{nil}/prerequisites", tag = "products", params(("nil" = String, Path, description = "The product's number")),
    responses((status = 200, description = "Every line", body = Prerequisites)))]
pub(crate) async fn prerequisites(
    State(face): State<Face>,
    Of(nil): Of<String>,
) -> Answer<Json<Prerequisites>> {
    let lines = face.bench.prerequisites(&nil).await?;
    let prerequisites =
        lines.into_iter().map(|line| Prerequisite { id: line.id, ticked: line.ticked }).collect();
    Ok(Json(Prerequisites { schema: "vaguemestre/prerequisites/1", nil, prerequisites }))
}

/// Whether a line is done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tick {
    /// Whether it is ticked; one that is ticked again keeps its first date.
    ticked: bool,
}

/// Ticks a line of the checklist
#[utoipa::path(put, path = "/products/{nil}/prerequisites/{id}", tag = "products", request_body = Tick,
    params(("nil" = String, Path, description = "The product's number"), ("id" = String, Path, description = "The line, such as `bas-psc`")),
    responses((status = 200, description = "The whole checklist", body = Prerequisites)))]
pub(crate) async fn tick(
    State(face): State<Face>,
    Of((nil, id)): Of<(String, String)>,
    Body(tick): Body<Tick>,
) -> Answer<Json<Prerequisites>> {
    face.bench.tick(&nil, &id, tick.ticked).await.map_err(|error| Refusal::from(error).missing())?;
    prerequisites(State(face), Of(nil)).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobQuery {
    /// The job.
    #[param(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$", example = "psc-nil")]
    job: String,
}

/// What was looked at before a window opens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Preflight {
    /// `vaguemestre/preflight/1`.
    schema: &'static str,
    /// The product.
    nil: String,
    /// The job.
    job: String,
    /// Whether every step is fine.
    ready: bool,
    /// What was looked at, in order.
    steps: Vec<Step>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Step {
    /// `address`, `port`, `tls`, `certificate`, `token`, `mailbox`, `adapter`.
    id: &'static str,
    /// `localhost:1143`, an address, a file.
    subject: String,
    /// Whether it can be used.
    ok: bool,
    /// Why it cannot; null where it can.
    fault: Option<String>,
    /// What to do where it cannot.
    next: String,
    /// How long it took, in microseconds.
    took_us: u64,
}

impl From<PreflightStep> for Step {
    fn from(step: PreflightStep) -> Self {
        Self {
            id: step.id,
            subject: step.subject,
            ok: step.fault.is_none(),
            fault: step.fault,
            next: step.next,
            took_us: u64::try_from(step.took.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

/// Looks at everything that a run of a job needs
///
/// The address, the port, the TLS trust, the certificate or the token, the mailbox: so that what fails later is the client.
#[utoipa::path(get, path = "/products/{nil}/preflight", tag = "products", params(("nil" = String, Path, description = "The product's number"), JobQuery),
    responses((status = 200, description = "Every step, with what is wrong", body = Preflight)))]
pub(crate) async fn preflight(
    State(face): State<Face>,
    Of(nil): Of<String>,
    Asked(query): Asked<JobQuery>,
) -> Answer<Json<Preflight>> {
    let job = known(&face, &query.job)?;
    let product = face.bench.product(&nil).await?;
    let steps: Vec<Step> =
        face.bench.preflight(&product, job, None).await?.into_iter().map(Step::from).collect();
    let ready = steps.iter().all(|step| step.ok);
    Ok(Json(Preflight { schema: "vaguemestre/preflight/1", nil, job: query.job, ready, steps }))
}

/// The job of this name.
pub(crate) fn known<'a>(face: &'a Face, id: &str) -> Answer<&'a Scenario> {
    face.bench.catalogue().find(id).ok_or_else(|| {
        let next = "List the jobs with GET /api/v1/jobs.";
        let error = bench::Error::new(bench::Code::UnknownJob, format!("no job is named {id:?}"), next);
        error.field("job").into()
    })
}

/// Messages that can be judged after the fact.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Received {
    /// `vaguemestre/received/1`.
    schema: &'static str,
    /// Of the last ten minutes, newest first.
    messages: Vec<Message>,
}

/// A message that a product sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Message {
    /// The operator's queue id.
    queue_id: String,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The mailbox that sent it.
    mailbox: String,
    /// Envelope recipients.
    to: Vec<String>,
    /// Octets.
    size: u64,
    /// Its Message-ID.
    message_id: Option<String>,
}

impl From<Candidate> for Message {
    fn from(found: Candidate) -> Self {
        Self {
            queue_id: found.queue_id,
            at: found.at,
            mailbox: found.mailbox,
            to: found.to,
            size: found.size,
            message_id: found.message_id,
        }
    }
}

/// Lists the messages already received that a job could be held against
#[utoipa::path(get, path = "/products/{nil}/received", tag = "products", params(("nil" = String, Path, description = "The product's number"), JobQuery),
    responses((status = 200, description = "Messages of the last ten minutes, from the job's mailbox", body = Received)))]
pub(crate) async fn received(
    State(face): State<Face>,
    Of(nil): Of<String>,
    Asked(query): Asked<JobQuery>,
) -> Answer<Json<Received>> {
    known(&face, &query.job)?;
    let found =
        face.bench.candidates(&nil, &query.job).await.map_err(|error| Refusal::from(error).missing())?;
    let messages = found.into_iter().map(Message::from).collect();
    Ok(Json(Received { schema: "vaguemestre/received/1", messages }))
}

/// Which message to judge, and by which job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JudgeBody {
    /// The job.
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$", example = "psc-nil")]
    job: String,
    /// The message.
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    queue_id: String,
}

/// A judgement after the fact: it explains, it proves nothing, and is not kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Posterior {
    /// `vaguemestre/posterior/1`.
    schema: &'static str,
    /// Always true: this is no run.
    a_posteriori: bool,
    /// What the judge says.
    #[schema(value_type = shapes::VerdictWord)]
    verdict: &'static str,
    /// Each check.
    #[schema(value_type = Vec<shapes::Check>)]
    checks: Vec<Value>,
    /// The log of the connection that brought the message.
    #[schema(value_type = Vec<shapes::LogLine>)]
    log: Vec<bench::log::LogLine>,
}

/// Judges a message already received
#[utoipa::path(post, path = "/products/{nil}/received", tag = "products", request_body = JudgeBody, params(("nil" = String, Path, description = "The product's number")),
    responses((status = 200, description = "The judgement, a posteriori", body = Posterior)))]
pub(crate) async fn judge(
    State(face): State<Face>,
    Of(nil): Of<String>,
    Body(body): Body<JudgeBody>,
) -> Answer<Json<Posterior>> {
    plain("queue_id", &body.queue_id, 200)?;
    known(&face, &body.job)?;
    let judged = face.bench.judge_received(&nil, &body.job, &body.queue_id).await;
    let judged = judged.map_err(|error| Refusal::from(error).missing())?;
    let line = |seq: Option<i64>| {
        seq.and_then(|seq| judged.log.iter().find(|line| line.seq == Some(seq))).map(|line| line.n)
    };
    let checks = judged.judgement.checks.iter().map(|check| {
        json!({
            "requirement": check.requirement, "outcome": check.outcome,
            "expected": check.expected.fr, "received": check.received.fr, "rule": check.rule,
            "transcript_line": line(check.decided_by), "next": check.next.fr,
            "en": {"expected": check.expected.en, "received": check.received.en, "next": check.next.en},
        })
    });
    Ok(Json(Posterior {
        schema: "vaguemestre/posterior/1",
        a_posteriori: true,
        verdict: judged.judgement.verdict.name(),
        checks: checks.collect(),
        log: judged.log.clone(),
    }))
}
