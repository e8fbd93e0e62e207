//! Sets of cards: a list where they are few, bits where they are many.
//!
//! Most words of a question lead to a handful of cards and a few lead to a third of the base. Bits alone cost their whole
//! length (125 KB for a million cards) at every word however rare; lists alone cost a sort at every frequent one. Each set
//! takes the form that is cheap for it, and joining two costs the smaller of both where one is a list.

/// Cards that are kept as a list, at most: 16 KB, where the bits of a million cards are 125 KB.
const FEW: usize = 4_096;

/// One bit for each card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bits(Vec<u64>);

/// A set of cards.
#[derive(Clone, Debug)]
pub(crate) enum Set {
    /// In order, each once.
    Few(Vec<u32>),
    /// Frequent words.
    Many(Bits),
}

impl Bits {
    fn new(size: usize) -> Self {
        Self(vec![0; size])
    }

    fn insert(&mut self, card: u32) {
        self.0[(card >> 6) as usize] |= 1 << (card & 63);
    }

    /// Whether the card is in the set.
    pub(crate) fn contains(&self, card: u32) -> bool {
        self.0.get((card >> 6) as usize).is_some_and(|word| word & (1 << (card & 63)) != 0)
    }

    fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().filter(|(_, word)| **word != 0).flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros();
                    left &= left - 1;
                    (at as u32) * 64 + bit
                })
            })
        })
    }
}

impl Set {
    /// The empty set.
    pub(crate) fn none() -> Self {
        Self::Few(Vec::new())
    }

    /// Whether nothing is in it.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Few(few) => few.is_empty(),
            Self::Many(bits) => bits.0.iter().all(|word| *word == 0),
        }
    }

    /// How many cards are in it.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Few(few) => few.len() as u64,
            Self::Many(bits) => bits.0.iter().map(|word| u64::from(word.count_ones())).sum(),
        }
    }

    /// The first `most` cards, in order.
    pub(crate) fn first(&self, most: usize) -> Vec<u32> {
        match self {
            Self::Few(few) => few[..few.len().min(most)].to_vec(),
            Self::Many(bits) => bits.iter().take(most).collect(),
        }
    }

    /// Leaves the cards that are in both.
    pub(crate) fn and(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Many(mine), Self::Many(theirs)) => {
                mine.0.iter_mut().zip(&theirs.0).for_each(|(mine, theirs)| *mine &= theirs);
            }
            (Self::Many(mine), Self::Few(theirs)) => {
                let both = theirs.iter().copied().filter(|card| mine.contains(*card)).collect();
                *self = Self::Few(both);
            }
            (Self::Few(mine), Self::Many(theirs)) => mine.retain(|card| theirs.contains(*card)),
            (Self::Few(mine), Self::Few(theirs)) => {
                let mut rest = theirs.as_slice();
                mine.retain(|card| {
                    rest = &rest[rest.partition_point(|known| known < card)..];
                    rest.first() == Some(card)
                });
            }
        }
    }

    /// Calls `found` with the place in `cards`, which are in order, of each of them that is in the set.
    pub(crate) fn mark(&self, cards: &[u32], mut found: impl FnMut(usize)) {
        match self {
            Self::Many(bits) => {
                for (at, card) in cards.iter().enumerate() {
                    if bits.contains(*card) {
                        found(at);
                    }
                }
            }
            Self::Few(few) => {
                let mut from = 0;
                for card in few {
                    from += cards[from..].partition_point(|known| known < card);
                    match cards.get(from) {
                        Some(known) if known == card => found(from),
                        Some(_) => {}
                        None => break,
                    }
                }
            }
        }
    }
}

/// A set that is being gathered from several words.
pub(crate) struct Gather {
    few: Vec<u32>,
    many: Option<Bits>,
    size: usize,
}

impl Gather {
    /// For a base whose bits have `size` words.
    pub(crate) fn new(size: usize) -> Self {
        Self { few: Vec::new(), many: None, size }
    }

    /// Adds cards that are numbered from `first`; within one call they are in order.
    pub(crate) fn add(&mut self, first: u32, cards: &[u32]) {
        if self.many.is_none() && self.few.len() + cards.len() > FEW {
            self.widen();
        }
        match &mut self.many {
            Some(bits) => cards.iter().for_each(|card| bits.insert(first + card)),
            None => self.few.extend(cards.iter().map(|card| first + card)),
        }
    }

    /// Adds a set.
    pub(crate) fn add_set(&mut self, set: &Set) {
        match set {
            Set::Few(few) => self.add(0, few),
            Set::Many(theirs) => {
                self.widen();
                if let Some(mine) = &mut self.many {
                    mine.0.iter_mut().zip(&theirs.0).for_each(|(mine, theirs)| *mine |= theirs);
                }
            }
        }
    }

    fn widen(&mut self) {
        let size = self.size;
        let bits = self.many.get_or_insert_with(|| Bits::new(size));
        self.few.drain(..).for_each(|card| bits.insert(card));
    }

    /// The set.
    pub(crate) fn finish(mut self) -> Set {
        match self.many {
            Some(bits) => Set::Many(bits),
            None => {
                if !self.few.is_sorted_by(|a, b| a < b) {
                    // Runs in order, which the stable sort merges.
                    self.few.sort();
                    self.few.dedup();
                }
                Set::Few(self.few)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const CARDS: u32 = 64 * 400;

    fn some(step: u32, count: u32) -> (Set, BTreeSet<u32>) {
        let cards: Vec<u32> = (0..count).map(|at| at * step % CARDS).collect();
        let mut gather = Gather::new((CARDS / 64) as usize);
        for run in cards.chunk_by(|a, b| a < b) {
            gather.add(0, run);
        }
        (gather.finish(), cards.into_iter().collect())
    }

    fn all(set: &Set) -> BTreeSet<u32> {
        set.first(usize::MAX).into_iter().collect()
    }

    #[test]
    fn lists_and_bits_are_the_same_sets() {
        for (first, second) in [((3, 100), (7, 200)), ((1, 9_000), (5, 50)), ((1, 9_000), (2, 12_000))] {
            let ((a, in_a), (b, in_b)) = (some(first.0, first.1), some(second.0, second.1));
            assert_eq!((a.count(), b.count()), (in_a.len() as u64, in_b.len() as u64));
            let both: BTreeSet<u32> = in_a.intersection(&in_b).copied().collect();
            for (mine, theirs) in [(&a, &b), (&b, &a)] {
                let mut joined = mine.clone();
                joined.and(theirs);
                assert_eq!(all(&joined), both);
                let cards = mine.first(usize::MAX);
                let mut marked = BTreeSet::new();
                theirs.mark(&cards, |at| assert!(marked.insert(cards[at])));
                assert_eq!(marked, both);
            }
            let mut gather = Gather::new((CARDS / 64) as usize);
            gather.add_set(&a);
            gather.add_set(&b);
            assert_eq!(all(&gather.finish()), in_a.union(&in_b).copied().collect());
        }
        assert!(Set::none().is_empty() && Gather::new(1).finish().is_empty());
    }
}
