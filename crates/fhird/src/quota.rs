use std::collections::{HashMap, VecDeque};

use kernel::Timestamp;

use crate::CALLS_PER_SECOND;

/// Applications remembered at most; the one that was silent longest is forgotten first.
const REMEMBERED: usize = 1_024;

/// Calls of each application within the last second.
#[derive(Debug, Default)]
pub(crate) struct Quota(HashMap<String, VecDeque<i64>>);

impl Quota {
    /// Counts a call; `false` where it is one too many. A refused call does not count.
    pub(crate) fn take(&mut self, application: &str, now: Timestamp) -> bool {
        let now = now.as_microsecond();
        if !self.0.contains_key(application) {
            self.forget();
        }
        let calls = self.0.entry(application.to_owned()).or_default();
        while calls.front().is_some_and(|at| *at <= now - 1_000_000) {
            calls.pop_front();
        }
        if calls.len() >= CALLS_PER_SECOND {
            return false;
        }
        calls.push_back(now);
        true
    }

    fn forget(&mut self) {
        if self.0.len() < REMEMBERED {
            return;
        }
        let oldest = self.0.iter().min_by_key(|(_, calls)| calls.back().copied());
        if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
            self.0.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seventeen_calls_pass_within_any_second_and_memory_is_bounded() {
        let (mut quota, at) = (Quota::default(), |ms: i64| Timestamp::from_millisecond(ms).unwrap());
        assert_eq!((0..20).filter(|call| quota.take("a", at(*call))).count(), CALLS_PER_SECOND);
        assert!(quota.take("b", at(20)) && !quota.take("a", at(999)) && quota.take("a", at(1_000)));
        for name in 0..5_000 {
            quota.take(&name.to_string(), at(2_000));
        }
        assert!(quota.0.len() <= REMEMBERED);
    }
}
