//! Two identities side by side, and what may be done with a received document (spec 02 §7.4).
//!
//! The comparison never yields a score: the person who decides must see, trait by trait, why two identities are or are
//! not taken for one. And nothing is filed by itself unless nothing at all speaks against it, because a document in the
//! wrong file is worse than one in the pile *À rattacher*.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{BirthDate, Identity, Ins, Record, folded};

mod decide;

pub use decide::{Decision, Match, Reason, decide};

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
