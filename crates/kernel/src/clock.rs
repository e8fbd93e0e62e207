use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

/// Where the hour comes from. Cheap to clone; every service is handed one at start.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(ManualClock),
}

impl Clock {
    /// The machine's own clock: the only one used outside tests. Dates on the wire are always real.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until it is told to move.
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let hands = ManualClock(Arc::new(AtomicI64::new(start.as_microsecond())));
        (Self(Source::Manual(hands.clone())), hands)
    }

    /// The present instant, cut to the microsecond so that it survives a BIGINT column unchanged.
    #[allow(clippy::disallowed_methods)] // the one place that may ask the system for the hour
    pub fn now(&self) -> Timestamp {
        let micros = match &self.0 {
            Source::System => Timestamp::now().as_microsecond(),
            Source::Manual(hands) => hands.0.load(Ordering::SeqCst),
        };
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Clock(system)",
            Source::Manual(_) => "Clock(manual)",
        })
    }
}

/// The hands of a [`Clock::manual`].
#[derive(Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let start: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let (clock, hands) = Clock::manual(start);
        assert_eq!(clock.now(), start);
        hands.advance(Duration::from_secs(120));
        assert_eq!(clock.now().to_string(), "2026-11-23T10:02:00Z");
    }

    #[test]
    fn the_system_clock_has_microseconds_at_most() {
        let now = Clock::system().now();
        assert_eq!(now.as_nanosecond() % 1_000, 0);
    }
}
