//! A document in the work list.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Key;
use crate::words::words;

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
