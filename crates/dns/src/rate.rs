use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Addresses remembered at most; past it, those that have been quiet for a second are forgotten.
const MOST: usize = 4_096;
const SECOND: Duration = Duration::from_secs(1);

/// How many questions each address has asked within its present second.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<IpAddr, (Instant, u32)>>);

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Answered.
    Fine,
    /// Left unanswered; the first of its second, which is worth a line.
    FirstTooMany,
    /// Left unanswered.
    TooMany,
}

impl Rates {
    pub(crate) fn take(&self, peer: IpAddr, per_second: u32, now: Instant) -> Pace {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(&peer) {
            all.retain(|_, (since, _)| now.duration_since(*since) < SECOND);
            if all.len() >= MOST {
                return Pace::TooMany; // so many addresses within a second is no client's doing
            }
        }
        let (since, count) = all.entry(peer).or_insert((now, 0));
        if now.duration_since(*since) >= SECOND {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        match *count {
            count if count <= per_second => Pace::Fine,
            count if count == per_second.saturating_add(1) => Pace::FirstTooMany,
            _ => Pace::TooMany,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_so_many_questions_of_one_address() {
        let rates = Rates::default();
        let (one, other) = ("127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap());
        let start = Instant::now();
        assert_eq!(rates.take(one, 2, start), Pace::Fine);
        assert_eq!(rates.take(one, 2, start), Pace::Fine);
        assert_eq!(rates.take(one, 2, start), Pace::FirstTooMany);
        assert_eq!(rates.take(one, 2, start), Pace::TooMany);
        assert_eq!(rates.take(other, 2, start), Pace::Fine);
        assert_eq!(rates.take(one, 2, start + SECOND), Pace::Fine);
    }
}
