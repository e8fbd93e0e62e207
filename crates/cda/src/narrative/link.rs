use crate::Limits;

/// Where a link leads, after judging: whatever is not named here leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `http:` or `https:`; blanks are written `%20`.
    Web(String),
    /// `mailto:`.
    Mail(String),
    /// `#…`: an anchor of the same document.
    Anchor(String),
    /// A file name or path, of something that did not come with the document: to be read, not followed.
    Elsewhere(String),
    /// Any other scheme (`javascript:`, `data:`, `file:`…), or nothing.
    Refused,
}

impl Target {
    /// Judges an `href`. Browsers skip blanks and controls when they look for the scheme, so that these are taken out
    /// before (spec of URLs, WHATWG §4.4).
    pub fn parse(href: &str) -> Self {
        let invisible = |c: char| {
            c.is_control()
                || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let shown: String = href.chars().filter(|&c| !invisible(c)).collect();
        let shown = shown.trim();
        if shown.is_empty() || shown.len() > Limits::ADDRESS_BYTES {
            return Self::Refused;
        }
        if let Some(anchor) = shown.strip_prefix('#') {
            return super::read::anchor(anchor).map_or(Self::Refused, Self::Anchor);
        }
        let packed: String = shown.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
        let rest = |scheme: &str| packed.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty());
        let encoded = || shown.replace(char::is_whitespace, "%20");
        if (rest("https://") || rest("http://")) && written(shown, "http") {
            Self::Web(encoded())
        } else if rest("mailto:") && written(shown, "mailto:") {
            Self::Mail(encoded())
        } else if !packed.contains(':') && !packed.contains('\\') && !packed.starts_with('/') {
            Self::Elsewhere(shown.to_owned())
        } else {
            Self::Refused
        }
    }
}

/// Whether the scheme stands there as it is, with no blank inside.
fn written(shown: &str, scheme: &str) -> bool {
    shown.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        && !shown.split(':').next().unwrap_or_default().contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_schemes_lead_anywhere() {
        let web = |text: &str| Target::Web(text.into());
        assert_eq!(Target::parse(" https://a.fr/b c?x=1&y=\t2 "), web("https://a.fr/b%20c?x=1&y=2"));
        assert_eq!(Target::parse("HTTP://a.fr"), web("HTTP://a.fr"));
        assert_eq!(Target::parse("mailto:a@b.fr"), Target::Mail("mailto:a@b.fr".into()));
        assert_eq!(Target::parse("#note-1"), Target::Anchor("note-1".into()));
        assert_eq!(
            Target::parse("documentsAnnexes/AVK.pdf"),
            Target::Elsewhere("documentsAnnexes/AVK.pdf".into())
        );
        for bad in [
            "javascript:alert(1)",
            " JaVa\tScRiPt:alert(1)",
            "java\u{0}script:alert(1)",
            "java\u{200b}script:alert(1)",
            "\u{1}javascript:alert(1)",
            "java script:alert(1)",
            "vbscript:x",
            "data:text/html,<script>",
            "file:///etc/passwd",
            "//evil.fr/x",
            "\\\\evil\\x",
            "/etc/passwd",
            "https:",
            "https://",
            "ht tp://a.fr",
            "#a b",
            "#",
            "",
            "   ",
            "blob:x",
            "C:\\x",
        ] {
            assert_eq!(Target::parse(bad), Target::Refused, "{bad:?}");
        }
        assert_eq!(Target::parse(&format!("https://a.fr/{}", "x".repeat(3_000))), Target::Refused);
    }
}
