//! Scenarios: jobs as data.

use std::collections::BTreeSet;

use rules::{Protocol, Registry, Text};
use serde::{Deserialize, Serialize};

/// The scenario files of this build, in the order of the job tree.
const FILES: &[(&str, &str)] = &[
    ("psc-auth-imap.toml", include_str!("../scenarios/psc-auth-imap.toml")),
    ("psc-auth-smtp.toml", include_str!("../scenarios/psc-auth-smtp.toml")),
    ("cert-auth-imap.toml", include_str!("../scenarios/cert-auth-imap.toml")),
    ("cert-auth-smtp.toml", include_str!("../scenarios/cert-auth-smtp.toml")),
    ("psc-nil.toml", include_str!("../scenarios/psc-nil.toml")),
];

/// One job, as data: what it is called, whom it is for, what is done, what is expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Stable identifier, such as `psc-nil`.
    pub id: String,
    /// Groups, outermost first. The last one is what a GROUP argument names.
    pub path: Vec<String>,
    /// Title, MOTCO2's own where it is known.
    pub title: Text,
    /// Requirement ids that the job is about.
    pub requirements: Vec<String>,
    /// Mailbox used: `PER` (or ORG, with the same login) or `APP`.
    pub mailbox: Mailbox,
    /// Who acts.
    pub automation: Automation,
    /// The job, or the step of this job, that is its positive control; never absent for a negative job.
    #[serde(default)]
    pub control: Option<String>,
    /// What the client must be able to do.
    pub needs: Vec<String>,
    /// Expected duration with an adapter, in seconds.
    pub estimated_s: u32,
    /// The name of the script in the log's first line: `PSC` or `AUTH_CLI`.
    pub script: String,
    /// The mode in the log: `authentification` or `indicateurs`.
    pub mode: String,
    /// What to do on the LPS, for a person; `{address}`, `{imap}`, `{smtp}`, `{psc}`, `{identity}`, `{nil}` are filled in.
    #[serde(default)]
    pub lps: Vec<Text>,
    /// What to do on the bench, for a person.
    #[serde(default)]
    pub banc: Vec<Text>,
    /// What an adapter is asked for, in order.
    pub step: Vec<Step>,
    /// What the judge holds against the wire.
    pub expect: Vec<Expectation>,
}

/// Kind of mailbox that a job uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mailbox {
    /// Personal or organisational: XOAUTH2.
    Per,
    /// Applicative: client certificate.
    App,
}

impl Mailbox {
    /// `PER` or `APP`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Per => "PER",
            Self::App => "APP",
        }
    }
}

/// Who makes the client act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Automation {
    /// An adapter can.
    Auto,
    /// A person must.
    Person,
    /// Declared, with evidence that no machine judges.
    Attestation,
}

/// One call of the adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The adapter's verb.
    pub adapter: Verb,
    /// The protocols it is handed.
    pub protocols: Vec<Protocol>,
}

/// The verbs of the adapter protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Log in.
    Login,
    /// Fetch what is new.
    Fetch,
    /// Send a message.
    Send,
    /// Put a message in a folder.
    Append,
    /// Search the directory.
    Search,
    /// Answer a message.
    Reply,
    /// Log out.
    Logout,
}

/// One expectation; `check` says which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case", deny_unknown_fields)]
pub enum Expectation {
    /// TLS before any login attempt.
    TlsBeforeLogin {
        /// Requirement that asks for it.
        requirement: String,
        /// Where.
        protocol: Protocol,
    },
    /// One mechanism only.
    Mechanism {
        /// Requirement that asks for it.
        requirement: String,
        /// Where.
        protocol: Protocol,
        /// `XOAUTH2` or `EXTERNAL`.
        mechanism: String,
    },
    /// A login accepted on the run's mailbox.
    Login {
        /// Requirement that asks for it.
        requirement: String,
        /// Where.
        protocol: Protocol,
    },
    /// The product's AUTH_CLI certificate in the handshake.
    ClientCertificate {
        /// Requirement that asks for it.
        requirement: String,
        /// Where.
        protocol: Protocol,
    },
    /// A message taken in.
    MailReceived {
        /// Requirement that asks for it.
        requirement: String,
    },
    /// `X-MSS-NIL` with the product's number.
    Nil {
        /// Requirement that asks for it.
        requirement: String,
    },
}

impl Expectation {
    /// The requirement that asks for it.
    pub fn requirement(&self) -> &str {
        match self {
            Self::TlsBeforeLogin { requirement, .. }
            | Self::Mechanism { requirement, .. }
            | Self::Login { requirement, .. }
            | Self::ClientCertificate { requirement, .. }
            | Self::MailReceived { requirement }
            | Self::Nil { requirement } => requirement,
        }
    }
}

impl Scenario {
    /// SHA-256 of the scenario in its serialised form: two builds with the same digest ask for the same thing.
    pub fn digest(&self) -> String {
        kernel::sha256_hex(serde_json::to_string(self).expect("a scenario serialises").as_bytes())
    }

    /// The protocols that the scenario is about, for the log.
    pub fn protocols(&self) -> Vec<Protocol> {
        let mut all: Vec<Protocol> = Vec::new();
        for protocol in self.step.iter().flat_map(|step| &step.protocols) {
            if !all.contains(protocol) {
                all.push(*protocol);
            }
        }
        all
    }

    /// Whether the run ends with a message.
    pub fn expects_mail(&self) -> bool {
        self.expect.iter().any(|e| matches!(e, Expectation::MailReceived { .. } | Expectation::Nil { .. }))
    }
}

/// Every scenario of this build.
#[derive(Clone, Debug)]
pub struct Catalogue(Vec<Scenario>);

impl Catalogue {
    /// Reads the embedded files.
    ///
    /// # Errors
    /// The file, the line and what is wrong: an unknown expectation, job or requirement id is refused at start.
    pub fn load() -> Result<Self, String> {
        Self::read(FILES)
    }

    fn read(files: &[(&str, &str)]) -> Result<Self, String> {
        let mut all: Vec<Scenario> = Vec::new();
        for (name, text) in files {
            let scenario: Scenario = toml::from_str(text).map_err(|error| format!("{name}: {error}"))?;
            for id in scenario
                .requirements
                .iter()
                .map(String::as_str)
                .chain(scenario.expect.iter().map(Expectation::requirement))
            {
                if Registry::get().find(id).is_none() {
                    return Err(format!(
                        "{name}: line {}: no requirement {id} in the registry",
                        line_of(text, id)
                    ));
                }
            }
            if let Some(twin) = all.iter().find(|other| other.id == scenario.id) {
                return Err(format!("{name}: job {} is defined twice", twin.id));
            }
            if scenario.path.is_empty() || scenario.expect.is_empty() {
                return Err(format!("{name}: a job has a path and at least one expectation"));
            }
            all.push(scenario);
        }
        let ids: BTreeSet<&str> = all.iter().map(|scenario| scenario.id.as_str()).collect();
        for scenario in &all {
            if let Some(control) = scenario.control.as_deref().filter(|control| !ids.contains(control)) {
                return Err(format!("{}: its control {control} is no job", scenario.id));
            }
        }
        Ok(Self(all))
    }

    /// In the order of the tree.
    pub fn iter(&self) -> impl Iterator<Item = &Scenario> {
        self.0.iter()
    }

    /// By id.
    pub fn find(&self, id: &str) -> Option<&Scenario> {
        self.0.iter().find(|scenario| scenario.id == id)
    }

    /// What `JOB`, `GROUP` or `all` stands for; a GROUP is the last element of a path, compared exactly.
    pub fn select(&self, what: &str) -> Vec<&Scenario> {
        if what == "all" {
            return self.iter().collect();
        }
        match self.find(what) {
            Some(one) => vec![one],
            None => {
                self.iter().filter(|scenario| scenario.path.last().is_some_and(|last| last == what)).collect()
            }
        }
    }
}

fn line_of(text: &str, needle: &str) -> usize {
    text.lines().position(|line| line.contains(needle)).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_of_this_build_is_sound() {
        let catalogue = Catalogue::load().unwrap();
        for id in ["psc-auth-imap", "psc-auth-smtp", "cert-auth-imap", "cert-auth-smtp", "psc-nil"] {
            assert!(catalogue.find(id).is_some(), "{id} is missing");
        }
        assert_eq!(catalogue.select("MSS-LPS-SEGUR-APP").len(), 2);
        assert_eq!(catalogue.select("all").len(), catalogue.iter().count());
        assert!(catalogue.select("MSS-LPS").is_empty());
    }

    #[test]
    fn a_scenario_with_an_unknown_word_is_refused_with_its_file_and_line() {
        let good = FILES[0].1;
        let bad = good.replace("SC.MSS/CONF.07", "SC.MSS/CONF.99");
        let error = Catalogue::read(&[("x.toml", &bad)]).unwrap_err();
        assert!(error.starts_with("x.toml: line 3: no requirement SC.MSS/CONF.99"), "{error}");
        let bad = good.replace("check = \"login\"", "check = \"telepathy\"");
        let error = Catalogue::read(&[("x.toml", &bad)]).unwrap_err();
        assert!(error.contains("x.toml") && error.contains("telepathy"), "{error}");
        let error = Catalogue::read(&[("a", good), ("b", good)]).unwrap_err();
        assert!(error.contains("twice"), "{error}");
    }
}
