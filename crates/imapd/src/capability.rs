//! What is advertised and what is understood, at each state of a session and in each profile.
//!
//! One table for both, so that no command is taken whose extension is not offered, and nothing is offered that is not
//! taken. Nothing stands in it that has no test.

use imap::command::{Command, FetchItem, Search, SearchKey, SearchReturn, StatusItem};
use sasl::{Mechanism, Profile};

use crate::session::Session;

/// A revision of IMAP, or one of its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    /// IMAP4rev1 (RFC 3501), with what IMAP4rev2 dropped.
    Rev1,
    /// IMAP4rev2 (RFC 9051).
    Rev2,
    /// RFC 7888: literals without waiting, of any size.
    LiteralPlus,
    /// RFC 7888: literals without waiting, up to 4 096 octets.
    LiteralMinus,
    /// RFC 4959.
    SaslIr,
    /// RFC 2971.
    Id,
    /// RFC 5161.
    Enable,
    /// RFC 2342.
    Namespace,
    /// RFC 3691.
    Unselect,
    /// RFC 4315.
    UidPlus,
    /// RFC 6851.
    Move,
    /// RFC 2177.
    Idle,
    /// RFC 3348.
    Children,
    /// RFC 6154.
    SpecialUse,
    /// RFC 6154 §3.
    CreateSpecialUse,
    /// RFC 5258.
    ListExtended,
    /// RFC 5819.
    ListStatus,
    /// RFC 8438.
    StatusSize,
    /// RFC 4731.
    Esearch,
    /// RFC 5032.
    Within,
    /// RFC 7162 §3.1.
    Condstore,
    /// RFC 7162 §3.2.
    Qresync,
    /// RFC 9755 (RFC 6855 before).
    Utf8Accept,
    /// RFC 8474.
    ObjectId,
    /// RFC 7889.
    AppendLimit,
    /// RFC 9208, with its resources STORAGE and MESSAGE.
    Quota,
    /// RFC 5182.
    SearchRes,
    /// RFC 5256.
    Sort,
    /// RFC 5267 §2.
    Esort,
    /// RFC 5256, by subject and by references.
    Thread,
    /// RFC 3516.
    Binary,
    /// RFC 3502.
    MultiAppend,
    /// RFC 8970.
    Preview,
    /// RFC 8514.
    SaveDate,
    /// RFC 4978.
    Compress,
}

/// How one extension is offered.
struct Known {
    extension: Extension,
    name: &'static str,
    /// Advertised before the login too.
    early: bool,
    /// The profiles that advertise it.
    listed: u8,
    /// The profiles that understand it without a word, because a revision contains it.
    silent: u8,
}

/// Modern and Mailiz.
const M: u8 = 1;
/// IMAP4rev1 only.
const R1: u8 = 2;
/// IMAP4rev2 only.
const R2: u8 = 4;
/// Old.
const O: u8 = 8;

const TABLE: &[Known] = &[
    known(Extension::Rev1, "IMAP4rev1", true, M | R1 | O, 0),
    known(Extension::Rev2, "IMAP4rev2", true, M | R2, 0),
    known(Extension::LiteralPlus, "LITERAL+", true, M | R1, 0),
    known(Extension::LiteralMinus, "LITERAL-", true, R2, 0),
    known(Extension::SaslIr, "SASL-IR", true, M | R1 | R2, 0),
    known(Extension::Id, "ID", true, M | R1 | R2, 0),
    known(Extension::Enable, "ENABLE", false, M | R1, R2),
    known(Extension::Namespace, "NAMESPACE", false, M | R1, R2),
    known(Extension::Unselect, "UNSELECT", false, M | R1, R2),
    known(Extension::UidPlus, "UIDPLUS", false, M | R1, R2),
    known(Extension::Move, "MOVE", false, M | R1, R2),
    known(Extension::Idle, "IDLE", false, M | R1, R2),
    known(Extension::Children, "CHILDREN", false, M | R1, R2),
    known(Extension::SpecialUse, "SPECIAL-USE", false, M | R1, R2),
    known(Extension::CreateSpecialUse, "CREATE-SPECIAL-USE", false, M | R1 | R2, 0),
    known(Extension::ListExtended, "LIST-EXTENDED", false, M | R1, R2),
    known(Extension::ListStatus, "LIST-STATUS", false, M | R1, R2),
    known(Extension::StatusSize, "STATUS=SIZE", false, M, R2),
    known(Extension::Esearch, "ESEARCH", false, M | R1, R2),
    known(Extension::Within, "WITHIN", false, M | R1 | R2, 0),
    known(Extension::Condstore, "CONDSTORE", false, M | R1 | R2, 0),
    known(Extension::Qresync, "QRESYNC", false, M | R1 | R2, 0),
    known(Extension::Utf8Accept, "UTF8=ACCEPT", false, M | R1, 0),
    known(Extension::ObjectId, "OBJECTID", false, M | R2, 0),
    known(Extension::AppendLimit, "APPENDLIMIT", false, M | R1 | R2, 0),
    known(Extension::Quota, "QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE", false, M | R1 | R2, 0),
    known(Extension::SearchRes, "SEARCHRES", false, M | R1, R2),
    known(Extension::Sort, "SORT", false, M | R1 | R2, 0),
    known(Extension::Esort, "ESORT", false, M | R1 | R2, 0),
    known(Extension::Thread, "THREAD=ORDEREDSUBJECT THREAD=REFERENCES", false, M | R1 | R2, 0),
    known(Extension::Binary, "BINARY", false, M | R1 | R2, 0),
    known(Extension::MultiAppend, "MULTIAPPEND", false, M | R1 | R2, 0),
    known(Extension::Preview, "PREVIEW", false, M | R2, 0),
    known(Extension::SaveDate, "SAVEDATE", false, M | R2, 0),
    known(Extension::Compress, "COMPRESS=DEFLATE", false, M | R1 | R2, 0),
];

const fn known(extension: Extension, name: &'static str, early: bool, listed: u8, silent: u8) -> Known {
    Known { extension, name, early, listed, silent }
}

fn bit(profile: Profile) -> u8 {
    match profile {
        Profile::Modern | Profile::Mailiz => M,
        Profile::Rev1Only => R1,
        Profile::Rev2Only => R2,
        Profile::Old => O,
    }
}

/// Where a session is.
pub(crate) enum At<'a> {
    /// In clear: no mechanism is ever offered there.
    Clear,
    /// Under TLS, with the mechanisms that the authenticator offers.
    Tls(&'a [Mechanism]),
    /// Logged in; with the largest message that APPEND takes.
    LoggedIn(u64),
}

/// The list, without `CAPABILITY`.
pub(crate) fn list(profile: Profile, at: At<'_>) -> String {
    let late = matches!(at, At::LoggedIn(_));
    let mut words: Vec<String> = Vec::new();
    for known in TABLE.iter().filter(|known| known.listed & bit(profile) != 0 && (known.early || late)) {
        words.push(match (&at, known.extension) {
            (At::LoggedIn(most), Extension::AppendLimit) => format!("APPENDLIMIT={most}"),
            _ => known.name.to_owned(),
        });
    }
    match at {
        At::Clear => words.extend(["STARTTLS".to_owned(), "LOGINDISABLED".to_owned()]),
        At::Tls(mechanisms) => {
            words.push("LOGINDISABLED".to_owned());
            words.extend(mechanisms.iter().map(|mechanism| format!("AUTH={mechanism}")));
        }
        At::LoggedIn(_) => {}
    }
    words.join(" ")
}

/// Whether the profile understands the extension.
pub(crate) fn knows(profile: Profile, extension: Extension) -> bool {
    TABLE
        .iter()
        .any(|known| known.extension == extension && (known.listed | known.silent) & bit(profile) != 0)
}

impl Session {
    /// Whether the extension belongs to what this session is offered.
    pub(crate) fn knows(&self, extension: Extension) -> bool {
        knows(self.offer.profile, extension)
    }
}

/// The first extension that a command needs and the profile does not have, by its name.
pub(crate) fn lacks(profile: Profile, command: &Command) -> Option<&'static str> {
    let mut needs = Vec::new();
    needed(command, &mut needs);
    let missing = needs.into_iter().find(|extension| !knows(profile, *extension))?;
    TABLE.iter().find(|known| known.extension == missing).map(|known| known.name)
}

fn needed(command: &Command, needs: &mut Vec<Extension>) {
    match command {
        Command::Id(_) => needs.push(Extension::Id),
        Command::Authenticate { initial_response: Some(_), .. } => needs.push(Extension::SaslIr),
        Command::Enable(_) => needs.push(Extension::Enable),
        Command::Namespace => needs.push(Extension::Namespace),
        Command::Unselect => needs.push(Extension::Unselect),
        Command::Idle => needs.push(Extension::Idle),
        Command::Expunge(Some(_)) => needs.push(Extension::UidPlus),
        Command::Copy { remove: true, .. } => needs.push(Extension::Move),
        Command::Lsub { .. } | Command::Check => needs.push(Extension::Rev1),
        Command::GetQuota(_) | Command::GetQuotaRoot(_) | Command::SetQuota { .. } => {
            needs.push(Extension::Quota);
        }
        Command::Create { special_use: Some(_), .. } => needs.push(Extension::CreateSpecialUse),
        Command::Select { params, .. } => {
            if params.condstore {
                needs.push(Extension::Condstore);
            }
            if params.resync.is_some() {
                needs.push(Extension::Qresync);
            }
        }
        Command::List(list) => {
            if list.select_special_use {
                needs.push(Extension::SpecialUse);
            }
            if let Some(items) = &list.return_status {
                needs.push(Extension::ListStatus);
                needs.extend(items.iter().filter_map(|item| of_status(*item)));
            }
            if list.extended {
                needs.push(Extension::ListExtended);
            }
        }
        Command::Status { items, .. } => needs.extend(items.iter().filter_map(|item| of_status(*item))),
        Command::Store { unchanged_since: Some(_), .. } => needs.push(Extension::Condstore),
        Command::Fetch { items, vanished, .. } => {
            if *vanished {
                needs.push(Extension::Qresync);
            }
            needs.extend(items.iter().filter_map(of_item));
        }
        Command::Search(search) => of_search(search, needs),
        Command::Sort(sort) => {
            needs.push(Extension::Sort);
            if sort.search.returns.is_some() {
                needs.push(Extension::Esort);
            }
            of_search(&sort.search, needs);
        }
        Command::Thread(thread) => {
            needs.push(Extension::Thread);
            of_search(&thread.search, needs);
        }
        Command::Compress(_) => needs.push(Extension::Compress),
        _ => {}
    }
}

fn of_status(item: StatusItem) -> Option<Extension> {
    Some(match item {
        StatusItem::Messages | StatusItem::UidNext | StatusItem::UidValidity | StatusItem::Unseen => {
            return None;
        }
        StatusItem::Recent => Extension::Rev1,
        StatusItem::Deleted | StatusItem::DeletedStorage => Extension::Quota,
        StatusItem::Size => Extension::StatusSize,
        StatusItem::AppendLimit => Extension::AppendLimit,
        StatusItem::HighestModSeq => Extension::Condstore,
        StatusItem::MailboxId => Extension::ObjectId,
    })
}

fn of_item(item: &FetchItem) -> Option<Extension> {
    match item {
        FetchItem::ModSeq => Some(Extension::Condstore),
        FetchItem::Binary { .. } | FetchItem::BinarySize { .. } => Some(Extension::Binary),
        FetchItem::Preview { .. } => Some(Extension::Preview),
        FetchItem::SaveDate => Some(Extension::SaveDate),
        FetchItem::EmailId | FetchItem::ThreadId => Some(Extension::ObjectId),
        FetchItem::Section { label, .. } if label.starts_with("RFC822") => Some(Extension::Rev1),
        _ => None,
    }
}

fn of_search(search: &Search, needs: &mut Vec<Extension>) {
    if search.returns.is_some() {
        needs.push(Extension::Esearch);
    }
    if search.returns.as_ref().is_some_and(|returns| returns.contains(&SearchReturn::Save)) {
        needs.push(Extension::SearchRes);
    }
    search.keys.iter().for_each(|key| of_key(key, needs));
}

fn of_key(key: &SearchKey, needs: &mut Vec<Extension>) {
    match key {
        SearchKey::Recent => needs.push(Extension::Rev1),
        SearchKey::Younger(_) | SearchKey::Older(_) => needs.push(Extension::Within),
        SearchKey::ModSeq(_) => needs.push(Extension::Condstore),
        SearchKey::EmailId(_) | SearchKey::ThreadId(_) => needs.push(Extension::ObjectId),
        SearchKey::SavedBefore(_)
        | SearchKey::SavedOn(_)
        | SearchKey::SavedSince(_)
        | SearchKey::SaveDateSupported => needs.push(Extension::SaveDate),
        SearchKey::Not(key) => of_key(key, needs),
        SearchKey::Or(one, other) => {
            of_key(one, needs);
            of_key(other, needs);
        }
        SearchKey::And(keys) => keys.iter().for_each(|key| of_key(key, needs)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_has_its_own_list() {
        let old = list(Profile::Old, At::LoggedIn(9));
        assert_eq!(old, "IMAP4rev1");
        assert_eq!(list(Profile::Old, At::Clear), "IMAP4rev1 STARTTLS LOGINDISABLED");
        assert!(list(Profile::Modern, At::LoggedIn(9)).starts_with("IMAP4rev1 IMAP4rev2 LITERAL+ "));
        assert!(list(Profile::Modern, At::LoggedIn(9)).contains(" APPENDLIMIT=9 "));
        let rev1 = list(Profile::Rev1Only, At::LoggedIn(9));
        assert!(!rev1.contains("IMAP4rev2") && !rev1.contains("OBJECTID") && rev1.contains(" QRESYNC "));
        let rev2 = list(Profile::Rev2Only, At::Tls(&[Mechanism::Xoauth2]));
        assert_eq!(rev2, "IMAP4rev2 LITERAL- SASL-IR ID LOGINDISABLED AUTH=XOAUTH2");
    }

    #[test]
    fn what_a_command_needs_is_seen_wherever_it_stands() {
        let read = |line: &str| imap::command::parse(line.as_bytes()).unwrap();
        for (line, lacking) in [
            ("a IDLE", Some("IDLE")),
            ("a MOVE 1 x", Some("MOVE")),
            ("a COPY 1 x", None),
            ("a UID EXPUNGE 1", Some("UIDPLUS")),
            ("a EXPUNGE", None),
            ("a LIST \"\" (a b)", Some("LIST-EXTENDED")),
            ("a LIST \"\" %", None),
            ("a FETCH 1 (FLAGS MODSEQ)", Some("CONDSTORE")),
            ("a FETCH 1 RFC822", None),
            ("a STORE 1 (UNCHANGEDSINCE 1) FLAGS ()", Some("CONDSTORE")),
            ("a SELECT x (CONDSTORE)", Some("CONDSTORE")),
            ("a SEARCH RETURN () ALL", Some("ESEARCH")),
            ("a SEARCH OR SEEN (NOT YOUNGER 9)", Some("WITHIN")),
            ("a STATUS x (MESSAGES SIZE)", Some("STATUS=SIZE")),
            ("a STATUS x (RECENT)", None),
            ("a AUTHENTICATE XOAUTH2 =", Some("SASL-IR")),
            ("a AUTHENTICATE XOAUTH2", None),
            ("a CREATE x (USE (\\Sent))", Some("CREATE-SPECIAL-USE")),
            ("a GETQUOTA \"\"", Some("QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE")),
        ] {
            assert_eq!(lacks(Profile::Old, &read(line)), lacking, "{line}");
            assert_eq!(lacks(Profile::Modern, &read(line)), None, "{line}");
        }
        for line in
            ["a LSUB \"\" *", "a CHECK", "a FETCH 1 RFC822.HEADER", "a STATUS x (RECENT)", "a SEARCH NEW"]
        {
            assert_eq!(lacks(Profile::Rev2Only, &read(line)), Some("IMAP4rev1"), "{line}");
        }
    }
}
