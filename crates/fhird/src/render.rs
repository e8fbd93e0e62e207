//! Resources as the API writes them (spec 03 §2.3 and §2.4, implementation guide `ans.fhir.fr.annuaire`).

use serde_json::{Map, Value, json};

use crate::roll::{Body, Item, Mailbox, Person, Place, Role, Unit, card};

/// Systems of identifiers and codes.
pub(crate) mod system {
    pub(crate) const IDNPS: &str = "urn:oid:1.2.250.1.71.4.2.1";
    pub(crate) const IDNST: &str = "urn:oid:1.2.250.1.71.4.2.2";
    pub(crate) const RPPS: &str = "https://rpps.esante.gouv.fr";
    pub(crate) const RPPS_RANK: &str = "https://rppsrang.esante.gouv.fr";
    pub(crate) const FINESS: &str = "https://finess.esante.gouv.fr";
    pub(crate) const SIREN: &str = "https://sirene.fr";
    pub(crate) const SIRET: &str = "https://sirene.fr/siret";
    pub(crate) const IDENTIFIER_TYPE: &str = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203";
    pub(crate) const ENTITY: &str = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-3307";
    pub(crate) const CATEGORY: &str = "https://mos.esante.gouv.fr/NOS/TRE_R09-CategorieProfessionnelle/FHIR/TRE-R09-CategorieProfessionnelle";
    pub(crate) const CARD: &str = "https://mos.esante.gouv.fr/NOS/TRE_R08-TypeCarte/FHIR/TRE-R08-TypeCarte";
    pub(crate) const ACTIVITY: &str =
        "https://mos.esante.gouv.fr/NOS/TRE_R22-GenreActivite/FHIR/TRE-R22-GenreActivite";
    pub(crate) const MODE: &str =
        "https://mos.esante.gouv.fr/NOS/TRE_R23-ModeExercice/FHIR/TRE-R23-ModeExercice";
    pub(crate) const SECTOR: &str =
        "https://mos.esante.gouv.fr/NOS/TRE_R02-SecteurActivite/FHIR/TRE-R02-SecteurActivite";
    pub(crate) const MAIL_TYPE: &str =
        "https://mos.esante.gouv.fr/NOS/TRE_R256-TypeMessagerie/FHIR/TRE-R256-TypeMessagerie";
    pub(crate) const BOX_TYPE: &str = "https://mos.esante.gouv.fr/NOS/TRE_R257-TypeBAL/FHIR/TRE-R257-TypeBAL";

    /// Of a profession: those of G15, and the title holders of R95.
    pub(crate) fn profession(code: &str) -> &'static str {
        match code {
            "71" | "72" | "73" | "93" => {
                "https://mos.esante.gouv.fr/NOS/TRE_R95-UsagerTitre/FHIR/TRE-R95-UsagerTitre"
            }
            _ => "https://mos.esante.gouv.fr/NOS/TRE_G15-ProfessionSante/FHIR/TRE-G15-ProfessionSante",
        }
    }

    /// Of a savoir-faire, told by the letters of its code.
    pub(crate) fn skill(code: &str) -> &'static str {
        let letters = code.trim_end_matches(|c: char| c.is_ascii_digit());
        match letters {
            "C" => "https://mos.esante.gouv.fr/NOS/TRE_R39-Competence/FHIR/TRE-R39-Competence",
            "CEX" => {
                "https://mos.esante.gouv.fr/NOS/TRE_R40-CompetenceExclusive/FHIR/TRE-R40-CompetenceExclusive"
            }
            "DSM" => {
                "https://mos.esante.gouv.fr/NOS/TRE_R42-DESCnonQualifiant/FHIR/TRE-R42-DESCnonQualifiant"
            }
            "CAPA" => {
                "https://mos.esante.gouv.fr/NOS/TRE_R43-CapaciteSavoirFaire/FHIR/TRE-R43-CapaciteSavoirFaire"
            }
            _ => "https://mos.esante.gouv.fr/NOS/TRE_R38-SpecialiteOrdinale/FHIR/TRE-R38-SpecialiteOrdinale",
        }
    }
}

const GUIDE: &str = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition";
const CORE: &str = "https://hl7.fr/ig/fhir/core/StructureDefinition";

/// A resource whole, or the fields of `_elements`.
pub(crate) fn resource(item: &Item, elements: &[String]) -> Value {
    let mut fields = Map::new();
    let name = item.resource().name();
    let lower = name.to_lowercase();
    let profiles: Vec<String> = match name {
        "HealthcareService" => vec![format!("{GUIDE}/as-dp-healthcareservice-healthcare-activity")],
        _ => vec![format!("{CORE}/fr-core-{lower}"), format!("{GUIDE}/as-dp-{lower}")],
    };
    fields.insert("resourceType".into(), name.into());
    fields.insert("id".into(), item.id.clone().into());
    let mut meta = json!({"lastUpdated": item.updated.to_string(),
        "source": "https://annuaire.esante.gouv.fr", "profile": profiles});
    let identifiers = item.identifiers().map(|(system, value, kind)| {
        json!({"use": "official", "system": system, "value": value,
            "type": {"coding": [{"system": system::IDENTIFIER_TYPE, "code": kind}]}})
    });
    let key = if name == "Device" { "status" } else { "active" };
    let state = match name {
        "Device" => (if item.active { "active" } else { "inactive" }).into(),
        _ => Value::Bool(item.active),
    };
    fields.insert(key.into(), state);
    fields.insert("identifier".into(), identifiers.collect());
    if item.active {
        fields.insert("language".into(), "fr".into());
        fields.insert("extension".into(), json!([trace(item)]));
        match &item.body {
            Body::Practitioner(person) => practitioner(person, &mut fields),
            Body::Role(role) => situation(role, &mut fields),
            Body::Organization(place) => organization(place, &mut fields),
            Body::Service(unit) => service(unit, &mut fields),
            Body::Device(unit) => device(unit, &mut fields),
        }
        if !item.mailboxes.is_empty() {
            let boxes = item.mailboxes.iter().enumerate().map(|(at, mailbox)| telecom(at + 1, mailbox));
            fields.insert("telecom".into(), boxes.collect());
        }
    }
    if !elements.is_empty() {
        let kept = ["resourceType", "id"];
        fields
            .retain(|name, _| kept.contains(&name.as_str()) || elements.iter().any(|wanted| wanted == name));
        meta["tag"] = json!([{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
            "code": "SUBSETTED"}]);
    }
    fields.insert("meta".into(), meta);
    Value::Object(fields)
}

fn trace(item: &Item) -> Value {
    json!({"url": format!("{GUIDE}/as-ext-data-trace"), "extension": [
        {"url": "systeme-information", "valueCode": item.source()},
        {"url": "autorite-enregistrement", "valueString": item.authority()}]})
}

fn telecom(rank: usize, mailbox: &Mailbox) -> Value {
    let mut inner = vec![
        json!({"url": "type", "valueCodeableConcept":
            {"coding": [{"system": system::BOX_TYPE, "code": mailbox.kind.code()}]}}),
        json!({"url": "digitization", "valueBoolean": mailbox.paperless}),
    ];
    if !mailbox.service.is_empty() {
        inner.push(json!({"url": "service", "valueString": mailbox.service}));
    }
    json!({"system": "email", "rank": rank, "value": mailbox.address, "extension": [
        {"url": format!("{CORE}/fr-core-contact-point-email-type"),
         "valueCoding": {"system": system::MAIL_TYPE, "code": "MSSANTE"}},
        {"url": format!("{GUIDE}/as-ext-mailbox-mss-metadata"), "extension": inner}]})
}

fn practitioner(person: &Person, fields: &mut Map<String, Value>) {
    let mut name = json!({"use": "usual", "family": person.family, "given": [person.given]});
    if !person.title.is_empty() {
        name["suffix"] = json!([person.title]);
    }
    fields.insert("name".into(), json!([name]));
    let main = json!({"code": {"coding": [
        {"system": system::profession(&person.profession), "code": person.profession},
        {"system": system::CATEGORY, "code": person.category}]}});
    let skills = person
        .skills
        .iter()
        .map(|skill| json!({"code": {"coding": [{"system": system::skill(skill), "code": skill}]}}));
    fields.insert("qualification".into(), std::iter::once(main).chain(skills).collect());
    if let Some(Value::Array(extensions)) = fields.get_mut("extension") {
        extensions.push(json!({"url": format!("{GUIDE}/as-ext-smartcard"), "extension": [
            {"url": "number", "valueString": card(&person.rpps)},
            {"url": "type", "valueCodeableConcept": {"coding": [{"system": system::CARD, "code": "CPS"}]}}]}));
    }
}

fn situation(role: &Role, fields: &mut Map<String, Value>) {
    fields.insert("practitioner".into(), json!({"reference": format!("Practitioner/{}", role.person)}));
    fields.insert("organization".into(), json!({"reference": format!("Organization/{}", role.place)}));
    let code = json!([{"coding": [{"system": system::ACTIVITY, "code": "GENR01"},
        {"system": system::MODE, "code": role.mode}]}]);
    fields.insert("code".into(), code);
}

fn organization(place: &Place, fields: &mut Map<String, Value>) {
    fields.insert("name".into(), place.company.clone().into());
    if !place.brand.is_empty() {
        fields.insert("alias".into(), json!([place.brand]));
    }
    let kind = |value: &str| format!("{GUIDE}/as-ext-organization-types#{value}");
    let one = |name: &str, system: &str, code: &str| {
        json!({"extension": [{"url": format!("{GUIDE}/as-ext-organization-types"), "valueCode": name}],
            "coding": [{"system": system, "code": code}], "id": kind(name).rsplit('#').next()})
    };
    fields.insert(
        "type".into(),
        json!([
            one("organizationType", system::ENTITY, place.entity()),
            one("secteurActiviteRASS", system::SECTOR, place.sector)
        ]),
    );
    let mut address = Map::new();
    let mut put = |name: &str, value: Value| {
        let is_empty = value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty);
        if !is_empty {
            address.insert(name.into(), value);
        }
    };
    put("line", json!(place.lines));
    put("city", json!(place.city));
    put("postalCode", json!(place.postcode));
    if !address.is_empty() {
        address.insert("use".into(), "work".into());
        fields.insert("address".into(), json!([address]));
    }
    if let Some(parent) = &place.part_of {
        fields.insert("partOf".into(), json!({"reference": format!("Organization/{parent}")}));
    }
    if let (Some(licence), Some(Value::Array(extensions))) = (place.licence(), fields.get_mut("extension")) {
        extensions.push(json!({"url": format!("{GUIDE}/as-ext-organization-pharmacy-licence"),
            "valueString": licence}));
    }
}

fn service(unit: &Unit, fields: &mut Map<String, Value>) {
    fields.insert("name".into(), unit.name.clone().into());
    fields.insert("providedBy".into(), json!({"reference": format!("Organization/{}", unit.place)}));
}

fn device(unit: &Unit, fields: &mut Map<String, Value>) {
    fields.insert("deviceName".into(), json!([{"name": unit.name, "type": "user-friendly-name"}]));
    fields.insert("owner".into(), json!({"reference": format!("Organization/{}", unit.place)}));
}
