//! The resources of the API and the parameters of each.

/// A kind of resource that can be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Resource {
    Practitioner,
    PractitionerRole,
    Organization,
    HealthcareService,
    Device,
}

/// How a parameter's value is compared (FHIR R4 §3.1.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Start of the value, without regard to case and accents; takes `:contains` and `:exact`.
    Text,
    /// `code`, `system|code`, `|code` or `system|`.
    Token,
    /// `Kind/id` or `id`.
    Reference,
    /// A day or an instant, with a prefix such as `ge`.
    Date,
}

/// Spec 03 §2.2. `type-smartcard` and `address-line` are in the implementation guide only.
const PRACTITIONER: &[(&str, Shape)] = &[
    ("active", Shape::Token),
    ("data-information-system", Shape::Token),
    ("data-registration-authority", Shape::Token),
    ("family", Shape::Text),
    ("given", Shape::Text),
    ("name", Shape::Text),
    ("identifier", Shape::Token),
    ("identifier-type", Shape::Token),
    ("mailbox-mss", Shape::Text),
    ("number-smartcard", Shape::Token),
    ("type-smartcard", Shape::Token),
    ("qualification-code", Shape::Token),
];

const ROLE: &[(&str, Shape)] = &[
    ("active", Shape::Token),
    ("data-information-system", Shape::Token),
    ("data-registration-authority", Shape::Token),
    ("identifier", Shape::Token),
    ("mailbox-mss", Shape::Text),
    ("organization", Shape::Reference),
    ("practitioner", Shape::Reference),
    ("role", Shape::Token),
];

const ORGANIZATION: &[(&str, Shape)] = &[
    ("active", Shape::Token),
    ("address", Shape::Text),
    ("address-city", Shape::Text),
    ("address-postalcode", Shape::Text),
    ("address-line", Shape::Text),
    ("data-information-system", Shape::Token),
    ("data-registration-authority", Shape::Token),
    ("identifier", Shape::Token),
    ("identifier-type", Shape::Token),
    ("mailbox-mss", Shape::Text),
    ("name", Shape::Text),
    ("partof", Shape::Reference),
    ("pharmacy-licence", Shape::Token),
    ("type", Shape::Token),
];

/// What the documentation leaves open for the last two is a guess: what their structure makes searchable.
const SERVICE: &[(&str, Shape)] = &[
    ("active", Shape::Token),
    ("identifier", Shape::Token),
    ("organization", Shape::Reference),
    ("name", Shape::Text),
];

const DEVICE: &[(&str, Shape)] = &[
    ("identifier", Shape::Token),
    ("organization", Shape::Reference),
    ("status", Shape::Token),
    ("device-name", Shape::Text),
];

const EVERYWHERE: &[(&str, Shape)] = &[("_id", Shape::Token), ("_lastUpdated", Shape::Date)];

impl Resource {
    pub(crate) const ALL: [Self; 5] = [
        Self::Practitioner,
        Self::PractitionerRole,
        Self::Organization,
        Self::HealthcareService,
        Self::Device,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Practitioner => "Practitioner",
            Self::PractitionerRole => "PractitionerRole",
            Self::Organization => "Organization",
            Self::HealthcareService => "HealthcareService",
            Self::Device => "Device",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.name() == name)
    }

    /// Its parameters with their shapes.
    pub(crate) fn parameters(self) -> impl Iterator<Item = (&'static str, Shape)> {
        let own = match self {
            Self::Practitioner => PRACTITIONER,
            Self::PractitionerRole => ROLE,
            Self::Organization => ORGANIZATION,
            Self::HealthcareService => SERVICE,
            Self::Device => DEVICE,
        };
        EVERYWHERE.iter().chain(own).copied()
    }

    /// What `_include` takes from it.
    pub(crate) fn includes(self) -> &'static [&'static str] {
        match self {
            Self::PractitionerRole => &["PractitionerRole:practitioner", "PractitionerRole:organization"],
            Self::Organization => &["Organization:partof"],
            _ => &[],
        }
    }

    /// What `_revinclude` takes for it.
    pub(crate) fn revincludes(self) -> &'static [&'static str] {
        match self {
            Self::Practitioner => &["PractitionerRole:practitioner"],
            Self::Organization => {
                &["PractitionerRole:organization", "Device:organization", "HealthcareService:organization"]
            }
            _ => &[],
        }
    }
}
