use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::{ApiError, ErrorCode};

/// Who may speak to a face that listens on this machine only.
///
/// Listening on loopback does not keep foreign sites out: a page can rebind its name to 127.0.0.1 (then `Host` is
/// foreign) or post a form to us (then `Origin` is). Both are refused with 403 `forbidden`, whatever the path.
#[derive(Clone, Debug)]
pub struct Guard(Arc<BTreeSet<String>>);

impl Guard {
    /// Allows `localhost`, `127.0.0.1` and `[::1]` on this port.
    pub fn local(port: u16) -> Self {
        Self(Arc::new(
            ["localhost", "127.0.0.1", "[::1]"].iter().map(|host| format!("{host}:{port}")).collect(),
        ))
    }

    /// Allows one more `host:port`, in lower case.
    #[must_use]
    pub fn and(mut self, authority: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).insert(authority.into());
        self
    }

    fn refusal(&self, uri: &Uri, headers: &HeaderMap) -> Option<ApiError> {
        let hosts = headers.get_all(HOST).iter().count();
        let host = uri.authority().map(|a| a.as_str()).or_else(|| headers.get(HOST)?.to_str().ok());
        let expected = || self.0.iter().cloned().collect::<Vec<_>>().join(", ");
        if hosts > 1 || !host.is_some_and(|host| self.knows(host)) {
            let next = format!("Use one of these addresses: {}.", expected());
            return Some(
                ApiError::new(ErrorCode::Forbidden, "This server does not answer to that host name.", next)
                    .field("Host"),
            );
        }
        let origins = headers.get_all(ORIGIN).iter();
        let foreign =
            |origin: &str| !origin.split_once("://").is_some_and(|(_, authority)| self.knows(authority));
        if origins.into_iter().any(|origin| origin.to_str().map_or(true, foreign)) {
            let next = "Call the API from a program, or from a page of this server.";
            return Some(
                ApiError::new(ErrorCode::Forbidden, "Requests from other sites are refused.", next)
                    .field("Origin"),
            );
        }
        None
    }

    fn knows(&self, authority: &str) -> bool {
        self.0.contains(&authority.to_ascii_lowercase())
    }
}

/// The middleware.
pub(crate) async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.refusal(request.uri(), request.headers()) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(headers: &[(&str, &str)]) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        Guard::local(8805).and("banc.test:8805").refusal(&Uri::from_static("/x"), &map)?.field
    }

    #[test]
    fn only_this_machine_and_its_own_pages_are_heard() {
        for host in ["localhost:8805", "127.0.0.1:8805", "[::1]:8805", "LOCALHOST:8805", "banc.test:8805"] {
            assert_eq!(refused(&[("host", host)]), None, "{host}");
        }
        for host in ["evil.test:8805", "localhost", "localhost:8806", "127.0.0.1.evil.test:8805", ""] {
            assert_eq!(refused(&[("host", host)]).as_deref(), Some("Host"), "{host}");
        }
        assert_eq!(refused(&[]).as_deref(), Some("Host"));
        assert_eq!(
            refused(&[("host", "localhost:8805"), ("host", "localhost:8805")]).as_deref(),
            Some("Host")
        );
        assert_eq!(refused(&[("host", "localhost:8805"), ("origin", "http://127.0.0.1:8805")]), None);
        for origin in
            ["https://evil.test", "null", "http://localhost:9999", "http://localhost:8805.evil.test"]
        {
            let headers = [("host", "localhost:8805"), ("origin", origin)];
            assert_eq!(refused(&headers).as_deref(), Some("Origin"), "{origin}");
        }
    }
}
