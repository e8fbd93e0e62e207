//! HPRIM Médecin: the text reports that laboratories and colleagues still send by mail (spec 08).
//!
//! Twelve header lines, free text, results on lines of fields, and marks of stars. There is no INS in it: line 8 is a
//! social security number, which may rank candidates and never files anything. So what is read here feeds suggestions.

use ins::BirthDate;
use serde::{Deserialize, Serialize};

use crate::MailLimits;
use crate::mime::guess_charset;

mod entities;
mod result;

pub(crate) use entities::undone;
pub use result::{HprimKind, HprimResult, Judged, Level, Range};

/// A file of reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hprim {
    /// In the order of the file. Several reports are several documents, possibly of several patients.
    pub reports: Vec<HprimReport>,
    /// Whether `****FINFICHIER****` stands at the end. Without it the file may have been cut.
    pub closed: bool,
    /// Whether reports or lines were left unread: see [`MailLimits::hprim`].
    pub cut: bool,
}

/// One report. Fields are trimmed; what is empty in the file is empty here.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HprimReport {
    /// Line 1: the sender's number for the patient.
    pub patient_number: String,
    /// Line 2.
    pub family: String,
    /// Line 3.
    pub given: String,
    /// Lines 4 and 5, joined; line 6, postcode and town.
    pub address: [String; 2],
    /// Line 7, where it is a date.
    pub birth_date: Option<BirthDate>,
    /// Line 7 has a year of two digits: the century is the last one before the report.
    pub century_guessed: bool,
    /// Line 8: a social security number, with or without key; never an INS.
    pub social_security: String,
    /// Line 9: the sender's number for the report.
    pub report_number: String,
    /// Line 10, where it is a date: of the act or of the report.
    pub date: Option<BirthDate>,
    /// Line 11.
    pub sender: HprimParty,
    /// Line 12.
    pub recipient: HprimParty,
    /// The free text, lines ended by LF, entities and tags undone.
    pub text: String,
    /// What stands after `****LAB****`.
    pub lines: Vec<HprimLine>,
    /// Whether `****FIN****` ends it.
    pub closed: bool,
}

/// A patient's data stay out of logs.
impl std::fmt::Debug for HprimReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HprimReport({} characters, {} lines of results)", self.text.len(), self.lines.len())
    }
}

impl HprimReport {
    /// The results among [`HprimReport::lines`].
    pub fn results(&self) -> impl Iterator<Item = &HprimResult> {
        self.lines.iter().filter_map(|line| match line {
            HprimLine::Result(result) => Some(&**result),
            HprimLine::Title(_) | HprimLine::Text(_) => None,
        })
    }
}

/// Sender or recipient: code and label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HprimParty {
    /// Up to the first blank.
    pub code: String,
    /// The rest.
    pub label: String,
}

/// A line after `****LAB****`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HprimLine {
    /// `TEX`: a line of the printed report; also a line of no known kind, so that nothing is lost.
    Text(String),
    /// `RES` without a value: the title of a chapter.
    Title(String),
    /// `RES` with a value.
    Result(Box<HprimResult>),
}

/// Whether a file or a mail's text is HPRIM: it has one of the marks of stars on a line of its own. Names of files say
/// little: `.txt` is the commonest.
pub fn looks_like_hprim(bytes: &[u8]) -> bool {
    bytes.len() >= 20
        && guess_charset(&bytes[..bytes.len().min(LONGEST)])
            .split(['\r', '\n'])
            .any(|line| mark(line).is_some())
}

/// Octets of a file that are read; reports are of some kilobytes.
const LONGEST: usize = 8 * 1024 * 1024;

/// Reads a file, or a mail's text. `None` where [`looks_like_hprim`] says no; never fails otherwise: what is missing is
/// empty.
pub fn read_hprim(bytes: &[u8]) -> Option<Hprim> {
    if !looks_like_hprim(bytes) {
        return None;
    }
    let most = MailLimits::default().hprim;
    let text = guess_charset(&bytes[..bytes.len().min(LONGEST)]);
    let mut file = Hprim { cut: bytes.len() > LONGEST, ..Hprim::default() };
    let mut current: Vec<&str> = Vec::new();
    for line in lines(&text) {
        let ends = match mark(line) {
            Some(Mark::EndOfFile) => {
                file.closed = true;
                break;
            }
            Some(Mark::End) => true,
            Some(Mark::Results) | None => false,
        };
        if !ends {
            current.push(line);
            continue;
        }
        if file.reports.len() >= most {
            file.cut = true;
            return Some(file);
        }
        file.push(&current, true, most);
        current.clear();
    }
    // A report that is not closed is read as far as it goes; the blank lines after the last one are none.
    if current.iter().any(|line| !line.trim().is_empty()) && file.reports.len() < most {
        file.push(&current, false, most);
    }
    Some(file)
}

impl Hprim {
    fn push(&mut self, lines: &[&str], closed: bool, most: usize) {
        // Blank lines between two reports belong to neither; the first header line is often empty, so one may stand.
        let blank = lines.iter().take_while(|line| line.trim().is_empty()).count();
        let lines = if self.reports.is_empty() { lines } else { &lines[blank.saturating_sub(1)..] };
        let lines = if blank > 0 && !self.reports.is_empty() && header_fits(&lines[1..]) {
            &lines[1..]
        } else {
            lines
        };
        let at = |index: usize| {
            lines.get(index).map(|line| entities::undone(line).trim().to_owned()).unwrap_or_default()
        };
        let date = date(&at(9), None).map(|(date, _)| date);
        let born = self::date(&at(6), date);
        let mut report = HprimReport {
            patient_number: at(0),
            family: at(1),
            given: at(2),
            address: [format!("{} {}", at(3), at(4)).trim().to_owned(), at(5)],
            birth_date: born.map(|(date, _)| date),
            century_guessed: born.is_some_and(|(_, guessed)| guessed),
            social_security: at(7).split_whitespace().collect(),
            report_number: at(8),
            date,
            sender: party(&at(10)),
            recipient: party(&at(11)),
            closed,
            ..HprimReport::default()
        };
        let mut in_results = false;
        for line in lines.iter().skip(12) {
            if mark(line) == Some(Mark::Results) {
                in_results = true;
            } else if !in_results {
                report.text.push_str(entities::undone(line).trim_end());
                report.text.push('\n');
            } else if report.lines.len() >= most {
                self.cut = true;
                break;
            } else if !line.trim().is_empty() {
                report.lines.push(result::line(line));
            }
        }
        self.reports.push(report);
    }
}

/// Whether these lines are a header: the seventh or the tenth is a date.
fn header_fits(lines: &[&str]) -> bool {
    [6, 9].iter().any(|&at| lines.get(at).is_some_and(|line| date(line.trim(), None).is_some()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Results,
    End,
    EndOfFile,
}

/// A line of four or more stars on each side of a word.
fn mark(line: &str) -> Option<Mark> {
    let line = line.trim();
    let word = line.trim_matches('*');
    if line.len() < word.len() + 4 || !line.starts_with("**") {
        return None;
    }
    match word.trim().to_ascii_uppercase().as_str() {
        "LAB" => Some(Mark::Results),
        "FIN" => Some(Mark::End),
        "FINFICHIER" => Some(Mark::EndOfFile),
        _ => None,
    }
}

/// Lines ended by CR LF, LF or CR.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = text.find(['\r', '\n']) else {
            rest = None;
            return Some(text);
        };
        let length = if text[at..].starts_with("\r\n") { 2 } else { 1 };
        rest = Some(&text[at + length..]);
        Some(&text[..at])
    })
}

/// `JJ/MM/AAAA`, `JJMMAAAA`, or with a year of two digits, of which the century is the last that gives a day not after
/// `before`: `true` then.
pub(crate) fn date(text: &str, before: Option<BirthDate>) -> Option<(BirthDate, bool)> {
    let parts: Vec<&str> = text.split(['/', '-', '.']).collect();
    let (day, month, year) = match parts.as_slice() {
        [one] if one.is_ascii() && matches!(one.len(), 6 | 8) => (&one[..2], &one[2..4], &one[4..]),
        [day, month, year] => (*day, *month, *year),
        _ => return None,
    };
    let digits = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        (lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse::<u16>().ok())?
    };
    let (day, month) = (digits(day, 1..=2)?, digits(month, 1..=2)?);
    if !(1..=31).contains(&day) || !(1..=12).contains(&month) {
        return None;
    }
    let whole = |year: u16| BirthDate::parse(&format!("{year:04}{month:02}{day:02}"));
    if year.len() == 4 {
        return Some((whole(digits(year, 4..=4).filter(|year| *year >= 1_800)?)?, false));
    }
    let (two, before) = (digits(year, 2..=2)?, before?);
    [2_000, 1_900]
        .into_iter()
        .filter_map(|century| whole(century + two))
        .find(|date| *date <= before)
        .map(|date| (date, true))
}

fn party(line: &str) -> HprimParty {
    match line.split_once(char::is_whitespace) {
        Some((code, label)) => HprimParty { code: code.to_owned(), label: label.trim().to_owned() },
        None => HprimParty { code: String::new(), label: line.to_owned() },
    }
}

#[cfg(test)]
mod tests;
