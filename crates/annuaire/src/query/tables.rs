//! The words of official labels, taken from the base itself: "cardiologie" leads to every code that has it.

use crate::index::terms::code_word;
use crate::index::{Pair, Tables};
use crate::text::{distance, fold};

/// Labels of the base's professions and savoir-faire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels(Vec<Label>);

#[derive(Clone, Debug)]
struct Label {
    code: String,
    /// The code as people type it, folded.
    typed: String,
    words: Vec<String>,
}

impl Labels {
    pub(crate) fn new(tables: &Tables) -> Self {
        let label = |letter: char, Pair(code, label): &Pair| Label {
            code: code_word(letter, code, label),
            typed: fold(code).replace(' ', ""),
            words: fold(label).split(' ').map(str::to_owned).collect(),
        };
        let professions = tables.professions.iter().map(|pair| label('p', pair));
        Self(professions.chain(tables.skills.iter().map(|pair| label('s', pair))).collect())
    }

    /// Codes whose label has this word.
    pub(crate) fn word(&self, word: &str) -> Vec<String> {
        self.codes(|label| label.words.iter().any(|known| known == word))
    }

    /// Codes whose label has a word with this beginning.
    pub(crate) fn prefix(&self, prefix: &str) -> Vec<String> {
        self.codes(|label| label.words.iter().any(|known| known.starts_with(prefix)))
    }

    /// Codes whose label has a word at this distance.
    pub(crate) fn near(&self, word: &str, limit: usize) -> Vec<String> {
        let close = |known: &String| known.len() >= 4 && distance(word, known, limit) <= limit;
        self.codes(|label| label.words.iter().any(close))
    }

    /// The code itself, as `SM04`: of professions with `p`, of savoir-faire with `s`.
    pub(crate) fn code(&self, letter: char, typed: &str) -> Option<String> {
        self.0
            .iter()
            .find(|label| label.code.starts_with(letter) && label.typed == typed)
            .map(|label| label.code.clone())
    }

    /// The word of a label that is nearest, for "did you mean".
    pub(crate) fn nearest(&self, word: &str, limit: usize) -> Option<&str> {
        let words = self.0.iter().flat_map(|label| &label.words).filter(|known| known.len() >= 4);
        let distances = words.map(|known| (distance(word, known, limit), known.as_str()));
        distances.filter(|(far, _)| *far <= limit).min().map(|(_, known)| known)
    }

    fn codes(&self, has: impl Fn(&Label) -> bool) -> Vec<String> {
        self.0.iter().filter(|label| has(label)).map(|label| label.code.clone()).collect()
    }
}
