//! The MIME structure of a received mail (RFC 2045, 2046), read leniently and within [`MailLimits`].
//!
//! The reader is our own. General ones nest what a mail nests: a hundred thousand attached mails within one another, a
//! mail of 3 MB, are as many values within one another, and dropping them overflows the 2 MB stack of a worker, which no
//! net catches (mail-parser 0.11.9, seen); and they look for each missing boundary through the whole rest of the mail, once
//! for each part that names it (24 MB of such parts: 10 s against 0.4 s here, unoptimised). Here an entity is a
//! slice of the mail in a flat list, and depth is bounded, so that time is the mail's length times that bound.

mod parameters;
mod transfer;
mod words;

use std::borrow::Cow;

pub(crate) use parameters::Parameters;
pub(crate) use transfer::{Transfer, hex_octet};
pub(crate) use words::{charset, decode_words, guess_charset};

use crate::{MailLimits, fields};

/// A mail's entities, each before what it holds.
pub(crate) struct Tree<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    pub(crate) faults: Vec<Fault>,
}

/// A fault of the structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    TooManyParts,
    TooDeep,
    Head,
    NoBoundary,
    NotClosed,
}

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Multipart,
    Message,
    Leaf,
}

/// An entity: a header section and a body.
pub(crate) struct Node<'a> {
    pub(crate) parent: Option<usize>,
    pub(crate) depth: usize,
    pub(crate) shape: Shape,
    /// Whether it belongs to a mail within the mail.
    pub(crate) attached: bool,
    /// The fields, names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    /// `type/subtype` in lower case; `text/plain` where nothing is declared.
    pub(crate) mime: String,
    pub(crate) declared: Parameters,
    pub(crate) disposition: Parameters,
    pub(crate) transfer: Transfer,
    /// The body as it stands in the mail.
    pub(crate) raw: &'a [u8],
}

impl<'a> Node<'a> {
    pub(crate) fn is_text(&self) -> bool {
        self.mime.starts_with("text/")
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The file name: of Content-Disposition, else of Content-Type; `name*` before `name` (RFC 6266 §4.3 says why).
    pub(crate) fn name(&self, limits: &MailLimits) -> Option<String> {
        let name = self.disposition.get("filename").or_else(|| self.declared.get("name"))?;
        let name: String = name.chars().take(limits.name).collect();
        (!name.trim().is_empty()).then_some(name)
    }

    /// The body, its transfer encoding undone; `true` where it was damaged.
    pub(crate) fn content(&self) -> (Cow<'a, [u8]>, bool) {
        self.transfer.undo(self.raw)
    }

    /// The body as text; `true` where octets were replaced.
    pub(crate) fn text(&self) -> (String, bool) {
        charset(&self.content().0, self.declared.get("charset"))
    }
}

impl<'a> Tree<'a> {
    /// Reads what the limits allow.
    pub(crate) fn read(message: &'a [u8], limits: &MailLimits) -> Self {
        let mut tree = Self { nodes: Vec::new(), faults: Vec::new() };
        let root = Place { parent: None, depth: 0, attached: false, in_digest: false };
        tree.entity(message, root, limits);
        tree
    }

    pub(crate) fn children(&self, of: usize) -> impl Iterator<Item = (usize, &Node<'a>)> {
        self.nodes.iter().enumerate().skip(of + 1).filter(move |(_, node)| node.parent == Some(of))
    }

    fn entity(&mut self, bytes: &'a [u8], place: Place, limits: &MailLimits) {
        if self.nodes.len() >= limits.parts {
            return self.fault(Fault::TooManyParts);
        }
        let (head, body) = cut_head(bytes);
        let within = &head[..head.len().min(limits.head)];
        let fields: Vec<(String, String)> = fields(within)
            .take(limits.fields)
            .map(|field| (field.name.to_ascii_lowercase(), field.value))
            .collect();
        if within.len() < head.len() || fields.len() == limits.fields {
            self.fault(Fault::Head);
        }
        let parameters = |name: &str| {
            let value = fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
            Parameters::read(value.unwrap_or_default(), limits)
        };
        let declared = parameters("content-type");
        let transfer = Transfer::of(&parameters("content-transfer-encoding").value);
        let disposition = parameters("content-disposition");
        let mime = match declared.value.as_str() {
            mime if mime.split_once('/').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty()) => {
                mime.to_owned()
            }
            _ if place.in_digest => "message/rfc822".to_owned(),
            _ => "text/plain".to_owned(),
        };
        let boundary = declared.get("boundary").map(|boundary| boundary.trim_end().to_owned());
        let container = if mime.starts_with("multipart/") {
            Shape::Multipart
        } else if matches!(mime.as_str(), "message/rfc822" | "message/global") && !transfer.encodes() {
            Shape::Message
        } else {
            Shape::Leaf
        };
        let ranges = match (container, boundary) {
            (Shape::Leaf, _) => Vec::new(),
            _ if place.depth >= limits.depth => {
                self.fault(Fault::TooDeep);
                Vec::new()
            }
            (Shape::Message, _) => vec![body],
            (Shape::Multipart, boundary) => {
                let (ranges, closed) = match boundary.filter(|boundary| !boundary.is_empty()) {
                    Some(boundary) => split(body, boundary.as_bytes(), limits.parts + 1),
                    None => (Vec::new(), false),
                };
                if ranges.is_empty() {
                    self.fault(Fault::NoBoundary);
                } else if !closed {
                    self.fault(Fault::NotClosed);
                }
                ranges
            }
        };
        // A container of which nothing can be had is a text: so somebody sees what it says.
        let shape = if ranges.is_empty() { Shape::Leaf } else { container };
        let mime =
            if shape == Shape::Leaf && container == Shape::Multipart { "text/plain".into() } else { mime };
        let digest = mime == "multipart/digest";
        let index = self.nodes.len();
        let (attached, depth) = (place.attached, place.depth);
        self.nodes.push(Node {
            parent: place.parent,
            depth,
            shape,
            attached,
            fields,
            mime,
            declared,
            disposition,
            transfer,
            raw: body,
        });
        for range in ranges {
            let inner = Place {
                parent: Some(index),
                depth: depth + 1,
                attached: attached || shape == Shape::Message,
                in_digest: digest,
            };
            self.entity(range, inner, limits);
        }
    }

    fn fault(&mut self, fault: Fault) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}

/// Where an entity stands.
#[derive(Clone, Copy)]
struct Place {
    parent: Option<usize>,
    depth: usize,
    attached: bool,
    in_digest: bool,
}

/// The header section, its empty line excluded, and the body.
fn cut_head(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while at < bytes.len() {
        let end = line_end(bytes, at);
        if is_blank_line(&bytes[at..end]) {
            return (&bytes[..at], &bytes[end..]);
        }
        at = end;
    }
    (bytes, &[])
}

fn is_blank_line(line: &[u8]) -> bool {
    matches!(line, b"\r\n" | b"\n")
}

/// The offset after the line end that follows `from`.
fn line_end(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |at| from + at + 1)
}

/// The parts between the delimiter lines of `boundary` (RFC 2046 §5.1.1), without the line end that belongs to the
/// delimiter, and whether the closing one is there. At most `most` parts.
fn split<'a>(body: &'a [u8], boundary: &[u8], most: usize) -> (Vec<&'a [u8]>, bool) {
    let (mut parts, mut start, mut at) = (Vec::new(), None, 0);
    while at < body.len() {
        let end = line_end(body, at);
        if let Some(rest) = body[at..end].strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary)) {
            let closing = rest.starts_with(b"--");
            let rest = if closing { &rest[2..] } else { rest };
            if rest.iter().all(u8::is_ascii_whitespace) {
                if let Some(start) = start {
                    parts.push(without_line_end(&body[start..at.max(start)]));
                }
                if closing {
                    return (parts, true);
                }
                if parts.len() >= most {
                    return (parts, false);
                }
                start = Some(end);
            }
        }
        at = end;
    }
    if let Some(start) = start {
        parts.push(&body[start..]);
    }
    (parts, false)
}

fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}
