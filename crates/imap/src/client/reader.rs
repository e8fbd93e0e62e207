use bytes::{Buf, BytesMut};

use super::Response;
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
        }
    }

    /// Adds what the socket gave.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
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
            (self.scanned, self.line_start, self.text, self.literals) = (0, 0, 0, 0);
            return Ok(Some(Response::parse(&whole.slice(..text_end))?));
        }
    }

    /// Forgets everything that is buffered, and says how much it was.
    pub fn clear(&mut self) -> usize {
        let len = self.buffer.len();
        self.buffer.advance(len);
        (self.scanned, self.line_start, self.text, self.literals) = (0, 0, 0, 0);
        len
    }
}
