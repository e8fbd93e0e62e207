//! Two identities side by side, and what may be done with a received document (spec 02 §7.4).
//!
//! The comparison never yields a score: the person who decides must see, trait by trait, why two identities are or are
//! not taken for one. And nothing is filed by itself unless nothing at all speaks against it, because a document in the
//! wrong file is worse than one in the pile *À rattacher*.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{BirthDate, Identity, Ins, Record, Status, World, folded};

/// A trait of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trait {
    /// Birth name.
    BirthName,
    /// First given name.
    FirstGiven,
    /// All given names.
    GivenNames,
    /// Birth date.
    BirthDate,
    /// Sex.
    Sex,
    /// Place of birth, a COG code.
    BirthPlace,
    /// Name in use; not a strict trait.
    UsedName,
    /// Given name in use; not a strict trait.
    UsedGiven,
}

impl Trait {
    /// Whether the civil register holds it: the names in use do not count.
    pub fn is_strict(self) -> bool {
        !matches!(self, Self::UsedName | Self::UsedGiven)
    }
}

impl fmt::Display for Trait {
    /// In French, as screens label it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BirthName => "nom de naissance",
            Self::FirstGiven => "premier prénom",
            Self::GivenNames => "prénoms",
            Self::BirthDate => "date de naissance",
            Self::Sex => "sexe",
            Self::BirthPlace => "lieu de naissance",
            Self::UsedName => "nom utilisé",
            Self::UsedGiven => "prénom utilisé",
        })
    }
}

/// How a trait of one identity stands to that of the other, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// The same, letter by letter.
    Equal,
    /// The same but for accents, hyphens, apostrophes, blanks or case. Counts as equal (spec 02 §7.4).
    Spelling,
    /// One is the beginning of the other, by whole names: `ANNE` and `ANNE-SOPHIE`, one given name and all of them, one
    /// half of a double name. Also the same letters cut otherwise: `D'ARC` and `DARC`.
    Compound,
    /// The birth name of one is the name in use of the other (married names), or so for given names.
    UsedForBirth,
    /// One date is coarser than the other (a year, a month), and they agree as far as it goes.
    Coarser,
    /// Different.
    Differs,
    /// The received identity does not say it.
    MissingReceived,
    /// The record does not say it.
    MissingRecord,
    /// Neither says it.
    MissingBoth,
}

impl Likeness {
    /// Whether nothing distinguishes the two once spelling is put aside.
    pub fn is_equal(self) -> bool {
        matches!(self, Self::Equal | Self::Spelling)
    }

    /// Whether the two may be of one person: everything but [`Likeness::Differs`].
    pub fn is_compatible(self) -> bool {
        self != Self::Differs
    }

    /// Whether both say the trait, in ways that one person may have.
    fn is_near(self) -> bool {
        matches!(self, Self::Equal | Self::Spelling | Self::Compound | Self::UsedForBirth | Self::Coarser)
    }
}

/// How the numbers stand to each other. OID and matricule count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InsLikeness {
    /// The same number of the same nature.
    Same,
    /// The received number is one that the record had before.
    Former,
    /// The same digits, one of them under an OID of production and the other of tests: two people.
    OtherWorld,
    /// The same digits under two OIDs of one world, such as NIR and NIA: not the same number.
    OtherNature,
    /// Different numbers.
    Differs,
    /// The received identity has no number, or one without an OID of the INS (code 903).
    MissingReceived,
    /// The record has none.
    MissingRecord,
}

/// Two identities side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The numbers.
    pub ins: InsLikeness,
    /// The traits, strict ones first; the names in use only where one of the two says them.
    pub traits: Vec<(Trait, Likeness)>,
}

impl Comparison {
    /// How one trait stands.
    pub fn of(&self, what: Trait) -> Likeness {
        self.traits.iter().find(|(found, _)| *found == what).map_or(Likeness::MissingBoth, |(_, how)| *how)
    }

    /// The strict traits that are not equal, with the reason.
    pub fn unequal(&self) -> Vec<(Trait, Likeness)> {
        self.traits.iter().filter(|(what, how)| what.is_strict() && !how.is_equal()).copied().collect()
    }

    /// Whether the traits propose this record for an identity without a number: name and given name near, the birth date
    /// said and compatible, the sex not different.
    fn proposes(&self) -> bool {
        self.of(Trait::BirthName).is_near()
            && (self.of(Trait::FirstGiven).is_near() || self.of(Trait::GivenNames).is_near())
            && self.of(Trait::BirthDate).is_near()
            && self.of(Trait::Sex).is_compatible()
    }

    /// For the order of candidates: how many strict traits are equal, then near.
    fn rank(&self) -> (usize, usize) {
        let strict = || self.traits.iter().filter(|(what, _)| what.is_strict());
        (
            strict().filter(|(_, how)| how.is_equal()).count(),
            strict().filter(|(_, how)| how.is_near()).count(),
        )
    }
}

/// Compares a received identity with a record, trait by trait.
pub fn compare(received: &Identity, record: &Record) -> Comparison {
    let (theirs, ours) = (&received.traits, &record.identity.traits);
    let name = |a: &Option<String>, b: &Option<String>| names(a.as_deref(), b.as_deref());
    let mut traits = vec![
        (
            Trait::BirthName,
            or_used(
                name(&theirs.birth_name, &ours.birth_name),
                [(&theirs.birth_name, &ours.used_name), (&theirs.used_name, &ours.birth_name)],
            ),
        ),
        (
            Trait::FirstGiven,
            or_used(
                name(&theirs.first_given, &ours.first_given),
                [(&theirs.first_given, &ours.used_given), (&theirs.used_given, &ours.first_given)],
            ),
        ),
        (Trait::GivenNames, name(&theirs.given_names, &ours.given_names)),
        (Trait::BirthDate, dates(theirs.birth_date, ours.birth_date)),
        (Trait::Sex, exact(theirs.sex.map(|sex| sex.code()), ours.sex.map(|sex| sex.code()))),
        (Trait::BirthPlace, exact(said(theirs.birth_place.as_deref()), said(ours.birth_place.as_deref()))),
    ];
    for (what, a, b) in [
        (Trait::UsedName, &theirs.used_name, &ours.used_name),
        (Trait::UsedGiven, &theirs.used_given, &ours.used_given),
    ] {
        let how = name(a, b);
        if how != Likeness::MissingBoth {
            traits.push((what, how));
        }
    }
    Comparison { ins: numbers(received, record), traits }
}

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

fn numbers(received: &Identity, record: &Record) -> InsLikeness {
    let Some(theirs) = received.ins() else { return InsLikeness::MissingReceived };
    if record.identity.ins().as_ref() == Some(&theirs) {
        return InsLikeness::Same;
    }
    if record.former.contains(&theirs) {
        return InsLikeness::Former;
    }
    let ours: Vec<Ins> = record.identity.ins().into_iter().chain(record.former.iter().cloned()).collect();
    let digits = || ours.iter().filter(|ins| ins.matricule == theirs.matricule);
    if digits().any(|ins| ins.nature.is_production() != theirs.nature.is_production()) {
        InsLikeness::OtherWorld
    } else if digits().next().is_some() {
        InsLikeness::OtherNature
    } else if ours.is_empty() {
        InsLikeness::MissingRecord
    } else {
        InsLikeness::Differs
    }
}

fn said(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// What is missing on one side or on both; `None` where both say something.
fn missing<T>(theirs: Option<T>, ours: Option<T>) -> Result<(T, T), Likeness> {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) => Ok((theirs, ours)),
        (None, Some(_)) => Err(Likeness::MissingReceived),
        (Some(_), None) => Err(Likeness::MissingRecord),
        (None, None) => Err(Likeness::MissingBoth),
    }
}

fn exact(theirs: Option<&str>, ours: Option<&str>) -> Likeness {
    match missing(theirs, ours) {
        Ok((a, b)) if a == b => Likeness::Equal,
        Ok((a, b)) if a.eq_ignore_ascii_case(b) => Likeness::Spelling,
        Ok(_) => Likeness::Differs,
        Err(missing) => missing,
    }
}

fn names(theirs: Option<&str>, ours: Option<&str>) -> Likeness {
    let (theirs, ours) = match missing(said(theirs), said(ours)) {
        Ok(both) => both,
        Err(missing) => return missing,
    };
    let (a, b) = (folded(theirs), folded(ours));
    if theirs == ours {
        Likeness::Equal
    } else if a == b {
        Likeness::Spelling
    } else if is_run(&a, &b) || is_run(&b, &a) || a.replace(' ', "") == b.replace(' ', "") {
        Likeness::Compound
    } else {
        Likeness::Differs
    }
}

/// Whether the names of `short` stand one after the other in `long`.
fn is_run(short: &str, long: &str) -> bool {
    let (short, long): (Vec<&str>, Vec<&str>) = (short.split(' ').collect(), long.split(' ').collect());
    short.len() < long.len() && long.windows(short.len()).any(|run| run == short)
}

/// Where birth names differ, a name in use may be the other's birth name.
fn or_used(how: Likeness, crossed: [(&Option<String>, &Option<String>); 2]) -> Likeness {
    let meets = |(a, b): (&Option<String>, &Option<String>)| names(a.as_deref(), b.as_deref()).is_equal();
    if how == Likeness::Differs && crossed.into_iter().any(meets) { Likeness::UsedForBirth } else { how }
}

fn dates(theirs: Option<BirthDate>, ours: Option<BirthDate>) -> Likeness {
    match missing(theirs.map(BirthDate::hl7), ours.map(BirthDate::hl7)) {
        Ok((a, b)) if a == b => Likeness::Equal,
        Ok((a, b)) if a.starts_with(&b) || b.starts_with(&a) => Likeness::Coarser,
        Ok(_) => Likeness::Differs,
        Err(missing) => missing,
    }
}

#[cfg(test)]
mod tests;
