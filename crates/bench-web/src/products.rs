//! *Vos démarches*: the list of products that Convergence shows, and its import from CSV.

use std::cmp::Ordering;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use bench::Product;
use bench::desk::ImportReport;
use serde::Deserialize;
use web::{Locale, T, Tone, pill};

use crate::Face;
use crate::frame::page;
use crate::upload;
use crate::view::Failure;
use crate::words::explain;

/// Largest list: 1 MiB, and as much again for what a form adds.
const LONGEST: usize = 2 * 1024 * 1024;

/// What *Afficher … entrées* offers.
const SIZES: [usize; 4] = [10, 25, 50, 100];

pub(crate) fn routes() -> Router<Face> {
    Router::new()
        .route("/products", get(list))
        .route("/products/import", get(blank))
        .route("/products/import", post(import).layer(DefaultBodyLimit::max(LONGEST)))
}

// === Vos démarches ===

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
struct ListQuery {
    q: String,
    sort: String,
    dir: String,
    n: String,
    page: String,
}

struct Heading {
    label: String,
    href: String,
    /// `ascending`, `descending` or empty: the value of `aria-sort`.
    sorted: &'static str,
}

#[derive(Template)]
#[template(path = "products.html")]
struct List<'a> {
    t: T,
    headings: Vec<Heading>,
    rows: Vec<&'a Product>,
    query: ListQuery,
    sizes: Vec<(usize, bool)>,
    total: usize,
    found: usize,
    pages: usize,
    previous: Option<String>,
    following: Option<String>,
    place: String,
}

/// A column of the list.
struct Column {
    /// Its name in the address.
    name: &'static str,
    /// Its heading.
    text: &'static str,
    value: fn(&Product) -> &str,
}

const COLUMNS: [Column; 6] = [
    Column { name: "nil", text: "products-nil", value: |product| &product.nil },
    Column { name: "name", text: "account-name", value: |product| &product.name },
    Column {
        name: "version",
        text: "account-version-is",
        value: |product| product.version.as_deref().unwrap_or_default(),
    },
    Column { name: "course", text: "products-course", value: |product| &product.course },
    Column { name: "procedure", text: "products-procedure", value: |product| &product.procedure },
    Column { name: "status", text: "accounts-status", value: |product| &product.status },
];

async fn list(
    State(face): State<Face>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let products = face.bench.products().await?;
    let words: Vec<String> = query.q.split_whitespace().map(str::to_lowercase).collect();
    let mut rows: Vec<&Product> = products.iter().filter(|product| holds(product, &words)).collect();
    let column = COLUMNS.iter().position(|column| column.name == query.sort).unwrap_or(0);
    let backwards = query.dir == "desc";
    rows.sort_by(|one, other| {
        let order = natural((COLUMNS[column].value)(one), (COLUMNS[column].value)(other));
        let order = if backwards { order.reverse() } else { order };
        order.then_with(|| one.nil.cmp(&other.nil))
    });
    let size = query.n.parse().ok().filter(|n| SIZES.contains(n)).unwrap_or(SIZES[0]);
    let found = rows.len();
    let pages = found.div_ceil(size).max(1);
    let at = query.page.parse().unwrap_or(1_usize).clamp(1, pages);
    let rows = rows.into_iter().skip((at - 1) * size).take(size).collect();
    let address = |sort: &str, dir: &str, page: usize| {
        let pairs = [
            ("q", query.q.as_str()),
            ("sort", sort),
            ("dir", dir),
            ("n", &size.to_string()),
            ("page", &page.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        crate::facts::address("/products", &pairs)
    };
    let direction = if backwards { "desc" } else { "asc" };
    let headings = COLUMNS.iter().enumerate().map(|(at, Column { name, text, .. })| {
        let here = at == column;
        Heading {
            label: t.get(text),
            href: address(name, if here && !backwards { "desc" } else { "asc" }, 1),
            sorted: if !here {
                ""
            } else if backwards {
                "descending"
            } else {
                "ascending"
            },
        }
    });
    let numbers = [("page", at.into()), ("pages", pages.into())];
    let body = List {
        t,
        headings: headings.collect(),
        rows,
        sizes: SIZES.map(|n| (n, n == size)).to_vec(),
        total: products.len(),
        found,
        pages,
        previous: (at > 1).then(|| address(COLUMNS[column].name, direction, at - 1)),
        following: (at < pages).then(|| address(COLUMNS[column].name, direction, at + 1)),
        place: i18n::text_with(lang, "products-place", &numbers),
        query: query.clone(),
    };
    Ok(page(&face, lang, &t.get("products-title"), &uri).show(&body))
}

fn holds(product: &Product, words: &[String]) -> bool {
    let text: Vec<&str> = COLUMNS.iter().map(|column| (column.value)(product)).collect();
    let text = text.join(" ").to_lowercase();
    words.iter().all(|word| text.contains(word))
}

/// Numbers by value, words without regard to case.
fn natural(one: &str, other: &str) -> Ordering {
    match (one.parse::<u64>(), other.parse::<u64>()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        _ => one.to_lowercase().cmp(&other.to_lowercase()),
    }
}

// === Import ===

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    t: T,
    csv: String,
    fault: String,
    rows: Vec<ImportLine>,
    good: usize,
    bad: usize,
    committed: bool,
    read: bool,
    good_pill: String,
    bad_pill: String,
}

struct ImportLine {
    line: usize,
    nil: String,
    name: String,
    fault: String,
}

impl ImportPage {
    fn new(t: T, csv: String) -> Self {
        Self {
            t,
            csv,
            fault: String::new(),
            rows: Vec::new(),
            good: 0,
            bad: 0,
            committed: false,
            read: false,
            good_pill: pill(Tone::Good, &t.get("import-row-good")),
            bad_pill: pill(Tone::Bad, &t.get("import-row-bad")),
        }
    }
}

async fn blank(State(face): State<Face>, headers: HeaderMap, uri: Uri) -> Response {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    page(&face, lang, &t.get("import-title"), &uri).show(&ImportPage::new(t, String::new()))
}

/// Reads a pasted or dropped list; registers its good rows when it comes back confirmed.
async fn import(
    State(face): State<Face>,
    headers: HeaderMap,
    uri: Uri,
    form: Multipart,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let (mut file, mut pasted, mut commit) = (Vec::new(), Vec::new(), false);
    for part in upload::parts(form).await? {
        match part.field.as_str() {
            "file" => file = part.bytes,
            "csv" => pasted = part.bytes,
            "commit" => commit = true,
            _ => {}
        }
    }
    let csv = if file.is_empty() { pasted } else { file };
    let mut body = ImportPage::new(t, String::from_utf8_lossy(&csv).into_owned());
    body.read = true;
    let status = match face.bench.import(&csv, commit).await {
        Ok(report) => {
            if report.committed {
                body.good_pill = pill(Tone::Good, &t.get("import-row-done"));
            }
            fill(t, &mut body, report);
            StatusCode::OK
        }
        Err(error) => {
            let told = explain(t, error);
            body.fault = format!("{} {}", told.what, told.next);
            StatusCode::BAD_REQUEST
        }
    };
    Ok(page(&face, lang, &t.get("import-title"), &uri).status(status).show(&body))
}

fn fill(t: T, body: &mut ImportPage, report: ImportReport) {
    body.committed = report.committed;
    for row in report.rows {
        let fault = row.error.map(|error| {
            let told = explain(t, error);
            format!("{} {}", told.what, told.next)
        });
        if fault.is_some() {
            body.bad += 1;
        } else {
            body.good += 1;
        }
        body.rows.push(ImportLine {
            line: row.line,
            nil: row.nil,
            name: row.name,
            fault: fault.unwrap_or_default(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_before_words_and_by_value() {
        let mut all = ["DEV2", "2626", "935", "dev1", ""];
        all.sort_by(|one, other| natural(one, other));
        assert_eq!(all, ["935", "2626", "", "dev1", "DEV2"]);
    }
}
