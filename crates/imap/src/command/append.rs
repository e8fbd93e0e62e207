//! APPEND (RFC 3501 §6.3.11), several messages at once (RFC 3502), literal8 (RFC 3516) and UTF8 (RFC 6855 §4).

use jiff::Timestamp;

use super::Flag;
use super::parse::{Dialect, flag, folder, tag};
use crate::cursor::{Cursor, Parse, ParseError};
use crate::date;

/// What comes before the first message of an APPEND.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendHead {
    /// The target.
    pub folder: String,
    /// What is said of the first message.
    pub message: AppendMessage,
}

/// What is said of one message of an APPEND.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppendMessage {
    /// The flags to give.
    pub flags: Vec<Flag>,
    /// The date to give; now where there is none.
    pub date: Option<Timestamp>,
    /// Whether it is a `literal8`, which may hold NUL (RFC 3516).
    pub binary: bool,
    /// Whether it stands in `UTF8 (…)`: its headers are in UTF-8 (RFC 6855 §4).
    pub utf8: bool,
}

/// What stands behind a message of an APPEND.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AfterMessage {
    /// Nothing: the command is complete.
    End,
    /// Another message (RFC 3502).
    Another(AppendMessage),
}

/// Understands an APPEND up to and with the announcement of its first message.
///
/// # Errors
/// [`ParseError`], as for [`super::parse_in`].
pub fn parse_append(bytes: &[u8], dialect: Dialect) -> Result<AppendHead, ParseError> {
    let mut cursor = Cursor::new(bytes);
    cursor.utf8 = dialect.utf8;
    tag(&mut cursor)?;
    if !cursor.eat_word("APPEND") {
        return cursor.fail("APPEND");
    }
    cursor.space()?;
    let folder = folder(&mut cursor)?;
    cursor.space()?;
    Ok(AppendHead { folder, message: message(&mut cursor)? })
}

/// Understands what follows a message of an APPEND on its line; `utf8` where that message stood in `UTF8 (…)`.
///
/// # Errors
/// [`ParseError`], with offsets from the end of the message.
pub fn parse_after_message(bytes: &[u8], utf8: bool) -> Result<AfterMessage, ParseError> {
    let mut cursor = Cursor::new(bytes);
    if utf8 {
        cursor.expect(b')', ") at the end of UTF8 (…)")?;
    }
    if cursor.is_done() {
        return Ok(AfterMessage::End);
    }
    cursor
        .space()
        .map_err(|error| ParseError { expected: "the end of the line, or another message", ..error })?;
    message(&mut cursor).map(AfterMessage::Another)
}

fn message(cursor: &mut Cursor<'_>) -> Parse<AppendMessage> {
    let mut out = AppendMessage::default();
    if cursor.peek() == Some(b'(') {
        out.flags = cursor.list(flag)?;
        cursor.space()?;
    }
    if cursor.peek() == Some(b'"') {
        out.date = Some(date::date_time(cursor)?);
        cursor.space()?;
    }
    if cursor.eat_word("UTF8") {
        cursor.space()?;
        cursor.expect(b'(', "( after UTF8")?;
        out.utf8 = true;
    }
    out.binary = cursor.eat(b'~');
    if out.utf8 && !out.binary {
        return cursor.fail("a literal8, as ~{310}, within UTF8 (…)");
    }
    cursor.expect(b'{', "the message as a literal")?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_messages_one_after_the_other() {
        let head = parse_append(
            b"A003 APPEND saved-messages (\\Seen) \"23-Nov-2026 10:00:00 +0100\" {329}",
            Dialect::default(),
        )
        .unwrap();
        assert_eq!(head.folder, "saved-messages");
        assert_eq!(head.message.flags, [Flag::Seen]);
        assert!(head.message.date.is_some());
        assert_eq!(parse_after_message(b"", false), Ok(AfterMessage::End));
        let Ok(AfterMessage::Another(next)) = parse_after_message(b" (\\Flagged x) ~{12+}", false) else {
            panic!()
        };
        assert_eq!((next.flags.len(), next.binary, next.utf8), (2, true, false));
        assert!(parse_after_message(b"{12}", false).is_err());
        assert!(parse_after_message(b" trailing", false).is_err());
    }

    #[test]
    fn messages_with_headers_in_utf_8() {
        let head = parse_append(b"a APPEND INBOX UTF8 (~{5}", Dialect::default()).unwrap();
        assert!(head.message.utf8 && head.message.binary);
        assert_eq!(parse_after_message(b")", true), Ok(AfterMessage::End));
        assert!(parse_after_message(b"", true).is_err());
        assert!(matches!(parse_after_message(b") UTF8 (~{7+}", true), Ok(AfterMessage::Another(_))));
        assert!(parse_append(b"a APPEND INBOX UTF8 ({5}", Dialect::default()).is_err());
    }
}
