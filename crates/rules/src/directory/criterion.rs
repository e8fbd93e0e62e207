use serde::{Deserialize, Serialize};
use wire::SearchFacts;

use crate::Text;

/// The criteria that SC.MSS/UX.41 names, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// National identifier: RPPS or ADELI.
    Identifier,
    /// *Nom d'exercice*.
    Family,
    /// *Prénom d'exercice*.
    Given,
    /// Profession.
    Profession,
    /// Specialty or savoir-faire.
    Specialty,
    /// Postal address.
    Address,
    /// *Raison sociale*.
    Organization,
    /// Street.
    Street,
    /// Postcode.
    Postcode,
    /// Town.
    City,
    /// MSSanté address.
    Email,
}

/// Letters from which a part of a value asks for it: fewer would be in most values.
const TELLING: usize = 3;

impl Criterion {
    /// Every criterion.
    pub const ALL: [Self; 11] = [
        Self::Identifier,
        Self::Family,
        Self::Given,
        Self::Profession,
        Self::Specialty,
        Self::Address,
        Self::Organization,
        Self::Street,
        Self::Postcode,
        Self::City,
        Self::Email,
    ];

    /// Its name in scenarios, in `facts.query` of an adapter's request, and on the command line of `annuaire search`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identifier => "identifier",
            Self::Family => "family",
            Self::Given => "given",
            Self::Profession => "profession",
            Self::Specialty => "specialty",
            Self::Address => "address",
            Self::Organization => "organization",
            Self::Street => "street",
            Self::Postcode => "postcode",
            Self::City => "city",
            Self::Email => "email",
        }
    }

    /// What a person calls it.
    pub fn words(self) -> Text {
        let (fr, en) = match self {
            Self::Identifier => ("identifiant national", "national identifier"),
            Self::Family => ("nom d’exercice", "surname of practice"),
            Self::Given => ("prénom d’exercice", "first name of practice"),
            Self::Profession => ("profession", "profession"),
            Self::Specialty => ("spécialité", "specialty"),
            Self::Address => ("adresse postale", "postal address"),
            Self::Organization => ("raison sociale", "name of the structure"),
            Self::Street => ("voie", "street"),
            Self::Postcode => ("code postal", "postcode"),
            Self::City => ("ville", "town"),
            Self::Email => ("adresse MSSanté", "MSSanté address"),
        };
        Text::new(fr, en)
    }

    /// The parameters of the FHIR API that ask for it (its resources and parameters: docs/directory.md).
    pub fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Identifier => {
                &["Practitioner.identifier", "Organization.identifier", "PractitionerRole.identifier"]
            }
            Self::Family => &["Practitioner.family", "Practitioner.name"],
            Self::Given => &["Practitioner.given", "Practitioner.name"],
            Self::Profession | Self::Specialty => &["Practitioner.qualification-code"],
            Self::Address => &[
                "Organization.address",
                "Organization.address-line",
                "Organization.address-city",
                "Organization.address-postalcode",
            ],
            Self::Organization => &["Organization.name"],
            Self::Street => &["Organization.address-line", "Organization.address"],
            Self::Postcode => &["Organization.address-postalcode", "Organization.address"],
            Self::City => &["Organization.address-city", "Organization.address"],
            Self::Email => {
                &["Practitioner.mailbox-mss", "PractitionerRole.mailbox-mss", "Organization.mailbox-mss"]
            }
        }
    }

    /// Whether a search asks for one of these values by this criterion. A part of a value will do, as a client may search
    /// while its user types; a code must be whole.
    pub(super) fn is_in(self, search: &SearchFacts, values: &[String]) -> bool {
        search.parameters.iter().any(|(name, value)| {
            let name = name.split(':').next().unwrap_or_default();
            let asks = self.parameters().iter().any(|known| {
                known.split_once('.').is_some_and(|(kind, own)| kind == search.resource && own == name)
            });
            asks && value.split(',').any(|one| {
                let one = fold(one.rsplit('|').next().unwrap_or_default());
                values.iter().any(|wanted| is_same(&fold(wanted), &one))
            })
        })
    }
}

fn is_same(wanted: &str, asked: &str) -> bool {
    let is_telling = asked.chars().count() >= TELLING && wanted.chars().count() >= TELLING;
    wanted == asked || is_telling && (wanted.contains(asked) || asked.contains(wanted))
}

/// Lower case, without accents, everything that is no letter and no digit as one space.
fn fold(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars().flat_map(char::to_lowercase) {
        let plain = match letter {
            'à' | 'â' | 'ä' | 'á' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'î' | 'ï' | 'í' => 'i',
            'ô' | 'ö' | 'ó' => 'o',
            'ù' | 'û' | 'ü' | 'ú' => 'u',
            'ÿ' => 'y',
            'ç' => 'c',
            'ñ' => 'n',
            '\u{300}'..='\u{36f}' => continue,
            'œ' => {
                out.push('o');
                'e'
            }
            other if other.is_alphanumeric() => other,
            _ => ' ',
        };
        if plain != ' ' || !out.ends_with(' ') {
            out.push(plain);
        }
    }
    out.trim().to_owned()
}
