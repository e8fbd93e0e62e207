use cda::xml::Xml;
use cda::{Code, Id, PROFESSIONALS, Professional, STRUCTURES, Time};
use ins::Traits;
use kernel::Timestamp;

use crate::Action;
use crate::archive::sha1;
use crate::codes::{Labelled, class_code, format_code};
use crate::metadata::ACTION_SLOT;

const LCM: &str = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0";
const RIM: &str = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0";
const APPROVED: &str = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved";
const HAS_MEMBER: &str = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember";
const DOCUMENT_ENTRY: &str = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1";
const SUBMISSION_SET: &str = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd";
/// SubmissionSet.contentTypeCode. Neither the value set's labels nor its OID are public (spec 02 §5.4): one place to
/// correct, and no reader of ours looks at it.
const CONTENT_TYPE: Labelled =
    Labelled { code: "07", label: "Consultation", system: "1.2.250.1.213.1.1.4.2.1" };

/// Slots of one object: names and values.
type Slots = Vec<(&'static str, Vec<String>)>;

/// A document with its name in the archive.
pub(crate) struct Named<'a> {
    pub(crate) name: String,
    pub(crate) header: cda::Document,
    pub(crate) bytes: &'a [u8],
    pub(crate) action: Action,
}

impl Named<'_> {
    /// For a person: the title, else the type's label, else the file's name.
    pub(crate) fn label(&self) -> &str {
        let code = self.header.code.as_ref().map_or("", |code| code.display_name.as_str());
        [self.header.title.as_str(), code].into_iter().find(|text| !text.is_empty()).unwrap_or(&self.name)
    }
}

/// METADATA.XML of one submission set (IHE ITI TF-3 §4.2, spec 02 §5.3 and §5.4).
pub(crate) fn write(documents: &[Named<'_>], author: Option<&Professional>, time: Timestamp) -> Vec<u8> {
    let seed: String =
        documents.iter().map(|document| sha1(document.bytes)).collect::<String>() + &time.to_string();
    let mut ebrim = Ebrim { xml: Xml::new(), seed, counter: 0 };
    ebrim.xml.open("lcm:SubmitObjectsRequest", &[("xmlns:lcm", LCM), ("xmlns:rim", RIM)]);
    ebrim.xml.open("rim:RegistryObjectList", &[]);
    let set = ebrim.uuid();
    let members: Vec<String> = documents.iter().map(|document| ebrim.document_entry(document)).collect();
    ebrim.submission_set(&set, &documents[0], author, time);
    for member in &members {
        let id = ebrim.id("as");
        let attributes = [
            ("id", id.as_str()),
            ("associationType", HAS_MEMBER),
            ("sourceObject", &set),
            ("targetObject", member),
        ];
        ebrim.xml.open("rim:Association", &attributes);
        ebrim.slots(vec![("SubmissionSetStatus", vec!["Original".into()])]);
        ebrim.xml.close();
    }
    ebrim.xml.finish()
}

struct Ebrim {
    xml: Xml,
    seed: String,
    counter: u32,
}

impl Ebrim {
    /// DocumentEntry; gives its entryUUID.
    fn document_entry(&mut self, document: &Named<'_>) -> String {
        let (entry, logical) = (self.uuid(), self.uuid());
        let header = &document.header;
        let attributes = [
            ("id", entry.as_str()),
            ("lid", &logical),
            ("mimeType", "text/xml"),
            ("objectType", DOCUMENT_ENTRY),
            ("status", APPROVED),
        ];
        self.xml.open("rim:ExtrinsicObject", &attributes);
        self.slots(entry_slots(document));
        self.name(&header.title);
        for author in &header.authors {
            self.author("urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d", &entry, author);
        }
        let type_code = header.code.clone().unwrap_or_default();
        self.labelled("41a5887f-8865-4c09-adf7-e362475b143a", &entry, class_code(&type_code.code));
        if let Some(confidentiality) = &header.confidentiality {
            self.classified("f4f85eac-e6cb-4883-b524-f2705394840f", &entry, confidentiality);
        }
        for act in header.acts.iter().filter_map(|act| act.code.as_ref()) {
            self.classified("2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4", &entry, act);
        }
        self.labelled("a09d5840-386c-46f2-b5ad-9c3699a4309d", &entry, format_code(header));
        if let Some(facility) = &header.facility {
            self.classified("f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", &entry, facility);
        }
        if let Some(setting) = header.principal_act().and_then(|act| act.setting.as_ref()) {
            self.classified("cccf5598-8b07-4b77-a05e-ae952c785ead", &entry, setting);
        }
        self.classified("f0306f51-975f-434e-a61c-c59651d33983", &entry, &type_code);
        if let Some(patient) = patient_id(header) {
            let scheme = "58a6f841-87b3-4a3e-92fd-a8ffeff98427";
            self.identified(scheme, &entry, &patient, "XDSDocumentEntry.patientId");
        }
        let unique = header.id.as_ref().map(Id::to_string).unwrap_or_default();
        self.identified("2e82c1f6-a085-4c72-9da3-8640a32e42ab", &entry, &unique, "XDSDocumentEntry.uniqueId");
        self.xml.close();
        entry
    }

    fn submission_set(
        &mut self,
        set: &str,
        first: &Named<'_>,
        author: Option<&Professional>,
        time: Timestamp,
    ) {
        self.xml.open("rim:RegistryPackage", &[("id", set), ("status", APPROVED)]);
        let submitted = Time::from_timestamp(time).utc_digits();
        self.slots(vec![("submissionTime", vec![submitted])]);
        self.name(first.label());
        if let Some(author) = author {
            self.author("urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d", set, author);
        }
        self.labelled("aa543740-bdda-424e-8c96-df4873be8500", set, CONTENT_TYPE);
        if let Some(patient) = patient_id(&first.header) {
            let scheme = "6b5aea1a-874d-4603-a4bc-96a0a7b38446";
            self.identified(scheme, set, &patient, "XDSSubmissionSet.patientId");
        }
        let source = source_id(first);
        self.identified("554ac39e-e3fe-47fe-b233-965d2a147832", set, &source, "XDSSubmissionSet.sourceId");
        let unique = cda::oid_of(u128::from_be_bytes(self.octets()));
        self.identified("96fdda7c-d067-4183-912e-bf5ee74998a8", set, &unique, "XDSSubmissionSet.uniqueId");
        self.xml.close();
        let id = self.id("cl");
        let node = [("id", id.as_str()), ("classifiedObject", set), ("classificationNode", SUBMISSION_SET)];
        self.xml.empty("rim:Classification", &node);
    }

    fn slots(&mut self, slots: Slots) {
        for (name, values) in slots.into_iter().filter(|(_, values)| !values.is_empty()) {
            self.xml.open("rim:Slot", &[("name", name)]);
            self.xml.open("rim:ValueList", &[]);
            for value in values {
                self.xml.text("rim:Value", &[], &value);
            }
            self.xml.close();
            self.xml.close();
        }
    }

    fn name(&mut self, value: &str) {
        self.xml.open("rim:Name", &[]);
        let attributes = [("xml:lang", "fr-FR"), ("charset", "UTF-8"), ("value", value)];
        self.xml.empty("rim:LocalizedString", &attributes);
        self.xml.close();
    }

    fn author(&mut self, scheme: &str, of: &str, author: &Professional) {
        let id = self.id("cl");
        let attributes = [
            ("id", id.as_str()),
            ("classificationScheme", scheme),
            ("classifiedObject", of),
            ("nodeRepresentation", ""),
        ];
        self.xml.open("rim:Classification", &attributes);
        let institution = author.organisation.as_ref().map(|organisation| {
            let number = organisation.id.as_ref().and_then(|id| id.extension.as_deref()).unwrap_or_default();
            format!("{}^^^^^&{STRUCTURES}&ISO^IDNST^^^{}", part(&organisation.name), part(number))
        });
        let specialty = author
            .specialty
            .as_ref()
            .map(|code| format!("{}^{}^{}", part(&code.code), part(&code.display_name), part(&code.system)));
        self.slots(vec![
            ("authorInstitution", institution.into_iter().collect()),
            ("authorPerson", vec![person(author)]),
            ("authorRole", author.role.iter().map(|role| role.display_name.clone()).collect()),
            ("authorSpecialty", specialty.into_iter().collect()),
        ]);
        self.xml.close();
    }

    fn labelled(&mut self, scheme: &str, of: &str, code: Labelled) {
        self.classified(scheme, of, &Code::new(code.code, code.system, code.label));
    }

    fn classified(&mut self, scheme: &str, of: &str, code: &Code) {
        let (id, scheme) = (self.id("cl"), format!("urn:uuid:{scheme}"));
        let attributes = [
            ("id", id.as_str()),
            ("classificationScheme", &scheme),
            ("classifiedObject", of),
            ("nodeRepresentation", &code.code),
        ];
        self.xml.open("rim:Classification", &attributes);
        self.slots(vec![("codingScheme", vec![code.system.clone()])]);
        self.name(&code.display_name);
        self.xml.close();
    }

    fn identified(&mut self, scheme: &str, of: &str, value: &str, name: &str) {
        let (id, scheme) = (self.id("ei"), format!("urn:uuid:{scheme}"));
        let attributes = [
            ("id", id.as_str()),
            ("registryObject", of),
            ("identificationScheme", &scheme),
            ("value", value),
        ];
        self.xml.open("rim:ExternalIdentifier", &attributes);
        self.name(name);
        self.xml.close();
    }

    /// An identifier of the file's own.
    fn id(&mut self, prefix: &str) -> String {
        self.counter += 1;
        format!("{prefix}-{}", self.counter)
    }

    /// A UUID derived from the content (RFC 9562 §5.8, version 8).
    fn uuid(&mut self) -> String {
        let mut octets = self.octets();
        octets[6] = 0x80 | (octets[6] & 0x0f);
        octets[8] = 0x80 | (octets[8] & 0x3f);
        let hex = kernel::hex(&octets);
        format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    fn octets(&mut self) -> [u8; 16] {
        self.counter += 1;
        let digest = kernel::sha256(format!("{}#{}", self.seed, self.counter).as_bytes());
        let mut octets = [0; 16];
        octets.copy_from_slice(&digest[..16]);
        octets
    }
}

fn entry_slots(document: &Named<'_>) -> Slots {
    let header = &document.header;
    let one = |value: Option<String>| value.into_iter().collect::<Vec<_>>();
    let stop = header.acts.iter().find_map(|act| act.stop.as_ref());
    let traits = &header.patient.traits;
    vec![
        (ACTION_SLOT, one(document.action.letter().map(str::to_owned))),
        ("hash", vec![sha1(document.bytes)]),
        ("size", vec![document.bytes.len().to_string()]),
        ("URI", vec![document.name.clone()]),
        ("creationTime", one(header.effective_time.as_ref().map(Time::utc_digits))),
        ("languageCode", vec![header.language.clone().unwrap_or_else(|| "fr-FR".into())]),
        ("legalAuthenticator", one(header.legal_authenticator.as_ref().map(person))),
        ("serviceStartTime", one(header.service_start().map(Time::utc_digits))),
        ("serviceStopTime", one(stop.map(Time::utc_digits))),
        ("sourcePatientId", one(local_id(header).or_else(|| patient_id(header)))),
        ("sourcePatientInfo", patient_info(traits)),
    ]
}

/// DocumentEntry.patientId: the INS first, with its OID; else the local number.
fn patient_id(header: &cda::Document) -> Option<String> {
    let patient = &header.patient;
    match (&patient.matricule, patient.nature()) {
        (Some(matricule), Some(nature)) => Some(format!("{matricule}^^^&{}&ISO^NH", nature.oid())),
        _ => local_id(header),
    }
}

fn local_id(header: &cda::Document) -> Option<String> {
    let id = header.local_id()?;
    let extension = id.extension.as_deref()?;
    Some(format!("{}^^^&{}&ISO^PI", part(extension), part(&id.root)))
}

fn patient_info(traits: &Traits) -> Vec<String> {
    let mut info = Vec::new();
    let name = |family: &Option<String>, given: &Option<String>, kind: &str| {
        let family = family.as_deref()?;
        Some(format!("PID-5|{}^{}^^^^^{kind}", part(family), part(given.as_deref().unwrap_or_default())))
    };
    info.extend(name(&traits.birth_name, &traits.first_given, "L"));
    info.extend(name(&traits.used_name, &traits.used_given, "D"));
    info.extend(traits.birth_date.map(|date| format!("PID-7|{}", date.hl7())));
    info.extend(traits.sex.map(|sex| format!("PID-8|{}", sex.code())));
    info
}

/// An HL7 v2 XCN.
fn person(who: &Professional) -> String {
    let id = who.id.as_ref().and_then(|id| id.extension.as_deref()).unwrap_or_default();
    let (name_kind, id_kind) = match (who.device, id.contains('/')) {
        (true, _) => ("U", "RI"),
        (false, true) => ("D", "EI"),
        (false, false) => ("D", "IDNPS"),
    };
    format!(
        "{}^{}^{}^^^^^^&{PROFESSIONALS}&ISO^{name_kind}^^^{id_kind}",
        part(id),
        part(&who.family),
        part(&who.given)
    )
}

/// SubmissionSet.sourceId wants an OID: the author's structure's number under its OID, where it is one.
fn source_id(first: &Named<'_>) -> String {
    let structure = first.header.custodian.as_ref().and_then(|custodian| custodian.id.as_ref());
    match structure {
        Some(Id { root, extension: Some(extension) }) if extension.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{root}.{}", extension.trim_start_matches('0'))
        }
        Some(Id { root, .. }) if !root.is_empty() => root.clone(),
        _ => STRUCTURES.to_owned(),
    }
}

/// A component of an HL7 v2 field: its separators become spaces.
fn part(text: &str) -> String {
    text.chars().map(|c| if "^&|~\\".contains(c) || c.is_control() { ' ' } else { c }).collect()
}
