//! One question: sets of cards for each criterion, joined; the best few looked at closely.
//!
//! Exact words and beginnings first. A typing error is only forgiven while fewer than [`ENOUGH`] cards match; an error in
//! the word that is still being typed, two errors, and sounds only while nothing matches, so that a right question never
//! pays for wrong ones. Last, criteria are given up, one at a time, and the answer says which.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::error::Error;
use crate::found::{FieldName, Found, Hit, How, Query, SCHEMA};
use crate::index::terms::Words;
use crate::index::{Base, Column, Gather, Set, Slip};
use crate::query::{Criterion, Labels, Plan, Reading, Test, field_of, plan, slips, weight_of};
use crate::rank::{self, Ranked};
use crate::{facets, phonetic, pick, relax};

/// With this many hits no error is looked for.
const ENOUGH: u64 = 10;

/// Cards that are looked at closely, at least.
const CLOSELY: usize = 30;

/// Hits of one answer, at most.
const MOST_HITS: usize = 200;

/// A base that serves, with what questions are held against.
pub(crate) struct Opened {
    pub(crate) base: Base,
    labels: Labels,
}

/// The cards that meet a criterion, by the weight of the reading, the heaviest first.
pub(crate) struct Weighed {
    pub(crate) levels: Vec<(u8, Set)>,
    pub(crate) any: Set,
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
            outage: None,
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
        let mut cards = join(&self.base, &weighed, filter.as_ref(), &[]);
        let at_first = cards.count();
        let mut total = at_first;
        // Each step, and how many cards make it needless.
        let steps = [(Some(Slip::One), ENOUGH), (Some(Slip::OneOpen), 1), (Some(Slip::Two), 1), (None, 1)];
        for (slip, enough) in steps {
            if total >= enough {
                continue;
            }
            for (criterion, weighed) in plan.criteria.iter_mut().zip(&mut weighed) {
                let readings = match slip {
                    Some(slip) => slips(criterion, slip, &self.labels),
                    None => sounds(criterion),
                };
                self.widen(criterion, weighed, readings)?;
            }
            cards = join(&self.base, &weighed, filter.as_ref(), &[]);
            total = cards.count();
        }
        let mut given_up = Vec::new();
        if total == 0
            && let Some((dropped, relaxed)) =
                relax::relax(&self.base, &plan.criteria, &weighed, filter.as_ref())
        {
            cards = join(&self.base, &weighed, filter.as_ref(), &dropped);
            total = cards.count();
            found.relaxed = Some(relaxed);
            given_up = dropped;
        }
        for at in given_up.iter().rev() {
            plan.criteria.remove(*at);
            weighed.remove(*at);
        }
        found.total = total;
        let soft = self.soft(query, plan)?;
        let keep = CLOSELY.max(limit * 3 / 2).min(MOST_HITS * 2);
        let mut ranked: Vec<Ranked> = Vec::with_capacity(keep);
        let mut words = Words::default();
        for card in pick::best(&cards, &weighed, &soft, keep) {
            ranked.extend(rank::rank(&self.base.card(card)?, plan, query, &mut words));
        }
        ranked.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.order.cmp(&b.order)));
        ranked.truncate(limit);
        if at_first == 0 && given_up.is_empty() {
            found.did_you_mean = ranked.first().and_then(|first| rank::meant(plan, first, &self.labels));
        }
        found.hits = ranked
            .into_iter()
            .enumerate()
            .map(|(at, ranked)| Hit { rank: at + 1, card: ranked.card, reasons: ranked.reasons })
            .collect();
        found.facets = query.facets.then(|| facets::count(&self.base, &cards));
        Ok(())
    }

    /// The cards with a box of the types that are asked for.
    fn filter(&self, plan: &Plan) -> Result<Option<Set>, Error> {
        if plan.types.is_empty() {
            return Ok(None);
        }
        let mut cards = self.base.gather();
        for kind in &plan.types {
            self.base.word(Column::Kind, kind, &mut cards)?;
        }
        Ok(Some(cards.finish()))
    }

    fn weigh(&self, criterion: &mut Criterion) -> Result<Weighed, Error> {
        let mut weighed = Weighed { levels: Vec::new(), any: Set::none() };
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
        let mut levels: BTreeMap<u8, Gather> = BTreeMap::new();
        for reading in readings {
            let mut cards = self.base.gather();
            self.meet(&reading.test, &mut cards)?;
            let cards = cards.finish();
            if cards.is_empty() {
                continue;
            }
            // What a criterion is about is what its heaviest reading that leads anywhere is about.
            if criterion.field == FieldName::Texte
                && reading.field != FieldName::Nom
                && criterion.readings.is_empty()
            {
                criterion.field = reading.field;
            }
            levels.entry(reading.weight).or_insert_with(|| self.base.gather()).add_set(&cards);
            criterion.readings.push(reading);
        }
        if levels.is_empty() {
            return Ok(());
        }
        weighed.levels.extend(levels.into_iter().map(|(weight, cards)| (weight, cards.finish())));
        weighed.levels.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let mut any = self.base.gather();
        weighed.levels.iter().for_each(|(_, cards)| any.add_set(cards));
        weighed.any = any.finish();
        Ok(())
    }

    /// Adds the cards that meet a test.
    fn meet(&self, test: &Test, into: &mut Gather) -> Result<(), Error> {
        match test {
            Test::Word(column, word) => self.base.word(*column, word, into),
            Test::Prefix(column, prefix) => self.base.prefix(*column, prefix, into),
            Test::Near { column, word, slip } => self.base.near(*column, word, *slip, into),
            Test::Any(tests) => tests.iter().try_for_each(|test| self.meet(test, into)),
            Test::All(tests) => {
                let Some((first, rest)) = tests.split_first() else { return Ok(()) };
                let mut all = self.met(first)?;
                for test in rest {
                    if all.is_empty() {
                        break;
                    }
                    all.and(&self.met(test)?);
                }
                into.add_set(&all);
                Ok(())
            }
        }
    }

    fn met(&self, test: &Test) -> Result<Set, Error> {
        let mut cards = self.base.gather();
        self.meet(test, &mut cards)?;
        Ok(cards.finish())
    }

    /// What comes first among equals.
    fn soft(&self, query: &Query, plan: &Plan) -> Result<Vec<(u32, Set)>, Error> {
        let mut soft = vec![match plan.facility {
            true => (30, self.base.structures.clone()),
            false => (8, self.base.persons.clone()),
        }];
        if let Some(near) = &query.near {
            let department = format!("d{}", near.to_ascii_lowercase());
            soft.push((25, self.base.set(Column::Postcode, &department)?));
        }
        for id in query.prefer.iter().take(50) {
            if let Some((column, word)) = lookup(id) {
                soft.push((60, self.base.set(column, &word)?));
            }
        }
        Ok(soft)
    }

    /// The packed lines of the card with this identifier: that of a hit, an RPPS, or an address.
    pub(crate) fn card(&self, id: &str) -> Result<Option<String>, Error> {
        let Some((column, word)) = lookup(id) else { return Ok(None) };
        let mut first = None;
        for card in self.base.set(column, &word)?.first(ENOUGH as usize) {
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

/// The cards that meet every criterion but those at these places.
pub(crate) fn join(base: &Base, weighed: &[Weighed], filter: Option<&Set>, without: &[usize]) -> Set {
    let asked = weighed.iter().enumerate().filter(|(at, _)| !without.contains(at));
    let mut sets: Vec<&Set> = asked.map(|(_, weighed)| &weighed.any).chain(filter).collect();
    if sets.iter().any(|set| set.is_empty()) {
        return Set::none();
    }
    // Lists before bits, the shortest first.
    sets.sort_by_key(|set| match set {
        Set::Few(few) => few.len(),
        Set::Many(_) => usize::MAX,
    });
    let Some((first, rest)) = sets.split_first() else { return base.all() };
    let mut cards = (*first).clone();
    rest.iter().for_each(|set| cards.and(set));
    cards
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
