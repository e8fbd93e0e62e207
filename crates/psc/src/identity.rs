use kernel::Timestamp;
use oidc::OtherId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Error;

/// A test person: national identifier, name, and what PSC tells of her practice.
///
/// Nobody real: test identifiers (`8997…`, `ANS…`) are the ANS's range for that purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `PS_IdNat`: `8` and RPPS, `0` and ADELI, `5` SIRET `/` internal id, `3` FINESS `/` internal id, `ANS…` from EDIT.
    pub national_id: String,
    /// First name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// `M` or `MME`.
    pub civility: String,
    /// Professions exercised; none for an employee without a health profession, and for minimal EDIT identities, whose
    /// `SubjectRefPro` is then missing.
    pub practices: Vec<Practice>,
}

/// One profession of a person (`exercices` of the user information): a person with two has two cards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Practice {
    /// Code of the profession (10 physician, 21 pharmacist, 50 midwife, 60 nurse…).
    pub profession: String,
    /// Title of practice, such as `DR`; empty for none.
    pub title: String,
    /// Kind and code of the speciality, such as `("S", "SM26")`.
    pub speciality: Option<(String, String)>,
    /// Where the profession is exercised; empty for somebody retired.
    pub activities: Vec<Activity>,
}

/// One place of practice (`activities` of the user information).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// `L` self-employed, `S` employed, `B` volunteer.
    pub mode: String,
    /// Code of the sector, such as `SA07` (practice) or `SA01` (public hospital).
    pub sector: String,
    /// Section of the order of pharmacists, else empty.
    pub pharmacist_section: String,
    /// Code of the role, such as `FON-01` for a dispensary's owner; usually empty.
    pub role: String,
    /// The structure.
    pub structure: Structure,
}

/// A structure where somebody practises. Empty means absent, as in PSC's answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Structure {
    /// Technical identifier: `R…`, `F…`, `C…`.
    pub technical_id: String,
    /// `Struct_IdNat`: its kind as first digit.
    pub national_id: String,
    /// Name.
    pub name: String,
    /// SIRET of the place.
    pub siret: String,
    /// FINESS of the place.
    pub finess: String,
    /// FINESS of the legal entity.
    pub finess_legal: String,
    /// Number in the street.
    pub street_number: String,
    /// Kind of street, as a code (`R` rue, `AV` avenue).
    pub street_kind: String,
    /// Name of the street.
    pub street: String,
    /// Postcode.
    pub postcode: String,
    /// Town.
    pub city: String,
    /// Who registered the activity.
    pub authority: String,
}

impl Identity {
    /// A person without profession: what EDIT's smallest identities look like.
    pub fn minimal(national_id: impl Into<String>, given_name: &str, family_name: &str) -> Self {
        Self {
            national_id: national_id.into(),
            given_name: given_name.to_owned(),
            family_name: family_name.to_owned(),
            civility: "MME".into(),
            practices: Vec::new(),
        }
    }

    /// A plausible person for an identifier that somebody registers: a physician with a practice and a hospital for an
    /// RPPS or ADELI number, a person without profession for the rest. The name holds the identifier's last digits,
    /// so that two are told apart on a screen.
    pub fn test(national_id: &str) -> Self {
        let digits: String = national_id.chars().filter(char::is_ascii_alphanumeric).collect();
        let tail = &digits[digits.len().saturating_sub(6)..];
        match national_id.as_bytes().first() {
            Some(b'8' | b'0') => crate::samples::physician(national_id, "Camille", &format!("MEDECIN{tail}")),
            Some(b'3' | b'5') => Self::minimal(national_id, "Dominique", &format!("SECRETARIAT{tail}")),
            _ => Self::minimal(national_id, "Claude", &format!("IDENTITE{tail}")),
        }
    }

    /// An identifier as EDIT gives them: `ANS` and the second at which it was made (UTC).
    pub fn edit_id(now: Timestamp) -> String {
        let digits: String = now.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
        format!("ANS{digits}")
    }

    /// Whether the identity can be used: an identifier without blanks, a name, nothing that cannot be printed, and
    /// nothing longer than 100 characters.
    ///
    /// # Errors
    /// [`Error::Identity`] for the first field that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |field, why| Err(Error::Identity { field, why });
        let id = &self.national_id;
        if id.is_empty() || id.len() > 64 {
            return wrong("national_id", "1 to 64 characters are needed");
        }
        if !id.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b':')) {
            return wrong("national_id", "only letters, digits and signs such as / - . are allowed");
        }
        for (field, value) in [("given_name", &self.given_name), ("family_name", &self.family_name)] {
            if value.trim().is_empty() {
                return wrong(field, "it is empty");
            }
        }
        if self.practices.len() > 10 || self.practices.iter().any(|practice| practice.activities.len() > 20) {
            return wrong("practices", "at most 10 professions with 20 activities each are kept");
        }
        let texts = [&self.given_name, &self.family_name, &self.civility].into_iter();
        let codes = self.practices.iter().flat_map(Practice::texts);
        for text in texts.chain(codes) {
            if text.chars().count() > 100 || text.chars().any(char::is_control) {
                return wrong("text", "longer than 100 characters, or with a character that cannot be shown");
            }
        }
        Ok(())
    }

    /// `Camille MEDECIN000018`.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }

    /// `otherIds`: the identifier with its origin, read from its form (the ANS's table of `PS_IdNat`).
    pub fn other_ids(&self) -> Vec<OtherId> {
        let origin = match self.national_id.as_bytes().first() {
            Some(b'0') => "ADELI",
            Some(b'3') => "FINESS",
            Some(b'4') => "SIREN",
            Some(b'5') => "SIRET",
            Some(b'8') => "RPPS",
            _ => "EDIT",
        };
        vec![OtherId { identifiant: self.national_id.clone(), origine: origin.into(), qualite: 1 }]
    }

    /// The user information of PSC (the keys are PSC's, in their mixture of French and English), without `sub` and
    /// `authMode`, which depend on the session.
    pub(crate) fn user_info(&self) -> Value {
        let mut info = json!({
            "SubjectNameID": self.national_id,
            "preferred_username": self.national_id,
            "given_name": self.given_name,
            "family_name": self.family_name,
            "email_verified": false,
            "codeCivilite": self.civility,
            "PSI_Locale": "1.2.250.1.213.1.3.1.1",
            "UITVersion": "1.0",
            "Palier_Authentification": "APPPRIP3^1.2.250.1.213.1.5.1.1.1",
            "Mode_Acces_Raison": "",
            "Acces_Regulation_Medicale": "FAUX",
            "otherIds": self.other_ids(),
        });
        if let Some(practice) = self.practices.first() {
            info["SubjectRole"] = json!([format!("{}^1.2.250.1.213.1.1.5.5", practice.profession)]);
            info["SubjectRefPro"] = json!({
                "codeCivilite": self.civility,
                "exercices": self.practices.iter().map(|p| p.json(self)).collect::<Vec<_>>(),
            });
        }
        if let Some(activity) = self.practices.iter().flat_map(|practice| &practice.activities).next() {
            info["SubjectOrganization"] = json!(activity.structure.name);
            info["SubjectOrganizationID"] = json!(activity.structure.technical_id);
            info["Secteur_Activite"] = json!(format!("{}^1.2.250.1.71.4.2.4", activity.sector));
            info["codeGenreActivite"] = json!("GENR01");
        }
        info
    }
}

impl Practice {
    fn json(&self, person: &Identity) -> Value {
        let (kind, code) = self.speciality.clone().unwrap_or_default();
        json!({
            "codeProfession": self.profession,
            "codeCategorieProfessionnelle": "C",
            "codeCiviliteDexercice": self.title,
            "nomDexercice": person.family_name,
            "prenomDexercice": person.given_name,
            "codeTypeSavoirFaire": kind,
            "codeSavoirFaire": code,
            "activities": self.activities.iter().map(Activity::json).collect::<Vec<_>>(),
        })
    }
}

impl Practice {
    fn texts(&self) -> impl Iterator<Item = &String> {
        let speciality = self.speciality.iter().flat_map(|(kind, code)| [kind, code]);
        let activities = self.activities.iter().flat_map(|activity| {
            let at = &activity.structure;
            [
                &activity.mode,
                &activity.sector,
                &activity.pharmacist_section,
                &activity.role,
                &at.technical_id,
                &at.national_id,
                &at.name,
                &at.siret,
                &at.finess,
                &at.finess_legal,
                &at.street_number,
                &at.street_kind,
                &at.street,
                &at.postcode,
                &at.city,
                &at.authority,
            ]
        });
        [&self.profession, &self.title].into_iter().chain(speciality).chain(activities)
    }
}

impl Activity {
    fn json(&self) -> Value {
        let at = &self.structure;
        let siren = at.siret.get(..9).unwrap_or_default();
        let department = at.postcode.get(..2).unwrap_or_default();
        json!({
            "codeModeExercice": self.mode,
            "codeSecteurDactivite": self.sector,
            "codeSectionPharmacien": self.pharmacist_section,
            "codeRole": self.role,
            "codeGenreActivite": "GENR01",
            "numeroSiretSite": at.siret,
            "numeroSirenSite": siren,
            "numeroFinessSite": at.finess,
            "numeroFinessetablissementJuridique": at.finess_legal,
            "identifiantTechniqueDeLaStructure": at.technical_id,
            "raisonSocialeSite": at.name,
            "enseigneCommercialeSite": "",
            "complementDestinataire": "",
            "complementPointGeographique": "",
            "numeroVoie": at.street_number,
            "indiceRepetitionVoie": "",
            "codeTypeDeVoie": at.street_kind,
            "libelleVoie": at.street,
            "mentionDistribution": "",
            "bureauCedex": format!("{} {}", at.postcode, at.city).trim(),
            "codePostal": at.postcode,
            "codeCommune": "",
            "codePays": "99000",
            "telephone": "",
            "telephone2": "",
            "telecopie": "",
            "adresseEMail": "",
            "codeDepartement": department,
            "ancienIdentifiantDeLaStructure": at.national_id,
            "autoriteDenregistrement": at.authority,
        })
    }
}
