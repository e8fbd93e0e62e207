//! Content-Transfer-Encoding undone piece by piece (RFC 2045 §6), so that no part need be held whole.

/// How a part's body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// 7BIT, 8BIT, BINARY: as it is.
    Identity,
    /// BASE64.
    Base64,
    /// QUOTED-PRINTABLE.
    QuotedPrintable,
}

impl Transfer {
    /// The encoding of that name, in any case; `None` for one that is not known (RFC 3516 §4.3: UNKNOWN-CTE).
    pub fn of(name: &[u8]) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("7BIT") || is("8BIT") || is("BINARY") || name.is_empty() {
            Some(Self::Identity)
        } else if is("BASE64") {
            Some(Self::Base64)
        } else if is("QUOTED-PRINTABLE") {
            Some(Self::QuotedPrintable)
        } else {
            None
        }
    }
}

/// White space of quoted-printable that is held back, because a line end after it would drop it.
const MOST_HELD: usize = 1_024;

/// Undoes one part's encoding. Lenient, as RFC 2045 asks: what base64 does not know is skipped, an escape that is
/// none stays as written.
#[derive(Clone, Debug)]
pub struct TransferDecoder {
    transfer: Transfer,
    /// Base64: the bits of an unfinished quantum, and how many characters they came from.
    bits: u32,
    count: u8,
    /// Quoted-printable: `=` and what followed it, or white space that may be dropped.
    held: Vec<u8>,
}

impl TransferDecoder {
    /// A decoder at the start of a part's body.
    pub fn new(transfer: Transfer) -> Self {
        Self { transfer, bits: 0, count: 0, held: Vec::new() }
    }

    /// Decodes the next octets to the end of `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self.transfer {
            Transfer::Identity => out.extend_from_slice(bytes),
            Transfer::Base64 => self.base64(bytes, out),
            Transfer::QuotedPrintable => self.quoted(bytes, out),
        }
    }

    /// Ends the part: what was held back is written.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.end_quantum(out);
        if self.held.first() == Some(&b'=') {
            out.append(&mut self.held);
        }
        self.held.clear();
    }

    fn base64(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.reserve(bytes.len() / 4 * 3 + 3);
        for &byte in bytes {
            match VALUES[usize::from(byte)] {
                SKIPPED => {}
                PAD => self.end_quantum(out),
                value => {
                    self.bits = self.bits << 6 | u32::from(value);
                    self.count += 1;
                    if self.count == 4 {
                        out.extend_from_slice(&self.bits.to_be_bytes()[1..]);
                        (self.bits, self.count) = (0, 0);
                    }
                }
            }
        }
    }

    /// Two characters are one octet, three are two; one alone is nothing.
    fn end_quantum(&mut self, out: &mut Vec<u8>) {
        let octets = (self.bits << (6 * (4 - u32::from(self.count.min(4))))).to_be_bytes();
        match self.count {
            2 => out.push(octets[1]),
            3 => out.extend_from_slice(&octets[1..3]),
            _ => {}
        }
        (self.bits, self.count) = (0, 0);
    }

    fn quoted(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            if self.held.first() == Some(&b'=') && self.escaped(byte, out) {
                continue;
            }
            match byte {
                b'=' => {
                    out.append(&mut self.held);
                    self.held.push(b'=');
                }
                b' ' | b'\t' => {
                    if self.held.len() >= MOST_HELD {
                        out.append(&mut self.held);
                    }
                    self.held.push(byte);
                }
                b'\r' | b'\n' => {
                    self.held.clear();
                    out.push(byte);
                }
                _ => {
                    out.append(&mut self.held);
                    out.push(byte);
                }
            }
        }
    }

    /// After `=`: whether the octet belonged to the escape.
    fn escaped(&mut self, byte: u8, out: &mut Vec<u8>) -> bool {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (self.held.get(1).copied(), byte) {
            // A soft line break, white space before its end included.
            (_, b'\n') => self.held.clear(),
            (None | Some(b' ' | b'\t'), b' ' | b'\t' | b'\r') if self.held.len() < 80 => {
                self.held.truncate(1);
                self.held.push(b' ');
            }
            (None, _) if digit(byte).is_some() => self.held.push(byte),
            (Some(high), _) if digit(high).is_some() && digit(byte).is_some() => {
                out.push(digit(high).unwrap_or(0) << 4 | digit(byte).unwrap_or(0));
                self.held.clear();
            }
            _ => {
                out.append(&mut self.held);
                return false;
            }
        }
        true
    }
}

const SKIPPED: u8 = 0xff;
const PAD: u8 = 0xfe;
const VALUES: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [SKIPPED; 256];
    let mut at = 0;
    while at < 64 {
        table[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    table[b'=' as usize] = PAD;
    table
};

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;

    fn decoded(transfer: Transfer, pieces: &[&[u8]]) -> Vec<u8> {
        let mut decoder = TransferDecoder::new(transfer);
        let mut out = Vec::new();
        for piece in pieces {
            decoder.push(piece, &mut out);
        }
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn quoted_printable_as_the_rfc_has_it() {
        let text = b"Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.  \r\n=C3=A9=c3=A9 =ZZ =";
        let wanted = "Now's the time for all folk to come to the aid of their country.\r\n\u{e9}\u{e9} =ZZ ="
            .as_bytes();
        assert_eq!(decoded(Transfer::QuotedPrintable, &[text]), wanted);
        let pieces: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(decoded(Transfer::QuotedPrintable, &pieces), wanted);
        assert_eq!(decoded(Transfer::QuotedPrintable, &[b"a = \r\nb"]), b"a b");
    }

    #[test]
    fn base64_stops_and_starts_at_its_padding() {
        assert_eq!(decoded(Transfer::Base64, &[b"UEs=\r\n", b"U\r\nEs="]), b"PKPK");
        assert_eq!(decoded(Transfer::Base64, &[b"U!E s"]), b"PK");
        assert_eq!(decoded(Transfer::Base64, &[b"U"]), b"");
    }

    proptest! {
        #[test]
        fn base64_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 1usize..70) {
            let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(cut).collect();
            prop_assert_eq!(decoded(Transfer::Base64, &pieces), bytes);
        }

        #[test]
        fn nothing_makes_it_panic_nor_depends_on_the_cuts(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'='), Just(b' '), Just(b'\n')], 0..200),
            cut in 1usize..30,
        ) {
            for transfer in [Transfer::Base64, Transfer::QuotedPrintable] {
                let pieces: Vec<&[u8]> = bytes.chunks(cut).collect();
                prop_assert_eq!(decoded(transfer, &pieces), decoded(transfer, &[&bytes]));
            }
        }
    }
}
