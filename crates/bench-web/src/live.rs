//! What goes on while it goes on: server-sent events of a run and of a campaign, and the log of an open window.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::sse::{Event as Sse, KeepAlive, Sse as Stream};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bench::Phase;
use bench::desk::{Filter, tells_probe};
use bench::log::{LogLine, describe};
use futures_util::stream::{self, StreamExt as _};
use kernel::Timestamp;
use serde::Serialize;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{interval, sleep};
use wire::{ConnectionId, Event, Fact, Service};

use crate::Face;
use crate::asked::{Asked, Numbered};
use crate::view::Failure;

/// Lines that a live log shows before it only counts.
const LONGEST: usize = 20_000;
/// How long events are gathered before a page is told: a busy connection writes hundreds in a moment.
const GATHER: Duration = Duration::from_millis(30);
/// How often the end of a window is compared, in case nothing else tells of its change.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) fn routes() -> Router<Face> {
    Router::new()
        .route("/runs/{number}/events", get(follow_page))
        .route("/campaigns/{number}/events", get(follow_campaign))
}

// === What a page follows ===

/// The word for where a run is, as pages and events write it.
pub(crate) fn phase_name(judged: bool, phase: Option<Phase>) -> &'static str {
    match phase {
        _ if judged => "judged",
        Some(Phase::Queued { .. }) => "queued",
        Some(Phase::Waiting) => "waiting",
        Some(Phase::Running) | None => "running",
    }
}

/// Seconds until `ends`; the page counts from there, so that its clock need not agree with ours.
pub(crate) fn left_s(face: &Face, ends: Timestamp) -> i64 {
    let left = ends.as_microsecond() - face.bench.parts().clock.now().as_microsecond();
    (left.max(0) + 999_999) / 1_000_000
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Stand {
    phase: &'static str,
    behind: Option<i64>,
    done: usize,
    steps: usize,
    left_s: Option<i64>,
    #[serde(skip)]
    ends: Option<Timestamp>,
}

impl Stand {
    fn of(face: &Face, run: i64) -> Self {
        let phase = face.bench.phase(run);
        let window = face.bench.window_state(run);
        Self {
            phase: phase_name(false, phase),
            behind: match phase {
                Some(Phase::Queued { behind }) => Some(behind),
                _ => None,
            },
            done: window.map_or(0, |window| window.done),
            steps: window.map_or(0, |window| window.steps),
            left_s: window.map(|window| left_s(face, window.ends)),
            ends: window.map(|window| window.ends),
        }
    }

    /// Whether a page that showed `other` must be told.
    fn differs(&self, other: &Self) -> bool {
        let timeless = |stand: &Self| Self { left_s: None, ..stand.clone() };
        timeless(self) != timeless(other)
    }

    fn event(&self) -> Sse {
        Sse::default().event("state").data(serde_json::to_string(self).unwrap_or_default())
    }
}

/// Server-sent events: `state` where the run stands, at once and at each change; `line` for each log line; `done` once,
/// when the verdict is in.
///
/// # Errors
/// `bad_input` where no run has this number.
pub(crate) async fn follow(State(face): State<Face>, Path(number): Path<i64>) -> Result<Response, Failure> {
    face.run(number).await?;
    let (sender, receiver) = mpsc::channel(256);
    tokio::spawn(async move {
        // A reader who went away ends the task at its next line.
        let _ = push(face, number, sender).await;
    });
    Ok(stream_of(receiver))
}

async fn follow_page(State(face): State<Face>, Path(text): Path<String>, asked: Asked) -> Response {
    match text.parse() {
        Ok(number) => follow(State(face.clone()), Path(number)).await.ok(),
        Err(_) => None,
    }
    .unwrap_or_else(|| asked.unknown_number(&face, Numbered::Run, &text))
}

/// Server-sent events of a campaign: `state` with how many runs are over, at each change; `done` once.
async fn follow_campaign(
    State(face): State<Face>,
    Path(text): Path<String>,
    asked: Asked,
) -> Result<Response, Failure> {
    let number = text.parse().unwrap_or_default();
    if face.bench.campaign(number).await?.is_none() {
        return Ok(asked.unknown_number(&face, Numbered::Campaign, &text));
    }
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        let _ = push_campaign(face, number, sender).await;
    });
    Ok(stream_of(receiver))
}

type Sender = mpsc::Sender<Sse>;
type Sent = Result<(), mpsc::error::SendError<Sse>>;

fn stream_of(receiver: mpsc::Receiver<Sse>) -> Response {
    let events = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|event| (Ok::<_, Infallible>(event), receiver))
    });
    Stream::new(events.boxed()).keep_alive(KeepAlive::default()).into_response()
}

async fn push(face: Face, number: i64, sender: Sender) -> Sent {
    let mut changes = face.bench.changes();
    let mut live = face.bench.parts().journal.subscribe();
    let mut look = interval(LOOK);
    let mut feed_now: Option<Feed> = None;
    let mut told: Option<Stand> = None;
    loop {
        changes.mark_unchanged();
        let finished = match face.run(number).await {
            Ok(view) => view.run.verdict.is_some(),
            Err(_) => true,
        };
        if finished {
            return sender.send(Sse::default().event("done").data(number.to_string())).await;
        }
        let stand = Stand::of(&face, number);
        if told.as_ref().is_none_or(|told| stand.differs(told)) {
            sender.send(stand.event()).await?;
            told = Some(stand);
        }
        if feed_now.is_none() {
            feed_now = feed(&face, number);
        }
        if let Some(feed) = &mut feed_now {
            let query = journal::Query { after: feed.last, ..Default::default() };
            for event in face.bench.parts().journal.events(&query).await.unwrap_or_default() {
                for line in feed.lines(&event) {
                    let mut data = serde_json::to_value(&line).unwrap_or_default();
                    data["class"] = crate::lines::class(&line).into();
                    let data = data.to_string();
                    sender.send(Sse::default().event("line").data(data)).await?;
                }
            }
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return Ok(()) },
            _ = live.recv() => {
                sleep(GATHER).await;
                drain(&mut live);
            }
            _ = look.tick() => {}
            () = sender.closed() => return Ok(()),
        }
    }
}

fn drain(live: &mut broadcast::Receiver<std::sync::Arc<Event>>) {
    use broadcast::error::TryRecvError;
    while matches!(live.try_recv(), Ok(_) | Err(TryRecvError::Lagged(_))) {}
}

async fn push_campaign(face: Face, number: i64, sender: Sender) -> Sent {
    let mut changes = face.bench.changes();
    let filter = Filter { campaign: Some(number), ..Filter::default() };
    let mut told: Option<Vec<String>> = None;
    loop {
        changes.mark_unchanged();
        let runs = face.bench.history(&filter, 1, 500).await.map(|page| page.runs).unwrap_or_default();
        let done = runs.iter().filter(|run| run.verdict.is_some()).count();
        if done == runs.len() {
            return sender.send(Sse::default().event("done").data(number.to_string())).await;
        }
        let stand =
            |run: &bench::Run| phase_name(run.verdict.is_some(), face.bench.phase(run.number)).to_owned();
        let stands: Vec<String> = runs.iter().map(stand).collect();
        if told.as_ref() != Some(&stands) {
            let data = serde_json::json!({"phase": stands.join(" "), "done": done, "steps": runs.len()});
            sender.send(Sse::default().event("state").data(data.to_string())).await?;
            told = Some(stands);
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return Ok(()) },
            () = sender.closed() => return Ok(()),
        }
    }
}

// === The log of an open window ===

/// The log of an open window as it is being written: provisional numbers, everything that may be the run's.
struct Feed {
    run: i64,
    last: i64,
    by_adapter: bool,
    count: u32,
    /// Connections that may be the run's; what they said while nobody knows yet whether the bench itself is looking.
    mine: HashMap<ConnectionId, Option<Vec<LogLine>>>,
}

impl Feed {
    fn lines(&mut self, event: &Event) -> Vec<LogLine> {
        if event.seq <= self.last {
            return Vec::new();
        }
        self.last = event.seq;
        if !matches!(event.service, Service::Imap | Service::Smtp) || self.count as usize >= LONGEST {
            return Vec::new();
        }
        if let Fact::Connected { origin } = &event.fact
            && (if self.by_adapter { origin.run == Some(self.run) } else { origin.run.is_none() })
        {
            let held = if self.by_adapter { None } else { Some(Vec::new()) };
            self.mine.insert(event.connection, held);
        }
        let Some(held) = self.mine.get_mut(&event.connection) else { return Vec::new() };
        let line = describe(event).map(|text| LogLine {
            n: 0,
            at: event.at,
            node: event.service.name().to_owned(),
            connection: Some(event.connection.0),
            seq: Some(event.seq),
            text,
        });
        let Some(waiting) = held else { return self.number(line) };
        waiting.extend(line);
        match tells_probe(&event.fact) {
            None => Vec::new(),
            Some(true) => {
                self.mine.remove(&event.connection);
                Vec::new()
            }
            Some(false) => {
                let known = std::mem::take(waiting);
                *held = None;
                self.number(known)
            }
        }
    }

    fn number(&mut self, lines: impl IntoIterator<Item = LogLine>) -> Vec<LogLine> {
        let number = |line| {
            self.count += 1;
            LogLine { n: self.count, ..line }
        };
        lines.into_iter().map(number).collect()
    }
}

fn feed(face: &Face, run: i64) -> Option<Feed> {
    let head = face.bench.window_head(run)?;
    let by_adapter = face.bench.phase(run) == Some(Phase::Running);
    Some(Feed { run, last: head, by_adapter, count: 0, mine: HashMap::new() })
}

/// The lines of an open window up to now.
pub(crate) async fn so_far(face: &Face, run: i64) -> Result<Vec<LogLine>, Failure> {
    let Some(mut feed) = feed(face, run) else { return Ok(Vec::new()) };
    let query = journal::Query { after: feed.last, ..Default::default() };
    let events = face.bench.parts().journal.events(&query).await.map_err(bench::Error::from)?;
    Ok(events.iter().flat_map(|event| feed.lines(event)).collect())
}
