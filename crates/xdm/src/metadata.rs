use std::collections::HashSet;
use std::fmt;

use roxmltree::Node;
use serde::{Deserialize, Serialize};

/// The extra metadata "action" (CI-SIS *Échange de documents de santé*; the slot's name is known from one tool of the ANS
/// only, so that others are understood too).
pub(crate) const ACTION_SLOT: &str = "urn:action:extraMetadataSlot";
const PATIENT_ID: &str = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427";
const UNIQUE_ID: &str = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab";
const TYPE_CODE: &str = "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983";
const MAX_NODES: u32 = 200_000;
/// Documents of one METADATA.XML.
const MOST_OBJECTS: usize = 1_000;

/// What the sender asks to be done with a document (spec 01 §4.8, 02 §6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// To file it: nothing is said.
    #[default]
    Create,
    /// To put it in the place of the one that its header names (`C`).
    Replace,
    /// To withdraw the document of its own identifier (`D`). The bytes are those already sent.
    Delete,
}

impl Action {
    /// The value in METADATA.XML; `None` where nothing is written.
    pub fn letter(self) -> Option<&'static str> {
        match self {
            Self::Create => None,
            Self::Replace => Some("C"),
            Self::Delete => Some("D"),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Delete => "delete",
        })
    }
}

/// What METADATA.XML says of one document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) uri: Option<String>,
    pub(crate) mime: String,
    pub(crate) hash: Option<String>,
    pub(crate) size: Option<String>,
    pub(crate) title: String,
    pub(crate) unique_id: Option<String>,
    pub(crate) patient_id: Option<String>,
    pub(crate) type_code: Option<String>,
    pub(crate) action: Action,
    /// A value of the slot that means nothing known.
    pub(crate) odd_action: Option<String>,
}

/// The entries, in the order of the file. Names are compared without case and without namespace, and what belongs to an
/// entry is what stands inside it: generators of the field get references wrong (spec 02 §5.4).
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let text = cda::decode(bytes).map_err(|error| error.to_string())?;
    let tree = cda::xml::parse(&text, MAX_NODES).map_err(|error| error.to_string())?;
    let root = tree.root_element();
    let objects: Vec<Node<'_, '_>> = named(root, "ExtrinsicObject").collect();
    if objects.is_empty() {
        return Err("it describes no document (no ExtrinsicObject)".into());
    }
    if objects.len() > MOST_OBJECTS {
        return Err(format!("it describes {} documents; at most {MOST_OBJECTS} are read", objects.len()));
    }
    let of_set = named(root, "RegistryPackage").find_map(action);
    let replacing: HashSet<&str> = named(root, "Association")
        .filter(|node| node.attribute("associationType").is_some_and(|kind| kind.ends_with(":RPLC")))
        .filter_map(|node| node.attribute("sourceObject"))
        .collect();
    Ok(objects.into_iter().map(|object| entry(object, of_set.as_deref(), &replacing)).collect())
}

fn entry(object: Node<'_, '_>, of_set: Option<&str>, replacing: &HashSet<&str>) -> Entry {
    let said = action(object).or_else(|| of_set.map(str::to_owned));
    let deleted = object.attribute("status").is_some_and(|status| status.ends_with("StatusType:Deleted"));
    let replaces = object.attribute("id").is_some_and(|id| replacing.contains(id));
    let (action, odd_action) = match said.as_deref() {
        Some("D" | "d") => (Action::Delete, None),
        Some("C" | "c") => (Action::Replace, None),
        other => {
            let otherwise = if deleted {
                Action::Delete
            } else if replaces {
                Action::Replace
            } else {
                Action::Create
            };
            (otherwise, other.map(|value| value.chars().take(40).collect()))
        }
    };
    let external = |scheme: &str| {
        children(object, "ExternalIdentifier")
            .find(|node| node.attribute("identificationScheme") == Some(scheme))
            .and_then(|node| node.attribute("value").map(str::to_owned))
    };
    Entry {
        uri: slot(object, |name| name.eq_ignore_ascii_case("URI")),
        mime: object.attribute("mimeType").unwrap_or_default().to_owned(),
        hash: slot(object, |name| name.eq_ignore_ascii_case("hash")),
        size: slot(object, |name| name.eq_ignore_ascii_case("size")),
        title: children(object, "Name")
            .flat_map(|name| children(name, "LocalizedString"))
            .find_map(|node| node.attribute("value"))
            .unwrap_or_default()
            .to_owned(),
        unique_id: external(UNIQUE_ID),
        patient_id: external(PATIENT_ID),
        type_code: children(object, "Classification")
            .find(|node| node.attribute("classificationScheme") == Some(TYPE_CODE))
            .and_then(|node| node.attribute("nodeRepresentation").map(str::to_owned)),
        action,
        odd_action,
    }
}

/// The slot's usual name, the bare word, or any URN that ends in something of that name.
fn action(node: Node<'_, '_>) -> Option<String> {
    slot(node, |name| {
        let name = name.to_ascii_lowercase();
        name == ACTION_SLOT.to_ascii_lowercase()
            || name == "action"
            || (name.starts_with("urn:") && name.contains(":action"))
    })
}

/// The first value of the first slot whose name fits.
fn slot(node: Node<'_, '_>, fits: impl Fn(&str) -> bool) -> Option<String> {
    children(node, "Slot")
        .find(|slot| slot.attribute("name").is_some_and(&fits))
        .into_iter()
        .flat_map(|slot| named(slot, "Value"))
        .filter_map(|value| value.text())
        .map(|text| text.trim().to_owned())
        .find(|text| !text.is_empty())
}

fn children<'a, 'i: 'a>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.tag_name().name().eq_ignore_ascii_case(name))
}

fn named<'a, 'i: 'a>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.descendants().filter(move |child| child.tag_name().name().eq_ignore_ascii_case(name))
}
