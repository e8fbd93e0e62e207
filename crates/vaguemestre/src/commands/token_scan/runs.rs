//! Cuts a stream of octets into runs of characters that tokens are made of, in one pass and bounded memory.
//!
//! What programs put between a token's characters is passed over: the zeros of UTF-16, the backslash of JSON's `\/`,
//! percent signs of URLs, the ends of lines of folded headers and of base64 bodies.

/// Shorter runs hold no token and no part of one that is worth a word.
const SHORTEST: usize = 24;
/// A line that breaks off after so many characters may go on in the next.
const FULL_LINE: usize = 40;
/// Longest run that is looked at in one piece.
const LONGEST: usize = 256 * 1024;
/// What two pieces of a longer run have in common: more than any token.
const OVERLAP: usize = 32 * 1024;
/// Longest name that is remembered.
const NAME: usize = 16;
/// Characters between a name and its value: quotes, colon, a space.
const NEAR: u64 = 8;

/// A run. Offsets are those of the stream.
pub(super) struct Run<'a> {
    pub(super) text: &'a [u8],
    /// Where each character is.
    pub(super) at: &'a [u64],
    /// Where in `text` a line began.
    pub(super) lines: &'a [usize],
    /// The end of the run before, where it is no more than a few characters away: what names this one.
    pub(super) name: &'a [u8],
    /// How much of the text the next piece of a longer run repeats; 0 for the last.
    pub(super) repeated: usize,
}

/// The cutter.
#[derive(Default)]
pub(super) struct Runs {
    text: Vec<u8>,
    at: Vec<u64>,
    lines: Vec<usize>,
    position: u64,
    /// The end of the run before, and where it was.
    name: Vec<u8>,
    named: u64,
    /// The zero of UTF-16 was the last octet.
    zero: bool,
    /// A line has just ended and may go on.
    folded: Folded,
    escape: Escape,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Folded {
    #[default]
    No,
    Cr,
    Lf,
    Indented,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    No,
    Backslash,
    Percent,
    PercentDigit(u8),
}

impl Runs {
    /// Takes the next octets; `each` gets every run that ends in them.
    ///
    /// Most of a disk is short words: where nothing odd has begun, they are passed over whole, and long runs are taken
    /// whole. What comes out is what [`Runs::octet`] would have told, one octet at a time.
    pub(super) fn feed(&mut self, mut bytes: &[u8], each: &mut impl FnMut(Run<'_>)) {
        while let Some(&first) = bytes.first() {
            if self.escape != Escape::No || self.folded != Folded::No {
                self.octet(first, each);
                self.position += 1;
                bytes = &bytes[1..];
                continue;
            }
            let length = count(bytes, true);
            if length > 0 {
                let (word, rest) = bytes.split_at(length);
                self.zero = false;
                match rest.first() {
                    Some(end)
                        if length < SHORTEST && self.text.is_empty() && !matches!(end, 0 | b'\\' | b'%') =>
                    {
                        self.pass(word);
                    }
                    _ => self.take(word, each),
                }
                bytes = rest;
            } else if self.text.is_empty() {
                let gap = count(bytes, false);
                self.position += gap as u64;
                bytes = &bytes[gap..];
            } else {
                self.octet(first, each);
                self.position += 1;
                bytes = &bytes[1..];
            }
        }
    }

    /// A word that is too short to be told, with its end behind it: remembered as the name of what follows.
    fn pass(&mut self, word: &[u8]) {
        self.position += word.len() as u64;
        self.name.clear();
        self.name.extend_from_slice(&word[word.len().saturating_sub(NAME)..]);
        self.named = self.position;
    }

    /// Characters of a run, in one piece.
    fn take(&mut self, mut word: &[u8], each: &mut impl FnMut(Run<'_>)) {
        while !word.is_empty() {
            let (piece, rest) = word.split_at(word.len().min(LONGEST - self.text.len()));
            self.text.extend_from_slice(piece);
            self.at.extend(self.position..self.position + piece.len() as u64);
            self.position += piece.len() as u64;
            self.tell_when_full(each);
            word = rest;
        }
    }

    /// The stream is over.
    pub(super) fn finish(&mut self, each: &mut impl FnMut(Run<'_>)) {
        self.end(each);
    }

    fn octet(&mut self, byte: u8, each: &mut impl FnMut(Run<'_>)) {
        if self.escape != Escape::No {
            if byte == 0 {
                return; // UTF-16 inside an escape
            }
            match (std::mem::take(&mut self.escape), hexadecimal(byte)) {
                (Escape::Backslash, _) if byte == b'/' => return self.push(byte, each),
                (Escape::Percent, Some(digit)) => {
                    self.escape = Escape::PercentDigit(digit);
                    return;
                }
                (Escape::PercentDigit(high), Some(low)) => {
                    let meant = high * 16 + low;
                    return if is_token(meant) { self.push(meant, each) } else { self.end(each) };
                }
                _ => self.end(each),
            }
        }
        let was_zero = std::mem::replace(&mut self.zero, byte == 0);
        match byte {
            byte if is_token(byte) => self.push(byte, each),
            0 if !was_zero && !self.text.is_empty() => {}
            b'\\' if !self.text.is_empty() => self.escape = Escape::Backslash,
            b'%' if !self.text.is_empty() => self.escape = Escape::Percent,
            b'\r' if self.folded == Folded::No && self.is_full_line() => self.folded = Folded::Cr,
            b'\n' if self.folded == Folded::No && self.is_full_line() => self.folded = Folded::Lf,
            b'\n' if self.folded == Folded::Cr => self.folded = Folded::Lf,
            b' ' | b'\t' if matches!(self.folded, Folded::Cr | Folded::Lf) => self.folded = Folded::Indented,
            _ => self.end(each),
        }
    }

    fn push(&mut self, byte: u8, each: &mut impl FnMut(Run<'_>)) {
        if self.folded != Folded::No {
            self.folded = Folded::No;
            // A soft line break of quoted-printable is no padding.
            if self.text.last() == Some(&b'=') {
                self.text.pop();
                self.at.pop();
            }
            self.lines.push(self.text.len());
        }
        self.text.push(byte);
        self.at.push(self.position);
        self.tell_when_full(each);
    }

    fn tell_when_full(&mut self, each: &mut impl FnMut(Run<'_>)) {
        if self.text.len() >= LONGEST {
            self.tell(OVERLAP, each);
            let cut = self.text.len() - OVERLAP;
            self.text.drain(..cut);
            self.at.drain(..cut);
            self.lines.retain(|line| *line >= cut);
            self.lines.iter_mut().for_each(|line| *line -= cut);
        }
    }

    /// Whether the line that ends here may go on in the next.
    fn is_full_line(&self) -> bool {
        self.text.len() - self.lines.last().copied().unwrap_or_default() >= FULL_LINE
    }

    fn end(&mut self, each: &mut impl FnMut(Run<'_>)) {
        if self.text.is_empty() {
            return;
        }
        self.tell(0, each);
        self.name.clear();
        self.name.extend_from_slice(&self.text[self.text.len().saturating_sub(NAME)..]);
        self.named = self.position;
        self.text.clear();
        self.at.clear();
        self.lines.clear();
        (self.zero, self.folded, self.escape) = (false, Folded::No, Escape::No);
    }

    fn tell(&self, repeated: usize, each: &mut impl FnMut(Run<'_>)) {
        if self.text.len() >= SHORTEST {
            let near = self.at[0].saturating_sub(self.named) <= NEAR;
            let name = if near { self.name.as_slice() } else { &[] };
            each(Run { text: &self.text, at: &self.at, lines: &self.lines, name, repeated });
        }
    }
}

/// The characters of JWTs and of both kinds of base64.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+' | b'/' | b'=')
}

/// The same as a table.
static IS_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_token(byte as u8);
        byte += 1;
    }
    table
};

/// How many octets from the start on are such characters, or are none.
fn count(bytes: &[u8], wanted: bool) -> usize {
    bytes.iter().position(|byte| IS_TOKEN[usize::from(*byte)] != wanted).unwrap_or(bytes.len())
}

fn hexadecimal(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bytes: &[u8]) -> Vec<(String, u64)> {
        let (mut runs, mut all) = (Runs::default(), Vec::new());
        let mut each = |run: Run<'_>| all.push((String::from_utf8(run.text.to_vec()).unwrap(), run.at[0]));
        for chunk in bytes.chunks(7) {
            runs.feed(chunk, &mut each);
        }
        runs.finish(&mut each);
        all
    }

    #[test]
    fn what_programs_put_between_characters_is_passed_over() {
        let token = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnop/+=";
        for text in [
            format!("\"{token}\""),
            token.replace('/', "\\/"),
            token.replace('/', "%2F").replace('+', "%2b").replace('=', "%3D"),
            format!("{}\r\n {}", &token[..45], &token[45..]),
            format!("{}\n{}", &token[..45], &token[45..]),
            format!("{}=\r\n{}", &token[..45], &token[45..]),
        ] {
            assert_eq!(cut(text.as_bytes()).remove(0).0, token, "{text:?}");
        }
        let little: Vec<u8> = token.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = token.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(cut(&little), [(token.to_owned(), 0)]);
        assert_eq!(cut(&big), [(token.to_owned(), 1)]);
    }

    #[test]
    fn what_is_taken_whole_is_what_octet_by_octet_would_tell() {
        let told = |feed: &dyn Fn(&mut Runs, &mut Vec<String>)| {
            let (mut runs, mut all) = (Runs::default(), Vec::new());
            feed(&mut runs, &mut all);
            runs.finish(&mut |run: Run<'_>| all.push(shown(&run)));
            all
        };
        let mut seed = 7_u64;
        let mut draw = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % most
        };
        let odd = [0, b'\\', b'%', b'\r', b'\n', b' ', b'\t', b'=', b'/', b'2', b'F', b'"', b':', 200];
        for _ in 0..400 {
            let mut text = Vec::new();
            for _ in 0..draw(12) {
                text.extend((0..draw(70)).map(|_| b'a' + u8::try_from(draw(26)).unwrap()));
                text.extend((0..draw(4)).map(|_| odd[usize::try_from(draw(odd.len() as u64)).unwrap()]));
            }
            let whole = told(&|runs, all| runs.feed(&text, &mut |run: Run<'_>| all.push(shown(&run))));
            let pieces = told(&|runs, all| {
                for byte in &text {
                    runs.octet(*byte, &mut |run: Run<'_>| all.push(shown(&run)));
                    runs.position += 1;
                }
            });
            assert_eq!(whole, pieces, "{text:?}");
        }
    }

    fn shown(run: &Run<'_>) -> String {
        format!("{:?} {:?} {:?} {:?} {}", run.text, run.at, run.lines, run.name, run.repeated)
    }

    #[test]
    fn words_and_lines_that_are_not_full_are_no_runs() {
        assert_eq!(cut(b"some words, a path /usr/lib and a\nline of text"), []);
        let (first, second) = ("a".repeat(30), "b".repeat(30));
        assert_eq!(cut(format!("{first}\n{second}").as_bytes()).len(), 2);
        assert_eq!(cut(format!("{}\n\n{second}", "a".repeat(50)).as_bytes()).len(), 2);
        assert_eq!(cut(format!("{first}\0\0{second}").as_bytes())[1].1, 32);
    }

    #[test]
    fn a_long_run_is_told_in_pieces_that_overlap() {
        let text = "x".repeat(LONGEST * 3);
        let pieces = cut(text.as_bytes());
        assert!(pieces.len() >= 3 && pieces.iter().all(|(piece, _)| piece.len() <= LONGEST));
        assert_eq!(pieces[1].1 as usize, LONGEST - OVERLAP);
    }
}
