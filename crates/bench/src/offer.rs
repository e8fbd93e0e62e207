//! What a client's ClientHello offers, held against ANSSI's list (SC.MSS/CONF.03; [`tls::inventory`]).
//!
//! The requirement is about what is negotiated, and the list of ECO.1.1.3 itself was not to be read. So an offer is refused
//! only where nobody would take it (no authentication, no encryption, RC4, DES: RFC 9325 §4.1), or where nothing that it
//! holds is recommended; what else is off the list is named, for the editor to take out.

use rules::{Check, Connection, Outcome, Protocol, Text, Transcript};
use tls::{Inventory, Score, inventory};

const RULE: &str = "ECO.1.1.3, ANSSI SDE-NT-35, RFC 9325 §4.1";
/// Parts of the names of suites that must not be offered.
const BANNED: [&str; 6] = ["_anon_", "_NULL_", "_RC4_", "_EXPORT_", "_DES_", "_DES40_"];

/// Judges every ClientHello on `protocol`; the first that fails decides.
pub(crate) fn check(requirement: &str, protocol: Protocol, transcript: &Transcript<'_>) -> Check {
    let name = protocol.name();
    let mut check = Check {
        requirement: requirement.to_owned(),
        outcome: Outcome::Passed,
        expected: Text::new(
            format!(
                "ClientHello {name} proposant des suites recommandées, et aucune sans chiffrement ni authentification"
            ),
            format!(
                "{name} ClientHello offering recommended suites, and none without encryption or authentication"
            ),
        ),
        received: Text::default(),
        rule: RULE.to_owned(),
        decided_by: None,
        next: Text::default(),
    };
    let hellos: Vec<_> = transcript.of(protocol).filter_map(Connection::hello).collect();
    let Some((first, hello)) = hellos.first() else {
        check.outcome = Outcome::Inconclusive;
        check.received = Text::new(
            format!("Aucune poignée de main TLS {name} de ce client pendant la fenêtre"),
            format!("No TLS handshake of this client on {name} during the window"),
        );
        check.next = Text::new(
            "Vérifier l’hôte, le port et le mode de chiffrement configurés dans le logiciel, puis relancer.",
            "Check the host, port and encryption mode configured in the software, then run again.",
        );
        return check;
    };
    (check.received, check.decided_by) = (told(&inventory(hello)), Some(first.seq));
    for (event, hello) in &hellos {
        let offered = inventory(hello);
        let banned: Vec<&str> = names(&offered, |name, _| BANNED.iter().any(|part| name.contains(part)));
        let recommended = offered.suites.iter().any(|suite| suite.score == Score::Ok);
        if banned.is_empty() && recommended {
            continue;
        }
        check.outcome = Outcome::Failed;
        check.decided_by = Some(event.seq);
        check.received = match banned[..] {
            [] => told(&offered),
            _ => Text::new(
                format!("Suites à ne jamais proposer : {}", banned.join(", ")),
                format!("Suites never to be offered: {}", banned.join(", ")),
            ),
        };
        check.next = Text::new(
            "Régler la bibliothèque TLS du logiciel sur ECDHE avec AES-GCM ou ChaCha20-Poly1305 (guide TLS de l’ANSSI).",
            "Set the software's TLS library to ECDHE with AES-GCM or ChaCha20-Poly1305 (ANSSI's TLS guide).",
        );
        break;
    }
    check
}

fn names(offered: &Inventory, wanted: impl Fn(&str, Score) -> bool) -> Vec<&str> {
    let suites = offered.suites.iter().filter(|suite| wanted(&suite.name, suite.score));
    suites.map(|suite| suite.name.as_str()).collect()
}

/// How many suites stand where, and the names of those off the list.
fn told(offered: &Inventory) -> Text {
    let count = |score| offered.suites.iter().filter(|suite| suite.score == score).count();
    let (good, tolerated) = (count(Score::Ok), count(Score::Tolerated));
    let off = names(offered, |_, score| score == Score::Forbidden).join(", ");
    let mut text = Text::new(
        format!("{good} suites recommandées, {tolerated} tolérées"),
        format!("{good} suites recommended, {tolerated} tolerated"),
    );
    if !off.is_empty() {
        text.fr.push_str(&format!(" ; hors liste, à retirer : {off}"));
        text.en.push_str(&format!("; off the list, to be taken out: {off}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use wire::{ClientHelloFacts, ConnectionId, Event, Fact, Service};

    use super::*;

    fn judged(suites: &[u16]) -> Check {
        let hello = ClientHelloFacts {
            legacy_version: 0x0303,
            versions: vec![0x0303, 0x0304],
            suites: suites.to_vec(),
            ..ClientHelloFacts::default()
        };
        let event = Event {
            seq: 7,
            at: kernel::Timestamp::UNIX_EPOCH,
            connection: ConnectionId(1),
            service: Service::Imap,
            fact: Fact::ClientHello { hello },
        };
        check("SC.MSS/CONF.03", Protocol::Imap, &Transcript::new(&[event]))
    }

    #[test]
    fn only_what_nobody_takes_fails_an_offer_and_the_rest_is_named() {
        assert_eq!(judged(&[0x1301, 0xc02f]).outcome, Outcome::Passed);
        // TLS_RSA_WITH_AES_128_CBC_SHA beside a good one: told, not failed.
        let old = judged(&[0x1301, 0x002f]);
        assert_eq!(old.outcome, Outcome::Passed);
        assert!(old.received.en.contains("TLS_RSA_WITH_AES_128_CBC_SHA"), "{}", old.received.en);
        // TLS_ECDHE_RSA_WITH_RC4_128_SHA, TLS_DH_anon_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_NULL_SHA256.
        for code in [0xc011, 0x00a6, 0x003b] {
            let bad = judged(&[0x1301, code]);
            assert_eq!((bad.outcome, bad.decided_by), (Outcome::Failed, Some(7)), "{}", bad.received.en);
        }
        assert_eq!(judged(&[0x002f]).outcome, Outcome::Failed, "nothing recommended");
        assert_eq!(check("x", Protocol::Imap, &Transcript::new(&[])).outcome, Outcome::Inconclusive);
    }
}
