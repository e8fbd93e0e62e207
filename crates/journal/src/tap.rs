use std::sync::Arc;

use kernel::Timestamp;
use wire::{ConnectionId, Direction, Fact, Service};

use crate::Shared;
use crate::writer::{Entry, Page};

/// Facts kept back at most before they are handed over unasked: bounds the memory of a server that forgets to.
const KEPT: usize = 256;

/// One connection's pen. Facts are buffered until [`Tap::flush`] (handed to the writer, not waited for) or
/// [`Tap::take_into`] (committed with something else). Dropping a tap flushes it.
#[derive(Debug)]
pub struct Tap {
    shared: Arc<Shared>,
    connection: ConnectionId,
    service: Service,
    entries: Vec<Entry>,
}

impl Tap {
    pub(crate) fn new(shared: Arc<Shared>, connection: ConnectionId, service: Service) -> Self {
        Self { shared, connection, service, entries: Vec::new() }
    }

    /// The connection's number.
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// States a fact, dated now.
    pub fn record(&mut self, fact: Fact) {
        self.record_at(self.shared.clock.now(), fact);
    }

    /// States a fact that was seen at `at`.
    pub fn record_at(&mut self, at: Timestamp, fact: Fact) {
        let json = serde_json::to_string(&fact).expect("a fact is plain data with text keys");
        self.entries.push(Entry { at, fact, json });
        if self.entries.len() >= KEPT {
            self.flush();
        }
    }

    /// States a protocol line; `sasl` says that the whole line is a SASL response. Masked here (`wire::mask_line`).
    pub fn line(&mut self, direction: Direction, text: &str, sasl: bool) {
        self.record(Fact::Line { direction, text: wire::mask_line(text, sasl) });
    }

    /// Hands what is buffered to the writer without waiting. Committed before whatever is handed over later.
    pub fn flush(&mut self) {
        let mut unit = db::Unit::new();
        self.take_into(&mut unit);
        self.shared.db.submit(unit);
    }

    /// Moves what is buffered into `unit`, to be committed with it.
    pub fn take_into(&mut self, unit: &mut db::Unit) {
        if self.entries.is_empty() {
            return;
        }
        let entries = std::mem::take(&mut self.entries);
        let page = Page { connection: self.connection, service: self.service, entries };
        let _ = unit.push(&self.shared.handle, page);
    }

    /// Returns when the writer is not far behind. A server that flushes without ever committing waits here once per
    /// command, so that a client cannot pile up events faster than the disk takes them.
    pub async fn ready(&self) {
        self.shared.db.ready().await;
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.flush();
    }
}
