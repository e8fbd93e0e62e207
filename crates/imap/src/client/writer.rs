use kernel::Secret;

use crate::mutf7;

/// Gives each command of a session its own tag.
#[derive(Clone, Debug, Default)]
pub struct Tags(u64);

impl Tags {
    /// Starts at `v1`.
    pub fn new() -> Self {
        Self(0)
    }

    /// The next tag.
    pub fn next_tag(&mut self) -> String {
        self.0 += 1;
        format!("v{}", self.0)
    }
}

/// A command in the making. Strings are written as atoms, quoted strings or literals, whichever they need.
#[derive(Clone, Debug)]
pub struct Command {
    done: Vec<Vec<u8>>,
    current: Vec<u8>,
    literal_plus: bool,
}

/// A command ready to go. Between two segments the server must have said `+`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing(Vec<Vec<u8>>);

impl Outgoing {
    /// The segments, in order; at least one.
    pub fn segments(&self) -> &[Vec<u8>] {
        &self.0
    }
}

impl Command {
    /// Starts a command: `tag VERB`. The verb may hold spaces (`UID FETCH`).
    pub fn new(tag: &str, verb: &str) -> Self {
        Self { done: Vec::new(), current: format!("{tag} {verb}").into_bytes(), literal_plus: false }
    }

    /// Says that the server has LITERAL+ (RFC 7888), so that literals need no `+`.
    pub fn literal_plus(mut self, yes: bool) -> Self {
        self.literal_plus = yes;
        self
    }

    /// Adds text that is IMAP already, such as `1:*` or `(UID FLAGS)`. Control characters are left out, so that
    /// no text can end the command early.
    pub fn raw(mut self, text: &str) -> Self {
        self.current.push(b' ');
        self.current.extend(text.bytes().filter(|byte| !byte.is_ascii_control()));
        self
    }

    /// Adds a folder name, in modified UTF-7.
    pub fn mailbox(self, name: &str) -> Self {
        self.string(&mutf7::encode(name))
    }

    /// Adds an `astring`.
    pub fn string(mut self, text: &str) -> Self {
        self.current.push(b' ');
        if is_plain_atom(text) {
            self.current.extend_from_slice(text.as_bytes());
        } else if text.len() <= 512 && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            self.current.push(b'"');
            for byte in text.bytes() {
                if matches!(byte, b'"' | b'\\') {
                    self.current.push(b'\\');
                }
                self.current.push(byte);
            }
            self.current.push(b'"');
        } else {
            let plus = if self.literal_plus { "+" } else { "" };
            self.current.extend_from_slice(format!("{{{}{plus}}}\r\n", text.len()).as_bytes());
            if !self.literal_plus {
                self.done.push(std::mem::take(&mut self.current));
            }
            self.current.extend_from_slice(text.as_bytes());
        }
        self
    }

    /// Ends the command.
    pub fn finish(mut self) -> Outgoing {
        self.current.extend_from_slice(b"\r\n");
        self.done.push(self.current);
        Outgoing(self.done)
    }
}

/// The head of an APPEND, up to and with the announcement of the message. After the last segment the server says
/// `+` (unless `literal_plus`), then go the message's `size` octets and CR LF. `flags` as in `(\Seen)`; may be empty.
pub fn append(tag: &str, folder: &str, flags: &str, size: u64, literal_plus: bool) -> Outgoing {
    let mut command = Command::new(tag, "APPEND").literal_plus(literal_plus).mailbox(folder);
    if !flags.is_empty() {
        command = command.raw(flags);
    }
    let plus = if literal_plus { "+" } else { "" };
    command.raw(&format!("{{{size}{plus}}}")).finish()
}

/// `AUTHENTICATE`, with the initial response (base64, or `=`) where the server has SASL-IR (RFC 4959). Whole line,
/// CR LF included; secret because the response is.
pub fn authenticate(tag: &str, mechanism: &str, initial_response: Option<&str>) -> Secret<String> {
    Secret::new(match initial_response {
        Some(response) => format!("{tag} AUTHENTICATE {mechanism} {response}\r\n"),
        None => format!("{tag} AUTHENTICATE {mechanism}\r\n"),
    })
}

fn is_plain_atom(text: &str) -> bool {
    !text.is_empty()
        && !text.eq_ignore_ascii_case("NIL")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+=@:&,$!#'~^|".contains(&byte))
}
