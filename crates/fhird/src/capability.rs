use kernel::Timestamp;
use serde_json::{Value, json};

use crate::resource::{Resource, Shape};

/// The `CapabilityStatement` of `GET [base]/metadata`.
pub(crate) fn statement(base: &str, now: Timestamp) -> Value {
    let resources = Resource::ALL.map(|resource| {
        let parameters = resource.parameters().map(|(name, shape)| {
            let kind = match shape {
                Shape::Text => "string",
                Shape::Token => "token",
                Shape::Reference => "reference",
                Shape::Date => "date",
            };
            json!({"name": name, "type": kind})
        });
        json!({"type": resource.name(),
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchInclude": resource.includes(), "searchRevInclude": resource.revincludes(),
            "searchParam": parameters.collect::<Value>()})
    });
    json!({"resourceType": "CapabilityStatement", "status": "active", "date": now.to_string(), "kind": "instance",
        "publisher": "Vaguemestre", "software": {"name": "Vaguemestre", "version": env!("CARGO_PKG_VERSION")},
        "implementation": {"description": "Bac à sable : personnes inventées", "url": base},
        "fhirVersion": "4.0.1", "format": ["application/fhir+json", "json"],
        "rest": [{"mode": "server", "resource": resources}]})
}
