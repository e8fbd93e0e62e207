//! Who is known to the sandbox: persons and clients, declared by their owners or made by hand.

use std::sync::PoisonError;

use kernel::Secret;

use crate::client::{ClientRegistration, ClientSettings};
use crate::error::Error;
use crate::identity::Identity;
use crate::log::ClientEvent;
use crate::provider::{CLIENTS_FILE, IDENTITIES_FILE, Psc};
use crate::store;

/// Identities made by hand at most.
const EDITED: usize = 2_000;

impl Psc {
    /// Adds a test identity, or replaces the one of that national identifier; one that a person changed by hand
    /// stays as she left it.
    pub fn add_identity(&self, identity: Identity) {
        let edited = self.0.edited.lock().unwrap_or_else(PoisonError::into_inner);
        if edited.contains_key(&identity.national_id) {
            return;
        }
        let mut identities = self.0.identities.write().unwrap_or_else(PoisonError::into_inner);
        identities.insert(identity.national_id.clone(), identity);
    }

    /// Makes or changes a test identity for good: it is on disk before this returns.
    ///
    /// # Errors
    /// [`Error::Identity`] for a field that cannot be, [`Error::TooMany`], [`Error::File`]; nothing is changed then.
    pub fn save_identity(&self, identity: Identity) -> Result<(), Error> {
        identity.check()?;
        let mut edited = self.0.edited.lock().unwrap_or_else(PoisonError::into_inner);
        if edited.len() >= EDITED && !edited.contains_key(&identity.national_id) {
            return Err(Error::TooMany("identities", EDITED));
        }
        let mut after = edited.clone();
        after.insert(identity.national_id.clone(), identity.clone());
        store::save(&self.0.data_dir.join(IDENTITIES_FILE), &after.values().collect::<Vec<_>>())?;
        *edited = after;
        let mut identities = self.0.identities.write().unwrap_or_else(PoisonError::into_inner);
        identities.insert(identity.national_id.clone(), identity);
        Ok(())
    }

    /// Forgets a test identity, on disk too; its sessions end as soon as somebody asks for it. False where there was
    /// none.
    pub fn remove_identity(&self, national_id: &str) -> bool {
        let mut edited = self.0.edited.lock().unwrap_or_else(PoisonError::into_inner);
        if edited.remove(national_id).is_some() {
            let left: Vec<&Identity> = edited.values().collect();
            if let Err(error) = store::save(&self.0.data_dir.join(IDENTITIES_FILE), &left) {
                tracing::warn!(%error, "a removed identity will be back at the next start");
            }
        }
        self.0.identities.write().unwrap_or_else(PoisonError::into_inner).remove(national_id).is_some()
    }

    /// The identity of that national identifier.
    pub fn identity(&self, national_id: &str) -> Option<Identity> {
        self.0.identities.read().unwrap_or_else(PoisonError::into_inner).get(national_id).cloned()
    }

    /// All identities, by national identifier.
    pub fn identities(&self) -> Vec<Identity> {
        self.0.identities.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Declares a client, or replaces the one of that `client_id`. What a person changed of it by hand stays as she
    /// left it, the secret included where she rotated this one away.
    ///
    /// # Errors
    /// [`Error::RedirectUri`] for an address that is not a safe one, [`Error::ClientId`], [`Error::TooMany`].
    pub fn register_client(&self, registration: ClientRegistration) -> Result<(), Error> {
        self.0.clients.write().unwrap_or_else(PoisonError::into_inner).register(registration)
    }

    /// Makes or changes a client for good: it is on disk before this returns. A new one has no secret: see
    /// [`Psc::rotate_secret`].
    ///
    /// # Errors
    /// As [`Psc::register_client`], and [`Error::File`], after which the change lasts until the next start.
    pub fn save_client(&self, settings: ClientSettings) -> Result<(), Error> {
        let mut clients = self.0.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.save(settings)?;
        store::save(&self.0.data_dir.join(CLIENTS_FILE), &clients.records())
    }

    /// Gives a client another secret, for good; the one before is refused at once and for ever. The secret is told
    /// this once: only its digest is kept.
    ///
    /// # Errors
    /// [`Error::UnknownClient`], [`Error::File`].
    pub fn rotate_secret(&self, client_id: &str) -> Result<Secret<String>, Error> {
        let secret = {
            let mut clients = self.0.clients.write().unwrap_or_else(PoisonError::into_inner);
            let unknown = || Error::UnknownClient(client_id.to_owned());
            let secret = clients.rotate(client_id).ok_or_else(unknown)?;
            store::save(&self.0.data_dir.join(CLIENTS_FILE), &clients.records())?;
            secret
        };
        self.note(client_id, true, "client secret rotated");
        Ok(secret)
    }

    /// Forgets a client, its log and its sessions. False where there was none.
    ///
    /// # Errors
    /// [`Error::File`]: one made by hand would be back at the next start.
    pub fn remove_client(&self, client_id: &str) -> Result<bool, Error> {
        let removed = {
            let mut clients = self.0.clients.write().unwrap_or_else(PoisonError::into_inner);
            let removed = clients.remove(client_id);
            store::save(&self.0.data_dir.join(CLIENTS_FILE), &clients.records())?;
            removed
        };
        self.end_client_sessions(client_id);
        self.0.logs.lock().unwrap_or_else(PoisonError::into_inner).forget(client_id);
        Ok(removed)
    }

    /// All clients, by name on the wire.
    pub fn clients(&self) -> Vec<ClientSettings> {
        self.0.clients.read().unwrap_or_else(PoisonError::into_inner).all()
    }

    /// What is known of a client.
    pub fn client_settings(&self, client_id: &str) -> Option<ClientSettings> {
        self.client(client_id).map(|client| client.settings)
    }

    /// What a client did last, the newest first: 200 events at most, in memory only, without any secret.
    pub fn client_log(&self, client_id: &str) -> Vec<ClientEvent> {
        self.0.logs.lock().unwrap_or_else(PoisonError::into_inner).of(client_id)
    }
}
