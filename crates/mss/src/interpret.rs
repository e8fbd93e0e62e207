mod archive;
mod attachment;
mod mail;
mod problem;
mod sender;

pub use archive::{Opened, ReceivedArchive, Unopened};
pub use attachment::{Attachment, FileKind};
pub use mail::{Interpreted, PartFacts, ReceivedDocument, interpret, interpret_with};
pub use problem::MailProblem;
pub use sender::{MOTCO2_PATIENT, PatientSender, Sender, Settings, UserDomain};

use crate::mime::decode_words;
use crate::{Address, MessageId, header_values};

/// The mark of a mail that carries an IHE_XDM archive, at the head of its subject (ECO.2.1.3, IHE ITI TF-2 §3.32).
pub const XDM_MARKER: &str = "XDM/1.0/DDM";

/// A decoded subject without the mark, for a person to read; `None` where the mark is not there. Senders put marks of
/// their own around it (`[Annule et remplace]`, `Re:`), which stay.
pub fn without_marker(subject: &str) -> Option<String> {
    let at = find_ignoring_case(subject, XDM_MARKER)?;
    let before = subject[..at].trim_end();
    let after = subject[at + XDM_MARKER.len()..].trim_start_matches('+').trim();
    Some([before, after].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
}

/// The subject of an answer: `Re: ` once, and no mark, because an answer carries no archive.
pub fn answer_subject(subject: &str) -> String {
    let subject = without_marker(subject).unwrap_or_else(|| subject.trim().to_owned());
    let bare: String = subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if bare.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:")) {
        bare
    } else {
        format!("Re: {bare}").trim_end().to_owned()
    }
}

/// What an answer needs to know of the mail that it answers. Absent or unusable values are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parent {
    /// Message-ID.
    pub message_id: Option<MessageId>,
    /// References, in order; of a mail that has none, its In-Reply-To (RFC 5322 §3.6.4).
    pub references: Vec<MessageId>,
    /// Subject, decoded (RFC 2047).
    pub subject: String,
    /// Where answers go: Reply-To, else From.
    pub reply_to: Option<Address>,
}

impl Parent {
    /// Reads a mail, or its header section alone.
    pub fn read(message: &[u8]) -> Self {
        let bracketed = |value: &String| -> Vec<MessageId> {
            let inner = value.split('<').skip(1).filter_map(|rest| rest.split_once('>'));
            inner.filter_map(|(id, _)| MessageId::parse(id).ok()).collect()
        };
        let ids = |name| header_values(message, name).iter().flat_map(bracketed).collect::<Vec<_>>();
        let references = match ids("References") {
            none if none.is_empty() => ids("In-Reply-To").into_iter().take(1).collect(),
            some => some,
        };
        Self {
            message_id: ids("Message-ID").into_iter().next(),
            references,
            subject: decoded_subject(message),
            reply_to: ["Reply-To", "From"]
                .into_iter()
                .find_map(|name| header_values(message, name).iter().find_map(|value| mailbox(value))),
        }
    }
}

fn decoded_subject(message: &[u8]) -> String {
    header_values(message, "Subject")
        .first()
        .map(|value| decode_words(value).trim().to_owned())
        .unwrap_or_default()
}

/// The first address of a From or Reply-To value: what stands in brackets, else the value.
fn mailbox(value: &str) -> Option<Address> {
    let inner = match (value.rfind('<'), value.rfind('>')) {
        (Some(from), Some(to)) if from < to => &value[from + 1..to],
        _ => value,
    };
    Address::parse(inner.trim()).ok()
}

fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    (0..=text.len().checked_sub(wanted.len())?)
        .find(|&at| text.get(at..at + wanted.len()).is_some_and(|part| part.eq_ignore_ascii_case(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_taken_away_wherever_it_stands() {
        for (subject, expected) in [
            ("XDM/1.0/DDM+CR VIAL Paul", Some("CR VIAL Paul")),
            ("xdm/1.0/ddm+CR", Some("CR")),
            ("[Annule et remplace] XDM/1.0/DDM+CR", Some("[Annule et remplace] CR")),
            ("XDM/1.0/DDM", Some("")),
            ("XDM/1.0/DD", None),
            ("é", None),
        ] {
            assert_eq!(without_marker(subject).as_deref(), expected, "{subject}");
        }
        assert_eq!(answer_subject("XDM/1.0/DDM+CR VIAL"), "Re: CR VIAL");
        assert_eq!(answer_subject("RE: CR\r\nBcc: x"), "RE: CR  Bcc: x");
        assert_eq!(answer_subject(""), "Re:");
    }

    #[test]
    fn an_answer_learns_its_thread_and_its_recipient() {
        let mail = "Message-ID: <c@x>\r\nReferences: <a@x>\r\n <b@x> junk\r\nSubject: =?utf-8?Q?R=C3=A9sultats?=\r\n\
                    From: \"A, B <odd>\" <a@ch.mssante.fr>\r\n\r\nMessage-ID: <no@x>\r\n";
        let parent = Parent::read(mail.as_bytes());
        let ids: Vec<&str> = parent.references.iter().map(MessageId::as_str).collect();
        assert_eq!((ids, parent.message_id.as_ref().unwrap().as_str()), (vec!["a@x", "b@x"], "c@x"));
        assert_eq!(parent.subject, "Résultats");
        assert_eq!(parent.reply_to.unwrap().as_str(), "a@ch.mssante.fr");
        let mail = b"In-Reply-To: <a@x>\r\nReply-To: z@ch.mssante.fr\r\nFrom: a@ch.mssante.fr\r\n\r\n";
        let parent = Parent::read(mail);
        assert_eq!((parent.references.len(), parent.reply_to.unwrap().as_str()), (1, "z@ch.mssante.fr"));
        assert_eq!(Parent::read(b"Subject: last").subject, "last");
        assert_eq!(Parent::read(b"Subject: =?utf-8?Q?=C3=A9?=\r\n\r\n").subject, "é");
        assert_eq!(Parent::read(b""), Parent::default());
    }
}
