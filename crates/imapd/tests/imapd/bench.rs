//! A server in a temporary directory, an authenticator with two mailboxes, and a client that shows every octet.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use faults::{Asker, Plan, Script};
use imapd::{Context, Endpoint};
use journal::{Journal, Query};
use kernel::{Clock, Limits, Secret, Timing};
use mailstore::{Delivery, Flags, MailStore};
use sasl::{
    Attempt, Authenticator, Credentials, Granted, Mechanism, Offer, Profile, Refusal, RefusalCode, Rights,
};
use tempfile::TempDir;
use tls::{ClientTrust, Issued, Lab, LabNames};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wire::{AuthFacts, CertificateFacts, Event, Fact, TokenFacts};

pub(crate) const PER: &str = "899700000018@mail-tests.example";
pub(crate) const APP: &str = "163254178@mail-tests.example";
pub(crate) const TOKEN: &str =
    "eyJhbGciOiJSUzI1NiJ9.eyJqdGkiOiJhYmMtMTIzIn0.c2lnbmF0dXJlLW9mLWEtdGVzdC10b2tlbg";
pub(crate) const EXPIRED: &str =
    "eyJhbGciOiJSUzI1NiJ9.eyJqdGkiOiJvbGQtMTIzIn0.b3V0LW9mLWRhdGUtdG9rZW4tb2YtYS10ZXN0";

pub(crate) struct Bench {
    pub(crate) dir: TempDir,
    pub(crate) store: MailStore,
    pub(crate) journal: Journal,
    pub(crate) lab: Lab,
    pub(crate) per: i64,
    pub(crate) clear: u16,
    pub(crate) tls: u16,
    pub(crate) shutdown: watch::Sender<bool>,
    pub(crate) servers: Vec<JoinHandle<()>>,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(Limits::default(), Timing::real()).await
    }

    pub(crate) async fn with(limits: Limits, timing: Timing) -> Self {
        Self::set_up(limits, timing, Offers::default()).await
    }

    /// With a profile on the ports and on the PER mailbox.
    pub(crate) async fn profile(profile: Profile) -> Self {
        let offer = Offer { profile, ..Offer::default() };
        Self::offering(Offers { port: offer, mailbox: offer, ..Offers::default() }).await
    }

    pub(crate) async fn offering(offers: Offers) -> Self {
        Self::set_up(Limits::default(), Timing::real(), offers).await
    }

    /// With a server that does wrong as a script says, and the plan that counts.
    pub(crate) async fn faulty(script: &str) -> (Self, Plan) {
        let script: Script = script.parse().unwrap();
        let plan = Plan::new(script.clone(), script.seed.unwrap_or(1));
        (Self::asking(Asker::Plan(plan.clone()), Timing::real()).await, plan)
    }

    pub(crate) async fn asking(faults: Asker, timing: Timing) -> Self {
        Self::made(Limits::default(), timing, Offers::default(), faults).await
    }

    async fn set_up(limits: Limits, timing: Timing, offers: Offers) -> Self {
        Self::made(limits, timing, offers, Asker::Nobody).await
    }

    async fn made(limits: Limits, timing: Timing, offers: Offers, faults: Asker) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::system();
        let db = db::Db::open_sqlite(&dir.path().join("data.sqlite")).await.unwrap();
        let journal = Journal::open(&db, clock.clone()).await.unwrap();
        let store = MailStore::open(&db, clock.clone()).await.unwrap();
        let names = LabNames { domains: Vec::new(), crl_base: "http://127.0.0.1:1".into() };
        let lab = lab(&dir.path().join("lab"), &names, &clock);
        std::fs::write(dir.path().join("ca.pem"), lab.ca_pem()).unwrap();
        let per = store.create_account(PER).await.unwrap().id;
        let app = store.create_account(APP).await.unwrap().id;
        let context = Arc::new(Context {
            journal: journal.clone(),
            store: store.clone(),
            acceptor: lab.acceptor(),
            tls_faults: tls_faults(lab.acceptor()),
            authenticator: Arc::new(Door { per, app, offers }),
            limits,
            timing,
            clock,
        });
        let (shutdown, signal) = watch::channel(false);
        let (mut ports, mut servers) = (Vec::new(), Vec::new());
        for implicit_tls in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            ports.push(listener.local_addr().unwrap().port());
            let endpoint =
                Endpoint { implicit_tls, run: Some(31), offer: offers.port, faults: faults.clone() };
            servers.push(tokio::spawn(imapd::serve(context.clone(), listener, endpoint, signal.clone())));
        }
        Self { dir, store, journal, lab, per, clear: ports[0], tls: ports[1], shutdown, servers }
    }

    /// Puts a message into a folder of the PER mailbox.
    pub(crate) async fn deliver(&self, folder: &str, message: &[u8]) -> u32 {
        self.deliver_by(&self.store, folder, message).await
    }

    /// The same through another store on the same database, as another process does.
    pub(crate) async fn deliver_by(&self, store: &MailStore, folder: &str, message: &[u8]) -> u32 {
        let folder = store.folder(self.per, folder).await.unwrap().unwrap();
        let mut body = store.body();
        body.push(message).await.unwrap();
        let mut unit = db::Unit::new();
        let delivery = Delivery {
            body: body.finish(),
            trace: Bytes::from_static(b"Return-Path: <x@y>\r\n"),
            folders: vec![folder.id],
            flags: Flags::default(),
            internal_date: "2026-11-23T10:00:00Z".parse().unwrap(),
        };
        let ticket = store.deliver_into(&mut unit, delivery);
        store.db().commit(unit).await.unwrap().take(ticket).uids[0]
    }

    pub(crate) fn ca(&self) -> String {
        self.dir.path().join("ca.pem").to_str().unwrap().to_owned()
    }

    pub(crate) fn certificate(&self, identity: &str) -> Issued {
        self.lab.issue_auth_cli(identity, "Cabinet de test").unwrap()
    }

    /// A client in clear.
    pub(crate) async fn clear(&self) -> Client {
        let mut client = Client::over(TcpStream::connect(("127.0.0.1", self.clear)).await.unwrap());
        assert!(client.line().await.starts_with("* OK [CAPABILITY IMAP4rev"));
        client
    }

    /// A client under TLS from the first octet.
    pub(crate) async fn tls(&self, certificate: Option<&Issued>) -> Client {
        let tcp = TcpStream::connect(("127.0.0.1", self.tls)).await.unwrap();
        let mut client = Client::over(self.handshake(tcp, certificate).await.unwrap());
        assert!(client.line().await.starts_with("* OK [CAPABILITY IMAP4rev"));
        client
    }

    pub(crate) async fn handshake(
        &self,
        tcp: TcpStream,
        certificate: Option<&Issued>,
    ) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let crls: Vec<Vec<u8>> = self.lab.crls().into_iter().map(|(_, der)| der).collect();
        let mut trust = ClientTrust::new(self.lab.ca_pem(), &crls).unwrap();
        if let Some(issued) = certificate {
            trust = trust.with_certificate(&issued.chain_pem, &issued.key_pem).unwrap();
        }
        let connector = tokio_rustls::TlsConnector::from(trust.config().unwrap());
        connector.connect("localhost".try_into().unwrap(), tcp).await
    }

    /// A client logged in to the PER mailbox.
    pub(crate) async fn logged_in(&self) -> Client {
        let mut client = self.tls(None).await;
        let answer = client.ask(&format!("AUTHENTICATE XOAUTH2 {}", xoauth2(PER, TOKEN))).await;
        assert!(answer.last().unwrap().contains("OK [CAPABILITY IMAP4rev"), "{answer:?}");
        client
    }

    /// A client with a folder selected.
    pub(crate) async fn selected(&self, folder: &str) -> Client {
        let mut client = self.logged_in().await;
        assert!(client.ask(&format!("SELECT {folder}")).await.last().unwrap().contains("OK [READ-WRITE]"));
        client
    }

    /// What the journal says of faults, in order: point, what was done, how often.
    pub(crate) async fn faults(&self) -> Vec<(String, String, u32)> {
        let facts = self.events().await.into_iter().map(|event| event.fact);
        facts
            .filter_map(|fact| match fact {
                Fact::Fault { point, what, nth, .. } => Some((point, what, nth)),
                _ => None,
            })
            .collect()
    }

    pub(crate) async fn events(&self) -> Vec<Event> {
        self.journal.barrier().await.unwrap();
        self.journal.events(&Query::default()).await.unwrap()
    }

    pub(crate) async fn auths(&self) -> Vec<AuthFacts> {
        let facts = self.events().await.into_iter().map(|event| event.fact);
        facts.filter_map(|fact| if let Fact::Auth { auth } = fact { Some(auth) } else { None }).collect()
    }

    /// Waits until the journal holds a fact.
    pub(crate) async fn fact(&self, wanted: impl Fn(&Fact) -> bool) -> Fact {
        for _ in 0..200 {
            if let Some(event) = self.events().await.into_iter().find(|event| wanted(&event.fact)) {
                return event.fact;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no such fact in {:#?}", self.events().await);
    }

    pub(crate) async fn violation(&self, part: &str) {
        self.fact(|fact| matches!(fact, Fact::Violation { what } if what.contains(part))).await;
    }

    pub(crate) async fn closed(&self, part: &str) {
        self.fact(|fact| matches!(fact, Fact::Closed { reason } if reason.contains(part))).await;
    }
}

/// The one server of the TLS lab that needs no certificate of its own.
fn tls_faults(healthy: tls::Acceptor) -> imapd::TlsFaults {
    Arc::new(move |name| (name == "tls-1.1-only").then(|| healthy.limited_to_tls_1_1()))
}

/// A lab in `dir`. Its keys are made once for all tests, because RSA keys take seconds.
fn lab(dir: &Path, names: &LabNames, clock: &Clock) -> Lab {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("imapd-lab");
    if !kept.is_dir() {
        let made = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Lab::open(made.path(), names, clock).unwrap();
        // Another test may have been quicker.
        let _ = std::fs::rename(made.path(), &kept);
    }
    std::fs::create_dir(dir).unwrap();
    for file in std::fs::read_dir(&kept).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), dir.join(file.file_name())).unwrap();
    }
    Lab::open(dir, names, clock).unwrap()
}

pub(crate) fn xoauth2(user: &str, token: &str) -> String {
    sasl::xoauth2_response(user, &Secret::new(token.to_owned())).reveal().clone()
}

/// What the ports offer, what the PER mailbox offers, and what its owner may do with it.
#[derive(Clone, Copy)]
pub(crate) struct Offers {
    pub(crate) port: Offer,
    pub(crate) mailbox: Offer,
    pub(crate) rights: Rights,
}

impl Default for Offers {
    fn default() -> Self {
        Self { port: Offer::default(), mailbox: Offer::default(), rights: Rights::ALL }
    }
}

/// Two mailboxes: one opened by a token, one by a certificate.
struct Door {
    per: i64,
    app: i64,
    offers: Offers,
}

impl Door {
    fn judge(&self, attempt: Attempt) -> Result<Granted, Refusal> {
        match attempt.credentials {
            Credentials::Xoauth2 { user, token } => match token.reveal().as_str() {
                TOKEN if user == PER => Ok(Granted {
                    mailbox: user,
                    identity: "899700000018".into(),
                    account: self.per,
                    offer: self.offers.mailbox,
                    rights: self.offers.rights,
                }),
                TOKEN => {
                    Err(Refusal::new(RefusalCode::WrongIdentity, "this mailbox belongs to somebody else"))
                }
                EXPIRED => Err(Refusal::new(RefusalCode::TokenExpired, "the token is out of date")),
                _ => Err(Refusal::new(RefusalCode::TokenMalformed, "this is no token")),
            },
            Credentials::External { authzid } => match attempt.certificate {
                None => Err(Refusal::new(RefusalCode::NoCertificate, "no client certificate was presented")),
                Some(facts) if facts.common_name == "163254178" && (authzid.is_empty() || authzid == APP) => {
                    Ok(Granted {
                        mailbox: APP.into(),
                        identity: facts.common_name,
                        account: self.app,
                        offer: Offer::default(),
                        rights: Rights::ALL,
                    })
                }
                Some(_) => Err(Refusal::new(RefusalCode::WrongCertificate, "not this mailbox's certificate")),
            },
        }
    }
}

impl Authenticator for Door {
    fn authenticate<'a>(
        &'a self,
        attempt: Attempt,
    ) -> Pin<Box<dyn Future<Output = Result<Granted, Refusal>> + Send + 'a>> {
        Box::pin(async move { self.judge(attempt) })
    }

    fn token_facts(&self, credentials: &Credentials) -> Option<TokenFacts> {
        let Credentials::Xoauth2 { token, .. } = credentials else { return None };
        Some(TokenFacts {
            sha256: token.fingerprint(),
            claimed_jti: Some("abc-123".into()),
            claimed_identity: None,
        })
    }

    fn offer_of(&self, credentials: &Credentials) -> Option<Offer> {
        (credentials.user() == PER).then_some(self.offers.mailbox)
    }

    fn mechanisms(&self, certificate: Option<&CertificateFacts>, offer: &Offer) -> Vec<Mechanism> {
        let external = certificate.map(|_| Mechanism::External);
        let bearer = offer.oauthbearer.then_some(Mechanism::OauthBearer);
        external.into_iter().chain([Mechanism::Xoauth2]).chain(bearer).collect()
    }
}

pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// A client that sends what it is told.
pub(crate) struct Client {
    pub(crate) stream: Box<dyn Wire>,
    buffer: Vec<u8>,
    tag: u32,
    blind: bool,
}

impl Client {
    pub(crate) fn over(stream: impl Wire + 'static) -> Self {
        Self { stream: Box::new(stream), buffer: Vec::new(), tag: 0, blind: true }
    }

    /// Sees what is recent. Else RECENT lines and `\Recent` are left out of all that is read by lines.
    pub(crate) fn seeing(mut self) -> Self {
        self.blind = false;
        self
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// One line, without its CR LF. Panics at the end of the connection, and after five seconds.
    pub(crate) async fn line(&mut self) -> String {
        self.line_or_end().await.expect("the server closed the connection")
    }

    pub(crate) async fn line_or_end(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).take(end).collect();
                let line = String::from_utf8_lossy(&line).into_owned();
                if !self.blind {
                    return Some(line);
                }
                if line.starts_with("* ") && line.ends_with(" RECENT") {
                    continue;
                }
                return Some(line.replace("\\Recent ", "").replace("(\\Recent)", "()"));
            }
            let mut chunk = vec![0; 65_536];
            let read = timeout(Duration::from_secs(30), self.stream.read(&mut chunk))
                .await
                .expect("an answer in time");
            match read {
                Ok(0) | Err(_) => return None,
                Ok(read) => self.buffer.extend_from_slice(&chunk[..read]),
            }
        }
    }

    /// The next `count` octets, in the pieces in which they come; none is kept.
    pub(crate) async fn octets(&mut self, count: usize, mut take: impl FnMut(&[u8])) {
        let at_hand = self.buffer.len().min(count);
        take(&self.buffer[..at_hand]);
        self.buffer.drain(..at_hand);
        let mut left = count - at_hand;
        let mut chunk = vec![0; 65_536];
        while left > 0 {
            let most = left.min(chunk.len());
            let read = timeout(Duration::from_secs(30), self.stream.read(&mut chunk[..most])).await;
            let read = read.expect("octets in time").expect("octets");
            assert!(read > 0, "the server closed the connection");
            take(&chunk[..read]);
            left -= read;
        }
    }

    /// All lines up to and with the one that starts with `tag`.
    pub(crate) async fn until(&mut self, tag: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            let last = line.starts_with(&format!("{tag} "));
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    /// Sends a command, and returns all that is said up to its end.
    pub(crate) async fn ask(&mut self, command: &str) -> Vec<String> {
        self.tag += 1;
        let tag = format!("t{}", self.tag);
        self.send(format!("{tag} {command}\r\n")).await;
        self.until(&tag).await
    }

    /// The same, as one text, which must have gone well.
    pub(crate) async fn ok(&mut self, command: &str) -> String {
        let lines = self.ask(command).await;
        assert!(lines.last().unwrap().contains(" OK "), "{command}: {lines:?}");
        lines.join("\n")
    }

    /// Octets that come next; `None` when the server has closed.
    pub(crate) async fn tail(&mut self) -> Option<usize> {
        if !self.buffer.is_empty() {
            return Some(std::mem::take(&mut self.buffer).len());
        }
        let mut chunk = vec![0; 65_536];
        let read =
            timeout(Duration::from_secs(30), self.stream.read(&mut chunk)).await.expect("octets in time");
        read.ok().filter(|read| *read > 0)
    }

    /// Everything until the server closes.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.line_or_end().await {
            lines.push(line);
        }
        lines
    }
}
