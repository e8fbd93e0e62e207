use wire::{ClientHelloFacts, old_tls};

use crate::text::shown;
use crate::{Check, Outcome, Protocol, Text, Transcript};

/// TLS 1.2: the oldest version that is allowed (SC.MSS/CONF.01).
const FLOOR: u16 = 0x0303;

/// The client's own ClientHello offers TLS 1.2 at least, and nothing older (SC.MSS/CONF.01).
///
/// A hello without `supported_versions` (RFC 8446 §4.2.1) names the newest version only: it says nothing of the oldest
/// one that the client would take, and a pass on it says so. [`OldTlsRefused`] settles that.
#[derive(Clone, Copy, Debug)]
pub struct TlsOffered<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Where.
    pub protocol: Protocol,
}

impl TlsOffered<'_> {
    /// Every ClientHello counts, those towards a misbehaving server included: a client that comes back with an older
    /// version after a failure is the one that this rule is for.
    pub fn check(&self, transcript: &Transcript<'_>) -> Check {
        let rule = "ECO.1.1.1, RFC 8446 §4.2.1";
        let name = self.protocol.name();
        let expected = Text::new(
            format!("ClientHello {name} proposant TLS 1.2 ou plus, et rien d’antérieur"),
            format!("{name} ClientHello offering TLS 1.2 or later, and nothing older"),
        );
        let hellos: Vec<_> =
            transcript.of(self.protocol).filter_map(|connection| connection.hello()).collect();
        let Some((first, hello)) = hellos.first() else {
            return self.no_hello(rule, expected, transcript);
        };
        if let Some((event, hello)) =
            hellos.iter().find(|(_, hello)| hello.versions.iter().any(|v| *v < FLOOR))
        {
            let next = Text::new(
                "Régler la bibliothèque TLS du logiciel sur TLS 1.2 au minimum (TLS 1.0 et 1.1 désactivés).",
                "Set the software's TLS library to TLS 1.2 at least (TLS 1.0 and 1.1 disabled).",
            );
            let pair = (
                expected,
                Text::new(offered(hello, "Versions proposées"), offered(hello, "Versions offered")),
            );
            return Check::not_passed(self.requirement, rule, Outcome::Failed, pair, Some(event.seq), next);
        }
        let mut received =
            Text::new(offered(hello, "Versions proposées"), offered(hello, "Versions offered"));
        if hello.versions == [hello.legacy_version] {
            received.fr.push_str(" au plus, sans l’extension supported_versions : ce ClientHello ne dit pas jusqu’où le client descendrait");
            received.en.push_str(" at most, without the supported_versions extension: this ClientHello does not say how low the client would go");
        }
        Check::passed(self.requirement, rule, expected, received, Some(first.seq))
    }

    fn no_hello(&self, rule: &str, expected: Text, transcript: &Transcript<'_>) -> Check {
        let name = self.protocol.name();
        let (received, by) = match transcript.of(self.protocol).last() {
            Some(connection) => (
                Text::new(
                    format!("Connexion {name} sans poignée de main TLS"),
                    format!("{name} connection without any TLS handshake"),
                ),
                connection.events.last().map(|event| event.seq),
            ),
            None => (
                Text::new(
                    format!("Aucune connexion {name} de ce client pendant la fenêtre"),
                    format!("No {name} connection of this client during the window"),
                ),
                None,
            ),
        };
        let next = Text::new(
            "Vérifier l’hôte, le port et le mode de chiffrement (STARTTLS) configurés dans le logiciel, puis relancer.",
            "Check the host, port and encryption mode (STARTTLS) configured in the software, then run again.",
        );
        Check::not_passed(self.requirement, rule, Outcome::Inconclusive, (expected, received), by, next)
    }
}

/// A server that knows TLS 1.1 only is refused (SC.MSS/CONF.01).
///
/// Judged on connections on which the sandbox plays that server; its positive control is a login of the same client
/// on a healthy one.
#[derive(Clone, Copy, Debug)]
pub struct OldTlsRefused<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Where.
    pub protocol: Protocol,
}

impl OldTlsRefused<'_> {
    /// One acceptance fails it; one refusal passes it; anything else proves nothing.
    pub fn check(&self, transcript: &Transcript<'_>) -> Check {
        let rule = "ECO.1.1.1";
        let name = self.protocol.name();
        let expected = Text::new(
            format!("Serveur {name} limité à TLS 1.1 refusé par le client, à la réception du ServerHello"),
            format!("{name} server limited to TLS 1.1 refused by the client, on its ServerHello"),
        );
        let reactions: Vec<_> = transcript
            .of(self.protocol)
            .filter(|connection| connection.is_faulty())
            .filter_map(|connection| connection.tls_failure())
            .collect();
        let find = |prefix: &str| reactions.iter().find(|(_, reason)| reason.starts_with(prefix));
        let told = |reason: &str| Text::same(shown(reason));
        if let Some((event, reason)) = find(old_tls::ACCEPTED) {
            let next = Text::new(
                "Régler la bibliothèque TLS du logiciel sur TLS 1.2 au minimum : le client doit abandonner la poignée de main, par l’alerte protocol_version.",
                "Set the software's TLS library to TLS 1.2 at least: the client must abandon the handshake, with the alert protocol_version.",
            );
            let pair = (expected, told(reason));
            return Check::not_passed(self.requirement, rule, Outcome::Failed, pair, Some(event.seq), next);
        }
        if let Some((event, reason)) = find(old_tls::REFUSED) {
            return Check::passed(self.requirement, rule, expected, told(reason), Some(event.seq));
        }
        let (received, by, next) = match reactions.last() {
            Some((event, reason)) => (
                told(reason),
                Some(event.seq),
                Text::new(
                    "Relancer le test : le client doit répondre au ServerHello par une alerte, ou fermer aussitôt.",
                    "Run the test again: the client must answer the ServerHello with an alert, or close at once.",
                ),
            ),
            None => self.never_came(transcript),
        };
        let pair = (expected, received);
        Check::not_passed(self.requirement, rule, Outcome::Inconclusive, pair, by, next)
    }

    fn never_came(&self, transcript: &Transcript<'_>) -> (Text, Option<i64>, Text) {
        // A handshake that never began: the client connected and left before it.
        let without = transcript.of(self.protocol).filter(|connection| connection.tls().is_none()).last();
        let received = match without {
            Some(_) => Text::new(
                "Le client s’est connecté sur ce point d’accès, mais n’y a pas engagé TLS",
                "The client connected to this access point but began no TLS there",
            ),
            None => Text::new(
                "Le client n’est pas venu sur ce point d’accès",
                "The client did not come to this access point",
            ),
        };
        let by = without.and_then(|connection| connection.events.last()).map(|event| event.seq);
        let next = Text::new(
            "Se connecter au port donné pour cette étape, avec STARTTLS.",
            "Connect to the port given for this step, with STARTTLS.",
        );
        (received, by, next)
    }
}

/// `Versions proposées : TLS 1.3, TLS 1.2`.
fn offered(hello: &ClientHelloFacts, label: &str) -> String {
    let mut versions = hello.versions.clone();
    versions.sort_unstable();
    versions.reverse();
    versions.dedup();
    let names: Vec<String> = versions.into_iter().map(version).collect();
    format!("{label} : {}", names.join(", "))
}

fn version(code: u16) -> String {
    match code {
        0x0300 => "SSL 3.0".into(),
        0x0301..=0x0304 => format!("TLS 1.{}", code - 0x0301),
        other => format!("0x{other:04x}"),
    }
}
