//! The certificates that the lab issues, after the profiles of IGC-Santé: SSL_SERV and AUTH_CLI.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use kernel::Timestamp;
use rcgen::{
    CertificateParams, CrlDistributionPoint, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use rustls_pki_types::{CertificateDer, DnsName};
use x509_parser::extensions::GeneralName;

use super::authority::{Authority, BACKDATED, LAB, country, date, new_serial};
use crate::{Error, facts};

/// Life of a server certificate: the most that today's clients take (CA/Browser Forum, 398 days), backdating included.
const SERVER_LIFE: Duration = Duration::from_secs(397 * 86_400);
/// A server certificate with less than this before it is issued anew.
const SERVER_MARGIN: Duration = Duration::from_secs(30 * 86_400);
/// Life of an AUTH_CLI certificate: 3 years, as IGC-Santé's.
pub(super) const CLIENT_LIFE: Duration = Duration::from_secs(3 * 365 * 86_400);
/// Longest value of `CN`, `O` and `OU`, in characters (RFC 5280 appendix A.1).
const LONGEST_NAME: usize = 64;
/// Kind of product, a private extension of the ANS: 0x83 is a software certificate of test.
const PRODUCT_KIND: &[u64] = &[1, 2, 250, 1, 71, 1, 2, 5];
/// DER of an OCTET STRING that holds the byte 0x83.
const TEST_SOFTWARE: [u8; 3] = [0x04, 0x01, 0x83];

/// The names of the server certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerNames {
    dns: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
}

impl ServerNames {
    /// localhost, the loopback addresses, each domain and its wildcard.
    pub(super) fn new(domains: &[String]) -> Result<Self, Error> {
        let mut dns = BTreeSet::from([String::from("localhost")]);
        for domain in domains {
            let domain = domain.trim_end_matches('.').to_ascii_lowercase();
            if DnsName::try_from(domain.as_str()).is_err() {
                return Err(Error::Input(format!("“{domain}” is not a DNS name for the server certificate")));
            }
            dns.insert(format!("*.{domain}"));
            dns.insert(domain);
        }
        let addresses = BTreeSet::from([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        Ok(Self { dns, addresses })
    }

    fn read(certificate: &x509_parser::certificate::X509Certificate<'_>) -> Self {
        let mut names = Self { dns: BTreeSet::new(), addresses: BTreeSet::new() };
        let extension = certificate.subject_alternative_name().ok().flatten();
        for name in extension.iter().flat_map(|extension| &extension.value.general_names) {
            match name {
                GeneralName::DNSName(name) => {
                    names.dns.insert((*name).to_owned());
                }
                GeneralName::IPAddress(bytes) => {
                    let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                    names.addresses.extend(four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)));
                }
                _ => {}
            }
        }
        names
    }
}

/// Whether a server certificate still serves: names, place of the CRL, time left.
pub(super) fn server_is_current(
    der: &CertificateDer<'_>,
    names: &ServerNames,
    crl_url: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let certificate = facts::parse(der)?;
    let validity = certificate.validity();
    Ok(ServerNames::read(&certificate) == *names
        && facts::crl_url(&certificate).as_deref() == Some(crl_url)
        && facts::timestamp(&validity.not_before) <= now
        && facts::timestamp(&validity.not_after) > now + SERVER_MARGIN)
}

/// Issues a server certificate.
pub(super) fn server(
    authority: &Authority,
    key: &KeyPair,
    names: &ServerNames,
    crl_url: &str,
    now: Timestamp,
) -> Result<CertificateDer<'static>, Error> {
    let params = server_params(authority, names, crl_url, now)?;
    Ok(params.signed_by(key, &authority.issuer())?.der().clone())
}

/// What a server certificate says (profile SSL_SERV: both serverAuth and clientAuth, as the real ones).
pub(super) fn server_params(
    authority: &Authority,
    names: &ServerNames,
    crl_url: &str,
    now: Timestamp,
) -> Result<CertificateParams, Error> {
    let first = names.dns.iter().find(|name| !name.contains('*') && *name != "localhost");
    let common_name = first.map_or("localhost", String::as_str);
    // A name that is too long for CN lives in the alternative names alone, where clients look.
    let common_name = if common_name.len() > LONGEST_NAME { "localhost" } else { common_name };
    let mut params = leaf(authority, LAB, "000000000", common_name, crl_url, now, SERVER_LIFE)?;
    for name in &names.dns {
        params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into()?));
    }
    params.subject_alt_names.extend(names.addresses.iter().copied().map(SanType::IpAddress));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

/// Issues an AUTH_CLI certificate for a structure.
pub(super) fn auth_cli(
    authority: &Authority,
    key: &KeyPair,
    identity: &str,
    organisation: &str,
    crl_url: &str,
    now: Timestamp,
) -> Result<CertificateDer<'static>, Error> {
    let params = auth_cli_params(authority, identity, organisation, crl_url, now)?;
    Ok(params.signed_by(key, &authority.issuer())?.der().clone())
}

/// What an AUTH_CLI certificate says.
pub(super) fn auth_cli_params(
    authority: &Authority,
    identity: &str,
    organisation: &str,
    crl_url: &str,
    now: Timestamp,
) -> Result<CertificateParams, Error> {
    let identity = printable("identity", identity)?;
    if identity.chars().count() > LONGEST_NAME {
        return Err(Error::Input(format!(
            "the identity “{identity}” is longer than the {LONGEST_NAME} characters of a certificate's name"
        )));
    }
    let organisation: String = printable("organisation", organisation)?.chars().take(LONGEST_NAME).collect();
    let mut params = leaf(authority, &organisation, identity, identity, crl_url, now, CLIENT_LIFE)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn leaf(
    authority: &Authority,
    organisation: &str,
    unit: &str,
    common_name: &str,
    crl_url: &str,
    now: Timestamp,
    life: Duration,
) -> Result<CertificateParams, Error> {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, country());
    name.push(DnType::StateOrProvinceName, "Paris (75)");
    name.push(DnType::OrganizationName, organisation);
    name.push(DnType::OrganizationalUnitName, unit);
    name.push(DnType::CommonName, common_name);
    let authority_end = facts::timestamp(&facts::parse(&authority.der)?.validity().not_after);
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.serial_number = Some(new_serial());
    params.not_before = date(now - BACKDATED)?.to_datetime();
    params.not_after = date((now + life).min(authority_end))?.to_datetime();
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![crl_url.to_owned()] }];
    params.custom_extensions = vec![CustomExtension::from_oid_content(PRODUCT_KIND, TEST_SOFTWARE.to_vec())];
    Ok(params)
}

fn printable<'a>(field: &str, value: &'a str) -> Result<&'a str, Error> {
    let value = value.trim();
    if value.is_empty() || value.chars().any(char::is_control) {
        return Err(Error::Input(format!(
            "the {field} of a certificate must not be empty nor hold control characters"
        )));
    }
    Ok(value)
}
