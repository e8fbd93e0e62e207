//! What the header of a document says, as its readers expect to see it (ECO.2.1.5: title, type, date, author,
//! organisation), and the patient.

use cda::{Document, Professional};
use ins::{Identity, Nature};

use crate::content::{Align, Block, Cell, Ink, Row, Span, Style, Table};

const UNKNOWN: &str = "non renseigné";

/// The title, or what stands for it.
pub(crate) fn title(document: &Document) -> String {
    let label = document.code.as_ref().map(|code| code.display_name.as_str());
    [document.title.as_str(), label.unwrap_or_default()]
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or("Document médical")
        .to_owned()
}

/// The block above the narrative.
pub(crate) fn blocks(document: &Document) -> Vec<Block> {
    let mut items: Vec<(&str, Vec<String>)> = Vec::new();
    items.push((
        "Patient",
        patient(&document.patient, document.local_id().and_then(|id| id.extension.clone())),
    ));
    let kind = document.code.as_ref().map(|code| match code.display_name.as_str() {
        "" => code.code.clone(),
        label => label.to_owned(),
    });
    items.push(("Type", vec![kind.unwrap_or_else(|| UNKNOWN.into())]));
    let date = document.effective_time.as_ref().map(|time| french_time(time.as_str()));
    items.push(("Date", vec![date.unwrap_or_else(|| UNKNOWN.into())]));
    let structure = organisation(document);
    let person = |person: &Professional| professional(person, structure.as_deref());
    let authors: Vec<String> = document.authors.iter().map(person).filter(|text| !text.is_empty()).collect();
    let signed = document.legal_authenticator.as_ref().map(person);
    let signed = signed.filter(|text| !text.is_empty() && !authors.contains(text));
    let label = if authors.len() > 1 { "Auteurs" } else { "Auteur" };
    items.push((label, if authors.is_empty() { vec![UNKNOWN.into()] } else { authors }));
    items.push(("Organisation", vec![structure.clone().unwrap_or_else(|| UNKNOWN.into())]));
    items.extend(signed.map(|signed| ("Responsable", vec![signed])));
    if let Some(act) = act(document) {
        items.push(("Acte", vec![act]));
    }
    let mut version = document.version.map(|version| version.to_string()).into_iter().collect::<Vec<_>>();
    if document.replaces.is_some() {
        version.push("annule et remplace une version précédente".into());
    }
    if !version.is_empty() {
        items.push(("Version", vec![version.join(", ")]));
    }
    let rows = items.into_iter().map(|(label, lines)| row(label, &lines)).collect();
    let title = Block::Heading { level: 0, text: vec![Span::new(title(document), Style::default())] };
    vec![title, Block::Table(Table { rows, plain: true })]
}

/// Whose document this is, at the foot of every page.
pub(crate) fn footer(document: &Document) -> String {
    let (name, details) = identity(&document.patient);
    let ins = ins(&document.patient);
    [Some(name), details, ins].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// What the last page says of characters that were replaced.
pub(crate) fn replaced(count: usize) -> Block {
    let text = match count {
        1 => "Un caractère de ce document ne peut être imprimé et figure ici comme \u{fffd}.".to_owned(),
        _ => format!(
            "{count} caractères de ce document ne peuvent être imprimés et figurent ici comme \u{fffd}."
        ),
    };
    Block::Note(format!("{text} Le document CDA fait foi."))
}

fn row(label: &str, lines: &[String]) -> Row {
    let muted = Style { ink: Ink::Muted, ..Style::default() };
    let cell = |text: &str, style| Cell {
        blocks: vec![Block::Paragraph(vec![Span::new(text, style)])],
        columns: 1,
        rows: 1,
        head: false,
        align: Align::Left,
    };
    let value = Style { bold: label == "Patient", ..Style::default() };
    let mut content = cell(lines.first().map_or(UNKNOWN, String::as_str), value);
    for line in lines.iter().skip(1) {
        content.blocks.push(Block::Paragraph(vec![Span::new(line, Style::default())]));
    }
    Row { cells: vec![cell(label, muted), content], head: false }
}

fn patient(identity_of: &Identity, local: Option<String>) -> Vec<String> {
    let (name, details) = identity(identity_of);
    let traits = &identity_of.traits;
    let mut lines = vec![name];
    lines.extend(details);
    let used: Vec<&str> =
        [&traits.used_given, &traits.used_name].into_iter().flatten().map(String::as_str).collect();
    let differs = traits.used_name != traits.birth_name || traits.used_given != traits.first_given;
    if !used.is_empty() && differs {
        lines.push(format!("Nom utilisé : {}", used.join(" ")));
    }
    if let Some(given) =
        traits.given_names.as_ref().filter(|given| Some(*given) != traits.first_given.as_ref())
    {
        lines.push(format!("Prénoms : {given}"));
    }
    lines
        .extend(traits.birth_place.as_ref().map(|place| format!("Lieu de naissance (code INSEE) : {place}")));
    let numbers = [ins(identity_of), local.map(|local| format!("Dossier : {local}"))];
    let numbers: Vec<String> = numbers.into_iter().flatten().collect();
    if !numbers.is_empty() {
        lines.push(numbers.join(" · "));
    }
    lines
}

/// Name, then birth date and sex.
fn identity(patient: &Identity) -> (String, Option<String>) {
    let traits = &patient.traits;
    let name: Vec<&str> =
        [&traits.birth_name, &traits.first_given].into_iter().flatten().map(String::as_str).collect();
    let name = if name.is_empty() { "Patient non identifié".to_owned() } else { name.join(" ") };
    let born = traits.birth_date.map(|date| {
        let hl7 = date.hl7();
        let date = date.french().unwrap_or_else(|| match hl7.len() {
            6 => format!("{}/{}", &hl7[4..], &hl7[..4]),
            _ => hl7,
        });
        let word = match traits.sex {
            Some(ins::Sex::Female) => "née le",
            Some(ins::Sex::Male) => "né le",
            _ => "né(e) le",
        };
        format!("{} {date}", if date.len() == 10 { word } else { word.trim_end_matches(" le") })
    });
    let sex = traits.sex.map(|sex| format!("sexe {}", sex.label().to_lowercase()));
    let details: Vec<String> = born.into_iter().chain(sex).collect();
    (name, (!details.is_empty()).then(|| details.join(", ")))
}

fn ins(patient: &Identity) -> Option<String> {
    let matricule = patient.matricule.as_ref()?.as_str();
    Some(match patient.nature() {
        Some(Nature::Nir) => format!("INS (NIR) : {matricule}"),
        Some(Nature::Nia) => format!("INS (NIA) : {matricule}"),
        Some(Nature::Test) => format!("INS de test : {matricule}"),
        Some(Nature::Demo) => format!("INS de démonstration : {matricule}"),
        None => format!("Matricule sans OID d'INS : {matricule}"),
    })
}

/// Name, profession, and the structure where it is another than that of the document.
fn professional(person: &Professional, structure: Option<&str>) -> String {
    let name: Vec<&str> = [&person.given, &person.family].into_iter().map(String::as_str).collect();
    let name = name.join(" ").trim().to_owned();
    let mut parts = vec![name];
    parts.extend(person.specialty.as_ref().map(|code| code.display_name.clone()));
    let other = person.organisation.as_ref().filter(|of| Some(of.name.as_str()) != structure);
    parts.extend(other.map(|organisation| organisation.name.clone()));
    parts.retain(|part| !part.is_empty());
    parts.join(" – ")
}

/// The author's structure, else the one that keeps the document.
fn organisation(document: &Document) -> Option<String> {
    let of_authors = document.authors.iter().filter_map(|author| author.organisation.as_ref());
    let organisation =
        of_authors.chain(&document.custodian).find(|organisation| !organisation.name.is_empty())?;
    Some(organisation.name.clone())
}

fn act(document: &Document) -> Option<String> {
    let act = document.principal_act()?;
    let label = act.code.as_ref().map(|code| code.display_name.clone()).filter(|label| !label.is_empty());
    let start =
        act.start.as_ref().or_else(|| document.service_start()).map(|time| french_time(time.as_str()));
    let parts: Vec<String> = label.into_iter().chain(start).collect();
    (!parts.is_empty()).then(|| parts.join(", le "))
}

/// `28/03/1979 à 11:30`, to the precision given, in the zone of the writer.
fn french_time(hl7: &str) -> String {
    let digits: String = hl7.chars().take_while(char::is_ascii_digit).collect();
    match digits.len() {
        0..6 => digits,
        6..8 => format!("{}/{}", &digits[4..6], &digits[..4]),
        8..12 => format!("{}/{}/{}", &digits[6..8], &digits[4..6], &digits[..4]),
        _ => {
            format!(
                "{}/{}/{} à {}:{}",
                &digits[6..8],
                &digits[4..6],
                &digits[..4],
                &digits[8..10],
                &digits[10..12]
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_to_their_precision() {
        for (hl7, french) in [
            ("20210401171000+0100", "01/04/2021 à 17:10"),
            ("20210401", "01/04/2021"),
            ("202104", "04/2021"),
            ("2021", "2021"),
        ] {
            assert_eq!(french_time(hl7), french);
        }
    }
}
