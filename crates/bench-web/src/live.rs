use std::collections::HashSet;
use std::convert::Infallible;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::sse::{Event as Sse, KeepAlive, Sse as Stream};
use axum::routing::get;
use bench::log::{LogLine, describe};
use futures_util::stream::{self, StreamExt as _};
use tokio::sync::mpsc;
use wire::{ConnectionId, Event, Fact, Service};

use crate::Face;
use crate::view::Failure;

/// Lines that a live log shows before it only counts.
const LONGEST: usize = 20_000;

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/runs/{number}/events", get(follow))
}

/// The log of an open window as it is being written: provisional numbers, everything that may be the run's.
struct Feed {
    run: i64,
    last: i64,
    by_adapter: bool,
    lines: u32,
    mine: HashSet<ConnectionId>,
}

impl Feed {
    fn line(&mut self, event: &Event) -> Option<LogLine> {
        if event.seq <= self.last {
            return None;
        }
        self.last = event.seq;
        if !matches!(event.service, Service::Imap | Service::Smtp) || self.lines as usize >= LONGEST {
            return None;
        }
        if let Fact::Connected { origin } = &event.fact
            && (if self.by_adapter { origin.run == Some(self.run) } else { origin.run.is_none() })
        {
            self.mine.insert(event.connection);
        }
        if !self.mine.contains(&event.connection) {
            return None;
        }
        let text = describe(event)?;
        self.lines += 1;
        Some(LogLine {
            n: self.lines,
            at: event.at,
            node: event.service.name().to_owned(),
            connection: Some(event.connection.0),
            seq: Some(event.seq),
            text,
        })
    }
}

fn feed(face: &Face, run: i64) -> Option<Feed> {
    let head = face.bench.window_head(run)?;
    let by_adapter = face.bench.phase(run) == Some(bench::Phase::Running);
    Some(Feed { run, last: head, by_adapter, lines: 0, mine: HashSet::new() })
}

/// The lines of an open window up to now.
pub(crate) async fn so_far(face: &Face, run: i64) -> Result<Vec<LogLine>, Failure> {
    let Some(mut feed) = feed(face, run) else { return Ok(Vec::new()) };
    let query = journal::Query { after: feed.last, ..Default::default() };
    let events = face.bench.parts().journal.events(&query).await.map_err(bench::Error::from)?;
    Ok(events.iter().filter_map(|event| feed.line(event)).collect())
}

/// Server-sent events: `line` for each log line, then `done` once, when the verdict is in.
async fn follow(
    State(face): State<Face>,
    Path(number): Path<i64>,
) -> Result<Stream<impl futures_util::Stream<Item = Result<Sse, Infallible>>>, Failure> {
    face.bench.run(number).await?;
    let (sender, receiver) = mpsc::channel(256);
    tokio::spawn(async move {
        // A reader who went away ends the task at its next line.
        let _ = push(face, number, sender).await;
    });
    let lines = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|event| (Ok(event), receiver))
    });
    Ok(Stream::new(lines.boxed()).keep_alive(KeepAlive::default()))
}

async fn push(face: Face, number: i64, sender: mpsc::Sender<Sse>) -> Result<(), mpsc::error::SendError<Sse>> {
    let mut changes = face.bench.changes();
    let mut live = face.bench.parts().journal.subscribe();
    let mut feed_now: Option<Feed> = None;
    loop {
        changes.mark_unchanged();
        let finished = match face.bench.run(number).await {
            Ok(view) => view.run.verdict.is_some(),
            Err(_) => true,
        };
        if finished {
            return sender.send(Sse::default().event("done").data(number.to_string())).await;
        }
        if feed_now.is_none() {
            feed_now = feed(&face, number);
        }
        if let Some(feed) = &mut feed_now {
            let query = journal::Query { after: feed.last, ..Default::default() };
            for event in face.bench.parts().journal.events(&query).await.unwrap_or_default() {
                if let Some(line) = feed.line(&event) {
                    let data = serde_json::to_string(&line).unwrap_or_default();
                    sender.send(Sse::default().event("line").data(data)).await?;
                }
            }
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return Ok(()) },
            _ = live.recv() => {}
            () = sender.closed() => return Ok(()),
        }
    }
}
