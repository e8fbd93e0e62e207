use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The product's reference number, on every mail sent (SC.MSS/CONF.16, ECO.2.4.3).
pub const X_MSS_NIL: &str = "X-MSS-NIL";
/// `O` or `N`: whether the archive's documents hold a qualified INS (ECO.2.4.2).
pub const X_MSS_INS: &str = "X-MSS-INS";
/// The codes of the CDA documents in the archive, comma-separated (ECO.2.4.1).
pub const X_MSS_CODECDA: &str = "X-MSS-CODECDA";
/// [`CLOSE_EXCHANGE`]: the patient may not answer (ECO.2.2.8).
pub const X_MSS_MES: &str = "X-MSS-MES";
/// The one value of [`X_MSS_MES`].
pub const CLOSE_EXCHANGE: &str = "FIN";

/// One header field of a message, as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name as written.
    pub name: Cow<'a, str>,
    /// The value, unfolded (RFC 5322 §2.2.3) and trimmed; octets that are not UTF-8 become U+FFFD. Encoded words
    /// (RFC 2047) are left as they are.
    pub value: String,
}

/// The header fields of a message, from the top to the first empty line.
///
/// The reader is our own, and small, because it must show to a judge exactly what a client wrote: repeated fields
/// stay repeated, in order. Lines end with CR LF or LF alone; a line that is no field is skipped; nothing panics.
pub fn fields(message: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        loop {
            let (line, mut after) = cut_line(rest)?;
            if line.is_empty() {
                rest = &[];
                return None;
            }
            let mut raw = line.to_vec();
            while let [b' ' | b'\t', ..] = after {
                let Some((folded, next)) = cut_line(after) else { break };
                raw.extend_from_slice(folded);
                after = next;
            }
            rest = after;
            if let Some(field) = split_field(line, &raw) {
                return Some(field);
            }
        }
    })
}

/// Every value of the field `name` (any case), in the order of the message.
pub fn header_values(message: &[u8], name: &str) -> Vec<String> {
    fields(message).filter(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value).collect()
}

/// The four `X-MSS-*` headers of a message: every occurrence of each, because a repeated header is a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indicators {
    /// [`X_MSS_NIL`].
    pub nil: Vec<String>,
    /// [`X_MSS_INS`].
    pub ins: Vec<String>,
    /// [`X_MSS_CODECDA`], not split at its commas.
    pub codecda: Vec<String>,
    /// [`X_MSS_MES`].
    pub mes: Vec<String>,
}

impl Indicators {
    /// Reads them from a message, or from its header section alone. Values are unfolded and trimmed, nothing else.
    pub fn read(message: &[u8]) -> Self {
        let mut found = Self::default();
        for field in fields(message) {
            let known = [
                (X_MSS_NIL, &mut found.nil),
                (X_MSS_INS, &mut found.ins),
                (X_MSS_CODECDA, &mut found.codecda),
                (X_MSS_MES, &mut found.mes),
            ];
            if let Some((_, values)) =
                known.into_iter().find(|(name, _)| field.name.eq_ignore_ascii_case(name))
            {
                values.push(field.value);
            }
        }
        found
    }
}

/// Splits after the next line end, which is taken away; `None` at the end of the bytes.
fn cut_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if bytes.is_empty() {
        return None;
    }
    let (line, after) = match bytes.iter().position(|&b| b == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[][..]),
    };
    Some((line.strip_suffix(b"\r").unwrap_or(line), after))
}

/// `line` is the field's first line, `raw` the same with its folded lines appended.
fn split_field<'a>(line: &'a [u8], raw: &[u8]) -> Option<Field<'a>> {
    let colon = line.iter().position(|&b| b == b':')?;
    let name = line[..colon].trim_ascii_end(); // RFC 5322 §4.5.8: blanks before the colon, obsolete but read
    let printable = !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic());
    printable.then(|| Field {
        name: String::from_utf8_lossy(name),
        value: String::from_utf8_lossy(&raw[colon + 1..]).trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAIL: &[u8] =
        b"Received: from x\r\n\tby y\r\nx-mss-nil:2621\r\nX-MSS-CODECDA: 34112-3,\r\n PRESC-BIO\r\n\
        X-MSS-NIL : 3734 \r\nnot a field\r\nX-MSS-INS: O\r\n\r\nX-MSS-MES: FIN\r\n";

    #[test]
    fn every_occurrence_is_read_unfolded_and_the_body_is_not() {
        let found = Indicators::read(MAIL);
        assert_eq!(found.nil, ["2621", "3734"]);
        assert_eq!(found.codecda, ["34112-3, PRESC-BIO"]);
        assert_eq!(found.ins, ["O"]);
        assert!(found.mes.is_empty());
        assert_eq!(header_values(MAIL, "received"), ["from x\tby y"]);
    }

    #[test]
    fn bare_line_feeds_and_a_missing_body_are_read_too() {
        assert_eq!(header_values(b"A: 1\nB: 2\n 3", "b"), ["2 3"]);
        assert_eq!(fields(b"").count(), 0);
        assert_eq!(fields(b"\r\nA: 1\r\n").count(), 0);
        assert_eq!(header_values(b"A: \xff\r\n", "a"), ["\u{fffd}"]);
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_values_are_one_line(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for field in fields(&bytes) {
                prop_assert!(!field.value.contains('\n'));
            }
            let _ = Indicators::read(&bytes);
        }

        #[test]
        fn folded_values_come_back(value in "[A-Za-z0-9._,-]{1,40}", at in 0usize..40) {
            let cut = at.min(value.len());
            let mail = format!("X-MSS-NIL: {}\r\n {}\r\n\r\n", &value[..cut], &value[cut..]);
            let read = Indicators::read(mail.as_bytes()).nil.concat().replace(' ', "");
            prop_assert_eq!(read, value);
        }
    }
}
