//! Who asks: a key names the practice, header fields name the person.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use practice::{Actor, Key};

use crate::problem::{Answer, Problem};
use crate::registry::KeyLine;
use crate::{House, Service};

/// The header that names the person who acts: a key of `GET /people`. Without it the software acts by itself.
pub(crate) const PERSON: &str = "vaguemestre-person";

/// The header that names the person *pour le compte de* whom.
pub(crate) const BEHALF: &str = "vaguemestre-behalf";

/// No key, no answer (RFC 9110 §15.5.2, RFC 6750 §3).
pub(crate) async fn check(State(service): State<Service>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let holder =
        given.and_then(|value| value.strip_prefix("Bearer ")).and_then(|key| service.holder(key.trim()));
    let Some((house, line)) = holder else {
        let next = "Send a key of the practice as: Authorization: Bearer KEY.";
        let problem = Problem::forbidden(StatusCode::UNAUTHORIZED, "no key of a practice was sent", next);
        let mut response = problem.field("Authorization").into_response();
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return response;
    };
    request.extensions_mut().insert(house);
    request.extensions_mut().insert(line);
    next.run(request).await
}

/// The practice that the key opens, and who acts in it.
pub(crate) struct Caller {
    pub(crate) house: Arc<House>,
    /// Which software: the label of its key.
    pub(crate) key: KeyLine,
    /// Who acts; the software itself where no person is named.
    pub(crate) actor: Actor,
}

impl Caller {
    /// The person who asks, where one is named: what *lu* and rights are about.
    pub(crate) fn person(&self) -> Option<&Key> {
        self.actor.person.as_ref()
    }
}

impl FromRequestParts<Service> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Service) -> Answer<Self> {
        let house = parts.extensions.get::<Arc<House>>().cloned().expect("the key was checked before");
        let key = parts.extensions.get::<KeyLine>().cloned().expect("the key was checked before");
        let person = named(parts, PERSON)?;
        let behalf = named(parts, BEHALF)?;
        if behalf.is_some() && person.is_none() {
            let next = "Name the person who acts as well.";
            return Err(Problem::bad(BEHALF, "somebody must act on behalf of somebody", next));
        }
        let name = match &person {
            Some(person) => crate::people::name_of(&house, person, PERSON).await?,
            None => key.label.clone(),
        };
        if let Some(behalf) = &behalf {
            crate::people::name_of(&house, behalf, BEHALF).await?;
        }
        Ok(Self { house, key, actor: Actor { person, name, behalf } })
    }
}

fn named(parts: &Parts, header: &str) -> Answer<Option<Key>> {
    let Some(value) = parts.headers.get(header) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    crate::shapes::key(header, text).map(Some)
}
