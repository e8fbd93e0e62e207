use axum::Json;
use axum::extract::State;
use bench::Product;
use bench::scenario::{Mailbox, Scenario};
use rules::{Registry, Requirement};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Answer, Asked, Of, plain_or_none};
use super::checklist::known;
use super::shapes::{self, Words};
use crate::Face;
use crate::frame::endpoints;

/// Lists the jobs
#[utoipa::path(get, path = "/jobs", tag = "jobs", responses((status = 200, description = "Every job, in the order of the tree", body = shapes::Jobs)))]
pub(crate) async fn list(State(face): State<Face>) -> Json<Value> {
    let all: Vec<Value> = face.bench.catalogue().iter().map(summary).collect();
    Json(json!({"schema": "vaguemestre/jobs/1", "jobs": all}))
}

fn summary(job: &Scenario) -> Value {
    json!({
        "id": job.id, "path": job.path, "title": job.title, "requirements": job.requirements,
        "mailbox": job.mailbox.name(), "automation": job.automation, "control": job.control,
        "needs": job.needs, "estimated_s": job.estimated_s, "digest": job.digest(),
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ForProduct {
    /// The product that the texts are filled in for; left as `{address}`, `{identity}`… where absent.
    #[serde(default)]
    #[param(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    nil: Option<String>,
}

/// A job with its texts and its definition.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobPage {
    /// `vaguemestre/job/1`.
    schema: &'static str,
    /// The job as in the list.
    #[serde(flatten)]
    #[schema(value_type = shapes::Job)]
    job: Value,
    /// Whether MOTCO2's own content is not public, and this is what the requirement says.
    reconstructed: bool,
    /// What to do on the LPS.
    lps: Vec<Words>,
    /// What to do on the bench.
    banc: Vec<Words>,
    /// The window's timer that was used last for this product, in seconds; null without a product.
    timer_s: Option<u64>,
    /// The scenario, whole; `digest` is that of this object.
    #[schema(value_type = Object)]
    definition: Value,
}

/// Shows a job
#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", params(("id" = String, Path, description = "The job, such as `psc-nil`"), ForProduct),
    responses((status = 200, description = "The job, its texts filled in for the product", body = JobPage)))]
pub(crate) async fn show(
    State(face): State<Face>,
    Of(id): Of<String>,
    Asked(query): Asked<ForProduct>,
) -> Answer<Json<JobPage>> {
    let job = known(&face, &id)?;
    let nil = plain_or_none("nil", query.nil, 200)?;
    let product = match &nil {
        Some(nil) => Some(face.bench.product(nil).await?),
        None => None,
    };
    let timer_s = match &nil {
        Some(nil) => Some(face.bench.last_timer(nil, &job.id).await?),
        None => None,
    };
    let fill = |texts: &[rules::Text]| {
        texts.iter().map(|text| filled(&face, job, product.as_ref(), text)).collect::<Vec<_>>()
    };
    Ok(Json(JobPage {
        schema: "vaguemestre/job/1",
        job: summary(job),
        reconstructed: job.reconstructed,
        lps: fill(&job.lps),
        banc: fill(&job.banc),
        timer_s,
        definition: json!(job),
    }))
}

/// A text of a scenario with what it leaves open.
fn filled(face: &Face, job: &Scenario, product: Option<&Product>, text: &rules::Text) -> Words {
    let addresses = &face.bench.parts().addresses;
    let (motco2, patient) = face.bench.patient_addresses();
    let fill = |words: &str| {
        let words = words
            .replace("{patient_motco2}", &motco2)
            .replace("{patient}", &patient)
            .replace("{imap}", &endpoints(&addresses.imap))
            .replace("{smtp}", &endpoints(&addresses.smtp))
            .replace("{psc}", addresses.psc["issuer"].as_str().unwrap_or_default());
        let Some(product) = product else { return words };
        let (address, identity) = match job.mailbox {
            Mailbox::Per => (&product.psc_address, &product.psc_identity),
            Mailbox::App => (&product.app_address, &product.app_identity),
        };
        words.replace("{address}", address).replace("{identity}", identity).replace("{nil}", &product.nil)
    };
    Words { fr: fill(&text.fr), en: fill(&text.en) }
}

/// The registry of requirements.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Requirements {
    /// `vaguemestre/requirements/1`.
    schema: &'static str,
    /// In the order of the registry.
    requirements: Vec<RequirementShown>,
}

/// One requirement, in the project's own words.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Requirement)]
pub(crate) struct RequirementShown {
    /// Such as `SC.MSS/CONF.16`.
    id: &'static str,
    /// Article of the Référentiel n° 2.
    eco: Option<&'static str>,
    /// Kinds of mailbox concerned.
    boxes: &'static [String],
    /// Whether its wording was read in consistent sources (`sure`), or once, or deduced (`likely`).
    confidence: &'static str,
    /// What it asks for.
    text: Words,
    /// Tests of this project that prove that the bench judges it.
    proven_by: &'static [String],
    /// Jobs about it.
    jobs: Vec<String>,
}

/// Lists the requirements
#[utoipa::path(get, path = "/requirements", tag = "jobs", responses((status = 200, description = "The registry, with the jobs about each", body = Requirements)))]
pub(crate) async fn requirements(State(face): State<Face>) -> Json<Requirements> {
    let show = |requirement: &'static Requirement| RequirementShown {
        id: &requirement.id,
        eco: requirement.eco.as_deref(),
        boxes: &requirement.boxes,
        confidence: match requirement.confidence {
            rules::Confidence::Sure => "sure",
            rules::Confidence::Likely => "likely",
        },
        text: Words { fr: requirement.fr.clone(), en: requirement.en.clone() },
        proven_by: &requirement.proven_by,
        jobs: face
            .bench
            .catalogue()
            .iter()
            .filter(|job| job.requirements.contains(&requirement.id))
            .map(|job| job.id.clone())
            .collect(),
    };
    Json(Requirements {
        schema: "vaguemestre/requirements/1",
        requirements: Registry::get().iter().map(show).collect(),
    })
}
