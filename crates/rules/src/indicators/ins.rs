use mss::{Carried, CarriedDocument};

use super::{Held, doubtful, field, file_name, repeated, unreadable, without_documents};
use crate::mail::each;
use crate::text::shown;
use crate::{Check, Taken, Text, Transcript};

/// `X-MSS-INS` says whether the archive holds a qualified INS: `O` or `N`; absent where no CDA document is carried
/// (SC.MSS/CONF.14).
///
/// Qualified is a matter of content: matricule, OID and the four strict traits are all there (§3.8.2).
#[derive(Clone, Copy, Debug)]
pub struct InsHeader<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
}

impl InsHeader<'_> {
    /// Holds the header of each message to the documents that it carries.
    pub fn check(&self, transcript: &Transcript<'_>, mails: &[Taken<'_>]) -> Check {
        let rule = (self.requirement, "ECO.2.4.2, §3.8.2");
        each(rule, open(), transcript, mails, |mail| {
            hold(&mss::Indicators::read(mail.bytes).ins, &mss::carried(mail.bytes)).of(mail, mss::X_MSS_INS)
        })
    }
}

/// What is expected as long as the documents are not known.
fn open() -> Text {
    Text::new(
        "X-MSS-INS: O si l’archive IHE_XDM contient une INS qualifiée, N sinon ; absent sans document CDA",
        "X-MSS-INS: O if the IHE_XDM archive holds a qualified INS, N otherwise; absent without any CDA document",
    )
}

pub(super) fn hold(values: &[String], carried: &Carried) -> Held {
    if let Some(held) = unreadable(open(), carried) {
        return held;
    }
    let documents = &carried.documents;
    if documents.is_empty() {
        return without_documents(mss::X_MSS_INS, values, carried);
    }
    let qualified = documents.iter().find(|document| document.qualified);
    let (right, why) = match qualified {
        Some(document) => ("O", qualified_in(document)),
        None => ("N", not_qualified(documents)),
    };
    let value_text = field(mss::X_MSS_INS, right);
    let expected = Text::new(format!("{value_text} ({})", why.fr), format!("{value_text} ({})", why.en));
    let value = match values {
        [] => {
            let received = Text::new(
                format!("X-MSS-INS absent, alors que le message porte {} document(s) CDA", documents.len()),
                format!("X-MSS-INS absent although the mail carries {} CDA document(s)", documents.len()),
            );
            let next = Text::new(
                format!("Ajouter {value_text} : {}.", why.fr),
                format!("Add {value_text}: {}.", why.en),
            );
            return Held::failed(expected, received, next);
        }
        [value] => value.as_str(),
        several => return repeated(mss::X_MSS_INS, expected, several),
    };
    let received = Text::same(field(mss::X_MSS_INS, value));
    match value {
        _ if value == right => Held::passed(expected, received),
        "O" if !carried.problems.is_empty() => doubtful(expected, received, carried),
        "O" => {
            let next = Text::new(
                format!(
                    "Écrire N : {}. O demande matricule, OID et les quatre traits stricts dans le document.",
                    why.fr
                ),
                format!(
                    "Write N: {}. O needs the matricule, its OID and the four strict traits in the document.",
                    why.en
                ),
            );
            Held::failed(expected, received, next)
        }
        "N" => {
            let next = Text::new(format!("Écrire O : {}.", why.fr), format!("Write O: {}.", why.en));
            Held::failed(expected, received, next)
        }
        _ if value.trim_matches(['"', '\'', ' ', '\t']).eq_ignore_ascii_case(right) => {
            let next = Text::new(
                format!("Écrire exactement {right} : une lettre majuscule, sans blanc ni guillemet."),
                format!("Write exactly {right}: one upper-case letter, without blanks or quotes."),
            );
            Held::failed(expected, received, next)
        }
        "" => {
            let received = Text::new("X-MSS-INS présent, valeur vide", "X-MSS-INS present, empty value");
            let next =
                Text::new(format!("Écrire {right} : {}.", why.fr), format!("Write {right}: {}.", why.en));
            Held::failed(expected, received, next)
        }
        _ => {
            let next = Text::new(
                format!("Les seules valeurs sont O et N ; ici {right} : {}.", why.fr),
                format!("The only values are O and N; here {right}: {}.", why.en),
            );
            Held::failed(expected, received, next)
        }
    }
}

fn qualified_in(document: &CarriedDocument) -> Text {
    let name = file_name(&document.path);
    Text::new(format!("INS qualifiée dans {name}"), format!("qualified INS in {name}"))
}

fn not_qualified(documents: &[CarriedDocument]) -> Text {
    let Some(document) = documents.iter().find(|document| !document.missing.is_empty()) else {
        return Text::new("aucune INS qualifiée dans l’archive", "no qualified INS in the archive");
    };
    let (name, missing) = (file_name(&document.path), shown(&document.missing.join(", ")));
    Text::new(
        format!("INS non qualifiée dans {name}, il manque : {missing}"),
        format!("INS not qualified in {name}, missing: {missing}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    fn document(missing: &[&str]) -> CarriedDocument {
        CarriedDocument {
            path: "IHE_XDM/SUBSET01/DOC00001.XML".into(),
            code: "34112-3".into(),
            qualified: missing.is_empty(),
            missing: missing.iter().map(|&word| word.to_owned()).collect(),
            ..CarriedDocument::default()
        }
    }

    fn with(documents: Vec<CarriedDocument>) -> Carried {
        Carried { archives: 1, documents, problems: Vec::new() }
    }

    fn held(values: &[&str], carried: &Carried) -> Held {
        let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        hold(&values, carried)
    }

    #[test]
    fn the_header_follows_the_documents() {
        let (qualified, not) = (with(vec![document(&[])]), with(vec![document(&["OID"])]));
        assert_eq!(held(&["O"], &qualified).outcome, Outcome::Passed);
        assert_eq!(held(&["N"], &not).outcome, Outcome::Passed);
        assert_eq!(held(&["O"], &with(vec![document(&["OID"]), document(&[])])).outcome, Outcome::Passed);
        assert_eq!(held(&[], &Carried::default()).outcome, Outcome::Passed);
        assert_eq!(held(&[], &with(Vec::new())).outcome, Outcome::Passed);
    }

    #[test]
    fn each_way_of_getting_it_wrong_has_its_sentence() {
        let qualified = with(vec![document(&[])]);
        let not = with(vec![document(&["OID", "sexe"])]);
        let empty = with(Vec::new());
        for (values, carried, received, next) in [
            (&[][..], &qualified, "absent, alors que le message porte 1 document", "Ajouter X-MSS-INS: O"),
            (&[], &not, "absent, alors que", "Ajouter X-MSS-INS: N"),
            (
                &["O"],
                &not,
                "X-MSS-INS: O",
                "Écrire N : INS non qualifiée dans DOC00001.XML, il manque : OID, sexe",
            ),
            (&["N"], &qualified, "X-MSS-INS: N", "Écrire O : INS qualifiée dans DOC00001.XML"),
            (&["o"], &qualified, "X-MSS-INS: o", "une lettre majuscule"),
            (&["n"], &not, "X-MSS-INS: n", "une lettre majuscule"),
            (&["\"O\""], &qualified, "X-MSS-INS: \"O\"", "sans blanc ni guillemet"),
            (&[""], &qualified, "valeur vide", "Écrire O"),
            (&["OUI"], &qualified, "X-MSS-INS: OUI", "seules valeurs"),
            (&["O", "N"], &qualified, "présent 2 fois : O | N", "qu’une fois"),
            (
                &["N"],
                &Carried::default(),
                "X-MSS-INS: N sur un message sans archive IHE_XDM",
                "N’ajouter X-MSS-INS",
            ),
            (&["O"], &empty, "dont l’archive IHE_XDM ne contient aucun", "N’ajouter X-MSS-INS"),
        ] {
            let held = held(values, carried);
            assert_eq!(held.outcome, Outcome::Failed, "{values:?}");
            assert!(held.received.fr.contains(received), "{values:?}: {}", held.received.fr);
            assert!(held.next.fr.contains(next), "{values:?}: {}", held.next.fr);
            assert!(!held.expected.is_empty() && !held.next.en.is_empty());
        }
    }

    #[test]
    fn a_damaged_archive_proves_nothing() {
        let damaged = Carried { archives: 1, documents: Vec::new(), problems: vec!["ZIP tronqué".into()] };
        for values in [&[][..], &["O"], &["N"]] {
            let held = held(values, &damaged);
            assert_eq!(held.outcome, Outcome::Inconclusive);
            assert!(held.received.fr.contains("ZIP tronqué"));
        }
        let partly = Carried {
            problems: vec!["DOC00002.XML : XML tronqué".into()],
            ..with(vec![document(&["OID"])])
        };
        assert_eq!(held(&["O"], &partly).outcome, Outcome::Inconclusive);
        assert_eq!(held(&["N"], &partly).outcome, Outcome::Passed);
        assert_eq!(held(&[], &partly).outcome, Outcome::Failed);
    }
}
