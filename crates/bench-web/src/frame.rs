//! The frame of the bench's pages: navigation, the product in use, and what a failure looks like to a person.
//!
//! Which product a tester works on is asked once and shown on every page. It is resolved before the handler by
//! [`visit`] and carried beside it, so that a page that says nothing of products still shows the right header.

use askama::Template;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Form, Query, Request, State};
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, post};
use bench::judge::Verdict;
use bench::{Phase, Product, Run};
use i18n::Lang;
use rules::Text;
use serde::Deserialize;
use web::{ApiError, ErrorCode, Link, Locale, Page, T};

use crate::Face;
use crate::view::{phase_pill, verdict_pill};
use crate::words::tell;

/// The cookie that remembers the product in use.
const COOKIE: &str = "nil";

/// Products that the switch of the header lists; the page of accounts lists them all.
const LISTED: usize = 12;

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/use", post(choose)).route("/{*path}", any(lost))
}

// === Pages ===

/// The frame of every page of the bench.
pub(crate) fn page(face: &Face, lang: Lang, title: &str, uri: &Uri) -> Page {
    let t = T(lang);
    let here = uri.path();
    let link = |href: &str, id: &str| {
        let inside = href != "/" && here.strip_prefix(href).is_some_and(|rest| rest.starts_with('/'));
        // The list of products is another view of the accounts.
        let lists = href == "/accounts" && here.starts_with("/products");
        Link { href: href.into(), label: t.get(id), current: href == here || inside || lists }
    };
    let nav = vec![
        link("/", "bench-dashboard"),
        link("/jobs", "nav-jobs"),
        link("/runs", "nav-runs"),
        link("/nodes", "nav-nodes"),
        link("/proofs", "nav-proofs"),
        link("/check", "nav-check"),
        link("/directory", "nav-directory"),
        link("/accounts", "nav-accounts"),
        link("/settings", "nav-settings"),
    ];
    let foot = vec![
        link("/guide", "nav-guide"),
        link("/info", "nav-info"),
        link("/terms", "nav-terms"),
        link("/api", "nav-api"),
    ];
    let visit = VISIT.try_with(Clone::clone).unwrap_or_default();
    let page = Page::new(lang, t.get("bench-site"), title, uri)
        .nav(nav)
        .foot(foot)
        .style(face.assets.path("banc.css"))
        .script(face.assets.path("frame.js"))
        .wide();
    let Some(chosen) = &visit.chosen else { return page };
    let back = uri.path_and_query().map_or("/", |path| path.as_str());
    let listed = visit.products.iter().take(LISTED).collect();
    page.aside(&Switch { t, chosen, listed, more: visit.products.len() > LISTED, back })
}

#[derive(Template)]
#[template(path = "switch.html")]
struct Switch<'a> {
    t: T,
    chosen: &'a Product,
    listed: Vec<&'a Product>,
    more: bool,
    back: &'a str,
}

/// The product in use: the one that the address names, else the one remembered, else the first; `None` where there is no product.
pub(crate) fn chosen() -> Option<Product> {
    VISIT.try_with(|visit| visit.chosen.clone()).ok().flatten()
}

// === The visit ===

tokio::task_local! {
    static VISIT: Visit;
}

#[derive(Clone, Default)]
struct Visit {
    products: std::sync::Arc<Vec<Product>>,
    chosen: Option<Product>,
}

#[derive(Deserialize)]
struct Named {
    nil: Option<String>,
}

/// Around every page: finds the product in use, and shows failures as pages.
pub(crate) async fn visit(State(face): State<Face>, mut request: Request, next: Next) -> Response {
    let found = match face.bench.settings().await {
        Ok(settings) => {
            if let Some(lang) = Lang::from_tag(&settings.language) {
                Locale::prefer(request.headers_mut(), lang);
            }
            face.bench.products().await
        }
        Err(error) => Err(error),
    };
    let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
    let Locale(lang) = Locale::of(&headers);
    let products = match found {
        Ok(products) => std::sync::Arc::new(products),
        Err(error) => return failure(&face, lang, &uri, &crate::view::Failure::from(error).0),
    };
    let named = Query::<Named>::try_from_uri(&uri).ok().and_then(|Query(named)| named.nil);
    let find = |nil: &str| products.iter().find(|product| product.nil == nil);
    let asked = named.as_deref().and_then(find);
    let kept = web::cookie(&headers, COOKIE).and_then(find);
    let chosen = asked.or(kept).or(products.first()).cloned();
    // Filtering the history by product is no choice of a product to work on.
    let remember = asked.filter(|_| method == Method::GET && !uri.path().starts_with("/runs")).map(cookie);
    let visit = Visit { products: std::sync::Arc::clone(&products), chosen };
    let mut response = VISIT
        .scope(visit, async {
            let response = next.run(request).await;
            presentable(&face, lang, &uri, response).await
        })
        .await;
    if let Some(cookie) = remember.flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

fn cookie(product: &Product) -> Option<HeaderValue> {
    let text = format!("{COOKIE}={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax", product.nil);
    HeaderValue::from_str(&text).ok()
}

#[derive(Deserialize)]
struct Choice {
    nil: String,
    #[serde(default)]
    back: String,
}

/// The switch of the header: remembers a product and goes back, without a `nil` that would contradict it.
async fn choose(
    State(face): State<Face>,
    Form(choice): Form<Choice>,
) -> Result<Response, crate::view::Failure> {
    let product = face.bench.product(&choice.nil).await?;
    let back = if web::is_own_path(&choice.back) { choice.back.as_str() } else { "/" };
    let (path, query) = back.split_once('?').unwrap_or((back, ""));
    // A page about one product has no meaning for another one.
    let path = if path.starts_with("/accounts/") { "/" } else { path };
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("nil=")).collect();
    let back = if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
    let mut response = Redirect::to(&back).into_response();
    if let Some(cookie) = cookie(&product) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

// === Failures ===

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    t: T,
    title: String,
    what: String,
    next: String,
}

/// An answer that is for programs (an error object, the text of a refused form) becomes a page.
async fn presentable(face: &Face, lang: Lang, uri: &Uri, response: Response) -> Response {
    if let Some(error) = response.extensions().get::<ApiError>() {
        return failure(face, lang, uri, &error.clone());
    }
    let plain =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !response.status().is_client_error() || !plain {
        return response;
    }
    let status = response.status();
    let text = to_bytes(response.into_body(), 4_096).await.unwrap_or_default();
    let t = T(lang);
    let next = match status {
        StatusCode::PAYLOAD_TOO_LARGE => t.get("failure-too-large"),
        _ => t.get("failure-form"),
    };
    let mut error = ApiError::new(ErrorCode::BadInput, String::from_utf8_lossy(&text), next);
    error.status = status;
    failure(face, lang, uri, &error)
}

/// The page for an address where there is nothing, with the navigation that leads elsewhere.
async fn lost(State(face): State<Face>, Locale(lang): Locale, uri: Uri) -> Response {
    let t = T(lang);
    let title = t.get("error-not-found-title");
    let body =
        FailurePage { t, title: title.clone(), what: t.get("error-not-found-text"), next: String::new() };
    page(&face, lang, &title, &uri).status(StatusCode::NOT_FOUND).show(&body)
}

/// The page of a failure.
pub(crate) fn failure(face: &Face, lang: Lang, uri: &Uri, error: &ApiError) -> Response {
    let t = T(lang);
    let title = match error.code {
        ErrorCode::UnknownProduct => t.get("failure-unknown-product"),
        ErrorCode::UnknownJob => t.get("failure-unknown-job"),
        ErrorCode::Busy => t.get("failure-busy"),
        ErrorCode::DataUnwritable | ErrorCode::DataNewer => t.get("failure-data"),
        _ => t.get("failure-title"),
    };
    let told = tell(t, error);
    let body = FailurePage { t, title: title.clone(), what: told.what, next: told.next };
    page(face, lang, &title, uri).status(error.status).show(&body)
}

// === Words shared by pages ===

/// A sentence in the page's language.
pub(crate) fn say(lang: Lang, text: &Text) -> String {
    match lang {
        Lang::Fr => text.fr.clone(),
        _ => text.en.clone(),
    }
}

pub(crate) fn endpoints(value: &serde_json::Value) -> String {
    let host = value["host"].as_str().unwrap_or_default();
    format!("{host}:{} (STARTTLS) · {host}:{} (TLS)", value["starttls"], value["tls"])
}

/// One run in a table.
pub(crate) struct Row {
    pub(crate) number: i64,
    /// The number as people say it: "n° 31".
    pub(crate) label: String,
    pub(crate) nil: String,
    pub(crate) title: String,
    pub(crate) when: String,
    pub(crate) duration: String,
    pub(crate) pill: String,
}

pub(crate) fn row(face: &Face, lang: Lang, run: &Run) -> Row {
    let title =
        face.bench.catalogue().find(&run.job).map_or_else(|| run.job.clone(), |job| say(lang, &job.title));
    Row {
        number: run.number,
        label: number(T(lang), run.number),
        nil: run.nil.clone(),
        title,
        when: run.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        duration: if run.verdict.is_some() { seconds(run.duration_ms) } else { String::new() },
        pill: state_pill(T(lang), run.verdict, face.bench.phase(run.number)),
    }
}

/// A run's number as people say it.
pub(crate) fn number(t: T, run: i64) -> String {
    t.with("nr", "number", &run.to_string())
}

pub(crate) fn state_pill(t: T, verdict: Option<Verdict>, phase: Option<Phase>) -> String {
    match verdict {
        Some(verdict) => verdict_pill(t, verdict),
        None => phase_pill(t, phase),
    }
}

pub(crate) fn seconds(ms: i64) -> String {
    format!("{}.{} s", ms / 1_000, (ms % 1_000) / 100)
}
