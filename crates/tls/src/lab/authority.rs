//! The two authorities of the lab, shaped after IGC-Santé (gamme Élémentaire, domaine Organisations): same depth, same
//! kind of distinguished names, RSA with SHA-256; with names that nobody can take for the real ones.

use std::sync::Arc;
use std::time::Duration;

use kernel::Timestamp;
use rcgen::string::PrintableString;
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, DistinguishedName, DnType, DnValue, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, PublicKeyData as _, RsaKeySize, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::time::ASN1Time;

use super::files::Directory;
use crate::{Error, facts};

/// `CN` of the lab's root.
pub(super) const ROOT_NAME: &str = "TEST AC RACINE IGC-SANTE ELEMENTAIRE LAB";
/// `CN` of the lab's issuing authority.
pub(super) const ORGANISATIONS_NAME: &str = "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS LAB";
/// `O` of everything that the lab owns.
pub(super) const LAB: &str = "VAGUEMESTRE LAB";

/// Dates start this much before the present: a client's clock may be a little late.
pub(super) const BACKDATED: Duration = Duration::from_secs(3_600);
/// Life of both authorities.
const LIFE: Duration = Duration::from_secs(20 * 365 * 86_400);

/// Whose name an authority bears.
#[derive(Clone, Copy, Debug)]
pub(super) struct Naming {
    /// `O`.
    pub(super) organisation: &'static str,
    /// The two `OU`.
    pub(super) units: [&'static str; 2],
    /// `CN`.
    pub(super) common_name: &'static str,
}

impl Naming {
    /// A name of the lab's own.
    pub(super) const fn lab(common_name: &'static str) -> Self {
        Self { organisation: LAB, units: ["0002 000000000", "IGC-SANTE TEST LAB"], common_name }
    }
}

/// An authority with its key, ready to sign.
pub(super) struct Authority {
    key: Arc<KeyPair>,
    params: CertificateParams,
    pub(super) der: CertificateDer<'static>,
    pub(super) pem: String,
}

impl Authority {
    /// The root: reads its certificate, or signs it with its own key.
    pub(super) fn root(directory: &Directory, key: KeyPair, now: Timestamp) -> Result<Self, Error> {
        let params = params(Naming::lab(ROOT_NAME), BasicConstraints::Unconstrained, now, now + LIFE)?;
        match read_certificate(directory, "root.pem")? {
            Some(der) => {
                check(directory, "root", &der, &key, now)?;
                Ok(Self::from_parts(key, params, der))
            }
            None => {
                let der = params.self_signed(&key)?.der().clone();
                Self::from_parts(key, params, der).save(directory, "root.pem")
            }
        }
    }

    /// Élémentaire Organisations: reads its certificate, or has it signed by the root; signed anew, on the same key,
    /// where the place of the root's CRL has changed.
    pub(super) fn organisations(
        directory: &Directory,
        key: KeyPair,
        root: &Self,
        root_crl_url: &str,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let end = facts::timestamp(&facts::parse(&root.der)?.validity().not_after);
        let mut params = params(Naming::lab(ORGANISATIONS_NAME), BasicConstraints::Constrained(0), now, end)?;
        params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![root_crl_url.to_owned()] }];
        params.use_authority_key_identifier_extension = true;
        if let Some(der) = read_certificate(directory, "organisations.pem")? {
            check(directory, "organisations", &der, &key, now)?;
            if facts::crl_url(&facts::parse(&der)?).as_deref() == Some(root_crl_url) {
                return Ok(Self::from_parts(key, params, der));
            }
        }
        let der = params.signed_by(&key, &root.issuer())?.der().clone();
        Self::from_parts(key, params, der).save(directory, "organisations.pem")
    }

    /// A root that is kept in no file: of a fault.
    pub(super) fn passing_root(naming: Naming, key: &Arc<KeyPair>, now: Timestamp) -> Result<Self, Error> {
        let params = params(naming, BasicConstraints::Unconstrained, now, now + LIFE)?;
        let der = params.self_signed(&**key)?.der().clone();
        let pem = certificate_pem(&der);
        Ok(Self { key: Arc::clone(key), params, der, pem })
    }

    /// An issuing authority under this one that is kept in no file.
    pub(super) fn passing_child(
        &self,
        naming: Naming,
        key: &Arc<KeyPair>,
        crl_url: &str,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let end = facts::timestamp(&facts::parse(&self.der)?.validity().not_after);
        let mut params = params(naming, BasicConstraints::Constrained(0), now, end)?;
        params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![crl_url.to_owned()] }];
        params.use_authority_key_identifier_extension = true;
        let der = params.signed_by(&**key, &self.issuer())?.der().clone();
        let pem = certificate_pem(&der);
        Ok(Self { key: Arc::clone(key), params, der, pem })
    }

    /// The key, for what rcgen does not sign.
    pub(super) fn key(&self) -> &KeyPair {
        &self.key
    }

    /// What rcgen signs with. Made from our own parameters and not from the certificate: rcgen's reader keeps one
    /// `OU` of a name, and these names have two.
    pub(super) fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }

    fn from_parts(key: KeyPair, params: CertificateParams, der: CertificateDer<'static>) -> Self {
        let pem = certificate_pem(&der);
        Self { key: Arc::new(key), params, der, pem }
    }

    fn save(self, directory: &Directory, name: &str) -> Result<Self, Error> {
        directory.write(name, self.pem.as_bytes())?;
        Ok(self)
    }
}

/// A new RSA key.
pub(super) fn new_key(size: RsaKeySize) -> Result<KeyPair, Error> {
    Ok(KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size)?)
}

/// Reads an RSA key in PKCS#8 PEM.
pub(super) fn key_from_pem(pem: &str) -> Result<KeyPair, String> {
    KeyPair::from_pkcs8_pem_and_sign_algo(pem, &PKCS_RSA_SHA256)
        .map_err(|error| format!("it is not an RSA private key in PKCS#8 PEM ({error})"))
}

/// Reads the first certificate of a PEM file; `None` where there is no such file.
pub(super) fn read_certificate(
    directory: &Directory,
    name: &str,
) -> Result<Option<CertificateDer<'static>>, Error> {
    let Some(bytes) = directory.read(name)? else { return Ok(None) };
    let der = CertificateDer::from_pem_slice(&bytes)
        .map_err(|error| directory.damaged(name, format!("it is not a certificate in PEM ({error})")))?;
    facts::parse(&der).map_err(|error| directory.damaged(name, error.to_string()))?;
    Ok(Some(der))
}

/// Whether a certificate is that of a key.
pub(super) fn belongs(der: &CertificateDer<'_>, key: &KeyPair) -> Result<bool, Error> {
    Ok(facts::parse(der)?.public_key().raw == key.subject_public_key_info().as_slice())
}

/// PEM with LF and lines of 64 characters.
pub(super) fn certificate_pem(der: &CertificateDer<'_>) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

/// A positive serial number of 16 bytes, 126 of its bits random (RFC 5280 §4.1.2.2: at most 20 bytes).
pub(super) fn new_serial() -> SerialNumber {
    let mut bytes = kernel::random::bytes::<16>();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

/// A date as X.509 writes it, cut to the second.
pub(super) fn date(at: Timestamp) -> Result<ASN1Time, Error> {
    ASN1Time::from_timestamp(at.as_second())
        .map_err(|error| Error::Input(format!("the date {at} does not fit a certificate: {error}")))
}

/// A country code as X.509 wants it: a PrintableString.
pub(super) fn country() -> DnValue {
    let france = PrintableString::try_from("FR").expect("two capitals are a PrintableString");
    DnValue::PrintableString(france)
}

fn params(
    naming: Naming,
    constraints: BasicConstraints,
    now: Timestamp,
    end: Timestamp,
) -> Result<CertificateParams, Error> {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, country());
    name.push(DnType::OrganizationName, naming.organisation);
    name.push(DnType::OrganizationalUnitName, naming.units[0]);
    // rcgen keeps one value per kind: a second OU goes in under its bare object identifier.
    name.push(DnType::CustomDnType(vec![2, 5, 4, 11]), naming.units[1]);
    name.push(DnType::CommonName, naming.common_name);
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.serial_number = Some(new_serial());
    params.not_before = date(now - BACKDATED)?.to_datetime();
    params.not_after = date(end)?.to_datetime();
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn check(
    directory: &Directory,
    stem: &str,
    der: &CertificateDer<'_>,
    key: &KeyPair,
    now: Timestamp,
) -> Result<(), Error> {
    let file = format!("{stem}.pem");
    if !belongs(der, key)? {
        return Err(directory.damaged(&file, format!("it is not the certificate of the key in {stem}.key")));
    }
    let end = facts::timestamp(&facts::parse(der)?.validity().not_after);
    if end <= now {
        return Err(directory.damaged(&file, format!("this authority expired on {end}")));
    }
    Ok(())
}
