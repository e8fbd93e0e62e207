use std::sync::OnceLock;

use serde::Deserialize;

/// The registry file, embedded: one entry for each requirement identifier.
const FILE: &str = include_str!("../requirements.toml");

/// How well a requirement's wording is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Read in a source, and consistent with the others.
    Sure,
    /// Read once, or deduced.
    Likely,
}

/// How a requirement can be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Proof {
    /// By what the client does on its connections.
    Wire,
    /// By a message that it sent.
    Message,
    /// By the word of somebody who saw it: what happens on the client's screen and disk reaches nobody else.
    Attestation,
}

/// One requirement, in our own words.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Identifier, such as `SC.MSS/CONF.07`.
    pub id: String,
    /// Article of the Référentiel n° 2, such as `ECO.1.2.1`.
    #[serde(default)]
    pub eco: Option<String>,
    /// The wave of the Ségur that asks for it, 1 or 2; `None` where the Référentiel n° 2 alone does.
    #[serde(default)]
    pub wave: Option<u8>,
    /// Whom it applies to, by kind of mailbox: `PER`, `ORG`, `APP`.
    pub boxes: Vec<String>,
    /// How well it is known.
    pub confidence: Confidence,
    /// Where it was read.
    pub source: String,
    /// How it can be proven, the best way first.
    pub proof: Vec<Proof>,
    /// In French.
    pub fr: String,
    /// In English.
    pub en: String,
    /// Tests that prove the bench judges it.
    pub proven_by: Vec<String>,
}

impl Requirement {
    /// Whether at least one test proves it.
    pub fn is_covered(&self) -> bool {
        !self.proven_by.is_empty()
    }
}

/// All requirements, in the order of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    requirement: Vec<Requirement>,
}

impl Registry {
    /// The registry of this build.
    pub fn get() -> &'static Self {
        static REGISTRY: OnceLock<Registry> = OnceLock::new();
        REGISTRY
            .get_or_init(|| toml::from_str(FILE).expect("requirements.toml is read by a test of this crate"))
    }

    /// The requirement of this id.
    pub fn find(&self, id: &str) -> Option<&Requirement> {
        self.requirement.iter().find(|requirement| requirement.id == id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Requirement> {
        self.requirement.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn every_id_is_there_once_in_both_languages() {
        let registry: Registry = toml::from_str(FILE).unwrap();
        let ids: BTreeSet<_> = registry.iter().map(|requirement| requirement.id.as_str()).collect();
        assert_eq!(ids.len(), registry.iter().count(), "an id is repeated");
        for requirement in registry.iter() {
            assert!(
                !requirement.fr.is_empty() && !requirement.en.is_empty(),
                "{} has no text",
                requirement.id
            );
            let known = |kind: &String| ["PER", "ORG", "APP"].contains(&kind.as_str());
            assert!(!requirement.boxes.is_empty(), "{} concerns no mailbox", requirement.id);
            assert!(requirement.boxes.iter().all(known), "{}: {:?}", requirement.id, requirement.boxes);
            assert!(!requirement.proof.is_empty() && !requirement.source.is_empty(), "{}", requirement.id);
            let wave = match requirement.id.as_str() {
                id if id.contains("/va1.") => Some(1),
                id if id.starts_with("ECO.") => None,
                _ => Some(2),
            };
            assert_eq!(requirement.wave, wave, "{}", requirement.id);
        }
        for number in [1, 3, 4, 5, 6, 7, 8, 10, 11, 12, 14, 15, 16, 17, 18, 20, 21, 22, 27, 28] {
            assert!(ids.contains(format!("SC.MSS/CONF.{number:02}").as_str()), "CONF.{number:02} is missing");
        }
    }

    /// Every file of the repository with one of these extensions, below `from`.
    fn sources(from: &str, extensions: &[&str]) -> Vec<(PathBuf, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let (mut folders, mut all) = (vec![root.join(from)], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if path.is_dir() && !["target", "node_modules"].contains(&name.as_str()) {
                    folders.push(path);
                } else if extensions.iter().any(|wanted| path.extension().is_some_and(|e| e == *wanted)) {
                    all.push((path.clone(), fs::read_to_string(&path).unwrap()));
                }
            }
        }
        all
    }

    /// How identifiers begin.
    const STARTS: [&str; 11] = [
        "SC.",
        "MSS/va1.",
        "ECO.",
        "LGC.",
        "INS/va1.",
        "AMBU.",
        "BIO/va1.",
        "ANN/va1.",
        "ERGO/va1.",
        "LABEL.",
        "SENTINELLE.",
    ];

    /// The identifiers that a text names.
    fn named(text: &str) -> Vec<&str> {
        let sign = |c: char| c.is_ascii_alphanumeric() || "./".contains(c);
        let mut found = Vec::new();
        for (at, start) in STARTS.iter().flat_map(|start| text.match_indices(start)) {
            let end = text[at..].find(|c| !sign(c)).map_or(text.len(), |length| at + length);
            let word = text[at..end].trim_end_matches(['.', '/']);
            let whole = word.len() > start.len() && word.ends_with(|c: char| c.is_ascii_digit());
            if whole && !text[..at].ends_with(sign) {
                found.push(word);
            }
        }
        found
    }

    #[test]
    fn an_identifier_named_anywhere_is_one_of_the_registry() {
        assert_eq!(named("(SC.MSS/CONF.07), ECO.2.1; MSS/va1."), ["SC.MSS/CONF.07", "ECO.2.1"]);
        let known = |word: &str| {
            let article = |requirement: &Requirement| {
                requirement.eco.as_deref().is_some_and(|eco| eco.trim_end_matches(" ?") == word)
            };
            Registry::get().find(word).is_some() || Registry::get().iter().any(article)
        };
        let mut seen = BTreeSet::new();
        let files =
            [sources("crates", &["rs", "toml", "ftl", "html"]), sources("docs", &["md", "json"])].concat();
        for (path, text) in &files {
            for word in
                named(text).into_iter().filter(|word| !word.ends_with("CONF.99") && *word != "ECO.2.1")
            {
                assert!(known(word), "{}: {word} is not in the registry", path.display());
                seen.insert(word);
            }
        }
        let own = Registry::get().iter().filter(|requirement| seen.contains(requirement.id.as_str())).count();
        assert_eq!(own, Registry::get().iter().count(), "the registry itself is among the files");
    }

    #[test]
    fn a_requirement_is_covered_only_by_tests_that_exist() {
        let sources: String = sources("crates", &["rs"]).into_iter().map(|(_, text)| text).collect();
        for requirement in Registry::get().iter() {
            for test in &requirement.proven_by {
                assert!(
                    sources.contains(&format!("fn {test}(")),
                    "{}: no test is named {test}",
                    requirement.id
                );
            }
        }
    }
}
