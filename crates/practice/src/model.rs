//! The types that the outside sees.

use std::fmt;

use ins::{Match, Record};
use kernel::{Failure, Timestamp};
use serde::{Deserialize, Serialize};

use crate::words::words;

/// An opaque name: of a mailbox, a mail, a document, a request, a patient, a person. Random, never reused, safe in URLs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// A new one.
    pub fn random() -> Self {
        Self(kernel::random::id())
    }

    /// One that somebody gives; `None` for what no key looks like (32 letters, digits and hyphens at most).
    pub fn parse(text: &str) -> Option<Self> {
        let right = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (!text.is_empty() && text.len() <= 32 && text.bytes().all(right)).then(|| Self(text.to_owned()))
    }

    /// One that was stored.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of mailbox (spec 01 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailboxKind {
    /// Of a person.
    Per,
    /// Of an organisation.
    Org,
    /// Of an application.
    App,
}

words!(MailboxKind { Per = "PER", Org = "ORG", App = "APP" });

/// A mailbox of the practice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Its name here.
    pub key: Key,
    /// Its address, in lower case.
    pub address: String,
    /// Of whom.
    pub kind: MailboxKind,
    /// As screens call it.
    pub label: String,
    /// The connector's own: endpoints, how it logs in; paths and names, never a secret.
    pub settings: serde_json::Value,
    /// *Reprise depuis le*: mail received before is readable, not *à traiter*, and no receipt is due for it.
    pub since: Timestamp,
    /// *Dernière relève*: the last one that went well (SC.MSS/CONF.08).
    pub checked_at: Option<Timestamp>,
    /// By whom: a person's name, or the connector.
    pub checked_by: Option<String>,
    /// What went wrong the last time; `None` after a good one.
    #[serde(with = "crate::failure")]
    pub failure: Option<Failure>,
}

/// What is known of a folder on the server (RFC 3501 §2.3.1.1, RFC 7162).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderState {
    /// As the server spells it, decoded.
    pub name: String,
    /// Special use without its backslash, in lower case (`inbox`, `sent`…); empty for a user's folder. Never from a name,
    /// but for INBOX (spec 07, L6).
    pub role: String,
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// UIDNEXT; 0 where the server does not say it.
    pub uid_next: u32,
    /// HIGHESTMODSEQ of the last complete synchronisation; 0 where the server has none.
    pub modseq: u64,
}

/// A message seen on the server, before its octets are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its UID in the folder.
    pub uid: u32,
    /// INTERNALDATE.
    pub received: Timestamp,
    /// Flags, as the server has them (`\Seen` is shared by everybody who reads the mailbox).
    pub flags: Vec<String>,
}

/// A message whose octets are to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name here.
    pub mail: Key,
    /// Its UID in the folder, under the UIDVALIDITY last told.
    pub uid: u32,
}

/// How far the reading of a mail has come. Fetched, kept and read are separate facts (spec 07, L4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Its octets are not here yet.
    Wanted,
    /// They are, and nobody has read them.
    Pending,
    /// Read by another version of the reader: to be read again.
    Stale,
    /// Read; documents were found.
    Ok,
    /// Read; no document is in it.
    Empty,
    /// The reading met a technical failure: it will be tried again.
    Failed,
    /// It failed too often: another version of the reader will try. People see the mail.
    Hopeless,
    /// The same octets as another mail of this mailbox: one mail in two folders.
    Copy,
}

words!(Reading {
    Wanted = "wanted",
    Pending = "pending",
    Stale = "stale",
    Ok = "ok",
    Empty = "empty",
    Failed = "failed",
    Hopeless = "hopeless",
    Copy = "copy",
});

/// A mail, with what reading it told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    /// Its name here.
    pub key: Key,
    /// The mailbox.
    pub mailbox: Key,
    /// The folder that it was last seen in.
    pub folder: String,
    /// Its UID there.
    pub uid: u32,
    /// INTERNALDATE.
    pub received: Timestamp,
    /// Of before *reprise depuis le*.
    pub history: bool,
    /// As on the server.
    pub flags: Vec<String>,
    /// It is no longer on the server.
    pub gone: bool,
    /// Octets; `None` before they are here.
    pub size: Option<u64>,
    /// Why the octets are not here, where fetching has failed.
    #[serde(with = "crate::failure")]
    pub fetch_failure: Option<Failure>,
    /// How far reading has come.
    pub reading: Reading,
    /// Why reading failed.
    #[serde(with = "crate::failure")]
    pub read_failure: Option<Failure>,
    /// Message-ID.
    pub message_id: Option<String>,
    /// In-Reply-To.
    pub in_reply_to: Option<String>,
    /// Date, as the sender wrote it.
    pub sent: Option<Timestamp>,
    /// The sender's address.
    pub sender: Option<String>,
    /// The sender's label, or a patient's name (SC.MSS/UX.25, UX.31).
    pub sender_name: Option<String>,
    /// What kind of sender.
    pub provenance: Provenance,
    /// The subject, without the mark of XDM (SC.MSS/UX.28).
    pub subject: String,
    /// The text, its beginning.
    pub text: String,
    /// The rest.
    pub facts: MailFacts,
    /// Its documents, in the order of the mail.
    pub documents: Vec<Key>,
}

/// What else a mail says, for whoever opens or answers it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MailFacts {
    /// To and Cc, as written.
    pub recipients: Vec<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// Where the sender wants the receipt of reading (Disposition-Notification-To).
    pub receipt_to: Vec<String>,
    /// The subject says *Annule et remplace*: to be shown, never acted upon (spec 02 §6.3).
    pub replaces: bool,
    /// The subject is `[FIN]` (spec 01 §5).
    pub closes_exchange: bool,
    /// `mdn`, `dsn` or `bounce`: it reports of a mail that was sent.
    pub report: Option<String>,
    /// The files.
    pub files: Vec<FileFact>,
    /// What subject, names and text seem to say of patient and document. Never certainties.
    pub suggestions: Vec<mss::Suggestion>,
    /// What could not be read, in English.
    pub problems: Vec<String>,
}

/// A file of a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    /// A name that a file system takes.
    pub name: String,
    /// What its octets say.
    pub kind: mss::FileKind,
    /// Octets.
    pub size: u64,
    /// Its place in the mail: what [`crate::Practice::part_bytes`] takes. Names are not unique (spec 07, L5).
    pub part: u32,
}

/// Who acts: a person of the practice, perhaps *pour le compte de* another; or the software by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The person; `None` for the software.
    pub person: Option<Key>,
    /// As traces show it.
    pub name: String,
    /// The person on whose behalf.
    pub behalf: Option<Key>,
}

/// What stands in a work list for one document (or one mail without any).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The document.
    pub key: Key,
    /// Its mail.
    pub mail: Key,
    /// The mailbox.
    pub mailbox: Key,
    /// What it is made of.
    pub form: Form,
    /// What the sender asks for.
    pub action: Action,
    /// JDV_J07.
    pub type_code: Option<String>,
    /// The type, in words.
    pub type_label: String,
    /// Its title; never empty.
    pub title: String,
    /// Who made it.
    pub author: String,
    /// Their structure.
    pub organisation: String,
    /// When the document was made.
    pub made: Option<Timestamp>,
    /// Day of the act, `YYYY-MM-DD`.
    pub act_day: Option<String>,
    /// When the mail arrived at the server.
    pub received: Timestamp,
    /// What kind of sender (SC.MSS/UX.25).
    pub provenance: Provenance,
    /// The patient as the document names them; may be empty.
    pub patient_name: String,
    /// The patient's file that it is in.
    pub patient: Option<Key>,
    /// What became of it.
    pub state: State,
    /// How it stands among the others.
    pub standing: Standing,
    /// It holds a critical result.
    pub critical: bool,
    /// Somebody has taken it in charge.
    pub acknowledged: bool,
    /// `versionNumber`.
    pub version: Option<u32>,
    /// A replacement or a deletion waits for a decision about this document.
    pub request: Option<Key>,
    /// Of before *reprise depuis le*.
    pub history: bool,
    /// The person who asks has read it.
    pub read: bool,
    /// Who has put the medical *visa*.
    pub vised_by: Option<String>,
    /// To whom it is assigned.
    pub assigned: Option<String>,
    /// A note of the practice.
    pub note: Option<String>,
    /// How many documents of the mail are filed, and how many it has (n/m).
    pub of_mail: (u32, u32),
}

/// What a row is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// A CDA document.
    Cda,
    /// A PDF without a CDA around it.
    Pdf,
    /// A report of HPRIM Médecin.
    Hprim,
    /// Another file.
    File,
    /// A mail without files.
    Mail,
}

words!(Form { Cda = "cda", Pdf = "pdf", Hprim = "hprim", File = "file", Mail = "mail" });

/// What the sender asks to be done with a document (spec 02 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// No action is written.
    Create,
    /// `C`.
    Replace,
    /// `D`.
    Delete,
}

words!(Action { Create = "create", Replace = "replace", Delete = "delete" });

/// Who sent it (SC.MSS/UX.25).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provenance {
    /// A professional, or a structure.
    Professional,
    /// A patient, through Mon espace santé.
    Patient,
    /// A program.
    Application,
    /// A mail server.
    Operator,
    /// No sender that can be read.
    Unknown,
}

words!(Provenance {
    Professional = "professional",
    Patient = "patient",
    Application = "application",
    Operator = "operator",
    Unknown = "unknown",
});

/// What became of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

words!(State {
    ToDo = "to_do",
    Filed = "filed",
    NotMine = "not_mine",
    Dismissed = "dismissed",
    Deleted = "deleted",
    History = "history",
});

/// How a document stands among those that are here already (spec 02 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Nothing like it is here.
    New,
    /// *Doublon*: same id and version, or the same octets.
    Duplicate,
    /// Same id, another version number and other octets: the sender broke a rule, and nothing is overwritten.
    SameIdOtherContent,
    /// A newer version than one that is here.
    NewVersion,
    /// *Version obsolète*: a newer one is here.
    Obsolete,
    /// The carrier of a request to delete: never filed itself.
    DeletionRequest,
}

words!(Standing {
    New = "new",
    Duplicate = "duplicate",
    SameIdOtherContent = "same_id_other_content",
    NewVersion = "new_version",
    Obsolete = "obsolete",
    DeletionRequest = "deletion_request",
});

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

/// A patient's file, as far as the connector keeps one; an editor replaces it by its own through the host API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient {
    /// Its name here.
    pub key: Key,
    /// Its name at the host.
    pub host_ref: Option<String>,
    /// Identity, status, former numbers.
    pub record: Record,
}

/// Where a document belongs, and why; with the patients that `decision` counts, in its order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// The decision and its reasons.
    pub matched: Match,
    /// The candidates.
    pub patients: Vec<Patient>,
}

/// What a person (or a rule of the practice) decides. One action, one trace, one transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "act")]
pub enum Act {
    /// *Intégrer*. Without `patient`: the one that the proposal is certain of ([`ins::Decision::File`]), else refused.
    File {
        /// What.
        document: Key,
        /// Where.
        patient: Option<Key>,
    },
    /// Create a patient's file from the document's traits, and file.
    FileToNew {
        /// What.
        document: Key,
        /// The patient's name at the host.
        host_ref: Option<String>,
    },
    /// *Pas mon patient*.
    NotMine {
        /// What.
        document: Key,
    },
    /// Undo a filing, or any of the states above: *à traiter* again.
    Reopen {
        /// What.
        document: Key,
    },
    /// Put aside.
    Dismiss {
        /// What.
        document: Key,
        /// Why.
        reason: String,
    },
    /// *Supprimer du dossier* / *Intégrer la nouvelle version*.
    Accept {
        /// Which.
        request: Key,
    },
    /// Refuse what a sender asks for.
    Refuse {
        /// Which.
        request: Key,
        /// Why.
        reason: String,
    },
    /// The host says that an accepted request is done.
    Confirm {
        /// Which.
        request: Key,
    },
    /// The medical visa.
    Visa {
        /// What.
        document: Key,
    },
    /// Give to somebody, or to nobody.
    Assign {
        /// What.
        document: Key,
        /// To whom.
        to: Option<Key>,
    },
    /// A note of the practice; empty takes it away.
    Note {
        /// What.
        document: Key,
        /// The note.
        text: String,
    },
    /// *Lu*, by the person who acts.
    Read {
        /// What.
        document: Key,
        /// Or unread again.
        read: bool,
    },
    /// A critical result is taken in charge.
    Acknowledge {
        /// What.
        document: Key,
    },
}

/// A line of the functional trace (SC.MSS/CONF.17, CONF.18, UX.37): never content, never a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// Counts up.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub author: String,
    /// On whose behalf.
    pub behalf: Option<String>,
    /// What.
    pub act: String,
    /// About which document.
    pub document: Option<Key>,
    /// In which mailbox.
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
