use std::str::FromStr;

use super::texts;
use crate::Error;
use BadServer as B;

/// A text for the screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// French: the default of the screens.
    pub fr: &'static str,
    /// English.
    pub en: &'static str,
}

/// What a client that keeps to the requirements does with a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It must send no command under this TLS.
    Refuse,
    /// It must work as usual.
    Accept,
    /// The requirements leave it open: what it did is told, not judged.
    Either,
}

/// A server whose TLS is not as it should be, or as narrow as it may be. One row of the TLS lab.
///
/// Certificates carry the names of the healthy one (but for [`Self::WrongHost`] and [`Self::NameInCnOnly`]) and its
/// key (but for [`Self::WeakKey`]): the fault is the only difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BadServer {
    /// A certificate whose end is three days behind.
    Expired,
    /// A certificate that begins in a year.
    NotYetValid,
    /// A certificate of another host.
    WrongHost,
    /// No alternative name; the host stands in `CN` alone (RFC 9525 §6.3 ignores it).
    NameInCnOnly,
    /// A chain of an authority that has no place in the trust space.
    UnknownCa,
    /// A certificate signed by its own key.
    SelfSigned,
    /// The leaf without the authority that signed it; AIA tells where that is.
    MissingIntermediate,
    /// Extended key usage: client authentication alone.
    ClientAuthOnly,
    /// On the CRL of Élémentaire Organisations.
    Revoked,
    /// Revoked for the OCSP responder, while the CRL is silent.
    RevokedOcsp,
    /// From a sub-authority whose CRL is past its next update.
    StaleCrl,
    /// From a sub-authority whose CRL is at an address where nothing listens.
    CrlUnreachable,
    /// A real RSA key of 1024 bits.
    WeakKey,
    /// Signed with SHA-1 by the authority's real key.
    Sha1,
    /// TLS 1.2 with the allowed suites, nothing else.
    Tls12Only,
    /// TLS 1.3, nothing else.
    Tls13Only,
    /// TLS 1.1 at most; played by hand (see [`wire::old_tls`]).
    Tls11Only,
    /// TLS 1.0 at most; played by hand.
    Tls10Only,
    /// TLS 1.2 with CBC suites alone; played by hand.
    CbcOnly,
    /// TLS 1.2 with finite-field DHE suites alone; played by hand.
    DheOnly,
    /// TLS 1.2 with RC4, 3DES, NULL and EXPORT suites alone; played by hand.
    WeakSuitesOnly,
    /// IGC-shaped, gamme Standard.
    GammeStandard,
    /// IGC-shaped, gamme Fort.
    GammeFort,
    /// Gamme Élémentaire, domaine Personnes, under the lab's own root: only the issuer's name tells.
    DomainePersonnes,
    /// A chain named as the production's, signed by throw-away keys.
    ProductionName,
    /// A chain named as the ANS's test twin, signed by throw-away keys.
    TestName,
    /// A client certificate is required.
    CertificateRequired,
    /// No client certificate is asked for.
    NoClientCertificate,
    /// A client certificate is asked for in the name of a foreign authority alone.
    ForeignClientCa,
    /// A client certificate is asked for in the names of many authorities, the right ones among them.
    SeveralClientCas,
}

impl BadServer {
    /// Every fault, in the order of a catalogue.
    pub const ALL: [Self; 30] = [
        B::Expired,
        B::NotYetValid,
        B::WrongHost,
        B::NameInCnOnly,
        B::UnknownCa,
        B::SelfSigned,
        B::MissingIntermediate,
        B::ClientAuthOnly,
        B::Revoked,
        B::RevokedOcsp,
        B::StaleCrl,
        B::CrlUnreachable,
        B::WeakKey,
        B::Sha1,
        B::Tls12Only,
        B::Tls13Only,
        B::Tls11Only,
        B::Tls10Only,
        B::CbcOnly,
        B::DheOnly,
        B::WeakSuitesOnly,
        B::GammeStandard,
        B::GammeFort,
        B::DomainePersonnes,
        B::ProductionName,
        B::TestName,
        B::CertificateRequired,
        B::NoClientCertificate,
        B::ForeignClientCa,
        B::SeveralClientCas,
    ];

    /// The name in scripts (`tls = "expired"`) and in transcripts: lower case with hyphens.
    pub fn name(self) -> &'static str {
        texts::row(self).0
    }

    /// What it is, in a few words without a capital.
    pub fn title(self) -> Text {
        let (_, fr, en, ..) = texts::row(self);
        Text { fr, en }
    }

    /// Why it is tried, in one sentence, with the requirement behind it.
    pub fn why(self) -> Text {
        let (_, _, _, fr, en) = texts::row(self);
        Text { fr, en }
    }

    /// Reads a name as [`Self::name`] gives it.
    ///
    /// # Errors
    /// [`Error::Input`] for an unknown name; the text names the nearest one.
    pub fn parse(name: &str) -> Result<Self, Error> {
        parse(name, "TLS fault", &Self::ALL, Self::name)
    }

    /// What a client that keeps to the requirements does. Where it is [`Expected::Either`], the requirements are met
    /// both ways: TLS 1.3 is allowed and not demanded, AIA may be followed, revocation is known by CRL *or* OCSP
    /// (ECO.1.1.6), ANSSI tolerates DHE, and only some products have a client certificate.
    pub fn expected(self) -> Expected {
        match self {
            B::Tls12Only | B::NoClientCertificate | B::SeveralClientCas => Expected::Accept,
            B::Tls13Only
            | B::MissingIntermediate
            | B::RevokedOcsp
            | B::DheOnly
            | B::CertificateRequired
            | B::ForeignClientCa => Expected::Either,
            _ => Expected::Refuse,
        }
    }
}

impl FromStr for BadServer {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::parse(name)
    }
}

/// A client certificate that a server must refuse, or must not take for another's ([`crate::Lab::issue_bad_client`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BadClient {
    /// Issued by an authority that has no place in the trust space.
    Foreign,
    /// Issued by Élémentaire Organisations, expired three days ago.
    Expired,
    /// Issued by Élémentaire Organisations, and on its CRL.
    Revoked,
    /// A sound certificate of another product's structure.
    OtherProduct,
    /// Issued by Élémentaire Organisations for server authentication alone.
    ServerAuthOnly,
}

impl BadClient {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Foreign, Self::Expired, Self::Revoked, Self::OtherProduct, Self::ServerAuthOnly];

    /// The name in scripts: lower case with hyphens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::OtherProduct => "other-product",
            Self::ServerAuthOnly => "server-auth-only",
        }
    }

    /// What it is, in a few words without a capital.
    pub fn title(self) -> Text {
        let (fr, en) = match self {
            Self::Foreign => {
                ("certificat de client d’une autorité étrangère", "client certificate of a foreign authority")
            }
            Self::Expired => ("certificat de client expiré", "expired client certificate"),
            Self::Revoked => ("certificat de client révoqué", "revoked client certificate"),
            Self::OtherProduct => {
                ("certificat de client d’un autre produit", "client certificate of another product")
            }
            Self::ServerAuthOnly => {
                ("certificat de serveur présenté par un client", "server certificate shown by a client")
            }
        };
        Text { fr, en }
    }

    /// Reads a name as [`Self::name`] gives it.
    ///
    /// # Errors
    /// [`Error::Input`] for an unknown name; the text names the nearest one.
    pub fn parse(name: &str) -> Result<Self, Error> {
        parse(name, "bad client certificate", &Self::ALL, Self::name)
    }
}

fn parse<T: Copy>(name: &str, what: &str, all: &[T], named: fn(T) -> &'static str) -> Result<T, Error> {
    if let Some(found) = all.iter().find(|one| named(**one) == name) {
        return Ok(*found);
    }
    let told: String = name.chars().take(60).collect();
    let nearest = all.iter().map(|one| named(*one)).min_by_key(|known| distance(&told, known));
    let hint = nearest.map_or_else(String::new, |nearest| format!("; the nearest name is “{nearest}”"));
    Err(Error::Input(format!("“{}” is no {what}{hint}", told.escape_debug())))
}

/// Levenshtein's distance, in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (place, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        let names: BTreeSet<_> = BadServer::ALL.into_iter().map(BadServer::name).collect();
        assert_eq!(names.len(), BadServer::ALL.len());
        for fault in BadServer::ALL {
            assert_eq!(BadServer::parse(fault.name()).unwrap(), fault);
            assert!(!fault.name().contains(char::is_whitespace));
            for text in [fault.title(), fault.why()] {
                assert!(!text.fr.is_empty() && !text.en.is_empty());
            }
            assert!(
                fault.why().fr.contains("CONF.") || fault.why().fr.contains("ECO."),
                "{} names no requirement",
                fault.name()
            );
        }
        for kind in BadClient::ALL {
            assert_eq!(BadClient::parse(kind.name()).unwrap(), kind);
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_the_nearest() {
        for (wrong, nearest) in
            [("expird", "expired"), ("self_signed", "self-signed"), ("Tls13Only", "tls-1.3-only")]
        {
            let error = BadServer::parse(wrong).unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains(&format!("“{nearest}”")), "{error}");
        }
        assert!(BadClient::parse("revokd").unwrap_err().to_string().contains("“revoked”"));
        assert!(BadServer::parse("").is_err());
    }
}
