use std::fmt;

/// The label of the sender (*intitulé de BAL*), shown before the address (MSS/va1.16, ECO.2.2.7, spec 01 §4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// A person's label: `<title>_<first name>_<NAME>_<functional entity>`, joined by underscores. The name is put
    /// in upper case. `None` where first name or name is empty: they alone are mandatory.
    pub fn person(title: Option<&str>, first_name: &str, name: &str, entity: Option<&str>) -> Option<Self> {
        let (first_name, name) = (part(first_name), part(name).to_uppercase());
        if first_name.is_empty() || name.is_empty() {
            return None;
        }
        let parts = [title.map(part), Some(first_name), Some(name), entity.map(part)];
        let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        Some(Self(parts.join("_")))
    }

    /// The label of an ORG or APP mailbox: its functional entity, or any text that the operator gave. `None` where
    /// nothing is left once what a header may not hold is taken away.
    pub fn entity(text: &str) -> Option<Self> {
        let text = clean(text);
        (!text.is_empty()).then_some(Self(text))
    }

    /// The label as a person reads it, before any RFC 2047 encoding.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One element of a person's label: the separator may not stand inside it.
fn part(text: &str) -> String {
    clean(text).replace('_', " ")
}

/// Takes `< > "` and control characters away, and folds white space.
fn clean(text: &str) -> String {
    let kept: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !"<>\"".contains(*c)).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_the_form_of_the_reference() {
        let label = Label::person(Some("Dr"), "Marie", "Martin", Some("Cabinet Médical")).unwrap();
        assert_eq!(label.as_str(), "Dr_Marie_MARTIN_Cabinet Médical");
        assert_eq!(Label::person(None, "Jean", "Dupont", None).unwrap().as_str(), "Jean_DUPONT");
        assert_eq!(
            Label::person(None, "Anne_Marie", "Léger", Some("")).unwrap().as_str(),
            "Anne Marie_LÉGER"
        );
        assert_eq!(Label::person(Some("Dr"), "", "Dupont", None), None);
    }

    #[test]
    fn what_a_header_may_not_hold_is_taken_away() {
        let label = Label::entity("Hôpital A\r\nBcc: <x@y> \"Cardiologie\"").unwrap();
        assert_eq!(label.as_str(), "Hôpital A Bcc: x@y Cardiologie");
        assert_eq!(Label::entity(" \r\n<>"), None);
    }
}
