//! Proof key for code exchange, S256 only (RFC 7636; `plain` protects nothing).

use kernel::{base64url, random, sha256};

/// A new code verifier: 43 characters, 256 bits (RFC 7636 §4.1).
pub fn verifier() -> String {
    base64url(&random::bytes::<32>())
}

/// The S256 challenge of a verifier (RFC 7636 §4.2).
pub fn challenge(verifier: &str) -> String {
    base64url(&sha256(verifier.as_bytes()))
}

/// Whether a verifier has the allowed form: 43 to 128 unreserved characters.
pub fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

/// Whether a text can be an S256 challenge: 43 base64url characters.
pub fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(is_verifier(verifier));
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(is_challenge(&challenge(verifier)));
    }

    #[test]
    fn a_verifier_of_ours_has_the_form() {
        assert!(is_verifier(&verifier()));
        assert!(!is_verifier("short") && !is_verifier(&"é".repeat(30)) && !is_verifier(&"a".repeat(129)));
    }
}
