//! What the header of a document says, in French, for pages and texts alike.

use ins::{Identity, Nature};

use crate::lab::Observation;
use crate::{Code, Document, Organisation, Professional, Time, french};

/// A group of facts.
pub(crate) struct Card {
    pub(crate) title: &'static str,
    pub(crate) lines: Vec<(&'static str, String)>,
}

/// Patient, document, professionals, care; groups and lines with nothing to say are left out.
pub(crate) fn cards(head: &Document) -> Vec<Card> {
    [
        Card { title: "Patient", lines: patient(head) },
        Card { title: "Document", lines: document(head) },
        Card { title: "Professionnels", lines: people(head) },
        Card { title: "Prise en charge", lines: care(head) },
    ]
    .into_iter()
    .filter(|card| !card.lines.is_empty())
    .collect()
}

/// `Potassium : 7,1 mmol/L — alerte : très élevé (valeurs usuelles 3,5 – 5,1 mmol/L)`.
pub(crate) fn result(result: &Observation) -> String {
    let mut out = format!("{} : {}", result.label, result.value());
    if let Some(said) = result.interpretation() {
        out.push_str(" — ");
        out.push_str(&said);
    }
    if let Some(range) = result.ranges.iter().find(|range| range.is_normal()) {
        out.push_str(&format!(" (valeurs usuelles {range})"));
    }
    out
}

fn patient(head: &Document) -> Vec<(&'static str, String)> {
    let (who, traits) = (&head.patient, &head.patient.traits);
    let mut lines = Vec::new();
    push(&mut lines, "Nom de naissance", traits.birth_name.clone());
    push(&mut lines, "Prénoms", traits.given_names.clone());
    push(
        &mut lines,
        "Premier prénom",
        traits.first_given.clone().filter(|_| traits.given_names != traits.first_given),
    );
    push(
        &mut lines,
        "Nom utilisé",
        traits.used_name.clone().filter(|_| traits.used_name != traits.birth_name),
    );
    push(
        &mut lines,
        "Prénom utilisé",
        traits.used_given.clone().filter(|_| traits.used_given != traits.first_given),
    );
    push(&mut lines, "Né(e) le", traits.birth_date.map(|date| date.french().unwrap_or_else(|| date.hl7())));
    push(&mut lines, "Sexe", traits.sex.map(|sex| sex.label().to_owned()));
    push(
        &mut lines,
        "Lieu de naissance",
        traits.birth_place.as_ref().map(|code| format!("{code} (code INSEE)")),
    );
    lines.push(("INS", ins_line(who)));
    let matricule = who.matricule.as_ref().map(ToString::to_string);
    let number = head.local_id().and_then(|id| id.extension.clone());
    push(&mut lines, "Numéro de dossier", number.filter(|number| Some(number) != matricule.as_ref()));
    lines
}

/// The matricule and what can be said of it: an INS is qualified by its OID and traits, and its key may be wrong.
fn ins_line(who: &Identity) -> String {
    let Some(matricule) = &who.matricule else { return "absente".to_owned() };
    let status = match (who.qualified(), who.nature()) {
        (Err(missing), _) => {
            let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
            format!("incomplète, il manque : {}", missing.join(", "))
        }
        (Ok(()), Some(Nature::Test)) => "identité de test".to_owned(),
        (Ok(()), Some(Nature::Demo)) => "identité de démonstration".to_owned(),
        (Ok(()), _) => "qualifiée".to_owned(),
    };
    let key = if matricule.key_is_right() { "" } else { ", clé inexacte" };
    format!("{matricule} ({status}{key})")
}

fn document(head: &Document) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    push(&mut lines, "Date", head.effective_time.as_ref().map(french::moment));
    push(&mut lines, "Version", head.version.map(|version| version.to_string()));
    push(&mut lines, "Remplace", head.replaces.as_ref().map(|id| format!("le document {id}")));
    push(&mut lines, "Identifiant", head.id.as_ref().map(ToString::to_string));
    lines
}

fn people(head: &Document) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for author in &head.authors {
        push(&mut lines, if author.device { "Dispositif" } else { "Auteur" }, said(author));
    }
    let signed = head.legal_authenticator.as_ref();
    let is_author = |who: &Professional| {
        head.authors.iter().any(|author| author.family == who.family && author.given == who.given)
    };
    push(&mut lines, "Responsable", signed.filter(|who| !is_author(who)).and_then(said));
    push(&mut lines, "Conservé par", head.custodian.as_ref().and_then(organisation));
    for recipient in &head.recipients {
        push(&mut lines, "Destinataire", said(recipient));
    }
    lines
}

fn care(head: &Document) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for act in &head.acts {
        let what = act.code.as_ref().map(label);
        let when = period(act.start.as_ref(), act.stop.as_ref());
        let parts: Vec<String> = [what, when].into_iter().flatten().collect();
        push(&mut lines, "Acte", Some(parts.join(", ")));
    }
    if let Some(encounter) = &head.encounter {
        let what = encounter.code.as_ref().map(label);
        let when = period(encounter.start.as_ref(), encounter.stop.as_ref());
        let parts: Vec<String> = [what, when].into_iter().flatten().collect();
        push(&mut lines, "Venue", Some(parts.join(", ")));
        let facility = head.facility.as_ref().map(label);
        let place = Some(encounter.location.clone()).filter(|name| !name.is_empty());
        let parts: Vec<String> = [place, facility].into_iter().flatten().collect();
        push(&mut lines, "Lieu", Some(parts.join(", ")));
    }
    lines
}

fn push(lines: &mut Vec<(&'static str, String)>, name: &'static str, value: Option<String>) {
    lines.extend(value.filter(|value| !value.trim().is_empty()).map(|value| (name, value)));
}

fn said(who: &Professional) -> Option<String> {
    let name = format!("{} {}", who.given, who.family).trim().to_owned();
    let specialty = who.specialty.as_ref().map(|code| code.display_name.clone());
    let parts = [Some(name), specialty, who.organisation.as_ref().and_then(organisation)];
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn organisation(which: &Organisation) -> Option<String> {
    Some(which.name.clone()).filter(|name| !name.is_empty())
}

fn label(code: &Code) -> String {
    if code.display_name.is_empty() { code.code.clone() } else { code.display_name.clone() }
}

fn period(start: Option<&Time>, stop: Option<&Time>) -> Option<String> {
    let one_day = start.and_then(Time::day).is_some_and(|day| stop.and_then(Time::day) == Some(day));
    match (start.map(french::moment), stop.map(french::moment)) {
        (Some(start), Some(stop)) if one_day => match (start.split_once(" à "), stop.split_once(" à ")) {
            (Some((day, from)), Some((_, to))) if from != to => Some(format!("le {day}, de {from} à {to}")),
            _ => Some(format!("le {start}")),
        },
        (Some(start), Some(stop)) if start == stop => Some(format!("le {start}")),
        (Some(start), Some(stop)) => Some(format!("du {start} au {stop}")),
        (Some(start), None) => Some(format!("le {start}")),
        (None, Some(stop)) => Some(format!("jusqu’au {stop}")),
        (None, None) => None,
    }
}
