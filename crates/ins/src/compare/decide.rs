use serde::{Deserialize, Serialize};

use super::{Comparison, InsLikeness, Likeness, Trait, compare};
use crate::{Identity, Record, Status, World};

/// What to do with a received document, and the code of the ANS that says it to the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
pub enum Decision {
    /// Level 1: one record has this INS and every strict trait is equal; its status is qualified. It may be filed without
    /// asking.
    File {
        /// Place of the record in the list.
        record: usize,
    },
    /// One record has this INS, no trait differs, but something forbids filing without asking: see the reasons.
    Confirm {
        /// Place of the record in the list.
        record: usize,
    },
    /// Level 2: one record has this INS and traits differ (904). Both are to be shown side by side.
    Conflict {
        /// Place of the record in the list.
        record: usize,
    },
    /// Several records have this INS: an alert about our own base, nothing is filed.
    Duplicates {
        /// Their places in the list.
        records: Vec<usize>,
    },
    /// Level 3: no INS (903), an incomplete one (905) or one that nobody here has: records of near traits, the nearest
    /// first. A person decides.
    Choose {
        /// Their places in the list; never empty.
        records: Vec<usize>,
    },
    /// Level 4: nobody like this here (902). To be kept in the pile *À rattacher*.
    Unknown,
}

/// Something that weighed in a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The document has no INS (903).
    NoIns,
    /// The document's INS lacks traits (905).
    Incomplete(Vec<crate::Missing>),
    /// The number is one of tests or demonstrations, in production.
    TestIdentity,
    /// The key of the received matricule is wrong. A warning; documents of the field have such.
    WrongKey,
    /// The number is one that the record had before (an NIA, most often).
    FormerNumber,
    /// The record's own identity is not qualified.
    Status(Status),
    /// The record bears the mark *douteuse*.
    Doubtful,
    /// The record bears the mark *fictive*.
    Fictitious,
    /// The same digits stand in our base under an OID of the other world, or of another nature.
    SameDigitsOtherOid {
        /// Place of the record in the list.
        record: usize,
    },
    /// A strict trait is not equal.
    Unequal(Trait, Likeness),
    /// Several records have this number.
    SeveralRecords,
}

/// A decision, what weighed in it, and the candidates side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// What to do.
    pub decision: Decision,
    /// Why, in the order in which it was found.
    pub reasons: Vec<Reason>,
    /// The records that the decision names, each with its comparison.
    pub candidates: Vec<(usize, Comparison)>,
}

impl Match {
    /// The error code of the ANS for a sender that must know (spec 01 §4.6); `None` where the document can be filed, or
    /// waits for a person who has all that is needed.
    pub fn code(&self) -> Option<u16> {
        match &self.decision {
            Decision::Conflict { .. } => Some(904),
            Decision::Unknown | Decision::Choose { .. } => Some(if self.reasons.contains(&Reason::NoIns) {
                903
            } else if self.reasons.iter().any(|reason| matches!(reason, Reason::Incomplete(_))) {
                905
            } else {
                902
            }),
            Decision::File { .. } | Decision::Confirm { .. } | Decision::Duplicates { .. } => None,
        }
    }
}

/// Records that are proposed for a choice.
const MOST_CANDIDATES: usize = 20;

/// Decides where a document about `received` belongs among `records` (spec 02 §7.4). A local identifier (IPP) never
/// counts: it is the sender's.
pub fn decide(received: &Identity, records: &[Record], world: World) -> Match {
    let mut reasons = Vec::new();
    let ins = received.ins();
    match &ins {
        None => reasons.push(Reason::NoIns),
        Some(ins) => {
            if !world.admits(ins.nature) {
                reasons.push(Reason::TestIdentity);
            }
            if !ins.matricule.key_is_right() {
                reasons.push(Reason::WrongKey);
            }
            if let Err(missing) = received.qualified() {
                reasons.push(Reason::Incomplete(missing));
            }
        }
    }
    let mut compared = records.iter().map(|record| compare(received, record)).enumerate().collect::<Vec<_>>();
    let other_oid = |how| matches!(how, InsLikeness::OtherWorld | InsLikeness::OtherNature);
    let digits = compared.iter().filter(|(_, with)| other_oid(with.ins));
    reasons.extend(digits.map(|(record, _)| Reason::SameDigitsOtherOid { record: *record }));
    let same: Vec<(usize, Comparison)> = compared
        .iter()
        .filter(|(_, with)| matches!(with.ins, InsLikeness::Same | InsLikeness::Former))
        .cloned()
        .collect();
    match same.as_slice() {
        [] => {}
        [(index, with)] => return of_one(*index, with, &records[*index], reasons),
        several => {
            reasons.push(Reason::SeveralRecords);
            let found = several.iter().map(|(index, _)| *index).collect();
            return Match { decision: Decision::Duplicates { records: found }, reasons, candidates: same };
        }
    }
    // A record of another number is another person, whatever the traits say; those of a number's other OID are told above.
    compared.retain(|(_, with)| {
        matches!(with.ins, InsLikeness::MissingReceived | InsLikeness::MissingRecord) && with.proposes()
    });
    compared.sort_by_key(|(index, with)| (std::cmp::Reverse(with.rank()), *index));
    compared.truncate(MOST_CANDIDATES);
    let found: Vec<usize> = compared.iter().map(|(index, _)| *index).collect();
    let decision = if found.is_empty() { Decision::Unknown } else { Decision::Choose { records: found } };
    Match { decision, reasons, candidates: compared }
}

/// One record has the number.
fn of_one(index: usize, with: &Comparison, record: &Record, mut reasons: Vec<Reason>) -> Match {
    let unequal = with.unequal();
    let conflict = unequal.iter().any(|(_, how)| {
        !matches!(how, Likeness::MissingReceived | Likeness::MissingRecord | Likeness::MissingBoth)
    });
    let mut hindered = !unequal.is_empty() || reasons.iter().any(|reason| *reason != Reason::WrongKey);
    reasons.extend(unequal.into_iter().map(|(what, how)| Reason::Unequal(what, how)));
    if with.ins == InsLikeness::Former {
        reasons.push(Reason::FormerNumber); // the same person under a number that was theirs: no hindrance
    }
    for (hinders, reason) in [
        (record.status != Status::Qualified, Reason::Status(record.status)),
        (record.doubtful, Reason::Doubtful),
        (record.fictitious, Reason::Fictitious),
    ] {
        if hinders {
            hindered = true;
            reasons.push(reason);
        }
    }
    let decision = match (conflict, hindered) {
        (true, _) => Decision::Conflict { record: index },
        (false, true) => Decision::Confirm { record: index },
        (false, false) => Decision::File { record: index },
    };
    Match { decision, reasons, candidates: vec![(index, with.clone())] }
}
