use wire::{Direction, Event, Fact};

use crate::login::nothing_seen;
use crate::text::shown;
use crate::{Check, Connection, Outcome, Protocol, Text, Transcript};

/// TLS is reached by STARTTLS on the plain port, and nothing but its preliminaries is said before
/// (SC.MSS/CONF.05, CONF.06).
///
/// What a client says in clear can be read and forged on the way; a server cannot undo it. Connections on which the
/// sandbox misbehaves are left out.
#[derive(Clone, Copy, Debug)]
pub struct StartTls<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Where.
    pub protocol: Protocol,
}

/// How one connection stands.
enum Way {
    /// STARTTLS, then TLS.
    Upgraded { by: i64, tls: String },
    /// TLS from the first byte.
    Implicit { by: i64, port: u16 },
    /// Something in clear that must not be.
    InClear { by: i64, received: Text, next: Text },
    /// A handshake that failed, or nothing much.
    Other,
}

impl StartTls<'_> {
    /// One connection that breaks the rule fails it; else one that went through STARTTLS is enough.
    pub fn check(&self, transcript: &Transcript<'_>) -> Check {
        let (rule, name) = (self.rule(), self.protocol.name());
        let expected = Text::new(
            format!("{name} : STARTTLS sur le port en clair, TLS établi, rien d’autre dit auparavant"),
            format!("{name}: STARTTLS on the plain port, TLS up, nothing else said before"),
        );
        let ways: Vec<Way> =
            transcript.healthy(self.protocol).map(|connection| self.way(connection)).collect();
        let failed = |received, by, next| {
            let pair = (expected.clone(), received);
            Check::not_passed(self.requirement, rule, Outcome::Failed, pair, Some(by), next)
        };
        for way in &ways {
            if let Way::InClear { by, received, next } = way {
                return failed(received.clone(), *by, next.clone());
            }
        }
        for way in &ways {
            if let Way::Upgraded { by, tls } = way {
                let received = Text::new(
                    format!("STARTTLS, puis TLS établi ({tls})"),
                    format!("STARTTLS, then TLS up ({tls})"),
                );
                return Check::passed(self.requirement, rule, expected, received, Some(*by));
            }
        }
        for way in &ways {
            if let Way::Implicit { by, port } = way {
                let plain = match self.protocol {
                    Protocol::Imap => "143",
                    Protocol::Smtp => "587",
                };
                let received = Text::new(
                    format!("TLS dès le premier octet, sur le port {port} (TLS implicite)"),
                    format!("TLS from the first byte, on port {port} (implicit TLS)"),
                );
                let next = Text::new(
                    format!(
                        "Configurer {name} avec STARTTLS sur le port marqué STARTTLS dans les prérequis du test ({plain} chez un opérateur)."
                    ),
                    format!(
                        "Configure {name} with STARTTLS on the port marked STARTTLS in the test's prerequisites ({plain} at an operator)."
                    ),
                );
                return failed(received, *by, next);
            }
        }
        nothing_seen(self.requirement, rule, expected, transcript, self.protocol)
    }

    fn rule(&self) -> &'static str {
        match self.protocol {
            Protocol::Imap => "ECO.1.0.2, RFC 3501 §6.2.1",
            Protocol::Smtp => "ECO.1.0.1, RFC 3207 §4",
        }
    }

    fn way(&self, connection: &Connection<'_>) -> Way {
        if let Some(origin) = connection.origin().filter(|origin| origin.implicit_tls) {
            return match connection.tls() {
                Some((event, _)) => Way::Implicit { by: event.seq, port: origin.port },
                None => Way::Other,
            };
        }
        let shaken = connection.events.iter().position(|event| is_handshake(&event.fact));
        let (before, after) = connection.events.split_at(shaken.unwrap_or(connection.events.len()));
        if let Some(way) = self.in_clear(before) {
            return way;
        }
        let Some((event, tls)) = connection.tls() else { return Way::Other };
        if self.protocol == Protocol::Smtp
            && let Some((first, text)) = client_lines(after).next()
            && self.verb(text) != "EHLO"
            && self.verb(text) != "QUIT"
        {
            let received = Text::new(
                format!("Premier mot après TLS : {}", shown(text)),
                format!("First words after TLS: {}", shown(text)),
            );
            let next = Text::new(
                "Renvoyer EHLO dès que TLS est établi et oublier la réponse reçue en clair : AUTH n’est annoncé que sous TLS.",
                "Send EHLO again as soon as TLS is up and forget the answer received in clear: AUTH is offered under TLS only.",
            );
            return Way::InClear { by: first.seq, received, next };
        }
        Way::Upgraded { by: event.seq, tls: format!("{} {}", tls.version, tls.suite) }
    }

    /// What was said before TLS that must not be.
    fn in_clear(&self, before: &[&Event]) -> Option<Way> {
        let violation = before.iter().find_map(|event| match &event.fact {
            Fact::Violation { what } => Some((event.seq, what)),
            _ => None,
        });
        if let Some((by, what)) = violation {
            let what = shown(what);
            let received = Text::new(format!("Avant TLS : {what}"), format!("Before TLS: {what}"));
            let next = Text::new(
                "Attendre la réponse à STARTTLS, faire la poignée de main TLS, et n’envoyer la suite qu’après.",
                "Wait for the answer to STARTTLS, shake hands, and send the rest only afterwards.",
            );
            return Some(Way::InClear { by, received, next });
        }
        let (event, text) =
            client_lines(before).find(|(_, text)| !self.allowed().contains(&self.verb(text).as_str()))?;
        let text = shown(text);
        let received = Text::new(
            format!("Envoyé en clair, avant TLS : {text}"),
            format!("Sent in clear, before TLS: {text}"),
        );
        let list = self.allowed().join(", ");
        let next = Text::new(
            format!(
                "Avant TLS, seules ces commandes sont admises : {list}. Envoyer STARTTLS d’abord, et renoncer si le serveur ne l’offre pas."
            ),
            format!(
                "Before TLS these commands only are allowed: {list}. Send STARTTLS first, and give up where the server does not offer it."
            ),
        );
        Some(Way::InClear { by: event.seq, received, next })
    }

    fn allowed(&self) -> &'static [&'static str] {
        match self.protocol {
            Protocol::Imap => &["CAPABILITY", "ID", "NOOP", "STARTTLS", "LOGOUT"],
            Protocol::Smtp => &["EHLO", "HELO", "NOOP", "STARTTLS", "QUIT"],
        }
    }

    /// The command's word, upper-cased: behind the tag in IMAP.
    fn verb(&self, text: &str) -> String {
        let at = match self.protocol {
            Protocol::Imap => 1,
            Protocol::Smtp => 0,
        };
        text.split_whitespace().nth(at).unwrap_or_default().to_ascii_uppercase()
    }
}

fn client_lines<'e>(events: &'e [&Event]) -> impl Iterator<Item = (&'e Event, &'e str)> {
    events.iter().filter_map(|event| match &event.fact {
        Fact::Line { direction: Direction::Client, text } => Some((*event, text.as_str())),
        _ => None,
    })
}

fn is_handshake(fact: &Fact) -> bool {
    matches!(fact, Fact::ClientHello { .. } | Fact::TlsEstablished { .. } | Fact::TlsFailed { .. })
}
