use kernel::Timestamp;
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address as Builder;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::MimePart;

use super::mdn::{IntegrationError, MdnRequest};
use crate::compose::is_header_value;
use crate::mime::{Tree, decode_words};
use crate::{
    Address, ComposeError, Label, MailLimits, MessageId, Parent, X_MSS_NIL, XDM_MARKER, without_marker,
};

/// What is told to the sender of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// A person has read it and agreed to say so.
    Displayed,
    /// A program has treated it (APP mailboxes).
    Processed,
    /// A program could not take its document in.
    Failed(IntegrationError),
}

/// An answer to a mail that asks for a receipt, or of which the document could not be taken in.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// The mailbox that got the mail.
    pub from: Address,
    /// Its label.
    pub label: Option<Label>,
    /// The product's reference number: receipts are mails sent, too (spec 01 §8, point 17).
    pub nil: String,
    /// What is told.
    pub receipt: Receipt,
    /// When.
    pub date: Timestamp,
    /// The answer's own Message-ID.
    pub message_id: MessageId,
    /// The mail, whole.
    pub original: &'a [u8],
}

/// A receipt that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptBytes {
    /// RFC 5322, lines ended by CR LF.
    pub bytes: Vec<u8>,
    /// Who gets it.
    pub to: Vec<Address>,
    /// Whether it goes out with `MAIL FROM:<>`, so that it can never be answered (RFC 8098 §3): true of receipts, false of
    /// the ordinary mail that tells an error where no receipt was asked.
    pub null_sender: bool,
}

/// Why no answer is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The mail is itself a report: it is never answered.
    #[error("a receipt is never answered by a receipt")]
    ForReport,
    /// The mail asks for no receipt, and there is no error to tell.
    #[error("the mail asks for no receipt")]
    NotAsked,
    /// A program may not answer: a person has to agree first.
    #[error(
        "a person has to agree to this receipt: the mail asks for it to be sent elsewhere than where it came from"
    )]
    NotByItself,
    /// Nobody to answer to.
    #[error("the mail has no address to answer to")]
    NoSender,
    /// The product's number cannot stand in a header.
    #[error(transparent)]
    Header(ComposeError),
}

impl Answer<'_> {
    /// Writes the answer: a `multipart/report` of words, fields and the mail itself, once and whole, named
    /// `message_original.eml` (ANS, v1.1.3). An error where no receipt was asked goes as an ordinary mail of the same
    /// subject.
    ///
    /// That one mail is answered once is for the caller to see to (`$MDNSent`, RFC 3503).
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn write(&self) -> Result<ReceiptBytes, AnswerError> {
        if self.nil.is_empty() || !is_header_value(&self.nil) {
            return Err(AnswerError::Header(ComposeError::HeaderValue { header: X_MSS_NIL }));
        }
        let tree = Tree::read(self.original, &MailLimits::default());
        if super::mdn::is_report(&tree) {
            return Err(AnswerError::ForReport);
        }
        let request = MdnRequest::of(&tree);
        let parent = Parent::read(self.original);
        let failed = matches!(self.receipt, Receipt::Failed(_));
        let formal = request
            .as_ref()
            .is_some_and(|asked| self.receipt == Receipt::Displayed || asked.may_be_automatic());
        let to = match (&request, formal) {
            (Some(asked), true) => asked.to.clone(),
            (_, false) if failed => vec![parent.reply_to.clone().ok_or(AnswerError::NoSender)?],
            (Some(_), false) => return Err(AnswerError::NotByItself),
            (None, _) => return Err(AnswerError::NotAsked),
        };
        let original = crlf(self.original);
        let boundary = self.boundary(&original);
        let mut parts = vec![self.words(&parent)];
        if formal {
            let fields = MimePart::new(
                ContentType::new("message/disposition-notification"),
                self.fields(&tree, &parent).into_bytes(),
            );
            parts.push(fields.transfer_encoding("7bit"));
        }
        let encoding = if original.is_ascii() { "7bit" } else { "8bit" };
        let whole = MimePart::new(
            ContentType::new("message/rfc822").attribute("name", "message_original.eml"),
            original,
        );
        let name = Raw::new("attachment; filename=\"message_original.eml\"");
        parts.push(whole.transfer_encoding(encoding).header("Content-Disposition", name));
        let kind = if formal {
            ContentType::new("multipart/report").attribute("report-type", "disposition-notification")
        } else {
            ContentType::new("multipart/mixed")
        };
        let mut message = MessageBuilder::new()
            .date(Date::new(self.date.as_second()))
            .from(Builder::new_address(self.label.as_ref().map(Label::as_str), self.from.as_str()))
            .to(Builder::new_list(to.iter().map(|address| Builder::from(address.as_str())).collect()))
            .message_id(self.message_id.as_str())
            .subject(self.subject(&parent))
            .header(X_MSS_NIL, Raw::new(self.nil.as_str()));
        if let Some(id) = &parent.message_id {
            message = message.in_reply_to(id.as_str()).references(id.as_str());
        }
        if self.receipt != Receipt::Displayed {
            message = message.header("Auto-Submitted", Raw::new("auto-replied"));
        }
        let mut bytes = Vec::with_capacity(4_096 + self.original.len());
        message.body(MimePart::new(kind.attribute("boundary", boundary), parts)).serialize(&mut bytes);
        if !bytes.ends_with(b"\r\n") {
            bytes.extend_from_slice(b"\r\n");
        }
        Ok(ReceiptBytes { bytes, to, null_sender: formal })
    }

    /// Success keeps the subject; an error stands before it; a reading is told in words (spec 01 §4.6).
    fn subject(&self, parent: &Parent) -> String {
        let subject: String =
            parent.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
        match &self.receipt {
            Receipt::Displayed => {
                format!("Lu : {}", without_marker(&subject).unwrap_or(subject)).trim_end().to_owned()
            }
            Receipt::Processed => subject,
            Receipt::Failed(error) => {
                format!("[KO Intégration système !][{}] {subject}", error.code).trim_end().to_owned()
            }
        }
    }

    fn words(&self, parent: &Parent) -> MimePart<'static> {
        let subject = parent.subject.replace(XDM_MARKER, "").trim_start_matches('+').to_owned();
        let said = match &self.receipt {
            Receipt::Displayed => "Votre message a été affiché par son destinataire.".to_owned(),
            Receipt::Processed => {
                "Votre message a été traité par le logiciel de son destinataire.".to_owned()
            }
            Receipt::Failed(error) => format!(
                "Le document de votre message n'a pas pu être intégré par le logiciel de son destinataire.\r\nErreur {} : {}",
                error.code,
                one_line(&error.label)
            ),
        };
        let text =
            format!("{said}\r\n\r\nDestinataire : {}\r\nObjet : {}\r\n", self.from, one_line(&subject));
        MimePart::new(ContentType::new("text/plain").attribute("charset", "utf-8"), text)
    }

    /// The machine-readable part (RFC 8098 §3.1), in ASCII.
    fn fields(&self, tree: &Tree<'_>, parent: &Parent) -> String {
        let typed = |address: &Address| {
            // RFC 6533 §3: letters outside ASCII in an ASCII form.
            match address.is_ascii() {
                true => format!("rfc822;{address}"),
                false => format!("utf-8;{}", super::dsn::xtext(address.as_str())),
            }
        };
        let mut out = String::new();
        let asked = tree.nodes.first().and_then(|root| root.field("original-recipient"));
        let original = asked.and_then(super::report::typed_address).unwrap_or_else(|| self.from.clone());
        out.push_str(&format!("Original-Recipient: {}\r\n", typed(&original)));
        out.push_str(&format!("Final-Recipient: {}\r\n", typed(&self.from)));
        if let Some(id) = &parent.message_id {
            out.push_str(&format!("Original-Message-ID: {id}\r\n"));
        }
        out.push_str(&match &self.receipt {
            Receipt::Displayed => "Disposition: manual-action/MDN-sent-manually; displayed\r\n".to_owned(),
            Receipt::Processed => "Disposition: automatic-action/MDN-sent-automatically; processed\r\n".to_owned(),
            Receipt::Failed(error) => {
                let error = one_line(&ins::unaccented(&error.to_string()));
                let error: String = error.chars().filter(|c| matches!(c, ' '..='~')).collect();
                format!(
                    "Disposition: automatic-action/MDN-sent-automatically; processed/Error: {error}\r\nError: {error}\r\n"
                )
            }
        });
        out
    }

    /// One that the mail does not hold; the same for the same answer.
    fn boundary(&self, original: &[u8]) -> String {
        let holds = |text: &str| original.windows(text.len()).any(|window| window == text.as_bytes());
        let seed = self.message_id.as_str();
        (0u32..)
            .map(|turn| format!("=_{}", &kernel::sha256_hex(format!("{seed} {turn}").as_bytes())[..32]))
            .find(|boundary| !holds(boundary))
            .unwrap_or_default()
    }
}

fn one_line(text: &str) -> String {
    decode_words(text)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(300)
        .collect()
}

/// Lines ended by CR LF: what is sent has no others. A mail that an operator delivered is returned octet by octet.
fn crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    for (index, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' if index == 0 || bytes[index - 1] != b'\r' => out.extend_from_slice(b"\r\n"),
            b'\r' if bytes.get(index + 1) != Some(&b'\n') => out.extend_from_slice(b"\r\n"),
            _ => out.push(byte),
        }
    }
    out
}
