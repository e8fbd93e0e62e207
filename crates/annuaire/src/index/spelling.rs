//! Words as they are spelt in this base, all columns together: what a mistyped word may have been.
//!
//! An automaton that accepts a word's misspellings must be walked over a dictionary. There are five columns of words and
//! several segments of each; walked one by one they would cost ten times what one walk over all of them does, for each
//! word of a question. One dictionary of all words, with the columns that have each, is walked once, and what was found
//! for a word is kept, because the words before the one that is being typed stay the same.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder as Builder, SINK_STATE};
use tantivy::InvertedIndexReader;
use tantivy_fst::{IntoStreamer as _, Map, MapBuilder, Streamer as _};

use super::Column;
use crate::error::Error;

/// Columns whose words are forgiven errors.
pub(crate) const SPELT: [Column; 5] =
    [Column::Family, Column::Given, Column::Organization, Column::City, Column::Street];

/// Words that one mistyped word may stand for, at most.
const MOST: usize = 600;

/// Mistyped words that are remembered.
const REMEMBERED: usize = 256;

/// The file of a base.
const FILE: &str = "spelling.fst";

/// How a word may be mistyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Slip {
    /// One letter missing, added, wrong, or two swapped.
    One,
    /// One such error in a word that is still being typed.
    OneOpen,
    /// Two errors, the first letter right.
    Two,
}

impl Slip {
    /// How many errors.
    pub(crate) fn errors(self) -> usize {
        if self == Self::Two { 2 } else { 1 }
    }
}

/// A word of the base, and in which columns it is: one bit for each of [`SPELT`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spelt {
    pub(crate) word: String,
    columns: u64,
}

impl Spelt {
    /// Whether a card has this word in this column.
    pub(crate) fn is_in(&self, column: Column) -> bool {
        SPELT.iter().position(|known| *known == column).is_some_and(|at| self.columns & (1 << at) != 0)
    }
}

/// What was found for mistyped words.
type Known = HashMap<(String, Slip), Arc<[Spelt]>>;

/// The words of a base.
pub(crate) struct Spelling {
    words: Map<Vec<u8>>,
    known: Mutex<Known>,
}

impl Spelling {
    /// Writes the words of these columns' dictionaries, given as pairs of the column's place in [`SPELT`] and its reader.
    pub(crate) fn write(dir: &Path, columns: &[(usize, Arc<InvertedIndexReader>)]) -> Result<(), Error> {
        let path = dir.join(FILE);
        let failed = || Error::io(format!("writing {}", path.display()));
        let mut words: Vec<(Vec<u8>, u64)> = Vec::new();
        for (at, reader) in columns {
            let mut stream = reader.terms().stream().map_err(failed())?;
            while stream.advance() {
                // Numbers are never forgiven an error.
                if !stream.key().iter().any(u8::is_ascii_digit) {
                    words.push((stream.key().to_vec(), 1 << at));
                }
            }
        }
        words.sort_unstable();
        words.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 |= next.1;
            }
            same
        });
        let mut builder = MapBuilder::memory();
        let other = |error: tantivy_fst::Error| std::io::Error::other(error.to_string());
        for (word, columns) in &words {
            builder.insert(word, *columns).map_err(other).map_err(failed())?;
        }
        let bytes = builder.into_inner().map_err(other).map_err(failed())?;
        std::fs::write(&path, bytes).map_err(failed())
    }

    /// Reads the words of a base.
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        let damaged = |what: String| Error::Damaged { dir: dir.to_owned(), what: format!("{FILE}: {what}") };
        let bytes = std::fs::read(dir.join(FILE)).map_err(|error| damaged(error.to_string()))?;
        let words = Map::from_bytes(bytes).map_err(|error| damaged(error.to_string()))?;
        Ok(Self { words, known: Mutex::default() })
    }

    /// The words of the base that this one may have been meant to be.
    pub(crate) fn near(&self, word: &str, slip: Slip) -> Arc<[Spelt]> {
        let key = (word.to_owned(), slip);
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().get(&key) {
            return Arc::clone(found);
        }
        let found: Arc<[Spelt]> = self.walk(word, slip).into();
        let mut known = known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, Arc::clone(&found));
        found
    }

    fn walk(&self, word: &str, slip: Slip) -> Vec<Spelt> {
        let automaton = Automaton::new(word, slip);
        let mut found = Vec::new();
        let search = self.words.search(&automaton);
        let mut stream = match (slip, word.get(..1)) {
            (Slip::Two, Some(first)) => {
                let mut end = first.as_bytes().to_vec();
                end.push(0xff);
                search.ge(first).lt(end).into_stream()
            }
            _ => search.into_stream(),
        };
        while let Some((key, columns)) = stream.next() {
            if let Ok(word) = std::str::from_utf8(key) {
                found.push(Spelt { word: word.to_owned(), columns });
            }
            if found.len() == MOST {
                break;
            }
        }
        found
    }
}

/// Accepts the words at a distance of some typing errors.
struct Automaton(DFA);

impl Automaton {
    fn new(word: &str, slip: Slip) -> Self {
        static ONE: LazyLock<Builder> = LazyLock::new(|| Builder::new(1, true));
        static TWO: LazyLock<Builder> = LazyLock::new(|| Builder::new(2, true));
        Self(match slip {
            Slip::One => ONE.build_dfa(word),
            Slip::OneOpen => ONE.build_prefix_dfa(word),
            Slip::Two => TWO.build_dfa(word),
        })
    }
}

impl tantivy_fst::Automaton for Automaton {
    type State = u32;

    fn start(&self) -> u32 {
        self.0.initial_state()
    }

    fn is_match(&self, state: &u32) -> bool {
        matches!(self.0.distance(*state), Distance::Exact(_))
    }

    fn can_match(&self, state: &u32) -> bool {
        *state != SINK_STATE
    }

    fn accept(&self, state: &u32, byte: u8) -> u32 {
        self.0.transition(*state, byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_by_their_misspellings() {
        let mut builder = MapBuilder::memory();
        for (word, columns) in [("dupond", 1), ("dupont", 5), ("durand", 1), ("marchenoir", 1), ("martin", 3)]
        {
            builder.insert(word, columns).unwrap();
        }
        let words = Map::from_bytes(builder.into_inner().unwrap()).unwrap();
        let spelling = Spelling { words, known: Mutex::default() };
        let near = |word: &str, slip: Slip| -> Vec<String> {
            spelling.near(word, slip).iter().map(|spelt| spelt.word.clone()).collect()
        };
        assert_eq!(near("dupnot", Slip::One), ["dupont"]);
        assert_eq!(near("dupont", Slip::One), ["dupond", "dupont"]);
        assert_eq!(near("marchne", Slip::OneOpen), ["marchenoir"]);
        assert_eq!(near("marchne", Slip::One), Vec::<String>::new());
        assert_eq!(near("machenior", Slip::Two), ["marchenoir"]);
        assert_eq!(near("lachenoir", Slip::Two), Vec::<String>::new(), "the first letter is right");
        assert_eq!(near("dupnot", Slip::One), ["dupont"], "remembered");
        let dupont = &spelling.near("dupont", Slip::One)[1];
        assert!(dupont.is_in(Column::Family) && dupont.is_in(Column::Organization));
        assert!(!dupont.is_in(Column::Given) && !dupont.is_in(Column::Mail));
    }
}
