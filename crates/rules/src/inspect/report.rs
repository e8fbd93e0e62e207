//! What `vaguemestre check --json` prints and `POST /api/v1/check` answers: one shape, written here only, so that a script
//! may move from one to the other.

use serde::Serialize;

use super::{Inspection, Severity};

/// The name of the object and its version.
const SCHEMA: &str = "vaguemestre/check/1";

/// Files and what was found in them (`vaguemestre/check/1`).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    schema: &'static str,
    inputs: Vec<Checked>,
    summary: Summary,
}

/// One file of a [`Report`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    /// Its path or name, as whoever gave it said; `-` where nobody did.
    pub path: String,
    /// What was found.
    #[serde(flatten)]
    pub inspection: Inspection,
}

/// How much was found, over all files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Findings of [`Severity::Error`].
    pub errors: usize,
    /// Findings of [`Severity::Warning`].
    pub warnings: usize,
}

impl Report {
    /// The report on these files, in this order.
    pub fn new(inputs: Vec<Checked>) -> Self {
        let count = |severity| inputs.iter().map(|input| input.inspection.count(severity)).sum();
        let summary = Summary { errors: count(Severity::Error), warnings: count(Severity::Warning) };
        Self { schema: SCHEMA, inputs, summary }
    }

    /// The files.
    pub fn inputs(&self) -> &[Checked] {
        &self.inputs
    }

    /// How much was found.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// Whether a file could not be judged whole ([`Inspection::refused`]).
    pub fn is_refused(&self) -> bool {
        self.inputs.iter().any(|input| input.inspection.refused)
    }
}

impl Inspection {
    /// How many findings of this weight there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

#[cfg(test)]
mod tests {
    use super::super::inspect;
    use super::*;

    #[test]
    fn a_report_counts_over_all_files() {
        let inspection = inspect("note.txt", b"nothing known");
        let one = |path: &str| Checked { path: path.into(), inspection: inspection.clone() };
        let report = Report::new(vec![one("a"), one("b")]);
        assert_eq!(report.summary(), Summary { errors: 2, warnings: 0 });
        assert!(report.is_refused());
        assert_eq!(Report::new(Vec::new()).summary(), Summary::default());
    }
}
