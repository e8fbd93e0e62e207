//! The lab's revocation lists: X.509 version 2, seven days of life, kept as published. The published file is the only
//! memory of what is revoked, so the two cannot disagree.

use std::time::Duration;

use kernel::Timestamp;
use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason, RevokedCertParams, SerialNumber,
};
use x509_parser::num_bigint::BigUint;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::authority::{Authority, BACKDATED, date};
use super::leaf::CLIENT_LIFE;
use crate::{Error, facts};

/// Time between the issue of a CRL and its `nextUpdate`.
const LIFE: Duration = Duration::from_secs(7 * 86_400);

/// One CRL and what it says.
pub(super) struct Crl {
    pub(super) der: Vec<u8>,
    number: BigUint,
    this_update: Timestamp,
    next_update: Timestamp,
    revoked: Vec<Revoked>,
}

struct Revoked {
    serial: BigUint,
    at: Timestamp,
}

impl Crl {
    /// Reads a CRL as it was published.
    pub(super) fn read(der: &[u8]) -> Result<Self, String> {
        let (rest, list) = CertificateRevocationList::from_der(der)
            .map_err(|error| format!("it is not a CRL in DER ({error})"))?;
        if !rest.is_empty() {
            return Err(String::from("bytes follow the CRL"));
        }
        let next_update = list.next_update().ok_or("the CRL has no next update")?;
        Ok(Self {
            der: der.to_vec(),
            number: list.crl_number().cloned().ok_or("the CRL has no number")?,
            this_update: facts::timestamp(&list.last_update()),
            next_update: facts::timestamp(&next_update),
            revoked: list
                .iter_revoked_certificates()
                .map(|entry| Revoked {
                    serial: entry.serial().clone(),
                    at: facts::timestamp(&entry.revocation_date),
                })
                .collect(),
        })
    }

    /// The first CRL of an authority.
    pub(super) fn first(authority: &Authority, now: Timestamp) -> Result<Self, Error> {
        Self::issue(authority, BigUint::from(0_u8), Vec::new(), now)
    }

    /// The next CRL: same entries, a higher number.
    pub(super) fn next(self, authority: &Authority, now: Timestamp) -> Result<Self, Error> {
        Self::issue(authority, self.number, self.revoked, now)
    }

    /// The next CRL with one more entry. Revoking twice changes nothing.
    pub(super) fn revoking(
        mut self,
        serial: BigUint,
        authority: &Authority,
        now: Timestamp,
    ) -> Result<Self, Error> {
        if !self.revoked.iter().any(|entry| entry.serial == serial) {
            self.revoked.push(Revoked { serial, at: now });
        }
        self.next(authority, now)
    }

    /// A CRL of a fault: nothing on it, and whatever dates.
    pub(super) fn passing(
        authority: &Authority,
        this_update: Timestamp,
        next_update: Timestamp,
    ) -> Result<Vec<u8>, Error> {
        let hour = u64::try_from(this_update.as_second()).unwrap_or(0);
        Self::sign(authority, &BigUint::from(hour), Vec::new(), this_update, next_update)
    }

    /// When a certificate was revoked; `None` where it is not on the list.
    pub(super) fn revoked_at(&self, serial: &BigUint) -> Option<Timestamp> {
        self.revoked.iter().find(|entry| entry.serial == *serial).map(|entry| entry.at)
    }

    /// Whether half of its life is behind, or the clock was set back to before it.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        now < self.this_update || now + LIFE / 2 > self.next_update
    }

    fn issue(
        authority: &Authority,
        previous: BigUint,
        mut revoked: Vec<Revoked>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        // An entry may go once its certificate has certainly expired and a later CRL has shown it (RFC 5280 §3.3).
        revoked.retain(|entry| entry.at + CLIENT_LIFE + LIFE + LIFE > now);
        // At least the hour: numbers go on increasing even after the file was lost.
        let hour = BigUint::from(u64::try_from(now.as_second()).unwrap_or(0));
        let number = (previous + 1_u8).max(hour);
        let entries = revoked
            .iter()
            .map(|entry| {
                Ok(RevokedCertParams {
                    serial_number: SerialNumber::from(entry.serial.to_bytes_be()),
                    revocation_time: date(entry.at)?.to_datetime(),
                    reason_code: Some(RevocationReason::CessationOfOperation),
                    invalidity_date: None,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let der = Self::sign(authority, &number, entries, now - BACKDATED, now + LIFE)?;
        Self::read(&der).map_err(Error::Input)
    }

    fn sign(
        authority: &Authority,
        number: &BigUint,
        revoked_certs: Vec<RevokedCertParams>,
        this_update: Timestamp,
        next_update: Timestamp,
    ) -> Result<Vec<u8>, Error> {
        let list = CertificateRevocationListParams {
            this_update: date(this_update)?.to_datetime(),
            next_update: date(next_update)?.to_datetime(),
            crl_number: SerialNumber::from(number.to_bytes_be()),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&authority.issuer())?.der().to_vec())
    }
}

/// A serial number as the facts write it: hexadecimal digits, colons and case of no matter.
pub(super) fn parse_serial(text: &str) -> Result<BigUint, Error> {
    let digits: String = text.trim().chars().filter(|c| *c != ':').collect();
    if digits.is_empty() || digits.len() > 40 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Error::Input(format!(
            "“{}” is not a serial number: 1 to 40 hexadecimal digits are expected",
            text.chars().take(60).collect::<String>().escape_debug()
        )));
    }
    BigUint::parse_bytes(digits.as_bytes(), 16)
        .ok_or_else(|| Error::Input(String::from("the serial number cannot be read")))
}
