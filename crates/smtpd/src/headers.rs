//! The few header fields that a judge reads, told to the journal as they were received.
//!
//! Nothing is decoded nor judged here: encoded words stay encoded, a field that comes twice is told twice.

use wire::Fact;

/// Fields told besides every `X-MSS-*` (SC.MSS/CONF.16 and those around it).
const TOLD: [&str; 4] = ["From", "To", "Subject", "Message-ID"];

/// The facts of a header block.
pub(crate) fn facts(block: &[u8], queue_id: &str) -> Vec<Fact> {
    fields(block)
        .filter(|(name, _)| {
            TOLD.iter().any(|told| told.eq_ignore_ascii_case(name))
                || name.to_ascii_uppercase().starts_with("X-MSS-")
        })
        .map(|(name, value)| Fact::Header { queue_id: queue_id.to_owned(), name, value })
        .collect()
}

/// The first `Message-ID`, without its angle brackets.
pub(crate) fn message_id(block: &[u8]) -> Option<String> {
    let (_, value) = fields(block).find(|(name, _)| name.eq_ignore_ascii_case("Message-ID"))?;
    let value = value.trim_start_matches('<').trim_end_matches('>').trim();
    if value.is_empty() { None } else { Some(value.to_owned()) }
}

/// `(name as written, unfolded value)` of each field, up to the blank line (RFC 5322 §2.2). Lines that are no field
/// are left out.
fn fields(block: &[u8]) -> impl Iterator<Item = (String, String)> + '_ {
    let mut rest = block;
    std::iter::from_fn(move || {
        loop {
            let (field, after) = take_field(rest)?;
            rest = after;
            let Some(colon) = field.iter().position(|&byte| byte == b':') else { continue };
            let name = String::from_utf8_lossy(&field[..colon]).trim_end().to_owned();
            let value: Vec<u8> =
                field[colon + 1..].iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
            let value = String::from_utf8_lossy(&value).trim().to_owned();
            if !name.is_empty() && !name.starts_with([' ', '\t']) {
                return Some((name, value));
            }
        }
    })
}

/// One field with its folded lines, and what follows; `None` at the blank line or at the end.
fn take_field(block: &[u8]) -> Option<(&[u8], &[u8])> {
    if block.is_empty() || block.starts_with(b"\r\n") {
        return None;
    }
    let mut end = 0;
    loop {
        end += match block[end..].iter().position(|&byte| byte == b'\n') {
            Some(at) => at + 1,
            None => return Some((block, b"")),
        };
        if !matches!(block.get(end), Some(b' ' | b'\t')) {
            return Some(block.split_at(end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &[u8] = b"From: =?UTF-8?Q?Dr_L=C3=A9a?= <a@b.fr>\r\nto: c@d.fr,\r\n\te@f.fr\r\nX-MSS-NIL: 2621\r\n\
        x-mss-nil:  2622 \r\nnot a field\r\nDate: now\r\nMessage-ID: <1@b.fr>\r\n\r\nX-MSS-INS: in the body\r\n";

    #[test]
    fn the_fields_of_the_judge_are_told_as_received() {
        let told: Vec<(String, String)> = facts(BLOCK, "Q")
            .into_iter()
            .map(|fact| match fact {
                Fact::Header { name, value, queue_id } if queue_id == "Q" => (name, value),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [
            ("From", "=?UTF-8?Q?Dr_L=C3=A9a?= <a@b.fr>"),
            ("to", "c@d.fr,\te@f.fr"),
            ("X-MSS-NIL", "2621"),
            ("x-mss-nil", "2622"),
            ("Message-ID", "<1@b.fr>"),
        ];
        assert_eq!(told, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(message_id(BLOCK).as_deref(), Some("1@b.fr"));
    }

    #[test]
    fn odd_blocks_are_read_to_their_end() {
        for block in [
            &b""[..],
            b"\r\n",
            b"a",
            b" \r\n x",
            b":",
            b": x\r\n",
            b"Message-ID:\r\n \r\n",
            b"Message-ID: <>",
        ] {
            assert_eq!((facts(block, "Q").len() <= 1, message_id(block)), (true, None));
        }
        assert_eq!(facts(b"Subject: \xff\xfe\r\n", "Q").len(), 1);
    }
}
