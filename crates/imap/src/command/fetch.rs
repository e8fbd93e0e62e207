use crate::cursor::{Cursor, Parse, ParseError};

/// One thing asked of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchItem {
    /// UID
    Uid,
    /// FLAGS
    Flags,
    /// INTERNALDATE
    InternalDate,
    /// RFC822.SIZE
    Size,
    /// MODSEQ (RFC 7162 §3.1.5)
    ModSeq,
    /// ENVELOPE
    Envelope,
    /// BODYSTRUCTURE, or BODY (without extension data).
    Structure {
        /// Whether extension data is wanted.
        extended: bool,
    },
    /// BODY[…], BODY.PEEK[…], and the three RFC822 items.
    Section {
        /// How the answer names it, such as `BODY[1.MIME]` or `RFC822.HEADER`.
        label: String,
        /// Which octets.
        section: Section,
        /// First octet and number of octets wanted.
        partial: Option<(u32, u32)>,
        /// Whether `\Seen` stays as it is.
        peek: bool,
    },
    /// BINARY[…], BINARY.PEEK[…] (RFC 3516): a part's octets, decoded.
    Binary {
        /// How the answer names it.
        label: String,
        /// Part numbers, empty for the message itself.
        part: Vec<u32>,
        /// First decoded octet and number of octets wanted.
        partial: Option<(u32, u32)>,
        /// Whether `\Seen` stays as it is.
        peek: bool,
    },
    /// BINARY.SIZE[…] (RFC 3516): how many octets BINARY[…] would be.
    BinarySize {
        /// How the answer names it.
        label: String,
        /// Part numbers, empty for the message itself.
        part: Vec<u32>,
    },
    /// PREVIEW (RFC 8970).
    Preview {
        /// Whether none is wanted where it would have to be made first.
        lazy: bool,
    },
    /// SAVEDATE (RFC 8514).
    SaveDate,
    /// EMAILID (RFC 8474).
    EmailId,
    /// THREADID (RFC 8474).
    ThreadId,
}

/// A piece of a message (`section-spec`, RFC 3501 §9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Part numbers, empty for the message itself.
    pub part: Vec<u32>,
    /// What of the part.
    pub text: SectionText,
}

/// What of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// All of it.
    Whole,
    /// HEADER
    Header,
    /// HEADER.FIELDS
    HeaderFields(Vec<String>),
    /// HEADER.FIELDS.NOT
    HeaderFieldsNot(Vec<String>),
    /// TEXT
    Text,
    /// MIME
    Mime,
}

/// Items of one FETCH. Without a bound, one line could ask for the same message ten thousand times.
const MOST_ITEMS: usize = 100;

pub(super) fn items(cursor: &mut Cursor<'_>) -> Parse<Vec<FetchItem>> {
    use FetchItem::{Envelope, Flags, InternalDate, Size, Structure};
    if cursor.peek() == Some(b'(') {
        let at = cursor.at();
        let items = cursor.list(item)?;
        return match items.len() {
            1..=MOST_ITEMS => Ok(items),
            _ => Err(ParseError { at, expected: "between 1 and 100 items" }),
        };
    }
    Ok(if cursor.eat_word("ALL") {
        vec![Flags, InternalDate, Size, Envelope]
    } else if cursor.eat_word("FAST") {
        vec![Flags, InternalDate, Size]
    } else if cursor.eat_word("FULL") {
        vec![Flags, InternalDate, Size, Envelope, Structure { extended: false }]
    } else {
        vec![item(cursor)?]
    })
}

fn item(cursor: &mut Cursor<'_>) -> Parse<FetchItem> {
    let at = cursor.at();
    let word = cursor.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    let word = String::from_utf8_lossy(word).to_ascii_uppercase();
    let whole = |text| Section { part: Vec::new(), text };
    let rfc822 =
        |text, peek| FetchItem::Section { label: word.clone(), section: whole(text), partial: None, peek };
    Ok(match word.as_str() {
        "UID" => FetchItem::Uid,
        "FLAGS" => FetchItem::Flags,
        "INTERNALDATE" => FetchItem::InternalDate,
        "RFC822.SIZE" => FetchItem::Size,
        "MODSEQ" => FetchItem::ModSeq,
        "ENVELOPE" => FetchItem::Envelope,
        "SAVEDATE" => FetchItem::SaveDate,
        "EMAILID" => FetchItem::EmailId,
        "THREADID" => FetchItem::ThreadId,
        "PREVIEW" => FetchItem::Preview { lazy: preview_modifier(cursor)? },
        "BINARY" | "BINARY.PEEK" | "BINARY.SIZE" => binary(cursor, &word)?,
        "BODYSTRUCTURE" => FetchItem::Structure { extended: true },
        "RFC822" => rfc822(SectionText::Whole, false),
        "RFC822.HEADER" => rfc822(SectionText::Header, true),
        "RFC822.TEXT" => rfc822(SectionText::Text, false),
        "BODY" if cursor.peek() != Some(b'[') => FetchItem::Structure { extended: false },
        "BODY" | "BODY.PEEK" => body(cursor, word == "BODY.PEEK")?,
        _ => return Err(ParseError { at, expected: "a data item of FETCH (RFC 3501 §6.4.5)" }),
    })
}

fn body(cursor: &mut Cursor<'_>, peek: bool) -> Parse<FetchItem> {
    cursor.expect(b'[', "[")?;
    let section = section(cursor)?;
    cursor.expect(b']', "] at the end of the section")?;
    let partial = partial(cursor)?;
    let origin = partial.map(|(start, _)| format!("<{start}>")).unwrap_or_default();
    let label = format!("BODY[{}]{origin}", section.label());
    Ok(FetchItem::Section { label, section, partial, peek })
}

/// `[1.2]<0.100>` after BINARY; no octets may be chosen of a size.
fn binary(cursor: &mut Cursor<'_>, word: &str) -> Parse<FetchItem> {
    cursor.expect(b'[', "[")?;
    let at = cursor.at();
    let Section { part, text } = if cursor.peek() == Some(b']') {
        Section { part: Vec::new(), text: SectionText::Whole }
    } else {
        section(cursor)?
    };
    if text != SectionText::Whole {
        return Err(ParseError { at, expected: "part numbers only (RFC 3516)" });
    }
    cursor.expect(b']', "] at the end of the section")?;
    let numbers = Section { part: part.clone(), text }.label();
    if word == "BINARY.SIZE" {
        return Ok(FetchItem::BinarySize { label: format!("BINARY.SIZE[{numbers}]"), part });
    }
    let partial = partial(cursor)?;
    let origin = partial.map(|(start, _)| format!("<{start}>")).unwrap_or_default();
    Ok(FetchItem::Binary {
        label: format!("BINARY[{numbers}]{origin}"),
        part,
        partial,
        peek: word == "BINARY.PEEK",
    })
}

/// `<first.count>`, where it is there.
fn partial(cursor: &mut Cursor<'_>) -> Parse<Option<(u32, u32)>> {
    if !cursor.eat(b'<') {
        return Ok(None);
    }
    let start = cursor.number()?;
    cursor.expect(b'.', ". between the first octet and the number of octets")?;
    let count = cursor.nz_number()?;
    cursor.expect(b'>', ">")?;
    Ok(Some((start, count)))
}

/// ` (LAZY)` (RFC 8970 §3.1), where it is there. In a list of items a space may also part PREVIEW from the next one.
fn preview_modifier(cursor: &mut Cursor<'_>) -> Parse<bool> {
    let mut ahead = cursor.clone();
    if !(ahead.eat(b' ') && ahead.peek() == Some(b'(')) {
        return Ok(false);
    }
    let at = ahead.at();
    let words = ahead.list(|cursor| Ok(cursor.atom()?.to_ascii_uppercase()));
    match words {
        Ok(words) if words.iter().all(|word| word == "LAZY") => {
            *cursor = ahead;
            Ok(!words.is_empty())
        }
        // Modifiers of the whole command, such as (CHANGEDSINCE 1), are somebody else's.
        Ok(words) if words.first().is_some_and(|word| word == "CHANGEDSINCE") => Ok(false),
        Err(_) => Ok(false),
        Ok(_) => Err(ParseError { at, expected: "LAZY (RFC 8970)" }),
    }
}

fn section(cursor: &mut Cursor<'_>) -> Parse<Section> {
    let mut part = Vec::new();
    while cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        part.push(cursor.nz_number()?);
        if part.len() > 32 {
            return cursor.fail("at most 32 levels of parts");
        }
        if !cursor.eat(b'.') {
            return Ok(Section { part, text: SectionText::Whole });
        }
    }
    let at = cursor.at();
    let word = cursor.take_while(|byte| byte.is_ascii_alphabetic() || byte == b'.');
    let text = match String::from_utf8_lossy(word).to_ascii_uppercase().as_str() {
        "" if part.is_empty() => SectionText::Whole,
        "HEADER" => SectionText::Header,
        "HEADER.FIELDS" => SectionText::HeaderFields(field_names(cursor)?),
        "HEADER.FIELDS.NOT" => SectionText::HeaderFieldsNot(field_names(cursor)?),
        "TEXT" => SectionText::Text,
        "MIME" if !part.is_empty() => SectionText::Mime,
        _ => {
            return Err(ParseError {
                at,
                expected: "HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME",
            });
        }
    };
    Ok(Section { part, text })
}

fn field_names(cursor: &mut Cursor<'_>) -> Parse<Vec<String>> {
    cursor.space()?;
    let at = cursor.at();
    let wrong = ParseError { at, expected: "names of header fields" };
    let names = cursor.list(|cursor| Ok(String::from_utf8_lossy(&cursor.astring()?).into_owned()))?;
    let is_name =
        |name: &String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    if names.is_empty() || !names.iter().all(is_name) { Err(wrong) } else { Ok(names) }
}

impl Section {
    /// What goes between the brackets.
    fn label(&self) -> String {
        let mut out: String = self.part.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        let (word, names) = match &self.text {
            SectionText::Whole => return out,
            SectionText::Header => ("HEADER", None),
            SectionText::HeaderFields(names) => ("HEADER.FIELDS", Some(names)),
            SectionText::HeaderFieldsNot(names) => ("HEADER.FIELDS.NOT", Some(names)),
            SectionText::Text => ("TEXT", None),
            SectionText::Mime => ("MIME", None),
        };
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(word);
        if let Some(names) = names {
            let plain = |name: &String| name.bytes().all(crate::cursor::is_atom_char);
            let quoted =
                |name: &String| if plain(name) { name.clone() } else { crate::response::quoted(name) };
            out.push_str(&format!(" ({})", names.iter().map(quoted).collect::<Vec<_>>().join(" ")));
        }
        out
    }
}
