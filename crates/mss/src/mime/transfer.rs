use std::borrow::Cow;

/// How a body was made fit for its way (RFC 2045 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// 7bit, 8bit, binary, or nothing that is known.
    None,
    Base64,
    QuotedPrintable,
}

impl Transfer {
    /// Of the value of Content-Transfer-Encoding, in lower case.
    pub(crate) fn of(value: &str) -> Self {
        match value {
            "base64" => Self::Base64,
            "quoted-printable" => Self::QuotedPrintable,
            _ => Self::None,
        }
    }

    pub(crate) fn encodes(self) -> bool {
        self != Self::None
    }

    /// The octets before the encoding; `true` where something was no such encoding. What can be had is had.
    pub(crate) fn undo(self, raw: &[u8]) -> (Cow<'_, [u8]>, bool) {
        match self {
            Self::None => (Cow::Borrowed(raw), false),
            Self::Base64 => {
                let (bytes, damaged) = base64(raw);
                (Cow::Owned(bytes), damaged)
            }
            Self::QuotedPrintable => {
                let (bytes, damaged) = quoted_printable(raw);
                (Cow::Owned(bytes), damaged)
            }
        }
    }
}

/// RFC 2045 §6.8: white space is skipped silently, other foreign octets are skipped and told. Padding within the text
/// ends a group, because some senders encode piece by piece.
pub(crate) fn base64(raw: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(raw.len() / 4 * 3 + 3);
    let (mut word, mut count, mut damaged) = (0u32, 0u8, false);
    for &byte in raw {
        let six = match SIX[usize::from(byte)] {
            SKIP => continue,
            PAD => {
                flush(&mut out, word, count);
                (word, count) = (0, 0);
                continue;
            }
            FOREIGN => {
                damaged = true;
                continue;
            }
            six => six,
        };
        word = word << 6 | u32::from(six);
        count += 1;
        if count == 4 {
            out.extend_from_slice(&word.to_be_bytes()[1..]);
            (word, count) = (0, 0);
        }
    }
    damaged |= count == 1;
    flush(&mut out, word, count);
    (out, damaged)
}

/// The octets of a group of two or three letters.
fn flush(out: &mut Vec<u8>, word: u32, count: u8) {
    match count {
        2 => out.push((word >> 4) as u8),
        3 => out.extend_from_slice(&[(word >> 10) as u8, (word >> 2) as u8]),
        _ => {}
    }
}

const SKIP: u8 = 253;
const PAD: u8 = 254;
const FOREIGN: u8 = 255;

/// The value of each octet in base64.
const SIX: [u8; 256] = {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [FOREIGN; 256];
    let mut at = 0;
    while at < 64 {
        table[letters[at] as usize] = at as u8;
        at += 1;
    }
    table[b' ' as usize] = SKIP;
    table[b'\t' as usize] = SKIP;
    table[b'\r' as usize] = SKIP;
    table[b'\n' as usize] = SKIP;
    table[b'=' as usize] = PAD;
    table
};

/// RFC 2045 §6.7. Blanks at the end of a line are the way's, not the text's.
pub(crate) fn quoted_printable(raw: &[u8]) -> (Vec<u8>, bool) {
    let (mut out, mut damaged) = (Vec::with_capacity(raw.len()), false);
    for line in raw.split_inclusive(|&b| b == b'\n') {
        let ended = line.ends_with(b"\n");
        let text = line.trim_ascii_end();
        let soft = text.ends_with(b"=");
        let text = if soft { &text[..text.len() - 1] } else { text };
        let mut at = 0;
        while at < text.len() {
            let code = (text[at] == b'=').then(|| text.get(at + 1..at + 3).and_then(hex_octet));
            match code {
                Some(Some(octet)) => {
                    out.push(octet);
                    at += 3;
                    continue;
                }
                Some(None) => damaged = true,
                None => {}
            }
            out.push(text[at]);
            at += 1;
        }
        if ended && !soft {
            out.extend_from_slice(if line.ends_with(b"\r\n") { b"\r\n" } else { b"\n" });
        }
    }
    (out, damaged)
}

/// Two hexadecimal digits, in either case.
pub(crate) fn hex_octet(two: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    match *two {
        [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn base64_is_read_with_its_accidents() {
        for (text, expected, damaged) in [
            ("SGVsbG8=", "Hello", false),
            ("SGVs\r\nbG8", "Hello", false),
            ("SGVsbG8=SGVsbG8=", "HelloHello", false),
            ("SG!Vs", "Hel", true),
            ("S", "", true),
            ("====", "", false),
        ] {
            assert_eq!(base64(text.as_bytes()), (expected.as_bytes().to_vec(), damaged), "{text}");
        }
    }

    #[test]
    fn quoted_printable_is_read_with_its_accidents() {
        for (text, expected, damaged) in [
            ("=C3=A9t=c3=a9 \r\nfin", "été\r\nfin", false),
            ("a=\r\nb=  \r\nc", "abc", false),
            ("100 =% =", "100 =% ", true),
        ] {
            assert_eq!(quoted_printable(text.as_bytes()), (expected.as_bytes().to_vec(), damaged), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_grows(raw: Vec<u8>) {
            prop_assert!(base64(&raw).0.len() <= raw.len());
            prop_assert!(quoted_printable(&raw).0.len() <= raw.len());
        }
    }
}
