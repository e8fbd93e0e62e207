//! Trying again what failed for a passing reason (SC.MSS/CONF.11): seldom, after a pause, and never what may have been
//! done already.

use std::time::Duration;

use kernel::{Failure, RetryClass};
use tokio::time::{Instant, sleep};

/// How long to wait before the second try, and before the third, which is the last one (SC.MSS/CONF.08: no loop).
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1_200)];

/// Runs `attempt` until it does not fail for a passing reason; three times at most, and never past `deadline`.
pub(super) async fn again<T>(
    deadline: Instant,
    mut attempt: impl AsyncFnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    for pause in PAUSES {
        match attempt().await {
            Err(failure) if passes(&failure) && Instant::now() + 2 * pause < deadline => {
                tracing::info!(%failure, "trying again");
                sleep(pause).await;
            }
            done => return done,
        }
    }
    attempt().await
}

/// A failure that may be gone the next time, and that leaves nothing done: never after the final dot of a message, where
/// nobody knows, and never a refusal.
fn passes(failure: &Failure) -> bool {
    failure.retry == RetryClass::Later
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use kernel::Stage;

    use super::*;

    async fn tries(failure: Failure) -> u32 {
        let count = Cell::new(0);
        let deadline = Instant::now() + Duration::from_secs(60);
        let done = again(deadline, async || {
            count.set(count.get() + 1);
            Err::<(), _>(failure.clone())
        });
        assert!(done.await.is_err());
        count.get()
    }

    #[tokio::test]
    async fn what_passes_is_tried_three_times_and_nothing_else_twice() {
        assert_eq!(tries(Failure::temporary(Stage::Connect, "cut")).await, 3);
        assert_eq!(tries(Failure::permanent(Stage::Tls, "expired")).await, 1);
        let unknown = Failure { stage: Stage::Accept, retry: RetryClass::Unknown, message: "cut".into() };
        assert_eq!(tries(unknown).await, 1);
    }

    #[tokio::test]
    async fn nothing_is_tried_past_the_deadline() {
        let count = Cell::new(0);
        let attempt = async || {
            count.set(count.get() + 1);
            Err::<(), _>(Failure::temporary(Stage::Connect, "cut"))
        };
        assert!(again(Instant::now() + Duration::from_millis(500), attempt).await.is_err());
        assert_eq!(count.get(), 1);
    }
}
