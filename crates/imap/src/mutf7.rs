//! Modified UTF-7 (RFC 3501 §5.1.3): how IMAP4rev1 writes folder names that are not ASCII.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Base 64 with `,` in the place of `/`, and no padding.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Writes a folder name as the wire wants it.
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut pending: Vec<u8> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            close(&mut out, &mut pending);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                pending.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    close(&mut out, &mut pending);
    out
}

fn close(out: &mut String, pending: &mut Vec<u8>) {
    if !pending.is_empty() {
        out.push('&');
        ENGINE.encode_string(&*pending, out);
        out.push('-');
        pending.clear();
    }
}

/// Reads a folder name from the wire. `None` where it is not modified UTF-7. UTF-8 is taken as it is, since
/// many clients send it.
pub fn decode(wire: &str) -> Option<String> {
    let mut out = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        let (shifted, after) = rest[start + 1..].split_once('-')?;
        if shifted.is_empty() {
            out.push('&');
        } else {
            let bytes = ENGINE.decode(shifted).ok()?;
            if bytes.len() % 2 != 0 {
                return None;
            }
            let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            for c in char::decode_utf16(units) {
                out.push(c.ok()?);
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(encode("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(decode("~peter/mail/&U,BTFw-/&ZeVnLIqe-").unwrap(), "~peter/mail/台北/日本語");
        assert_eq!(encode("Envoyés & reçus"), "Envoy&AOk-s &- re&AOc-us");
        assert_eq!(encode("a😀"), "a&2D3eAA-");
    }

    #[test]
    fn broken_names_are_refused() {
        for bad in ["&", "&abc", "&!!!-", "&2D0-", "&AO-"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn inverses(name in "\\PC{0,40}") {
            prop_assert!(encode(&name).is_ascii());
            prop_assert_eq!(decode(&encode(&name)), Some(name));
        }

        #[test]
        fn decoding_never_panics(wire in "[&A-Za-z,+/é-]{0,40}") {
            let _ = decode(&wire);
        }
    }
}
