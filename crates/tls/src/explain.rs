use kernel::Timestamp;
use rustls::{AlertDescription, CertRevocationListError, CertificateError, Error, PeerIncompatible};
use rustls_pki_types::UnixTime;

/// Names of a certificate that are told.
const MOST_NAMES: usize = 10;

/// Says for a person what a TLS error means, and of whom it speaks. The text holds no secret; it names the library's
/// own word where it has no better one.
pub fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(problem) => certificate(problem),
        Error::InvalidCertRevocationList(problem) => revocation_list(problem),
        Error::AlertReceived(alert) => alert_text(*alert),
        Error::PeerIncompatible(problem) => incompatible(problem),
        Error::NoCertificatesPresented => String::from("the other side presented no certificate"),
        Error::PeerMisbehaved(problem) => format!("the other side broke the TLS protocol: {problem:?}"),
        Error::DecryptError => String::from("a TLS record could not be decrypted"),
        other => other.to_string(),
    }
}

fn certificate(problem: &CertificateError) -> String {
    use CertificateError as E;
    match problem {
        E::Expired => String::from("the certificate has expired"),
        E::ExpiredContext { not_after, .. } => format!("the certificate expired on {}", date(*not_after)),
        E::NotValidYet => String::from("the certificate is not valid yet"),
        E::NotValidYetContext { not_before, .. } => {
            format!("the certificate is not valid before {}", date(*not_before))
        }
        E::Revoked => String::from("the certificate is revoked: it is on its authority's CRL"),
        E::UnknownIssuer => {
            String::from("the certificate was issued by an authority that does not lead to the given anchors")
        }
        E::BadSignature => String::from(
            "the certificate, or the handshake, is not signed by the key that it names (an authority of the same name with another key?)",
        ),
        E::BadEncoding => String::from("the certificate is not correctly encoded"),
        E::UnknownRevocationStatus => {
            String::from("no CRL covers the certificate, so that revocation cannot be checked")
        }
        E::ExpiredRevocationList => String::from("the CRL is past its next update: a fresh one is needed"),
        E::ExpiredRevocationListContext { next_update, .. } => {
            format!("the CRL is stale: its next update was due on {}", date(*next_update))
        }
        E::NotValidForName => String::from("the certificate does not carry the name of the host"),
        E::NotValidForNameContext { expected, presented } => format!(
            "the certificate does not carry the name “{}” (it carries: {})",
            expected.to_str(),
            names(presented)
        ),
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            String::from("the certificate is not meant for this purpose (extended key usage)")
        }
        E::UnhandledCriticalExtension => String::from("the certificate has an unknown critical extension"),
        E::Other(other) => other.0.to_string(),
        other => format!("the certificate was refused: {other}"),
    }
}

/// The first names of a certificate: it may carry thousands.
fn names(presented: &[String]) -> String {
    match presented.len() {
        0 => String::from("none"),
        count @ 1..=MOST_NAMES => presented[..count].join(", "),
        count => format!("{}, and {} more", presented[..MOST_NAMES].join(", "), count - MOST_NAMES),
    }
}

fn revocation_list(problem: &CertRevocationListError) -> String {
    match problem {
        CertRevocationListError::BadSignature => {
            String::from("the CRL is not signed by the authority that it names")
        }
        CertRevocationListError::IssuerInvalidForCrl => {
            String::from("the authority that signed the CRL may not sign CRLs (key usage)")
        }
        other => format!("the CRL cannot be used: {other:?}"),
    }
}

fn alert_text(alert: AlertDescription) -> String {
    use AlertDescription as A;
    let hint = match alert {
        A::UnknownCA | A::BadCertificate | A::CertificateUnknown => {
            ": it does not trust the certificate that it was shown (was the trust anchor added?)"
        }
        A::CertificateExpired => ": it holds the certificate that it was shown for expired",
        A::CertificateRevoked => ": it holds the certificate that it was shown for revoked",
        A::CertificateRequired => ": it wants a client certificate",
        A::ProtocolVersion => ": no TLS version in common",
        A::HandshakeFailure => ": no cipher suite, group or signature scheme in common",
        _ => "",
    };
    format!("the other side refused with the alert {alert:?}{hint}")
}

fn incompatible(problem: &PeerIncompatible) -> String {
    use PeerIncompatible as P;
    match problem {
        P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled
        | P::SupportedVersionsExtensionRequired
        | P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig => {
            String::from("no TLS version in common: TLS 1.2 is the oldest that is allowed (SC.MSS/CONF.01)")
        }
        P::NoCipherSuitesInCommon => {
            String::from("no cipher suite in common: none of those offered is allowed (SC.MSS/CONF.03)")
        }
        P::NoKxGroupsInCommon => String::from("no key exchange group in common"),
        P::NoSignatureSchemesInCommon => String::from("no signature scheme in common"),
        other => format!("the two sides have nothing in common: {other:?}"),
    }
}

fn date(time: UnixTime) -> String {
    let seconds = time.as_secs();
    let text = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    text.map_or_else(|| String::from("an unreadable date"), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Refusal;

    #[test]
    fn dates_and_authorities_are_told() {
        let at = UnixTime::since_unix_epoch(Duration::from_secs(1_700_000_000));
        let expired = CertificateError::ExpiredContext { time: at, not_after: at };
        assert_eq!(explain(&expired.into()), "the certificate expired on 2023-11-14T22:13:20Z");
        let stale = CertificateError::ExpiredRevocationListContext { time: at, next_update: at };
        assert!(explain(&stale.into()).contains("2023-11-14T22:13:20Z"));
        let refusal = Refusal::WrongAuthority { issuer: String::from("R3") };
        assert!(explain(&refusal.into()).contains("not IGC-Santé Élémentaire Organisations: “R3”"));
    }

    #[test]
    fn an_alert_says_what_the_other_side_minds() {
        let text = explain(&Error::AlertReceived(AlertDescription::UnknownCA));
        assert!(text.contains("UnknownCA") && text.contains("trust anchor"), "{text}");
    }
}
