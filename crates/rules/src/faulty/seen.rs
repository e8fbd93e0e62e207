//! What the client did on the connections of the step, whatever the fault was.

use wire::{AuthFacts, AuthOutcome, Direction, Event, Fact, MailFacts, old_tls, tls_fault};

use super::Answer;
use crate::text::shown;
use crate::{Connection, Outcome, Protocol, Text, Transcript};

pub(crate) fn passed(received: Text, by: Option<i64>) -> Answer {
    Answer { outcome: Outcome::Passed, received, by, next: Text::default() }
}

pub(crate) fn failed(received: Text, by: &Event, next: Text) -> Answer {
    Answer { outcome: Outcome::Failed, received, by: Some(by.seq), next }
}

pub(crate) fn unclear(received: Text, by: Option<i64>, next: Text) -> Answer {
    Answer { outcome: Outcome::Inconclusive, received, by, next }
}

pub(crate) fn last(protocol: Protocol, transcript: &Transcript<'_>) -> Option<i64> {
    transcript.of(protocol).last().and_then(|connection| connection.events.last()).map(|event| event.seq)
}

fn is_faulted_at(connection: &Connection<'_>, wanted: &str) -> Option<usize> {
    connection
        .events
        .iter()
        .position(|event| matches!(&event.fact, Fact::Fault { point, .. } if point == wanted))
}

/// A line of the client's after the handshake is one too many.
pub(super) fn refuse_server(protocol: Protocol, transcript: &Transcript<'_>) -> Answer {
    let next = Text::new(
        "Faire vérifier le certificat du serveur par la bibliothèque TLS (chaîne IGC-Santé, nom d’hôte, dates, usage, révocation), et fermer la connexion en cas d’échec, avant toute commande.",
        "Have the TLS library verify the server's certificate (IGC-Santé chain, host name, dates, usage, revocation), and close the connection where it fails, before any command.",
    );
    let mut refused = None;
    for connection in transcript.of(protocol) {
        let Some(at) = is_faulted_at(connection, "handshake") else { continue };
        let after = &connection.events[at..];
        let established = after.iter().position(|event| matches!(event.fact, Fact::TlsEstablished { .. }));
        if let Some(up) = established
            && let Some(spoken) = after[up..].iter().find(|event| is_client_line(event))
        {
            let Fact::Line { text, .. } = &spoken.fact else { continue };
            return failed(
                Text::new(
                    format!("Serveur accepté : « {} » après la poignée de main", shown(text)),
                    format!("Server accepted: “{}” after the handshake", shown(text)),
                ),
                spoken,
                next,
            );
        }
        if let Some(taken) = after.iter().find(|event| {
            matches!(&event.fact, Fact::TlsFailed { reason, .. }
                if reason.starts_with(old_tls::ACCEPTED) || reason.starts_with(tls_fault::ACCEPTED))
        }) {
            let Fact::TlsFailed { reason, .. } = &taken.fact else { continue };
            return failed(Text::same(shown(reason)), taken, next);
        }
        let reason = after.iter().find_map(|event| match &event.fact {
            Fact::TlsFailed { reason, .. } if !is_unclear(reason) => Some((*event, shown(reason))),
            _ => None,
        });
        // After a handshake that succeeded only the end of the connection tells that the client left.
        let left = after.iter().find(|event| matches!(event.fact, Fact::Closed { .. }));
        refused = refused.or(match (reason, established, left) {
            (Some((event, reason)), _, _) => Some((
                event.seq,
                Text::new(
                    format!("Poignée de main abandonnée : {reason}"),
                    format!("Handshake given up: {reason}"),
                ),
            )),
            (None, Some(_), Some(event)) => Some((
                event.seq,
                Text::new(
                    "Connexion fermée par le client après la poignée de main, sans une commande",
                    "Connection closed by the client after the handshake, without a command",
                ),
            )),
            (None, None, Some(event)) if is_left_by_client(event) => Some((
                event.seq,
                Text::new(
                    "Connexion fermée par le client pendant la poignée de main",
                    "Connection closed by the client during the handshake",
                ),
            )),
            _ => None,
        });
    }
    match refused {
        Some((by, received)) => passed(received, Some(by)),
        None => unclear(
            Text::new("Le client n’a pas terminé la poignée de main", "The client did not end the handshake"),
            last(protocol, transcript),
            Text::new("Relancer le test.", "Run the test again."),
        ),
    }
}

fn is_left_by_client(event: &Event) -> bool {
    matches!(&event.fact, Fact::Closed { reason } if reason == "eof" || reason.starts_with("error"))
}

/// A client that hangs up without an alert has left all the same; only silence says nothing.
fn is_unclear(reason: &str) -> bool {
    let unclear = reason.starts_with(old_tls::UNCLEAR) || reason.starts_with(tls_fault::UNCLEAR);
    unclear && !reason.contains("connexion fermée")
}

/// Without TLS: no login, no envelope.
pub(super) fn stay_silent(protocol: Protocol, transcript: &Transcript<'_>) -> Answer {
    let next = Text::new(
        "Exiger TLS : si STARTTLS manque ou échoue, fermer la connexion et le dire, sans rien envoyer.",
        "Require TLS: where STARTTLS is missing or fails, close the connection and say so, sending nothing.",
    );
    for connection in transcript.of(protocol) {
        let shaken =
            connection.events.iter().position(|event| matches!(event.fact, Fact::TlsEstablished { .. }));
        let clear = &connection.events[..shaken.unwrap_or(connection.events.len())];
        for event in clear {
            match &event.fact {
                Fact::Auth { auth } if !auth.tls => {
                    let received = Text::new(
                        format!("Authentification {} tentée en clair", auth.mechanism),
                        format!("{} login tried in clear", auth.mechanism),
                    );
                    return failed(received, event, next);
                }
                Fact::Line { direction: Direction::Client, text } if says_too_much(protocol, text) => {
                    let received = Text::new(
                        format!("Commande en clair : « {} »", shown(text)),
                        format!("Command in clear: “{}”", shown(text)),
                    );
                    return failed(received, event, next);
                }
                _ => {}
            }
        }
    }
    passed(
        Text::new("Rien de confidentiel n’a été dit en clair", "Nothing confidential was said in clear"),
        last(protocol, transcript),
    )
}

/// What may not be said without TLS; an unexpected command that betrays nothing may.
fn says_too_much(protocol: Protocol, line: &str) -> bool {
    let word = |place: usize| line.split_whitespace().nth(place).unwrap_or_default().to_ascii_uppercase();
    match protocol {
        Protocol::Imap => {
            matches!(word(1).as_str(), "LOGIN" | "AUTHENTICATE" | "SELECT" | "EXAMINE" | "APPEND" | "LIST")
        }
        Protocol::Smtp => matches!(word(0).as_str(), "AUTH" | "MAIL" | "RCPT" | "DATA" | "BDAT"),
    }
}

/// No PLAIN, no LOGIN.
pub(super) fn no_password(protocol: Protocol, transcript: &Transcript<'_>) -> Answer {
    let bad = transcript
        .logins(protocol)
        .find(|(_, auth)| matches!(auth.mechanism.as_str(), "PLAIN" | "LOGIN" | "CRAM-MD5") || !auth.tls);
    match bad {
        Some((event, auth)) => failed(
            Text::new(
                format!(
                    "Authentification {} {}",
                    auth.mechanism,
                    if auth.tls { "sous TLS" } else { "en clair" }
                ),
                format!("{} login {}", auth.mechanism, if auth.tls { "under TLS" } else { "in clear" }),
            ),
            event,
            Text::new(
                "N’utiliser que XOAUTH2 (ou EXTERNAL pour une BAL applicative), et abandonner si le serveur ne l’offre pas.",
                "Use XOAUTH2 only (or EXTERNAL for an applicative mailbox), and give up where the server does not offer it.",
            ),
        ),
        None => passed(
            Text::new("Ni mot de passe ni jeton montrés", "No password and no token shown"),
            last(protocol, transcript),
        ),
    }
}

/// Login attempts, connections that end before one, and faults met are counted: whichever are more.
pub(super) fn give_up(protocol: Protocol, bound: u32, transcript: &Transcript<'_>) -> Answer {
    let logins: Vec<(&Event, &AuthFacts)> = transcript.logins(protocol).collect();
    let refused: Vec<_> =
        logins.iter().filter(|(_, auth)| !matches!(auth.outcome, AuthOutcome::Accepted { .. })).collect();
    let connections = transcript.of(protocol).count();
    let faults = transcript.of(protocol).flat_map(|connection| &connection.events);
    let faults = faults.filter(|event| matches!(event.fact, Fact::Fault { .. })).count();
    let tries = refused.len().max(connections.saturating_sub(logins.len() - refused.len())).max(faults);
    let received = Text::new(
        format!("{tries} tentative(s) refusée(s) ou coupée(s), sur {connections} connexion(s)"),
        format!("{tries} refused or cut tries, on {connections} connections"),
    );
    if tries as u64 <= u64::from(bound) {
        return passed(received, last(protocol, transcript));
    }
    let by = refused.get(bound as usize).map(|(event, _)| *event);
    let by =
        by.or_else(|| transcript.of(protocol).nth(bound as usize).and_then(|c| c.events.first().copied()));
    match by {
        Some(by) => failed(
            received,
            by,
            Text::new(
                "Ne pas recommencer en boucle : après un ou deux essais espacés, dire l’erreur à l’utilisateur et laisser le reste du logiciel utilisable.",
                "Do not begin again in a loop: after one or two tries with a pause, tell the user the error and keep the rest of the software usable.",
            ),
        ),
        None => passed(received, None),
    }
}

/// The time between the beginnings of two connections.
pub(super) fn back_off(protocol: Protocol, bound: u32, transcript: &Transcript<'_>) -> Answer {
    let mut begins: Vec<&Event> =
        transcript.of(protocol).filter_map(|connection| connection.events.first().copied()).collect();
    begins.sort_by_key(|event| event.at);
    let gap = |pair: &[&Event]| pair[1].at.duration_since(pair[0].at).as_millis();
    if let Some(pair) = begins.windows(2).find(|pair| gap(pair) < i128::from(bound)) {
        return failed(
            Text::new(
                format!("{} ms entre deux tentatives", gap(pair)),
                format!("{} ms between two tries", gap(pair)),
            ),
            pair[1],
            Text::new(
                "Espacer les tentatives, de plus en plus (par exemple 1 s, 2 s, 4 s…, avec une part de hasard).",
                "Leave time between tries, more and more (1 s, 2 s, 4 s… for example, with a part of chance).",
            ),
        );
    }
    let received = Text::new(
        format!("{} connexion(s), aucune trop proche de la précédente", begins.len()),
        format!("{} connection(s), none too near the one before", begins.len()),
    );
    passed(received, last(protocol, transcript))
}

/// No message twice, by Message-ID where there is one, else by recipients.
pub(super) fn not_twice(protocol: Protocol, transcript: &Transcript<'_>) -> Answer {
    let mails: Vec<(&Event, &MailFacts)> = transcript.mails().collect();
    match twice(&mails) {
        Some(event) => failed(
            Text::new(
                format!("Message accepté {} fois", mails.len()),
                format!("Message accepted {} times", mails.len()),
            ),
            event,
            Text::new(
                "Après le point final, une réponse qui n’arrive pas n’est pas un refus : chercher le Message-ID ou demander à l’utilisateur, ne jamais renvoyer de soi-même.",
                "After the final dot an answer that does not come is no refusal: look for the Message-ID or ask the user, never send again by itself.",
            ),
        ),
        None => passed(
            Text::new(
                format!("{} message accepté, aucun deux fois", mails.len()),
                format!("{} message(s) accepted, none twice", mails.len()),
            ),
            mails.last().map(|(event, _)| event.seq).or(last(protocol, transcript)),
        ),
    }
}

fn twice<'a>(mails: &[(&'a Event, &MailFacts)]) -> Option<&'a Event> {
    mails.iter().enumerate().find_map(|(at, (event, mail))| {
        let same = |other: &MailFacts| match (&mail.message_id, &other.message_id) {
            (Some(one), Some(two)) => one == two,
            _ => false,
        };
        let shares = |other: &MailFacts| {
            mail.to.iter().any(|to| other.to.iter().any(|two| two.eq_ignore_ascii_case(to)))
        };
        mails[..at].iter().any(|(_, other)| same(other) || shares(other)).then_some(*event)
    })
}

/// Accepted, and once.
pub(super) fn once(protocol: Protocol, transcript: &Transcript<'_>) -> Answer {
    let mails: Vec<(&Event, &MailFacts)> = transcript.mails().collect();
    if mails.is_empty() {
        let by = transcript.of(protocol).last().and_then(|connection| connection.events.last().copied());
        let received = Text::new("Message jamais accepté", "Message never accepted");
        let next = Text::new(
            "Réessayer plus tard après un refus temporaire (4xx) ou une coupure avant le point final, avec le même Message-ID.",
            "Try again later after a temporary refusal (4xx) or a cut before the final dot, with the same Message-ID.",
        );
        return match by {
            Some(by) => failed(received, by, next),
            None => unclear(received, None, next),
        };
    }
    not_twice(protocol, transcript)
}

/// MAIL, or DATA, for a message above the announced size.
pub(super) fn respect_size(protocol: Protocol, transcript: &Transcript<'_>) -> Answer {
    for connection in transcript.of(protocol) {
        let limit = connection.events.iter().find_map(|event| match &event.fact {
            Fact::Line { direction: Direction::Server, text } => size_word(text),
            _ => None,
        });
        let sent = connection.events.iter().find(|event| match &event.fact {
            Fact::Line { direction: Direction::Client, text } => text
                .get(..4)
                .is_some_and(|verb| verb.eq_ignore_ascii_case("DATA") || verb.eq_ignore_ascii_case("BDAT")),
            _ => false,
        });
        if let Some(sent) = sent {
            return failed(
                Text::new(
                    format!("Message envoyé au-delà de SIZE {}", limit.unwrap_or_default()),
                    format!("Message sent beyond SIZE {}", limit.unwrap_or_default()),
                ),
                sent,
                Text::new(
                    "Lire SIZE dans la réponse à EHLO (après STARTTLS), et refuser avant l’envoi ce qui est plus grand, en le disant.",
                    "Read SIZE in the reply to EHLO (after STARTTLS), and refuse what is larger before sending, and say so.",
                ),
            );
        }
    }
    passed(
        Text::new("Rien n’a été envoyé au-delà de la limite", "Nothing was sent beyond the limit"),
        last(protocol, transcript),
    )
}

fn size_word(text: &str) -> Option<u64> {
    let rest = text.get(4..)?;
    let (word, number) = rest.split_once(' ')?;
    word.eq_ignore_ascii_case("SIZE").then(|| number.trim().parse().ok()).flatten()
}

pub(super) fn is_client_line(event: &Event) -> bool {
    matches!(&event.fact, Fact::Line { direction: Direction::Client, .. } | Fact::Auth { .. })
}
