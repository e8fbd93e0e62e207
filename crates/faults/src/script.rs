use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::parse::{self, ScriptError};
use crate::{Point, Protocol};

/// What goes wrong, in the order in which it is tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// The seed that the script names; a caller may choose another.
    pub seed: Option<u64>,
    /// The faults.
    pub faults: Vec<Fault>,
}

/// One fault: where, when, what.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// What it is called in the journal; its point where the script names none.
    pub name: String,
    /// Line of the script, from 1.
    pub line: usize,
    /// Where.
    pub at: Point,
    /// On which server; on both where absent.
    pub protocol: Option<Protocol>,
    /// The command, upper case (`UID FETCH` is `FETCH`).
    pub command: Option<String>,
    /// The recipient of a RCPT, compared without case.
    pub recipient: Option<String>,
    /// Octets of a literal or message that pass first.
    pub byte: u64,
    /// Occurrences that pass first.
    pub skip: u32,
    /// How often it happens before the server behaves again; 0: for ever.
    pub times: u32,
    /// In how many of a hundred occurrences it happens, drawn from the seed.
    pub percent: u8,
    /// What is done, in order.
    pub actions: Vec<Action>,
}

/// One thing that a server does wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Says nothing for so long, then goes on.
    Delay(Duration),
    /// From now on sends so many octets a second at most.
    Throttle(u32),
    /// From now on sends so many octets at a time, each in a packet of its own.
    Split(usize),
    /// Says these octets (a line end is added), whatever the protocol wants there.
    Say(String),
    /// Says these octets and adds nothing: half a line, for one that is cut.
    Raw(String),
    /// Ends the command with this instead of doing it (at a point where it was done already: instead of the truth). For
    /// IMAP what follows the tag (`NO [UNAVAILABLE] Later`), for SMTP the reply (`451 4.3.0 Later`, lines with `\n`).
    Answer(String),
    /// The tag of the answer is this and not the client's (IMAP).
    Tag(String),
    /// Leaves a word out of the list of what is offered.
    Omit(String),
    /// Puts a word into the list of what is offered.
    Add(String),
    /// Sends this text, in base64, as the challenge of a refused token.
    Challenge(String),
    /// Shakes hands as this server of the TLS lab does (`expired`, `wrong-host`…).
    Tls(String),
    /// Gives this UIDVALIDITY for every folder of the mailbox from now on (IMAP).
    UidValidity(u32),
    /// Ends the connection.
    End(End),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// FIN: what was said arrives, then nothing more.
    Cut,
    /// RST.
    Reset,
    /// It stays open and nothing is ever said again (at most for the idle time of the server).
    Silence,
}

impl End {
    /// `cut`, `reset` or `silence`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Reset => "reset",
            Self::Silence => "silence",
        }
    }
}

impl Script {
    /// Of so many faults, without a file.
    pub fn of(faults: Vec<Fault>) -> Self {
        Self { seed: None, faults }
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    /// Reads TOML.
    ///
    /// # Errors
    /// The line, what is wrong, and the nearest name to an unknown one.
    fn from_str(text: &str) -> Result<Self, ScriptError> {
        parse::script(text)
    }
}

impl fmt::Display for Script {
    /// The script as TOML, which reads as the same one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(seed) = self.seed {
            writeln!(f, "seed = {seed}")?;
        }
        self.faults.iter().try_for_each(|fault| write!(f, "\n{fault}"))
    }
}

impl fmt::Display for Fault {
    /// One `[[fault]]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[[fault]]\nname = {}\nat = \"{}\"", quoted(&self.name), self.at)?;
        if let Some(protocol) = self.protocol {
            writeln!(f, "protocol = \"{}\"", protocol.name())?;
        }
        for (key, value) in [("command", &self.command), ("recipient", &self.recipient)] {
            if let Some(value) = value {
                writeln!(f, "{key} = {}", quoted(value))?;
            }
        }
        if self.byte > 0 {
            writeln!(f, "byte = {}", self.byte)?;
        }
        if self.skip > 0 {
            writeln!(f, "skip = {}", self.skip)?;
        }
        writeln!(f, "times = {}", self.times)?;
        if self.percent < 100 {
            writeln!(f, "percent = {}", self.percent)?;
        }
        let actions: Vec<String> = self.actions.iter().map(Action::to_toml).collect();
        writeln!(f, "do = [{}]", actions.join(", "))
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl Action {
    fn to_toml(&self) -> String {
        let (key, value) = match self {
            Self::Delay(time) => ("delay_ms", time.as_millis().to_string()),
            Self::Throttle(rate) => ("throttle", rate.to_string()),
            Self::Split(size) => ("split", size.to_string()),
            Self::Say(text) => ("say", quoted(text)),
            Self::Raw(text) => ("raw", quoted(text)),
            Self::Answer(text) => ("answer", quoted(text)),
            Self::Tag(text) => ("tag", quoted(text)),
            Self::Omit(word) => ("omit", quoted(word)),
            Self::Add(word) => ("add", quoted(word)),
            Self::Challenge(text) => ("challenge", quoted(text)),
            Self::Tls(name) => ("tls", quoted(name)),
            Self::UidValidity(value) => ("uidvalidity", value.to_string()),
            Self::End(end) => return format!("\"{}\"", end.name()),
        };
        format!("{{ {key} = {value} }}")
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay(time) => write!(f, "delay {} ms", time.as_millis()),
            Self::Throttle(rate) => write!(f, "throttle {rate} octets a second"),
            Self::Split(size) => write!(f, "split {size}"),
            Self::Say(text) => write!(f, "say {text}"),
            Self::Raw(text) => write!(f, "raw {text}"),
            Self::Answer(text) => write!(f, "answer {text}"),
            Self::Tag(text) => write!(f, "tag {text}"),
            Self::Omit(word) => write!(f, "omit {word}"),
            Self::Add(word) => write!(f, "add {word}"),
            Self::Challenge(text) => write!(f, "challenge {text}"),
            Self::Tls(name) => write!(f, "tls {name}"),
            Self::UidValidity(value) => write!(f, "uidvalidity {value}"),
            Self::End(end) => f.write_str(end.name()),
        }
    }
}

/// The nearest of some names to a word that is none of them.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names.into_iter().min_by_key(|name| strsim::damerau_levenshtein(word, name))
}
