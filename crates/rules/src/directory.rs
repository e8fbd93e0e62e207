//! How a client looks a correspondent up (SC.MSS/CONF.20, SC.MSS/UX.41).
//!
//! The directory of a run lists somebody whose address nobody else knows: a client that writes there has found it. What it
//! asked, what it was given and whom it named to the SMTP server are on the wire, each with its place in the journal, so
//! that "found first, sent afterwards" is an order of events and no claim.

mod criterion;
mod trouble;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wire::{Direction, Fact, SearchFacts};

pub use criterion::Criterion;
pub use trouble::DirectoryTrouble;

use crate::mail::no_mail;
use crate::text::shown;
use crate::{Check, Outcome, Protocol, Taken, Text, Transcript};

/// Somebody to be found: what the client is told, and what it is not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The MSSanté address, which the directory alone knows.
    pub address: String,
    /// For each criterion the values that ask for it: the label first, then its code where there is one.
    pub criteria: BTreeMap<Criterion, Vec<String>>,
}

/// The address was looked up, then written to (SC.MSS/CONF.20).
#[derive(Clone, Copy, Debug)]
pub struct FoundFirst<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Who was to be found.
    pub wanted: &'r Wanted,
}

impl FoundFirst<'_> {
    /// Every recipient that the client names must be an address that the directory gave before, and the one asked for.
    pub fn check(&self, transcript: &Transcript<'_>, mails: &[Taken<'_>]) -> Check {
        let rule = "ECO.3.1.4";
        let expected = Text::new(
            "Une recherche dans l’annuaire, puis un message à l’adresse qu’il a donnée",
            "A search of the directory, then a message to the address that it gave",
        );
        let failed = |received: Text, by: i64| {
            let next = Text::new(
                "Chercher le destinataire dans l’annuaire et reprendre l’adresse de l’entrée choisie, telle quelle.",
                "Look the recipient up in the directory and take the address of the chosen entry as it is.",
            );
            let pair = (expected.clone(), received);
            Check::not_passed(self.requirement, rule, Outcome::Failed, pair, Some(by), next)
        };
        if let Some((by, received)) = stray(transcript, self.wanted) {
            return failed(received, by);
        }
        let arrived = mails.iter().find(|taken| is_among(&taken.mail.to, &self.wanted.address));
        match (arrived, searches(transcript).next()) {
            (Some(taken), Some(first)) => {
                let asked = asked(first.1);
                let received = Text::new(
                    format!("{asked}, puis message {} à l’adresse donnée", taken.mail.queue_id),
                    format!("{asked}, then message {} to the address given", taken.mail.queue_id),
                );
                Check::passed(self.requirement, rule, expected, received, Some(taken.seq))
            }
            (None, Some((by, search))) if recipients(transcript).is_empty() => {
                let asked = asked(search);
                let received =
                    Text::new(format!("{asked}, et aucun message"), format!("{asked}, and no message"));
                let next = Text::new(
                    "Envoyer le message à l’entrée trouvée ; la transcription dit ce que l’annuaire a répondu.",
                    "Send the message to the entry found; the transcript says what the directory answered.",
                );
                let pair = (expected, received);
                Check::not_passed(self.requirement, rule, Outcome::Inconclusive, pair, Some(by), next)
            }
            _ => no_mail(self.requirement, rule, expected, transcript),
        }
    }
}

/// A criterion was searched by, and the entry found (SC.MSS/UX.41).
#[derive(Clone, Copy, Debug)]
pub struct SearchedBy<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Who was to be found, and by what.
    pub wanted: &'r Wanted,
}

impl SearchedBy<'_> {
    /// Each criterion told must be in a search that the directory answered; the address wanted in an answer.
    pub fn check(&self, transcript: &Transcript<'_>) -> Check {
        let rule = "SC.MSS/UX.41";
        let (fr, en): (Vec<String>, Vec<String>) = self
            .wanted
            .criteria
            .iter()
            .map(|(criterion, values)| {
                let (words, value) = (criterion.words(), values.first().map_or("", String::as_str));
                (format!("{} « {value} »", words.fr), format!("{} “{value}”", words.en))
            })
            .unzip();
        let expected = Text::new(
            format!("Une recherche par {}, qui donne l’entrée voulue", fr.join(", ")),
            format!("A search by {}, which gives the entry wanted", en.join(", ")),
        );
        let end = |outcome, received: Text, by, next: Text| {
            Check::not_passed(self.requirement, rule, outcome, (expected.clone(), received), by, next)
        };
        let Some((last, search)) = searches(transcript).next_back() else {
            let received =
                Text::new("Aucune recherche dans l’annuaire", "No search of the directory was seen");
            let next = Text::new(
                "Interroger l’API dont l’adresse est donnée ; une recherche dans une base locale se prouve par attestation.",
                "Ask the API whose address is given; a search of a local base is proven by attestation.",
            );
            return end(Outcome::Inconclusive, received, None, next);
        };
        let is_used = |(criterion, values): (&Criterion, &Vec<String>)| {
            searches(transcript).any(|(_, search)| search.status == 200 && criterion.is_in(search, values))
        };
        if let Some((criterion, _)) = self.wanted.criteria.iter().find(|one| !is_used((one.0, one.1))) {
            let (words, asked) = (criterion.words(), asked(search));
            let received = Text::new(
                format!("Recherche sans le critère « {} » : {asked}", words.fr),
                format!("Search without the criterion “{}”: {asked}", words.en),
            );
            let next = Text::new(
                format!("Transmettre à l’annuaire le critère saisi ({}).", criterion.parameters().join(", ")),
                format!(
                    "Hand the criterion typed on to the directory ({}).",
                    criterion.parameters().join(", ")
                ),
            );
            return end(Outcome::Failed, received, Some(last), next);
        }
        let given = searches(transcript)
            .find(|(_, search)| search.status == 200 && is_among(&search.addresses, &self.wanted.address));
        match given {
            Some((by, search)) => {
                let asked = asked(search);
                let received = Text::new(
                    format!("{asked} : l’entrée voulue est donnée"),
                    format!("{asked}: the entry wanted is given"),
                );
                Check::passed(self.requirement, rule, expected, received, Some(by))
            }
            None => {
                let asked = asked(search);
                let received = Text::new(
                    format!("{asked} : l’entrée voulue n’est dans aucune réponse"),
                    format!("{asked}: the entry wanted is in no answer"),
                );
                let next = Text::new(
                    "Suivre les liens de la réponse : la situation d’exercice porte l’adresse (_revinclude), et le résultat peut avoir plusieurs pages.",
                    "Follow the links of the answer: the situation holds the address (_revinclude), and the result may have several pages.",
                );
                end(Outcome::Failed, received, Some(last), next)
            }
        }
    }
}

/// The searches of a resource, in order, each with the `seq` of its event.
fn searches<'a>(transcript: &Transcript<'a>) -> impl DoubleEndedIterator<Item = (i64, &'a SearchFacts)> {
    let mut found: Vec<(i64, &SearchFacts)> = transcript
        .connections()
        .iter()
        .flat_map(|connection| connection.events.iter().copied())
        .filter_map(|event| match &event.fact {
            Fact::Search { search } if !search.resource.is_empty() => Some((event.seq, search)),
            _ => None,
        })
        .collect();
    found.sort_by_key(|(seq, _)| *seq);
    found.into_iter()
}

/// The recipients that the client named to the SMTP server, in order, whatever it answered.
fn recipients<'a>(transcript: &Transcript<'a>) -> Vec<(i64, &'a str)> {
    let mut found: Vec<(i64, &str)> = transcript
        .of(Protocol::Smtp)
        .flat_map(|connection| connection.events.iter().copied())
        .filter_map(|event| match &event.fact {
            Fact::Line { direction: Direction::Client, text } => Some((event.seq, recipient(text)?)),
            _ => None,
        })
        .collect();
    found.sort_by_key(|(seq, _)| *seq);
    found
}

/// The address of a RCPT command (RFC 5321 §4.1.1.3).
fn recipient(line: &str) -> Option<&str> {
    let rest =
        line.get(8..).filter(|_| line.get(..8).is_some_and(|word| word.eq_ignore_ascii_case("RCPT TO:")))?;
    let rest = rest.trim_start().strip_prefix('<')?;
    rest.split('>').next()
}

/// The first recipient that the directory had not given when it was named, or that is not the one asked for.
fn stray(transcript: &Transcript<'_>, wanted: &Wanted) -> Option<(i64, Text)> {
    let all: Vec<(i64, &SearchFacts)> = searches(transcript).collect();
    recipients(transcript).into_iter().find_map(|(at, address)| {
        let mut before = all.iter().filter(|(seq, search)| *seq < at && search.status == 200);
        let has_asked = all.iter().any(|(seq, _)| *seq < at);
        let known = before.any(|(_, search)| is_among(&search.addresses, address));
        let quoted = shown(address);
        let received = match (known, has_asked) {
            (true, _) if address.eq_ignore_ascii_case(&wanted.address) => return None,
            (true, _) => Text::new(
                format!("Destinataire {quoted} : une autre entrée que celle demandée"),
                format!("Recipient {quoted}: another entry than the one asked for"),
            ),
            (false, true) => Text::new(
                format!("Destinataire {quoted} : l’annuaire n’a pas donné cette adresse"),
                format!("Recipient {quoted}: the directory did not give this address"),
            ),
            (false, false) => Text::new(
                format!("Destinataire {quoted} sans recherche dans l’annuaire"),
                format!("Recipient {quoted} without any search of the directory"),
            ),
        };
        Some((at, received))
    })
}

fn is_among(addresses: &[String], wanted: &str) -> bool {
    addresses.iter().any(|address| address.eq_ignore_ascii_case(wanted))
}

/// A search in one line: what was asked, what came back.
fn asked(search: &SearchFacts) -> String {
    let pairs: Vec<String> =
        search.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let question = format!("{}?{}", search.resource, pairs.join("&"));
    format!("{} → {}, {}", shown(&question), search.status, search.found)
}
