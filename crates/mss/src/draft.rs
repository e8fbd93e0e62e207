use kernel::Timestamp;
use xdm::Action;

use crate::{Address, Label, MessageId};

/// A mail to be written: facts, not bytes. [`crate::compose`] turns it into the same bytes each time.
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
    /// The subject; may be empty. With [`Draft::documents`] it is not used: ECO.2.1.3 says what stands there.
    pub subject: String,
    /// The text, in any line ends.
    pub text: String,
    /// The product's reference number, on every mail (SC.MSS/CONF.16).
    pub nil: String,
    /// The professional chose to block the patient's answer. Without any patient among the recipients it changes
    /// nothing (ECO.2.2.8).
    pub patient_close: bool,
    /// A recipient is a patient although no address is of [`crate::PATIENT_DOMAIN`]: test spaces have patients of their
    /// own domain, with digits alone before the `@`.
    pub to_patient: bool,
    /// The message answered.
    pub in_reply_to: Option<MessageId>,
    /// The thread, oldest first: the parent's References; the parent itself is added.
    pub references: Vec<MessageId>,
    /// Stable over retries.
    pub message_id: MessageId,
    /// When it was written.
    pub date: Timestamp,
    /// Asks for a receipt of reading, to the sending mailbox (`Disposition-Notification-To`, RFC 8098 §2.1, MSS/va1.14).
    pub read_receipt: bool,
    /// Asks for a receipt of delivery by `Return-Receipt-To`, for servers without the DSN extension; those that have it are
    /// asked by [`crate::DsnRequest`] (spec 01 §8, point 16: both).
    pub delivery_receipt: bool,
    /// Says *Annule et remplace* in the subject (AMBU.MSS/va1.02). What is replaced is said by the documents.
    pub replaces: bool,
    /// Health documents to send in one IHE_XDM archive, all of one patient.
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
            to_patient: false,
            in_reply_to: None,
            references: Vec::new(),
            date,
            read_receipt: false,
            delivery_receipt: false,
            replaces: false,
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

    /// Whether a patient is written to.
    pub fn has_patient(&self) -> bool {
        self.to_patient || self.recipients().iter().any(|address| address.is_patient())
    }

    /// References of the mail to be written: the parent's, then the parent, each once (RFC 5322 §3.6.4).
    pub fn thread(&self) -> Vec<&MessageId> {
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
    /// What the recipient shall do with it.
    pub action: Action,
}

impl Document {
    /// A new document.
    pub fn new(content: Vec<u8>) -> Self {
        Self { content, action: Action::Create }
    }
}
