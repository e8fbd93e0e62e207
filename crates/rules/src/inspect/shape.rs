//! How a mail is made: its texts, its containers, where a part stands.

use mss::{MailProblem, PartFacts};

use super::At;
use super::finding::Findings;
use crate::Text;
use crate::text::shown;

const BODY: &str = "MSS/va1.11";

/// The number of a part, as IMAP counts (RFC 9051 §6.4.5): the only part of a mail is 1.
pub(super) fn number(parts: &[PartFacts], index: usize) -> String {
    let mut numbers = Vec::new();
    let mut at = index;
    while let Some(parent) = parts.get(at).and_then(|part| part.parent) {
        let before = parts[..at].iter().filter(|part| part.parent == Some(parent)).count();
        numbers.push((before + 1).to_string());
        at = parent;
    }
    if numbers.is_empty() {
        return "1".to_owned();
    }
    numbers.reverse();
    numbers.join(".")
}

/// Texts in UTF-8 (ECO.2.2.3); a body of plain text, or of alternatives with a plain text first (ECO.2.2.4).
pub(super) fn texts(parts: &[PartFacts], findings: &mut Findings) {
    for (index, part) in parts.iter().enumerate().filter(|(_, part)| part.is_body && !part.nested) {
        let at = || At { part: Some(number(parts, index)), ..At::default() };
        let charset = part.charset.as_deref().unwrap_or_default();
        let plain = charset.is_empty() || charset.eq_ignore_ascii_case("us-ascii");
        let values = ("charset=UTF-8", charset);
        let message = Text::new(
            "Un texte du message n’est pas déclaré en UTF-8 : l’écrire et le déclarer ainsi.",
            "A text of the mail is not declared as UTF-8: write it and declare it so.",
        );
        if plain && part.is_ascii {
            findings.warning("ECO.2.2.3", values, at(), message);
        } else if !charset.eq_ignore_ascii_case("utf-8") {
            findings.error("ECO.2.2.3", values, at(), message);
        }
        if part.mime == "text/html" {
            html(parts, index, at(), findings);
        }
    }
}

fn html(parts: &[PartFacts], index: usize, at: At, findings: &mut Findings) {
    let above = std::iter::successors(parts[index].parent, |&parent| parts[parent].parent);
    let alternative = above.into_iter().find(|&parent| parts[parent].mime == "multipart/alternative");
    let plain = alternative.and_then(|alternative| {
        let of = |part: &PartFacts| part.parent == Some(alternative) && part.mime == "text/plain";
        parts.iter().position(of)
    });
    match plain {
        None => findings.error(
            BODY,
            ("text/plain, multipart/alternative", "text/html"),
            at,
            Text::new(
                "Un texte HTML sans texte brut : le corps est text/plain, ou multipart/alternative avec le texte brut d’abord.",
                "An HTML text without plain text: the body is text/plain, or multipart/alternative with the plain text first.",
            ),
        ),
        Some(plain) if plain > index => findings.warning(
            BODY,
            ("text/plain, text/html", "text/html, text/plain"),
            at,
            Text::new(
                "Dans multipart/alternative, le texte brut vient avant le HTML (RFC 2046 §5.1.4).",
                "In multipart/alternative the plain text comes before HTML (RFC 2046 §5.1.4).",
            ),
        ),
        Some(_) => {}
    }
}

/// What the reader of the mail could not read or believe. Archives are told where they are judged.
pub(super) fn problems(problems: &[MailProblem], findings: &mut Findings) {
    for problem in problems {
        let said = shown(&problem.to_string());
        let message = |fr: &str| Text::new(format!("{fr} ({said})."), format!("{said}."));
        match problem {
            MailProblem::TooLarge { .. } => findings.refuse(
                "MSS/va1.13",
                ("", &said),
                At::default(),
                message("Le message est trop gros pour être lu"),
            ),
            MailProblem::TooManyParts { .. }
            | MailProblem::TooDeep { .. }
            | MailProblem::Head
            | MailProblem::Text => findings.refuse(
                BODY,
                ("", &said),
                At::default(),
                message("Le message dépasse une limite, il n’a pas été lu en entier"),
            ),
            MailProblem::NoHeader => {
                findings.refuse(
                    "MSS/va1.12",
                    ("", &said),
                    At::default(),
                    message("Ce message n’a pas d’en-tête"),
                );
            }
            MailProblem::NoBoundary | MailProblem::NotClosed => findings.error(
                BODY,
                ("multipart", &said),
                At::default(),
                message("La structure du message est abîmée ou le message a été coupé"),
            ),
            MailProblem::Transfer { .. } => {
                findings.error(
                    BODY,
                    ("base64", &said),
                    At::default(),
                    message("Une pièce jointe est abîmée"),
                );
            }
            MailProblem::Mislabelled { .. } => findings.warning(
                BODY,
                ("Content-Type", &said),
                At::default(),
                message("Une pièce jointe n’est pas du type qu’elle déclare"),
            ),
            MailProblem::Tnef { .. } => findings.warning(
                BODY,
                ("MIME", "application/ms-tnef"),
                At::default(),
                message("Un fichier winmail.dat d’Outlook : ce qu’il contient n’a pas été lu, et la plupart des destinataires ne le liront pas ; envoyer en texte brut ou HTML, sans TNEF"),
            ),
            _ => {} // archives: judged with what they hold
        }
    }
}
