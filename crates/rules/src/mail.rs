use wire::MailFacts;

use crate::login::last_refusal;
use crate::text::shown;
use crate::{Check, Outcome, Protocol, Text, Transcript};

/// A message of the step under judgement: the event that took it in, and its bytes as received if the evidence
/// holds them.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// `seq` of the [`wire::Fact::Mail`].
    pub seq: i64,
    /// What that event states.
    pub mail: &'a MailFacts,
    /// The bytes, if they were kept.
    pub message: Option<&'a [u8]>,
}

/// A message of this client reached the operator.
#[derive(Clone, Copy, Debug)]
pub struct MailReceived<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
}

impl MailReceived<'_> {
    /// Looks for the first message of the step.
    pub fn check(&self, transcript: &Transcript<'_>, mails: &[Taken<'_>]) -> Check {
        let rule = "RFC 5321 §4.1.1.4";
        let expected = Text::new("Un message accepté par l’opérateur", "A message accepted by the operator");
        match mails.first() {
            Some(Taken { seq, mail, .. }) => {
                let (id, size, from) = (&mail.queue_id, mail.size, shown(&mail.from));
                let received = Text::new(
                    format!("Message {id} de {size} octets accepté, de {from}"),
                    format!("Message {id} of {size} octets accepted, from {from}"),
                );
                Check::passed(self.requirement, rule, expected, received, Some(*seq))
            }
            None => no_mail(self.requirement, rule, expected, transcript),
        }
    }
}

/// What one message shows of a rule.
pub(crate) struct Finding {
    pub(crate) outcome: Outcome,
    pub(crate) expected: Text,
    pub(crate) received: Text,
    pub(crate) next: Text,
    pub(crate) by: i64,
}

/// One message with its bytes, in its transcript.
pub(crate) struct Mail<'a> {
    pub(crate) seq: i64,
    pub(crate) facts: &'a MailFacts,
    pub(crate) bytes: &'a [u8],
    transcript: &'a Transcript<'a>,
}

impl Mail<'_> {
    /// The event that states the `nth` field of that name; the message's own event where none does.
    pub(crate) fn header_seq(&self, name: &str, nth: usize) -> i64 {
        self.transcript.header_events(&self.facts.queue_id, name).nth(nth).map_or(self.seq, |event| event.seq)
    }
}

/// Holds each message of the step to a rule. The first that breaks it decides; else the first of which nothing can be
/// said; where there is no message, what became of it is told.
pub(crate) fn each(
    (requirement, rule): (&str, &str),
    expected: Text,
    transcript: &Transcript<'_>,
    mails: &[Taken<'_>],
    mut judge: impl FnMut(&Mail<'_>) -> Finding,
) -> Check {
    let mut worst: Option<Finding> = None;
    for taken in mails {
        let finding = match taken.message {
            Some(bytes) => judge(&Mail { seq: taken.seq, facts: taken.mail, bytes, transcript }),
            None => not_kept(taken, expected.clone()),
        };
        if worst.as_ref().is_none_or(|worst| rank(finding.outcome) > rank(worst.outcome)) {
            worst = Some(finding);
        }
    }
    match worst {
        Some(Finding { outcome: Outcome::Passed, expected, received, by, .. }) => {
            Check::passed(requirement, rule, expected, received, Some(by))
        }
        Some(Finding { outcome, expected, received, next, by }) => {
            Check::not_passed(requirement, rule, outcome, (expected, received), Some(by), next)
        }
        None => no_mail(requirement, rule, expected, transcript),
    }
}

fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Passed => 0,
        Outcome::Inconclusive => 1,
        Outcome::Failed => 2,
    }
}

fn not_kept(taken: &Taken<'_>, expected: Text) -> Finding {
    let id = &taken.mail.queue_id;
    Finding {
        outcome: Outcome::Inconclusive,
        expected,
        received: Text::new(
            format!("Le contenu du message {id} n’est pas dans le dossier"),
            format!("The content of message {id} is not in the evidence"),
        ),
        next: Text::new(
            "Relancer le test et renvoyer le message.",
            "Run the test again and resend the message.",
        ),
        by: taken.seq,
    }
}

/// What to say where no message came: a failure where the client was not let in, for that is its own doing; inconclusive
/// otherwise. A step that was not done, an unfinished one, a mail to a mistyped address prove nothing about the software.
pub(crate) fn no_mail(requirement: &str, rule: &str, expected: Text, transcript: &Transcript<'_>) -> Check {
    if let Some((event, received, next)) = last_refusal(transcript, Protocol::Smtp) {
        let pair = (expected, received);
        return Check::not_passed(requirement, rule, Outcome::Failed, pair, Some(event), next);
    }
    let others: Vec<&str> =
        transcript.mails().flat_map(|(_, mail)| mail.to.iter().map(String::as_str)).collect();
    let (received, by) = match transcript.of(Protocol::Smtp).last() {
        Some(_) if !others.is_empty() => {
            let others = shown(&others.join(", "));
            (
                Text::new(
                    format!("Aucun message accepté pour cette étape ; acceptés par ailleurs, à : {others}"),
                    format!("No message accepted for this step; accepted besides, to: {others}"),
                ),
                transcript.mails().last().map(|(event, _)| event.seq),
            )
        }
        Some(connection) => (
            Text::new(
                "Le client s’est connecté mais aucun message n’a été accepté",
                "The client connected but no message was accepted",
            ),
            connection.events.last().map(|event| event.seq),
        ),
        None => (
            Text::new(
                "Aucun message de ce client pendant la fenêtre",
                "No message of this client during the window",
            ),
            None,
        ),
    };
    let next = Text::new(
        "Envoyer le message depuis la boîte du produit pendant que le test attend ; la transcription dit où l’envoi s’est arrêté.",
        "Send the message from the product's mailbox while the test waits; the transcript says where sending stopped.",
    );
    Check::not_passed(requirement, rule, Outcome::Inconclusive, (expected, received), by, next)
}
