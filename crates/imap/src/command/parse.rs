use jiff::Timestamp;
use kernel::Secret;

use super::{Change, Command, Flag, fetch, list, search};
use crate::SequenceSet;
use crate::cursor::{Cursor, Parse, ParseError};
use crate::{date, mutf7};

/// Understands one complete command, tag included (RFC 3501 §9, `command`).
///
/// # Errors
/// [`ParseError`] names the first octet that is not understood. Use [`crate::framing::tag_of`] for the answer's tag.
pub fn parse(bytes: &[u8]) -> Result<Command, ParseError> {
    let mut cursor = Cursor::new(bytes);
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
        "SEARCH" | "FETCH" | "STORE" | "COPY" | "MOVE" => on_messages(&mut cursor, &verb, false)?,
        _ => match simple(&verb) {
            Some(command) => command,
            None => with_arguments(&mut cursor, &verb, at)?,
        },
    };
    cursor.end()?;
    Ok(command)
}

/// What comes before the message of an APPEND.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendHead {
    /// The target.
    pub folder: String,
    /// The flags to give.
    pub flags: Vec<Flag>,
    /// The date to give; now where there is none.
    pub date: Option<Timestamp>,
}

/// Understands an APPEND up to and with the announcement of its message.
///
/// # Errors
/// [`ParseError`], as for [`parse`].
pub fn parse_append(bytes: &[u8]) -> Result<AppendHead, ParseError> {
    let mut cursor = Cursor::new(bytes);
    tag(&mut cursor)?;
    if !cursor.eat_word("APPEND") {
        return cursor.fail("APPEND");
    }
    cursor.space()?;
    let folder = folder(&mut cursor)?;
    cursor.space()?;
    let mut flags = Vec::new();
    if cursor.peek() == Some(b'(') {
        flags = cursor.list(flag)?;
        cursor.space()?;
    }
    let mut at = None;
    if cursor.peek() == Some(b'"') {
        at = Some(date::date_time(&mut cursor)?);
        cursor.space()?;
    }
    cursor.expect(b'{', "the message as a literal")?;
    Ok(AppendHead { folder, flags, date: at })
}

fn tag(cursor: &mut Cursor<'_>) -> Parse<()> {
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
    const KNOWN: [&str; 14] = [
        "ID",
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
    ];
    if !KNOWN.contains(&verb) {
        return Err(ParseError { at, expected: "a command that this server knows" });
    }
    cursor.space()?;
    Ok(match verb {
        "ID" => Command::Id(id(cursor)?),
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
        "SELECT" => Command::Select { folder: folder(cursor)?, read_only: false },
        "EXAMINE" => Command::Select { folder: folder(cursor)?, read_only: true },
        "CREATE" => Command::Create(folder(cursor)?),
        "DELETE" => Command::Delete(folder(cursor)?),
        "RENAME" => {
            let from = folder(cursor)?;
            cursor.space()?;
            Command::Rename { from, to: folder(cursor)? }
        }
        "SUBSCRIBE" => Command::Subscribe(folder(cursor)?),
        "UNSUBSCRIBE" => Command::Unsubscribe(folder(cursor)?),
        "LIST" => Command::List(list::list(cursor)?),
        "LSUB" => {
            let reference = folder(cursor)?;
            cursor.space()?;
            Command::Lsub { reference, pattern: list::pattern(cursor)? }
        }
        _ => {
            let folder = folder(cursor)?;
            cursor.space()?;
            Command::Status { folder, items: cursor.list(list::status_item)? }
        }
    })
}

fn on_messages(cursor: &mut Cursor<'_>, verb: &str, uid: bool) -> Parse<Command> {
    cursor.space()?;
    if verb == "SEARCH" {
        return search::search(cursor, uid).map(Command::Search);
    }
    if !matches!(verb, "FETCH" | "STORE" | "COPY" | "MOVE" | "EXPUNGE") {
        return cursor.fail("FETCH, STORE, COPY, MOVE, SEARCH or EXPUNGE after UID");
    }
    let set = SequenceSet::read(cursor)?;
    if verb == "EXPUNGE" {
        return Ok(Command::Expunge(Some(set)));
    }
    cursor.space()?;
    Ok(match verb {
        "FETCH" => Command::Fetch { uid, set, items: fetch::items(cursor)? },
        "STORE" => store(cursor, uid, set)?,
        _ => Command::Copy { uid, set, folder: folder(cursor)?, remove: verb == "MOVE" },
    })
}

fn store(cursor: &mut Cursor<'_>, uid: bool, set: SequenceSet) -> Parse<Command> {
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
    Ok(Command::Store { uid, set, change, silent, flags })
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

/// `mailbox`: UTF-8 or modified UTF-7, at most 1 000 octets, no control characters.
pub(super) fn folder(cursor: &mut Cursor<'_>) -> Parse<String> {
    let at = cursor.at();
    let wire = cursor.astring()?;
    let wrong = ParseError { at, expected: "a folder name in modified UTF-7 or UTF-8" };
    let text = std::str::from_utf8(&wire).map_err(|_| wrong.clone())?;
    if text.len() > 1_000 || text.chars().any(char::is_control) {
        return Err(wrong);
    }
    let name = mutf7::decode(text).ok_or(wrong.clone())?;
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
