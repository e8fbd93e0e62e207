use kernel::Secret;

use crate::address::{AddressError, Domain, ForwardPath, ReversePath};
use crate::dsn::{Notify, OriginalRecipient, Ret, envid, xtext};
use crate::response::Response;

/// One command line (RFC 5321 §4.1.1, RFC 3207, RFC 4954). `Debug` never shows a SASL response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// `EHLO name`.
    Ehlo(String),
    /// `HELO name`.
    Helo(String),
    /// `STARTTLS`.
    StartTls,
    /// `AUTH mechanism [initial response]`.
    Auth {
        /// As written, upper-cased; it may be one that nobody knows.
        mechanism: String,
        /// Base64, or `=` for an empty one.
        initial: Option<Secret<String>>,
    },
    /// `MAIL FROM:<…>`.
    Mail {
        /// The sender.
        from: ReversePath,
        /// What was said with it.
        parameters: MailParameters,
    },
    /// `RCPT TO:<…>`.
    Rcpt {
        /// The recipient.
        to: ForwardPath,
        /// What was said with it.
        parameters: RcptParameters,
    },
    /// `DATA`.
    Data,
    /// `BDAT size [LAST]` (RFC 3030 §2).
    Bdat {
        /// Octets that follow the command.
        size: u64,
        /// Whether they are the message's last ones.
        last: bool,
    },
    /// `RSET`.
    Rset,
    /// `NOOP`, with or without words.
    Noop,
    /// `QUIT`.
    Quit,
    /// `VRFY text`.
    Vrfy,
    /// `EXPN text`.
    Expn,
    /// `HELP`.
    Help,
}

/// The parameters of MAIL that the server offers: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), AUTH
/// (RFC 4954 §5), RET and ENVID (RFC 3461 §4.3, §4.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailParameters {
    /// The size that the client announces, in octets.
    pub size: Option<u64>,
    /// What the body is made of.
    pub body: Option<BodyType>,
    /// Whether addresses and headers may be UTF-8.
    pub smtputf8: bool,
    /// Who submitted the message first; `Some("")` for `<>`. Not believed.
    pub auth: Option<String>,
    /// How much of the message a failure notice returns.
    pub ret: Option<Ret>,
    /// The client's own mark for this sending, given back in each notice.
    pub envid: Option<String>,
}

impl MailParameters {
    /// The first keyword given that needs more than what every server offers here (SIZE and AUTH).
    pub fn extension(&self) -> Option<&'static str> {
        [
            (self.body.is_some(), "BODY"),
            (self.smtputf8, "SMTPUTF8"),
            (self.ret.is_some(), "RET"),
            (self.envid.is_some(), "ENVID"),
        ]
        .into_iter()
        .find_map(|(given, keyword)| given.then_some(keyword))
    }
}

/// The parameters of RCPT that the server offers: NOTIFY and ORCPT (RFC 3461 §4.1, §4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RcptParameters {
    /// When the sender wants to be told.
    pub notify: Option<Notify>,
    /// Whom the sender first wrote to.
    pub orcpt: Option<OriginalRecipient>,
}

impl RcptParameters {
    /// The first keyword given: each needs an extension.
    pub fn extension(&self) -> Option<&'static str> {
        if self.notify.is_some() { Some("NOTIFY") } else { self.orcpt.as_ref().map(|_| "ORCPT") }
    }
}

/// `BODY=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyType {
    /// `7BIT`.
    SevenBit,
    /// `8BITMIME`.
    EightBitMime,
}

impl Command {
    /// Reads a line without its CR LF.
    ///
    /// The verb is read in any case; one space stands between words; spaces at the end of the line are tolerated, as
    /// RFC 5321 §4.1.1 asks.
    ///
    /// # Errors
    /// [`SyntaxError`], which knows the reply to give.
    pub fn parse(line: &[u8]) -> Result<Self, SyntaxError> {
        let line = std::str::from_utf8(line).map_err(|_| SyntaxError::Characters)?;
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err(SyntaxError::Characters);
        }
        let line = line.trim_end_matches([' ', '\t']);
        let (verb, rest) = match line.split_once(' ') {
            Some((verb, rest)) => (verb, Some(rest)),
            None => (line, None),
        };
        let verb = verb.to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => Ok(Self::Ehlo(greeting_name(rest)?)),
            "HELO" => Ok(Self::Helo(greeting_name(rest)?)),
            "STARTTLS" => alone(rest, Self::StartTls),
            "AUTH" => parse_auth(rest),
            "MAIL" => parse_mail(rest.unwrap_or_default()),
            "RCPT" => parse_rcpt(rest.unwrap_or_default()),
            "DATA" => alone(rest, Self::Data),
            "BDAT" => parse_bdat(rest),
            "RSET" => alone(rest, Self::Rset),
            "QUIT" => alone(rest, Self::Quit),
            "NOOP" => Ok(Self::Noop),
            "HELP" => Ok(Self::Help),
            "VRFY" => rest.map(|_| Self::Vrfy).ok_or(SyntaxError::Missing),
            "EXPN" => rest.map(|_| Self::Expn).ok_or(SyntaxError::Missing),
            _ => Err(SyntaxError::Unknown),
        }
    }

    /// The verb, upper-cased.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Ehlo(_) => "EHLO",
            Self::Helo(_) => "HELO",
            Self::StartTls => "STARTTLS",
            Self::Auth { .. } => "AUTH",
            Self::Mail { .. } => "MAIL",
            Self::Rcpt { .. } => "RCPT",
            Self::Data => "DATA",
            Self::Bdat { .. } => "BDAT",
            Self::Rset => "RSET",
            Self::Noop => "NOOP",
            Self::Quit => "QUIT",
            Self::Vrfy => "VRFY",
            Self::Expn => "EXPN",
            Self::Help => "HELP",
        }
    }
}

/// Why a line is not a command that the server takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntaxError {
    /// No such verb.
    #[error("Command not recognised")]
    Unknown,
    /// Not UTF-8, or control characters.
    #[error("Command lines are printable text")]
    Characters,
    /// A word after a command that has none.
    #[error("This command takes no parameter")]
    Unexpected,
    /// No word after a command that needs one.
    #[error("This command needs a parameter")]
    Missing,
    /// EHLO or HELO with something else than a name.
    #[error("EHLO and HELO take a domain or an address literal such as [127.0.0.1]")]
    Name,
    /// `MAIL` without `FROM:`, `RCPT` without `TO:`.
    #[error("Syntax: MAIL FROM:<address> or RCPT TO:<address>")]
    Keyword,
    /// `MAIL FROM: <…>` (RFC 5321 §3.3 forbids the space).
    #[error("No space is allowed after the colon (RFC 5321 section 3.3)")]
    Space,
    /// The sender's path.
    #[error("Bad sender path: {0}")]
    Sender(AddressError),
    /// The recipient's path.
    #[error("Bad recipient path: {0}")]
    Recipient(AddressError),
    /// A parameter that was not offered.
    #[error("Parameter {0} is not offered by this server")]
    Parameter(String),
    /// A parameter with a bad value, or given twice.
    #[error("Bad value of parameter {0}")]
    Value(String),
    /// AUTH without a mechanism, or with too many words.
    #[error("Syntax: AUTH mechanism [initial-response]")]
    Auth,
    /// BDAT without its size, or with something else than LAST behind it. What follows cannot be told from commands.
    #[error("Syntax: BDAT octets [LAST]")]
    Bdat,
}

impl SyntaxError {
    /// The reply to give.
    pub fn response(&self) -> Response {
        let (code, enhanced) = match self {
            Self::Unknown | Self::Characters => (500, "5.5.2"),
            Self::Sender(_) => (501, "5.1.7"),
            Self::Recipient(_) => (501, "5.1.3"),
            Self::Parameter(_) => (555, "5.5.4"),
            Self::Keyword | Self::Space => (501, "5.5.2"),
            Self::Unexpected | Self::Missing | Self::Name | Self::Value(_) | Self::Auth | Self::Bdat => {
                (501, "5.5.4")
            }
        };
        Response::new(code, enhanced, self.to_string())
    }
}

fn alone(rest: Option<&str>, command: Command) -> Result<Command, SyntaxError> {
    if rest.is_some() { Err(SyntaxError::Unexpected) } else { Ok(command) }
}

/// A domain or an address literal. Underscores are let through, because the machines of real practices are named
/// `POSTE_ACCUEIL`, and RFC 5321 §4.1.4 does not want mail refused for a client's name.
fn greeting_name(rest: Option<&str>) -> Result<String, SyntaxError> {
    let name = rest.ok_or(SyntaxError::Missing)?;
    match Domain::parse(&name.replace('_', "x")) {
        Ok(_) if name.is_ascii() => Ok(name.to_owned()),
        _ => Err(SyntaxError::Name),
    }
}

fn parse_auth(rest: Option<&str>) -> Result<Command, SyntaxError> {
    let mut words = rest.ok_or(SyntaxError::Auth)?.split(' ');
    let mechanism = words.next().unwrap_or_default().to_ascii_uppercase();
    let initial = words.next().map(|text| Secret::new(text.to_owned()));
    // RFC 4422 §3.1: 1 to 20 characters.
    let named = (1..=20).contains(&mechanism.len())
        && mechanism.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !named || words.next().is_some() || initial.as_ref().is_some_and(|text| text.reveal().is_empty()) {
        return Err(SyntaxError::Auth);
    }
    Ok(Command::Auth { mechanism, initial })
}

fn parse_mail(rest: &str) -> Result<Command, SyntaxError> {
    let path = after_keyword(rest, "FROM:")?;
    let (from, rest) = ReversePath::take(path).map_err(SyntaxError::Sender)?;
    let mut parameters = MailParameters::default();
    for word in words(rest).ok_or(SyntaxError::Sender(AddressError::Brackets))? {
        parameters.add(word)?;
    }
    Ok(Command::Mail { from, parameters })
}

fn parse_rcpt(rest: &str) -> Result<Command, SyntaxError> {
    let path = after_keyword(rest, "TO:")?;
    let (to, rest) = ForwardPath::take(path).map_err(SyntaxError::Recipient)?;
    let mut parameters = RcptParameters::default();
    for word in words(rest).ok_or(SyntaxError::Recipient(AddressError::Brackets))? {
        parameters.add(word)?;
    }
    Ok(Command::Rcpt { to, parameters })
}

/// `"BDAT" SP chunk-size [SP end-marker] CR LF` (RFC 3030 §2).
fn parse_bdat(rest: Option<&str>) -> Result<Command, SyntaxError> {
    let mut words = rest.ok_or(SyntaxError::Bdat)?.split(' ');
    let size = words.next().and_then(digits).ok_or(SyntaxError::Bdat)?;
    let last = match words.next() {
        None => false,
        Some(marker) if marker.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return Err(SyntaxError::Bdat),
    };
    if words.next().is_some() { Err(SyntaxError::Bdat) } else { Ok(Command::Bdat { size, last }) }
}

fn after_keyword<'a>(rest: &'a str, keyword: &str) -> Result<&'a str, SyntaxError> {
    match rest.split_at_checked(keyword.len()) {
        Some((head, path)) if head.eq_ignore_ascii_case(keyword) => {
            if path.starts_with([' ', '\t']) {
                Err(SyntaxError::Space)
            } else {
                Ok(path)
            }
        }
        _ => Err(SyntaxError::Keyword),
    }
}

/// `*( SP esmtp-param )`; `None` where something else than a space follows the path.
fn words(rest: &str) -> Option<impl Iterator<Item = &str>> {
    let parameters = rest.strip_prefix(' ');
    (parameters.is_some() || rest.is_empty()).then(|| parameters.into_iter().flat_map(|text| text.split(' ')))
}

fn keyword_of(word: &str) -> (String, Option<&str>) {
    match word.split_once('=') {
        Some((keyword, value)) => (keyword.to_ascii_uppercase(), Some(value)),
        None => (word.to_ascii_uppercase(), None),
    }
}

impl MailParameters {
    fn add(&mut self, word: &str) -> Result<(), SyntaxError> {
        let (keyword, value) = keyword_of(word);
        let read = match (keyword.as_str(), value) {
            ("SIZE", Some(value)) => digits(value).map(|size| self.size.replace(size).is_none()),
            ("BODY", Some(value)) => body_type(value).map(|body| self.body.replace(body).is_none()),
            ("AUTH", Some(value)) => submitter(value).map(|who| self.auth.replace(who).is_none()),
            ("SMTPUTF8", None) => Some(!std::mem::replace(&mut self.smtputf8, true)),
            ("RET", Some(value)) => Ret::parse(value).map(|ret| self.ret.replace(ret).is_none()),
            ("ENVID", Some(value)) => envid(value).map(|mark| self.envid.replace(mark).is_none()),
            ("SIZE" | "BODY" | "AUTH" | "SMTPUTF8" | "RET" | "ENVID", _) => None,
            _ => return Err(SyntaxError::Parameter(keyword)),
        };
        // `false`: given twice.
        if read == Some(true) { Ok(()) } else { Err(SyntaxError::Value(keyword)) }
    }
}

impl RcptParameters {
    fn add(&mut self, word: &str) -> Result<(), SyntaxError> {
        let (keyword, value) = keyword_of(word);
        let read = match (keyword.as_str(), value) {
            ("NOTIFY", Some(value)) => Notify::parse(value).map(|when| self.notify.replace(when).is_none()),
            ("ORCPT", Some(value)) => {
                OriginalRecipient::parse(value).map(|who| self.orcpt.replace(who).is_none())
            }
            ("NOTIFY" | "ORCPT", _) => None,
            _ => return Err(SyntaxError::Parameter(keyword)),
        };
        if read == Some(true) { Ok(()) } else { Err(SyntaxError::Value(keyword)) }
    }
}

/// `size-value = 1*20DIGIT`. A number past 64 bits is as good as the largest one: it is over any limit.
fn digits(value: &str) -> Option<u64> {
    let all = (1..=20).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| value.parse().unwrap_or(u64::MAX))
}

fn body_type(value: &str) -> Option<BodyType> {
    if value.eq_ignore_ascii_case("7BIT") {
        Some(BodyType::SevenBit)
    } else if value.eq_ignore_ascii_case("8BITMIME") {
        Some(BodyType::EightBitMime)
    } else {
        None
    }
}

/// `AUTH=<>` or an address in xtext (RFC 4954 §5).
fn submitter(value: &str) -> Option<String> {
    if value == "<>" { Some(String::new()) } else { xtext(value) }
}

#[cfg(test)]
mod tests;
