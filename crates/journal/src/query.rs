use db::{Error, Values};
use kernel::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row as _};
use wire::{ConnectionId, Event};

/// Connections named in one statement at most.
const LISTED: usize = 512;

/// Microseconds by which an event may be numbered later than it was seen.
const SLACK: i64 = 60_000_000;

/// Which events to read back, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Only these connections; empty means all.
    pub connections: Vec<ConnectionId>,
    /// Only events with `seq` above this.
    pub after: i64,
    /// Only events with `seq` up to this; 0 means no bound.
    pub until: i64,
    /// At most that many; 0 means no bound.
    pub limit: i64,
}

pub(crate) async fn events(reader: &AnyPool, query: &Query) -> Result<Vec<Event>, Error> {
    let until = if query.until > 0 { query.until } else { i64::MAX };
    let limit = if query.limit > 0 { query.limit } else { i64::MAX };
    let bounds = || Values::new().int(query.after).int(until).int(limit);
    const HEAD: &str = "SELECT seq, at_us, connection, service, fact FROM event WHERE seq > $1 AND seq <= $2";
    if query.connections.is_empty() {
        let rows = db::query(format!("{HEAD} ORDER BY seq LIMIT $3"), bounds()).fetch_all(reader).await?;
        return rows.iter().map(event).collect();
    }
    let mut connections: Vec<i64> = query.connections.iter().map(|id| id.0).collect();
    connections.sort_unstable();
    connections.dedup();
    let mut events = Vec::new();
    for some in connections.chunks(LISTED) {
        let list = db::list(4, some.len());
        let text = format!("{HEAD} AND connection IN ({list}) ORDER BY seq LIMIT $3");
        let rows = db::query(text, bounds().ints(some)).fetch_all(reader).await?;
        for row in &rows {
            events.push(event(row)?);
        }
    }
    events.sort_unstable_by_key(|event: &Event| event.seq);
    events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(events)
}

pub(crate) async fn head(reader: &AnyPool) -> Result<i64, Error> {
    let row = db::query("SELECT coalesce(max(seq), 0) FROM event", Values::new()).fetch_one(reader).await?;
    Ok(row.try_get(0)?)
}

pub(crate) async fn since(
    reader: &AnyPool,
    at: Timestamp,
    fact: &str,
    limit: i64,
) -> Result<Vec<Event>, Error> {
    const HEAD: &str = "SELECT seq, at_us, connection, service, fact FROM event";
    let micros = at.as_microsecond();
    let after = last_before(reader, micros.saturating_sub(SLACK)).await?;
    let text = format!("{HEAD} WHERE seq > $1 AND at_us >= $2 AND fact LIKE $3 ORDER BY seq DESC LIMIT $4");
    // The tag comes first in the text.
    let values = Values::new().int(after).int(micros).text(format!("{{\"fact\":\"{fact}\"%")).int(limit);
    let rows = db::query(text, values).fetch_all(reader).await?;
    rows.iter().rev().map(event).collect()
}

/// The `seq` of an event before which, as far as numbers follow times, all were seen before `micros`; 0 where none was.
async fn last_before(reader: &AnyPool, micros: i64) -> Result<i64, Error> {
    let (mut low, mut high) = (0, head(reader).await?);
    while low < high {
        let middle = low + (high - low) / 2 + 1;
        let text = "SELECT seq, at_us FROM event WHERE seq >= $1 ORDER BY seq LIMIT 1";
        let found = db::query(text, Values::new().int(middle)).fetch_optional(reader).await?;
        match found {
            Some(row) if row.try_get::<i64, _>(1)? < micros => low = row.try_get(0)?,
            _ => high = middle - 1,
        }
    }
    Ok(low)
}

fn event(row: &AnyRow) -> Result<Event, Error> {
    let seq: i64 = row.try_get(0)?;
    let unreadable = |what: &str| Error::corrupt(format!("event {seq}: {what}"));
    let at = Timestamp::from_microsecond(row.try_get(1)?).map_err(|_| unreadable("date"))?;
    let service: String = row.try_get(3)?;
    let service =
        serde_json::from_value(serde_json::Value::String(service)).map_err(|_| unreadable("service"))?;
    let fact: String = row.try_get(4)?;
    let fact = serde_json::from_str(&fact).map_err(|_| unreadable("fact"))?;
    Ok(Event { seq, at, connection: ConnectionId(row.try_get(2)?), service, fact })
}
