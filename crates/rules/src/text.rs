use serde::{Deserialize, Serialize};

/// A sentence in both languages. French is the one that users read by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// French.
    pub fr: String,
    /// English.
    pub en: String,
}

impl Text {
    /// A sentence in French and in English.
    pub fn new(fr: impl Into<String>, en: impl Into<String>) -> Self {
        Self { fr: fr.into(), en: en.into() }
    }

    /// The same words in both languages (protocol texts, values).
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { fr: text.clone(), en: text }
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.fr.is_empty() && self.en.is_empty()
    }
}

/// Most characters of a client's text that a sentence quotes.
const LONGEST: usize = 200;

/// A client's text, fit to be quoted: cut at 200 characters; control characters, and those that turn the direction
/// of writing or end a line, are shown as `⍰`.
pub(crate) fn shown(text: &str) -> String {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut characters = text.chars();
    let mut out: String = characters.by_ref().take(LONGEST).map(|c| if odd(c) { '⍰' } else { c }).collect();
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_short_and_on_one_line() {
        assert_eq!(shown("CR d’examens"), "CR d’examens");
        assert_eq!(shown("a\r\nb\u{202e}c"), "a⍰⍰b⍰c");
        assert_eq!(shown(&"é".repeat(500)).chars().count(), 201);
    }
}
