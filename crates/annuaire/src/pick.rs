//! The cards that promise most, chosen by the weights of the sets that they are in, before any is read.

use crate::index::Set;
use crate::search::Weighed;

/// Cards that are scored one by one.
const MOST_SCORED: usize = 10_000;

/// The `keep` cards that promise most, in order.
pub(crate) fn best(cards: &Set, weighed: &[Weighed], soft: &[(u32, Set)], keep: usize) -> Vec<u32> {
    let chosen = candidates(cards, weighed, keep);
    let mut scores = vec![0_u32; chosen.len()];
    let mut met = vec![0_u8; chosen.len()];
    for criterion in weighed {
        met.fill(0);
        // From the lightest reading to the heaviest, which stays.
        for (weight, set) in criterion.levels.iter().rev() {
            set.mark(&chosen, |at| met[at] = *weight);
        }
        scores.iter_mut().zip(&met).for_each(|(score, met)| *score += u32::from(*met));
    }
    for (weight, set) in soft {
        set.mark(&chosen, |at| scores[at] += weight);
    }
    let mut scored: Vec<(std::cmp::Reverse<u32>, u32)> =
        scores.into_iter().map(std::cmp::Reverse).zip(chosen).collect();
    if scored.len() > keep {
        scored.select_nth_unstable(keep);
        scored.truncate(keep);
    }
    scored.sort_unstable();
    scored.into_iter().map(|(_, card)| card).collect()
}

/// The cards to score, in the order of their numbers. Where there are too many to weigh each: those that meet every
/// criterion in its heaviest way, then one of them, then any.
fn candidates(cards: &Set, weighed: &[Weighed], keep: usize) -> Vec<u32> {
    if cards.count() <= MOST_SCORED as u64 {
        return cards.first(MOST_SCORED);
    }
    let heaviest = || weighed.iter().filter_map(|weighed| weighed.levels.first());
    let mut top = cards.clone();
    heaviest().for_each(|(_, set)| top.and(set));
    let mut chosen = top.first(MOST_SCORED);
    if chosen.len() < keep {
        for (_, set) in heaviest() {
            let mut some = cards.clone();
            some.and(set);
            chosen.extend(some.first(MOST_SCORED / 4));
        }
        chosen.extend(cards.first(MOST_SCORED / 4));
        chosen.sort_unstable();
        chosen.dedup();
    }
    chosen
}
