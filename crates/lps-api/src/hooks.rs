//! Webhooks: what changed, told to the host as it happens.
//!
//! A webhook has a position in the sequence of changes; what it wants after that position is sent in order, and the
//! position moves when the receiver has said 2xx. So nothing is lost when either side dies, nothing is queued in memory,
//! and a repetition carries the same identifier. A message names what changed and nothing more: no health data leaves
//! with it, the receiver reads what it needs through the API. One that fails is tried again with growing delays for
//! about three and a half days, then suspended and shown as such; 410 suspends it at once.

mod post;
mod store;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use futures_util::future::join_all;
use kernel::Timestamp;
use practice::ChangeKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::House;
use crate::access::Caller;
use crate::ask::{Body, Of};
use crate::problem::{Answer, Problem};
use crate::shapes::{ChangeWord, ProblemObject};

pub(crate) use store::MIGRATIONS;

/// Webhooks of one practice.
const MOST: usize = 16;

/// Messages to one receiver before others have their turn.
const TURN: usize = 100;

/// Delays after a failure, in seconds; the last one is repeated.
const DELAYS: [u64; 8] = [5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600];

/// Failures in a row after which a webhook is suspended: about three and a half days.
const MOST_FAILURES: u32 = 20;

/// When nothing fails and nothing changes, the list is looked at again after this.
const LOOK: Duration = Duration::from_secs(3_600);

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hook {
    pub(crate) key: String,
    pub(crate) url: String,
    pub(crate) events: Vec<ChangeKind>,
    pub(crate) created: Timestamp,
    /// The last change that it has been told, or did not want.
    pub(crate) position: u64,
    /// Failures since the last success.
    pub(crate) failures: u32,
    /// Not before.
    pub(crate) next_at: Timestamp,
    pub(crate) told_at: Option<Timestamp>,
    /// What went wrong the last time.
    pub(crate) trouble: Option<String>,
    pub(crate) suspended: bool,
}

/// Tells every webhook of a practice, until the service stops.
pub(crate) async fn deliver(house: Arc<House>) {
    let mut changes = house.practice.watch();
    let mut stop = house.stopping.clone();
    let mut poster = post::Poster::default();
    loop {
        let round = async {
            match round(&house, &mut poster).await {
                Ok(wait) => wait,
                Err(problem) => {
                    tracing::warn!(problem = problem.detail, "webhooks wait: the base cannot be read");
                    Duration::from_secs(DELAYS[1])
                }
            }
        };
        let wait = tokio::select! {
            wait = round => wait,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = house.hooks_changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// One turn for each; says how long there is nothing to do.
async fn round(house: &House, poster: &mut post::Poster) -> Answer<Duration> {
    let hooks = store::all(house).await?;
    let now = house.clock.now();
    let due = hooks.iter().filter(|hook| !hook.suspended && hook.next_at <= now);
    poster.prepare(due.clone());
    let poster = &*poster;
    let turns = join_all(due.cloned().map(|hook| turn(house, poster, hook))).await;
    let more = turns.into_iter().collect::<Answer<Vec<bool>>>()?.contains(&true);
    if more {
        return Ok(Duration::ZERO);
    }
    let waiting = store::all(house).await?.into_iter().filter(|hook| !hook.suspended && hook.next_at > now);
    let first = waiting.map(|hook| hook.next_at).min();
    Ok(first.map_or(LOOK, |at| Duration::try_from(at.duration_since(now)).unwrap_or_default().min(LOOK)))
}

/// Tells one webhook what it has not been told; true where there is more.
async fn turn(house: &House, poster: &post::Poster, mut hook: Hook) -> Answer<bool> {
    let mut told = 0;
    loop {
        let changes = house.practice.changes(hook.position, 200).await?;
        let Some(last) = changes.last().map(|change| change.seq) else { return Ok(false) };
        for change in changes {
            if !hook.events.contains(&change.kind) {
                continue;
            }
            if told == TURN {
                return Ok(true);
            }
            match poster.send(house, &hook, &change).await {
                Ok(()) => {
                    told += 1;
                    hook.told(change.seq, house.clock.now());
                    store::save(house, &hook).await?;
                }
                Err(trouble) => {
                    tracing::info!(webhook = hook.key, trouble = trouble.said, "a webhook was not taken");
                    hook.failed(trouble.said, trouble.gone, house.clock.now());
                    store::save(house, &hook).await?;
                    return Ok(false);
                }
            }
        }
        hook.position = last;
        store::save(house, &hook).await?;
    }
}

impl Hook {
    fn told(&mut self, seq: u64, now: Timestamp) {
        (self.position, self.failures, self.trouble) = (seq, 0, None);
        (self.told_at, self.next_at) = (Some(now), now);
    }

    fn failed(&mut self, said: String, gone: bool, now: Timestamp) {
        self.failures += 1;
        self.trouble = Some(said);
        self.suspended = gone || self.failures >= MOST_FAILURES;
        let delay = DELAYS[(self.failures as usize - 1).min(DELAYS.len() - 1)];
        self.next_at = now + Duration::from_secs(delay);
    }
}

// === The API ===

/// A webhook of the practice.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Webhook {
    /// Its name here.
    key: String,
    /// Where messages are posted.
    url: String,
    /// What it is told.
    #[schema(value_type = Vec<ChangeWord>)]
    events: Vec<ChangeKind>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// The last change that it was told, or that it does not want.
    position: u64,
    /// When it took a message last.
    #[schema(value_type = Option<String>, format = DateTime)]
    told_at: Option<Timestamp>,
    /// Failures since then.
    failures: u32,
    /// What went wrong the last time.
    trouble: Option<String>,
    /// Whether it is told nothing until somebody resumes it.
    suspended: bool,
    /// Shown once, when it is made: what the signature of each message is checked with (`whsec_…`).
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// The webhooks of the practice.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Webhooks {
    /// The oldest first.
    webhooks: Vec<Webhook>,
}

/// A webhook to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhook {
    /// `https`, or `http` on this machine.
    #[schema(max_length = 2000, example = "https://logiciel.example/mss")]
    url: String,
    /// What it wants to be told.
    #[schema(value_type = Vec<ChangeWord>, min_items = 1)]
    events: Vec<ChangeKind>,
}

/// Lists the webhooks
#[utoipa::path(get, path = "/webhooks", tag = "news", responses((status = 200, description = "All of them", body = Webhooks)))]
pub(crate) async fn list(caller: Caller) -> Answer<Json<Webhooks>> {
    let webhooks = store::all(&caller.house).await?.into_iter().map(Webhook::from).collect();
    Ok(Json(Webhooks { webhooks }))
}

/// Makes a webhook
///
/// It is told what changes from now on. Each message is signed as Standard Webhooks 1.0 says; the secret is in this
/// answer only. `Idempotency-Key` has no effect here: a secret is never kept.
#[utoipa::path(post, path = "/webhooks", tag = "news", request_body = NewWebhook,
    responses((status = 201, description = "Made; the secret is shown this once", body = Webhook),
        (status = 409, description = "`conflict`: there are sixteen of them", body = ProblemObject)))]
pub(crate) async fn add(caller: Caller, Body(new): Body<NewWebhook>) -> Answer<(StatusCode, Json<Webhook>)> {
    let house = &caller.house;
    post::check_url(&new.url)?;
    if new.events.is_empty() {
        return Err(Problem::bad("events", "a webhook wants something", "Name one event at least."));
    }
    if store::all(house).await?.len() >= MOST {
        return Err(Problem::conflict(format!("there are {MOST} webhooks"), "Delete one that is not used."));
    }
    let mut events = new.events;
    events.sort_by_key(|kind| kind.word());
    events.dedup();
    let now = house.clock.now();
    let position = *house.practice.watch().borrow();
    let hook = Hook {
        key: kernel::random::mark(),
        url: new.url,
        events,
        created: now,
        position,
        failures: 0,
        next_at: now,
        told_at: None,
        trouble: None,
        suspended: false,
    };
    store::insert(house, &hook).await?;
    house.hooks_changed.notify_one();
    let secret = crate::signature::secret_of(&house.hook_master, &hook.key);
    let shown = Webhook { secret: Some(secret.reveal().clone()), ..Webhook::from(hook) };
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Shows a webhook
#[utoipa::path(get, path = "/webhooks/{key}", tag = "news", params(("key" = String, Path, description = "The webhook")),
    responses((status = 200, description = "How it goes", body = Webhook)))]
pub(crate) async fn show(caller: Caller, Of(key): Of<String>) -> Answer<Json<Webhook>> {
    Ok(Json(known(&caller.house, &key).await?.into()))
}

/// Deletes a webhook
#[utoipa::path(delete, path = "/webhooks/{key}", tag = "news", params(("key" = String, Path, description = "The webhook")),
    responses((status = 204, description = "It is told nothing any more")))]
pub(crate) async fn remove(caller: Caller, Of(key): Of<String>) -> Answer<StatusCode> {
    known(&caller.house, &key).await?;
    store::remove(&caller.house, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Resumes a webhook that was suspended, or waits
///
/// What it has missed is sent now, in order.
#[utoipa::path(post, path = "/webhooks/{key}/resume", tag = "news", params(("key" = String, Path, description = "The webhook")),
    responses((status = 200, description = "It is tried again at once", body = Webhook)))]
pub(crate) async fn resume(caller: Caller, Of(key): Of<String>) -> Answer<Json<Webhook>> {
    let mut hook = known(&caller.house, &key).await?;
    (hook.suspended, hook.failures, hook.next_at) = (false, 0, caller.house.clock.now());
    store::save(&caller.house, &hook).await?;
    caller.house.hooks_changed.notify_one();
    Ok(Json(hook.into()))
}

async fn known(house: &House, key: &str) -> Answer<Hook> {
    let found = store::all(house).await?.into_iter().find(|hook| hook.key == key);
    found.ok_or_else(|| Problem::missing("webhook", key))
}

impl From<Hook> for Webhook {
    fn from(hook: Hook) -> Self {
        Self {
            key: hook.key,
            url: hook.url,
            events: hook.events,
            created: hook.created,
            position: hook.position,
            told_at: hook.told_at,
            failures: hook.failures,
            trouble: hook.trouble,
            suspended: hook.suspended,
            secret: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_then_the_webhook_is_suspended_and_a_success_forgets_it_all() {
        let now = Timestamp::UNIX_EPOCH;
        let mut hook = Hook {
            key: "k".into(),
            url: "http://localhost:1/".into(),
            events: vec![ChangeKind::DocumentReceived],
            created: now,
            position: 4,
            failures: 0,
            next_at: now,
            told_at: None,
            trouble: None,
            suspended: false,
        };
        let mut waits = Vec::new();
        for _ in 0..MOST_FAILURES - 1 {
            hook.failed("answered 500".into(), false, now);
            waits.push(hook.next_at.as_second());
            assert!(!hook.suspended);
        }
        assert_eq!(waits[..4], [5, 30, 120, 600]);
        assert!(waits.iter().sum::<i64>() > 3 * 24 * 3_600, "three days at least");
        hook.failed("answered 500".into(), false, now);
        assert!(hook.suspended);
        hook.told(5, now);
        assert_eq!((hook.position, hook.failures, hook.trouble.clone()), (5, 0, None));
        hook.failed("answered 410".into(), true, now);
        assert!(hook.suspended, "gone is gone");
    }
}
