//! The narrative of a document (StrucDocText, CDA R2 §4.3.5), section by section, as blocks.
//!
//! Unknown elements give their text: whatever a sender writes, no word of it is lost. Nothing is fetched; links are
//! printed, because paper cannot be clicked.

mod table;

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use cda::{Media, NAMESPACE};
use roxmltree::Node;

use crate::content::{Block, Shift, Span, Style};
use crate::picture::{self, Kind, Picture};
use crate::{Error, Limits};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The sections of a document of level 3.
pub(crate) fn read(source: &[u8], limits: &Limits) -> Result<Vec<Block>, Error> {
    if source.len() > cda::MAX_BYTES {
        return Err(cda::Error::TooLarge { size: source.len(), limit: cda::MAX_BYTES }.into());
    }
    let text = cda::decode(source)?;
    let tree = cda::xml::parse(&text, cda::MAX_NODES)?;
    let root = tree.descendants().find(|node| node.has_tag_name((NAMESPACE, "ClinicalDocument")));
    let body = root.and_then(|root| child(child(root, "component")?, "structuredBody"));
    let Some(body) = body else { return Err(Error::Body { found: "missing".into() }) };
    let mut reader = Reader::new(body, limits);
    let mut blocks = Vec::new();
    reader.sections(body, 1, &mut blocks)?;
    Ok(blocks)
}

/// A body of level 1 that is no PDF: plain text, or a picture.
pub(crate) fn flat(body: Option<&Media>, limits: &Limits) -> Result<Vec<Block>, Error> {
    let body = body.ok_or_else(|| Error::Body { found: "missing".into() })?;
    if let Some(picture) = picture::read(&body.bytes, limits.pixels) {
        return Ok(vec![Block::Picture(Arc::new(picture))]);
    }
    let plain = body.media_type.to_ascii_lowercase().starts_with("text/plain");
    match std::str::from_utf8(&body.bytes) {
        Ok(text) if plain => {
            if text.chars().count() > limits.characters {
                return Err(Error::TooLarge { what: "characters", limit: limits.characters });
            }
            let line = |line: &str| Block::Paragraph(vec![Span::new(line.trim_end(), Style::default())]);
            Ok(text.lines().map(line).collect())
        }
        _ => {
            let declared = body.media_type.chars().filter(char::is_ascii_graphic).take(60).collect();
            Err(Error::Body { found: declared })
        }
    }
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name((NAMESPACE, name)))
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is shared by all sections: where embedded files are, and what was spent.
struct Reader<'a, 'i, 'l> {
    media: HashMap<&'a str, Node<'a, 'i>>,
    pictures: HashMap<&'a str, Option<Arc<Picture>>>,
    limits: &'l Limits,
    characters: usize,
    cells: usize,
    pixels: u64,
}

impl<'a, 'i, 'l> Reader<'a, 'i, 'l> {
    fn new(body: Node<'a, 'i>, limits: &'l Limits) -> Self {
        let mut media = HashMap::new();
        for node in body.descendants().filter(|node| node.has_tag_name((NAMESPACE, "observationMedia"))) {
            // A region of interest is named by its own ID and holds the picture that it is a part of.
            let region = node.ancestors().find(|node| node.has_tag_name((NAMESPACE, "regionOfInterest")));
            for named in [Some(node), region].into_iter().flatten() {
                if let (Some(id), Some(value)) = (named.attribute("ID"), child(node, "value")) {
                    media.entry(id).or_insert(value);
                }
            }
        }
        Self { media, pictures: HashMap::new(), limits, characters: 0, cells: 0, pixels: 0 }
    }

    fn sections(&mut self, parent: Node<'a, 'i>, level: usize, out: &mut Vec<Block>) -> Result<(), Error> {
        for component in parent.children().filter(|node| node.has_tag_name((NAMESPACE, "component"))) {
            let Some(section) = child(component, "section") else { continue };
            let title = child(section, "title").map(|node| {
                let text = node.descendants().filter(Node::is_text).filter_map(|node| node.text());
                folded(&text.collect::<String>())
            });
            if let Some(title) = title.filter(|title| !title.is_empty()) {
                self.count(title.chars().count())?;
                out.push(Block::Heading { level, text: vec![Span::new(title, Style::default())] });
            }
            if let Some(text) = child(section, "text") {
                out.extend(self.blocks(text, Style::default(), 0)?);
            }
            self.sections(section, level + 1, out)?;
        }
        Ok(())
    }

    /// The content of an element, mixed or not.
    fn blocks(&mut self, node: Node<'a, 'i>, style: Style, depth: usize) -> Result<Vec<Block>, Error> {
        let mut flow = Flow::default();
        self.walk(node, style, depth, &mut flow)?;
        flow.end();
        Ok(flow.blocks)
    }

    fn walk(
        &mut self,
        parent: Node<'a, 'i>,
        style: Style,
        depth: usize,
        flow: &mut Flow,
    ) -> Result<(), Error> {
        if depth > Limits::DEPTH {
            for text in parent.descendants().filter(Node::is_text).filter_map(|node| node.text()) {
                self.count(text.chars().count())?;
                flow.text(text, style);
            }
            return Ok(());
        }
        for node in parent.children() {
            if let Some(text) = node.text().filter(|_| node.is_text()) {
                self.count(text.chars().count())?;
                flow.text(text, style);
                continue;
            }
            if !node.is_element() {
                continue;
            }
            self.count(Limits::ELEMENT)?;
            let style = styled(node, style);
            match node.tag_name().name() {
                "br" => flow.line_break(style),
                "paragraph" => {
                    flow.end();
                    self.walk(node, style, depth + 1, flow)?;
                    flow.end();
                }
                "caption" => {
                    flow.end();
                    self.walk(node, Style { bold: true, ..style }, depth + 1, flow)?;
                    flow.end();
                }
                "list" => {
                    flow.end();
                    self.list(node, style, depth + 1, flow)?;
                }
                "table" => {
                    flow.end();
                    self.table(node, style, depth + 1, flow)?;
                }
                "sup" => self.walk(node, Style { shift: Shift::Up, ..style }, depth + 1, flow)?,
                "sub" => self.walk(node, Style { shift: Shift::Down, ..style }, depth + 1, flow)?,
                "linkHtml" => self.link(node, style, depth + 1, flow)?,
                "footnote" => {
                    flow.text(" (note : ", style);
                    self.walk(node, style, depth + 1, flow)?;
                    flow.text(") ", style);
                }
                "renderMultiMedia" => self.embedded(node, style, depth + 1, flow)?,
                _ => self.walk(node, style, depth + 1, flow)?,
            }
        }
        Ok(())
    }

    fn list(&mut self, list: Node<'a, 'i>, style: Style, depth: usize, flow: &mut Flow) -> Result<(), Error> {
        let ordered = list.attribute("listType").is_some_and(|kind| kind.eq_ignore_ascii_case("ordered"));
        let mut items = Vec::new();
        for node in list.children().filter(Node::is_element) {
            self.count(Limits::ELEMENT)?;
            let style = styled(node, style);
            if node.tag_name().name() == "caption" {
                flow.blocks.extend(self.blocks(node, Style { bold: true, ..style }, depth + 1)?);
            } else {
                items.push(self.blocks(node, style, depth + 1)?);
            }
        }
        if !items.is_empty() {
            flow.blocks.push(Block::List { ordered, items });
        }
        Ok(())
    }

    /// The text, and its target where that is an address that can be typed and is not the text itself. Relative names and
    /// scripts are nothing to a reader on paper.
    fn link(&mut self, node: Node<'a, 'i>, style: Style, depth: usize, flow: &mut Flow) -> Result<(), Error> {
        let said: String = node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect();
        self.walk(node, Style { underline: true, ..style }, depth, flow)?;
        let target = folded(node.attribute("href").unwrap_or_default());
        let lower = target.to_ascii_lowercase();
        let known = ["http://", "https://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme));
        if known && !folded(&said).contains(&target) {
            self.count(target.chars().count())?;
            flow.text(&if said.trim().is_empty() { target } else { format!(" ({target})") }, style);
        }
        Ok(())
    }

    /// An embedded file: the picture where it is one, else a line that names it. The caption comes after.
    fn embedded(
        &mut self,
        node: Node<'a, 'i>,
        style: Style,
        depth: usize,
        flow: &mut Flow,
    ) -> Result<(), Error> {
        flow.end();
        for id in node.attribute("referencedObject").unwrap_or_default().split_whitespace() {
            let block = match self.media.get_key_value(id).map(|(&id, &value)| (id, value)) {
                Some((id, value)) => self.picture(id, value),
                None => Block::Note("Document joint absent du CDA.".into()),
            };
            flow.blocks.push(block);
        }
        self.walk(node, Style { italic: true, ..style }, depth, flow)?;
        flow.end();
        Ok(())
    }

    fn picture(&mut self, id: &'a str, value: Node<'a, 'i>) -> Block {
        if let Some(Some(picture)) = self.pictures.get(id) {
            return Block::Picture(Arc::clone(picture));
        }
        let packed: Vec<u8> = value
            .descendants()
            .filter(Node::is_text)
            .filter_map(|node| node.text())
            .flat_map(str::bytes)
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        let Ok(bytes) = BASE64.decode(packed) else {
            return Block::Note("Document joint illisible (base64 incorrect).".into());
        };
        let left = self.limits.all_pixels.saturating_sub(self.pixels).min(self.limits.pixels);
        let picture = picture::read(&bytes, left).map(Arc::new);
        self.pictures.insert(id, picture.clone());
        if let Some(picture) = picture {
            self.pixels += u64::from(picture.width) * u64::from(picture.height);
            return Block::Picture(picture);
        }
        let what = match Kind::of(&bytes) {
            Kind::Pdf => "PDF".to_owned(),
            Kind::Png => "image PNG non reproduite".to_owned(),
            Kind::Jpeg => "image JPEG non reproduite".to_owned(),
            Kind::Other => {
                let declared = value.attribute("mediaType").unwrap_or("type inconnu");
                declared.chars().filter(|c| !c.is_control()).take(60).collect()
            }
        };
        Block::Note(format!("Document joint au CDA : {what}, {}.", size(bytes.len())))
    }

    fn count(&mut self, characters: usize) -> Result<(), Error> {
        self.characters += characters;
        let limit = self.limits.characters;
        if self.characters > limit { Err(Error::TooLarge { what: "characters", limit }) } else { Ok(()) }
    }
}

/// In the units of French readers.
fn size(octets: usize) -> String {
    match octets {
        0..1_000 => format!("{octets} octets"),
        1_000..1_000_000 => format!("{} Ko", octets.div_ceil(1_000)),
        _ => format!("{},{} Mo", octets / 1_000_000, octets % 1_000_000 / 100_000),
    }
}

/// `styleCode`: words, in any case; unknown ones say nothing (spec: CDA R2 §4.3.5.11.14).
fn styled(node: Node<'_, '_>, mut style: Style) -> Style {
    for word in node.attribute("styleCode").unwrap_or_default().split_whitespace() {
        match word.to_ascii_lowercase().as_str() {
            "bold" => style.bold = true,
            "italics" | "emphasis" => style.italic = true,
            "bolditalics" => (style.bold, style.italic) = (true, true),
            "underline" => style.underline = true,
            _ => {}
        }
    }
    match node.attribute("revised") {
        Some("delete") => style.strike = true,
        Some("insert") => style.underline = true,
        _ => {}
    }
    style
}

/// Blocks under construction: white space folds as in HTML, across elements.
#[derive(Default)]
struct Flow {
    blocks: Vec<Block>,
    line: Vec<Span>,
    /// A space is due before the next word.
    space: bool,
}

impl Flow {
    fn text(&mut self, text: &str, style: Style) {
        for (index, piece) in text.split([' ', '\t', '\n', '\r']).enumerate() {
            if index > 0 {
                self.space = true;
            }
            if piece.is_empty() {
                continue;
            }
            if self.space && self.line.last().is_some_and(|last| !last.text.ends_with('\n')) {
                self.push(" ", style);
            }
            self.space = false;
            self.push(piece, style);
        }
    }

    fn line_break(&mut self, style: Style) {
        self.space = false;
        let blank = self.line.last().is_none_or(|last| last.text.ends_with("\n\n"));
        if !blank {
            self.push("\n", style);
        }
    }

    fn push(&mut self, text: &str, style: Style) {
        match self.line.last_mut() {
            Some(last) if last.style == style => last.text.push_str(text),
            _ => self.line.push(Span::new(text, style)),
        }
    }

    /// Ends a paragraph, without the breaks at its end.
    fn end(&mut self) {
        self.space = false;
        while let Some(last) = self.line.last_mut() {
            let kept = last.text.trim_end_matches([' ', '\n']).len();
            last.text.truncate(kept);
            if kept > 0 {
                break;
            }
            self.line.pop();
        }
        if !self.line.is_empty() {
            self.blocks.push(Block::Paragraph(std::mem::take(&mut self.line)));
        }
    }
}
