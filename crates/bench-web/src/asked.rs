//! What a reader asked for: language, address, query; and the page that answers when it cannot be had.
//!
//! Nothing here rejects a request on its own: a query that makes no sense reaches its handler, which says so in the
//! reader's language. Axum's own rejections are plain English sentences without a way on.

use std::convert::Infallible;

use askama::Template;
use axum::extract::{Form, FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use bench::{Code, Error, Product};
use i18n::Lang;
use web::{Locale, Page, T};

use crate::Face;
use crate::frame;

/// The request of a page: an extractor that never fails.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Language of the answer.
    pub(crate) lang: Lang,
    /// Path and query.
    pub(crate) uri: Uri,
    query: Vec<(String, String)>,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let Locale(lang) = Locale::of(&parts.headers);
        let query = parts.uri.query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).take(200).map(|(k, v)| (k.into(), v.into()));
        Ok(Self { lang, query: query.collect(), uri: parts.uri.clone() })
    }
}

/// The run that an address names. An address that names none is answered with the page that helps.
pub(crate) struct RunNumber(pub(crate) i64);

/// The campaign that an address names; as [`RunNumber`].
pub(crate) struct CampaignNumber(pub(crate) i64);

impl FromRequestParts<Face> for RunNumber {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, face: &Face) -> Result<Self, Response> {
        named(parts, face, Numbered::Run).await.map(Self)
    }
}

impl FromRequestParts<Face> for CampaignNumber {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, face: &Face) -> Result<Self, Response> {
        named(parts, face, Numbered::Campaign).await.map(Self)
    }
}

async fn named(parts: &mut Parts, face: &Face, what: Numbered) -> Result<i64, Response> {
    let Ok(asked) = Asked::from_request_parts(parts, face).await;
    let text = Path::<String>::from_request_parts(parts, face).await.map(|Path(text)| text);
    let text = text.unwrap_or_default();
    number(&text).ok_or_else(|| asked.unknown_number(face, what, &text))
}

/// What a text stands for as the number of a run or a campaign.
pub(crate) fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number| *number > 0)
}

/// The fields of a form: an extractor that never fails; what cannot be read has no field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Infallible> {
        let form = Form::<Vec<(String, String)>>::from_request(request, state).await;
        Ok(form.map_or_else(|_| Self::default(), |Form(fields)| Self(fields)))
    }
}

impl Fields {
    /// A field without the spaces around it; empty where it is missing.
    pub(crate) fn get(&self, name: &str) -> &str {
        first(&self.0, name)
    }
}

fn first<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.trim())
}

impl Asked {
    /// The texts of the reader's language.
    pub(crate) fn t(&self) -> T {
        T(self.lang)
    }

    /// A parameter of the query without the spaces around it; empty where it is missing.
    pub(crate) fn get(&self, name: &str) -> &str {
        first(&self.query, name)
    }

    /// Every value of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.trim())
    }

    /// Every parameter of the query, as it was sent.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The address of this page with other values for some parameters; an empty value takes the parameter away.
    pub(crate) fn link(&self, changes: &[(&str, &str)]) -> String {
        let kept = self
            .query
            .iter()
            .filter(|(name, value)| !value.is_empty() && !changes.iter().any(|(changed, _)| changed == name));
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        let added = changes.iter().filter(|(_, value)| !value.is_empty()).copied();
        address(self.uri.path(), kept.chain(added))
    }

    /// The frame of a page.
    pub(crate) fn page(&self, face: &Face, title: &str) -> Page {
        let page = frame::page(face, self.lang, title, &self.uri);
        page.style(face.assets.path("runs.css")).script(face.assets.path("runs.js"))
    }

    /// The product in use, and every product.
    ///
    /// # Errors
    /// `unknown_product` where the query names one that is not there; where the database cannot be read.
    pub(crate) async fn product(&self, face: &Face) -> Result<(Vec<Product>, Option<Product>), Error> {
        let products = face.bench.products().await?;
        let named = self.get("nil");
        if !named.is_empty() && !products.iter().any(|product| product.nil == named) {
            let message = format!("no product has the NIL {named:?}");
            return Err(Error::new(Code::UnknownProduct, message, "").field("nil"));
        }
        Ok((products, frame::chosen()))
    }

    /// The job that was named is not there.
    pub(crate) fn unknown_job(&self, job: &str) -> Error {
        Error::new(Code::UnknownJob, format!("no job is named {job:?}"), "").field("job")
    }

    /// There is no product at all.
    pub(crate) fn unknown_product(&self) -> Error {
        Error::new(Code::UnknownProduct, "no product is registered", "").field("nil")
    }

    /// No run, or no campaign, has this number.
    pub(crate) fn unknown_number(&self, face: &Face, what: Numbered, number: &str) -> Response {
        let t = self.t();
        let title = match what {
            Numbered::Run => t.with("trouble-run", "number", number),
            Numbered::Campaign => t.with("trouble-campaign", "number", number),
        };
        let body = Trouble {
            title: &title,
            message: t.get("trouble-number-official"),
            next: t.get("trouble-number-next"),
            number,
            t,
        };
        self.page(face, &title).status(StatusCode::NOT_FOUND).show(&body)
    }
}

/// What has a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbered {
    /// A run.
    Run,
    /// A campaign.
    Campaign,
}

/// A request that the page itself found wrong, with what to do.
pub(crate) fn wrong(message: String, next: String) -> Error {
    Error::new(Code::BadInput, message, next)
}

/// A path with its query.
pub(crate) fn address<'a>(path: &str, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A part of a path, whatever it holds.
pub(crate) fn segment(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct Trouble<'a> {
    t: T,
    title: &'a str,
    message: String,
    next: String,
    number: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(uri: &str) -> Asked {
        let (mut parts, ()) = axum::http::Request::get(uri).body(()).unwrap().into_parts();
        let future = Asked::from_request_parts(&mut parts, &());
        let Ok(asked) = futures_util::FutureExt::now_or_never(future).unwrap();
        asked
    }

    #[test]
    fn a_link_changes_what_it_says_and_keeps_the_rest() {
        let asked = asked("/runs?nil=26%2621&q=%3Cb%3E&page=3&page=4&empty=");
        assert_eq!(asked.get("nil"), "26&21");
        assert_eq!(asked.all("page").collect::<Vec<_>>(), ["3", "4"]);
        assert_eq!(asked.link(&[("page", "5")]), "/runs?nil=26%2621&q=%3Cb%3E&page=5");
        assert_eq!(asked.link(&[("page", ""), ("q", ""), ("nil", "")]), "/runs");
    }

    #[test]
    fn a_query_that_is_no_query_is_read_as_far_as_it_goes() {
        let asked = asked("/runs?%ff=%&a&=b&nil=%F0%9F%99%82");
        assert_eq!((asked.get("nil"), asked.get("a"), asked.get("nothing")), ("🙂", "", ""));
    }
}
