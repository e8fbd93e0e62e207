use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use bench::NewProduct;
use bench::desk::{ImportReport, ProductEdit};
use operator::Kind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Answer, Asked, Body, Of, Refusal, file, media_type, plain};
use super::shapes;
use crate::Face;

/// Largest list of products, in octets.
const CSV_LIMIT: usize = 1024 * 1024;

/// Longest *parcours*, *démarche* and *statut*, in characters.
const WORDS: usize = 100;

/// Lists the products
#[utoipa::path(get, path = "/products", tag = "products", responses((status = 200, description = "Every product, by number", body = shapes::Products)))]
pub(crate) async fn list(State(face): State<Face>) -> Answer<Json<Value>> {
    let data = &face.bench.parts().data;
    let all: Vec<Value> = face.bench.products().await?.iter().map(|product| product.to_json(data)).collect();
    Ok(Json(json!({"schema": "vaguemestre/products/1", "products": all})))
}

/// The number of a product at Convergence.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(value_type = String, max_length = 64, pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$", example = "2621")]
pub(crate) struct Nil(String);

/// The name of a product: one line that is not blank.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(value_type = String, max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$", example = "SantéProMoins")]
pub(crate) struct Name(String);

/// A version of a product.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(value_type = String, max_length = 64, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$", example = "2.1.2")]
pub(crate) struct ProductVersion(String);

/// A national identifier; it is the local part of a mailbox (RFC 5321 §4.1.2, Dot-string).
#[derive(Debug, Deserialize, ToSchema)]
#[schema(value_type = String, max_length = 64, pattern = "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$", example = "899700000018")]
pub(crate) struct Identifier(String);

/// A word of Convergence: one line, which may be empty.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(value_type = String, max_length = 100, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$", example = "MDV")]
pub(crate) struct Word(String);

/// Kind of a product's first mailbox.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum KindWord {
    Per,
    Org,
}

/// A product to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProductBody {
    nil: Nil,
    name: Name,
    #[serde(default)]
    product_version: Option<ProductVersion>,
    psc_id: Identifier,
    app_id: Identifier,
    /// `PER` where left out.
    #[serde(default, rename = "type")]
    #[schema(value_type = Option<KindWord>)]
    kind: Option<String>,
    #[serde(default)]
    parcours: Word,
    #[serde(default)]
    demarche: Word,
    #[serde(default)]
    statut: Word,
}

/// Registers a product
///
/// Its two mailboxes, its PSC identity and client, and its AUTH_CLI certificate exist when the answer comes. A known NIL
/// with another version is a new version of it.
#[utoipa::path(post, path = "/products", tag = "products", request_body = NewProductBody,
    responses((status = 201, description = "Registered", body = shapes::Product, headers(("Location" = String, description = "Where the product is"))),
        (status = 409, description = "`duplicate_nil`: this version is registered, or with other identifiers. `identity_in_use`: by the product in `detail`. `bad_input`: the two identifiers are the same", body = shapes::ErrorObject)))]
pub(crate) async fn add(
    State(face): State<Face>,
    Body(body): Body<NewProductBody>,
) -> Answer<(StatusCode, [(HeaderName, String); 1], Json<Value>)> {
    convergence(&body.parcours, &body.demarche, &body.statut)?;
    let twins = body.psc_id.0.eq_ignore_ascii_case(&body.app_id.0);
    let new = NewProduct {
        kind: kind(body.kind.as_deref())?,
        nil: body.nil.0,
        name: body.name.0,
        version: body.product_version.map(|version| version.0),
        psc_identity: body.psc_id.0,
        app_identity: body.app_id.0,
        course: body.parcours.0,
        procedure: body.demarche.0,
        status: body.statut.0,
    };
    let product = face.bench.add_product(new).await.map_err(|error| state(error, twins))?;
    let place = format!("/api/v1/products/{}", product.nil);
    Ok((StatusCode::CREATED, [(LOCATION, place)], Json(product.to_json(&face.bench.parts().data))))
}

/// Each identifier is fine by itself, so that two equal ones are a conflict of the two.
fn state(error: bench::Error, twins: bool) -> Refusal {
    let by_themselves = error.field.as_deref() == Some("app_id");
    let refusal = Refusal::from(error);
    if twins && by_themselves { refusal.conflict() } else { refusal }
}

/// PER or ORG: what a product's first mailbox may be.
fn kind(name: Option<&str>) -> Answer<Kind> {
    match name {
        None | Some("PER") => Ok(Kind::Per),
        Some("ORG") => Ok(Kind::Org),
        Some(other) => Err(Refusal::bad(
            "type",
            format!("{other:?} is not PER or ORG"),
            "Give --type PER or --type ORG.",
        )),
    }
}

fn convergence(course: &Word, procedure: &Word, status: &Word) -> Answer<()> {
    for (field, word) in [("parcours", course), ("demarche", procedure), ("statut", status)] {
        plain(field, &word.0, WORDS)?;
    }
    Ok(())
}

/// Shows a product
#[utoipa::path(get, path = "/products/{nil}", tag = "products", params(("nil" = String, Path, description = "The product's number")),
    responses((status = 200, description = "The product, with every version that was declared for it", body = shapes::Product)))]
pub(crate) async fn show(State(face): State<Face>, Of(nil): Of<String>) -> Answer<Json<Value>> {
    let product = face.bench.product(&nil).await?;
    let mut value = product.to_json(&face.bench.parts().data);
    value["versions"] = json!(face.bench.versions(&nil).await?);
    Ok(Json(value))
}

/// What a product becomes: every field replaces what was there.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditBody {
    name: Name,
    /// Added to the versions declared before; the present one stays where left out.
    #[serde(default)]
    product_version: Option<ProductVersion>,
    psc_id: Identifier,
    app_id: Identifier,
    /// The present one stays where left out.
    #[serde(default, rename = "type")]
    #[schema(value_type = Option<KindWord>)]
    kind: Option<String>,
    #[serde(default)]
    parcours: Word,
    #[serde(default)]
    demarche: Word,
    #[serde(default)]
    statut: Word,
}

/// Changes a product
///
/// New identifiers get mailboxes, identity and certificate at once. Runs made before stay under the identifiers that
/// they were made with.
#[utoipa::path(put, path = "/products/{nil}", tag = "products", request_body = EditBody, params(("nil" = String, Path, description = "The product's number")),
    responses((status = 200, description = "The product as it is now", body = shapes::Product),
        (status = 409, description = "`identity_in_use`: by the product in `detail`. `busy`: a run of it is not finished. `bad_input`: the two identifiers are the same", body = shapes::ErrorObject)))]
pub(crate) async fn edit(
    State(face): State<Face>,
    Of(nil): Of<String>,
    Body(body): Body<EditBody>,
) -> Answer<Json<Value>> {
    convergence(&body.parcours, &body.demarche, &body.statut)?;
    if body.product_version.as_ref().is_some_and(|version| version.0.trim().is_empty()) {
        let next = "Give a version such as 2.1.2, or leave it out to keep the present one.";
        return Err(Refusal::bad("product_version", "the version is blank", next));
    }
    let present = face.bench.product(&nil).await?;
    let twins = body.psc_id.0.eq_ignore_ascii_case(&body.app_id.0);
    let edit = ProductEdit {
        name: body.name.0,
        version: body.product_version.map(|version| version.0),
        kind: body.kind.as_deref().map(|name| kind(Some(name))).transpose()?.unwrap_or(present.kind),
        psc_identity: body.psc_id.0,
        app_identity: body.app_id.0,
        course: body.parcours.0,
        procedure: body.demarche.0,
        status: body.statut.0,
    };
    let product = face.bench.edit_product(&nil, edit).await.map_err(|error| state(error, twins))?;
    Ok(Json(product.to_json(&face.bench.parts().data)))
}

/// Removes a product
///
/// Its runs, their proofs and its mail stay; a run that is not finished ends as *aborted*.
#[utoipa::path(delete, path = "/products/{nil}", tag = "products", params(("nil" = String, Path, description = "The product's number")),
    responses((status = 204, description = "Removed")))]
pub(crate) async fn remove(State(face): State<Face>, Of(nil): Of<String>) -> Answer<StatusCode> {
    face.bench.remove_product(&nil).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a product's AUTH_CLI certificate and its key
#[utoipa::path(get, path = "/products/{nil}/certificate", tag = "products", params(("nil" = String, Path, description = "The product's number")),
    responses((status = 200, description = "Certificate, key and anchors; not to be kept by caches", body = shapes::Certificate)))]
pub(crate) async fn certificate(State(face): State<Face>, Of(nil): Of<String>) -> Answer<Response> {
    let product = face.bench.product(&nil).await?;
    let parts = face.bench.parts();
    let files = bench::Files::of(&parts.data, &product.nil);
    let read = |path: &std::path::Path| std::fs::read_to_string(path).map_err(bench::Error::from);
    let body = json!({
        "identity": product.app_identity,
        "certificate": read(&files.certificate)?,
        "key": read(&files.key)?,
        "ca": parts.lab.ca_pem(),
    });
    Ok(([(CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// Whether the good rows are registered; without, nothing is written.
    #[serde(default)]
    commit: bool,
}

/// What a list of products holds, row by row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Import {
    /// `vaguemestre/import/1`.
    schema: &'static str,
    /// Whether the good rows were registered.
    committed: bool,
    /// Rows that can be, or were, registered.
    good: usize,
    /// Rows that cannot be.
    bad: usize,
    /// Every row, in the file's order.
    rows: Vec<ImportRow>,
}

/// One row of a list of products.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportRow {
    /// Its line in the file, from 1.
    line: usize,
    /// Its NIL, as written.
    nil: String,
    /// Its name, as written.
    name: String,
    /// Why it cannot be registered, as in every error; null where it can.
    #[schema(value_type = Option<Object>)]
    error: Option<Value>,
}

/// Reads a list of products
///
/// CSV with a header line that names the columns `nil, name, version, psc_id, app_id, type, parcours, demarche, statut`, in
/// any order. A bad row is named in the answer, and left out. Send it with `commit=true` to register the good ones.
#[utoipa::path(post, path = "/products/import", tag = "products", params(ImportQuery),
    request_body(content = String, content_type = "text/csv", description = "At most 1 MiB and 10 000 rows", example = "nil;name;version;psc_id;app_id\n2622;SantéPlus;1.0;899700000026;163254186\n"),
    responses((status = 200, description = "Every row", body = Import)))]
pub(crate) async fn import(
    State(face): State<Face>,
    Asked(query): Asked<ImportQuery>,
    request: Request,
) -> Answer<Json<Import>> {
    media_type(&request, &["text/csv"])?;
    let csv = file(request.into_body(), CSV_LIMIT).await?;
    let report = face.bench.import(&csv, query.commit).await?;
    Ok(Json(report.into()))
}

impl From<ImportReport> for Import {
    fn from(report: ImportReport) -> Self {
        let rows: Vec<ImportRow> = report
            .rows
            .into_iter()
            .map(|row| ImportRow {
                line: row.line,
                nil: row.nil,
                name: row.name,
                error: row.error.map(|error| error.to_json()["error"].clone()),
            })
            .collect();
        let bad = rows.iter().filter(|row| row.error.is_some()).count();
        Self {
            schema: "vaguemestre/import/1",
            committed: report.committed,
            good: rows.len() - bad,
            bad,
            rows,
        }
    }
}
