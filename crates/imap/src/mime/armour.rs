//! Messages in a `literal8` (RFC 3516 §4.4) made fit for readers that know nothing of BINARY: no NUL stays.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::header::{fields, parameterised};

/// Octets of one part's header that are looked at; a longer one passes as it is.
const MOST_HEADER: usize = 64 * 1024;
/// Octets of a line that are kept to look for a boundary.
const MOST_LINE: usize = 256;
/// Multiparts inside one another that are followed.
const DEEPEST: usize = 32;
/// Octets of one base64 line, decoded.
const LINE: usize = 57;

/// Rewrites a message as it goes by, in bounded memory: a part whose Content-Transfer-Encoding is `binary` becomes
/// base64, so that BODY[] of it has no NUL (RFC 3501 §9 allows none in a literal). Elsewhere NUL becomes 0x80.
#[derive(Debug)]
pub struct Armour {
    state: State,
    boundaries: Vec<Vec<u8>>,
    /// The line in progress, or its start.
    line: Vec<u8>,
    /// The line end before it: a boundary's, or the body's.
    pending: Vec<u8>,
    /// Whether the line in progress is past [`MOST_LINE`] and has been passed on in part.
    long: bool,
    /// Octets of a base64 line.
    block: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Header(Vec<u8>),
    Plain,
    Binary,
}

impl Default for Armour {
    fn default() -> Self {
        Self {
            state: State::Header(Vec::new()),
            boundaries: Vec::new(),
            line: Vec::new(),
            pending: Vec::new(),
            long: false,
            block: Vec::new(),
        }
    }
}

impl Armour {
    /// Reads the next octets, and writes what is known of the result.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.keep(&bytes[..end], out);
            self.end_line(out);
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes, out);
    }

    /// Writes the rest.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        if let State::Header(header) = &mut self.state {
            header.append(&mut self.line);
            return plain(header, out);
        }
        let (pending, line) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.line));
        self.content(&pending, out);
        self.content(&line, out);
        self.close(out);
    }

    fn keep(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.line.extend_from_slice(bytes);
        if let State::Header(header) = &mut self.state
            && header.len() + self.line.len() > MOST_HEADER
        {
            // No header is so long: what is there passes, and the rest is a body.
            header.append(&mut self.line);
            let header = std::mem::take(header);
            self.open(&header, out);
            return;
        }
        if self.line.len() > MOST_LINE && !matches!(self.state, State::Header(_)) {
            // Too long for a boundary. A CR at its end may belong to the line end.
            let cut = self.line.len() - usize::from(self.line.last() == Some(&b'\r'));
            let (pending, rest) = (std::mem::take(&mut self.pending), self.line.split_off(cut));
            let line = std::mem::replace(&mut self.line, rest);
            self.content(&pending, out);
            self.content(&line, out);
            self.long = true;
        }
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        let mut line = std::mem::take(&mut self.line);
        let end: &[u8] = if line.last() == Some(&b'\r') { b"\r\n" } else { b"\n" };
        line.truncate(line.len() + 1 - end.len());
        if let State::Header(header) = &mut self.state {
            header.extend_from_slice(&line);
            header.extend_from_slice(end);
            if line.is_empty() || header.len() > MOST_HEADER {
                let header = std::mem::take(header);
                self.open(&header, out);
            }
            return;
        }
        if !std::mem::take(&mut self.long)
            && let Some((depth, last)) = self.boundary(&line)
        {
            self.close(out);
            plain(&self.pending, out);
            self.pending.clear();
            plain(&line, out);
            out.extend_from_slice(end);
            self.boundaries.truncate(depth + usize::from(!last));
            self.state = if last { State::Plain } else { State::Header(Vec::new()) };
            return;
        }
        let pending = std::mem::replace(&mut self.pending, end.to_vec());
        self.content(&pending, out);
        self.content(&line, out);
    }

    /// The end of a part's header: what its body is.
    fn open(&mut self, header: &[u8], out: &mut Vec<u8>) {
        let (mut boundary, mut encoding, mut message) = (None, None, false);
        for field in fields(header) {
            let name = field.name.to_ascii_lowercase();
            if name == b"content-type" && boundary.is_none() {
                let (main, parameters) = parameterised(field.value);
                let main = main.to_ascii_lowercase();
                message = main == b"message/rfc822" || main == b"message/global";
                if main.starts_with(b"multipart/") {
                    boundary =
                        parameters.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(b"boundary"));
                }
            } else if name == b"content-transfer-encoding" {
                encoding = Some((field.value, parameterised(field.value).0));
            }
        }
        let binary = encoding.as_ref().is_some_and(|(_, word)| word.eq_ignore_ascii_case(b"binary"));
        let known = boundary.map(|(_, value)| value).filter(|value| !value.is_empty());
        self.state = match (known, message, binary) {
            (Some(boundary), ..) if self.boundaries.len() < DEEPEST => {
                self.boundaries.push(boundary);
                State::Plain
            }
            // The header of the message inside comes next.
            (None, true, _) => State::Header(Vec::new()),
            (None, false, true) => State::Binary,
            _ => State::Plain,
        };
        match encoding {
            Some((value, _)) if self.state == State::Binary => {
                let at = value.as_ptr() as usize - header.as_ptr() as usize;
                plain(&header[..at], out);
                out.extend_from_slice(b" base64\r\n");
                plain(&header[at + value.len()..], out);
            }
            _ => plain(header, out),
        }
    }

    /// Which open multipart the line is a boundary of, and whether it is its last.
    fn boundary(&self, line: &[u8]) -> Option<(usize, bool)> {
        let rest = line.strip_prefix(b"--")?;
        self.boundaries.iter().enumerate().rev().find_map(|(depth, boundary)| {
            let after = rest.strip_prefix(boundary.as_slice())?;
            let (last, padding) = after.strip_prefix(b"--").map_or((false, after), |padding| (true, padding));
            padding.iter().all(|byte| matches!(byte, b' ' | b'\t')).then_some((depth, last))
        })
    }

    fn content(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.state != State::Binary {
            return plain(bytes, out);
        }
        self.block.extend_from_slice(bytes);
        let whole = self.block.len() - self.block.len() % LINE;
        for line in self.block[..whole].chunks(LINE) {
            out.extend_from_slice(STANDARD.encode(line).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        self.block.drain(..whole);
    }

    /// Ends a binary part. The last line of base64 ends as the others do, unless the boundary's line end follows.
    fn close(&mut self, out: &mut Vec<u8>) {
        if self.state == State::Binary {
            out.extend_from_slice(STANDARD.encode(std::mem::take(&mut self.block)).as_bytes());
        }
    }
}

fn plain(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(bytes.iter().map(|byte| if *byte == 0 { 0x80 } else { *byte }));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn armoured(message: &[u8], piece: usize) -> Vec<u8> {
        let (mut armour, mut out) = (Armour::default(), Vec::new());
        message.chunks(piece).for_each(|piece| armour.push(piece, &mut out));
        armour.finish(&mut out);
        out
    }

    #[test]
    fn a_binary_part_becomes_base64_and_the_rest_stays() {
        let message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n\
            Content-Type: image/png\r\nContent-Transfer-Encoding: BINARY\r\nX-Last: 1\r\n\r\n\0\x01\r\n\0\r\n--b--\r\n";
        let wanted = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n\
            Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nX-Last: 1\r\n\r\nAAENCgA=\r\n--b--\r\n";
        for piece in [1, 7, 1_000] {
            assert_eq!(armoured(message, piece), wanted, "{piece}");
        }
        assert_eq!(armoured(b"A: b\r\n\r\na\0b\r\n", 3), b"A: b\r\n\r\na\x80b\r\n");
    }

    #[test]
    fn a_header_without_end_is_not_kept() {
        let (mut armour, mut out) = (Armour::default(), Vec::new());
        for _ in 0..1_000 {
            armour.push(&[b'x'; 1_000], &mut out);
            assert!(armour.line.len() <= MOST_HEADER + 1_000);
        }
        armour.finish(&mut out);
        assert_eq!(out.len(), 1_000_000);
    }

    proptest! {
        #[test]
        fn one_part_is_given_back(body in prop::collection::vec(any::<u8>(), 0..900), piece in 1usize..300) {
            let message = [b"Content-Transfer-Encoding: binary\r\n\r\n".as_slice(), &body].concat();
            let out = armoured(&message, piece);
            let text = out.strip_prefix(b"Content-Transfer-Encoding: base64\r\n\r\n".as_slice()).unwrap();
            let joined: Vec<u8> = text.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect();
            prop_assert_eq!(STANDARD.decode(joined).unwrap(), body);
        }

        #[test]
        fn what_is_not_binary_passes(message in "([a-c\\-: \r\n]|--b\r\n|Content-Type: multipart/x; boundary=b\r\n){0,60}", piece in 1usize..20) {
            prop_assert_eq!(armoured(message.as_bytes(), piece), message.as_bytes());
        }
    }
}
