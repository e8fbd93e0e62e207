use super::parse::folder;
use crate::cursor::{Cursor, Parse, ParseError};
use crate::mutf7;

/// LIST with the options of RFC 5258 (LIST-EXTENDED), RFC 5819 (LIST-STATUS) and RFC 6154 (SPECIAL-USE).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Put before each pattern.
    pub reference: String,
    /// With `*` and `%`; several only in the extended form.
    pub patterns: Vec<String>,
    /// Only subscribed folders.
    pub select_subscribed: bool,
    /// Only folders with a special use.
    pub select_special_use: bool,
    /// Also parents of what is selected, with CHILDINFO.
    pub recursive_match: bool,
    /// Say which folders are subscribed.
    pub return_subscribed: bool,
    /// A STATUS for each folder.
    pub return_status: Option<Vec<StatusItem>>,
    /// Whether any extended syntax was used.
    pub extended: bool,
}

/// What STATUS tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    /// MESSAGES
    Messages,
    /// RECENT
    Recent,
    /// UIDNEXT
    UidNext,
    /// UIDVALIDITY
    UidValidity,
    /// UNSEEN
    Unseen,
    /// DELETED (RFC 9208)
    Deleted,
    /// SIZE (RFC 8438)
    Size,
    /// APPENDLIMIT (RFC 7889)
    AppendLimit,
    /// HIGHESTMODSEQ (RFC 7162)
    HighestModSeq,
    /// MAILBOXID (RFC 8474)
    MailboxId,
    /// DELETED-STORAGE (RFC 9208)
    DeletedStorage,
}

impl StatusItem {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Messages => "MESSAGES",
            Self::Recent => "RECENT",
            Self::UidNext => "UIDNEXT",
            Self::UidValidity => "UIDVALIDITY",
            Self::Unseen => "UNSEEN",
            Self::Deleted => "DELETED",
            Self::Size => "SIZE",
            Self::AppendLimit => "APPENDLIMIT",
            Self::HighestModSeq => "HIGHESTMODSEQ",
            Self::MailboxId => "MAILBOXID",
            Self::DeletedStorage => "DELETED-STORAGE",
        }
    }
}

/// A list of at least one item.
pub(super) fn status_items(cursor: &mut Cursor<'_>) -> Parse<Vec<StatusItem>> {
    let at = cursor.at();
    let items = cursor.list(status_item)?;
    if items.is_empty() || items.len() > 32 {
        return Err(ParseError { at, expected: "between 1 and 32 items of STATUS" });
    }
    Ok(items)
}

fn status_item(cursor: &mut Cursor<'_>) -> Parse<StatusItem> {
    const ALL: [StatusItem; 11] = [
        StatusItem::Messages,
        StatusItem::Recent,
        StatusItem::UidNext,
        StatusItem::UidValidity,
        StatusItem::Unseen,
        StatusItem::Deleted,
        StatusItem::Size,
        StatusItem::AppendLimit,
        StatusItem::HighestModSeq,
        StatusItem::MailboxId,
        StatusItem::DeletedStorage,
    ];
    let at = cursor.at();
    let word = cursor.atom()?;
    let found = ALL.into_iter().find(|item| item.name().eq_ignore_ascii_case(word));
    found.ok_or(ParseError { at, expected: "an item of STATUS, such as MESSAGES or UIDNEXT" })
}

pub(super) fn list(cursor: &mut Cursor<'_>) -> Parse<List> {
    let mut list = List::default();
    if cursor.peek() == Some(b'(') {
        list.extended = true;
        selection(cursor, &mut list)?;
        cursor.space()?;
    }
    list.reference = folder(cursor)?;
    cursor.space()?;
    if cursor.peek() == Some(b'(') {
        list.extended = true;
        list.patterns = cursor.list(pattern)?;
        if list.patterns.is_empty() || list.patterns.len() > 16 {
            return cursor.fail("between 1 and 16 patterns");
        }
    } else {
        list.patterns.push(pattern(cursor)?);
    }
    if cursor.eat(b' ') {
        list.extended = true;
        if !cursor.eat_word("RETURN") {
            return cursor.fail("RETURN");
        }
        cursor.space()?;
        returned(cursor, &mut list)?;
    }
    Ok(list)
}

fn selection(cursor: &mut Cursor<'_>, list: &mut List) -> Parse<()> {
    let at = cursor.at();
    cursor.list(|cursor| {
        let at = cursor.at();
        match cursor.atom()?.to_ascii_uppercase().as_str() {
            "SUBSCRIBED" => (list.select_subscribed, list.return_subscribed) = (true, true),
            "SPECIAL-USE" => list.select_special_use = true,
            "RECURSIVEMATCH" => list.recursive_match = true,
            "REMOTE" => {} // there is nothing remote here
            _ => {
                return Err(ParseError { at, expected: "SUBSCRIBED, SPECIAL-USE, RECURSIVEMATCH or REMOTE" });
            }
        }
        Ok(())
    })?;
    if list.recursive_match && !list.select_subscribed && !list.select_special_use {
        return Err(ParseError { at, expected: "another selection beside RECURSIVEMATCH" });
    }
    Ok(())
}

fn returned(cursor: &mut Cursor<'_>, list: &mut List) -> Parse<()> {
    cursor.list(|cursor| {
        let at = cursor.at();
        match cursor.atom()?.to_ascii_uppercase().as_str() {
            "SUBSCRIBED" => list.return_subscribed = true,
            "CHILDREN" | "SPECIAL-USE" => {} // always told
            "STATUS" => {
                cursor.space()?;
                list.return_status = Some(status_items(cursor)?);
            }
            _ => return Err(ParseError { at, expected: "SUBSCRIBED, CHILDREN, SPECIAL-USE or STATUS" }),
        }
        Ok(())
    })?;
    Ok(())
}

/// `list-mailbox`: an atom that may hold `%` and `*`, or a string.
pub(super) fn pattern(cursor: &mut Cursor<'_>) -> Parse<String> {
    let at = cursor.at();
    let wrong = ParseError { at, expected: "a pattern: a folder name with * and %" };
    let wire = match cursor.peek() {
        Some(b'"' | b'{') => cursor.string()?.into_owned(),
        _ => cursor
            .take_while(|byte| byte > 0x20 && !matches!(byte, b'(' | b')' | b'{' | b'"' | b'\\'))
            .to_vec(),
    };
    if wire.len() > 1_000 || (wire.is_empty() && cursor.at() == at) {
        return Err(wrong);
    }
    let text = String::from_utf8(wire).map_err(|_| wrong.clone())?;
    if cursor.utf8 {
        return Ok(text);
    }
    // What is not modified UTF-7 stands for itself: it matches nothing.
    Ok(mutf7::decode(&text).unwrap_or(text))
}

/// Whether a folder's name matches a pattern: `*` stands for anything, `%` for anything without `/`; INBOX in any
/// case (RFC 3501 §6.3.8). Linear in both lengths but for the number of `*` and `%`, without recursion.
pub fn pattern_matches(pattern: &str, name: &str) -> bool {
    // Which suffixes of the pattern are still possible: a set of positions, moved along the name.
    let pattern: Vec<char> = pattern.chars().collect();
    let fold = name.eq_ignore_ascii_case("INBOX") || name.to_ascii_uppercase().starts_with("INBOX/");
    let mut here = vec![false; pattern.len() + 1];
    here[0] = true;
    open_wildcards(&pattern, &mut here);
    for c in name.chars() {
        let mut next = vec![false; pattern.len() + 1];
        for (at, _) in here.iter().enumerate().filter(|(_, on)| **on) {
            match pattern.get(at) {
                Some('*') => next[at] = true,
                Some('%') if c != '/' => next[at] = true,
                Some(&p) if p == c || (fold && p.eq_ignore_ascii_case(&c)) => next[at + 1] = true,
                _ => {}
            }
        }
        open_wildcards(&pattern, &mut next);
        here = next;
    }
    here[pattern.len()]
}

fn open_wildcards(pattern: &[char], set: &mut [bool]) {
    for at in 0..pattern.len() {
        if set[at] && matches!(pattern[at], '*' | '%') {
            set[at + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, yes) in [
            ("*", "a/b/c", true),
            ("%", "a", true),
            ("%", "a/b", false),
            ("%/%", "a/b", true),
            ("a/*", "a/b/c", true),
            ("a/*", "a", false),
            ("inbox", "INBOX", true),
            ("sent", "Sent", false),
            ("S%t", "Sent", true),
            ("", "x", false),
            ("*c", "a/b/c", true),
            ("**%*", "abc", true),
        ] {
            assert_eq!(pattern_matches(pattern, name), yes, "{pattern} {name}");
        }
        assert!(!pattern_matches(&"*a".repeat(400), &"b".repeat(1000)));
    }
}
