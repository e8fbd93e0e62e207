use std::fmt;

use serde_json::{Map, Value};

use super::Breach;

/// Who logged in, from the user information and the ID token (SC.SSI/IE.33).
///
/// `Debug` shows nothing: it is a person's data.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Person {
    /// PSC's name for her; differs between environments, so never a key for accounts.
    pub sub: String,
    /// Her national identifier (`8` + RPPS, `0` + ADELI, `5` + SIRET + `/` + …): the key for accounts.
    pub national_id: String,
    /// First name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Code of her first profession (TRE_G15), where she has one.
    pub profession: Option<String>,
    /// Name of her first structure, where she has one.
    pub organization: Option<String>,
    /// All that PSC said, for a screen that shows activities.
    pub attributes: Map<String, Value>,
}

impl Person {
    pub(super) fn new(
        sub: String,
        mut claims: Map<String, Value>,
        userinfo: Map<String, Value>,
    ) -> Result<Self, Breach> {
        // What the user information leaves out, the ID token may say.
        claims.extend(userinfo.into_iter().filter(|(_, value)| !value.is_null() && *value != ""));
        let text = |name: &str| {
            let value = claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            value.map(|text| text.chars().filter(|c| !c.is_control()).take(200).collect::<String>())
        };
        let national_id = text("SubjectNameID")
            .or_else(|| text("preferred_username"))
            .or_else(|| rpps(claims.get("otherIds")))
            .or_else(|| sub.rsplit_once(':').map(|(_, tail)| tail.to_owned()).filter(|tail| !tail.is_empty()))
            .ok_or(Breach::NoNationalId)?;
        let profession = match claims.get("SubjectRole") {
            Some(Value::Array(roles)) => roles.first().and_then(Value::as_str),
            Some(Value::String(role)) => Some(role.as_str()),
            _ => None,
        };
        let profession = profession.and_then(|role| role.split('^').next()).filter(|code| !code.is_empty());
        Ok(Self {
            national_id,
            given_name: text("given_name"),
            family_name: text("family_name"),
            profession: profession.map(|code| code.chars().take(10).collect()),
            organization: text("SubjectOrganization"),
            sub,
            attributes: claims,
        })
    }
}

fn rpps(others: Option<&Value>) -> Option<String> {
    let entry = others?.as_array()?.iter().find(|entry| entry["origine"] == "RPPS")?;
    entry["identifiant"].as_str().filter(|id| !id.is_empty()).map(str::to_owned)
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(userinfo: Value) -> Result<Person, Breach> {
        let claims =
            serde_json::json!({"preferred_username": "8B", "given_name": "Kit", "SubjectNameID": ""});
        let both = (claims.as_object().unwrap().clone(), userinfo.as_object().unwrap().clone());
        Person::new("f:u:8D".into(), both.0, both.1)
    }

    #[test]
    fn the_user_information_wins_where_it_says_something() {
        let found = person(serde_json::json!({
            "SubjectNameID": "8A", "given_name": "", "family_name": "DOC", "SubjectRole": ["10^1.2.250.1.213.1.1.5.5"]
        }))
        .unwrap();
        assert_eq!((found.national_id.as_str(), found.given_name.as_deref()), ("8A", Some("Kit")));
        assert_eq!((found.family_name.as_deref(), found.profession.as_deref()), (Some("DOC"), Some("10")));
        assert_eq!(format!("{found:?}"), "Person(…)");
    }

    #[test]
    fn a_person_without_identifier_is_nobody() {
        assert_eq!(person(serde_json::json!({})).unwrap().national_id, "8B");
        let nobody = Person::new("opaque".into(), Map::new(), Map::new());
        assert_eq!(nobody.unwrap_err(), Breach::NoNationalId);
        let others = serde_json::json!({"otherIds": [{"origine": "EDIT", "identifiant": "ANS1"}, {"origine": "RPPS", "identifiant": "8C"}]});
        let third = Person::new("f:u:8D".into(), Map::new(), others.as_object().unwrap().clone()).unwrap();
        assert_eq!(third.national_id, "8C");
    }
}
