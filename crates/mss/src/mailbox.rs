use crate::mime::decode_words;
use crate::{Address, MailLimits};

/// A mailbox as a received header names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name, decoded (RFC 2047), without quotes; empty where there is none.
    pub label: String,
    /// The address, where it is one.
    pub address: Option<Address>,
    /// The address as written, without brackets; cut.
    pub raw: String,
}

impl Mailbox {
    /// The mailboxes of a From, To, Cc or Reply-To value; groups (RFC 5322 §3.4) count by their members. Never fails: what
    /// is no address has none. At most [`MailLimits::addresses`].
    pub fn list(value: &str) -> Vec<Self> {
        split(value)
            .into_iter()
            .filter_map(|entry| Self::read(&entry))
            .take(MailLimits::default().addresses)
            .collect()
    }

    fn read(entry: &str) -> Option<Self> {
        let entry = entry.trim();
        let (label, raw) = match entry.rfind('<') {
            Some(at) => (entry[..at].trim(), entry[at + 1..].split('>').next().unwrap_or_default()),
            None => match entry.split_once('(') {
                Some((raw, comment)) => (comment.trim_end().trim_end_matches(')'), raw),
                None => ("", entry),
            },
        };
        let raw: String = raw.trim().chars().filter(|c| !c.is_control()).take(320).collect();
        let label = clean(&decode_words(&unquoted(label)));
        (!raw.is_empty() || !label.is_empty()).then(|| Self {
            label,
            address: Address::parse(&raw).ok(),
            raw,
        })
    }
}

/// At commas, semicolons and the colons of groups that stand outside quotes, brackets and comments.
fn split(value: &str) -> Vec<String> {
    let (mut out, mut current) = (Vec::new(), String::new());
    let (mut quoted, mut escaped, mut angle, mut comment) = (false, false, false, 0u32);
    for c in value.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' if comment == 0 => quoted = !quoted,
            _ if quoted => {}
            '(' => comment += 1,
            ')' => comment = comment.saturating_sub(1),
            '<' => angle = true,
            '>' => angle = false,
            ',' | ';' if !angle && comment == 0 => {
                out.push(std::mem::take(&mut current));
                continue;
            }
            ':' if !angle && comment == 0 => {
                current.clear(); // the name of a group
                continue;
            }
            _ => {}
        }
        current.push(c);
    }
    out.push(current);
    out
}

fn unquoted(label: &str) -> String {
    let (mut out, mut escaped) = (String::with_capacity(label.len()), false);
    for c in label.chars() {
        match c {
            _ if escaped => {
                out.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => {}
            c => out.push(c),
        }
    }
    out
}

/// Without control characters, nor those that turn the direction of writing, with which a name can be made to look like
/// another; cut.
pub(crate) fn clean(text: &str) -> String {
    let kept: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .take(500)
        .collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mailboxes_of_every_make_are_read() {
        let read = |value: &str| -> Vec<(String, String)> {
            Mailbox::list(value).into_iter().map(|mailbox| (mailbox.label, mailbox.raw)).collect()
        };
        let pair = |label: &str, raw: &str| (label.to_owned(), raw.to_owned());
        for (value, expected) in [
            ("a@x.fr", vec![pair("", "a@x.fr")]),
            ("\"A, B <odd>\" <a@x.fr>, C <c@x.fr>", vec![pair("A, B <odd>", "a@x.fr"), pair("C", "c@x.fr")]),
            ("=?utf-8?Q?L=C3=A9o?= Dupond <1@x.fr>", vec![pair("Léo Dupond", "1@x.fr")]),
            ("a@x.fr (Un \"nom)", vec![pair("Un nom", "a@x.fr")]),
            ("Groupe: a@x.fr, b@x.fr;", vec![pair("", "a@x.fr"), pair("", "b@x.fr")]),
            ("Nom\u{202e}rf <a@x.fr", vec![pair("Nomrf", "a@x.fr")]),
            ("", vec![]),
        ] {
            assert_eq!(read(value), expected, "{value}");
        }
        assert_eq!(Mailbox::list(&"a@x.fr,".repeat(10_000)).len(), MailLimits::default().addresses);
    }

    proptest! {
        #[test]
        fn nothing_panics(value in "([a-z@.<>\"(),;:\\\\]|=\\?|\\PC){0,60}") {
            let _ = Mailbox::list(&value);
        }
    }
}
