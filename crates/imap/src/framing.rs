//! Cuts commands out of a stream of bytes, within limits.
//!
//! The tag is found before anything else, so that whatever is wrong with a command its sender is told so under his
//! own tag. The message of an APPEND is never gathered here: the reader stops in front of it and hands it out in
//! pieces. The server owns the buffer, and must look at [`CommandReader::buffered`] before it starts TLS: what
//! came in clear after STARTTLS is never executed (CVE-2011-0411).

use bytes::{Bytes, BytesMut};

use crate::cursor::{Cursor, announced_literal};

/// What the stream holds next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A complete command, literals in place, without its last CR LF.
    Command {
        /// The command.
        bytes: Bytes,
        /// Where the text starts that no [`Frame::Continue`] has shown yet.
        shown: usize,
    },
    /// A synchronising literal within the limits: say `+` and go on.
    Continue {
        /// The command so far, up to and with the announcement, without CR LF.
        bytes: Bytes,
        /// Where the text starts that no earlier [`Frame::Continue`] has shown.
        shown: usize,
    },
    /// An APPEND up to its message. Take the message with [`CommandReader::take_message`], then poll for
    /// [`Frame::AppendEnd`]; or refuse a synchronising one with [`CommandReader::refuse_message`].
    Append {
        /// The command up to and with the announcement, without CR LF.
        bytes: Bytes,
        /// As for [`Frame::Continue`].
        shown: usize,
        /// Octets announced.
        size: u64,
        /// Whether the client waits for `+`.
        synchronising: bool,
    },
    /// What follows the message of an APPEND on its last line: nothing, when all is well.
    AppendEnd(Bytes),
    /// What follows the message of an APPEND where it announces another message (RFC 3502). Go on as after
    /// [`Frame::Append`].
    AppendNext {
        /// The text between the messages, with the announcement, without CR LF.
        bytes: Bytes,
        /// Octets announced.
        size: u64,
        /// Whether the client waits for `+`.
        synchronising: bool,
    },
}

/// A command that the framing refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The command's tag, where it has one.
    pub tag: Option<String>,
    /// Why.
    pub what: FramingError,
    /// Whether the stream cannot be followed any more: answer, then close.
    pub fatal: bool,
}

/// Why the framing refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingError {
    /// More text than the limit (`Limits::imap_line`).
    #[error("a command line is at most {0} octets")]
    LineTooLong(usize),
    /// More literal octets than the limit (`Limits::imap_literals`).
    #[error("the literals of a command are at most {limit} octets together; {announced} were announced")]
    LiteralTooBig {
        /// All announced so far, in octets.
        announced: u64,
        /// The limit.
        limit: u64,
    },
    /// A literal that the client sends without waiting, where it may not.
    #[error("a literal of {size} octets was sent without waiting; {}", allowed(*.limit))]
    NotWaiting {
        /// Announced, in octets.
        size: u64,
        /// The most that may be sent so; `None` where nothing may.
        limit: Option<u64>,
    },
    /// A line that ends with LF alone.
    #[error("a line ends with CR LF")]
    BareLf,
    /// A NUL in a line (RFC 3501 §9 has it nowhere but in literal8).
    #[error("a line holds no NUL")]
    Nul,
}

fn allowed(limit: Option<u64>) -> String {
    match limit {
        Some(limit) => format!("at most {limit} octets may be (LITERAL-, RFC 7888 §5)"),
        None => "this server offers no LITERAL+ (RFC 7888)".into(),
    }
}

/// The reader of a server.
#[derive(Debug)]
pub struct CommandReader {
    buffer: BytesMut,
    /// Octets of `buffer` already searched for a line end.
    searched: usize,
    /// The command in progress: lines and literals already complete.
    command: BytesMut,
    shown: usize,
    text: usize,
    literals: u64,
    state: State,
    max_line: usize,
    max_literals: u64,
    unwaited: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Line,
    Literal(u64),
    Message(u64),
    AfterMessage,
}

impl CommandReader {
    /// A reader with its limits, in octets: text of one command, and its literals together (APPEND's message apart).
    pub fn new(max_line: usize, max_literals: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            searched: 0,
            command: BytesMut::new(),
            shown: 0,
            text: 0,
            literals: 0,
            state: State::Line,
            max_line,
            max_literals: max_literals as u64,
            unwaited: Some(u64::MAX),
        }
    }

    /// How large a literal may be that is sent without waiting (`{n+}`): any where LITERAL+ is offered, 4 096 octets
    /// where LITERAL- is, none where neither is (RFC 7888). A larger one is refused, and ends the connection: what
    /// follows cannot be told from commands.
    pub fn limit_unwaited(&mut self, limit: Option<u64>) {
        self.unwaited = limit;
    }

    /// Changes the limit for literals: small before the login, larger after.
    pub fn limit_literals(&mut self, max_literals: usize) {
        self.max_literals = max_literals as u64;
    }

    /// Adds what the socket gave.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Where a socket may read into. Only ever add at the end.
    pub fn space(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Octets received and not yet part of anything returned.
    pub fn buffered(&self) -> usize {
        self.buffer.len() + self.command.len()
    }

    /// Drops everything received so far, and starts anew.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.searched = 0;
        self.restart();
    }

    /// The next frame, or `None` until more bytes come.
    ///
    /// # Errors
    /// [`Refused`]: the command breaks a limit or a rule of framing.
    pub fn poll(&mut self) -> Result<Option<Frame>, Refused> {
        loop {
            match self.state {
                State::Literal(left) => {
                    let now = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
                    let piece = self.buffer.split_to(now);
                    self.command.extend_from_slice(&piece);
                    let left = left - now as u64;
                    self.state = if left == 0 { State::Line } else { State::Literal(left) };
                    if left > 0 {
                        return Ok(None);
                    }
                }
                State::Message(0) => self.state = State::AfterMessage,
                State::Message(_) => return Ok(None),
                State::AfterMessage => {
                    let Some(line) = self.line()? else { return Ok(None) };
                    let Some((size, plus)) = announced_literal(&line) else {
                        self.restart();
                        return Ok(Some(Frame::AppendEnd(line)));
                    };
                    if plus && self.unwaited.is_none_or(|limit| size > limit) {
                        return Err(
                            self.refused(FramingError::NotWaiting { size, limit: self.unwaited }, true)
                        );
                    }
                    self.state = State::Message(size);
                    return Ok(Some(Frame::AppendNext { bytes: line, size, synchronising: !plus }));
                }
                State::Line => {
                    let Some(line) = self.line()? else { return Ok(None) };
                    if let Some(frame) = self.after_line(&line)? {
                        return Ok(Some(frame));
                    }
                }
            }
        }
    }

    /// One line as it is, without its line end: a SASL response, or `DONE`. `None` until it is complete.
    ///
    /// # Errors
    /// [`Refused`] where it is longer than `limit`, CR LF included (always fatal), or ends badly.
    pub fn poll_line(&mut self, limit: usize) -> Result<Option<Bytes>, Refused> {
        let usual = std::mem::replace(&mut self.max_line, limit);
        let line = self.line();
        self.max_line = usual;
        self.restart();
        line
    }

    /// The next octets of an APPEND's message; empty when more must be received, or when it is complete.
    pub fn take_message(&mut self) -> Bytes {
        let State::Message(left) = self.state else { return Bytes::new() };
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
        self.state = State::Message(left - now as u64);
        self.searched = 0;
        self.buffer.split_to(now).freeze()
    }

    /// Octets of the message still to come.
    pub fn message_left(&self) -> u64 {
        if let State::Message(left) = self.state { left } else { 0 }
    }

    /// Gives up the message of a synchronising APPEND: the client, told NO, will not send it (RFC 3501 §4.3).
    pub fn refuse_message(&mut self) {
        self.restart();
    }

    /// Cuts one line out of the buffer.
    fn line(&mut self) -> Result<Option<Bytes>, Refused> {
        let found = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n');
        let end = found.map(|offset| self.searched + offset + 1);
        let length = end.unwrap_or(self.buffer.len());
        if self.text + length > self.max_line {
            return Err(self.refused(FramingError::LineTooLong(self.max_line), true));
        }
        let Some(end) = end else {
            self.searched = self.buffer.len();
            return Ok(None);
        };
        self.searched = 0;
        self.text += end;
        let raw = self.buffer.split_to(end).freeze();
        let Some(line) = raw.strip_suffix(b"\r\n") else {
            self.command.extend_from_slice(&raw);
            return Err(self.refused(FramingError::BareLf, false));
        };
        if line.contains(&0) {
            self.command.extend_from_slice(line);
            return Err(self.refused(FramingError::Nul, false));
        }
        Ok(Some(raw.slice_ref(line)))
    }

    fn after_line(&mut self, line: &Bytes) -> Result<Option<Frame>, Refused> {
        self.command.extend_from_slice(line);
        let Some((size, plus)) = announced_literal(line) else {
            let bytes = std::mem::take(&mut self.command).freeze();
            let shown = self.shown;
            self.restart();
            return Ok(Some(Frame::Command { bytes, shown }));
        };
        if plus && self.unwaited.is_none_or(|limit| size > limit) {
            return Err(self.refused(FramingError::NotWaiting { size, limit: self.unwaited }, true));
        }
        let bytes = Bytes::copy_from_slice(&self.command);
        let shown = self.shown;
        if is_message_of_append(&bytes) {
            self.state = State::Message(size);
            self.command.clear();
            return Ok(Some(Frame::Append { bytes, shown, size, synchronising: !plus }));
        }
        self.literals = self.literals.saturating_add(size);
        if self.literals > self.max_literals {
            let what = FramingError::LiteralTooBig { announced: self.literals, limit: self.max_literals };
            // Who waits for `+` will not send it; who does not wait cannot be followed any more.
            return Err(self.refused(what, plus));
        }
        self.command.extend_from_slice(b"\r\n");
        self.state = State::Literal(size);
        if plus {
            return Ok(None);
        }
        // The next text to show comes after the literal.
        self.shown = self.command.len() + usize::try_from(size).unwrap_or(0);
        Ok(Some(Frame::Continue { bytes, shown }))
    }

    fn refused(&mut self, what: FramingError, fatal: bool) -> Refused {
        let start = if self.command.is_empty() { &self.buffer } else { &self.command };
        let tag = tag_of(start).map(str::to_owned);
        self.restart();
        if fatal {
            self.buffer.clear();
            self.searched = 0;
        }
        Refused { tag, what, fatal }
    }

    fn restart(&mut self) {
        self.command.clear();
        (self.shown, self.text, self.literals) = (0, 0, 0);
        self.state = State::Line;
    }
}

/// The tag at the start of a command, if it has one (RFC 3501 §9: no `+`, at least one character).
pub fn tag_of(command: &[u8]) -> Option<&str> {
    let end = command.iter().position(|&byte| matches!(byte, b' ' | b'\r' | b'\n')).unwrap_or(command.len());
    let tag = &command[..end];
    let good = |byte: &u8| byte.is_ascii_graphic() && !b"(){%*\"\\+".contains(byte);
    if tag.is_empty() || tag.len() > 64 || !tag.iter().all(good) {
        return None;
    }
    std::str::from_utf8(tag).ok()
}

/// The text of a command or response from `from` on, with each literal's octets left out and its announcement kept:
/// what a transcript shows.
pub fn without_literals(bytes: &[u8], from: usize) -> String {
    let mut out = Vec::new();
    let mut rest = bytes.get(from..).unwrap_or_default();
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let line = &rest[..end];
        out.extend_from_slice(line);
        let skip = announced_literal(line).map_or(0, |(size, _)| usize::try_from(size).unwrap_or(usize::MAX));
        rest = rest.get((end + 2).saturating_add(skip)..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether the literal at the end of this command is an APPEND's message: its mailbox is already there.
fn is_message_of_append(command: &[u8]) -> bool {
    let mut cursor = Cursor::new(command);
    cursor.take_while(|byte| byte != b' ');
    cursor.eat(b' ')
        && cursor.eat_word("APPEND")
        && cursor.eat(b' ')
        && cursor.astring().is_ok()
        && cursor.eat(b' ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reader(bytes: &[u8]) -> CommandReader {
        let mut reader = CommandReader::new(200, 100);
        reader.push(bytes);
        reader
    }

    fn command(bytes: &'static [u8]) -> Frame {
        Frame::Command { bytes: Bytes::from_static(bytes), shown: 0 }
    }

    #[test]
    fn commands_are_cut_one_by_one() {
        let mut reader = reader(b"a1 NOOP\r\na2 LOGIN {3+}\r\nbob {2+}\r\npw\r\na3 CAP");
        assert_eq!(reader.poll(), Ok(Some(command(b"a1 NOOP"))));
        assert_eq!(reader.poll(), Ok(Some(command(b"a2 LOGIN {3+}\r\nbob {2+}\r\npw"))));
        assert_eq!(reader.poll(), Ok(None));
        assert_eq!(reader.buffered(), 6);
    }

    #[test]
    fn a_synchronising_literal_waits_for_its_plus() {
        let mut reader = reader(b"a2 SELECT {5}\r\n");
        let bytes = Bytes::from_static(b"a2 SELECT {5}");
        assert_eq!(reader.poll(), Ok(Some(Frame::Continue { bytes, shown: 0 })));
        assert_eq!(reader.poll(), Ok(None));
        reader.push(b"INB");
        assert_eq!(reader.poll(), Ok(None));
        reader.push(b"OX\r\n");
        let bytes = Bytes::from_static(b"a2 SELECT {5}\r\nINBOX");
        assert_eq!(reader.poll(), Ok(Some(Frame::Command { bytes, shown: 20 })));
    }

    #[test]
    fn the_message_of_an_append_is_handed_out_in_pieces() {
        let mut reader = reader(b"a APPEND {5+}\r\nINBOX (\\Seen) {6}\r\n");
        let Ok(Some(Frame::Append { size: 6, synchronising: true, .. })) = reader.poll() else { panic!() };
        assert_eq!(reader.poll(), Ok(None));
        reader.push(b"abc");
        assert_eq!(&reader.take_message()[..], b"abc");
        reader.push(b"def\r\nb NOOP\r\n");
        assert_eq!(&reader.take_message()[..], b"def");
        assert_eq!(reader.poll(), Ok(Some(Frame::AppendEnd(Bytes::new()))));
        assert_eq!(reader.poll(), Ok(Some(command(b"b NOOP"))));
    }

    #[test]
    fn several_messages_of_an_append_come_one_after_the_other() {
        let mut reader = reader(b"A003 APPEND x (\\Seen) {3}\r\none (\\Flagged) {3+}\r\ntwo\r\nb NOOP\r\n");
        let Ok(Some(Frame::Append { size: 3, synchronising: true, .. })) = reader.poll() else { panic!() };
        assert_eq!(&reader.take_message()[..], b"one");
        let bytes = Bytes::from_static(b" (\\Flagged) {3+}");
        assert_eq!(reader.poll(), Ok(Some(Frame::AppendNext { bytes, size: 3, synchronising: false })));
        assert_eq!(&reader.take_message()[..], b"two");
        assert_eq!(reader.poll(), Ok(Some(Frame::AppendEnd(Bytes::new()))));
        assert_eq!(reader.poll(), Ok(Some(command(b"b NOOP"))));
    }

    #[test]
    fn limits_are_refused_under_the_commands_own_tag() {
        let mut long = reader(b"a9 NOOP ");
        long.push(&[b'x'; 200]);
        let refused = long.poll().unwrap_err();
        assert_eq!((refused.tag.as_deref(), refused.fatal), (Some("a9"), true));
        assert_eq!(refused.what, FramingError::LineTooLong(200));

        let mut literal = reader(b"b1 SELECT {101}\r\nb2 NOOP\r\n");
        let refused = literal.poll().unwrap_err();
        assert_eq!((refused.tag.as_deref(), refused.fatal), (Some("b1"), false));
        assert_eq!(literal.poll(), Ok(Some(command(b"b2 NOOP"))));

        let refused = reader(b"c1 SELECT {99999999999999999999+}\r\n").poll().unwrap_err();
        assert_eq!((refused.tag.as_deref(), refused.fatal), (Some("c1"), true));
    }

    #[test]
    fn literals_sent_without_waiting_are_as_large_as_is_offered() {
        for (limit, wire, good) in [
            (Some(5), &b"a SELECT {5+}\r\nINBOX\r\n"[..], true),
            (Some(4), b"a SELECT {5+}\r\nINBOX\r\n", false),
            (None, b"a SELECT {0+}\r\n\r\n", false),
            (None, b"a SELECT {5}\r\n", true),
            (Some(4), b"a APPEND x {5+}\r\nabcde\r\n", false),
        ] {
            let mut reader = reader(wire);
            reader.limit_unwaited(limit);
            let got = reader.poll();
            assert_eq!(got.is_ok(), good, "{}", String::from_utf8_lossy(wire));
            if let Err(refused) = got {
                assert_eq!((refused.tag.as_deref(), refused.fatal), (Some("a"), true));
            }
        }
    }

    #[test]
    fn a_bare_lf_ends_no_command() {
        let mut reader = reader(b"a1 NOOP\na2 NOOP\r\n");
        let refused = reader.poll().unwrap_err();
        assert_eq!((refused.tag.as_deref(), refused.what), (Some("a1"), FramingError::BareLf));
        assert_eq!(reader.poll(), Ok(Some(command(b"a2 NOOP"))));
    }

    #[test]
    fn transcripts_show_no_literal() {
        assert_eq!(without_literals(b"a LOGIN {3+}\r\nbob {2+}\r\npw", 0), "a LOGIN {3+} {2+}");
        assert_eq!(without_literals(b"a LOGIN {3}\r\nbob {2}\r\npw", 16), " {2}");
        assert_eq!(without_literals(b"a APPEND x {9}", 0), "a APPEND x {9}");
    }

    proptest! {
        #[test]
        fn any_cut_of_the_stream_gives_the_same_frames(cuts in proptest::collection::vec(1usize..9, 0..40)) {
            let stream = b"a1 NOOP\r\na2 SELECT {5+}\r\nINBOX\r\na3 APPEND x {3+}\r\nabc\r\na4 \nfoo\r\na5 NOOP\r\n";
            let run = |cuts: &[usize]| {
                let mut reader = CommandReader::new(200, 100);
                let (mut seen, mut message, mut rest) = (Vec::new(), Vec::new(), &stream[..]);
                let mut cuts = cuts.iter();
                loop {
                    match reader.poll() {
                        Ok(Some(frame)) => seen.push(format!("{frame:?}")),
                        Err(refused) => seen.push(format!("{refused:?}")),
                        Ok(None) => {
                            let piece = reader.take_message();
                            message.extend_from_slice(&piece);
                            if !piece.is_empty() { continue; }
                            if rest.is_empty() { break; }
                            let now = (*cuts.next().unwrap_or(&1000)).min(rest.len());
                            reader.push(&rest[..now]);
                            rest = &rest[now..];
                        }
                    }
                }
                (seen, message)
            };
            prop_assert_eq!(run(&cuts), run(&[]));
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut reader = reader(&bytes);
            for _ in 0..100 {
                match reader.poll() {
                    Ok(None) => { reader.take_message(); break }
                    Ok(Some(_)) => {}
                    Err(refused) if refused.fatal => break,
                    Err(_) => {}
                }
            }
        }
    }
}
