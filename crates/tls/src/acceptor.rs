use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use kernel::Clock;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    ConfigBuilder, DigitallySignedStruct, DistinguishedName, PeerIncompatible, RootCertStore, ServerConfig,
    SignatureScheme, WantsVerifier,
};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::{CertificateFacts, ClientHelloFacts, Fact, TlsFacts};

use crate::hello::{Assembler, Unreadable};
use crate::old::{self, Offer};
use crate::policy::{self, HouseTime};
use crate::stream::Replay;
use crate::{Error, Refusal, Stream, explain, facts};

/// How long a refused client has to read its alert before the connection is torn down.
const LINGER: Duration = Duration::from_millis(500);
/// Fatal `decode_error`, for a ClientHello that cannot be read (RFC 8446 §6.2).
const DECODE_ERROR: [u8; 7] = [21, 3, 3, 0, 2, 2, 50];
/// Fatal `protocol_version`, in a record that a TLS 1.0 or 1.1 client understands.
const PROTOCOL_VERSION: [u8; 7] = [21, 3, 1, 0, 2, 2, 70];
/// Fatal `handshake_failure` of a TLS 1.1 server.
const HANDSHAKE_FAILURE: [u8; 7] = [21, 3, 2, 0, 2, 2, 40];
/// The extension of RFC 5746.
const RENEGOTIATION_INFO: u16 = 0xff01;

/// Server side of a handshake. The configuration behind it can be swapped (CRL refresh) without a restart; all
/// clones see the swap at their next handshake.
#[derive(Clone)]
pub struct Acceptor {
    live: Arc<RwLock<Arc<Live>>>,
    /// Plays a server that knows TLS 1.1 only.
    old: bool,
}

impl Acceptor {
    pub(crate) fn new(live: Live) -> Self {
        Self { live: Arc::new(RwLock::new(Arc::new(live))), old: false }
    }

    /// An acceptor that answers each ClientHello as a server limited to TLS 1.1 would, with the same certificate, and
    /// watches whether the client takes it (SC.MSS/CONF.01). No handshake ever succeeds: [`Self::accept`] states
    /// [`Fact::ClientHello`], a [`Fact::Note`] of [`wire::old_tls::OFFERED`], and a [`Fact::TlsFailed`] whose reason
    /// begins with one of the prefixes of [`wire::old_tls`]; it takes 4 s at most once the hello is there.
    pub fn limited_to_tls_1_1(&self) -> Self {
        Self { live: Arc::clone(&self.live), old: true }
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
        if self.old {
            record(Fact::Note { text: wire::old_tls::OFFERED.to_owned() });
            let offer = Offer { hello: &hello, renegotiation_info: assembler.offers(RENEGOTIATION_INFO) };
            let reason = old::play(&mut tcp, offer, &self.live().key.cert).await;
            record(Fact::TlsFailed { reason: reason.clone(), certificate: None });
            refuse(tcp, HANDSHAKE_FAILURE).await;
            return Err(Error::Handshake(reason));
        }
        if let Some(reason) = too_old(&hello) {
            // Said here and not by rustls, which looks at the suites and extensions of an old client first.
            record(Fact::TlsFailed { reason: reason.clone(), certificate: None });
            refuse(tcp, PROTOCOL_VERSION).await;
            return Err(Error::Handshake(reason));
        }

        let live = self.live();
        let witness = Arc::new(Witness { policy: Arc::clone(&live.policy), seen: Mutex::new(None) });
        let config = live.mail_config(Arc::clone(&witness))?;
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

    /// The rustls configuration for an HTTPS server (PSC), no client certificate asked, ALPN `http/1.1`.
    pub fn https(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.live().https)
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
        let mut https = builder(clock)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&key))));
        https.alpn_protocols = vec![b"http/1.1".to_vec()];
        never_resume(&mut https);
        Ok(Self { policy, key, https: Arc::new(https), clock: clock.clone(), crls })
    }

    /// A configuration for one connection: cheap, and the only way to know which certificate *this* client showed
    /// when the handshake fails.
    fn mail_config(&self, witness: Arc<Witness>) -> Result<ServerConfig, Error> {
        let mut config = builder(&self.clock)?
            .with_client_cert_verifier(witness)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&self.key))));
        never_resume(&mut config);
        Ok(config)
    }

    pub(crate) fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }
}

fn builder(clock: &Clock) -> Result<ConfigBuilder<ServerConfig, WantsVerifier>, Error> {
    ServerConfig::builder_with_details(policy::provider(), Arc::new(HouseTime(clock.clone())))
        .with_protocol_versions(policy::VERSIONS)
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

/// Judges client certificates: webpki with the lab's root and CRLs, then the rules of the trust space.
#[derive(Debug)]
struct ClientPolicy {
    webpki: Arc<dyn ClientCertVerifier>,
    organisations: CertificateDer<'static>,
    organisations_name: Vec<u8>,
}

impl ClientPolicy {
    fn new(
        root: &CertificateDer<'static>,
        organisations: &CertificateDer<'static>,
        crls: &[Vec<u8>],
    ) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(root.clone()).map_err(|error| Error::Input(error.to_string()))?;
        let organisations_name = facts::parse(organisations)?.subject().as_raw().to_vec();
        let webpki = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), policy::provider())
            .with_crls(crls.iter().map(|crl| CertificateRevocationListDer::from(crl.clone())))
            .enforce_revocation_expiration()
            .allow_unauthenticated()
            // Java and Windows pick a certificate by the issuers that the server names: name the direct one too.
            .add_root_hint_subjects([DistinguishedName::from(organisations_name.clone())])
            .build()
            .map_err(|error| Error::Input(error.to_string()))?;
        Ok(Self { webpki, organisations: organisations.clone(), organisations_name })
    }

    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let mut chain: Vec<CertificateDer<'_>> = intermediates.to_vec();
        if !chain.contains(&self.organisations) {
            chain.push(self.organisations.clone()); // clients often send their leaf alone
        }
        let verified = self.webpki.verify_client_cert(leaf, &chain, now)?;
        let bad = |_| rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding);
        let certificate = facts::parse(leaf).map_err(bad)?;
        if certificate.issuer().as_raw() != self.organisations_name.as_slice() {
            return Err(Refusal::WrongAuthority { issuer: facts::common_name(certificate.issuer()) }.into());
        }
        match certificate.extended_key_usage() {
            Ok(Some(usage)) if usage.value.client_auth => Ok(verified),
            _ => Err(Refusal::MissingUsage {
                subject: facts::common_name(certificate.subject()),
                usage: "client authentication",
            }
            .into()),
        }
    }
}

/// The verifier of one connection: remembers the certificate that was shown, whatever comes of it.
#[derive(Debug)]
struct Witness {
    policy: Arc<ClientPolicy>,
    seen: Mutex<Option<CertificateFacts>>,
}

impl Witness {
    fn seen(&self) -> Option<CertificateFacts> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientCertVerifier for Witness {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.policy.webpki.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = facts::certificate_facts(end_entity).ok();
        self.policy.verify(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.policy.webpki.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.policy.webpki.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.policy.webpki.supported_verify_schemes()
    }
}
