//! The four faces, what they can set, and how wide it is.
//!
//! The tables of characters are read once per process: a document then costs a look-up a character.

use std::collections::HashMap;
use std::sync::LazyLock;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};
use unicode_normalization::UnicodeNormalization;

use crate::content::Style;

/// What stands for a character that cannot be set.
const REPLACEMENT: char = '\u{fffd}';

/// One of the faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    Regular,
    Bold,
    Italic,
    BoldItalic,
}

/// All faces.
pub(crate) struct Fonts {
    faces: [Loaded; 4],
}

struct Loaded {
    data: &'static [u8],
    /// Glyph, and advance in sizes of the font.
    glyphs: HashMap<char, (u32, f32)>,
}

static FONTS: LazyLock<Fonts> = LazyLock::new(|| Fonts {
    faces: [
        Loaded::new(dejavu::sans_condensed::regular()),
        Loaded::new(dejavu::sans_condensed::bold()),
        Loaded::new(dejavu::sans_condensed::oblique()),
        Loaded::new(dejavu::sans_condensed::bold_oblique()),
    ],
});

impl Fonts {
    pub(crate) fn get() -> &'static Self {
        &FONTS
    }

    /// `text` in characters that the regular face has; the second is how many were replaced. Spaces of other kinds than
    /// U+0020 are kept, other control characters but line feeds become spaces, invisible marks of direction and joining go.
    pub(crate) fn clean(&self, text: &str) -> (String, usize) {
        let plain = |c: char| matches!(c, ' '..='~' | '\n');
        if text.chars().all(plain) {
            return (text.to_owned(), 0);
        }
        let (mut out, mut replaced) = (String::with_capacity(text.len()), 0);
        for c in text.nfc() {
            if plain(c) || self.can_set(c) {
                out.push(c);
            } else if c.is_control() || c == '\u{2028}' || c == '\u{2029}' {
                out.push(' ');
            } else if is_invisible(c) {
            } else if std::iter::once(c).nfkd().all(|c| self.can_set(c)) {
                out.extend(std::iter::once(c).nfkd());
            } else {
                out.push(REPLACEMENT);
                replaced += 1;
            }
        }
        (out, replaced)
    }

    /// The face for a text of this style: the regular one where the wanted one lacks a character (the oblique faces have
    /// fewer symbols).
    pub(crate) fn face(&self, style: Style, text: &str) -> Face {
        let wanted = match (style.bold, style.italic) {
            (false, false) => return Face::Regular,
            (true, false) => Face::Bold,
            (false, true) => Face::Italic,
            (true, true) => Face::BoldItalic,
        };
        let loaded = &self.faces[wanted as usize];
        if text.chars().all(|c| loaded.glyphs.contains_key(&c)) { wanted } else { Face::Regular }
    }

    /// How wide a text is, at size 1.
    pub(crate) fn width(&self, face: Face, text: &str) -> f32 {
        text.chars().map(|c| self.glyph(face, c).1).sum()
    }

    pub(crate) fn width_of(&self, face: Face, c: char) -> f32 {
        self.glyph(face, c).1
    }

    /// The glyphs of a text that was cleaned.
    pub(crate) fn glyphs(&self, face: Face, text: &str) -> Vec<KrillaGlyph> {
        text.char_indices()
            .map(|(at, c)| {
                let (id, advance) = self.glyph(face, c);
                let range = at..at + c.len_utf8();
                KrillaGlyph::new(GlyphId::new(id), advance, 0.0, 0.0, 0.0, range, None)
            })
            .collect()
    }

    /// The four faces for the writer, in the order of [`Face`]. `None` if one is no font, which a test excludes.
    pub(crate) fn load(&self) -> Option<[Font; 4]> {
        let font = |index: usize| Font::new(self.faces[index].data.into(), 0);
        Some([font(0)?, font(1)?, font(2)?, font(3)?])
    }

    fn can_set(&self, c: char) -> bool {
        !needs_shaping(c) && !is_invisible(c) && self.faces[0].glyphs.contains_key(&c)
    }

    fn glyph(&self, face: Face, c: char) -> (u32, f32) {
        let glyphs = &self.faces[face as usize].glyphs;
        glyphs
            .get(&c)
            .or_else(|| glyphs.get(&REPLACEMENT))
            .or_else(|| glyphs.get(&'?'))
            .copied()
            .unwrap_or((0, 0.5))
    }
}

impl Loaded {
    fn new(data: &'static [u8]) -> Self {
        let mut glyphs = HashMap::new();
        if let Ok(font) = FontRef::new(data) {
            let metrics = font.glyph_metrics(Size::unscaled(), LocationRef::default());
            let em = f32::from(font.metrics(Size::unscaled(), LocationRef::default()).units_per_em.max(1));
            for (point, glyph) in font.charmap().mappings() {
                if let Some(c) = char::from_u32(point) {
                    let advance = metrics.advance_width(glyph).unwrap_or(0.0) / em;
                    glyphs.insert(c, (glyph.to_u32(), advance));
                }
            }
        }
        Self { data, glyphs }
    }
}

/// Scripts that are written right to left or whose letters join, and private characters, which mean nothing.
fn needs_shaping(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{900}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{e000}'..='\u{f8ff}'
        | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
        | '\u{f0000}'..)
}

/// Marks that print nothing: soft hyphen, joiners, directions, variation selectors, byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faces_load_and_have_what_french_documents_use() {
        let fonts = Fonts::get();
        assert!(fonts.load().is_some());
        let text = "AÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸàâæçéèêëîïôœùûüÿ «»’…–—€µ²³°±≤≥≠≈×÷→←↑↓αβγΔΩ☐☑•½‰\u{a0}\u{202f}\u{fffd}";
        assert_eq!(fonts.clean(text), (text.to_owned(), 0));
        for face in [Face::Regular, Face::Bold, Face::Italic, Face::BoldItalic] {
            for c in "Éœ’µ≥\u{fffd}".chars() {
                assert!(fonts.faces[face as usize].glyphs.contains_key(&c), "{face:?} {c}");
            }
            assert!((0.4..0.8).contains(&fonts.width(face, "n")));
        }
        assert_eq!(fonts.face(Style { italic: true, ..Style::default() }, "Éloïse"), Face::Italic);
    }

    #[test]
    fn what_cannot_be_set_is_replaced_and_counted() {
        let fonts = Fonts::get();
        assert_eq!(fonts.clean("e\u{301}t\u{200b}e\u{301}\u{7}x\u{feff}"), ("été x".into(), 0));
        assert_eq!(fonts.clean("㎎ ﬁn"), ("mg ﬁn".into(), 0));
        assert_eq!(fonts.clean("شهر 漢 \u{e000}"), ("\u{fffd}\u{fffd}\u{fffd} \u{fffd} \u{fffd}".into(), 5));
    }
}
