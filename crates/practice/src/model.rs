//! The types that the outside sees. Owners: H4 (arrivals, reading, versions), H5 (people, filing, list, traces).

use ins::{Match, Record};
use kernel::{Failure, Timestamp};
use serde::{Deserialize, Serialize};

/// An opaque name: of a mailbox, a mail, a document, a request, a patient, a person. Random, never reused, safe in URLs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

/// What kind of mailbox (spec 01 §2): of a person, of an organisation, of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MailboxKind { Per, Org, App }

/// A mailbox of the practice. `settings` is the connector's own (endpoints, how it logs in: paths and names, never a secret).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    pub key: Key,
    pub address: String,
    pub kind: MailboxKind,
    pub label: String,
    pub settings: serde_json::Value,
    /// *Reprise depuis le*: mail received before is readable, not *à traiter*, and no receipt is due for it.
    pub since: Timestamp,
    /// *Dernière relève*, and by whom.
    pub checked_at: Option<Timestamp>,
    pub checked_by: Option<String>,
    /// What went wrong the last time; `None` after a good one.
    pub failure: Option<Failure>,
}

/// What is known of a folder on the server (RFC 3501 §2.3.1.1, RFC 7162).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderState {
    pub name: String,
    /// Special use without its backslash, in lower case (`inbox`, `sent`…); empty for a user's folder. Never from a name, but for INBOX.
    pub role: String,
    pub uid_validity: u32,
    pub uid_next: u32,
    /// HIGHESTMODSEQ of the last complete synchronisation; 0 where the server has none.
    pub modseq: u64,
}

/// A message seen on the server, before its octets are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub uid: u32,
    /// INTERNALDATE.
    pub received: Timestamp,
    /// Flags, as the server has them (`\Seen` is shared by everybody who reads the mailbox).
    pub flags: Vec<String>,
}

/// A message whose octets are to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted { pub mail: Key, pub uid: u32 }

/// Who acts: a person of the practice, perhaps *pour le compte de* another; or the software by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub person: Option<Key>,
    /// As traces show it.
    pub name: String,
    pub behalf: Option<Key>,
}

/// What stands in a work list for one document (or one mail without any).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub key: Key,
    pub mail: Key,
    pub mailbox: Key,
    pub form: Form,
    pub action: Action,
    pub type_code: Option<String>,
    pub type_label: String,
    pub title: String,
    pub author: String,
    pub organisation: String,
    /// When the document was made.
    pub made: Option<Timestamp>,
    /// Day of the act, `YYYY-MM-DD`.
    pub act_day: Option<String>,
    pub received: Timestamp,
    pub provenance: Provenance,
    pub patient_name: String,
    pub patient: Option<Key>,
    pub state: State,
    pub standing: Standing,
    pub critical: bool,
    pub acknowledged: bool,
    pub version: Option<u32>,
    /// A replacement or a deletion waits for a decision about this document.
    pub request: Option<Key>,
    pub history: bool,
    pub read: bool,
    pub vised_by: Option<String>,
    pub assigned: Option<String>,
    pub note: Option<String>,
    /// How many documents the mail has, and how many of them are filed (n/m).
    pub of_mail: (u32, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form { Cda, Pdf, Hprim, File, Mail }

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action { Create, Replace, Delete }

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance { Professional, Patient, Application, Operator, Unknown }

/// What became of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// *À traiter*.
    ToDo,
    /// Filed in a patient's file.
    Filed,
    /// *Pas mon patient*.
    NotMine,
    /// Put aside by a person, with a reason.
    Dismissed,
    /// A person asks the host to take it out of the file, or accepted a deletion: hidden, kept for traceability.
    Deleted,
    /// Of before *reprise depuis le*: readable, never *à traiter*.
    History,
}

/// How a document stands among those that are here already (spec 02 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    New,
    /// *Doublon*: same id and version, or the same octets.
    Duplicate,
    /// Same id, other octets.
    SameIdOtherContent,
    /// A newer version than one that is here.
    NewVersion,
    /// *Version obsolète*.
    Obsolete,
    /// The carrier of a request to delete: never filed itself.
    DeletionRequest,
}

/// A replacement or a deletion that a sender asks for, or that waits for the host to confirm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub key: Key,
    pub kind: RequestKind,
    /// The document that came with it.
    pub document: Key,
    /// The document that it is about; `None` for an orphan.
    pub target: Option<Key>,
    /// The ANS's code where it cannot be obeyed (900: not the last version; 901: another author).
    pub code: Option<u16>,
    pub state: RequestState,
    pub reason: Option<String>,
    pub raised: Timestamp,
    pub decided_by: Option<String>,
    pub decided_at: Option<Timestamp>,
    /// When the host confirmed; accepted is not yet effective.
    pub effective_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind { Replacement, Deletion }

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState { Pending, Accepted, Refused, Orphan, Effective }

/// A patient's file, as far as the connector keeps one; an editor replaces it by its own through the host API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient { pub key: Key, pub host_ref: Option<String>, pub record: Record }

/// Where a document belongs, and why; with the patients that `decision` counts, in its order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal { pub matched: Match, pub patients: Vec<Patient> }

/// What a person (or a rule of the practice) decides. One action, one trace, one transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "act")]
pub enum Act {
    /// *Intégrer*. Without `patient`: the one that the proposal is certain of ([`ins::Decision::File`]), else refused.
    File { document: Key, patient: Option<Key> },
    /// Create a patient's file from the document's traits, and file.
    FileToNew { document: Key, host_ref: Option<String> },
    /// *Pas mon patient*.
    NotMine { document: Key },
    /// Undo a filing, or any of the states above: *à traiter* again.
    Reopen { document: Key },
    Dismiss { document: Key, reason: String },
    /// *Supprimer du dossier* / *Intégrer la nouvelle version*.
    Accept { request: Key },
    Refuse { request: Key, reason: String },
    /// The host says that an accepted request is done.
    Confirm { request: Key },
    Visa { document: Key },
    Assign { document: Key, to: Option<Key> },
    Note { document: Key, text: String },
    Read { document: Key, read: bool },
    /// A critical result is taken in charge.
    Acknowledge { document: Key },
}

/// A line of the functional trace (SC.MSS/CONF.17, CONF.18, UX.37): never content, never a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    pub seq: u64,
    pub at: Timestamp,
    pub author: String,
    pub behalf: Option<String>,
    pub act: String,
    pub document: Option<Key>,
    pub mailbox: Option<String>,
    /// `done`, `refused`, `failed`, `unknown`.
    pub outcome: String,
    /// What was asked of the server.
    pub request: String,
    /// What it answered.
    pub answer: String,
    /// SHA-256 of the line before and this one: a line taken out or changed shows.
    pub chain: String,
}
