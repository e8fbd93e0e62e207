mod body;
mod laboratory;

use ins::Identity;
use kernel::Timestamp;

use crate::xml::Xml;
use crate::{Body, Code, Draft, Id, NAMESPACE, Organisation, Professional, oid_of};

/// Telephone, address and the like of invented people: documents must have the element, and say why it is empty.
const NOT_ASKED: &[(&str, &str)] = &[("nullFlavor", "NASK")];
/// The same of a patient: models of CI-SIS want this reason.
const UNKNOWN: &[(&str, &str)] = &[("nullFlavor", "UNK")];
/// The model of documents of level 3 that follow none of CI-SIS: *Structuration minimale* wants one named, and this one is
/// nobody else's.
const OWN_MODEL: u128 = 0x5641_4755_454d_4553_5452_4500_0000_0001;

/// Writes a document in UTF-8, valid against the schema of CDA R2 and laid out as CI-SIS's *Structuration minimale* asks.
/// Characters that XML cannot hold become spaces; nothing else is changed, so that a bad identifier stays visible.
pub fn write(draft: &Draft) -> Vec<u8> {
    let mut xml = Xml::new();
    xml.open(
        "ClinicalDocument",
        &[("xmlns", NAMESPACE), ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")],
    );
    head(&mut xml, draft);
    record_target(&mut xml, draft);
    people(&mut xml, draft);
    acts(&mut xml, draft);
    body::write(&mut xml, draft);
    xml.finish()
}

fn head(xml: &mut Xml, draft: &Draft) {
    xml.empty("realmCode", &[("code", "FR")]);
    xml.empty("typeId", &[("root", "2.16.840.1.113883.1.3"), ("extension", "POCD_HD000040")]);
    xml.empty("templateId", &[("root", "2.16.840.1.113883.2.8.2.1")]); // HL7 France
    xml.empty("templateId", &[("root", "1.2.250.1.213.1.1.1.1")]); // CI-SIS, structuration minimale
    if matches!(draft.body, Body::Pdf(_)) {
        xml.empty("templateId", &[("root", "1.3.6.1.4.1.19376.1.2.20")]); // IHE XDS-SD
    }
    if matches!(draft.body, Body::Text { .. }) && draft.templates.is_empty() {
        xml.empty("templateId", &[("root", &oid_of(OWN_MODEL))]);
    }
    for template in &draft.templates {
        id(xml, "templateId", template);
    }
    xml.empty("id", &[("root", &draft.id_root)]);
    code(xml, "code", &draft.code);
    xml.text("title", &[], &draft.title);
    xml.empty("effectiveTime", &[("value", &hl7(draft.time))]);
    xml.empty(
        "confidentialityCode",
        &[("code", "N"), ("displayName", "Normal"), ("codeSystem", "2.16.840.1.113883.5.25")],
    );
    xml.empty("languageCode", &[("code", "fr-FR")]);
    xml.empty("setId", &[("root", &draft.set_id)]);
    xml.empty("versionNumber", &[("value", &draft.version.to_string())]);
}

fn record_target(xml: &mut Xml, draft: &Draft) {
    xml.open("recordTarget", &[]);
    xml.open("patientRole", &[]);
    ins_id(xml, &draft.patient);
    id(xml, "id", &draft.local_id);
    xml.empty("addr", UNKNOWN);
    xml.empty("telecom", UNKNOWN);
    let traits = &draft.patient.traits;
    xml.open("patient", &[("classCode", "PSN")]);
    xml.open("name", &[]);
    let given_names = traits.given_names.as_ref().or(traits.first_given.as_ref());
    for (part, qualifier, value) in [
        ("family", Some("BR"), traits.birth_name.as_ref()),
        ("given", None, given_names),
        ("given", Some("BR"), traits.first_given.as_ref()),
        ("family", Some("CL"), traits.used_name.as_ref()),
        ("given", Some("CL"), traits.used_given.as_ref()),
    ] {
        let Some(value) = value else { continue };
        match qualifier {
            Some(qualifier) => xml.text(part, &[("qualifier", qualifier)], value),
            None => xml.text(part, &[], value),
        }
    }
    xml.close();
    match traits.sex {
        Some(sex) => xml.empty(
            "administrativeGenderCode",
            &[("code", sex.code()), ("displayName", sex.label()), ("codeSystem", "2.16.840.1.113883.5.1")],
        ),
        None => xml.empty("administrativeGenderCode", &[("nullFlavor", "UNK")]),
    }
    match traits.birth_date {
        Some(date) => xml.empty("birthTime", &[("value", &date.hl7())]),
        None => xml.empty("birthTime", &[("nullFlavor", "UNK")]),
    }
    if let Some(place) = &traits.birth_place {
        xml.open("birthplace", &[]);
        xml.open("place", &[]);
        xml.open("addr", &[]);
        xml.text("county", &[], place);
        xml.close();
        xml.close();
        xml.close();
    }
    xml.close();
    xml.close();
    xml.close();
}

/// Where the OID is left out the matricule stands alone: the fault that ECO.2.4.2's `N` is about.
fn ins_id(xml: &mut Xml, patient: &Identity) {
    let Some(matricule) = &patient.matricule else { return };
    match &patient.oid {
        Some(oid) => xml.empty("id", &[("extension", matricule.as_str()), ("root", oid)]),
        None => xml.empty("id", &[("extension", matricule.as_str())]),
    }
}

fn people(xml: &mut Xml, draft: &Draft) {
    let time = hl7(draft.time);
    xml.open("author", &[]);
    if let Some(role) = &draft.author.role {
        code(xml, "functionCode", role);
    }
    xml.empty("time", &[("value", &time)]);
    xml.open("assignedAuthor", &[]);
    professional(xml, &draft.author, None);
    xml.close();
    xml.close();

    xml.open("custodian", &[]);
    xml.open("assignedCustodian", &[]);
    xml.open("representedCustodianOrganization", &[]);
    let unknown = Organisation::default();
    organisation(xml, draft.author.organisation.as_ref().unwrap_or(&unknown), None);
    xml.close();
    xml.close();
    xml.close();

    xml.open("legalAuthenticator", &[]);
    xml.empty("time", &[("value", &time)]);
    xml.empty("signatureCode", &[("code", "S")]);
    xml.open("assignedEntity", &[]);
    professional(xml, &draft.author, None);
    xml.close();
    xml.close();
}

fn acts(xml: &mut Xml, draft: &Draft) {
    let start = hl7(draft.service_start);
    xml.open("documentationOf", &[]);
    xml.open("serviceEvent", &[]);
    code(xml, "code", &draft.act);
    xml.open("effectiveTime", &[]);
    xml.empty("low", &[("value", &start)]);
    if let Some(stop) = draft.service_stop {
        xml.empty("high", &[("value", &hl7(stop))]);
    }
    xml.close();
    xml.open("performer", &[("typeCode", "PRF")]);
    if let Some(stop) = draft.service_stop {
        xml.open("time", &[]);
        xml.empty("high", &[("value", &hl7(stop))]);
        xml.close();
    }
    xml.open("assignedEntity", &[]);
    professional(xml, &draft.author, Some(&draft.setting));
    xml.close();
    xml.close();
    xml.close();
    xml.close();

    if let Some(replaced) = &draft.replaces {
        xml.open("relatedDocument", &[("typeCode", "RPLC")]);
        xml.open("parentDocument", &[]);
        id(xml, "id", replaced);
        xml.close();
        xml.close();
    }

    xml.open("componentOf", &[]);
    xml.open("encompassingEncounter", &[]);
    xml.open("effectiveTime", &[]);
    xml.empty("low", &[("value", &start)]);
    xml.close();
    xml.open("responsibleParty", &[]);
    xml.open("assignedEntity", &[]);
    professional(xml, &draft.author, None);
    xml.close();
    xml.close();
    xml.open("location", &[]);
    xml.open("healthCareFacility", &[]);
    code(xml, "code", &draft.facility);
    xml.close();
    xml.close();
    xml.close();
    xml.close();
}

/// The content of `assignedAuthor` and `assignedEntity`.
fn professional(xml: &mut Xml, who: &Professional, setting: Option<&Code>) {
    match &who.id {
        Some(known) => id(xml, "id", known),
        None => xml.empty("id", &[("nullFlavor", "UNK")]),
    }
    if let Some(specialty) = &who.specialty {
        code(xml, "code", specialty);
    }
    xml.empty("addr", NOT_ASKED);
    xml.empty("telecom", NOT_ASKED);
    xml.open("assignedPerson", &[]);
    xml.open("name", &[]);
    xml.text("given", &[], &who.given);
    xml.text("family", &[], &who.family);
    xml.close();
    xml.close();
    if who.organisation.is_some() || setting.is_some() {
        let unknown = Organisation::default();
        xml.open("representedOrganization", &[]);
        organisation(xml, who.organisation.as_ref().unwrap_or(&unknown), setting);
        xml.close();
    }
}

fn organisation(xml: &mut Xml, which: &Organisation, setting: Option<&Code>) {
    match &which.id {
        Some(known) => id(xml, "id", known),
        None => xml.empty("id", &[("nullFlavor", "UNK")]),
    }
    xml.text("name", &[], &which.name);
    xml.empty("telecom", NOT_ASKED);
    xml.empty("addr", NOT_ASKED);
    if let Some(setting) = setting {
        code(xml, "standardIndustryClassCode", setting);
    }
}

fn id(xml: &mut Xml, name: &str, id: &Id) {
    match &id.extension {
        Some(extension) => xml.empty(name, &[("root", &id.root), ("extension", extension)]),
        None => xml.empty(name, &[("root", &id.root)]),
    }
}

fn code(xml: &mut Xml, name: &str, code: &Code) {
    xml.empty(name, &attributes(code));
}

/// What there is of a code: an empty attribute would not be valid.
fn attributes(code: &Code) -> Vec<(&str, &str)> {
    let all =
        [("code", code.code.as_str()), ("displayName", &code.display_name), ("codeSystem", &code.system)];
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn hl7(time: Timestamp) -> String {
    time.strftime("%Y%m%d%H%M%S+0000").to_string()
}
