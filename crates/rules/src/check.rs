use serde::{Deserialize, Serialize};

use crate::Text;

/// How one check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// As required.
    Passed,
    /// Not as required.
    Failed,
    /// Nothing was seen that could be judged. Never a pass by silence.
    Inconclusive,
}

/// One rule, held against what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Requirement id, as in the registry.
    pub requirement: String,
    /// The result.
    pub outcome: Outcome,
    /// What the requirement asks for.
    pub expected: Text,
    /// What was seen.
    pub received: Text,
    /// Where the rule comes from.
    pub rule: String,
    /// `seq` of the event that decided, if one did.
    pub decided_by: Option<i64>,
    /// What to do next; empty where the check passed.
    pub next: Text,
}

impl Check {
    pub(crate) fn passed(
        requirement: &str,
        rule: &str,
        expected: Text,
        received: Text,
        by: Option<i64>,
    ) -> Self {
        Self {
            requirement: requirement.into(),
            outcome: Outcome::Passed,
            expected,
            received,
            rule: rule.into(),
            decided_by: by,
            next: Text::default(),
        }
    }

    pub(crate) fn not_passed(
        requirement: &str,
        rule: &str,
        outcome: Outcome,
        (expected, received): (Text, Text),
        by: Option<i64>,
        next: Text,
    ) -> Self {
        Self {
            requirement: requirement.into(),
            outcome,
            expected,
            received,
            rule: rule.into(),
            decided_by: by,
            next,
        }
    }
}
