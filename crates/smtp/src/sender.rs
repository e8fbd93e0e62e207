//! Who a message says that it is from: what a submission server holds against the login (RFC 6409 §6.1).

use crate::address::Mailbox;

/// Why the author could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// More than one From field (RFC 5322 §3.6 allows one).
    #[error("the message has more than one From field")]
    Twice,
    /// A From field that holds no address, or one that is not well formed.
    #[error("the From field holds no well-formed address")]
    Unreadable,
}

/// The addresses of the From field of a header block, as they are written, display names and comments left out;
/// empty where there is no such field.
///
/// # Errors
/// [`SenderError`]: a reader that sees another author than we do must not be given the message.
pub fn senders(block: &[u8]) -> Result<Vec<Mailbox>, SenderError> {
    let mut found: Option<String> = None;
    let mut lines = block.split_inclusive(|&byte| byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        if line == b"\r\n" {
            break;
        }
        let mut field = line.to_vec();
        while let Some(folded) = lines.next_if(|next| matches!(next.first(), Some(b' ' | b'\t'))) {
            field.extend_from_slice(folded);
        }
        let Some(colon) = field.iter().position(|&byte| byte == b':') else { continue };
        if !field[..colon].trim_ascii_end().eq_ignore_ascii_case(b"from") {
            continue;
        }
        let value = String::from_utf8_lossy(&field[colon + 1..]).replace(['\r', '\n'], "");
        if found.replace(value).is_some() {
            return Err(SenderError::Twice);
        }
    }
    match found {
        None => Ok(vec![]),
        Some(value) => addresses(&value).ok_or(SenderError::Unreadable),
    }
}

/// `mailbox-list` of RFC 5322 §3.4, groups and comments included; `None` where any of it is not well formed, or where
/// it names nobody.
fn addresses(value: &str) -> Option<Vec<Mailbox>> {
    let mut out = Vec::new();
    let (mut bare, mut angle) = (String::new(), None);
    let mut chars = value.chars().peekable();
    let mut end = |bare: &mut String, angle: &mut Option<String>| {
        let text = angle.take().unwrap_or_else(|| std::mem::take(bare));
        bare.clear();
        let text = text.trim();
        if !text.is_empty() {
            out.push(Mailbox::parse(text).ok()?);
        }
        Some(())
    };
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                bare.push('"');
                loop {
                    match chars.next()? {
                        '\\' => bare.extend(['\\', chars.next()?]),
                        '"' => break,
                        other => bare.push(other),
                    }
                }
                bare.push('"');
            }
            '(' => skip_comment(&mut chars)?,
            '<' if angle.is_none() => {
                let mut inside = String::new();
                loop {
                    match chars.next()? {
                        '>' => break,
                        '(' => skip_comment(&mut chars)?,
                        ' ' | '\t' => {}
                        '<' => return None,
                        other => inside.push(other),
                    }
                }
                if inside.is_empty() {
                    return None;
                }
                angle = Some(inside);
                bare.clear();
            }
            '<' => return None,
            ',' | ';' => end(&mut bare, &mut angle)?,
            ':' if angle.is_none() => bare.clear(), // the name of a group
            ' ' | '\t' if angle.is_none() => bare.push(' '), // no address holds one: two words are none
            ' ' | '\t' => {}
            other if angle.is_none() => bare.push(other),
            _ => return None, // something behind an angle address
        }
    }
    end(&mut bare, &mut angle)?;
    (!out.is_empty()).then_some(out)
}

fn skip_comment(chars: &mut impl Iterator<Item = char>) -> Option<()> {
    let mut depth = 1_u32;
    while depth > 0 {
        match chars.next()? {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\\' => drop(chars.next()?),
            _ => {}
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(block: &str) -> Result<Vec<String>, SenderError> {
        Ok(senders(block.as_bytes())?.iter().map(Mailbox::to_string).collect())
    }

    #[test]
    fn authors_are_found_in_every_form() {
        for (field, expected) in [
            ("From: a@b.fr\r\n", "a@b.fr"),
            ("from : <a@b.fr>\r\n", "a@b.fr"),
            ("FROM: \"Dr, L\u{e9}a <x@y>\" <a@b.fr>\r\n", "a@b.fr"),
            ("From: =?UTF-8?Q?L=C3=A9a?=\r\n <a@b.fr> (chez (nous\\)) elle)\r\n", "a@b.fr"),
            ("To: x@y\r\nFrom: c@d.fr, Dr. D <a@b.fr>\r\nSubject: From: z@z\r\n", "c@d.fr a@b.fr"),
            ("From: Cabinet: a@b.fr, <c@d.fr>;\r\n", "a@b.fr c@d.fr"),
            ("From: \"a b\"@c.fr\r\n", "\"a b\"@c.fr"),
            ("Subject: x\r\n\r\nFrom: z@z\r\n", ""),
        ] {
            assert_eq!(read(field).unwrap().join(" "), expected, "{field}");
        }
    }

    #[test]
    fn what_two_readers_would_read_apart_is_refused() {
        assert_eq!(read("From: a@b\r\nX: y\r\nfrom: c@d\r\n"), Err(SenderError::Twice));
        for field in [
            "From:\r\n",
            "From: Dr L\r\n",
            "From: <>\r\n",
            "From: <a@b> <c@d>\r\n",
            "From: <a@b> c@d\r\n",
            "From: <a@b\r\n",
            "From: \"a\r\n",
            "From: (a@b\r\n",
            "From: <<a@b>>\r\n",
            "From: a@b c@d\r\n",
            "From: Dr a@b\r\n",
            "From: g:;\r\n",
        ] {
            assert_eq!(read(field), Err(SenderError::Unreadable), "{field}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(block in "(From:|To:)?[ a-c@<>\"(),:;\\\\\r\n]{0,60}") {
            let _ = senders(block.as_bytes());
        }
    }
}
