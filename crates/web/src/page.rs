use askama::Template;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use i18n::{Arg, Lang};

use crate::{Locale, asset_path};

/// The frame around what a face shows: title, navigation, language switch, landmarks.
///
/// A face renders its own template and hands it to [`Page::show`]; the frame is the same for all, so that a reader
/// who crosses from one face to another stays at home.
#[derive(Clone, Debug)]
pub struct Page {
    lang: Lang,
    site: String,
    title: String,
    here: String,
    nav: Vec<Link>,
    foot: Vec<Link>,
    styles: Vec<String>,
    scripts: Vec<String>,
    aside: String,
    status: StatusCode,
    wide: bool,
}

/// One entry of the navigation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it goes.
    pub href: String,
    /// What it says.
    pub label: String,
    /// Whether the page shown is this one.
    pub current: bool,
}

/// The texts of one language, for templates: `{{ t.get("wallet-title") }}`.
#[derive(Clone, Copy, Debug)]
pub struct T(pub Lang);

#[derive(Template)]
#[template(path = "shell.html")]
struct Shell<'a> {
    t: T,
    page: &'a Page,
    css: String,
    icon: String,
    body: &'a str,
}

#[derive(Template)]
#[template(source = "<h1>{{ title }}</h1><p class=\"lead\">{{ text }}</p>", ext = "html")]
struct Plain<'a> {
    title: &'a str,
    text: &'a str,
}

#[derive(Template)]
#[template(
    source = r#"<h1>{{ t.get("error-not-found-title") }}</h1><p class="lead">{{ t.get("error-not-found-text") }}</p><p><a href="/">{{ t.get("error-home") }}</a></p>"#,
    ext = "html"
)]
struct Lost {
    t: T,
}

impl Page {
    /// A page of the face `site`, titled `title`, shown at the address `here` (path and query: where the language
    /// switch comes back to).
    pub fn new(lang: Lang, site: impl Into<String>, title: impl Into<String>, here: &Uri) -> Self {
        let here = here.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let (site, title) = (site.into(), title.into());
        Self {
            lang,
            site,
            title,
            here,
            nav: Vec::new(),
            foot: Vec::new(),
            styles: Vec::new(),
            scripts: Vec::new(),
            aside: String::new(),
            status: StatusCode::OK,
            wide: false,
        }
    }

    /// With a navigation.
    #[must_use]
    pub fn nav(mut self, nav: Vec<Link>) -> Self {
        self.nav = nav;
        self
    }

    /// With links in the footer.
    #[must_use]
    pub fn foot(mut self, foot: Vec<Link>) -> Self {
        self.foot = foot;
        self
    }

    /// With a style sheet of the face, after the shared one.
    #[must_use]
    pub fn style(mut self, address: impl Into<String>) -> Self {
        self.styles.push(address.into());
        self
    }

    /// With a script of the face, run when the page has been read. Pages must be usable without it.
    #[must_use]
    pub fn script(mut self, address: impl Into<String>) -> Self {
        self.scripts.push(address.into());
        self
    }

    /// With something of the face in the header, beside the language switch. A template that cannot be rendered
    /// leaves the place empty, and is logged: it is our fault.
    #[must_use]
    pub fn aside(mut self, aside: &impl Template) -> Self {
        match aside.render() {
            Ok(html) => self.aside = html,
            Err(error) => tracing::error!(%error, "the header could not be rendered"),
        }
        self
    }

    /// With another status than 200.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// For tables and transcripts: uses the whole width of a large screen.
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    /// The answer: this template in the frame. A template that cannot be rendered is our fault: it is logged, and
    /// the reader gets a plain 500.
    pub fn show(&self, body: &impl Template) -> Response {
        let rendered = body.render().and_then(|body| self.frame(&body).render());
        match rendered {
            Ok(html) => (self.status, Html(html)).into_response(),
            Err(error) => {
                tracing::error!(%error, title = self.title, "a page could not be rendered");
                let t = T(self.lang);
                let text = format!("{}\n\n{}\n", t.get("error-internal-title"), t.get("error-internal-text"));
                (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
            }
        }
    }

    /// A page that is only a title and a sentence.
    pub fn say(&self, text: &str) -> Response {
        self.show(&Plain { title: &self.title, text })
    }

    fn frame<'a>(&'a self, body: &'a str) -> Shell<'a> {
        Shell { t: T(self.lang), page: self, css: asset_path("app.css"), icon: asset_path("icon.svg"), body }
    }
}

impl T {
    /// A text.
    pub fn get(self, id: &str) -> String {
        i18n::text(self.0, id)
    }

    /// A text with one variable of words.
    pub fn with(self, id: &str, name: &str, value: &str) -> String {
        i18n::text_with(self.0, id, &[(name, Arg::Text(value))])
    }

    /// A text with one variable that is a count.
    pub fn count(self, id: &str, name: &str, value: usize) -> String {
        i18n::text_with(self.0, id, &[(name, value.into())])
    }
}

/// The page for an unknown address.
pub(crate) async fn not_found(headers: HeaderMap, uri: Uri) -> Response {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    Page::new(lang, "Vaguemestre", t.get("error-not-found-title"), &uri)
        .status(StatusCode::NOT_FOUND)
        .show(&Lost { t })
}
