use std::borrow::Cow;

/// Why a command or a response could not be understood, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("octet {at}: expected {expected}")]
pub struct ParseError {
    /// Offset of the first octet that was not understood, from the start of the command or response.
    pub at: usize,
    /// What the grammar wants there.
    pub expected: &'static str,
}

pub(crate) type Parse<T> = Result<T, ParseError>;

/// A reader over one complete command or response, literals included (`{n}` CR LF and n octets, in place).
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Folder names are UTF-8 (see [`crate::command::Dialect`]).
    pub(crate) utf8: bool,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, utf8: false }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(crate) fn fail<T>(&self, expected: &'static str) -> Parse<T> {
        Err(ParseError { at: self.at, expected })
    }

    /// Takes `byte` if it is next.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn expect(&mut self, byte: u8, expected: &'static str) -> Parse<()> {
        if self.eat(byte) { Ok(()) } else { self.fail(expected) }
    }

    pub(crate) fn space(&mut self) -> Parse<()> {
        self.expect(b' ', "a space")
    }

    pub(crate) fn end(&self) -> Parse<()> {
        if self.is_done() { Ok(()) } else { self.fail("the end of the line") }
    }

    /// Takes `word`, in any case, if it is next and ends there (what follows is not an atom character).
    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let end = self.at + word.len();
        let found =
            self.bytes.get(self.at..end).is_some_and(|next| next.eq_ignore_ascii_case(word.as_bytes()))
                && !self.bytes.get(end).copied().is_some_and(is_atom_char);
        if found {
            self.at = end;
        }
        found
    }

    pub(crate) fn take_while(&mut self, keep: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let len = rest.iter().position(|&byte| !keep(byte)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn text_while(&mut self, keep: impl Fn(u8) -> bool, expected: &'static str) -> Parse<&'a str> {
        let start = self.at;
        let taken = self.take_while(keep);
        if taken.is_empty() {
            return self.fail(expected);
        }
        std::str::from_utf8(taken).map_err(|_| ParseError { at: start, expected })
    }

    /// `atom` (RFC 3501 §9).
    pub(crate) fn atom(&mut self) -> Parse<&'a str> {
        self.text_while(is_atom_char, "an atom")
    }

    /// `astring`: an atom (with `]` allowed) or a string.
    pub(crate) fn astring(&mut self) -> Parse<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            // `~` starts a literal8 (RFC 3516), and is an atom's character like another (RFC 3501 §9).
            Some(b'~') if self.bytes.get(self.at + 1) == Some(&b'{') => self.string(),
            _ => {
                let text =
                    self.text_while(|byte| is_atom_char(byte) || byte == b']', "an atom or a string")?;
                Ok(Cow::Borrowed(text.as_bytes()))
            }
        }
    }

    /// `string`: quoted or literal.
    pub(crate) fn string(&mut self) -> Parse<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{' | b'~') => self.literal().map(Cow::Borrowed),
            _ => self.fail("a quoted string or a literal"),
        }
    }

    fn quoted(&mut self) -> Parse<Cow<'a, [u8]>> {
        self.expect(b'"', "a quoted string")?;
        let start = self.at;
        let mut owned: Option<Vec<u8>> = None;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let whole = &self.bytes[start..self.at];
                    self.at += 1;
                    return Ok(owned.map_or(Cow::Borrowed(whole), Cow::Owned));
                }
                Some(b'\\') => {
                    let kept = owned.get_or_insert_with(|| self.bytes[start..self.at].to_vec());
                    match self.bytes.get(self.at + 1).copied() {
                        Some(byte @ (b'"' | b'\\')) => kept.push(byte),
                        _ => {
                            return self.fail("\\\" or \\\\ (only these two are escaped in a quoted string)");
                        }
                    }
                    self.at += 2;
                }
                Some(byte) if byte != b'\r' && byte != b'\n' && byte != 0 => {
                    if let Some(kept) = &mut owned {
                        kept.push(byte);
                    }
                    self.at += 1;
                }
                _ => return self.fail("the closing quote"),
            }
        }
    }

    /// `{n}` or `{n+}` or `~{n}`, CR LF, n octets.
    pub(crate) fn literal(&mut self) -> Parse<&'a [u8]> {
        self.eat(b'~');
        self.expect(b'{', "a literal")?;
        let len = self.number64()?;
        self.eat(b'+');
        self.expect(b'}', "} after the literal's length")?;
        self.expect(b'\r', "CR LF after the literal's length")?;
        self.expect(b'\n', "LF after the literal's length")?;
        let data = usize::try_from(len).ok().and_then(|len| self.rest().get(..len));
        match data {
            Some(data) => {
                self.at += data.len();
                Ok(data)
            }
            None => self.fail("the literal's octets"),
        }
    }

    /// `nstring`: `NIL` or a string.
    pub(crate) fn nstring(&mut self) -> Parse<Option<Cow<'a, [u8]>>> {
        if self.eat_word("NIL") { Ok(None) } else { self.string().map(Some) }
    }

    /// A decimal number of at most 32 bits.
    pub(crate) fn number(&mut self) -> Parse<u32> {
        let at = self.at;
        u32::try_from(self.number64()?).map_err(|_| ParseError { at, expected: "a number below 4294967296" })
    }

    /// A number of at most 32 bits that is not 0.
    pub(crate) fn nz_number(&mut self) -> Parse<u32> {
        let at = self.at;
        match self.number()? {
            0 => Err(ParseError { at, expected: "a number above 0" }),
            number => Ok(number),
        }
    }

    pub(crate) fn number64(&mut self) -> Parse<u64> {
        let at = self.at;
        let digits = self.text_while(|byte| byte.is_ascii_digit(), "a number")?;
        digits.parse().map_err(|_| ParseError { at, expected: "a number below 2^64" })
    }

    /// `(` items separated by one space `)`; an empty list is allowed.
    pub(crate) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parse<T>) -> Parse<Vec<T>> {
        self.expect(b'(', "(")?;
        let mut items = Vec::new();
        while !self.eat(b')') {
            if !items.is_empty() {
                self.expect(b' ', "a space or )")?;
                if self.eat(b')') {
                    break; // some peers leave a space before the closing parenthesis
                }
            }
            items.push(item(self)?);
        }
        Ok(items)
    }
}

/// `ATOM-CHAR`: any octet but controls, `(){`, space, `%*`, quotes and `]`. UTF-8 is let through (RFC 6855).
pub(crate) fn is_atom_char(byte: u8) -> bool {
    byte > 0x20 && byte != 0x7f && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

/// The literal announced at the end of a line (without its CR LF): its length, and whether it is
/// non-synchronising (RFC 7888). `None` where the line announces none.
pub(crate) fn announced_literal(line: &[u8]) -> Option<(u64, bool)> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|&byte| byte == b'{')?;
    let digits = &inner[open + 1..];
    let (digits, plus) = match digits.strip_suffix(b"+") {
        Some(digits) => (digits, true),
        None => (digits, false),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // Past 2^64 a length is over every limit anyway.
    Some((std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX), plus))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_in_their_three_forms() {
        let mut cursor = Cursor::new(b"abc \"d\\\"e\" {3}\r\nf\0g {1+}\r\nh");
        assert_eq!(&*cursor.astring().unwrap(), b"abc");
        cursor.space().unwrap();
        assert_eq!(&*cursor.astring().unwrap(), b"d\"e");
        cursor.space().unwrap();
        assert_eq!(&*cursor.astring().unwrap(), b"f\0g");
        cursor.space().unwrap();
        assert_eq!(&*cursor.astring().unwrap(), b"h");
        cursor.end().unwrap();
    }

    #[test]
    fn a_tilde_is_an_atom_unless_a_literal8_follows() {
        assert_eq!(&*Cursor::new(b"~foo").astring().unwrap(), b"~foo");
        assert_eq!(&*Cursor::new(b"~{3}\r\na\0b").astring().unwrap(), b"a\0b");
    }

    #[test]
    fn errors_say_where() {
        let mut cursor = Cursor::new(b"\"abc");
        assert_eq!(cursor.astring().unwrap_err(), ParseError { at: 4, expected: "the closing quote" });
        let mut cursor = Cursor::new(b"{9}\r\nabc");
        assert_eq!(cursor.literal().unwrap_err().expected, "the literal's octets");
        assert!(Cursor::new(b"99999999999").number().is_err());
    }

    #[test]
    fn announced_literals() {
        assert_eq!(announced_literal(b"a APPEND x {310}"), Some((310, false)));
        assert_eq!(announced_literal(b"a APPEND x {310+}"), Some((310, true)));
        assert_eq!(announced_literal(b"{99999999999999999999}"), Some((u64::MAX, false)));
        for none in [&b"x {}"[..], b"x {-1}", b"x {1} ", b"x 1}", b"", b"{+}", b"\"{3}\""] {
            assert_eq!(announced_literal(none), None, "{}", String::from_utf8_lossy(none));
        }
    }
}
