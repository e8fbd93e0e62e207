//! What has changed, numbered: what `changes?since=` and the webhooks of the host API tell.
//!
//! A notice is written in the transaction of what it tells, so that neither exists without the other. Numbers are taken
//! from one sequence whose row the transaction holds until its end: a reader that has seen number 7 has not missed 6.

use db::{Insert, Tx, Values};
use kernel::Timestamp;
use sqlx::Row as _;

use crate::columns::{instant, millis, word};
use crate::{Change, ChangeKind, Error, Key, Practice};

/// The name of the sequence.
const SEQUENCE: &str = "lps_change";

static CHANGE: Insert = Insert::new("INSERT INTO lps_change (seq, kind, key, at)", 4);

impl Practice {
    /// The changes after number `since`, oldest first, `limit` at most (1 000). Empty where there is none.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn changes(&self, since: u64, limit: usize) -> Result<Vec<Change>, Error> {
        let since = i64::try_from(since).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit.clamp(1, 1_000)).unwrap_or(1_000);
        let rows = db::query(
            "SELECT seq, kind, key, at FROM lps_change WHERE seq > $1 ORDER BY seq LIMIT $2",
            Values::new().int(since).int(limit),
        )
        .fetch_all(self.reader())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Change {
                    seq: u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0),
                    kind: word(row, 1, ChangeKind::parse)?,
                    key: Key::stored(row.try_get(2)?),
                    at: instant(row.try_get(3)?),
                })
            })
            .collect()
    }
}

/// Notes one change; to be called in the transaction that makes it.
pub(crate) async fn note(tx: &mut Tx, at: Timestamp, kind: ChangeKind, key: &Key) -> Result<(), Error> {
    note_all(tx, at, &[(kind, key.clone())]).await
}

/// Notes several, in order, in two statements.
pub(crate) async fn note_all(tx: &mut Tx, at: Timestamp, told: &[(ChangeKind, Key)]) -> Result<(), Error> {
    if told.is_empty() {
        return Ok(());
    }
    let first = db::reserve(tx, SEQUENCE, i64::try_from(told.len()).unwrap_or(i64::MAX)).await?;
    let rows: Vec<(i64, &(ChangeKind, Key))> = (first..).zip(told).collect();
    CHANGE
        .run(tx, &rows, |values, (seq, (kind, key))| {
            values.int(*seq).text(kind.word()).text(key.as_str()).int(millis(at))
        })
        .await?;
    Ok(())
}

/// The number of the newest change, within a transaction.
pub(crate) async fn newest_in(tx: &mut Tx) -> Result<u64, db::Error> {
    let row = db::query("SELECT next - 1 FROM sequence WHERE name = $1", Values::new().text(SEQUENCE))
        .fetch_optional(tx)
        .await?;
    number(row)
}

/// The number of the newest committed change; 0 where there is none.
pub(crate) async fn newest(reader: &sqlx::AnyPool) -> Result<u64, Error> {
    let row = db::query("SELECT next - 1 FROM sequence WHERE name = $1", Values::new().text(SEQUENCE))
        .fetch_optional(reader)
        .await?;
    Ok(number(row)?)
}

fn number(row: Option<sqlx::any::AnyRow>) -> Result<u64, db::Error> {
    let newest: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
    Ok(u64::try_from(newest).unwrap_or(0))
}
