//! A server in a directory of its own, on two free ports, with two mailboxes.

use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use faults::{Asker, Plan};
use journal::{Journal, Query};
use kernel::{Clock, Limits, Timing};
use mailstore::MailStore;
use sasl::{Attempt, Authenticator, Credentials, Granted, Mechanism, Offer, Refusal, RefusalCode, Rights};
use smtpd::{Allowance, BoxFuture, Context, Endpoint, Policy, Recipients, Resolution};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing_subscriber::layer::{Context as LayerContext, SubscriberExt};
use wire::{CertificateFacts, Event, Fact, TokenFacts};

pub(crate) const PER: &str = "899700000018@bal.lab";
pub(crate) const APP: &str = "163254178@bal.lab";
/// Looks like a token, so that a search for it means something.
pub(crate) const TOKEN: &str =
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiI4OTk3MDAwMDAwMTgifQ.c2lnbmF0dXJlLW9mLXRoZS1sYWI";

pub(crate) struct Lab {
    pub(crate) dir: PathBuf,
    pub(crate) starttls: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) db: db::Db,
    pub(crate) journal: Journal,
    pub(crate) store: MailStore,
    pub(crate) pki: tls::Lab,
    pub(crate) shutdown: watch::Sender<bool>,
    pub(crate) servers: Vec<JoinHandle<()>>,
    faults_expected: bool,
    errors: Arc<AtomicUsize>,
    _trap: Option<tracing::subscriber::DefaultGuard>,
    _temp: Option<tempfile::TempDir>,
}

/// What a test may want otherwise.
pub(crate) struct Options {
    pub(crate) limits: Limits,
    pub(crate) timing: Timing,
    pub(crate) policy: Policy,
    /// What both ports offer.
    pub(crate) offer: Offer,
    /// What the PER mailbox itself is offered.
    pub(crate) own: Offer,
    pub(crate) rights: Rights,
    pub(crate) allowance: Allowance,
    /// What goes wrong on both ports.
    pub(crate) faults: Asker,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            timing: Timing::real(),
            policy: Policy::default(),
            offer: Offer::default(),
            own: Offer::default(),
            rights: Rights::ALL,
            allowance: Allowance::default(),
            faults: Asker::Nobody,
        }
    }
}

impl Lab {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let mut lab = Self::open(temp.path(), options).await;
        lab._temp = Some(temp);
        lab
    }

    /// A lab whose ports misbehave as a script says; with the plan, to see what became of it.
    pub(crate) async fn faulty(script: &str) -> (Self, Plan) {
        let plan = Plan::new(script.parse().unwrap(), 1);
        let faults = Asker::Plan(plan.clone());
        (Self::with(Options { faults, ..Options::default() }).await, plan)
    }

    pub(crate) async fn open(dir: &Path, options: Options) -> Self {
        let errors = Arc::new(AtomicUsize::new(0));
        let subscriber = tracing_subscriber::registry()
            .with(Trap(errors.clone()))
            .with(tracing_subscriber::fmt::layer().with_test_writer());
        let trap = tracing::subscriber::set_default(subscriber);
        let clock = Clock::system();
        let db = db::Db::open_sqlite(&dir.join("data.sqlite")).await.unwrap();
        let journal = Journal::open(&db, clock.clone()).await.unwrap();
        let store = MailStore::open(&db, clock.clone()).await.unwrap();
        let pki = open_pki(dir, &clock);
        std::fs::write(dir.join("ca.pem"), pki.ca_pem()).unwrap();
        let mut accounts = Vec::new();
        for address in [PER, APP] {
            accounts.push(store.create_account(address).await.unwrap());
        }
        let context = Arc::new(Context {
            journal: journal.clone(),
            store: store.clone(),
            acceptor: pki.acceptor(),
            tls_faults: old_tls(pki.acceptor()),
            authenticator: Arc::new(Guard(accounts.clone(), options.own, options.rights)),
            recipients: Arc::new(Book(accounts, options.allowance)),
            rates: Arc::default(),
            policy: options.policy,
            hostname: "smtp.lab".into(),
            limits: options.limits,
            timing: options.timing,
            clock,
        });
        let (shutdown, signal) = watch::channel(false);
        let mut servers = Vec::new();
        let mut addresses = Vec::new();
        for implicit_tls in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap());
            let endpoint = Endpoint {
                implicit_tls,
                offer: options.offer,
                faults: options.faults.clone(),
                ..Endpoint::default()
            };
            servers.push(tokio::spawn(smtpd::serve(context.clone(), listener, endpoint, signal.clone())));
        }
        Self {
            dir: dir.to_owned(),
            db,
            starttls: addresses[0],
            tls: addresses[1],
            journal,
            store,
            pki,
            shutdown,
            servers,
            faults_expected: false,
            errors,
            _trap: Some(trap),
            _temp: None,
        }
    }

    /// The test provokes faults of the server's own.
    pub(crate) fn expect_faults(&mut self) {
        self.faults_expected = true;
    }

    /// Every fact so far, in order.
    pub(crate) async fn facts(&self) -> Vec<Fact> {
        self.events().await.into_iter().map(|event| event.fact).collect()
    }

    pub(crate) async fn events(&self) -> Vec<Event> {
        self.journal.barrier().await.unwrap();
        self.journal.events(&Query::default()).await.unwrap()
    }

    /// Waits until a fact is there. Panics after five seconds.
    pub(crate) async fn wait_for(&self, wanted: impl Fn(&Fact) -> bool) -> Fact {
        for _ in 0..250 {
            if let Some(found) = self.facts().await.into_iter().find(|fact| wanted(fact)) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the fact did not come; there are {:#?}", self.facts().await)
    }

    pub(crate) async fn wait_closed(&self) -> String {
        match self.wait_for(|fact| matches!(fact, Fact::Closed { .. })).await {
            Fact::Closed { reason } => reason,
            _ => unreachable!(),
        }
    }

    /// The messages of a mailbox's INBOX, whole.
    pub(crate) async fn inbox(&self, address: &str) -> Vec<Vec<u8>> {
        let account = self.store.account(address).await.unwrap().unwrap();
        let folder = self.store.folder(account.id, "INBOX").await.unwrap().unwrap();
        let uids: Vec<u32> = self.store.rows(folder.id).await.unwrap().iter().map(|row| row.uid).collect();
        let mut messages = Vec::new();
        for meta in self.store.meta(folder.id, &uids).await.unwrap() {
            messages.push(self.store.read_body(meta.body, 0, meta.size).await.unwrap().to_vec());
            assert_eq!(messages.last().unwrap().len() as u64, meta.size);
        }
        messages
    }

    /// Certificate chain and key of the APP mailbox, as files.
    pub(crate) fn certificate(&self) -> (PathBuf, PathBuf) {
        let issued = self.pki.issue_auth_cli("163254178", "LAB").unwrap();
        let (chain, key) = (self.dir.join("client.pem"), self.dir.join("client.key"));
        std::fs::write(&chain, &issued.chain_pem).unwrap();
        std::fs::write(&key, issued.key_pem.reveal()).unwrap();
        (chain, key)
    }

    /// No token, whole or in base64, anywhere in the data directory.
    pub(crate) async fn assert_no_leak(&self, secret: &str) {
        self.journal.barrier().await.unwrap();
        for entry in std::fs::read_dir(&self.dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with("data.sqlite") {
                let bytes = std::fs::read(&path).unwrap();
                assert!(!contains(&bytes, secret.as_bytes()), "{name} holds the secret");
            }
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let met = self.errors.load(Ordering::SeqCst);
            assert_eq!(met > 0, self.faults_expected, "{met} error logs");
        }
    }
}

/// Keys are slow to make: one lab is kept for all tests of a build and copied.
fn open_pki(dir: &Path, clock: &Clock) -> tls::Lab {
    let names = tls::LabNames { domains: vec!["bal.lab".into()], crl_base: "http://127.0.0.1:9".into() };
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("smtpd-pki");
    std::fs::create_dir_all(&kept).unwrap();
    drop(tls::Lab::open(&kept, &names, clock).unwrap());
    let own = dir.join("pki");
    if !own.exists() {
        std::fs::DirBuilder::new().mode(0o700).create(&own).unwrap();
        for entry in std::fs::read_dir(&kept).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, own.join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    tls::Lab::open(&own, &names, clock).unwrap()
}

/// The one server of the TLS lab that needs no certificate of its own.
fn old_tls(healthy: tls::Acceptor) -> smtpd::TlsFaults {
    Arc::new(move |name| (name == "tls-1.1-only").then(|| healthy.limited_to_tls_1_1()))
}

pub(crate) fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

/// Counts error logs: they are for our own faults, so a test that meets one fails.
struct Trap(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Trap {
    fn on_event(&self, event: &tracing::Event<'_>, _: LayerContext<'_, S>) {
        if *event.metadata().level() == tracing::Level::ERROR {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// One token for the PER mailbox, one certificate for the APP mailbox.
struct Guard(Vec<mailstore::Account>, Offer, Rights);

impl Guard {
    fn judge(&self, attempt: &Attempt) -> Result<Granted, Refusal> {
        let grant = |address: &str, identity: &str| {
            let account = self.0.iter().find(|account| account.address == address).unwrap();
            Ok(Granted {
                mailbox: address.into(),
                identity: identity.into(),
                account: account.id,
                offer: self.1,
                rights: self.2,
            })
        };
        match (&attempt.credentials, &attempt.certificate) {
            (Credentials::Xoauth2 { user, .. }, _) if user != PER => {
                Err(Refusal::new(RefusalCode::UnknownMailbox, "No such mailbox"))
            }
            (Credentials::Xoauth2 { token, .. }, _) if token.reveal() == TOKEN => grant(PER, "899700000018"),
            (Credentials::Xoauth2 { .. }, _) => {
                Err(Refusal::new(RefusalCode::TokenSignature, "The token was not signed by this sandbox"))
            }
            (Credentials::External { .. }, None) => {
                Err(Refusal::new(RefusalCode::NoCertificate, "No client certificate"))
            }
            (Credentials::External { .. }, Some(facts)) if facts.common_name == "163254178" => {
                grant(APP, "163254178")
            }
            (Credentials::External { .. }, Some(_)) => {
                Err(Refusal::new(RefusalCode::WrongCertificate, "No mailbox has that certificate"))
            }
        }
    }
}

impl Authenticator for Guard {
    fn authenticate<'a>(
        &'a self,
        attempt: Attempt,
    ) -> Pin<Box<dyn Future<Output = Result<Granted, Refusal>> + Send + 'a>> {
        Box::pin(async move { self.judge(&attempt) })
    }

    fn token_facts(&self, credentials: &Credentials) -> Option<TokenFacts> {
        match credentials {
            Credentials::Xoauth2 { token, .. } => {
                Some(TokenFacts { sha256: token.fingerprint(), claimed_jti: None, claimed_identity: None })
            }
            Credentials::External { .. } => None,
        }
    }

    fn offer_of(&self, credentials: &Credentials) -> Option<Offer> {
        (credentials.user() == PER).then_some(self.1)
    }

    fn mechanisms(&self, certificate: Option<&CertificateFacts>, offer: &Offer) -> Vec<Mechanism> {
        let mut all = vec![Mechanism::Xoauth2];
        if certificate.is_some() {
            all.insert(0, Mechanism::External);
        }
        if offer.oauthbearer {
            all.push(Mechanism::OauthBearer);
        }
        all
    }
}

/// Delivers to the mailboxes that exist.
struct Book(Vec<mailstore::Account>, Allowance);

impl Recipients for Book {
    fn resolve<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Resolution> {
        Box::pin(async move {
            let known = |address: &str| {
                self.0.iter().find(|account| account.address.eq_ignore_ascii_case(address)).cloned()
            };
            if address == "late@bal.lab" {
                let account = known(APP).unwrap().id;
                return Resolution::Delayed { account, text: "it snows".into() };
            }
            if let Some(name) = address.strip_suffix("@nowhere.lab") {
                return Resolution::Fails { status: "5.1.1", text: format!("nobody knows {name}") };
            }
            match known(address) {
                Some(account) => Resolution::Deliver { account: account.id },
                None if address == "away@bal.lab" => Resolution::Unavailable,
                None => Resolution::Refused {
                    code: 550,
                    enhanced: "5.1.1",
                    text: format!("No mailbox {address} on this bench"),
                },
            }
        })
    }

    fn may_send_as(&self, login: &Granted, address: &str) -> bool {
        let own = [login.mailbox.as_str(), "colleague@bal.lab"];
        login.rights.send_as && own.iter().any(|known| address.eq_ignore_ascii_case(known))
    }

    fn allowance(&self, mailbox: &str) -> Allowance {
        if mailbox == PER { self.1 } else { Allowance::default() }
    }
}
