use std::collections::BTreeMap;

use axum::http::Uri;
use kernel::{Secret, sha256};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Clients known at most.
const CLIENTS: usize = 1_000;

/// Addresses of one kind that a client may have.
const ADDRESSES: usize = 20;

/// Secrets of a client that were rotated away and are remembered, so that they stay dead after a restart.
const RETIRED: usize = 16;

/// A piece of software that may ask for tokens: declared at PSC's portal in the real world, by the bench here.
#[derive(Clone, Debug)]
pub struct ClientRegistration {
    /// Its name on the wire.
    pub client_id: String,
    /// Its secret; empty for a client that authenticates by its certificate only. There are no public clients (an LPS
    /// speaks to PSC through its server).
    pub secret: Secret<String>,
    /// Where persons may be sent back after identifying themselves, compared character by character.
    pub redirect_uris: Vec<String>,
    /// Where they may be sent back after a logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// Its name for a person; empty for its `client_id`.
    pub name: String,
    /// Where its server is told that a session is over (OpenID Connect Back-Channel Logout 1.0).
    pub backchannel_logout_uri: Option<String>,
    /// What the browser loads, in a frame, when a session is over (OpenID Connect Front-Channel Logout 1.0).
    pub frontchannel_logout_uri: Option<String>,
    /// Subject of the certificate that it may authenticate with (RFC 8705 §2.1), as the ANS exchanges them:
    /// `CN=…,OU=…,O=…,C=FR`. The order may be the other way round.
    pub certificate_subject: Option<String>,
    /// Whether its access tokens are bound to the certificate that it shows when it gets them (RFC 8705 §3).
    pub certificate_bound_tokens: bool,
    /// Whether persons' answers come by themselves: for CI.
    pub automatic: Option<Automatic>,
    /// Whether it may use the decoupled flow: in the real world CIBA is switched on for each service at PSC's portal,
    /// and `unauthorized_client` is what a service meets before.
    pub decoupled: bool,
}

/// What a sandbox without a person in front of it answers in her place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Automatic {
    /// The person named by `login_hint` accepts at once.
    Accept,
    /// She refuses at once.
    Refuse,
    /// She never answers: the page is not shown, and the request runs out.
    Expire,
}

/// What may be read and changed of a client; its secret is neither.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSettings {
    /// Its name on the wire.
    pub client_id: String,
    /// Its name for a person.
    pub name: String,
    /// See [`ClientRegistration::redirect_uris`].
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// See [`ClientRegistration::post_logout_redirect_uris`].
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// See [`ClientRegistration::backchannel_logout_uri`].
    #[serde(default)]
    pub backchannel_logout_uri: Option<String>,
    /// See [`ClientRegistration::frontchannel_logout_uri`].
    #[serde(default)]
    pub frontchannel_logout_uri: Option<String>,
    /// See [`ClientRegistration::certificate_subject`].
    #[serde(default)]
    pub certificate_subject: Option<String>,
    /// See [`ClientRegistration::certificate_bound_tokens`].
    #[serde(default)]
    pub certificate_bound_tokens: bool,
    /// See [`ClientRegistration::automatic`].
    #[serde(default)]
    pub automatic: Option<Automatic>,
    /// See [`ClientRegistration::decoupled`].
    #[serde(default = "yes")]
    pub decoupled: bool,
}

fn yes() -> bool {
    true
}

impl ClientRegistration {
    /// A client with its addresses of return, and none after logout.
    pub fn new<S: Into<String>>(
        client_id: impl Into<String>,
        secret: Secret<String>,
        redirect_uris: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            secret,
            redirect_uris: redirect_uris.into_iter().map(Into::into).collect(),
            post_logout_redirect_uris: Vec::new(),
            name: String::new(),
            backchannel_logout_uri: None,
            frontchannel_logout_uri: None,
            certificate_subject: None,
            certificate_bound_tokens: false,
            automatic: None,
            decoupled: true,
        }
    }

    /// With a name for the wallet's page.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// With the subject of the certificate that it authenticates with.
    #[must_use]
    pub fn certificate(mut self, subject: impl Into<String>) -> Self {
        self.certificate_subject = Some(subject.into());
        self
    }

    /// Without a person: [`Automatic`].
    #[must_use]
    pub fn automatic(mut self, automatic: Automatic) -> Self {
        self.automatic = Some(automatic);
        self
    }
}

impl ClientSettings {
    /// A client of this name without any address.
    pub fn new(client_id: impl Into<String>) -> Self {
        let client_id = client_id.into();
        Self {
            name: client_id.clone(),
            client_id,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            frontchannel_logout_uri: None,
            certificate_subject: None,
            certificate_bound_tokens: false,
            automatic: None,
            decoupled: true,
        }
    }

    fn check(&self) -> Result<(), Error> {
        let id = &self.client_id;
        // RFC 6749 appendix A.1 asks for printable ASCII; `*` is what faults are armed with for everybody.
        if id.is_empty() || id.len() > 100 || id == "*" || !id.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Err(Error::ClientId(id.chars().filter(|c| !c.is_control()).take(100).collect()));
        }
        if self.redirect_uris.len() > ADDRESSES || self.post_logout_redirect_uris.len() > ADDRESSES {
            return Err(Error::RedirectUri(format!("more than {ADDRESSES} addresses")));
        }
        let told = self.backchannel_logout_uri.iter().chain(&self.frontchannel_logout_uri);
        for uri in self.redirect_uris.iter().chain(&self.post_logout_redirect_uris).chain(told) {
            check_redirect(uri)?;
        }
        Ok(())
    }
}

impl Automatic {
    /// The name in settings: `accept`, `refuse`, `expire`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Refuse => "refuse",
            Self::Expire => "expire",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Accept, Self::Refuse, Self::Expire].into_iter().find(|known| known.name() == name)
    }
}

/// The clients known. Secrets are kept as digests: comparing digests leaks no timing that helps to guess one.
///
/// A client comes from its owner, who declares it again at each start, or from the page; what a person changed on the
/// page is a [`Record`], kept on disk, and wins over what the owner declares.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    known: BTreeMap<String, Client>,
    records: BTreeMap<String, Record>,
}

/// A client as the endpoints see it.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) settings: ClientSettings,
    secret: Option<[u8; 32]>,
}

/// What a person changed of a client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    settings: ClientSettings,
    /// Digest of the secret given out by the page, in hexadecimal.
    #[serde(default)]
    secret: Option<String>,
    /// Digests that no longer open anything.
    #[serde(default)]
    retired: Vec<String>,
    /// Made on the page: nobody else will declare it.
    #[serde(default)]
    own: bool,
}

impl Clients {
    pub(crate) fn from_records(records: Vec<Record>) -> Self {
        let mut clients = Self::default();
        for record in records {
            let id = record.settings.client_id.clone();
            if record.own {
                let secret = record.secret.as_deref().and_then(digest);
                clients.known.insert(id.clone(), Client { settings: record.settings.clone(), secret });
            }
            clients.records.insert(id, record);
        }
        clients
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.records.values().cloned().collect()
    }

    /// Adds a client, or replaces the one of that name.
    pub(crate) fn register(&mut self, registration: ClientRegistration) -> Result<(), Error> {
        let id = registration.client_id;
        let name = if registration.name.is_empty() { id.clone() } else { registration.name };
        let settings = ClientSettings {
            client_id: id.clone(),
            name,
            redirect_uris: registration.redirect_uris,
            post_logout_redirect_uris: registration.post_logout_redirect_uris,
            backchannel_logout_uri: registration.backchannel_logout_uri,
            frontchannel_logout_uri: registration.frontchannel_logout_uri,
            certificate_subject: registration.certificate_subject,
            certificate_bound_tokens: registration.certificate_bound_tokens,
            automatic: registration.automatic,
            decoupled: registration.decoupled,
        };
        settings.check()?;
        self.room(&id)?;
        let given = registration.secret.reveal();
        let secret = (!given.is_empty()).then(|| sha256(given.as_bytes()));
        let client = match self.records.get(&id) {
            Some(record) => {
                let dead = secret.is_some_and(|secret| record.retired.contains(&kernel::hex(&secret)));
                let secret = if dead { record.secret.as_deref().and_then(digest) } else { secret };
                Client { settings: record.settings.clone(), secret }
            }
            None => Client { settings, secret },
        };
        self.known.insert(id, client);
        Ok(())
    }

    /// Changes a client, or makes one without a secret.
    pub(crate) fn save(&mut self, settings: ClientSettings) -> Result<(), Error> {
        settings.check()?;
        self.room(&settings.client_id)?;
        let id = settings.client_id.clone();
        let fresh = !self.known.contains_key(&id);
        let record = self.record(&settings, fresh);
        record.settings = settings.clone();
        let secret = self.known.get(&id).and_then(|client| client.secret);
        self.known.insert(id, Client { settings, secret });
        Ok(())
    }

    /// Gives a client another secret; the one before is dead for ever.
    pub(crate) fn rotate(&mut self, client_id: &str) -> Option<Secret<String>> {
        let client = self.known.get_mut(client_id)?;
        let secret = Secret::new(format!("{}{}", kernel::random::id(), kernel::random::id()));
        let settings = client.settings.clone();
        let old = client.secret.replace(sha256(secret.reveal().as_bytes()));
        let fingerprint = secret.fingerprint();
        let record = self.record(&settings, false);
        record.secret = Some(fingerprint);
        record.retired.extend(old.map(|old| kernel::hex(&old)));
        let excess = record.retired.len().saturating_sub(RETIRED);
        record.retired.drain(..excess);
        Some(secret)
    }

    pub(crate) fn remove(&mut self, client_id: &str) -> bool {
        self.records.remove(client_id);
        self.known.remove(client_id).is_some()
    }

    pub(crate) fn find(&self, client_id: &str) -> Option<Client> {
        self.known.get(client_id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<ClientSettings> {
        self.known.values().map(|client| client.settings.clone()).collect()
    }

    fn record(&mut self, settings: &ClientSettings, own: bool) -> &mut Record {
        self.records.entry(settings.client_id.clone()).or_insert_with(|| Record {
            settings: settings.clone(),
            secret: None,
            retired: Vec::new(),
            own,
        })
    }

    fn room(&self, client_id: &str) -> Result<(), Error> {
        if self.known.len() < CLIENTS || self.known.contains_key(client_id) {
            return Ok(());
        }
        Err(Error::TooMany("clients", CLIENTS))
    }
}

impl Client {
    pub(crate) fn id(&self) -> &str {
        &self.settings.client_id
    }

    pub(crate) fn has_secret(&self, secret: &str) -> bool {
        self.secret.is_some_and(|known| sha256(secret.as_bytes()) == known)
    }

    /// Whether a certificate of this subject is the client's.
    pub(crate) fn has_subject(&self, subject: &str) -> bool {
        self.settings.certificate_subject.as_deref().is_some_and(|known| crate::dn::same(known, subject))
    }
}

fn digest(hex: &str) -> Option<[u8; 32]> {
    let byte = |at: usize| u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
    bytes?.try_into().ok()
}

/// PSC wants registered `https` addresses; plain HTTP is let through to this machine only, where tests run.
fn check_redirect(text: &str) -> Result<(), Error> {
    let refused = |why: &str| {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
        Err(Error::RedirectUri(format!("{shown}: {why}")))
    };
    if text.len() > 2_048 {
        return refused("longer than 2048 bytes");
    }
    let Ok(uri) = text.parse::<Uri>() else { return refused("not an address") };
    let Some(host) = uri.host() else { return refused("not absolute") };
    if text.contains('#') {
        return refused("a fragment is not allowed (RFC 6749 section 3.1.2)");
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return refused("a user name in an address misleads whoever reads it");
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if matches!(host, "localhost" | "127.0.0.1" | "[::1]") => Ok(()),
        _ => refused("https is needed, except to this machine"),
    }
}

#[cfg(test)]
mod tests;
