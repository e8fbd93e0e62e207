use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// `Mailbox = Local-part "@" ( Domain / address-literal )` (RFC 5321 §4.1.2, UTF-8 as in RFC 6531 §3.3).
///
/// The local part is kept unquoted; [`fmt::Display`] quotes it again where it must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mailbox {
    local: String,
    domain: Domain,
}

impl Mailbox {
    /// Reads a bare address, without angle brackets.
    ///
    /// # Errors
    /// [`AddressError`] names the part that is wrong.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (mailbox, rest) = Self::take(text)?;
        if rest.is_empty() { Ok(mailbox) } else { Err(AddressError::Domain) }
    }

    /// The local part, without quotes.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Whether the address needs no SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii() && self.domain.0.is_ascii()
    }

    /// The address in lower case: what two addresses are compared by. (RFC 5321 §2.4 lets a host tell `A@` from
    /// `a@`; no MSSanté operator does, and here they name the same mailbox.)
    pub fn key(&self) -> String {
        self.to_string().to_lowercase()
    }

    /// Reads a mailbox at the start of `text`; returns what follows it.
    fn take(text: &str) -> Result<(Self, &str), AddressError> {
        let (local, rest) = match text.strip_prefix('"') {
            Some(quoted) => take_quoted(quoted)?,
            None => take_dot_string(text)?,
        };
        let rest = rest.strip_prefix('@').ok_or(AddressError::At)?;
        let (domain, rest) = Domain::take(rest)?;
        if text.len() - rest.len() > 254 {
            return Err(AddressError::TooLong); // 256 with the angle brackets: RFC 5321 §4.5.3.1.3
        }
        Ok((Self { local, domain }, rest))
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.local) {
            write!(f, "{}@{}", self.local, self.domain.0)
        } else {
            f.write_str("\"")?;
            for c in self.local.chars() {
                if matches!(c, '"' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
            write!(f, "\"@{}", self.domain.0)
        }
    }
}

/// A domain name, or an address literal in its square brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Domain(String);

impl Domain {
    /// Reads a domain or an address literal, as the argument of EHLO has one.
    ///
    /// # Errors
    /// [`AddressError::Domain`] or [`AddressError::TooLong`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (domain, rest) = Self::take(text)?;
        if rest.is_empty() { Ok(domain) } else { Err(AddressError::Domain) }
    }

    /// The text, with its square brackets where it is a literal.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn take(text: &str) -> Result<(Self, &str), AddressError> {
        let end = if text.starts_with('[') {
            let end = text.find(']').ok_or(AddressError::Domain)?;
            if !is_address_literal(&text[1..end]) {
                return Err(AddressError::Domain);
            }
            end + 1
        } else {
            let end = text.find(|c: char| !is_domain_char(c)).unwrap_or(text.len());
            if !text[..end].split('.').all(is_label) {
                return Err(AddressError::Domain);
            }
            end
        };
        if end > 255 {
            return Err(AddressError::TooLong);
        }
        Ok((Self(text[..end].to_owned()), &text[end..]))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `Reverse-path = Path / "<>"`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`: nobody is to be told (RFC 5321 §4.5.5; what MDNs are sent with, RFC 8098 §3).
    Null,
    /// The sender.
    Mailbox(Mailbox),
}

impl ReversePath {
    /// Reads a path at the start of `text`; returns what follows its `>`.
    pub(crate) fn take(text: &str) -> Result<(Self, &str), AddressError> {
        match text.strip_prefix("<>") {
            Some(rest) => Ok((Self::Null, rest)),
            None => take_path(text).map(|(mailbox, rest)| (Self::Mailbox(mailbox), rest)),
        }
    }

    /// Whether the path needs no SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Mailbox(mailbox) => mailbox.is_ascii(),
        }
    }

    /// The address without brackets; empty for `<>`.
    pub fn address(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Mailbox(mailbox) => mailbox.to_string(),
        }
    }
}

impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.address())
    }
}

/// `"<Postmaster>" / Forward-path`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ForwardPath {
    /// `<Postmaster>` without a domain, in any case (RFC 5321 §4.1.1.3).
    Postmaster,
    /// The recipient.
    Mailbox(Mailbox),
}

impl ForwardPath {
    /// Reads a path at the start of `text`; returns what follows its `>`.
    pub(crate) fn take(text: &str) -> Result<(Self, &str), AddressError> {
        const POSTMASTER: &str = "<postmaster>";
        match text.split_at_checked(POSTMASTER.len()) {
            Some((head, rest)) if head.eq_ignore_ascii_case(POSTMASTER) => Ok((Self::Postmaster, rest)),
            _ => take_path(text).map(|(mailbox, rest)| (Self::Mailbox(mailbox), rest)),
        }
    }

    /// Whether the path needs no SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        match self {
            Self::Postmaster => true,
            Self::Mailbox(mailbox) => mailbox.is_ascii(),
        }
    }

    /// The address without brackets; `postmaster` alone where no domain was given.
    pub fn address(&self) -> String {
        match self {
            Self::Postmaster => "postmaster".to_owned(),
            Self::Mailbox(mailbox) => mailbox.to_string(),
        }
    }
}

/// Why an address could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// No `<` where the path begins, or no `>` where it ends.
    #[error("a path is written <local@domain>")]
    Brackets,
    /// `<@relay:local@domain>`: obsolete, and a way to hide the recipient.
    #[error("source routes are refused (RFC 5321 appendix C)")]
    SourceRoute,
    /// Empty or ill-formed local part.
    #[error("the part before the @ is not well formed")]
    Local,
    /// No `@`.
    #[error("the address has no @")]
    At,
    /// Empty or ill-formed domain.
    #[error("the part after the @ is not a domain name nor an address literal")]
    Domain,
    /// Local part over 64, domain over 255 or path over 256 octets (RFC 5321 §4.5.3.1).
    #[error("the address is too long")]
    TooLong,
}

fn take_path(text: &str) -> Result<(Mailbox, &str), AddressError> {
    let inside = text.strip_prefix('<').ok_or(AddressError::Brackets)?;
    if inside.starts_with('@') {
        return Err(AddressError::SourceRoute);
    }
    let (mailbox, rest) = Mailbox::take(inside)?;
    // Whatever comes instead of `>` was taken for the end of the domain.
    let rest = rest.strip_prefix('>').ok_or(match rest.is_empty() {
        true => AddressError::Brackets,
        false => AddressError::Domain,
    })?;
    Ok((mailbox, rest))
}

/// `Dot-string = Atom *("." Atom)`.
fn take_dot_string(text: &str) -> Result<(String, &str), AddressError> {
    let end = text.find(|c: char| !(is_atext(c) || c == '.')).unwrap_or(text.len());
    let local = &text[..end];
    if !is_dot_string(local) {
        return Err(AddressError::Local);
    }
    within_64(local.len())?;
    Ok((local.to_owned(), &text[end..]))
}

/// `Quoted-string = DQUOTE *QcontentSMTP DQUOTE`, the first quote already read.
fn take_quoted(text: &str) -> Result<(String, &str), AddressError> {
    let mut local = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                within_64(at + 2)?; // as written, quotes included
                return Ok((local, &text[at + 1..]));
            }
            '\\' => match chars.next() {
                Some((_, escaped)) if (' '..='~').contains(&escaped) => local.push(escaped),
                _ => return Err(AddressError::Local),
            },
            ' '..='~' => local.push(c),
            _ if !c.is_ascii() && !c.is_control() => local.push(c),
            _ => return Err(AddressError::Local),
        }
    }
    Err(AddressError::Local)
}

fn within_64(octets: usize) -> Result<(), AddressError> {
    if octets > 64 { Err(AddressError::TooLong) } else { Ok(()) }
}

fn is_dot_string(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// `atext` of RFC 5322 §3.2.3, with UTF-8 (RFC 6531 §3.3).
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || (!c.is_ascii() && !c.is_control())
}

fn is_domain_char(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || c == '-'
        || c == '.'
        || (!c.is_ascii() && !c.is_control() && !c.is_whitespace())
}

/// `sub-domain = Let-dig [Ldh-str]`, at most 63 octets.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

fn is_address_literal(inside: &str) -> bool {
    match inside.split_at_checked(5) {
        Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6:") => address.parse::<Ipv6Addr>().is_ok(),
        _ => inside.parse::<Ipv4Addr>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_of_the_rfcs_are_read_and_written_back() {
        for text in [
            "899700000018@mail-tests-editeur.example",
            "dr.test@medecin.mssante.fr",
            "a+b=c@x.y",
            "\"a b\"@c.fr",
            "\"a\\\"b\\\\c\"@c.fr",
            "\"\"@c.fr",
            "u@[127.0.0.1]",
            "u@[IPv6:::1]",
            "médecin@santé.fr",
        ] {
            assert_eq!(Mailbox::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Mailbox::parse("\"abc\"@c.fr").unwrap().to_string(), "abc@c.fr");
        assert_eq!(Mailbox::parse("\"a b\"@c.fr").unwrap().local(), "a b");
    }

    #[test]
    fn ill_formed_addresses_are_named() {
        let error = |text: &str| Mailbox::parse(text).unwrap_err();
        assert_eq!(error("abc"), AddressError::At);
        assert_eq!(error("@b"), AddressError::Local);
        assert_eq!(error("a..b@c"), AddressError::Local);
        assert_eq!(error("\"a@c"), AddressError::Local);
        for text in ["a@", "a@-b", "a@b-.c", "a@b..c", "a@[300.0.0.1]", "a@b c", "a@b>", "a@b@c", "a@b_c"] {
            assert_eq!(error(text), AddressError::Domain, "{text}");
        }
        assert_eq!(error(&format!("{}@c", "a".repeat(65))), AddressError::TooLong);
        assert_eq!(error(&format!("a@{}", "b.".repeat(140))), AddressError::Domain);
        assert_eq!(error(&format!("a@{}c", "b.".repeat(130))), AddressError::TooLong);
    }

    #[test]
    fn paths_keep_what_the_address_alone_would_lose() {
        assert_eq!(ReversePath::take("<> SIZE=1").unwrap(), (ReversePath::Null, " SIZE=1"));
        assert_eq!(ForwardPath::take("<postMASTER>").unwrap(), (ForwardPath::Postmaster, ""));
        let (path, rest) = ForwardPath::take("<\"a> b\"@c.fr> X").unwrap();
        assert_eq!((path.address().as_str(), rest), ("\"a> b\"@c.fr", " X"));
        assert_eq!(ForwardPath::take("<@r:a@b>").unwrap_err(), AddressError::SourceRoute);
        assert_eq!(ForwardPath::take("a@b").unwrap_err(), AddressError::Brackets);
        assert_eq!(ForwardPath::take("<a@b").unwrap_err(), AddressError::Brackets);
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_writing_is_its_inverse(text in "[\"a.@é\\\\ <>-]{0,30}") {
            if let Ok(mailbox) = Mailbox::parse(&text) {
                prop_assert_eq!(Mailbox::parse(&mailbox.to_string()).unwrap(), mailbox);
            }
        }
    }
}
