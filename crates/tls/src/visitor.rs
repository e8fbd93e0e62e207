//! Who may come in: client certificates, asked for and judged.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use wire::CertificateFacts;

use crate::{Error, Refusal, facts, policy};

/// Whether a server asks its clients for a certificate (SC.MSS/CONF.12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Asked for; a client without one comes in all the same, and logs in by other means.
    #[default]
    Optional,
    /// Asked for; a client without one is refused with the alert `certificate_required`, of which a client of TLS 1.3
    /// only hears at its first read.
    Required,
    /// Never asked for.
    NotAsked,
}

/// Judges client certificates: webpki with the lab's root and CRLs, then the rules of the trust space.
#[derive(Debug)]
pub(crate) struct ClientPolicy {
    webpki: Arc<dyn ClientCertVerifier>,
    organisations: CertificateDer<'static>,
    organisations_name: Vec<u8>,
}

impl ClientPolicy {
    pub(crate) fn new(
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
pub(crate) struct Witness {
    policy: Arc<ClientPolicy>,
    asks: ClientCertificates,
    /// The authorities that are named to the client, where they are not those of the policy.
    hints: Option<Arc<[DistinguishedName]>>,
    seen: Mutex<Option<CertificateFacts>>,
}

impl Witness {
    pub(crate) fn new(
        policy: Arc<ClientPolicy>,
        asks: ClientCertificates,
        hints: Option<Arc<[DistinguishedName]>>,
    ) -> Self {
        Self { policy, asks, hints, seen: Mutex::new(None) }
    }

    pub(crate) fn seen(&self) -> Option<CertificateFacts> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientCertVerifier for Witness {
    fn client_auth_mandatory(&self) -> bool {
        self.asks == ClientCertificates::Required
    }

    fn offer_client_auth(&self) -> bool {
        self.asks != ClientCertificates::NotAsked
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        match &self.hints {
            Some(hints) => hints,
            None => self.policy.webpki.root_hint_subjects(),
        }
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
