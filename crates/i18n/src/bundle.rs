use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use crate::{Lang, typography};

/// A value that a text shows: words, or a number that may choose a plural.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg<'a> {
    /// Words, shown as they are.
    Text(&'a str),
    /// A whole number.
    Number(i64),
}

/// The text of this identifier. An identifier that does not exist is our own fault: it is logged as an error and
/// shown between brackets, so that the page still stands.
pub fn text(lang: Lang, id: &str) -> String {
    text_with(lang, id, &[])
}

/// The text of this identifier with its variables. A variable that is missing shows its name, and is logged.
pub fn text_with(lang: Lang, id: &str, args: &[(&str, Arg<'_>)]) -> String {
    let bundle = bundle(lang);
    let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
        tracing::error!(id, lang = lang.tag(), "no such text");
        return format!("[{id}]");
    };
    let mut values = FluentArgs::with_capacity(args.len());
    for (name, value) in args {
        values.set(*name, FluentValue::from(value.clone()));
    }
    let mut errors = Vec::new();
    let out = bundle.format_pattern(pattern, Some(&values), &mut errors);
    if !errors.is_empty() {
        tracing::error!(id, lang = lang.tag(), ?errors, "text with a missing variable");
    }
    out.into_owned()
}

fn bundle(lang: Lang) -> &'static FluentBundle<FluentResource> {
    static FR: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| load(Lang::Fr));
    static EN: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| load(Lang::En));
    match lang {
        Lang::Fr => &FR,
        Lang::En => &EN,
    }
}

/// The Fluent source of a language, as compiled in.
pub(crate) fn source(lang: Lang) -> &'static str {
    match lang {
        Lang::Fr => concat!(
            include_str!("../locales/fr/main.ftl"),
            include_str!("../locales/fr/frame.ftl"),
            include_str!("../locales/fr/accounts.ftl"),
            include_str!("../locales/fr/runs.ftl"),
            include_str!("../locales/fr/api.ftl"),
            include_str!("../locales/fr/check.ftl"),
            include_str!("../locales/fr/tokens.ftl"),
            include_str!("../locales/fr/directory.ftl"),
            include_str!("../locales/fr/psc.ftl"),
            include_str!("../locales/fr/lps.ftl"),
        ),
        Lang::En => concat!(
            include_str!("../locales/en/main.ftl"),
            include_str!("../locales/en/frame.ftl"),
            include_str!("../locales/en/accounts.ftl"),
            include_str!("../locales/en/runs.ftl"),
            include_str!("../locales/en/api.ftl"),
            include_str!("../locales/en/check.ftl"),
            include_str!("../locales/en/tokens.ftl"),
            include_str!("../locales/en/directory.ftl"),
            include_str!("../locales/en/psc.ftl"),
            include_str!("../locales/en/lps.ftl"),
        ),
    }
}

fn load(lang: Lang) -> FluentBundle<FluentResource> {
    let resource = FluentResource::try_new(typography::set(lang, source(lang)))
        .map_err(|(_, errors)| errors)
        .expect("the compiled-in texts parse: a test reads them");
    let tag: LanguageIdentifier = lang.tag().parse().expect("`fr` and `en` are language tags");
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    // Isolation marks are for right-to-left mixes, which we have not; they would end up in copied addresses.
    bundle.set_use_isolating(false);
    bundle.add_resource(resource).expect("no identifier twice: a test reads them");
    bundle
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl From<i64> for Arg<'_> {
    fn from(value: i64) -> Self {
        Self::Number(value)
    }
}

impl From<usize> for Arg<'_> {
    fn from(value: usize) -> Self {
        Self::Number(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl<'a> From<Arg<'a>> for FluentValue<'a> {
    fn from(value: Arg<'a>) -> Self {
        match value {
            Arg::Text(text) => text.into(),
            Arg::Number(number) => number.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::{Path, PathBuf};

    use super::*;

    /// Identifier → variables, of one file. The grammar is the subset that our files use: `id = value`, values
    /// that continue on indented lines, `{ $name }` placeables.
    fn messages(lang: Lang) -> BTreeMap<String, (BTreeSet<String>, String)> {
        let source = source(lang);
        let mut found: BTreeMap<String, (BTreeSet<String>, String)> = BTreeMap::new();
        let mut current = String::new();
        for line in source.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let body = if line.starts_with(' ') {
                line
            } else {
                let (id, value) = line.split_once(" = ").or(line.split_once(" =")).expect("id = value");
                current = id.to_owned();
                assert!(found.insert(current.clone(), Default::default()).is_none(), "{id} twice in {lang}");
                value
            };
            let entry = found.get_mut(&current).expect("a value follows its identifier");
            entry.1.push_str(body);
            for variable in body.split('$').skip(1) {
                let name = variable.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
                entry.0.insert(name.unwrap_or_default().to_owned());
            }
        }
        found
    }

    #[test]
    fn both_files_have_the_same_texts_with_the_same_variables() {
        let (fr, en) = (messages(Lang::Fr), messages(Lang::En));
        let ids = |of: &BTreeMap<String, _>| of.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(ids(&fr).symmetric_difference(&ids(&en)).collect::<Vec<_>>(), Vec::<&String>::new());
        for (id, (variables, value)) in &fr {
            assert_eq!(variables, &en[id].0, "variables of {id}");
            assert!(!value.trim().is_empty() && !en[id].1.trim().is_empty(), "{id} is empty");
            assert!(
                bundle(Lang::Fr).has_message(id) && bundle(Lang::En).has_message(id),
                "{id} does not parse"
            );
        }
    }

    #[test]
    fn french_punctuation_never_follows_a_word_or_an_ordinary_space() {
        let text = typography::set(Lang::Fr, source(Lang::Fr));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let chars: Vec<char> = line.chars().collect();
            for (at, c) in chars.iter().enumerate().filter(|(_, c)| matches!(c, ':' | ';' | '?' | '!')) {
                let ends_word = chars.get(at + 1).is_none_or(|next| next.is_whitespace());
                let narrow = at > 0 && chars[at - 1] == '\u{202f}';
                assert!(!ends_word || narrow, "« {c} » needs a space before it in: {line}");
            }
        }
    }

    #[test]
    fn every_text_is_used_and_every_text_used_exists() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates/");
        let mut sources = String::new();
        for face in std::fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path()) {
            if !face.ends_with("i18n") {
                ["src", "templates"].iter().for_each(|folder| read_all(&face.join(folder), &mut sources));
            }
        }
        let known = messages(Lang::Fr);
        let unused: Vec<_> = known.keys().filter(|id| !sources.contains(&format!("\"{id}\""))).collect();
        assert!(unused.is_empty(), "texts that no page shows: {unused:?}");
        for opening in ["text(lang, \"", "text_with(lang, \"", "t.get(\"", "t.with(\""] {
            for used in sources.split(opening).skip(1) {
                let id = used.split('"').next().unwrap_or_default();
                assert!(known.contains_key(id), "{opening}{id}\" asks for a text that does not exist");
            }
        }
    }

    fn read_all(folder: &Path, out: &mut String) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for path in entries.map(|entry| entry.unwrap().path()).collect::<Vec<PathBuf>>() {
            if path.is_dir() {
                read_all(&path, out);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                out.push_str(&text);
            }
        }
    }

    #[test]
    fn an_unknown_text_is_shown_by_its_name() {
        assert_eq!(text(Lang::Fr, "no-such-text"), "[no-such-text]");
    }
}
