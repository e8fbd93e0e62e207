//! HTTPS that asks for a client certificate without demanding one (RFC 8705: `tls_client_auth`).

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::ResolvesServerCert;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::{Acceptor, Live, builder, never_resume};
use crate::visitor::{ClientCertificates, Witness};
use crate::{Error, policy};

impl Acceptor {
    /// The rustls configuration for an HTTPS server that recognises clients by their certificate: one is asked for, not
    /// required, and judged as on the mail servers (lab's authority, Élémentaire Organisations, client authentication,
    /// not revoked). One that does not verify ends the handshake. ALPN `http/1.1`.
    ///
    /// Unlike [`Acceptor::https`], it follows later refreshes of the revocation lists: made once, it serves for ever. On an
    /// acceptor with a fault it shows the fault's certificate and versions.
    ///
    /// # Errors
    /// [`Error::Input`] when the configuration cannot be built.
    pub fn https_with_clients(&self) -> Result<Arc<ServerConfig>, Error> {
        let live = self.live();
        let hints = judge(&live).root_hint_subjects().to_vec();
        let latest = Arc::new(Latest { acceptor: self.clone(), hints });
        let versions = self.fault.as_deref().map_or(policy::VERSIONS, |fault| fault.versions);
        let mut config = builder(&live.clock, versions)?
            .with_client_cert_verifier(latest.clone())
            .with_cert_resolver(latest);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        never_resume(&mut config);
        Ok(Arc::new(config))
    }
}

/// The generation in use at each handshake.
struct Latest {
    acceptor: Acceptor,
    hints: Vec<DistinguishedName>,
}

fn judge(live: &Live) -> Witness {
    Witness::new(Arc::clone(&live.policy), ClientCertificates::Optional, None)
}

impl Latest {
    fn judge(&self) -> Witness {
        judge(&self.acceptor.live())
    }
}

impl std::fmt::Debug for Latest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Latest")
    }
}

impl ResolvesServerCert for Latest {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.acceptor.key(&self.acceptor.live()))
    }
}

impl ClientCertVerifier for Latest {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.judge().verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge().verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge().verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge().supported_verify_schemes()
    }
}
