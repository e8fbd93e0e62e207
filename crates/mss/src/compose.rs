use std::mem;

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address as Mailbox;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId as Ids;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::MimePart;

use crate::bundle::{Attachment, Bundle, REPLACES};
use crate::{
    Address, CLOSE_EXCHANGE, Draft, Label, MessageId, X_MSS_CODECDA, X_MSS_INS, X_MSS_MES, X_MSS_NIL,
};

const DISPOSITION_NOTIFICATION_TO: &str = "Disposition-Notification-To";
const RETURN_RECEIPT_TO: &str = "Return-Receipt-To";

/// A mail that is written, and what the writer must know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// RFC 5322, lines ended by CR LF.
    pub bytes: Vec<u8>,
    /// What the mail lacks of the reference, and why.
    pub notes: Vec<Note>,
}

/// Something that a mail with documents lacks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Note {
    /// No PDF goes with this document: none can be made of it. ECO.2.1.5 wants a PDF/A-1 for each.
    #[error("document {position} goes without a PDF: {why}")]
    WithoutPdf {
        /// From 1.
        position: usize,
        /// What [`pdfa::render`] says.
        why: String,
    },
    /// The PDF that goes with this document is the one that it carries; nobody checked that it is PDF/A-1 (ECO.2.1.5).
    #[error(
        "the PDF of document {position} is the one that it carries; whether it is PDF/A-1 was not checked"
    )]
    CarriedPdf {
        /// From 1.
        position: usize,
    },
    /// The PDF of this document lacks characters that it could not set; each stands as U+FFFD, and its last page says so.
    #[error("the PDF of document {position} lacks {count} characters of the document")]
    Characters {
        /// From 1.
        position: usize,
        /// How many.
        count: usize,
    },
    /// The patient has no birth name or no given name, which ECO.2.1.3 and ECO.2.1.6 write.
    #[error(
        "the patient of the documents has no birth name or no first given name: subject and file names lack it"
    )]
    Unnamed,
}

/// Writes a draft as RFC 5322 bytes, lines ended by CR LF: the text in UTF-8, Message-ID on the mailbox's domain,
/// X-MSS-NIL always, X-MSS-MES only where a patient is written to and the exchange is closed. No Bcc, no User-Agent,
/// nothing about the workstation.
///
/// With documents: the subject of ECO.2.1.3, X-MSS-CODECDA and X-MSS-INS, and a `multipart/mixed` of the text, of
/// `IHE_XDM.zip`, and of a PDF for each document, named by ECO.2.1.6: of a document of level 1 the PDF that it carries,
/// byte for byte; of any other its header and narrative as PDF/A-1b (ECO.2.1.5, crate `pdfa`).
///
/// # Errors
/// [`ComposeError`] says which part of the draft cannot be written.
pub fn compose(draft: &Draft) -> Result<Vec<u8>, ComposeError> {
    compose_noted(draft).map(|composed| composed.bytes)
}

/// As [`compose`], with what the mail lacks.
///
/// # Errors
/// As [`compose`].
pub fn compose_noted(draft: &Draft) -> Result<Composed, ComposeError> {
    check(draft)?;
    let mut bundle = if draft.documents.is_empty() { None } else { Some(Bundle::new(draft)?) };
    let files =
        bundle.as_mut().map(|bundle| (mem::take(&mut bundle.attachments), mem::take(&mut bundle.notes)));
    let mut message = envelope(draft);
    let free = if draft.replaces {
        format!("{REPLACES} {}", draft.subject).trim_end().to_owned()
    } else {
        draft.subject.clone()
    };
    let subject = bundle.as_ref().map_or(free.as_str(), |bundle| bundle.subject.as_str()).to_owned();
    message = message.subject(subject).header(X_MSS_NIL, Raw::new(draft.nil.as_str()));
    if let Some(bundle) = &bundle {
        message = message
            .header(X_MSS_CODECDA, Raw::new(bundle.codes.as_str()))
            .header(X_MSS_INS, Raw::new(bundle.ins));
    }
    if draft.read_receipt {
        message = message.header(DISPOSITION_NOTIFICATION_TO, Raw::new(format!("<{}>", draft.from)));
    }
    if draft.delivery_receipt {
        message = message.header(RETURN_RECEIPT_TO, Raw::new(format!("<{}>", draft.from)));
    }
    if draft.patient_close && draft.has_patient() {
        message = message.header(X_MSS_MES, Raw::new(CLOSE_EXCHANGE));
    }
    let text = MimePart::new(ContentType::new("text/plain").attribute("charset", "utf-8"), crlf(&draft.text));
    let (body, notes) = match files {
        None => (text, Vec::new()),
        Some((files, notes)) => {
            let parts: Vec<MimePart<'_>> =
                std::iter::once(text).chain(files.into_iter().map(attached)).collect();
            let mixed = ContentType::new("multipart/mixed").attribute("boundary", boundary(draft));
            (MimePart::new(mixed, parts), notes)
        }
    };
    let mut bytes = Vec::with_capacity(1_024 + body.size() * 3 / 2);
    message.body(body).serialize(&mut bytes);
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    Ok(Composed { bytes, notes })
}

/// Who, to whom, when, in which thread.
fn envelope(draft: &Draft) -> MessageBuilder<'_> {
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
    message
}

/// The name stands three times, because receivers of three ages exist: `name` and `filename` in ASCII, and `filename*`
/// (RFC 2231) with the accents that ECO.2.1.6's names have.
fn attached(attachment: Attachment) -> MimePart<'static> {
    let Attachment { name, mime, bytes } = attachment;
    let plain: String =
        ins::unaccented(&name).chars().map(|c| if matches!(c, ' '..='~') { c } else { '_' }).collect();
    // The full name first: readers that take one of the two take the first.
    let full = if plain == name { String::new() } else { format!("filename*=utf-8''{}; ", percent(&name)) };
    let disposition = format!("attachment; {full}filename=\"{plain}\"");
    MimePart::new(ContentType::new(mime).attribute("name", plain), bytes)
        .header("Content-Disposition", Raw::new(disposition))
}

/// RFC 2231 §4, RFC 5987 §3.2.1: all but letters, digits and a few signs.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The same for the same mail, and never part of its content: neither base64 nor quoted-printable writes `=_`.
fn boundary(draft: &Draft) -> String {
    format!("=_{}", &kernel::sha256_hex(draft.message_id.as_str().as_bytes())[..32])
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
    /// A document that is no CDA.
    #[error("document {position} cannot be sent: {error}")]
    Document {
        /// From 1.
        position: usize,
        /// Why.
        error: cda::Error,
    },
    /// A document that is not shown to be of the first one's patient: one mail, one patient.
    #[error("document {position} is not of the same patient as the first: send one mail for each patient")]
    TwoPatients {
        /// From 1.
        position: usize,
    },
    /// The archive.
    #[error("the archive cannot be written: {0}")]
    Archive(xdm::WriteError),
}

fn check(draft: &Draft) -> Result<(), ComposeError> {
    if draft.to.is_empty() {
        return Err(ComposeError::NoRecipient);
    }
    if draft.nil.is_empty() || !is_header_value(&draft.nil) {
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

pub(crate) fn is_header_value(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._,-".contains(&b))
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
    use crate::{Document, Indicators, header_values};

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
            let told = Draft { patient_close: close, to_patient, ..draft() };
            assert_eq!(Indicators::read(&compose(&told).unwrap()).mes.len(), expected);
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
        let documents = vec![Document::new(b"<ClinicalDocument/>".to_vec())];
        let error = compose(&Draft { documents, ..draft() }).unwrap_err();
        assert!(matches!(error, ComposeError::Document { position: 1, .. }), "{error}");
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
