//! Nothing matches everything: which criterion to give up, so that something is found and the answer says so.
//!
//! The words of a street are one criterion: "place de l'église" is given up whole, never "église" alone.

use crate::found::{FieldName, Relaxed, RelaxedField};
use crate::index::{Base, Set};
use crate::query::{Criterion, is_street_type};
use crate::search::{Weighed, join};

/// Fields in the order in which they are given up: a doctor who looks for somebody at a place would rather hear of the
/// same person elsewhere than of somebody else there.
const FIRST: [FieldName; 12] = [
    FieldName::Rue,
    FieldName::CodePostal,
    FieldName::Ville,
    FieldName::Departement,
    FieldName::RaisonSociale,
    FieldName::Type,
    FieldName::Prenom,
    FieldName::Profession,
    FieldName::Specialite,
    FieldName::Texte,
    FieldName::Nom,
    FieldName::Adresse,
];

/// Criteria that are given up together.
struct Unit {
    /// Their places among the criteria, in order.
    at: Vec<usize>,
    field: FieldName,
    query: String,
    /// Whether a card meets each of them.
    leads_somewhere: bool,
}

/// The criteria to give up, by their places, and what there is without them; none where nothing is left to look for.
pub(crate) fn relax(
    base: &Base,
    criteria: &[Criterion],
    weighed: &[Weighed],
    filter: Option<&Set>,
) -> Option<(Vec<usize>, Relaxed)> {
    let mut units = units(criteria, weighed);
    if units.len() < 2 {
        return None;
    }
    let place = |field: FieldName| FIRST.iter().position(|known| *known == field).unwrap_or(FIRST.len());
    let without = |at: &[usize]| join(base, weighed, filter, at).count();
    let said = |unit: &Unit, total: u64| RelaxedField { field: unit.field, query: unit.query.clone(), total };
    // A word that nothing meets at all is given up before any that leads somewhere.
    units.sort_by_key(|unit| (unit.leads_somewhere, place(unit.field)));
    let mut choices: Vec<(&Unit, u64)> =
        units.iter().map(|unit| (unit, without(&unit.at))).filter(|(_, total)| *total > 0).collect();
    choices.sort_by_key(|(unit, total)| (unit.leads_somewhere, place(unit.field), *total));
    if let Some((unit, total)) = choices.first() {
        let others = choices[1..].iter().map(|(unit, total)| said(unit, *total)).collect();
        let RelaxedField { field, query, total } = said(unit, *total);
        return Some((unit.at.clone(), Relaxed { field, query, total, others, also: Vec::new() }));
    }
    // One is not enough: one after the other, as long as one is left.
    let mut dropped = Vec::new();
    for count in 1..units.len() {
        dropped.extend(&units[count - 1].at);
        let total = without(&dropped);
        if total > 0 {
            let mut given_up = units[..count].iter().map(|unit| said(unit, total));
            let RelaxedField { field, query, total } = given_up.next()?;
            let also = given_up.collect();
            dropped.sort_unstable();
            return Some((dropped, Relaxed { field, query, total, others: Vec::new(), also }));
        }
    }
    None
}

/// Each criterion, and the words of a street as one.
fn units(criteria: &[Criterion], weighed: &[Weighed]) -> Vec<Unit> {
    let leads = |at: usize| !weighed[at].any.is_empty();
    let is_number = |at: usize| criteria[at].words.bytes().all(|byte| byte.is_ascii_digit());
    let in_streets = |at: usize| criteria[at].readings.iter().any(|reading| reading.field == FieldName::Rue);
    let is_of_street = |at: usize| {
        let field = criteria[at].field;
        field == FieldName::Rue
            || matches!(field, FieldName::Texte | FieldName::RaisonSociale | FieldName::Prenom)
                && (in_streets(at) || !leads(at))
                && !is_number(at)
    };
    let mut units: Vec<Unit> = Vec::new();
    let mut at = 0;
    while at < criteria.len() {
        let mut end = at + 1;
        let is_street = is_street_type(&criteria[at].words) || criteria[at].field == FieldName::Rue;
        if is_street {
            while end < criteria.len() && is_of_street(end) {
                end += 1;
            }
        }
        let mut start = at;
        if is_street && end > at + 1 && at > 0 && is_number(at - 1) && criteria[at - 1].words.len() < 5 {
            // The number in the street, which stands before its type.
            units.pop();
            start = at - 1;
        }
        let words: Vec<&str> =
            criteria[start..end].iter().map(|criterion| criterion.words.as_str()).collect();
        units.push(Unit {
            at: (start..end).collect(),
            field: if end > at + 1 { FieldName::Rue } else { criteria[at].field },
            query: words.join(" "),
            leads_somewhere: (start..end).all(leads),
        });
        at = end;
    }
    units
}
