//! Values to copy into an LPS, in titled groups: each with its *Copier*.

/// A titled group.
pub(crate) struct Card {
    pub(crate) title: String,
    pub(crate) id: &'static str,
    pub(crate) facts: Vec<Fact>,
}

/// One value, and the identifier of the element that shows it.
pub(crate) struct Fact {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) value: String,
}

/// An empty group; `id` is unique on its page.
pub(crate) fn card(title: String, id: &'static str) -> Card {
    Card { title, id, facts: Vec::new() }
}

impl Card {
    /// With one more value.
    pub(crate) fn fact(mut self, label: String, value: String) -> Self {
        let id = format!("fact-{}-{}", self.id, self.facts.len());
        self.facts.push(Fact { id, label, value });
        self
    }
}

/// An address of this server with these pairs; empty values are left out.
pub(crate) fn address(path: &str, pairs: &[(String, String)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let kept = pairs.iter().filter(|(_, value)| !value.is_empty());
    query.extend_pairs(kept);
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}
