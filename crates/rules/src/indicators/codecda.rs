use mss::Carried;

use super::{Held, doubtful, field, file_name, remarked, repeated, unreadable, without_documents};
use crate::mail::each;
use crate::text::shown;
use crate::{Check, Taken, Text, Transcript};

/// `X-MSS-CODECDA` lists the codes of the CDA documents in the archive, separated by commas without blanks; absent
/// where no CDA document is carried (SC.MSS/CONF.15).
#[derive(Clone, Copy, Debug)]
pub struct CodeCdaHeader<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
}

impl CodeCdaHeader<'_> {
    /// Holds the header of each message to the documents that it carries.
    pub fn check(&self, transcript: &Transcript<'_>, mails: &[Taken<'_>]) -> Check {
        let rule = (self.requirement, "ECO.2.4.1, §3.8.1");
        each(rule, open(), transcript, mails, |mail| {
            let values = mss::Indicators::read(mail.bytes).codecda;
            hold(&values, &mss::carried(mail.bytes)).of(mail, mss::X_MSS_CODECDA)
        })
    }
}

/// What is expected as long as the documents are not known.
fn open() -> Text {
    Text::new(
        "X-MSS-CODECDA : le code de chaque document CDA de l’archive IHE_XDM, séparés par des virgules ; absent sans document CDA",
        "X-MSS-CODECDA: the code of each CDA document of the IHE_XDM archive, comma-separated; absent without any CDA document",
    )
}

pub(super) fn hold(values: &[String], carried: &Carried) -> Held {
    if let Some(held) = unreadable(open(), carried) {
        return held;
    }
    if carried.documents.is_empty() {
        return without_documents(mss::X_MSS_CODECDA, values, carried);
    }
    if let Some(document) = carried.documents.iter().find(|document| document.code.is_empty()) {
        let name = file_name(&document.path);
        let received = Text::new(
            format!("{name} n’a pas de ClinicalDocument/code : la valeur attendue n’est pas connue"),
            format!("{name} has no ClinicalDocument/code: the expected value is not known"),
        );
        let next = Text::new(
            "Donner un code à chaque document CDA, puis renvoyer le message.",
            "Give each CDA document a code, then resend the mail.",
        );
        return Held::inconclusive(open(), received, next);
    }
    let codes: Vec<&str> = carried.documents.iter().map(|document| document.code.as_str()).collect();
    let right = shown(&codes.join(","));
    let expected = Text::same(format!("{}: {right}", mss::X_MSS_CODECDA));
    match values {
        [] => {
            let received = Text::new(
                format!("X-MSS-CODECDA absent, alors que le message porte {} document(s) CDA", codes.len()),
                format!("X-MSS-CODECDA absent although the mail carries {} CDA document(s)", codes.len()),
            );
            let next = Text::new(
                format!(
                    "Ajouter X-MSS-CODECDA: {right}, tiré de ClinicalDocument/code/@code de chaque document."
                ),
                format!("Add X-MSS-CODECDA: {right}, read in each document's ClinicalDocument/code/@code."),
            );
            Held::failed(expected, received, next)
        }
        [value] => {
            let given: Vec<&str> = value.split(',').map(str::trim).collect();
            let more = !surplus(&given, &codes).is_empty() && surplus(&codes, &given).is_empty();
            if more && !carried.problems.is_empty() {
                return doubtful(expected, Text::same(field(mss::X_MSS_CODECDA, value)), carried);
            }
            compare(value, &codes, &right, expected)
        }
        several => repeated(mss::X_MSS_CODECDA, expected, several),
    }
}

fn compare(value: &str, codes: &[&str], right: &str, expected: Text) -> Held {
    let received = Text::same(field(mss::X_MSS_CODECDA, value));
    let given: Vec<&str> = value.split(',').collect();
    if given == codes {
        return Held::passed(expected, received);
    }
    if sorted(&given) == sorted(codes) {
        let (fr, en) =
            ("l’ordre n’est pas celui des documents dans l’archive", "the order is not the archive's");
        return Held::passed(expected, remarked(received, fr, en));
    }
    if once(&given) == once(codes) && given.len() < codes.len() {
        let fr = "un code porté par plusieurs documents n’est écrit qu’une fois, alors que l’indicateur compte les documents";
        let en = "a code of several documents is written once only, although the indicator counts documents";
        return Held::passed(expected, remarked(received, fr, en));
    }
    let next = advice(value, &given, codes, right);
    Held::failed(expected, received, next)
}

fn advice(value: &str, given: &[&str], codes: &[&str], right: &str) -> Text {
    if value.is_empty() {
        return Text::new(
            format!("L’en-tête est vide : écrire {right}."),
            format!("The header is empty: write {right}."),
        );
    }
    let trimmed: Vec<&str> = given.iter().map(|code| code.trim()).collect();
    if sorted(&trimmed) == sorted(codes) {
        return Text::new(
            format!("Séparer les codes par une virgule seule, sans blanc : {right}."),
            format!("Separate the codes by a comma alone, without blanks: {right}."),
        );
    }
    let words: Vec<&str> =
        value.split([',', ';', '|', '/', ' ', '\t']).map(str::trim).filter(|word| !word.is_empty()).collect();
    if sorted(&words) == sorted(codes) {
        return Text::new(
            format!("Le séparateur est la virgule, sans blanc : {right}."),
            format!("The separator is the comma, without blanks: {right}."),
        );
    }
    if sorted(&lower(&trimmed)) == sorted(&lower(codes)) {
        return Text::new(
            format!("Respecter la casse des codes : {right}."),
            format!("Keep the case of the codes: {right}."),
        );
    }
    // Codes dressed up: `34112-3^^1.3.6…`, `LOINC:34112-3`, `"34112-3"`.
    let dressed = trimmed.len() == codes.len()
        && trimmed.iter().zip(codes).all(|(given, code)| {
            given
                .split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '.' | '_'))
                .any(|part| part == *code)
        });
    if dressed {
        return Text::new(
            format!("N’écrire que l’attribut code, sans système, ni libellé, ni guillemet : {right}."),
            format!("Write the code attribute only, without system, label or quotes: {right}."),
        );
    }
    let wrong = surplus(&trimmed, codes);
    let lacking = surplus(codes, &trimmed);
    let (mut fr, mut en) = (String::new(), String::new());
    if !wrong.is_empty() {
        let list = shown(&wrong.join(", "));
        fr = format!("Aucun document de l’archive n’a le code {list}. ");
        en = format!("No document of the archive has the code {list}. ");
    }
    if !lacking.is_empty() {
        let list = shown(&lacking.join(", "));
        fr = format!("{fr}Il manque {list}. ");
        en = format!("{en}Missing: {list}. ");
    }
    Text::new(
        format!("{fr}Lire ClinicalDocument/code/@code de chaque document CDA : {right}."),
        format!("{en}Read each CDA document's ClinicalDocument/code/@code: {right}."),
    )
}

fn sorted<T: Ord + Clone>(list: &[T]) -> Vec<T> {
    let mut list = list.to_vec();
    list.sort();
    list
}

fn once<'a>(list: &[&'a str]) -> Vec<&'a str> {
    let mut list = sorted(list);
    list.dedup();
    list
}

fn lower(list: &[&str]) -> Vec<String> {
    list.iter().map(|code| code.to_lowercase()).collect()
}

/// What `list` has beyond `other`, each as often as it is too many.
fn surplus<'a>(list: &[&'a str], other: &[&str]) -> Vec<&'a str> {
    let mut left = other.to_vec();
    list.iter()
        .filter(|code| match left.iter().position(|known| known == *code) {
            Some(at) => {
                left.swap_remove(at);
                false
            }
            None => true,
        })
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use mss::CarriedDocument;

    use super::*;
    use crate::Outcome;

    fn with(codes: &[&str]) -> Carried {
        let document = |code: &&str| CarriedDocument {
            path: "IHE_XDM/SUBSET01/DOC00001.XML".into(),
            code: (*code).into(),
            ..CarriedDocument::default()
        };
        Carried { archives: 1, documents: codes.iter().map(document).collect(), problems: Vec::new() }
    }

    fn held(values: &[&str], carried: &Carried) -> Held {
        let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        hold(&values, carried)
    }

    #[test]
    fn the_codes_of_the_archive_pass() {
        assert_eq!(held(&["34112-3"], &with(&["34112-3"])).outcome, Outcome::Passed);
        let several = with(&["34112-3", "PRESC-BIO", "15508-5"]);
        assert_eq!(held(&["34112-3,PRESC-BIO,15508-5"], &several).outcome, Outcome::Passed);
        assert_eq!(held(&["11502-2,11502-2"], &with(&["11502-2", "11502-2"])).outcome, Outcome::Passed);
        assert_eq!(held(&[], &Carried::default()).outcome, Outcome::Passed);
    }

    #[test]
    fn order_and_repetition_are_remarks() {
        let held_order = held(&["B,A"], &with(&["A", "B"]));
        assert_eq!(held_order.outcome, Outcome::Passed);
        assert!(held_order.received.fr.contains("remarque : l’ordre"), "{}", held_order.received.fr);
        let held_once = held(&["A"], &with(&["A", "A"]));
        assert_eq!(held_once.outcome, Outcome::Passed);
        assert!(held_once.received.fr.contains("compte les documents"), "{}", held_once.received.fr);
    }

    #[test]
    fn each_way_of_getting_it_wrong_has_its_sentence() {
        let two = with(&["34112-3", "PRESC-BIO"]);
        let one = with(&["34112-3"]);
        for (values, carried, next) in [
            (&[][..], &two, "Ajouter X-MSS-CODECDA: 34112-3,PRESC-BIO"),
            (&["34112-3, PRESC-BIO"], &two, "virgule seule, sans blanc"),
            (&["34112-3;PRESC-BIO"], &two, "séparateur est la virgule"),
            (&["34112-3 PRESC-BIO"], &two, "séparateur est la virgule"),
            (&["34112-3,presc-bio"], &two, "casse"),
            (&["34112-3"], &two, "Il manque PRESC-BIO"),
            (&["34112-3,PRESC-BIO,15508-5"], &two, "Aucun document de l’archive n’a le code 15508-5"),
            (&["15508-5"], &one, "n’a le code 15508-5. Il manque 34112-3"),
            (&["34112-3^1.3.6.1.4.1"], &one, "sans système"),
            (&["LOINC:34112-3"], &one, "sans système"),
            (&[""], &one, "vide"),
            (&["34112-3", "PRESC-BIO"], &two, "qu’une fois"),
            (&["34112-3"], &Carried::default(), "N’ajouter X-MSS-CODECDA"),
        ] {
            let held = held(values, carried);
            assert_eq!(held.outcome, Outcome::Failed, "{values:?}");
            assert!(held.next.fr.contains(next), "{values:?}: {}", held.next.fr);
            assert!(!held.received.is_empty() && !held.next.en.is_empty());
        }
    }

    #[test]
    fn without_a_code_in_the_document_nothing_is_judged() {
        assert_eq!(held(&["34112-3"], &with(&["34112-3", ""])).outcome, Outcome::Inconclusive);
    }

    #[test]
    fn a_code_of_a_document_that_cannot_be_read_is_left_open() {
        let partly = Carried { problems: vec!["DOC00002.XML : XML tronqué".into()], ..with(&["34112-3"]) };
        assert_eq!(held(&["34112-3,11502-2"], &partly).outcome, Outcome::Inconclusive);
        assert_eq!(held(&["34112-3"], &partly).outcome, Outcome::Passed);
        assert_eq!(held(&["11502-2"], &partly).outcome, Outcome::Failed);
    }
}
