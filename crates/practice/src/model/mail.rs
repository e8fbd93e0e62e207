//! A mail that is here.

use kernel::{Failure, Timestamp};
use serde::{Deserialize, Serialize};

use super::Provenance;
use crate::Key;
use crate::words::words;

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
