//! One extraction's lines: read, cleaned, spilled.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, Read};

use super::columns::{Layout, Source};
use super::spill::Spill;
use super::{Progress, Report, Stage};
use crate::error::Error;
use crate::text;

/// Longest line, in octets; a longer one is rejected without being kept.
const LONGEST_LINE: usize = 64 * 1024;

/// Longest field, in characters: a structure's name of 300 characters is a defect (spec of the directory, §6.8).
const LONGEST_FIELD: usize = 300;

/// Columns that a line may lack at its end and still be used.
const LACKING: usize = 2;

/// How often progress is told, in lines.
const TOLD_EVERY: u64 = 20_000;

pub(super) fn read(
    source: Source,
    name: &str,
    reader: &mut dyn Read,
    spill: &mut Spill,
    report: &mut Report,
    progress: Progress<'_>,
) -> Result<(), Error> {
    let cut = |error: std::io::Error, lines: u64| {
        let what = format!("is cut or damaged after {lines} lines ({error})");
        Error::refused(name, what, "Download the file again")
    };
    let mut reader = BufReader::with_capacity(256 * 1024, reader);
    let mut line = Vec::with_capacity(1024);
    next_line(&mut reader, &mut line).map_err(|error| cut(error, 0))?;
    let Ok(layout) = Layout::read(&String::from_utf8_lossy(&line)) else {
        return Err(Error::refused(name, "the header changed while it was read", "Try again"));
    };
    debug_assert_eq!(layout.source, source);
    let mut cleaner = Cleaner::default();
    let mut lines = 0_u64;
    loop {
        line.clear();
        let whole = match next_line(&mut reader, &mut line).map_err(|error| cut(error, lines))? {
            Line::End => break,
            Line::Whole => true,
            Line::TooLong => false,
        };
        if line.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | b'|')) {
            continue;
        }
        lines += 1;
        report.lines += 1;
        if lines.is_multiple_of(TOLD_EVERY) {
            progress(Stage::Reading, report.lines);
        }
        if !(whole && cleaner.take(&layout, &line, report, spill)?) {
            report.rejected += 1;
        }
    }
    progress(Stage::Reading, report.lines);
    Ok(())
}

enum Line {
    End,
    Whole,
    TooLong,
}

fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Line> {
    let mut too_long = false;
    let mut any = false;
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        any = true;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(chunk.len(), |at| at + 1);
        if line.len() + used <= LONGEST_LINE {
            line.extend_from_slice(&chunk[..used]);
        } else {
            too_long = true;
        }
        reader.consume(used);
        if end.is_some() {
            break;
        }
    }
    Ok(match (any, too_long) {
        (false, _) => Line::End,
        (_, true) => Line::TooLong,
        _ => Line::Whole,
    })
}

/// Cleans lines; keeps its buffers from line to line.
#[derive(Default)]
struct Cleaner {
    key: String,
    out: String,
}

impl Cleaner {
    /// Whether the line could be used.
    fn take(
        &mut self,
        layout: &Layout,
        line: &[u8],
        report: &mut Report,
        spill: &mut Spill,
    ) -> Result<bool, Error> {
        let mut dirt = Flags::default();
        let text = match std::str::from_utf8(line) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => {
                dirt.not_utf8 = true;
                Cow::Owned(line.iter().map(|byte| windows_1252(*byte)).collect())
            }
        };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = match text.strip_suffix('\r') {
            Some(rest) => {
                dirt.crlf = true;
                rest
            }
            None => text,
        };
        let mut fields: Vec<&str> = text.split('|').collect();
        if fields.len() == layout.width + 1 && fields.last().is_some_and(|last| last.trim().is_empty()) {
            fields.pop();
        }
        if fields.len() > layout.width || fields.len() + LACKING < layout.width {
            return Ok(false);
        }
        dirt.short = fields.len() < layout.width;
        let at = |column: usize| -> &str {
            layout.places[column].and_then(|place| fields.get(place)).copied().unwrap_or_default()
        };
        self.out.clear();
        let clean: Vec<Cow<'_, str>> =
            (0..layout.places.len()).map(|column| clean(at(column), &mut dirt)).collect();
        if !key(layout.source, &clean, &mut self.key) {
            return Ok(false);
        }
        self.out.push(layout.source.letter());
        let last = clean.iter().rposition(|field| !field.is_empty()).unwrap_or(0);
        for (column, field) in clean.iter().enumerate().take(last + 1) {
            if column > 0 {
                self.out.push('\u{1f}');
            }
            if layout.source == Source::Mailboxes
                && column == 1
                && field.bytes().any(|b| b.is_ascii_uppercase())
            {
                dirt.capitals = true;
                self.out.push_str(&field.to_ascii_lowercase());
            } else {
                self.out.push_str(field);
            }
        }
        dirt.count(report);
        if layout.source == Source::Mailboxes {
            report.mailboxes += 1;
        }
        spill.put(&self.key, &self.out)?;
        Ok(true)
    }
}

/// Whose line it is: `p-` and the national identifier, `s-` and the structure's, or `b-` and the address.
fn key(source: Source, fields: &[Cow<'_, str>], key: &mut String) -> bool {
    key.clear();
    let person = |key: &mut String, kind: &str, id: &str, national: &str| {
        key.push_str("p-");
        if national.is_empty() {
            key.push_str(
                kind.get(..1).filter(|first| first.bytes().all(|b| b.is_ascii_digit())).unwrap_or("8"),
            );
            key.push_str(id);
        } else {
            key.push_str(national);
        }
    };
    if source != Source::Mailboxes {
        if fields[1].is_empty() && fields[2].is_empty() {
            return false;
        }
        person(key, &fields[0], &fields[1], &fields[2]);
        return true;
    }
    let address = &fields[1];
    if address.len() > 254 || address.matches('@').count() != 1 || address.contains(char::is_whitespace) {
        return false;
    }
    if !(fields[3].is_empty() && fields[4].is_empty()) {
        person(key, &fields[2], &fields[3], &fields[4]);
    } else if !fields[6].is_empty() {
        key.push_str("s-");
        key.push_str(&fields[6]);
    } else {
        key.push_str("b-");
        key.push_str(&address.to_ascii_lowercase());
    }
    true
}

#[derive(Default)]
struct Flags {
    spaces: bool,
    decomposed: bool,
    control: bool,
    null: bool,
    long: bool,
    short: bool,
    crlf: bool,
    not_utf8: bool,
    capitals: bool,
}

impl Flags {
    fn count(&self, report: &mut Report) {
        let dirt = &mut report.dirt;
        for (seen, count) in [
            (self.spaces, &mut dirt.spaces),
            (self.decomposed, &mut dirt.decomposed),
            (self.control, &mut dirt.control),
            (self.null, &mut dirt.null),
            (self.long, &mut dirt.long),
            (self.short, &mut dirt.short),
            (self.crlf, &mut dirt.crlf),
            (self.not_utf8, &mut dirt.not_utf8),
            (self.capitals, &mut dirt.capitals),
        ] {
            *count += u64::from(seen);
        }
    }
}

/// A field without its defects; borrowed where it has none, which is nearly always.
fn clean<'a>(field: &'a str, dirt: &mut Flags) -> Cow<'a, str> {
    if field.is_empty() {
        return Cow::Borrowed("");
    }
    if field.eq_ignore_ascii_case("null") {
        dirt.null = true;
        return Cow::Borrowed("");
    }
    let bytes = field.as_bytes();
    let good = bytes.len() <= LONGEST_FIELD
        && bytes[0] != b' '
        && bytes[bytes.len() - 1] != b' '
        && !bytes.windows(2).any(|pair| pair == b"  ")
        && bytes.iter().all(|byte| (0x20..0x7f).contains(byte));
    if good { Cow::Borrowed(field) } else { thorough(field, dirt) }
}

fn thorough<'a>(field: &'a str, dirt: &mut Flags) -> Cow<'a, str> {
    let mut out = String::with_capacity(field.len());
    let mut gap = false;
    let mut marks = false;
    for letter in field.chars() {
        if letter.is_whitespace() {
            dirt.spaces |= letter != ' ' || gap || out.is_empty();
            gap = true;
        } else if letter.is_control() || letter == '\u{feff}' || letter == '\u{200b}' {
            dirt.control = true;
        } else {
            if gap && !out.is_empty() {
                out.push(' ');
            }
            gap = false;
            marks |= ('\u{300}'..='\u{36f}').contains(&letter);
            out.push(letter);
        }
    }
    dirt.spaces |= gap;
    if marks {
        dirt.decomposed = true;
        out = text::composed(&out);
    }
    if out.chars().count() > LONGEST_FIELD {
        dirt.long = true;
        out = out.chars().take(LONGEST_FIELD).collect();
    }
    if out.eq_ignore_ascii_case("null") {
        dirt.null = true;
        out.clear();
    }
    if out == field { Cow::Borrowed(field) } else { Cow::Owned(out) }
}

/// The character that an octet stands for in Windows-1252, which is what French files that are not UTF-8 are in.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        other => char::from(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(field: &str) -> (String, Flags) {
        let mut dirt = Flags::default();
        (clean(field, &mut dirt).into_owned(), dirt)
    }

    #[test]
    fn defects_are_removed_and_said() {
        assert_eq!(cleaned("CH DE LENS").0, "CH DE LENS");
        let (text, dirt) = cleaned("\tCH\u{a0} DE  LENS ");
        assert!(text == "CH DE LENS" && dirt.spaces);
        let (text, dirt) = cleaned("He\u{301}le\u{300}ne");
        assert!(text == "Hélène" && dirt.decomposed);
        let (text, dirt) = cleaned("A\0B");
        assert!(text == "AB" && dirt.control);
        assert!(cleaned("NULL").1.null && cleaned("NULL").0.is_empty());
        let (text, dirt) = cleaned(&"é".repeat(400));
        assert!(text.chars().count() == 300 && dirt.long);
        let (text, dirt) = cleaned("\"L''ETOILE\" É");
        assert!(text == "\"L''ETOILE\" É" && !dirt.spaces && !dirt.control);
    }
}
