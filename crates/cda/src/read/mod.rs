//! Bytes to [`Document`].

mod body;
mod header;
mod stream;
pub(crate) mod tree;

use roxmltree::Node;

pub(crate) use body::is_copy;

use crate::decode::decode;
use crate::narrative::Reader;
use crate::{Document, Error, NAMESPACE, Whole, lab, xml};

/// Largest document read, in octets. The largest published example has 3 MB.
pub const MAX_BYTES: usize = 50 * 1024 * 1024;
/// Most elements, texts and comments in a document. A large real one has 40 000.
pub const MAX_NODES: u32 = 2_000_000;

/// Reads a document: UTF-8, UTF-16, or what its declaration names; level 1 or 3; wrapped in a style sheet or not.
///
/// # Errors
/// [`Error`], most often because the bytes are no XML or no CDA. A header that lacks fields is no error.
pub fn read(bytes: &[u8]) -> Result<Document, Error> {
    with_root(bytes, |root| {
        let mut document = header::read(root);
        body::read(root, &mut document, None);
        document
    })
}

/// Reads the header of a document and not a word of its body, which [`Document::level`] still tells: for knowing whose
/// it is, what it is and what it replaces. `bytes` may be the beginning of a document alone, if the body begins in it.
///
/// The header is what [`read`] gives, but for [`Document::body`] and [`Document::copy`], which are left out. Two
/// differences come of not looking further: what is wrong in the body is not noticed, and header elements after the body,
/// where the schema has none, are not found.
///
/// # Errors
/// Those of [`read`], as far as the header goes.
pub fn read_header(bytes: &[u8]) -> Result<Document, Error> {
    if bytes.len() > MAX_BYTES {
        return Err(Error::TooLarge { size: bytes.len(), limit: MAX_BYTES });
    }
    // Where the header alone is not well-formed the whole is not either, and its reader knows the line.
    if let Some(header) = stream::header(bytes)?
        && let Ok(tree) = xml::parse_shaped(&header.text, MAX_NODES)
        && let Some(root) = clinical_document(tree.root_element())
    {
        let mut document = header::read(root);
        match header.level {
            Some(level) => document.level = level,
            None => document.problems.push(body::NONE.into()),
        }
        return Ok(document);
    }
    let mut document = read(bytes)?;
    (document.body, document.copy) = (None, None);
    Ok(document)
}

/// Reads a document with its narrative, its embedded files and its laboratory results. What is beyond
/// [`crate::Limits`] is left out, and `header.problems` says so.
///
/// # Errors
/// Those of [`read`].
pub fn read_whole(bytes: &[u8]) -> Result<Whole, Error> {
    with_root(bytes, |root| {
        let mut header = header::read(root);
        let mut problems = Vec::new();
        let (media, names) = body::files(root, &mut problems);
        body::read(root, &mut header, Some(&media));
        let mut reader = Reader::new(&names);
        let body = tree::at(root, &["component", "structuredBody"]);
        let sections = body.map(|body| reader.sections(body, 0)).unwrap_or_default();
        problems.append(&mut reader.problems);
        let laboratory = body.map(|body| lab::read(body, &mut problems)).unwrap_or_default();
        header.problems.append(&mut problems);
        let name = root.document().root_element().tag_name().name().chars().take(80).collect();
        let has_mark = bytes.starts_with(b"\xef\xbb\xbf")
            || bytes.starts_with(b"\xff\xfe")
            || bytes.starts_with(b"\xfe\xff");
        Whole { header, root: name, has_mark, sections, media, laboratory }
    })
}

/// Parses, with every guard, and hands over `ClinicalDocument`.
fn with_root<T>(bytes: &[u8], then: impl FnOnce(Node<'_, '_>) -> T) -> Result<T, Error> {
    if bytes.len() > MAX_BYTES {
        return Err(Error::TooLarge { size: bytes.len(), limit: MAX_BYTES });
    }
    let text = decode(bytes)?;
    let tree = xml::parse(&text, MAX_NODES)?;
    let root = clinical_document(tree.root_element()).ok_or_else(|| Error::NotCda {
        root: tree.root_element().tag_name().name().chars().take(80).collect(),
    })?;
    Ok(then(root))
}

/// Whether the bytes look like a CDA, from their beginning alone: for telling documents apart, not for judging them.
pub fn looks_like_cda(bytes: &[u8]) -> bool {
    let head: Vec<u8> = bytes.iter().copied().take(16 * 1024).filter(|&b| b != 0).collect();
    let marked = head.windows(16).any(|word| word == b"ClinicalDocument");
    let start = head.strip_prefix(b"\xef\xbb\xbf").or(head.strip_prefix(b"\xff\xfe")).unwrap_or(&head);
    marked && start.trim_ascii_start().first().is_some_and(|&b| b == b'<' || b >= 0x80)
}

/// The root, or the first descendant of that name: three published examples are style sheets around a document.
fn clinical_document<'a, 'i>(root: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    root.descendants().find(|node| node.has_tag_name((NAMESPACE, "ClinicalDocument")))
}
