//! Words for what the directory says.

use annuaire::{BoxType, FieldName, How};
use web::T;

/// What a criterion of the address is called.
pub(crate) fn field(t: T, name: &str) -> String {
    match name {
        "identifier" => t.get("directory-identifier"),
        "family" => t.get("directory-family"),
        "given" => t.get("directory-given"),
        "profession" => t.get("directory-profession"),
        "specialty" => t.get("directory-specialty"),
        "organization" => t.get("directory-organization"),
        "address" => t.get("directory-address"),
        "street" => t.get("directory-street"),
        "postcode" => t.get("directory-postcode"),
        "city" => t.get("directory-city"),
        "department" => t.get("directory-department"),
        "email" => t.get("directory-email"),
        _ => t.get("directory-type"),
    }
}

/// The same for a field of a card.
pub(crate) fn reason(t: T, name: FieldName) -> String {
    match name {
        FieldName::Nom => field(t, "family"),
        FieldName::Prenom => field(t, "given"),
        FieldName::Profession => field(t, "profession"),
        FieldName::Specialite => field(t, "specialty"),
        FieldName::RaisonSociale => field(t, "organization"),
        FieldName::Rue => field(t, "street"),
        FieldName::CodePostal => field(t, "postcode"),
        FieldName::Ville => field(t, "city"),
        FieldName::Departement => field(t, "department"),
        FieldName::Adresse => field(t, "email"),
        FieldName::Identifiant => field(t, "identifier"),
        FieldName::Type => field(t, "type"),
        FieldName::Texte => t.get("directory-text"),
    }
}

/// How a word matched, where it is not as it was typed; empty for an exact match.
pub(crate) fn how(t: T, how: How) -> String {
    match how {
        How::Exact => String::new(),
        How::Prefix => t.get("directory-how-prefix"),
        How::Synonym => t.get("directory-how-synonym"),
        How::Typo => t.get("directory-how-typo"),
        How::Phonetic => t.get("directory-how-phonetic"),
    }
}

/// What kind of box it is.
pub(crate) fn kind(t: T, kind: &BoxType) -> String {
    match kind {
        BoxType::Per => t.get("directory-per"),
        BoxType::Org => t.get("directory-org"),
        BoxType::Cab => t.get("directory-cab"),
        BoxType::App => t.get("directory-app"),
        BoxType::Other(code) => code.clone(),
    }
}

/// The day of an RFC 3339 date.
pub(crate) fn day(date: &str) -> &str {
    date.get(..10).unwrap_or(date)
}
