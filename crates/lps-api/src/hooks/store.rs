//! Webhooks on disk.

use db::{Values, query};
use practice::ChangeKind;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::Hook;
use crate::House;
use crate::problem::Answer;
use crate::registry::instant;
use crate::sql::execute;

pub(crate) const MIGRATIONS: &[&str] = &["
CREATE TABLE lps_hook (
    key TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    created BIGINT NOT NULL,
    position BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    told_at BIGINT,
    trouble TEXT,
    suspended BIGINT NOT NULL
) WITHOUT ROWID;
"];

const COLUMNS: &str = "key, url, events, created, position, failures, next_at, told_at, trouble, suspended";

/// All webhooks of a practice, the oldest first.
pub(super) async fn all(house: &House) -> Answer<Vec<Hook>> {
    let text = format!("SELECT {COLUMNS} FROM lps_hook ORDER BY created, key");
    let rows = query(text, Values::new()).fetch_all(house.db.reader()).await.map_err(db::Error::from)?;
    Ok(rows.iter().map(read).collect::<Result<_, sqlx::Error>>().map_err(db::Error::from)?)
}

fn read(row: &AnyRow) -> Result<Hook, sqlx::Error> {
    let events: String = row.try_get(2)?;
    Ok(Hook {
        key: row.try_get(0)?,
        url: row.try_get(1)?,
        events: events.split(' ').filter_map(ChangeKind::parse).collect(),
        created: instant(row.try_get(3)?),
        position: u64::try_from(row.try_get::<i64, _>(4)?).unwrap_or_default(),
        failures: u32::try_from(row.try_get::<i64, _>(5)?).unwrap_or_default(),
        next_at: instant(row.try_get(6)?),
        told_at: row.try_get::<Option<i64>, _>(7)?.map(instant),
        trouble: row.try_get(8)?,
        suspended: row.try_get::<i64, _>(9)? != 0,
    })
}

pub(super) async fn insert(house: &House, hook: &Hook) -> Answer<()> {
    let hook = hook.clone();
    let words: Vec<&str> = hook.events.iter().map(|kind| kind.word()).collect();
    let events = words.join(" ");
    let statement = move || {
        let text = "INSERT INTO lps_hook (key, url, events, created, position, failures, next_at, suspended)
            VALUES ($1, $2, $3, $4, $5, 0, $6, 0)";
        let values = Values::new()
            .text(hook.key.clone())
            .text(hook.url.clone())
            .text(events.clone())
            .int(hook.created.as_millisecond())
            .int(column(hook.position))
            .int(hook.next_at.as_millisecond());
        (text, values)
    };
    Ok(execute(&house.db, statement).await?)
}

/// Saves how it goes; one that was deleted meanwhile stays so.
pub(super) async fn save(house: &House, hook: &Hook) -> Answer<()> {
    let hook = hook.clone();
    let statement = move || {
        let text =
            "UPDATE lps_hook SET position = $1, failures = $2, next_at = $3, told_at = $4, trouble = $5,
            suspended = $6 WHERE key = $7";
        let values = Values::new()
            .int(column(hook.position))
            .int(i64::from(hook.failures))
            .int(hook.next_at.as_millisecond())
            .opt_int(hook.told_at.map(kernel::Timestamp::as_millisecond))
            .opt_text(hook.trouble.as_deref())
            .int(i64::from(hook.suspended))
            .text(hook.key.clone());
        (text, values)
    };
    Ok(execute(&house.db, statement).await?)
}

pub(super) async fn remove(house: &House, key: &str) -> Answer<()> {
    let key = key.to_owned();
    let values = move || Values::new().text(key.clone());
    Ok(execute(&house.db, move || ("DELETE FROM lps_hook WHERE key = $1", values())).await?)
}

fn column(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
