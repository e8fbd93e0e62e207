use std::fmt;

use crate::cursor::{Cursor, Parse};

/// A set of message numbers or UIDs (`sequence-set`, RFC 3501 §9), as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceSet(Vec<(Bound, Bound)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Number(u32),
    Last,
    /// `$`: the result that was saved (RFC 5182).
    Saved,
}

impl SequenceSet {
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Parse<Self> {
        if cursor.eat(b'$') {
            return Ok(Self(vec![(Bound::Saved, Bound::Saved)]));
        }
        let mut ranges = Vec::new();
        loop {
            let first = bound(cursor)?;
            let last = if cursor.eat(b':') { bound(cursor)? } else { first };
            ranges.push((first, last));
            if !cursor.eat(b',') {
                return Ok(Self(ranges));
            }
        }
    }

    /// The set as ascending ranges without overlap, where `*` is `last`. A range may be written backwards, and
    /// `n:*` always holds `last` (RFC 3501 §6.4.8), whatever `n` is.
    pub fn resolve(&self, last: u32) -> Vec<(u32, u32)> {
        let value = |bound: Bound| match bound {
            Bound::Number(number) => number,
            Bound::Last => last,
            Bound::Saved => 0,
        };
        let mut ranges: Vec<(u32, u32)> = self
            .0
            .iter()
            .map(|&(first, second)| (value(first), value(second)))
            .map(|(first, second)| (first.min(second), first.max(second)))
            .filter(|_| !self.is_saved())
            .collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match merged.last_mut() {
                Some(previous) if low <= previous.1.saturating_add(1) => previous.1 = previous.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        merged
    }

    /// Whether `*` is in it.
    pub fn has_last(&self) -> bool {
        self.0.iter().any(|(first, second)| *first == Bound::Last || *second == Bound::Last)
    }

    /// How many numbers it names, repetitions counted; `*` counts as one number above all others.
    #[allow(clippy::len_without_is_empty)] // a set as written is never empty
    pub fn len(&self) -> u64 {
        let value =
            |bound: Bound| if let Bound::Number(number) = bound { u64::from(number) } else { 1 << 32 };
        self.0.iter().map(|(first, second)| value(*first).abs_diff(value(*second)) + 1).sum()
    }

    /// The numbers in the order in which they are written, `*` left out.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        let numbers = self.0.iter().filter_map(|range| match *range {
            (Bound::Number(first), Bound::Number(second)) => Some(first.min(second)..=first.max(second)),
            _ => None,
        });
        numbers.flatten()
    }

    /// Whether it is `$`, the result of a search that was saved (RFC 5182): who searched knows what it holds, and
    /// [`SequenceSet::resolve`] gives nothing.
    pub fn is_saved(&self) -> bool {
        self.0.first() == Some(&(Bound::Saved, Bound::Saved))
    }

    /// Whether a resolved set holds `number`.
    pub fn holds(ranges: &[(u32, u32)], number: u32) -> bool {
        let after = ranges.partition_point(|range| range.0 <= number);
        after > 0 && ranges[after - 1].1 >= number
    }
}

/// Ascending numbers, written as short as they can be (`1:3,7`). As given where they do not ascend.
pub struct Compact<'a>(pub &'a [u32]);

impl fmt::Display for Compact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(&first) = rest.first() {
            let mut len = 1;
            while rest.get(len).is_some_and(|&next| Some(next) == rest[len - 1].checked_add(1)) {
                len += 1;
            }
            if rest.len() != self.0.len() {
                f.write_str(",")?;
            }
            match len {
                1 => write!(f, "{first}")?,
                _ => write!(f, "{first}:{}", rest[len - 1])?,
            }
            rest = &rest[len..];
        }
        Ok(())
    }
}

fn bound(cursor: &mut Cursor<'_>) -> Parse<Bound> {
    if cursor.eat(b'*') { Ok(Bound::Last) } else { cursor.nz_number().map(Bound::Number) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(text: &str) -> SequenceSet {
        let mut cursor = Cursor::new(text.as_bytes());
        let set = SequenceSet::read(&mut cursor).unwrap();
        cursor.end().unwrap();
        set
    }

    #[test]
    fn sets_resolve_as_the_rfc_says() {
        assert_eq!(set("2,4:7,9,12:*").resolve(15), [(2, 2), (4, 7), (9, 9), (12, 15)]);
        assert_eq!(set("*:4,5:7").resolve(10), [(4, 10)]);
        assert_eq!(set("559:*").resolve(301), [(301, 559)]);
        assert_eq!(set("*").resolve(8), [(8, 8)]);
        assert!(SequenceSet::read(&mut Cursor::new(b"0")).is_err());
        assert!(SequenceSet::read(&mut Cursor::new(b"1,")).is_err());
    }

    #[test]
    fn compact_sets() {
        assert_eq!(Compact(&[1, 2, 3, 7, 9, 10]).to_string(), "1:3,7,9:10");
        assert_eq!(Compact(&[]).to_string(), "");
        assert_eq!(Compact(&[u32::MAX]).to_string(), "4294967295");
    }

    proptest! {
        #[test]
        fn compact_and_resolve_are_inverses(numbers in proptest::collection::btree_set(1u32..60, 1..30)) {
            let numbers: Vec<u32> = numbers.into_iter().collect();
            let ranges = set(&Compact(&numbers).to_string()).resolve(60);
            let back: Vec<u32> = (1..60).filter(|&n| SequenceSet::holds(&ranges, n)).collect();
            prop_assert_eq!(back, numbers);
        }
    }
}
