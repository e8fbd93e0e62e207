use std::collections::HashMap;

use rules::{Check, Outcome, Text};

use crate::error::Error;
use crate::log::LogLine;
use crate::{Bench, Run, RunView};

/// Lines told of each side at most.
const MOST_LINES: usize = 500;

/// Two runs side by side.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The one.
    pub left: Run,
    /// The other.
    pub right: Run,
    /// The checks of either, requirement by requirement, in the order of the scenario.
    pub checks: Vec<Difference>,
    /// Log lines of each that the other has not, whatever the times and the numbers in them.
    pub only_left: Vec<String>,
    /// See `only_left`.
    pub only_right: Vec<String>,
}

/// One check in both runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The requirement.
    pub requirement: String,
    /// What is expected.
    pub expected: Text,
    /// What the left one found, if it has this check.
    pub left: Option<(Outcome, Text)>,
    /// What the right one found, if it has this check.
    pub right: Option<(Outcome, Text)>,
    /// Whether outcome or finding differ.
    pub differs: bool,
}

impl Bench {
    /// Compares two runs.
    ///
    /// # Errors
    /// `bad_input` where a number is of no run.
    pub async fn compare(&self, left: i64, right: i64) -> Result<Comparison, Error> {
        let (left, right) = (self.run(left).await?, self.run(right).await?);
        Ok(side_by_side(&left, &right))
    }
}

fn side_by_side(left: &RunView, right: &RunView) -> Comparison {
    Comparison {
        left: left.run.clone(),
        right: right.run.clone(),
        checks: pair(checks(left), checks(right)),
        only_left: missing(&left.log, &right.log),
        only_right: missing(&right.log, &left.log),
    }
}

fn checks(view: &RunView) -> &[Check] {
    view.evidence.as_ref().map_or(&[], |evidence| &evidence.checks)
}

/// Pairs the checks: first those that ask for the same in the same words, then what is left of each requirement, in
/// order. One requirement may have several checks, and what is expected may name a run's own recipient.
fn pair(left: &[Check], right: &[Check]) -> Vec<Difference> {
    let mut partners: Vec<Option<usize>> = vec![None; left.len()];
    let mut free: Vec<bool> = vec![true; right.len()];
    for in_words in [true, false] {
        for (check, partner) in left.iter().zip(&mut partners).filter(|(_, partner)| partner.is_none()) {
            let same = |other: &Check| {
                other.requirement == check.requirement
                    && (!in_words || plain(&other.expected.fr) == plain(&check.expected.fr))
            };
            *partner = right.iter().zip(&free).position(|(other, free)| *free && same(other));
            if let Some(at) = *partner {
                free[at] = false;
            }
        }
    }
    let both = left.iter().zip(partners).map(|(check, partner)| (Some(check), partner.map(|at| &right[at])));
    let rest = right.iter().zip(free).filter(|(_, free)| *free).map(|(check, _)| (None, Some(check)));
    both.chain(rest).map(|(left, right)| difference(left, right)).collect()
}

fn difference(left: Option<&Check>, right: Option<&Check>) -> Difference {
    let found = |check: &Check| (check.outcome, check.received.clone());
    let of = left.or(right);
    let differs = match (left, right) {
        (Some(left), Some(right)) => {
            left.outcome != right.outcome || plain(&left.received.fr) != plain(&right.received.fr)
        }
        _ => true,
    };
    Difference {
        requirement: of.map(|check| check.requirement.clone()).unwrap_or_default(),
        expected: of.map(|check| check.expected.clone()).unwrap_or_default(),
        left: left.map(found),
        right: right.map(found),
        differs,
    }
}

/// The lines of `log` that `other` has not, or has less often.
fn missing(log: &[LogLine], other: &[LogLine]) -> Vec<String> {
    let key = |line: &LogLine| format!("{} {}", line.node, plain(&line.text));
    let mut there: HashMap<String, usize> = HashMap::new();
    for line in other {
        *there.entry(key(line)).or_default() += 1;
    }
    let mut only = Vec::new();
    for line in log {
        match there.get_mut(&key(line)) {
            Some(count) if *count > 0 => *count -= 1,
            _ if only.len() < MOST_LINES => only.push(line.render()),
            _ => break,
        }
    }
    only
}

/// A text without what differs from run to run: numbers, times, identifiers. Names of protocols and cipher suites, and
/// the reply code that opens a server's line, stay.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let inside = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let mut rest = text;
    while let Some(start) = rest.find(inside) {
        out.push_str(&rest[..start]);
        let word = &rest[start..];
        let end = word.find(|c| !inside(c)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        let is_code = out.ends_with("S: ") && word.len() == 3;
        out.push_str(if !is_code && varies(word) { "#" } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

fn varies(word: &str) -> bool {
    let digits = word.chars().any(|c| c.is_ascii_digit());
    let letters = word.chars().any(char::is_alphabetic);
    let names = ["TLS", "SSL", "IMAP", "SMTP", "CONF.", "ECO.", "X-MSS", "x-mss", "UTF-", "SHA", "8BIT"];
    let short = word.len() < 8 && !word.starts_with(|c: char| c.is_ascii_digit());
    digits && !(letters && (short || names.iter().any(|name| word.starts_with(name))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Timestamp;

    fn check(requirement: &str, outcome: Outcome, expected: &str, received: &str) -> Check {
        Check {
            requirement: requirement.into(),
            outcome,
            expected: Text::same(expected),
            received: Text::same(received),
            rule: String::new(),
            decided_by: None,
            next: Text::default(),
        }
    }

    fn line(n: u32, text: &str) -> LogLine {
        let at = Timestamp::UNIX_EPOCH;
        LogLine { n, at, node: "smtp".into(), connection: Some(7), seq: None, text: text.into() }
    }

    #[test]
    fn times_numbers_and_identifiers_make_no_difference_but_codes_and_versions_do() {
        let same = [
            ("Session : 12 depuis 127.0.0.1:50312", "Session : 3 depuis 127.0.0.1:40000"),
            ("C: MAIL FROM:<a@b> SIZE=512", "C: MAIL FROM:<a@b> SIZE=9"),
            ("S: 250 2.0.0 queued as 4k2m9x0q7rtz", "S: 250 2.0.0 queued as 9w8e7r6t5y4u"),
            ("2026-11-23T12:05:02.123Z fini", "2026-11-24T08:00:00Z fini"),
        ];
        for (one, other) in same {
            assert_eq!(plain(one), plain(other));
        }
        let different = [
            ("S: 250 2.0.0 fait", "S: 550 2.0.0 fait"),
            ("TLS : TLSv1.2 TLS_AES_256_GCM_SHA384", "TLS : TLSv1.3 TLS_AES_256_GCM_SHA384"),
            ("suite TLS_AES_128_GCM_SHA256", "suite TLS_AES_256_GCM_SHA384"),
            ("OK SC.MSS/CONF.16 : vu", "OK SC.MSS/CONF.07 : vu"),
        ];
        for (one, other) in different {
            assert_ne!(plain(one), plain(other));
        }
    }

    #[test]
    fn checks_are_paired_by_requirement_and_words_and_the_rest_is_shown_alone() {
        let left = [
            check("A", Outcome::Passed, "un message", "reçu"),
            check("A", Outcome::Failed, "NIL 1234", "NIL 99"),
            check("B", Outcome::Passed, "TLS", "oui"),
        ];
        let right = [
            check("A", Outcome::Passed, "NIL 1234", "NIL 1234"),
            check("A", Outcome::Passed, "un message", "reçu"),
            check("C", Outcome::Inconclusive, "suite", "rien"),
        ];
        let found = pair(&left, &right);
        let told: Vec<_> = found
            .iter()
            .map(|d| (d.requirement.as_str(), d.left.is_some(), d.right.is_some(), d.differs))
            .collect();
        assert_eq!(
            told,
            [
                ("A", true, true, false),
                ("A", true, true, true),
                ("B", true, false, true),
                ("C", false, true, true)
            ]
        );
    }

    #[test]
    fn a_line_that_comes_twice_on_one_side_is_told_once() {
        let left = [line(1, "C: NOOP"), line(2, "C: NOOP"), line(3, "C: QUIT")];
        let right = [line(1, "C: QUIT"), line(2, "C: NOOP")];
        assert_eq!(missing(&left, &right).len(), 1);
        assert!(missing(&right, &left).is_empty());
        let many: Vec<LogLine> = (0..1_000).map(|n| line(n, "C: NOOP")).collect();
        assert_eq!(missing(&many, &[]).len(), MOST_LINES);
    }
}
