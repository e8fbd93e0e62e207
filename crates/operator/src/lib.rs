//! The sandbox MSSanté operator: it owns the mailboxes, decides who may log in, and opens the listeners.
//!
//! `imapd` and `smtpd` know protocols, `psc` knows tokens, `tls` knows certificates: only this crate knows which
//! person or structure may open which mailbox. A bench opens [`PrivateListeners`] for one run, so that what an
//! adapter does can be told from everybody else's traffic by the port it came to. Faults are armed on such a port, or on
//! the fixed ones for a mailbox and a while ([`Operator::faults`]).

mod authenticator;
mod autoconfig;
mod faulty;
mod listeners;
mod mailbox;
mod pki;
mod recipients;
mod refusals;
mod second;
mod settings;
mod tokens;

use std::sync::{Arc, RwLock};

use db::Db;
use journal::Journal;
use kernel::{Clock, Limits, Timing};
use mailstore::MailStore;
use tls::Lab;

pub use authenticator::Tokens;
pub use autoconfig::{Autoconfig, autoconfig_router};
pub use listeners::{Listener, PrivateListeners};
pub use mailbox::{Kind, Mailbox};
pub use pki::{pki_router, pki_router_with_journal};
pub use recipients::Bounce;
pub use refusals::RefuseFirstToken;
pub use second::SecondIssuer;
pub use settings::{Person, SendingLimits, SettingError};
pub use tokens::PscTokens;

use crate::mailbox::Mailboxes;

/// What an operator is made of.
#[derive(Clone)]
pub struct Parts {
    /// Where mailboxes are remembered.
    pub db: Db,
    /// Where messages are kept.
    pub store: MailStore,
    /// Where wire events go.
    pub journal: Journal,
    /// The server side of TLS.
    pub lab: Arc<Lab>,
    /// Who verifies PSC access tokens.
    pub tokens: Arc<dyn Tokens>,
    /// The domain after the `@` of every mailbox.
    pub domain: String,
    /// The hour.
    pub clock: Clock,
    /// Announced durations.
    pub timing: Timing,
    /// Sizes and counts.
    pub limits: Limits,
}

/// The operator; cheap to clone.
#[derive(Clone)]
pub struct Operator {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    parts: Parts,
    mailboxes: RwLock<Mailboxes>,
    servers: Servers,
    /// The same, on which TLS 1.1 is all that is offered.
    old_servers: Servers,
    refusals: Arc<refusals::Refusals>,
    /// What goes wrong on the fixed ports. In memory only: after a crash nothing is armed.
    faults: faults::Board,
}

/// What connections work with, for each protocol.
pub(crate) struct Servers {
    imap: Arc<imapd::Context>,
    smtp: Arc<smtpd::Context>,
}

impl Servers {
    fn new(
        parts: &Parts,
        acceptor: tls::Acceptor,
        gate: &Arc<authenticator::Gate>,
        recipients: &Arc<recipients::TrustSpace>,
        rates: &Arc<smtpd::Rates>,
    ) -> Self {
        Self {
            imap: Arc::new(imapd::Context {
                journal: parts.journal.clone(),
                store: parts.store.clone(),
                acceptor: acceptor.clone(),
                tls_faults: faulty::servers(&parts.lab),
                authenticator: gate.clone(),
                limits: parts.limits.clone(),
                timing: parts.timing.clone(),
                clock: parts.clock.clone(),
            }),
            smtp: Arc::new(smtpd::Context {
                journal: parts.journal.clone(),
                store: parts.store.clone(),
                acceptor,
                tls_faults: faulty::servers(&parts.lab),
                authenticator: gate.clone(),
                recipients: recipients.clone(),
                rates: Arc::clone(rates),
                policy: smtpd::Policy::default(),
                hostname: format!("smtp.{}", parts.domain),
                limits: parts.limits.clone(),
                timing: parts.timing.clone(),
                clock: parts.clock.clone(),
            }),
        }
    }
}

impl Operator {
    /// Opens the operator: reads its mailboxes back and prepares its servers. Nothing listens yet.
    ///
    /// # Errors
    /// Where the database cannot be read or is of a newer version.
    pub async fn open(parts: Parts) -> Result<Self, db::Error> {
        let mailboxes = Mailboxes::open(&parts.db).await?;
        let shared = Arc::new_cyclic(|weak: &std::sync::Weak<Shared>| {
            let gate = Arc::new(authenticator::Gate::new(weak.clone(), Arc::clone(&parts.tokens)));
            let recipients = Arc::new(recipients::TrustSpace::new(weak.clone()));
            let acceptor = parts.lab.acceptor();
            let old = acceptor.limited_to_tls_1_1();
            let rates = Arc::default();
            Shared {
                servers: Servers::new(&parts, acceptor, &gate, &recipients, &rates),
                old_servers: Servers::new(&parts, old, &gate, &recipients, &rates),
                mailboxes: RwLock::new(mailboxes),
                refusals: Arc::default(),
                faults: faults::Board::default(),
                parts,
            }
        });
        Ok(Self { shared })
    }

    /// The domain after the `@` of every mailbox.
    pub fn domain(&self) -> &str {
        &self.shared.parts.domain
    }

    /// The mail store behind the mailboxes.
    pub fn store(&self) -> &MailStore {
        &self.shared.parts.store
    }

    /// The journal that the servers write.
    pub fn journal(&self) -> &Journal {
        &self.shared.parts.journal
    }

    /// Creates a mailbox named after its identifier, or returns the existing one of the same kind and identity.
    ///
    /// # Errors
    /// Where the database refuses the write.
    pub async fn add_mailbox(&self, kind: Kind, identity: &str) -> Result<Mailbox, db::Error> {
        let address = format!("{}@{}", identity.to_lowercase(), self.domain());
        let account = self.shared.parts.store.create_account(&address).await?;
        let mailbox = Mailbox { address, kind, identity: identity.to_owned(), account: account.id };
        mailbox::save(&self.shared.parts.db, &mailbox).await?;
        self.shared.mailboxes().insert(mailbox.clone());
        Ok(mailbox)
    }

    /// The mailbox at this address, in any case.
    pub fn mailbox(&self, address: &str) -> Option<Mailbox> {
        self.shared.mailbox(address)
    }

    /// Makes mail for `address` land in the mailbox of `account` until [`Operator::remove_alias`]: the recipient that
    /// one run owns.
    pub fn add_alias(&self, address: &str, account: i64) {
        self.shared.mailboxes().aliases.insert(address.to_lowercase(), recipients::Alias::Inbox(account));
    }

    /// Ends an alias; later mail to it is refused.
    pub fn remove_alias(&self, address: &str) {
        self.shared.mailboxes().aliases.remove(&address.to_lowercase());
    }
}

impl Shared {
    fn mailboxes(&self) -> std::sync::RwLockWriteGuard<'_, Mailboxes> {
        self.mailboxes.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Mailboxes> {
        self.mailboxes.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn mailbox(&self, address: &str) -> Option<Mailbox> {
        self.read().entry(address).map(|entry| entry.mailbox.clone())
    }

    /// What somebody may do with a mailbox, in any case of its address; `None` where there is none, or no right.
    fn rights(&self, address: &str, identity: &str) -> Option<sasl::Rights> {
        self.read().entry(address)?.rights(identity)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::DirBuilderExt as _;

    use super::*;

    #[tokio::test]
    async fn a_mailbox_has_one_rate_whichever_server_it_sends_by() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| {
            let path = dir.path().join(name);
            std::fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
            path
        };
        let clock = Clock::system();
        let db = Db::open_sqlite(&dir.path().join("data.sqlite")).await.unwrap();
        let names = tls::LabNames { domains: vec!["bal.lab".into()], crl_base: "http://127.0.0.1:9".into() };
        let psc = psc::Psc::open(psc::PscConfig::new(place("psc"), clock.clone())).unwrap();
        let parts = Parts {
            store: MailStore::open(&db, clock.clone()).await.unwrap(),
            journal: Journal::open(&db, clock.clone()).await.unwrap(),
            db,
            lab: Arc::new(Lab::open(&place("pki"), &names, &clock).unwrap()),
            tokens: Arc::new(PscTokens::new(psc, clock.clone())),
            domain: "bal.lab".into(),
            clock,
            timing: Timing::real(),
            limits: Limits::default(),
        };
        let operator = Operator::open(parts).await.unwrap();
        let Shared { servers, old_servers, .. } = &*operator.shared;
        assert!(Arc::ptr_eq(&servers.smtp.rates, &old_servers.smtp.rates));
    }
}
