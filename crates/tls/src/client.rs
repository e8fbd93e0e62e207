use std::sync::Arc;

use kernel::{Clock, Secret, Timestamp};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::policy::{self, HouseTime};
use crate::{Error, Refusal, explain, facts};

/// What the `CN` of a server certificate's issuer must contain (SC.MSS/CONF.27); prefixes and suffixes (`AC IGC-SANTE`,
/// `TEST`, `LAB`) depend on the environment, and the anchors given decide which environment is trusted.
const ORGANISATIONS: &str = "ELEMENTAIRE ORGANISATIONS";
/// Longest chain that is walked to name a missing CRL.
const DEEPEST: usize = 8;

/// What an MSSanté client trusts and presents (SC.MSS/CONF.01, .03, .22, .27).
pub struct ClientTrust {
    anchors: RootCertStore,
    helpers: Vec<CertificateDer<'static>>,
    crls: Vec<Crl>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    clock: Clock,
}

impl ClientTrust {
    /// Anchors (PEM bundle: self-signed certificates are anchors, others help to build chains) and CRLs (DER). No
    /// other anchor is ever consulted. Of several CRLs of one authority the newest counts.
    ///
    /// # Errors
    /// [`Error::Input`] where the bundle has a broken certificate or no anchor, or where a CRL is none or of a kind that
    /// cannot be used (version 1, delta, indirect).
    pub fn new(ca_pem: &str, crls: &[Vec<u8>]) -> Result<Self, Error> {
        let mut anchors = RootCertStore::empty();
        let mut helpers = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
            let certificate =
                certificate.map_err(|error| Error::Input(format!("the bundle of authorities: {error}")))?;
            let parsed = facts::parse(&certificate)?;
            if parsed.subject().as_raw() == parsed.issuer().as_raw() {
                anchors.add(certificate).map_err(|error| {
                    Error::Input(format!(
                        "the bundle of authorities has an anchor that cannot be used: {error}"
                    ))
                })?;
            } else {
                helpers.push(certificate);
            }
        }
        if anchors.is_empty() {
            return Err(Error::Input(String::from(
                "the bundle of authorities holds no self-signed certificate: give the root of IGC-Santé (or of the lab) in PEM",
            )));
        }
        let mut newest: Vec<Crl> = Vec::new();
        for crl in crls {
            let crl = Crl::read(crl)?;
            match newest.iter_mut().find(|other| other.issuer == crl.issuer) {
                Some(other) if other.rank() < crl.rank() => *other = crl,
                Some(_) => {}
                None => newest.push(crl),
            }
        }
        Ok(Self { anchors, helpers, crls: newest, identity: None, clock: Clock::system() })
    }

    /// With a client certificate (chain and key PEM).
    ///
    /// # Errors
    /// [`Error::Input`] where either is not PEM. Whether they belong together is seen by [`Self::config`].
    pub fn with_certificate(mut self, chain_pem: &str, key_pem: &Secret<String>) -> Result<Self, Error> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain_pem.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| Error::Input(format!("the client certificate: {error}")))?;
        if chain.is_empty() {
            return Err(Error::Input(String::from(
                "the client certificate's file holds no certificate in PEM",
            )));
        }
        let key = PrivateKeyDer::from_pem_slice(key_pem.reveal().as_bytes()).map_err(|_| {
            Error::Input(String::from("the client certificate's key is not a private key in PEM"))
        })?;
        self.identity = Some((chain, key));
        Ok(self)
    }

    /// Judges dates by this clock instead of the machine's.
    pub fn with_clock(mut self, clock: &Clock) -> Self {
        self.clock = clock.clone();
        self
    }

    /// A rustls configuration: TLS 1.2 and 1.3, ANSSI suites, revocation of the whole chain checked and enforced
    /// (an empty CRL list refuses every server), server certificates of the Élémentaire Organisations CA only, no
    /// session resumption.
    ///
    /// # Errors
    /// [`Error::Input`] where the client key does not belong to its certificate.
    pub fn config(self) -> Result<Arc<ClientConfig>, Error> {
        let verifier = Arc::new(ServerPolicy::new(self.anchors, self.helpers, self.crls)?);
        let builder = ClientConfig::builder_with_details(policy::provider(), Arc::new(HouseTime(self.clock)))
            .with_protocol_versions(policy::VERSIONS)
            .map_err(|error| Error::Input(error.to_string()))?
            .dangerous() // rustls' word for any verifier of one's own; this one only adds refusals to webpki's
            .with_custom_certificate_verifier(verifier);
        let mut config = match self.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| Error::Input(format!("the client certificate cannot be used: {error}")))?,
        };
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }

    /// Judges a server's certificate as a handshake would, without one. The text is that of [`explain`].
    pub(crate) fn check(self, chain: &[CertificateDer<'static>], host: &str) -> Result<(), String> {
        let Some((leaf, intermediates)) = chain.split_first() else {
            return Err(String::from("there is no certificate"));
        };
        let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
        let now = HouseTime(self.clock).now();
        let policy =
            ServerPolicy::new(self.anchors, self.helpers, self.crls).map_err(|error| error.to_string())?;
        let verdict = policy.verify_server_cert(leaf, intermediates, &name, &[], now);
        verdict.map(|_| ()).map_err(|error| explain(&error))
    }
}

/// A CRL with what is needed to choose between two and to name the missing one.
struct Crl {
    der: Vec<u8>,
    issuer: Vec<u8>,
    this_update: Timestamp,
    number: Vec<u8>,
}

impl Crl {
    fn read(der: &[u8]) -> Result<Self, Error> {
        let (_, parsed) = CertificateRevocationList::from_der(der)
            .map_err(|error| Error::Input(format!("not a CRL in DER: {error}")))?;
        // Looked at now, so that the error can say which one: version 1, delta and indirect CRLs cannot be used.
        webpki::OwnedCertRevocationList::from_der(der).map_err(|error| {
            let issuer = facts::common_name(parsed.issuer());
            Error::Input(format!("the CRL of “{issuer}” cannot be used: {error}"))
        })?;
        Ok(Self {
            der: der.to_vec(),
            issuer: parsed.issuer().as_raw().to_vec(),
            this_update: facts::timestamp(&parsed.last_update()),
            number: parsed.crl_number().map(|number| number.to_bytes_be()).unwrap_or_default(),
        })
    }

    fn rank(&self) -> (Timestamp, usize, &[u8]) {
        (self.this_update, self.number.len(), &self.number)
    }
}

/// Judges server certificates: rules of the trust space, then webpki with the given anchors and CRLs.
#[derive(Debug)]
struct ServerPolicy {
    /// `None` without any CRL: rustls would then check no revocation at all.
    webpki: Option<Arc<WebPkiServerVerifier>>,
    /// The same anchors without CRLs, for the signature methods alone.
    signatures: Arc<WebPkiServerVerifier>,
    helpers: Vec<CertificateDer<'static>>,
    crl_issuers: Vec<Vec<u8>>,
}

impl ServerPolicy {
    fn new(
        anchors: RootCertStore,
        helpers: Vec<CertificateDer<'static>>,
        crls: Vec<Crl>,
    ) -> Result<Self, Error> {
        let anchors = Arc::new(anchors);
        let build = |crls: Vec<CertificateRevocationListDer<'static>>| {
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&anchors), policy::provider())
                .with_crls(crls)
                .enforce_revocation_expiration()
                .build()
                .map_err(|error| Error::Input(error.to_string()))
        };
        let crl_issuers = crls.iter().map(|crl| crl.issuer.clone()).collect();
        let ders: Vec<_> = crls.into_iter().map(|crl| CertificateRevocationListDer::from(crl.der)).collect();
        let signatures = build(Vec::new())?;
        let webpki = if ders.is_empty() { None } else { Some(build(ders)?) };
        Ok(Self { webpki, signatures, helpers, crl_issuers })
    }

    /// The first authority of the chain of which no CRL was given.
    fn missing_crl(&self, leaf: &CertificateDer<'_>, chain: &[CertificateDer<'_>]) -> Option<Refusal> {
        let mut certificate = facts::parse(leaf).ok()?;
        for _ in 0..DEEPEST {
            let issuer = certificate.issuer();
            if !self.crl_issuers.iter().any(|known| known == issuer.as_raw()) {
                return Some(Refusal::NoCrl {
                    issuer: facts::common_name(issuer),
                    url: facts::crl_url(&certificate),
                });
            }
            let parent = chain
                .iter()
                .filter_map(|der| facts::parse(der).ok())
                .find(|parent| parent.subject().as_raw() == issuer.as_raw())?;
            if parent.issuer().as_raw() == parent.subject().as_raw() {
                return None;
            }
            certificate = parent;
        }
        None
    }
}

impl ServerCertVerifier for ServerPolicy {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let leaf = facts::parse(end_entity)
            .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let issuer = facts::common_name(leaf.issuer());
        if !issuer.contains(ORGANISATIONS) {
            return Err(Refusal::WrongAuthority { issuer }.into());
        }
        let mut chain: Vec<CertificateDer<'_>> = intermediates.to_vec();
        chain.extend(self.helpers.iter().filter(|helper| !intermediates.contains(helper)).cloned());
        let Some(webpki) = &self.webpki else {
            return Err(Refusal::NoCrl { issuer, url: facts::crl_url(&leaf) }.into());
        };
        match webpki.verify_server_cert(end_entity, &chain, server_name, ocsp_response, now) {
            Ok(verified) => match leaf.extended_key_usage() {
                Ok(Some(usage)) if usage.value.server_auth => Ok(verified),
                _ => {
                    let subject = facts::common_name(leaf.subject());
                    Err(Refusal::MissingUsage { subject, usage: "server authentication" }.into())
                }
            },
            Err(rustls::Error::InvalidCertificate(CertificateError::UnknownRevocationStatus)) => {
                let unknown = CertificateError::UnknownRevocationStatus;
                Err(self.missing_crl(end_entity, &chain).map_or_else(|| unknown.into(), Into::into))
            }
            Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                Err(Refusal::UnknownAuthority { issuer }.into())
            }
            Err(other) => Err(other),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signatures.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signatures.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signatures.supported_verify_schemes()
    }
}
