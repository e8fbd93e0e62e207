//! Mails themselves: what the documents came in.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use practice::{Key, Mail};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Caller;
use crate::ask::Of;
use crate::problem::{Answer, Problem};
use crate::shapes;

/// Shows a mail: what reading it told, and how far fetching and reading have come
#[utoipa::path(get, path = "/mails/{key}", tag = "documents", params(("key" = String, Path, description = "The mail")),
    responses((status = 200, description = "The mail", body = shapes::Mail)))]
pub(crate) async fn show(caller: Caller, Of(key): Of<String>) -> Answer<Json<Mail>> {
    Ok(Json(visible(&caller, &key).await?))
}

/// Gives a mail as the server had it
#[utoipa::path(get, path = "/mails/{key}/source", tag = "documents", params(("key" = String, Path, description = "The mail")),
    responses((status = 200, description = "Its octets", body = Vec<u8>, content_type = "message/rfc822")))]
pub(crate) async fn source(caller: Caller, Of(key): Of<String>) -> Answer<Response> {
    let mail = visible(&caller, &key).await?;
    let bytes = caller.house.practice.mail_bytes(&mail.key).await?;
    let bytes = bytes.ok_or_else(|| Problem::missing("mail that is fetched", &key))?;
    let headers =
        [(CONTENT_TYPE, "message/rfc822"), (CONTENT_DISPOSITION, "attachment; filename=\"mail.eml\"")];
    Ok((headers, bytes).into_response())
}

/// Gives a file of a mail, by its place: names are not unique
#[utoipa::path(get, path = "/mails/{key}/parts/{part}", tag = "documents",
    params(("key" = String, Path, description = "The mail"), ("part" = u32, Path, description = "`part` of a file of `facts`")),
    responses((status = 200, description = "Its octets", body = Vec<u8>, content_type = "application/octet-stream")))]
pub(crate) async fn part(caller: Caller, Of((key, part)): Of<(String, u32)>) -> Answer<Response> {
    let mail = visible(&caller, &key).await?;
    let bytes = caller.house.practice.part_bytes(&mail.key, part).await?;
    let bytes = bytes.ok_or_else(|| Problem::missing("file", &part.to_string()))?;
    let headers = [
        (CONTENT_TYPE, "application/octet-stream"),
        (CONTENT_DISPOSITION, "attachment; filename=\"file.bin\""),
    ];
    Ok((headers, bytes).into_response())
}

/// Mails that could not be fetched, or read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Failing {
    /// Keys, the newest first, 200 at most: `GET /mails/{key}` says why.
    #[schema(value_type = Vec<String>)]
    mails: Vec<Key>,
}

/// Lists mails that could not be fetched, or read
///
/// A technical failure is never "no documents": such mails wait here, and are tried again by themselves.
#[utoipa::path(get, path = "/mails/failing", tag = "documents", responses((status = 200, description = "What waits", body = Failing)))]
pub(crate) async fn failing(caller: Caller) -> Answer<Json<Failing>> {
    Ok(Json(Failing { mails: caller.house.practice.failing(200).await? }))
}

/// Tries a mail again at once
#[utoipa::path(post, path = "/mails/{key}/retry", tag = "documents", params(("key" = String, Path, description = "The mail")),
    responses((status = 204, description = "It is next")))]
pub(crate) async fn retry(caller: Caller, Of(key): Of<String>) -> Answer<StatusCode> {
    let mail = visible(&caller, &key).await?;
    caller.house.practice.retry(&mail.key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The mail, where the person who asks may see one of its rows.
async fn visible(caller: &Caller, key: &str) -> Answer<Mail> {
    let practice = &caller.house.practice;
    let missing = || Problem::missing("mail", key);
    let mail = practice.mail(&shapes::key("key", key)?).await?.ok_or_else(missing)?;
    let Some(person) = caller.person() else { return Ok(mail) };
    for document in &mail.documents {
        if practice.row(document, Some(person)).await?.is_some() {
            return Ok(mail);
        }
    }
    Err(missing())
}
