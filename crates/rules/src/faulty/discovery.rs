use kernel::Timestamp;
use wire::{AuthOutcome, Event, Fact, Service};

use super::Answer;
use super::seen::{failed, passed, unclear};
use crate::{Check, Outcome, Protocol, Text, Transcript};

/// The servers of a mailbox are found by its domain's SRV records alone (SC.MSS/CONF.04, RFC 6186, RFC 8314 §5.1).
///
/// The step's ports are told by nobody but the run's own DNS server: who logs in there has asked it.
#[derive(Clone, Copy, Debug)]
pub struct Discovery<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Where.
    pub protocol: Protocol,
    /// Whether the DNS leads nowhere in this step: nobody may log in anywhere then.
    pub nowhere: bool,
    /// When the step began, where its ports are its own: what logs in elsewhere since then follows no DNS.
    pub began: Option<Timestamp>,
}

impl Discovery<'_> {
    /// `step` is what reached the step's own ports and DNS, `rest` the other connections of the run.
    pub fn check(&self, step: &Transcript<'_>, rest: &Transcript<'_>) -> Check {
        let name = self.protocol.name();
        let expected = if self.nowhere {
            Text::new(
                format!(
                    "{name} : serveur introuvable par le DNS, erreur dite, aucune connexion à une adresse devinée ou retenue"
                ),
                format!(
                    "{name}: server not to be found by DNS, error told, no connection to an address guessed or remembered"
                ),
            )
        } else {
            Text::new(
                format!(
                    "{name} : hôte et port trouvés par les enregistrements SRV du domaine, connexion acceptée là"
                ),
                format!("{name}: host and port found by the domain's SRV records, login accepted there"),
            )
        };
        let rule = "ECO.1.1.9, RFC 6186 §3, RFC 8314 §5.1";
        let answer = self.ask(step, rest);
        match answer.outcome {
            Outcome::Passed => Check::passed(self.requirement, rule, expected, answer.received, answer.by),
            outcome => {
                let pair = (expected, answer.received);
                Check::not_passed(self.requirement, rule, outcome, pair, answer.by, answer.next)
            }
        }
    }

    fn ask(&self, step: &Transcript<'_>, rest: &Transcript<'_>) -> Answer {
        let next = Text::new(
            "Chercher _imaps, _imap, _submissions et _submission du domaine de l’adresse à chaque connexion (dans la limite du TTL), suivre leur réponse, et dire l’erreur quand il n’y en a pas.",
            "Look _imaps, _imap, _submissions and _submission of the address's domain up at each connection (within the TTL), follow the answer, and tell the error where there is none.",
        );
        let late = |event: &Event| self.began.is_some_and(|began| event.at >= began);
        let stray = rest.logins(self.protocol).find(|(event, _)| late(event));
        if let Some((event, _)) = stray {
            let received = Text::new(
                "Connexion à une adresse que le DNS ne donne plus",
                "Connection to an address that the DNS does not give any more",
            );
            return failed(received, event, next);
        }
        let login =
            step.logins(self.protocol).find(|(_, auth)| matches!(auth.outcome, AuthOutcome::Accepted { .. }));
        let questions = step.connections().iter().filter(|one| one.service() == Some(Service::Dns));
        let asked = questions.clone().next().and_then(|one| one.events.first()).map(|event| event.seq);
        match (self.nowhere, login) {
            (true, Some((event, _))) => failed(
                Text::new("Connexion malgré la réponse du DNS", "Login in spite of the DNS's answer"),
                event,
                next,
            ),
            (true, None) => {
                let fault = questions.flat_map(|one| &one.events).find(|event| is_fault(event));
                match fault {
                    Some(event) => passed(
                        Text::new(
                            "Le DNS a été interrogé, et personne ne s’est connecté",
                            "The DNS was asked, and nobody logged in",
                        ),
                        Some(event.seq),
                    ),
                    None => never_asked(asked),
                }
            }
            (false, Some((event, _))) => passed(
                Text::new("Connexion acceptée là où mène le DNS", "Login accepted where the DNS leads"),
                Some(event.seq),
            ),
            (false, None) => match asked {
                Some(_) => match step.connections().iter().rev().find_map(|one| one.events.last().copied()) {
                    Some(event) => failed(
                        Text::new(
                            "DNS interrogé, pas de connexion acceptée là où il mène",
                            "DNS asked, no login accepted where it leads",
                        ),
                        event,
                        next,
                    ),
                    None => never_asked(asked),
                },
                None => never_asked(asked),
            },
        }
    }
}

fn is_fault(event: &Event) -> bool {
    matches!(event.fact, Fact::Fault { .. })
}

fn never_asked(by: Option<i64>) -> Answer {
    unclear(
        Text::new("Le DNS de l’étape n’a pas été interrogé", "The DNS of the step was not asked"),
        by,
        Text::new(
            "Utiliser le serveur DNS donné pour cette étape (dns), puis relancer.",
            "Use the DNS server given for this step (dns), then run again.",
        ),
    )
}
