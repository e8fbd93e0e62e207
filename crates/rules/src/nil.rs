use crate::{Check, Outcome, Text, Transcript};

/// A message as the operator took it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The operator's queue id.
    pub queue_id: &'a str,
    /// The bytes as received.
    pub bytes: &'a [u8],
}

/// A message of this client reached the operator.
#[derive(Clone, Copy, Debug)]
pub struct MailReceived<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
}

impl MailReceived<'_> {
    /// Looks for the first message of the run.
    pub fn check(&self, transcript: &Transcript<'_>) -> Check {
        let rule = "RFC 5321 §4.1.1.4";
        let expected = Text::new("Un message accepté par l’opérateur", "A message accepted by the operator");
        match transcript.mails().next() {
            Some((event, mail)) => {
                let received = Text::new(
                    format!("Message {} de {} octets accepté, de {}", mail.queue_id, mail.size, mail.from),
                    format!("Message {} of {} octets accepted, from {}", mail.queue_id, mail.size, mail.from),
                );
                Check::passed(self.requirement, rule, expected, received, Some(event.seq))
            }
            None => no_mail(self.requirement, rule, expected, transcript),
        }
    }
}

/// `X-MSS-NIL` is present once, with this product's number (SC.MSS/CONF.16).
#[derive(Clone, Copy, Debug)]
pub struct NilHeader<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// The product's number.
    pub nil: &'r str,
}

impl NilHeader<'_> {
    /// Every message of the run must carry it: "tous les courriels envoyés".
    pub fn check(&self, transcript: &Transcript<'_>, messages: &[Message<'_>]) -> Check {
        let rule = "ECO.2.4.3, §3.8.3";
        let expected = Text::same(format!("{}: {}", mss::X_MSS_NIL, self.nil));
        let mut first = None;
        for (event, mail) in transcript.mails() {
            first = first.or(Some(event.seq));
            let Some(message) = messages.iter().find(|message| message.queue_id == mail.queue_id) else {
                let received = Text::new(
                    format!("Le message {} n’est pas dans le dossier", mail.queue_id),
                    format!("Message {} is not in the file", mail.queue_id),
                );
                let pair = (expected, received);
                return Check::not_passed(
                    self.requirement,
                    rule,
                    Outcome::Inconclusive,
                    pair,
                    Some(event.seq),
                    Text::default(),
                );
            };
            let values = mss::Indicators::read(message.bytes).nil;
            let (received, next) = match values.as_slice() {
                [value] if value == self.nil => continue,
                [] => (
                    Text::new("En-tête absent", "Header absent"),
                    Text::new(
                        "Ajouter X-MSS-NIL à tous les messages envoyés, avec ou sans document.",
                        "Add X-MSS-NIL to every message sent, with or without a document.",
                    ),
                ),
                [value] => (
                    Text::same(format!("{}: {value}", mss::X_MSS_NIL)),
                    Text::new(
                        format!(
                            "Renseigner la référence de ce produit ({}) : celle-ci est une autre.",
                            self.nil
                        ),
                        format!("Configure this product's reference ({}): this is another one.", self.nil),
                    ),
                ),
                several => (
                    Text::new(
                        format!("En-tête présent {} fois : {}", several.len(), several.join(" | ")),
                        format!("Header present {} times: {}", several.len(), several.join(" | ")),
                    ),
                    Text::new("N’écrire l’en-tête qu’une fois.", "Write the header once only."),
                ),
            };
            return Check::not_passed(
                self.requirement,
                rule,
                Outcome::Failed,
                (expected, received),
                Some(event.seq),
                next,
            );
        }
        match first {
            Some(seq) => Check::passed(self.requirement, rule, expected.clone(), expected, Some(seq)),
            None => no_mail(self.requirement, rule, expected, transcript),
        }
    }
}

fn no_mail(requirement: &str, rule: &str, expected: Text, transcript: &Transcript<'_>) -> Check {
    let came = transcript.of(crate::Protocol::Smtp).last();
    if let Some((event, received, next)) = crate::login::last_refusal(transcript, crate::Protocol::Smtp) {
        return Check::not_passed(
            requirement,
            rule,
            Outcome::Failed,
            (expected, received),
            Some(event),
            next,
        );
    }
    let (outcome, received, by) = match came {
        Some(connection) => (
            Outcome::Failed,
            Text::new(
                "Le client s’est connecté mais aucun message n’a été accepté",
                "The client connected but no message was accepted",
            ),
            connection.events.last().map(|event| event.seq),
        ),
        None => (
            Outcome::Inconclusive,
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
    Check::not_passed(requirement, rule, outcome, (expected, received), by, next)
}
