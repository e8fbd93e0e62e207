//! Comparing the subject of a certificate with the one that a client registered (RFC 8705 §2.1.2).
//!
//! People write distinguished names in the order of RFC 4514 (most specific first), in that of the certificate, with or
//! without spaces: the attributes and their values decide, in either order.

/// Whether two texts name the same subject.
pub(crate) fn same(registered: &str, subject: &str) -> bool {
    let (mut registered, subject) = (parts(registered), parts(subject));
    if registered.is_empty() {
        return false;
    }
    if registered == subject {
        return true;
    }
    registered.reverse();
    registered == subject
}

/// The relative names, `CN=value` with the type in capitals and the escapes resolved; the attributes of a multi-valued
/// one in alphabetical order.
fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for rdn in split(text, &[',', ';', '/']) {
        let mut values: Vec<String> = split(&rdn, &['+']).iter().filter_map(|pair| attribute(pair)).collect();
        values.sort();
        if !values.is_empty() {
            parts.push(values.join("\0"));
        }
    }
    parts
}

fn attribute(pair: &str) -> Option<String> {
    let (name, value) = pair.split_once('=')?;
    let mut plain = String::new();
    let mut chars = value.trim().chars();
    while let Some(c) = chars.next() {
        plain.push(if c == '\\' { chars.next()? } else { c });
    }
    Some(format!("{}={plain}", name.trim().to_ascii_uppercase()))
}

/// Cuts at separators that no backslash precedes and that an attribute follows: a stroke inside a value stays.
fn split(text: &str, separators: &[char]) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        let ends = !escaped && separators.contains(&c) && (c != '/' || names_attribute(&text[at + 1..]));
        escaped = c == '\\' && !escaped;
        match pieces.last_mut() {
            Some(piece) if !ends => piece.push(c),
            _ => pieces.push(String::new()),
        }
    }
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

fn names_attribute(rest: &str) -> bool {
    rest.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.len() <= 20 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_recognised_however_it_is_written() {
        let certificate = "C=FR, ST=Paris (75), O=GIP - TEST3012, OU=33333333333, CN=CLIENT_TEST_RORN";
        for written in [
            certificate,
            "CN=CLIENT_TEST_RORN,OU=33333333333,O=GIP - TEST3012,ST=Paris (75),C=FR",
            "cn=CLIENT_TEST_RORN, ou=33333333333, o=GIP - TEST3012, st=Paris (75), c=FR",
            "/C=FR/ST=Paris (75)/O=GIP - TEST3012/OU=33333333333/CN=CLIENT_TEST_RORN",
        ] {
            assert!(same(written, certificate), "{written}");
        }
        assert!(same("CN=a\\, b,C=FR", "C=FR, CN=a\\, b") && same("CN=30B/CPET0002", "CN=30B/CPET0002"));
        assert!(same("GN=A + CN=1 + SN=B, C=FR", "C=FR, CN=1 + GN=A + SN=B"));
    }

    #[test]
    fn another_subject_is_another() {
        let certificate = "C=FR, O=GIP, CN=one";
        for other in
            ["", "CN=one", "C=FR, O=GIP, CN=two", "C=FR, CN=one, O=GIP", "C=FR, O=GIP, CN=one, CN=one"]
        {
            assert!(!same(other, certificate), "{other}");
        }
        assert!(!same("C=FR, CN=a, CN=b", "C=FR, CN=a\\, CN=b"), "a value cannot pass for an attribute");
        assert!(!same("", ""));
    }
}
