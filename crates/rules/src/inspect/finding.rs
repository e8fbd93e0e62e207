use serde::{Deserialize, Serialize};

use crate::Text;
use crate::text::shown;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A requirement is not met.
    Error,
    /// Likely to be wrong, or known from one source only.
    Warning,
    /// Worth knowing.
    Info,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Requirement id, as in the [`crate::Registry`].
    pub rule: String,
    /// How much it weighs.
    pub severity: Severity,
    /// What should be there; French where words are needed.
    pub expected: String,
    /// What is there; French where words are needed.
    pub received: String,
    /// Where.
    pub at: At,
    /// What is wrong and what to do.
    pub message: Text,
}

/// Where in a file; what does not apply is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// Part of a mail, numbered as IMAP does: `1.2`.
    pub part: Option<String>,
    /// Path in an archive, or the name of an attached file.
    pub entry: Option<String>,
    /// Octets before it, in the file.
    pub offset: Option<usize>,
    /// Line, from 1: of the file, or of the document that `entry` names.
    pub line: Option<usize>,
}

impl At {
    pub(super) fn entry(path: &str) -> Self {
        Self { entry: Some(path.chars().take(255).collect()), ..Self::default() }
    }

    /// Of the `nth` header field of that name; nowhere where there is none.
    pub(super) fn header(message: &[u8], name: &str, nth: usize) -> Self {
        let (mut offset, mut seen) = (0, 0);
        for (line, text) in (1..).zip(message.split_inclusive(|&byte| byte == b'\n')) {
            if text.trim_ascii().is_empty() {
                break;
            }
            let field =
                text.iter().position(|&byte| byte == b':').map(|colon| text[..colon].trim_ascii_end());
            if field.is_some_and(|field| field.eq_ignore_ascii_case(name.as_bytes())) {
                if seen == nth {
                    return Self { offset: Some(offset), line: Some(line), ..Self::default() };
                }
                seen += 1;
            }
            offset += text.len();
        }
        Self::default()
    }
}

/// Findings of one file: more are counted and not told, so that a hostile file yields a report of bounded size.
const MOST: usize = 500;

/// Findings as they come.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    refused: bool,
    /// The part of the mail under inspection.
    pub(super) part: Option<String>,
}

impl Findings {
    pub(super) fn add(
        &mut self,
        (rule, severity): (&str, Severity),
        (expected, received): (&str, &str),
        mut at: At,
        message: Text,
    ) {
        if self.list.len() >= MOST {
            return;
        }
        at.part = at.part.or_else(|| self.part.clone());
        self.list.push(Finding {
            rule: rule.to_owned(),
            severity,
            expected: shown(expected),
            received: shown(received),
            at,
            message,
        });
    }

    pub(super) fn error(&mut self, rule: &str, values: (&str, &str), at: At, message: Text) {
        self.add((rule, Severity::Error), values, at, message);
    }

    pub(super) fn warning(&mut self, rule: &str, values: (&str, &str), at: At, message: Text) {
        self.add((rule, Severity::Warning), values, at, message);
    }

    pub(super) fn info(&mut self, rule: &str, values: (&str, &str), at: At, message: Text) {
        self.add((rule, Severity::Info), values, at, message);
    }

    /// An error after which the file cannot be said to be judged.
    pub(super) fn refuse(&mut self, rule: &str, values: (&str, &str), at: At, message: Text) {
        self.refused = true;
        self.error(rule, values, at, message);
    }

    pub(super) fn done(mut self) -> (Vec<Finding>, bool) {
        self.list.sort_by_key(|finding| finding.severity);
        (self.list, self.refused)
    }
}
