//! What changed: asked for, or followed. Both read the same numbered sequence as the webhooks.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use practice::Change;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};

use crate::House;
use crate::access::Caller;
use crate::ask::{Asked, within};
use crate::problem::{Answer, Problem};
use crate::shapes;

/// Changes of one answer, and of one look of a stream.
const PAGE: u64 = 500;

/// A comment that keeps a silent stream open through proxies.
const BEAT: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Since {
    /// The number of the last change that is known; 0 for all.
    #[serde(default)]
    since: u64,
    /// How many at most.
    #[serde(default = "page")]
    #[param(minimum = 1, maximum = 500, default = 500)]
    limit: u64,
}

fn page() -> u64 {
    PAGE
}

/// What changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Changes {
    /// The oldest first.
    #[schema(value_type = Vec<shapes::Change>)]
    changes: Vec<Change>,
    /// What to ask for next as `since`.
    next: u64,
    /// The number of the newest change: where it is more than `next`, there is more to read.
    newest: u64,
}

/// Tells what changed after a number
///
/// Numbers count up without gaps in the order of commits: who has seen 7 has missed nothing before.
#[utoipa::path(get, path = "/changes", tag = "news", params(Since), responses((status = 200, description = "What changed", body = Changes)))]
pub(crate) async fn changes(caller: Caller, Asked(query): Asked<Since>) -> Answer<Json<Changes>> {
    let limit = within("limit", query.limit, 1..=PAGE)?;
    // Read before the changes: `newest` may then be behind `next`, never ahead of what can be read.
    let newest = *caller.house.practice.watch().borrow();
    let changes = caller.house.practice.changes(query.since, limit).await?;
    let next = changes.last().map_or(query.since, |change| change.seq);
    Ok(Json(Changes { changes, next, newest: newest.max(next) }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Follow {
    /// The number of the last change that is known; what changes from now on where it is left out. The header
    /// `Last-Event-ID` of a browser that reconnects wins.
    since: Option<u64>,
}

/// Follows what changes
///
/// Server-sent events: each has the change's number as `id`, its kind as `event`, and the object of `GET /changes` as
/// `data`. The stream ends when the service stops; ask again with the last `id`.
#[utoipa::path(get, path = "/events", tag = "news", params(Follow), responses((status = 200, description = "The stream", body = shapes::Change, content_type = "text/event-stream")))]
pub(crate) async fn events(
    caller: Caller,
    headers: HeaderMap,
    Asked(query): Asked<Follow>,
) -> Answer<Response> {
    let again = match headers.get("last-event-id") {
        None => None,
        Some(value) => {
            let number = value.to_str().ok().and_then(|text| text.parse().ok());
            let wrong =
                || Problem::bad("Last-Event-ID", "it is no number", "Send back the id of the last event.");
            Some(number.ok_or_else(wrong)?)
        }
    };
    let news = caller.house.practice.watch();
    let from = again.or(query.since).unwrap_or_else(|| *news.borrow());
    let stopping = caller.house.stopping.clone();
    let follower = Follower { house: caller.house, news, stopping, from, ready: VecDeque::new() };
    let events = stream::unfold(follower, Follower::next);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(BEAT)).into_response())
}

/// Somebody who listens: holds at most one page of changes.
struct Follower {
    house: Arc<House>,
    news: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    from: u64,
    ready: VecDeque<Change>,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                self.from = change.seq;
                let event = Event::default().id(change.seq.to_string()).event(change.kind.word());
                let data = serde_json::to_string(&change).unwrap_or_default();
                return Some((Ok(event.data(data)), self));
            }
            if *self.stopping.borrow() {
                return None;
            }
            self.news.mark_unchanged();
            match self.house.practice.changes(self.from, PAGE as usize).await {
                Ok(changes) if !changes.is_empty() => self.ready = changes.into(),
                Ok(_) => tokio::select! {
                    changed = self.news.changed() => changed.ok()?,
                    _ = self.stopping.wait_for(|stop| *stop) => return None,
                },
                Err(error) => {
                    tracing::warn!(%error, "a stream of changes ends: the base cannot be read");
                    return None;
                }
            }
        }
    }
}
