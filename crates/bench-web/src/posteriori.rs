//! *Juger un message déjà reçu*: explains, proves nothing, is kept nowhere; the page says so at its top.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use bench::posteriori::{Candidate, Posterior};
use web::T;

use crate::Face;
use crate::asked::{Asked, address};
use crate::frame::say;
use crate::jobs::job_link;
use crate::lines::{Row, row};
use crate::run::{CheckRow, Headline, check_rows, headline};
use crate::view::{Failure, verdict_pill};

/// Log lines that the page shows; one connection has rarely a hundred.
const LINES: usize = 2_000;

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/jobs/{id}/received", get(received))
}

#[derive(Template)]
#[template(path = "posteriori.html")]
struct Received {
    t: T,
    title: String,
    job_href: String,
    nil: String,
    candidates: Vec<CandidateRow>,
    judged: Option<Judged>,
    refresh: String,
}

struct CandidateRow {
    queue_id: String,
    at: String,
    iso: String,
    to: String,
    size: u64,
    message_id: String,
    href: String,
    current: bool,
}

struct Judged {
    pill: String,
    headline: Headline,
    checks: Vec<CheckRow>,
    lines: Vec<Row>,
}

async fn received(
    State(face): State<Face>,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Response, Failure> {
    let t = asked.t();
    let job = face.bench.catalogue().find(&id).ok_or_else(|| asked.unknown_job(&id))?;
    let (_, product) = asked.product(&face).await?;
    let product = product.ok_or_else(|| asked.unknown_product())?;
    let candidates =
        if job.expects_mail() { face.bench.candidates(&product.nil, &id).await? } else { Vec::new() };
    let chosen = asked.get("message");
    let judged = match chosen {
        "" => None,
        queue_id => Some(judged(&asked, face.bench.judge_received(&product.nil, &id, queue_id).await?)),
    };
    let here = format!("/jobs/{id}/received");
    let candidate = |candidate: &Candidate| CandidateRow {
        at: candidate.at.strftime("%H:%M:%S UTC").to_string(),
        iso: candidate.at.to_string(),
        to: candidate.to.join(", "),
        size: candidate.size,
        message_id: candidate.message_id.clone().unwrap_or_default(),
        href: address(&here, [("nil", product.nil.as_str()), ("message", candidate.queue_id.as_str())]),
        current: candidate.queue_id == chosen,
        queue_id: candidate.queue_id.clone(),
    };
    let body = Received {
        t,
        title: say(asked.lang, &job.title),
        job_href: job_link(&id, &product.nil),
        candidates: candidates.iter().map(candidate).collect(),
        judged,
        refresh: address(&here, [("nil", product.nil.as_str())]),
        nil: product.nil,
    };
    Ok(asked.page(&face, &format!("{} · {}", t.get("posterior-title"), body.title)).show(&body))
}

fn judged(asked: &Asked, posterior: Posterior) -> Judged {
    let t = asked.t();
    let judgement = &posterior.judgement;
    let line = |seq: Option<i64>| {
        seq.and_then(|seq| posterior.log.iter().find(|line| line.seq == Some(seq))).map(|line| line.n)
    };
    let filter = crate::lines::Filter::default();
    Judged {
        pill: verdict_pill(t, judgement.verdict),
        headline: headline(t, asked.lang, judgement.verdict, &judgement.checks),
        checks: check_rows(asked.lang, &judgement.checks, |seq| line(seq).map(|n| (n, format!("#L{n}")))),
        lines: filter.apply(&posterior.log).iter().take(LINES).map(row).collect(),
    }
}
