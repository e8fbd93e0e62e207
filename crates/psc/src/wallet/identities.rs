//! The editor of test identities, after the ANS's EDIT: a person, and at most two professions.

use askama::Template;
use axum::response::Response;
use oidc::Form;
use web::T;

use super::visit::{Sealed, Visit, field, occupation};
use crate::identity::{Activity, Identity, Practice, Structure};
use crate::provider::Psc;

/// Rows shown; the rest is reached by its identifier.
const SHOWN: usize = 500;

#[derive(Template)]
#[template(path = "identities.html")]
struct List {
    t: T,
    seal: String,
    people: Vec<Row>,
    hidden: usize,
}

struct Row {
    id: String,
    name: String,
    occupation: String,
}

#[derive(Template)]
#[template(path = "identity.html")]
struct Editor {
    t: T,
    seal: String,
    is_new: bool,
    trouble: Option<String>,
    person: Identity,
    first: Profession,
    second: Profession,
}

/// One profession, as fields.
#[derive(Default)]
struct Profession {
    code: String,
    speciality: String,
    mode: String,
    sector: String,
    structure: String,
    structure_id: String,
    postcode: String,
    city: String,
}

pub(super) async fn list(visit: Visit) -> Response {
    let psc = &visit.psc;
    let mut all = psc.identities();
    all.sort_by_key(|person| person.family_name.to_lowercase());
    let hidden = all.len().saturating_sub(SHOWN);
    let row = |person: &Identity| Row {
        id: person.national_id.clone(),
        name: person.full_name(),
        occupation: occupation(visit.t, person),
    };
    let people = all.iter().take(SHOWN).map(row).collect();
    let title = visit.t.get("psc-identities-title");
    visit.show(&title, &List { t: visit.t, seal: visit.seal(), people, hidden })
}

pub(super) async fn edit(visit: Visit) -> Response {
    let psc = &visit.psc;
    let query = visit.query();
    match query.get("id").and_then(|id| psc.identity(id)) {
        Some(person) => editor(&visit, person, false, None),
        None => editor(&visit, Identity::minimal(Identity::edit_id(psc.now()), "", ""), true, None),
    }
}

pub(super) async fn save(Sealed(visit, form): Sealed) -> Response {
    let psc = &visit.psc;
    let person = read(psc, &form);
    let is_new = form.get("new").is_some();
    let taken = is_new && psc.identity(&person.national_id).is_some();
    if taken {
        let trouble = visit.t.get("psc-identity-taken");
        return editor(&visit, person, is_new, Some(trouble));
    }
    match psc.save_identity(person.clone()) {
        Ok(()) => {
            tracing::info!(identity = person.national_id, "identity saved");
            visit.back("/identities")
        }
        Err(error) => editor(&visit, person, is_new, Some(error.to_string())),
    }
}

pub(super) async fn remove(Sealed(visit, form): Sealed) -> Response {
    let psc = &visit.psc;
    psc.remove_identity(form.get("id").unwrap_or_default());
    visit.back("/identities")
}

/// The ready-made identities, among those that are there already.
pub(super) async fn samples(Sealed(visit, _): Sealed) -> Response {
    let psc = &visit.psc;
    let missing = crate::samples().into_iter().filter(|person| psc.identity(&person.national_id).is_none());
    for person in missing {
        if let Err(error) = psc.save_identity(person) {
            tracing::warn!(%error, "a ready-made identity could not be kept");
        }
    }
    visit.back("/identities")
}

fn editor(visit: &Visit, person: Identity, is_new: bool, trouble: Option<String>) -> Response {
    let t = visit.t;
    let title = t.get(if is_new { "psc-identity-new" } else { "psc-identity-edit" });
    let profession = |at: usize| person.practices.get(at).map(Profession::of).unwrap_or_default();
    let (first, second) = (profession(0), profession(1));
    let refused = trouble.is_some();
    let body = Editor { t, seal: visit.seal(), is_new, trouble, person, first, second };
    if refused { visit.show_refused(&title, &body) } else { visit.show(&title, &body) }
}

/// What the form says. Of somebody known, what the form has no field for is kept: further activities and professions.
fn read(psc: &Psc, form: &Form) -> Identity {
    let id = match field(form, "national_id") {
        id if id.is_empty() => Identity::edit_id(psc.now()),
        id => id,
    };
    let known = psc.identity(&id);
    let mut practices = known.map(|person| person.practices).unwrap_or_default();
    for (at, prefix) in [(1, "second"), (0, "first")] {
        let asked = Profession::read(form, prefix);
        match (asked.code.is_empty(), practices.get_mut(at)) {
            (true, Some(_)) => {
                practices.remove(at);
            }
            (true, None) => {}
            (false, Some(practice)) => asked.put_into(practice),
            (false, None) => {
                let mut practice = empty_practice();
                asked.put_into(&mut practice);
                practices.insert(at.min(practices.len()), practice);
            }
        }
    }
    Identity {
        national_id: id,
        given_name: field(form, "given_name"),
        family_name: field(form, "family_name"),
        civility: if field(form, "civility") == "M" { "M".into() } else { "MME".into() },
        practices,
    }
}

fn empty_practice() -> Practice {
    Practice { profession: String::new(), title: String::new(), speciality: None, activities: Vec::new() }
}

impl Profession {
    /// Whether the list of the page does not have it.
    fn is_rare(&self) -> bool {
        !matches!(self.code.as_str(), "" | "10" | "21" | "40" | "50" | "60" | "70")
    }

    fn of(practice: &Practice) -> Self {
        let activity = practice.activities.first();
        let of_activity = |get: fn(&Activity) -> &String| activity.map(get).cloned().unwrap_or_default();
        Self {
            code: practice.profession.clone(),
            speciality: practice.speciality.as_ref().map(|(_, code)| code.clone()).unwrap_or_default(),
            mode: of_activity(|activity| &activity.mode),
            sector: of_activity(|activity| &activity.sector),
            structure: of_activity(|activity| &activity.structure.name),
            structure_id: of_activity(|activity| &activity.structure.technical_id),
            postcode: of_activity(|activity| &activity.structure.postcode),
            city: of_activity(|activity| &activity.structure.city),
        }
    }

    fn read(form: &Form, prefix: &str) -> Self {
        let get = |name: &str| field(form, &format!("{prefix}_{name}"));
        Self {
            code: get("code"),
            speciality: get("speciality"),
            mode: get("mode"),
            sector: get("sector"),
            structure: get("structure"),
            structure_id: get("structure_id"),
            postcode: get("postcode"),
            city: get("city"),
        }
    }

    /// Without a structure the person has no activity: retired.
    fn put_into(self, practice: &mut Practice) {
        // Physicians, pharmacists' owners and dentists are addressed by title.
        if practice.profession != self.code {
            practice.title =
                if matches!(self.code.as_str(), "10" | "40") { "DR".into() } else { String::new() };
        }
        practice.profession = self.code;
        practice.speciality =
            Some(self.speciality).filter(|code| !code.is_empty()).map(|code| ("S".into(), code));
        if self.structure.is_empty() {
            practice.activities.clear();
            return;
        }
        if practice.activities.is_empty() {
            practice.activities.push(Activity {
                mode: String::new(),
                sector: String::new(),
                pharmacist_section: String::new(),
                role: String::new(),
                structure: Structure::default(),
            });
        }
        if let Some(activity) = practice.activities.first_mut() {
            activity.mode = self.mode;
            activity.sector = self.sector;
            activity.structure.name = self.structure;
            activity.structure.technical_id = self.structure_id;
            activity.structure.postcode = self.postcode;
            activity.structure.city = self.city;
        }
    }
}
