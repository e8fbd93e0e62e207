//! Requests, versions and changes.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Standing, State};
use crate::Key;
use crate::words::words;

/// A replacement or a deletion that a sender asks for, or that waits for the host to confirm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Its name.
    pub key: Key,
    /// Which.
    pub kind: RequestKind,
    /// The document that came with it.
    pub document: Key,
    /// The document that it is about; `None` for an orphan.
    pub target: Option<Key>,
    /// The ANS's code where it should not be obeyed (900: not the last version; 901: another author).
    pub code: Option<u16>,
    /// How far it has come.
    pub state: RequestState,
    /// Why it was refused.
    pub reason: Option<String>,
    /// When the mail was read.
    pub raised: Timestamp,
    /// Who has decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// When the host confirmed; accepted is not yet effective.
    pub effective_at: Option<Timestamp>,
}

/// What a sender asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// A new version takes the place of an older one.
    Replacement,
    /// A document is withdrawn.
    Deletion,
}

words!(RequestKind { Replacement = "replacement", Deletion = "deletion" });

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestState {
    /// It waits for a person.
    Pending,
    /// A person has accepted; the host has not confirmed.
    Accepted,
    /// A person has refused, with a reason.
    Refused,
    /// What it is about is not here: nothing to do, unless it comes.
    Orphan,
    /// The host has confirmed.
    Effective,
}

words!(RequestState {
    Pending = "pending",
    Accepted = "accepted",
    Refused = "refused",
    Orphan = "orphan",
    Effective = "effective",
});

/// One version of a document, among those that are here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The document.
    pub document: Key,
    /// `versionNumber`.
    pub version: Option<u32>,
    /// When it was made.
    pub made: Option<Timestamp>,
    /// When its mail arrived.
    pub received: Timestamp,
    /// What became of it.
    pub state: State,
    /// How it stood when it came.
    pub standing: Standing,
    /// A later one has taken its place.
    pub replaced: bool,
}

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Counts up, without gaps.
    pub seq: u64,
    /// What kind.
    pub kind: ChangeKind,
    /// What it is about: a document, a request, a mail, a mailbox, a patient.
    pub key: Key,
    /// When.
    pub at: Timestamp,
}

/// What kind of change; the words are those of webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// A document has come into the work list.
    DocumentReceived,
    /// A document's state, standing, patient, visa, assignment or note is another.
    DocumentChanged,
    /// A replacement or a deletion was asked for.
    DocumentRequest,
    /// A request was decided, or has become effective.
    RequestChanged,
    /// A mail was read, or could not be.
    MailChanged,
    /// A mailbox was saved, removed, checked.
    MailboxChanged,
    /// A patient's file.
    PatientChanged,
    /// A person or their rights.
    PersonChanged,
}

words!(ChangeKind {
    DocumentReceived = "document.received",
    DocumentChanged = "document.changed",
    DocumentRequest = "document.request",
    RequestChanged = "request.changed",
    MailChanged = "mail.changed",
    MailboxChanged = "mailbox.changed",
    PatientChanged = "patient.changed",
    PersonChanged = "person.changed",
});
