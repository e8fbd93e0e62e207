use super::{Held, absent, field, repeated};
use crate::mail::each;
use crate::{Check, Taken, Text, Transcript};

/// `X-MSS-MES: FIN` stands in a mail to a patient whose answer is not wanted, and nowhere else (SC.MSS/CONF.21).
#[derive(Clone, Copy, Debug)]
pub struct MesHeader<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Whether the exchange is to be closed: exactly one `FIN` if so, no header otherwise.
    pub close: bool,
}

impl MesHeader<'_> {
    /// Holds each message to what the professional asked for.
    pub fn check(&self, transcript: &Transcript<'_>, mails: &[Taken<'_>]) -> Check {
        let rule = (self.requirement, "ECO.2.2.8, §3.4.2.3");
        each(rule, self.expected(), transcript, mails, |mail| {
            self.hold(&mss::Indicators::read(mail.bytes).mes).of(mail, mss::X_MSS_MES)
        })
    }

    fn expected(&self) -> Text {
        if self.close {
            Text::same(field(mss::X_MSS_MES, mss::CLOSE_EXCHANGE))
        } else {
            absent(mss::X_MSS_MES)
        }
    }

    pub(super) fn hold(&self, values: &[String]) -> Held {
        let expected = self.expected();
        match values {
            [] if !self.close => Held::passed(expected.clone(), expected),
            [] => {
                let next = Text::new(
                    "Ajouter X-MSS-MES: FIN quand le professionnel choisit de ne pas recevoir de réponse du patient.",
                    "Add X-MSS-MES: FIN when the professional chooses to receive no answer from the patient.",
                );
                Held::failed(expected, absent(mss::X_MSS_MES), next)
            }
            [value, ..] if !self.close => {
                let next = Text::new(
                    "N’écrire X-MSS-MES que sur un message à un patient, et seulement si le professionnel a choisi de fermer l’échange : l’option n’est jamais cochée d’avance.",
                    "Write X-MSS-MES only on a mail to a patient, and only if the professional chose to close the exchange: the option is never ticked beforehand.",
                );
                Held::failed(expected, Text::same(field(mss::X_MSS_MES, value)), next)
            }
            [value] if value == mss::CLOSE_EXCHANGE => Held::passed(expected.clone(), expected),
            [value] => {
                let received = Text::same(field(mss::X_MSS_MES, value));
                let close =
                    value.trim_matches(['"', '\'', '.', ' ', '\t']).eq_ignore_ascii_case(mss::CLOSE_EXCHANGE);
                let next = if close {
                    Text::new(
                        "Écrire exactement FIN : trois lettres majuscules, sans blanc ni guillemet.",
                        "Write exactly FIN: three upper-case letters, without blanks or quotes.",
                    )
                } else {
                    Text::new("La seule valeur de X-MSS-MES est FIN.", "The only value of X-MSS-MES is FIN.")
                };
                Held::failed(expected, received, next)
            }
            several => repeated(mss::X_MSS_MES, expected, several),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    fn hold(close: bool, values: &[&str]) -> Held {
        let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        MesHeader { requirement: "SC.MSS/CONF.21", close }.hold(&values)
    }

    #[test]
    fn fin_where_asked_and_nothing_elsewhere() {
        assert_eq!(hold(true, &["FIN"]).outcome, Outcome::Passed);
        assert_eq!(hold(false, &[]).outcome, Outcome::Passed);
    }

    #[test]
    fn each_way_of_getting_it_wrong_has_its_sentence() {
        for (close, values, next) in [
            (true, &[][..], "Ajouter X-MSS-MES: FIN"),
            (true, &["fin"], "trois lettres majuscules"),
            (true, &["\"FIN\""], "sans blanc ni guillemet"),
            (true, &["END"], "seule valeur"),
            (true, &[""], "seule valeur"),
            (true, &["FIN", "FIN"], "qu’une fois"),
            (false, &["FIN"], "N’écrire X-MSS-MES que"),
            (false, &[""], "N’écrire X-MSS-MES que"),
        ] {
            let held = hold(close, values);
            assert_eq!(held.outcome, Outcome::Failed, "{close} {values:?}");
            assert!(held.next.fr.contains(next), "{close} {values:?}: {}", held.next.fr);
            assert!(!held.received.is_empty() && !held.next.en.is_empty());
        }
    }
}
