//! The header alone, without ever looking at the body: the tags are walked through until the body begins, and what stands
//! before it, without comments and closed as XML wants it, is parsed as any other document. What reads a whole document
//! reads a header, so that the two cannot disagree.

use std::borrow::Cow;

use crate::decode::{decode, is_utf8, push_with_line_feeds};
use crate::xml::{MOST_ATTRIBUTES, MOST_DEPTH, MOST_IN_FORCE};
use crate::{Error, Level};

/// The text of a document up to its body.
pub(super) struct Header {
    pub(super) text: String,
    /// What the body is; `None` where it is neither, or cut off.
    pub(super) level: Option<Level>,
}

/// `None` where no body is found, where it is not certain that it is the body, or where the header may be of a shape that
/// [`crate::xml::parse`] refuses: then the whole is to be read. A header that is given has been held against the limits.
///
/// # Errors
/// [`Error::Encoding`].
pub(super) fn header(bytes: &[u8]) -> Result<Option<Header>, Error> {
    let bare = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // In UTF-8, what follows the header is not even looked at; other encodings must be decoded to be walked through.
    let text: Cow<'_, [u8]> = match is_utf8(bytes) {
        true => Cow::Borrowed(bare),
        false => Cow::Owned(decode(bytes)?.into_owned().into_bytes()),
    };
    let Some(found) = walk(&text) else { return Ok(None) };
    let wrong = |_| Error::Encoding { encoding: "UTF-8".into() };
    let header = std::str::from_utf8(&text[..found.end]).map_err(wrong)?;
    let mut out = String::with_capacity(header.len() + 200);
    let mut from = 0;
    for (start, end) in found.aside {
        push_with_line_feeds(&mut out, &header[from..start]);
        from = end;
    }
    push_with_line_feeds(&mut out, &header[from..]);
    for name in found.open.iter().rev() {
        out.push_str("</");
        out.push_str(std::str::from_utf8(name).map_err(wrong)?);
        out.push('>');
    }
    Ok(Some(Header { text: out, level: found.level }))
}

struct Found<'a> {
    /// Where the body begins.
    end: usize,
    /// The names of the elements open there, outermost first.
    open: Vec<&'a [u8]>,
    /// Comments and the like: nothing is read from them.
    aside: Vec<(usize, usize)>,
    level: Option<Level>,
}

/// A start tag that may have more attributes than are read, at the five octets that each takes.
const LONG_TAG: usize = MOST_ATTRIBUTES * 5;

fn walk(text: &[u8]) -> Option<Found<'_>> {
    let mut open: Vec<&[u8]> = Vec::new();
    // The prefix of `ClinicalDocument`, and how many elements are open within it.
    let mut document: Option<(&[u8], usize)> = None;
    let mut aside = Vec::new();
    let mut at = 0;
    while let Some(tag) = Tag::next(text, at) {
        at = tag.end;
        match tag.kind {
            Kind::Text => {}
            Kind::Aside => aside.push((tag.start, tag.end)),
            Kind::Close => {
                open.pop()?;
                if document.is_some_and(|(_, depth)| open.len() < depth) {
                    return None; // it had no body
                }
            }
            Kind::Open | Kind::Empty if tag.end - tag.start > LONG_TAG => return None,
            Kind::Open | Kind::Empty => {
                let (prefix, name) = split(tag.name);
                if let Some((of, depth)) = document
                    && open.len() == depth
                    && name == b"component"
                    && prefix == of
                {
                    if tag.rest.windows(5).any(|word| word == b"xmlns") {
                        return None;
                    }
                    if memchr::memmem::find_iter(&text[..tag.start], b"xmlns").nth(MOST_IN_FORCE).is_some() {
                        return None;
                    }
                    let level = level(text, &tag);
                    return Some(Found { end: tag.start, open, aside, level });
                }
                if matches!(tag.kind, Kind::Open) {
                    if open.len() == MOST_DEPTH {
                        return None;
                    }
                    open.push(tag.name);
                    if document.is_none() && name == b"ClinicalDocument" {
                        document = Some((prefix, open.len()));
                    }
                }
            }
        }
    }
    None
}

/// What the first element of the body's `component` is.
fn level(text: &[u8], component: &Tag<'_>) -> Option<Level> {
    let mut at = component.end;
    loop {
        let tag = Tag::next(text, at).filter(|_| matches!(component.kind, Kind::Open))?;
        at = tag.end;
        match tag.kind {
            Kind::Aside | Kind::Text => {}
            Kind::Close => return None,
            Kind::Open | Kind::Empty => {
                return match split(tag.name).1 {
                    b"structuredBody" => Some(Level::N3),
                    b"nonXMLBody" => Some(Level::N1),
                    _ => None,
                };
            }
        }
    }
}

fn split(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().position(|&b| b == b':') {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (b"", name),
    }
}

enum Kind {
    Open,
    Empty,
    Close,
    /// A comment or a processing instruction.
    Aside,
    /// A CDATA section.
    Text,
}

struct Tag<'a> {
    kind: Kind,
    name: &'a [u8],
    /// What follows the name.
    rest: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Tag<'a> {
    /// The next one from `at` on; `None` at the end of the text, or at a document type declaration.
    fn next(text: &'a [u8], at: usize) -> Option<Self> {
        let start = at + memchr::memchr(b'<', &text[at..])?;
        let rest = &text[start..];
        let aside = |kind, opening: usize, closing: &[u8]| {
            let length = memchr::memmem::find(rest.get(opening..)?, closing)?;
            let end = start + opening + length + closing.len();
            Some(Self { kind, name: b"", rest: b"", start, end })
        };
        match rest.get(1)? {
            b'?' => aside(Kind::Aside, 2, b"?>"),
            b'!' if rest.starts_with(b"<!--") => aside(Kind::Aside, 4, b"-->"),
            b'!' if rest.starts_with(b"<![CDATA[") => aside(Kind::Text, 9, b"]]>"),
            b'!' => None,
            b'/' => {
                let end = start + memchr::memchr(b'>', rest)? + 1;
                Some(Self { kind: Kind::Close, name: b"", rest: b"", start, end })
            }
            _ => {
                let length = closing(rest)?;
                let empty = rest[length - 1] == b'/';
                let inner = &rest[1..length - usize::from(empty)];
                let name = inner.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(inner.len());
                Some(Self {
                    kind: if empty { Kind::Empty } else { Kind::Open },
                    name: &inner[..name],
                    rest: &inner[name..],
                    start,
                    end: start + length + 1,
                })
            }
        }
    }
}

/// Where a start tag ends: a `>` that stands in no attribute's value.
fn closing(tag: &[u8]) -> Option<usize> {
    // Nearly always the first one is it, which costs less to see than to go from quote to quote.
    let first = memchr::memchr(b'>', tag)?;
    let inside = &tag[..first];
    if inside.iter().filter(|&&byte| byte == b'"').count() % 2 == 0 && !inside.contains(&b'\'') {
        return Some(first);
    }
    let mut at = 1;
    loop {
        at += memchr::memchr3(b'>', b'"', b'\'', tag.get(at..)?)?;
        match tag[at] {
            b'>' => return Some(at),
            quote => at += 2 + memchr::memchr(quote, tag.get(at + 1..)?)?,
        }
    }
}
