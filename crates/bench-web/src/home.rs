use askama::Template;
use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use bench::{NewProduct, Product, Run};
use i18n::Lang;
use serde::Deserialize;
use web::{Locale, T};

use crate::Face;
use crate::frame::{Row, endpoints, page, row, say};
use crate::view::{Failure, verdict_pill};

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/", get(home)).route("/products", post(add_product))
}

// === Dashboard ===

#[derive(Deserialize, Default)]
struct HomeQuery {
    nil: Option<String>,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    t: T,
    css: String,
    products: &'a [Product],
    chosen: Option<&'a Product>,
    chosen_nil: &'a str,
    groups: Vec<Group>,
    runs: Vec<Row>,
    error: Option<String>,
    form: ProductForm,
    imap: String,
    smtp: String,
    psc: String,
    timer: u64,
}

struct Group {
    path: String,
    jobs: Vec<Job>,
}

struct Job {
    id: String,
    title: String,
    requirements: String,
    mailbox: &'static str,
    last: Option<(i64, String)>,
}

async fn home(
    State(face): State<Face>,
    Query(query): Query<HomeQuery>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    show_home(&face, &headers, &uri, query.nil.as_deref(), None, ProductForm::default()).await
}

async fn show_home(
    face: &Face,
    headers: &HeaderMap,
    uri: &Uri,
    nil: Option<&str>,
    error: Option<bench::Error>,
    form: ProductForm,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(headers);
    let t = T(lang);
    let products = face.bench.products().await?;
    let chosen = products.iter().find(|product| Some(product.nil.as_str()) == nil).or(products.first());
    let last = match chosen {
        Some(product) => face.bench.last_runs(&product.nil).await?,
        None => Vec::new(),
    };
    let addresses = &face.bench.parts().addresses;
    let status = if error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let body = Home {
        t,
        css: face.assets.path("banc.css"),
        groups: groups(face, lang, &last),
        runs: face.bench.newest_runs(30).await?.iter().map(|run| row(face, lang, run)).collect(),
        products: &products,
        chosen,
        chosen_nil: chosen.map_or("", |product| &product.nil),
        error: error.map(|error| format!("{} {}", error.message, error.next)),
        form,
        imap: endpoints(&addresses.imap),
        smtp: endpoints(&addresses.smtp),
        psc: addresses.psc["issuer"].as_str().unwrap_or_default().to_owned(),
        timer: face.bench.parts().timing.window.as_secs(),
    };
    Ok(page(face, lang, &t.get("bench-dashboard"), uri).status(status).show(&body))
}

fn groups(face: &Face, lang: Lang, last: &[Run]) -> Vec<Group> {
    let mut all: Vec<Group> = Vec::new();
    for scenario in face.bench.catalogue().iter() {
        let path = scenario.path.join(" / ");
        let job = Job {
            id: scenario.id.clone(),
            title: say(lang, &scenario.title),
            requirements: scenario.requirements.join(", "),
            mailbox: scenario.mailbox.name(),
            last: last
                .iter()
                .find(|run| run.job == scenario.id)
                .and_then(|run| run.verdict.map(|verdict| (run.number, verdict_pill(T(lang), verdict)))),
        };
        match all.iter_mut().find(|group| group.path == path) {
            Some(group) => group.jobs.push(job),
            None => all.push(Group { path, jobs: vec![job] }),
        }
    }
    all
}

// === Forms ===

#[derive(Deserialize, Default, Clone)]
struct ProductForm {
    nil: String,
    name: String,
    #[serde(default)]
    product_version: String,
    psc_id: String,
    app_id: String,
    #[serde(default, rename = "type")]
    kind: String,
}

async fn add_product(
    State(face): State<Face>,
    headers: HeaderMap,
    uri: Uri,
    Form(form): Form<ProductForm>,
) -> Result<Response, Failure> {
    let version = Some(form.product_version.trim().to_owned()).filter(|version| !version.is_empty());
    let kind = crate::api::kind(if form.kind.is_empty() { "PER" } else { &form.kind })?;
    let new = NewProduct {
        nil: form.nil.trim().to_owned(),
        name: form.name.trim().to_owned(),
        version,
        kind,
        psc_identity: form.psc_id.trim().to_owned(),
        app_identity: form.app_id.trim().to_owned(),
        course: String::new(),
        procedure: String::new(),
        status: String::new(),
    };
    match face.bench.add_product(new).await {
        Ok(product) => Ok(Redirect::to(&format!("/?nil={}", product.nil)).into_response()),
        Err(error) => show_home(&face, &headers, &uri, None, Some(error), form).await,
    }
}
