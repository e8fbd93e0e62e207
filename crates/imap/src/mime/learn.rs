//! Everything that a mail store may keep of a message, learned in one reading while the message streams in.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::civil::Date;
use mail_parser::{HeaderValue, MessageParser};

use super::envelope::{Envelope, addresses};
use super::header::{fields, unfold};
use super::scan::{Part, Scanner};
use super::structure::{write_envelope, write_structure};
use super::texts::{Texts, fold, preview};
use super::{end_of_header, stored};

/// Octets of decoded text kept of one message; of a longer one nothing is kept, and a search reads it.
const MOST_TEXT: usize = 256 * 1024;
/// Octets of header that the searchable fields are read from.
const MOST_HEADER: usize = 64 * 1024;

/// What one reading taught.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// For [`super::Stored::read`]; empty where it would be too long to keep.
    pub structure: Vec<u8>,
    /// RFC 8970: up to 200 characters; empty for a message without text.
    pub preview: String,
    /// The text parts, decoded and folded with [`fold`]; `None` where they are too long to keep.
    pub text: Option<String>,
    /// The header fields that searches ask for.
    pub heads: Heads,
}

/// Header fields, decoded and folded with [`fold`]; several of one name with a line end between. `None` where the
/// message has no such field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// `From`
    pub from: Option<String>,
    /// `To`
    pub to: Option<String>,
    /// `Cc`
    pub cc: Option<String>,
    /// `Bcc`
    pub bcc: Option<String>,
    /// `Subject`
    pub subject: Option<String>,
    /// `Message-ID`
    pub message_id: Option<String>,
    /// The day that `Date` names, in its own time zone.
    pub sent: Option<Date>,
    /// The moment that `Date` names, in seconds.
    pub sent_at: Option<i64>,
}

/// Reads a message once, in pieces of any size, in bounded memory.
#[derive(Debug)]
pub struct Learner {
    scanner: Scanner,
    header: Vec<u8>,
    header_done: bool,
    size: u64,
}

impl Default for Learner {
    fn default() -> Self {
        Self::new()
    }
}

impl Learner {
    /// A learner at the start of a message.
    pub fn new() -> Self {
        let scanner = Scanner::with_texts(Texts::keep(MOST_TEXT));
        Self { scanner, header: Vec::new(), header_done: false, size: 0 }
    }

    /// Reads the next octets.
    pub fn push(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        if !self.header_done {
            // An empty line may span two pieces: look again from a little before.
            let from = self.header.len().saturating_sub(2);
            let room = MOST_HEADER - self.header.len();
            self.header.extend_from_slice(&bytes[..bytes.len().min(room)]);
            let fresh = &self.header[from..];
            let ends = memchr::memmem::find(fresh, b"\n\r\n").is_some()
                || memchr::memmem::find(fresh, b"\n\n").is_some();
            self.header_done = ends || self.header.len() >= MOST_HEADER;
        }
        self.scanner.push(bytes);
    }

    /// Ends the message.
    pub fn finish(self) -> Learned {
        let (part, texts) = self.scanner.finish_with_texts();
        let kept = texts.and_then(Texts::into_kept).unwrap_or_default();
        let header = &self.header[..end_of_header(&self.header).unwrap_or(self.header.len())];
        let preview = kept.first.as_ref().map(|(text, html)| preview(text, *html)).unwrap_or_default();
        Learned {
            structure: structure(&part, self.size),
            preview,
            text: (!kept.cut).then_some(kept.text),
            heads: Heads::read(header),
        }
    }
}

fn structure(part: &Part, size: u64) -> Vec<u8> {
    let (mut envelope, mut text) = (Vec::new(), Vec::new());
    write_envelope(&mut envelope, part.envelope.as_deref().unwrap_or(&Envelope::default()));
    write_structure(&mut text, part, true);
    stored::write(part, size, &envelope, &text)
}

impl Heads {
    /// Reads a header block.
    pub fn read(block: &[u8]) -> Self {
        let mut out = Self::default();
        let words = memchr::memmem::find(block, b"=?").is_some();
        let mut decoded: Option<Vec<(String, String)>> = None;
        for field in fields(block) {
            let slot = match field.name.to_ascii_lowercase().as_slice() {
                b"from" => &mut out.from,
                b"to" => &mut out.to,
                b"cc" => &mut out.cc,
                b"bcc" => &mut out.bcc,
                b"subject" => &mut out.subject,
                b"message-id" => &mut out.message_id,
                b"date" => {
                    out.sent = out.sent.or_else(|| sent_day(field.value));
                    out.sent_at = out.sent_at.or_else(|| instant(field.value));
                    continue;
                }
                _ => continue,
            };
            if words && memchr::memmem::find(field.value, b"=?").is_some() {
                // All fields of that name at once, at the first that needs it.
                let all = decoded.get_or_insert_with(|| decoded_fields(block));
                let name = String::from_utf8_lossy(field.name).to_ascii_lowercase();
                let texts: Vec<&str> =
                    all.iter().filter(|(known, _)| *known == name).map(|(_, text)| text.as_str()).collect();
                if !texts.is_empty() {
                    let text = texts.join("\n");
                    all.retain(|(known, _)| *known != name);
                    add(slot, text);
                    continue;
                }
            }
            add(slot, fold(&String::from_utf8_lossy(&unfold(field.value))));
            if matches!(field.name.len(), 2..=4) {
                // An address with comments or blanks in it is found by what it means, too.
                let written = fold(&String::from_utf8_lossy(field.value));
                for address in addresses(field.value) {
                    let (Some(local), Some(host)) = (&address.mailbox, &address.host) else { continue };
                    let plain = fold(&String::from_utf8_lossy(&[local.as_slice(), b"@", host].concat()));
                    if !written.contains(&plain) {
                        add(slot, plain);
                    }
                }
            }
        }
        out
    }
}

fn add(slot: &mut Option<String>, text: String) {
    match slot {
        Some(before) => {
            before.push('\n');
            before.push_str(&text);
        }
        None => *slot = Some(text),
    }
}

/// Fields of a block with their encoded words decoded, folded; names in lower case.
pub(crate) fn decoded_fields(block: &[u8]) -> Vec<(String, String)> {
    // A crafted header that trips the parser is searched as it is written.
    catch_unwind(AssertUnwindSafe(|| {
        let Some(message) = MessageParser::new().default_header_text().parse_headers(block) else {
            return Vec::new();
        };
        let texts = message.headers().iter().filter_map(|field| match &field.value {
            HeaderValue::Text(text) => Some((field.name.as_str().to_ascii_lowercase(), fold(text))),
            _ => None,
        });
        texts.collect()
    }))
    .unwrap_or_default()
}

/// The day that a `Date` field's value names, in its own time zone.
pub(crate) fn sent_day(value: &[u8]) -> Option<Date> {
    let text = String::from_utf8(unfold(value)).ok()?;
    let read = catch_unwind(AssertUnwindSafe(|| mail_parser::DateTime::parse_rfc822(&text))).ok()??;
    Date::new(i16::try_from(read.year).ok()?, i8::try_from(read.month).ok()?, i8::try_from(read.day).ok()?)
        .ok()
}

/// The moment that a `Date` field's value names, in seconds.
pub(crate) fn instant(value: &[u8]) -> Option<i64> {
    let text = String::from_utf8(unfold(value)).ok()?;
    let read = catch_unwind(AssertUnwindSafe(|| mail_parser::DateTime::parse_rfc822(&text))).ok()??;
    read.is_valid().then(|| read.to_timestamp())
}

/// A field's value with its encoded words decoded.
pub(crate) fn decode_words(value: &[u8]) -> String {
    let plain = String::from_utf8_lossy(value);
    if memchr::memmem::find(value, b"=?").is_none() {
        return plain.into_owned();
    }
    let field = [b"Subject: ", value, b"\r\n\r\n"].concat();
    catch_unwind(AssertUnwindSafe(|| {
        let message = MessageParser::new().default_header_text().parse_headers(&field)?;
        message.subject().map(str::to_owned)
    }))
    .ok()
    .flatten()
    .unwrap_or_else(|| plain.into_owned())
}

/// Looks for texts (folded with [`fold`]) in a message's text parts while it is read in pieces.
#[derive(Debug)]
pub struct Finder(Scanner);

impl Finder {
    /// A finder at the start of a message.
    pub fn new(needles: Vec<String>) -> Self {
        Self(Scanner::with_texts(Texts::find(needles)))
    }

    /// Reads the next octets.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.push(bytes);
    }

    /// Which of the needles were found, in their order.
    pub fn finish(self) -> Vec<bool> {
        self.0.finish_with_texts().1.map(Texts::into_found).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Stored;
    use super::*;

    const MESSAGE: &[u8] = b"From: \"Dr Zo\xc3\xa9\" <Zoe@a.fr>\r\nTo: a@b\r\nTo: c@d\r\nSubject: =?utf-8?Q?R=C3=A9sultats?=\r\n \
=?utf-8?Q?_d'analyse?=\r\nDate: Tue, 3 Feb 2026 23:30:00 -0500\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
preamble nowhere\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
Glyc=E9mie nor=\r\nmale\r\n--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nSECRET==\r\n\
--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+R0zDiUE8L3A+\r\n--b--\r\n";

    fn learned(cut: usize) -> Learned {
        let mut learner = Learner::new();
        for piece in MESSAGE.chunks(cut) {
            learner.push(piece);
        }
        learner.finish()
    }

    #[test]
    fn one_reading_teaches_all() {
        let learned = learned(usize::MAX);
        let heads = &learned.heads;
        assert_eq!(heads.from.as_deref(), Some("\"dr zo\u{e9}\" <zoe@a.fr>"));
        assert_eq!(heads.to.as_deref(), Some("a@b\nc@d"));
        assert_eq!(heads.subject.as_deref(), Some("r\u{e9}sultats d'analyse"));
        assert_eq!((heads.cc.as_deref(), heads.sent.unwrap().to_string().as_str()), (None, "2026-02-03"));
        assert_eq!(learned.preview, "Glyc\u{e9}mie normale");
        let text = learned.text.unwrap();
        assert!(text.contains("glyc\u{e9}mie normale") && text.contains("<p>gl\u{e9}a</p>"), "{text}");
        assert!(!text.contains("preamble") && !text.contains("secret"), "{text}");
        let stored = Stored::read(&learned.structure).unwrap();
        assert!(stored.envelope().starts_with(b"(\"Tue, 3 Feb 2026 23:30:00 -0500\" "));
        let mut scanner = Scanner::new();
        scanner.push(MESSAGE);
        let part = scanner.finish();
        let mut structure = Vec::new();
        write_structure(&mut structure, &part, true);
        assert_eq!(stored.structure(), structure);
        assert_eq!(stored.part(MESSAGE.len() as u64).unwrap().children.len(), 3);
    }

    #[test]
    fn the_cuts_do_not_matter() {
        let whole = learned(usize::MAX);
        for cut in [1, 2, 3, 7, 64, 300] {
            assert_eq!(learned(cut), whole, "{cut}");
        }
    }

    #[test]
    fn finders_find_over_cuts() {
        for cut in [1, 5, 1_000] {
            let mut finder =
                Finder::new(vec!["mie normale".into(), "nowhere".into(), "gl\u{e9}a".into(), "".into()]);
            for piece in MESSAGE.chunks(cut) {
                finder.push(piece);
            }
            assert_eq!(finder.finish(), [true, false, true, true], "{cut}");
        }
    }

    #[test]
    fn long_texts_are_not_kept() {
        let mut learner = Learner::new();
        learner.push(b"Subject: x\r\n\r\n");
        for _ in 0..40_000 {
            learner.push(b"some words of a long text\r\n");
        }
        let learned = learner.finish();
        assert_eq!(learned.text, None);
        assert!(learned.preview.starts_with("some words of a long text some"));
    }
}
