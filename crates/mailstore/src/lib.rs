//! Mailboxes, messages, flags, UIDs, mod-sequences, change notices; durable. Knows neither IMAP nor SMTP.
//!
//! # Why the tables look so
//!
//! What IMAP asks all the time (UIDs, mod-sequences, flags) is a narrow table, clustered by folder and UID. What it
//! asks once (the bytes) lies apart, as a *lead* (the trace lines and, for a mail of 256 KiB at most, all of it)
//! and *pieces* of 256 KiB, shared by the folders that hold the message and freed with the last of them. A big mail
//! is written ahead while it comes in, so that nobody's memory holds 25 MB; a small one travels with its commit
//! and costs no other.
//!
//! Deliveries are items of an [`db::Applier`]: those of one batch share one statement for each table, one update of
//! their folders and one `fsync`. Everything else is rare enough to be a closure in the same writer.
//!
//! What was learned of a message as it came in (structure, preview, searchable texts) is kept apart from both: see
//! [`Learned`].
//!
//! Keys are (account, folder, UIDVALIDITY, UID): a UIDVALIDITY is never given twice within an account, not even to
//! a folder that is deleted and created again within a second.

mod body;
mod change;
mod delivery;
mod doctor;
mod find;
mod flags;
mod folders;
mod learned;
mod quota;
mod read;
mod recent;
mod schema;
mod search;
mod subscription;
mod watchers;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use kernel::{Clock, Timestamp};

pub use body::{BodyWriter, NewBody};
pub use delivery::{Delivered, Delivery, DeliveryApplier};
pub use doctor::{Check, Severity, examine, repair};
pub use find::FoundBody;
pub use flags::{FlagChange, Flags};
pub use learned::{Heads, Learned, MOST_HEAD, MOST_TEXT};
pub use quota::{Quota, QuotaLimit, Usage};
pub use read::Parts;
pub use search::{Found, HeadField};

use watchers::Watchers;

/// The store; cheap to clone.
#[derive(Clone)]
pub struct MailStore {
    inner: Arc<Inner>,
}

struct Inner {
    db: db::Db,
    clock: Clock,
    deliveries: db::Handle<DeliveryApplier>,
    watchers: Arc<Watchers>,
}

/// A mailbox (BAL) of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Names the account for ever.
    pub id: i64,
    /// Address, lower case.
    pub address: String,
}

/// An IMAP mailbox (folder) of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Names the folder for ever, through renames.
    pub id: i64,
    /// Whose it is.
    pub account: i64,
    /// Hierarchy separator is `/`; UTF-8 (the IMAP layer does modified UTF-7).
    pub name: String,
    /// `\Sent`, `\Drafts`, `\Trash`, `\Junk`, `\Archive` (RFC 6154), or none.
    pub special_use: Option<String>,
    /// RFC 3501 §2.3.1.1.
    pub uid_validity: u32,
    /// Whether LSUB shows it.
    pub subscribed: bool,
}

/// What STATUS and SELECT tell of a folder (RFC 3501 §6.3.10, RFC 7162, RFC 8438).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// How many messages.
    pub messages: u32,
    /// How many without `\Seen`.
    pub unseen: u32,
    /// The UID that the next message will have, or one below it.
    pub uid_next: u32,
    /// RFC 3501 §2.3.1.1.
    pub uid_validity: u32,
    /// The mod-sequence of the last change.
    pub highest_modseq: u64,
    /// Bytes, all messages together.
    pub size: u64,
    /// How many with `\Deleted`.
    pub deleted: u32,
    /// How many that no session has been told to be recent (RFC 3501 §2.3.2).
    pub recent: u32,
    /// Bytes of those with `\Deleted` together (RFC 9208 DELETED-STORAGE).
    pub deleted_size: u64,
}

/// What a selected folder is listed by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Unique within the folder and its UIDVALIDITY.
    pub uid: u32,
    /// The mod-sequence of the last change (RFC 7162).
    pub modseq: u64,
    /// As they are now.
    pub flags: Flags,
}

/// What FETCH needs without opening the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Unique within the folder and its UIDVALIDITY.
    pub uid: u32,
    /// The mod-sequence of the last change (RFC 7162).
    pub modseq: u64,
    /// As they are now.
    pub flags: Flags,
    /// Bytes of the message, trace lines included: RFC822.SIZE.
    pub size: u64,
    /// When it was received.
    pub internal_date: Timestamp,
    /// The header block, trace lines first, blank line included: the message's first bytes. Cut at 64 KiB, in which
    /// case it does not end with a blank line and the body must be read.
    pub headers: Bytes,
    /// Names the stored body, in whatever folders it is: what an EMAILID is made of (RFC 8474).
    pub body: i64,
    /// When it was put in this folder (RFC 8514). None: not known, for a message older than this column.
    pub save_date: Option<Timestamp>,
    /// [`Learned::structure`]; none where it is not known.
    pub structure: Option<Bytes>,
    /// [`Learned::preview`].
    pub preview: Option<String>,
}

/// What changed in a folder since a mod-sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New or changed messages, ascending UID.
    pub changed: Vec<Row>,
    /// Expunged UIDs, ascending; those that came and went in between included.
    pub vanished: Vec<u32>,
    /// The folder's mod-sequence in the same snapshot: what to ask from next.
    pub highest_modseq: u64,
}

impl MailStore {
    /// Opens the store's tables and sweeps bodies that a dead process left unfinished. Once for a database.
    ///
    /// # Errors
    /// What the database says; [`db::Error::Newer`] where a later version wrote the tables.
    pub async fn open(db: &db::Db, clock: Clock) -> Result<Self, db::Error> {
        db.migrate("mailstore", schema::MIGRATIONS).await?;
        let watchers = Arc::new(Watchers::default());
        let deliveries = db.register(DeliveryApplier::new(clock.clone(), Arc::clone(&watchers)));
        let store = Self { inner: Arc::new(Inner { db: db.clone(), clock, deliveries, watchers }) };
        store.sweep().await?;
        watchers::follow(&store.inner.watchers, db);
        Ok(store)
    }

    /// The database that the store lives in.
    pub fn db(&self) -> &db::Db {
        &self.inner.db
    }

    /// A body to be received.
    pub fn body(&self) -> BodyWriter {
        BodyWriter::new(self.inner.db.clone(), self.inner.clock.clone())
    }

    /// Frees bodies whose writing has stood still for an hour: their process is dead, or they are forgotten.
    /// Returns how many.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sweep(&self) -> Result<usize, db::Error> {
        body::sweep(&self.inner.db, self.inner.clock.now()).await
    }

    /// Adds a delivery to a unit, so that it is committed with other things (the journal's events). The commit fails
    /// with [`db::Error::Missing`] where a folder is gone, and with [`db::Error::OverQuota`] where an account would hold
    /// more than it may, and with [`db::Error::Invalid`] for more than 4 096 octets of keywords.
    pub fn deliver_into(&self, unit: &mut db::Unit, delivery: Delivery) -> db::Ticket<DeliveryApplier> {
        unit.push(&self.inner.deliveries, delivery)
    }

    /// A counter that moves after each committed change of the folder, its deletion included. What changed is asked
    /// with [`MailStore::changes`].
    pub fn watch(&self, folder: i64) -> tokio::sync::watch::Receiver<u64> {
        self.inner.watchers.watch(folder)
    }

    /// Tells this process's watchers that a folder has changed. The store does it by itself after its own commits,
    /// and within a second after other processes'; this is for whoever knows better.
    pub fn announce(&self, folder: i64) {
        self.inner.watchers.announce(folder, 0);
    }
}

impl fmt::Debug for MailStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailStore").field("db", &self.inner.db).finish()
    }
}
