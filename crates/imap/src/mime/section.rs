use super::scan::Part;
use crate::command::{Section, SectionText};

/// Where the octets of a section are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Octets {
    /// A range of the message.
    Range {
        /// First octet.
        start: u64,
        /// Octet after the last.
        end: u64,
    },
    /// Fields to select from the header that lies in this range.
    Fields {
        /// First octet of the header.
        start: u64,
        /// Octet after its empty line.
        end: u64,
        /// The names asked for.
        names: Vec<String>,
        /// Whether the others are wanted.
        except: bool,
    },
    /// The message has no such section.
    Missing,
}

/// Finds a section (RFC 3501 §6.4.5). HEADER and TEXT of a part exist where the part is a message.
pub fn locate(message: &Part, section: &Section) -> Octets {
    let Some((part, at_root)) = part(message, &section.part) else { return Octets::Missing };
    let range = |start, end| Octets::Range { start, end };
    if section.text == SectionText::Mime {
        return if at_root { Octets::Missing } else { range(part.header, part.body) };
    }
    if section.text == SectionText::Whole {
        return range(if at_root { 0 } else { part.body }, part.end);
    }
    let inner = if at_root {
        part
    } else if part.is_message() {
        &part.children[0]
    } else {
        return Octets::Missing;
    };
    let fields = |names: &[String], except| Octets::Fields {
        start: inner.header,
        end: inner.body,
        names: names.to_vec(),
        except,
    };
    match &section.text {
        SectionText::Header => range(inner.header, inner.body),
        SectionText::Text => range(inner.body, inner.end),
        SectionText::HeaderFields(names) => fields(names, false),
        SectionText::HeaderFieldsNot(names) => fields(names, true),
        SectionText::Whole | SectionText::Mime => Octets::Missing,
    }
}

/// The part of these numbers (none for the message itself); `None` where there is no such part.
pub fn part_of<'a>(message: &'a Part, numbers: &[u32]) -> Option<&'a Part> {
    part(message, numbers).map(|(part, _)| part)
}

/// The part of these numbers, and whether it is the message itself.
fn part<'a>(message: &'a Part, numbers: &[u32]) -> Option<(&'a Part, bool)> {
    let mut here = message;
    let mut as_message = true;
    for &number in numbers {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let root = if as_message {
            here
        } else if here.is_message() {
            &here.children[0]
        } else {
            here
        };
        here = if root.is_multipart() {
            root.children.get(index)?
        } else if index == 0 && (as_message || here.is_message()) {
            root // the only part of a message that is no multipart
        } else {
            return None;
        };
        as_message = false;
    }
    Some((here, as_message))
}
