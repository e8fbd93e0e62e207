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

/// One requirement, in our own words.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Identifier, such as `SC.MSS/CONF.07`.
    pub id: String,
    /// Article of the Référentiel n° 2, such as `ECO.1.2.1`.
    #[serde(default)]
    pub eco: Option<String>,
    /// Kinds of mailbox concerned: `PER`, `ORG`, `APP`.
    pub boxes: Vec<String>,
    /// How well it is known.
    pub confidence: Confidence,
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
    use std::path::Path;

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
            assert!(!requirement.boxes.is_empty(), "{} concerns no mailbox", requirement.id);
        }
        for number in [1, 3, 4, 5, 6, 7, 8, 10, 11, 12, 14, 15, 16, 17, 18, 20, 21, 22, 27, 28] {
            assert!(ids.contains(format!("SC.MSS/CONF.{number:02}").as_str()), "CONF.{number:02} is missing");
        }
    }

    #[test]
    fn a_requirement_is_covered_only_by_tests_that_exist() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut sources = String::new();
        let mut folders = vec![crates.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path if path.extension().is_some_and(|e| e == "rs") => {
                        sources += &fs::read_to_string(path).unwrap()
                    }
                    _ => {}
                }
            }
        }
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
