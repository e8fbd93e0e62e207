//! Bundles, read leniently: what is not understood is left out.

use serde_json::Value;

use crate::BoxType;

/// Deepest extension that is looked into.
const DEEPEST: usize = 4;

/// Entries of one answer that are read at most.
const ENTRIES: usize = 50_000;

/// A page of results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// Matches on all pages, where the server counted them.
    pub total: Option<u64>,
    /// Its resources, in order.
    pub resources: Vec<Resource>,
    /// Where the next page is.
    pub next: Option<String>,
    /// Entries that were no resource.
    pub unread: usize,
}

/// A practitioner, a situation, a structure, or another resource: what this program uses of it. A list or a text that the
/// resource does not have is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// Its type, such as `Practitioner`.
    pub kind: String,
    /// Its id on the server.
    pub id: String,
    /// `false` for one that was deleted; one that does not say is active.
    pub active: bool,
    /// Whether it only came along with a match.
    pub is_included: bool,
    /// Last change, as written.
    pub updated: String,
    /// System and value of each identifier.
    pub identifiers: Vec<(String, String)>,
    /// RPPS number, 11 digits.
    pub rpps: String,
    /// Surname.
    pub family: String,
    /// First names.
    pub given: String,
    /// Name of a structure or a service.
    pub name: String,
    /// Codes of profession, category and savoir-faire, in order.
    pub qualifications: Vec<String>,
    /// Street lines of the first address.
    pub lines: Vec<String>,
    /// Postcode of the first address.
    pub postcode: String,
    /// Town of the first address, without a postcode in front.
    pub city: String,
    /// MSSanté addresses, the preferred one first.
    pub mailboxes: Vec<Mailbox>,
    /// Id of the practitioner of a situation.
    pub practitioner: String,
    /// Id of the structure of a situation, a service or a device.
    pub organization: String,
}

/// An MSSanté address of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The address, as written.
    pub address: String,
    /// PER, ORG, CAB, APP, where it is said.
    pub kind: Option<BoxType>,
    /// Service that it belongs to.
    pub service: String,
    /// *Dématérialisation*, where it is said.
    pub paperless: Option<bool>,
    /// 1 is the preferred one.
    pub rank: u64,
}

/// Reads a bundle; `None` where these octets are none.
pub fn read_bundle(bytes: &[u8]) -> Option<Bundle> {
    bundle(&serde_json::from_slice(bytes).ok()?)
}

pub(super) fn bundle(value: &Value) -> Option<Bundle> {
    if text(&value["resourceType"]) != "Bundle" {
        return None;
    }
    let mut bundle = Bundle { total: number(&value["total"]), ..Bundle::default() };
    for link in list(&value["link"]) {
        if text(&link["relation"]) == "next" {
            bundle.next = Some(text(&link["url"])).filter(|url| !url.is_empty());
        }
    }
    for entry in list(&value["entry"]).iter().take(ENTRIES) {
        let is_included = text(&entry["search"]["mode"]) == "include";
        match resource(&entry["resource"]) {
            Some(found) => bundle.resources.push(Resource { is_included, ..found }),
            None => bundle.unread += 1,
        }
    }
    Some(bundle)
}

fn resource(value: &Value) -> Option<Resource> {
    let (kind, id) = (text(&value["resourceType"]), text(&value["id"]));
    // An outcome among the entries is a remark of the server, no result.
    if kind.is_empty() || id.is_empty() || kind == "OperationOutcome" {
        return None;
    }
    let identifiers: Vec<(String, String)> = list(&value["identifier"])
        .iter()
        .map(|one| (text(&one["system"]), text(&one["value"])))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let name = &value["name"];
    let person = list(name).first().unwrap_or(&Value::Null);
    let address = list(&value["address"]).first().unwrap_or(&Value::Null);
    let given = list(&person["given"]).iter().map(text).filter(|one| !one.is_empty()).collect::<Vec<_>>();
    let qualifications = list(&value["qualification"])
        .iter()
        .flat_map(|one| list(&one["code"]["coding"]))
        .map(|coding| text(&coding["code"]))
        .filter(|code| !code.is_empty());
    let is_structure = kind == "Organization";
    let mut mailboxes: Vec<Mailbox> =
        list(&value["telecom"]).iter().filter_map(|telecom| mailbox(telecom, is_structure)).collect();
    mailboxes.sort_by_key(|mailbox| mailbox.rank);
    let named = [text(name), text(&list(&value["deviceName"]).first().unwrap_or(&Value::Null)["name"])];
    let owner = ["organization", "providedBy", "owner"].map(|field| reference(&value[field]));
    let first = |texts: &[String]| texts.iter().find(|text| !text.is_empty()).cloned().unwrap_or_default();
    Some(Resource {
        active: value["active"] != Value::Bool(false) && text(&value["status"]) != "inactive",
        is_included: false,
        updated: text(&value["meta"]["lastUpdated"]),
        rpps: if kind == "Practitioner" { rpps(&identifiers) } else { String::new() },
        identifiers,
        family: text(&person["family"]),
        given: given.join(" "),
        name: first(&named),
        qualifications: qualifications.collect(),
        lines: list(&address["line"]).iter().map(text).filter(|line| !line.is_empty()).collect(),
        postcode: text(&address["postalCode"]),
        city: without_postcode(&text(&address["city"])),
        mailboxes,
        practitioner: reference(&value["practitioner"]),
        organization: first(&owner),
        kind,
        id,
    })
}

/// By its system; else the IDNPS, which is an 8 and the RPPS.
fn rpps(identifiers: &[(String, String)]) -> String {
    let is_number = |text: &str| text.len() == 11 && text.bytes().all(|byte| byte.is_ascii_digit());
    let by_system = identifiers.iter().find(|(system, value)| system.contains("rpps.") && is_number(value));
    let by_idnps = || {
        let mut found = identifiers.iter().filter(|(_, value)| value.len() == 12);
        found.find_map(|(_, value)| value.strip_prefix('8').filter(|rest| is_number(rest)))
    };
    by_system.map(|(_, value)| value.as_str()).or_else(by_idnps).unwrap_or_default().to_owned()
}

/// People and situations list MSSanté addresses only; structures list telephones and ordinary mail too, which must not be
/// taken for one.
fn mailbox(telecom: &Value, needs_mark: bool) -> Option<Mailbox> {
    let address = text(&telecom["value"]);
    let system = text(&telecom["system"]);
    if !address.contains('@') || !(system.is_empty() || system == "email") {
        return None;
    }
    let mut found = Marks::default();
    found.look(&telecom["extension"], 0);
    if needs_mark && !found.is_marked {
        return None;
    }
    Some(Mailbox {
        address,
        kind: found.kind,
        service: found.service,
        paperless: found.paperless,
        rank: number(&telecom["rank"]).unwrap_or(u64::MAX),
    })
}

/// What the extensions of a telecom say.
#[derive(Debug, Default)]
struct Marks {
    is_marked: bool,
    kind: Option<BoxType>,
    service: String,
    paperless: Option<bool>,
}

impl Marks {
    fn look(&mut self, extensions: &Value, depth: usize) {
        if depth == DEEPEST {
            return;
        }
        for extension in list(extensions) {
            let url = text(&extension["url"]);
            let last = url.rsplit('/').next().unwrap_or_default();
            let code = code(extension);
            match last {
                _ if code == "MSSANTE" => self.is_marked = true,
                "as-ext-mailbox-mss-metadata" => self.is_marked = true,
                "type" | "as-mailbox-mss-type" if !code.is_empty() => self.kind = Some(BoxType::parse(&code)),
                "service" => self.service = text(&extension["valueString"]),
                "digitization" => {
                    let value = &extension["valueBoolean"];
                    self.paperless = value.as_bool().or_else(|| text(value).parse().ok());
                }
                _ => {}
            }
            self.look(&extension["extension"], depth + 1);
        }
    }
}

/// The code of an extension, whichever way it is written.
fn code(extension: &Value) -> String {
    let concept = list(&extension["valueCodeableConcept"]["coding"]).first().unwrap_or(&Value::Null);
    let places = [
        &concept["code"],
        &extension["valueCoding"]["code"],
        &extension["valueCode"],
        &extension["valueString"],
    ];
    places.into_iter().map(text).find(|code| !code.is_empty()).unwrap_or_default().to_uppercase()
}

fn reference(value: &Value) -> String {
    text(&value["reference"]).rsplit('/').next().unwrap_or_default().to_owned()
}

/// The server puts the postcode in front of some towns.
fn without_postcode(city: &str) -> String {
    match city.split_once(' ') {
        Some((code, rest)) if code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit()) => {
            rest.trim().to_owned()
        }
        _ => city.to_owned(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map(str::trim).unwrap_or_default().to_owned()
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A list; a single value stands for a list of one.
fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn telecom(extension: Value) -> Value {
        json!({"system": "email", "rank": 2, "value": "anne.fictif@demo.mssante.test", "extension": extension})
    }

    #[test]
    fn the_type_of_a_box_is_found_whichever_way_it_is_written() {
        let url =
            "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-mailbox-mss-metadata";
        for inner in [
            json!({"url": "type", "valueCodeableConcept": {"coding": [{"code": "CAB"}]}}),
            json!({"url": "type", "valueCodeableConcept": {"coding": {"code": "cab"}}}),
            json!({"url": "type", "valueCode": "CAB"}),
            json!({"url": "type", "valueCoding": {"code": "CAB"}}),
        ] {
            let read = mailbox(&telecom(json!([{"url": url, "extension": [inner]}])), true).unwrap();
            assert_eq!(read.kind, Some(BoxType::Cab));
        }
        assert_eq!(mailbox(&telecom(Value::Null), false).unwrap().kind, None);
        assert_eq!(mailbox(&telecom(Value::Null), true), None, "ordinary mail of a structure");
        assert_eq!(mailbox(&json!({"system": "phone", "value": "01@"}), false), None);
    }

    #[test]
    fn a_practitioner_is_read_with_its_boxes_in_order() {
        let value = json!({"resourceType": "Bundle", "total": "2", "link": [{"relation": "next", "url": "x"}], "entry": [
            {"resource": {"resourceType": "Practitioner", "id": "003-1", "name": {"family": " FICTIF ", "given": ["Anne", "Laure"]},
              "identifier": [{"system": "urn:oid:1.2.250.1.71.4.2.1", "value": "899900000018"}],
              "telecom": [telecom(Value::Null), {"rank": 1, "value": "b@demo.mssante.test"}]}},
            {"resource": {"resourceType": "Organization", "id": "001", "active": false, "name": "CABINET",
              "address": [{"city": "06500 MENTON", "line": "1 R DU PORT"}]}, "search": {"mode": "include"}},
            {"resource": 7}, {"resource": {"resourceType": "OperationOutcome", "id": "x"}}]});
        let bundle = bundle(&value).unwrap();
        assert_eq!((bundle.total, bundle.next.as_deref(), bundle.unread), (Some(2), Some("x"), 2));
        let [person, place] = bundle.resources.as_slice() else { panic!("{bundle:?}") };
        assert_eq!(
            (person.rpps.as_str(), person.family.as_str(), person.given.as_str()),
            ("99900000018", "FICTIF", "Anne Laure")
        );
        assert_eq!(person.mailboxes[0].address, "b@demo.mssante.test");
        assert!(person.active && !place.active && place.is_included);
        assert_eq!(
            (place.city.as_str(), place.lines.as_slice()),
            ("MENTON", ["1 R DU PORT".to_owned()].as_slice())
        );
        assert_eq!(super::bundle(&json!({"resourceType": "Practitioner"})), None);
    }

    proptest! {
        #[test]
        fn nothing_of_any_shape_panics(text in "\\PC{0,200}", number in any::<i64>(), key in "(name|telecom|identifier|address|extension|id|entry|qualification)") {
            let junk = json!([{"a": text}, text, number, null, [[text]]]);
            for value in [junk.clone(), json!(text), json!(number), json!({"coding": junk, "value": junk})] {
                let mut one = json!({"resourceType": "Practitioner", "id": "x"});
                one[&key] = value;
                let _ = bundle(&json!({"resourceType": "Bundle", "entry": [{"resource": one}], "link": junk}));
            }
            let _ = read_bundle(text.as_bytes());
        }
    }
}
