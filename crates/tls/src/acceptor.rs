#[path = "https.rs"]
mod https;

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use kernel::Clock;
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    ConfigBuilder, DistinguishedName, PeerIncompatible, ServerConfig, SupportedProtocolVersion, WantsVerifier,
};
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::{ClientHelloFacts, Fact, TlsFacts};

use crate::canned::{self, Offer, Script};
use crate::hello::{Assembler, Unreadable};
use crate::policy::{self, HouseTime};
use crate::stream::Replay;
use crate::visitor::{ClientCertificates, ClientPolicy, Witness};
use crate::{Error, Stream, explain, facts};

/// How long a refused client has to read its alert before the connection is torn down.
const LINGER: Duration = Duration::from_millis(500);
/// Fatal `decode_error`, for a ClientHello that cannot be read (RFC 8446 §6.2).
const DECODE_ERROR: [u8; 7] = [21, 3, 3, 0, 2, 2, 50];
/// Fatal `protocol_version`, in a record that a TLS 1.0 or 1.1 client understands.
const PROTOCOL_VERSION: [u8; 7] = [21, 3, 1, 0, 2, 2, 70];
/// The extension of RFC 5746.
const RENEGOTIATION_INFO: u16 = 0xff01;

/// Server side of a handshake. The configuration behind it can be swapped (CRL refresh) without a restart; all
/// clones see the swap at their next handshake.
#[derive(Clone)]
pub struct Acceptor {
    live: Arc<RwLock<Arc<Live>>>,
    asks: ClientCertificates,
    /// What is shown instead of the healthy server.
    fault: Option<Arc<Fault>>,
}

/// What a server shows that misbehaves on purpose.
pub(crate) struct Fault {
    /// Stated right after the ClientHello.
    pub(crate) notes: Vec<String>,
    /// Certificate and key in place of the healthy ones.
    pub(crate) key: Option<Arc<CertifiedKey>>,
    /// The versions that are negotiated.
    pub(crate) versions: &'static [&'static SupportedProtocolVersion],
    /// Who judges client certificates, where it is not the healthy policy.
    pub(crate) policy: Option<Arc<ClientPolicy>>,
    /// The authorities named to clients, where they are not those of the policy.
    pub(crate) hints: Option<Arc<[DistinguishedName]>>,
    /// A server that no TLS library can be, played by hand instead of any handshake.
    pub(crate) script: Option<&'static Script>,
}

impl Fault {
    pub(crate) fn new(notes: Vec<String>) -> Self {
        Self { notes, key: None, versions: policy::VERSIONS, policy: None, hints: None, script: None }
    }
}

impl Acceptor {
    pub(crate) fn new(live: Live) -> Self {
        Self { live: Arc::new(RwLock::new(Arc::new(live))), asks: ClientCertificates::default(), fault: None }
    }

    /// An acceptor that answers each ClientHello as a server limited to TLS 1.1 would, with the same certificate, and
    /// watches whether the client takes it (SC.MSS/CONF.01). No handshake ever succeeds: [`Self::accept`] states
    /// [`Fact::ClientHello`], a [`Fact::Note`] of [`wire::old_tls::OFFERED`], and a [`Fact::TlsFailed`] whose reason
    /// begins with one of the prefixes of [`wire::old_tls`]; it takes 4 s at most once the hello is there.
    pub fn limited_to_tls_1_1(&self) -> Self {
        let mut fault = Fault::new(vec![wire::old_tls::OFFERED.to_owned()]);
        fault.script = Some(&canned::TLS_1_1);
        self.with_fault(fault)
    }

    /// The same acceptor with another way to ask for client certificates. Those that are shown are judged as ever.
    pub fn with_client_certificates(&self, asks: ClientCertificates) -> Self {
        Self { asks, ..self.clone() }
    }

    /// The same acceptor with a fault: CRLs stay those of the healthy one, whatever becomes of them.
    pub(crate) fn with_fault(&self, fault: Fault) -> Self {
        Self { fault: Some(Arc::new(fault)), ..self.clone() }
    }

    /// Reads the raw ClientHello (recorded as a fact, even when the handshake then fails), shakes hands, and states
    /// [`Fact::TlsEstablished`] or [`Fact::TlsFailed`] through `record`. Client certificates are asked for, not
    /// required; one that does not verify (foreign, expired, revoked, not issued by Élémentaire Organisations, not
    /// meant for client authentication) ends the handshake.
    ///
    /// `stream` must be plain, and nothing that the client sent after its request for TLS may have been read from it.
    /// Time is the caller's to limit: a future that is dropped closes the connection and states no further fact.
    ///
    /// In TLS 1.3 a client believes to be connected before its certificate is judged: after a refusal it may see its
    /// first read fail, not its handshake. This method returns only once the certificate *is* judged.
    ///
    /// # Errors
    /// [`Error::Hello`] where no ClientHello came, [`Error::Handshake`] where the handshake failed; the connection is
    /// closed then, after an alert where one can be understood.
    pub async fn accept(
        &self,
        stream: Stream,
        record: &mut (dyn FnMut(Fact) + Send),
    ) -> Result<(Stream, TlsFacts), Error> {
        let Some(mut tcp) = stream.into_tcp() else {
            return Err(Error::Input(String::from("TLS is already up on this connection")));
        };
        let (hello, assembler) = match read_hello(&mut tcp).await {
            Ok(read) => read,
            Err(NoHello { reason, alert }) => {
                record(Fact::TlsFailed { reason: reason.clone(), certificate: None });
                if alert {
                    refuse(tcp, DECODE_ERROR).await;
                }
                return Err(Error::Hello(reason));
            }
        };
        record(Fact::ClientHello { hello: hello.clone() });
        let live = self.live();
        let key = self.key(&live);
        let fault = self.fault.as_deref();
        for note in fault.iter().flat_map(|fault| &fault.notes) {
            record(Fact::Note { text: note.clone() });
        }
        if let Some(script) = fault.and_then(|fault| fault.script) {
            let offer = Offer {
                hello: &hello,
                client_random: assembler.client_random(),
                renegotiation_info: assembler.offers(RENEGOTIATION_INFO),
            };
            let reason = canned::play(script, &mut tcp, offer, &key).await;
            record(Fact::TlsFailed { reason: reason.clone(), certificate: None });
            refuse(tcp, script.handshake_failure()).await;
            return Err(Error::Handshake(reason));
        }
        if let Some(reason) = too_old(&hello) {
            // Said here and not by rustls, which looks at the suites and extensions of an old client first.
            record(Fact::TlsFailed { reason: reason.clone(), certificate: None });
            refuse(tcp, PROTOCOL_VERSION).await;
            return Err(Error::Handshake(reason));
        }

        let policy = fault.and_then(|fault| fault.policy.clone());
        let witness = Arc::new(Witness::new(
            policy.unwrap_or_else(|| Arc::clone(&live.policy)),
            self.asks,
            fault.and_then(|fault| fault.hints.clone()),
        ));
        let versions = fault.map_or(policy::VERSIONS, |fault| fault.versions);
        let config = mail_config(&live.clock, versions, Arc::clone(&witness), key)?;
        let handshake = tokio_rustls::TlsAcceptor::from(Arc::new(config))
            .accept(Replay::new(assembler.into_raw(), tcp))
            .into_fallible();
        match handshake.await {
            Ok(session) => {
                let tls = established(session.get_ref().1, hello.sni.clone());
                record(Fact::TlsEstablished { tls: tls.clone() });
                Ok((Stream::tls(session), tls))
            }
            Err((error, io)) => {
                let reason = failure_reason(&error, &hello);
                record(Fact::TlsFailed { reason: reason.clone(), certificate: witness.seen() });
                linger(io).await;
                Err(Error::Handshake(reason))
            }
        }
    }

    /// The rustls configuration for an HTTPS server (PSC), no client certificate asked, ALPN `http/1.1`. It has the
    /// certificate and the versions of a fault; one that is played by hand leaves HTTPS healthy.
    pub fn https(&self) -> Arc<ServerConfig> {
        let live = self.live();
        match self.fault.as_deref().filter(|fault| fault.script.is_none()) {
            Some(fault) => https_config(&live.clock, fault.versions, self.key(&live))
                .expect("the provider has suites of TLS 1.2 and of 1.3"),
            None => Arc::clone(&live.https),
        }
    }

    fn key(&self, live: &Live) -> Arc<CertifiedKey> {
        let own = self.fault.as_ref().and_then(|fault| fault.key.clone());
        own.unwrap_or_else(|| live.key())
    }

    pub(crate) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn swap(&self, live: Live) {
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
    }
}

/// One generation of the server's configuration.
pub(crate) struct Live {
    policy: Arc<ClientPolicy>,
    key: Arc<CertifiedKey>,
    https: Arc<ServerConfig>,
    clock: Clock,
    /// The CRLs of this generation, as published: of the root, of Organisations.
    pub(crate) crls: [Vec<u8>; 2],
}

impl Live {
    pub(crate) fn new(
        root: &CertificateDer<'static>,
        organisations: &CertificateDer<'static>,
        key: Arc<CertifiedKey>,
        crls: [Vec<u8>; 2],
        clock: &Clock,
    ) -> Result<Self, Error> {
        let policy = Arc::new(ClientPolicy::new(root, organisations, &crls)?);
        let https = https_config(clock, policy::VERSIONS, Arc::clone(&key))?;
        Ok(Self { policy, key, https, clock: clock.clone(), crls })
    }

    pub(crate) fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }
}

/// A configuration for one connection: cheap, and the only way to know which certificate *this* client showed
/// when the handshake fails.
fn mail_config(
    clock: &Clock,
    versions: &[&'static SupportedProtocolVersion],
    witness: Arc<Witness>,
    key: Arc<CertifiedKey>,
) -> Result<ServerConfig, Error> {
    let mut config = builder(clock, versions)?
        .with_client_cert_verifier(witness)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    never_resume(&mut config);
    Ok(config)
}

fn https_config(
    clock: &Clock,
    versions: &[&'static SupportedProtocolVersion],
    key: Arc<CertifiedKey>,
) -> Result<Arc<ServerConfig>, Error> {
    let mut config = builder(clock, versions)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    never_resume(&mut config);
    Ok(Arc::new(config))
}

fn builder(
    clock: &Clock,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ConfigBuilder<ServerConfig, WantsVerifier>, Error> {
    ServerConfig::builder_with_details(policy::provider(), Arc::new(HouseTime(clock.clone())))
        .with_protocol_versions(versions)
        .map_err(|error| Error::Input(error.to_string()))
}

fn never_resume(config: &mut ServerConfig) {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
}

struct NoHello {
    reason: String,
    alert: bool,
}

async fn read_hello(tcp: &mut TcpStream) -> Result<(ClientHelloFacts, Assembler), NoHello> {
    let mut assembler = Assembler::default();
    let mut chunk = [0; 2_048];
    loop {
        let count = match tcp.read(&mut chunk).await {
            Ok(0) if assembler.is_empty() => {
                return Err(silent("the client closed the connection before its ClientHello"));
            }
            Ok(0) => return Err(silent("the client closed the connection in the middle of its ClientHello")),
            Ok(count) => count,
            Err(error) => {
                return Err(NoHello {
                    reason: format!("the connection failed before the ClientHello: {error}"),
                    alert: false,
                });
            }
        };
        match assembler.push(&chunk[..count]) {
            Ok(Some(hello)) => return Ok((hello, assembler)),
            Ok(None) => {}
            Err(unreadable) => {
                let alert = matches!(unreadable, Unreadable::Malformed(_));
                return Err(NoHello { reason: unreadable.reason().to_owned(), alert });
            }
        }
    }
}

fn silent(reason: &str) -> NoHello {
    NoHello { reason: reason.to_owned(), alert: false }
}

fn too_old(hello: &ClientHelloFacts) -> Option<String> {
    let newest = hello.versions.iter().max().copied().unwrap_or(hello.legacy_version);
    (newest < 0x0303).then(|| {
        format!(
            "the client offers {} at most: TLS 1.2 is the oldest version that is allowed (SC.MSS/CONF.01)",
            policy::version_name(newest)
        )
    })
}

async fn refuse(mut tcp: TcpStream, alert: [u8; 7]) {
    if tcp.write_all(&alert).await.is_ok() {
        linger(Replay::new(Vec::new(), tcp)).await;
    }
}

/// Closes so that the alert arrives: a socket closed with unread bytes is reset, and the reset overtakes the alert.
async fn linger(mut io: Replay) {
    let farewell = async {
        let _ = io.shutdown().await;
        let mut scratch = [0; 512];
        while matches!(io.read(&mut scratch).await, Ok(count) if count > 0) {}
    };
    let _ = tokio::time::timeout(LINGER, farewell).await;
}

fn established(session: &rustls::ServerConnection, sni: Option<String>) -> TlsFacts {
    let version = session.protocol_version().map_or(0, u16::from);
    let certificate = session
        .peer_certificates()
        .and_then(|chain| chain.first())
        .and_then(|leaf| facts::certificate_facts(leaf).ok());
    TlsFacts {
        version: policy::version_name(version),
        suite: session
            .negotiated_cipher_suite()
            .map_or_else(String::new, |suite| policy::suite_name(suite.suite())),
        sni,
        certificate,
    }
}

fn failure_reason(error: &io::Error, hello: &ClientHelloFacts) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        // rustls may name what such a client lacks besides (groups, extensions): the suites are the cause.
        Some(rustls::Error::PeerIncompatible(_))
            if !hello.suites.iter().any(|suite| policy::SUITES.contains(suite)) =>
        {
            explain(&PeerIncompatible::NoCipherSuitesInCommon.into())
        }
        Some(error) => explain(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            String::from("the client closed the connection during the handshake, without an alert")
        }
        None => format!("the connection failed during the handshake: {error}"),
    }
}
