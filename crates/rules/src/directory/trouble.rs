use wire::Fact;

use super::{Wanted, is_among, recipients, stray};
use crate::{Check, Outcome, Taken, Text, Transcript};

/// The directory was out of order, and the client took that neither for an empty result nor for an address.
#[derive(Clone, Copy, Debug)]
pub struct DirectoryTrouble<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Who was to be found.
    pub wanted: &'r Wanted,
    /// The name of the fault that must have been met.
    pub fault: &'r str,
    /// What the adapter says of the step. It is never believed in the client's favour: *done* with nothing sent admits that
    /// a failure was taken for a result.
    pub said: Option<&'r str>,
}

impl DirectoryTrouble<'_> {
    /// Right is: nothing sent and the failure told, or a message to the right address once the directory has given it.
    pub fn check(&self, transcript: &Transcript<'_>, mails: &[Taken<'_>]) -> Check {
        let rule = "ECO.3.1.4";
        let expected = Text::new(
            "Aucun envoi sans réponse de l’annuaire, et une panne qui est dite : ce n’est pas « aucun résultat »",
            "Nothing sent without an answer of the directory, and an outage that is told: it is no “nobody found”",
        );
        let not = |outcome, received: Text, by, (fr, en): (&str, &str)| {
            let pair = (expected.clone(), received);
            Check::not_passed(self.requirement, rule, outcome, pair, by, Text::new(fr, en))
        };
        if let Some((by, received)) = stray(transcript, self.wanted) {
            let next = (
                "Ne pas inventer d’adresse quand l’annuaire ne répond pas.",
                "Invent no address where the directory does not answer.",
            );
            return not(Outcome::Failed, received, Some(by), next);
        }
        let events = transcript.connections().iter().flat_map(|connection| connection.events.iter());
        let met = events
            .filter(|event| {
                matches!(&event.fact, Fact::Fault { point, name, .. }
                    if point == "directory" && name == self.fault)
            })
            .map(|event| event.seq)
            .min();
        let Some(met) = met else {
            let received = Text::new(
                format!("Défaut non atteint : « {} »", self.fault),
                format!("Fault not reached: “{}”", self.fault),
            );
            let next = (
                "Interroger l’annuaire dont l’adresse est donnée pour cette étape.",
                "Ask the directory whose address is given for this step.",
            );
            return not(Outcome::Inconclusive, received, None, next);
        };
        if let Some(taken) = mails.iter().find(|taken| is_among(&taken.mail.to, &self.wanted.address)) {
            let received = Text::new(
                "L’annuaire a fini par répondre, et le message est parti à l’adresse donnée",
                "The directory answered in the end, and the message went to the address given",
            );
            return Check::passed(self.requirement, rule, expected, received, Some(taken.seq));
        }
        let again = ("Relancer le test.", "Run the test again.");
        if !recipients(transcript).is_empty() {
            let received = Text::new(
                "Un envoi à l’adresse donnée a été commencé, sans aboutir",
                "Sending to the address given was begun, and did not end well",
            );
            return not(Outcome::Inconclusive, received, Some(met), again);
        }
        match self.said {
            Some("refused" | "error") => {
                let received = Text::new(
                    "Rien n’a été envoyé, et le client dit que la recherche a échoué",
                    "Nothing was sent, and the client says that the search failed",
                );
                Check::passed(self.requirement, rule, expected, received, Some(met))
            }
            Some("done") => {
                let received = Text::new(
                    "Rien n’a été envoyé, et le client dit que tout s’est bien passé : la panne est prise pour une absence de résultat",
                    "Nothing was sent, and the client says that all went well: the outage is taken for an empty result",
                );
                let next = (
                    "Distinguer « l’annuaire ne répond pas » de « personne n’a été trouvé » : statut HTTP, type de contenu, lecture du Bundle jusqu’au bout.",
                    "Tell “the directory does not answer” from “nobody was found”: HTTP status, content type, the Bundle read to its end.",
                );
                not(Outcome::Failed, received, Some(met), next)
            }
            _ => {
                let received = Text::new(
                    "Rien n’a été envoyé, et le client ne dit pas pourquoi",
                    "Nothing was sent, and the client does not say why",
                );
                not(Outcome::Inconclusive, received, Some(met), again)
            }
        }
    }
}
