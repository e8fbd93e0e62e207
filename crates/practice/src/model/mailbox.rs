//! Mailboxes, folders, and messages on a server.

use kernel::{Failure, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Key;
use crate::words::words;

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
