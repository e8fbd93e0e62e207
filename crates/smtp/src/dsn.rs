//! What a client asks to be told of its message (RFC 3461), as values.

use std::fmt;

/// How much of the message a failure notice returns (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ret {
    /// `FULL`: all of it.
    Full,
    /// `HDRS`: its header fields.
    Headers,
}

impl Ret {
    pub(crate) fn parse(value: &str) -> Option<Self> {
        if value.eq_ignore_ascii_case("FULL") {
            Some(Self::Full)
        } else if value.eq_ignore_ascii_case("HDRS") {
            Some(Self::Headers)
        } else {
            None
        }
    }
}

/// When the sender of a message wants to be told of one recipient (RFC 3461 §4.1). `NEVER` is none of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notify {
    /// Once it is in the mailbox.
    pub success: bool,
    /// Where it cannot be delivered.
    pub failure: bool,
    /// Where it takes longer than usual.
    pub delay: bool,
}

impl Default for Notify {
    /// What holds where nothing was asked: failures, and delays.
    fn default() -> Self {
        Self { success: false, failure: true, delay: true }
    }
}

impl Notify {
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let mut when = Self { success: false, failure: false, delay: false };
        if value.eq_ignore_ascii_case("NEVER") {
            return Some(when);
        }
        for word in value.split(',') {
            match word.to_ascii_uppercase().as_str() {
                "SUCCESS" => when.success = true,
                "FAILURE" => when.failure = true,
                "DELAY" => when.delay = true,
                _ => return None,
            }
        }
        Some(when)
    }
}

/// `ORCPT=`: whom the sender first wrote to (RFC 3461 §4.2). Given back in notices, never delivered to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalRecipient {
    /// The address type, such as `rfc822` or `utf-8` (RFC 6533).
    pub kind: String,
    /// The address, decoded.
    pub address: String,
}

impl OriginalRecipient {
    /// `addr-type ";" xtext`, at most 500 octets; UTF-8 as it is where the type says so.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let (kind, address) = value.split_once(';')?;
        let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
        if value.len() > 500 || kind.is_empty() || !kind.chars().all(atom) {
            return None;
        }
        let address = if kind.eq_ignore_ascii_case("utf-8") && !address.is_ascii() {
            (!address.chars().any(|c| c.is_control() || c.is_whitespace())).then(|| address.to_owned())
        } else {
            xtext(address)
        };
        Some(Self { kind: kind.to_owned(), address: address? })
    }
}

impl fmt::Display for OriginalRecipient {
    /// As ORCPT has it, in xtext.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};", self.kind)?;
        for c in self.address.chars() {
            match c {
                '+' | '=' | '\0'..=' ' | '\x7f' => write!(f, "+{:02X}", u32::from(c))?,
                _ => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// `ENVID`: 1 to 100 characters of xtext, all printable once decoded (RFC 3461 §4.4).
pub(crate) fn envid(value: &str) -> Option<String> {
    if value.len() > 100 {
        return None;
    }
    xtext(value)
}

/// xtext (RFC 3461 §4): printable ASCII, `+` and two upper-case hexadecimal digits for the rest. What it stands for
/// must be printable too: it goes into header fields.
pub(crate) fn xtext(value: &str) -> Option<String> {
    let mut bytes = value.bytes();
    let mut out = Vec::with_capacity(value.len());
    let hex = |digit: Option<u8>| match digit? {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        digit @ b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    };
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(hex(bytes.next())? * 16 + hex(bytes.next())?),
            b'=' => return None,
            b'!'..=b'~' => out.push(byte),
            _ => return None,
        }
    }
    String::from_utf8(out).ok().filter(|text| !text.is_empty() && !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests_are_read() {
        assert_eq!(Ret::parse("full"), Some(Ret::Full));
        assert_eq!(Ret::parse("ALL"), None);
        assert_eq!(Notify::parse("never"), Some(Notify { success: false, failure: false, delay: false }));
        for bad in ["", "NEVER,SUCCESS", "SUCCESS,", "ALWAYS"] {
            assert_eq!(Notify::parse(bad), None, "{bad}");
        }
        assert_eq!(envid("a+20b").as_deref(), Some("a b"));
        for bad in ["", "a+0Ab", "a+2", "a+2b", "a=b", "a b", &"x".repeat(101)] {
            assert_eq!(envid(bad), None, "{bad}");
        }
        let utf8 = OriginalRecipient::parse("utf-8;ren\u{e9}@b.fr").unwrap();
        assert_eq!(utf8.address, "ren\u{e9}@b.fr");
        for bad in ["rfc822", ";a@b", "rfc 822;a", "rfc822;", "rfc822;ren\u{e9}@b", "rfc822;a+0D+0AX: y"] {
            assert_eq!(OriginalRecipient::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_original_recipient_is_written_back(address in "[ -~]{1,60}") {
            let one = OriginalRecipient { kind: "rfc822".into(), address };
            prop_assert_eq!(OriginalRecipient::parse(&one.to_string()), Some(one));
        }

        #[test]
        fn nothing_read_can_forge_a_line(value in ".{0,40}") {
            for text in [xtext(&value), OriginalRecipient::parse(&value).map(|one| one.address)] {
                prop_assert!(!text.unwrap_or_default().contains(['\r', '\n', '\0']));
            }
        }
    }
}
