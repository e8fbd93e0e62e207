//! A document as acts see it.

use db::{Tx, Values};
use ins::Identity;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::columns::{json, word};
use crate::{Error, Key, Standing, State};

#[derive(Clone, Debug)]
pub(super) struct Doc {
    pub(super) id: i64,
    pub(super) key: Key,
    pub(super) mailbox: i64,
    /// The mailbox's.
    pub(super) address: String,
    pub(super) state: State,
    pub(super) standing: Standing,
    pub(super) standing_of: Option<i64>,
    pub(super) patient: Option<i64>,
    pub(super) history: bool,
    pub(super) critical: bool,
    pub(super) acknowledged: bool,
    pub(super) received: i64,
    pub(super) identity: Identity,
}

impl Doc {
    pub(super) async fn load(tx: &mut Tx, key: &Key) -> Result<Self, Error> {
        let row =
            db::query(format!("{SELECT} WHERE d.key = $1{}", held(tx)), Values::new().text(key.as_str()))
                .fetch_optional(tx)
                .await?;
        read(&row.ok_or_else(|| Error::not_found("document", key))?)
    }

    pub(super) async fn by_id(tx: &mut Tx, id: i64) -> Result<Self, Error> {
        let row = db::query(format!("{SELECT} WHERE d.id = $1{}", held(tx)), Values::new().int(id))
            .fetch_optional(tx)
            .await?;
        read(&row.ok_or_else(|| Error::damaged("a document that another row names"))?)
    }

    /// Sets columns of the document: `set` is `a = $2, b = $3…`, `values` binds them after the `id`.
    pub(super) async fn set(
        &self,
        tx: &mut Tx,
        set: &'static str,
        bind: impl FnOnce(Values) -> Values,
    ) -> Result<(), Error> {
        let text = format!("UPDATE lps_document SET stamp = stamp + 1, {set} WHERE id = $1");
        db::query(text, bind(Values::new().int(self.id))).execute(tx).await?;
        Ok(())
    }
}

/// Two processes on one PostgreSQL decide about a document one after the other; SQLite has one writer anyway.
fn held(tx: &Tx) -> &'static str {
    if tx.backend_name() == "SQLite" { "" } else { " FOR UPDATE OF d" }
}

const SELECT: &str = "SELECT d.id, d.key, d.mailbox, b.address, d.state, d.standing, d.standing_of, d.patient, d.history, \
     d.critical, CASE WHEN d.acknowledged_at IS NULL THEN 0 ELSE 1 END, d.received, d.identity \
     FROM lps_document d JOIN lps_mailbox b ON b.id = d.mailbox";

fn read(row: &AnyRow) -> Result<Doc, Error> {
    let flag = |at: usize| Ok::<bool, Error>(row.try_get::<i64, _>(at)? != 0);
    Ok(Doc {
        id: row.try_get(0)?,
        key: Key::stored(row.try_get(1)?),
        mailbox: row.try_get(2)?,
        address: row.try_get(3)?,
        state: word(row, 4, State::parse)?,
        standing: word(row, 5, Standing::parse)?,
        standing_of: row.try_get(6)?,
        patient: row.try_get(7)?,
        history: flag(8)?,
        critical: flag(9)?,
        acknowledged: flag(10)?,
        received: row.try_get(11)?,
        identity: json(row, 12, "a document's identity")?,
    })
}
