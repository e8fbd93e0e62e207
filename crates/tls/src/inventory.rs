//! What a client offers, held against the lists: TLS versions (SC.MSS/CONF.01), suites (SC.MSS/CONF.03), groups and
//! signature schemes.
//!
//! The list is that of ANSSI's TLS guide (SDE-NT-35, v1.2, 2020): ECDHE with an AEAD is recommended; DHE, and CBC with
//! a digest of SHA-2, are kept for degraded modes; the rest is not to be used. The literal list of ECO.1.1.3 may be
//! narrower. What the guide does not name is [`Score::Tolerated`] where it is as strong as what it names.

use serde::{Deserialize, Serialize};
use wire::ClientHelloFacts;

use crate::policy;

/// Where something that is offered stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// On the list.
    Ok,
    /// Kept for degraded modes, or unknown to the guide and as strong as what it names.
    Tolerated,
    /// Not to be used.
    Forbidden,
}

impl Score {
    /// The worst of a list; [`Self::Ok`] for an empty one.
    pub fn worst(items: &[Item]) -> Self {
        items.iter().map(|item| item.score).max().unwrap_or(Self::Ok)
    }
}

/// One thing that a client offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The code point of the IANA registry.
    pub code: u16,
    /// Its IANA name, or the code point as `0x1234` where it is not known here.
    pub name: String,
    /// Where it stands.
    pub score: Score,
}

/// A ClientHello, item by item, in the client's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// TLS versions.
    pub versions: Vec<Item>,
    /// Cipher suites; the signals that travel among them (RFC 5746, RFC 7507) left out.
    pub suites: Vec<Item>,
    /// Key exchange groups.
    pub groups: Vec<Item>,
    /// Signature schemes.
    pub signature_schemes: Vec<Item>,
    /// The worst of versions and suites, of which the requirements speak; forbidden groups and signature schemes, of
    /// which they do not, make it [`Score::Tolerated`] at most.
    pub overall: Score,
}

/// Scores a ClientHello. No handshake is needed: what is offered is what counts.
pub fn inventory(hello: &ClientHelloFacts) -> Inventory {
    let list = |codes: &[u16], describe: fn(u16) -> (String, Score)| -> Vec<Item> {
        let item = |code| {
            let (name, score) = describe(code);
            Item { code, name, score }
        };
        codes.iter().copied().map(item).collect()
    };
    let suites: Vec<u16> = hello.suites.iter().copied().filter(|code| !SIGNALS.contains(code)).collect();
    let mut inventory = Inventory {
        versions: list(&hello.versions, version),
        suites: list(&suites, suite),
        groups: list(&hello.groups, group),
        signature_schemes: list(&hello.signature_schemes, signature_scheme),
        overall: Score::Ok,
    };
    let required = Score::worst(&inventory.versions).max(Score::worst(&inventory.suites));
    let besides = Score::worst(&inventory.groups).max(Score::worst(&inventory.signature_schemes));
    inventory.overall = required.max(besides.min(Score::Tolerated));
    inventory
}

/// TLS_EMPTY_RENEGOTIATION_INFO_SCSV and TLS_FALLBACK_SCSV.
const SIGNALS: [u16; 2] = [0x00ff, 0x5600];

fn version(code: u16) -> (String, Score) {
    let score = if matches!(code, 0x0303 | 0x0304) { Score::Ok } else { Score::Forbidden };
    (policy::version_name(code), score)
}

/// IANA's names say everything that is to be known: `TLS_<key exchange>_WITH_<cipher>_<digest>`.
fn suite(code: u16) -> (String, Score) {
    let name = policy::suite_name(code.into());
    let score = match name.split_once("_WITH_") {
        _ if matches!(code, 0x1301..=0x1304) => Score::Ok,
        _ if code == 0x1305 => Score::Tolerated, // AES_128_CCM_8: a short tag
        None => Score::Forbidden,
        Some((exchange, cipher)) => {
            let known =
                ["AES_", "CAMELLIA_", "ARIA_", "CHACHA20_"].iter().any(|head| cipher.starts_with(head));
            let aead = ["_GCM_", "_CCM", "_POLY1305_"].iter().any(|mode| cipher.contains(mode));
            let short_tag = cipher.ends_with("_CCM_8");
            let cbc_sha2 = cipher.contains("_CBC_SHA256") || cipher.contains("_CBC_SHA384");
            match exchange {
                "TLS_ECDHE_RSA" | "TLS_ECDHE_ECDSA" if known && aead && !short_tag => Score::Ok,
                "TLS_ECDHE_RSA" | "TLS_ECDHE_ECDSA" | "TLS_DHE_RSA" if known && (aead || cbc_sha2) => {
                    Score::Tolerated
                }
                _ => Score::Forbidden,
            }
        }
    };
    (name, score)
}

fn group(code: u16) -> (String, Score) {
    let (name, score) = match code {
        23 => ("secp256r1", Score::Ok),
        24 => ("secp384r1", Score::Ok),
        25 => ("secp521r1", Score::Ok),
        26 => ("brainpoolP256r1", Score::Ok),
        27 => ("brainpoolP384r1", Score::Ok),
        28 => ("brainpoolP512r1", Score::Ok),
        29 => ("x25519", Score::Ok),
        30 => ("x448", Score::Ok),
        31 => ("brainpoolP256r1tls13", Score::Ok),
        32 => ("brainpoolP384r1tls13", Score::Ok),
        33 => ("brainpoolP512r1tls13", Score::Ok),
        256 => ("ffdhe2048", Score::Tolerated),
        257 => ("ffdhe3072", Score::Tolerated),
        258 => ("ffdhe4096", Score::Tolerated),
        259 => ("ffdhe6144", Score::Tolerated),
        260 => ("ffdhe8192", Score::Tolerated),
        // A curve of the list with ML-KEM beside it: younger than the guide, and no weaker than the curve alone.
        0x11eb => ("SecP256r1MLKEM768", Score::Ok),
        0x11ec => ("X25519MLKEM768", Score::Ok),
        0x11ed => ("SecP384r1MLKEM1024", Score::Ok),
        0x0200..=0x0202 => ("ML-KEM", Score::Tolerated),
        19 => ("secp192r1", Score::Forbidden),
        21 => ("secp224r1", Score::Forbidden),
        22 => ("secp256k1", Score::Forbidden),
        _ => return (format!("0x{code:04x}"), Score::Forbidden),
    };
    (name.to_owned(), score)
}

fn signature_scheme(code: u16) -> (String, Score) {
    let (name, score) = match code {
        // IGC-Santé signs so: a client that offers less could not read its certificates.
        0x0401 => ("rsa_pkcs1_sha256", Score::Ok),
        0x0501 => ("rsa_pkcs1_sha384", Score::Ok),
        0x0601 => ("rsa_pkcs1_sha512", Score::Ok),
        0x0403 => ("ecdsa_secp256r1_sha256", Score::Ok),
        0x0503 => ("ecdsa_secp384r1_sha384", Score::Ok),
        0x0603 => ("ecdsa_secp521r1_sha512", Score::Ok),
        0x0804 => ("rsa_pss_rsae_sha256", Score::Ok),
        0x0805 => ("rsa_pss_rsae_sha384", Score::Ok),
        0x0806 => ("rsa_pss_rsae_sha512", Score::Ok),
        0x0809 => ("rsa_pss_pss_sha256", Score::Ok),
        0x080a => ("rsa_pss_pss_sha384", Score::Ok),
        0x080b => ("rsa_pss_pss_sha512", Score::Ok),
        0x081a => ("ecdsa_brainpoolP256r1tls13_sha256", Score::Ok),
        0x081b => ("ecdsa_brainpoolP384r1tls13_sha384", Score::Ok),
        0x081c => ("ecdsa_brainpoolP512r1tls13_sha512", Score::Ok),
        0x0807 => ("ed25519", Score::Tolerated),
        0x0808 => ("ed448", Score::Tolerated),
        0x0904..=0x0906 => ("ML-DSA", Score::Tolerated),
        0x0201 => ("rsa_pkcs1_sha1", Score::Forbidden),
        0x0202 => ("dsa_sha1", Score::Forbidden),
        0x0203 => ("ecdsa_sha1", Score::Forbidden),
        0x0301 => ("rsa_pkcs1_sha224", Score::Forbidden),
        0x0302 => ("dsa_sha224", Score::Forbidden),
        0x0303 => ("ecdsa_sha224", Score::Forbidden),
        0x0402 => ("dsa_sha256", Score::Forbidden),
        0x0502 => ("dsa_sha384", Score::Forbidden),
        0x0602 => ("dsa_sha512", Score::Forbidden),
        _ => return (format!("0x{code:04x}"), Score::Forbidden),
    };
    (name.to_owned(), score)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_scored_by_what_their_names_say() {
        for (code, name, score) in [
            (0x1302, "TLS_AES_256_GCM_SHA384", Score::Ok),
            (0x1304, "TLS_AES_128_CCM_SHA256", Score::Ok),
            (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Score::Ok),
            (0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", Score::Ok),
            (0xc0ad, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", Score::Ok),
            (0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", Score::Tolerated),
            (0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", Score::Tolerated),
            (0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", Score::Forbidden),
            (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", Score::Forbidden),
            (0xc011, "TLS_ECDHE_RSA_WITH_RC4_128_SHA", Score::Forbidden),
            (0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", Score::Forbidden),
            (0x0002, "TLS_RSA_WITH_NULL_SHA", Score::Forbidden),
            (0xabcd, "0xabcd", Score::Forbidden),
        ] {
            assert_eq!(suite(code), (name.to_owned(), score));
        }
        for code in policy::SUITES {
            assert_eq!(suite(code).1, Score::Ok, "{code:04x}");
        }
    }

    #[test]
    fn versions_and_suites_decide() {
        let modern = ClientHelloFacts {
            versions: vec![0x0304, 0x0303],
            suites: vec![0x1301, 0xc02f, 0x00ff],
            groups: vec![29, 23],
            signature_schemes: vec![0x0403, 0x0804, 0x0401],
            ..Default::default()
        };
        let scored = inventory(&modern);
        assert_eq!(scored.overall, Score::Ok);
        assert_eq!(scored.suites.len(), 2, "a signal is no suite");
        let sha1 = ClientHelloFacts { signature_schemes: vec![0x0201], ..modern.clone() };
        assert_eq!(inventory(&sha1).overall, Score::Tolerated);
        assert_eq!(Score::worst(&inventory(&sha1).signature_schemes), Score::Forbidden);
        let old = ClientHelloFacts { versions: vec![0x0303, 0x0302], ..modern.clone() };
        assert_eq!(inventory(&old).overall, Score::Forbidden);
        let weak = ClientHelloFacts { suites: vec![0x1301, 0x0005], ..modern };
        assert_eq!(inventory(&weak).overall, Score::Forbidden);
    }
}
