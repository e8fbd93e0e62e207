use std::convert::Infallible;

use axum::Router;
use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use i18n::Lang;

/// The cookie that keeps a reader's choice for a year.
const COOKIE_NAME: &str = "vaguemestre_lang";

/// The language of a request: an extractor that never fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locale(pub Lang);

impl<S: Sync> FromRequestParts<S> for Locale {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl Locale {
    /// The language that these headers ask for.
    pub fn of(headers: &HeaderMap) -> Self {
        let accept = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self(Lang::negotiate(accept, cookie(headers, COOKIE_NAME)))
    }

    /// Makes these headers ask for `lang`, unless their reader chose a language with the switch: how a face has a
    /// default of its own.
    pub fn prefer(headers: &mut HeaderMap, lang: Lang) {
        if cookie(headers, COOKIE_NAME).and_then(Lang::from_tag).is_none() {
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(lang.tag()));
        }
    }
}

/// The value of a cookie, as it was sent: whoever reads it checks it.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/lang", post(switch))
}

/// Keeps the choice and goes back to the page that it was made on. A form and not a link, so that nothing that
/// fetches links in advance changes a reader's language.
async fn switch(body: Bytes) -> Response {
    let mut lang = None;
    let mut back = String::from("/");
    for (name, value) in form_urlencoded::parse(&body) {
        match name.as_ref() {
            "lang" => lang = Lang::from_tag(&value),
            "back" if is_own_path(&value) => back = value.into_owned(),
            _ => {}
        }
    }
    let Some(lang) = lang else { return StatusCode::BAD_REQUEST.into_response() };
    let cookie = format!("{COOKIE_NAME}={lang}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax");
    (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie), (LOCATION, back)]).into_response()
}

/// Whether a path is of this server, and never a way to send a reader elsewhere (`//host`, `/\host`).
pub fn is_own_path(path: &str) -> bool {
    path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && path.len() <= 8_192
        && path.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_paths_are_gone_back_to() {
        assert!(is_own_path("/") && is_own_path("/auth?client_id=a&state=b"));
        for path in ["", "//evil.test", "/\\evil.test", "https://evil.test", "/a\r\nSet-Cookie: x", "/é"] {
            assert!(!is_own_path(path), "{path}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "a=1; vaguemestre_lang=en; vaguemestre_langue=fr".parse().unwrap());
        headers.insert(ACCEPT_LANGUAGE, "fr".parse().unwrap());
        assert_eq!(Locale::of(&headers), Locale(Lang::En));
        assert_eq!(cookie(&headers, "b"), None);
        Locale::prefer(&mut headers, Lang::Fr);
        assert_eq!(Locale::of(&headers), Locale(Lang::En), "a choice stays");
        headers.remove(COOKIE);
        Locale::prefer(&mut headers, Lang::En);
        assert_eq!(Locale::of(&headers), Locale(Lang::En), "a default wins over the browser");
    }
}
