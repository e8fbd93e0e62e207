//! What is learned of a message while it comes in, in the form in which a store keeps it: opaque octets.
//!
//! ENVELOPE and BODYSTRUCTURE are kept as they are sent; the tree of parts as offsets, counted from the first octet
//! that was received. A server may put trace lines in front: [`Stored::part`] moves the offsets by the difference
//! between the message's size and the size that was learned.

use super::scan::Part;

const VERSION: u8 = 1;
/// Longer ones are not kept: the reader scans the message instead.
const LONGEST: usize = 256 * 1024;
const MULTIPART: u8 = 1;
const MESSAGE: u8 = 2;

/// What was kept of a message's structure.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    size: u64,
    envelope: &'a [u8],
    structure: &'a [u8],
    tree: &'a [u8],
}

/// Writes what [`Stored`] reads; empty where it would be too long.
pub(super) fn write(message: &Part, size: u64, envelope: &[u8], structure: &[u8]) -> Vec<u8> {
    let mut out = vec![VERSION];
    number(&mut out, size);
    for text in [envelope, structure] {
        number(&mut out, text.len() as u64);
        out.extend_from_slice(text);
    }
    tree(&mut out, message);
    if out.len() > LONGEST {
        out.clear();
    }
    out
}

impl<'a> Stored<'a> {
    /// Reads what was kept. `None` where nothing was, or by a version that wrote otherwise.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&[VERSION])?;
        let size = take_number(&mut rest)?;
        let envelope = take(&mut rest)?;
        let structure = take(&mut rest)?;
        Some(Self { size, envelope, structure, tree: rest })
    }

    /// ENVELOPE, as it is sent.
    pub fn envelope(&self) -> &'a [u8] {
        self.envelope
    }

    /// BODYSTRUCTURE, as it is sent.
    pub fn structure(&self) -> &'a [u8] {
        self.structure
    }

    /// The tree of parts of a message of `size` octets: offsets, encodings and whether a part holds others, which is
    /// what finding a section takes; no parameters. `None` where it does not fit the message.
    pub fn part(&self, size: u64) -> Option<Part> {
        let shift = size.checked_sub(self.size)?;
        let mut rest = self.tree;
        let mut part = take_part(&mut rest, shift, 0)?;
        part.header = 0;
        rest.is_empty().then_some(part)
    }
}

fn tree(out: &mut Vec<u8>, part: &Part) {
    number(out, part.header);
    number(out, part.body.saturating_sub(part.header));
    number(out, part.end.saturating_sub(part.body));
    out.push(match part.media.0.as_slice() {
        b"multipart" => MULTIPART,
        b"message" => MESSAGE,
        _ => 0,
    });
    number(out, part.encoding.len() as u64);
    out.extend_from_slice(&part.encoding);
    number(out, part.children.len() as u64);
    for child in &part.children {
        tree(out, child);
    }
}

fn take_part(rest: &mut &[u8], shift: u64, depth: u32) -> Option<Part> {
    let header = take_number(rest)?.checked_add(shift)?;
    let body = header.checked_add(take_number(rest)?)?;
    let end = body.checked_add(take_number(rest)?)?;
    let (kind, after) = rest.split_first()?;
    *rest = after;
    let media = match *kind {
        MULTIPART => (b"multipart".to_vec(), b"mixed".to_vec()),
        MESSAGE => (b"message".to_vec(), b"rfc822".to_vec()),
        _ => (b"text".to_vec(), b"plain".to_vec()),
    };
    let encoding = take(rest)?.to_vec();
    let count = take_number(rest)?;
    let mut children = Vec::new();
    for _ in 0..count {
        children.push(take_part(rest, shift, depth.checked_add(1).filter(|depth| *depth < 64)?)?);
    }
    Some(Part { header, body, end, media, encoding, children, ..Part::default() })
}

/// Seven bits at a time, the lowest first.
fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(take_number(rest)?).ok()?;
    let (taken, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scan::Scanner;
    use super::*;

    const MESSAGE: &[u8] = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\
Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\ninner\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\nUEs=\r\n--b--\r\n";

    fn scanned(bytes: &[u8]) -> Part {
        let mut scanner = Scanner::new();
        scanner.push(bytes);
        scanner.finish()
    }

    fn offsets(part: &Part) -> Vec<(u64, u64, u64, Vec<u8>)> {
        let own = (part.header, part.body, part.end, part.encoding.clone());
        std::iter::once(own).chain(part.children.iter().flat_map(offsets)).collect()
    }

    #[test]
    fn offsets_move_with_the_lines_put_in_front() {
        let kept = write(&scanned(MESSAGE), MESSAGE.len() as u64, b"(env)", b"(struct)");
        let stored = Stored::read(&kept).unwrap();
        assert_eq!((stored.envelope(), stored.structure()), (&b"(env)"[..], &b"(struct)"[..]));
        let traced = [b"Received: by us\r\n", MESSAGE].concat();
        let whole = scanned(&traced);
        assert_eq!(offsets(&stored.part(traced.len() as u64).unwrap()), offsets(&whole));
        assert_eq!(offsets(&stored.part(MESSAGE.len() as u64).unwrap()), offsets(&scanned(MESSAGE)));
        assert_eq!(stored.part(3), None);
        assert!(Stored::read(b"").is_none());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let bytes = [&[VERSION][..], &bytes].concat();
            if let Some(stored) = Stored::read(&bytes) {
                let _ = stored.part(1_000);
            }
        }
    }
}
