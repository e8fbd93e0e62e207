//! Questions with the card that must answer them, made from rows of the synthetic extraction.
//!
//! Shares nothing with the ranking: its own list of abbreviations, its own street types, its own errors.

use annuaire::synth::{People, Row};
use kernel::Rng;

/// A question and an address of the card that it is about.
pub struct Question {
    pub kind: &'static str,
    pub text: String,
    pub address: String,
}

/// What people type for a savoir-faire or a profession.
const USUAL: [(&str, &[&str]); 40] = [
    ("SM54", &["généraliste", "médecin traitant", "MG"]),
    ("SM53", &["généraliste", "médecin de famille"]),
    ("SM26", &["généraliste", "omnipraticien"]),
    ("SM04", &["cardio", "cardiologue"]),
    ("SM02", &["anesthésiste", "anesth"]),
    ("SM42", &["psychiatre", "psy"]),
    ("SM44", &["radiologue", "radio"]),
    ("SM40", &["pédiatre", "pédia"]),
    ("SM38", &["ophtalmo", "ophtalmologue"]),
    ("SM20", &["gynéco", "gynécologue", "obstétricien"]),
    ("SM19", &["gynéco", "gynécologue"]),
    ("SM59", &["urgentiste"]),
    ("SM24", &["gastro", "gastro-entérologue"]),
    ("SM41", &["pneumo", "pneumologue"]),
    ("SM32", &["neuro", "neurologue"]),
    ("SM15", &["dermato", "dermatologue"]),
    ("SM08", &["orthopédiste", "ortho"]),
    ("SM48", &["rhumato", "rhumatologue"]),
    ("SM39", &["ORL", "oto-rhino"]),
    ("SM12", &["uro", "urologue"]),
    ("SM30", &["néphro", "néphrologue"]),
    ("SM18", &["gériatre"]),
    ("SM61", &["angiologue", "phlébologue"]),
    ("SM62", &["diabéto", "endocrinologue"]),
    ("SM36", &["onco", "oncologue"]),
    ("SM31", &["neurochirurgien"]),
    ("SM01", &["anapath"]),
    ("SM25", &["médecin du travail"]),
    ("SM57", &["allergo", "allergologue"]),
    ("60", &["infirmière", "IDEL", "infirmier"]),
    ("70", &["kiné", "masseur"]),
    ("21", &["pharmacien", "pharma"]),
    ("40", &["dentiste"]),
    ("50", &["sage-femme", "SF"]),
    ("91", &["orthophoniste", "ortho"]),
    ("80", &["podologue", "pédicure", "podo"]),
    ("93", &["psychologue", "psy"]),
    ("92", &["orthoptiste"]),
    ("94", &["ergo", "ergothérapeute"]),
    ("95", &["diététicienne", "diét"]),
];

const LONG: [(&str, &str); 14] = [
    ("R", "rue"),
    ("AV", "avenue"),
    ("BD", "boulevard"),
    ("PL", "place"),
    ("RTE", "route"),
    ("CHE", "chemin"),
    ("ALL", "allée"),
    ("IMP", "impasse"),
    ("SQ", "square"),
    ("QU", "quai"),
    ("CRS", "cours"),
    ("FG", "faubourg"),
    ("LOT", "lotissement"),
    ("PAS", "passage"),
];

/// `count` questions over the first `rows` of these people, as many of each kind.
pub fn make(people: &People, rows: u64, count: usize) -> Vec<Question> {
    let step = (rows / (count as u64 * 3).max(1)).max(1);
    let mut rng = Rng::seeded(99);
    let mut out = Vec::with_capacity(count);
    for (at, row) in people.rows(rows).enumerate() {
        if !(at as u64).is_multiple_of(step) || out.len() >= count {
            continue;
        }
        out.extend(question(&mut rng, &row, out.len() % 7));
    }
    out
}

fn question(rng: &mut Rng, row: &Row, turn: usize) -> Option<Question> {
    let (kind, text) = match turn {
        0 => ("clean", clean(rng, row)?),
        1 => ("one typo", typo(rng, row)?),
        2 | 3 => ("synonym", synonym(rng, row)?),
        4 => ("street long", street(row)?),
        6 => ("part of a name", part(rng, row)?),
        _ => ("order, civility", order(rng, row)?),
    };
    Some(Question { kind, text, address: row.address.clone() })
}

fn is_person(row: &Row) -> bool {
    !row.family.is_empty()
}

fn city(row: &Row) -> Option<String> {
    let name = row.city.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end();
    (!name.is_empty()).then(|| name.to_lowercase())
}

/// As it stands in the extraction: name and first name, with a place where there is one.
fn clean(rng: &mut Rng, row: &Row) -> Option<String> {
    if !is_person(row) {
        let name = row.organization.to_lowercase();
        return Some(format!("{name} {} {}", row.service.to_lowercase(), city(row)?));
    }
    Some(match rng.below(5) {
        0 => row.rpps.clone(),
        1 => row.address.clone(),
        2 => format!("{} {} {}", row.family, row.given, city(row)?),
        3 if !row.postcode.is_empty() => format!("{} {} {}", row.given, row.family, row.postcode),
        _ => format!("{} {} {}", row.given, row.family, city(row).unwrap_or_default()),
    })
}

/// One error in one word of four letters or more.
fn typo(rng: &mut Rng, row: &Row) -> Option<String> {
    if !is_person(row) || row.family.len() < 4 {
        return None;
    }
    let mut words = [row.family.to_lowercase(), row.given.to_lowercase(), city(row)?];
    let at = rng.below(3) as usize;
    let letters: Vec<char> = words[at].chars().collect();
    if letters.len() < 4 {
        return None;
    }
    let spot = 1 + rng.below(letters.len() as u64 - 2) as usize;
    if !(letters[spot].is_alphabetic() && letters[spot + 1].is_alphabetic()) {
        return None;
    }
    let mut wrong = letters.clone();
    match rng.below(4) {
        0 => wrong.swap(spot, spot + 1),
        1 => {
            wrong.remove(spot);
        }
        2 => wrong.insert(spot, letters[spot]),
        _ => wrong[spot] = char::from(b'a' + u8::try_from(rng.below(26)).unwrap_or(0)),
    }
    words[at] = wrong.into_iter().collect();
    Some(words.join(" "))
}

/// A usual word for the profession, with the name or with street and city.
fn synonym(rng: &mut Rng, row: &Row) -> Option<String> {
    if !is_person(row) {
        return None;
    }
    let code = if row.skill.is_empty() { row.profession } else { row.skill };
    let words = USUAL.iter().find(|(known, _)| *known == code)?.1;
    let word = words[rng.below(words.len() as u64) as usize];
    Some(match rng.below(3) {
        0 => format!("{word} {} {}", row.family, city(row)?),
        1 => format!("{} {} {word}", row.given, row.family),
        _ => format!("{word} {} {}", row.family, row.postcode),
    })
}

/// Number, type in full, name of the street and city, with the surname or the structure.
fn street(row: &Row) -> Option<String> {
    let long = LONG.iter().find(|(short, _)| *short == row.street_type)?.1;
    let who = if is_person(row) { &row.family } else { &row.organization };
    Some(format!("{} {long} {} {} {}", row.number, row.street.to_lowercase(), city(row)?, who.to_lowercase()))
}

/// Two words of a structure's name with its service and its city: many structures may answer, no target is set.
fn part(rng: &mut Rng, row: &Row) -> Option<String> {
    if is_person(row) {
        return None;
    }
    let words: Vec<&str> = row.organization.split(' ').filter(|word| word.len() >= 4).collect();
    let first = rng.below(words.len().checked_sub(1).filter(|more| *more > 0)? as u64) as usize;
    Some(format!("{} {} {} {}", words[first], words[first + 1], row.service, city(row)?).to_lowercase())
}

/// A title, and the words in another order.
fn order(rng: &mut Rng, row: &Row) -> Option<String> {
    if !is_person(row) {
        return None;
    }
    let title = ["Dr", "docteur", "Pr", "Mme", "monsieur"][rng.below(5) as usize];
    let place = city(row)?;
    Some(match rng.below(3) {
        0 => format!("{title} {} {} {place}", row.family, row.given),
        1 => format!("{place} {title} {} {}", row.given, row.family),
        _ => format!("{title} {} {place} {}", row.given, row.family),
    })
}
