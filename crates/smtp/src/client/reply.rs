use std::fmt;

/// Longest reply line that is accepted, CR LF included. RFC 5321 §4.5.3.1.5 gives 512; SASL challenges are longer
/// (RFC 4954 §4: 12 288).
const LONGEST_LINE: usize = 12_288;

/// Most lines of one reply. An EHLO reply of a real operator has about fifteen.
const MOST_LINES: usize = 256;

/// Cuts replies out of what a server sends.
#[derive(Debug, Default)]
pub struct ReplyReader {
    buffer: Vec<u8>,
    code: Option<u16>,
    enhanced: Option<EnhancedCode>,
    lines: Vec<String>,
}

impl ReplyReader {
    /// A reader at the start of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes as read from the socket, cut anywhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole reply, or `None` where more bytes are needed.
    ///
    /// # Errors
    /// [`ReplyError`], after which the connection is of no use: usually the peer is not an SMTP server.
    pub fn next_reply(&mut self) -> Result<Option<Reply>, ReplyError> {
        while let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
            if end >= LONGEST_LINE {
                return Err(ReplyError::TooLong);
            }
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            if let Some(reply) = self.take_line(&line)? {
                return Ok(Some(reply));
            }
        }
        if self.buffer.len() >= LONGEST_LINE { Err(ReplyError::TooLong) } else { Ok(None) }
    }

    /// Bytes that were fed and belong to no reply returned yet. Anything but 0 after the reply to STARTTLS was put
    /// there by somebody on the way: give up.
    pub fn buffered(&self) -> usize {
        self.buffer.len() + self.lines.iter().map(|line| line.len() + 6).sum::<usize>()
    }

    fn take_line(&mut self, line: &[u8]) -> Result<Option<Reply>, ReplyError> {
        let line = line.strip_suffix(b"\r\n").ok_or(ReplyError::LineEnd)?;
        let (digits, rest) = line.split_at_checked(3).ok_or(ReplyError::Malformed)?;
        let code = read_code(digits).ok_or(ReplyError::Malformed)?;
        if *self.code.get_or_insert(code) != code {
            return Err(ReplyError::MixedCodes);
        }
        let (last, text) = match rest.split_first() {
            None => (true, rest),
            Some((b' ', text)) => (true, text),
            Some((b'-', text)) => (false, text),
            Some(_) => return Err(ReplyError::Malformed),
        };
        let text = String::from_utf8_lossy(text);
        let (enhanced, text) = EnhancedCode::split(code, &text);
        self.enhanced = self.enhanced.or(enhanced);
        self.lines.push(text.to_owned());
        if self.lines.len() > MOST_LINES {
            return Err(ReplyError::TooLong);
        }
        Ok(last.then(|| Reply {
            code: self.code.take().unwrap_or(code),
            enhanced: self.enhanced.take(),
            lines: std::mem::take(&mut self.lines),
        }))
    }
}

fn read_code(digits: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(digits).ok()?;
    let in_grammar = matches!(digits, [b'2'..=b'5', b'0'..=b'5', b'0'..=b'9']);
    if in_grammar { text.parse().ok() } else { None }
}

/// One reply, multi-line or not (RFC 5321 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The three digits.
    pub code: u16,
    /// The enhanced status code of the first line that has one (RFC 2034).
    pub enhanced: Option<EnhancedCode>,
    /// The text of each line, without code nor enhanced code. At least one, which may be empty.
    pub lines: Vec<String>,
}

impl Reply {
    /// 2xx: done.
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// 3xx: go on (354 after DATA, 334 within AUTH).
    pub fn is_intermediate(&self) -> bool {
        self.code / 100 == 3
    }

    /// 4xx: refused for now; the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        self.code / 100 == 4
    }

    /// 5xx: refused; somebody must change something first.
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// Whether the server closes the connection after this reply (421, RFC 5321 §3.8; 521, RFC 7504).
    pub fn is_closing(&self) -> bool {
        matches!(self.code, 421 | 521)
    }

    /// All lines, joined with a space.
    pub fn text(&self) -> String {
        self.lines.join(" ")
    }

    /// The queue identifier of a final `250`, where the server names it as most do: `queued as 4F2D61A0B3C`.
    pub fn queue_id(&self) -> Option<&str> {
        let line = self.lines.iter().find(|line| line.contains("queued as "))?;
        let (_, after) = line.split_once("queued as ")?;
        after.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().filter(|id| !id.is_empty())
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        write!(f, " {}", self.text())
    }
}

/// An enhanced status code, such as `5.7.8` (RFC 3463).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnhancedCode {
    /// 2, 4 or 5, as the first digit of the reply.
    pub class: u8,
    /// What it is about.
    pub subject: u16,
    /// The detail.
    pub detail: u16,
}

impl EnhancedCode {
    /// Splits `5.7.8 text`; the class must be the one of the reply's code (RFC 2034 §4).
    fn split(code: u16, text: &str) -> (Option<Self>, &str) {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match Self::parse(word).filter(|found| u16::from(found.class) == code / 100) {
            Some(found) => (Some(found), rest),
            None => (None, text),
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let number = |part: &str| {
            let short = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            if short { part.parse::<u16>().ok() } else { None }
        };
        let mut parts = word.split('.');
        let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || !matches!(class, "2" | "4" | "5") {
            return None;
        }
        Some(Self { class: class.parse().ok()?, subject: number(subject)?, detail: number(detail)? })
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// Why what the server sent is not a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// No three digits and a space or a hyphen; usually another protocol on that port.
    #[error("the server's answer is not an SMTP reply")]
    Malformed,
    /// A line that ends with LF alone.
    #[error("a line of the server's reply does not end with CR LF")]
    LineEnd,
    /// A line or a reply past all reason.
    #[error("the server's reply is too long")]
    TooLong,
    /// A multi-line reply with several codes (RFC 5321 §4.2.1 forbids it).
    #[error("the lines of the server's reply have different codes")]
    MixedCodes,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Reply>, ReplyError> {
        let mut reader = ReplyReader::new();
        reader.feed(bytes);
        reader.next_reply()
    }

    #[test]
    fn a_multiline_reply_is_one_reply() {
        let reply = read(b"550-5.7.1 No mail to\r\n550 5.7.1 strangers\r\n").unwrap().unwrap();
        assert_eq!((reply.code, reply.text().as_str()), (550, "No mail to strangers"));
        assert_eq!(reply.enhanced.unwrap().to_string(), "5.7.1");
        assert!(reply.is_permanent() && !reply.is_transient());
    }

    #[test]
    fn a_reply_may_have_no_text() {
        assert_eq!(read(b"250\r\n").unwrap().unwrap().lines, [""]);
        assert_eq!(read(b"334 \r\n").unwrap().unwrap().lines, [""]);
    }

    #[test]
    fn a_text_that_looks_like_an_enhanced_code_of_another_class_stays_text() {
        let reply = read(b"250 5.1.1 is a nice number\r\n").unwrap().unwrap();
        assert_eq!((reply.enhanced, reply.lines[0].as_str()), (None, "5.1.1 is a nice number"));
    }

    #[test]
    fn the_queue_id_is_found() {
        let reply = read(b"250 2.0.0 Ok: queued as 4F2D61A0B3C\r\n").unwrap().unwrap();
        assert_eq!(reply.queue_id(), Some("4F2D61A0B3C"));
        assert_eq!(read(b"250 2.0.0 Ok\r\n").unwrap().unwrap().queue_id(), None);
    }

    #[test]
    fn what_is_left_after_a_reply_is_counted() {
        let mut reader = ReplyReader::new();
        reader.feed(b"220 Go ahead\r\n250 injected\r\n");
        assert_eq!(reader.next_reply().unwrap().unwrap().code, 220);
        assert_eq!(reader.buffered(), 14);
        let mut reader = ReplyReader::new();
        reader.feed(b"220 Go ahead\r\n250-inj");
        reader.next_reply().unwrap();
        assert!(reader.next_reply().unwrap().is_none());
        assert!(reader.buffered() > 0);
    }

    #[test]
    fn rubbish_is_named() {
        assert_eq!(read(b"* OK IMAP4rev1\r\n"), Err(ReplyError::Malformed));
        assert_eq!(read(b"250 ok\n"), Err(ReplyError::LineEnd));
        assert_eq!(read(b"250-a\r\n550 b\r\n"), Err(ReplyError::MixedCodes));
        assert_eq!(read(&[b'2'; 20_000]), Err(ReplyError::TooLong));
        assert_eq!(read(&b"250-x\r\n".repeat(300)), Err(ReplyError::TooLong));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut reader = ReplyReader::new();
            reader.feed(&bytes);
            while let Ok(Some(_)) = reader.next_reply() {}
        }

        #[test]
        fn the_cut_of_the_input_does_not_matter(cut in 0_usize..47) {
            let all = b"250-smtp.example\r\n250-SIZE 10\r\n250 PIPELINING\r\n";
            let mut reader = ReplyReader::new();
            reader.feed(&all[..cut]);
            prop_assert!(reader.next_reply().unwrap().is_none());
            reader.feed(&all[cut..]);
            prop_assert_eq!(reader.next_reply().unwrap().unwrap().lines.len(), 3);
        }
    }
}
