//! How a token travels: in which line, on how many connections, and nowhere else.

use wire::{AuthOutcome, Direction, Event, Fact};

use super::Session;
use super::ask::{Told, told};
use crate::faulty::Answer;
use crate::faulty::seen::{failed, last, passed, unclear};
use crate::text::shown;
use crate::{Connection, Protocol, Taken, Text, Transcript};

/// Longest command line of SMTP, CR LF included (RFC 5321 §4.5.3.1.4).
const LONGEST_LINE: usize = 512;

fn accepted<'a>(protocol: Protocol, transcript: &Transcript<'a>) -> Option<&'a Event> {
    let is_let_in = |event: &&Event| matches!(&event.fact, Fact::Auth { auth } if matches!(auth.outcome, AuthOutcome::Accepted { .. }));
    transcript.of(protocol).flat_map(|connection| connection.events.iter().copied()).find(is_let_in)
}

/// What the client wrote behind `AUTH MECHANISM` or `tag AUTHENTICATE MECHANISM` in one line: the line's length.
fn initial_response<'a>(connection: &Connection<'a>) -> Option<(&'a Event, usize)> {
    connection.events.iter().find_map(|event| {
        let Fact::Line { direction: Direction::Client, text } = &event.fact else { return None };
        let is_login = text
            .split(' ')
            .take(2)
            .any(|word| word.eq_ignore_ascii_case("AUTH") || word.eq_ignore_ascii_case("AUTHENTICATE"));
        // As the journal masks it: `AUTH XOAUTH2 [6012 octets masqués]`.
        let (before, masked) = text.split_once(" [")?;
        let octets: usize = masked.strip_suffix(" octets masqués]")?.parse().ok()?;
        is_login.then_some((*event, before.len() + 1 + octets + 2))
    })
}

/// Passed where the client logged in; else why nothing can be said.
fn logged_in(protocol: Protocol, transcript: &Transcript<'_>, received: Text) -> Answer {
    if let Some(event) = accepted(protocol, transcript) {
        return passed(received, Some(event.seq));
    }
    let next = Text::new(
        "Se connecter avec le jeton donné pour cette étape.",
        "Log in with the token given for this step.",
    );
    let received = Text::new("Aucune connexion acceptée", "No login accepted");
    match transcript.of(protocol).last().and_then(|connection| connection.events.last()) {
        Some(by) => failed(received, by, next),
        None => unclear(received, None, next),
    }
}

pub(super) fn short_line(session: &Session<'_>, transcript: &Transcript<'_>) -> Answer {
    let long = transcript.of(session.protocol).filter_map(initial_response);
    for (event, length) in long {
        if length > LONGEST_LINE && session.protocol == Protocol::Smtp {
            return failed(
                Text::new(format!("Ligne AUTH de {length} octets"), format!("AUTH line of {length} octets")),
                event,
                Text::new(
                    "Envoyer « AUTH XOAUTH2 » seul, et le jeton après la réponse 334 : une ligne de commande a 512 octets au plus.",
                    "Send “AUTH XOAUTH2” alone, and the token after the reply 334: a command line has 512 octets at most.",
                ),
            );
        }
    }
    let received = Text::new(
        "Connexion acceptée avec un jeton de plus de 4 Ko",
        "Login accepted with a token of over 4 KB",
    );
    logged_in(session.protocol, transcript, received)
}

pub(super) fn wait_for_prompt(session: &Session<'_>, transcript: &Transcript<'_>) -> Answer {
    if let Some((event, _)) = transcript.of(session.protocol).find_map(initial_response) {
        return failed(
            Text::new(
                "Réponse initiale envoyée à un serveur qui n’annonce pas SASL-IR",
                "Initial response sent to a server that does not announce SASL-IR",
            ),
            event,
            Text::new(
                "Lire CAPABILITY après STARTTLS : sans SASL-IR, envoyer AUTHENTICATE XOAUTH2 seul et attendre « + ».",
                "Read CAPABILITY after STARTTLS: without SASL-IR, send AUTHENTICATE XOAUTH2 alone and wait for “+”.",
            ),
        );
    }
    let received = Text::new("Jeton envoyé après « + »", "Token sent after “+”");
    logged_in(session.protocol, transcript, received)
}

pub(super) fn few_connections(session: &Session<'_>, transcript: &Transcript<'_>) -> Answer {
    let connections: Vec<_> = transcript.of(session.protocol).collect();
    let received = Text::new(
        format!("{} connexion(s)", connections.len()),
        format!("{} connection(s)", connections.len()),
    );
    let first = connections.get(session.bound as usize).and_then(|connection| connection.events.first());
    match first {
        Some(by) => failed(
            received,
            by,
            Text::new(
                "Garder une connexion ouverte et s’en servir, au lieu d’en ouvrir une à chaque fois.",
                "Keep one connection open and use it, instead of opening one each time.",
            ),
        ),
        None => logged_in(session.protocol, transcript, received),
    }
}

pub(super) fn right_mailbox(session: &Session<'_>, transcript: &Transcript<'_>) -> Answer {
    let other = transcript
        .logins(session.protocol)
        .find(|(_, auth)| !auth.user.eq_ignore_ascii_case(session.mailbox));
    if let Some((event, auth)) = other {
        let user = shown(&auth.user);
        return failed(
            Text::new(format!("Autre boîte demandée : {user}"), format!("Another mailbox asked for: {user}")),
            event,
            Text::new(
                "Mettre dans user= l’adresse de la boîte que la personne a choisie : le jeton dit qui elle est, pas quelle boîte elle ouvre.",
                "Put into user= the address of the mailbox that the person chose: the token says who she is, not which mailbox she opens.",
            ),
        );
    }
    let received = Text::new(
        format!("Boîte {} ouverte", session.mailbox),
        format!("Mailbox {} opened", session.mailbox),
    );
    logged_in(session.protocol, transcript, received)
}

pub(super) fn keep_token(session: &Session<'_>, transcript: &Transcript<'_>, mails: &[Taken<'_>]) -> Answer {
    let next = Text::new(
        "N’écrire le jeton que dans AUTHENTICATE et AUTH, et dans le corps des demandes à PSC ; considérer celui-ci comme divulgué.",
        "Write the token in AUTHENTICATE and AUTH only, and in the body of questions to PSC; consider this one as disclosed.",
    );
    let asked = told(transcript);
    let in_address =
        |told: &Told<'_>| matches!(told, Told::Refused(why) if why.contains("travels in an address"));
    if let Some((event, _)) = asked.iter().find(|(_, told)| in_address(told)) {
        let received = Text::new(
            "Jeton ou secret dans l’adresse d’une demande à PSC",
            "Token or secret in the address of a question to PSC",
        );
        return failed(received, event, next);
    }
    let lines = transcript.connections().iter().flat_map(|connection| connection.events.iter().copied());
    for event in lines {
        if let Fact::Line { direction: Direction::Client, text } = &event.fact
            && holds_token(text.as_bytes())
        {
            let received = Text::new("Jeton dans une commande", "Token in a command");
            return failed(received, event, next);
        }
    }
    for mail in mails {
        let leaks = mail.message.is_some_and(holds_token);
        let event = transcript.mails().map(|(event, _)| event).find(|event| event.seq == mail.seq);
        if let (true, Some(event)) = (leaks, event) {
            return failed(Text::new("Jeton dans un message", "Token in a message"), event, next);
        }
    }
    let by = accepted(session.protocol, transcript).map(|event| event.seq);
    let came = by.or(asked.last().map(|(event, _)| event.seq));
    match came {
        Some(by) => {
            passed(Text::new("Aucun jeton hors de sa place", "No token outside of its place"), Some(by))
        }
        None => unclear(
            Text::new("Aucune connexion acceptée", "No login accepted"),
            last(session.protocol, transcript),
            next,
        ),
    }
}

/// Whether text holds the beginning of a JWT: a JSON header and a JSON payload in base64url with a dot between them.
/// Folded headers and the soft line breaks of quoted-printable are passed over.
fn holds_token(bytes: &[u8]) -> bool {
    let mut joined = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        let skipped = [&b"=\r\n"[..], b"\r\n ", b"\r\n\t"].into_iter().find(|gap| rest.starts_with(gap));
        match skipped {
            Some(gap) => rest = &rest[gap.len()..],
            None => {
                joined.push(*first);
                rest = tail;
            }
        }
    }
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut from = 0;
    while let Some(at) = joined[from..].windows(3).position(|three| three == b"eyJ") {
        let header = &joined[from + at..];
        let end = header.iter().position(|byte| !is_part(byte)).unwrap_or(header.len());
        if end >= 16 && header[end..].starts_with(b".eyJ") {
            return true;
        }
        from += at + 3;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_whole_cut_or_folded_and_words_are_none() {
        let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJleHAiOjE3LCJpYXQiOjE2fQ.c2ln";
        for text in [
            token.to_owned(),
            format!("Subject: a {token} b"),
            token[..50].to_owned(),
            format!("{}\r\n {}", &token[..20], &token[20..]),
            format!("{}=\r\n{}", &token[..38], &token[38..]),
        ] {
            assert!(holds_token(text.as_bytes()), "{text:?}");
        }
        for text in ["eyJ.eyJ", "Bonjour. eyJ", "eyJhbGciOiJSUzI1NiJ9 .eyJ", "dXNlcj1h.eyJleHAi", ""] {
            assert!(!holds_token(text.as_bytes()), "{text:?}");
        }
    }
}
