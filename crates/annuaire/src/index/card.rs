//! From the extractions' lines to a card.

use std::collections::HashMap;

use super::record::Record;
use crate::import::columns::Source;
use crate::model::{Address, BoxType, Card, Coded, Kind, Place, Section, Sheet, SheetField};
use crate::query::places::{city_of_line, street_type};
use crate::text::fold;

/// The card of these lines; none where no mailbox is among them.
pub(crate) fn card_of(records: &[Record<'_>]) -> Option<Card> {
    let first = records.iter().find(|record| record.source == Source::Mailboxes)?;
    let person = !(first.get(3).is_empty() && first.get(4).is_empty());
    let mut card = Card {
        id: String::new(),
        kind: if person { Kind::Person } else { Kind::Structure },
        name: String::new(),
        rpps: None,
        finess: None,
        profession: None,
        specialty: None,
        places: Vec::new(),
        addresses: Vec::new(),
        civility: String::new(),
        family: String::new(),
        given: String::new(),
        trade: None,
        skills: Vec::new(),
        identifiers: Vec::new(),
        paperless: false,
    };
    let mut known = HashMap::new();
    for record in records {
        match record.source {
            Source::Mailboxes => mailbox(&mut card, record, person, &mut known),
            Source::Activities => activity(&mut card, record),
            Source::Skills => skill(&mut card, record.get(11), record.get(12)),
            Source::Diplomas => {}
        }
    }
    if person {
        let national = if first.get(4).is_empty() { first.get(3) } else { first.get(4) };
        card.id = format!("p-{}{national}", if first.get(4).is_empty() { digit(first.get(2)) } else { "" });
        card.name = [civility(&card.civility), &card.given, &card.family]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
    } else {
        let name = [first.get(18), first.get(19), first.get(7), first.get(1)];
        card.name = name.into_iter().find(|name| !name.is_empty()).unwrap_or_default().to_owned();
        card.id = if first.get(6).is_empty() {
            format!("b-{}", first.get(1))
        } else {
            format!("s-{}", first.get(6))
        };
    }
    card.profession = card.trade.as_ref().map(|trade| trade.label.clone());
    let labels: Vec<&str> = card.skills.iter().map(|skill| skill.label.as_str()).collect();
    card.specialty = (!labels.is_empty()).then(|| labels.join(", "));
    // People first, machines last; the order of the extraction among equals.
    card.addresses.sort_by_key(|address| match address.kind {
        BoxType::Per => 0,
        BoxType::Cab => 1,
        BoxType::Org => 2,
        BoxType::Other(_) => 3,
        BoxType::App => 4,
    });
    Some(card)
}

/// The type digit of a person's identifier: the column says `8`, `0`, or a label.
fn digit(kind: &str) -> &str {
    kind.get(..1).filter(|first| first.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or("8")
}

fn civility(code: &str) -> &str {
    match code {
        "DR" => "Dr",
        "PR" => "Pr",
        "M" => "M.",
        "MME" => "Mme",
        other => other,
    }
}

/// Reads a line of a mailbox; `known` has the place of each address, of which a hospital has thousands.
fn mailbox<'a>(card: &mut Card, record: &Record<'a>, person: bool, known: &mut HashMap<&'a str, usize>) {
    let [name, brand, service] = [record.get(18), record.get(19), record.get(7)];
    let organization = if name.is_empty() { brand } else { name };
    let paperless = matches!(record.get(17).to_ascii_lowercase().as_str(), "o" | "1" | "true" | "oui");
    card.paperless |= paperless;
    if person {
        if card.family.is_empty() {
            card.family = record.get(9).to_owned();
            card.given = record.get(10).to_owned();
            card.civility = record.get(8).to_owned();
        }
        if card.rpps.is_none() && record.get(3).len() == 11 {
            card.rpps = Some(record.get(3).to_owned());
        }
        if !record.get(3).is_empty() {
            identifier(card, record.get(3));
        }
        trade(card, record.get(13), record.get(14));
        skill(card, record.get(15), record.get(16));
    }
    let structure = record.get(6);
    let own = person && structure.starts_with('4');
    if !structure.is_empty() && !own {
        let bare = structure.get(1..).unwrap_or_default();
        if matches!((structure.as_bytes()[0], bare.len()), (b'1', 9) | (b'2', 9) | (b'3', 14)) {
            identifier(card, bare);
            if structure.starts_with('1') && !person {
                card.finess.get_or_insert_with(|| bare.to_owned());
            }
        } else {
            identifier(card, structure);
        }
    }
    let (line_postcode, city) = city_of_line(record.get(27));
    let postcode = if record.get(28).is_empty() { line_postcode } else { record.get(28) };
    let place = Place {
        street: street(record.get(22), record.get(23), record.get(24), record.get(25)),
        postcode: postcode.to_owned(),
        city,
        structure: organization.to_owned(),
    };
    add_place(card, place);
    let address = record.get(1);
    let belongs = match (person, service.is_empty()) {
        (false, false) => service,
        _ => organization,
    };
    match known.get(address).and_then(|at| card.addresses.get_mut(*at)) {
        Some(known) => {
            if known.structure.is_empty() {
                known.structure = belongs.to_owned();
            }
        }
        None => {
            known.insert(address, card.addresses.len());
            card.addresses.push(Address {
                address: address.to_owned(),
                kind: BoxType::parse(record.get(0)),
                structure: belongs.to_owned(),
                paperless,
            });
        }
    }
}

fn activity(card: &mut Card, record: &Record<'_>) {
    trade(card, record.get(9), record.get(10));
    skill(card, record.get(15), record.get(16));
    for column in [19, 20, 21, 22] {
        if !record.get(column).is_empty() {
            identifier(card, record.get(column));
        }
    }
    let kind = if record.get(31).is_empty() { record.get(30) } else { record.get(31) };
    let (line_postcode, line_city) = city_of_line(record.get(34));
    let city = if record.get(37).is_empty() { line_city } else { city_of_line(record.get(37)).1 };
    let postcode = if record.get(35).is_empty() { line_postcode } else { record.get(35) };
    let organization = if record.get(24).is_empty() { record.get(25) } else { record.get(24) };
    let place = Place {
        street: street(record.get(28), record.get(29), kind, record.get(32)),
        postcode: postcode.to_owned(),
        city,
        structure: organization.to_owned(),
    };
    add_place(card, place);
}

/// Number, repetition, type in full, name.
fn street(number: &str, repetition: &str, kind: &str, name: &str) -> String {
    let kind = street_type(&fold(kind)).map_or(kind, |long| long);
    [number, repetition, kind, name].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn add_place(card: &mut Card, place: Place) {
    if place.street.is_empty() && place.city.is_empty() && place.postcode.is_empty() {
        // A structure without an address is still where somebody works.
        if place.structure.is_empty() || card.places.iter().any(|known| known.structure == place.structure) {
            return;
        }
    }
    let same = |known: &&mut Place| {
        known.postcode == place.postcode
            && known.city.eq_ignore_ascii_case(&place.city)
            && known.street.eq_ignore_ascii_case(&place.street)
            && (known.structure == place.structure
                || known.structure.is_empty()
                || place.structure.is_empty())
    };
    match card.places.iter_mut().find(same) {
        Some(known) => {
            if known.structure.is_empty() {
                known.structure = place.structure;
            }
        }
        None => card.places.push(place),
    }
}

fn identifier(card: &mut Card, value: &str) {
    if !card.identifiers.iter().any(|known| known == value) {
        card.identifiers.push(value.to_owned());
    }
}

fn trade(card: &mut Card, code: &str, label: &str) {
    if card.trade.is_none() && !(code.is_empty() && label.is_empty()) {
        card.trade = Some(Coded { code: code.to_owned(), label: label.to_owned() });
    }
}

fn skill(card: &mut Card, code: &str, label: &str) {
    if (code.is_empty() && label.is_empty())
        || card.skills.iter().any(|known| known.code == code && known.label == label)
    {
        return;
    }
    card.skills.push(Coded { code: code.to_owned(), label: label.to_owned() });
}

/// Everything that the extractions say, section by section.
pub(crate) fn sheet_of(records: &[Record<'_>], source_date: Option<String>) -> Option<Sheet> {
    let card = card_of(records)?;
    let section = |record: &Record<'_>| Section {
        title: record.source.title(),
        fields: record
            .source
            .columns()
            .iter()
            .enumerate()
            .filter(|(column, _)| !record.get(*column).is_empty())
            .map(|(column, label)| SheetField { label, value: record.get(column).to_owned() })
            .collect(),
    };
    let sections = records.iter().map(section).collect();
    Some(Sheet { card, source_date, sections, outage: None })
}
