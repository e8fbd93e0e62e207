use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Options;
use super::tree::Tag;
use crate::media::{Embedded, FileKind, Place};
use crate::narrative::{Align, Cell, Element, Kind, Node, Scope, Section, Style, Target};
use crate::{Level, Limits, Whole, french};

/// Makes the body of a page.
pub(super) struct Writer<'d> {
    document: &'d Whole,
    options: &'d Options,
    /// Anchors that exist, so that no link leads nowhere.
    anchors: HashSet<&'d str>,
    /// Octets of pictures that may still be shown.
    left: usize,
    shown: HashSet<usize>,
}

impl<'d> Writer<'d> {
    pub(super) fn new(document: &'d Whole, options: &'d Options) -> Self {
        let mut anchors = HashSet::new();
        for section in document.all_sections() {
            collect(&section.text, &mut anchors);
        }
        Self { document, options, anchors, left: Limits::PICTURES_BYTES, shown: HashSet::new() }
    }

    pub(super) fn body(&mut self) -> Tag {
        let mut main = Tag::new("div").class("body");
        if self.document.header.level == Level::N1 {
            self.whole_file(&mut main);
        }
        for section in &self.document.sections {
            main.push(self.section(section, 2));
        }
        self.attached(&mut main);
        main
    }

    /// The body of level 1.
    fn whole_file(&mut self, main: &mut Tag) {
        let Some(index) = self.document.media.iter().position(|file| file.place == Place::Body) else {
            main.push(notice("Ce document n’a pas de contenu lisible."));
            return;
        };
        let file = &self.document.media[index];
        if matches!(file.kind, FileKind::Text) {
            self.shown.insert(index);
            main.push(Tag::new("pre").text(String::from_utf8_lossy(&file.media.bytes)));
        } else if file.is_picture() {
            main.push(self.media(Some(index)));
        } else {
            self.shown.insert(index);
            main.push(notice(&format!("Le contenu de ce document est un fichier : {}.", describe(file))));
        }
    }

    /// Files that the narrative does not show.
    fn attached(&mut self, main: &mut Tag) {
        let mut list = Tag::new("ul");
        for (index, file) in self.document.media.iter().enumerate() {
            if !self.shown.contains(&index) {
                list.push(Tag::new("li").class("file").text(describe(file)));
            }
        }
        if !list.is_empty() {
            main.push(
                Tag::new("section").with(Tag::new("h2").text("Fichiers joints au document")).with(list),
            );
        }
    }

    fn section(&mut self, section: &'d Section, level: usize) -> Tag {
        let mut out = Tag::new("section");
        if !section.title.is_empty() {
            let names = ["h2", "h3", "h4", "h5", "h6"];
            out.push(Tag::new(names[level.clamp(2, 6) - 2]).text(section.title.as_str()));
        }
        self.flow(&section.text, &mut out);
        for inner in &section.sections {
            out.push(self.section(inner, level + 1));
        }
        out
    }

    /// Nodes where blocks may stand. Breaks and blanks next to blocks are dropped: blocks have their own distance.
    fn flow(&mut self, nodes: &'d [Node], out: &mut Tag) {
        let is_filler = |node: &Node| *node == Node::Break || node.is_blank();
        // Whether what follows, fillers aside, is a block or the end.
        let mut edge_after = vec![true; nodes.len() + 1];
        for (at, node) in nodes.iter().enumerate().rev() {
            edge_after[at] = if is_filler(node) { edge_after[at + 1] } else { stands_alone(node) };
        }
        let mut edge_before = true;
        for (at, node) in nodes.iter().enumerate() {
            if is_filler(node) {
                if !edge_before && !edge_after[at + 1] {
                    self.node(node, out);
                }
            } else {
                self.node(node, out);
                edge_before = stands_alone(node);
            }
        }
    }

    fn nodes(&mut self, nodes: &'d [Node], out: &mut Tag) {
        for node in nodes {
            self.node(node, out);
        }
    }

    fn node(&mut self, node: &'d Node, out: &mut Tag) {
        match node {
            Node::Text(text) => out.push_text(text.as_str()),
            Node::Break => out.push(Tag::new("br")),
            Node::Media(media) => out.push(self.media(*media)),
            Node::Element(element) => self.element(element, out),
        }
    }

    fn element(&mut self, element: &'d Element, out: &mut Tag) {
        if element.kind == Kind::Table {
            let mut table = self.tag("table", element);
            self.table(element, &mut table);
            out.push(Tag::new("div").class("table").attribute("tabindex", "0").with(table));
            return;
        }
        let mut tag = match &element.kind {
            Kind::Paragraph if has_block(&element.children) => self.styled("div", element, "p"),
            Kind::Paragraph => self.tag("p", element),
            Kind::Content if has_block(&element.children) => self.tag("div", element),
            Kind::Content => self.tag("span", element),
            Kind::Inserted => self.tag("ins", element),
            Kind::Deleted => self.tag("del", element),
            Kind::Subscript => self.tag("sub", element),
            Kind::Superscript => self.tag("sup", element),
            Kind::List { ordered: false } => return self.list(element, "ul", out),
            Kind::List { ordered: true } => return self.list(element, "ol", out),
            Kind::Item => self.tag("li", element),
            Kind::Caption => self.styled("div", element, "caption"),
            Kind::Link(target) => return self.link(target, element, out),
            Kind::Note => {
                let mut note = self.styled("span", element, "note");
                note.push_text(" [note : ");
                self.nodes(&element.children, &mut note);
                note.push_text("]");
                out.push(note);
                return;
            }
            Kind::NoteReference(id) => {
                let label = "voir la note";
                out.push(match self.anchors.contains(id.as_str()) {
                    true => Tag::new("a").attribute("href", self.address(id)).text(label),
                    false => Tag::new("span").class("note").text(label),
                });
                return;
            }
            // Only tables hold these, and they are written with them.
            Kind::Table | Kind::Head | Kind::Body | Kind::Foot | Kind::Row | Kind::Cell(_) => {
                self.tag("div", element)
            }
        };
        if element.kind.is_block() || has_block(&element.children) {
            self.flow(&element.children, &mut tag);
        } else {
            self.nodes(&element.children, &mut tag);
        }
        out.push(tag);
    }

    /// Captions before the list: HTML has none within.
    fn list(&mut self, element: &'d Element, name: &'static str, out: &mut Tag) {
        let mut list = self.tag(name, element);
        for node in &element.children {
            match node.element() {
                Some(inner) if inner.kind == Kind::Caption => self.element(inner, out),
                _ => self.node(node, &mut list),
            }
        }
        out.push(list);
    }

    fn table(&mut self, table: &'d Element, out: &mut Tag) {
        for part in table.children.iter().filter_map(Node::element) {
            let name = match part.kind {
                Kind::Caption => "caption",
                Kind::Head => "thead",
                Kind::Foot => "tfoot",
                _ => "tbody",
            };
            let mut group = self.tag(name, part);
            if part.kind == Kind::Caption {
                self.nodes(&part.children, &mut group);
            } else {
                for row in part.children.iter().filter_map(Node::element) {
                    group.push(self.row(row, part.kind == Kind::Head));
                }
                if group.is_empty() {
                    continue;
                }
            }
            out.push(group);
        }
    }

    fn row(&mut self, row: &'d Element, in_head: bool) -> Tag {
        let mut out = self.tag("tr", row);
        let only_headers = row
            .children
            .iter()
            .filter_map(Node::element)
            .all(|cell| matches!(&cell.kind, Kind::Cell(cell) if cell.is_header));
        for element in row.children.iter().filter_map(Node::element) {
            let Kind::Cell(cell) = &element.kind else { continue };
            let mut tag = self.cell(cell, element, in_head || only_headers);
            self.flow(&element.children, &mut tag);
            out.push(tag);
        }
        out
    }

    fn cell(&self, cell: &Cell, element: &Element, heads_columns: bool) -> Tag {
        let align = match cell.align {
            Some(Align::Center) => "a-center",
            Some(Align::Right) => "a-right",
            Some(Align::Justify) => "a-justify",
            Some(Align::Left) | None => "",
        };
        // An empty corner heads nothing.
        let heads = cell.is_header && !element.children.iter().all(Node::is_blank);
        let mut tag = self.styled(if heads { "th" } else { "td" }, element, align);
        if heads {
            let scope = match cell.scope {
                Some(Scope::Row) => "row",
                Some(Scope::Column) => "col",
                Some(Scope::RowGroup) => "rowgroup",
                Some(Scope::ColumnGroup) => "colgroup",
                None if heads_columns => "col",
                None => "row",
            };
            tag = tag.attribute("scope", scope);
        }
        if cell.columns > 1 {
            tag = tag.attribute("colspan", cell.columns.to_string());
        }
        if cell.rows > 1 {
            tag = tag.attribute("rowspan", cell.rows.to_string());
        }
        tag
    }

    fn link(&mut self, target: &'d Target, element: &'d Element, out: &mut Tag) {
        let said = text_of(&element.children);
        let (href, outside) = match target {
            Target::Web(address) | Target::Mail(address) => (Some(address.clone()), true),
            Target::Anchor(id) => (self.anchors.contains(id.as_str()).then(|| self.address(id)), false),
            Target::Elsewhere(_) | Target::Refused => (None, false),
        };
        let mut tag = self.tag(if href.is_some() { "a" } else { "span" }, element);
        if let Some(href) = href {
            tag = tag.attribute("href", href);
        }
        if outside {
            tag = tag.attribute("rel", "noopener noreferrer nofollow").attribute("target", "_blank");
        }
        self.nodes(&element.children, &mut tag);
        match target {
            Target::Web(address) | Target::Mail(address) if said.trim().is_empty() => {
                tag.push_text(address.as_str());
                out.push(tag);
            }
            Target::Web(address) | Target::Mail(address) => {
                out.push(tag);
                if said.trim() != address {
                    out.push(Tag::new("span").class("where").text(format!(" ({address})")));
                }
            }
            Target::Elsewhere(name) if said.trim() != name => {
                out.push(tag);
                out.push(Tag::new("span").class("where").text(format!(" ({name}, non joint)")));
            }
            Target::Elsewhere(_) => {
                out.push(tag);
                out.push(Tag::new("span").class("where").text(" (non joint)"));
            }
            Target::Anchor(_) => out.push(tag),
            Target::Refused => {
                out.push(tag);
                out.push(Tag::new("span").class("where").text(" (lien non suivi)"));
            }
        }
    }

    fn media(&mut self, index: Option<usize>) -> Tag {
        let Some((index, file)) = index.and_then(|index| Some((index, self.document.media.get(index)?)))
        else {
            return Tag::new("span").class("file").text("[image absente du document]");
        };
        self.shown.insert(index);
        let size = file.media.bytes.len();
        if !self.options.pictures || !file.is_picture() || size > self.left {
            return Tag::new("span").class("file").text(format!("[fichier joint : {}]", describe(file)));
        }
        self.left -= size;
        let source = format!("data:{};base64,{}", file.kind.media_type(), STANDARD.encode(&file.media.bytes));
        let alternative = match file.section.as_str() {
            "" => "Image du document".to_owned(),
            section => format!("Image du document ({section})"),
        };
        let mut figure =
            Tag::new("figure").with(Tag::new("img").attribute("src", source).attribute("alt", alternative));
        if !file.is_as_declared() {
            let claim = format!(
                "Cette image est de type {} ; le document l’annonce {}.",
                file.kind.media_type(),
                file.media.media_type.chars().take(80).collect::<String>()
            );
            figure.push(Tag::new("figcaption").text(claim));
        }
        figure
    }

    fn tag(&self, name: &'static str, element: &Element) -> Tag {
        self.styled(name, element, "")
    }

    fn styled(&self, name: &'static str, element: &Element, class: &str) -> Tag {
        let mut tag = Tag::new(name);
        if let Some(anchor) = &element.anchor {
            tag = tag.attribute("id", format!("{}{anchor}", self.prefix()));
        }
        let styles = element.styles.iter().map(|style| match style {
            Style::Bold => "s-bold",
            Style::Italics => "s-italics",
            Style::Underline => "s-underline",
            Style::Emphasis => "s-emphasis",
        });
        let classes: Vec<&str> =
            Some(class).filter(|class| !class.is_empty()).into_iter().chain(styles).collect();
        if classes.is_empty() { tag } else { tag.class(classes.join(" ")) }
    }

    fn address(&self, anchor: &str) -> String {
        format!("#{}{anchor}", self.prefix())
    }

    fn prefix(&self) -> String {
        self.options.anchors.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
    }
}

fn notice(text: &str) -> Tag {
    Tag::new("p").class("notice").text(text)
}

/// `PDF, 12 Ko`, with the claim where it is false.
fn describe(file: &Embedded) -> String {
    let size = french::size(file.media.bytes.len());
    let place = if file.place == Place::Copy { "copie du document, " } else { "" };
    let claim = match file.is_as_declared() {
        true => String::new(),
        false => format!(", annoncé {}", file.media.media_type.chars().take(80).collect::<String>()),
    };
    format!("{place}{}, {size}{claim}", file.kind.label())
}

fn has_block(nodes: &[Node]) -> bool {
    nodes
        .iter()
        .any(|node| stands_alone(node) || node.element().is_some_and(|element| has_block(&element.children)))
}

fn stands_alone(node: &Node) -> bool {
    match node {
        Node::Media(_) => true,
        Node::Element(element) => element.kind.is_block(),
        Node::Text(_) | Node::Break => false,
    }
}

fn text_of(nodes: &[Node]) -> String {
    nodes
        .iter()
        .map(|node| match node {
            Node::Text(text) => text.clone(),
            Node::Break => " ".into(),
            Node::Media(_) => String::new(),
            Node::Element(element) => text_of(&element.children),
        })
        .collect()
}

fn collect<'d>(nodes: &'d [Node], anchors: &mut HashSet<&'d str>) {
    for element in nodes.iter().filter_map(Node::element) {
        anchors.extend(element.anchor.as_deref());
        collect(&element.children, anchors);
    }
}
