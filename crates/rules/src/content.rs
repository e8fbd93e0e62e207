use mss::Carried;

use crate::indicators::problems;
use crate::login::last_refusal;
use crate::mail::{Finding, each};
use crate::text::shown;
use crate::{Check, Outcome, Protocol, Taken, Text, Transcript};

/// What a test's message must carry for the test to mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// No archive.
    Plain,
    /// CDA documents in an IHE_XDM archive.
    Documents {
        /// How many.
        count: usize,
        /// Whether a qualified INS is among them; `None` where it does not matter.
        qualified: Option<bool>,
    },
}

/// The mail is what the test is about. A precondition: another mail breaks no rule, it only proves nothing, so that
/// the outcome is never [`Outcome::Failed`].
#[derive(Clone, Copy, Debug)]
pub struct Contents<'r> {
    /// The requirement under test.
    pub requirement: &'r str,
    /// What the mail must carry.
    pub expect: Content,
}

impl Contents<'_> {
    /// Looks into each message of the step.
    pub fn check(&self, transcript: &Transcript<'_>, mails: &[Taken<'_>]) -> Check {
        let rule = (self.requirement, "ECO.2.1.1");
        never_failed(each(rule, self.expected(), transcript, mails, |mail| {
            self.hold(&mss::carried(mail.bytes), mail.seq)
        }))
    }

    fn expected(&self) -> Text {
        match self.expect {
            Content::Plain => {
                Text::new("Un message sans archive IHE_XDM", "A mail without any IHE_XDM archive")
            }
            Content::Documents { count, qualified } => {
                let (fr, en) = match qualified {
                    Some(true) => (", INS qualifiée", ", qualified INS"),
                    Some(false) => (", INS non qualifiée", ", INS not qualified"),
                    None => ("", ""),
                };
                Text::new(
                    format!("Un message dont l’archive IHE_XDM contient {count} document(s) CDA{fr}"),
                    format!("A mail whose IHE_XDM archive holds {count} CDA document(s){en}"),
                )
            }
        }
    }

    fn hold(&self, carried: &Carried, by: i64) -> Finding {
        let (expected, received) = (self.expected(), described(carried));
        let found = carried.documents.len();
        let has_qualified = carried.documents.iter().any(|document| document.qualified);
        let next = match self.expect {
            Content::Plain if carried.archives == 0 => None,
            Content::Plain => Some(Text::new(
                "Envoyer un message sans archive IHE_XDM : du texte seul, ou une pièce jointe ordinaire.",
                "Send a mail without any IHE_XDM archive: text alone, or an ordinary attachment.",
            )),
            Content::Documents { count, .. } if found != count => Some(Text::new(
                format!(
                    "Envoyer un message dont l’archive IHE_XDM.zip contient {count} document(s) CDA du patient d’essai."
                ),
                format!("Send a mail whose IHE_XDM.zip holds {count} CDA document(s) of the test patient."),
            )),
            Content::Documents { qualified: Some(true), .. } if !has_qualified => Some(Text::new(
                "Envoyer le document d’un patient à INS qualifiée : matricule, OID et les quatre traits stricts.",
                "Send the document of a patient with a qualified INS: matricule, OID and the four strict traits.",
            )),
            Content::Documents { qualified: Some(false), .. } if has_qualified => Some(Text::new(
                "Envoyer le document d’un patient dont l’INS n’est pas qualifiée, par exemple sans OID.",
                "Send the document of a patient whose INS is not qualified, for instance without its OID.",
            )),
            Content::Documents { .. } => None,
        };
        match next {
            None => Finding { outcome: Outcome::Passed, expected, received, next: Text::default(), by },
            Some(next) => Finding { outcome: Outcome::Inconclusive, expected, received, next, by },
        }
    }
}

/// The mail goes where the test needs it. A precondition, as [`Contents`]: never [`Outcome::Failed`].
#[derive(Clone, Copy, Debug)]
pub struct SentTo<'r> {
    /// The requirement under test.
    pub requirement: &'r str,
    /// The address that the envelope must hold, in any case.
    pub recipient: &'r str,
}

impl SentTo<'_> {
    /// One message of the step to that recipient is enough.
    pub fn check(&self, transcript: &Transcript<'_>, mails: &[Taken<'_>]) -> Check {
        let (rule, recipient) = ("RFC 5321 §4.1.1.3", self.recipient);
        let expected =
            Text::new(format!("Un message envoyé à {recipient}"), format!("A mail sent to {recipient}"));
        let next = Text::new(
            format!("Envoyer le message à {recipient} : copier l’adresse telle que le test la donne."),
            format!("Send the mail to {recipient}: copy the address as the test gives it."),
        );
        let right = |taken: &&Taken<'_>| taken.mail.to.iter().any(|to| to.eq_ignore_ascii_case(recipient));
        match (mails.iter().find(right), mails.last()) {
            (Some(taken), _) => {
                let received = to(taken);
                Check::passed(self.requirement, rule, expected, received, Some(taken.seq))
            }
            (None, Some(taken)) => {
                let pair = (expected, to(taken));
                let by = Some(taken.seq);
                Check::not_passed(self.requirement, rule, Outcome::Inconclusive, pair, by, next)
            }
            (None, None) => {
                let check = crate::mail::no_mail(self.requirement, rule, expected, transcript);
                let check = never_failed(check);
                if last_refusal(transcript, Protocol::Smtp).is_some() {
                    check
                } else {
                    Check { next, ..check }
                }
            }
        }
    }
}

/// No message came: why is told, and whether that breaks a rule is for other checks to say.
fn never_failed(check: Check) -> Check {
    match check.outcome {
        Outcome::Failed => Check { outcome: Outcome::Inconclusive, ..check },
        _ => check,
    }
}

fn to(taken: &Taken<'_>) -> Text {
    let list = shown(&taken.mail.to.join(", "));
    Text::new(
        format!("Message {} à {list}", taken.mail.queue_id),
        format!("Mail {} to {list}", taken.mail.queue_id),
    )
}

fn described(carried: &Carried) -> Text {
    let codes: Vec<&str> = carried.documents.iter().map(|document| document.code.as_str()).collect();
    let (archives, count, codes) = (carried.archives, codes.len(), shown(&codes.join(", ")));
    let mut text = match (archives, count) {
        (0, _) => Text::new("Message sans archive IHE_XDM", "Mail without any IHE_XDM archive"),
        (_, 0) => Text::new(
            format!("{archives} archive(s) IHE_XDM, aucun document CDA lisible"),
            format!("{archives} IHE_XDM archive(s), no readable CDA document"),
        ),
        _ => {
            let qualified = carried.documents.iter().filter(|document| document.qualified).count();
            Text::new(
                format!(
                    "{archives} archive(s) IHE_XDM, {count} document(s) CDA ({codes}), dont {qualified} à INS qualifiée"
                ),
                format!(
                    "{archives} IHE_XDM archive(s), {count} CDA document(s) ({codes}), {qualified} with a qualified INS"
                ),
            )
        }
    };
    if !carried.problems.is_empty() {
        let problems = problems(carried);
        text = Text::new(format!("{} ; {problems}", text.fr), format!("{}; {problems}", text.en));
    }
    text
}

#[cfg(test)]
mod tests {
    use mss::CarriedDocument;

    use super::*;

    fn with(qualified: &[bool]) -> Carried {
        let document =
            |&qualified: &bool| CarriedDocument { code: "A".into(), qualified, ..Default::default() };
        Carried { archives: 1, documents: qualified.iter().map(document).collect(), problems: Vec::new() }
    }

    #[test]
    fn another_mail_is_never_a_failure_and_is_told() {
        let documents = |count, qualified| Content::Documents { count, qualified };
        let plain = Carried::default();
        for (expect, carried, said) in [
            (Content::Plain, &with(&[true]), "sans archive"),
            (documents(1, None), &plain, "1 document(s) CDA"),
            (documents(2, None), &with(&[true]), "2 document(s) CDA"),
            (documents(1, Some(true)), &with(&[false]), "INS qualifiée : matricule"),
            (documents(1, Some(false)), &with(&[true]), "n’est pas qualifiée"),
        ] {
            let finding = Contents { requirement: "SC.MSS/CONF.14", expect }.hold(carried, 7);
            assert_eq!(finding.outcome, Outcome::Inconclusive, "{expect:?}");
            assert!(finding.next.fr.contains(said), "{}", finding.next.fr);
            assert!(!finding.received.is_empty());
        }
    }

    #[test]
    fn the_right_mail_passes() {
        for (expect, carried) in [
            (Content::Plain, Carried::default()),
            (Content::Documents { count: 1, qualified: Some(true) }, with(&[true])),
            (Content::Documents { count: 1, qualified: Some(false) }, with(&[false])),
            (Content::Documents { count: 2, qualified: None }, with(&[true, false])),
        ] {
            let finding = Contents { requirement: "SC.MSS/CONF.14", expect }.hold(&carried, 7);
            assert_eq!((finding.outcome, finding.by), (Outcome::Passed, 7), "{expect:?}");
        }
    }
}
