//! `Idempotency-Key`: the same request, sent again, is done once and answered the same.
//!
//! A claim is written before the work and the answer after it. Between the two a process may die; then nobody knows
//! whether the work was done, and a repetition is told so (409, retry `unknown`) instead of being done twice. The work
//! runs in a task of its own: a caller that hangs up changes nothing. Answers that are worth another try (5xx, retry
//! `later`) free the key.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use db::{Db, Values, query};
use kernel::{Clock, RetryClass, Stage};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use crate::House;
use crate::access::PERSON;
use crate::problem::{Answer, Problem};

/// The header of a request that must be done once.
pub(crate) const HEADER: &str = "idempotency-key";

/// The header of an answer that was given before.
const REPLAYED: &str = "idempotency-replayed";

/// Longest body that is looked at, and longest answer that is kept.
const LONGEST: usize = 1024 * 1024;

/// How long an answer is kept: a week, in milliseconds.
const KEPT_MS: i64 = 7 * 24 * 3_600 * 1_000;

/// Keys whose work is under way in this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderWay(Arc<Mutex<HashSet<String>>>);

/// The middleware; inside of [`crate::access`], which says whose base it is.
pub(crate) async fn once(request: Request, next: Next) -> Response {
    let changes = matches!(*request.method(), Method::POST | Method::PUT | Method::DELETE);
    let Some(key) = request.headers().get(HEADER).cloned().filter(|_| changes) else {
        return next.run(request).await;
    };
    do_once(key, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn do_once(key: HeaderValue, request: Request, next: Next) -> Answer<Response> {
    let key = read_key(&key)?;
    let house = request.extensions().get::<Arc<House>>().cloned().expect("access puts the practice there");
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LONGEST).await.map_err(|_| {
        Problem::unreadable(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or was cut off")
    })?;
    let person = parts.headers.get(PERSON).map(HeaderValue::as_bytes).unwrap_or_default();
    let digest = digest(&[parts.method.as_str().as_bytes(), parts.uri.to_string().as_bytes(), person, &body]);
    let Some(claim) = house.under_way.claim(&key) else {
        return Err(
            Problem::busy("the request of this Idempotency-Key is under way").field("Idempotency-Key")
        );
    };
    match begin(&house.db, &house.clock, &key, &digest).await? {
        Begun::New => {}
        Begun::Answered(answer) => return Ok(answer.into_response(true)),
        Begun::OfAnother => {
            let said = "this Idempotency-Key was used for another request";
            let problem = Problem::bad("Idempotency-Key", said, "Draw a new key for each request.");
            return Err(problem.status(StatusCode::UNPROCESSABLE_ENTITY));
        }
        Begun::Unknown => {
            let said =
                "an earlier request of this Idempotency-Key was cut off: nobody knows whether it was done";
            let next = "Look whether it was done; then ask again with a new key, or not at all.";
            let problem = Problem::conflict(said, next).field("Idempotency-Key");
            return Err(Problem { stage: Stage::Storage, retry: RetryClass::Unknown, ..problem });
        }
    }
    let work = async move {
        let _claim = claim;
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, LONGEST).await.map_err(|_| {
            Problem::unreadable(StatusCode::INTERNAL_SERVER_ERROR, "the answer is too long to be kept")
        })?;
        let again = parts.status.is_server_error() || parts.headers.contains_key("retry-after");
        let answer = Kept::of(parts.status, &parts.headers, &body);
        end(&house.db, &key, answer.filter(|_| !again)).await?;
        Ok(Response::from_parts(parts, Body::from(body)))
    };
    // Clippy's view of a large future does not matter here: it is boxed by the task.
    tokio::spawn(work).await.unwrap_or_else(|_| {
        Err(Problem::unreadable(StatusCode::INTERNAL_SERVER_ERROR, "the operation was interrupted"))
    })
}

fn read_key(header: &HeaderValue) -> Answer<String> {
    let text = header.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > 128 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let said = "the Idempotency-Key is empty, too long or no plain ASCII";
        return Err(Problem::bad(
            "Idempotency-Key",
            said,
            "Send 1 to 128 visible ASCII characters, a UUID for instance.",
        ));
    }
    Ok(text.to_owned())
}

/// A digest of several texts that no other split of the same octets has.
fn digest(texts: &[&[u8]]) -> String {
    let mut all = Vec::new();
    for text in texts {
        all.extend_from_slice(&(text.len() as u64).to_be_bytes());
        all.extend_from_slice(text);
    }
    kernel::sha256_hex(&all)
}

enum Begun {
    New,
    Answered(Kept),
    OfAnother,
    Unknown,
}

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    status: u16,
    media: Option<String>,
    location: Option<String>,
    body: String,
}

impl Kept {
    /// `None` where the answer is no text: such answers belong to reading, which is repeated at will.
    fn of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = String::from_utf8(body.to_vec()).ok()?;
        Some(Self { status: status.as_u16(), media: text(CONTENT_TYPE), location: text(LOCATION), body })
    }

    fn into_response(self, replayed: bool) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        for (name, value) in [(CONTENT_TYPE, self.media), (LOCATION, self.location)] {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        if replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// Claims a key on disk, or says what is known of it. Old answers leave on the way.
async fn begin(db: &Db, clock: &Clock, key: &str, digest: &str) -> Answer<Begun> {
    let (key, digest, now) = (key.to_owned(), digest.to_owned(), clock.now().as_millisecond());
    let known = db
        .write(move |tx| {
            let (key, digest) = (key.clone(), digest.clone());
            Box::pin(async move {
                query("DELETE FROM lps_once WHERE at < $1", Values::new().int(now - KEPT_MS))
                    .execute(&mut *tx)
                    .await?;
                let select = "SELECT digest, answer FROM lps_once WHERE key = $1";
                let row = query(select, Values::new().text(key.clone())).fetch_optional(&mut *tx).await?;
                if let Some(row) = row {
                    return Ok(Some((row.try_get::<String, _>(0)? == digest, row.try_get::<String, _>(1)?)));
                }
                let values = Values::new().text(key).text(digest).text("").int(now);
                let insert = "INSERT INTO lps_once (key, digest, answer, at) VALUES ($1, $2, $3, $4)";
                query(insert, values).execute(&mut *tx).await?;
                Ok(None)
            })
        })
        .await?;
    Ok(match known {
        None => Begun::New,
        Some((false, _)) => Begun::OfAnother,
        Some((true, answer)) => serde_json::from_str(&answer).map_or(Begun::Unknown, Begun::Answered),
    })
}

/// Keeps the answer, or frees the key.
async fn end(db: &Db, key: &str, answer: Option<Kept>) -> Answer<()> {
    let key = key.to_owned();
    let answer = answer.map(|answer| serde_json::to_string(&answer).expect("an answer serialises"));
    db.write(move |tx| {
        let (key, answer) = (key.clone(), answer.clone());
        Box::pin(async move {
            match answer {
                Some(answer) => {
                    let values = Values::new().text(answer).text(key);
                    query("UPDATE lps_once SET answer = $1 WHERE key = $2", values).execute(tx).await?
                }
                None => {
                    query("DELETE FROM lps_once WHERE key = $1", Values::new().text(key)).execute(tx).await?
                }
            };
            Ok(())
        })
    })
    .await?;
    Ok(())
}

impl UnderWay {
    fn claim(&self, key: &str) -> Option<Claim> {
        let fresh = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        fresh.then(|| Claim { all: self.clone(), key: key.to_owned() })
    }
}

/// A key that this process works on; free again when dropped.
struct Claim {
    all: UnderWay,
    key: String,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_does_not_confuse_two_splits() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }

    #[test]
    fn a_key_is_claimed_by_one_at_a_time() {
        let all = UnderWay::default();
        let claim = all.claim("k");
        assert!(claim.is_some() && all.claim("k").is_none() && all.claim("other").is_some());
        drop(claim);
        assert!(all.claim("k").is_some());
    }

    #[test]
    fn keys_are_visible_ascii() {
        for bad in ["", " ", "a b", "é", &"x".repeat(129)] {
            assert!(read_key(&HeaderValue::from_bytes(bad.as_bytes()).unwrap()).is_err(), "{bad:?}");
        }
        assert!(read_key(&HeaderValue::from_static("7d1c-4a")).is_ok());
    }
}
