//! Changes of flags, expunges, copies and moves. Each is one transaction; watchers are told by the writer after the
//! commit, even where the client has gone meanwhile.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use db::{Error, Insert, Tx, Values};
use sqlx::Row as _;

use crate::delivery::{Growth, MESSAGE, hold, limited, number_messages};
use crate::flags::{DELETED, FlagChange, Flags, Packed, too_long, uid, unsigned};
use crate::learned;
use crate::quota;
use crate::read::Pick;
use crate::schema::PLACES;
use crate::{MailStore, Row};

static EXPUNGED: Insert = Insert::new("INSERT INTO expunged (folder, modseq, uid)", 3);

impl MailStore {
    /// Changes flags; `unchanged_since` (RFC 7162) leaves out messages changed later. Returns the rows after the
    /// change, ascending, of those that exist and were not left out. A message whose flags stay the same keeps its
    /// mod-sequence.
    ///
    /// # Errors
    /// [`Error::Missing`] where the folder is gone; [`Error::Invalid`] where a message would have more than 4 096 octets
    /// of keywords, and more than before; else what the database says.
    pub async fn store_flags(
        &self,
        folder: i64,
        uids: &[u32],
        change: FlagChange,
        flags: &Flags,
        unchanged_since: Option<u64>,
    ) -> Result<Vec<Row>, Error> {
        let picks = Arc::new(Pick::of(uids));
        let by = flags.pack();
        let limit = unchanged_since.map_or(i64::MAX, |modseq| i64::try_from(modseq).unwrap_or(i64::MAX));
        let watchers = Arc::clone(&self.inner.watchers);
        let (rows, _) = self
            .db()
            .write_then(
                move |tx| {
                    let (picks, by) = (Arc::clone(&picks), by.clone());
                    Box::pin(async move { store(tx, folder, &picks, change, &by, limit).await })
                },
                move |(_, changed)| {
                    if let Some(modseq) = changed {
                        watchers.announce(folder, *modseq);
                    }
                },
            )
            .await?;
        Ok(rows)
    }

    /// Removes messages with `\Deleted` (all of them, or only among `uids`, RFC 4315). Returns the UIDs removed,
    /// ascending.
    ///
    /// # Errors
    /// [`Error::Missing`] where the folder is gone; else what the database says.
    pub async fn expunge(&self, folder: i64, uids: Option<&[u32]>) -> Result<Vec<u32>, Error> {
        let picks = Arc::new(match uids {
            Some(uids) => Pick::of(uids),
            None => vec![Pick::Range(0, i64::MAX)],
        });
        let watchers = Arc::clone(&self.inner.watchers);
        let (gone, _) = self
            .db()
            .write_then(
                move |tx| {
                    let picks = Arc::clone(&picks);
                    Box::pin(async move {
                        hold(tx, &[folder]).await?;
                        let mut gone = select(tx, folder, &picks).await?;
                        gone.retain(|message| message.packed.bits & DELETED != 0);
                        if gone.is_empty() {
                            return Ok((Vec::new(), 0));
                        }
                        let modseq = remove(tx, folder, &gone).await?;
                        release(tx, gone.iter().map(|message| message.body)).await?;
                        let gone =
                            gone.iter().map(|message| uid(message.uid)).collect::<Result<_, Error>>()?;
                        Ok((gone, unsigned(modseq)?))
                    })
                },
                move |(gone, modseq): &(Vec<u32>, u64)| {
                    if !gone.is_empty() {
                        watchers.announce(folder, *modseq);
                    }
                },
            )
            .await?;
        Ok(gone)
    }

    /// Copies (or moves) messages, keeping flags and internal date. Returns `(source uid, new uid)` pairs, ascending
    /// on both sides (RFC 4315 COPYUID).
    ///
    /// # Errors
    /// [`Error::Missing`] where the target is gone (IMAP's TRYCREATE); [`Error::OverQuota`] where the target's account
    /// would hold more than it may (never for a move within one account); else what the database says.
    pub async fn copy(
        &self,
        folder: i64,
        uids: &[u32],
        target: i64,
        remove: bool,
    ) -> Result<Vec<(u32, u32)>, Error> {
        let picks = Arc::new(Pick::of(uids));
        let watchers = Arc::clone(&self.inner.watchers);
        let now = self.inner.clock.now().as_microsecond();
        let done = self
            .db()
            .write_then(
                move |tx| {
                    let picks = Arc::clone(&picks);
                    Box::pin(async move { transfer(tx, folder, &picks, target, remove, now).await })
                },
                move |done: &Transferred| {
                    done.changed.iter().for_each(|(folder, modseq)| watchers.announce(*folder, *modseq));
                },
            )
            .await?;
        Ok(done.pairs)
    }
}

/// A row of `message` without its folder.
struct Stored {
    uid: i64,
    modseq: i64,
    packed: Packed,
    size: i64,
    internal_date: i64,
    body: i64,
    learned: i64,
}

/// What a copy or a move did.
#[derive(Default)]
pub(crate) struct Transferred {
    /// Source UID and new UID, ascending.
    pairs: Vec<(u32, u32)>,
    /// The folders, with their mod-sequences.
    pub(crate) changed: Vec<(i64, u64)>,
}

async fn select(tx: &mut Tx, folder: i64, picks: &[Pick]) -> Result<Vec<Stored>, Error> {
    let mut found = Vec::new();
    for pick in picks {
        let text = format!(
            "SELECT uid, modseq, flags, keywords, size, internal_date, body, learned FROM message \
             WHERE folder = $1 AND {} ORDER BY uid",
            pick.condition("uid", 2)
        );
        let rows = db::query(text, pick.bind(Values::new().int(folder))).fetch_all(&mut *tx).await?;
        for row in &rows {
            found.push(Stored {
                uid: row.try_get(0)?,
                modseq: row.try_get(1)?,
                packed: Packed { bits: row.try_get(2)?, keywords: row.try_get(3)? },
                size: row.try_get(4)?,
                internal_date: row.try_get(5)?,
                body: row.try_get(6)?,
                learned: row.try_get(7)?,
            });
        }
    }
    Ok(found)
}

/// The mod-sequence of a change that takes place now, and takes that much out of the folder.
async fn bump(tx: &mut Tx, folder: i64, loss: Growth) -> Result<i64, Error> {
    let text = "UPDATE folder SET highest_modseq = highest_modseq + 1, messages = messages - $2, bytes = bytes - $3 \
                WHERE id = $1 RETURNING highest_modseq";
    let values = Values::new().int(folder).int(loss.messages).int(loss.bytes);
    let row = db::query(text, values).fetch_optional(tx).await?;
    Ok(row.ok_or_else(|| Error::missing(format!("folder {folder}")))?.try_get(0)?)
}

async fn store(
    tx: &mut Tx,
    folder: i64,
    picks: &[Pick],
    change: FlagChange,
    by: &Packed,
    limit: i64,
) -> Result<(Vec<Row>, Option<u64>), Error> {
    hold(tx, &[folder]).await?;
    let mut messages = select(tx, folder, picks).await?;
    messages.retain(|message| message.modseq <= limit);
    let mut groups: HashMap<Packed, Vec<u32>> = HashMap::new();
    for message in &mut messages {
        let after = message.packed.changed(change, by);
        if after != message.packed {
            if after.keywords.len() > message.packed.keywords.len() && !after.fits() {
                return Err(too_long());
            }
            message.packed = after.clone();
            message.modseq = 0;
            groups.entry(after).or_default().push(uid(message.uid)?);
        }
    }
    let mut changed = None;
    if !groups.is_empty() {
        let modseq = bump(tx, folder, Growth::default()).await?;
        changed = Some(unsigned(modseq)?);
        for message in messages.iter_mut().filter(|message| message.modseq == 0) {
            message.modseq = modseq;
        }
        for (packed, uids) in groups {
            for pick in Pick::of(&uids) {
                let text = format!(
                    "UPDATE message SET flags = $2, keywords = $3, modseq = $4 WHERE folder = $1 AND {}",
                    pick.condition("uid", 5)
                );
                let values =
                    Values::new().int(folder).int(packed.bits).text(packed.keywords.as_str()).int(modseq);
                db::query(text, pick.bind(values)).execute(&mut *tx).await?;
            }
        }
    }
    let rows = messages.iter().map(|message| {
        Ok(Row { uid: uid(message.uid)?, modseq: unsigned(message.modseq)?, flags: message.packed.unpack() })
    });
    Ok((rows.collect::<Result<_, Error>>()?, changed))
}

/// Takes messages out of a folder and writes it in the expunge log; their bodies are not touched.
async fn remove(tx: &mut Tx, folder: i64, gone: &[Stored]) -> Result<i64, Error> {
    let modseq = bump(tx, folder, weight(gone)).await?;
    let uids = gone.iter().map(|message| uid(message.uid)).collect::<Result<Vec<u32>, _>>()?;
    let picks = Pick::of(&uids);
    for pick in &picks {
        let text = format!("DELETE FROM message WHERE folder = $1 AND {}", pick.condition("uid", 2));
        db::query(text, pick.bind(Values::new().int(folder))).execute(&mut *tx).await?;
    }
    learned::drop_heads(tx, folder, &picks).await?;
    EXPUNGED.run(tx, gone, |values, message| values.int(folder).int(modseq).int(message.uid)).await?;
    Ok(modseq)
}

fn weight(messages: &[Stored]) -> Growth {
    let count = i64::try_from(messages.len()).unwrap_or(i64::MAX);
    Growth { messages: count, bytes: messages.iter().map(|message| message.size).sum() }
}

async fn transfer(
    tx: &mut Tx,
    folder: i64,
    picks: &[Pick],
    target: i64,
    removed: bool,
    now: i64,
) -> Result<Transferred, Error> {
    hold(tx, &[folder, target]).await?;
    let messages = select(tx, folder, picks).await?;
    if messages.is_empty() {
        return Ok(Transferred::default());
    }
    let numbers = number_messages(tx, &BTreeMap::from([(target, weight(&messages))]))
        .await?
        .remove(&target)
        .ok_or_else(|| Error::missing(format!("folder {target}")))?;
    let rows: Vec<(i64, &Stored)> = (numbers.next_uid..).zip(&messages).collect();
    MESSAGE
        .run(tx, &rows, |values, (uid, message)| {
            values
                .int(target)
                .int(*uid)
                .int(numbers.modseq)
                .int(message.packed.bits)
                .text(message.packed.keywords.as_str())
                .int(message.size)
                .int(message.internal_date)
                .int(message.body)
                .int(now)
                .int(message.learned)
        })
        .await?;
    let known = rows.iter().filter(|(_, message)| message.learned > 0);
    let known: BTreeMap<i64, i64> = known.map(|(new, message)| (message.uid, *new)).collect();
    learned::copy_heads(tx, folder, target, &known).await?;
    let mut changed = vec![(target, unsigned(numbers.modseq)?)];
    if removed {
        changed.push((folder, unsigned(remove(tx, folder, &messages).await?)?));
    } else {
        count_references(tx, messages.iter().map(|message| (message.body, 1))).await?;
    }
    let mut limited = limited([&numbers].into_iter());
    if removed && !limited.is_empty() {
        // A move within an account adds nothing, not even where a limit that was lowered is passed already.
        limited.remove(&account(tx, folder).await?);
    }
    quota::check(tx, &limited).await?;
    let pairs = rows.iter().map(|(new, message)| Ok((uid(message.uid)?, uid(*new)?)));
    Ok(Transferred { pairs: pairs.collect::<Result<_, Error>>()?, changed })
}

async fn account(tx: &mut Tx, folder: i64) -> Result<i64, Error> {
    let found = db::query("SELECT account FROM folder WHERE id = $1", Values::new().int(folder));
    let row = found.fetch_optional(tx).await?;
    Ok(row.ok_or_else(|| Error::missing(format!("folder {folder}")))?.try_get(0)?)
}

/// Moves all messages of a folder to another, which must be of the same account.
pub(crate) async fn move_all(tx: &mut Tx, folder: i64, target: i64, now: i64) -> Result<Transferred, Error> {
    transfer(tx, folder, &[Pick::Range(0, i64::MAX)], target, true, now).await
}

/// Adds to the reference counts of bodies, and returns those that nothing refers to any more.
async fn count_references(tx: &mut Tx, bodies: impl Iterator<Item = (i64, i64)>) -> Result<Vec<i64>, Error> {
    let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
    for (body, by) in bodies {
        *counts.entry(body).or_default() += by;
    }
    let pairs: Vec<(i64, i64)> = counts.into_iter().collect();
    let mut dead = Vec::new();
    for some in pairs.chunks(256) {
        let text = format!(
            "UPDATE body SET refs = refs + v.column2 FROM {} AS v WHERE body.id = v.column1 RETURNING id, refs",
            db::pairs(1, some.len())
        );
        for row in db::query(text, Values::new().int_pairs(some)).fetch_all(&mut *tx).await? {
            if row.try_get::<i64, _>(1)? <= 0 {
                dead.push(row.try_get(0)?);
            }
        }
    }
    Ok(dead)
}

/// Takes one reference away for each time a body is named, and frees the bodies that have none left.
pub(crate) async fn release(tx: &mut Tx, bodies: impl Iterator<Item = i64>) -> Result<(), Error> {
    let dead = count_references(tx, bodies.map(|body| (body, -1))).await?;
    for some in dead.chunks(256) {
        let text = format!("DELETE FROM body WHERE id IN ({})", db::list(1, some.len()));
        db::query(text, Values::new().ints(some)).execute(&mut *tx).await?;
        let text = format!("DELETE FROM body_text WHERE body IN ({})", db::list(1, some.len()));
        db::query(text, Values::new().ints(some)).execute(&mut *tx).await?;
        free_chunks(tx, some).await?;
    }
    Ok(())
}

/// Deletes the lead and the pieces of at most 256 bodies.
pub(crate) async fn free_chunks(tx: &mut Tx, bodies: &[i64]) -> Result<(), Error> {
    if bodies.is_empty() {
        return Ok(());
    }
    // CROSS JOIN: SQLite takes the tables in this order, and so looks up a range for each body.
    let text = format!(
        "DELETE FROM body_chunk WHERE place IN (SELECT c.place FROM {} AS v CROSS JOIN body_chunk AS c \
         WHERE c.place >= v.column1 * {PLACES} AND c.place < (v.column1 + 1) * {PLACES})",
        db::pairs(1, bodies.len())
    );
    let pairs: Vec<(i64, i64)> = bodies.iter().map(|body| (*body, 0)).collect();
    db::query(text, Values::new().int_pairs(&pairs)).execute(tx).await?;
    Ok(())
}
