use super::envelope::Envelope;
use super::header::{Parameters, fields, parameterised, unfold};
use super::texts::Texts;

/// A part of a message, with its place in the message's octets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Where the header starts.
    pub header: u64,
    /// Where the body starts, after the header's empty line.
    pub body: u64,
    /// Where the body ends; the line end before a boundary belongs to the boundary.
    pub end: u64,
    /// Lines of the body.
    pub lines: u64,
    /// Content-Type, in lower case: `text` and `plain` where the field is missing or unreadable.
    pub media: (Vec<u8>, Vec<u8>),
    /// Content-Type's parameters.
    pub parameters: Parameters,
    /// Content-ID.
    pub id: Option<Vec<u8>>,
    /// Content-Description.
    pub description: Option<Vec<u8>>,
    /// Content-Transfer-Encoding; `7BIT` where it is missing.
    pub encoding: Vec<u8>,
    /// Content-MD5.
    pub md5: Option<Vec<u8>>,
    /// Content-Disposition and its parameters.
    pub disposition: Option<(Vec<u8>, Parameters)>,
    /// Content-Language.
    pub language: Vec<Vec<u8>>,
    /// Content-Location.
    pub location: Option<Vec<u8>>,
    /// The envelope of this part's own header, where it is a message inside message/rfc822 (or the message itself).
    pub envelope: Option<Box<Envelope>>,
    /// The parts of a multipart; the one message of a message/rfc822.
    pub children: Vec<Part>,
}

impl Part {
    /// Whether this is a multipart with at least one part.
    pub fn is_multipart(&self) -> bool {
        self.media.0 == b"multipart" && !self.children.is_empty()
    }

    /// Whether this is a message/rfc822 (or message/global) that was read inside.
    pub fn is_message(&self) -> bool {
        self.media.0 == b"message" && !self.children.is_empty()
    }
}

/// Multiparts and messages inside one another; deeper ones are told as they are declared, but not opened.
const DEEPEST: usize = 32;
/// Parts of one message; what comes after belongs to the last one.
const MOST_PARTS: usize = 1_000;
/// Header octets kept of one message's parts, all together.
const MOST_HEADER: usize = 1024 * 1024;
/// Octets of a body line that are looked at for a boundary (RFC 2046 §5.1.1: 70 and two times two hyphens).
const BOUNDARY_LINE: usize = 256;

/// Reads a message once, in pieces of any size, and keeps the tree of its parts. Memory is bounded whatever comes.
#[derive(Debug)]
pub struct Scanner {
    /// Open parts, outermost first.
    open: Vec<Open>,
    parts: usize,
    header_left: usize,
    /// The line in progress; cut at [`MOST_HEADER`] in a header, [`BOUNDARY_LINE`] in a body.
    line: Vec<u8>,
    line_start: u64,
    at: u64,
    line_number: u64,
    /// Octets of the last line end, and whether the last line had nothing else.
    previous: (u64, bool),
    /// Where the octets of text parts go.
    texts: Option<Texts>,
    /// The start of the present line is with `texts` already: it is too long to be a boundary.
    spilled: bool,
}

#[derive(Debug)]
struct Open {
    part: Part,
    kind: Kind,
    header: Vec<u8>,
    first_line: u64,
    /// Inside a multipart/digest, where a part without a type is a message (RFC 2046 §5.1.5).
    in_digest: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Header,
    Leaf,
    Message,
    Multipart { boundary: Vec<u8>, over: bool },
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// A scanner at the start of a message.
    pub fn new() -> Self {
        let mut scanner = Self {
            open: Vec::new(),
            parts: 0,
            header_left: MOST_HEADER,
            line: Vec::new(),
            line_start: 0,
            at: 0,
            line_number: 0,
            previous: (0, false),
            texts: None,
            spilled: false,
        };
        scanner.begin(0);
        scanner
    }

    /// A scanner that hands text parts on.
    pub(super) fn with_texts(texts: Texts) -> Self {
        Self { texts: Some(texts), ..Self::new() }
    }

    /// Reads the next octets.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.keep(&bytes[..end]);
            self.at += end as u64 + 1;
            let end_of_line = if self.line.last() == Some(&b'\r') { 2 } else { 1 };
            self.end_line(end_of_line);
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
        self.at += bytes.len() as u64;
    }

    /// The whole message's tree.
    pub fn finish(self) -> Part {
        self.finish_with_texts().0
    }

    pub(super) fn finish_with_texts(mut self) -> (Part, Option<Texts>) {
        if self.at > self.line_start {
            self.end_line(0);
        }
        let end = self.at;
        self.previous = (0, false);
        self.close_down_to(1, end);
        let mut root = self.open.pop().expect("the root part stays open until the end");
        finish_part(&mut root, end, self.line_number, self.previous);
        if let Some(texts) = &mut self.texts {
            texts.end();
        }
        (root.part, self.texts)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let in_header = self.open.last().is_some_and(|open| open.kind == Kind::Header);
        let most = if in_header { self.header_left.max(BOUNDARY_LINE) } else { BOUNDARY_LINE };
        let room = most.saturating_sub(self.line.len());
        if (bytes.len() > room || self.spilled)
            && !in_header
            && let Some(texts) = &mut self.texts
            && texts.wants()
        {
            if !std::mem::replace(&mut self.spilled, true) {
                texts.push(&self.line);
            }
            texts.push(bytes);
        }
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
        // The CR before the line's LF must be seen even where the line was cut.
        if bytes.len() > room && bytes.last() == Some(&b'\r') {
            self.line.pop();
            self.line.push(b'\r');
        }
    }

    fn end_line(&mut self, end_of_line: u64) {
        let mut line = std::mem::take(&mut self.line);
        if end_of_line == 2 {
            line.pop();
        }
        let spilled = std::mem::replace(&mut self.spilled, false);
        if !self.boundary(&line) {
            let header_ends = self.content(&line);
            if let Some(texts) = &mut self.texts
                && texts.wants()
                && !header_ends
            {
                if !spilled {
                    texts.push(&line);
                }
                texts.push(match (end_of_line, spilled) {
                    (0, _) => b"",
                    (1, _) | (_, true) => b"\n",
                    _ => b"\r\n",
                });
            }
        }
        self.previous = (end_of_line, line.is_empty() && self.at - self.line_start == end_of_line);
        self.line_start = self.at;
        self.line_number += 1;
        line.clear();
        self.line = line;
    }

    /// Acts on a boundary of any open multipart, innermost first.
    fn boundary(&mut self, line: &[u8]) -> bool {
        let Some(rest) = line.strip_prefix(b"--") else { return false };
        let rest = rest.trim_ascii_end();
        let found = self.open.iter().enumerate().rev().find_map(|(depth, open)| match &open.kind {
            Kind::Multipart { boundary, over: false } => match rest.strip_prefix(boundary.as_slice()) {
                Some(b"") => Some((depth, false)),
                Some(b"--") => Some((depth, true)),
                _ => None,
            },
            _ => None,
        });
        let Some((depth, last)) = found else { return false };
        let end = self.line_start - self.previous.0;
        self.close_down_to(depth + 1, end);
        if last {
            if let Kind::Multipart { over, .. } = &mut self.open[depth].kind {
                *over = true;
            }
        } else if self.parts < MOST_PARTS {
            self.begin(self.at);
            if let Some(open) = self.open.last_mut() {
                open.first_line = self.line_number + 1;
            }
        }
        true
    }

    /// A line that is no boundary; whether it ended a header.
    fn content(&mut self, line: &[u8]) -> bool {
        let Some(top) = self.open.last_mut() else { return false };
        if top.kind != Kind::Header {
            return false;
        }
        if !line.is_empty() || self.at == self.line_start {
            let taken = line.len().min(self.header_left);
            self.header_left -= taken;
            top.header.extend_from_slice(&line[..taken]);
            top.header.extend_from_slice(b"\r\n");
            return false;
        }
        top.part.body = self.at;
        top.first_line = self.line_number + 1;
        top.kind = top.open_header();
        let inside = top.kind == Kind::Message;
        let deep = self.open.len() >= DEEPEST;
        if inside && !deep && self.parts < MOST_PARTS {
            self.begin(self.at);
            if let Some(open) = self.open.last_mut() {
                open.first_line = self.line_number + 1;
            }
        } else if deep && let Some(top) = self.open.last_mut() {
            top.kind = Kind::Leaf;
        }
        if let (Some(texts), Some(top)) = (&mut self.texts, self.open.last())
            && top.kind == Kind::Leaf
        {
            texts.begin(&top.part);
        }
        true
    }

    fn begin(&mut self, at: u64) {
        self.parts += 1;
        let part = Part { header: at, body: at, end: at, ..Part::default() };
        let in_digest = self
            .open
            .last()
            .is_some_and(|parent| parent.part.media.1 == b"digest" && parent.part.media.0 == b"multipart");
        self.open.push(Open { part, kind: Kind::Header, header: Vec::new(), first_line: 0, in_digest });
    }

    /// Ends open parts until only `depth` are left.
    fn close_down_to(&mut self, depth: usize, end: u64) {
        while self.open.len() > depth {
            let mut done = self.open.pop().expect("more than `depth` are open");
            if let Some(texts) = &mut self.texts {
                texts.end();
            }
            finish_part(&mut done, end, self.line_number, self.previous);
            if let Some(parent) = self.open.last_mut() {
                parent.part.children.push(done.part);
            }
        }
    }
}

fn finish_part(open: &mut Open, end: u64, line_number: u64, previous: (u64, bool)) {
    if open.kind == Kind::Header {
        // No empty line: all of it is header.
        open.part.body = end.max(open.part.header);
        open.kind = open.open_header();
        open.part.end = open.part.body;
        return;
    }
    let part = &mut open.part;
    part.end = end.max(part.body);
    if part.end > part.body {
        // An empty last line stands between the body's last line end and the boundary: it is no line of the body.
        let empty_last = u64::from(previous.1 && previous.0 > 0);
        part.lines = line_number.saturating_sub(open.first_line).saturating_sub(empty_last).max(1);
    }
}

impl Open {
    /// Reads the gathered header, and says what comes next.
    fn open_header(&mut self) -> Kind {
        let header = std::mem::take(&mut self.header);
        let part = &mut self.part;
        part.media = match self.in_digest {
            true => (b"message".to_vec(), b"rfc822".to_vec()),
            false => (b"text".to_vec(), b"plain".to_vec()),
        };
        part.encoding = b"7BIT".to_vec();
        let mut typed = false;
        for field in fields(&header) {
            match field.name.to_ascii_lowercase().as_slice() {
                b"content-type" if !typed => {
                    typed = true;
                    let (main, parameters) = parameterised(field.value);
                    let main = main.to_ascii_lowercase();
                    let mut halves = main.splitn(2, |&byte| byte == b'/').map(<[u8]>::trim_ascii);
                    if let (Some(kind), Some(sub)) = (halves.next(), halves.next())
                        && is_token(kind)
                        && is_token(sub)
                    {
                        part.media = (kind.to_vec(), sub.to_vec());
                        part.parameters = parameters;
                    }
                }
                b"content-transfer-encoding" => {
                    let (main, _) = parameterised(field.value);
                    if is_token(&main) {
                        part.encoding = main.to_ascii_uppercase();
                    }
                }
                b"content-id" => part.id = Some(unfold(field.value)),
                b"content-description" => part.description = Some(unfold(field.value)),
                b"content-md5" => part.md5 = Some(unfold(field.value)),
                b"content-location" => part.location = Some(unfold(field.value)),
                b"content-disposition" => {
                    let (main, parameters) = parameterised(field.value);
                    if is_token(&main) {
                        part.disposition = Some((main, parameters));
                    }
                }
                b"content-language" => {
                    let (main, _) = parameterised(field.value);
                    let tags = main.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
                    part.language = tags.filter(|tag| is_token(tag)).take(16).map(<[u8]>::to_vec).collect();
                }
                _ => {}
            }
        }
        part.envelope = Some(Box::new(Envelope::read(&header)));
        self.kind_of_body()
    }

    fn kind_of_body(&self) -> Kind {
        let part = &self.part;
        let plain = matches!(part.encoding.as_slice(), b"7BIT" | b"8BIT" | b"BINARY");
        match (part.media.0.as_slice(), part.media.1.as_slice()) {
            (b"multipart", _) => {
                let boundary =
                    part.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"boundary"));
                match boundary {
                    Some((_, boundary)) if !boundary.is_empty() && boundary.len() <= BOUNDARY_LINE - 8 => {
                        Kind::Multipart { boundary: boundary.trim_ascii_end().to_vec(), over: false }
                    }
                    _ => Kind::Leaf,
                }
            }
            (b"message", b"rfc822" | b"global") if plain => Kind::Message,
            _ => Kind::Leaf,
        }
    }
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(byte))
}
