/// An element of a page. Names and keys are constants: nothing that was read can become one.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Tag(Tag),
    Text(String),
}

impl Tag {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), children: Vec::new() }
    }

    pub(super) fn attribute(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((key, value.into()));
        self
    }

    pub(super) fn class(self, name: impl Into<String>) -> Self {
        self.attribute("class", name)
    }

    pub(super) fn with(mut self, child: Self) -> Self {
        self.push(child);
        self
    }

    pub(super) fn text(mut self, text: impl Into<String>) -> Self {
        self.push_text(text);
        self
    }

    pub(super) fn push(&mut self, child: Self) {
        self.children.push(Piece::Tag(child));
    }

    pub(super) fn push_text(&mut self, text: impl Into<String>) {
        self.children.push(Piece::Text(text.into()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// As HTML that is well-formed XML too.
    pub(super) fn write(&self) -> String {
        let mut out = String::new();
        self.write_into(&mut out);
        out
    }

    fn write_into(&self, out: &mut String) {
        out.push('<');
        out.push_str(self.name);
        for (key, value) in &self.attributes {
            out.push(' ');
            out.push_str(key);
            out.push_str("=\"");
            escape(value, out);
            out.push('"');
        }
        if matches!(self.name, "br" | "img" | "meta") {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for child in &self.children {
            match child {
                Piece::Tag(tag) => tag.write_into(out),
                Piece::Text(text) if self.name == "style" => out.push_str(text), // a constant, and raw text in HTML
                Piece::Text(text) => escape(text, out),
            }
        }
        out.push_str("</");
        out.push_str(self.name);
        out.push('>');
    }
}

/// Characters that neither XML nor HTML may hold become spaces.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_stays_text() {
        let tag = Tag::new("p").attribute("id", "a\"b<'&").text("<script>\u{0}&").with(Tag::new("br"));
        assert_eq!(tag.write(), "<p id=\"a&quot;b&lt;&#39;&amp;\">&lt;script&gt; &amp;<br/></p>");
    }
}
