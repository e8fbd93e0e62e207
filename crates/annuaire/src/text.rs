//! Folding: the same for what is indexed and for what is asked, so that only letters and digits count.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Lower case, no accents, ligatures opened, one space for everything that is neither letter nor digit; no space at the
/// ends. The result is ASCII: what folds to nothing in it (emoji, other scripts) becomes a space.
pub(crate) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold_onto(text, &mut out);
    out
}

/// Appends the folded text, after a space where `out` is not empty.
pub(crate) fn fold_onto(text: &str, out: &mut String) {
    let mut gap = !out.is_empty();
    let start = out.len();
    let mut push = |out: &mut String, letter: char| {
        if letter.is_ascii_alphanumeric() {
            if gap && !out.is_empty() {
                out.push(' ');
            }
            gap = false;
            out.push(letter.to_ascii_lowercase());
        } else {
            gap = true;
        }
    };
    if text.is_ascii() {
        for byte in text.bytes() {
            push(out, char::from(byte));
        }
    } else {
        for letter in text.nfkd() {
            match letter {
                'œ' | 'Œ' => "oe".chars().for_each(|c| push(out, c)),
                'æ' | 'Æ' => "ae".chars().for_each(|c| push(out, c)),
                'ß' | 'ẞ' => "ss".chars().for_each(|c| push(out, c)),
                'ø' | 'Ø' => push(out, 'o'),
                'ł' | 'Ł' => push(out, 'l'),
                'đ' | 'Đ' => push(out, 'd'),
                mark if is_combining_mark(mark) => {}
                other => push(out, other),
            }
        }
    }
    debug_assert!(out.len() == start || !out.ends_with(' '));
}

/// The words of a folded text.
pub(crate) fn words(folded: &str) -> impl Iterator<Item = &str> + Clone {
    folded.split(' ').filter(|word| !word.is_empty())
}

/// The text without its accents, case and punctuation kept.
pub(crate) fn without_marks(text: &str) -> String {
    text.nfd().filter(|letter| !is_combining_mark(*letter)).collect()
}

/// The text with its accents as separate characters (NFD), as some systems write it.
pub(crate) fn decomposed(text: &str) -> String {
    text.nfd().collect()
}

/// The text with its accents composed (NFC).
pub(crate) fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// Longest word whose errors are counted: no name is that long, and rows of this length need no memory of their own.
const LONGEST: usize = 63;

/// How many single-letter errors (a letter missing, added, wrong, or two swapped) lie between two folded words; above
/// `limit` any larger number.
pub(crate) fn distance(a: &str, b: &str, limit: usize) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a == b {
        return 0;
    }
    if a.len().abs_diff(b.len()) > limit || a.len().max(b.len()) > LONGEST {
        return limit + 1;
    }
    // Each error brings in, or takes away, one kind of letter at most: most pairs are told apart by that alone.
    let (in_a, in_b) = (letters(a), letters(b));
    if (in_a & !in_b).count_ones().max((in_b & !in_a).count_ones()) as usize > limit {
        return limit + 1;
    }
    let mut rows = [[0_u8; LONGEST + 1]; 3];
    for (at, cell) in rows[0][..=b.len()].iter_mut().enumerate() {
        *cell = at as u8;
    }
    // Row i stands at i modulo 3; two rows above it are still needed for swapped letters.
    for i in 1..=a.len() {
        let (above, before) = (rows[(i + 2) % 3], rows[(i + 1) % 3]);
        let row = &mut rows[i % 3];
        row[0] = i as u8;
        let mut least = row[0];
        for j in 1..=b.len() {
            let cost = u8::from(a[i - 1] != b[j - 1]);
            let mut best = (above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row[j] = best;
            least = least.min(best);
        }
        if usize::from(least) > limit {
            return limit + 1;
        }
    }
    usize::from(rows[a.len() % 3][b.len()])
}

/// Which kinds of letters are in a word.
fn letters(word: &[u8]) -> u64 {
    word.iter().fold(0, |set, letter| set | 1 << (letter & 63))
}

/// How many errors are forgiven in a word of this length (spec of the directory, §4.1).
pub(crate) fn forgiven(length: usize) -> usize {
    match length {
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_letters_and_digits_count() {
        assert_eq!(fold("  D’Artagnan-Lefèvre,  Œuvre n°3 "), "d artagnan lefevre oeuvre n 3");
        assert_eq!(fold("Montluc\u{327}on"), fold("MONTLUÇON"));
        assert_eq!(fold("🚑 \0 ,;"), "");
        assert_eq!(words("le goff").collect::<Vec<_>>(), ["le", "goff"]);
    }

    #[test]
    fn swapped_letters_are_one_error() {
        assert_eq!(distance("dupont", "dupnot", 2), 1);
        assert_eq!(distance("dupont", "duponts", 2), 1);
        assert_eq!(distance("dupont", "durant", 2), 2);
        assert_eq!(distance("dupont", "martin", 2), 3);
        assert_eq!(distance("", "ab", 2), 2);
        assert_eq!(distance("machenior", "marchenoir", 2), 2);
        assert_eq!(distance("marchenior", "marchenoir", 1), 1);
        assert!(distance("marie", "pierre", 1) > 1 && distance("ab", "ba", 0) > 0);
        assert!(distance(&"a".repeat(70), &"a".repeat(71), 1) > 1, "longer than any name");
    }
}
