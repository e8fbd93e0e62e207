use kernel::Timestamp;
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address as Mailbox;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId as Ids;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::MimePart;

use crate::{Address, CLOSE_EXCHANGE, Label, MessageId, X_MSS_MES, X_MSS_NIL};

/// A mail to be written: facts, not bytes. [`compose`] turns it into the same bytes each time.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The mailbox that sends; the operator refuses any other (spec 01 §4.4).
    pub from: Address,
    /// The sender's label (MSS/va1.16).
    pub label: Option<Label>,
    /// First recipients; never empty.
    pub to: Vec<Address>,
    /// Copies.
    pub cc: Vec<Address>,
    /// Where answers go, for an APP mailbox that a human one stands behind.
    pub reply_to: Option<Address>,
    /// The subject; may be empty.
    pub subject: String,
    /// The text, in any line ends.
    pub text: String,
    /// The product's reference number, on every mail (SC.MSS/CONF.16).
    pub nil: String,
    /// The professional chose to block the patient's answer. Without any patient among the recipients it changes
    /// nothing (ECO.2.2.8).
    pub patient_close: bool,
    /// The message answered.
    pub in_reply_to: Option<MessageId>,
    /// The thread, oldest first: the parent's References; the parent itself is added.
    pub references: Vec<MessageId>,
    /// Stable over retries.
    pub message_id: MessageId,
    /// When it was written.
    pub date: Timestamp,
    /// Health documents to send in an IHE_XDM archive. Not written yet: [`ComposeError::Documents`].
    pub documents: Vec<Document>,
}

impl Draft {
    /// An empty mail from `from` to `to`, with a fresh Message-ID.
    pub fn new(from: Address, to: Vec<Address>, nil: impl Into<String>, date: Timestamp) -> Self {
        Self {
            message_id: MessageId::fresh(&from),
            from,
            label: None,
            to,
            cc: Vec::new(),
            reply_to: None,
            subject: String::new(),
            text: String::new(),
            nil: nil.into(),
            patient_close: false,
            in_reply_to: None,
            references: Vec::new(),
            date,
            documents: Vec::new(),
        }
    }

    /// Everyone in the envelope, each once.
    pub fn recipients(&self) -> Vec<&Address> {
        let mut all: Vec<&Address> = Vec::new();
        for address in self.to.iter().chain(&self.cc) {
            if !all.contains(&address) {
                all.push(address);
            }
        }
        all
    }

    fn thread(&self) -> Vec<&MessageId> {
        let mut thread: Vec<&MessageId> = Vec::new();
        for id in self.references.iter().chain(&self.in_reply_to) {
            if !thread.contains(&id) {
                thread.push(id);
            }
        }
        thread
    }
}

/// A CDA document to send.
#[derive(Clone, Debug)]
pub struct Document {
    /// The document's bytes.
    pub content: Vec<u8>,
}

/// Writes a draft as RFC 5322 bytes, lines ended by CR LF: `text/plain` in UTF-8, Message-ID on the mailbox's domain,
/// X-MSS-NIL always, X-MSS-MES only where a patient is written to and the exchange is closed. No Bcc, no User-Agent,
/// nothing about the workstation.
///
/// # Errors
/// [`ComposeError`] says which part of the draft cannot be written.
pub fn compose(draft: &Draft) -> Result<Vec<u8>, ComposeError> {
    check(draft)?;
    let from = Mailbox::new_address(draft.label.as_ref().map(Label::as_str), draft.from.as_str());
    let mut message =
        MessageBuilder::new().date(Date::new(draft.date.as_second())).from(from).to(list(&draft.to));
    if !draft.cc.is_empty() {
        message = message.cc(list(&draft.cc));
    }
    if let Some(reply_to) = &draft.reply_to {
        message = message.reply_to(reply_to.as_str());
    }
    message = message.message_id(draft.message_id.as_str());
    if let Some(parent) = &draft.in_reply_to {
        message = message.in_reply_to(parent.as_str());
    }
    let thread = draft.thread();
    if !thread.is_empty() {
        message = message.references(Ids::new_list(thread.into_iter().map(MessageId::as_str)));
    }
    message = message.subject(draft.subject.as_str()).header(X_MSS_NIL, Raw::new(draft.nil.as_str()));
    if draft.patient_close && draft.recipients().iter().any(|address| address.is_patient()) {
        message = message.header(X_MSS_MES, Raw::new(CLOSE_EXCHANGE));
    }
    let text = MimePart::new(ContentType::new("text/plain").attribute("charset", "utf-8"), crlf(&draft.text));
    let mut bytes = Vec::with_capacity(1_024 + draft.text.len());
    message.body(text).serialize(&mut bytes);
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    Ok(bytes)
}

/// Why a draft cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// Nobody to send to.
    #[error("the mail has no recipient: give at least one address in To")]
    NoRecipient,
    /// A value for an `X-MSS-*` header that is empty or holds anything but `A-Z a-z 0-9 . _ , -` (spec 01 §4.1).
    #[error("{header} cannot hold this value: letters, digits and . _ , - only, and at least one of them")]
    HeaderValue {
        /// The header.
        header: &'static str,
    },
    /// Control characters in the subject.
    #[error("the subject holds a control character (a line end, for example)")]
    Subject,
    /// Control characters in the text.
    #[error("the text holds a control character other than tabulation and line ends")]
    Text,
    /// Health documents: this version writes mails without them only.
    #[error("{count} health document(s) to send: this version does not write IHE_XDM archives yet")]
    Documents {
        /// How many were asked for.
        count: usize,
    },
}

fn check(draft: &Draft) -> Result<(), ComposeError> {
    if !draft.documents.is_empty() {
        return Err(ComposeError::Documents { count: draft.documents.len() });
    }
    if draft.to.is_empty() {
        return Err(ComposeError::NoRecipient);
    }
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"._,-".contains(&b);
    if draft.nil.is_empty() || !draft.nil.bytes().all(safe) {
        return Err(ComposeError::HeaderValue { header: X_MSS_NIL });
    }
    if draft.subject.chars().any(char::is_control) {
        return Err(ComposeError::Subject);
    }
    if draft.text.chars().any(|c| c.is_control() && !"\t\r\n".contains(c)) {
        return Err(ComposeError::Text);
    }
    Ok(())
}

fn list(addresses: &[Address]) -> Mailbox<'_> {
    Mailbox::new_list(addresses.iter().map(|address| Mailbox::from(address.as_str())).collect())
}

/// Any mix of CR LF, CR and LF becomes CR LF.
fn crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;
    use proptest::prelude::*;

    use super::*;
    use crate::{Indicators, header_values};

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn draft() -> Draft {
        let date = "2026-11-23T09:05:00Z".parse().unwrap();
        let mut draft = Draft::new(
            address("899700000018@medecin.mssante.fr"),
            vec![address("bob@ch.mssante.fr")],
            "2621",
            date,
        );
        draft.message_id = MessageId::parse("fixed@medecin.mssante.fr").unwrap();
        draft.subject = "Suivi".into();
        draft.text = "Bonjour,\nmerci.".into();
        draft
    }

    #[test]
    fn the_bytes_of_a_plain_mail() {
        let expected = "Date: Mon, 23 Nov 2026 09:05:00 +0000\r\n\
            From: \"Dr_Marie_MARTIN\" <899700000018@medecin.mssante.fr>\r\n\
            To: <bob@ch.mssante.fr>\r\n\
            Message-ID: <fixed@medecin.mssante.fr>\r\n\
            Subject: Suivi\r\n\
            X-MSS-NIL: 2621\r\n\
            MIME-Version: 1.0\r\n\
            Content-Type: text/plain; charset=\"utf-8\"\r\n\
            Content-Transfer-Encoding: 7bit\r\n\r\n\
            Bonjour,\r\nmerci.\r\n";
        let draft = Draft { label: Label::person(Some("Dr"), "Marie", "Martin", None), ..draft() };
        assert_eq!(String::from_utf8(compose(&draft).unwrap()).unwrap(), expected);
    }

    #[test]
    fn the_exchange_is_closed_only_towards_a_patient_and_when_asked() {
        let patient = address("279035121518989@patient.mssante.fr");
        for (to_patient, close, expected) in
            [(false, false, 0), (false, true, 0), (true, false, 0), (true, true, 1)]
        {
            let mut draft = Draft { patient_close: close, ..draft() };
            if to_patient {
                draft.cc.push(patient.clone());
            }
            let found = Indicators::read(&compose(&draft).unwrap());
            assert_eq!(found.mes, vec![CLOSE_EXCHANGE; expected], "{to_patient} {close}");
            assert_eq!(found.nil, ["2621"]);
            assert!(found.ins.is_empty() && found.codecda.is_empty());
        }
    }

    #[test]
    fn an_answer_keeps_its_thread_without_repeats() {
        let id = |text| MessageId::parse(text).unwrap();
        let draft = Draft {
            references: vec![id("a@x"), id("b@x"), id("a@x")],
            in_reply_to: Some(id("b@x")),
            ..draft()
        };
        let bytes = compose(&draft).unwrap();
        assert_eq!(header_values(&bytes, "In-Reply-To"), ["<b@x>"]);
        assert_eq!(header_values(&bytes, "References"), ["<a@x> <b@x>"]);
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let nil = Err(ComposeError::HeaderValue { header: X_MSS_NIL });
        assert_eq!(compose(&Draft { nil: String::new(), ..draft() }), nil);
        assert_eq!(compose(&Draft { nil: "26\r\n21".into(), ..draft() }), nil);
        assert_eq!(compose(&Draft { to: vec![], ..draft() }), Err(ComposeError::NoRecipient));
        assert_eq!(compose(&Draft { subject: "a\r\nBcc: b".into(), ..draft() }), Err(ComposeError::Subject));
        assert_eq!(compose(&Draft { text: "a\0".into(), ..draft() }), Err(ComposeError::Text));
        let documents = vec![Document { content: b"<ClinicalDocument/>".to_vec() }];
        assert_eq!(compose(&Draft { documents, ..draft() }), Err(ComposeError::Documents { count: 1 }));
    }

    proptest! {
        #[test]
        fn another_parser_reads_what_was_meant(
            subject in "[ -~éàœ€]{0,120}", text in "[ -~\n\téà€.]{0,600}", label in "\\PC{0,60}",
        ) {
            let draft = Draft {
                subject: subject.trim().to_owned(), text: text.clone(), label: Label::entity(&label), ..draft()
            };
            let bytes = compose(&draft).unwrap();
            let lines: Vec<&[u8]> = bytes.split(|&b| b == b'\n').collect();
            prop_assert!(lines[..lines.len() - 1].iter().all(|line| line.ends_with(b"\r") && line.len() < 999));
            prop_assert!(!bytes.windows(2).any(|two| two[0] == b'\r' && two[1] != b'\n'));
            let read = MessageParser::default().parse(&bytes).unwrap();
            prop_assert_eq!(read.subject().unwrap_or_default(), draft.subject.as_str());
            let body = read.body_text(0).unwrap().replace("\r\n", "\n");
            prop_assert_eq!(body.trim_end_matches('\n'), text.trim_end_matches('\n'));
            let from = read.from().and_then(|from| from.first()).unwrap();
            prop_assert_eq!(from.address(), Some(draft.from.as_str()));
            prop_assert_eq!(read.message_id(), Some("fixed@medecin.mssante.fr"));
            prop_assert_eq!(Indicators::read(&bytes).nil, vec!["2621"]);
        }
    }
}
