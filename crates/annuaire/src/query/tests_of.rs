//! What each word is looked for as.

use super::places::long_word;
use super::tables::Labels;
use super::{Criterion, Reading, Test, field_of, synonyms, weight_of};
use crate::found::{FieldName, How};
use crate::index::{Column, Slip};
use crate::text::forgiven;

/// Where a word of free text may stand.
pub(super) const ANYWHERE: [Column; 6] =
    [Column::Family, Column::Given, Column::Organization, Column::City, Column::Street, Column::Mail];

/// A part of a weight, in tenths.
pub(super) fn tenths(weight: u8, tenths: u8) -> u8 {
    u8::try_from(u16::from(weight) * u16::from(tenths) / 10).unwrap_or(u8::MAX)
}

/// The word as this column's words are written: abbreviations in full but in names.
pub(super) fn as_in(column: Column, word: &str) -> String {
    match column {
        Column::Organization | Column::City | Column::Street => long_word(word).to_owned(),
        _ => word.to_owned(),
    }
}

/// The word as it is, and as a beginning.
pub(super) fn plain(word: &str, columns: &[Column], out: &mut Vec<Reading>) {
    for &column in columns {
        let weight = weight_of(column);
        let written = as_in(column, word);
        let how = if written == word { How::Exact } else { How::Synonym };
        out.push(Reading { field: field_of(column), how, weight, test: Test::Word(column, written) });
        if word.len() >= 4 && column != Column::Mail && !word.bytes().all(|byte| byte.is_ascii_digit()) {
            let test = Test::Prefix(column, word.to_owned());
            out.push(Reading { field: field_of(column), how: How::Prefix, weight: tenths(weight, 6), test });
        }
    }
    if (1..4).contains(&word.len()) {
        let starts = [Column::Family, Column::Given, Column::Organization, Column::City];
        let test = if starts.iter().all(|column| columns.contains(column)) {
            Test::Word(Column::Start, word.to_owned())
        } else {
            let prefixes = columns.iter().filter(|column| **column != Column::Mail);
            Test::Any(prefixes.map(|column| Test::Prefix(*column, word.to_owned())).collect())
        };
        let field = columns.first().map_or(FieldName::Texte, |column| field_of(*column));
        out.push(Reading { field, how: How::Prefix, weight: 30, test });
    }
}

/// Which of professions and savoir-faire a word may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trades {
    Both,
    Professions,
    Skills,
}

impl Trades {
    fn takes(self, code: &str) -> bool {
        match self {
            Self::Both => true,
            Self::Professions => code.starts_with('p'),
            Self::Skills => code.starts_with('s'),
        }
    }
}

/// Words of professions and specialties: usual ones, and those of official labels.
pub(super) fn trades(word: &str, which: Trades, labels: &Labels, out: &mut Vec<Reading>) {
    if let Some(meaning) = synonyms::exact(word) {
        codes(meaning.professions.iter().chain(&meaning.skills).cloned(), which, How::Synonym, 90, out);
    }
    if word.len() >= 3 {
        codes(labels.word(word).into_iter(), which, How::Exact, 88, out);
        let meaning = synonyms::prefixed(word);
        codes(meaning.professions.into_iter().chain(meaning.skills), which, How::Synonym, 60, out);
    }
    if word.len() >= 4 {
        codes(labels.prefix(word).into_iter(), which, How::Prefix, 58, out);
    }
}

/// Readings for codes: of savoir-faire and of professions apart, because they are shown apart.
pub(super) fn codes(
    found: impl Iterator<Item = String>,
    which: Trades,
    how: How,
    weight: u8,
    out: &mut Vec<Reading>,
) {
    let (skills, professions): (Vec<String>, Vec<String>) =
        found.filter(|code| which.takes(code)).partition(|code| code.starts_with('s'));
    for (field, codes) in [(FieldName::Specialite, skills), (FieldName::Profession, professions)] {
        if !codes.is_empty() {
            let test = Test::Any(codes.into_iter().map(|code| Test::Word(Column::Code, code)).collect());
            out.push(Reading { field, how, weight, test });
        }
    }
}

/// A word anywhere, as one test: for the words of a phrase.
pub(super) fn anywhere(word: &str, columns: &[Column]) -> Test {
    let mut tests: Vec<Test> =
        columns.iter().map(|column| Test::Word(*column, as_in(*column, word))).collect();
    if word.len() >= 4 {
        let named = columns.iter().filter(|column| **column != Column::Mail);
        tests.extend(named.map(|column| Test::Prefix(*column, word.to_owned())));
    }
    Test::Any(tests)
}

/// Letters from which a word that is still being typed is forgiven an error: before, the beginnings of half the names of
/// France are one error away.
const OPEN_FROM: usize = 5;

/// The readings of a criterion with its words mistyped.
pub(crate) fn slips(criterion: &Criterion, slip: Slip, labels: &Labels) -> Vec<Reading> {
    let mut out = Vec::new();
    for fuzzy in &criterion.fuzzy {
        let length = fuzzy.word.len();
        let (is_forgiven, part) = match slip {
            Slip::One => (forgiven(length) >= 1, 40),
            Slip::OneOpen => (fuzzy.open && length >= OPEN_FROM, 28),
            Slip::Two => (forgiven(length) >= 2, 30),
        };
        if !is_forgiven {
            continue;
        }
        for &column in &fuzzy.columns {
            if slip == Slip::OneOpen && column == Column::Street {
                continue;
            }
            let weight = u8::try_from(u32::from(weight_of(column)) * part / 100).unwrap_or(u8::MAX);
            let test = Test::Near { column, word: as_in(column, &fuzzy.word), slip };
            out.push(Reading { field: field_of(column), how: How::Typo, weight, test });
        }
        if fuzzy.trades && slip != Slip::OneOpen {
            let meaning = synonyms::near(&fuzzy.word, slip.errors());
            let found = meaning.professions.into_iter().chain(meaning.skills);
            let found = found.chain(labels.near(&fuzzy.word, slip.errors()));
            codes(found, Trades::Both, How::Typo, if slip == Slip::One { 36 } else { 27 }, &mut out);
        }
    }
    out
}
