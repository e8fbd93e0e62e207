//! `Message-ID`, `In-Reply-To` and `References` (RFC 5322 §3.6.4): what receipts, traces and threads hang on.

use crate::mail::{Finding, Mail, each};
use crate::text::shown;
use crate::{Check, Outcome, Taken, Text, Transcript};

/// A reply names the mail that it answers: `In-Reply-To` is its `Message-ID`, `References` ends with it (MSS/va1.08).
#[derive(Clone, Copy, Debug)]
pub struct InReplyTo<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// `Message-ID` of the mail that is answered, with or without its brackets.
    pub original: &'r str,
}

impl InReplyTo<'_> {
    /// Every message of the step must be that reply.
    pub fn check(&self, transcript: &Transcript<'_>, mails: &[Taken<'_>]) -> Check {
        let rule = (self.requirement, "ECO.2.2.2, RFC 5322 §3.6.4");
        each(rule, self.expected(), transcript, mails, |mail| self.hold(mail))
    }

    fn original(&self) -> String {
        format!("<{}>", bare(self.original))
    }

    fn expected(&self) -> Text {
        let original = self.original();
        Text::new(
            format!("In-Reply-To: {original} et References terminé par {original}"),
            format!("In-Reply-To: {original} and References ending with {original}"),
        )
    }

    fn hold(&self, mail: &Mail<'_>) -> Finding {
        if bare(self.original).is_empty() {
            return Finding {
                outcome: Outcome::Inconclusive,
                expected: Text::new("La réponse au message du banc", "The reply to the bench's mail"),
                received: Text::new(
                    "Le message auquel répondre n’a pas été déposé",
                    "The mail to be answered was not put there",
                ),
                next: Text::new("Relancer le test.", "Run the test again."),
                by: mail.seq,
            };
        }
        let fields = ["In-Reply-To", "References"].map(|name| mss::header_values(mail.bytes, name));
        let received = Text::same(
            ["In-Reply-To", "References"]
                .iter()
                .zip(&fields)
                .map(|(name, values)| line(name, values))
                .collect::<Vec<_>>()
                .join(" ; "),
        );
        let original = self.original();
        let failed = |name: &str, values: &[String], next: Text| Finding {
            outcome: Outcome::Failed,
            expected: self.expected(),
            received: received.clone(),
            next,
            by: mail.header_seq(name, usize::from(values.len() > 1)),
        };
        let [in_reply_to, references] = &fields;
        for (name, values) in [("In-Reply-To", in_reply_to), ("References", references)] {
            if let Some(next) = missing_or_repeated(name, values, &original) {
                return failed(name, values, next);
            }
        }
        let ids: Vec<&str> = in_reply_to[0].split_whitespace().collect();
        if ids != [original.as_str()] {
            let next = if ids.len() == 1 && bare(ids[0]) == bare(&original) {
                Text::new(
                    format!("Écrire l’identifiant entre chevrons : {original}."),
                    format!("Write the identifier between angle brackets: {original}."),
                )
            } else {
                Text::new(
                    format!(
                        "Recopier dans In-Reply-To le Message-ID du message auquel on répond, {original}, et lui seul."
                    ),
                    format!(
                        "Copy into In-Reply-To the Message-ID of the mail that is answered, {original}, and nothing else."
                    ),
                )
            };
            return failed("In-Reply-To", in_reply_to, next);
        }
        if references[0].split_whitespace().next_back() != Some(original.as_str()) {
            let next = Text::new(
                format!(
                    "References reprend le References du message reçu, puis ajoute son Message-ID à la fin : {original}."
                ),
                format!(
                    "References takes over the References of the mail received, then adds its Message-ID at the end: {original}."
                ),
            );
            return failed("References", references, next);
        }
        Finding {
            outcome: Outcome::Passed,
            expected: self.expected(),
            received: received.clone(),
            next: Text::default(),
            by: mail.seq,
        }
    }
}

/// One well-formed `Message-ID`, which no other mail of the step has (MSS/va1.12).
///
/// The domain after its `@` is recommended, not required, to be the sender's own (RFC 5322 §3.6.4): another one is a
/// remark beside a pass.
#[derive(Clone, Copy, Debug)]
pub struct UniqueMessageId<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
}

impl UniqueMessageId<'_> {
    /// Looks at each message of the step.
    pub fn check(&self, transcript: &Transcript<'_>, mails: &[Taken<'_>]) -> Check {
        let rule = (self.requirement, "ECO.2.2.1, RFC 5322 §3.6.4");
        let mut seen: Vec<(String, String)> = Vec::new();
        each(rule, unique(), transcript, mails, |mail| {
            let values = mss::header_values(mail.bytes, "Message-ID");
            let (outcome, received, next) = hold(&values, &mail.facts.from);
            let mut finding = Finding {
                outcome,
                expected: unique(),
                received,
                next,
                by: mail.header_seq("Message-ID", usize::from(values.len() > 1)),
            };
            let [id] = values.as_slice() else { return finding };
            let other = |(known, digest): &(String, String)| known == id && *digest != mail.facts.sha256;
            if finding.outcome == Outcome::Passed && seen.iter().any(other) {
                finding.outcome = Outcome::Failed;
                finding.received = Text::new(
                    format!("Message-ID: {} déjà porté par un autre message", shown(id)),
                    format!("Message-ID: {} already borne by another mail", shown(id)),
                );
                finding.next = Text::new(
                    "Tirer un nouvel identifiant pour chaque message ; ne garder le même que pour un renvoi à l’identique.",
                    "Draw a new identifier for each mail; keep the same only when resending identical bytes.",
                );
            }
            seen.push((id.clone(), mail.facts.sha256.clone()));
            finding
        })
    }
}

fn unique() -> Text {
    Text::new(
        "Un seul Message-ID, de la forme <unique@domaine de l’expéditeur>",
        "One Message-ID, of the form <unique@sender's domain>",
    )
}

fn hold(values: &[String], from: &str) -> (Outcome, Text, Text) {
    let received = Text::same(line("Message-ID", values));
    match values {
        [] => {
            let next = Text::new(
                "Écrire un Message-ID dans chaque message, dans le logiciel : il doit rester le même si le message est renvoyé.",
                "Write a Message-ID in each mail, in the software: it must stay the same if the mail is sent again.",
            );
            (Outcome::Failed, received, next)
        }
        [id] => match domain_of(id) {
            None => {
                let next = Text::new(
                    "Écrire <partie-unique@domaine> : chevrons, un seul @, lettres, chiffres, points et tirets, sans blanc.",
                    "Write <unique-part@domain>: angle brackets, one @, letters, digits, dots and hyphens, no blank.",
                );
                (Outcome::Failed, received, next)
            }
            Some(domain) if from.rsplit('@').next().is_some_and(|own| own.eq_ignore_ascii_case(domain)) => {
                (Outcome::Passed, received, Text::default())
            }
            Some(domain) => {
                let own = shown(from.rsplit('@').next().unwrap_or_default());
                let domain = shown(domain);
                let received = Text::new(
                    format!(
                        "{} ; remarque : le domaine {domain} n’est pas celui de l’expéditeur, {own}",
                        received.fr
                    ),
                    format!("{}; remark: the domain {domain} is not the sender's, {own}", received.en),
                );
                (Outcome::Passed, received, Text::default())
            }
        },
        _ => {
            let next = Text::new("N’écrire qu’un seul Message-ID.", "Write one Message-ID only.");
            (Outcome::Failed, received, next)
        }
    }
}

fn missing_or_repeated(name: &str, values: &[String], original: &str) -> Option<Text> {
    match values {
        [] => Some(Text::new(
            format!("Ajouter {name} à la réponse, avec {original}, le Message-ID du message reçu."),
            format!("Add {name} to the reply, with {original}, the Message-ID of the mail received."),
        )),
        [_] => None,
        _ => Some(Text::new(format!("N’écrire {name} qu’une fois."), format!("Write {name} once only."))),
    }
}

fn line(name: &str, values: &[String]) -> String {
    match values {
        [] => format!("{name} : —"),
        values => format!("{name}: {}", shown(&values.join(" | "))),
    }
}

fn bare(id: &str) -> &str {
    id.trim().trim_start_matches('<').trim_end_matches('>')
}

/// The part behind the `@` of a `msg-id` (RFC 5322 §3.6.4, without its obsolete forms); `None` where it is none.
fn domain_of(id: &str) -> Option<&str> {
    let inner = id.strip_prefix('<')?.strip_suffix('>')?;
    let (left, right) = inner.split_once('@')?;
    let literal = right.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let good_right = match literal {
        Some(text) => text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '[' | ']' | '\\')),
        None => is_dot_atom(right),
    };
    (is_dot_atom(left) && good_right).then_some(right)
}

fn is_dot_atom(text: &str) -> bool {
    let atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atext))
}
