use askama::Template;

/// What a status means for the reader. Colour alone never says it: each has its icon and its word (WCAG 1.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Nobody can say, or somebody must look.
    Unsure,
    /// Under way.
    Active,
    /// Waits for its turn or for a person.
    Waiting,
    /// Does not count: left out, not started, not applicable.
    Idle,
}

/// A status pill: icon, word, colour. The word is escaped; the result is HTML, to be shown with askama's `safe`.
pub fn pill(tone: Tone, word: &str) -> String {
    let (class, path) = tone.looks();
    Pill { class, path, word }.render().unwrap_or_else(|_| word.replace(['<', '>', '&', '"'], ""))
}

#[derive(Template)]
#[template(
    source = r#"<span class="pill {{ class }}"><svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d="{{ path }}"/></svg>{{ word }}</span>"#,
    ext = "html"
)]
struct Pill<'a> {
    class: &'a str,
    path: &'a str,
    word: &'a str,
}

impl Tone {
    /// Class of the style sheet, and the icon's outline on a 16 × 16 grid (stroked, round ends).
    fn looks(self) -> (&'static str, &'static str) {
        match self {
            Self::Good => ("good", "M3 8.5l3.2 3.2L13 4.8"),
            Self::Bad => ("bad", "M4 4l8 8M12 4l-8 8"),
            Self::Unsure => ("unsure", "M5.5 6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.8-1.1 1.6M8 12.6v.1"),
            Self::Active => ("active", "M5 3.5v9l7-4.5z"),
            Self::Waiting => ("waiting", "M8 4v4l2.6 1.8M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8z"),
            Self::Idle => ("idle", "M3.5 8h9"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pill_has_icon_word_and_colour_and_escapes() {
        let html = pill(Tone::Bad, "Échoué <b>");
        assert!(
            html.contains("pill bad") && html.contains("<svg") && html.contains("Échoué &#60;b&#62;"),
            "{html}"
        );
    }
}
