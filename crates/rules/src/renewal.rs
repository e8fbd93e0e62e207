use wire::{AuthFacts, AuthOutcome, Direction, Event, Fact};

use crate::login::{explain_refusal, nothing_seen};
use crate::{Check, Connection, Outcome, Protocol, Text, Transcript};

/// A refused token is dropped: the client asks Pro Santé Connect for another one and reconnects once (spec 01 §3.3).
#[derive(Clone, Copy, Debug)]
pub struct TokenRenewed<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Where.
    pub protocol: Protocol,
}

/// A login attempt with a token.
pub(crate) struct Attempt<'a> {
    pub(crate) event: &'a Event,
    pub(crate) auth: &'a AuthFacts,
    /// SHA-256 of the token.
    pub(crate) token: &'a str,
    /// The command that began it.
    pub(crate) begun: &'a Event,
}

impl TokenRenewed<'_> {
    /// Follows the logins of the protocol in time, over all connections.
    ///
    /// An attempt that had begun before the refusal was told is no reuse: several connections may start at once.
    pub fn check(&self, transcript: &Transcript<'_>) -> Check {
        let rule = "ECO.1.2.7, RFC 5530 §3, RFC 4954 §4";
        let name = self.protocol.name();
        let expected = Text::new(
            format!(
                "{name} : jeton refusé écarté, un autre jeton demandé à PSC, une seule nouvelle connexion, acceptée"
            ),
            format!("{name}: refused token dropped, another token asked of PSC, one new login, accepted"),
        );
        let mut attempts: Vec<Attempt<'_>> = transcript.healthy(self.protocol).flat_map(attempts).collect();
        attempts.sort_by_key(|attempt| (attempt.event.at, attempt.event.seq));
        let check = |outcome, received, by: &Event, next| {
            Check::not_passed(
                self.requirement,
                rule,
                outcome,
                (expected.clone(), received),
                Some(by.seq),
                next,
            )
        };
        let Some(at) = attempts.iter().position(|attempt| refusal(attempt.auth).is_some()) else {
            return match attempts.last() {
                Some(attempt) => check(
                    Outcome::Inconclusive,
                    Text::new(
                        "Aucun jeton n’a été refusé pendant la fenêtre",
                        "No token was refused during the window",
                    ),
                    attempt.event,
                    Text::new(
                        "Relancer le test, puis ouvrir la boîte : le premier jeton présenté est refusé.",
                        "Run the test again, then open the mailbox: the first token presented is refused.",
                    ),
                ),
                None => nothing_seen(self.requirement, rule, expected.clone(), transcript, self.protocol),
            };
        };
        let first = &attempts[at];
        let later: Vec<&Attempt<'_>> =
            attempts[at + 1..].iter().filter(|later| later.begun.at >= first.event.at).collect();
        if let Some(again) = later.iter().find(|later| later.token == first.token) {
            return check(
                Outcome::Failed,
                Text::new("Jeton refusé réutilisé", "Refused token used again"),
                again.event,
                Text::new(
                    "Écarter le jeton dès le refus, en demander un autre à PSC (grant_type=refresh_token), et ne se reconnecter qu’avec celui-là.",
                    "Drop the token on its refusal, ask PSC for another one (grant_type=refresh_token), and reconnect with that one only.",
                ),
            );
        }
        let accepted = later.iter().position(|later| refusal(later.auth).is_none());
        let refused = later.iter().take(accepted.unwrap_or(later.len())).count();
        if refused > 1 {
            return check(
                Outcome::Failed,
                Text::new(
                    format!("{refused} connexions refusées après le premier refus"),
                    format!("{refused} refused logins after the first refusal"),
                ),
                later[refused - 1].event,
                Text::new(
                    "Ne réessayer qu’une fois, avec un jeton neuf ; s’il est refusé aussi, le dire à l’utilisateur.",
                    "Try once again only, with a new token; if that is refused too, tell the user.",
                ),
            );
        }
        match (accepted, later.last()) {
            (Some(accepted), _) => {
                let received = Text::new(
                    "Jeton refusé, puis connexion acceptée avec un autre jeton",
                    "Token refused, then login accepted with another token",
                );
                let by = later[accepted].event.seq;
                Check::passed(self.requirement, rule, expected, received, Some(by))
            }
            (None, Some(last)) => {
                let (code, reason) = refusal(last.auth).unwrap_or_default();
                let (received, next) = explain_refusal(code, reason);
                check(Outcome::Failed, received, last.event, next)
            }
            (None, None) => check(
                Outcome::Failed,
                Text::new(
                    "Jeton refusé, et pas de nouvelle connexion après le refus",
                    "Token refused, and no new login after the refusal",
                ),
                first.event,
                Text::new(
                    "Renouveler le jeton auprès de PSC (grant_type=refresh_token) et se reconnecter une fois, sans l’intervention de l’utilisateur.",
                    "Renew the token at PSC (grant_type=refresh_token) and reconnect once, without the user's help.",
                ),
            ),
        }
    }
}

pub(crate) fn refusal(auth: &AuthFacts) -> Option<(&str, &str)> {
    match &auth.outcome {
        AuthOutcome::Refused { code, reason } => Some((code, reason)),
        _ => None,
    }
}

/// The logins with a token of one connection, each with the command that began it.
pub(crate) fn attempts<'a>(connection: &Connection<'a>) -> Vec<Attempt<'a>> {
    let mut begun = None;
    let mut all = Vec::new();
    for &event in &connection.events {
        match &event.fact {
            Fact::Line { direction: Direction::Client, text } if begins_login(text) => begun = Some(event),
            Fact::Auth { auth } => {
                let begun = begun.take().unwrap_or(event);
                if let Some(token) = &auth.token {
                    all.push(Attempt { event, auth, token: &token.sha256, begun });
                }
            }
            _ => {}
        }
    }
    all
}

fn begins_login(text: &str) -> bool {
    text.split_whitespace()
        .take(2)
        .any(|word| ["AUTHENTICATE", "AUTH"].iter().any(|verb| word.eq_ignore_ascii_case(verb)))
}
