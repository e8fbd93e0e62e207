//! Professions and savoir-faire, as frequent as among the holders of mailboxes.

use std::sync::LazyLock;

use kernel::Rng;

/// Professions of personal boxes: code, weight in thousandths, civility where it is not that of the person.
const PROFESSIONS: [(&str, u64); 14] = [
    ("10", 450),
    ("60", 170),
    ("70", 100),
    ("21", 80),
    ("40", 60),
    ("50", 40),
    ("91", 25),
    ("80", 20),
    ("93", 20),
    ("92", 8),
    ("95", 8),
    ("94", 7),
    ("86", 6),
    ("98", 6),
];

/// One profession with its savoir-faire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trade {
    pub(super) code: &'static str,
    pub(super) label: &'static str,
    pub(super) skill: &'static str,
    pub(super) skill_label: &'static str,
}

static LABELS: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    let lines = include_str!("../../data/professions.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t')).collect()
});

/// Code, label and the sum of the weights so far.
static SKILLS: LazyLock<Vec<(&'static str, &'static str, u64)>> = LazyLock::new(|| {
    let mut sum = 0;
    let lines = include_str!("../../data/skills.tsv").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut fields = line.split('\t');
            let (code, label, weight) = (fields.next()?, fields.next()?, fields.next()?.parse::<u64>().ok()?);
            sum += weight;
            Some((code, label, sum))
        })
        .collect()
});

/// Draws a profession and, for doctors, a savoir-faire.
pub(super) fn draw(rng: &mut Rng) -> Trade {
    let mut left = rng.below(PROFESSIONS.iter().map(|(_, weight)| weight).sum());
    let mut code = "10";
    for (candidate, weight) in PROFESSIONS {
        if left < weight {
            code = candidate;
            break;
        }
        left -= weight;
    }
    let label = LABELS.iter().find(|(known, _)| *known == code).map_or("", |(_, label)| label);
    let (skill, skill_label) = if code == "10" { doctor(rng) } else { ("", "") };
    Trade { code, label, skill, skill_label }
}

fn doctor(rng: &mut Rng) -> (&'static str, &'static str) {
    let total = SKILLS.last().map_or(0, |(_, _, sum)| *sum);
    let spot = rng.below(total);
    let at = SKILLS.partition_point(|(_, _, sum)| *sum <= spot);
    SKILLS.get(at).map_or(("", ""), |(code, label, _)| (code, label))
}
