//! The page of one product: what to type into the LPS, what is left to do before a referencing, what ran lately.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use bench::desk::Filter;
use bench::{Files, Product, Run};
use serde::Deserialize;
use serde_json::Value;
use web::{Locale, T, Tone, pill};

use super::mailboxes;
use crate::Face;
use crate::facts::{Card, card};
use crate::frame::{Row, page, row};
use crate::view::Failure;

/// Runs shown on the page.
const RUNS: u32 = 8;

#[derive(Deserialize, Default)]
pub(super) struct Arrival {
    #[serde(default)]
    created: String,
    #[serde(default)]
    edited: String,
    #[serde(default)]
    saved: String,
}

#[derive(Template)]
#[template(path = "account.html")]
struct Account<'a> {
    t: T,
    product: &'a Product,
    arrival: String,
    first_time: bool,
    ready: String,
    versions: Vec<String>,
    cards: Vec<Card>,
    mailboxes: Vec<mailboxes::Card>,
    prerequisites: Vec<Line>,
    done: usize,
    runs: Vec<(Row, String)>,
}

struct Line {
    id: &'static str,
    label: String,
    hint: String,
    ticked: Option<String>,
}

pub(super) async fn show(
    State(face): State<Face>,
    Path(nil): Path<String>,
    Query(arrival): Query<Arrival>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let product = face.bench.product(&nil).await?;
    let prerequisites: Vec<Line> =
        face.bench.prerequisites(&nil).await?.into_iter().map(|one| line(t, one)).collect();
    let filter = Filter { nil: Some(nil.clone()), ..Filter::default() };
    let runs = face.bench.history(&filter, 1, RUNS).await?.runs;
    let first_time = !arrival.created.is_empty();
    let setups = crate::mailboxes::all(&face, &product).await.map_err(Failure)?;
    let body = Account {
        t,
        arrival: if first_time {
            t.get("account-created")
        } else if !arrival.saved.is_empty() {
            t.get("mailbox-saved")
        } else if arrival.edited.is_empty() {
            String::new()
        } else {
            t.get("account-edited")
        },
        first_time,
        ready: pill(Tone::Good, &t.get("accounts-ready")),
        versions: face.bench.versions(&nil).await?,
        cards: cards(&face, t, &product),
        mailboxes: setups.into_iter().map(|setup| mailboxes::card(t, setup)).collect(),
        done: prerequisites.iter().filter(|line| line.ticked.is_some()).count(),
        prerequisites,
        runs: runs.iter().map(|run| (row(&face, lang, run), former(t, &product, run))).collect(),
        product: &product,
    };
    Ok(page(&face, lang, &format!("{} - {}", product.nil, product.name), &uri).show(&body))
}

/// Under which identifier a run was made, where the product has changed it since.
fn former(t: T, product: &Product, run: &Run) -> String {
    let today = [&product.psc_identity, &product.app_identity];
    // Runs carry the identifier in the case of the address that they used.
    if run.identity.is_empty() || today.iter().any(|identity| identity.eq_ignore_ascii_case(&run.identity)) {
        return String::new();
    }
    t.with("account-run-former", "identity", &run.identity)
}

fn line(t: T, one: bench::desk::Prerequisite) -> Line {
    let (label, hint) = match one.id {
        "convergence" => ("prereq-convergence", "prereq-convergence-hint"),
        "nil" => ("prereq-nil", "prereq-nil-hint"),
        "candidature" => ("prereq-candidature", "prereq-candidature-hint"),
        "droits" => ("prereq-droits", "prereq-droits-hint"),
        "cpx" => ("prereq-cpx", "prereq-cpx-hint"),
        "id-psc" => ("prereq-id-psc", "prereq-id-psc-hint"),
        "id-app" => ("prereq-id-app", "prereq-id-app-hint"),
        _ => ("prereq-bas-psc", "prereq-bas-psc-hint"),
    };
    let ticked = one.ticked.map(|at| at.strftime("%Y-%m-%d").to_string());
    Line { id: one.id, label: t.get(label), hint: t.get(hint), ticked }
}

/// Everything that an LPS is configured with, group by group.
fn cards(face: &Face, t: T, product: &Product) -> Vec<Card> {
    let parts = face.bench.parts();
    let files = Files::of(&parts.data, &product.nil);
    let addresses = &parts.addresses;
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let path = |path: &std::path::Path| path.display().to_string();
    vec![
        card(t.get("bench-mailbox-per"), "per")
            .fact(t.get("fact-address"), product.psc_address.clone())
            .fact(t.get("fact-auth"), "SASL XOAUTH2".into())
            .fact(t.get("account-psc"), product.psc_identity.clone()),
        card(t.get("bench-mailbox-app"), "app")
            .fact(t.get("fact-address"), product.app_address.clone())
            .fact(t.get("fact-auth"), "SASL EXTERNAL".into())
            .fact(t.get("account-app"), product.app_identity.clone()),
        card("IMAP".into(), "imap")
            .fact(t.get("fact-host"), word(&addresses.imap["host"]))
            .fact(t.get("fact-starttls"), word(&addresses.imap["starttls"]))
            .fact(t.get("fact-tls"), word(&addresses.imap["tls"])),
        card("SMTP".into(), "smtp")
            .fact(t.get("fact-host"), word(&addresses.smtp["host"]))
            .fact(t.get("fact-starttls"), word(&addresses.smtp["starttls"]))
            .fact(t.get("fact-tls"), word(&addresses.smtp["tls"])),
        card(t.get("bench-client"), "psc")
            .fact(t.get("fact-issuer"), word(&addresses.psc["issuer"]))
            .fact(t.get("fact-discovery"), word(&addresses.psc["wallet_discovery"]))
            .fact(t.get("fact-client"), product.client_id.clone())
            .fact(t.get("fact-secret"), path(&files.secret)),
        card(t.get("fact-certificates"), "tls")
            .fact(t.get("fact-ca"), path(&addresses.ca_file))
            .fact(t.get("fact-certificate"), path(&files.certificate))
            .fact(t.get("fact-key"), path(&files.key)),
    ]
}

/// The AUTH_CLI certificate and its chain: public, unlike its key, which stays in the data directory.
pub(super) async fn certificate(
    State(face): State<Face>,
    Path(nil): Path<String>,
) -> Result<Response, Failure> {
    let product = face.bench.product(&nil).await?;
    let files = Files::of(&face.bench.parts().data, &product.nil);
    let pem = std::fs::read_to_string(&files.certificate).map_err(bench::Error::from)?;
    Ok(download(pem, &format!("auth_cli-{nil}.pem")))
}

/// The lab's anchors.
pub(super) async fn anchors(State(face): State<Face>) -> Response {
    download(face.bench.parts().lab.ca_pem().to_owned(), "vaguemestre-ca.pem")
}

fn download(pem: String, name: &str) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/x-pem-file".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, pem).into_response()
}
