//! What SEARCH looks for in the header of one message (RFC 3501 §6.4.4).
//!
//! Which messages a search means is decided by the server, which asks its store for what was learned of them; these
//! functions look into a message of which nothing was learned, or for a field that nobody keeps. Needles come folded
//! ([`fold`]); texts are compared decoded and as written.

use jiff::civil::Date;

use crate::mime::{decoded_fields, fields, unfold};

pub use crate::mime::fold;

/// Whether a field of that name holds the needle; whether there is one at all, where the needle is empty.
pub fn field_holds(header: &[u8], name: &str, needle: &str) -> bool {
    let mut present = fields(header).filter(|field| field.is(name)).peekable();
    if present.peek().is_none() {
        return false;
    }
    needle.is_empty()
        || present.any(|field| fold(&String::from_utf8_lossy(&unfold(field.value))).contains(needle))
        || decoded(header)
            .iter()
            .any(|(found, value)| found.eq_ignore_ascii_case(name) && value.contains(needle))
}

/// Whether the header holds the needle anywhere.
pub fn header_holds(header: &[u8], needle: &str) -> bool {
    fold(&String::from_utf8_lossy(header)).contains(needle)
        || decoded(header).iter().any(|(name, value)| format!("{name}: {value}").contains(needle))
}

/// The day that `Date:` names, in its own time zone.
pub fn sent_day(header: &[u8]) -> Option<Date> {
    crate::mime::sent_day(fields(header).find(|field| field.is("Date"))?.value)
}

/// The fields with their encoded words decoded; none where there are no encoded words.
fn decoded(header: &[u8]) -> Vec<(String, String)> {
    if memchr::memmem::find(header, b"=?").is_some() { decoded_fields(header) } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"From: \"Dr Zo\xc3\xa9\" <zoe@a.fr>\r\nSubject: =?utf-8?Q?R=C3=A9sultats?=\r\n \
=?utf-8?Q?_d'analyse?=\r\nDate: Tue, 3 Feb 2026 23:30:00 -0500\r\nX-MSS-NIL: 2621\r\n\r\n";

    #[test]
    fn fields_hold_what_they_say() {
        for (name, needle) in [
            ("FROM", "zoe"),
            ("FROM", "dr zo\u{e9}"),
            ("SUBJECT", "r\u{e9}sultats d'ana"),
            ("x-mss-nil", "2621"),
            ("X-MSS-NIL", ""),
        ] {
            assert!(field_holds(HEADER, name, needle), "{name} {needle}");
        }
        for (name, needle) in [("FROM", "bob"), ("CC", "zoe"), ("X-None", ""), ("SUBJECT", "2621")] {
            assert!(!field_holds(HEADER, name, needle), "{name} {needle}");
        }
        assert!(header_holds(HEADER, "subject: r\u{e9}sultats") && header_holds(HEADER, "nil: 26"));
        assert!(!header_holds(HEADER, "glyc"));
        assert_eq!(sent_day(HEADER).unwrap().to_string(), "2026-02-03");
    }
}
