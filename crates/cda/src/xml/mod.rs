//! XML from strangers, parsed with care ([`parse`]), and small documents, written element by element ([`Xml`]): what CDA
//! headers and XDM metadata need, and no more.
//!
//! When writing, escaping is quick-xml's; characters that XML 1.0 cannot hold (§2.2) become spaces here, so that whatever text comes
//! in, what goes out is well-formed.

mod parse;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

pub use parse::parse;
pub(crate) use parse::{MOST_ATTRIBUTES, MOST_DEPTH, MOST_IN_FORCE, parse_shaped};

/// Attributes, in the order in which they are written.
pub type Attributes<'a> = &'a [(&'a str, &'a str)];

/// A writer into memory, indented by a space a level.
pub struct Xml {
    writer: Writer<Vec<u8>>,
    open: Vec<String>,
}

impl std::fmt::Debug for Xml {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Xml").field("open", &self.open).finish_non_exhaustive()
    }
}

impl Default for Xml {
    fn default() -> Self {
        Self::new()
    }
}

impl Xml {
    /// Begins with the declaration of XML 1.0 in UTF-8.
    pub fn new() -> Self {
        let mut xml = Self { writer: Writer::new_with_indent(Vec::new(), b' ', 1), open: Vec::new() };
        xml.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        xml
    }

    /// Opens an element.
    pub fn open(&mut self, name: &str, attributes: Attributes<'_>) {
        self.event(Event::Start(start(name, attributes)));
        self.open.push(name.to_owned());
    }

    /// Closes the element opened last. Without one, nothing happens.
    pub fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.event(Event::End(BytesEnd::new(name)));
        }
    }

    /// An element without content.
    pub fn empty(&mut self, name: &str, attributes: Attributes<'_>) {
        self.event(Event::Empty(start(name, attributes)));
    }

    /// An element around a text.
    pub fn text(&mut self, name: &str, attributes: Attributes<'_>, text: &str) {
        self.event(Event::Start(start(name, attributes)));
        self.event(Event::Text(BytesText::new(&clean(text))));
        self.event(Event::End(BytesEnd::new(name)));
    }

    /// Closes what is open, and gives the bytes.
    pub fn finish(mut self) -> Vec<u8> {
        while !self.open.is_empty() {
            self.close();
        }
        let mut bytes = self.writer.into_inner();
        bytes.push(b'\n');
        bytes
    }

    fn event(&mut self, event: Event<'_>) {
        self.writer.write_event(event).expect("memory takes every write");
    }
}

fn start<'a>(name: &'a str, attributes: Attributes<'_>) -> BytesStart<'a> {
    let mut start = BytesStart::new(name);
    for (key, value) in attributes {
        start.push_attribute((*key, clean(value).as_str()));
    }
    start
}

/// XML 1.0 §2.2: no control characters but tabulation and line ends, no U+FFFE nor U+FFFF.
fn clean(text: &str) -> String {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|c| if allowed(c) { c } else { ' ' }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_goes_in_comes_out_of_a_parser(key in any::<String>(), content in any::<String>()) {
            let mut xml = Xml::new();
            xml.open("a", &[("k", &key)]);
            xml.text("b", &[], &content);
            xml.empty("c", &[]);
            let bytes = xml.finish();
            let text = std::str::from_utf8(&bytes).unwrap();
            let tree = roxmltree::Document::parse(text).unwrap();
            let folded = |text: &str| clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
            let root = tree.root_element();
            prop_assert_eq!(folded(root.attribute("k").unwrap()), folded(&key));
            let b = root.children().find(|node| node.has_tag_name("b")).unwrap();
            prop_assert_eq!(folded(b.text().unwrap_or_default()), folded(&content));
        }
    }
}
