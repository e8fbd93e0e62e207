use std::fmt::Write as _;

use kernel::Timestamp;
use wire::CertificateFacts;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use crate::Error;

/// Longest name that is kept, in characters: a certificate may be presented by anybody.
const LONGEST: usize = 1_000;

/// Reads a certificate (DER) for a judge. Nothing is verified.
///
/// # Errors
/// [`Error::Input`] where the bytes are no X.509 certificate.
pub fn certificate_facts(der: &[u8]) -> Result<CertificateFacts, Error> {
    let certificate = parse(der)?;
    Ok(CertificateFacts {
        subject: name_text(certificate.subject()),
        common_name: common_name(certificate.subject()),
        issuer: common_name(certificate.issuer()),
        serial: format!("{:x}", certificate.tbs_certificate.serial),
        sha256: kernel::sha256_hex(der),
        not_before: date_text(&certificate.validity().not_before),
        not_after: date_text(&certificate.validity().not_after),
    })
}

pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, Error> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(Error::Input(String::from("bytes follow the X.509 certificate"))),
        Err(error) => Err(Error::Input(format!("not an X.509 certificate: {error}"))),
    }
}

/// `CN` of a name, or the whole name where it has none.
pub(crate) fn common_name(name: &X509Name<'_>) -> String {
    match name.iter_common_name().next() {
        Some(attribute) => {
            attribute.as_str().map_or_else(|_| hex_text(attribute.as_slice()), |text| cut(text.to_owned()))
        }
        None => name_text(name),
    }
}

/// First HTTP address of the CRL distribution points (RFC 5280 §4.2.1.13).
pub(crate) fn crl_url(certificate: &X509Certificate<'_>) -> Option<String> {
    certificate
        .iter_extensions()
        .filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::CRLDistributionPoints(points) => Some(&points.points),
            _ => None,
        })
        .flatten()
        .filter_map(|point| match &point.distribution_point {
            Some(DistributionPointName::FullName(names)) => Some(names),
            _ => None,
        })
        .flatten()
        .find_map(|name| match name {
            GeneralName::URI(uri) if uri.starts_with("http") => Some(cut((*uri).to_owned())),
            _ => None,
        })
}

pub(crate) fn timestamp(time: &ASN1Time) -> Timestamp {
    Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn date_text(time: &ASN1Time) -> String {
    timestamp(time).to_string()
}

/// `C=FR, O=…, CN=…`: attributes in the order of the certificate, values escaped as in RFC 4514 §2.4 so that a value
/// cannot pass for an attribute.
fn name_text(name: &X509Name<'_>) -> String {
    let mut text = String::new();
    for set in name.iter() {
        for (place, attribute) in set.iter().enumerate() {
            let separator = if place > 0 { " + " } else { ", " };
            text.push_str(if text.is_empty() { "" } else { separator });
            let oid = attribute.attr_type().to_id_string();
            let key = short_name(&oid);
            let value = attribute.as_str().map_or_else(|_| hex_text(attribute.as_slice()), escape);
            let _ = write!(text, "{key}={value}");
        }
    }
    cut(text)
}

fn short_name(oid: &str) -> &str {
    match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.42" => "GN",
        other => other,
    }
}

fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '=' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(out, "\\{byte:02x}");
                }
            }
            c => out.push(c),
        }
    }
    out
}

fn hex_text(bytes: &[u8]) -> String {
    cut(format!("#{}", kernel::hex(bytes)))
}

fn cut(text: String) -> String {
    let text: String =
        text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
