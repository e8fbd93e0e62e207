use super::{charset, decode_words, transfer};
use crate::MailLimits;

/// A value and its parameters: Content-Type, Content-Disposition (RFC 2045 §5.1, RFC 2183, RFC 2231).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// What stands before the first `;`, in lower case.
    pub(crate) value: String,
    /// Names in lower case, values decoded, each name once.
    pairs: Vec<(String, String)>,
}

/// One parameter as written: `name`, `name*`, `name*0`, `name*0*`.
struct Piece {
    name: String,
    section: Option<u32>,
    extended: bool,
    value: String,
}

impl Parameters {
    pub(crate) fn read(field: &str, limits: &MailLimits) -> Self {
        let mut segments = segments(field).into_iter().take(limits.parameters + 1);
        let value = segments.next().unwrap_or_default();
        let value = value.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let pieces: Vec<Piece> = segments.filter_map(|segment| piece(&segment)).collect();
        let mut names: Vec<&str> = Vec::new();
        for piece in &pieces {
            if !names.contains(&piece.name.as_str()) {
                names.push(&piece.name);
            }
        }
        let pairs = names.into_iter().map(|name| (name.to_owned(), joined(name, &pieces))).collect();
        Self { value, pairs }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// What stands between semicolons that are outside quotes.
fn segments(field: &str) -> Vec<String> {
    let (mut out, mut current, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for c in field.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' if !quoted => {
                out.push(std::mem::take(&mut current));
                continue;
            }
            _ => {}
        }
        current.push(c);
    }
    out.push(current);
    out
}

fn piece(segment: &str) -> Option<Piece> {
    let (name, value) = segment.split_once('=')?;
    let name = name.trim().to_ascii_lowercase();
    let value = unquoted(value.trim());
    let (name, extended) = match name.strip_suffix('*') {
        Some(name) => (name.to_owned(), true),
        None => (name, false),
    };
    let (name, section) = match name.rsplit_once('*') {
        Some((bare, number)) => match number.parse() {
            Ok(number) => (bare.to_owned(), Some(number)),
            Err(_) => (name, None),
        },
        None => (name, None),
    };
    (!name.is_empty()).then_some(Piece { name, section, extended, value })
}

/// A quoted string's content; a backslash stands for the sign after it, save before letters: Windows paths exist.
fn unquoted(value: &str) -> String {
    let Some(rest) = value.strip_prefix('"') else { return value.to_owned() };
    let inner = rest.strip_suffix('"').unwrap_or(rest);
    let (mut out, mut chars) = (String::with_capacity(inner.len()), inner.chars().peekable());
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('"' | '\\')) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

/// The value of `name`: its extended form, else its sections in their order, else its plain form with the encoded words
/// that do not belong there and stand there all the same.
fn joined(name: &str, pieces: &[Piece]) -> String {
    let mine = || pieces.iter().filter(|piece| piece.name == name);
    if let Some(whole) = mine().find(|piece| piece.section.is_none() && piece.extended) {
        return extended(std::slice::from_ref(&whole));
    }
    let mut sections: Vec<&Piece> = mine().filter(|piece| piece.section.is_some()).collect();
    if !sections.is_empty() {
        sections.sort_by_key(|piece| piece.section);
        sections.dedup_by_key(|piece| piece.section);
        return extended(&sections);
    }
    mine().next().map(|piece| decode_words(&piece.value)).unwrap_or_default()
}

/// RFC 2231 §4: `charset'language'text` with `%XX`; the charset stands in the first section only.
fn extended(sections: &[&Piece]) -> String {
    let (mut octets, mut label, any) = (Vec::new(), None, sections.iter().any(|piece| piece.extended));
    for (index, piece) in sections.iter().enumerate() {
        let mut value = piece.value.as_str();
        if index == 0 && piece.extended {
            let mut three = value.splitn(3, '\'');
            if let (Some(charset), Some(_), Some(rest)) = (three.next(), three.next(), three.next()) {
                (label, value) = (Some(charset).filter(|charset| !charset.is_empty()), rest);
            }
        }
        if piece.extended {
            percent(value, &mut octets);
        } else {
            octets.extend_from_slice(value.as_bytes());
        }
    }
    let text = charset(&octets, label).0;
    if any { text } else { decode_words(&text) }
}

fn percent(value: &str, out: &mut Vec<u8>) {
    let (bytes, mut at) = (value.as_bytes(), 0);
    while at < bytes.len() {
        let octet = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3).and_then(transfer::hex_octet));
        if let Some(Some(octet)) = octet {
            out.push(octet);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(field: &str) -> String {
        Parameters::read(field, &MailLimits::default()).get("filename").unwrap_or_default().to_owned()
    }

    #[test]
    fn file_names_of_every_make_are_read() {
        for (field, expected) in [
            ("attachment; filename=a.pdf", "a.pdf"),
            ("attachment; filename=\"a;b \\\"c\\\".pdf\"", "a;b \"c\".pdf"),
            ("attachment; filename=\"x.pdf\"; filename*=utf-8''%C3%A9t%C3%A9.pdf", "été.pdf"),
            ("attachment; FILENAME*=iso-8859-1'fr'%E9.pdf", "é.pdf"),
            ("attachment; filename*1*=%A9.pdf; filename*0*=utf-8''%C3", "é.pdf"),
            ("attachment; filename*0=\"a\"; filename*1=\"b.pdf\"", "ab.pdf"),
            ("attachment; filename=\"=?utf-8?Q?=C3=A9.pdf?=\"", "é.pdf"),
            ("attachment; filename*0=\"=?utf-8?Q?=C3\"; filename*1=\"=A9.pdf?=\"", "é.pdf"),
            ("attachment; filename=\"C:\\temp\\a.pdf\"", "C:\\temp\\a.pdf"),
            ("attachment; filename=\"unclosed.pdf", "unclosed.pdf"),
            ("attachment; filename*=%ZZ.pdf", "%ZZ.pdf"),
            ("attachment; ;;=;*=;filename", ""),
        ] {
            assert_eq!(name(field), expected, "{field}");
        }
        let many = format!("a; {}", "x*1=y; ".repeat(50_000));
        assert!(Parameters::read(&many, &MailLimits::default()).get("x").is_some());
    }

    proptest! {
        #[test]
        fn nothing_panics(field in "([a-z]|[*=;\"'%\\\\]|filename|\\PC){0,60}") {
            let _ = name(&field);
        }
    }
}
