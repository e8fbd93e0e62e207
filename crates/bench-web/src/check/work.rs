use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use web::{ApiError, ErrorCode};

/// Files of one request.
pub(crate) const FILES: usize = 20;

/// How long an upload may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// How long a request waits for its turn.
const TURN: Duration = Duration::from_secs(20);

/// Requests judged at the same time, page and API together: each holds its files in memory, and works a processor.
static PLACES: Semaphore = Semaphore::const_new(2);

/// The largest file that is judged, in octets: that of a mail.
pub(crate) fn largest() -> usize {
    usize::try_from(kernel::Limits::default().message).unwrap_or(usize::MAX)
}

/// All files of one request, in octets.
pub(crate) fn most() -> usize {
    2 * largest()
}

/// A turn to read and judge files; `None` where all are taken for too long. Taken before the body is read, so that what
/// waits holds no memory.
pub(crate) async fn place() -> Option<SemaphorePermit<'static>> {
    tokio::time::timeout(TURN, PLACES.acquire()).await.ok()?.ok()
}

/// Runs what takes a processor for milliseconds away from the connections.
///
/// # Errors
/// Where it panicked, which is our fault and logged.
pub(crate) async fn blocking<V: Send + 'static>(
    work: impl FnOnce() -> V + Send + 'static,
) -> Result<V, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "files could not be judged");
        let next = "The server's log says why. Please report it with the file, if it may be shown.";
        ApiError::new(ErrorCode::BadInput, "The check itself failed: that is a fault of ours.", next)
    })
}
