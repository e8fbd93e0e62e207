//! Which messages a SEARCH means (RFC 3501 §6.4.4).
//!
//! A [`Matcher`] is made once for a command: sets are resolved and needles folded, so that each message costs only
//! what its own test costs. Text is compared decoded and without case.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use mail_parser::{HeaderValue, Message, MessageParser, PartType};

use crate::SequenceSet;
use crate::command::{Flag, SearchKey};
use crate::mime::{fields, unfold};

/// A message, as far as a search looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Sequence number.
    pub number: u32,
    /// UID.
    pub uid: u32,
    /// Flags set.
    pub flags: &'a [Flag],
    /// Octets.
    pub size: u64,
    /// INTERNALDATE.
    pub internal_date: Timestamp,
    /// The header block.
    pub header: &'a [u8],
    /// The whole message, where [`SearchKey::needs_body`] asks for it.
    pub whole: Option<&'a [u8]>,
}

/// A search, prepared.
#[derive(Clone, Debug)]
pub struct Matcher {
    test: Test,
    now: Timestamp,
}

#[derive(Clone, Debug)]
enum Test {
    Plain(SearchKey),
    Numbers(Vec<(u32, u32)>),
    Uids(Vec<(u32, u32)>),
    Header { name: String, needle: String },
    Body(String),
    Text(String),
    Not(Box<Test>),
    Any(Vec<Test>),
    Every(Vec<Test>),
}

impl Matcher {
    /// Prepares `keys`, which must all match, where `*` is `last_number` or `last_uid` and now is `now`.
    pub fn new(keys: &[SearchKey], last_number: u32, last_uid: u32, now: Timestamp) -> Self {
        Self { test: every(keys, last_number, last_uid), now }
    }

    /// Whether a message is meant.
    pub fn matches(&self, candidate: &Candidate<'_>) -> bool {
        self.holds(&self.test, candidate, &mut Decoded::default())
    }

    fn holds(&self, test: &Test, candidate: &Candidate<'_>, decoded: &mut Decoded) -> bool {
        match test {
            Test::Plain(key) => self.plain(key, candidate),
            Test::Numbers(ranges) => SequenceSet::holds(ranges, candidate.number),
            Test::Uids(ranges) => SequenceSet::holds(ranges, candidate.uid),
            Test::Header { name, needle } => has_field(candidate.header, name, needle),
            Test::Body(needle) => decoded.body(candidate).contains(needle),
            Test::Text(needle) => {
                decoded.header(candidate).contains(needle) || decoded.body(candidate).contains(needle)
            }
            Test::Not(test) => !self.holds(test, candidate, decoded),
            Test::Any(tests) => tests.iter().any(|test| self.holds(test, candidate, decoded)),
            Test::Every(tests) => tests.iter().all(|test| self.holds(test, candidate, decoded)),
        }
    }

    fn plain(&self, key: &SearchKey, candidate: &Candidate<'_>) -> bool {
        let day = || candidate.internal_date.to_zoned(TimeZone::UTC).date();
        let sent = |test: &dyn Fn(Date) -> bool| sent_day(candidate.header).is_some_and(test);
        let age = || self.now.as_second() - candidate.internal_date.as_second();
        match key {
            SearchKey::All => true,
            SearchKey::Flag(flag) => candidate.flags.iter().any(|set| same_flag(set, flag)),
            SearchKey::Before(date) => day() < *date,
            SearchKey::On(date) => day() == *date,
            SearchKey::Since(date) => day() >= *date,
            SearchKey::SentBefore(date) => sent(&|day| day < *date),
            SearchKey::SentOn(date) => sent(&|day| day == *date),
            SearchKey::SentSince(date) => sent(&|day| day >= *date),
            SearchKey::Younger(seconds) => age() <= i64::from(*seconds),
            SearchKey::Older(seconds) => age() >= i64::from(*seconds),
            SearchKey::Larger(size) => candidate.size > *size,
            SearchKey::Smaller(size) => candidate.size < *size,
            // `\Recent` is never set; the others never come here.
            _ => false,
        }
    }
}

fn every(keys: &[SearchKey], last_number: u32, last_uid: u32) -> Test {
    Test::Every(keys.iter().map(|key| prepare(key, last_number, last_uid)).collect())
}

fn prepare(key: &SearchKey, last_number: u32, last_uid: u32) -> Test {
    let again = |key: &SearchKey| prepare(key, last_number, last_uid);
    match key {
        SearchKey::Numbers(set) => Test::Numbers(set.resolve(last_number)),
        SearchKey::Uids(set) => Test::Uids(set.resolve(last_uid)),
        SearchKey::Header(name, needle) => Test::Header { name: name.clone(), needle: needle.to_lowercase() },
        SearchKey::Body(needle) => Test::Body(needle.to_lowercase()),
        SearchKey::Text(needle) => Test::Text(needle.to_lowercase()),
        SearchKey::Not(key) => Test::Not(Box::new(again(key))),
        SearchKey::Or(one, other) => Test::Any(vec![again(one), again(other)]),
        SearchKey::And(keys) => every(keys, last_number, last_uid),
        other => Test::Plain(other.clone()),
    }
}

/// The texts of one message, decoded once and in lower case.
#[derive(Default)]
struct Decoded {
    header: Option<String>,
    body: Option<String>,
}

impl Decoded {
    fn header(&mut self, candidate: &Candidate<'_>) -> &str {
        self.header.get_or_insert_with(|| {
            let raw = String::from_utf8_lossy(candidate.header).to_lowercase();
            let decoded: Vec<String> = decoded_fields(candidate.header)
                .into_iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            format!("{raw}\n{}", decoded.join("\n"))
        })
    }

    fn body(&mut self, candidate: &Candidate<'_>) -> &str {
        self.body.get_or_insert_with(|| {
            let whole = candidate.whole.unwrap_or_default();
            let mut out = String::new();
            // A crafted message that trips the parser is searched as plain octets.
            let parsed = catch_unwind(AssertUnwindSafe(|| {
                let mut out = String::new();
                if let Some(message) = MessageParser::default().parse(whole) {
                    texts(&message, &mut out, 0);
                }
                out
            }));
            match parsed {
                Ok(text) => out.push_str(&text),
                Err(_) => out.push_str(&String::from_utf8_lossy(whole).to_lowercase()),
            }
            out
        })
    }
}

fn texts(message: &Message<'_>, out: &mut String, depth: usize) {
    for part in &message.parts {
        match &part.body {
            PartType::Text(text) | PartType::Html(text) => {
                out.push_str(&text.to_lowercase());
                out.push('\n');
            }
            PartType::Message(inner) if depth < 8 => texts(inner, out, depth + 1),
            _ => {}
        }
    }
}

/// Whether a field of that name holds the needle (in lower case), as written or decoded.
fn has_field(header: &[u8], name: &str, needle: &str) -> bool {
    let mut present = fields(header).filter(|field| field.is(name)).peekable();
    if present.peek().is_none() {
        return false;
    }
    if needle.is_empty()
        || present.any(|field| String::from_utf8_lossy(&unfold(field.value)).to_lowercase().contains(needle))
    {
        return true;
    }
    decoded_fields(header)
        .iter()
        .any(|(found, value)| found.eq_ignore_ascii_case(name) && value.contains(needle))
}

/// The fields that hold encoded words, decoded, in lower case.
fn decoded_fields(header: &[u8]) -> Vec<(String, String)> {
    if !header.windows(2).any(|pair| pair == b"=?") {
        return Vec::new();
    }
    catch_unwind(AssertUnwindSafe(|| {
        let Some(message) = MessageParser::new().default_header_text().parse_headers(header) else {
            return Vec::new();
        };
        let texts = message.headers().iter().filter_map(|field| match &field.value {
            HeaderValue::Text(text) => Some((field.name.as_str().to_lowercase(), text.to_lowercase())),
            _ => None,
        });
        texts.collect()
    }))
    .unwrap_or_default()
}

/// The day that `Date:` names, in its own time zone.
fn sent_day(header: &[u8]) -> Option<Date> {
    let field = fields(header).find(|field| field.is("Date"))?;
    let text = String::from_utf8(unfold(field.value)).ok()?;
    let read = catch_unwind(AssertUnwindSafe(|| mail_parser::DateTime::parse_rfc822(&text))).ok()??;
    Date::new(i16::try_from(read.year).ok()?, i8::try_from(read.month).ok()?, i8::try_from(read.day).ok()?)
        .ok()
}

fn same_flag(one: &Flag, other: &Flag) -> bool {
    match (one, other) {
        (Flag::Keyword(one), Flag::Keyword(other)) => one.eq_ignore_ascii_case(other),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, parse};

    const MESSAGE: &[u8] = b"From: \"Dr Zo\xc3\xa9\" <zoe@a.fr>\r\nSubject: =?utf-8?Q?R=C3=A9sultats?=\r\n \
=?utf-8?Q?_d'analyse?=\r\nDate: Tue, 3 Feb 2026 23:30:00 -0500\r\nX-MSS-NIL: 2621\r\n\
Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nR2x5Y8OpbWllIG5vcm1hbGU=\r\n";

    fn found(criteria: &str) -> bool {
        let header = &MESSAGE[..crate::mime::end_of_header(MESSAGE).unwrap()];
        let flags = [Flag::Seen, Flag::Keyword("$Label".into())];
        let Ok(Command::Search(search)) = parse(format!("a SEARCH {criteria}").as_bytes()) else {
            panic!("{criteria}")
        };
        let candidate = Candidate {
            number: 3,
            uid: 30,
            flags: &flags,
            size: MESSAGE.len() as u64,
            internal_date: "2026-02-04T10:00:00Z".parse().unwrap(),
            header,
            whole: Some(MESSAGE),
        };
        Matcher::new(&search.keys, 5, 50, "2026-02-04T11:00:00Z".parse().unwrap()).matches(&candidate)
    }

    #[test]
    fn keys_match_what_they_name() {
        for yes in [
            "ALL",
            "SEEN",
            "UNDELETED",
            "NOT NEW",
            "OLD",
            "KEYWORD $label",
            "UNKEYWORD $x",
            "3",
            "1:3",
            "UID 29:30",
            "ON 4-Feb-2026",
            "SINCE 4-Feb-2026",
            "BEFORE 5-Feb-2026",
            "SENTON 3-Feb-2026",
            "SENTBEFORE 4-Feb-2026",
            "SENTSINCE 3-Feb-2026",
            "LARGER 10",
            "SMALLER 9999",
            "FROM zoe",
            "FROM \"dr zo\u{e9}\"",
            "SUBJECT \"r\u{e9}sultats d'ana\"",
            "HEADER x-mss-nil 2621",
            "HEADER X-MSS-NIL \"\"",
            "BODY \"glyc\u{e9}mie\"",
            "TEXT \"R\u{c9}SULTATS\"",
            "TEXT normale",
            "OR UNSEEN SEEN",
            "(SEEN (NOT DELETED))",
            "YOUNGER 3600",
            "OLDER 3600",
            "NOT 4:*",
        ] {
            assert!(found(yes), "{yes}");
        }
        for no in [
            "UNSEEN",
            "DELETED",
            "RECENT",
            "NEW",
            "4",
            "4:*",
            "UID 31:*",
            "ON 3-Feb-2026",
            "SENTON 4-Feb-2026",
            "FROM bob",
            "CC zoe",
            "HEADER X-None \"\"",
            "BODY zoe",
            "LARGER 9999",
            "SEEN DELETED",
            "OLDER 3601",
            "TEXT 2999",
        ] {
            assert!(!found(no), "{no}");
        }
    }
}
