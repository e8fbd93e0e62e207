use bytes::Bytes;
use jiff::Timestamp;
use kernel::RetryClass;

use crate::cursor::{Cursor, Parse, ParseError};
use crate::mutf7;
use crate::sequence::SequenceSet;

/// One response of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Response {
    /// `+ text`: go on. During AUTHENTICATE the text is the challenge, in base64.
    Continuation(String),
    /// The end of a command.
    Tagged(Tagged),
    /// Data, or a notice.
    Untagged(Untagged),
}

/// The end of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The command's tag.
    pub tag: String,
    /// How it ended.
    pub status: Status,
    /// The response code, if any.
    pub code: Option<Code>,
    /// The server's words.
    pub text: String,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// Refused.
    No,
    /// Not understood.
    Bad,
}

/// An untagged response. Unknown kinds are [`Untagged::Other`], never an error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Untagged {
    /// `OK`, `NO`, `BAD`, `PREAUTH` or `BYE`; the greeting is one of these.
    Notice(Notice),
    /// CAPABILITY, as written.
    Capability(Vec<String>),
    /// LIST.
    List(Folder),
    /// LSUB.
    Lsub(Folder),
    /// FLAGS.
    Flags(Vec<String>),
    /// How many messages the selected folder holds.
    Exists(u32),
    /// RECENT.
    Recent(u32),
    /// The message of this number is gone; later numbers move down by one.
    Expunge(u32),
    /// SEARCH: numbers or UIDs, as asked for.
    Search(Vec<u32>),
    /// STATUS: folder name (decoded) and items.
    Status(String, Vec<(String, u64)>),
    /// FETCH.
    Fetch(Box<Fetched>),
    /// ID.
    Id(Vec<(String, Option<String>)>),
    /// ENABLED.
    Enabled(Vec<String>),
    /// VANISHED (RFC 7162 §3.2.10): UIDs that are gone, as ascending ranges. They may name messages that nobody ever saw.
    Vanished {
        /// Gone before this session could see it: an answer to SELECT or FETCH, no news.
        earlier: bool,
        /// Which, both ends included.
        uids: Vec<(u32, u32)>,
    },
    /// Anything else, by its first word in upper case.
    Other(String),
}

/// An untagged status response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Which of the five.
    pub kind: NoticeKind,
    /// The response code, if any.
    pub code: Option<Code>,
    /// The server's words.
    pub text: String,
}

/// The kinds of untagged status responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Information; as a greeting, "log in".
    Ok,
    /// A warning.
    No,
    /// A protocol error, of no command in particular.
    Bad,
    /// A greeting: already logged in (some operators' APP mailboxes, spec 01 §3.4).
    PreAuth,
    /// The server is about to close.
    Bye,
}

/// A folder, as LIST and LSUB give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// `\Noselect`, `\Sent`…, as written.
    pub attributes: Vec<String>,
    /// The hierarchy separator, if there is a hierarchy.
    pub separator: Option<char>,
    /// The name, decoded from modified UTF-7 where it is that.
    pub name: String,
}

/// A FETCH response. What was not asked for is `None`; ENVELOPE and BODYSTRUCTURE are skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Sequence number.
    pub number: u32,
    /// UID.
    pub uid: Option<u32>,
    /// FLAGS.
    pub flags: Option<Vec<String>>,
    /// RFC822.SIZE, in octets.
    pub size: Option<u64>,
    /// INTERNALDATE, as written.
    pub internal_date: Option<String>,
    /// MODSEQ.
    pub modseq: Option<u64>,
    /// BODY[…], RFC822, RFC822.HEADER, RFC822.TEXT and BINARY[…], in the server's order.
    pub bodies: Vec<BodyData>,
    /// The size of the largest literal that was left out, in octets: see [`super::ResponseReader::leaving_out`]. Its body
    /// has no data.
    pub left_out: Option<u64>,
}

impl Fetched {
    /// The data of `BODY[section]` (upper case, as in `""`, `HEADER`, `1.MIME`).
    pub fn body(&self, section: &str) -> Option<&Bytes> {
        self.bodies.iter().find(|body| body.section == section).and_then(|body| body.data.as_ref())
    }

    /// INTERNALDATE as an instant; `None` where the server did not give one, or none that can be read.
    pub fn received(&self) -> Option<Timestamp> {
        self.internal_date.as_deref().and_then(crate::date::read_date_time)
    }
}

/// One piece of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyData {
    /// What is between the brackets, in upper case; empty for the whole message (and RFC822).
    pub section: String,
    /// Where a partial fetch starts.
    pub origin: Option<u32>,
    /// The octets; `None` for NIL.
    pub data: Option<Bytes>,
}

/// A response code.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// A text that must be shown to the person.
    Alert,
    /// CAPABILITY.
    Capability(Vec<String>),
    /// UIDNEXT.
    UidNext(u32),
    /// UIDVALIDITY.
    UidValidity(u32),
    /// UNSEEN: number of the first unseen message.
    Unseen(u32),
    /// HIGHESTMODSEQ.
    HighestModSeq(u64),
    /// READ-ONLY.
    ReadOnly,
    /// READ-WRITE.
    ReadWrite,
    /// The target does not exist: create it, then try again.
    TryCreate,
    /// PERMANENTFLAGS.
    PermanentFlags(Vec<String>),
    /// APPENDUID (RFC 4315).
    AppendUid {
        /// UIDVALIDITY of the target.
        validity: u32,
        /// UID given to the message (the first, for several).
        uid: u32,
    },
    /// COPYUID (RFC 4315): UIDVALIDITY of the target, source set and target set as written.
    CopyUid {
        /// UIDVALIDITY of the target.
        validity: u32,
        /// Source UIDs.
        source: String,
        /// Target UIDs, in the same order.
        target: String,
    },
    /// Any other, in upper case, with its arguments as written: `AUTHENTICATIONFAILED`, `UNAVAILABLE`…
    Other(String, String),
}

impl Code {
    /// The code's name, in upper case.
    pub fn name(&self) -> &str {
        match self {
            Self::Alert => "ALERT",
            Self::Capability(_) => "CAPABILITY",
            Self::UidNext(_) => "UIDNEXT",
            Self::UidValidity(_) => "UIDVALIDITY",
            Self::Unseen(_) => "UNSEEN",
            Self::HighestModSeq(_) => "HIGHESTMODSEQ",
            Self::ReadOnly => "READ-ONLY",
            Self::ReadWrite => "READ-WRITE",
            Self::TryCreate => "TRYCREATE",
            Self::PermanentFlags(_) => "PERMANENTFLAGS",
            Self::AppendUid { .. } => "APPENDUID",
            Self::CopyUid { .. } => "COPYUID",
            Self::Other(name, _) => name,
        }
    }

    /// What a client may do after a refusal with this code (spec 01 §3.3, RFC 5530).
    pub fn retry(&self) -> RetryClass {
        match self.name() {
            "AUTHENTICATIONFAILED" | "AUTHORIZATIONFAILED" | "EXPIRED" => RetryClass::NewCredential,
            "UNAVAILABLE" | "INUSE" | "LIMIT" | "SERVERBUG" => RetryClass::Later,
            _ => RetryClass::Never,
        }
    }
}

impl Response {
    /// Reads one complete response, without its last line end, literals in place.
    ///
    /// # Errors
    /// [`ParseError`] says where it stops being IMAP.
    pub fn parse(bytes: &Bytes) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(bytes);
        if cursor.eat(b'+') {
            cursor.eat(b' ');
            return Ok(Self::Continuation(lossy(cursor.rest())));
        }
        if cursor.eat(b'*') {
            cursor.space()?;
            return untagged(&mut cursor, bytes).map(Self::Untagged);
        }
        let tag = cursor.take_while(|byte| byte > 0x20 && byte != 0x7f);
        let tag = lossy(tag);
        cursor.space()?;
        let status = if cursor.eat_word("OK") {
            Status::Ok
        } else if cursor.eat_word("NO") {
            Status::No
        } else if cursor.eat_word("BAD") {
            Status::Bad
        } else {
            return cursor.fail("OK, NO or BAD");
        };
        let (code, text) = code_and_text(&mut cursor);
        Ok(Self::Tagged(Tagged { tag, status, code, text }))
    }
}

fn untagged(cursor: &mut Cursor<'_>, bytes: &Bytes) -> Parse<Untagged> {
    if cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        let number = cursor.number()?;
        cursor.space()?;
        let word = cursor.atom()?.to_ascii_uppercase();
        return Ok(match word.as_str() {
            "EXISTS" => Untagged::Exists(number),
            "RECENT" => Untagged::Recent(number),
            "EXPUNGE" => Untagged::Expunge(number),
            "FETCH" => Untagged::Fetch(Box::new(fetched(cursor, bytes, number)?)),
            _ => Untagged::Other(word),
        });
    }
    let word = cursor.atom()?.to_ascii_uppercase();
    let kind = match word.as_str() {
        "OK" => NoticeKind::Ok,
        "NO" => NoticeKind::No,
        "BAD" => NoticeKind::Bad,
        "PREAUTH" => NoticeKind::PreAuth,
        "BYE" => NoticeKind::Bye,
        _ => return data(cursor, word),
    };
    let (code, text) = code_and_text(cursor);
    Ok(Untagged::Notice(Notice { kind, code, text }))
}

fn data(cursor: &mut Cursor<'_>, word: String) -> Parse<Untagged> {
    Ok(match word.as_str() {
        "CAPABILITY" => Untagged::Capability(words(cursor.rest())),
        "ENABLED" => Untagged::Enabled(words(cursor.rest())),
        "SEARCH" => {
            let mut numbers = Vec::new();
            while cursor.eat(b' ') {
                match cursor.peek() {
                    Some(b'0'..=b'9') => numbers.push(cursor.number()?),
                    _ => break, // a trailing space, or (MODSEQ n)
                }
            }
            Untagged::Search(numbers)
        }
        "FLAGS" => {
            cursor.space()?;
            Untagged::Flags(cursor.list(flag)?)
        }
        "LIST" | "LSUB" => {
            cursor.space()?;
            let attributes = cursor.list(flag)?;
            cursor.space()?;
            let separator = cursor.nstring()?.and_then(|text| lossy(&text).chars().next());
            cursor.space()?;
            let folder = Folder { attributes, separator, name: mailbox(cursor)? };
            if word == "LIST" { Untagged::List(folder) } else { Untagged::Lsub(folder) }
        }
        "STATUS" => {
            cursor.space()?;
            let name = mailbox(cursor)?;
            cursor.space()?;
            let items = cursor.list(|cursor| {
                let item = cursor.atom()?.to_ascii_uppercase();
                cursor.space()?;
                Ok((item, cursor.number64()?))
            })?;
            Untagged::Status(name, items)
        }
        "VANISHED" => {
            cursor.space()?;
            let earlier = cursor.peek() == Some(b'(');
            if earlier {
                cursor.list(|cursor| cursor.atom().map(drop))?;
                cursor.space()?;
            }
            Untagged::Vanished { earlier, uids: SequenceSet::read(cursor)?.resolve(u32::MAX) }
        }
        "ID" => {
            cursor.space()?;
            if cursor.eat_word("NIL") {
                return Ok(Untagged::Id(Vec::new()));
            }
            let flat = cursor.list(|cursor| Ok(cursor.nstring()?.map(|text| lossy(&text))))?;
            let pairs =
                flat.chunks(2).filter_map(|pair| Some((pair[0].clone()?, pair.get(1).cloned().flatten())));
            Untagged::Id(pairs.collect())
        }
        _ => Untagged::Other(word),
    })
}

fn fetched(cursor: &mut Cursor<'_>, bytes: &Bytes, number: u32) -> Parse<Fetched> {
    let mut out = Fetched { number, ..Fetched::default() };
    cursor.space()?;
    cursor.list(|cursor| {
        let name =
            lossy(cursor.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')))
                .to_ascii_uppercase();
        let section = if cursor.eat(b'[') { Some(section(cursor)?) } else { None };
        let origin = if cursor.eat(b'<') {
            let origin = cursor.number()?;
            cursor.expect(b'>', ">")?;
            Some(origin)
        } else {
            None
        };
        cursor.space()?;
        match (name.as_str(), section) {
            ("UID", None) => out.uid = Some(cursor.nz_number()?),
            ("FLAGS", None) => out.flags = Some(cursor.list(flag)?),
            ("RFC822.SIZE", None) => out.size = Some(cursor.number64()?),
            ("INTERNALDATE", None) => out.internal_date = Some(lossy(&cursor.string()?)),
            ("MODSEQ", None) => out.modseq = cursor.list(Cursor::number64)?.first().copied(),
            ("BODY" | "BINARY", Some(section)) => {
                out.bodies.push(BodyData { section, origin, data: shared(cursor, bytes)? });
            }
            ("RFC822", None) => {
                out.bodies.push(BodyData { section: String::new(), origin, data: shared(cursor, bytes)? });
            }
            ("RFC822.HEADER" | "RFC822.TEXT", None) => {
                let section = name["RFC822.".len()..].to_owned();
                out.bodies.push(BodyData { section, origin, data: shared(cursor, bytes)? });
            }
            _ => skip(cursor, 0)?,
        }
        Ok(())
    })?;
    Ok(out)
}

/// The text between `[` and `]`, in upper case.
fn section(cursor: &mut Cursor<'_>) -> Parse<String> {
    let text = lossy(cursor.take_while(|byte| byte != b']' && byte != b'\r')).to_ascii_uppercase();
    cursor.expect(b']', "] at the end of the section")?;
    Ok(text)
}

/// An `nstring` as a view on the response's own memory where it is a literal.
fn shared(cursor: &mut Cursor<'_>, bytes: &Bytes) -> Parse<Option<Bytes>> {
    if matches!(cursor.peek(), Some(b'{' | b'~')) {
        return Ok(Some(bytes.slice_ref(cursor.literal()?)));
    }
    Ok(cursor.nstring()?.map(|text| Bytes::copy_from_slice(&text)))
}

/// Skips one value of any shape; ENVELOPE and BODYSTRUCTURE nest.
fn skip(cursor: &mut Cursor<'_>, depth: usize) -> Parse<()> {
    if depth > 64 {
        return cursor.fail("at most 64 levels of parentheses");
    }
    match cursor.peek() {
        Some(b'(') => {
            cursor.eat(b'(');
            while !cursor.eat(b')') {
                if !cursor.eat(b' ') {
                    skip(cursor, depth + 1)?;
                }
            }
            Ok(())
        }
        Some(b'"' | b'{' | b'~') => cursor.string().map(drop),
        _ => {
            let taken = cursor.take_while(|byte| byte > 0x20 && !matches!(byte, b'(' | b')' | b'"' | b'{'));
            if taken.is_empty() { cursor.fail("a value") } else { Ok(()) }
        }
    }
}

fn code_and_text(cursor: &mut Cursor<'_>) -> (Option<Code>, String) {
    cursor.eat(b' ');
    let rest = cursor.rest();
    let inside = rest.strip_prefix(b"[").and_then(|rest| {
        let end = rest.iter().position(|&byte| byte == b']')?;
        Some((&rest[..end], &rest[end + 1..]))
    });
    match inside {
        Some((code, text)) => (Some(read_code(code)), lossy(text.strip_prefix(b" ").unwrap_or(text))),
        None => (None, lossy(rest)),
    }
}

fn read_code(bytes: &[u8]) -> Code {
    let text = lossy(bytes);
    let (name, arguments) = text.split_once(' ').unwrap_or((&text, ""));
    let name = name.to_ascii_uppercase();
    known_code(&name, arguments).unwrap_or_else(|| Code::Other(name, arguments.to_owned()))
}

fn known_code(name: &str, arguments: &str) -> Option<Code> {
    let parts: Vec<&str> = arguments.split(' ').collect();
    Some(match name {
        "ALERT" => Code::Alert,
        "READ-ONLY" => Code::ReadOnly,
        "READ-WRITE" => Code::ReadWrite,
        "TRYCREATE" => Code::TryCreate,
        "CAPABILITY" => Code::Capability(words(arguments.as_bytes())),
        "UIDNEXT" => Code::UidNext(arguments.parse().ok()?),
        "UIDVALIDITY" => Code::UidValidity(arguments.parse().ok()?),
        "UNSEEN" => Code::Unseen(arguments.parse().ok()?),
        "HIGHESTMODSEQ" => Code::HighestModSeq(arguments.parse().ok()?),
        "PERMANENTFLAGS" => Code::PermanentFlags(Cursor::new(arguments.as_bytes()).list(flag).ok()?),
        "APPENDUID" => {
            let first = parts.get(1)?.split([':', ',']).next()?;
            Code::AppendUid { validity: parts.first()?.parse().ok()?, uid: first.parse().ok()? }
        }
        "COPYUID" => Code::CopyUid {
            validity: parts.first()?.parse().ok()?,
            source: (*parts.get(1)?).to_owned(),
            target: (*parts.get(2)?).to_owned(),
        },
        _ => return None,
    })
}

fn mailbox(cursor: &mut Cursor<'_>) -> Parse<String> {
    let wire = lossy(&cursor.astring()?);
    Ok(mutf7::decode(&wire).unwrap_or(wire))
}

/// A flag or attribute: `\Seen`, `\*`, `$MDNSent`.
fn flag(cursor: &mut Cursor<'_>) -> Parse<String> {
    let taken =
        cursor.take_while(|byte| byte > 0x20 && byte != 0x7f && !matches!(byte, b'(' | b')' | b'{' | b'"'));
    if taken.is_empty() { cursor.fail("a flag") } else { Ok(lossy(taken)) }
}

fn words(bytes: &[u8]) -> Vec<String> {
    lossy(bytes).split_ascii_whitespace().map(str::to_owned).collect()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
