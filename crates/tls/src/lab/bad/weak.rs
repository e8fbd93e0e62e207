//! RSA as no library signs it any more: keys of 1024 bits, and SHA-1.
//!
//! For faults alone. Nothing here is hardened (the arithmetic takes a time that depends on the key), and nothing has
//! to be: the key of 1024 bits protects nothing, and the authority's key, with which one SHA-1 signature is made, is
//! the lab's, on a machine that is not under attack.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData};
use rustls::sign::{Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::CertificateDer;
use x509_parser::num_bigint::BigUint;

use crate::der::{self, Reader};
use crate::{Error, facts};

/// Bits of the weak key.
const BITS: u64 = 1_024;
/// Bytes of each of its primes.
const HALF: usize = 64;
const PUBLIC_EXPONENT: u32 = 65_537;
/// Rounds of Miller and Rabin: more than FIPS 186-5 wants for primes of this size.
const ROUNDS: usize = 16;
/// DigestInfo (RFC 8017 §9.2) up to the digest.
const SHA1_INFO: [u8; 15] =
    [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];
const SHA256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];
/// sha256WithRSAEncryption; its sibling of SHA-1 differs in the last byte alone.
const SHA256_WITH_RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const SHA1_WITH_RSA: u8 = 0x05;

/// An RSA private key.
#[derive(Clone)]
pub(super) struct WeakKey {
    modulus: BigUint,
    private: BigUint,
    /// `RSAPublicKey` in DER (RFC 8017 appendix A.1.1).
    public: Vec<u8>,
}

impl WeakKey {
    /// A new key of 1024 bits. Takes some hundredths of a second.
    pub(super) fn generate() -> Self {
        let exponent = BigUint::from(PUBLIC_EXPONENT);
        let one = BigUint::from(1_u8);
        loop {
            let (p, q) = (prime(), prime());
            let modulus = &p * &q;
            let totient = (&p - &one) * (&q - &one);
            if p == q || modulus.bits() != BITS {
                continue;
            }
            let Some(private) = exponent.modinv(&totient) else { continue };
            let public = der::write(
                der::SEQUENCE,
                &[
                    &der::write_unsigned(&modulus.to_bytes_be()),
                    &der::write_unsigned(&exponent.to_bytes_be()),
                ],
            );
            return Self { modulus, private, public };
        }
    }

    /// Reads the key of an authority (PKCS#8, RFC 5958 §2, around RFC 8017 appendix A.1.2).
    fn read(key: &KeyPair) -> Option<Self> {
        let mut info = Reader(key.serialized_der()).take(der::SEQUENCE)?;
        info.unsigned()?;
        info.take(der::SEQUENCE)?;
        let mut private = info.take(der::OCTET_STRING)?.take(der::SEQUENCE)?;
        private.unsigned()?;
        let modulus = BigUint::from_bytes_be(private.unsigned()?);
        private.unsigned()?;
        let exponent = BigUint::from_bytes_be(private.unsigned()?);
        Some(Self { modulus, private: exponent, public: key.der_bytes().to_vec() })
    }

    fn size(&self) -> usize {
        usize::try_from(self.modulus.bits().div_ceil(8)).expect("a modulus fits memory")
    }

    fn raise(&self, encoded: &[u8]) -> Vec<u8> {
        let signature = BigUint::from_bytes_be(encoded).modpow(&self.private, &self.modulus).to_bytes_be();
        [vec![0; self.size() - signature.len()], signature].concat()
    }

    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.1).
    fn pkcs1(&self, info: &[u8], digest: &[u8]) -> Vec<u8> {
        let padding = vec![0xff; self.size() - info.len() - digest.len() - 3];
        self.raise(&[&[0, 1][..], &padding, &[0], info, digest].concat())
    }

    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes (RFC 8017 §8.1.1).
    fn pss(&self, message: &[u8]) -> Vec<u8> {
        let salt = kernel::random::bytes::<32>();
        let hash = kernel::sha256(&[&[0; 8][..], &kernel::sha256(message), &salt].concat());
        // The modulus has a multiple of 8 bits, so that emBits is one less than the bits of the encoded message.
        let mut block = vec![0; self.size() - hash.len() - 1 - salt.len() - 1];
        block.push(1);
        block.extend_from_slice(&salt);
        for (counter, chunk) in (0_u32..).zip(block.chunks_mut(hash.len())) {
            let mask = kernel::sha256(&[&hash[..], &counter.to_be_bytes()].concat());
            chunk.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        }
        block[0] &= 0x7f;
        self.raise(&[&block[..], &hash, &[0xbc]].concat())
    }
}

impl fmt::Debug for WeakKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeakKey({} bits)", self.modulus.bits())
    }
}

impl PublicKeyData for WeakKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

impl SigningKey for WeakKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let schemes = [SignatureScheme::RSA_PSS_SHA256, SignatureScheme::RSA_PKCS1_SHA256];
        let scheme = schemes.into_iter().find(|scheme| offered.contains(scheme))?;
        Some(Box::new(WeakSigner { key: Arc::new(self.clone()), scheme }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

#[derive(Debug)]
struct WeakSigner {
    key: Arc<WeakKey>,
    scheme: SignatureScheme,
}

impl Signer for WeakSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(match self.scheme {
            SignatureScheme::RSA_PSS_SHA256 => self.key.pss(message),
            _ => self.key.pkcs1(&SHA256_INFO, digest(&SHA256, message).as_ref()),
        })
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

/// The same certificate, signed by the same authority with SHA-1 instead of SHA-256. Both algorithms' identifiers have
/// the same length, and an RSA signature that of its modulus: everything stays where it is.
pub(super) fn with_sha1(
    der: &CertificateDer<'_>,
    authority: &KeyPair,
) -> Result<CertificateDer<'static>, Error> {
    let unusable = || Error::Input(String::from("the certificate is not signed by RSA with SHA-256"));
    let key = WeakKey::read(authority).ok_or_else(unusable)?;
    // The signature field comes after version and serial number; a search for it stops there, before any name.
    let parsed = facts::parse(der)?;
    let tbs = parsed.tbs_certificate.as_ref();
    let mut fields = Reader(tbs).take(der::SEQUENCE).ok_or_else(unusable)?;
    fields.any(); // version
    fields.any(); // serial number
    let algorithm =
        fields.take(der::SEQUENCE).and_then(|mut algorithm| algorithm.take(der::OBJECT_IDENTIFIER));
    if algorithm.is_none_or(|oid| oid.0 != SHA256_WITH_RSA) {
        return Err(unusable());
    }
    let after = fields.0.len();
    let mut tbs = tbs.to_vec();
    // … OID, then the NULL of its parameters (2 bytes), then the fields that are left.
    let place = tbs.len() - after - 2 - 1;
    tbs[place] = SHA1_WITH_RSA;
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, &tbs);
    let signature = key.pkcs1(&SHA1_INFO, digest.as_ref());
    let oid = [&SHA256_WITH_RSA[..8], &[SHA1_WITH_RSA]].concat();
    let algorithm = der::write(
        der::SEQUENCE,
        &[&der::write(der::OBJECT_IDENTIFIER, &[&oid]), &der::write(der::NULL, &[])],
    );
    Ok(der::write(der::SEQUENCE, &[&tbs, &algorithm, &der::write_bits(&signature)]).into())
}

/// A prime of half the key's bits, its two upper bits set so that the product has all of them.
fn prime() -> BigUint {
    loop {
        let mut bytes = kernel::random::bytes::<HALF>();
        bytes[0] |= 0xc0;
        bytes[HALF - 1] |= 1;
        let candidate = BigUint::from_bytes_be(&bytes);
        if is_prime(&candidate) {
            return candidate;
        }
    }
}

/// Trial division, then Miller and Rabin with random bases.
fn is_prime(candidate: &BigUint) -> bool {
    let (zero, one, two) = (BigUint::from(0_u8), BigUint::from(1_u8), BigUint::from(2_u8));
    for small in (3_u32..1_000).step_by(2) {
        let small = BigUint::from(small);
        if candidate % &small == zero {
            return *candidate == small;
        }
    }
    let less = candidate - &one;
    let twos = less.trailing_zeros().unwrap_or(0);
    let odd = &less >> twos;
    (0..ROUNDS).all(|_| {
        let base = BigUint::from_bytes_be(&kernel::random::bytes::<48>()) + &two;
        let mut power = base.modpow(&odd, candidate);
        if power == one || power == less {
            return true;
        }
        (1..twos).any(|_| {
            power = power.modpow(&two, candidate);
            power == less
        })
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};

    use super::*;

    #[test]
    fn another_implementation_verifies_the_signatures() {
        let key = WeakKey::generate();
        assert_eq!(key.modulus.bits(), BITS);
        let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).unwrap();
        let signature = signer.sign(b"message").unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, key.der_bytes());
        public.verify(b"message", &signature).unwrap();
        assert!(public.verify(b"another", &signature).is_err());
        assert_eq!(format!("{key:?}"), "WeakKey(1024 bits)");
    }

    #[test]
    fn primes_are_told_from_products() {
        let mersenne = (BigUint::from(1_u8) << 521_u32) - BigUint::from(1_u8);
        assert!(is_prime(&mersenne));
        let product = &mersenne * &mersenne;
        assert!(!is_prime(&product));
        assert!(!is_prime(&((BigUint::from(1_u8) << 523_u32) - BigUint::from(1_u8))));
    }
}
