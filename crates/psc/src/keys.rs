//! The realm's keys: the one that signs, and those that did and whose tokens may still live.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernel::Timestamp;
use oidc::{Jwk, Jwks, SigningKey, Verifier};
use serde::{Deserialize, Serialize};

use crate::{Error, keyfile, store};

/// Public halves that are still published, next to `signing-key.pem`.
const RETIRED_FILE: &str = "retired-keys.json";

/// Old keys published at most; past that the oldest goes, and its tokens with it.
const RETIRED: usize = 32;

#[derive(Debug)]
pub(crate) struct KeyRing {
    directory: PathBuf,
    issuer: String,
    current: Arc<SigningKey>,
    retired: Vec<Retired>,
    verifier: Verifier,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Retired {
    key: Jwk,
    /// When the last token that it signed is dead, seconds since 1970.
    until: i64,
}

impl KeyRing {
    pub(crate) fn open(directory: &Path, issuer: &str, now: Timestamp) -> Result<Self, Error> {
        let current = keyfile::open(directory)?;
        let mut retired: Vec<Retired> = store::load(&directory.join(RETIRED_FILE))?;
        retired.retain(|old| old.until > now.as_second());
        let mut ring = Self {
            directory: directory.to_owned(),
            issuer: issuer.to_owned(),
            current: Arc::new(current),
            retired,
            verifier: Verifier::new(issuer, &Jwks::default()),
        };
        ring.verifier = Verifier::new(issuer, &ring.jwks(now));
        Ok(ring)
    }

    /// Signs with another key from now on. The old one stays published until `until`: ID tokens are shown again at
    /// logout, so it must outlive the longest session. On disk before it is used, the old one first: a crash between
    /// the two leaves a key published twice, never a token that nobody can verify.
    pub(crate) fn rotate(&mut self, fresh: Fresh, until: Timestamp, now: Timestamp) -> Result<String, Error> {
        let mut retired = self.retired.clone();
        retired.retain(|old| old.until > now.as_second());
        retired.push(Retired { key: self.current.jwk().clone(), until: until.as_second() });
        let excess = retired.len().saturating_sub(RETIRED);
        retired.drain(..excess);
        store::save(&self.directory.join(RETIRED_FILE), &retired)?;
        keyfile::replace(&self.directory, &fresh.pem)?;
        self.retired = retired;
        self.current = Arc::new(fresh.key);
        self.verifier = Verifier::new(self.issuer.clone(), &self.jwks(now));
        Ok(self.current.kid().to_owned())
    }

    /// The published keys, the one in use first.
    pub(crate) fn jwks(&self, now: Timestamp) -> Jwks {
        let old = self.retired.iter().filter(|old| old.until > now.as_second()).map(|old| &old.key);
        let mut keys = vec![self.current.jwk().clone()];
        keys.extend(old.filter(|old| old.kid != self.current.kid()).cloned());
        Jwks { keys }
    }

    pub(crate) fn current(&self) -> Arc<SigningKey> {
        Arc::clone(&self.current)
    }

    pub(crate) fn verifier(&self) -> Verifier {
        self.verifier.clone()
    }
}

/// A key just made: apart from the ring, because making one takes a fraction of a second and the ring is locked.
pub(crate) struct Fresh {
    pem: kernel::Secret<String>,
    key: SigningKey,
}

impl Fresh {
    pub(crate) fn make() -> Result<Self, Error> {
        let pem = keyfile::generate()?;
        let key = SigningKey::from_pem(pem.reveal()).map_err(|error| Error::Key(error.to_string()))?;
        Ok(Self { pem, key })
    }

    /// The key alone, for a forgery.
    pub(crate) fn into_key(self) -> SigningKey {
        self.key
    }
}
