//! The pages to read: *Guide utilisateur*, *Informations sur le banc*, *CGU*.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::get;
use web::{Locale, T};

use crate::Face;
use crate::facts::{Card, card};
use crate::frame::{chosen, page};
use crate::home::support;
use crate::view::Failure;

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/guide", get(guide)).route("/terms", get(terms)).route("/info", get(info))
}

#[derive(Template)]
#[template(path = "guide.html")]
struct Guide {
    t: T,
    nil: String,
    data: String,
}

async fn guide(State(face): State<Face>, headers: HeaderMap, uri: Uri) -> Response {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let nil = chosen().map_or_else(|| "2621".to_owned(), |product| product.nil);
    let data = face.bench.parts().data.display().to_string();
    page(&face, lang, &t.get("nav-guide"), &uri).show(&Guide { t, nil, data })
}

#[derive(Template)]
#[template(path = "terms.html")]
struct Terms {
    t: T,
}

async fn terms(State(face): State<Face>, headers: HeaderMap, uri: Uri) -> Response {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    page(&face, lang, &t.get("nav-terms"), &uri).show(&Terms { t })
}

#[derive(Template)]
#[template(path = "info.html")]
struct Info {
    t: T,
    notice: String,
    cards: Vec<Card>,
}

async fn info(State(face): State<Face>, headers: HeaderMap, uri: Uri) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let settings = face.bench.settings().await?;
    let parts = face.bench.parts();
    let run = face.bench.newest_runs(1).await?.first().map(|run| run.number);
    let path = |path: &std::path::Path| path.display().to_string();
    let cards = vec![
        card(t.get("info-this"), "this")
            .fact(t.get("proofs-version"), env!("CARGO_PKG_VERSION").to_owned())
            .fact(t.get("info-address"), parts.addresses.server.clone())
            .fact(t.get("info-domain"), parts.operator.domain().to_owned())
            .fact(t.get("info-data"), path(&parts.data))
            .fact(t.get("fact-ca"), path(&parts.addresses.ca_file))
            .fact(t.get("info-crl"), parts.addresses.crl_urls.join(" "))
            .fact(t.get("proofs-key"), face.bench.signer().key_id()),
        support(t, &settings.support, chosen().as_ref(), run),
    ];
    Ok(page(&face, lang, &t.get("nav-info"), &uri).show(&Info { t, notice: settings.notice, cards }))
}
