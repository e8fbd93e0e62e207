use kernel::Secret;

use super::{Change, Command, FetchItem, Flag, fetch, list, search, select};
use crate::SequenceSet;
use crate::cursor::{Cursor, Parse, ParseError};
use crate::mutf7;

/// What a session has agreed on that changes how commands are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// Folder names are UTF-8, and `&` is only itself (UTF8=ACCEPT, RFC 9755 §3; IMAP4rev2, RFC 9051 §5.1).
    pub utf8: bool,
}

/// [`parse_in`] the dialect of a session that has agreed on nothing.
///
/// # Errors
/// As [`parse_in`].
pub fn parse(bytes: &[u8]) -> Result<Command, ParseError> {
    parse_in(bytes, Dialect::default())
}

/// Understands one complete command, tag included (RFC 3501 §9 and RFC 9051 §9, `command`).
///
/// # Errors
/// [`ParseError`] names the first octet that is not understood. Use [`crate::framing::tag_of`] for the answer's tag.
pub fn parse_in(bytes: &[u8], dialect: Dialect) -> Result<Command, ParseError> {
    let mut cursor = Cursor::new(bytes);
    cursor.utf8 = dialect.utf8;
    tag(&mut cursor)?;
    let at = cursor.at();
    let verb = cursor.atom()?.to_ascii_uppercase();
    let command = match verb.as_str() {
        "UID" => {
            cursor.space()?;
            let verb = cursor.atom()?.to_ascii_uppercase();
            on_messages(&mut cursor, &verb, true)?
        }
        "EXPUNGE" => Command::Expunge(None),
        "SEARCH" | "SORT" | "THREAD" | "FETCH" | "STORE" | "COPY" | "MOVE" => {
            on_messages(&mut cursor, &verb, false)?
        }
        _ => match simple(&verb) {
            Some(command) => command,
            None => with_arguments(&mut cursor, &verb, at)?,
        },
    };
    cursor.end()?;
    Ok(command)
}

pub(super) fn tag(cursor: &mut Cursor<'_>) -> Parse<()> {
    match crate::framing::tag_of(cursor.rest()) {
        Some(tag) => {
            for _ in tag.bytes() {
                cursor.eat(cursor.peek().unwrap_or_default());
            }
            cursor.space()
        }
        None => cursor.fail("a tag, then a space"),
    }
}

fn simple(verb: &str) -> Option<Command> {
    Some(match verb {
        "CAPABILITY" => Command::Capability,
        "NOOP" => Command::Noop,
        "LOGOUT" => Command::Logout,
        "STARTTLS" => Command::StartTls,
        "NAMESPACE" => Command::Namespace,
        "IDLE" => Command::Idle,
        "CHECK" => Command::Check,
        "CLOSE" => Command::Close,
        "UNSELECT" => Command::Unselect,
        _ => return None,
    })
}

fn with_arguments(cursor: &mut Cursor<'_>, verb: &str, at: usize) -> Parse<Command> {
    const KNOWN: [&str; 18] = [
        "ID",
        "COMPRESS",
        "AUTHENTICATE",
        "LOGIN",
        "ENABLE",
        "SELECT",
        "EXAMINE",
        "CREATE",
        "DELETE",
        "RENAME",
        "SUBSCRIBE",
        "UNSUBSCRIBE",
        "LIST",
        "LSUB",
        "STATUS",
        "GETQUOTA",
        "GETQUOTAROOT",
        "SETQUOTA",
    ];
    if !KNOWN.contains(&verb) {
        return Err(ParseError { at, expected: "a command that this server knows" });
    }
    cursor.space()?;
    Ok(match verb {
        "ID" => Command::Id(id(cursor)?),
        "COMPRESS" => Command::Compress(cursor.atom()?.to_ascii_uppercase()),
        "AUTHENTICATE" => authenticate(cursor)?,
        "LOGIN" => {
            let user = cursor.astring()?;
            cursor.space()?;
            cursor.astring()?;
            Command::Login { user: String::from_utf8_lossy(&user).into_owned() }
        }
        "ENABLE" => {
            let mut names = vec![cursor.atom()?.to_ascii_uppercase()];
            while cursor.eat(b' ') {
                names.push(cursor.atom()?.to_ascii_uppercase());
            }
            Command::Enable(names)
        }
        "SELECT" | "EXAMINE" => Command::Select {
            folder: known_folder(cursor)?,
            read_only: verb == "EXAMINE",
            params: select::params(cursor)?,
        },
        "CREATE" => create(cursor)?,
        "DELETE" => Command::Delete(known_folder(cursor)?),
        "RENAME" => {
            let from = folder(cursor)?;
            cursor.space()?;
            Command::Rename { from, to: folder(cursor)? }
        }
        "SUBSCRIBE" => Command::Subscribe(known_folder(cursor)?),
        "UNSUBSCRIBE" => Command::Unsubscribe(known_folder(cursor)?),
        "LIST" => Command::List(list::list(cursor)?),
        "LSUB" => {
            let reference = folder(cursor)?;
            cursor.space()?;
            Command::Lsub { reference, pattern: list::pattern(cursor)? }
        }
        "GETQUOTA" => Command::GetQuota(root(cursor)?),
        "GETQUOTAROOT" => Command::GetQuotaRoot(folder(cursor)?),
        "SETQUOTA" => {
            let root = root(cursor)?;
            cursor.space()?;
            cursor.list(|cursor| {
                cursor.atom()?;
                cursor.space()?;
                cursor.number64()
            })?;
            Command::SetQuota { root }
        }
        _ => {
            let folder = known_folder(cursor)?;
            cursor.space()?;
            Command::Status { folder, items: list::status_items(cursor)? }
        }
    })
}

/// `quota-root-name`.
fn root(cursor: &mut Cursor<'_>) -> Parse<String> {
    Ok(String::from_utf8_lossy(&cursor.astring()?).into_owned())
}

/// CREATE with the parameters of RFC 6154 §3: `(USE (\Drafts \Sent))`.
fn create(cursor: &mut Cursor<'_>) -> Parse<Command> {
    let folder = folder(cursor)?;
    let mut special_use = None;
    if cursor.eat(b' ') {
        let at = cursor.at();
        cursor.list(|cursor| {
            if special_use.is_some() || !cursor.eat_word("USE") {
                return cursor.fail("USE, once (RFC 6154 §3)");
            }
            cursor.space()?;
            special_use = Some(cursor.list(|cursor| {
                cursor.expect(b'\\', "a special use, such as \\Drafts")?;
                Ok(format!("\\{}", cursor.atom()?))
            })?);
            Ok(())
        })?;
        if special_use.is_none() {
            return Err(ParseError { at, expected: "USE and its list" });
        }
    }
    Ok(Command::Create { folder, special_use })
}

fn on_messages(cursor: &mut Cursor<'_>, verb: &str, uid: bool) -> Parse<Command> {
    cursor.space()?;
    match verb {
        "SEARCH" => return search::search(cursor, uid).map(Command::Search),
        "SORT" => return search::sort(cursor, uid).map(Command::Sort),
        "THREAD" => return search::thread(cursor, uid).map(Command::Thread),
        _ => {}
    }
    if !matches!(verb, "FETCH" | "STORE" | "COPY" | "MOVE" | "EXPUNGE") {
        return cursor.fail("FETCH, STORE, COPY, MOVE, SEARCH, SORT, THREAD or EXPUNGE after UID");
    }
    let set = SequenceSet::read(cursor)?;
    if verb == "EXPUNGE" {
        return Ok(Command::Expunge(Some(set)));
    }
    cursor.space()?;
    Ok(match verb {
        "FETCH" => fetch(cursor, uid, set)?,
        "STORE" => store(cursor, uid, set)?,
        _ => Command::Copy { uid, set, folder: folder(cursor)?, remove: verb == "MOVE" },
    })
}

fn fetch(cursor: &mut Cursor<'_>, uid: bool, set: SequenceSet) -> Parse<Command> {
    let mut items = fetch::items(cursor)?;
    let (mut changed_since, mut vanished) = (None, false);
    if cursor.eat(b' ') {
        let at = cursor.at();
        cursor.list(|cursor| {
            let at = cursor.at();
            match cursor.atom()?.to_ascii_uppercase().as_str() {
                "CHANGEDSINCE" if changed_since.is_none() => {
                    cursor.space()?;
                    changed_since = Some(select::modseq(cursor)?);
                }
                "VANISHED" => vanished = true,
                _ => return Err(ParseError { at, expected: "CHANGEDSINCE or VANISHED (RFC 7162)" }),
            }
            Ok(())
        })?;
        if vanished && (changed_since.is_none() || !uid) {
            return Err(ParseError { at, expected: "VANISHED in a UID FETCH with CHANGEDSINCE only" });
        }
    }
    if changed_since.is_some() && !items.contains(&FetchItem::ModSeq) {
        items.push(FetchItem::ModSeq);
    }
    Ok(Command::Fetch { uid, set, items, changed_since, vanished })
}

fn store(cursor: &mut Cursor<'_>, uid: bool, set: SequenceSet) -> Parse<Command> {
    let mut unchanged_since = None;
    if cursor.eat(b'(') {
        if !cursor.eat_word("UNCHANGEDSINCE") {
            return cursor.fail("UNCHANGEDSINCE (RFC 7162)");
        }
        cursor.space()?;
        unchanged_since = Some(select::modseq(cursor)?);
        cursor.expect(b')', ") after the mod-sequence")?;
        cursor.space()?;
    }
    let change = if cursor.eat(b'+') {
        Change::Add
    } else if cursor.eat(b'-') {
        Change::Remove
    } else {
        Change::Replace
    };
    let silent = cursor.eat_word("FLAGS.SILENT");
    if !silent && !cursor.eat_word("FLAGS") {
        return cursor.fail("FLAGS, +FLAGS or -FLAGS, with or without .SILENT");
    }
    cursor.space()?;
    let flags = if cursor.peek() == Some(b'(') {
        cursor.list(flag)?
    } else {
        let mut flags = vec![flag(cursor)?];
        while cursor.eat(b' ') {
            flags.push(flag(cursor)?);
        }
        flags
    };
    Ok(Command::Store { uid, set, unchanged_since, change, silent, flags })
}

fn authenticate(cursor: &mut Cursor<'_>) -> Parse<Command> {
    let mechanism = cursor.atom()?.to_ascii_uppercase();
    let mut initial_response = None;
    if cursor.eat(b' ') {
        let response =
            cursor.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        initial_response = Some(Secret::new(String::from_utf8_lossy(response).into_owned()));
    }
    Ok(Command::Authenticate { mechanism, initial_response })
}

/// `id-params-list`: at most 30 pairs (RFC 2971 §3.3).
fn id(cursor: &mut Cursor<'_>) -> Parse<Vec<(String, Option<String>)>> {
    if cursor.eat_word("NIL") {
        return Ok(Vec::new());
    }
    let at = cursor.at();
    let flat = cursor.list(|cursor| {
        Ok(cursor
            .nstring()?
            .map(|text| String::from_utf8_lossy(&text).chars().take(1024).collect::<String>()))
    })?;
    if flat.len() % 2 != 0 || flat.len() > 60 {
        return Err(ParseError { at, expected: "at most 30 pairs of strings" });
    }
    Ok(flat.chunks_exact(2).filter_map(|pair| Some((pair[0].clone()?, pair[1].clone()))).collect())
}

/// `mailbox`: UTF-8, or modified UTF-7 where the dialect has it, at most 1 000 octets, no control characters.
pub(super) fn folder(cursor: &mut Cursor<'_>) -> Parse<String> {
    let at = cursor.at();
    let wire = cursor.astring()?;
    let wrong = ParseError { at, expected: "a folder name in modified UTF-7 or UTF-8" };
    let text = std::str::from_utf8(&wire).map_err(|_| wrong.clone())?;
    if text.len() > 1_000 || text.chars().any(char::is_control) {
        return Err(wrong);
    }
    let name = if cursor.utf8 { text.to_owned() } else { mutf7::decode(text).ok_or(wrong.clone())? };
    sound(name, wrong)
}

/// The `mailbox` of a command that makes no folder: what is not modified UTF-7 stands for itself, so that the answer is
/// NO (there is no such folder) and not BAD.
pub(super) fn known_folder(cursor: &mut Cursor<'_>) -> Parse<String> {
    let (at, before) = (cursor.at(), cursor.clone());
    match folder(cursor) {
        Ok(name) => Ok(name),
        Err(error) => {
            *cursor = before;
            let wire = cursor.astring()?;
            let text = std::str::from_utf8(&wire).map_err(|_| error.clone())?;
            if text.len() > 1_000 { Err(error) } else { sound(text.to_owned(), ParseError { at, ..error }) }
        }
    }
}

fn sound(name: String, wrong: ParseError) -> Parse<String> {
    if name.chars().any(char::is_control) { Err(wrong) } else { Ok(name) }
}

/// `flag`: one of the five, or a keyword. `\Recent` and unknown system flags are refused.
pub(super) fn flag(cursor: &mut Cursor<'_>) -> Parse<Flag> {
    if !cursor.eat(b'\\') {
        return Ok(Flag::Keyword(cursor.atom()?.to_owned()));
    }
    let at = cursor.at();
    Ok(match cursor.atom()?.to_ascii_uppercase().as_str() {
        "SEEN" => Flag::Seen,
        "ANSWERED" => Flag::Answered,
        "FLAGGED" => Flag::Flagged,
        "DELETED" => Flag::Deleted,
        "DRAFT" => Flag::Draft,
        _ => return Err(ParseError { at, expected: "Seen, Answered, Flagged, Deleted or Draft" }),
    })
}
