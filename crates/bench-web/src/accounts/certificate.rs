//! Identifiers taken from a certificate: nobody should have to know which field of a subject is meant.
//!
//! A structure's AUTH_CLI certificate of IGC-Santé carries the structure in `OU` (or `CN`, in certificates made for
//! one identifier); the authentication certificate of a card carries the person in `CN`, beside `GN` and `SN`.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{Redirect, Response};
use axum::routing::post;
use kernel::Timestamp;
use web::{Locale, T};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::x509::X509Name;

use super::form::{Fields, Shown, show};
use crate::Face;
use crate::upload;
use crate::view::Failure;

/// Largest form with certificates: two chains are some 10 KiB.
const LONGEST: usize = 256 * 1024;

/// Files read at once; more are ignored.
const FILES: usize = 4;

pub(super) fn routes() -> Router<Face> {
    // Read again by address (a change of language does), the page is an empty form.
    let form = post(read).get(|| async { Redirect::to("/accounts/new") });
    Router::new().route("/accounts/certificate", form.layer(DefaultBodyLimit::max(LONGEST)))
}

/// What was read in one file, for the page.
pub(super) struct Reading {
    /// The file's name, as the browser sent it.
    pub(super) file: String,
    /// Whether an identifier was taken.
    pub(super) good: bool,
    /// What was found, or why nothing was.
    pub(super) lines: Vec<String>,
}

/// Reads the certificates among the parts, and shows the form again with what they say.
async fn read(
    State(face): State<Face>,
    headers: HeaderMap,
    uri: Uri,
    form: Multipart,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let (mut fields, mut shown) = (Fields::default(), Shown::default());
    for part in upload::parts(form).await? {
        if part.field == "certificate" {
            if !part.bytes.is_empty() && shown.readings.len() < FILES {
                let found = identify(&part.bytes, face.bench.parts().clock.now());
                let file = part.file.filter(|file| !file.is_empty());
                let file = file.unwrap_or_else(|| t.get("certificate-pasted"));
                shown.readings.push(report(t, file, found, &mut fields));
            }
            continue;
        }
        let text = part.text();
        match fields.named(&part.field) {
            Some(field) if field.is_empty() => *field = text,
            Some(_) => {}
            None if part.field == "edited" => shown.edited = text,
            None => {}
        }
    }
    if shown.readings.is_empty() {
        let nothing = Reading { file: String::new(), good: false, lines: vec![t.get("certificate-none")] };
        shown.readings.push(nothing);
    }
    if !shown.edited.is_empty() {
        face.bench.product(&shown.edited).await?;
    }
    show(&face, &headers, &uri, &fields, shown).await
}

fn report(t: T, file: String, found: Result<Found, Problem>, fields: &mut Fields) -> Reading {
    let found = match found {
        Ok(found) => found,
        Err(problem) => return Reading { file, good: false, lines: vec![t.get(problem.text())] },
    };
    let mut lines = Vec::new();
    let taken = match found.owner {
        Owner::Person => {
            fields.psc_id.clone_from(&found.identity);
            "certificate-person"
        }
        Owner::Structure => {
            fields.app_id.clone_from(&found.identity);
            "certificate-structure"
        }
    };
    lines.push(t.with(taken, "identity", &found.identity));
    lines.push(t.with("certificate-subject", "subject", &found.subject));
    if found.expired {
        lines.push(t.get("certificate-expired"));
    }
    if found.with_key {
        lines.push(t.get("certificate-with-key"));
    }
    Reading { file, good: true, lines }
}

// === The certificate itself ===

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Person,
    Structure,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    owner: Owner,
    identity: String,
    subject: String,
    expired: bool,
    with_key: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    NotACertificate,
    KeyOnly,
    Authority,
    NoIdentity,
}

impl Problem {
    fn text(self) -> &'static str {
        match self {
            Self::NotACertificate => "certificate-unreadable",
            Self::KeyOnly => "certificate-key-only",
            Self::Authority => "certificate-authority",
            Self::NoIdentity => "certificate-no-identity",
        }
    }
}

/// Finds whose certificate it is, in PEM (the first one that is no authority's) or DER.
fn identify(bytes: &[u8], now: Timestamp) -> Result<Found, Problem> {
    let mut blocks = Vec::new();
    let mut with_key = false;
    for pem in x509_parser::pem::Pem::iter_from_buffer(bytes).flatten() {
        match pem.label.as_str() {
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => blocks.push(pem.contents),
            label => with_key |= label.ends_with("PRIVATE KEY"),
        }
    }
    if blocks.is_empty() {
        if with_key {
            return Err(Problem::KeyOnly);
        }
        blocks.push(bytes.to_vec());
    }
    let mut problem = Problem::NotACertificate;
    for block in &blocks {
        let Ok((_, certificate)) = X509Certificate::from_der(block) else { continue };
        if certificate.is_ca() {
            problem = Problem::Authority;
            continue;
        }
        let (owner, identity) = owner(&certificate).ok_or(Problem::NoIdentity)?;
        let expired = certificate.validity().not_after.timestamp() < now.as_second();
        return Ok(Found { owner, identity, subject: certificate.subject().to_string(), expired, with_key });
    }
    Err(problem)
}

fn owner(certificate: &X509Certificate<'_>) -> Option<(Owner, String)> {
    let subject = certificate.subject();
    let named = |oid: &str| values(subject, oid).next();
    let common_name = named("2.5.4.3");
    let issuer = values(certificate.issuer(), "2.5.4.3").any(|name| name.contains("PERSONNES"));
    let names_a_person = named("2.5.4.42").is_some() && named("2.5.4.4").is_some();
    if issuer || names_a_person {
        return Some((Owner::Person, common_name.filter(|name| is_identifier(name))?));
    }
    // `OU=0002 318751275` is an identifier behind its scheme (ISO 6523).
    let mut units =
        values(subject, "2.5.4.11").map(|unit| unit.trim_start_matches("0002 ").trim().to_owned());
    let structure =
        common_name.filter(|name| is_identifier(name)).or_else(|| units.find(|unit| is_identifier(unit)))?;
    Some((Owner::Structure, structure))
}

/// The values of an attribute (dotted OID) of a name, in its order.
fn values<'a>(name: &'a X509Name<'_>, oid: &'a str) -> impl Iterator<Item = String> + 'a {
    name.iter_attributes()
        .filter(move |attribute| attribute.attr_type().to_id_string() == oid)
        .filter_map(|attribute| attribute.as_str().ok().map(|value| value.trim().to_owned()))
}

/// Whether it looks like a national identifier rather than the name of a service: mostly digits, six at least.
fn is_identifier(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let fine = |c: char| c.is_ascii_alphanumeric() || "/.-_".contains(c);
    digits >= 6 && digits * 2 > text.len() && text.len() <= 64 && text.chars().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_told_from_a_name() {
        for good in ["899700000018", "163254178", "318751275100020", "30B0057881/CPET0002", "10B0057881"] {
            assert!(is_identifier(good), "{good}");
        }
        for bad in ["CLIENT_TEST_RORN", "INSI-AUTO", "mail.example.test", "", "12345", "12 34 56 78"] {
            assert!(!is_identifier(bad), "{bad}");
        }
    }

    /// A certificate of this subject, as DER: dotted OID and value, in order.
    fn issued(subject: &[(&[u64], &str)], authority: bool) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (oid, value) in subject {
            params.distinguished_name.push(rcgen::DnType::CustomDnType(oid.to_vec()), *value);
        }
        if authority {
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        }
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    const CN: &[u64] = &[2, 5, 4, 3];
    const SN: &[u64] = &[2, 5, 4, 4];
    const O: &[u64] = &[2, 5, 4, 10];
    const OU: &[u64] = &[2, 5, 4, 11];
    const GN: &[u64] = &[2, 5, 4, 42];

    #[test]
    fn each_profile_gives_its_identifier() {
        let now = Timestamp::UNIX_EPOCH;
        let read = |subject: &[(&[u64], &str)]| {
            identify(&issued(subject, false), now).map(|found| (found.owner, found.identity))
        };
        let is = |owner, identity: &str| Ok((owner, identity.to_owned()));
        // The subjects of the profiles: CPS, CPE, AUTH_CLI with a free name, AUTH_CLI of one identifier.
        let doctor: &[(&[u64], &str)] = &[(GN, "CHARLES"), (CN, "899700000018"), (SN, "DUPONT")];
        let employee: &[(&[u64], &str)] =
            &[(O, "HOPITAL"), (OU, "10B0057881"), (GN, "A"), (CN, "30B0057881/CPET0002"), (SN, "B")];
        assert_eq!(read(doctor), is(Owner::Person, "899700000018"));
        assert_eq!(read(employee), is(Owner::Person, "30B0057881/CPET0002"));
        let named: &[(&[u64], &str)] = &[(O, "CLINIQUE"), (OU, "318751275100020"), (CN, "CLIENT_TEST_RORN")];
        assert_eq!(read(named), is(Owner::Structure, "318751275100020"));
        assert_eq!(read(&[(OU, "IGC-SANTE TEST"), (CN, "163254178")]), is(Owner::Structure, "163254178"));
        assert_eq!(read(&[(OU, "0002 318751275"), (CN, "x")]), is(Owner::Structure, "318751275"));
        assert_eq!(read(&[(O, "CLINIQUE"), (CN, "mail.example.test")]), Err(Problem::NoIdentity));
        assert_eq!(read(&[(GN, "A"), (CN, "A B"), (SN, "B"), (OU, "318751275")]), Err(Problem::NoIdentity));
        assert_eq!(identify(&issued(&[(CN, "163254178")], true), now), Err(Problem::Authority));
    }

    #[test]
    fn an_expired_one_is_read_and_said() {
        let der = issued(&[(CN, "163254178")], false);
        assert!(!identify(&der, Timestamp::UNIX_EPOCH).unwrap().expired);
        assert!(identify(&der, Timestamp::MAX).unwrap().expired);
    }

    #[test]
    fn what_is_no_certificate_says_what_it_is() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(identify(b"", now), Err(Problem::NotACertificate));
        assert_eq!(identify(&[0x30, 0x82, 0xff, 0xff], now), Err(Problem::NotACertificate));
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert_eq!(identify(key, now), Err(Problem::KeyOnly));
    }
}
