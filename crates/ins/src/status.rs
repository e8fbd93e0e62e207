use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Identity, Matricule, Nature};

/// How far an identity has been made sure of (RNIV, spec 02 §7.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// *Provisoire*: neither asked from INSi nor checked on a paper.
    #[default]
    Provisional,
    /// *Récupérée*: INSi gave it, no paper was checked.
    Retrieved,
    /// *Validée*: a paper was checked, INSi was not asked.
    Validated,
    /// *Qualifiée*: both.
    Qualified,
}

impl Status {
    /// What two facts make: whether INSi gave the identity, whether a paper of high trust was checked.
    pub fn of(retrieved: bool, validated: bool) -> Self {
        match (retrieved, validated) {
            (false, false) => Self::Provisional,
            (true, false) => Self::Retrieved,
            (false, true) => Self::Validated,
            (true, true) => Self::Qualified,
        }
    }

    /// Reads the French word, with or without its accents, or that of JSON.
    pub fn parse(text: &str) -> Option<Self> {
        match crate::folded(text).as_str() {
            "PROVISOIRE" | "PROVISIONAL" => Some(Self::Provisional),
            "RECUPEREE" | "RETRIEVED" => Some(Self::Retrieved),
            "VALIDEE" | "VALIDATED" => Some(Self::Validated),
            "QUALIFIEE" | "QUALIFIED" => Some(Self::Qualified),
            _ => None,
        }
    }

    /// Whether matricule and OID may leave in a document (INS/va1.53): qualified identities only.
    pub fn lets_ins_travel(self) -> bool {
        self == Self::Qualified
    }
}

impl fmt::Display for Status {
    /// In French, as screens label it (UX of the INS, GLOSSARY).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Provisional => "provisoire",
            Self::Retrieved => "récupérée",
            Self::Validated => "validée",
            Self::Qualified => "qualifiée",
        })
    }
}

/// A matricule and what kind of number it is: the two are one thing, and never compared apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ins {
    /// The number.
    pub matricule: Matricule,
    /// The OID that it stands under.
    pub nature: Nature,
}

impl Identity {
    /// Matricule and nature, where both are there.
    pub fn ins(&self) -> Option<Ins> {
        Some(Ins { matricule: self.matricule.clone()?, nature: self.nature()? })
    }
}

/// A patient of one's own base, as far as filing a received document asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The identity.
    pub identity: Identity,
    /// How sure it is.
    pub status: Status,
    /// The numbers that the patient had before: an NIA before the NIR was given, an NIR that was corrected (HL7
    /// `use="old"`, `use="temp"`). Documents sent before the change name them.
    pub former: Vec<Ins>,
    /// *Identité douteuse* (RNIV): nothing is filed under it by itself, and its INS does not travel.
    pub doubtful: bool,
    /// *Identité fictive* (RNIV): a patient of training. As above.
    pub fictitious: bool,
}

impl Record {
    /// The identity that may be written into a document: without matricule and OID unless the status is qualified, none
    /// of the marks of doubt stands, and the number is of the world that it is sent into.
    pub fn to_send(&self, world: World) -> Identity {
        let sure = self.status.lets_ins_travel() && !self.doubtful && !self.fictitious;
        let fits = self.identity.nature().is_some_and(|nature| world.admits(nature));
        if sure && fits {
            self.identity.clone()
        } else {
            Identity { matricule: None, oid: None, traits: self.identity.traits.clone() }
        }
    }
}

/// Where the software runs. Numbers of tests and demonstrations must never meet those of real people (spec 02 §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum World {
    /// Real people: the OIDs of the NIR and of the NIA.
    Production,
    /// A sandbox or a bench. The published examples mix OIDs of tests with those of production, so that all are read.
    Sandbox,
}

impl World {
    /// Whether a number of this nature belongs here.
    pub fn admits(self, nature: Nature) -> bool {
        self == Self::Sandbox || nature.is_production()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_facts_make_the_four_statuses_and_words_come_back() {
        for (retrieved, validated, word) in [
            (false, false, "provisoire"),
            (true, false, "récupérée"),
            (false, true, "validée"),
            (true, true, "qualifiée"),
        ] {
            let status = Status::of(retrieved, validated);
            assert_eq!(status.to_string(), word);
            assert_eq!(Status::parse(word), Some(status));
            assert_eq!(Status::parse(&crate::unaccented(word).to_uppercase()), Some(status));
            assert_eq!(status.lets_ins_travel(), retrieved && validated);
        }
        assert_eq!(Status::parse("sûre"), None);
    }

    #[test]
    fn the_ins_travels_only_when_qualified_undoubted_and_of_this_world() {
        let matricule = Matricule::parse("279035121518989").unwrap();
        let identity = Identity {
            matricule: Some(matricule),
            oid: Some(Nature::Test.oid().into()),
            ..Identity::default()
        };
        let record = Record { identity, status: Status::Qualified, ..Record::default() };
        assert_eq!(record.to_send(World::Sandbox), record.identity);
        assert_eq!(record.to_send(World::Production).matricule, None, "a number of tests");
        for change in [
            (|record: &mut Record| record.status = Status::Validated) as fn(&mut Record),
            |record| record.doubtful = true,
            |record| record.fictitious = true,
        ] {
            let mut changed = record.clone();
            change(&mut changed);
            let sent = changed.to_send(World::Sandbox);
            assert_eq!((sent.matricule, sent.oid), (None, None));
        }
    }
}
