//! What SORT and THREAD compare (RFC 5256).

use unicode_normalization::UnicodeNormalization as _;

use crate::command::SortKey;
use crate::mime::{Envelope, decode_words, fields, instant, unfold};

/// Message identifiers read from one message's References, at most; the last ones count.
const MOST_REFERENCES: usize = 200;

/// One message, as far as SORT and THREAD look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sortable {
    /// What the answer calls it: its number or its UID.
    pub id: u32,
    /// INTERNALDATE, in seconds.
    pub arrival: i64,
    /// `Date` in seconds, in UTC; the arrival where it is missing or unreadable (RFC 5256 §2.2).
    pub sent: i64,
    /// Octets.
    pub size: u64,
    /// Local part of the first `Cc` address, for comparing.
    pub cc: String,
    /// The same of `From`.
    pub from: String,
    /// The same of `To`.
    pub to: String,
    /// The base subject, for comparing.
    pub subject: String,
    /// Whether the subject says that it is a reply or was forwarded.
    pub is_reply: bool,
    /// `Message-ID`, without its brackets.
    pub message_id: Option<String>,
    /// `References`, else the first of `In-Reply-To`, oldest first.
    pub references: Vec<String>,
}

impl Sortable {
    /// Reads a header block.
    pub fn read(id: u32, arrival: i64, size: u64, block: &[u8]) -> Self {
        let envelope = Envelope::read(block);
        let mailbox = |list: &[crate::mime::Address]| {
            let first = list.first().and_then(|address| address.mailbox.as_deref());
            collate(&decode_words(first.unwrap_or_default()))
        };
        let (subject, is_reply) =
            base_subject(&decode_words(envelope.subject.as_deref().unwrap_or_default()));
        let named = |name: &str| {
            fields(block).find(|field| field.is(name)).map(|field| identifiers(&unfold(field.value)))
        };
        let mut references = named("References").unwrap_or_default();
        if references.is_empty() {
            references = named("In-Reply-To").unwrap_or_default();
            references.truncate(1);
        }
        references.drain(..references.len().saturating_sub(MOST_REFERENCES));
        Self {
            id,
            arrival,
            sent: envelope.date.as_deref().and_then(instant).unwrap_or(arrival),
            size,
            cc: mailbox(&envelope.cc),
            from: mailbox(&envelope.from),
            to: mailbox(&envelope.to),
            subject: collate(&subject),
            is_reply,
            message_id: envelope.message_id.as_deref().and_then(|text| identifiers(text).into_iter().next()),
            references,
        }
    }
}

/// Sorts as SORT's criteria say; what is equal by all of them stays in the order of numbers (RFC 5256 §3).
pub fn sort(messages: &mut [Sortable], criteria: &[(SortKey, bool)]) {
    messages.sort_by(|one, other| {
        for (key, reverse) in criteria {
            let order = match key {
                SortKey::Arrival => one.arrival.cmp(&other.arrival),
                SortKey::Cc => one.cc.cmp(&other.cc),
                SortKey::Date => one.sent.cmp(&other.sent),
                SortKey::From => one.from.cmp(&other.from),
                SortKey::Size => one.size.cmp(&other.size),
                SortKey::Subject => one.subject.cmp(&other.subject),
                SortKey::To => one.to.cmp(&other.to),
            };
            if order.is_ne() {
                return if *reverse { order.reverse() } else { order };
            }
        }
        one.id.cmp(&other.id)
    });
}

/// Message identifiers in a field's value, without their brackets.
pub fn identifiers(value: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(value);
    let mut out = Vec::new();
    let mut rest = &*text;
    while let Some(open) = rest.find('<') {
        rest = &rest[open + 1..];
        let Some(close) = rest.find('>') else { break };
        let inner = rest[..close].trim();
        if inner.contains('@') && !inner.contains('<') {
            out.push(inner.chars().filter(|c| !c.is_whitespace() && *c != '"').collect());
        }
        rest = &rest[close + 1..];
    }
    out
}

/// The identifier of the message that a conversation began with, as far as a header tells: the first reference, else
/// what is answered, else the message itself.
pub fn conversation(block: &[u8]) -> Option<String> {
    ["References", "In-Reply-To", "Message-ID"].into_iter().find_map(|name| {
        let field = fields(block).find(|field| field.is(name))?;
        identifiers(&unfold(field.value)).into_iter().next()
    })
}

/// Text in the order of `i;unicode-casemap` (RFC 5051): upper case, decomposed.
pub fn collate(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_uppercase()
    } else {
        text.chars().flat_map(char::to_uppercase).nfkd().collect()
    }
}

/// The base subject of a decoded subject (RFC 5256 §2.1), and whether anything said "reply" or "forwarded".
pub fn base_subject(subject: &str) -> (String, bool) {
    let words: Vec<&str> = subject.split_whitespace().collect();
    let joined = words.join(" ");
    let mut rest = joined.as_str();
    let mut is_reply = false;
    loop {
        // (2) trailers
        loop {
            rest = rest.trim_end();
            match ends_with(rest, "(fwd)") {
                Some(shorter) => (rest, is_reply) = (shorter, true),
                None => break,
            }
        }
        // (3), (4), (5) leaders and blobs
        loop {
            rest = rest.trim_start();
            if let Some(shorter) = leader(rest) {
                (rest, is_reply) = (shorter, true);
                continue;
            }
            // No leader behind these blobs: nor is there one behind fewer of them. One walk, however many there are.
            while let Some(shorter) = blob(rest).filter(|shorter| !shorter.is_empty()) {
                rest = shorter;
            }
            break;
        }
        // (6) "[fwd: ... ]"
        let inner = starts_with(rest, "[fwd:").and_then(|inner| inner.strip_suffix(']'));
        match inner {
            Some(inner) => (rest, is_reply) = (inner, true),
            None => return (rest.to_owned(), is_reply),
        }
    }
}

/// Blobs, then `re:`, `fw:` or `fwd:`, which a blob may follow before the colon.
fn leader(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(after) = blob(rest) {
        rest = after;
    }
    let rest =
        starts_with(rest, "re").or_else(|| starts_with(rest, "fwd")).or_else(|| starts_with(rest, "fw"))?;
    let rest = rest.trim_start();
    let rest = blob(rest).unwrap_or(rest);
    rest.strip_prefix(':')
}

fn blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let close = inner.find(['[', ']'])?;
    inner[close..].strip_prefix(']').map(str::trim_start)
}

fn starts_with<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn ends_with<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(suffix.len())?;
    let tail = text.get(at..)?;
    tail.eq_ignore_ascii_case(suffix).then(|| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One walk over the blobs, and not one for each of them: a hundred times as many take a hundred times as long, which
    /// the quadratic form could not do within a test.
    #[test]
    fn blobs_without_end_are_walked_once() {
        let subject = "[]".repeat(400_000);
        assert_eq!(base_subject(&subject), ("[]".to_owned(), false));
        assert_eq!(base_subject("[a] [b] re: [c] x"), ("x".to_owned(), true));
    }

    #[test]
    fn base_subjects() {
        for (subject, base, is_reply) in [
            ("Compte rendu", "Compte rendu", false),
            ("Re: Compte   rendu", "Compte rendu", true),
            ("RE: Fwd: [liste] re[2]: x (fwd) (FWD)", "x", true),
            ("[liste] x", "x", false),
            ("[liste]", "[liste]", false),
            ("[fwd: [x] y]", "y", true),
            ("re", "re", false),
            ("Re:", "", true),
            ("regards", "regards", false),
            ("\u{e9}t\u{e9}", "\u{e9}t\u{e9}", false),
        ] {
            assert_eq!(base_subject(subject), (base.to_owned(), is_reply), "{subject}");
        }
    }

    #[test]
    fn criteria_come_one_after_the_other() {
        let message =
            |id, from: &str, size| Sortable { id, from: collate(from), size, ..Sortable::default() };
        let mut all =
            [message(1, "zo\u{e9}", 5), message(2, "ana", 9), message(3, "ZOE", 1), message(4, "ana", 7)];
        sort(&mut all, &[(SortKey::From, false), (SortKey::Size, true)]);
        assert_eq!(all.each_ref().map(|message| message.id), [2, 4, 3, 1]);
        sort(&mut all, &[(SortKey::Arrival, true)]);
        assert_eq!(all.each_ref().map(|message| message.id), [1, 2, 3, 4]);
    }

    #[test]
    fn headers_are_read_for_sorting() {
        let read = Sortable::read(
            7,
            100,
            9,
            b"From: =?utf-8?Q?R=C3=A9mi?= <Remi@a>\r\nSubject: =?utf-8?Q?Re=3A_=C3=A9t=C3=A9?=\r\nDate: Thu, 1 Jan 1970 01:00:00 +0100\r\n\
Message-ID: <a@b>\r\nReferences: <x@y>\r\n\t<z@y> bad\r\nIn-Reply-To: <n@o>\r\n\r\n",
        );
        assert_eq!((read.from.as_str(), read.sent, read.is_reply), ("REMI", 0, true));
        assert_eq!(read.subject, collate("\u{e9}t\u{e9}"));
        assert_eq!(
            (read.message_id.as_deref(), read.references),
            (Some("a@b"), vec!["x@y".into(), "z@y".into()])
        );
        assert_eq!(
            Sortable::read(1, 100, 9, b"In-Reply-To: <n@o> <p@q>\r\nDate: soon\r\n\r\n").references,
            ["n@o"]
        );
    }
}
