//! What a mail without structured documents lets one guess of its patient and its document.
//!
//! Subjects, names of files and texts are written by people and programs of every habit. So nothing here files anything:
//! each suggestion names its source, two that contradict each other both stand, and a person decides.

use ins::BirthDate;
use serde::{Deserialize, Serialize};

use crate::hprim::date;
use crate::{Interpreted, Sender};

/// Something that a mail seems to say.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// What.
    pub what: Suggested,
    /// The value; dates as `AAAAMMJJ`.
    pub value: String,
    /// Where it stands.
    pub source: Source,
}

/// A patient's data stay out of logs.
impl std::fmt::Debug for Suggestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Suggestion({:?} by {:?})", self.what, self.source)
    }
}

/// What is suggested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suggested {
    /// The patient's family name.
    FamilyName,
    /// The patient's given name.
    GivenName,
    /// The patient's birth date.
    BirthDate,
    /// The matricule of a patient that writes.
    Matricule,
    /// A social security number: ranks candidates, never files.
    SocialSecurity,
    /// The document's type, in the sender's words.
    DocumentType,
    /// The date of the act or of the document.
    DocumentDate,
}

/// Where a suggestion comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The subject.
    Subject,
    /// The name of an attachment, by its place.
    FileName(usize),
    /// The text of the mail.
    Text,
    /// The header block of an HPRIM report, by its place among all.
    Hprim(usize),
    /// The sender's address and label.
    Sender,
}

/// Every suggestion of a mail, each once, at most `most`.
pub(crate) fn of(mail: &Interpreted, most: usize) -> Vec<Suggestion> {
    let mut all = List(Vec::new());
    if let Sender::Patient(patient) = &mail.sender {
        let matricule = patient.matricule.as_ref().map(ToString::to_string).unwrap_or_default();
        all.add(Suggested::Matricule, &matricule, Source::Sender);
        all.add(Suggested::FamilyName, &patient.family, Source::Sender);
        all.add(Suggested::GivenName, &patient.given, Source::Sender);
    }
    for (index, report) in mail.hprim.iter().flat_map(|(_, file)| &file.reports).take(20).enumerate() {
        let source = Source::Hprim(index);
        let date = |date: Option<BirthDate>| date.map(BirthDate::hl7).unwrap_or_default();
        all.add(Suggested::FamilyName, &report.family, source);
        all.add(Suggested::GivenName, &report.given, source);
        all.add(Suggested::BirthDate, &date(report.birth_date), source);
        all.add(Suggested::SocialSecurity, &report.social_security, source);
        all.add(Suggested::DocumentDate, &date(report.date), source);
    }
    if mail.report.is_none() {
        subject(&mail.shown_subject, mail.marked, &mut all);
        let own = mail.attachments.iter().enumerate().filter(|(_, file)| !file.nested).take(20);
        for (index, name) in own.filter_map(|(index, file)| Some((index, file.name.as_deref()?))) {
            file_name(name, index, &mut all);
        }
        text(&mail.text, &mut all);
    }
    all.0.truncate(most);
    all.0
}

struct List(Vec<Suggestion>);

impl List {
    fn add(&mut self, what: Suggested, value: &str, source: Source) {
        let value: String = value.trim().chars().take(120).collect();
        let suggestion = Suggestion { what, value, source };
        if !suggestion.value.is_empty() && !self.0.contains(&suggestion) {
            self.0.push(suggestion);
        }
    }
}

/// `<label> <NOM> <prenom> [<JJ/MM/AAAA>]` (ECO.2.1.3): the name is the last run of words in upper case. Where the subject
/// has not the mark, the birth date must be there: `URGENT Appeler` is no patient.
fn subject(subject: &str, marked: bool, all: &mut List) {
    let words: Vec<&str> = subject.split_whitespace().take(60).collect();
    let (words, born) = match words.split_last() {
        Some((last, before)) => match date(last.trim_end_matches(['.', ')']), None) {
            Some((born, _)) if last.len() >= 8 => (before, Some(born)),
            _ => (words.as_slice(), None),
        },
        None => return,
    };
    if born.is_none() && !marked {
        return;
    }
    if let Some(born) = born {
        all.add(Suggested::BirthDate, &born.hl7(), Source::Subject);
    }
    let Some(end) = words.iter().rposition(|word| is_name(word)) else { return };
    let start = words[..end].iter().rposition(|word| !is_name(word)).map_or(0, |at| at + 1);
    all.add(Suggested::FamilyName, &words[start..=end].join(" "), Source::Subject);
    all.add(Suggested::GivenName, &words[end + 1..].join(" "), Source::Subject);
    let label = words[..start].join(" ");
    let label = label
        .rsplit(']')
        .next()
        .unwrap_or_default()
        .trim()
        .trim_start_matches("Re:")
        .trim_start_matches("TR:");
    all.add(Suggested::DocumentType, label, Source::Subject);
}

/// A word in upper case, of two letters or more, that is no usual abbreviation of documents.
fn is_name(word: &str) -> bool {
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let upper = word
        .chars()
        .all(|c| (c.is_alphabetic() && !c.is_lowercase()) || matches!(c, '-' | '\'' | '\u{2019}'));
    letters >= 2
        && upper
        && !matches!(
            word,
            "CR" | "CRH" | "CRO" | "IRM" | "ECG" | "BIO" | "RE" | "TR" | "URGENT" | "TSH" | "VSM" | "XDM"
        )
}

/// `<AAAAMMJJ>_<type>_<NOM>_<prenom>[_<number>].pdf` (ECO.2.1.6).
fn file_name(name: &str, index: usize, all: &mut List) {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let parts: Vec<&str> = stem.split('_').map(str::trim).take(6).collect();
    let [day, kind, family, given, ..] = parts.as_slice() else { return };
    let Some(day) = BirthDate::parse(day).filter(|_| day.len() == 8) else { return };
    let source = Source::FileName(index);
    all.add(Suggested::DocumentDate, &day.hl7(), source);
    all.add(Suggested::DocumentType, kind, source);
    all.add(Suggested::FamilyName, family, source);
    all.add(Suggested::GivenName, given, source);
}

/// `Nom : …`, `Prénom : …`, `Né(e) le …`, at the head of a line or after a comma, within the first lines.
fn text(text: &str, all: &mut List) {
    for line in text.lines().take(200) {
        let line: String = line.chars().take(300).collect();
        for segment in line.split([',', ';', '\t']) {
            let segment = segment.trim();
            if let Some((key, value)) = segment.split_once(':') {
                let key = ins::folded(key);
                let what = match key.as_str() {
                    "NOM" | "NOM DE NAISSANCE" | "NOM DU PATIENT" => Suggested::FamilyName,
                    "PRENOM" | "PRENOMS" | "PRENOM DU PATIENT" => Suggested::GivenName,
                    "DATE DE NAISSANCE" | "DDN" | "NE LE" | "NEE LE" | "NE(E) LE" => Suggested::BirthDate,
                    _ => continue,
                };
                if what != Suggested::BirthDate {
                    all.add(what, value, Source::Text);
                } else if let Some((born, _)) = first_date(value) {
                    all.add(what, &born.hl7(), Source::Text);
                }
            } else if let Some(born) = born_on(segment) {
                all.add(Suggested::BirthDate, &born.hl7(), Source::Text);
            }
        }
    }
}

fn first_date(text: &str) -> Option<(BirthDate, bool)> {
    text.split_whitespace().take(3).find_map(|word| date(word.trim_matches(['.', '(', ')']), None))
}

/// `… né le 14/07/1962 …`.
fn born_on(segment: &str) -> Option<BirthDate> {
    let words: Vec<&str> = segment.split_whitespace().collect();
    let at = words.windows(2).position(|two| {
        matches!(ins::folded(two[0].trim_matches('(')).as_str(), "NE" | "NEE" | "NE(E)")
            && two[1].eq_ignore_ascii_case("le")
    })?;
    date(words.get(at + 2)?.trim_matches(['.', ')']), None).map(|(date, _)| date)
}
