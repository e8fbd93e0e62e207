use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::Error;

/// Bytes to text, by XML 1.0 appendix F: the mark of byte order, else the shape of the first octets, else the encoding
/// that the declaration names, else UTF-8. The mark itself is taken away, and every line ends in a line feed, as XML has it
/// (§2.11): a parser that had to do it text by text would copy each of them.
///
/// # Errors
/// [`Error::Encoding`], where the encoding is not known or the bytes are not of it.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    let (encoding, bytes) = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => (encoding, &bytes[mark..]),
        None => (sniff(bytes)?, bytes),
    };
    let text = encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .ok_or_else(|| Error::Encoding { encoding: encoding.name().to_owned() })?;
    match memchr::memchr(b'\r', text.as_bytes()) {
        Some(_) => Ok(Cow::Owned(line_feeds(&text))),
        None => Ok(text),
    }
}

/// `\r\n`, and `\r` alone, as `\n`.
fn line_feeds(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_with_line_feeds(&mut out, text);
    out
}

/// Adds a text, its line ends as XML has them. It must not end in the middle of one.
pub(crate) fn push_with_line_feeds(out: &mut String, text: &str) {
    let mut from = 0;
    for at in memchr::memchr_iter(b'\r', text.as_bytes()) {
        out.push_str(&text[from..at]);
        if text.as_bytes().get(at + 1) != Some(&b'\n') {
            out.push('\n');
        }
        from = at + 1;
    }
    out.push_str(&text[from..]);
}

/// Whether [`decode`] would take the bytes for UTF-8, which it has not looked at yet.
pub(crate) fn is_utf8(bytes: &[u8]) -> bool {
    match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding == UTF_8,
        None => sniff(bytes) == Ok(UTF_8),
    }
}

fn sniff(bytes: &[u8]) -> Result<&'static Encoding, Error> {
    match bytes {
        [b'<', 0, ..] => return Ok(UTF_16LE),
        [0, b'<', ..] => return Ok(UTF_16BE),
        _ => {}
    }
    let Some(label) = declared(bytes) else { return Ok(UTF_8) };
    let unknown = || Error::Encoding { encoding: String::from_utf8_lossy(label).chars().take(40).collect() };
    match Encoding::for_label(label).ok_or_else(unknown)? {
        // The octets were read as ASCII to get here, so that this declaration is not true of them.
        lie if lie == UTF_16LE || lie == UTF_16BE => Ok(UTF_8),
        encoding => Ok(encoding),
    }
}

/// What `<?xml … encoding="…"?>` says.
fn declared(bytes: &[u8]) -> Option<&[u8]> {
    let head = &bytes[..bytes.len().min(200)];
    let start = head.iter().position(|b| !b.is_ascii_whitespace())?;
    let head = head[start..].strip_prefix(b"<?xml")?;
    let head = &head[..head.windows(2).position(|two| two == b"?>")?];
    let at = head.windows(8).position(|word| word == b"encoding")?;
    let value = head[at + 8..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first()?;
    if !matches!(quote, b'"' | b'\'') {
        return None;
    }
    Some(&value[..value.iter().position(|b| b == quote)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_of_the_field_is_read() {
        let text = "<?xml version=\"1.0\" encoding='iso-8859-1'?><é/>";
        let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
        assert_eq!(decode(&latin).unwrap(), text);
        let windows = b"<?xml version=\"1.0\" encoding=\"windows-1252\"?><a>\x92</a>";
        assert!(decode(windows).unwrap().contains('\u{2019}'));
        for mark in [true, false] {
            let text = "<a>é</a>";
            let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
            let units: Vec<u16> = units.collect();
            let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
            let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            assert_eq!(decode(&big).unwrap(), text);
            assert_eq!(decode(&little).unwrap(), text);
        }
        assert_eq!(decode("\u{feff}<é/>".as_bytes()).unwrap(), "<é/>");
        assert!(decode(b"<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>").unwrap().ends_with("<a/>"));
    }

    #[test]
    fn lines_end_as_xml_has_them() {
        for (text, read) in
            [("<a>\r\n\r</a>\r", "<a>\n\n</a>\n"), ("\n\r\r\né\r\r", "\n\n\né\n\n"), ("\n", "\n")]
        {
            assert_eq!(decode(text.as_bytes()).unwrap(), read);
        }
    }

    #[test]
    fn what_is_not_text_is_named() {
        let error = decode(b"<?xml version=\"1.0\" encoding=\"ebcdic-fr\"?><a/>").unwrap_err();
        assert_eq!(error, Error::Encoding { encoding: "ebcdic-fr".into() });
        assert_eq!(decode(b"<a>\xff</a>").unwrap_err(), Error::Encoding { encoding: "UTF-8".into() });
        assert_eq!(decode(b"").unwrap(), "");
    }
}
