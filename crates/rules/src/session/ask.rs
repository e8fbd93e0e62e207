//! What is asked of PSC, and what is presented to the operator.

use wire::{Event, Fact, Service};

use super::Session;
use crate::faulty::Answer;
use crate::faulty::seen::{failed, last, passed, unclear};
use crate::renewal::{Attempt, attempts, refusal};
use crate::text::shown;
use crate::{Protocol, Text, Transcript};

/// What PSC's token endpoint answered, of what its notes say.
pub(super) enum Told<'a> {
    /// Tokens.
    Granted,
    /// An error, by its name in RFC 6749, and its description.
    Refused(&'a str),
    /// Nothing, or that it is unavailable.
    Unanswered,
}

/// The answers of PSC's token endpoint, in order.
pub(super) fn told<'a>(transcript: &Transcript<'a>) -> Vec<(&'a Event, Told<'a>)> {
    let of_psc = transcript.connections().iter().filter(|one| one.service() == Some(Service::Psc));
    let mut all: Vec<_> = of_psc.flat_map(|one| one.events.iter().copied()).filter_map(read).collect();
    all.sort_by_key(|(event, _)| (event.at, event.seq));
    all
}

fn read(event: &Event) -> Option<(&Event, Told<'_>)> {
    let Fact::Note { text } = &event.fact else { return None };
    if text.starts_with("token granted ") {
        return Some((event, Told::Granted));
    }
    if text.starts_with("token unanswered") {
        return Some((event, Told::Unanswered));
    }
    text.strip_prefix("token refused error=").map(|error| (event, Told::Refused(error)))
}

/// The logins with a token of one protocol, in the order of their outcomes, over all connections.
fn in_order<'a>(protocol: Protocol, transcript: &Transcript<'a>) -> Vec<Attempt<'a>> {
    let mut all: Vec<Attempt<'_>> = transcript.of(protocol).flat_map(attempts).collect();
    all.sort_by_key(|attempt| (attempt.event.at, attempt.event.seq));
    all
}

/// A token presented once more after its refusal was told.
fn insisted<'t, 'a>(all: &'t [Attempt<'a>]) -> Option<&'t Attempt<'a>> {
    all.iter().enumerate().find_map(|(at, later)| {
        let refused = |one: &&Attempt<'_>| {
            refusal(one.auth).is_some() && one.token == later.token && one.event.at <= later.begun.at
        };
        all[..at].iter().find(refused).map(|_| later)
    })
}

fn jti<'a>(attempt: &Attempt<'a>) -> Option<&'a str> {
    attempt.auth.token.as_ref().and_then(|token| token.claimed_jti.as_deref())
}

fn used_again(by: &Event) -> Answer {
    failed(
        Text::new("Jeton refusé réutilisé", "Refused token used again"),
        by,
        Text::new(
            "Écarter le jeton dès le refus, en demander un autre à PSC (grant_type=refresh_token), et ne se reconnecter qu’avec celui-là.",
            "Drop the token on its refusal, ask PSC for another one (grant_type=refresh_token), and reconnect with that one only.",
        ),
    )
}

fn never_came(protocol: Protocol, by: Option<i64>) -> Answer {
    let name = protocol.name();
    unclear(
        Text::new(
            format!("Ni connexion {name} ni demande à PSC de ce client pendant l’étape"),
            format!("Neither a {name} connection nor a question to PSC of this client during the step"),
        ),
        by,
        Text::new(
            "Se connecter à l’hôte et au port donnés pour cette étape, avec le jeton donné.",
            "Connect to the host and port given for this step, with the token given.",
        ),
    )
}

pub(super) fn renew(session: &Session<'_>, transcript: &Transcript<'_>) -> Answer {
    let (protocol, all, asked) = (session.protocol, in_order(session.protocol, transcript), told(transcript));
    if let Some(again) = insisted(&all) {
        return used_again(again.event);
    }
    let other = all.iter().find(|one| refusal(one.auth).is_none() && jti(one) != session.handed);
    if let Some(other) = other {
        let received =
            Text::new("Connexion acceptée avec un autre jeton", "Login accepted with another token");
        return passed(received, Some(other.event.seq));
    }
    let by = all.last().map(|one| one.event).or(asked.last().map(|(event, _)| *event));
    match by {
        Some(by) => failed(
            Text::new(
                "Pas de connexion acceptée avec un autre jeton",
                "No login accepted with another token",
            ),
            by,
            Text::new(
                "Demander un autre jeton à PSC dès que celui que l’on a est fini, et rouvrir la session de messagerie, sans intervention.",
                "Ask PSC for another token as soon as the one at hand has ended, and open the mail session again, by itself.",
            ),
        ),
        None => never_came(protocol, last(protocol, transcript)),
    }
}

pub(super) fn end(session: &Session<'_>, transcript: &Transcript<'_>) -> Answer {
    let asked = told(transcript);
    let is_over =
        |told: &Told<'_>| matches!(told, Told::Refused(error) if error.starts_with("invalid_grant"));
    let Some(at) = asked.iter().position(|(_, told)| is_over(told)) else {
        return unclear(
            Text::new(
                "Le jeton de rafraîchissement n’a pas été présenté à PSC",
                "The refresh token was not presented to PSC",
            ),
            last(session.protocol, transcript),
            Text::new(
                "Faire renouveler par le logiciel le jeton d’accès, qui est expiré.",
                "Have the software renew the access token, which has expired.",
            ),
        );
    };
    let over = asked[at].0;
    let next = Text::new(
        "Quand PSC répond invalid_grant : fermer les sessions de messagerie, effacer les jetons, et demander à la personne de s’authentifier de nouveau.",
        "When PSC answers invalid_grant: close the mail sessions, wipe the tokens, and ask the person to log in again.",
    );
    let all = in_order(session.protocol, transcript);
    if let Some(later) = all.iter().find(|one| one.begun.at >= over.at) {
        return failed(
            Text::new(
                "Authentification tentée après la fin de la session PSC",
                "Login tried after the end of the PSC session",
            ),
            later.event,
            next,
        );
    }
    let again = asked.len() - at - 1;
    if let (Some((by, _)), true) = (asked.last(), again > session.bound as usize) {
        let received = Text::new(
            format!("{again} demande(s) à PSC après la fin de la session"),
            format!("{again} question(s) to PSC after the end of the session"),
        );
        return failed(received, by, next);
    }
    passed(
        Text::new(
            "PSC a refusé le renouvellement ; plus rien ensuite",
            "PSC refused to renew; nothing more after it",
        ),
        Some(over.seq),
    )
}

pub(super) fn give_up(session: &Session<'_>, transcript: &Transcript<'_>) -> Answer {
    let (protocol, all, asked) = (session.protocol, in_order(session.protocol, transcript), told(transcript));
    let refused: Vec<_> = all.iter().filter(|one| refusal(one.auth).is_some()).collect();
    let received = Text::new(
        format!("{} tentative(s) refusée(s), {} demande(s) à PSC", refused.len(), asked.len()),
        format!("{} refused tries, {} question(s) to PSC", refused.len(), asked.len()),
    );
    if let Some(one) = refused.get(session.bound as usize) {
        return failed(received, one.event, stop());
    }
    if let Some((event, _)) = asked.get(session.bound as usize) {
        return failed(received, event, stop());
    }
    if let Some(again) = insisted(&all) {
        return used_again(again.event);
    }
    if all.len() > refused.len() {
        return unclear(
            Text::new("Une connexion a été acceptée", "A login was accepted"),
            all.last().map(|one| one.event.seq),
            Text::new("Relancer le test.", "Run the test again."),
        );
    }
    match (refused.last(), asked.last()) {
        (None, None) => never_came(protocol, last(protocol, transcript)),
        (one, other) => {
            let by = one.map(|one| one.event.seq).or(other.map(|(event, _)| event.seq));
            passed(received, by)
        }
    }
}

pub(super) fn spare_psc(session: &Session<'_>, transcript: &Transcript<'_>) -> Answer {
    let (protocol, asked) = (session.protocol, told(transcript));
    let all = in_order(protocol, transcript);
    let refused: Vec<_> = all.iter().filter(|one| refusal(one.auth).is_some()).collect();
    let received = Text::new(
        format!("{} demande(s) à PSC, {} authentification(s) refusée(s)", asked.len(), refused.len()),
        format!("{} question(s) to PSC, {} refused login(s)", asked.len(), refused.len()),
    );
    if let Some((event, _)) = asked.get(session.bound as usize) {
        return failed(received, event, stop());
    }
    if let Some(one) = refused.get(session.bound as usize) {
        return failed(received, one.event, stop());
    }
    match asked.iter().rfind(|(_, told)| matches!(told, Told::Unanswered)) {
        Some((event, _)) => passed(received, Some(event.seq)),
        None => unclear(
            Text::new("PSC n’a pas été sollicité", "PSC was not asked"),
            last(protocol, transcript),
            Text::new(
                "Faire renouveler par le logiciel le jeton d’accès, qui est expiré.",
                "Have the software renew the access token, which has expired.",
            ),
        ),
    }
}

pub(super) fn do_without_psc(session: &Session<'_>, transcript: &Transcript<'_>) -> Answer {
    let (protocol, all, asked) = (session.protocol, in_order(session.protocol, transcript), told(transcript));
    if let Some(accepted) = all.iter().find(|one| refusal(one.auth).is_none()) {
        let received = Text::new("Connexion acceptée sans PSC", "Login accepted without PSC");
        return passed(received, Some(accepted.event.seq));
    }
    let by = all.last().map(|one| one.event).or(asked.last().map(|(event, _)| *event));
    match by {
        Some(by) => failed(
            Text::new(
                format!("Aucune connexion acceptée, {} demande(s) à PSC", asked.len()),
                format!("No login accepted, {} question(s) to PSC", asked.len()),
            ),
            by,
            Text::new(
                "Ne demander un jeton à PSC que lorsque celui que l’on a est fini : une panne de PSC ne doit pas fermer la messagerie.",
                "Ask PSC for a token only when the one at hand has ended: an outage of PSC must not close the mail.",
            ),
        ),
        None => never_came(protocol, last(protocol, transcript)),
    }
}

pub(super) fn log_in(session: &Session<'_>, transcript: &Transcript<'_>) -> Answer {
    let notes = || {
        let of_psc = transcript.connections().iter().filter(|one| one.service() == Some(Service::Psc));
        of_psc.flat_map(|one| one.events.iter().copied()).filter_map(|event| match &event.fact {
            Fact::Note { text } => Some((event, text.as_str())),
            _ => None,
        })
    };
    let refused = notes().find(|(_, text)| {
        text.starts_with("authorization refused ") || text.starts_with("token refused error=")
    });
    if let Some((by, text)) = refused {
        let why = shown(text.split(" redirect=").next().unwrap_or(text));
        return failed(
            Text::new(format!("Refus de PSC : {why}"), format!("Refused by PSC: {why}")),
            by,
            Text::new(
                "Envoyer state, nonce et code_challenge (S256) à chaque demande, l’adresse de retour telle qu’enregistrée, et chaque code une seule fois.",
                "Send state, nonce and code_challenge (S256) with each request, the address of return as it is registered, and each code once.",
            ),
        );
    }
    let granted = notes().find(|(_, text)| text.starts_with("token granted by=code"));
    let Some((granted, _)) = granted else {
        return never_came(session.protocol, last(session.protocol, transcript));
    };
    let all = in_order(session.protocol, transcript);
    match all.iter().find(|one| refusal(one.auth).is_none()) {
        Some(one) => {
            let received = Text::new(
                "Session PSC ouverte, connexion acceptée avec son jeton",
                "PSC session opened, login accepted with its token",
            );
            passed(received, Some(one.event.seq))
        }
        None => failed(
            Text::new(
                "Session PSC ouverte, mais pas de connexion acceptée",
                "PSC session opened, but no login accepted",
            ),
            granted,
            Text::new(
                "Ouvrir la boîte avec le jeton d’accès que PSC vient de donner.",
                "Open the mailbox with the access token that PSC has just given.",
            ),
        ),
    }
}

fn stop() -> Text {
    Text::new(
        "Ne pas recommencer en boucle : après un ou deux essais espacés, dire l’erreur à l’utilisateur et laisser le reste du logiciel utilisable.",
        "Do not begin again in a loop: after one or two tries with a pause, tell the user the error and keep the rest of the software usable.",
    )
}
