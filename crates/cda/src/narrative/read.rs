use std::collections::{HashMap, HashSet};

use roxmltree::Node as Xml;

use super::{Align, Cell, Element, Kind, Node, Scope, Section, Style, Target};
use crate::read::{is_copy, tree};
use crate::{Limits, NAMESPACE};

/// Builds narratives from XML, counting what all of them take together.
pub(crate) struct Reader<'m> {
    /// Names of embedded files, and of regions of them, to indices.
    media: &'m HashMap<String, usize>,
    anchors: HashSet<String>,
    nodes: usize,
    sections: usize,
    /// What was left out.
    pub(crate) problems: Vec<String>,
}

impl<'m> Reader<'m> {
    pub(crate) fn new(media: &'m HashMap<String, usize>) -> Self {
        let (nodes, sections) = (Limits::NARRATIVE_NODES, Limits::SECTIONS);
        Self { media, anchors: HashSet::new(), nodes, sections, problems: Vec::new() }
    }

    /// The sections below `parent` (`structuredBody` or `section`).
    pub(crate) fn sections(&mut self, parent: Xml<'_, '_>, depth: usize) -> Vec<Section> {
        let mut found = Vec::new();
        for section in tree::children(parent, "component").flat_map(|node| tree::children(node, "section")) {
            if depth == Limits::SECTION_DEPTH || self.sections == 0 {
                self.problem("there are too many sections: some are left out");
                break;
            }
            self.sections -= 1;
            let code = tree::at(section, &["code"]).and_then(tree::code);
            let title = tree::at(section, &["title"]).map(tree::text).filter(|title| !title.is_empty());
            found.push(Section {
                title: title.or_else(|| Some(code.as_ref()?.display_name.clone())).unwrap_or_default(),
                confidentiality: tree::at(section, &["confidentialityCode"]).and_then(tree::code),
                text: tree::at(section, &["text"])
                    .map(|text| self.nodes(text, &Kind::Paragraph, 0))
                    .unwrap_or_default(),
                sections: self.sections(section, depth + 1),
                is_copy: is_copy(section),
                code,
            });
        }
        found
    }

    fn problem(&mut self, text: &str) {
        if !self.problems.iter().any(|known| known == text) {
            self.problems.push(text.to_owned());
        }
    }

    /// What an element holds. `within` is the nearest kept element around.
    fn nodes(&mut self, parent: Xml<'_, '_>, within: &Kind, depth: usize) -> Vec<Node> {
        let mut out = Vec::new();
        for child in parent.children() {
            if self.nodes == 0 {
                self.problem("the narrative is too long: its end is left out");
                break;
            }
            if let Some(text) = child.text().filter(|_| child.is_text()) {
                self.nodes -= 1;
                push_text(&mut out, text);
            } else if child.is_element() {
                self.nodes -= 1;
                self.element(child, within, depth, &mut out);
            }
        }
        out
    }

    fn element(&mut self, node: Xml<'_, '_>, within: &Kind, depth: usize, out: &mut Vec<Node>) {
        if depth >= Limits::NARRATIVE_DEPTH {
            self.problem("the narrative has too many elements within each other: they are shown as text");
            push_text(out, &bounded_text(node, &mut self.nodes));
            return;
        }
        let name = node.tag_name().name();
        if matches!(name.to_ascii_lowercase().as_str(), "script" | "style" | "template") {
            self.problem("the narrative holds a script or a style sheet: it is left out");
            return;
        }
        let Some(kind) = (node.tag_name().namespace() == Some(NAMESPACE)).then(|| kind(node, name, within))
        else {
            out.extend(self.nodes(node, within, depth + 1));
            return;
        };
        match kind {
            Piece::Break => out.push(Node::Break),
            Piece::Media => {
                let names = node.attribute("referencedObject").unwrap_or_default();
                let media = self.media;
                let mut found: Vec<Node> = names
                    .split_whitespace()
                    .take(16)
                    .map(|name| Node::Media(media.get(name).copied()))
                    .collect();
                if found.is_empty() {
                    found.push(Node::Media(None));
                }
                out.append(&mut found);
                out.extend(self.nodes(node, within, depth + 1)); // its caption
            }
            Piece::Nothing => {}
            Piece::Transparent => out.extend(self.nodes(node, within, depth + 1)),
            Piece::Kept(kind) => {
                let children = shaped(&kind, self.nodes(node, &kind, depth + 1));
                let anchor =
                    node.attribute("ID").and_then(anchor).filter(|id| self.anchors.insert(id.clone()));
                let styles = node.attribute("styleCode").map(Style::parse).unwrap_or_default();
                out.push(Node::Element(Element { kind, anchor, styles, children }));
            }
        }
    }
}

enum Piece {
    Kept(Kind),
    Transparent,
    Break,
    Media,
    Nothing,
}

/// The allow-list. A part of a table or of a list away from it becomes a paragraph.
fn kind(node: Xml<'_, '_>, name: &str, within: &Kind) -> Piece {
    let group = matches!(within, Kind::Head | Kind::Body | Kind::Foot);
    let in_row = matches!(within, Kind::Row);
    let in_table = matches!(within, Kind::Table);
    let parts = |fits: bool, kind: Kind| Piece::Kept(if fits { kind } else { Kind::Paragraph });
    match name {
        "paragraph" => Piece::Kept(Kind::Paragraph),
        "content" => Piece::Kept(match node.attribute("revised") {
            Some("insert") => Kind::Inserted,
            Some("delete") => Kind::Deleted,
            _ => Kind::Content,
        }),
        "sub" => Piece::Kept(Kind::Subscript),
        "sup" => Piece::Kept(Kind::Superscript),
        "list" => Piece::Kept(Kind::List { ordered: node.attribute("listType") == Some("ordered") }),
        "item" => parts(matches!(within, Kind::List { .. }), Kind::Item),
        "caption" => Piece::Kept(Kind::Caption),
        "table" => Piece::Kept(Kind::Table),
        "thead" => parts(in_table, Kind::Head),
        "tbody" => parts(in_table, Kind::Body),
        "tfoot" => parts(in_table, Kind::Foot),
        "tr" => parts(in_table || group, Kind::Row),
        "td" | "th" => parts(in_row, Kind::Cell(cell(node, name == "th"))),
        "col" | "colgroup" => Piece::Nothing,
        "br" => Piece::Break,
        "renderMultiMedia" => Piece::Media,
        "linkHtml" if matches!(within, Kind::Link(_)) => Piece::Transparent,
        "linkHtml" => Piece::Kept(Kind::Link(Target::parse(node.attribute("href").unwrap_or_default()))),
        "footnote" => Piece::Kept(Kind::Note),
        "footnoteRef" => match node.attribute("IDREF").and_then(anchor) {
            Some(id) => Piece::Kept(Kind::NoteReference(id)),
            None => Piece::Nothing,
        },
        _ => Piece::Transparent,
    }
}

fn cell(node: Xml<'_, '_>, is_header: bool) -> Cell {
    let span = |name, most: u16| {
        node.attribute(name).and_then(|text| text.trim().parse::<u16>().ok()).unwrap_or(1).clamp(1, most)
    };
    let word = |name| node.attribute(name).map(|text| text.trim().to_ascii_lowercase());
    Cell {
        is_header,
        columns: span("colspan", Limits::COLUMN_SPAN),
        rows: span("rowspan", Limits::ROW_SPAN),
        align: word("align").and_then(|align| match align.as_str() {
            "left" => Some(Align::Left),
            "center" => Some(Align::Center),
            "right" => Some(Align::Right),
            "justify" => Some(Align::Justify),
            _ => None,
        }),
        scope: word("scope").and_then(|scope| match scope.as_str() {
            "row" => Some(Scope::Row),
            "col" => Some(Scope::Column),
            "rowgroup" => Some(Scope::RowGroup),
            "colgroup" => Some(Scope::ColumnGroup),
            _ => None,
        }),
    }
}

/// An `ID` that can be written anywhere; others are left out.
pub(super) fn anchor(id: &str) -> Option<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (!id.is_empty() && id.len() <= 200 && id.bytes().all(allowed)).then(|| id.to_owned())
}

/// Puts what stands in a table, a group, a row or a list, and cannot, into the part that is missing.
fn shaped(kind: &Kind, children: Vec<Node>) -> Vec<Node> {
    let fits: fn(&Kind) -> bool = match kind {
        Kind::Table => |child| matches!(child, Kind::Caption | Kind::Head | Kind::Body | Kind::Foot),
        Kind::Head | Kind::Body | Kind::Foot => |child| matches!(child, Kind::Row),
        Kind::Row => |child| matches!(child, Kind::Cell(_)),
        Kind::List { .. } => |child| matches!(child, Kind::Item | Kind::Caption),
        _ => return children,
    };
    let mut out: Vec<Node> = Vec::with_capacity(children.len());
    let mut stray: Vec<Node> = Vec::new();
    for child in children {
        if child.element().is_some_and(|element| fits(&element.kind)) {
            wrap(kind, &mut stray, &mut out);
            out.push(child);
        } else {
            stray.push(child);
        }
    }
    wrap(kind, &mut stray, &mut out);
    if matches!(kind, Kind::Table | Kind::List { .. }) {
        let is_caption = |node: &Node| node.element().is_some_and(|element| element.kind == Kind::Caption);
        out.sort_by_key(|node| !is_caption(node)); // stable
    }
    out
}

fn wrap(kind: &Kind, stray: &mut Vec<Node>, out: &mut Vec<Node>) {
    let stray = std::mem::take(stray);
    if stray.iter().all(|node| node.is_blank() || *node == Node::Break) {
        return;
    }
    let missing = match kind {
        Kind::Table => Kind::Body,
        Kind::Head | Kind::Body | Kind::Foot => Kind::Row,
        Kind::Row => Kind::Cell(Cell::plain()),
        _ => Kind::Item,
    };
    let children = shaped(&missing, stray);
    out.push(Node::Element(Element::plain(missing, children)));
}

/// Adds text with its blanks folded to single spaces.
fn push_text(out: &mut Vec<Node>, text: &str) {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        // Blanks of XML only: a no-break space was put there on purpose.
        if matches!(c, ' ' | '\t' | '\r' | '\n') {
            if !folded.ends_with(' ') {
                folded.push(' ');
            }
        } else {
            folded.push(c);
        }
    }
    match out.last_mut() {
        Some(Node::Text(last)) if last.ends_with(' ') => last.push_str(folded.trim_start_matches(' ')),
        Some(Node::Text(last)) => last.push_str(&folded),
        _ => out.push(Node::Text(folded)),
    }
}

fn bounded_text(node: Xml<'_, '_>, left: &mut usize) -> String {
    let mut out = String::new();
    for node in node.descendants() {
        if *left == 0 {
            break;
        }
        *left -= 1;
        if let Some(text) = node.text().filter(|_| node.is_text()) {
            out.push_str(text);
        }
    }
    out
}
