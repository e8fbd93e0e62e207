//! What a server says, written octet by octet.

use crate::command::Flag;

/// A line in the making. Everything is written as it is given: nothing is added but what is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(Vec<u8>);

impl Line {
    /// An empty line.
    pub fn new() -> Self {
        Self::default()
    }

    /// `* text`
    pub fn untagged(text: &str) -> Self {
        Self::new().text("* ").text(text)
    }

    /// `tag OK|NO|BAD [CODE] text`; `code` without its brackets, empty for none.
    pub fn tagged(tag: &str, status: &str, code: &str, text: &str) -> Self {
        let line = Self::new().text(tag).text(" ").text(status);
        let line = if code.is_empty() { line } else { line.text(" [").text(code).text("]") };
        line.text(" ").text(text)
    }

    /// Adds text. CR and LF become spaces, so that no text can end the line.
    pub fn text(mut self, text: &str) -> Self {
        self.0.extend(text.bytes().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }));
        self
    }

    /// Adds a string: quoted where it can be, else a literal.
    pub fn string(mut self, bytes: &[u8]) -> Self {
        string(&mut self.0, bytes);
        self
    }

    /// Adds octets that are IMAP already, literals included.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Ends the line with CR LF.
    pub fn finish(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"\r\n");
        self.0
    }

    /// The octets so far, without a line end.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Writes a string: quoted where it can be (at most 1 000 octets of printable ASCII), else a literal.
pub fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() <= 1_000 && bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        out.push(b'"');
        for &byte in bytes {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out.push(b'"');
    } else {
        out.extend_from_slice(format!("{{{}}}\r\n", bytes.len()).as_bytes());
        out.extend_from_slice(bytes);
    }
}

/// Writes `NIL` or a string.
pub fn nstring(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => string(out, bytes),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Text as a quoted string; what cannot be quoted becomes `?`.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => out.push('?'),
        }
    }
    out.push('"');
    out
}

/// A folder's name as an `astring`, in modified UTF-7.
pub fn folder(name: &str) -> String {
    quoted(&crate::mutf7::encode(name))
}

/// A folder's name as an `astring`, in UTF-8 where the session has agreed on it (RFC 9051 §5.1, RFC 9755 §3).
pub fn mailbox(name: &str, utf8: bool) -> String {
    if !utf8 {
        return folder(name);
    }
    let mut out = String::from("\"");
    for c in name.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `(\Seen $Label)`
pub fn flags(flags: &[Flag]) -> String {
    let names: Vec<&str> = flags.iter().map(Flag::name).collect();
    format!("({})", names.join(" "))
}

impl Flag {
    /// As on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Seen => "\\Seen",
            Self::Answered => "\\Answered",
            Self::Flagged => "\\Flagged",
            Self::Deleted => "\\Deleted",
            Self::Draft => "\\Draft",
            Self::Keyword(word) => word,
        }
    }
}
