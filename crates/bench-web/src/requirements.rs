//! The registry of requirements as a page: where each *règle* of a verdict leads.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use rules::{Confidence, Registry};
use web::T;

use crate::Face;
use crate::asked::Asked;
use crate::frame::say;
use crate::jobs::{anchor, job_link};

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/requirements", get(requirements))
}

#[derive(Template)]
#[template(path = "requirements.html")]
struct Requirements {
    t: T,
    entries: Vec<Entry>,
    judged: usize,
}

struct Entry {
    id: &'static str,
    anchor: String,
    text: &'static str,
    eco: &'static str,
    boxes: String,
    likely: bool,
    jobs: Vec<(String, String)>,
}

async fn requirements(State(face): State<Face>, asked: Asked) -> Response {
    let t = asked.t();
    let french = matches!(asked.lang, i18n::Lang::Fr);
    let jobs_about = |id: &str| {
        let about = face.bench.catalogue().iter().filter(|job| job.requirements.iter().any(|own| own == id));
        about.map(|job| (job_link(&job.id, ""), say(asked.lang, &job.title))).collect::<Vec<_>>()
    };
    let entries: Vec<Entry> = Registry::get()
        .iter()
        .map(|requirement| Entry {
            id: &requirement.id,
            anchor: anchor(&requirement.id),
            text: if french { &requirement.fr } else { &requirement.en },
            eco: requirement.eco.as_deref().unwrap_or_default(),
            boxes: requirement.boxes.join(", "),
            likely: requirement.confidence == Confidence::Likely,
            jobs: jobs_about(&requirement.id),
        })
        .collect();
    let judged = entries.iter().filter(|entry| !entry.jobs.is_empty()).count();
    asked.page(&face, &t.get("requirements-title")).show(&Requirements { t, entries, judged })
}

impl Requirements {
    fn coverage(&self) -> String {
        let (judged, all) = (self.judged.to_string(), self.entries.len().to_string());
        i18n::text_with(
            self.t.0,
            "requirements-coverage",
            &[("judged", judged.as_str().into()), ("all", all.as_str().into())],
        )
    }
}
