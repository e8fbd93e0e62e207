//! The little DER that the lab reads and writes by hand: OCSP, and what a certificate library refuses to sign.
//!
//! Only definite lengths and single-byte tags (X.690 §10): all that these formats have.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;

/// A tag, the length, and the contents, which are laid end to end.
pub(crate) fn write(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let length: usize = contents.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    if let Ok(short @ ..=0x7f) = u8::try_from(length) {
        out.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let bytes = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
        out.push(0x80 | u8::try_from(bytes.len()).expect("a length has 8 bytes at most"));
        out.extend_from_slice(bytes);
    }
    for part in contents {
        out.extend_from_slice(part);
    }
    out
}

/// A positive INTEGER out of big-endian bytes.
pub(crate) fn write_unsigned(bytes: &[u8]) -> Vec<u8> {
    let bytes = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    match bytes.first() {
        None => write(INTEGER, &[&[0]]),
        Some(0x80..) => write(INTEGER, &[&[0], bytes]),
        Some(_) => write(INTEGER, &[bytes]),
    }
}

/// A BIT STRING of whole bytes.
pub(crate) fn write_bits(bytes: &[u8]) -> Vec<u8> {
    write(BIT_STRING, &[&[0], bytes])
}

/// A place in DER. Each method gives `None` where something else is there, or nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next value: its tag, its contents, and the whole of it.
    pub(crate) fn any(&mut self) -> Option<(u8, Reader<'a>, &'a [u8])> {
        let whole = self.0;
        let (&tag, rest) = whole.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            ..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, Reader(contents), &whole[..whole.len() - rest.len()]))
    }

    /// The contents of the next value, which must have this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Option<Reader<'a>> {
        let mut ahead = *self;
        let (found, contents, _) = ahead.any()?;
        (found == tag).then(|| {
            *self = ahead;
            contents
        })
    }

    /// The bytes of the next INTEGER, without a leading zero.
    pub(crate) fn unsigned(&mut self) -> Option<&'a [u8]> {
        let bytes = self.take(INTEGER)?.0;
        Some(match bytes {
            [0, rest @ ..] if !rest.is_empty() => rest,
            _ => bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 70_000] {
            let contents = vec![7; length];
            let der = write(OCTET_STRING, &[&contents]);
            let mut reader = Reader(&der);
            assert_eq!(reader.take(SEQUENCE).map(|_| ()), None);
            assert_eq!(reader.take(OCTET_STRING).unwrap().0, contents);
            assert!(reader.is_empty());
        }
        assert_eq!(write_unsigned(&[0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(write_unsigned(&[]), [2, 1, 0]);
        assert_eq!(Reader(&write_unsigned(&[0xff, 1])).unsigned().unwrap(), [0xff, 1]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
            let mut reader = Reader(&bytes);
            while reader.any().is_some() {}
            let _ = Reader(&bytes).unsigned();
        }
    }
}
