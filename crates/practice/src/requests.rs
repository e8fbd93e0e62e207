//! Replacements and deletions that senders ask for (spec 02 §6): raised by the reading of a mail, never by its opening;
//! decided by a person, effective when the host has confirmed.

use db::{Tx, Values};
use kernel::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::columns::{instant, millis, opt_instant, opt_key, word};
use crate::{ChangeKind, Error, Key, Practice, Request, RequestKind, RequestState, changes};

const COLUMNS: &str = "r.key, r.kind, d.key, t.key, r.code, r.state, r.reason, r.raised, r.decided_by, r.decided_at, \
                       r.effective_at";
const TABLES: &str = "lps_request r JOIN lps_document d ON d.id = r.document \
                      LEFT JOIN lps_document t ON t.id = r.target";

/// Which requests.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
    /// In this state.
    pub state: Option<RequestState>,
    /// About this document, or come with it.
    pub document: Option<Key>,
    /// The page after this request, as [`Practice::requests`] orders them.
    pub after: Option<Key>,
}

impl Practice {
    /// Requests, newest first, `limit` at most (1 000).
    ///
    /// # Errors
    /// [`Error::Db`], [`Error::Damaged`].
    pub async fn requests(&self, filter: &RequestFilter, limit: usize) -> Result<Vec<Request>, Error> {
        let mut text = format!("SELECT {COLUMNS} FROM {TABLES} WHERE 1 = 1");
        let mut values = Values::new();
        let mut place = 0;
        let mut next = || {
            place += 1;
            place
        };
        if let Some(state) = filter.state {
            text.push_str(&format!(" AND r.state = ${}", next()));
            values = values.text(state.word());
        }
        if let Some(document) = &filter.document {
            let (a, b) = (next(), next());
            text.push_str(&format!(
                " AND r.id IN (SELECT x.id FROM lps_request x JOIN lps_document y ON y.id = x.target WHERE y.key = ${a} \
                 UNION SELECT x.id FROM lps_request x JOIN lps_document y ON y.id = x.document WHERE y.key = ${b})"
            ));
            values = values.text(document.as_str()).text(document.as_str());
        }
        if let Some(after) = &filter.after {
            text.push_str(&format!(" AND r.id < (SELECT id FROM lps_request WHERE key = ${})", next()));
            values = values.text(after.as_str());
        }
        text.push_str(&format!(" ORDER BY r.id DESC LIMIT ${}", next()));
        let values = values.int(i64::try_from(limit.clamp(1, 1_000)).unwrap_or(1_000));
        db::query(text, values).fetch_all(self.reader()).await?.iter().map(request).collect()
    }

    /// One request.
    ///
    /// # Errors
    /// [`Error::Db`], [`Error::Damaged`].
    pub async fn request(&self, key: &Key) -> Result<Option<Request>, Error> {
        let text = format!("SELECT {COLUMNS} FROM {TABLES} WHERE r.key = $1");
        let found = db::query(text, Values::new().text(key.as_str())).fetch_optional(self.reader()).await?;
        found.as_ref().map(request).transpose()
    }
}

/// A request to raise. Rows by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewRequest {
    pub(crate) kind: RequestKind,
    /// The document that came with it.
    pub(crate) document: i64,
    /// The one that it is about; `None`: an orphan.
    pub(crate) target: Option<i64>,
    /// 900, 901.
    pub(crate) code: Option<u16>,
}

/// Raises a request, pending or orphan, with its notice. The target says from then on that one waits.
pub(crate) async fn raise(tx: &mut Tx, at: Timestamp, new: NewRequest) -> Result<Key, Error> {
    let (id, key) = (db::reserve(tx, "lps_request", 1).await?, Key::random());
    let state = if new.target.is_some() { RequestState::Pending } else { RequestState::Orphan };
    db::query(
        "INSERT INTO lps_request (id, key, kind, document, target, code, state, raised) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        Values::new()
            .int(id)
            .text(key.as_str())
            .text(new.kind.word())
            .int(new.document)
            .opt_int(new.target)
            .opt_int(new.code.map(i64::from))
            .text(state.word())
            .int(millis(at)),
    )
    .execute(&mut *tx)
    .await?;
    if let Some(target) = new.target {
        point(tx, at, target, id).await?;
    }
    changes::note(tx, at, ChangeKind::DocumentRequest, &key).await?;
    Ok(key)
}

/// What an orphan is about has come: it waits for a person from now on.
pub(crate) async fn adopt(
    tx: &mut Tx,
    at: Timestamp,
    request: i64,
    target: i64,
    code: Option<u16>,
) -> Result<(), Error> {
    let row = db::query(
        "UPDATE lps_request SET target = $2, code = $3, state = 'pending' WHERE id = $1 RETURNING key",
        Values::new().int(request).int(target).opt_int(code.map(i64::from)),
    )
    .fetch_one(&mut *tx)
    .await?;
    let key = Key::stored(row.try_get(0)?);
    point(tx, at, target, request).await?;
    changes::note(tx, at, ChangeKind::DocumentRequest, &key).await
}

async fn point(tx: &mut Tx, at: Timestamp, target: i64, request: i64) -> Result<(), Error> {
    let row = db::query(
        "UPDATE lps_document SET request = $2 WHERE id = $1 RETURNING key",
        Values::new().int(target).int(request),
    )
    .fetch_one(&mut *tx)
    .await?;
    changes::note(tx, at, ChangeKind::DocumentChanged, &Key::stored(row.try_get(0)?)).await
}

fn request(row: &AnyRow) -> Result<Request, Error> {
    Ok(Request {
        key: Key::stored(row.try_get(0)?),
        kind: word(row, 1, RequestKind::parse)?,
        document: Key::stored(row.try_get(2)?),
        target: opt_key(row, 3)?,
        code: row.try_get::<Option<i64>, _>(4)?.and_then(|code| u16::try_from(code).ok()),
        state: word(row, 5, RequestState::parse)?,
        reason: row.try_get(6)?,
        raised: instant(row.try_get(7)?),
        decided_by: row.try_get(8)?,
        decided_at: opt_instant(row, 9)?,
        effective_at: opt_instant(row, 10)?,
    })
}
