use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use i18n::Lang;
use web::{Page, T};

use super::request::{AuthRequest, Expected, Problem};
use super::visit::Visit;
use crate::identity::Identity;

/// People shown on one page; the rest is reached with `login_hint`.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "choose.html")]
struct Choose<'a> {
    t: T,
    request: &'a AuthRequest,
    number: &'a str,
    place: String,
    hinted: Option<Person>,
    others: Vec<Person>,
    hidden: usize,
}

#[derive(Template)]
#[template(path = "refused.html")]
struct Refused<'a> {
    t: T,
    problem: &'a Problem,
    expected: Vec<String>,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    t: T,
    issuer: String,
    seal: String,
    person: Option<String>,
    waiting: usize,
    identities: usize,
    clients: usize,
    faults: usize,
}

/// A person as the page shows her.
struct Person {
    id: String,
    name: String,
    initials: String,
    occupation: String,
}

pub(super) fn home(visit: &Visit, person: Option<String>) -> Response {
    let t = visit.t;
    let body = Home {
        t,
        issuer: visit.psc.issuer().to_owned(),
        seal: visit.seal(),
        person,
        waiting: visit.psc.decoupled().waiting(visit.psc.now()).len(),
        identities: visit.psc.identities().len(),
        clients: visit.psc.clients().len(),
        faults: visit.psc.armed().iter().filter(|state| state.left != Some(0)).count(),
    };
    visit.show(&t.get("wallet-home-title"), &body)
}

pub(super) fn choose(visit: &Visit, request: &AuthRequest, number: &str) -> Response {
    let (t, psc) = (visit.t, &visit.psc);
    let hint = request.login_hint.as_deref();
    let mut people = psc.identities();
    people.sort_by_key(|person| person.family_name.to_lowercase());
    let hinted = people.iter().position(|person| Some(person.national_id.as_str()) == hint);
    let hinted = hinted.map(|at| Person::new(t, &people.remove(at)));
    let hidden = people.len().saturating_sub(SHOWN);
    let others = people.iter().take(SHOWN).map(|person| Person::new(t, person)).collect();
    let place = request.redirect_uri.split('?').next().unwrap_or_default().to_owned();
    let body = Choose { t, request, number, place, hinted, others, hidden };
    visit.show_alone(&t.get("wallet-title"), &body)
}

pub(super) fn refused(lang: Lang, uri: &Uri, problem: &Problem) -> Response {
    let t = T(lang);
    tracing::info!(problem = problem.what, "authorization request refused with a page");
    let expected = match &problem.expected {
        Expected::Text(id) => vec![t.get(id)],
        Expected::Facts(facts) => facts.clone(),
    };
    Page::new(lang, t.get("wallet-site"), t.get("wallet-error-title"), uri)
        .status(StatusCode::BAD_REQUEST)
        .show(&Refused { t, problem, expected })
}

pub(super) fn stale(lang: Lang) -> Response {
    sorry(lang, "wallet-stale-title", "wallet-stale-text")
}

pub(super) fn unknown_identity(lang: Lang) -> Response {
    sorry(lang, "wallet-choice-title", "wallet-choice-text")
}

fn sorry(lang: Lang, title: &str, text: &str) -> Response {
    let t = T(lang);
    Page::new(lang, t.get("wallet-site"), t.get(title), &Uri::from_static("/"))
        .status(StatusCode::BAD_REQUEST)
        .say(&t.get(text))
}

impl Person {
    fn new(t: T, identity: &Identity) -> Self {
        let initial = |name: &str| name.chars().find(|c| c.is_uppercase()).or(name.chars().next());
        Self {
            id: identity.national_id.clone(),
            name: identity.full_name(),
            initials: [&identity.given_name, &identity.family_name]
                .iter()
                .filter_map(|n| initial(n))
                .collect(),
            occupation: occupation(t, identity),
        }
    }
}

/// What the person does, for the reader: her professions, or what her identifier says.
pub(super) fn occupation(t: T, identity: &Identity) -> String {
    let profession = |code: &str| match code {
        "10" => t.get("profession-10"),
        "21" => t.get("profession-21"),
        "40" => t.get("profession-40"),
        "50" => t.get("profession-50"),
        "60" => t.get("profession-60"),
        "70" => t.get("profession-70"),
        other => t.with("profession-other", "code", other),
    };
    let known: Vec<String> =
        identity.practices.iter().map(|practice| profession(&practice.profession)).collect();
    match (known.is_empty(), identity.national_id.contains('/')) {
        (false, _) => known.join(" · "),
        (true, true) => t.get("profession-employee"),
        (true, false) => t.get("profession-none"),
    }
}
