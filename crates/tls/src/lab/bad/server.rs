use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, SanType, SerialNumber};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{DistinguishedName, SupportedProtocolVersion};
use rustls_pki_types::CertificateDer;
use wire::tls_fault;

use super::hierarchy::{Hierarchy, Line};
use super::weak::{self, WeakKey};
use super::{BadServer, Bench, revoked_serial};
use crate::acceptor::Fault;
use crate::lab::authority::date;
use crate::lab::{Lab, ORGANISATIONS_CERTIFICATE, crl, leaf};
use crate::visitor::{ClientCertificates, ClientPolicy};
use crate::{Acceptor, Error, canned, der, facts};

static TLS_1_2: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
static TLS_1_3: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
const DAY: Duration = Duration::from_secs(86_400);
/// Another operator's host.
const OTHER_HOST: &str = "mail.autre-operateur.example";
/// Authority information access (RFC 5280 §4.2.2.1), and the last arc of its two methods.
const AUTHORITY_INFORMATION: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
const METHOD: [u8; 7] = [0x2b, 6, 1, 5, 5, 7, 0x30];
const OCSP: u8 = 1;
const CA_ISSUERS: u8 = 2;

impl Lab {
    pub(super) fn make_bad_acceptor(&self, fault: BadServer, bench: &mut Bench) -> Result<Acceptor, Error> {
        use BadServer as B;
        let mut shown = Fault::new(vec![tls_fault::note(fault.name(), fault.title().fr)]);
        let mut asks = ClientCertificates::default();
        match fault {
            B::Tls12Only => shown.versions = TLS_1_2,
            B::Tls13Only => shown.versions = TLS_1_3,
            B::Tls11Only => {
                shown.notes.push(wire::old_tls::OFFERED.to_owned());
                shown.script = Some(&canned::TLS_1_1);
            }
            B::Tls10Only => shown.script = Some(&canned::TLS_1_0),
            B::CbcOnly => shown.script = Some(&canned::CBC),
            B::DheOnly => shown.script = Some(&canned::DHE),
            B::WeakSuitesOnly => shown.script = Some(&canned::WEAK),
            B::CertificateRequired => asks = ClientCertificates::Required,
            B::NoClientCertificate => asks = ClientCertificates::NotAsked,
            B::ForeignClientCa => shown.policy = Some(self.foreign_policy(bench)?),
            B::SeveralClientCas => shown.hints = Some(self.many_hints(bench)?),
            _ => shown.key = Some(Arc::new(self.bad_key(fault, bench)?)),
        }
        Ok(self.acceptor.with_fault(shown).with_client_certificates(asks))
    }

    /// Certificate and key of a fault that lies in them.
    fn bad_key(&self, fault: BadServer, bench: &mut Bench) -> Result<CertifiedKey, Error> {
        use BadServer as B;
        let now = self.clock.now();
        let mut params = self.healthy()?;
        let mut chain = true;
        match fault {
            B::Expired => {
                params.not_before = date(now - 400 * DAY)?.to_datetime();
                params.not_after = date(now - 3 * DAY)?.to_datetime();
            }
            B::NotYetValid => {
                params.not_before = date(now + 365 * DAY)?.to_datetime();
                params.not_after = date(now + 730 * DAY)?.to_datetime();
            }
            B::WrongHost => {
                params.subject_alt_names = vec![SanType::DnsName(OTHER_HOST.try_into()?)];
                params.distinguished_name.push(DnType::CommonName, OTHER_HOST);
            }
            B::NameInCnOnly => params.subject_alt_names.clear(),
            B::ClientAuthOnly => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            B::MissingIntermediate => {
                let place = format!("{}/AC/{ORGANISATIONS_CERTIFICATE}", self.base_url);
                params.custom_extensions.push(information(CA_ISSUERS, &place));
                chain = false;
            }
            B::RevokedOcsp => {
                params.custom_extensions.push(information(OCSP, &format!("{}/OCSP", self.base_url)));
            }
            B::SelfSigned => {
                params.use_authority_key_identifier_extension = false;
                params.crl_distribution_points.clear();
                let leaf = params.self_signed(&self.server_key)?.der().clone();
                return Ok(self.on_server_key(vec![leaf]));
            }
            B::WeakKey => {
                let key = WeakKey::generate();
                let leaf = params.signed_by(&key, &self.organisations.issuer())?.der().clone();
                let key: Arc<dyn SigningKey> = Arc::new(key);
                return Ok(CertifiedKey::new(vec![leaf, self.organisations.der.clone()], key));
            }
            B::Revoked => {
                let serial = revoked_serial(&self.organisations).to_bytes_be();
                params.serial_number = Some(SerialNumber::from(serial));
            }
            B::UnknownCa => return self.issued_by(Line::Unknown, bench),
            B::StaleCrl => return self.issued_by(Line::StaleCrl, bench),
            B::CrlUnreachable => return self.issued_by(Line::CrlUnreachable, bench),
            B::GammeStandard => return self.issued_by(Line::Standard, bench),
            B::GammeFort => return self.issued_by(Line::Fort, bench),
            B::DomainePersonnes => return self.issued_by(Line::Personnes, bench),
            B::ProductionName => return self.issued_by(Line::Production, bench),
            B::TestName => return self.issued_by(Line::TestTwin, bench),
            // SHA-1 is put in place of SHA-256 below; the others have nothing to do with the certificate.
            B::Sha1
            | B::Tls12Only
            | B::Tls13Only
            | B::Tls11Only
            | B::Tls10Only
            | B::CbcOnly
            | B::DheOnly
            | B::WeakSuitesOnly
            | B::CertificateRequired
            | B::NoClientCertificate
            | B::ForeignClientCa
            | B::SeveralClientCas => {}
        }
        let mut leaf = params.signed_by(&self.server_key, &self.organisations.issuer())?.der().clone();
        if fault == B::Sha1 {
            leaf = weak::with_sha1(&leaf, self.organisations.key())?;
        }
        if fault == B::RevokedOcsp {
            let serial = crl::parse_serial(&facts::certificate_facts(&leaf)?.serial)?;
            self.workshop.publish(|published| {
                published.revoked_by_ocsp.insert(serial, now);
            });
        }
        let issuer = chain.then(|| self.organisations.der.clone());
        Ok(self.on_server_key([leaf].into_iter().chain(issuer).collect()))
    }

    /// What the healthy server's certificate says, with a serial number of its own.
    fn healthy(&self) -> Result<CertificateParams, Error> {
        let now = self.clock.now();
        leaf::server_params(&self.organisations, &self.server_names, &self.organisations_crl_url, now)
    }

    /// A certificate that only its issuer makes bad.
    fn issued_by(&self, line: Line, bench: &mut Bench) -> Result<CertifiedKey, Error> {
        let hierarchy = self.hierarchy(line, bench)?;
        let Hierarchy { issuing, crl_url, .. } = &*hierarchy;
        let leaf = leaf::server(issuing, &self.server_key, &self.server_names, crl_url, self.clock.now())?;
        Ok(self.on_server_key(vec![leaf, issuing.der.clone()]))
    }

    fn on_server_key(&self, chain: Vec<CertificateDer<'static>>) -> CertifiedKey {
        CertifiedKey::new(chain, Arc::clone(&self.acceptor.live().key().key))
    }

    /// Wants certificates of the unrelated authority, and takes no others.
    fn foreign_policy(&self, bench: &mut Bench) -> Result<Arc<ClientPolicy>, Error> {
        let hierarchy = self.hierarchy(Line::Unknown, bench)?;
        let root = hierarchy.root.as_ref().unwrap_or(&self.root);
        Ok(Arc::new(ClientPolicy::new(&root.der, &hierarchy.issuing.der, &hierarchy.crls)?))
    }

    /// Strangers first, then the lab's own two.
    fn many_hints(&self, bench: &mut Bench) -> Result<Arc<[DistinguishedName]>, Error> {
        let unknown = self.hierarchy(Line::Unknown, bench)?;
        let standard = self.hierarchy(Line::Standard, bench)?;
        let strangers = [&unknown, &standard]
            .into_iter()
            .flat_map(|hierarchy| hierarchy.root.iter().chain([&hierarchy.issuing]));
        strangers
            .chain([&self.root, &self.organisations])
            .map(|authority| {
                Ok(DistinguishedName::from(facts::parse(&authority.der)?.subject().as_raw().to_vec()))
            })
            .collect()
    }
}

/// The extension that tells where an OCSP responder or the issuer's certificate is.
fn information(method: u8, url: &str) -> CustomExtension {
    let method = der::write(der::OBJECT_IDENTIFIER, &[&METHOD, &[method]]);
    let place = der::write(0x86, &[url.as_bytes()]);
    let description = der::write(der::SEQUENCE, &[&method, &place]);
    CustomExtension::from_oid_content(AUTHORITY_INFORMATION, der::write(der::SEQUENCE, &[&description]))
}
