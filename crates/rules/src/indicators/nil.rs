use super::{Held, field, repeated};
use crate::mail::each;
use crate::{Check, Taken, Text, Transcript};

/// `X-MSS-NIL` is present once, with this product's number (SC.MSS/CONF.16).
#[derive(Clone, Copy, Debug)]
pub struct NilHeader<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// The product's number.
    pub nil: &'r str,
}

impl NilHeader<'_> {
    /// Every message must carry it, with or without document (ECO.2.4.3).
    pub fn check(&self, transcript: &Transcript<'_>, mails: &[Taken<'_>]) -> Check {
        let rule = (self.requirement, "ECO.2.4.3, §3.8.3");
        each(rule, self.expected(), transcript, mails, |mail| {
            self.hold(&mss::Indicators::read(mail.bytes).nil).of(mail, mss::X_MSS_NIL)
        })
    }

    fn expected(&self) -> Text {
        Text::same(field(mss::X_MSS_NIL, self.nil))
    }

    pub(super) fn hold(&self, values: &[String]) -> Held {
        let (expected, nil) = (self.expected(), self.nil);
        let value = match values {
            [] => {
                let received = Text::new("En-tête absent", "Header absent");
                let next = Text::new(
                    "Ajouter X-MSS-NIL à tous les messages envoyés, avec ou sans document, réponses comprises.",
                    "Add X-MSS-NIL to every message sent, with or without a document, replies included.",
                );
                return Held::failed(expected, received, next);
            }
            [value] => value.as_str(),
            several => return repeated(mss::X_MSS_NIL, expected, several),
        };
        let received = Text::same(field(mss::X_MSS_NIL, value));
        if value == nil {
            return Held::passed(expected, received);
        }
        if value.is_empty() {
            let received = Text::new("En-tête présent, valeur vide", "Header present, empty value");
            let next = Text::new(
                format!(
                    "Renseigner la référence du produit ({nil}) dans la configuration du logiciel, et refuser d’envoyer sans elle."
                ),
                format!(
                    "Configure the product's reference ({nil}) in the software, and refuse to send without it."
                ),
            );
            return Held::failed(expected, received, next);
        }
        let next = if value.split_whitespace().any(|word| word == nil) || value.trim_matches('"') == nil {
            Text::new(
                format!("Écrire la référence seule, {nil}, sans rien autour."),
                format!("Write the reference alone, {nil}, with nothing around it."),
            )
        } else {
            Text::new(
                format!("Renseigner la référence de ce produit ({nil}) : celle-ci est une autre."),
                format!("Configure this product's reference ({nil}): this is another one."),
            )
        };
        Held::failed(expected, received, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    fn hold(values: &[&str]) -> Held {
        let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        NilHeader { requirement: "SC.MSS/CONF.16", nil: "2621" }.hold(&values)
    }

    #[test]
    fn the_number_alone_and_once_passes() {
        assert_eq!(hold(&["2621"]).outcome, Outcome::Passed);
    }

    #[test]
    fn each_way_of_getting_it_wrong_has_its_sentence() {
        for (values, said) in [
            (&[][..], "En-tête absent"),
            (&[""], "valeur vide"),
            (&["3734"], "X-MSS-NIL: 3734"),
            (&["\"2621\""], "\"2621\""),
            (&["NIL 2621"], "NIL 2621"),
            (&["2621", "2621"], "présent 2 fois : 2621 | 2621"),
        ] {
            let held = hold(values);
            assert_eq!(held.outcome, Outcome::Failed, "{values:?}");
            assert!(held.received.fr.contains(said), "{}", held.received.fr);
            assert!(!held.next.is_empty());
        }
        assert!(hold(&["3734"]).next.fr.contains("une autre"));
        assert!(hold(&["\"2621\""]).next.fr.contains("seule"));
        assert_eq!(hold(&["2621", "2621"]).nth, 1);
    }
}
