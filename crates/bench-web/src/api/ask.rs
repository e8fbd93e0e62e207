use axum::Json;
use axum::body::{Body as HttpBody, Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use web::{ApiError, ErrorCode};

use crate::view::Failure;

/// What every operation answers: its object, or the error object of the contracts.
pub(crate) type Answer<T> = Result<T, Refusal>;

/// An error object with its status.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) ApiError);

impl Refusal {
    /// The request is wrong: 400.
    pub(crate) fn bad(field: &str, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self(ApiError::new(ErrorCode::BadInput, message, next).field(field))
    }

    /// The same error with another status.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// What the path or the query names is not there: 404, unless the error is of another kind.
    pub(crate) fn missing(self) -> Self {
        match self.0.code {
            ErrorCode::BadInput => self.status(StatusCode::NOT_FOUND),
            _ => self,
        }
    }

    /// What is asked for cannot be had in the present state: 409, unless the error is of another kind.
    pub(crate) fn conflict(self) -> Self {
        match self.0.code {
            ErrorCode::BadInput => self.status(StatusCode::CONFLICT),
            _ => self,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl From<bench::Error> for Refusal {
    fn from(error: bench::Error) -> Self {
        Self(Failure::from(error).0)
    }
}

/// What a request that does not fit is told to do.
const SEE: &str = "See GET /api/v1/openapi.json, or the page /api.";

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        media_type(&request, &["application/json"])?;
        let wrong =
            |said: String, status| Refusal(ApiError::new(ErrorCode::BadInput, said, SEE)).status(status);
        let read = Bytes::from_request(request, state).await;
        let bytes = read.map_err(|rejection| wrong(rejection.body_text(), rejection.status()))?;
        // To serde an array of the fields' values is as good as the object.
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(wrong("the body is no JSON object".into(), StatusCode::BAD_REQUEST));
        }
        let Json(value) = Json::<T>::from_bytes(&bytes)
            .map_err(|rejection| wrong(rejection.body_text(), StatusCode::BAD_REQUEST))?;
        Ok(Self(value))
    }
}

/// The parameters of the query.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Refusal(ApiError::new(ErrorCode::BadInput, rejection.body_text(), SEE))),
        }
    }
}

/// The variable parts of the path.
#[derive(Debug)]
pub(crate) struct Of<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Of<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Refusal(ApiError::new(ErrorCode::BadInput, rejection.body_text(), SEE))),
        }
    }
}

/// A whole number of a JSON body: to JSON Schema `3.0` is one too.
pub(crate) fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(from)?;
    let integral = |float: f64| float.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&float);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is whole, and in the range
    let read = number.as_u64().or_else(|| number.as_f64().filter(|f| integral(*f)).map(|f| f as u64));
    read.ok_or_else(|| D::Error::custom(format!("{number} is no whole number from 0 to {}", u64::MAX)))
}

/// The same where it may be left out.
pub(crate) fn whole_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole")] u64);
    Ok(Option::<Whole>::deserialize(from)?.map(|Whole(number)| number))
}

/// An object of a JSON body that may be left out; never an array of its fields' values.
pub(crate) fn object_or_none<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let object = Option::<serde_json::Map<String, serde_json::Value>>::deserialize(from)?;
    object.map(|fields| serde_json::from_value(fields.into()).map_err(D::Error::custom)).transpose()
}

/// Refuses a text that is too long or holds control characters: it is looked for in the database, where a NUL is an
/// error of its own (PostgreSQL), and shown on screens and in logs.
pub(crate) fn plain(field: &str, text: &str, longest: usize) -> Answer<()> {
    let length = text.chars().count();
    if length > longest {
        let next = format!("Give at most {longest} characters.");
        return Err(Refusal::bad(field, format!("{field} has {length} characters"), next));
    }
    if text.chars().any(char::is_control) {
        let next = "Give one line of text.";
        return Err(Refusal::bad(field, format!("{field} holds control characters"), next));
    }
    Ok(())
}

/// The same for a text that may be left out; an empty one is none.
pub(crate) fn plain_or_none(field: &str, text: Option<String>, longest: usize) -> Answer<Option<String>> {
    match text {
        Some(text) => plain(field, &text, longest).map(|()| Some(text).filter(|text| !text.is_empty())),
        None => Ok(None),
    }
}

/// Refuses a number outside of its range.
pub(crate) fn within(field: &str, number: u64, range: std::ops::RangeInclusive<u64>) -> Answer<()> {
    if range.contains(&number) {
        return Ok(());
    }
    let next = format!("Give a number from {} to {}.", range.start(), range.end());
    Err(Refusal::bad(field, format!("{field} is {number}"), next))
}

/// Reads a body that is a file, up to `limit` octets.
pub(crate) async fn file(body: HttpBody, limit: usize) -> Answer<Vec<u8>> {
    match to_bytes(body, limit).await {
        Ok(bytes) => Ok(bytes.into()),
        Err(_) => {
            let next = format!("Send at most {limit} octets.");
            let error = ApiError::new(ErrorCode::BadInput, "the body is too large, or was cut off", next);
            Err(Refusal(error).status(StatusCode::PAYLOAD_TOO_LARGE))
        }
    }
}

/// Refuses a body of another media type than those that the operation takes.
pub(crate) fn media_type(request: &Request, taken: &[&str]) -> Answer<()> {
    let given = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if taken.iter().any(|taken| taken.eq_ignore_ascii_case(essence)) {
        return Ok(());
    }
    let next = format!("Send it as {}.", taken.join(" or "));
    let error = ApiError::new(ErrorCode::BadInput, format!("the body is of type {essence:?}"), next);
    Err(Refusal(error.field("Content-Type")).status(StatusCode::UNSUPPORTED_MEDIA_TYPE))
}
