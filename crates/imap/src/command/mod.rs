//! What a client asks for, understood.

mod append;
mod fetch;
mod list;
mod parse;
mod search;
mod select;

pub use append::{AfterMessage, AppendHead, AppendMessage, parse_after_message, parse_append};
pub use fetch::{FetchItem, Section, SectionText};
pub use list::{List, StatusItem, pattern_matches};
pub use parse::{Dialect, parse, parse_in};
pub use search::{Search, SearchKey, SearchReturn, Sort, SortKey, Thread, ThreadAlgorithm};
pub use select::{Resync, SelectParams};

use kernel::Secret;

use crate::SequenceSet;

/// A command without its tag. Folder names are decoded from modified UTF-7.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Command {
    /// CAPABILITY.
    Capability,
    /// NOOP.
    Noop,
    /// LOGOUT.
    Logout,
    /// STARTTLS.
    StartTls,
    /// ID (RFC 2971): the client's fields, empty for NIL.
    Id(Vec<(String, Option<String>)>),
    /// AUTHENTICATE, with the initial response of RFC 4959.
    Authenticate {
        /// As written, in upper case.
        mechanism: String,
        /// Base64, or `=`.
        initial_response: Option<Secret<String>>,
    },
    /// LOGIN. The password is not kept: this server never takes one.
    Login {
        /// The user name.
        user: String,
    },
    /// ENABLE (RFC 5161).
    Enable(Vec<String>),
    /// SELECT or EXAMINE.
    Select {
        /// The folder.
        folder: String,
        /// Whether it was EXAMINE.
        read_only: bool,
        /// What stood in parentheses behind the name (RFC 4466 §2.1, RFC 7162).
        params: SelectParams,
    },
    /// CREATE.
    Create {
        /// The folder.
        folder: String,
        /// What it is for, as `\\Drafts` (RFC 6154 §3); `None` where the client says nothing of it.
        special_use: Option<Vec<String>>,
    },
    /// DELETE.
    Delete(String),
    /// RENAME.
    Rename {
        /// The present name.
        from: String,
        /// The new one.
        to: String,
    },
    /// SUBSCRIBE.
    Subscribe(String),
    /// UNSUBSCRIBE.
    Unsubscribe(String),
    /// LIST, extended or not.
    List(List),
    /// LSUB.
    Lsub {
        /// Put before the pattern.
        reference: String,
        /// With `*` and `%`.
        pattern: String,
    },
    /// NAMESPACE (RFC 2342).
    Namespace,
    /// STATUS.
    Status {
        /// The folder.
        folder: String,
        /// What is asked.
        items: Vec<StatusItem>,
    },
    /// GETQUOTA (RFC 9208) with its quota root.
    GetQuota(String),
    /// GETQUOTAROOT (RFC 9208) with its folder.
    GetQuotaRoot(String),
    /// SETQUOTA (RFC 9208). The limits are read and not kept: this server never takes them.
    SetQuota {
        /// The quota root.
        root: String,
    },
    /// IDLE (RFC 2177).
    Idle,
    /// CHECK.
    Check,
    /// CLOSE.
    Close,
    /// UNSELECT (RFC 3691).
    Unselect,
    /// EXPUNGE, or UID EXPUNGE with its set (RFC 4315).
    Expunge(Option<SequenceSet>),
    /// SEARCH or UID SEARCH.
    Search(Search),
    /// SORT or UID SORT (RFC 5256).
    Sort(Sort),
    /// THREAD or UID THREAD (RFC 5256).
    Thread(Thread),
    /// COMPRESS (RFC 4978), with the algorithm in upper case.
    Compress(String),
    /// FETCH or UID FETCH.
    Fetch {
        /// Whether the set holds UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// What of them; macros are expanded. MODSEQ is among them where CHANGEDSINCE asks for it.
        items: Vec<FetchItem>,
        /// CHANGEDSINCE (RFC 7162 §3.1.4.1): only messages whose mod-sequence is above.
        changed_since: Option<u64>,
        /// VANISHED (RFC 7162 §3.2.6): also tell what was expunged since; only with UID and CHANGEDSINCE.
        vanished: bool,
    },
    /// STORE or UID STORE.
    Store {
        /// Whether the set holds UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// UNCHANGEDSINCE (RFC 7162 §3.1.3): not where the mod-sequence is above.
        unchanged_since: Option<u64>,
        /// Add, remove or replace.
        change: Change,
        /// Whether the client wants no FETCH in answer.
        silent: bool,
        /// The flags.
        flags: Vec<Flag>,
    },
    /// COPY, MOVE and their UID forms.
    Copy {
        /// Whether the set holds UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// Where to.
        folder: String,
        /// Whether it was MOVE (RFC 6851).
        remove: bool,
    },
}

/// A flag that a client may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    /// `\Seen`
    Seen,
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Draft`
    Draft,
    /// Any keyword, as written.
    Keyword(String),
}

/// How STORE changes flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
    /// `FLAGS`
    Replace,
}
