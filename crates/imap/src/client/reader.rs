use bytes::{Buf, BytesMut};

use super::{Response, Untagged};
use crate::ParseError;
use crate::cursor::announced_literal;

/// Cuts responses out of what the server sends, literals included, within limits.
#[derive(Debug)]
pub struct ResponseReader {
    buffer: BytesMut,
    /// How much of `buffer` is known to belong to the response in progress.
    scanned: usize,
    line_start: usize,
    max_text: usize,
    max_literals: u64,
    text: usize,
    literals: u64,
    /// Longest literal that is kept, and longest that is read and thrown away.
    max_kept: u64,
    max_left_out: u64,
    /// Octets still to be thrown away.
    skipping: u64,
    /// The longest that was thrown away in the response in progress.
    left_out: Option<u64>,
}

/// Why the stream can no longer be read. The connection is of no use after that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// More text in one response than the limit.
    #[error("the server sent a response of more than {0} octets outside literals")]
    TooLong(usize),
    /// More literal octets in one response than the limit.
    #[error("the server announced {announced} octets of literals in one response; the limit is {limit}")]
    TooBig {
        /// What was announced, in octets.
        announced: u64,
        /// The limit.
        limit: u64,
    },
    /// Not IMAP.
    #[error("the server's response cannot be read: {0}")]
    Grammar(#[from] ParseError),
}

impl Default for ResponseReader {
    /// 1 MiB of text and 64 MiB of literals in one response: above what the sandbox's own limits let through.
    fn default() -> Self {
        Self::new(1024 * 1024, 64 * 1024 * 1024)
    }
}

impl ResponseReader {
    /// A reader with its limits, in octets for one response.
    pub fn new(max_text: usize, max_literals: u64) -> Self {
        Self {
            buffer: BytesMut::new(),
            scanned: 0,
            line_start: 0,
            max_text,
            max_literals,
            text: 0,
            literals: 0,
            max_kept: u64::MAX,
            max_left_out: 0,
            skipping: 0,
            left_out: None,
        }
    }

    /// Literals of more than `kept` octets are read and thrown away, up to `most` octets each: the response then has NIL in
    /// their place, and [`super::Fetched::left_out`] says so. One message that is too big does not cost the connection.
    #[must_use]
    pub fn leaving_out(mut self, kept: u64, most: u64) -> Self {
        self.leave_out_above(kept, most);
        self
    }

    /// The same for a reader at work: from the next literal on.
    pub fn leave_out_above(&mut self, kept: u64, most: u64) {
        (self.max_kept, self.max_left_out) = (kept, most);
    }

    /// Adds what the socket gave.
    pub fn push(&mut self, bytes: &[u8]) {
        let skipped = bytes.len().min(usize::try_from(self.skipping).unwrap_or(usize::MAX));
        self.skipping -= skipped as u64;
        self.buffer.extend_from_slice(&bytes[skipped..]);
    }

    /// Octets that are not part of a response already returned. Must be 0 when TLS starts: what a server (or
    /// somebody in between) sent in clear after `OK` to STARTTLS must never be believed.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next complete response, or `None` until more bytes come.
    ///
    /// # Errors
    /// [`ReadError`]: the limits, or bytes that are not IMAP.
    pub fn poll(&mut self) -> Result<Option<Response>, ReadError> {
        loop {
            let Some(offset) =
                self.buffer.get(self.scanned..).and_then(|rest| rest.iter().position(|&b| b == b'\n'))
            else {
                if self.text + self.buffer.len().saturating_sub(self.line_start) > self.max_text {
                    return Err(ReadError::TooLong(self.max_text));
                }
                // What was looked at need not be looked at again, unless a literal is still to come.
                self.scanned = self.scanned.max(self.buffer.len());
                return Ok(None);
            };
            let end = self.scanned + offset + 1;
            self.text += end - self.line_start;
            if self.text > self.max_text {
                return Err(ReadError::TooLong(self.max_text));
            }
            let line = &self.buffer[self.line_start..end];
            let line = line.strip_suffix(b"\r\n").unwrap_or(&line[..line.len() - 1]);
            if let Some((length, _)) = announced_literal(line) {
                if length > self.max_kept {
                    self.leave_out(end, length)?;
                    continue;
                }
                self.literals = self.literals.saturating_add(length);
                if self.literals > self.max_literals {
                    return Err(ReadError::TooBig { announced: self.literals, limit: self.max_literals });
                }
                // Below the limit, so it fits: the limit is given in memory sizes.
                self.line_start = end + usize::try_from(length).unwrap_or(usize::MAX - end);
                self.scanned = self.line_start;
                continue;
            }
            let text_end = self.line_start + line.len();
            let whole = self.buffer.split_to(end).freeze();
            if self.buffer.is_empty() {
                self.buffer = BytesMut::new(); // a connection that waits holds no memory of its last big message
            }
            (self.scanned, self.line_start, self.text, self.literals) = (0, 0, 0, 0);
            let left_out = self.left_out.take();
            let mut response = Response::parse(&whole.slice(..text_end))?;
            if let Response::Untagged(Untagged::Fetch(fetched)) = &mut response {
                fetched.left_out = left_out;
            }
            return Ok(Some(response));
        }
    }

    /// Puts NIL where a literal is announced at the end of the line that ends at `end`, and throws its octets away.
    fn leave_out(&mut self, end: usize, length: u64) -> Result<(), ReadError> {
        if length > self.max_left_out {
            return Err(ReadError::TooBig { announced: length, limit: self.max_left_out });
        }
        let rest = self.buffer.split_off(end);
        let open = self.buffer.iter().rposition(|&byte| byte == b'{').unwrap_or(self.line_start);
        let open = if open > self.line_start && self.buffer[open - 1] == b'~' { open - 1 } else { open };
        self.buffer.truncate(open);
        self.buffer.extend_from_slice(b"NIL");
        // The line goes on behind it: its octets are counted when it ends.
        self.text -= end - self.line_start;
        self.scanned = self.buffer.len();
        self.skipping = length;
        self.left_out = self.left_out.max(Some(length));
        self.push(&rest);
        Ok(())
    }

    /// Forgets everything that is buffered, and says how much it was.
    pub fn clear(&mut self) -> usize {
        let len = self.buffer.len();
        self.buffer.advance(len);
        (self.scanned, self.line_start, self.text, self.literals) = (0, 0, 0, 0);
        (self.skipping, self.left_out) = (0, None);
        len
    }
}
