//! Bodies on their way in.
//!
//! A body that outgrows one piece becomes a *draft*: its number is reserved, its pieces are written ahead, and a row
//! of `body_draft` says so until the delivery that commits it. A draft that is dropped frees its pieces; one whose
//! process died is swept once it has stood still for an hour, which no living transfer does.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use db::{Db, Error, Tx, Values};
use kernel::{Clock, Timestamp};
use sha2::{Digest as _, Sha256};
use sqlx::Row as _;

use crate::change::free_chunks;
use crate::learned::Learned;
use crate::schema::{HEADERS, PIECE, PLACES};

/// How long a draft may stand still.
pub(crate) const STALE: Duration = Duration::from_secs(3_600);

/// A body that is being received. Pieces of 256 KiB past the first are written ahead; the rest goes with the commit,
/// so that memory stays under two pieces whatever the size.
pub struct BodyWriter {
    db: Db,
    clock: Clock,
    buffer: BytesMut,
    headers: Option<Bytes>,
    digest: Sha256,
    size: u64,
    draft: Option<Draft>,
}

/// A received body that is not yet in any folder. Freed when its last clone is dropped without having been delivered.
#[derive(Clone)]
pub struct NewBody {
    /// Bytes, as received.
    pub size: u64,
    /// Of the bytes as received; hexadecimal.
    pub sha256: String,
    /// The header block, blank line included (at most 64 KiB are kept).
    pub headers: Bytes,
    /// What whoever read the bytes as they came in says of them; it is committed with the delivery. None: nothing.
    pub learned: Option<Arc<Learned>>,
    /// What was not written ahead: all of a small body, the last piece of a big one.
    pub(crate) tail: Bytes,
    pub(crate) draft: Option<Arc<Draft>>,
}

/// Pieces that are on disk before their body is.
pub(crate) struct Draft {
    db: Db,
    pub(crate) body: i64,
    /// How many.
    pub(crate) pieces: i64,
    settled: AtomicBool,
}

impl BodyWriter {
    pub(crate) fn new(db: Db, clock: Clock) -> Self {
        let (buffer, digest) = (BytesMut::new(), Sha256::new());
        Self { db, clock, buffer, headers: None, digest, size: 0, draft: None }
    }

    /// Adds bytes (CR LF line ends expected, not checked). Waits for the disk once per 256 KiB. After an error, or
    /// where the future is dropped before its end, the body is incomplete and must be given up.
    ///
    /// # Errors
    /// What the database says of a piece that is written ahead.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for part in bytes.chunks(PIECE) {
            self.digest.update(part);
            self.size += part.len() as u64;
            self.buffer.extend_from_slice(part);
            while self.buffer.len() > PIECE {
                let piece = self.buffer.split_to(PIECE).freeze();
                if self.headers.is_none() {
                    self.headers = Some(Bytes::copy_from_slice(header_block(&piece)));
                }
                self.write_ahead(piece).await?;
            }
        }
        Ok(())
    }

    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Ends the body. One that is never committed is freed when it is dropped, or swept after a crash.
    pub fn finish(self) -> NewBody {
        let tail = self.buffer.freeze();
        let headers = self.headers.unwrap_or_else(|| tail.slice(..header_block(&tail).len()));
        let sha256 = kernel::hex(&self.digest.finalize());
        NewBody { size: self.size, sha256, headers, learned: None, tail, draft: self.draft.map(Arc::new) }
    }

    async fn write_ahead(&mut self, piece: Bytes) -> Result<(), Error> {
        let known = self.draft.as_ref().map(|draft| (draft.body, draft.pieces));
        let now = self.clock.now().as_microsecond();
        let body = self
            .db
            .write(move |tx| {
                let piece = piece.clone();
                Box::pin(async move { write_piece(tx, known, now, piece).await })
            })
            .await?;
        match &mut self.draft {
            Some(draft) => draft.pieces += 1,
            none => {
                let settled = AtomicBool::new(false);
                *none = Some(Draft { db: self.db.clone(), body, pieces: 1, settled });
            }
        }
        Ok(())
    }
}

/// Writes the next piece of a draft, or the first one of a new draft, and returns the body's number.
async fn write_piece(tx: &mut Tx, known: Option<(i64, i64)>, now: i64, piece: Bytes) -> Result<i64, Error> {
    let (body, pieces) = match known {
        Some((body, pieces)) => {
            let touched = db::query(
                "UPDATE body_draft SET at_us = $2 WHERE body = $1",
                Values::new().int(body).int(now),
            );
            if touched.execute(&mut *tx).await?.rows_affected() == 0 {
                return Err(swept());
            }
            (body, pieces)
        }
        None => {
            let body = db::reserve(tx, "body", 1).await?;
            let values = Values::new().int(body).int(now);
            db::query("INSERT INTO body_draft (body, at_us) VALUES ($1, $2)", values)
                .execute(&mut *tx)
                .await?;
            (body, 0)
        }
    };
    let values = Values::new().int(body * PLACES + pieces + 1).blob(&piece);
    db::query("INSERT INTO body_chunk (place, data) VALUES ($1, $2)", values).execute(&mut *tx).await?;
    Ok(body)
}

pub(crate) fn swept() -> Error {
    Error::missing("the unfinished body (its transfer stood still for too long)")
}

impl Draft {
    /// Whether a delivery owns the pieces by now.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    pub(crate) fn settle(&self) {
        self.settled.store(true, Ordering::Release);
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_settled() {
            let body = self.body;
            self.db.submit_write(move |tx| Box::pin(discard(tx, vec![body])));
        }
    }
}

/// Frees drafts that have stood still since an hour before `now`.
pub(crate) async fn sweep(db: &Db, now: Timestamp) -> Result<usize, Error> {
    let stale = i64::try_from(STALE.as_micros()).unwrap_or(i64::MAX);
    let before = now.as_microsecond().saturating_sub(stale);
    db.write(move |tx| {
        Box::pin(async move {
            let rows = db::query("SELECT body FROM body_draft WHERE at_us < $1", Values::new().int(before))
                .fetch_all(&mut *tx)
                .await?;
            let bodies = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
            let count = bodies.len();
            discard(tx, bodies).await?;
            Ok(count)
        })
    })
    .await
}

/// Frees those of `bodies` that are still drafts.
async fn discard(tx: &mut Tx, bodies: Vec<i64>) -> Result<(), Error> {
    for some in bodies.chunks(256) {
        let text =
            format!("DELETE FROM body_draft WHERE body IN ({}) RETURNING body", db::list(1, some.len()));
        let rows = db::query(text, Values::new().ints(some)).fetch_all(&mut *tx).await?;
        let drafts = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
        free_chunks(tx, &drafts).await?;
    }
    Ok(())
}

/// The header block with its blank line; everything, up to the limit, where there is no blank line.
fn header_block(bytes: &[u8]) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(HEADERS)];
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if line == b"\r\n" || line == b"\n" {
            break;
        }
    }
    &bytes[..at]
}

impl fmt::Debug for NewBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Patient data stay out of logs.
        f.debug_struct("NewBody")
            .field("size", &self.size)
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for BodyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyWriter").field("size", &self.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_block_ends_with_its_blank_line() {
        assert_eq!(header_block(b"A: b\r\n c\r\n\r\nbody\r\n\r\n"), b"A: b\r\n c\r\n\r\n");
        assert_eq!(header_block(b"A: b\n\nbody"), b"A: b\n\n");
        assert_eq!(header_block(b"\r\nbody"), b"\r\n");
        assert_eq!(header_block(b"A: b\r\nno end"), b"A: b\r\nno end");
        assert_eq!(header_block(&vec![b'x'; HEADERS + 1]).len(), HEADERS);
    }
}
