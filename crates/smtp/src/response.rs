use std::fmt;

/// Longest text of one reply line, so that code, separator and CR LF fit in 512 octets (RFC 5321 §4.5.3.1.5).
const LONGEST_TEXT: usize = 500;

/// A server's reply. Its text can hold no CR nor LF, so that nothing a client says can forge a line of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    code: u16,
    enhanced: Option<&'static str>,
    lines: Vec<String>,
}

impl Response {
    /// A reply with its enhanced status code (RFC 3463). The class of the code must be the first digit of `code`.
    pub fn new(code: u16, enhanced: &'static str, text: impl AsRef<str>) -> Self {
        debug_assert_eq!(code / 100, u16::from(enhanced.as_bytes()[0] - b'0'), "class of {code} {enhanced}");
        Self { code, enhanced: Some(enhanced), lines: vec![clean(text.as_ref())] }
    }

    /// A reply that has no enhanced code: greeting, EHLO, 354 and 334 (RFC 2034 §4).
    pub fn plain(code: u16, text: impl AsRef<str>) -> Self {
        Self { code, enhanced: None, lines: vec![clean(text.as_ref())] }
    }

    /// The same without its enhanced code, for a client that was not offered any (RFC 2034 §3).
    #[must_use]
    pub fn unenhanced(self) -> Self {
        Self { enhanced: None, ..self }
    }

    /// Adds a line.
    #[must_use]
    pub fn line(mut self, text: impl AsRef<str>) -> Self {
        self.lines.push(clean(text.as_ref()));
        self
    }

    /// `334` with a SASL challenge, which may be longer than other lines (RFC 4954 §4).
    pub fn challenge(base64: &str) -> Self {
        let text = base64.chars().filter(char::is_ascii_graphic).collect();
        Self { code: 334, enhanced: None, lines: vec![text] }
    }

    /// The three digits.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced status code, where there is one.
    pub fn enhanced(&self) -> Option<&'static str> {
        self.enhanced
    }

    /// Whether it refuses (4xx, 5xx).
    pub fn is_refusal(&self) -> bool {
        self.code >= 400
    }

    /// Each line without its line end.
    pub fn each_line(&self) -> impl Iterator<Item = String> + '_ {
        let last = self.lines.len() - 1;
        self.lines.iter().enumerate().map(move |(at, text)| {
            let separator = if at == last { ' ' } else { '-' };
            match self.enhanced {
                Some(enhanced) => format!("{}{separator}{enhanced} {text}", self.code),
                None => format!("{}{separator}{text}", self.code),
            }
        })
    }

    /// Adds the bytes of the whole reply to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        for line in self.each_line() {
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.each_line().collect();
        f.write_str(&lines.join(" / "))
    }
}

/// No control character, and not too long. UTF-8 stays: it only answers a client that wrote some.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if out.len() + c.len_utf8() > LONGEST_TEXT {
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::client::ReplyReader;

    #[test]
    fn a_multiline_reply_repeats_code_and_enhanced_code() {
        let mut out = Vec::new();
        Response::new(550, "5.7.1", "No").line("really").write(&mut out);
        assert_eq!(out, b"550-5.7.1 No\r\n550 5.7.1 really\r\n");
        assert_eq!(Response::plain(334, "").each_line().next().unwrap(), "334 ");
    }

    proptest! {
        #[test]
        fn whatever_the_text_it_is_one_reply(first in ".{0,600}", second in "[\\PC\r\n]{0,600}") {
            let mut out = Vec::new();
            Response::new(550, "5.1.1", &first).line(&second).write(&mut out);
            let mut reader = ReplyReader::new();
            reader.feed(&out);
            let reply = reader.next_reply().unwrap().unwrap();
            prop_assert_eq!((reply.code, reply.lines.len(), reader.buffered()), (550, 2, 0));
            prop_assert!(out.split(|&byte| byte == b'\n').all(|line| line.len() < 512));
        }
    }
}
