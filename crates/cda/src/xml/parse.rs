use roxmltree::{Document, ParsingOptions};

use crate::Error;

/// Elements within elements. A real document has fewer than 40.
pub(crate) const MOST_DEPTH: usize = 512;
/// Attributes of one element.
pub(crate) const MOST_ATTRIBUTES: usize = 256;
/// Namespace declarations that are in force at one place.
pub(crate) const MOST_IN_FORCE: usize = 64;
/// Namespace declarations of one document.
const MOST_DECLARED: usize = 20_000;

/// Parses XML that may be hostile: without a document type declaration, with at most `nodes` elements and texts, and of
/// a shape that the parser gets through in a time proportional to its length. The parser compares all attributes of an
/// element with each other and copies namespaces from element to element: 130 KB of declarations, one inside the other,
/// would hold it for a minute.
///
/// # Errors
/// [`Error::Xml`], [`Error::DocumentType`], [`Error::TooManyNodes`] or [`Error::Shape`].
pub fn parse(text: &str, nodes: u32) -> Result<Document<'_>, Error> {
    check_shape(text.as_bytes())?;
    parse_shaped(text, nodes)
}

/// The same for a text whose shape is known to be within the limits.
pub(crate) fn parse_shaped(text: &str, nodes: u32) -> Result<Document<'_>, Error> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: nodes, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::NodesLimitReached => Error::TooManyNodes { limit: nodes },
        other => Error::from_xml(other),
    })
}

/// Walks over the tags, once. What is not well-formed is the parser's to tell.
fn check_shape(text: &[u8]) -> Result<(), Error> {
    let mut open: Vec<usize> = Vec::new(); // declarations of each open element
    let declares = memchr::memmem::find_iter(text, b"xmlns").nth(MOST_IN_FORCE).is_some();
    let (mut in_force, mut declared, mut at) = (0, 0, 0);
    let excess = |what, limit, at: usize| {
        let line = 1 + text[..at].iter().filter(|&&b| b == b'\n').count();
        Err(Error::Shape { what, limit, line: u32::try_from(line).unwrap_or(u32::MAX) })
    };
    while let Some(start) = find(text, at, b"<") {
        let rest = &text[start..];
        let next = if rest.starts_with(b"<!--") {
            find(text, start + 4, b"-->")
        } else if rest.starts_with(b"<![CDATA[") {
            find(text, start + 9, b"]]>")
        } else if rest.starts_with(b"<?") {
            find(text, start + 2, b"?>")
        } else if rest.starts_with(b"<!") {
            return Ok(()); // a document type declaration: the parser refuses it
        } else if rest.starts_with(b"</") {
            in_force -= open.pop().unwrap_or(0);
            find(text, start + 2, b">")
        } else {
            let tag = Tag::read(text, start + 1, declares);
            if tag.attributes > MOST_ATTRIBUTES {
                return excess("attributes of one element", MOST_ATTRIBUTES, start);
            }
            declared += tag.declarations;
            if in_force + tag.declarations > MOST_IN_FORCE {
                return excess("namespaces in force at one place", MOST_IN_FORCE, start);
            }
            if declared > MOST_DECLARED {
                return excess("namespace declarations", MOST_DECLARED, start);
            }
            if !tag.closed {
                if open.len() == MOST_DEPTH {
                    return excess("elements within each other", MOST_DEPTH, start);
                }
                open.push(tag.declarations);
                in_force += tag.declarations;
            }
            tag.end
        };
        let Some(next) = next else { return Ok(()) };
        at = next;
    }
    Ok(())
}

/// A start tag.
struct Tag {
    attributes: usize,
    declarations: usize,
    closed: bool,
    /// Where it ends; `None` at the end of the text.
    end: Option<usize>,
}

impl Tag {
    /// Where the whole text has fewer declarations than may be in force at one place, they need not be counted.
    fn read(text: &[u8], start: usize, declares: bool) -> Self {
        if !declares && let Some(tag) = Self::read_plain(text, start) {
            return tag;
        }
        let mut tag = Self { attributes: 0, declarations: 0, closed: false, end: None };
        let mut quote = None;
        for (offset, &byte) in text[start..].iter().enumerate() {
            let at = start + offset;
            match (quote, byte) {
                (Some(open), byte) if open == byte => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'=') => tag.attributes += 1,
                (None, b'>') => {
                    tag.closed = text[at - 1] == b'/';
                    tag.end = Some(at);
                    break;
                }
                (None, b'x') if text[at - 1].is_ascii_whitespace() && text[at..].starts_with(b"xmlns") => {
                    tag.declarations += 1;
                }
                _ => {}
            }
        }
        tag
    }

    /// A tag too short for [`MOST_ATTRIBUTES`] and with no doubt where it ends: nearly all of them, for which counting octet
    /// by octet would be a waste.
    fn read_plain(text: &[u8], start: usize) -> Option<Self> {
        let length = memchr::memchr(b'>', &text[start..])?;
        let inside = &text[start..start + length];
        let quotes = inside.iter().filter(|&&byte| byte == b'"').count();
        let plain =
            length < MOST_ATTRIBUTES * 4 && quotes % 2 == 0 && memchr::memchr(b'\'', inside).is_none();
        let closed = inside.last() == Some(&b'/');
        plain.then_some(Self { attributes: quotes / 2, declarations: 0, closed, end: Some(start + length) })
    }
}

fn find(text: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    let rest = text.get(from..)?;
    let at = match wanted {
        [one] => memchr::memchr(*one, rest),
        more => memchr::memmem::find(rest, more),
    };
    at.map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape(text: &str) -> Option<&'static str> {
        match parse(text, 1_000_000) {
            Err(Error::Shape { what, .. }) => Some(what),
            _ => None,
        }
    }

    #[test]
    fn shapes_that_would_hold_the_parser_are_refused_at_once() {
        let many = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<String>();
        let attributes = |count| format!("<a{}/>", many(count, &|n| format!(" b{n}='='")));
        assert_eq!(shape(&attributes(256)), None);
        assert_eq!(shape(&attributes(257)), Some("attributes of one element"));
        let nested =
            |count: usize| many(count, &|n| format!("<a\n xmlns:n{n}='u{n}'>")) + &"</a>".repeat(count);
        assert_eq!(shape(&nested(64)), None);
        assert_eq!(shape(&nested(5_000)), Some("namespaces in force at one place"));
        let deep = |count: usize| "<a>".repeat(count) + &"</a>".repeat(count);
        assert_eq!(shape(&deep(512)), None);
        assert_eq!(shape(&deep(513)), Some("elements within each other"));
        let wide = |count: usize| format!("<a>{}</a>", "<b xmlns='u'/>".repeat(count));
        assert_eq!(shape(&wide(20_000)), None);
        assert_eq!(shape(&wide(20_001)), Some("namespace declarations"));
    }

    #[test]
    fn what_only_looks_like_a_tag_does_not_count() {
        let hidden = "<a xmlns:n='u'>".repeat(600);
        for text in [
            format!("<r><!-- {hidden} it's --></r>"),
            format!("<r><![CDATA[{hidden}\"]]></r>"),
            format!("<?p {hidden}?><r/>"),
            format!("<r b='{}'/>", "/> = xmlns ".repeat(300)),
            format!("<r>{}</r>", "' = \" xmlns ".repeat(300)),
        ] {
            assert!(parse(&text, 10_000).is_ok(), "{}", &text[..20]);
        }
        let line = match parse(&("<a>\n".repeat(600)), 10_000) {
            Err(Error::Shape { line, .. }) => line,
            other => panic!("{other:?}"),
        };
        assert_eq!(line, 513);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[<>!/?a='\"\\[\\]CDAT\\- x\n]{0,60}") {
            let _ = parse(&text, 100);
        }
    }
}
