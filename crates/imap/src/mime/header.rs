//! Header fields, as octets.

/// Names and values, unquoted.
pub type Parameters = Vec<(Vec<u8>, Vec<u8>)>;

/// One header field, as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name as written.
    pub name: &'a [u8],
    /// What comes after the colon, folds and last line end included.
    pub value: &'a [u8],
    /// The whole field.
    pub raw: &'a [u8],
}

impl Field<'_> {
    /// Whether this is the field of that name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The fields of a header block, in order. Ends at the first empty line; lines that are no field are left out.
pub fn fields(block: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = block;
    std::iter::from_fn(move || {
        loop {
            let end = end_of_field(rest)?;
            let raw = &rest[..end];
            rest = &rest[end..];
            let Some(colon) = raw.iter().position(|&byte| byte == b':') else { continue };
            let name = raw[..colon].trim_ascii_end();
            if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
                continue;
            }
            return Some(Field { name, value: &raw[colon + 1..], raw });
        }
    })
}

/// Where the first field ends, its folded lines included; `None` at the end of the header.
fn end_of_field(block: &[u8]) -> Option<usize> {
    if block.is_empty() || block.starts_with(b"\r\n") || block.starts_with(b"\n") {
        return None;
    }
    let mut end = 0;
    loop {
        end += block[end..].iter().position(|&byte| byte == b'\n').map_or(block.len() - end, |at| at + 1);
        if !matches!(block.get(end), Some(b' ' | b'\t')) {
            return Some(end);
        }
    }
}

/// Length of the header at the start of a message, its empty line included; `None` where that line is missing.
pub fn end_of_header(message: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = message[at..].iter().position(|&byte| byte == b'\n')? + 1;
        if matches!(&message[at..at + line], b"\r\n" | b"\n") {
            return Some(at + line);
        }
        at += line;
    }
}

/// The value of a field on one line: folds removed, outer spaces trimmed.
pub fn unfold(value: &[u8]) -> Vec<u8> {
    let kept: Vec<u8> = value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)).collect();
    kept.trim_ascii().to_vec()
}

/// The fields of a block whose name is in `names` (or is not, with `except`), as received, with the empty line that
/// ends them (RFC 3501 §6.4.5, HEADER.FIELDS).
pub fn select_fields(block: &[u8], names: &[String], except: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields(block) {
        if names.iter().any(|name| field.is(name)) != except {
            out.extend_from_slice(field.raw);
            if !field.raw.ends_with(b"\n") {
                out.extend_from_slice(b"\r\n");
            }
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// A parameterised value, such as Content-Type's: the value in lower case as written before the first `;`, then
/// name and value pairs, unquoted. RFC 2231 pieces are kept as they are: the client puts them together.
pub(super) fn parameterised(value: &[u8]) -> (Vec<u8>, Parameters) {
    let value = unfold(value);
    let mut pieces = split_outside_quotes(&value, b';').into_iter();
    let main = without_comments(pieces.next().unwrap_or_default()).trim_ascii().to_vec();
    let mut parameters = Vec::new();
    for piece in pieces.take(MOST_PARAMETERS) {
        let piece = without_comments(piece);
        let Some(equals) = piece.iter().position(|&byte| byte == b'=') else { continue };
        let name = piece[..equals].trim_ascii();
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            continue;
        }
        parameters.push((name.to_vec(), unquote(piece[equals + 1..].trim_ascii())));
    }
    (main, parameters)
}

const MOST_PARAMETERS: usize = 64;

pub(super) fn unquote(text: &[u8]) -> Vec<u8> {
    let Some(inner) = text.strip_prefix(b"\"") else { return text.to_vec() };
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => out.extend(bytes.next()),
            _ => out.push(byte),
        }
    }
    out
}

fn split_outside_quotes(text: &[u8], separator: u8) -> Vec<&[u8]> {
    let (mut out, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if byte == separator && !quoted => {
                out.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    out.push(&text[start..]);
    out
}

fn without_comments(text: &[u8]) -> Vec<u8> {
    let (mut out, mut depth, mut quoted, mut escaped) = (Vec::with_capacity(text.len()), 0u32, false, false);
    for &byte in text {
        let keep = depth == 0;
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' if depth == 0 => quoted = !quoted,
            b'(' if !quoted => {
                depth += 1;
                continue;
            }
            b')' if !quoted && depth > 0 => {
                depth -= 1;
                continue;
            }
            _ => {}
        }
        if keep {
            out.push(byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_folds() {
        let block = b"Subject: a\r\n b\r\nnot a field\r\nX-Y : c\r\n\r\nBody: no\r\n";
        let all: Vec<_> = fields(block).map(|field| (field.name.to_vec(), unfold(field.value))).collect();
        assert_eq!(all, [(b"Subject".to_vec(), b"a b".to_vec()), (b"X-Y".to_vec(), b"c".to_vec())]);
        assert_eq!(select_fields(block, &["x-y".into()], false), b"X-Y : c\r\n\r\n");
        assert_eq!(select_fields(block, &["x-y".into()], true), b"Subject: a\r\n b\r\n\r\n");
        assert_eq!(end_of_header(block), Some(block.len() - 10));
    }

    #[test]
    fn parameters_are_unquoted() {
        let (main, parameters) =
            parameterised(b" text/Plain (a comment); charset=\"utf-8\";\r\n name=\"a;\\\"b\"; x; =y");
        assert_eq!(main, b"text/Plain");
        let wanted = [(b"charset".to_vec(), b"utf-8".to_vec()), (b"name".to_vec(), b"a;\"b".to_vec())];
        assert_eq!(parameters, wanted);
    }
}
