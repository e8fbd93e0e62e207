//! The TLS lab: everything that a server's TLS can have wrong, one thing at a time.
//!
//! Why beside the healthy lab and not apart: a fault is only worth something where it is the *only* difference. So the
//! bad certificates are issued by the same authorities, on the same key, for the same names; and the bad acceptors judge
//! client certificates by the CRLs of the healthy one. Authorities that have to be others are made at their first use,
//! live as long as the process, and are trusted by nothing of this program.

mod client;
mod hierarchy;
mod kind;
mod server;
mod texts;
mod weak;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use kernel::Timestamp;
use rcgen::{KeyPair, RsaKeySize};
use x509_parser::num_bigint::BigUint;

pub use self::kind::{BadClient, BadServer, Expected, Text};

use self::hierarchy::{Hierarchy, Line};
use super::Lab;
use super::authority::{Authority, new_key};
use crate::{Acceptor, Error};

/// What the lab has made of its faults so far.
#[derive(Default)]
pub(super) struct Workshop {
    bench: Mutex<Bench>,
    /// What is published of them; apart, since whoever fetches a file must not wait for a key to be made.
    published: RwLock<Published>,
}

/// Acceptors and what they are made of; held while one is made.
#[derive(Default)]
struct Bench {
    acceptors: BTreeMap<BadServer, Acceptor>,
    hierarchies: BTreeMap<Line, Arc<Hierarchy>>,
    /// Of all passing roots, and of all passing issuing authorities.
    keys: Option<[Arc<KeyPair>; 2]>,
}

#[derive(Default)]
struct Published {
    crls: BTreeMap<String, Vec<u8>>,
    certificates: BTreeMap<String, Vec<u8>>,
    revoked_by_ocsp: BTreeMap<BigUint, Timestamp>,
}

impl Lab {
    /// The server side of handshakes with one thing wrong. Made at its first use (up to a second, blocking), then kept.
    ///
    /// Its [`Acceptor::accept`] states, right after the ClientHello, a [`wire::Fact::Note`] as [`wire::tls_fault::note`]
    /// writes it, then the usual facts; for what is played by hand (TLS 1.0, CBC, DHE, weak suites) a
    /// [`wire::Fact::TlsFailed`] whose reason begins with one of the prefixes of [`wire::tls_fault`], and for TLS 1.1
    /// those of [`wire::old_tls`]. In TLS 1.3 a client may only refuse after the handshake: whether it then said
    /// anything is the judge's to see.
    ///
    /// # Errors
    /// [`Error::Issue`] where a certificate cannot be signed.
    pub fn bad_acceptor(&self, fault: BadServer) -> Result<Acceptor, Error> {
        let mut bench = self.workshop.bench();
        if let Some(ready) = bench.acceptors.get(&fault) {
            return Ok(ready.clone());
        }
        let acceptor = self.make_bad_acceptor(fault, &mut bench)?;
        bench.acceptors.insert(fault, acceptor.clone());
        Ok(acceptor)
    }

    /// `(file name, DER)` of the CRLs of the faults' own authorities that were made so far, served under `/CRL/` beside
    /// those of [`Lab::crls`]. One of them is stale, and one has no address that answers: it is not here.
    pub fn bad_crls(&self) -> Vec<(String, Vec<u8>)> {
        pairs(&self.workshop.published.read().unwrap_or_else(PoisonError::into_inner).crls)
    }

    /// `(file name, DER)` of the certificates of the faults' own authorities that were made so far, served under `/AC/`
    /// beside those of [`Lab::ca_certificates`]. Nobody should trust them: they are there to be looked at.
    pub fn bad_ca_certificates(&self) -> Vec<(String, Vec<u8>)> {
        pairs(&self.workshop.published.read().unwrap_or_else(PoisonError::into_inner).certificates)
    }

    fn crl_url(&self, file: &str) -> String {
        format!("{}/CRL/{file}", self.base_url)
    }
}

impl Workshop {
    /// When a certificate was revoked that only the OCSP responder knows of.
    pub(super) fn revoked_by_ocsp(&self, serial: &BigUint) -> Option<Timestamp> {
        let published = self.published.read().unwrap_or_else(PoisonError::into_inner);
        published.revoked_by_ocsp.get(serial).copied()
    }

    fn bench(&self) -> MutexGuard<'_, Bench> {
        self.bench.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, change: impl FnOnce(&mut Published)) {
        change(&mut self.published.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Bench {
    /// The keys of the passing authorities: two for all of them, since only their names matter.
    fn keys(&mut self) -> Result<[Arc<KeyPair>; 2], Error> {
        if let Some(keys) = &self.keys {
            return Ok(keys.clone());
        }
        let [root, issuing] = std::thread::scope(|scope| {
            [(); 2]
                .map(|()| scope.spawn(|| new_key(RsaKeySize::_2048)))
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let keys = [Arc::new(root?), Arc::new(issuing?)];
        self.keys = Some(keys.clone());
        Ok(keys)
    }
}

/// The serial number of [`BadServer::Revoked`]: the same whenever its certificate is made, and on the CRL from the first
/// one on. Clients keep a CRL for days; a number that is not on theirs would look sound to them.
pub(super) fn revoked_serial(organisations: &Authority) -> BigUint {
    let mut bytes = kernel::sha256(&[b"revoked:", organisations.der.as_ref()].concat());
    bytes[0] = bytes[0] & 0x7f | 0x40;
    BigUint::from_bytes_be(&bytes[..16])
}

fn pairs(files: &BTreeMap<String, Vec<u8>>) -> Vec<(String, Vec<u8>)> {
    files.iter().map(|(name, der)| (name.clone(), der.clone())).collect()
}
