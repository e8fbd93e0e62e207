use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use roxmltree::Node;

use super::tree::{at, attribute, children};
use crate::{Document, Level, Media, NAMESPACE};

/// The code and the template of the section that holds the PDF copy of the whole document (spec 02 §2.2).
const COPY_CODE: &str = "55108-5";
const COPY_TEMPLATE: &str = "1.2.250.1.213.1.1.2.243";

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn read(root: Node<'_, '_>, document: &mut Document) {
    if let Some(body) = at(root, &["component", "structuredBody"]) {
        document.level = Level::N3;
        if let Some(value) = copy(body) {
            document.copy = media(value, &mut document.problems);
        }
    } else if let Some(text) = at(root, &["component", "nonXMLBody", "text"]) {
        document.body = media(text, &mut document.problems);
    } else {
        document.problems.push("there is neither a nonXMLBody nor a structuredBody".into());
    }
}

fn copy<'a, 'i: 'a>(body: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    let is_copy = |section: &Node<'a, 'i>| {
        let coded = at(*section, &["code"]).is_some_and(|code| code.attribute("code") == Some(COPY_CODE));
        let modelled = children(*section, "templateId")
            .any(|template| template.attribute("root") == Some(COPY_TEMPLATE));
        section.has_tag_name((NAMESPACE, "section")) && (coded || modelled)
    };
    let section = body.descendants().find(is_copy)?;
    let media = section.descendants().find(|node| node.has_tag_name((NAMESPACE, "observationMedia")))?;
    at(media, &["value"])
}

/// An ED data type: in base64, or as text.
fn media(node: Node<'_, '_>, problems: &mut Vec<String>) -> Option<Media> {
    let media_type = attribute(node, "mediaType").unwrap_or_else(|| "text/plain".into());
    let pieces = node.descendants().filter(Node::is_text).filter_map(|node| node.text());
    if !node.attribute("representation").is_some_and(|form| form.eq_ignore_ascii_case("B64")) {
        let bytes = pieces.flat_map(str::bytes).collect();
        return Some(Media { media_type, bytes });
    }
    let packed: Vec<u8> = pieces.flat_map(str::bytes).filter(|b| !b.is_ascii_whitespace()).collect();
    match BASE64.decode(packed) {
        Ok(bytes) => Some(Media { media_type, bytes }),
        Err(_) => {
            let line = node.document().text_pos_at(node.range().start).row;
            problems.push(format!("the file embedded at line {line} is not base64"));
            None
        }
    }
}
