use std::convert::Infallible;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CACHE_CONTROL, HeaderValue, LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use i18n::Lang;
use oidc::Form;
use web::{Link, Locale, Page, T};

use super::pages;
use crate::provider::Psc;

/// Ties forms to the browser that they were shown in.
const BROWSER: &str = "vaguemestre_wallet";

/// One request of a person's browser to the desk: language, frame, and the seal of its forms.
pub(super) struct Visit {
    pub(super) psc: Psc,
    pub(super) t: T,
    lang: Lang,
    uri: Uri,
    browser: String,
}

/// A form of the desk that carries its seal; any other is answered with [`Visit::stale`].
pub(super) struct Sealed(pub(super) Visit, pub(super) Form);

impl FromRequestParts<Psc> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, psc: &Psc) -> Result<Self, Infallible> {
        let Locale(lang) = Locale::of(&parts.headers);
        Ok(Self::new(psc, lang, parts.uri.clone(), &parts.headers))
    }
}

impl FromRequest<Psc> for Sealed {
    type Rejection = Response;

    async fn from_request(request: Request, psc: &Psc) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(visit) = Visit::from_request_parts(&mut parts, psc).await;
        let body = Bytes::from_request(Request::from_parts(parts, body), psc).await;
        match visit.sealed(&body.map_err(|refused| refused.into_response())?) {
            Some(form) => Ok(Self(visit, form)),
            None => Err(visit.stale()),
        }
    }
}

impl Visit {
    pub(super) fn new(psc: &Psc, lang: Lang, uri: Uri, headers: &HeaderMap) -> Self {
        let browser = browser_of(headers).map_or_else(kernel::random::id, str::to_owned);
        Self { psc: psc.clone(), t: T(lang), lang, uri, browser }
    }

    /// What the page's address asks for.
    pub(super) fn query(&self) -> Form {
        Form::parse(self.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default()
    }

    pub(super) fn browser(&self) -> &str {
        &self.browser
    }

    /// What each form of this browser carries.
    pub(super) fn seal(&self) -> String {
        self.psc.seal(&self.browser)
    }

    /// A form that was shown in this browser since the sandbox started; `None` for any other.
    fn sealed(&self, body: &[u8]) -> Option<Form> {
        Form::parse(body).ok().filter(|form| form.get("seal") == Some(self.seal().as_str()))
    }

    /// The answer to a form that is not: nothing is done.
    pub(super) fn stale(&self) -> Response {
        let t = self.t;
        let page = self.page(t.get("psc-stale-title")).status(StatusCode::FORBIDDEN);
        self.kept(page.say(&t.get("psc-stale-text")))
    }

    /// Back to a page after a form was done.
    pub(super) fn back(&self, to: &str) -> Response {
        self.kept((StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response())
    }

    /// A page of the desk, with its navigation.
    pub(super) fn show(&self, title: &str, body: &impl Template) -> Response {
        self.kept(self.page(title.to_owned()).show(body))
    }

    /// The same, for something that was refused.
    pub(super) fn show_refused(&self, title: &str, body: &impl Template) -> Response {
        self.kept(self.page(title.to_owned()).status(StatusCode::BAD_REQUEST).show(body))
    }

    /// A page without navigation: one that a client sent the person to.
    pub(super) fn show_alone(&self, title: &str, body: &impl Template) -> Response {
        let page = Page::new(self.lang, self.t.get("wallet-site"), title, &self.uri);
        self.kept(page.show(body))
    }

    fn page(&self, title: String) -> Page {
        let t = self.t;
        // The language switch comes back with GET, and the addresses of forms have none.
        let here = match self.uri.path() {
            "/session/close" => Uri::from_static("/"),
            "/identities/remove" | "/identities/samples" => Uri::from_static("/identities"),
            "/clients/secret" | "/clients/remove" => Uri::from_static("/clients"),
            "/faults/disarm" | "/faults/rotate" => Uri::from_static("/faults"),
            _ => self.uri.clone(),
        };
        let path = here.path();
        let link = |href: &str, label: String| Link {
            href: href.to_owned(),
            label,
            current: if href == "/" { path == "/" } else { path.starts_with(href) },
        };
        let nav = vec![
            link("/", t.get("psc-nav-home")),
            link("/ecps", t.get("psc-nav-ecps")),
            link("/identities", t.get("psc-nav-identities")),
            link("/clients", t.get("psc-nav-clients")),
            link("/faults", t.get("psc-nav-faults")),
        ];
        Page::new(self.lang, t.get("wallet-site"), title, &here).nav(nav)
    }

    /// The cookie goes with every answer, and no answer is kept: what they show changes, and forms are sealed.
    fn kept(&self, mut response: Response) -> Response {
        let cookie = format!("{BROWSER}={}; Path=/; HttpOnly; SameSite=Lax", self.browser);
        let headers = response.headers_mut();
        headers.insert(SET_COOKIE, HeaderValue::from_str(&cookie).expect("letters and digits"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// The browser's name, of the form that we give.
pub(super) fn browser_of(headers: &HeaderMap) -> Option<&str> {
    web::cookie(headers, BROWSER)
        .filter(|name| name.len() == 26 && name.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// What of a field is taken: without blanks around.
pub(super) fn field(form: &Form, name: &str) -> String {
    form.get(name).unwrap_or_default().trim().to_owned()
}

/// An absent field is absent.
pub(super) fn optional(form: &Form, name: &str) -> Option<String> {
    Some(field(form, name)).filter(|text| !text.is_empty())
}

/// The occupation of a person, for lists.
pub(super) fn occupation(t: T, identity: &crate::Identity) -> String {
    pages::occupation(t, identity)
}
