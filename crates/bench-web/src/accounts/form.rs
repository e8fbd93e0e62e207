//! The form of *Création de compte* and of *Modifier*: every fault beside its field, everything typed kept.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use bench::desk::ProductEdit;
use bench::{NewProduct, Product};
use operator::Kind;
use serde::Deserialize;
use web::{Locale, T};

use super::certificate::Reading;
use crate::Face;
use crate::frame::page;
use crate::view::Failure;
use crate::words::explain;

/// Longest *parcours*, *démarche* or *statut*, in characters.
const WORDS: usize = 100;

/// What the form sends; the names of the contracts where these have one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    pub(super) nil: String,
    pub(super) name: String,
    pub(super) product_version: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) psc_id: String,
    pub(super) app_id: String,
    pub(super) parcours: String,
    pub(super) demarche: String,
    pub(super) statut: String,
}

impl Fields {
    /// The field of this name, for a form that comes in parts.
    pub(super) fn named(&mut self, name: &str) -> Option<&mut String> {
        Some(match name {
            "nil" => &mut self.nil,
            "name" => &mut self.name,
            "product_version" => &mut self.product_version,
            "type" => &mut self.kind,
            "psc_id" => &mut self.psc_id,
            "app_id" => &mut self.app_id,
            "parcours" => &mut self.parcours,
            "demarche" => &mut self.demarche,
            "statut" => &mut self.statut,
            _ => return None,
        })
    }

    fn of(product: &Product) -> Self {
        Self {
            nil: product.nil.clone(),
            name: product.name.clone(),
            product_version: product.version.clone().unwrap_or_default(),
            kind: product.kind.name().into(),
            psc_id: product.psc_identity.clone(),
            app_id: product.app_identity.clone(),
            parcours: product.course.clone(),
            demarche: product.procedure.clone(),
            statut: product.status.clone(),
        }
    }

    fn trimmed(mut self) -> Self {
        for name in
            ["nil", "name", "product_version", "type", "psc_id", "app_id", "parcours", "demarche", "statut"]
        {
            if let Some(field) = self.named(name) {
                *field = field.trim().to_owned();
            }
        }
        // The list proposes "2621 - SantéProMoins", as MOTCO2 does: only the number counts.
        if let Some((nil, _)) = self.nil.split_once(" - ") {
            self.nil = nil.to_owned();
        }
        self
    }

    fn version(&self) -> Option<String> {
        Some(self.product_version.clone()).filter(|version| !version.is_empty())
    }

    fn kind(&self) -> Kind {
        Kind::parse(&self.kind).filter(|kind| *kind == Kind::Org).unwrap_or(Kind::Per)
    }

    fn edit(&self) -> ProductEdit {
        ProductEdit {
            name: self.name.clone(),
            version: self.version(),
            kind: self.kind(),
            psc_identity: self.psc_id.clone(),
            app_identity: self.app_id.clone(),
            course: self.parcours.clone(),
            procedure: self.demarche.clone(),
            status: self.statut.clone(),
        }
    }

    /// What can be said without the bench: all at once, where the bench stops at the first fault.
    fn faults(&self, t: T) -> Faults {
        let mut faults = Faults::default();
        for (name, value) in
            [("nil", &self.nil), ("name", &self.name), ("psc_id", &self.psc_id), ("app_id", &self.app_id)]
        {
            if value.is_empty() {
                faults.add(name, t.get("account-error-empty"));
            }
        }
        if !self.app_id.is_empty() && self.app_id.eq_ignore_ascii_case(&self.psc_id) {
            faults.add("app_id", t.get("account-error-same"));
        }
        for (name, value) in
            [("parcours", &self.parcours), ("demarche", &self.demarche), ("statut", &self.statut)]
        {
            if value.chars().count() > WORDS || value.chars().any(char::is_control) {
                faults.add(name, t.get("account-error-words"));
            }
        }
        faults
    }
}

/// Faults, field by field; under the empty name those of the whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(BTreeMap<&'static str, String>);

impl Faults {
    fn add(&mut self, field: &'static str, text: String) {
        self.0.entry(field).or_insert(text);
    }

    fn of(t: T, error: bench::Error) -> Self {
        let field = match error.field.as_deref() {
            Some("nil") => "nil",
            Some("name") => "name",
            Some("product_version") => "product_version",
            Some("psc_id") => "psc_id",
            Some("app_id") => "app_id",
            _ => "",
        };
        let told = explain(t, error);
        let mut faults = Self::default();
        faults.add(field, format!("{} {}", told.what, told.next));
        faults
    }
}

// === The page ===

/// One field as the page shows it.
struct Field {
    name: &'static str,
    label: String,
    hint: String,
    value: String,
    error: String,
    required: bool,
    longest: usize,
    placeholder: String,
    /// What the browser proposes while one types.
    proposals: Vec<(String, String)>,
    /// The only values; a list to choose from.
    choices: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "account-form.html")]
struct FormPage {
    t: T,
    title: String,
    /// The NIL of the product being changed; empty for a new one.
    edited: String,
    action: String,
    product: Vec<Field>,
    mailboxes: Vec<Field>,
    faults: Vec<(&'static str, String)>,
    general: String,
    readings: Vec<Reading>,
}

/// What there is to show beside the fields.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) edited: String,
    pub(super) faults: Faults,
    pub(super) readings: Vec<Reading>,
}

/// The form with these values.
pub(super) async fn show(
    face: &Face,
    headers: &HeaderMap,
    uri: &Uri,
    fields: &Fields,
    shown: Shown,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(headers);
    let t = T(lang);
    let known = face.bench.products().await?;
    let Shown { edited, mut faults, readings } = shown;
    let status = if faults.0.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let general = faults.0.remove("").unwrap_or_default();
    let summary = faults.0.iter().map(|(name, text)| (*name, text.clone())).collect();
    let mut field =
        |name: &'static str, label: &str, hint: &str, value: &str, required: bool, longest: usize| Field {
            name,
            label: t.get(label),
            hint: if hint.is_empty() { String::new() } else { t.get(hint) },
            value: value.to_owned(),
            error: faults.0.remove(name).unwrap_or_default(),
            required,
            longest,
            placeholder: String::new(),
            proposals: Vec::new(),
            choices: Vec::new(),
        };
    let mut product = Vec::new();
    if edited.is_empty() {
        let mut nil = field("nil", "account-nil", "account-nil-hint", &fields.nil, true, 80);
        nil.placeholder = t.get("account-nil-choose");
        nil.proposals = known
            .iter()
            .take(200)
            .map(|one| (one.nil.clone(), format!("{} - {}", one.nil, one.name)))
            .collect();
        product.push(nil);
    }
    product.push(field("name", "account-name", "", &fields.name, true, 200));
    product.push(field(
        "product_version",
        "account-version",
        "account-version-hint",
        &fields.product_version,
        false,
        64,
    ));
    let words = |values: &[&str]| values.iter().map(|value| ((*value).to_owned(), String::new())).collect();
    let mut course =
        field("parcours", "account-course", "account-course-hint", &fields.parcours, false, WORDS);
    course.proposals = words(&["DNS", "MDV", "Hôpital", "Biologie", "Imagerie", "Officine"]);
    let mut procedure =
        field("demarche", "account-procedure", "account-procedure-hint", &fields.demarche, false, WORDS);
    procedure.proposals =
        words(&["Référencement Ségur vague 2", "Evaluation et projection socles", "Téléconsultation"]);
    let mut status_field =
        field("statut", "account-status", "account-status-hint", &fields.statut, false, WORDS);
    status_field.proposals = words(&["En cours", "A compléter", "Déposée", "Acceptée"]);
    product.extend([course, procedure, status_field]);
    let mut kind = field("type", "account-type", "account-type-hint", fields.kind().name(), true, 3);
    kind.choices = vec![("PER", t.get("account-type-per")), ("ORG", t.get("account-type-org"))];
    let psc = field("psc_id", "account-psc", "account-psc-hint", &fields.psc_id, true, 64);
    let app = field("app_id", "account-app", "account-app-hint", &fields.app_id, true, 64);
    let (title, action) = if edited.is_empty() {
        (t.get("account-new"), "/accounts".to_owned())
    } else {
        (t.with("account-edit-title", "nil", &edited), format!("/accounts/{edited}/edit"))
    };
    let body = FormPage {
        t,
        title: title.clone(),
        edited,
        action,
        product,
        mailboxes: vec![psc, app, kind],
        faults: summary,
        general,
        readings,
    };
    Ok(page(face, lang, &title, uri).status(status).show(&body))
}

// === Création de compte ===

#[derive(Deserialize, Default)]
pub(super) struct Blank {
    #[serde(default)]
    register: String,
}

pub(super) async fn blank(
    State(face): State<Face>,
    Query(blank): Query<Blank>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let fields = Fields { nil: blank.register, ..Fields::default() };
    show(&face, &headers, &uri, &fields, Shown::default()).await
}

pub(super) async fn create(
    State(face): State<Face>,
    headers: HeaderMap,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let fields = fields.trimmed();
    let mut faults = fields.faults(t);
    if faults.0.is_empty() {
        match register(&face, &fields).await {
            Ok(arrival) => {
                let nil = &fields.nil;
                return Ok(Redirect::to(&format!("/accounts/{nil}?{arrival}=1&nil={nil}")).into_response());
            }
            Err(error) => faults = Faults::of(t, error),
        }
    }
    show(&face, &headers, &uri, &fields, Shown { faults, ..Shown::default() }).await
}

/// Registers a product, or a new version of a known one with everything else that the form says; how its page
/// greets it.
async fn register(face: &Face, fields: &Fields) -> Result<&'static str, bench::Error> {
    let known = face.bench.products().await?.into_iter().find(|product| product.nil == fields.nil);
    let version = fields.version();
    let is_new_version = known.is_some_and(|product| {
        let same = (&product.psc_identity, &product.app_identity) == (&fields.psc_id, &fields.app_id);
        same && version.is_some() && version != product.version
    });
    if is_new_version {
        face.bench.edit_product(&fields.nil, fields.edit()).await?;
        return Ok("edited");
    }
    let new = NewProduct {
        nil: fields.nil.clone(),
        name: fields.name.clone(),
        version,
        kind: fields.kind(),
        psc_identity: fields.psc_id.clone(),
        app_identity: fields.app_id.clone(),
        course: fields.parcours.clone(),
        procedure: fields.demarche.clone(),
        status: fields.statut.clone(),
    };
    face.bench.add_product(new).await?;
    Ok("created")
}

// === Modifier ===

pub(super) async fn edit(
    State(face): State<Face>,
    Path(nil): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let product = face.bench.product(&nil).await?;
    show(&face, &headers, &uri, &Fields::of(&product), Shown { edited: nil, ..Shown::default() }).await
}

pub(super) async fn update(
    State(face): State<Face>,
    Path(nil): Path<String>,
    headers: HeaderMap,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    face.bench.product(&nil).await?;
    let fields = Fields { nil: nil.clone(), ..fields }.trimmed();
    let mut faults = fields.faults(t);
    if faults.0.is_empty() {
        match face.bench.edit_product(&nil, fields.edit()).await {
            Ok(_) => return Ok(Redirect::to(&format!("/accounts/{nil}?edited=1")).into_response()),
            Err(error) => faults = Faults::of(t, error),
        }
    }
    show(&face, &headers, &uri, &fields, Shown { edited: nil, faults, ..Shown::default() }).await
}
