//! What it takes to open a mailbox: where its servers are, what is trusted, and who logs in.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{Clock, Failure, Secret, Stage, random, sha256_hex};
use mss::Address;
use practice::Mailbox;
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use tls::ClientTrust;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

use crate::psc::{self, State};
use crate::{Credentials, CrlStore, Endpoint, MailProtocol, Patience, Resolver};

/// What [`practice::Mailbox::settings`] holds for the connector: places and names, never a secret. What is left out is the
/// engine's own: servers by DNS SRV, the authorities of its [`super::Settings`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSettings {
    /// Where mail is read, where a person says it against the DNS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imap: Option<Endpoint>,
    /// Where mail is submitted, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<Endpoint>,
    /// The DNS server to ask instead of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<SocketAddr>,
    /// The authorities to trust for this mailbox, and no others; PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorities: Option<PathBuf>,
    /// Where their revocation lists are; those of the engine where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub crls: Vec<String>,
    /// The client certificate that opens the mailbox (APP, SC.MSS/CONF.12); without it, a Pro Santé Connect token does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateFiles>,
}

/// A client certificate's files. They are read when they are needed: one that is renewed in place counts at the next
/// connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    /// Chain, PEM.
    pub chain: PathBuf,
    /// Private key, PKCS#8 PEM.
    pub key: PathBuf,
}

impl AccountSettings {
    /// Reads what a mailbox says; `null` and `{}` say nothing.
    ///
    /// # Errors
    /// [`Stage::Input`], naming what is wrong.
    pub fn of(mailbox: &Mailbox) -> Result<Self, Failure> {
        if mailbox.settings.is_null() {
            return Ok(Self::default());
        }
        serde_json::from_value(mailbox.settings.clone()).map_err(|error| {
            Failure::permanent(Stage::Input, format!("the settings of {}: {error}", mailbox.address))
        })
    }
}

/// Who opens a mailbox. In memory only (SC.MSS/CONF.28).
#[derive(Clone, Debug)]
pub struct Login {
    /// For *dernière relève*: a person's name, or the connector's.
    pub by: String,
    pub(crate) credentials: Credentials,
    pub(crate) session: Option<psc::Session>,
}

impl Login {
    /// With a person's Pro Santé Connect session: the mail session ends with it (SC.MSS/CONF.10), and what runs in the
    /// background never prolongs it.
    pub fn session(session: &psc::Session) -> Self {
        let person = session.person();
        let names = [&person.given_name, &person.family_name].into_iter().flatten();
        let by = names.map(String::as_str).collect::<Vec<_>>().join(" ");
        let by = if by.is_empty() { person.national_id.clone() } else { by };
        Self { by, credentials: session.credentials(), session: Some(session.clone()) }
    }

    /// With a token that comes from elsewhere.
    pub fn token(by: impl Into<String>, source: Arc<crate::TokenSource>) -> Self {
        Self { by: by.into(), credentials: Credentials::Xoauth2(source), session: None }
    }

    /// With the client certificate that the mailbox's settings name.
    pub fn certificate() -> Self {
        Self { by: "vaguemestre".to_owned(), credentials: Credentials::External, session: None }
    }

    pub(crate) fn is_certificate(&self) -> bool {
        matches!(self.credentials, Credentials::External)
    }

    /// Returns when the person's session is over or locked; never where there is none.
    pub(crate) async fn over(&self) {
        let Some(session) = &self.session else { return std::future::pending().await };
        let mut changes = session.changes();
        while !self.is_over() {
            // A session that nobody uses is locked by the hour alone: somebody has to look.
            let _ = timeout(LOOK_EVERY, changes.changed()).await;
        }
    }

    /// Whether the person's session is over or locked.
    pub(crate) fn is_over(&self) -> bool {
        self.session.as_ref().is_some_and(|session| matches!(session.state(), State::Locked | State::Over))
    }
}

/// How often a person's session is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Where a mailbox's mail is read, in the order in which to try.
pub(crate) async fn imap_servers(
    address: &Address,
    settings: &AccountSettings,
    resolver: &Resolver,
    patience: Patience,
) -> Result<Vec<Endpoint>, Failure> {
    if let Some(endpoint) = &settings.imap {
        return Ok(vec![endpoint.clone()]);
    }
    let own = settings.dns.map(Resolver::new);
    let resolver = own.as_ref().unwrap_or(resolver);
    Ok(resolver.discover(address.domain(), MailProtocol::Imap, patience).await?)
}

/// TLS configurations, shared: mailboxes that trust the same authorities and present the same certificate use one. Each is
/// built anew after [`LIFE`], so that new revocation lists count, and after a refusal of TLS.
#[derive(Debug)]
pub(crate) struct Trust {
    authorities: String,
    crls: Vec<String>,
    dir: PathBuf,
    clock: Clock,
    kept: Mutex<HashMap<Asked, Kept>>,
}

/// How long a configuration serves.
const LIFE: Duration = Duration::from_secs(3_600);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asked {
    authorities: Option<PathBuf>,
    crls: Vec<String>,
    certificate: Option<CertificateFiles>,
}

#[derive(Clone, Debug)]
struct Kept {
    until: Instant,
    config: Arc<OnceCell<Arc<ClientConfig>>>,
}

impl Trust {
    /// `authorities` is PEM; lists are kept beneath `dir`.
    pub(crate) fn new(authorities: String, crls: Vec<String>, dir: &Path, clock: Clock) -> Self {
        Self { authorities, crls, dir: dir.to_owned(), clock, kept: Mutex::default() }
    }

    /// What this mailbox trusts and presents. Those who ask for the same at the same time wait for one fetch of the lists.
    pub(crate) async fn config(&self, settings: &AccountSettings) -> Result<Arc<ClientConfig>, Failure> {
        let asked = Asked {
            authorities: settings.authorities.clone(),
            crls: if settings.crls.is_empty() { self.crls.clone() } else { settings.crls.clone() },
            certificate: settings.certificate.clone(),
        };
        let cell = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner); // insertions are whole
            let now = Instant::now();
            kept.retain(|_, one| one.until > now);
            let fresh = || Kept { until: now + LIFE, config: Arc::default() };
            Arc::clone(&kept.entry(asked.clone()).or_insert_with(fresh).config)
        };
        cell.get_or_try_init(|| self.build(&asked)).await.cloned()
    }

    /// Forgets what was built: TLS was refused, and newer lists or a newer certificate may be at hand.
    pub(crate) fn forget(&self, settings: &AccountSettings) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).retain(|asked, _| {
            asked.certificate != settings.certificate || asked.authorities != settings.authorities
        });
    }

    async fn build(&self, asked: &Asked) -> Result<Arc<ClientConfig>, Failure> {
        let authorities = match &asked.authorities {
            Some(file) => read_text("the authorities", file).await?,
            None => self.authorities.clone(),
        };
        let dir = self.dir.join(&sha256_hex(authorities.as_bytes())[..16]);
        let lists = CrlStore::new(&dir, &authorities, self.clock.clone())?.load(&asked.crls).await?;
        let trust = ClientTrust::new(&authorities, &lists).map_err(unusable)?.with_clock(&self.clock);
        let trust = match &asked.certificate {
            None => trust,
            Some(files) => {
                let chain = read_text("the client certificate", &files.chain).await?;
                let key = Secret::new(read_text("the client certificate's key", &files.key).await?);
                trust.with_certificate(&chain, &key).map_err(unusable)?
            }
        };
        trust.config().map_err(unusable)
    }
}

pub(crate) async fn read_text(what: &str, file: &Path) -> Result<String, Failure> {
    tokio::fs::read_to_string(file).await.map_err(|error| {
        Failure::permanent(Stage::Input, format!("{what} cannot be read from {}: {error}", file.display()))
    })
}

fn unusable(error: tls::Error) -> Failure {
    Failure::permanent(Stage::Input, error.to_string())
}

/// A seed for lots that need not be secret.
pub(crate) fn seed() -> u64 {
    u64::from_be_bytes(random::bytes())
}
