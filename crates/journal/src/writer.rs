use std::sync::Arc;

use db::{BoxFuture, Error, Insert, Tx};
use kernel::Timestamp;
use tokio::sync::broadcast;
use wire::{ConnectionId, Event, Fact, Service};

static EVENT: Insert = Insert::new("INSERT INTO event (seq, at_us, connection, service, fact)", 5);

/// What a tap hands over at once: facts of one connection, in order.
pub(crate) struct Page {
    pub(crate) connection: ConnectionId,
    pub(crate) service: Service,
    pub(crate) entries: Vec<Entry>,
}

/// A dated fact, and its text for the table (made by the connection's task rather than by the only writer).
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    pub(crate) fact: Fact,
    pub(crate) json: String,
}

/// Writes pages; the reply is the `seq` of the page's first event.
#[derive(Debug)]
pub(crate) struct JournalApplier {
    stream: broadcast::Sender<Arc<Event>>,
}

impl JournalApplier {
    pub(crate) fn new(stream: broadcast::Sender<Arc<Event>>) -> Self {
        Self { stream }
    }
}

impl db::Applier for JournalApplier {
    type Item = Page;
    type Reply = i64;

    fn apply<'a>(&'a self, tx: &'a mut Tx, pages: &'a [Page]) -> BoxFuture<'a, Result<Vec<i64>, Error>> {
        Box::pin(async move {
            let total: usize = pages.iter().map(|page| page.entries.len()).sum();
            let first = db::reserve(tx, "event", i64::try_from(total).unwrap_or(i64::MAX)).await?;
            let mut starts = Vec::with_capacity(pages.len());
            let mut rows = Vec::with_capacity(total);
            let mut seq = first;
            for page in pages {
                starts.push(seq);
                for entry in &page.entries {
                    rows.push((seq, page, entry));
                    seq += 1;
                }
            }
            EVENT
                .run(tx, &rows, |values, (seq, page, entry)| {
                    values
                        .int(*seq)
                        .int(entry.at.as_microsecond())
                        .int(page.connection.0)
                        .text(page.service.name())
                        .text(entry.json.as_str())
                })
                .await?;
            Ok(starts)
        })
    }

    fn committed(&self, pages: &[Page], starts: &[i64]) {
        if self.stream.receiver_count() == 0 {
            return;
        }
        for (page, start) in pages.iter().zip(starts) {
            for (seq, entry) in (*start..).zip(&page.entries) {
                let event = Event {
                    seq,
                    at: entry.at,
                    connection: page.connection,
                    service: page.service,
                    fact: entry.fact.clone(),
                };
                // Fails where the last reader has just gone.
                let _ = self.stream.send(Arc::new(event));
            }
        }
    }
}
