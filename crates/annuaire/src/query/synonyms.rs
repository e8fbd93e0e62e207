//! Usual words for professions and specialties: `data/synonyms.tsv`, read once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::text::{distance, fold};

/// What a usual word stands for: index words of codes (`p10`, `ssm04`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// Professions meant whatever the savoir-faire.
    pub(crate) professions: Vec<String>,
    /// Savoir-faire, any of which is meant.
    pub(crate) skills: Vec<String>,
}

impl Meaning {
    fn add(&mut self, other: &Self) {
        for (mine, theirs) in [(&mut self.professions, &other.professions), (&mut self.skills, &other.skills)]
        {
            for code in theirs {
                if !mine.contains(code) {
                    mine.push(code.clone());
                }
            }
        }
    }
}

/// Most words of one phrase of the table.
pub(crate) const LONGEST: usize = 4;

static TABLE: LazyLock<BTreeMap<String, Meaning>> = LazyLock::new(|| {
    let mut table: BTreeMap<String, Meaning> = BTreeMap::new();
    for line in include_str!("../../data/synonyms.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let (Some(phrases), Some(professions)) = (fields.next(), fields.next()) else { continue };
        let codes = |letter: char, list: &str| -> Vec<String> {
            let codes = list.split(',').map(str::trim).filter(|code| !code.is_empty());
            codes.map(|code| format!("{letter}{}", code.to_ascii_lowercase())).collect()
        };
        let skills = codes('s', fields.next().unwrap_or_default());
        let professions = if skills.is_empty() { codes('p', professions) } else { Vec::new() };
        let meaning = Meaning { professions, skills };
        for phrase in phrases.split(',') {
            table.entry(fold(phrase)).or_default().add(&meaning);
        }
    }
    table
});

/// What this phrase stands for; a final `s` or `e` more or less is the same word.
pub(crate) fn exact(phrase: &str) -> Option<&'static Meaning> {
    let try_one = |phrase: &str| TABLE.get(phrase);
    try_one(phrase)
        .or_else(|| phrase.strip_suffix('s').and_then(try_one))
        .or_else(|| phrase.strip_suffix('e').filter(|rest| rest.len() > 3).and_then(try_one))
        .or_else(|| phrase.strip_suffix("es").filter(|rest| rest.len() > 3).and_then(try_one))
}

/// What the phrases with this beginning stand for.
pub(crate) fn prefixed(prefix: &str) -> Meaning {
    let mut all = Meaning::default();
    for (phrase, meaning) in TABLE.range(prefix.to_owned()..) {
        if !phrase.starts_with(prefix) {
            break;
        }
        all.add(meaning);
    }
    all
}

/// What single words at this distance stand for.
pub(crate) fn near(word: &str, limit: usize) -> Meaning {
    let mut all = Meaning::default();
    for (phrase, meaning) in TABLE.iter() {
        if phrase.len() >= 4 && !phrase.contains(' ') && distance(word, phrase, limit) <= limit {
            all.add(meaning);
        }
    }
    all
}

/// The word of the table that is nearest, for "did you mean".
pub(crate) fn nearest(word: &str, limit: usize) -> Option<&'static str> {
    let words = TABLE.keys().filter(|phrase| phrase.len() >= 4 && !phrase.contains(' '));
    let distances = words.map(|phrase| (distance(word, phrase, limit), phrase.as_str()));
    distances.filter(|(far, _)| *far <= limit).min().map(|(_, phrase)| phrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_words_are_known_with_or_without_accents_and_in_the_plural() {
        for word in ["gyneco", "gynecologue", "gynecologues", "gygy"] {
            assert!(
                exact(word).is_some_and(|meaning| meaning.skills.contains(&"ssm20".to_owned())),
                "{word}"
            );
        }
        assert_eq!(
            exact("infirmieres").map(|meaning| meaning.professions.clone()),
            Some(vec!["p60".to_owned()])
        );
        let ortho = exact("ortho").expect("known");
        assert!(ortho.professions.contains(&"p91".to_owned()) && ortho.skills.contains(&"sscd01".to_owned()));
        assert!(prefixed("cardiol").skills.contains(&"ssm04".to_owned()));
        assert!(near("cardiolgue", 2).skills.contains(&"ssm04".to_owned()));
        assert!(exact("dupont").is_none());
    }

    #[test]
    fn no_phrase_is_longer_than_what_is_looked_for() {
        assert!(TABLE.keys().all(|phrase| phrase.split(' ').count() <= LONGEST));
        assert!(TABLE.len() > 250);
    }
}
