//! A few cards looked at closely: how each criterion is met, whether it is met in one place, and what speaks for the card.
//!
//! The index only knows that a card has the words; here the card's own words say which reading holds, which gives both
//! the order (spec of the directory, §4.3) and the reason that is shown.

use crate::found::{FieldName, How, Query, Reason};
use crate::index::terms::{Words, code_word};
use crate::index::{Column, Slip, card_of, records};
use crate::model::{BoxType, Card, Kind, Place};
use crate::query::{
    Labels, Plan, Reading, Test,
    places::{department_of, long_word},
};
use crate::text::{distance, fold, words};

/// A card with its place in the answer.
pub(crate) struct Ranked {
    pub(crate) score: i32,
    /// Decides among equals: the name, then the identifier.
    pub(crate) order: (String, String),
    pub(crate) card: Card,
    pub(crate) reasons: Vec<Reason>,
    /// For each criterion, the word of the card that met it.
    met: Vec<String>,
}

/// Looks at one card.
pub(crate) fn rank(packed: &str, plan: &Plan, query: &Query, own: &mut Words) -> Option<Ranked> {
    let records = records(packed);
    let mut card = card_of(&records)?;
    own.fill(&card, &records);
    let own = &*own;
    let mut score = 0;
    let mut reasons = Vec::with_capacity(plan.criteria.len());
    let mut met = Vec::with_capacity(plan.criteria.len());
    let mut best_readings = Vec::with_capacity(plan.criteria.len());
    for criterion in &plan.criteria {
        let best = criterion
            .readings
            .iter()
            .filter_map(|reading| {
                let word = meets(&reading.test, own)?;
                Some((worth(reading, &word), reading, word))
            })
            .max_by_key(|(worth, ..)| *worth);
        let Some((worth, reading, word)) = best else {
            met.push(String::new());
            continue;
        };
        score += worth;
        reasons.push(Reason {
            field: reading.field,
            query: criterion.words.clone(),
            value: value_of(&card, reading.field, &word),
            how: reading.how,
        });
        met.push(word);
        best_readings.push(reading);
    }
    score += in_one_place(&mut card, &best_readings);
    score += speaks_for(&card, plan, query, &reasons);
    matching_first(&mut card, &reasons);
    let name =
        if card.kind == Kind::Person { format!("{} {}", card.family, card.given) } else { card.name.clone() };
    Some(Ranked { score, order: (fold(&name), card.id.clone()), card, reasons, met })
}

/// What a reading is worth on this card: an error in the first letter, or far in, costs.
fn worth(reading: &Reading, word: &str) -> i32 {
    let weight = i32::from(reading.weight);
    match &reading.test {
        Test::Near { word: typed, slip: Slip::One | Slip::Two, .. } => {
            let far = i32::try_from(distance(typed, word, 3)).unwrap_or(3);
            let first = if typed.as_bytes().first() == word.as_bytes().first() { 5 } else { 0 };
            weight + first - 6 * far
        }
        Test::Prefix(_, typed) => {
            // The more of the word was typed, the better.
            let typed = i32::try_from(typed.len()).unwrap_or(0);
            let whole = i32::try_from(word.len()).unwrap_or(1).max(1);
            weight + (typed * 8 / whole).min(8)
        }
        _ => weight,
    }
}

/// Words by column, of a card or of one of its places.
trait Has {
    /// The first word of this column that the test accepts.
    fn first(&self, column: Column, accepts: &dyn Fn(&str) -> bool) -> Option<String>;
}

impl Has for Words {
    fn first(&self, column: Column, accepts: &dyn Fn(&str) -> bool) -> Option<String> {
        words(self.column(column)).find(|word| accepts(word)).map(str::to_owned)
    }
}

/// The word that meets the test; of several errors the nearest word.
fn meets(test: &Test, own: &dyn Has) -> Option<String> {
    match test {
        Test::Word(Column::Start, start) => {
            [Column::Family, Column::Given, Column::Organization, Column::City]
                .into_iter()
                .find_map(|column| own.first(column, &|known| known.starts_with(start.as_str())))
        }
        Test::Word(column, word) => own.first(*column, &|known| known == word),
        Test::Prefix(column, prefix) => own.first(*column, &|known| known.starts_with(prefix.as_str())),
        Test::Near { column, word, slip: Slip::OneOpen } => own.first(*column, &|known| {
            let lengths = word.len().saturating_sub(1)..=word.len() + 1;
            lengths.filter_map(|length| known.get(..length)).any(|start| distance(word, start, 1) <= 1)
        }),
        Test::Near { column, word, slip } => {
            let limit = slip.errors();
            (0..=limit).find_map(|far| own.first(*column, &|known| distance(word, known, far) <= far))
        }
        Test::Any(tests) => tests.iter().find_map(|test| meets(test, own)),
        Test::All(tests) => {
            let met: Option<Vec<String>> = tests.iter().map(|test| meets(test, own)).collect();
            met.filter(|met| !met.is_empty()).map(|met| met.join(" "))
        }
    }
}

/// The words of one place.
struct PlaceWords(Words);

impl Has for PlaceWords {
    fn first(&self, column: Column, accepts: &dyn Fn(&str) -> bool) -> Option<String> {
        self.0.first(column, accepts)
    }
}

/// Street and city must be those of one place: what is not costs. The place that meets most comes first on the card.
fn in_one_place(card: &mut Card, readings: &[&Reading]) -> i32 {
    let of_places: Vec<&&Reading> = readings
        .iter()
        .filter(|reading| {
            matches!(
                reading.field,
                FieldName::Rue | FieldName::Ville | FieldName::CodePostal | FieldName::Departement
            )
        })
        .collect();
    if of_places.is_empty() || card.places.len() < 2 {
        return 0;
    }
    let met = |place: &Place| -> usize {
        let mut own = Words::default();
        own.fill_place(place);
        let own = PlaceWords(own);
        of_places.iter().filter(|reading| meets(&reading.test, &own).is_some()).count()
    };
    let mut places: Vec<(usize, Place)> =
        std::mem::take(&mut card.places).into_iter().map(|place| (met(&place), place)).collect();
    places.sort_by_key(|(met, _)| std::cmp::Reverse(*met));
    let most = places.first().map_or(0, |(met, _)| *met);
    card.places = places.into_iter().map(|(_, place)| place).collect();
    -60 * i32::try_from(of_places.len() - most.min(of_places.len())).unwrap_or(0)
}

/// What else puts a card before another.
fn speaks_for(card: &Card, plan: &Plan, query: &Query, reasons: &[Reason]) -> i32 {
    let mut score = 0;
    let exact = |field: FieldName| reasons.iter().filter(|r| r.field == field && r.how == How::Exact).count();
    let (family, given) = (exact(FieldName::Nom), exact(FieldName::Prenom));
    if family > 0 && given > 0 {
        score += 40;
    }
    // The whole surname rather than one half of a double one.
    let family_words = words(&fold(&card.family)).count();
    if family > 0 && family >= family_words {
        score += 15;
    }
    score += match (plan.facility, card.kind) {
        (true, Kind::Structure) => 30,
        (false, Kind::Person) => 12,
        _ => 0,
    };
    if let Some(near) = &query.near {
        let here = |place: &Place| department_of(&place.postcode).eq_ignore_ascii_case(near);
        score += if card.places.iter().any(here) { 25 } else { 0 };
    }
    score += if query.prefer.contains(&card.id) { 60 } else { 0 };
    score += i32::from(card.paperless) * 2;
    if card.addresses.iter().all(|address| address.kind == BoxType::App) {
        score -= 40;
    }
    score
}

/// Addresses that were asked for come first; those of machines stay last.
fn matching_first(card: &mut Card, reasons: &[Reason]) {
    let asked: Vec<&str> = reasons
        .iter()
        .filter(|reason| matches!(reason.field, FieldName::Adresse | FieldName::RaisonSociale))
        .map(|reason| reason.value.as_str())
        .collect();
    if asked.is_empty() || card.addresses.len() < 2 {
        return;
    }
    card.addresses.sort_by_key(|address| {
        let machine = address.kind == BoxType::App && !asked.contains(&address.address.as_str());
        let matching = asked.iter().any(|value| *value == address.address || *value == address.structure);
        (machine, !matching)
    });
}

/// The value of the card that has this word.
fn value_of(card: &Card, field: FieldName, word: &str) -> String {
    let first = word.split(' ').next().unwrap_or_default();
    let has = |value: &str| words(&fold(value)).any(|known| known == first || long_word(known) == first);
    let pick = |values: &mut dyn Iterator<Item = &str>| -> String {
        let values: Vec<&str> = values.filter(|value| !value.is_empty()).collect();
        values.iter().find(|value| has(value)).or(values.first()).copied().unwrap_or_default().to_owned()
    };
    match field {
        FieldName::Nom => card.family.clone(),
        FieldName::Prenom => card.given.clone(),
        FieldName::Profession => card.profession.clone().unwrap_or_default(),
        FieldName::Specialite => card
            .skills
            .iter()
            .find(|skill| code_word('s', &skill.code, &skill.label) == word)
            .or(card.skills.first())
            .map(|skill| skill.label.clone())
            .unwrap_or_default(),
        FieldName::RaisonSociale => {
            let names = card.addresses.iter().map(|address| address.structure.as_str());
            let places = card.places.iter().map(|place| place.structure.as_str());
            pick(&mut names.chain(places).chain([card.name.as_str()]))
        }
        FieldName::Rue => pick(&mut card.places.iter().map(|place| place.street.as_str())),
        FieldName::Ville => pick(&mut card.places.iter().map(|place| place.city.as_str())),
        FieldName::CodePostal => {
            let codes = || card.places.iter().map(|place| place.postcode.as_str());
            let known = codes().find(|code| *code == word || code.starts_with(word));
            known.or_else(|| codes().next()).unwrap_or_default().to_owned()
        }
        FieldName::Departement => {
            let mut codes = card.places.iter().map(|place| place.postcode.as_str());
            let asked = word.strip_prefix('d').unwrap_or(word);
            codes.find(|code| department_of(code).eq_ignore_ascii_case(asked)).unwrap_or_default().to_owned()
        }
        FieldName::Adresse => {
            let mut addresses = card.addresses.iter().map(|address| address.address.as_str());
            let whole = addresses.clone().find(|address| *address == word || address.starts_with(word));
            let part = |address: &&str| words(&fold(address)).any(|known| known == first);
            whole.or_else(|| addresses.find(part)).unwrap_or_default().to_owned()
        }
        FieldName::Identifiant => {
            let mut known = card.identifiers.iter();
            known.find(|known| known.eq_ignore_ascii_case(word)).cloned().unwrap_or_else(|| word.to_owned())
        }
        FieldName::Type => {
            card.addresses.first().map(|address| address.kind.code().to_owned()).unwrap_or_default()
        }
        FieldName::Texte => pick(
            &mut [card.family.as_str(), card.given.as_str(), card.name.as_str()]
                .into_iter()
                .chain(card.places.iter().map(|place| place.city.as_str()))
                .chain(card.addresses.iter().map(|address| address.structure.as_str())),
        ),
    }
}

/// The question as it was probably meant: its words, with those that were met with errors as the first hit has them.
pub(crate) fn meant(plan: &Plan, first: &Ranked, labels: &Labels) -> Option<String> {
    let mut changed = false;
    let words: Vec<String> = plan
        .criteria
        .iter()
        .zip(&first.met)
        .map(|(criterion, word)| {
            let reason = first.reasons.iter().find(|reason| reason.query == criterion.words);
            match reason {
                Some(reason) if reason.how == How::Typo || reason.how == How::Phonetic => {
                    changed = true;
                    match reason.field {
                        FieldName::Profession | FieldName::Specialite => {
                            trade_meant(&criterion.words, labels)
                        }
                        _ if reason.how == How::Phonetic => fold(&reason.value),
                        _ => word.clone(),
                    }
                }
                _ => criterion.words.clone(),
            }
        })
        .collect();
    changed.then(|| words.join(" "))
}

fn trade_meant(typed: &str, labels: &Labels) -> String {
    use crate::query::nearest_usual_word;
    for limit in 1..=2 {
        if let Some(word) = nearest_usual_word(typed, limit).or_else(|| labels.nearest(typed, limit)) {
            return word.to_owned();
        }
    }
    typed.to_owned()
}
