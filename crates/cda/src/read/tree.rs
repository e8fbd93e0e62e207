use roxmltree::Node;

use crate::{Code, Id, NAMESPACE, Time};

/// Children of this name in the namespace of CDA, whatever the prefix.
pub(crate) fn children<'a, 'i: 'a>(
    node: Node<'a, 'i>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| is(*child, name))
}

/// Whether a node is an element of this name. Names are compared first: siblings differ in them, never in their namespace.
fn is(node: Node<'_, '_>, name: &str) -> bool {
    let tag = node.tag_name();
    tag.name() == name && tag.namespace() == Some(NAMESPACE)
}

/// The first node at the end of a path of names; every branch is tried.
pub(crate) fn at<'a, 'i: 'a>(node: Node<'a, 'i>, path: &[&'static str]) -> Option<Node<'a, 'i>> {
    match path {
        [] => Some(node),
        [name, rest @ ..] => children(node, name).find_map(|child| at(child, rest)),
    }
}

/// An attribute, trimmed, where it says something.
pub(crate) fn attribute(node: Node<'_, '_>, name: &str) -> Option<String> {
    node.attribute(name).map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
}

/// All text below, blanks folded.
pub(crate) fn text(node: Node<'_, '_>) -> String {
    let mut out = String::new();
    for piece in node.descendants().filter(Node::is_text).filter_map(|node| node.text()) {
        out.push_str(piece);
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An identifier; `None` where only a nullFlavor stands.
pub(crate) fn id(node: Node<'_, '_>) -> Option<Id> {
    let (root, extension) = (attribute(node, "root"), attribute(node, "extension"));
    if root.is_none() && extension.is_none() {
        return None;
    }
    Some(Id { root: root.unwrap_or_default(), extension })
}

/// A code; `None` where there is none.
pub(crate) fn code(node: Node<'_, '_>) -> Option<Code> {
    Some(Code {
        code: attribute(node, "code")?,
        system: attribute(node, "codeSystem").unwrap_or_default(),
        display_name: attribute(node, "displayName")
            .map(|label| label.split_whitespace().collect::<Vec<_>>().join(" "))
            .unwrap_or_default(),
    })
}

/// A point in time, from `@value`.
pub(crate) fn time(node: Node<'_, '_>) -> Option<Time> {
    node.attribute("value").and_then(Time::parse)
}
