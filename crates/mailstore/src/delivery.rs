//! Messages into folders, many at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use db::{BoxFuture, Error, Insert, Tx, Values};
use kernel::{Clock, Timestamp};
use sqlx::Row as _;

use crate::body::{Draft, NewBody, swept};
use crate::flags::{Flags, too_long, unsigned};
use crate::learned::{self, Learned};
use crate::quota;
use crate::schema::{HEADERS, PIECE, PLACES};
use crate::watchers::Watchers;

/// One message to put in one or several folders.
#[derive(Clone)]
pub struct Delivery {
    /// What was received.
    pub body: NewBody,
    /// Bytes to put before the body (Return-Path, Received), counted in the size; header lines with CR LF.
    pub trace: Bytes,
    /// Where it goes; at least one.
    pub folders: Vec<i64>,
    /// With these flags.
    pub flags: Flags,
    /// Kept to the microsecond.
    pub internal_date: Timestamp,
}

/// Where a delivery landed, in the order of `Delivery::folders`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The UID in each folder.
    pub uids: Vec<u32>,
    /// Names the stored body.
    pub body: i64,
    /// The mod-sequence in each folder (RFC 7162).
    pub modseqs: Vec<u64>,
}

/// Writes deliveries. Public so that tickets can be typed.
pub struct DeliveryApplier {
    clock: Clock,
    watchers: Arc<Watchers>,
}

static BODY: Insert =
    Insert::new("INSERT INTO body (id, size, sha256, lead, refs, headers, structure, preview)", 8);
static CHUNK: Insert = Insert::new("INSERT INTO body_chunk (place, data)", 2);
/// Also for copies.
pub(crate) static MESSAGE: Insert = Insert::new(
    "INSERT INTO message (folder, uid, modseq, flags, keywords, size, internal_date, body, save_date, learned)",
    10,
);

/// Bytes that one statement carries at most, more or less: they are copied twice on their way.
const STATEMENT: usize = 4 * 1024 * 1024;

impl DeliveryApplier {
    pub(crate) fn new(clock: Clock, watchers: Arc<Watchers>) -> Self {
        Self { clock, watchers }
    }
}

impl db::Applier for DeliveryApplier {
    type Item = Delivery;
    type Reply = Delivered;

    fn apply<'a>(
        &'a self,
        tx: &'a mut Tx,
        items: &'a [Delivery],
    ) -> BoxFuture<'a, Result<Vec<Delivered>, Error>> {
        Box::pin(async move {
            let bodies = number_bodies(tx, items).await?;
            write_bodies(tx, items, &bodies).await?;
            learned::write_texts(tx, items, &bodies).await?;
            write_messages(tx, items, &bodies, self.clock.now()).await
        })
    }

    fn committed(&self, items: &[Delivery], replies: &[Delivered]) {
        for draft in items.iter().filter_map(|item| item.body.draft.as_ref()) {
            draft.settle();
        }
        let landed =
            items.iter().zip(replies).flat_map(|(item, reply)| item.folders.iter().zip(&reply.modseqs));
        let folders: BTreeMap<i64, u64> = landed.map(|(folder, modseq)| (*folder, *modseq)).collect();
        for (folder, modseq) in folders {
            self.watchers.announce(folder, modseq);
        }
    }
}

/// Gives each item's body its number. The first delivery of a draft takes over its pieces; another one of the same
/// draft (a clone, with its own trace) gets a copy of them.
async fn number_bodies(tx: &mut Tx, items: &[Delivery]) -> Result<Vec<i64>, Error> {
    let mut taken = BTreeSet::new();
    let owns: Vec<bool> = items
        .iter()
        .map(|item| {
            item.body.draft.as_ref().is_some_and(|draft| !draft.is_settled() && taken.insert(draft.body))
        })
        .collect();
    let wanted = owns.iter().filter(|owns| !**owns).count();
    let mut next = match wanted {
        0 => 0,
        _ => db::reserve(tx, "body", i64::try_from(wanted).unwrap_or(i64::MAX)).await?,
    };
    let mut bodies = Vec::with_capacity(items.len());
    for (item, owns) in items.iter().zip(owns) {
        match &item.body.draft {
            Some(draft) if owns => {
                take_over(tx, draft).await?;
                bodies.push(draft.body);
                continue;
            }
            Some(draft) => copy_pieces(tx, draft, next).await?,
            None => {}
        }
        bodies.push(next);
        next += 1;
    }
    Ok(bodies)
}

async fn take_over(tx: &mut Tx, draft: &Draft) -> Result<(), Error> {
    let gone = db::query("DELETE FROM body_draft WHERE body = $1", Values::new().int(draft.body));
    match gone.execute(tx).await?.rows_affected() {
        0 => Err(swept()),
        _ => Ok(()),
    }
}

async fn copy_pieces(tx: &mut Tx, draft: &Draft, body: i64) -> Result<(), Error> {
    let (from, to) = (draft.body * PLACES + 1, draft.body * PLACES + draft.pieces);
    let copied = db::query(
        "INSERT INTO body_chunk (place, data) SELECT place + $1, data FROM body_chunk WHERE place BETWEEN $2 AND $3",
        Values::new().int((body - draft.body) * PLACES).int(from).int(to),
    );
    let count = copied.execute(tx).await?.rows_affected();
    if i64::try_from(count) == Ok(draft.pieces) { Ok(()) } else { Err(swept()) }
}

/// What comes before the pieces: the trace, and all of a small body.
fn lead(item: &Delivery) -> Bytes {
    match (&item.body.draft, item.trace.is_empty()) {
        (Some(_), _) => item.trace.clone(),
        (None, true) => item.body.tail.clone(),
        (None, false) => joined(&item.trace, &item.body.tail),
    }
}

fn joined(trace: &[u8], rest: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(trace.len() + rest.len());
    out.extend_from_slice(trace);
    out.extend_from_slice(rest);
    out.freeze()
}

async fn write_bodies(tx: &mut Tx, items: &[Delivery], bodies: &[i64]) -> Result<(), Error> {
    let mut rows = Vec::with_capacity(items.len());
    let mut chunks = Vec::with_capacity(items.len());
    for (item, body) in items.iter().zip(bodies) {
        let lead = lead(item);
        rows.push((item, *body, lead.len()));
        if !lead.is_empty() {
            chunks.push((body * PLACES, lead));
        }
        if let Some(draft) = &item.body.draft {
            chunks.push((body * PLACES + draft.pieces + 1, item.body.tail.clone()));
        }
    }
    for some in by_weight(&rows, |(item, ..)| item.trace.len() + item.body.headers.len() + 1_024) {
        BODY.run(tx, some, |values, (item, body, lead)| {
            let mut headers = joined(&item.trace, &item.body.headers);
            headers.truncate(HEADERS);
            values
                .int(*body)
                .int(signed(item.body.size))
                .text(item.body.sha256.as_str())
                .int(signed(*lead as u64))
                .int(signed(item.folders.len() as u64))
                .blob(&headers)
                .blob(item.body.learned.as_deref().map_or(&[][..], |learned| &learned.structure))
                .opt_text(item.body.learned.as_deref().and_then(Learned::preview).as_deref())
        })
        .await?;
    }
    for some in by_weight(&chunks, |(_, data)| data.len()) {
        CHUNK.run(tx, some, |values, (place, data)| values.int(*place).blob(data)).await?;
    }
    Ok(())
}

/// Consecutive slices of about [`STATEMENT`] bytes.
pub(crate) fn by_weight<T>(rows: &[T], weight: impl Fn(&T) -> usize) -> Vec<&[T]> {
    const { assert!(STATEMENT > PIECE) };
    let (mut out, mut from, mut sum) = (Vec::new(), 0, 0);
    for (at, row) in rows.iter().enumerate() {
        let own = weight(row);
        if sum + own > STATEMENT && at > from {
            out.push(&rows[from..at]);
            (from, sum) = (at, 0);
        }
        sum += own;
    }
    out.push(&rows[from..]);
    out
}

async fn write_messages(
    tx: &mut Tx,
    items: &[Delivery],
    bodies: &[i64],
    now: Timestamp,
) -> Result<Vec<Delivered>, Error> {
    let mut growth: BTreeMap<i64, Growth> = BTreeMap::new();
    for item in items {
        if item.folders.is_empty() {
            return Err(Error::invalid("a delivery names no folder"));
        }
        for folder in &item.folders {
            let growth = growth.entry(*folder).or_default();
            growth.messages += 1;
            growth.bytes += signed(item.body.size + item.trace.len() as u64);
        }
    }
    let mut numbers = number_messages(tx, &growth).await?;
    let mut rows = Vec::new();
    let mut heads: Vec<(i64, i64, &Arc<Learned>)> = Vec::new();
    let mut replies = Vec::with_capacity(items.len());
    for (item, body) in items.iter().zip(bodies) {
        let packed = Arc::new(item.flags.pack());
        if !packed.fits() {
            return Err(too_long());
        }
        let size = signed(item.body.size + item.trace.len() as u64);
        let mut uids = Vec::with_capacity(item.folders.len());
        let mut modseqs = Vec::with_capacity(item.folders.len());
        let level = item.body.learned.as_deref().map_or(0, Learned::level);
        for folder in &item.folders {
            let number = numbers.get_mut(folder).ok_or_else(|| Error::missing(format!("folder {folder}")))?;
            let uid = number.next_uid;
            number.next_uid += 1;
            uids.push(
                u32::try_from(uid).map_err(|_| Error::invalid(format!("folder {folder} has no UID left")))?,
            );
            modseqs.push(unsigned(number.modseq)?);
            rows.push((
                *folder,
                uid,
                number.modseq,
                Arc::clone(&packed),
                size,
                item.internal_date,
                *body,
                level,
            ));
            if let (1.., Some(learned)) = (level, &item.body.learned) {
                heads.push((*folder, uid, learned));
            }
        }
        replies.push(Delivered { uids, body: *body, modseqs });
    }
    MESSAGE
        .run(tx, &rows, |values, (folder, uid, modseq, packed, size, date, body, level)| {
            values
                .int(*folder)
                .int(*uid)
                .int(*modseq)
                .int(packed.bits)
                .text(packed.keywords.as_str())
                .int(*size)
                .int(date.as_microsecond())
                .int(*body)
                .int(now.as_microsecond())
                .int(*level)
        })
        .await?;
    learned::write_heads(tx, &heads).await?;
    quota::check(tx, &limited(numbers.values())).await?;
    Ok(replies)
}

/// What a folder is given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Growth {
    pub(crate) messages: i64,
    pub(crate) bytes: i64,
}

/// The accounts among these folders' that have a limit.
pub(crate) fn limited<'a>(numbers: impl Iterator<Item = &'a Numbers>) -> BTreeSet<i64> {
    numbers.filter(|numbers| numbers.limited).map(|numbers| numbers.account).collect()
}

/// The next UID of a folder, and the mod-sequence of this change.
pub(crate) struct Numbers {
    pub(crate) next_uid: i64,
    pub(crate) modseq: i64,
    pub(crate) account: i64,
    /// Whether the account has a quota.
    pub(crate) limited: bool,
}

/// Keeps other processes' transactions out of these folders until the end of this one. SQLite has one writer.
pub(crate) async fn hold(tx: &mut Tx, folders: &[i64]) -> Result<(), Error> {
    if tx.backend_name() == "SQLite" {
        return Ok(());
    }
    for some in folders.chunks(256) {
        // In one order for everybody, so that nobody waits for one who waits for him.
        let text =
            format!("SELECT id FROM folder WHERE id IN ({}) ORDER BY id FOR UPDATE", db::list(1, some.len()));
        db::query(text, Values::new().ints(some)).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Takes UIDs for new messages in each folder, and one mod-sequence. A folder that does not exist is not in the
/// result.
pub(crate) async fn number_messages(
    tx: &mut Tx,
    growth: &BTreeMap<i64, Growth>,
) -> Result<BTreeMap<i64, Numbers>, Error> {
    let rows: Vec<[i64; 3]> =
        growth.iter().map(|(folder, growth)| [*folder, growth.messages, growth.bytes]).collect();
    if rows.len() > 1 {
        hold(tx, &growth.keys().copied().collect::<Vec<_>>()).await?;
    }
    let mut numbers = BTreeMap::new();
    for some in rows.chunks(256) {
        let text = format!(
            "UPDATE folder SET uid_next = uid_next + v.column2, highest_modseq = highest_modseq + 1, \
             messages = messages + v.column2, bytes = bytes + v.column3 \
             FROM {} AS v WHERE folder.id = v.column1 RETURNING id, uid_next, highest_modseq, account, \
             (SELECT count(*) FROM account a WHERE a.id = folder.account \
              AND (a.limit_bytes IS NOT NULL OR a.limit_messages IS NOT NULL))",
            db::table(1, some.len(), 3)
        );
        for row in db::query(text, Values::new().int_rows(some)).fetch_all(&mut *tx).await? {
            let folder: i64 = row.try_get(0)?;
            let after: i64 = row.try_get(1)?;
            let count = growth.get(&folder).map_or(0, |growth| growth.messages);
            let limited = row.try_get::<i64, _>(4)? > 0;
            let (modseq, account) = (row.try_get(2)?, row.try_get(3)?);
            numbers.insert(folder, Numbers { next_uid: after - count, modseq, account, limited });
        }
    }
    Ok(numbers)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("body", &self.body)
            .field("folders", &self.folders)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DeliveryApplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeliveryApplier")
    }
}
