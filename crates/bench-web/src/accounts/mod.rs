//! Accounts: one registered product each, with its two mailboxes. *Création de compte*, *Liste de comptes*, *Modifier*
//! keep the words and columns that MOTCO2 taught (webinar of 15 September 2025); what MOTCO2 does in 24 hours is
//! done here before the page answers.

mod certificate;
mod form;
mod mailboxes;
mod product;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use bench::Product;
use serde::Deserialize;
use web::{Locale, T, Tone, pill};

use crate::Face;
use crate::frame::page;
use crate::view::Failure;

/// Accounts on the page; the list of products is searched and paged where there are more.
const LISTED: usize = 200;

pub(crate) fn routes() -> Router<Face> {
    Router::new()
        .route("/accounts", get(list).post(form::create))
        .route("/accounts/new", get(form::blank))
        .route("/accounts/{nil}", get(product::show))
        .route("/accounts/{nil}/edit", get(form::edit).post(form::update))
        .route("/accounts/{nil}/delete", get(confirm).post(delete))
        .route("/accounts/{nil}/mailboxes", post(mailboxes::save))
        .route("/accounts/{nil}/prerequisites", post(tick))
        .route("/accounts/{nil}/auth_cli.pem", get(product::certificate))
        .route("/ca.pem", get(product::anchors))
        .merge(certificate::routes())
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct List<'a> {
    t: T,
    products: &'a [Product],
    more: usize,
    ready: String,
}

/// *Liste de comptes*.
async fn list(State(face): State<Face>, headers: HeaderMap, uri: Uri) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let products = face.bench.products().await?;
    let more = products.len().saturating_sub(LISTED);
    let listed = &products[..products.len() - more];
    let body = List { t, products: listed, more, ready: pill(Tone::Good, &t.get("accounts-ready")) };
    Ok(page(&face, lang, &t.get("accounts-title"), &uri).show(&body))
}

#[derive(Template)]
#[template(path = "account-delete.html")]
struct Confirm<'a> {
    t: T,
    product: &'a Product,
}

/// What is lost and what stays, before a product is removed.
async fn confirm(
    State(face): State<Face>,
    Path(nil): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let product = face.bench.product(&nil).await?;
    Ok(page(&face, lang, &t.with("account-delete-title", "nil", &nil), &uri)
        .show(&Confirm { t, product: &product }))
}

async fn delete(State(face): State<Face>, Path(nil): Path<String>) -> Result<Response, Failure> {
    face.bench.remove_product(&nil).await?;
    Ok(Redirect::to("/accounts").into_response())
}

#[derive(Deserialize)]
struct Tick {
    id: String,
    #[serde(default)]
    ticked: bool,
}

async fn tick(
    State(face): State<Face>,
    Path(nil): Path<String>,
    Form(form): Form<Tick>,
) -> Result<Response, Failure> {
    face.bench.tick(&nil, &form.id, form.ticked).await?;
    Ok(Redirect::to(&format!("/accounts/{nil}#prerequisites")).into_response())
}
