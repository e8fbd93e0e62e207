use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use roxmltree::{Node, NodeId};

use super::tree::{at, attribute, children, text};
use crate::media::{Embedded, Place};
use crate::{Document, Level, Limits, Media, NAMESPACE};

/// The code and the template of the section that holds the PDF copy of the whole document (spec 02 §2.2).
const COPY_CODE: &str = "55108-5";
const COPY_TEMPLATE: &str = "1.2.250.1.213.1.1.2.243";

/// The problem of a document without a body.
pub(super) const NONE: &str = "there is neither a nonXMLBody nor a structuredBody";

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Level, body and copy. `files` are those that [`files`] has read; without them what is needed is decoded here.
pub(super) fn read(root: Node<'_, '_>, document: &mut Document, files: Option<&[Embedded]>) {
    let of = |files: &[Embedded], place| Some(files.iter().find(|file| file.place == place)?.media.clone());
    if let Some(body) = at(root, &["component", "structuredBody"]) {
        document.level = Level::N3;
        document.copy = match files {
            Some(files) => of(files, Place::Copy),
            None => copy(body).and_then(|value| media(value, &mut document.problems)),
        };
    } else if let Some(text) = at(root, &["component", "nonXMLBody", "text"]) {
        document.body = match files {
            Some(files) => of(files, Place::Body),
            None => media(text, &mut document.problems),
        };
    } else {
        document.problems.push(NONE.into());
    }
}

/// Whether this is the section of the copy.
pub(crate) fn is_copy(section: Node<'_, '_>) -> bool {
    let coded = || at(section, &["code"]).is_some_and(|code| code.attribute("code") == Some(COPY_CODE));
    let modelled =
        || children(section, "templateId").any(|model| model.attribute("root") == Some(COPY_TEMPLATE));
    section.has_tag_name((NAMESPACE, "section")) && (coded() || modelled())
}

fn copy<'a, 'i: 'a>(body: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    let section = body.descendants().find(|node| is_copy(*node))?;
    let media = section.descendants().find(|node| node.has_tag_name((NAMESPACE, "observationMedia")))?;
    at(media, &["value"])
}

/// Every file of the body, and the names under which the narrative refers to them: those of the files, and those of
/// the regions of pictures (`regionOfInterest`), which are shown whole.
pub(super) fn files(
    root: Node<'_, '_>,
    problems: &mut Vec<String>,
) -> (Vec<Embedded>, HashMap<String, usize>) {
    let (mut files, mut names) = (Vec::new(), HashMap::new());
    let Some(body) = at(root, &["component", "structuredBody"]) else {
        let file = at(root, &["component", "nonXMLBody", "text"]).and_then(|text| media(text, problems));
        files.extend(file.map(|file| Embedded::new(None, file, Place::Body, String::new())));
        return (files, names);
    };
    let copied = copy(body);
    let mut titles: HashMap<NodeId, String> = HashMap::new();
    let found = body.descendants().filter(|node| node.has_tag_name((NAMESPACE, "observationMedia")));
    for node in found {
        if files.len() == Limits::MEDIA {
            problems.push(format!("only the first {} embedded files are read", Limits::MEDIA));
            break;
        }
        let Some(value) = at(node, &["value"]) else { continue };
        if value.attribute("representation").is_none() && at(value, &["reference"]).is_some() {
            problems.push("a file is referred to and not embedded: it is not fetched".into());
            continue;
        }
        let section = node.ancestors().find(|node| node.has_tag_name((NAMESPACE, "section")));
        let title =
            section.map(|section| titles.entry(section.id()).or_insert_with(|| title(section)).clone());
        let place = if copied == Some(value) { Place::Copy } else { Place::Attached };
        let id = attribute(node, "ID");
        if let Some(media) = media(value, problems) {
            for id in id.iter().cloned().chain(region(node)) {
                names.entry(id).or_insert(files.len());
            }
            files.push(Embedded::new(id, media, place, title.unwrap_or_default()));
        }
    }
    (files, names)
}

/// The title of a section, short.
fn title(section: Node<'_, '_>) -> String {
    let title = at(section, &["title"]).map(text).unwrap_or_default();
    title.chars().take(Limits::REPEATED_TITLE_CHARS).collect()
}

/// The name of the region of interest that a picture stands in.
fn region(node: Node<'_, '_>) -> Option<String> {
    let region =
        node.ancestors().skip(1).take(3).find(|node| node.has_tag_name((NAMESPACE, "regionOfInterest")))?;
    attribute(region, "ID")
}

/// An ED data type: in base64, or as text.
fn media(node: Node<'_, '_>, problems: &mut Vec<String>) -> Option<Media> {
    let media_type = attribute(node, "mediaType").unwrap_or_else(|| "text/plain".into());
    let pieces = node.descendants().filter(Node::is_text).filter_map(|node| node.text());
    if !node.attribute("representation").is_some_and(|form| form.eq_ignore_ascii_case("B64")) {
        let bytes = pieces.flat_map(str::bytes).collect();
        return Some(Media { media_type, bytes });
    }
    let mut packed = Vec::with_capacity(node.range().len());
    for piece in pieces {
        piece.split_ascii_whitespace().for_each(|word| packed.extend_from_slice(word.as_bytes()));
    }
    match BASE64.decode(packed) {
        Ok(bytes) => Some(Media { media_type, bytes }),
        Err(_) => {
            let line = node.document().text_pos_at(node.range().start).row;
            let problem = format!("the file embedded at line {line} is not base64");
            if !problems.contains(&problem) {
                problems.push(problem);
            }
            None
        }
    }
}
