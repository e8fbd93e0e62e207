//! Spaces and apostrophes as printers set them (Lexique des règles typographiques en usage à l'Imprimerie
//! nationale): applied to the source files once, never to what a person typed.

use crate::Lang;

const NARROW: char = '\u{202f}';

/// The text of a Fluent file with its typography.
pub(crate) fn set(lang: Lang, source: &str) -> String {
    let mut out = String::with_capacity(source.len() + 64);
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match (c, next) {
            ('\'', _) => out.push('’'),
            (' ', Some(':' | ';' | '?' | '!' | '»')) if lang == Lang::Fr => out.push(NARROW),
            ('«', Some(' ')) if lang == Lang::Fr => {
                chars.next();
                out.extend(['«', NARROW]);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_gets_its_narrow_spaces_and_english_none() {
        assert_eq!(
            set(Lang::Fr, "Qui ? « L'autre » : oui"),
            "Qui\u{202f}? «\u{202f}L’autre\u{202f}»\u{202f}: oui"
        );
        assert_eq!(set(Lang::En, "don't ?"), "don’t ?");
    }
}
