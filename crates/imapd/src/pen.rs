use imap::framing::without_literals;
use journal::Tap;
use wire::{Direction, Fact};

/// Response lines of one command that are kept; a FETCH of ten thousand messages need not fill the journal.
const MOST_LINES: usize = 400;
/// In a line that is no command, longer words are hidden: it may be a token that a client sent at the wrong moment.
const LONGEST_WORD: usize = 40;

/// The journal's pen of one connection, which always writes the last word: [`Fact::Closed`].
pub(crate) struct Pen {
    tap: Tap,
    lines: usize,
    closed: bool,
}

impl Pen {
    pub(crate) fn new(tap: Tap) -> Self {
        Self { tap, lines: 0, closed: false }
    }

    pub(crate) fn record(&mut self, fact: Fact) {
        self.tap.record(fact);
    }

    pub(crate) fn violation(&mut self, what: impl Into<String>) {
        self.tap.record(Fact::Violation { what: what.into() });
    }

    /// What the client wrote of a command, from `shown` on; literals are counted, not copied.
    pub(crate) fn command(&mut self, bytes: &[u8], shown: usize) {
        let text = without_literals(bytes, shown);
        if shown == 0 {
            self.tap.line(Direction::Client, &presentable(&text), false);
        } else {
            let head = presentable(&without_literals(bytes, 0)).to_ascii_uppercase();
            let secret = head.split(' ').take(3).any(is_login);
            self.tap.line(Direction::Client, &text, secret);
        }
    }

    /// A line of a SASL exchange.
    pub(crate) fn sasl(&mut self, direction: Direction, text: &str) {
        // A server's `+ ` is not part of the response that is hidden; its challenge holds no secret.
        self.tap.line(direction, text, direction == Direction::Client);
    }

    /// A complete response, without its line end.
    pub(crate) fn response(&mut self, bytes: &[u8]) {
        self.lines += 1;
        if self.lines <= MOST_LINES {
            self.tap.line(Direction::Server, &without_literals(bytes, 0), false);
        }
    }

    /// Whether another response line of this exchange would be kept.
    pub(crate) fn keeps(&self) -> bool {
        self.lines < MOST_LINES
    }

    /// Counts a response line that is not kept.
    pub(crate) fn skip(&mut self) {
        self.lines += 1;
    }

    /// Ends an exchange: hands what was written to the journal, without waiting.
    pub(crate) fn flush(&mut self) {
        if self.lines > MOST_LINES {
            let text = format!("{} further response lines are not kept", self.lines - MOST_LINES);
            self.tap.record(Fact::Note { text });
        }
        self.lines = 0;
        self.tap.flush();
    }

    /// Moves what was written into `unit`, to be committed with it.
    pub(crate) fn take_into(&mut self, unit: &mut db::Unit) {
        self.tap.take_into(unit);
    }

    pub(crate) fn close(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.closed, true) {
            self.tap.record(Fact::Closed { reason: reason.to_owned() });
            self.flush();
        }
    }
}

impl Drop for Pen {
    /// A connection whose task was ended from outside is closed all the same.
    fn drop(&mut self) {
        self.close("error: ended by the server");
    }
}

fn is_login(word: &str) -> bool {
    ["LOGIN", "AUTHENTICATE", "AUTH"].iter().any(|verb| word.eq_ignore_ascii_case(verb))
}

/// A client's line in a shape in which `wire::mask_line` finds what it must hide, or with it hidden already.
fn presentable(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.iter().take(4).position(|word| is_login(word)) {
        // "tag LOGIN user password", "AUTH mechanism response": as mask_line knows them.
        Some(at) if at == usize::from(!words[at].eq_ignore_ascii_case("AUTH")) => words.join(" "),
        Some(at) => {
            let keep = (at + 2).min(words.len());
            let rest = words[keep..].join(" ");
            let hidden = if rest.is_empty() { rest } else { format!(" [{} octets masqués]", rest.len()) };
            format!("{}{hidden}", words[..keep].join(" "))
        }
        None if imap::command::parse(text.as_bytes()).is_ok() || text.ends_with('}') => text.to_owned(),
        None => words.iter().map(|word| short(word)).collect::<Vec<_>>().join(" "),
    }
}

fn short(word: &str) -> String {
    if word.len() > LONGEST_WORD { format!("[{} octets masqués]", word.len()) } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_way_of_writing_a_login_shows_its_secret() {
        let token = "dXNlcj1kci50ZXN0QG1lZGVjaW4ubXNzYW50ZS5mcgFhdXRoPUJlYXJlciBhYmMBAQ==";
        for line in [
            format!("a AUTHENTICATE XOAUTH2 {token}"),
            format!("a  authenticate  XOAUTH2  {token}"),
            format!("AUTHENTICATE XOAUTH2 {token}"),
            format!("a b AUTHENTICATE XOAUTH2 {token}"),
            format!("AUTH XOAUTH2 {token}"),
            format!("a AUTH XOAUTH2 {token}"),
            format!("a LOGIN bob {token}"),
            format!("LOGIN bob {token}"),
            format!("  a LOGIN bob {token}"),
            format!("a\tLOGIN bob {token}"),
            token.to_owned(),
            format!("x {token}"),
        ] {
            let kept = wire::mask_line(&presentable(&line), false);
            assert!(!kept.contains(&token[..30]), "{line} is kept as {kept}");
        }
        assert_eq!(presentable("a1 SELECT  INBOX"), "a1 SELECT INBOX");
        assert_eq!(presentable("a APPEND \"a  b\" {310}"), "a APPEND \"a  b\" {310}");
    }
}
