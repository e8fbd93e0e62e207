/// Takes a message in after `354`: removes the doubled dots, finds the end, and holds the message to the rules.
///
/// The end is CR LF dot CR LF and nothing else (RFC 5321 §4.1.1.4). A CR or an LF alone never starts a line; it
/// condemns the message, which is then read to its end and refused: that is what keeps the bench out of the
/// smuggling attacks that live on disagreements about line ends. Bytes come out as they come in; nothing is kept.
#[derive(Debug)]
pub struct DataReceiver {
    state: State,
    line: usize,
    longest_line: usize,
    size: u64,
    largest: u64,
    read: u64,
    fault: Option<DataFault>,
    /// Whether dots at the start of a line mean something.
    dots: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// After CR LF, or at the very start.
    LineStart,
    /// Within a line.
    Text,
    /// After a CR within a line.
    Cr,
    /// After a dot at the start of a line.
    Dot,
    /// After a dot at the start of a line and a CR.
    DotCr,
    /// After the end.
    Finished,
}

/// What one call of [`DataReceiver::receive`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Octets of the input that belong to the message; what follows is the next command.
    pub consumed: usize,
    /// Whether the final dot was seen.
    pub finished: bool,
}

/// Why a message is refused after its final dot. The first fault found is the one told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataFault {
    /// A CR without its LF (RFC 5321 §2.3.8).
    #[error("the message holds a CR without LF; lines end with CR LF")]
    BareCr,
    /// An LF without its CR (RFC 5321 §2.3.8).
    #[error("the message holds a LF without CR; lines end with CR LF")]
    BareLf,
    /// A NUL, which no later server and no IMAP literal may carry (RFC 5322 §2.2, RFC 9051 §4.3.1).
    #[error("the message holds a NUL")]
    Nul,
    /// A line over the limit (RFC 5321 §4.5.3.1.6: 1 000 octets with CR LF).
    #[error("the message holds a line over the limit of 1000 octets")]
    LineTooLong,
    /// A message over the limit (RFC 1870).
    #[error("the message is over the size limit")]
    TooBig,
}

impl DataReceiver {
    /// For one message. `longest_line` counts the CR LF; `largest` is in octets of the message once its dots are
    /// undone.
    pub fn new(longest_line: usize, largest: u64) -> Self {
        Self {
            state: State::LineStart,
            line: 0,
            longest_line,
            size: 0,
            largest,
            read: 0,
            fault: None,
            dots: true,
        }
    }

    /// For one message in chunks (BDAT, RFC 3030): dots mean nothing and nothing within ends it. Lines are held to the
    /// same rules, since BINARYMIME is not offered. [`DataReceiver::end`] is called after the last chunk.
    pub fn chunked(longest_line: usize, largest: u64) -> Self {
        Self { dots: false, ..Self::new(longest_line, largest) }
    }

    /// The end of a message in chunks: a CR that still waits for its LF gets none.
    pub fn end(&mut self) {
        if self.state == State::Cr {
            self.condemn(DataFault::BareCr);
        }
        self.state = State::Finished;
    }

    /// Reads `input`, cut anywhere, and adds the message's octets to `out`. After a fault nothing more is added.
    pub fn receive(&mut self, input: &[u8], out: &mut Vec<u8>) -> Progress {
        let mut at = 0;
        while at < input.len() && self.state != State::Finished {
            at += self.step(&input[at..], out);
        }
        self.read += at as u64;
        Progress { consumed: at, finished: self.state == State::Finished }
    }

    /// What is wrong with the message so far.
    pub fn fault(&self) -> Option<DataFault> {
        self.fault
    }

    /// Octets of the message so far, dots undone. A condemned message is not counted further.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Octets read so far, whatever they were: how the caller bounds the draining of a condemned message.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Handles the start of `input` (never empty) and says how much of it.
    fn step(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        match (self.state, input[0]) {
            (State::LineStart, b'.') if self.dots => self.go(State::Dot),
            (State::LineStart | State::Text, _) => return self.text(input, out),
            (State::Cr, b'\n') => {
                self.put(b"\r\n", out);
                self.line = 0;
                self.go(State::LineStart)
            }
            (State::Cr, b'\r') => self.condemn(DataFault::BareCr), // the second CR may still be a good one
            (State::Cr, _) => {
                self.condemn(DataFault::BareCr);
                self.state = State::Text;
                return 0;
            }
            (State::Dot, b'\r') => self.go(State::DotCr),
            // Any other byte after the dot: the dot was doubled, or should have been; it goes (RFC 5321 §4.5.2).
            (State::Dot, _) => {
                self.state = State::Text;
                return 0;
            }
            (State::DotCr, b'\n') => self.go(State::Finished),
            (State::DotCr, _) => {
                self.condemn(DataFault::BareCr);
                self.state = if input[0] == b'\r' { State::Cr } else { State::Text };
                return usize::from(input[0] == b'\r');
            }
            (State::Finished, _) => return 0,
        }
        1
    }

    /// A run of octets up to the next CR or LF.
    fn text(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let mut from = 0;
        let run = loop {
            match memchr::memchr3(b'\r', b'\n', 0, &input[from..]) {
                Some(at) if input[from + at] == 0 => {
                    self.condemn(DataFault::Nul);
                    from += at + 1;
                }
                Some(at) => break from + at,
                None => break input.len(),
            }
        };
        self.put(&input[..run], out);
        self.state = State::Text;
        match input.get(run) {
            Some(b'\r') => {
                self.state = State::Cr;
                run + 1
            }
            Some(_) => {
                self.condemn(DataFault::BareLf);
                run + 1
            }
            None => run,
        }
    }

    fn put(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.line += bytes.len();
        // Within a line the CR LF to come are counted too.
        if self.line + if bytes == b"\r\n" { 0 } else { 2 } > self.longest_line && !bytes.is_empty() {
            self.condemn(DataFault::LineTooLong);
        }
        if self.size + bytes.len() as u64 > self.largest {
            self.condemn(DataFault::TooBig);
        }
        if self.fault.is_none() {
            self.size += bytes.len() as u64;
            out.extend_from_slice(bytes);
        }
    }

    fn go(&mut self, state: State) {
        self.state = state;
    }

    fn condemn(&mut self, fault: DataFault) {
        self.fault.get_or_insert(fault);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn receive(input: &[u8]) -> (Vec<u8>, Progress, Option<DataFault>) {
        let (mut receiver, mut out) = (DataReceiver::new(1_000, 10_000), Vec::new());
        let progress = receiver.receive(input, &mut out);
        (out, progress, receiver.fault())
    }

    #[test]
    fn dots_are_undone_and_what_follows_is_left() {
        let (out, progress, fault) = receive(b"..a\r\n.b\r\n...\r\n.\r\nQUIT\r\n");
        assert_eq!(out, b".a\r\nb\r\n..\r\n");
        assert_eq!((progress, fault), (Progress { consumed: 17, finished: true }, None));
        assert!(receive(b".\r\n").1.finished);
    }

    #[test]
    fn no_smuggled_end_ends_the_message() {
        for end in [
            &b"\n.\n"[..],
            b"\n.\r\n",
            b"\r.\r\n",
            b"\r\n.\n",
            b"\r\n.\r",
            b"\r.\r",
            b"\r\n.\r\r\n",
            b"\r\n\0.\r\n",
            b"\n.\r",
            b"\r\r\n.\r",
        ] {
            let input = [b"a", end, b"MAIL FROM:<x@y>\r\n"].concat();
            let (_, progress, fault) = receive(&input);
            assert!(!progress.finished, "{end:?} ended the message");
            assert!(fault.is_some(), "{end:?} was not condemned");
            // And the true end is still found afterwards.
            let whole = [&input[..], b"\r\n.\r\n"].concat();
            assert!(receive(&whole).1.finished, "{end:?} hid the end");
        }
    }

    #[test]
    fn chunks_have_no_dots_and_the_same_lines() {
        let chunks = |parts: &[&[u8]]| {
            let (mut receiver, mut out) = (DataReceiver::chunked(1_000, 10_000), Vec::new());
            for part in parts {
                let progress = receiver.receive(part, &mut out);
                assert_eq!(progress, Progress { consumed: part.len(), finished: false });
            }
            receiver.end();
            (out, receiver.fault())
        };
        assert_eq!(chunks(&[b"..a\r", b"\n.\r\n", b"end"]), (b"..a\r\n.\r\nend".to_vec(), None));
        assert_eq!(chunks(&[b"a\r"]).1, Some(DataFault::BareCr));
        assert_eq!(chunks(&[b"a\nb"]).1, Some(DataFault::BareLf));
        assert_eq!(chunks(&[b"a\0b\r\n"]).1, Some(DataFault::Nul));
        assert_eq!(chunks(&[b""]), (vec![], None));
    }

    #[test]
    fn limits_are_exact() {
        let line = |n: usize| [b"x".repeat(n).as_slice(), b"\r\n.\r\n"].concat();
        assert_eq!(receive(&line(998)).2, None);
        assert_eq!(receive(&line(999)).2, Some(DataFault::LineTooLong));
        let many = |n: usize| [b"12345678\r\n".repeat(n).as_slice(), b".\r\n"].concat();
        assert_eq!(receive(&many(1_000)).2, None);
        let (out, progress, fault) = receive(&many(1_001));
        assert_eq!((out.len() <= 10_000, progress.finished, fault), (true, true, Some(DataFault::TooBig)));
    }

    /// The same rules over the whole input at once, by search and replacement.
    fn naive(input: &[u8]) -> Option<(Vec<u8>, usize, bool)> {
        let padded = [b"\r\n", input].concat();
        let end = padded.windows(5).position(|window| window == b"\r\n.\r\n")?;
        let body = &padded[2..(end + 2).max(2)];
        let text: Vec<u8> = body.to_vec();
        let clean = String::from_utf8_lossy(&text).replace("\r\n", "");
        let undone =
            String::from_utf8_lossy(&[b"\r\n", body].concat()).replace("\r\n.", "\r\n")[2..].to_owned();
        Some((undone.into_bytes(), end + 3, clean.contains(['\r', '\n'])))
    }

    proptest! {
        #[test]
        fn agrees_with_a_naive_reading_however_it_is_cut(
            input in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'a')], 0..40),
            cut in 0_usize..40,
        ) {
            let mut input = input;
            input.extend_from_slice(b"\r\n.\r\n");
            let (mut receiver, mut out) = (DataReceiver::new(1_000, 10_000), Vec::new());
            let cut = cut.min(input.len());
            let mut progress = receiver.receive(&input[..cut], &mut out);
            if !progress.finished {
                let second = receiver.receive(&input[cut..], &mut out);
                progress = Progress { consumed: cut + second.consumed, finished: second.finished };
            }
            let (body, consumed, bare) = naive(&input).unwrap();
            prop_assert!(progress.finished);
            prop_assert_eq!(progress.consumed, consumed);
            prop_assert_eq!(receiver.fault().is_some(), bare);
            if !bare {
                prop_assert_eq!(out, body);
            }
        }
    }
}
