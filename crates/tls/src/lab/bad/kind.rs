use std::str::FromStr;

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
        self.row().0
    }

    /// What it is, in a few words without a capital.
    pub fn title(self) -> Text {
        let (_, fr, en, ..) = self.row();
        Text { fr, en }
    }

    /// Why it is tried, in one sentence, with the requirement behind it.
    pub fn why(self) -> Text {
        let (_, _, _, fr, en) = self.row();
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

    /// Name, title in French and English, reason in French and English.
    fn row(self) -> (&'static str, &'static str, &'static str, &'static str, &'static str) {
        match self {
            B::Expired => (
                "expired",
                "certificat expiré",
                "expired certificate",
                "Le LPS vérifie que le certificat de l’opérateur n’a pas expiré (ECO.1.1.5).",
                "The software checks that the operator’s certificate has not expired (ECO.1.1.5).",
            ),
            B::NotYetValid => (
                "not-yet-valid",
                "certificat pas encore valide",
                "certificate not valid yet",
                "Un certificat dont la validité n’a pas commencé ne prouve rien (ECO.1.1.5, RFC 5280 §6.1.3).",
                "A certificate whose validity has not begun proves nothing (ECO.1.1.5, RFC 5280 §6.1.3).",
            ),
            B::WrongHost => (
                "wrong-host",
                "certificat d’un autre serveur",
                "certificate of another host",
                "Le nom demandé doit figurer dans le certificat, sinon n’importe quel serveur de l’IGC peut se faire passer pour l’opérateur (SC.MSS/CONF.27, RFC 9525).",
                "The name asked for must be in the certificate, or any server of the IGC can pass for the operator (SC.MSS/CONF.27, RFC 9525).",
            ),
            B::NameInCnOnly => (
                "name-in-cn-only",
                "nom du serveur dans le seul CN",
                "host name in the CN alone",
                "Le nom du serveur se lit dans l’extension subjectAltName, jamais dans le CN (SC.MSS/CONF.27, RFC 9525 §6.3).",
                "The host’s name is read in the subjectAltName extension, never in the CN (SC.MSS/CONF.27, RFC 9525 §6.3).",
            ),
            B::UnknownCa => (
                "unknown-ca",
                "autorité inconnue",
                "unknown authority",
                "L’IGC-Santé est la seule autorité admise, quoi que contienne le magasin du système (SC.MSS/CONF.27).",
                "IGC-Santé is the only authority allowed, whatever the system’s store holds (SC.MSS/CONF.27).",
            ),
            B::SelfSigned => (
                "self-signed",
                "certificat auto-signé",
                "self-signed certificate",
                "Un certificat auto-signé ne mène à aucune autorité de l’IGC-Santé (SC.MSS/CONF.27).",
                "A self-signed certificate leads to no authority of IGC-Santé (SC.MSS/CONF.27).",
            ),
            B::MissingIntermediate => (
                "missing-intermediate",
                "autorité intermédiaire absente",
                "missing intermediate authority",
                "Le LPS ne peut conclure que s’il connaît l’autorité intermédiaire ou va la chercher à l’adresse du certificat (SC.MSS/CONF.27).",
                "The software can only conclude if it knows the intermediate authority or fetches it where the certificate says (SC.MSS/CONF.27).",
            ),
            B::ClientAuthOnly => (
                "client-auth-only",
                "certificat de client présenté par le serveur",
                "client certificate shown by the server",
                "Un certificat réservé à l’authentification d’un client ne doit pas servir à un serveur (SC.MSS/CONF.27, RFC 5280 §4.2.1.12).",
                "A certificate for client authentication alone must not serve a server (SC.MSS/CONF.27, RFC 5280 §4.2.1.12).",
            ),
            B::Revoked => (
                "revoked",
                "certificat révoqué (CRL)",
                "certificate revoked (CRL)",
                "Le LPS vérifie que le certificat de l’opérateur n’est pas révoqué (ECO.1.1.6).",
                "The software checks that the operator’s certificate is not revoked (ECO.1.1.6).",
            ),
            B::RevokedOcsp => (
                "revoked-ocsp",
                "certificat révoqué (OCSP seulement)",
                "certificate revoked (OCSP only)",
                "Un LPS qui s’en remet à OCSP doit croire sa réponse (ECO.1.1.6) ; celui qui s’en tient à la CRL n’est pas en faute.",
                "Software that relies on OCSP must believe its answer (ECO.1.1.6); software that keeps to the CRL is not at fault.",
            ),
            B::StaleCrl => (
                "stale-crl",
                "CRL périmée",
                "stale CRL",
                "Une CRL dont la prochaine mise à jour est passée ne vaut plus rien : sans autre source, il faut refuser (SC.MSS/CONF.22).",
                "A CRL past its next update is worth nothing: without another source, refuse (SC.MSS/CONF.22).",
            ),
            B::CrlUnreachable => (
                "crl-unreachable",
                "CRL injoignable",
                "unreachable CRL",
                "Sans CRL à jour, conservée ou téléchargée, le LPS ne peut pas conclure et doit refuser (SC.MSS/CONF.22).",
                "Without a current CRL, kept or fetched, the software cannot conclude and must refuse (SC.MSS/CONF.22).",
            ),
            B::WeakKey => (
                "weak-key",
                "clé RSA de 1024 bits",
                "RSA key of 1024 bits",
                "Une clé RSA de moins de 2048 bits n’est plus sûre (SC.MSS/CONF.03, guide TLS de l’ANSSI).",
                "An RSA key of less than 2048 bits is no longer safe (SC.MSS/CONF.03, ANSSI’s TLS guide).",
            ),
            B::Sha1 => (
                "sha1",
                "certificat signé avec SHA-1",
                "certificate signed with SHA-1",
                "Une signature SHA-1 peut être contrefaite (SC.MSS/CONF.03, guide TLS de l’ANSSI).",
                "A SHA-1 signature can be forged (SC.MSS/CONF.03, ANSSI’s TLS guide).",
            ),
            B::Tls12Only => (
                "tls-1.2-only",
                "TLS 1.2 seulement",
                "TLS 1.2 only",
                "Un opérateur peut s’en tenir à TLS 1.2 avec des suites admises : la connexion doit aboutir (SC.MSS/CONF.01).",
                "An operator may keep to TLS 1.2 with allowed suites: the connection must succeed (SC.MSS/CONF.01).",
            ),
            B::Tls13Only => (
                "tls-1.3-only",
                "TLS 1.3 seulement",
                "TLS 1.3 only",
                "TLS 1.3 est admis (SC.MSS/CONF.01) : un LPS à jour s’y connecte.",
                "TLS 1.3 is allowed (SC.MSS/CONF.01): up-to-date software connects with it.",
            ),
            B::Tls11Only => (
                "tls-1.1-only",
                "TLS 1.1 seulement",
                "TLS 1.1 only",
                "TLS 1.2 est la version la plus ancienne qui soit admise (SC.MSS/CONF.01).",
                "TLS 1.2 is the oldest version that is allowed (SC.MSS/CONF.01).",
            ),
            B::Tls10Only => (
                "tls-1.0-only",
                "TLS 1.0 seulement",
                "TLS 1.0 only",
                "TLS 1.2 est la version la plus ancienne qui soit admise (SC.MSS/CONF.01).",
                "TLS 1.2 is the oldest version that is allowed (SC.MSS/CONF.01).",
            ),
            B::CbcOnly => (
                "cbc-only",
                "suites CBC seulement",
                "CBC suites only",
                "Les suites CBC ne sont pas dans la liste à négocier (SC.MSS/CONF.03).",
                "CBC suites are not on the list to negotiate (SC.MSS/CONF.03).",
            ),
            B::DheOnly => (
                "dhe-only",
                "suites DHE seulement",
                "DHE suites only",
                "L’ANSSI tolère DHE à défaut d’ECDHE : ce que fait le LPS est relevé, sans jugement (SC.MSS/CONF.03).",
                "ANSSI tolerates DHE for want of ECDHE: what the software does is told, not judged (SC.MSS/CONF.03).",
            ),
            B::WeakSuitesOnly => (
                "weak-suites-only",
                "suites RC4, 3DES, NULL ou EXPORT seulement",
                "RC4, 3DES, NULL or EXPORT suites only",
                "Ces suites ne protègent plus rien et ne doivent jamais être négociées (SC.MSS/CONF.03).",
                "These suites protect nothing any more and must never be negotiated (SC.MSS/CONF.03).",
            ),
            B::GammeStandard => (
                "gamme-standard",
                "IGC-Santé, gamme Standard",
                "IGC-Santé, gamme Standard",
                "Seule la gamme Élémentaire, domaine Organisations, est admise (SC.MSS/CONF.27).",
                "Only the gamme Élémentaire, domaine Organisations, is allowed (SC.MSS/CONF.27).",
            ),
            B::GammeFort => (
                "gamme-fort",
                "IGC-Santé, gamme Fort",
                "IGC-Santé, gamme Fort",
                "Seule la gamme Élémentaire, domaine Organisations, est admise (SC.MSS/CONF.27).",
                "Only the gamme Élémentaire, domaine Organisations, is allowed (SC.MSS/CONF.27).",
            ),
            B::DomainePersonnes => (
                "domaine-personnes",
                "IGC-Santé, domaine Personnes",
                "IGC-Santé, domaine Personnes",
                "Sous la même racine, le domaine Personnes n’est pas admis : l’émetteur doit être Élémentaire Organisations (SC.MSS/CONF.27).",
                "Under the same root, the domaine Personnes is not allowed: the issuer must be Élémentaire Organisations (SC.MSS/CONF.27).",
            ),
            B::ProductionName => (
                "production-name",
                "chaîne au nom de la production",
                "chain named as the production’s",
                "Un nom n’est pas une preuve : seule compte la clé de l’ancre, et production et test ne se mêlent jamais (SC.MSS/CONF.27).",
                "A name is no proof: only the anchor’s key counts, and production and test never mix (SC.MSS/CONF.27).",
            ),
            B::TestName => (
                "test-name",
                "chaîne au nom de l’IGC-Santé de test",
                "chain named as the test IGC-Santé’s",
                "Un LPS réglé pour un environnement ne doit pas accepter l’IGC-Santé de test d’un autre (SC.MSS/CONF.27).",
                "Software set up for one environment must not accept the test IGC-Santé of another (SC.MSS/CONF.27).",
            ),
            B::CertificateRequired => (
                "certificate-required",
                "certificat de client exigé",
                "client certificate required",
                "Une BAL applicative s’authentifie par son certificat AUTH_CLI dès la poignée de main (SC.MSS/CONF.12).",
                "An application mailbox authenticates by its AUTH_CLI certificate in the handshake (SC.MSS/CONF.12).",
            ),
            B::NoClientCertificate => (
                "no-client-certificate",
                "aucun certificat de client demandé",
                "no client certificate asked for",
                "Un opérateur qui ne demande pas de certificat reste un opérateur : une BAL PER ou ORG s’y connecte (SC.MSS/CONF.07).",
                "An operator that asks for no certificate is still one: a PER or ORG mailbox connects to it (SC.MSS/CONF.07).",
            ),
            B::ForeignClientCa => (
                "foreign-client-ca",
                "certificat de client demandé d’une autorité étrangère",
                "client certificate of a foreign authority asked for",
                "Le LPS n’a rien à présenter à une autorité étrangère : il le dit et ne recommence pas en boucle (SC.MSS/CONF.08, CONF.12).",
                "The software has nothing to show to a foreign authority: it says so and does not loop (SC.MSS/CONF.08, CONF.12).",
            ),
            B::SeveralClientCas => (
                "several-client-cas",
                "certificat de client demandé à plusieurs autorités",
                "client certificate of several authorities asked for",
                "Parmi plusieurs autorités nommées, le LPS trouve celle de son certificat AUTH_CLI (SC.MSS/CONF.12).",
                "Among several authorities named, the software finds the one of its AUTH_CLI certificate (SC.MSS/CONF.12).",
            ),
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
        for (wrong, nearest) in [("expird", "expired"), ("self_signed", "self-signed"), ("Tls13Only", "tls-1.3-only")] {
            let error = BadServer::parse(wrong).unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains(&format!("“{nearest}”")), "{error}");
        }
        assert!(BadClient::parse("revokd").unwrap_err().to_string().contains("“revoked”"));
        assert!(BadServer::parse("").is_err());
    }
}
