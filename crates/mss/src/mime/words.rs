use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::transfer;

/// Octets as text, by the charset declared; without one, as [`guess_charset`]. `true` where octets were replaced or the
/// charset is not known.
pub(crate) fn charset(bytes: &[u8], declared: Option<&str>) -> (String, bool) {
    match declared.map(|label| Encoding::for_label(label.trim().as_bytes())) {
        // Everyday lie: a UTF-8 text declared as US-ASCII, or the contrary.
        Some(Some(encoding)) if encoding != UTF_8 && encoding != WINDOWS_1252 => {
            let (text, _, damaged) = encoding.decode(bytes);
            (text.into_owned(), damaged)
        }
        Some(Some(encoding)) if encoding == WINDOWS_1252 && !is_accented_utf8(bytes) => {
            (WINDOWS_1252.decode(bytes).0.into_owned(), false)
        }
        known => (guess_charset(bytes), matches!(known, Some(None)) || std::str::from_utf8(bytes).is_err()),
    }
}

/// Octets of an unknown charset: by their mark, else UTF-8 where they are that, else Windows-1252. Never fails.
pub(crate) fn guess_charset(bytes: &[u8]) -> String {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[length..]).0.into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// Text that is UTF-8 and not ASCII is not Windows-1252 by accident.
fn is_accented_utf8(bytes: &[u8]) -> bool {
    !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok()
}

/// A field value with its encoded words decoded (RFC 2047). Words that are no such thing stay as they are. Words side by
/// side lose the blank between them, and octets of one letter cut between two words of one charset are joined (§6.2,
/// against §5, as every sender of the field does it).
pub(crate) fn decode_words(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let (mut rest, mut pending) = (value, Pending::default());
    while let Some(start) = rest.find("=?") {
        let before = &rest[..start];
        match word(&rest[start..]) {
            Some(found) => {
                if !(pending.open && before.chars().all(char::is_whitespace)) {
                    pending.close(&mut out);
                    out.push_str(before);
                }
                pending.add(found.charset, &found.octets, &mut out);
                rest = &rest[start + found.length..];
            }
            None => {
                pending.close(&mut out);
                out.push_str(&rest[..start + 2]);
                rest = &rest[start + 2..];
            }
        }
    }
    pending.close(&mut out);
    out.push_str(rest);
    out
}

/// The octets of encoded words that follow each other.
#[derive(Default)]
struct Pending {
    open: bool,
    charset: String,
    octets: Vec<u8>,
}

impl Pending {
    fn add(&mut self, charset: &str, octets: &[u8], out: &mut String) {
        if !self.open || !self.charset.eq_ignore_ascii_case(charset) {
            self.close(out);
            charset.clone_into(&mut self.charset);
        }
        self.open = true;
        self.octets.extend_from_slice(octets);
    }

    fn close(&mut self, out: &mut String) {
        if self.open {
            out.push_str(&charset(&self.octets, Some(&self.charset)).0);
            (self.open, self.octets) = (false, Vec::new());
        }
    }
}

/// Octets of one encoded word. The rule is 75 (RFC 2047 §2); senders exist that put a whole subject into one.
const LONGEST_WORD: usize = 4_096;

struct Word<'a> {
    charset: &'a str,
    octets: Vec<u8>,
    length: usize,
}

/// The encoded word at the head of `text`: `=?charset[*language]?B|Q?text?=` (RFC 2231 §5 adds the language).
fn word(text: &str) -> Option<Word<'_>> {
    let text = &text[..text.floor_char_boundary(LONGEST_WORD)];
    let (charset, rest) = text.get(2..)?.split_once('?')?;
    if charset.is_empty() || charset.len() > 60 || !charset.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    let (letter, rest) = rest.split_once('?')?;
    let end = rest.find("?=")?;
    let payload = &rest[..end];
    let octets = match letter {
        "B" | "b" => transfer::base64(payload.as_bytes()).0,
        "Q" | "q" => {
            let spaced: Vec<u8> = payload.bytes().map(|b| if b == b'_' { b' ' } else { b }).collect();
            quoted(&spaced)
        }
        _ => return None,
    };
    let charset = charset.split('*').next().unwrap_or(charset);
    Some(Word { charset, octets, length: 2 + charset_length(text) + 1 + letter.len() + 1 + end + 2 })
}

fn charset_length(text: &str) -> usize {
    text[2..].find('?').unwrap_or_default()
}

/// `Q`: as quoted-printable without its lines, so that blanks at the end stay.
fn quoted(payload: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::with_capacity(payload.len()), 0);
    while at < payload.len() {
        let octet = (payload[at] == b'=').then(|| payload.get(at + 1..at + 3).and_then(transfer::hex_octet));
        if let Some(Some(octet)) = octet {
            out.push(octet);
            at += 3;
        } else {
            out.push(payload[at]);
            at += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_of_every_make_are_decoded() {
        for (value, expected) in [
            ("=?utf-8?Q?R=C3=A9sultats?=", "Résultats"),
            ("=?iso-8859-1?q?R=E9sultats_de?= =?ISO-8859-1?Q?_No=EBl?=", "Résultats de Noël"),
            ("=?UTF-8?B?w6k=?= =?utf-8?B?dMOp?= ensuite", "été ensuite"),
            ("=?utf-8?B?w?= =?utf-8*fr?Q?=C3?= =?utf-8?Q?=A9?=", "é"),
            ("a =?utf-8?Q?=C3=A9?= b", "a é b"),
            ("=?utf-8?X?=", "=?utf-8?X?="),
            ("=?utf-8?Q?pas fini", "=?utf-8?Q?pas fini"),
            ("=?nulle-part?Q?=C3=A9?=", "é"),
            ("=?=?=?=?", "=?=?=?=?"),
            ("=?windows-1252?Q?=80?=", "€"),
        ] {
            assert_eq!(decode_words(value), expected, "{value}");
        }
    }

    #[test]
    fn charsets_are_believed_unless_they_lie() {
        assert_eq!(charset(b"\xe9", Some("iso-8859-1")), ("é".into(), false));
        assert_eq!(charset("é".as_bytes(), Some("us-ascii")), ("é".into(), false));
        assert_eq!(charset(b"\xe9", Some("utf-8")), ("é".into(), true));
        assert_eq!(charset(b"\xe9", None), ("é".into(), true));
        assert_eq!(charset(b"a", Some("x-inconnu")), ("a".into(), true));
        assert_eq!(guess_charset(b"\xff\xfe\xe9\x00"), "é");
    }

    proptest! {
        #[test]
        fn nothing_panics(value in "(=\\?|\\?=|[a-zA-Z0-9?=_*]|\\PC){0,60}") {
            let _ = decode_words(&value);
        }
    }
}
