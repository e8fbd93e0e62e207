//! What a request is made of, taken apart: every refusal is a [`Problem`].

use std::ops::RangeInclusive;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::{Answer, Problem};

/// A JSON object as the body.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let given =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = given.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            let said = format!("the body is of type {essence:?}; send application/json");
            return Err(Problem::unreadable(StatusCode::UNSUPPORTED_MEDIA_TYPE, said).field("Content-Type"));
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Problem::unreadable(rejection.status(), rejection.body_text()))?;
        // To serde an array of the fields' values is as good as the object.
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(Problem::unreadable(StatusCode::BAD_REQUEST, "the body is no JSON object"));
        }
        let read = Json::<T>::from_bytes(&bytes);
        let Json(value) = read.map_err(|rejection| {
            Problem::unreadable(StatusCode::BAD_REQUEST, rejection.body_text()).field("body")
        })?;
        Ok(Self(value))
    }
}

/// The parameters of the query.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                Err(Problem::unreadable(StatusCode::BAD_REQUEST, rejection.body_text()).field("query"))
            }
        }
    }
}

/// The variable part of the path.
#[derive(Debug)]
pub(crate) struct Of<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Of<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => {
                Err(Problem::unreadable(StatusCode::BAD_REQUEST, rejection.body_text()).field("path"))
            }
        }
    }
}

/// Refuses a text that is empty, too long or holds control characters: it is kept, shown on screens and in traces.
pub(crate) fn plain(field: &str, text: &str, longest: usize) -> Answer<()> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        return Err(Problem::bad(field, format!("{field} is empty"), "Give it a value, or leave it out."));
    }
    if length > longest {
        let next = format!("Give at most {longest} characters.");
        return Err(Problem::bad(field, format!("{field} has {length} characters"), next));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Problem::bad(field, format!("{field} holds control characters"), "Give plain text."));
    }
    Ok(())
}

/// Refuses a number outside of its range.
pub(crate) fn within(field: &str, number: u64, range: RangeInclusive<u64>) -> Answer<usize> {
    if range.contains(&number) {
        return Ok(usize::try_from(number).unwrap_or(usize::MAX));
    }
    let next = format!("Give a number from {} to {}.", range.start(), range.end());
    Err(Problem::bad(field, format!("{field} is {number}"), next))
}

/// A time of the query.
pub(crate) fn time(field: &str, text: Option<&str>) -> Answer<Option<kernel::Timestamp>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        Problem::bad(field, format!("{field} is no time"), "Write it as 2026-11-23T08:00:00Z (RFC 3339).")
    })
}
