use serde::{Deserialize, Serialize};

/// What kind of number a matricule is; the OID of its assigning authority says it (CI-SIS, spec 02 §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nature {
    /// INS-NIR: the number of the civil register, in production.
    Nir,
    /// INS-NIA: a waiting number, before an NIR is given.
    Nia,
    /// INS-NIR of tests. It counts as an INS in the sandbox, and must never meet production.
    Test,
    /// INS-NIR of demonstrations. As above.
    Demo,
}

impl Nature {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Nir, Self::Nia, Self::Test, Self::Demo];

    /// The OID under which such matricules stand.
    pub fn oid(self) -> &'static str {
        match self {
            Self::Nir => "1.2.250.1.213.1.4.8",
            Self::Nia => "1.2.250.1.213.1.4.9",
            Self::Test => "1.2.250.1.213.1.4.10",
            Self::Demo => "1.2.250.1.213.1.4.11",
        }
    }

    /// The nature that this OID says. `None` for every other OID, those of the INS-C (`.4.2`, obsolete) and of the
    /// social security number (`.4.13`, which carries the same digits but is no INS) included.
    pub fn from_oid(oid: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|nature| nature.oid() == oid.trim())
    }

    /// Whether this is a number of the real world.
    pub fn is_production(self) -> bool {
        matches!(self, Self::Nir | Self::Nia)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_oid_says_its_nature_and_look_alikes_say_none() {
        for nature in Nature::ALL {
            assert_eq!(Nature::from_oid(nature.oid()), Some(nature));
        }
        for other in ["", "1.2.250.1.213.1.4.13", "1.2.250.1.213.1.4.2", "1.2.250.1.213.1.4.1"] {
            assert_eq!(Nature::from_oid(other), None, "{other}");
        }
    }
}
