//! The lab's OCSP responder (RFC 6960): says of a serial number what the CRL says, and of the certificate of
//! [`super::BadServer::RevokedOcsp`] what the CRL does not.
//!
//! By hand, for want of a maintained library. The authorities sign their answers themselves (§4.2.2.2), so that no
//! responder's certificate has to be judged as well.

use std::time::Duration;

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use kernel::Timestamp;
use rcgen::SigningKey as _;
use x509_parser::num_bigint::BigUint;

use super::authority::Authority;
use super::crl::Crl;
use super::{Lab, ORGANISATIONS_CRL, ROOT_CRL};
use crate::der::{self, Reader};
use crate::{Error, facts};

/// How long an answer may be kept.
const LIFE: Duration = Duration::from_secs(3_600);
/// Most certificates asked for at once.
const MOST: usize = 16;
/// Longest nonce that is given back (RFC 9654 §2.1), with its wrapping.
const LONGEST_NONCE: usize = 160;

/// 1.3.6.1.5.5.7.48.1.1, .1.2: what an answer and a nonce are called.
const BASIC: [u8; 9] = [0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
const NONCE: [u8; 9] = [0x2b, 6, 1, 5, 5, 7, 0x30, 1, 2];
/// sha256WithRSAEncryption.
const SHA256_WITH_RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const SHA1_OID: [u8; 5] = [0x2b, 0x0e, 0x03, 0x02, 0x1a];
const SHA256_OID: [u8; 9] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// What the responder answers, and what a judge may want to know of it.
#[derive(Clone, Debug)]
pub struct OcspAnswer {
    /// `OCSPResponse` in DER, media type `application/ocsp-response`.
    pub der: Vec<u8>,
    /// Each serial number that was asked for (lower-case hexadecimal) with `good`, `revoked` or `unknown`; empty where
    /// the request could not be read.
    pub told: Vec<(String, &'static str)>,
}

impl Lab {
    /// Answers an `OCSPRequest` in DER (RFC 6960 §4.1), signed by the authority of the first certificate in it. One that
    /// cannot be read gets the unsigned answer `malformedRequest`.
    ///
    /// # Errors
    /// [`Error::Issue`] where the answer cannot be signed; [`Error::Damaged`] where a CRL of this process cannot be read.
    pub fn ocsp(&self, request: &[u8]) -> Result<OcspAnswer, Error> {
        let Some(request) = Request::read(request) else {
            let der = der::write(der::SEQUENCE, &[&der::write(der::ENUMERATED, &[&[1]])]);
            return Ok(OcspAnswer { der, told: Vec::new() });
        };
        let now = self.clock.now();
        let live = self.acceptor.live();
        let read = |name: &str, der: &[u8]| Crl::read(der).map_err(|what| self.directory.damaged(name, what));
        let sources = [
            Source { authority: &self.organisations, crl: read(ORGANISATIONS_CRL, &live.crls[1])? },
            Source { authority: &self.root, crl: read(ROOT_CRL, &live.crls[0])? },
        ];
        let first =
            request.asked.first().and_then(|asked| sources.iter().position(|source| asked.is_of(source)));
        let signer = &sources[first.unwrap_or(0)];
        let mut told = Vec::new();
        let mut singles = Vec::new();
        for asked in &request.asked {
            let serial = BigUint::from_bytes_be(asked.serial);
            let status = match asked.is_of(signer) {
                false => Status::Unknown,
                true => {
                    match signer.crl.revoked_at(&serial).or_else(|| self.workshop.revoked_by_ocsp(&serial)) {
                        Some(at) => Status::Revoked(at),
                        None => Status::Good,
                    }
                }
            };
            told.push((format!("{serial:x}"), status.name()));
            singles.push(asked.single(&status, now));
        }
        let der = respond(signer.authority, &singles.concat(), request.nonce, now)?;
        Ok(OcspAnswer { der, told })
    }
}

struct Source<'a> {
    authority: &'a Authority,
    crl: Crl,
}

enum Status {
    Good,
    Revoked(Timestamp),
    Unknown,
}

impl Status {
    fn name(&self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked(_) => "revoked",
            Self::Unknown => "unknown",
        }
    }
}

struct Request<'a> {
    asked: Vec<Asked<'a>>,
    /// The whole extension.
    nonce: Option<&'a [u8]>,
}

/// `CertID`.
struct Asked<'a> {
    whole: &'a [u8],
    algorithm: &'static Algorithm,
    name_hash: &'a [u8],
    key_hash: &'a [u8],
    serial: &'a [u8],
}

impl<'a> Request<'a> {
    /// RFC 6960 §4.1.1; a signature on the request is not looked at. `None` where it is malformed, empty, too long, or
    /// names issuers by another digest than SHA-1 and SHA-256.
    fn read(request: &'a [u8]) -> Option<Self> {
        let mut tbs = Reader(request).take(der::SEQUENCE)?.take(der::SEQUENCE)?;
        tbs.take(0xa0); // version
        tbs.take(0xa1); // requestorName
        let mut list = tbs.take(der::SEQUENCE)?;
        let mut asked = Vec::new();
        while !list.is_empty() {
            if asked.len() == MOST {
                return None;
            }
            let mut single = list.take(der::SEQUENCE)?;
            let (tag, mut id, whole) = single.any()?;
            let oid = id.take(der::SEQUENCE)?.take(der::OBJECT_IDENTIFIER)?.0;
            let algorithm = match oid {
                _ if tag != der::SEQUENCE => return None,
                _ if oid == SHA1_OID => &SHA1_FOR_LEGACY_USE_ONLY,
                _ if oid == SHA256_OID => &SHA256,
                _ => return None,
            };
            let name_hash = id.take(der::OCTET_STRING)?.0;
            let key_hash = id.take(der::OCTET_STRING)?.0;
            let serial = id.unsigned()?;
            asked.push(Asked { whole, algorithm, name_hash, key_hash, serial });
        }
        let nonce = tbs.take(0xa2).and_then(|mut extensions| {
            let mut list = extensions.take(der::SEQUENCE)?;
            loop {
                let (_, mut extension, whole) = list.any()?;
                if extension.take(der::OBJECT_IDENTIFIER)?.0 == NONCE && whole.len() <= LONGEST_NONCE {
                    return Some(whole);
                }
            }
        });
        (!asked.is_empty()).then_some(Self { asked, nonce })
    }
}

impl Asked<'_> {
    fn is_of(&self, source: &Source<'_>) -> bool {
        let Ok(authority) = facts::parse(&source.authority.der) else { return false };
        let key = &authority.public_key().subject_public_key.data;
        digest(self.algorithm, authority.subject().as_raw()).as_ref() == self.name_hash
            && digest(self.algorithm, key).as_ref() == self.key_hash
    }

    /// `SingleResponse`.
    fn single(&self, status: &Status, now: Timestamp) -> Vec<u8> {
        let status = match status {
            Status::Good => der::write(0x80, &[]),
            Status::Revoked(at) => der::write(0xa1, &[&time(*at)]),
            Status::Unknown => der::write(0x82, &[]),
        };
        let next = der::write(0xa0, &[&time(now + LIFE)]);
        der::write(der::SEQUENCE, &[self.whole, &status, &time(now), &next])
    }
}

/// `OCSPResponse` with a `BasicOCSPResponse` (RFC 6960 §4.2.1).
fn respond(
    authority: &Authority,
    singles: &[u8],
    nonce: Option<&[u8]>,
    now: Timestamp,
) -> Result<Vec<u8>, Error> {
    let certificate = facts::parse(&authority.der)?;
    let responder = der::write(0xa1, &[certificate.subject().as_raw()]);
    let extensions =
        nonce.map_or_else(Vec::new, |nonce| der::write(0xa1, &[&der::write(der::SEQUENCE, &[nonce])]));
    let list = der::write(der::SEQUENCE, &[singles]);
    let data = der::write(der::SEQUENCE, &[&responder, &time(now), &list, &extensions]);
    let signature = authority.key().sign(&data)?;
    let oid = der::write(der::OBJECT_IDENTIFIER, &[&SHA256_WITH_RSA]);
    let algorithm = der::write(der::SEQUENCE, &[&oid, &der::write(der::NULL, &[])]);
    let basic = der::write(der::SEQUENCE, &[&data, &algorithm, &der::write_bits(&signature)]);
    let oid = der::write(der::OBJECT_IDENTIFIER, &[&BASIC]);
    let bytes = der::write(der::SEQUENCE, &[&oid, &der::write(der::OCTET_STRING, &[&basic])]);
    let successful = der::write(der::ENUMERATED, &[&[0]]);
    Ok(der::write(der::SEQUENCE, &[&successful, &der::write(0xa0, &[&bytes])]))
}

fn time(at: Timestamp) -> Vec<u8> {
    der::write(der::GENERALIZED_TIME, &[at.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes()])
}
