use jiff::civil::Date;

use super::Flag;
use crate::SequenceSet;
use crate::cursor::{Cursor, Parse, ParseError};
use crate::date;

/// SEARCH (RFC 3501 §6.4.4) with RETURN (RFC 4731).
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// Whether UIDs are wanted.
    pub uid: bool,
    /// RETURN's options; `None` for the plain form.
    pub returns: Option<Vec<SearchReturn>>,
    /// CHARSET, in upper case.
    pub charset: Option<String>,
    /// All of these must match.
    pub keys: Vec<SearchKey>,
}

/// What an extended search returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchReturn {
    /// The lowest.
    Min,
    /// The highest.
    Max,
    /// All, as a set.
    All,
    /// How many.
    Count,
}

/// What a message must be. UNxxx, NEW, OLD and the like are written with [`SearchKey::Not`] and [`SearchKey::And`].
#[derive(Clone, Debug, PartialEq)]
pub enum SearchKey {
    /// Any message.
    All,
    /// The flag is set.
    Flag(Flag),
    /// `\Recent`: never set by this server.
    Recent,
    /// INTERNALDATE's day is before.
    Before(Date),
    /// INTERNALDATE's day is that one.
    On(Date),
    /// INTERNALDATE's day is that one or later.
    Since(Date),
    /// The day of `Date:` is before.
    SentBefore(Date),
    /// The day of `Date:` is that one.
    SentOn(Date),
    /// The day of `Date:` is that one or later.
    SentSince(Date),
    /// INTERNALDATE is at most that many seconds ago (RFC 5032).
    Younger(u32),
    /// INTERNALDATE is at least that many seconds ago (RFC 5032).
    Older(u32),
    /// Size in octets is above.
    Larger(u64),
    /// Size in octets is below.
    Smaller(u64),
    /// The named field holds the text, in any case; any such field where the text is empty.
    Header(String, String),
    /// The text parts hold the text.
    Body(String),
    /// Header or text parts hold the text.
    Text(String),
    /// Sequence numbers.
    Numbers(SequenceSet),
    /// UIDs.
    Uids(SequenceSet),
    /// It does not match.
    Not(Box<SearchKey>),
    /// One of the two matches.
    Or(Box<SearchKey>, Box<SearchKey>),
    /// All match.
    And(Vec<SearchKey>),
}

impl SearchKey {
    /// Whether the message's body must be read to answer.
    pub fn needs_body(&self) -> bool {
        match self {
            Self::Body(_) | Self::Text(_) => true,
            Self::Not(key) => key.needs_body(),
            Self::Or(one, other) => one.needs_body() || other.needs_body(),
            Self::And(keys) => keys.iter().any(Self::needs_body),
            _ => false,
        }
    }
}

/// Parentheses, NOT and OR inside one another.
const DEEPEST: usize = 16;
/// Keys of one SEARCH: each is tried on every message.
const MOST_KEYS: usize = 500;

pub(super) fn search(cursor: &mut Cursor<'_>, uid: bool) -> Parse<Search> {
    let mut returns = None;
    if cursor.eat_word("RETURN") {
        cursor.space()?;
        let options = cursor.list(|cursor| {
            let at = cursor.at();
            Ok(match cursor.atom()?.to_ascii_uppercase().as_str() {
                "MIN" => SearchReturn::Min,
                "MAX" => SearchReturn::Max,
                "ALL" => SearchReturn::All,
                "COUNT" => SearchReturn::Count,
                _ => return Err(ParseError { at, expected: "MIN, MAX, ALL or COUNT" }),
            })
        })?;
        returns = Some(if options.is_empty() { vec![SearchReturn::All] } else { options });
        cursor.space()?;
    }
    let mut charset = None;
    if cursor.eat_word("CHARSET") {
        cursor.space()?;
        charset = Some(String::from_utf8_lossy(&cursor.astring()?).to_ascii_uppercase());
        cursor.space()?;
    }
    let mut left = MOST_KEYS;
    let mut keys = vec![key(cursor, 0, &mut left)?];
    while cursor.eat(b' ') {
        if cursor.is_done() {
            break; // a trailing space, as some clients write
        }
        keys.push(key(cursor, 0, &mut left)?);
    }
    Ok(Search { uid, returns, charset, keys })
}

fn key(cursor: &mut Cursor<'_>, depth: usize, left: &mut usize) -> Parse<SearchKey> {
    use SearchKey as K;
    if depth > DEEPEST {
        return cursor.fail("at most 16 keys inside one another");
    }
    match left.checked_sub(1) {
        Some(less) => *left = less,
        None => return cursor.fail("at most 500 search keys"),
    }
    match cursor.peek() {
        Some(b'(') => return Ok(K::And(cursor.list(|cursor| key(cursor, depth + 1, left))?)),
        Some(b'0'..=b'9' | b'*') => return SequenceSet::read(cursor).map(K::Numbers),
        _ => {}
    }
    let at = cursor.at();
    let word = cursor.atom()?.to_ascii_uppercase();
    let not = |key: K| K::Not(Box::new(key));
    if let Some(found) = match word.as_str() {
        "ALL" => Some(K::All),
        "ANSWERED" => Some(K::Flag(Flag::Answered)),
        "DELETED" => Some(K::Flag(Flag::Deleted)),
        "DRAFT" => Some(K::Flag(Flag::Draft)),
        "FLAGGED" => Some(K::Flag(Flag::Flagged)),
        "SEEN" => Some(K::Flag(Flag::Seen)),
        "UNANSWERED" => Some(not(K::Flag(Flag::Answered))),
        "UNDELETED" => Some(not(K::Flag(Flag::Deleted))),
        "UNDRAFT" => Some(not(K::Flag(Flag::Draft))),
        "UNFLAGGED" => Some(not(K::Flag(Flag::Flagged))),
        "UNSEEN" => Some(not(K::Flag(Flag::Seen))),
        "RECENT" => Some(K::Recent),
        "NEW" => Some(K::And(vec![K::Recent, not(K::Flag(Flag::Seen))])),
        "OLD" => Some(not(K::Recent)),
        _ => None,
    } {
        return Ok(found);
    }
    cursor.space().map_err(|_| ParseError { at, expected: "a search key (RFC 3501 §6.4.4)" })?;
    Ok(match word.as_str() {
        "BEFORE" => K::Before(date::date(cursor)?),
        "ON" => K::On(date::date(cursor)?),
        "SINCE" => K::Since(date::date(cursor)?),
        "SENTBEFORE" => K::SentBefore(date::date(cursor)?),
        "SENTON" => K::SentOn(date::date(cursor)?),
        "SENTSINCE" => K::SentSince(date::date(cursor)?),
        "YOUNGER" => K::Younger(cursor.nz_number()?),
        "OLDER" => K::Older(cursor.nz_number()?),
        "LARGER" => K::Larger(cursor.number64()?),
        "SMALLER" => K::Smaller(cursor.number64()?),
        "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => K::Header(word, text(cursor)?),
        "HEADER" => {
            let name = text(cursor)?;
            cursor.space()?;
            K::Header(name, text(cursor)?)
        }
        "BODY" => K::Body(text(cursor)?),
        "TEXT" => K::Text(text(cursor)?),
        "KEYWORD" => K::Flag(Flag::Keyword(cursor.atom()?.to_owned())),
        "UNKEYWORD" => not(K::Flag(Flag::Keyword(cursor.atom()?.to_owned()))),
        "UID" => K::Uids(SequenceSet::read(cursor)?),
        "NOT" => not(key(cursor, depth + 1, left)?),
        "OR" => {
            let one = key(cursor, depth + 1, left)?;
            cursor.space()?;
            K::Or(Box::new(one), Box::new(key(cursor, depth + 1, left)?))
        }
        _ => return Err(ParseError { at, expected: "a search key (RFC 3501 §6.4.4)" }),
    })
}

fn text(cursor: &mut Cursor<'_>) -> Parse<String> {
    let at = cursor.at();
    let bytes = cursor.astring()?.into_owned();
    String::from_utf8(bytes).map_err(|_| ParseError { at, expected: "text in UTF-8" })
}
