use hickory_proto::rr::Name;

/// A text that is no domain name (RFC 1035 §2.3.4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no domain name: {why}")]
pub struct BadName {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

/// An absolute name, with or without its final dot in the text.
pub(crate) fn absolute(text: &str) -> Result<Name, BadName> {
    let bad = |why: String| BadName { text: text.chars().take(300).collect(), why };
    let bare = text.strip_suffix('.').unwrap_or(text);
    if bare.is_empty() {
        return Err(bad("it is empty".into()));
    }
    Name::from_ascii(format!("{bare}.")).map_err(|error| bad(error.to_string()))
}

/// Without its final dot, as people write it.
pub(crate) fn shown(name: &Name) -> String {
    let text = name.to_ascii();
    if text.len() > 1 { text.trim_end_matches('.').to_owned() } else { text }
}
