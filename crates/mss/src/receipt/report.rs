use crate::mime::{Node, Shape, Tree, decode_words};
use crate::{Address, MessageId, fields};

/// The mail that a report speaks of, as far as it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Original {
    /// Its Message-ID: by the report's fields, else by the mail or the headers returned with it, else In-Reply-To.
    pub message_id: Option<MessageId>,
    /// Its subject, decoded.
    pub subject: Option<String>,
    /// Its recipients, where headers were returned.
    pub to: Vec<Address>,
}

impl Original {
    /// Of the last part that is a mail or its headers.
    pub(super) fn of(tree: &Tree<'_>, declared: Option<&str>) -> Self {
        let mut original = returned(tree);
        let id = |text: &str| text.split_whitespace().find_map(|word| MessageId::parse(word).ok());
        let in_reply = || tree.nodes.first().and_then(|root| root.field("in-reply-to")).and_then(id);
        original.message_id = declared.and_then(id).or(original.message_id).or_else(in_reply);
        original
    }
}

fn returned(tree: &Tree<'_>) -> Original {
    let of = |get: &dyn Fn(&str) -> Option<String>| Original {
        message_id: get("message-id").and_then(|id| MessageId::parse(&id).ok()),
        subject: get("subject").map(|subject| decode_words(&subject)),
        to: get("to")
            .map(|to| crate::Mailbox::list(&to).into_iter().filter_map(|mailbox| mailbox.address).collect())
            .unwrap_or_default(),
    };
    for (index, node) in tree.nodes.iter().enumerate().filter(|(_, node)| !node.attached) {
        if node.shape == Shape::Message {
            if let Some((_, inner)) = tree.children(index).next() {
                return of(&|name| inner.field(name).map(str::to_owned));
            }
        } else if matches!(node.mime.as_str(), "text/rfc822-headers" | "message/rfc822" | "message/global") {
            let head = node.content().0;
            let head = &head[..head.len().min(crate::MailLimits::default().head)];
            return of(&|name| {
                fields(head).find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
            });
        }
    }
    Original::default()
}

/// The groups of fields of a machine-readable part: one of a disposition-notification, one for the message and one for
/// each recipient of a delivery-status. Names in lower case.
pub(super) fn groups(node: &Node<'_>) -> Vec<Vec<(String, String)>> {
    let content = node.content().0;
    let content = &content[..content.len().min(crate::MailLimits::default().head)];
    let mut groups = Vec::new();
    let mut current: Vec<u8> = Vec::new();
    let close = |current: &mut Vec<u8>, groups: &mut Vec<Vec<(String, String)>>| {
        let group: Vec<(String, String)> =
            fields(current).map(|field| (field.name.to_ascii_lowercase(), field.value)).collect();
        if !group.is_empty() {
            groups.push(group);
        }
        current.clear();
    };
    for line in content.split_inclusive(|&b| b == b'\n') {
        if line.trim_ascii().is_empty() {
            close(&mut current, &mut groups);
        } else {
            current.extend_from_slice(line);
        }
    }
    close(&mut current, &mut groups);
    groups
}

/// The first value of a field of a group.
pub(super) fn value<'a>(group: &'a [(String, String)], name: &str) -> Option<&'a str> {
    group.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

/// The address of `rfc822;a@b` (RFC 3464 §2.1.2, RFC 3461 §4): the type is left out, so are brackets.
pub(super) fn typed_address(value: &str) -> Option<Address> {
    let address = value.split_once(';').map_or(value, |(_, address)| address).trim();
    Address::parse(super::dsn::of_xtext(address).trim_start_matches('<').trim_end_matches('>')).ok()
}

/// The part of this type that is the mail's own, not that of a mail within it.
pub(super) fn part<'t, 'a>(tree: &'t Tree<'a>, mime: &[&str]) -> Option<&'t Node<'a>> {
    tree.nodes
        .iter()
        .find(|node| !node.attached && node.shape == Shape::Leaf && mime.contains(&node.mime.as_str()))
}

/// The words for people: the first text of the mail's own, cut.
pub(super) fn words(tree: &Tree<'_>) -> String {
    let own = |node: &&Node<'_>| !node.attached && node.shape == Shape::Leaf && node.is_text();
    let text = tree.nodes.iter().find(own).map(|node| node.text().0).unwrap_or_default();
    text.chars().take(4_000).collect::<String>().trim().to_owned()
}
