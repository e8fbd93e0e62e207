//! *Annuaire*: who has which MSSanté address, searched in the base of this machine (SC.MSS/CONF.20, SC.MSS/UX.41).
//!
//! What is shown is the component of `annuaire-web`; here are only its three addresses, and the questions put to the
//! directory on a thread that may wait for the disk.

use annuaire::{Directory, Error};
use annuaire_web::{Answer, Component, Options, Question};
use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use web::{Page, T};

use crate::Face;
use crate::asked::Asked;
use crate::frame;

/// Hits on a page.
const SHOWN: usize = 20;

pub(crate) fn routes() -> Router<Face> {
    Router::new()
        .route("/directory", get(page))
        .route("/directory/hits", get(hits))
        .route("/directory/card/{id}", get(card))
}

/// The component as the bench shows it.
pub(crate) fn component() -> Component {
    Component::new(Options { path: "/directory".into(), picks: false })
}

#[derive(Template)]
#[template(
    source = r#"{% if !title.is_empty() %}<h1>{{ title }}</h1><p class="lead">{{ lead }}</p>{% endif %}{{ body|safe }}"#,
    ext = "html"
)]
struct Body {
    title: String,
    lead: String,
    body: String,
}

async fn page(State(face): State<Face>, asked: Asked) -> Response {
    let (t, question) = (asked.t(), question(&asked));
    let answer = answer(&face, t, &question).await;
    let title = t.get("directory-title");
    let body = face.finder.panel(t, &question, &answer);
    let body = Body { title: title.clone(), lead: t.get("directory-lead"), body };
    fresh(frame(&face, &asked, &title).status(status(&answer)).show(&body))
}

/// The answer alone, for the script.
async fn hits(State(face): State<Face>, asked: Asked) -> Response {
    let (t, question) = (asked.t(), question(&asked));
    let answer = answer(&face, t, &question).await;
    let part = face.finder.results(t, &question, &answer);
    let page = format!("<!doctype html><div id=\"directory-fragment\">{part}</div>");
    fresh((status(&answer), Html(page)).into_response())
}

async fn card(State(face): State<Face>, Path(id): Path<String>, asked: Asked) -> Response {
    let (t, back) = (asked.t(), question(&asked));
    let found = on_disk(&face, move |directory| directory.show(&id)).await;
    let (status, title, body) = match found {
        Ok(sheet) => {
            let body = face.finder.card(t, &sheet, &back);
            let body = Body { title: String::new(), lead: String::new(), body };
            (StatusCode::OK, sheet.card.name.clone(), body)
        }
        Err(Error::UnknownCard(_)) => {
            let title = t.get("directory-gone");
            let lead = t.get("directory-gone-next");
            let body = face.finder.panel(t, &back, &idle(&face));
            (StatusCode::NOT_FOUND, title.clone(), Body { title, lead, body })
        }
        Err(error) => {
            let answer = failed(t, &error);
            let title = t.get("directory-title");
            let body = face.finder.panel(t, &back, &answer);
            (self::status(&answer), title.clone(), Body { title, lead: t.get("directory-lead"), body })
        }
    };
    fresh(frame(&face, &asked, &title).status(status).show(&body))
}

fn frame(face: &Face, asked: &Asked, title: &str) -> Page {
    let assets = face.finder.assets();
    frame::page(face, asked.lang, title, &asked.uri)
        .style(assets.path("directory.css"))
        .script(assets.path("directory.js"))
}

fn question(asked: &Asked) -> Question {
    Question::from_pairs(asked.pairs())
}

async fn answer(face: &Face, t: T, question: &Question) -> Answer {
    if question.is_empty() {
        return idle(face);
    }
    let query = question.query();
    match on_disk(face, move |directory| directory.search(&query, SHOWN)).await {
        Ok(found) => Answer::Found(Box::new(found)),
        Err(error) => failed(t, &error),
    }
}

fn idle(face: &Face) -> Answer {
    match face.directory.as_ref().and_then(Directory::state) {
        Some(state) => {
            Answer::Idle { cards: state.cards, source_date: state.source_date, stale: state.stale }
        }
        None => Answer::NoBase,
    }
}

/// A directory that cannot answer is no empty directory.
fn failed(t: T, error: &Error) -> Answer {
    match error {
        Error::NoBase(_) => Answer::NoBase,
        Error::OtherVersion { .. } => Answer::Failed(t.get("directory-other-version")),
        error => {
            tracing::warn!(%error, "the directory could not be searched");
            Answer::Failed(error.to_string())
        }
    }
}

async fn on_disk<R: Send + 'static>(
    face: &Face,
    ask: impl FnOnce(&Directory) -> Result<R, Error> + Send + 'static,
) -> Result<R, Error> {
    let Some(directory) = face.directory.clone() else { return Err(Error::NoBase("-".into())) };
    let dir = directory.dir().to_owned();
    let asked = tokio::task::spawn_blocking(move || ask(&directory)).await;
    asked.unwrap_or_else(|error| Err(Error::Damaged { dir, what: error.to_string() }))
}

fn status(answer: &Answer) -> StatusCode {
    match answer {
        Answer::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    }
}

/// The next import changes the answers.
fn fresh(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
