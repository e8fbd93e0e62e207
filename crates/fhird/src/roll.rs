//! Everybody in the directory, joined by person and structure.

use std::collections::HashMap;

use kernel::Timestamp;

use crate::criterion::Field;
use crate::entry::{Entry, Kind};
use crate::render::system;
use crate::resource::Resource;

/// One resource.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) updated: Timestamp,
    /// `false` for one that was deleted: its id and identifiers are all that is still told.
    pub(crate) active: bool,
    pub(crate) mailboxes: Vec<Mailbox>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Practitioner(Person),
    Role(Role),
    Organization(Place),
    Service(Unit),
    Device(Unit),
}

#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) rpps: String,
    pub(crate) title: String,
    pub(crate) family: String,
    pub(crate) given: String,
    pub(crate) category: String,
    pub(crate) profession: String,
    /// Each skill once.
    pub(crate) skills: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Role {
    /// Identifier of the *situation d'exercice*.
    pub(crate) situation: String,
    pub(crate) person: String,
    pub(crate) place: String,
    /// TRE_R23: `L` for a practice of one's own, `S` for employment.
    pub(crate) mode: &'static str,
}

#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// National identifier with its type digit.
    pub(crate) structure: String,
    pub(crate) company: String,
    pub(crate) brand: String,
    pub(crate) lines: Vec<String>,
    pub(crate) postcode: String,
    pub(crate) city: String,
    /// TRE_R02.
    pub(crate) sector: &'static str,
    pub(crate) part_of: Option<String>,
}

/// A service of a structure, or a heavy piece of equipment.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) identifier: String,
    pub(crate) name: String,
    pub(crate) place: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Mailbox {
    pub(crate) kind: Kind,
    pub(crate) address: String,
    pub(crate) service: String,
    pub(crate) paperless: bool,
}

/// The resources, each kind in the order in which they came: places in it never change.
#[derive(Debug, Default)]
pub(crate) struct Roll {
    practitioners: Vec<Item>,
    roles: Vec<Item>,
    organizations: Vec<Item>,
    services: Vec<Item>,
    devices: Vec<Item>,
    people: HashMap<String, usize>,
    places: HashMap<String, usize>,
    situations: HashMap<(usize, usize), usize>,
    holders: HashMap<String, (Resource, usize)>,
}

impl Roll {
    pub(crate) fn items(&self, resource: Resource) -> &[Item] {
        match resource {
            Resource::Practitioner => &self.practitioners,
            Resource::PractitionerRole => &self.roles,
            Resource::Organization => &self.organizations,
            Resource::HealthcareService => &self.services,
            Resource::Device => &self.devices,
        }
    }

    fn items_mut(&mut self, resource: Resource) -> &mut Vec<Item> {
        match resource {
            Resource::Practitioner => &mut self.practitioners,
            Resource::PractitionerRole => &mut self.roles,
            Resource::Organization => &mut self.organizations,
            Resource::HealthcareService => &mut self.services,
            Resource::Device => &mut self.devices,
        }
    }

    pub(crate) fn find(&self, resource: Resource, id: &str) -> Option<&Item> {
        // Ids end with the place in the list, from 1.
        let at = id.rsplit('-').next()?.parse::<usize>().ok()?.checked_sub(1)?;
        self.items(resource).get(at).filter(|item| item.id == id)
    }

    /// Adds a mailbox with its holder and its place. One that is there already moves to its new holder.
    pub(crate) fn add(&mut self, entry: &Entry, at: Timestamp) {
        let address = entry.address.to_lowercase();
        let person = (!entry.rpps.is_empty()).then(|| self.person(entry, at));
        let place = (!entry.structure.is_empty()).then(|| self.place(entry, at));
        // Spec 03 §2.4: a holder's box without a structure is the person's, with one it is the situation's.
        let holder = match (person, place) {
            (Some(person), Some(place)) => (Resource::PractitionerRole, self.role(person, place, at)),
            (Some(person), None) => (Resource::Practitioner, person),
            (None, Some(place)) => (Resource::Organization, place),
            (None, None) => return,
        };
        if address.is_empty() {
            return;
        }
        self.drop_mailbox(&address, at);
        let mailbox = Mailbox {
            kind: entry.kind,
            address: entry.address.clone(),
            service: entry.service.clone(),
            paperless: entry.paperless,
        };
        self.holders.insert(address, holder);
        let item = &mut self.items_mut(holder.0)[holder.1];
        item.mailboxes.push(mailbox);
        item.updated = at;
        item.active = true;
    }

    /// Takes a mailbox away; a person who has none left is gone too. `false` where nobody has it.
    pub(crate) fn withdraw(&mut self, address: &str, at: Timestamp) -> bool {
        let Some((resource, place)) = self.drop_mailbox(&address.to_lowercase(), at) else { return false };
        let item = &mut self.items_mut(resource)[place];
        if !item.mailboxes.is_empty() {
            return true;
        }
        match &item.body {
            Body::Practitioner(_) => item.active = false,
            Body::Role(role) => {
                let person = role.person.clone();
                item.active = false;
                let has_more = |role: &Item| {
                    role.active && matches!(&role.body, Body::Role(other) if other.person == person)
                };
                let is_alone = !self.roles.iter().any(has_more);
                let found = self.practitioners.iter_mut().find(|item| item.id == person);
                if let Some(item) = found.filter(|item| is_alone && item.mailboxes.is_empty()) {
                    (item.active, item.updated) = (false, at);
                }
            }
            _ => {}
        }
        true
    }

    fn drop_mailbox(&mut self, address: &str, at: Timestamp) -> Option<(Resource, usize)> {
        let holder = self.holders.remove(address)?;
        let item = &mut self.items_mut(holder.0)[holder.1];
        item.mailboxes.retain(|mailbox| mailbox.address.to_lowercase() != address);
        item.updated = at;
        Some(holder)
    }

    fn person(&mut self, entry: &Entry, at: Timestamp) -> usize {
        let place = *self.people.entry(entry.rpps.clone()).or_insert(self.practitioners.len());
        if place == self.practitioners.len() {
            let person = Person {
                rpps: entry.rpps.clone(),
                title: entry.title.clone(),
                family: entry.family.clone(),
                given: entry.given.clone(),
                category: entry.category.clone(),
                profession: entry.profession.clone(),
                skills: Vec::new(),
            };
            push(&mut self.practitioners, "003-0000001", at, Body::Practitioner(person));
        }
        let item = &mut self.practitioners[place];
        item.active = true;
        if let Body::Practitioner(person) = &mut item.body
            && !entry.skill.is_empty()
            && !person.skills.contains(&entry.skill)
        {
            person.skills.push(entry.skill.clone());
        }
        place
    }

    fn place(&mut self, entry: &Entry, at: Timestamp) -> usize {
        if let Some(place) = self.places.get(&entry.structure) {
            return *place;
        }
        let sector = sector(entry);
        let mut place = Place {
            structure: entry.structure.clone(),
            company: entry.company.clone(),
            brand: entry.brand.clone(),
            lines: entry.lines.clone(),
            postcode: entry.postcode.clone(),
            city: entry.city.clone(),
            sector,
            part_of: None,
        };
        if sector == "SA01" {
            // A hospital's site belongs to a legal entity of its own.
            let legal = Place { structure: format!("2{:09}", self.organizations.len()), ..place.clone() };
            place.part_of = Some(push(&mut self.organizations, "001-02", at, Body::Organization(legal)));
        }
        let id = push(&mut self.organizations, "001-01", at, Body::Organization(place));
        let at_place = self.organizations.len() - 1;
        self.places.insert(entry.structure.clone(), at_place);
        if !entry.service.is_empty() {
            let identifier = format!("S{:07}", self.services.len() + 1);
            let unit = Unit { identifier, name: entry.service.clone(), place: id.clone() };
            push(&mut self.services, "002-01", at, Body::Service(unit));
        }
        if sector == "SA01" {
            let identifier = format!("E{:07}", self.devices.len() + 1);
            let unit = Unit { identifier, name: "Scanographe".into(), place: id };
            push(&mut self.devices, "004-01", at, Body::Device(unit));
        }
        at_place
    }

    fn role(&mut self, person: usize, place: usize, at: Timestamp) -> usize {
        if let Some(role) = self.situations.get(&(person, place)) {
            return *role;
        }
        let structure = match &self.organizations[place].body {
            Body::Organization(place) => place.structure.as_str(),
            _ => "",
        };
        let mode = if structure.starts_with('4') { "L" } else { "S" };
        let rpps = match &self.practitioners[person].body {
            Body::Practitioner(person) => person.rpps.as_str(),
            _ => "",
        };
        let role = Role {
            situation: format!("{rpps}{:04}", self.roles.len() + 1),
            person: self.practitioners[person].id.clone(),
            place: self.organizations[place].id.clone(),
            mode,
        };
        push(&mut self.roles, "005-0000001", at, Body::Role(role));
        self.situations.insert((person, place), self.roles.len() - 1);
        self.roles.len() - 1
    }
}

fn push(items: &mut Vec<Item>, family: &str, at: Timestamp, body: Body) -> String {
    let id = format!("{family}-{:07}", items.len() + 1);
    items.push(Item { id: id.clone(), updated: at, active: true, mailboxes: Vec::new(), body });
    id
}

/// Sector of activity (TRE_R02), told by the name: the extraction has none.
fn sector(entry: &Entry) -> &'static str {
    let name = format!(" {} {} ", entry.company, entry.brand).to_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["PHARMACIE"]) {
        "SA33"
    } else if has(&["EHPAD"]) {
        "SA17"
    } else if has(&["LABO"]) {
        "SA25"
    } else if has(&[" CH ", " CHU ", " CHR ", "HOPITAL", "CENTRE HOSPITALIER"]) {
        "SA01"
    } else if has(&["CENTRE DE SANTE"]) {
        "SA05"
    } else if entry.structure.starts_with('4') {
        "SA07"
    } else {
        "SA08"
    }
}

impl Item {
    pub(crate) fn resource(&self) -> Resource {
        match &self.body {
            Body::Practitioner(_) => Resource::Practitioner,
            Body::Role(_) => Resource::PractitionerRole,
            Body::Organization(_) => Resource::Organization,
            Body::Service(_) => Resource::HealthcareService,
            Body::Device(_) => Resource::Device,
        }
    }

    /// What a parameter of this name is held against.
    pub(crate) fn fields(&self, name: &str) -> Vec<Field<'_>> {
        let token = |system: &'static str, code: &str| Field::Token(system, code.to_owned().into());
        match name {
            "_id" => return vec![token("", &self.id)],
            "_lastUpdated" => return vec![Field::Date(self.updated)],
            "active" => return vec![token("", if self.active { "true" } else { "false" })],
            "status" => return vec![token("", if self.active { "active" } else { "inactive" })],
            "identifier" => {
                return self
                    .identifiers()
                    .map(|(system, value, _)| Field::Token(system, value.into()))
                    .collect();
            }
            "identifier-type" => {
                return self.identifiers().map(|(_, _, kind)| token(system::IDENTIFIER_TYPE, kind)).collect();
            }
            _ if !self.active => return Vec::new(),
            "mailbox-mss" => {
                return self.mailboxes.iter().map(|mailbox| Field::Text(&mailbox.address)).collect();
            }
            "data-information-system" => return vec![token("", self.source())],
            "data-registration-authority" => return vec![token("", self.authority())],
            _ => {}
        }
        match (&self.body, name) {
            (Body::Practitioner(person), "family") => vec![Field::Text(&person.family)],
            (Body::Practitioner(person), "given") => vec![Field::Text(&person.given)],
            (Body::Practitioner(person), "name") => [&person.family, &person.given, &person.title]
                .into_iter()
                .map(|text| Field::Text(text))
                .collect(),
            (Body::Practitioner(person), "qualification-code") => {
                let profession = token(system::profession(&person.profession), &person.profession);
                let category = token(system::CATEGORY, &person.category);
                let skills = person.skills.iter().map(|skill| token(system::skill(skill), skill));
                [profession, category].into_iter().chain(skills).collect()
            }
            (Body::Practitioner(person), "number-smartcard") => vec![token("", &card(&person.rpps))],
            (Body::Practitioner(_), "type-smartcard") => vec![token(system::CARD, "CPS")],
            (Body::Role(role), "practitioner") => vec![Field::Reference("Practitioner", &role.person)],
            (Body::Role(role), "organization") => vec![Field::Reference("Organization", &role.place)],
            (Body::Role(role), "role") => {
                vec![token(system::ACTIVITY, "GENR01"), token(system::MODE, role.mode)]
            }
            (Body::Organization(place), "name") => {
                vec![Field::Text(&place.company), Field::Text(&place.brand)]
            }
            (Body::Organization(place), "address-city") => vec![Field::Text(&place.city)],
            (Body::Organization(place), "address-postalcode") => vec![Field::Text(&place.postcode)],
            (Body::Organization(place), "address-line") => {
                place.lines.iter().map(|line| Field::Text(line)).collect()
            }
            (Body::Organization(place), "address") => {
                let lines = place.lines.iter().chain([&place.city, &place.postcode]);
                lines.map(|line| Field::Text(line)).collect()
            }
            (Body::Organization(place), "partof") => {
                place.part_of.iter().map(|id| Field::Reference("Organization", id)).collect()
            }
            (Body::Organization(place), "type") => {
                vec![token(system::SECTOR, place.sector), token(system::ENTITY, place.entity())]
            }
            (Body::Organization(place), "pharmacy-licence") => {
                place.licence().iter().map(|licence| token("", licence)).collect()
            }
            (Body::Service(unit) | Body::Device(unit), "organization") => {
                vec![Field::Reference("Organization", &unit.place)]
            }
            (Body::Service(unit), "name") | (Body::Device(unit), "device-name") => {
                vec![Field::Text(&unit.name)]
            }
            _ => Vec::new(),
        }
    }

    /// System, value and type code of each identifier.
    pub(crate) fn identifiers(&self) -> impl Iterator<Item = (&'static str, String, &'static str)> {
        let list = match &self.body {
            Body::Practitioner(person) => vec![
                (system::IDNPS, format!("8{}", person.rpps), "IDNPS"),
                (system::RPPS, person.rpps.clone(), "RPPS"),
            ],
            Body::Role(role) => vec![(system::RPPS, role.situation.clone(), "SITUATION")],
            Body::Organization(place) => place.identifiers(),
            Body::Service(unit) | Body::Device(unit) => {
                vec![(system::IDNST, unit.identifier.clone(), "IDNST")]
            }
        };
        list.into_iter()
    }

    pub(crate) fn source(&self) -> &'static str {
        match &self.body {
            Body::Practitioner(_) | Body::Role(_) => "RPPS",
            _ => "FINESS",
        }
    }

    /// Who registered it: the profession's order, else the regional agency.
    pub(crate) fn authority(&self) -> &'static str {
        match &self.body {
            Body::Practitioner(person) => match person.profession.as_str() {
                "10" => "CNOM",
                "21" => "CNOP",
                "40" => "ONCD",
                "50" => "CNOSF",
                "60" => "ONI",
                "70" => "CNOMK",
                "80" => "ONPP",
                _ => "ARS",
            },
            _ => "ARS",
        }
    }
}

impl Place {
    pub(crate) fn entity(&self) -> &'static str {
        if self.structure.starts_with('2') { "LEGAL-ENTITY" } else { "GEOGRAPHICAL-ENTITY" }
    }

    pub(crate) fn licence(&self) -> Option<String> {
        let tail: String = self.structure.chars().rev().take(6).filter(char::is_ascii_digit).collect();
        (self.sector == "SA33").then(|| format!("99#{tail:0>6}"))
    }

    fn identifiers(&self) -> Vec<(&'static str, String, &'static str)> {
        let number = self.structure.get(1..).unwrap_or_default().to_owned();
        let own = match self.structure.chars().next() {
            Some('1') => (system::FINESS, number, "FINEG"),
            Some('2') => (system::SIREN, number, "SIREN"),
            Some('3') => (system::SIRET, number, "SIRET"),
            Some('4') => (system::RPPS_RANK, number, "RPPSRANG"),
            _ => (system::IDNST, self.structure.clone(), "IDNST"),
        };
        vec![(system::IDNST, self.structure.clone(), "IDNST"), own]
    }
}

/// The number of a person's card: invented, like the person.
pub(crate) fn card(rpps: &str) -> String {
    let tail: String = rpps.chars().rev().take(8).collect();
    format!("99{tail}")
}
