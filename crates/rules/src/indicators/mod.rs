//! The four `X-MSS-*` indicators (ECO.2.2.8, ECO.2.4.1 to ECO.2.4.3).
//!
//! Each is judged on the field as received and, where its value tells of the documents, on the documents themselves:
//! what the client says of them elsewhere is no evidence. A rule known from one source only (the order of codes,
//! repeated codes) never fails a client: it is a remark beside a pass.

mod codecda;
mod ins;
mod mes;
mod nil;

use mss::Carried;

pub use codecda::CodeCdaHeader;
pub use ins::InsHeader;
pub use mes::MesHeader;
pub use nil::NilHeader;

use crate::mail::{Finding, Mail};
use crate::text::shown;
use crate::{Outcome, Text};

/// How one header stands against its rule.
pub(crate) struct Held {
    pub(crate) outcome: Outcome,
    pub(crate) expected: Text,
    pub(crate) received: Text,
    pub(crate) next: Text,
    /// Which occurrence of the field decided.
    pub(crate) nth: usize,
}

/// The four headers of one mail, each with its requirement and its name, where nothing is known of the product and of
/// what the professional chose: any one number is the product's, and FIN is right on a mail to a patient.
pub(crate) fn of_mail(
    message: &[u8],
    carried: &Carried,
    to_patient: bool,
) -> Vec<(&'static str, &'static str, Held)> {
    let found = mss::Indicators::read(message);
    let mut all = vec![
        ("SC.MSS/CONF.14", mss::X_MSS_INS, ins::hold(&found.ins, carried)),
        ("SC.MSS/CONF.15", mss::X_MSS_CODECDA, codecda::hold(&found.codecda, carried)),
    ];
    let requirement = "SC.MSS/CONF.16";
    let nil = match found.nil.as_slice() {
        [one] if !one.is_empty() => one,
        _ => "…",
    };
    all.push((requirement, mss::X_MSS_NIL, NilHeader { requirement, nil }.hold(&found.nil)));
    let requirement = "SC.MSS/CONF.21";
    if !found.mes.is_empty() {
        let held = MesHeader { requirement, close: to_patient }.hold(&found.mes);
        all.push((requirement, mss::X_MSS_MES, held));
    }
    all
}

impl Held {
    fn failed(expected: Text, received: Text, next: Text) -> Self {
        Self { outcome: Outcome::Failed, expected, received, next, nth: 0 }
    }

    fn inconclusive(expected: Text, received: Text, next: Text) -> Self {
        Self { outcome: Outcome::Inconclusive, expected, received, next, nth: 0 }
    }

    fn passed(expected: Text, received: Text) -> Self {
        Self { outcome: Outcome::Passed, expected, received, next: Text::default(), nth: 0 }
    }

    /// The finding about a message, with a remark where the field ends in blanks.
    fn of(mut self, mail: &Mail<'_>, name: &str) -> Finding {
        if self.outcome == Outcome::Passed && ends_in_blanks(mail.bytes, name) {
            self.received = remarked(
                self.received,
                "des blancs suivent la valeur, à ôter",
                "blanks follow the value, to be removed",
            );
        }
        let by = mail.header_seq(name, self.nth);
        let Self { outcome, expected, received, next, .. } = self;
        Finding { outcome, expected, received, next, by }
    }
}

/// `X-MSS-INS: O`, with the client's text made safe.
fn field(name: &str, value: &str) -> String {
    format!("{name}: {}", shown(value))
}

fn absent(name: &str) -> Text {
    Text::new(format!("{name} absent"), format!("{name} absent"))
}

/// A field that must stand once stands several times.
fn repeated(name: &str, expected: Text, values: &[String]) -> Held {
    let all = shown(&values.join(" | "));
    let count = values.len();
    let received = Text::new(
        format!("{name} présent {count} fois : {all}"),
        format!("{name} present {count} times: {all}"),
    );
    let next = Text::new(
        "N’écrire l’en-tête qu’une fois : l’opérateur ne saurait laquelle des valeurs compter.",
        "Write the header once only: the operator could not tell which value to count.",
    );
    Held { nth: 1, ..Held::failed(expected, received, next) }
}

/// A field that tells of documents stands in a message that carries none.
fn without_documents(name: &str, values: &[String], carried: &Carried) -> Held {
    let expected = absent(name);
    let why = match carried.archives {
        0 => Text::new("sans archive IHE_XDM", "without an IHE_XDM archive"),
        _ => Text::new(
            "dont l’archive IHE_XDM ne contient aucun document CDA",
            "whose IHE_XDM archive holds no CDA document",
        ),
    };
    match values.first() {
        None => Held::passed(
            expected,
            Text::new(
                format!("{name} absent, message {}", why.fr),
                format!("{name} absent, mail {}", why.en),
            ),
        ),
        Some(value) => {
            let value = field(name, value);
            let received = Text::new(
                format!("{value} sur un message {}", why.fr),
                format!("{value} on a mail {}", why.en),
            );
            let next = Text::new(
                format!(
                    "N’ajouter {name} qu’aux messages dont l’archive IHE_XDM contient au moins un document CDA."
                ),
                format!("Add {name} only to mails whose IHE_XDM archive holds at least one CDA document."),
            );
            Held::failed(expected, received, next)
        }
    }
}

/// Something came of which nothing could be read: what the header should say is not known.
fn unreadable(expected: Text, carried: &Carried) -> Option<Held> {
    let unread = carried.documents.is_empty() && !carried.problems.is_empty();
    unread.then(|| doubtful(expected, Text::default(), carried))
}

/// The header may well tell of a document that could not be read.
fn doubtful(expected: Text, seen: Text, carried: &Carried) -> Held {
    let problems = problems(carried);
    let fr = format!("documents du message illisibles, en tout ou en partie : {problems}");
    let en = format!("the mail's documents cannot be read, or not all of them: {problems}");
    let received = if seen.is_empty() {
        Text::new(fr, en)
    } else {
        Text::new(format!("{} ; {fr}", seen.fr), format!("{}; {en}", seen.en))
    };
    let next = Text::new(
        "Corriger l’archive IHE_XDM jointe : l’en-tête se juge sur les documents CDA qu’elle contient.",
        "Repair the IHE_XDM archive: the header is judged by the CDA documents that it holds.",
    );
    Held::inconclusive(expected, received, next)
}

/// What could not be read, in a few words.
pub(crate) fn problems(carried: &Carried) -> String {
    shown(&carried.problems.join(" ; "))
}

/// The file name of a document, of its path in the archive.
fn file_name(path: &str) -> String {
    shown(path.rsplit('/').next().unwrap_or(path))
}

fn remarked(text: Text, fr: &str, en: &str) -> Text {
    Text::new(format!("{} ; remarque : {fr}", text.fr), format!("{}; remark: {en}", text.en))
}

/// Whether the first field of that name ends in blanks: readers trim them away, so that they have to be looked for.
fn ends_in_blanks(message: &[u8], name: &str) -> bool {
    let mut inside = false;
    let mut blanks = false;
    for line in message.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let folded = matches!(line, [b' ' | b'\t', ..]);
        if inside && !folded || line.is_empty() {
            break;
        }
        inside = inside
            || line
                .iter()
                .position(|&byte| byte == b':')
                .is_some_and(|colon| line[..colon].trim_ascii_end().eq_ignore_ascii_case(name.as_bytes()));
        if inside {
            blanks = matches!(line, [.., b' ' | b'\t']);
        }
    }
    inside && blanks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_behind_a_value_are_seen() {
        for (mail, seen) in [
            (&b"X-MSS-INS: O \r\nA: b\r\n\r\n"[..], true),
            (b"x-mss-ins: O\t\n\n", true),
            (b"X-MSS-INS: O\r\n \r\nA: b\r\n", true),
            (b"X-MSS-INS: O\r\nA: b \r\n\r\nX-MSS-INS: O \r\n", false),
            (b"A: b\r\n\r\nX-MSS-INS: O \r\n", false),
            (b"", false),
        ] {
            assert_eq!(ends_in_blanks(mail, "X-MSS-INS"), seen, "{}", mail.escape_ascii());
        }
    }
}
