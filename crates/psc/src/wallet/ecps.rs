//! The telephone that the sandbox plays: requests of the decoupled flow, to be accepted, refused or left alone.

use askama::Template;
use axum::http::header::HeaderName;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use oidc::AuthMode;
use web::T;

use super::visit::{Sealed, Visit};

#[derive(Template)]
#[template(path = "ecps.html")]
struct Telephone {
    t: T,
    seal: String,
    waiting: Vec<Waiting>,
    late: bool,
}

/// A request as the page shows it.
struct Waiting {
    number: String,
    client: String,
    person: String,
    national_id: String,
    message: String,
    by_card: bool,
    seconds: String,
}

pub(super) async fn list(visit: Visit) -> Response {
    show(&visit, false)
}

pub(super) async fn answer(Sealed(visit, form): Sealed) -> Response {
    let psc = &visit.psc;
    let accept = match form.get("choice") {
        Some("accept") => true,
        Some("refuse") => false,
        _ => return visit.stale(),
    };
    if !psc.answer_request(form.get("request").unwrap_or_default(), accept) {
        return show(&visit, true);
    }
    visit.back("/ecps")
}

/// An empty page looks again by itself; one with a question stands still, so that nobody presses what has just moved.
fn show(visit: &Visit, late: bool) -> Response {
    let (t, now) = (visit.t, visit.psc.now());
    let waiting: Vec<Waiting> = visit
        .psc
        .decoupled()
        .waiting(now)
        .into_iter()
        .map(|request| Waiting {
            person: visit.psc.identity(&request.identity).map_or(String::new(), |person| person.full_name()),
            number: request.number,
            client: request.client_name,
            national_id: request.identity,
            message: request.binding_message,
            by_card: request.channel == AuthMode::Card,
            seconds: (request.expires.as_second() - now.as_second()).max(0).to_string(),
        })
        .collect();
    let empty = waiting.is_empty();
    let body = Telephone { t, seal: visit.seal(), waiting, late };
    let mut response = visit.show(&t.get("psc-ecps-title"), &body);
    if late {
        *response.status_mut() = StatusCode::CONFLICT;
    } else if empty {
        response.headers_mut().insert(HeaderName::from_static("refresh"), HeaderValue::from_static("3"));
    }
    response
}
