//! One question: sets of cards for each criterion, joined; the best few looked at closely.
//!
//! Exact words and beginnings first. Typing errors are only forgiven while fewer than [`ENOUGH`] cards match, one error
//! before two, so that a right question never pays for wrong ones; sounds only when nothing else matches; last, one
//! criterion is given up, and the answer says which.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::error::Error;
use crate::found::{Facet, Facets, FieldName, Found, Hit, How, Query, SCHEMA};
use crate::index::{Base, Bits, Column, Counted};
use crate::phonetic;
use crate::query::{Criterion, Labels, Plan, Reading, Test, distances, field_of, plan, weight_of};
use crate::rank::{self, Ranked};
use crate::relax;

/// With this many hits no error is looked for.
const ENOUGH: u64 = 10;

/// Cards that are scored one by one.
const MOST_SCORED: usize = 20_000;

/// Cards that are looked at closely, at least.
const CLOSELY: usize = 40;

/// Hits of one answer, at most.
const MOST_HITS: usize = 200;

/// Cards over which facets are counted, at most.
const MOST_COUNTED: usize = 50_000;

/// Values that one facet lists.
const FACET_VALUES: usize = 20;

/// A base that serves, with what questions are held against.
pub(crate) struct Opened {
    pub(crate) base: Base,
    labels: Labels,
}

/// The cards that meet a criterion, by the weight of the reading, the heaviest first.
pub(crate) struct Weighed {
    levels: Vec<(u8, Bits)>,
    pub(crate) any: Bits,
}

impl Opened {
    pub(crate) fn new(base: Base) -> Self {
        let labels = Labels::new(&base.meta.tables);
        Self { base, labels }
    }

    /// Answers; `stale` is of the caller, who has the clock.
    pub(crate) fn search(&self, query: &Query, limit: usize, stale: bool) -> Result<Found, Error> {
        let start = Instant::now();
        let limit = limit.min(MOST_HITS);
        let mut found = Found {
            schema: SCHEMA,
            source_date: self.base.meta.report.source_date.clone(),
            stale,
            total: 0,
            took_us: 0,
            hits: Vec::new(),
            relaxed: None,
            did_you_mean: None,
            facets: None,
        };
        let mut plan = plan(query, &self.labels);
        if !(plan.criteria.is_empty() && plan.types.is_empty()) {
            self.answer(query, &mut plan, limit, &mut found)?;
        }
        found.took_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(found)
    }

    fn answer(&self, query: &Query, plan: &mut Plan, limit: usize, found: &mut Found) -> Result<(), Error> {
        let filter = self.filter(plan)?;
        let mut weighed = Vec::with_capacity(plan.criteria.len());
        for criterion in &mut plan.criteria {
            weighed.push(self.weigh(criterion)?);
        }
        let mut cards = join(&self.base, &weighed, filter.as_ref(), None);
        let mut total = cards.count();
        let at_first = total;
        for distance in 1..=2 {
            if total >= ENOUGH {
                break;
            }
            for (criterion, weighed) in plan.criteria.iter_mut().zip(&mut weighed) {
                let readings = distances(criterion, distance, &self.labels);
                self.widen(criterion, weighed, readings)?;
            }
            cards = join(&self.base, &weighed, filter.as_ref(), None);
            total = cards.count();
        }
        if total == 0 {
            for (criterion, weighed) in plan.criteria.iter_mut().zip(&mut weighed) {
                let readings = sounds(criterion);
                self.widen(criterion, weighed, readings)?;
            }
            cards = join(&self.base, &weighed, filter.as_ref(), None);
            total = cards.count();
        }
        let mut dropped = None;
        if total == 0
            && let Some((at, relaxed)) = relax::relax(&self.base, &plan.criteria, &weighed, filter.as_ref())
        {
            cards = join(&self.base, &weighed, filter.as_ref(), Some(at));
            total = cards.count();
            found.relaxed = Some(relaxed);
            dropped = Some(at);
        }
        if let Some(at) = dropped {
            plan.criteria.remove(at);
            weighed.remove(at);
        }
        found.total = total;
        let soft = self.soft(query, plan)?;
        let keep = CLOSELY.max(limit * 2).min(MOST_HITS * 2);
        let mut ranked: Vec<Ranked> = Vec::with_capacity(keep);
        for card in best(&cards, &weighed, &soft, keep) {
            ranked.extend(rank::rank(&self.base.card(card)?, plan, query));
        }
        ranked.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.order.cmp(&b.order)));
        ranked.truncate(limit);
        if at_first == 0 && dropped.is_none() {
            found.did_you_mean = ranked.first().and_then(|first| rank::meant(plan, first, &self.labels));
        }
        found.hits = ranked
            .into_iter()
            .enumerate()
            .map(|(at, ranked)| Hit { rank: at + 1, card: ranked.card, reasons: ranked.reasons })
            .collect();
        found.facets = query.facets.then(|| self.facets(&cards));
        Ok(())
    }

    /// The cards with a box of the types that are asked for.
    fn filter(&self, plan: &Plan) -> Result<Option<Bits>, Error> {
        if plan.types.is_empty() {
            return Ok(None);
        }
        let mut bits = self.base.none();
        for kind in &plan.types {
            self.base.word(Column::Kind, kind, &mut bits)?;
        }
        Ok(Some(bits))
    }

    fn weigh(&self, criterion: &mut Criterion) -> Result<Weighed, Error> {
        let mut weighed = Weighed { levels: Vec::new(), any: self.base.none() };
        let mut readings = std::mem::take(&mut criterion.readings);
        readings.sort_by_key(|reading| std::cmp::Reverse(reading.weight));
        self.widen(criterion, &mut weighed, readings)?;
        Ok(weighed)
    }

    /// Adds readings to a criterion; one that nothing meets is left out.
    fn widen(
        &self,
        criterion: &mut Criterion,
        weighed: &mut Weighed,
        readings: Vec<Reading>,
    ) -> Result<(), Error> {
        let mut levels: BTreeMap<u8, Bits> = BTreeMap::new();
        for reading in readings {
            let mut bits = self.base.none();
            self.meet(&reading.test, &mut bits)?;
            if bits.is_empty() {
                continue;
            }
            weighed.any.or(&bits);
            // What a criterion is about is what its heaviest reading that leads anywhere is about.
            if criterion.field == FieldName::Texte
                && reading.field != FieldName::Nom
                && criterion.readings.is_empty()
            {
                criterion.field = reading.field;
            }
            match levels.entry(reading.weight) {
                std::collections::btree_map::Entry::Occupied(mut known) => known.get_mut().or(&bits),
                std::collections::btree_map::Entry::Vacant(free) => {
                    free.insert(bits);
                }
            }
            criterion.readings.push(reading);
        }
        weighed.levels.extend(levels);
        weighed.levels.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        Ok(())
    }

    /// Adds the cards that meet a test.
    fn meet(&self, test: &Test, into: &mut Bits) -> Result<(), Error> {
        match test {
            Test::Word(column, word) => self.base.word(*column, word, into),
            Test::Prefix(column, prefix) => self.base.prefix(*column, prefix, into),
            Test::Near { column, word, distance, prefix } => {
                let automaton = crate::index::Near::new(word, *distance, *prefix);
                self.base.near(*column, &automaton, into)
            }
            Test::Any(tests) => tests.iter().try_for_each(|test| self.meet(test, into)),
            Test::All(tests) => {
                let Some((first, rest)) = tests.split_first() else { return Ok(()) };
                let mut all = self.base.none();
                self.meet(first, &mut all)?;
                for test in rest {
                    let mut bits = self.base.none();
                    self.meet(test, &mut bits)?;
                    all.and(&bits);
                }
                into.or(&all);
                Ok(())
            }
        }
    }

    /// What comes first among equals.
    fn soft(&self, query: &Query, plan: &Plan) -> Result<Vec<(u32, Bits)>, Error> {
        let mut soft = Vec::new();
        let mut add = |weight: u32, column: Column, word: &str| -> Result<(), Error> {
            let mut bits = self.base.none();
            self.base.word(column, word, &mut bits)?;
            soft.push((weight, bits));
            Ok(())
        };
        add(if plan.facility { 30 } else { 0 }, Column::Kind, "structure")?;
        add(if plan.facility { 0 } else { 8 }, Column::Kind, "person")?;
        if let Some(near) = &query.near {
            add(25, Column::Postcode, &format!("d{}", near.to_ascii_lowercase()))?;
        }
        for id in query.prefer.iter().take(50) {
            if let Some((column, word)) = lookup(id) {
                add(60, column, &word)?;
            }
        }
        soft.retain(|(weight, _)| *weight > 0);
        Ok(soft)
    }

    /// The packed lines of the card with this identifier: that of a hit, an RPPS, or an address.
    pub(crate) fn card(&self, id: &str) -> Result<Option<String>, Error> {
        let Some((column, word)) = lookup(id) else { return Ok(None) };
        let mut bits = self.base.none();
        self.base.word(column, &word, &mut bits)?;
        let mut first = None;
        for card in bits.iter().take(ENOUGH as usize) {
            let packed = self.base.card(card)?;
            let is_it =
                crate::index::card_of(&crate::index::records(&packed)).is_some_and(|card| card.id == id);
            if is_it {
                return Ok(Some(packed));
            }
            first.get_or_insert(packed);
        }
        Ok(first)
    }

    fn facets(&self, cards: &Bits) -> Facets {
        let tables = &self.base.meta.tables;
        let mut counts: [BTreeMap<u64, u64>; 5] = Default::default();
        let mut partial = false;
        for (at, card) in cards.iter().enumerate() {
            if at == MOST_COUNTED {
                partial = true;
                break;
            }
            for counted in Counted::ALL {
                *counts[counted as usize].entry(self.base.number(counted, card)).or_default() += 1;
            }
        }
        let listed = |counted: Counted, name: &dyn Fn(usize) -> Option<(String, String)>| -> Vec<Facet> {
            let values = counts[counted as usize].iter().filter(|(number, _)| **number > 0);
            let values = values.filter_map(|(number, count)| {
                let (value, label) = name(usize::try_from(*number).ok()? - 1)?;
                Some(Facet { value, label, count: *count })
            });
            most(values.collect())
        };
        let pair = |pairs: &[crate::index::Pair], at: usize| {
            pairs.get(at).map(|pair| (pair.0.clone(), pair.1.clone()))
        };
        let plain = |names: &[String], at: usize| names.get(at).map(|name| (name.clone(), name.clone()));
        let mut types: BTreeMap<&str, u64> = BTreeMap::new();
        for (mask, count) in &counts[Counted::Types as usize] {
            for (bit, code) in [(1, "PER"), (2, "ORG"), (4, "CAB"), (8, "APP")] {
                if mask & bit != 0 {
                    *types.entry(code).or_default() += count;
                }
            }
        }
        Facets {
            profession: listed(Counted::Profession, &|at| pair(&tables.professions, at)),
            specialty: listed(Counted::Skill, &|at| pair(&tables.skills, at)),
            department: listed(Counted::Department, &|at| plain(&tables.departments, at)),
            city: listed(Counted::City, &|at| plain(&tables.cities, at)),
            types: most(
                types
                    .into_iter()
                    .map(|(code, count)| Facet { value: code.to_owned(), label: code.to_owned(), count })
                    .collect(),
            ),
            partial,
        }
    }
}

fn most(mut values: Vec<Facet>) -> Vec<Facet> {
    values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.label.cmp(&b.label)));
    values.truncate(FACET_VALUES);
    values
}

/// Where a card is looked up by its identifier.
fn lookup(id: &str) -> Option<(Column, String)> {
    let lower = id.trim().to_ascii_lowercase();
    let structure = |value: &str| match (value.as_bytes().first(), value.len()) {
        (Some(b'1' | b'2'), 10) | (Some(b'3'), 15) => value[1..].to_owned(),
        _ => value.to_owned(),
    };
    if !lower.is_ascii() {
        return None;
    }
    if let Some(national) = lower.strip_prefix("p-") {
        return Some((Column::Identifier, national.get(1..)?.to_owned()));
    }
    if let Some(value) = lower.strip_prefix("s-") {
        return Some((Column::Identifier, structure(value)));
    }
    if lower.contains('@') {
        return Some((Column::Mail, lower.strip_prefix("b-").unwrap_or(&lower).to_owned()));
    }
    let is_number = lower.len() >= 8 && lower.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let bare =
        if lower.len() == 12 && lower.starts_with('8') { lower[1..].to_owned() } else { structure(&lower) };
    is_number.then_some((Column::Identifier, bare))
}

/// The cards that meet every criterion, but for `without`.
pub(crate) fn join(base: &Base, weighed: &[Weighed], filter: Option<&Bits>, without: Option<usize>) -> Bits {
    let mut cards: Option<Bits> = filter.cloned();
    for (_, weighed) in weighed.iter().enumerate().filter(|(at, _)| Some(*at) != without) {
        match &mut cards {
            Some(cards) => cards.and(&weighed.any),
            None => cards = Some(weighed.any.clone()),
        }
    }
    cards.unwrap_or_else(|| if weighed.is_empty() { base.all() } else { base.none() })
}

/// Names that sound alike.
fn sounds(criterion: &Criterion) -> Vec<Reading> {
    let names = criterion.fuzzy.iter().filter(|fuzzy| fuzzy.columns.contains(&Column::Family));
    let keys = names.map(|fuzzy| phonetic::key(&fuzzy.word)).filter(|key| key.len() > 1);
    keys.map(|key| Reading {
        field: field_of(Column::Sound),
        how: How::Phonetic,
        weight: weight_of(Column::Sound),
        test: Test::Word(Column::Sound, key),
    })
    .collect()
}

/// The cards that promise most, in order.
fn best(cards: &Bits, weighed: &[Weighed], soft: &[(u32, Bits)], keep: usize) -> Vec<u32> {
    let weight = |card: u32| -> u32 {
        let hard = weighed.iter().map(|weighed| {
            weighed
                .levels
                .iter()
                .find(|(_, bits)| bits.contains(card))
                .map_or(0, |(weight, _)| u32::from(*weight))
        });
        let soft = soft.iter().filter(|(_, bits)| bits.contains(card)).map(|(weight, _)| *weight);
        hard.sum::<u32>() + soft.sum::<u32>()
    };
    let count = usize::try_from(cards.count()).unwrap_or(usize::MAX);
    let mut scored: Vec<(std::cmp::Reverse<u32>, u32)> = if count <= MOST_SCORED {
        cards.iter().map(|card| (std::cmp::Reverse(weight(card)), card)).collect()
    } else {
        // Too many to weigh each: those that meet every criterion in its heaviest way, then one of them, then any.
        let mut top = cards.clone();
        for (_, bits) in weighed.iter().filter_map(|weighed| weighed.levels.first()) {
            top.and(bits);
        }
        let mut chosen: Vec<u32> = top.iter().take(MOST_SCORED).collect();
        if chosen.len() < keep {
            for (_, bits) in weighed.iter().filter_map(|weighed| weighed.levels.first()) {
                let mut some = cards.clone();
                some.and(bits);
                chosen.extend(some.iter().take(MOST_SCORED / 4));
            }
            chosen.extend(cards.iter().take(MOST_SCORED / 4));
            chosen.sort_unstable();
            chosen.dedup();
        }
        chosen.into_iter().map(|card| (std::cmp::Reverse(weight(card)), card)).collect()
    };
    if scored.len() > keep {
        scored.select_nth_unstable(keep);
        scored.truncate(keep);
    }
    scored.sort_unstable();
    scored.into_iter().map(|(_, card)| card).collect()
}
