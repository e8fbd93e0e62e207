//! People, patients, acts and traces.

use ins::{Match, Record};
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Key;

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
