use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use roxmltree::Node;

use super::tree::{at, attribute, children, code, id, text, time};
use crate::{Act, Document, Encounter, Id, Level, Organisation, Professional};

pub(super) fn read(root: Node<'_, '_>) -> Document {
    let first_id = |name| at(root, &[name]).and_then(id);
    let role = at(root, &["recordTarget", "patientRole"]);
    let patient_ids: Vec<Id> =
        role.map(|role| children(role, "id").filter_map(id).collect()).unwrap_or_default();
    Document {
        id: first_id("id"),
        set_id: first_id("setId"),
        version: at(root, &["versionNumber"]).and_then(|node| attribute(node, "value")?.parse().ok()),
        templates: children(root, "templateId").filter_map(id).collect(),
        code: at(root, &["code"]).and_then(code),
        title: at(root, &["title"]).map(text).unwrap_or_default(),
        effective_time: at(root, &["effectiveTime"]).and_then(time),
        confidentiality: at(root, &["confidentialityCode"]).and_then(code),
        confidentialities: children(root, "confidentialityCode").filter_map(code).collect(),
        language: at(root, &["languageCode"]).and_then(|node| attribute(node, "code")),
        patient: patient(role, &patient_ids),
        patient_ids,
        authors: children(root, "author").filter_map(author).collect(),
        custodian: at(root, &["custodian", "assignedCustodian", "representedCustodianOrganization"])
            .map(organisation),
        legal_authenticator: at(root, &["legalAuthenticator", "assignedEntity"]).map(entity),
        recipients: children(root, "informationRecipient")
            .filter_map(|node| at(node, &["intendedRecipient"]))
            .map(recipient)
            .collect(),
        encounter: at(root, &["componentOf", "encompassingEncounter"]).map(encounter),
        acts: children(root, "documentationOf")
            .filter_map(|node| at(node, &["serviceEvent"]))
            .map(act)
            .collect(),
        facility: at(
            root,
            &["componentOf", "encompassingEncounter", "location", "healthCareFacility", "code"],
        )
        .and_then(code),
        replaces: children(root, "relatedDocument")
            .filter(|node| node.attribute("typeCode") == Some("RPLC"))
            .find_map(|node| at(node, &["parentDocument", "id"]).and_then(id)),
        level: Level::N1,
        body: None,
        copy: None,
        problems: Vec::new(),
    }
}

/// The INS is the first identifier under one of its OIDs. Where there is none, digits that are those of a matricule are
/// kept with whatever root they stand under, so that what is missing can be told: the OID, not the matricule.
fn patient(role: Option<Node<'_, '_>>, ids: &[Id]) -> Identity {
    let matricule = |id: &Id| id.extension.as_deref().and_then(|text| Matricule::parse(text).ok());
    let traits = role.and_then(|role| at(role, &["patient"])).map(traits).unwrap_or_default();
    if let Some(id) = ids.iter().find(|id| Nature::from_oid(&id.root).is_some()) {
        return Identity { matricule: matricule(id), oid: Some(id.root.clone()), traits };
    }
    let look_alike = ids.iter().find_map(|id| Some((matricule(id).filter(Matricule::key_is_right)?, id)));
    match look_alike {
        Some((matricule, id)) => {
            let oid = (!id.root.is_empty()).then(|| id.root.clone());
            Identity { matricule: Some(matricule), oid, traits }
        }
        None => Identity { traits, ..Identity::default() },
    }
}

fn traits(patient: Node<'_, '_>) -> Traits {
    let name = |node: Node<'_, '_>| names(node, "family", Some("BR")).next().is_some();
    let node = children(patient, "name").find(|node| name(*node)).or_else(|| at(patient, &["name"]));
    let first = |part, qualifier| node.and_then(|node| names(node, part, qualifier).next());
    let list = node.map(|node| names(node, "given", None).collect::<Vec<_>>().join(" "));
    let list = list.filter(|list| !list.is_empty());
    let token = list.as_deref().and_then(|list| list.split_whitespace().next()).map(str::to_owned);
    let first_given = first("given", Some("BR")).or(token);
    Traits {
        birth_name: first("family", Some("BR")).or_else(|| first("family", None)),
        given_names: list.or_else(|| first_given.clone()),
        first_given,
        birth_date: at(patient, &["birthTime"])
            .and_then(|node| BirthDate::parse(node.attribute("value").unwrap_or_default())),
        sex: at(patient, &["administrativeGenderCode"])
            .and_then(|node| Sex::from_code(node.attribute("code").unwrap_or_default())),
        birth_place: at(patient, &["birthplace", "place", "addr", "county"])
            .map(text)
            .filter(|text| !text.is_empty()),
        used_name: first("family", Some("CL")).or_else(|| first("family", Some("SP"))),
        used_given: first("given", Some("CL")),
    }
}

/// Parts of a name by qualifier, a list of words in HL7; position says nothing (spec 02 §1.3).
fn names<'a, 'i: 'a>(
    name: Node<'a, 'i>,
    part: &'static str,
    qualifier: Option<&'static str>,
) -> impl Iterator<Item = String> + 'a {
    children(name, part)
        .filter(move |node| match (node.attribute("qualifier"), qualifier) {
            (Some(found), Some(wanted)) => found.split_whitespace().any(|word| word == wanted),
            (None, None) => true,
            _ => false,
        })
        .map(text)
        .filter(|text| !text.is_empty())
}

fn author(node: Node<'_, '_>) -> Option<Professional> {
    let assigned = at(node, &["assignedAuthor"])?;
    let device = at(assigned, &["assignedAuthoringDevice"]);
    let role = at(node, &["functionCode"]).and_then(code);
    let mut author = Professional { role, device: device.is_some(), ..entity(assigned) };
    if let Some(device) = device {
        let name = |part| at(device, &[part]).map(text).filter(|text| !text.is_empty());
        author.family = name("softwareName").or_else(|| name("manufacturerModelName")).unwrap_or_default();
    }
    Some(author)
}

/// `assignedAuthor` or `assignedEntity`.
fn entity(node: Node<'_, '_>) -> Professional {
    let part = |part| at(node, &["assignedPerson", "name", part]).map(text).unwrap_or_default();
    Professional {
        id: children(node, "id").find_map(id),
        family: part("family"),
        given: part("given"),
        specialty: at(node, &["code"]).and_then(code),
        role: None,
        organisation: at(node, &["representedOrganization"]).map(organisation),
        device: false,
    }
}

fn recipient(node: Node<'_, '_>) -> Professional {
    let part = |part| at(node, &["informationRecipient", "name", part]).map(text).unwrap_or_default();
    Professional {
        id: children(node, "id").find_map(id),
        family: part("family"),
        given: part("given"),
        organisation: at(node, &["receivedOrganization"]).map(organisation),
        ..Professional::default()
    }
}

fn encounter(node: Node<'_, '_>) -> Encounter {
    let time_at = |path: &[&'static str]| at(node, path).and_then(time);
    Encounter {
        code: at(node, &["code"]).and_then(code),
        start: time_at(&["effectiveTime", "low"]).or_else(|| time_at(&["effectiveTime"])),
        stop: time_at(&["effectiveTime", "high"]),
        location: at(node, &["location", "healthCareFacility", "location", "name"])
            .map(text)
            .unwrap_or_default(),
    }
}

fn organisation(node: Node<'_, '_>) -> Organisation {
    Organisation {
        id: children(node, "id").find_map(id),
        name: at(node, &["name"]).map(text).unwrap_or_default(),
    }
}

fn act(node: Node<'_, '_>) -> Act {
    let performer = at(node, &["performer"]);
    Act {
        code: at(node, &["code"]).and_then(code),
        start: at(node, &["effectiveTime", "low"])
            .and_then(time)
            .or_else(|| at(node, &["effectiveTime"]).and_then(time)),
        stop: at(node, &["effectiveTime", "high"]).and_then(time),
        performed: performer.is_some(),
        setting: performer
            .and_then(|node| {
                at(node, &["assignedEntity", "representedOrganization", "standardIndustryClassCode"])
            })
            .and_then(code),
    }
}
