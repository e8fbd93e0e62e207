use super::header::{fields, unfold};

/// ENVELOPE (RFC 3501 §7.4.2): values as written, unfolded, encoded words not decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `Date`
    pub date: Option<Vec<u8>>,
    /// `Subject`
    pub subject: Option<Vec<u8>>,
    /// `From`
    pub from: Vec<Address>,
    /// `Sender`, else as `From`.
    pub sender: Vec<Address>,
    /// `Reply-To`, else as `From`.
    pub reply_to: Vec<Address>,
    /// `To`
    pub to: Vec<Address>,
    /// `Cc`
    pub cc: Vec<Address>,
    /// `Bcc`
    pub bcc: Vec<Address>,
    /// `In-Reply-To`
    pub in_reply_to: Option<Vec<u8>>,
    /// `Message-ID`
    pub message_id: Option<Vec<u8>>,
}

/// An address of an envelope; also the two marks that open and close a group (`host` is `None`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// The display name, or the comment after the address.
    pub name: Option<Vec<u8>>,
    /// The source route of old, without its colon.
    pub route: Option<Vec<u8>>,
    /// The local part; the group's name where a group opens; `None` where it closes.
    pub mailbox: Option<Vec<u8>>,
    /// The domain; `None` for a group's marks.
    pub host: Option<Vec<u8>>,
}

/// Addresses that one field may bring into an envelope.
const MOST_ADDRESSES: usize = 2_000;

impl Envelope {
    /// Reads a header block. Where a field is there twice the first one counts, but for To, Cc and Bcc, which add up.
    pub fn read(block: &[u8]) -> Self {
        let mut out = Self::default();
        for field in fields(block) {
            let name = field.name.to_ascii_lowercase();
            let text = |slot: &mut Option<Vec<u8>>| {
                slot.get_or_insert_with(|| unfold(field.value));
            };
            let list = |slot: &mut Vec<Address>, adds: bool| {
                if adds || slot.is_empty() {
                    slot.extend(addresses(&unfold(field.value)));
                    slot.truncate(MOST_ADDRESSES);
                }
            };
            match name.as_slice() {
                b"date" => text(&mut out.date),
                b"subject" => text(&mut out.subject),
                b"in-reply-to" => text(&mut out.in_reply_to),
                b"message-id" => text(&mut out.message_id),
                b"from" => list(&mut out.from, false),
                b"sender" => list(&mut out.sender, false),
                b"reply-to" => list(&mut out.reply_to, false),
                b"to" => list(&mut out.to, true),
                b"cc" => list(&mut out.cc, true),
                b"bcc" => list(&mut out.bcc, true),
                _ => {}
            }
        }
        if out.sender.is_empty() {
            out.sender.clone_from(&out.from);
        }
        if out.reply_to.is_empty() {
            out.reply_to.clone_from(&out.from);
        }
        out
    }
}

/// Reads an `address-list` (RFC 5322 §3.4), whatever its state: what cannot be read is kept as a local part.
pub(super) fn addresses(value: &[u8]) -> Vec<Address> {
    let mut reader = Reader { rest: value, out: Vec::new(), in_group: false };
    while reader.out.len() < MOST_ADDRESSES && reader.one() {}
    if reader.in_group {
        reader.out.push(Address::default());
    }
    reader.out
}

struct Reader<'a> {
    rest: &'a [u8],
    out: Vec<Address>,
    in_group: bool,
}

enum Token {
    /// An atom, a quoted string (without its quotes) or a domain literal.
    Word(Vec<u8>),
    Comment(Vec<u8>),
    Special(u8),
}

impl Reader<'_> {
    /// Reads up to the next comma, semicolon, group name or the end; `false` at the end.
    fn one(&mut self) -> bool {
        let (mut address, mut words, mut local, mut comment) = (Address::default(), Vec::new(), None, None);
        let mut bracketed = false;
        let separator = loop {
            let (spaced, token) = self.token();
            match token {
                None => break None,
                Some(Token::Comment(text)) => comment = Some(text),
                Some(Token::Special(byte @ (b',' | b';'))) => break Some(byte),
                Some(Token::Special(b':')) if bracketed => {
                    // The end of a source route: `<@a,@b:local@domain>`, told from its first @ on.
                    address.route =
                        local.take().map(|_: Vec<u8>| [b"@", &*std::mem::take(&mut words)].concat());
                }
                Some(Token::Special(b':')) => {
                    self.in_group = true;
                    self.out.push(Address { mailbox: Some(words), ..Address::default() });
                    return true;
                }
                Some(Token::Special(b'<')) => {
                    bracketed = true;
                    address.name = Some(std::mem::take(&mut words)).filter(|name| !name.is_empty());
                }
                Some(Token::Special(b'>')) => {}
                Some(Token::Special(b'@')) => {
                    if local.is_none() {
                        local = Some(std::mem::take(&mut words));
                    } else {
                        words.push(b'@');
                    }
                }
                Some(Token::Special(byte)) => words.push(byte),
                Some(Token::Word(word)) => {
                    if spaced && !words.is_empty() && !bracketed && local.is_none() {
                        words.push(b' ');
                    }
                    words.extend_from_slice(&word);
                }
            }
        };
        (address.mailbox, address.host) = match local {
            Some(local) => (Some(local), Some(words)),
            None => (Some(words), Some(Vec::new())),
        };
        address.name = address.name.or(comment);
        if address.mailbox.as_ref().is_some_and(|text| !text.is_empty()) || bracketed {
            self.out.push(address);
        }
        if separator == Some(b';') && self.in_group {
            self.in_group = false;
            self.out.push(Address::default());
        }
        separator.is_some()
    }

    /// The next token, and whether white space was in front of it.
    fn token(&mut self) -> (bool, Option<Token>) {
        let trimmed = self.rest.trim_ascii_start();
        let spaced = trimmed.len() != self.rest.len();
        self.rest = trimmed;
        let Some((&first, after)) = self.rest.split_first() else { return (spaced, None) };
        let token = match first {
            b'"' => {
                self.rest = after;
                Token::Word(self.enclosed(b'"', None))
            }
            b'(' => {
                self.rest = after;
                Token::Comment(self.enclosed(b')', Some(b'(')))
            }
            b'[' => {
                self.rest = after;
                let inner = self.enclosed(b']', None);
                Token::Word([&b"["[..], &inner, b"]"].concat())
            }
            b'<' | b'>' | b'@' | b',' | b';' | b':' => {
                self.rest = after;
                Token::Special(first)
            }
            _ => {
                let stop = |byte: &u8| byte.is_ascii_whitespace() || b"<>@,;:\"(".contains(byte);
                let len = self.rest.iter().position(stop).unwrap_or(self.rest.len()).max(1);
                let word = self.rest[..len].to_vec();
                self.rest = &self.rest[len..];
                Token::Word(word)
            }
        };
        (spaced, Some(token))
    }

    /// Text up to `close`, escapes undone; nests where `open` is given.
    fn enclosed(&mut self, close: u8, open: Option<u8>) -> Vec<u8> {
        let (mut out, mut depth, mut at) = (Vec::new(), 0u32, 0);
        while let Some(&byte) = self.rest.get(at) {
            at += 1;
            if byte == b'\\' && at < self.rest.len() {
                out.push(self.rest[at]);
                at += 1;
                continue;
            }
            if byte == close {
                if depth == 0 {
                    break;
                }
                depth -= 1;
            } else if Some(byte) == open {
                depth += 1;
            }
            out.push(byte);
        }
        self.rest = &self.rest[at..];
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(value: &str) -> Vec<String> {
        let text = |part: &Option<Vec<u8>>| {
            part.as_ref().map_or("-".into(), |text| String::from_utf8_lossy(text).into_owned())
        };
        addresses(value.as_bytes())
            .iter()
            .map(|a| format!("{}|{}|{}|{}", text(&a.name), text(&a.route), text(&a.mailbox), text(&a.host)))
            .collect()
    }

    #[test]
    fn addresses_in_their_forms() {
        assert_eq!(shown("a@b.fr"), ["-|-|a|b.fr"]);
        assert_eq!(shown("Dr Jean <a@b.fr>, \"X, \\\"Y\\\"\" <c@d>"), ["Dr Jean|-|a|b.fr", "X, \"Y\"|-|c|d"]);
        assert_eq!(shown("=?utf-8?q?H=C3=A9?= <a@b>"), ["=?utf-8?q?H=C3=A9?=|-|a|b"]);
        assert_eq!(shown("a@b (Jean (le grand))"), ["Jean (le grand)|-|a|b"]);
        assert_eq!(
            shown("equipe: a@b, c@d;, e@f"),
            ["-|-|equipe|-", "-|-|a|b", "-|-|c|d", "-|-|-|-", "-|-|e|f"]
        );
        assert_eq!(shown("undisclosed:;"), ["-|-|undisclosed|-", "-|-|-|-"]);
        assert_eq!(shown("<@x:a@b>"), ["-|@x|a|b"]);
        assert_eq!(shown("\"a b\"@[127.0.0.1]"), ["-|-|a b|[127.0.0.1]"]);
        assert_eq!(shown("nobody"), ["-|-|nobody|"]);
        assert_eq!(shown(""), Vec::<String>::new());
        assert_eq!(shown(" , ,"), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn no_field_makes_it_panic(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = addresses(&value);
        }
    }
}
