//! When to try again.

use std::time::Duration;

use kernel::Rng;

/// Waits that grow, with a lot drawn in each: a thousand mailboxes that lost one operator at the same instant must not
/// come back at the same instant.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
    lot: Rng,
}

impl Backoff {
    /// The first wait is below `first`; none is above `most`.
    pub fn new(first: Duration, most: Duration, seed: u64) -> Self {
        Self { first, most, failures: 0, lot: Rng::seeded(seed) }
    }

    /// How long to wait after one more failure: between half of a ceiling and the whole of it, and the ceiling doubles each
    /// time. The first wait may be next to nothing: an operator that closed a session is asked again at once
    /// (SC.MSS/CONF.11).
    pub fn next_wait(&mut self) -> Duration {
        let ceiling =
            self.first.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(self.most);
        let (fixed, drawn) =
            if self.failures == 0 { (Duration::ZERO, ceiling) } else { (ceiling / 2, ceiling / 2) };
        self.failures = self.failures.saturating_add(1).min(31);
        fixed + self.share(drawn)
    }

    /// A wait of the longest kind: nobody but the operator, or a person, can mend what is wrong.
    pub fn long_wait(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1).min(31);
        self.most / 2 + self.share(self.most / 2)
    }

    /// All is well again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    fn share(&mut self, of: Duration) -> Duration {
        let micros = u64::try_from(of.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.lot.below(micros.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_most_and_start_over() {
        let (first, most) = (Duration::from_secs(1), Duration::from_secs(60));
        let mut backoff = Backoff::new(first, most, 7);
        assert!(backoff.next_wait() <= first);
        for (nth, ceiling) in [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 60), (7, 60), (8, 60)] {
            let (wait, ceiling) = (backoff.next_wait(), Duration::from_secs(ceiling));
            assert!(wait >= ceiling / 2 && wait <= ceiling, "{nth}: {wait:?}");
        }
        for _ in 0..100 {
            assert!(backoff.next_wait() <= most, "no number of failures overflows");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= first);
        let long = backoff.long_wait();
        assert!(long >= most / 2 && long <= most);
    }

    #[test]
    fn a_thousand_mailboxes_do_not_come_back_at_once() {
        let waits: Vec<u128> = (0..1_000)
            .map(|seed| {
                Backoff::new(Duration::from_secs(10), Duration::from_secs(900), seed).next_wait().as_millis()
            })
            .collect();
        let busiest =
            (0..10).map(|second| waits.iter().filter(|wait| **wait / 1_000 == second).count()).max();
        assert!(busiest < Some(160), "{busiest:?} of 1 000 in the same second");
    }
}
