use journal::Tap;
use smtp::Response;
use wire::{Direction, Fact};

/// The journal's pen of one connection, which always writes the last word: [`Fact::Closed`].
pub(crate) struct Pen {
    tap: Tap,
    closed: bool,
}

impl Pen {
    pub(crate) fn new(tap: Tap) -> Self {
        Self { tap, closed: false }
    }

    pub(crate) fn record(&mut self, fact: Fact) {
        self.tap.record(fact);
    }

    pub(crate) fn violation(&mut self, what: impl Into<String>) {
        self.tap.record(Fact::Violation { what: what.into() });
    }

    /// A line of the client's; `secret` hides all of it.
    pub(crate) fn client(&mut self, text: &str, secret: bool) {
        self.tap.line(Direction::Client, text, secret);
    }

    pub(crate) fn server(&mut self, response: &Response) {
        for line in response.each_line() {
            self.tap.line(Direction::Server, &line, false);
        }
    }

    /// A line that is said as it is.
    pub(crate) fn server_line(&mut self, line: &str) {
        self.tap.line(Direction::Server, line, false);
    }

    /// Hands what was written to the journal, without waiting.
    pub(crate) fn flush(&mut self) {
        self.tap.flush();
    }

    /// Returns when the journal is not far behind.
    pub(crate) async fn ready(&self) {
        self.tap.ready().await;
    }

    /// Moves what was written into `unit`, to be committed with it.
    pub(crate) fn take_into(&mut self, unit: &mut db::Unit) {
        self.tap.take_into(unit);
    }

    pub(crate) fn close(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.closed, true) {
            self.tap.record(Fact::Closed { reason: reason.to_owned() });
            self.tap.flush();
        }
    }
}

impl Drop for Pen {
    /// A connection whose task was ended from outside is closed all the same.
    fn drop(&mut self) {
        self.close("error: ended by the server");
    }
}
