//! Counts over the hits: what a question may be narrowed to.

use std::collections::BTreeMap;

use crate::found::{Facet, Facets};
use crate::index::{Base, Counted, Pair, Set};

/// Cards over which facets are counted, at most.
const MOST_COUNTED: usize = 20_000;

/// Values that one facet lists.
const FACET_VALUES: usize = 20;

/// Counts professions, savoir-faire, departments, cities and types of boxes.
pub(crate) fn count(base: &Base, cards: &Set) -> Facets {
    let tables = &base.meta.tables;
    let counted = cards.first(MOST_COUNTED);
    let partial = cards.count() > counted.len() as u64;
    let pair = |pairs: &[Pair], at: usize| pairs.get(at).map(|pair| (pair.0.clone(), pair.1.clone()));
    let plain = |names: &[String], at: usize| names.get(at).map(|name| (name.clone(), name.clone()));
    let listed = |which: Counted, values: usize, name: &dyn Fn(usize) -> Option<(String, String)>| {
        let counts = base.counts(which, &counted, values + 1);
        let mut counts: Vec<(usize, u64)> =
            counts.into_iter().enumerate().skip(1).filter(|(_, count)| *count > 0).collect();
        counts.sort_by_key(|(number, count)| (std::cmp::Reverse(*count), *number));
        // Labels are compared among equals only, which may be cut in the middle: a few more than are shown.
        counts.truncate(FACET_VALUES * 2);
        let facets = counts.into_iter().filter_map(|(number, count)| {
            let (value, label) = name(number - 1)?;
            Some(Facet { value, label, count })
        });
        most(facets.collect())
    };
    let mut types: BTreeMap<&str, u64> = BTreeMap::new();
    for (mask, count) in base.counts(Counted::Types, &counted, 32).into_iter().enumerate() {
        for (bit, code) in [(1, "PER"), (2, "ORG"), (4, "CAB"), (8, "APP")] {
            if mask & bit != 0 && count > 0 {
                *types.entry(code).or_default() += count;
            }
        }
    }
    let types = types.into_iter();
    let types = types.map(|(code, count)| Facet { value: code.to_owned(), label: code.to_owned(), count });
    Facets {
        profession: listed(Counted::Profession, tables.professions.len(), &|at| {
            pair(&tables.professions, at)
        }),
        specialty: listed(Counted::Skill, tables.skills.len(), &|at| pair(&tables.skills, at)),
        department: listed(Counted::Department, tables.departments.len(), &|at| {
            plain(&tables.departments, at)
        }),
        city: listed(Counted::City, tables.cities.len(), &|at| plain(&tables.cities, at)),
        types: most(types.collect()),
        partial,
    }
}

fn most(mut values: Vec<Facet>) -> Vec<Facet> {
    values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.label.cmp(&b.label)));
    values.truncate(FACET_VALUES);
    values
}
