//! SEARCH (RFC 3501 §6.4.4, RFC 4731, RFC 5182), SORT and THREAD (RFC 5256): one search program, three answers.

use encoding_rs::Encoding;
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
    /// Whether that charset is known; where it is not, the texts of the keys are empty, and the answer is BADCHARSET.
    pub charset_known: bool,
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
    /// Kept for `$` (RFC 5182).
    Save,
}

/// SORT (RFC 5256), with RETURN (RFC 5267 §2: ESORT).
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    /// What to sort by, the most important first, and whether in reverse.
    pub criteria: Vec<(SortKey, bool)>,
    /// What to sort.
    pub search: Search,
}

/// A criterion of SORT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// INTERNALDATE.
    Arrival,
    /// Local part of the first Cc address.
    Cc,
    /// The date on which it was sent.
    Date,
    /// Local part of the first From address.
    From,
    /// Octets.
    Size,
    /// Base subject.
    Subject,
    /// Local part of the first To address.
    To,
}

/// THREAD (RFC 5256).
#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    /// How.
    pub algorithm: ThreadAlgorithm,
    /// What to thread.
    pub search: Search,
}

/// The two algorithms of RFC 5256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadAlgorithm {
    /// Messages of one base subject.
    OrderedSubject,
    /// By what they answer.
    References,
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
    /// The day on which it came into this folder is before (RFC 8514).
    SavedBefore(Date),
    /// The day on which it came into this folder is that one.
    SavedOn(Date),
    /// The day on which it came into this folder is that one or later.
    SavedSince(Date),
    /// The folder knows when messages came into it (RFC 8514).
    SaveDateSupported,
    /// Its mod-sequence is that one or above (RFC 7162 §3.1.5).
    ModSeq(u64),
    /// Its EMAILID is that one (RFC 8474).
    EmailId(String),
    /// Its THREADID is that one (RFC 8474).
    ThreadId(String),
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
        self.any(&|key| matches!(key, Self::Body(_) | Self::Text(_)))
    }

    /// Whether a mod-sequence is asked for: the answer then tells the highest one (RFC 7162 §3.1.5).
    pub fn needs_modseq(&self) -> bool {
        self.any(&|key| matches!(key, Self::ModSeq(_)))
    }

    /// Whether a key, this one or one inside it, is as `test` says.
    pub fn any(&self, test: &dyn Fn(&Self) -> bool) -> bool {
        match self {
            Self::Not(key) => key.any(test),
            Self::Or(one, other) => one.any(test) || other.any(test),
            Self::And(keys) => keys.iter().any(|key| key.any(test)),
            own => test(own),
        }
    }
}

/// Parentheses, NOT and OR inside one another.
const DEEPEST: usize = 16;
/// Keys of one SEARCH: each is tried on every message.
const MOST_KEYS: usize = 500;
const MOST_CRITERIA: usize = 32;

pub(super) fn search(cursor: &mut Cursor<'_>, uid: bool) -> Parse<Search> {
    let returns = returns(cursor)?;
    let mut charset = None;
    if cursor.eat_word("CHARSET") {
        cursor.space()?;
        charset = Some(charset_name(cursor)?);
        cursor.space()?;
    }
    program(cursor, uid, returns, charset)
}

pub(super) fn sort(cursor: &mut Cursor<'_>, uid: bool) -> Parse<Sort> {
    let returns = returns(cursor)?;
    let at = cursor.at();
    let criteria = cursor.list(|cursor| {
        let reverse = cursor.eat_word("REVERSE");
        if reverse {
            cursor.space()?;
        }
        let at = cursor.at();
        let key = match cursor.atom()?.to_ascii_uppercase().as_str() {
            "ARRIVAL" => SortKey::Arrival,
            "CC" => SortKey::Cc,
            "DATE" => SortKey::Date,
            "FROM" => SortKey::From,
            "SIZE" => SortKey::Size,
            "SUBJECT" => SortKey::Subject,
            "TO" => SortKey::To,
            _ => return Err(ParseError { at, expected: "ARRIVAL, CC, DATE, FROM, SIZE, SUBJECT or TO" }),
        };
        Ok((key, reverse))
    })?;
    if criteria.is_empty() || criteria.len() > MOST_CRITERIA {
        return Err(ParseError { at, expected: "between 1 and 32 sort criteria" });
    }
    cursor.space()?;
    let charset = charset_name(cursor)?;
    cursor.space()?;
    Ok(Sort { criteria, search: program(cursor, uid, returns, Some(charset))? })
}

pub(super) fn thread(cursor: &mut Cursor<'_>, uid: bool) -> Parse<Thread> {
    let at = cursor.at();
    let algorithm = match cursor.atom()?.to_ascii_uppercase().as_str() {
        "ORDEREDSUBJECT" => ThreadAlgorithm::OrderedSubject,
        "REFERENCES" => ThreadAlgorithm::References,
        _ => return Err(ParseError { at, expected: "ORDEREDSUBJECT or REFERENCES" }),
    };
    cursor.space()?;
    let charset = charset_name(cursor)?;
    cursor.space()?;
    Ok(Thread { algorithm, search: program(cursor, uid, None, Some(charset))? })
}

/// `RETURN (…)` and the space behind it, where there is one.
fn returns(cursor: &mut Cursor<'_>) -> Parse<Option<Vec<SearchReturn>>> {
    if !cursor.eat_word("RETURN") {
        return Ok(None);
    }
    cursor.space()?;
    let options = cursor.list(|cursor| {
        let at = cursor.at();
        Ok(match cursor.atom()?.to_ascii_uppercase().as_str() {
            "MIN" => SearchReturn::Min,
            "MAX" => SearchReturn::Max,
            "ALL" => SearchReturn::All,
            "COUNT" => SearchReturn::Count,
            "SAVE" => SearchReturn::Save,
            _ => return Err(ParseError { at, expected: "MIN, MAX, ALL, COUNT or SAVE" }),
        })
    })?;
    cursor.space()?;
    Ok(Some(if options.is_empty() { vec![SearchReturn::All] } else { options }))
}

fn charset_name(cursor: &mut Cursor<'_>) -> Parse<String> {
    Ok(String::from_utf8_lossy(&cursor.astring()?).to_ascii_uppercase())
}

/// The keys, whose texts are in `charset`.
fn program(
    cursor: &mut Cursor<'_>,
    uid: bool,
    returns: Option<Vec<SearchReturn>>,
    charset: Option<String>,
) -> Parse<Search> {
    let encoding = charset.as_deref().map(|name| Encoding::for_label(name.as_bytes()));
    let encoding = match encoding {
        // Without CHARSET (and with US-ASCII, which everybody takes for it) clients send UTF-8.
        None => Some(encoding_rs::UTF_8),
        Some(Some(_)) if charset.as_deref() == Some("US-ASCII") => Some(encoding_rs::UTF_8),
        Some(known) => known,
    };
    let mut reader = Keys { encoding, left: MOST_KEYS };
    let mut keys = vec![reader.key(cursor, 0)?];
    while cursor.eat(b' ') {
        if cursor.is_done() {
            break; // a trailing space, as some clients write
        }
        keys.push(reader.key(cursor, 0)?);
    }
    Ok(Search { uid, returns, charset, charset_known: encoding.is_some(), keys })
}

/// Reads search keys.
struct Keys {
    /// The encoding of texts; `None` where its name is not known: the search is refused later, with NO.
    encoding: Option<&'static Encoding>,
    left: usize,
}

impl Keys {
    fn key(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Parse<SearchKey> {
        use SearchKey as K;
        if depth > DEEPEST {
            return cursor.fail("at most 16 keys inside one another");
        }
        match self.left.checked_sub(1) {
            Some(less) => self.left = less,
            None => return cursor.fail("at most 500 search keys"),
        }
        match cursor.peek() {
            Some(b'(') => return Ok(K::And(cursor.list(|cursor| self.key(cursor, depth + 1))?)),
            Some(b'0'..=b'9' | b'*' | b'$') => return SequenceSet::read(cursor).map(K::Numbers),
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
            "SAVEDATESUPPORTED" => Some(K::SaveDateSupported),
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
            "SAVEDBEFORE" => K::SavedBefore(date::date(cursor)?),
            "SAVEDON" => K::SavedOn(date::date(cursor)?),
            "SAVEDSINCE" => K::SavedSince(date::date(cursor)?),
            "MODSEQ" => K::ModSeq(modseq(cursor)?),
            "EMAILID" => K::EmailId(object_id(cursor)?),
            "THREADID" => K::ThreadId(object_id(cursor)?),
            "LARGER" => K::Larger(cursor.number64()?),
            "SMALLER" => K::Smaller(cursor.number64()?),
            "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => K::Header(word, self.text(cursor)?),
            "HEADER" => {
                let name = self.text(cursor)?;
                cursor.space()?;
                K::Header(name, self.text(cursor)?)
            }
            "BODY" => K::Body(self.text(cursor)?),
            "TEXT" => K::Text(self.text(cursor)?),
            "KEYWORD" => K::Flag(Flag::Keyword(cursor.atom()?.to_owned())),
            "UNKEYWORD" => not(K::Flag(Flag::Keyword(cursor.atom()?.to_owned()))),
            "UID" => K::Uids(SequenceSet::read(cursor)?),
            "NOT" => not(self.key(cursor, depth + 1)?),
            "OR" => {
                let one = self.key(cursor, depth + 1)?;
                cursor.space()?;
                K::Or(Box::new(one), Box::new(self.key(cursor, depth + 1)?))
            }
            _ => return Err(ParseError { at, expected: "a search key (RFC 3501 §6.4.4)" }),
        })
    }

    fn text(&self, cursor: &mut Cursor<'_>) -> Parse<String> {
        let at = cursor.at();
        let bytes = cursor.astring()?;
        let Some(encoding) = self.encoding else { return Ok(String::new()) };
        let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes);
        text.map(std::borrow::Cow::into_owned)
            .ok_or(ParseError { at, expected: "text in UTF-8, or in the CHARSET that was given" })
    }
}

/// `[entry-name SP entry-type SP] mod-sequence-valzer`: flags have no mod-sequences of their own here, so the entry
/// is read and not looked at (RFC 7162 §3.1.5 allows it).
fn modseq(cursor: &mut Cursor<'_>) -> Parse<u64> {
    if cursor.peek() == Some(b'"') {
        cursor.string()?;
        cursor.space()?;
        let at = cursor.at();
        if !["priv", "shared", "all"].iter().any(|word| cursor.eat_word(word)) {
            return Err(ParseError { at, expected: "priv, shared or all" });
        }
        cursor.space()?;
    }
    cursor.number64()
}

/// `objectid` (RFC 8474 §7).
fn object_id(cursor: &mut Cursor<'_>) -> Parse<String> {
    let at = cursor.at();
    let id = cursor.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    match String::from_utf8_lossy(id) {
        id if (1..=255).contains(&id.len()) => Ok(id.into_owned()),
        _ => Err(ParseError { at, expected: "an object id: letters, digits, _ and -, at most 255" }),
    }
}
