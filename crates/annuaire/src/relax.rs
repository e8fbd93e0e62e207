//! Nothing matches everything: which single criterion to give up, so that something is found and the answer says so.

use crate::found::{FieldName, Relaxed, RelaxedField};
use crate::index::{Base, Bits};
use crate::query::Criterion;
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

/// The criterion to give up and what there is without it; none where giving up one is not enough.
pub(crate) fn relax(
    base: &Base,
    criteria: &[Criterion],
    weighed: &[Weighed],
    filter: Option<&Bits>,
) -> Option<(usize, Relaxed)> {
    if criteria.len() < 2 {
        return None;
    }
    let place = |field: FieldName| FIRST.iter().position(|known| *known == field).unwrap_or(FIRST.len());
    let mut choices: Vec<(usize, RelaxedField)> = criteria
        .iter()
        .enumerate()
        .map(|(at, criterion)| {
            let total = join(base, weighed, filter, Some(at)).count();
            (at, RelaxedField { field: criterion.field, query: criterion.words.clone(), total })
        })
        .filter(|(_, choice)| choice.total > 0)
        .collect();
    // A word that nothing meets at all is given up before any that leads somewhere.
    choices.sort_by_key(|(at, choice)| (!weighed[*at].any.is_empty(), place(choice.field), choice.total));
    let mut choices = choices.into_iter();
    let (at, RelaxedField { field, query, total }) = choices.next()?;
    Some((at, Relaxed { field, query, total, others: choices.map(|(_, choice)| choice).collect() }))
}
