//! The functional trace, searched, exported and checked (SC.MSS/CONF.17, CONF.18, UX.37).

use axum::Json;
use axum::body::{Body as HttpBody, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use practice::{Practice, Trace, TraceFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::Caller;
use crate::ask::{Asked, time, within};
use crate::problem::{Answer, Problem};
use crate::shapes;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lines {
    /// The author's whole name.
    author: Option<String>,
    /// The word of the act.
    act: Option<String>,
    /// One document's life line.
    document: Option<String>,
    /// The mailbox's address.
    mailbox: Option<String>,
    /// How it ended: `done`, `refused`, `failed`, `unknown`.
    outcome: Option<String>,
    /// Not before.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// Before.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
    /// The `next` of the page before.
    after: Option<u64>,
    /// How many at most (100 where left out); of no effect on an export.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
}

impl Lines {
    fn filter(&self) -> Answer<TraceFilter> {
        let outcome = self.outcome.as_deref().map(|word| {
            serde_json::from_value(word.into()).map_err(|_| {
                let next = "Use done, refused, failed or unknown.";
                Problem::bad("outcome", format!("{word:?} is no outcome"), next)
            })
        });
        Ok(TraceFilter {
            author: self.author.clone(),
            act: self.act.clone(),
            document: self.document.as_deref().map(|key| shapes::key("document", key)).transpose()?,
            mailbox: self.mailbox.clone(),
            outcome: outcome.transpose()?,
            from: time("from", self.from.as_deref())?,
            until: time("until", self.until.as_deref())?,
        })
    }
}

/// Lines of the trace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Traces {
    /// The newest first.
    #[schema(value_type = Vec<shapes::Trace>)]
    traces: Vec<Trace>,
    /// What to ask the next page with as `after`; null after the last.
    next: Option<u64>,
}

/// Searches the trace
#[utoipa::path(get, path = "/traces", tag = "traces", params(Lines), responses((status = 200, description = "The lines that match", body = Traces)))]
pub(crate) async fn list(caller: Caller, Asked(query): Asked<Lines>) -> Answer<Json<Traces>> {
    let limit = within("limit", query.limit.unwrap_or(100), 1..=1_000)?;
    let traces = caller.house.practice.traces(&query.filter()?, query.after, limit).await?;
    let next = if traces.len() == limit { traces.last().map(|line| line.seq) } else { None };
    Ok(Json(Traces { traces, next }))
}

/// Exports the trace
///
/// CSV in UTF-8 with semicolons and local times, the newest line first; streamed, whatever its length.
#[utoipa::path(get, path = "/traces.csv", tag = "traces", params(Lines), responses((status = 200, description = "The lines that match", body = String, content_type = "text/csv")))]
pub(crate) async fn csv(caller: Caller, Asked(query): Asked<Lines>) -> Answer<Response> {
    let filter = query.filter()?;
    // The first piece before the headers: what fails at once is a problem, not a broken download.
    let first = caller.house.practice.traces_csv(&filter, query.after).await?;
    let rest = Export { practice: caller.house.practice.clone(), filter, next: first.next };
    let head = stream::once(async move { Ok::<_, practice::Error>(Bytes::from(first.text)) });
    let tail = stream::try_unfold(rest, Export::piece);
    let body = HttpBody::from_stream(futures_util::StreamExt::chain(head, tail));
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"traces.csv\""),
    ];
    Ok((headers, body).into_response())
}

struct Export {
    practice: Practice,
    filter: TraceFilter,
    next: Option<u64>,
}

impl Export {
    async fn piece(mut self) -> Result<Option<(Bytes, Self)>, practice::Error> {
        let Some(after) = self.next else { return Ok(None) };
        let piece = self.practice.traces_csv(&self.filter, Some(after)).await?;
        self.next = piece.next;
        Ok(Some((Bytes::from(piece.text), self)))
    }
}

/// What a check of the chain found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Chain {
    /// Lines that were read.
    lines: u64,
    /// The last line that has left by retention; 0 where none has.
    anchor: u64,
    /// The last line.
    head: u64,
    /// Its chain: noted elsewhere, it proves later that nothing was rewritten.
    head_chain: String,
    /// The first line that does not follow from the one before; null where the chain holds.
    broken: Option<BrokenLine>,
}

/// Where the chain breaks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BrokenLine {
    /// The number of the line.
    seq: u64,
    /// `missing` or `changed`.
    what: String,
}

/// Checks that no line was taken out or changed
#[utoipa::path(get, path = "/traces/chain", tag = "traces", responses((status = 200, description = "What was found", body = Chain)))]
pub(crate) async fn chain(caller: Caller) -> Answer<Json<Chain>> {
    let found = caller.house.practice.verify_chain().await?;
    let broken = found.broken.map(|broken| BrokenLine { seq: broken.seq, what: broken.what.to_owned() });
    Ok(Json(Chain {
        lines: found.lines,
        anchor: found.anchor,
        head: found.head,
        head_chain: found.head_chain,
        broken,
    }))
}
