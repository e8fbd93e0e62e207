//! What the client did after the fault.

use wire::{AuthOutcome, Direction, Event, Fact};

use super::Answer;
use super::seen::{failed, is_client_line, last, passed, unclear};
use crate::text::shown;
use crate::{Connection, Protocol, Text, Transcript};

/// The last fault of the step.
fn fault<'a>(protocol: Protocol, transcript: &Transcript<'a>) -> Option<&'a Event> {
    let faults = transcript.of(protocol).flat_map(|connection| connection.events.clone());
    faults.filter(|event| matches!(event.fact, Fact::Fault { .. })).max_by_key(|event| event.seq)
}

fn is_let_in(event: &Event) -> bool {
    matches!(&event.fact, Fact::Auth { auth } if matches!(auth.outcome, AuthOutcome::Accepted { .. }))
}

fn events<'a>(protocol: Protocol, transcript: &Transcript<'a>) -> impl Iterator<Item = &'a Event> + use<'a> {
    let mut all: Vec<&Event> =
        transcript.of(protocol).flat_map(|connection| connection.events.clone()).collect();
    all.sort_by_key(|event| event.seq);
    all.into_iter()
}

fn nothing(protocol: Protocol, transcript: &Transcript<'_>) -> Answer {
    unclear(
        Text::new("Le défaut n’a pas eu lieu", "The fault did not happen"),
        last(protocol, transcript),
        Text::new("Relancer le test.", "Run the test again."),
    )
}

/// A login accepted at any time of the step: the behaviour is allowed.
pub(super) fn log_in(protocol: Protocol, transcript: &Transcript<'_>) -> Answer {
    if let Some(event) = events(protocol, transcript).find(|event| is_let_in(event)) {
        return passed(Text::new("Connexion acceptée", "Login accepted"), Some(event.seq));
    }
    let Some(by) = events(protocol, transcript).last() else { return nothing(protocol, transcript) };
    let why = events(protocol, transcript).find_map(|event| match &event.fact {
        Fact::TlsFailed { reason, .. } => Some(shown(reason)),
        _ => None,
    });
    let why = why.unwrap_or_else(|| "—".into());
    failed(
        Text::new(format!("Aucune connexion acceptée ({why})"), format!("No login accepted ({why})")),
        by,
        Text::new(
            "Ce comportement du serveur est permis : le client doit le supporter.",
            "This behaviour of a server is allowed: the client must bear it.",
        ),
    )
}

/// Logged in on another connection, after the fault.
pub(super) fn recover(protocol: Protocol, transcript: &Transcript<'_>) -> Answer {
    let Some(fault) = fault(protocol, transcript) else { return nothing(protocol, transcript) };
    let back = events(protocol, transcript)
        .find(|event| event.seq > fault.seq && event.connection != fault.connection && is_let_in(event));
    match back {
        Some(event) => {
            let took = event.at.duration_since(fault.at).as_millis();
            passed(
                Text::new(format!("Reconnecté {took} ms après"), format!("Connected again {took} ms later")),
                Some(event.seq),
            )
        }
        None => failed(
            Text::new(
                "Pas de nouvelle connexion acceptée après l’incident",
                "No new login accepted after the incident",
            ),
            fault,
            Text::new(
                "Tant que la session PSC est valable, rouvrir la session de messagerie soi-même, après une courte attente.",
                "As long as the PSC session lasts, open the mail session again by itself, after a short pause.",
            ),
        ),
    }
}

/// A FETCH of a body that ended with OK after the fault, and a client that went on after it.
pub(super) fn fetch_whole(protocol: Protocol, transcript: &Transcript<'_>) -> Answer {
    let Some(fault) = fault(protocol, transcript) else { return nothing(protocol, transcript) };
    for connection in transcript.of(protocol) {
        let later = connection.events.iter().filter(|event| event.seq > fault.seq);
        let mut fetches: Vec<&str> = Vec::new();
        // A fetch that the fault fell into, and that ended well all the same, counts too.
        fetches.extend(
            connection.events.iter().filter(|event| event.seq < fault.seq).filter_map(|e| fetch_tag(e)),
        );
        let mut answered = None;
        for event in later {
            if let (Some(by), true) = (answered, is_client_line(event)) {
                // The server has said it all; that the client goes on says that it has read it.
                return passed(
                    Text::new("Message relevé en entier ensuite", "Message fetched whole afterwards"),
                    Some(by),
                );
            }
            if let Some(tag) = fetch_tag(event) {
                fetches.push(tag);
            }
            if let Fact::Line { direction: Direction::Server, text } = &event.fact
                && let Some((tag, rest)) = text.split_once(' ')
                && fetches.contains(&tag)
                && rest.starts_with("OK")
            {
                answered = Some(event.seq);
            }
        }
    }
    failed(
        Text::new("Message jamais relevé en entier ensuite", "Message never fetched whole afterwards"),
        fault,
        Text::new(
            "Garder le message comme non relevé, se reconnecter et le redemander ; ne jamais présenter un document tronqué.",
            "Keep the message as not fetched, connect again and ask for it again; never show a truncated document.",
        ),
    )
}

fn fetch_tag(event: &Event) -> Option<&str> {
    let Fact::Line { direction: Direction::Client, text } = &event.fact else { return None };
    let upper = text.to_ascii_uppercase();
    (upper.contains(" FETCH ")
        && (upper.contains("BODY") || upper.contains("RFC822") || upper.contains("BINARY")))
    .then(|| text.split(' ').next())
    .flatten()
}

/// The same connection said something more after the fault, or the next one did what this one could not.
pub(super) fn go_on(protocol: Protocol, transcript: &Transcript<'_>) -> Answer {
    let Some(fault) = fault(protocol, transcript) else { return nothing(protocol, transcript) };
    let goes_on = |connection: &&Connection<'_>| connection.id == fault.connection;
    let same = transcript.of(protocol).find(goes_on).and_then(|connection| {
        connection.events.iter().copied().find(|event| event.seq > fault.seq && is_client_line(event))
    });
    match same {
        Some(event) => passed(Text::new("La connexion continue", "The connection goes on"), Some(event.seq)),
        None => failed(
            Text::new("Le client a abandonné la connexion", "The client gave the connection up"),
            fault,
            Text::new(
                "Attendre le serveur (30 s au moins) et ignorer les réponses que l’on ne connaît pas.",
                "Wait for the server (30 s at least) and ignore responses that are not known.",
            ),
        ),
    }
}

/// An empty line (or `*`) after the challenge, then a login with another token.
pub(super) fn end_challenge(protocol: Protocol, transcript: &Transcript<'_>) -> Answer {
    let Some(fault) = fault(protocol, transcript) else { return nothing(protocol, transcript) };
    let after = events(protocol, transcript).find(|event| {
        event.connection == fault.connection
            && event.seq > fault.seq
            && matches!(&event.fact, Fact::Line { direction: Direction::Client, .. })
    });
    let next = Text::new(
        "Répondre au défi par une ligne vide, lire le refus, puis demander un autre jeton à PSC et réessayer une fois.",
        "Answer the challenge with an empty line, read the refusal, then ask PSC for another token and try once more.",
    );
    match after {
        Some(event) => match &event.fact {
            Fact::Line { text, .. } if text.trim().is_empty() || matches!(text.trim(), "*" | "AQ==") => {
                passed(Text::new("Réponse vide au défi", "Empty response to the challenge"), Some(event.seq))
            }
            Fact::Line { text, .. } => failed(
                Text::new(
                    format!("Autre chose qu’une ligne vide après le défi : « {} »", shown(text)),
                    format!("Something else than an empty line after the challenge: “{}”", shown(text)),
                ),
                event,
                next,
            ),
            _ => nothing(protocol, transcript),
        },
        None => failed(Text::new("Aucune réponse au défi", "No response to the challenge"), fault, next),
    }
}

/// A search or a fetch of the folder from its beginning, after the fault.
pub(super) fn resynchronise(protocol: Protocol, transcript: &Transcript<'_>) -> Answer {
    let Some(fault) = fault(protocol, transcript) else { return nothing(protocol, transcript) };
    let anew = events(protocol, transcript).find(|event| match &event.fact {
        Fact::Line { direction: Direction::Client, text } if event.seq > fault.seq => {
            let upper = text.to_ascii_uppercase();
            (upper.contains(" SEARCH") && (upper.contains("ALL") || upper.contains("1:*")))
                || (upper.contains(" FETCH 1:") || upper.ends_with(" FETCH 1"))
        }
        _ => false,
    });
    match anew {
        Some(event) => passed(
            Text::new("Dossier relu depuis le début", "Folder read from its beginning"),
            Some(event.seq),
        ),
        None => failed(
            Text::new("Dossier non relu après le changement", "Folder not read anew after the change"),
            fault,
            Text::new(
                "Quand UIDVALIDITY change, oublier les UID connus et relire le dossier en entier.",
                "When UIDVALIDITY changes, forget the known UIDs and read the folder anew.",
            ),
        ),
    }
}
