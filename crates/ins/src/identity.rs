use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Matricule, Nature, Traits, folded};

/// A patient as a document names them: matricule, OID and traits, each present or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// The matricule INS.
    pub matricule: Option<Matricule>,
    /// The OID that it stands under. Only the four of [`Nature`] make an INS.
    pub oid: Option<String>,
    /// The traits.
    pub traits: Traits,
}

impl Identity {
    /// A complete identity.
    pub fn new(matricule: Matricule, nature: Nature, traits: Traits) -> Self {
        Self { matricule: Some(matricule), oid: Some(nature.oid().to_owned()), traits }
    }

    /// What kind of INS this is; `None` without one of the four OIDs.
    pub fn nature(&self) -> Option<Nature> {
        self.oid.as_deref().and_then(Nature::from_oid)
    }

    /// Whether what a document says makes a qualified INS: the matricule **and** its OID **and** the four traits birth
    /// name, first given name, birth date and sex (ECO.2.4.2, §3.8.2). The place of birth is a strict trait too, but
    /// that clause does not count it. A wrong key does not count either: [`Matricule::key_is_right`].
    ///
    /// OIDs of tests and demonstrations count, because a sandbox knows no others. Whether the sender's own file had the
    /// status *qualifiée* cannot be seen in a document.
    ///
    /// # Errors
    /// What is missing, in the order of the clause; never empty.
    pub fn qualified(&self) -> Result<(), Vec<Missing>> {
        let traits = &self.traits;
        let named = |name: &Option<String>| name.as_deref().is_some_and(|name| !name.trim().is_empty());
        let missing: Vec<Missing> = [
            (Missing::Matricule, self.matricule.is_some()),
            (Missing::Oid, self.nature().is_some()),
            (Missing::BirthName, named(&traits.birth_name)),
            (Missing::FirstGiven, named(&traits.first_given)),
            (Missing::BirthDate, traits.birth_date.is_some()),
            (Missing::Sex, traits.sex.is_some()),
        ]
        .into_iter()
        .filter_map(|(what, present)| (!present).then_some(what))
        .collect();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }

    /// Whether two documents speak of one patient, as far as sending them together goes (one patient a mail): the same
    /// INS where both have one; else the same birth name, first given name, birth date and sex. Where neither can be
    /// told the answer is `false`: what cannot be shown to be one patient is two.
    ///
    /// Filing a received document is another question, and a stricter one.
    pub fn is_same_patient(&self, other: &Self) -> bool {
        if let (Some(mine), Some(theirs), true) =
            (&self.matricule, &other.matricule, self.nature().is_some() && other.nature().is_some())
        {
            return mine == theirs && self.nature() == other.nature();
        }
        let (mine, theirs) = (&self.traits, &other.traits);
        let same_name = |a: &Option<String>, b: &Option<String>| match (a, b) {
            (Some(a), Some(b)) => folded(a) == folded(b),
            _ => false,
        };
        same_name(&mine.birth_name, &theirs.birth_name)
            && same_name(&mine.first_given, &theirs.first_given)
            && mine.birth_date.is_some()
            && mine.birth_date == theirs.birth_date
            && mine.sex == theirs.sex
    }
}

/// What an identity lacks to be a qualified INS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// No matricule, or one that is not of the shape of one.
    Matricule,
    /// No OID, or none of an INS.
    Oid,
    /// No birth name.
    BirthName,
    /// No first given name.
    FirstGiven,
    /// No birth date.
    BirthDate,
    /// No sex.
    Sex,
}

impl fmt::Display for Missing {
    /// In French, the language of the requirement.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Matricule => "matricule",
            Self::Oid => "OID",
            Self::BirthName => "nom de naissance",
            Self::FirstGiven => "premier prénom",
            Self::BirthDate => "date de naissance",
            Self::Sex => "sexe",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BirthDate, Sex};

    fn patient() -> Identity {
        let born = BirthDate::parse("19790328").unwrap();
        let traits = Traits::strict("PAT-TROIS", "DOMINIQUE MARIE-LOUISE", born, Sex::Female, "51215");
        Identity::new(Matricule::from_body("2790351215189").unwrap(), Nature::Test, traits)
    }

    #[test]
    fn matricule_oid_and_four_traits_make_a_qualified_ins_and_each_is_missed() {
        assert_eq!(patient().qualified(), Ok(()));
        type Change = fn(&mut Identity);
        let without: [(Missing, Change); 7] = [
            (Missing::Matricule, |p| p.matricule = None),
            (Missing::Oid, |p| p.oid = None),
            (Missing::Oid, |p| p.oid = Some("1.2.250.1.213.1.4.13".into())),
            (Missing::BirthName, |p| p.traits.birth_name = Some(" ".into())),
            (Missing::FirstGiven, |p| p.traits.first_given = None),
            (Missing::BirthDate, |p| p.traits.birth_date = None),
            (Missing::Sex, |p| p.traits.sex = None),
        ];
        for (missing, change) in without {
            let mut changed = patient();
            change(&mut changed);
            assert_eq!(changed.qualified(), Err(vec![missing]));
        }
        assert_eq!(Identity::default().qualified().unwrap_err().len(), 6);
        let placeless = Identity { traits: Traits { birth_place: None, ..patient().traits }, ..patient() };
        assert_eq!(placeless.qualified(), Ok(()));
    }

    #[test]
    fn one_patient_is_told_by_the_ins_else_by_traits() {
        let one = patient();
        let mut other_spelling = patient();
        other_spelling.traits.birth_name = Some("Pat Trois".into());
        assert!(one.is_same_patient(&other_spelling));
        let produced = Identity { oid: Some(Nature::Nir.oid().into()), ..patient() };
        assert!(!one.is_same_patient(&produced), "test and production are two people");
        let local = Identity { matricule: None, oid: None, ..other_spelling };
        assert!(one.is_same_patient(&local));
        let mut somebody = local.clone();
        somebody.traits.birth_date = BirthDate::parse("19790329");
        assert!(!one.is_same_patient(&somebody));
        assert!(!Identity::default().is_same_patient(&Identity::default()));
    }

    #[test]
    fn an_identity_goes_through_json() {
        let json = serde_json::to_string(&patient()).unwrap();
        assert_eq!(serde_json::from_str::<Identity>(&json).unwrap(), patient());
        assert!(serde_json::from_str::<Identity>(r#"{"matricule":"123"}"#).is_err());
    }
}
