use cda::html::Options;

/// Elements that a page may hold.
const ELEMENTS: &[&str] = &[
    "a",
    "article",
    "aside",
    "b",
    "blockquote",
    "body",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "html",
    "i",
    "img",
    "ins",
    "li",
    "main",
    "mark",
    "meta",
    "nav",
    "ol",
    "p",
    "pre",
    "s",
    "section",
    "small",
    "span",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "title",
    "tr",
    "u",
    "ul",
];

/// A document read, shown as a page and as text: the page is well formed, holds known elements alone, and loads nothing.
pub(crate) fn cda(bytes: &[u8]) {
    let _ = cda::looks_like_cda(bytes);
    if let Ok(text) = cda::decode(bytes) {
        let _ = cda::xml::parse(&text, cda::MAX_NODES);
    }
    let _ = cda::lab::results(bytes);
    let header = cda::read(bytes);
    let whole = cda::read_whole(bytes);
    assert_eq!(header.is_ok(), whole.is_ok(), "the two readings agree on what is a document");
    let Ok(whole) = whole else { return };
    let _ = cda::text::plain(&whole);
    let _ = (whole.masking(), whole.pdf(), whole.is_laboratory_report(), whole.all_sections().len());
    for result in &whole.laboratory.results {
        let _ = (result.is_notable(), result.outside(), result.interpretation(), result.value());
    }
    let page = cda::html::page(&whole, &Options::default());
    let xml = page.strip_prefix("<!DOCTYPE html>\n").expect("a page starts with its type");
    let tree = roxmltree::Document::parse(xml).expect("a page is well formed");
    for node in tree.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        assert!(ELEMENTS.contains(&name), "an element that no page should hold: {name}");
        for attribute in node.attributes() {
            let (key, value) = (attribute.name(), attribute.value().trim().to_ascii_lowercase());
            assert!(!key.starts_with("on") && key != "style", "an attribute that no page should hold: {key}");
            match key {
                "src" => assert!(value.starts_with("data:image/"), "a picture from elsewhere: {value}"),
                "href" => assert!(
                    ["#", "https:", "http:", "mailto:", "tel:"].iter().any(|start| value.starts_with(start)),
                    "a link to a place that no page should lead to: {value}"
                ),
                _ => {}
            }
        }
    }
}

/// A document set on pages: a PDF, or a stated refusal.
pub(crate) fn pdfa(bytes: &[u8]) {
    let Ok(document) = cda::read(bytes) else { return };
    let mut limits = pdfa::Limits::default();
    // The fuzzer's time goes into many documents, not into a long one.
    limits.pages = limits.pages.min(8);
    if let Ok(pdf) = pdfa::render_within(&document, bytes, &limits)
        && pdf.origin == pdfa::Origin::Rendered
    {
        assert!(pdf.bytes.starts_with(b"%PDF-1.4"), "PDF/A-1 is PDF 1.4");
        assert!(pdf.pages.is_some_and(|pages| (1..=8).contains(&pages)));
    }
}

/// An archive opened within small limits: what comes out is within them, whatever the archive says.
pub(crate) fn xdm(bytes: &[u8]) {
    let mut limits = xdm::Limits::default();
    limits.entries = 20;
    limits.entry = 256 * 1024;
    limits.total = 512 * 1024;
    let Ok(archive) = xdm::Archive::open(bytes, &limits) else { return };
    assert!(archive.files.len() <= limits.entries);
    for document in &archive.documents {
        assert!(document.bytes.len() as u64 <= limits.entry);
    }
    for (_, document) in archive.cdas() {
        let _ = document;
    }
    for problem in &archive.problems {
        let _ = problem.to_string();
    }
}

/// A matricule and what is deduced of it; what was read is read again as the same.
pub(crate) fn matricule(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(read) = ins::Matricule::parse(text) {
        assert_eq!(ins::Matricule::parse(read.as_str()).as_ref(), Ok(&read));
        let _ = read.deduced();
        let made = ins::Matricule::from_body(read.body()).expect("its body has the shape of one");
        assert!(made.key_is_right());
        assert_eq!(made == read, read.key_is_right(), "one key is right");
    }
    let _ = ins::Matricule::from_body(text);
    let _ = (ins::folded(text), ins::unaccented(text));
}
