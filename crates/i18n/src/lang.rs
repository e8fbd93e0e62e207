use std::fmt;

/// A language of the screens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    /// French: the default, and what anything unknown becomes.
    #[default]
    Fr,
    /// English.
    En,
}

impl Lang {
    /// Both languages, French first.
    pub const ALL: [Self; 2] = [Self::Fr, Self::En];

    /// The language tag (BCP 47), as the `lang` attribute and the language cookie carry it.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }

    /// The language's name in itself.
    pub fn own_name(self) -> &'static str {
        match self {
            Self::Fr => "Français",
            Self::En => "English",
        }
    }

    /// The other one: what the switch in the page's header proposes.
    pub fn other(self) -> Self {
        match self {
            Self::Fr => Self::En,
            Self::En => Self::Fr,
        }
    }

    /// Reads a tag, whatever its case and region (`fr`, `EN`, `fr-FR`); `None` for another language.
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.split('-').next()?.to_ascii_lowercase().as_str() {
            "fr" => Some(Self::Fr),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// What a reader gets: their cookie where it names a language of ours, else the best of the browser's
    /// `Accept-Language` (RFC 9110 §12.5.4), else French. Never fails: what cannot be read is skipped.
    pub fn negotiate(accept_language: Option<&str>, cookie: Option<&str>) -> Self {
        if let Some(chosen) = cookie.and_then(|tag| Self::from_tag(tag.trim())) {
            return chosen;
        }
        let mut best: Option<(f32, Self)> = None;
        for range in accept_language.unwrap_or_default().split(',').take(32) {
            let mut parts = range.split(';');
            let Some(lang) = parts.next().and_then(|tag| Self::from_tag(tag.trim())) else { continue };
            let weight = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .map_or(1.0, |q| q.trim().parse::<f32>().unwrap_or(0.0));
            if weight > 0.0 && best.is_none_or(|(found, _)| weight > found) {
                best = Some((weight, lang));
            }
        }
        best.map_or(Self::Fr, |(_, lang)| lang)
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_wins_then_the_heaviest_then_the_first_then_french() {
        assert_eq!(Lang::negotiate(Some("fr"), Some("en")), Lang::En);
        assert_eq!(Lang::negotiate(Some("en;q=0.3, fr-CA;q=0.8"), Some("de")), Lang::Fr);
        assert_eq!(Lang::negotiate(Some("en-US,fr"), None), Lang::En);
        assert_eq!(Lang::negotiate(Some("de, en;q=0"), None), Lang::Fr);
        assert_eq!(Lang::negotiate(Some(";;q=,\u{fffd}"), None), Lang::Fr);
        assert_eq!(Lang::negotiate(None, None), Lang::Fr);
    }
}
