//! What sessions ask, each answer from one statement, and so from one snapshot.
//!
//! A row costs a hand-over between two threads, whatever it holds. So what is asked for in bulk comes as one row: a line
//! of numbers for each message, and the bytes of all of them end to end.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use db::{Backend, Error, Values};
use kernel::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::flags::{DELETED, Packed, uid, unsigned};
use crate::schema::{PIECE, PLACES};
use crate::{Changes, MailStore, Meta, Row, Status};

/// Which costly parts of [`Meta`] are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// [`Meta::headers`].
    pub headers: bool,
    /// [`Meta::structure`].
    pub structure: bool,
    /// [`Meta::preview`].
    pub preview: bool,
}

impl Parts {
    /// Everything.
    pub const ALL: Self = Self { headers: true, structure: true, preview: true };
}

/// UIDs named in one statement at most.
const LISTED: usize = 512;

impl MailStore {
    /// What STATUS tells. Counts the folder's messages.
    ///
    /// # Errors
    /// [`Error::Missing`] where the folder is gone; else what the database says.
    pub async fn status(&self, folder: i64) -> Result<Status, Error> {
        let text = "SELECT f.uid_next, f.uid_validity, f.highest_modseq, count(m.uid), \
             cast(coalesce(sum(CASE WHEN (m.flags & 1) = 0 THEN 1 ELSE 0 END), 0) AS bigint), \
             cast(coalesce(sum(CASE WHEN (m.flags & $2) <> 0 THEN 1 ELSE 0 END), 0) AS bigint), \
             cast(coalesce(sum(m.size), 0) AS bigint), \
             cast(coalesce(sum(CASE WHEN (m.flags & $2) <> 0 THEN m.size ELSE 0 END), 0) AS bigint), \
             cast(coalesce(sum(CASE WHEN m.uid >= f.recent_uid THEN 1 ELSE 0 END), 0) AS bigint) \
             FROM folder f LEFT JOIN message m ON m.folder = f.id WHERE f.id = $1 \
             GROUP BY f.id, f.uid_next, f.uid_validity, f.highest_modseq";
        let row = db::query(text, Values::new().int(folder).int(DELETED))
            .fetch_optional(self.db().reader())
            .await?
            .ok_or_else(|| Error::missing(format!("folder {folder}")))?;
        Ok(Status {
            uid_next: uid(row.try_get(0)?)?,
            uid_validity: uid(row.try_get(1)?)?,
            highest_modseq: unsigned(row.try_get(2)?)?,
            messages: uid(row.try_get(3)?)?,
            unseen: uid(row.try_get(4)?)?,
            deleted: uid(row.try_get(5)?)?,
            size: unsigned(row.try_get(6)?)?,
            deleted_size: unsigned(row.try_get(7)?)?,
            recent: uid(row.try_get(8)?)?,
        })
    }

    /// Every message of the folder, ascending UID (what SELECT maps sequence numbers on). Empty where the folder is
    /// gone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn rows(&self, folder: i64) -> Result<Vec<Row>, Error> {
        // One row with everything in it: a row for each message would take four times as long. A keyword holds no
        // space and no line end.
        let text = "SELECT string_agg(line, '\n') FROM (SELECT cast(uid AS text) || ' ' || cast(modseq AS text) || ' ' \
                    || cast(flags AS text) || ' ' || keywords AS line FROM message WHERE folder = $1 ORDER BY uid) \
                    AS listing";
        let row = db::query(text, Values::new().int(folder)).fetch_one(self.db().reader()).await?;
        let listing: Option<&str> = row.try_get(0)?;
        let mut rows =
            listing.unwrap_or_default().lines().map(parsed).collect::<Result<Vec<Row>, Error>>()?;
        if !rows.is_sorted_by_key(|row| row.uid) {
            rows.sort_unstable_by_key(|row| row.uid);
        }
        Ok(rows)
    }

    /// What changed since a mod-sequence: new, changed and expunged messages (RFC 7162).
    ///
    /// # Errors
    /// [`Error::Missing`] where the folder is gone; else what the database says.
    pub async fn changes(&self, folder: i64, since_modseq: u64) -> Result<Changes, Error> {
        // One statement, so that the three parts are of one snapshot on both databases.
        let text = "SELECT cast(0 AS bigint), highest_modseq, cast(0 AS bigint), cast(0 AS bigint), '' \
             FROM folder WHERE id = $1 \
             UNION ALL SELECT 1, uid, modseq, flags, keywords FROM message WHERE folder = $1 AND modseq > $2 \
             UNION ALL SELECT 2, uid, modseq, 0, '' FROM expunged WHERE folder = $1 AND modseq > $2 \
             ORDER BY 1, 2";
        let since = i64::try_from(since_modseq).unwrap_or(i64::MAX);
        let rows =
            db::query(text, Values::new().int(folder).int(since)).fetch_all(self.db().reader()).await?;
        let mut changes = Changes::default();
        let mut found = false;
        for row in &rows {
            match row.try_get::<i64, _>(0)? {
                0 => {
                    found = true;
                    changes.highest_modseq = unsigned(row.try_get(1)?)?;
                }
                1 => changes.changed.push(listed(row, 1)?),
                _ => changes.vanished.push(uid(row.try_get(1)?)?),
            }
        }
        if found { Ok(changes) } else { Err(Error::missing(format!("folder {folder}"))) }
    }

    /// Metadata of those UIDs that exist, ascending; one statement for a range or for 512 UIDs. Each result holds up
    /// to 64 KiB of headers: ask for large folders in parts.
    ///
    /// # Errors
    /// What the database says.
    pub async fn meta(&self, folder: i64, uids: &[u32]) -> Result<Vec<Meta>, Error> {
        self.meta_parts(folder, uids, Parts::ALL).await
    }

    /// [`MailStore::meta`] with only those parts of it that cost something; the others are empty.
    ///
    /// # Errors
    /// What the database says.
    pub async fn meta_parts(&self, folder: i64, uids: &[u32], parts: Parts) -> Result<Vec<Meta>, Error> {
        let mut found = Vec::with_capacity(uids.len());
        let backend = self.db().backend();
        // Only what is wanted is joined and carried; the lengths of what is not are those of nothing.
        let wanted = [
            (parts.headers, "b.headers AS headers", "octet_length(b.headers)", joined(backend, "headers")),
            (
                parts.structure,
                "b.structure AS structure",
                "coalesce(octet_length(b.structure), 0)",
                joined(backend, "structure"),
            ),
            (
                parts.preview,
                "b.preview AS preview",
                "coalesce(octet_length(b.preview), -1)",
                String::from("string_agg(coalesce(preview, ''), '')"),
            ),
        ];
        let (mut lengths, mut columns, mut together) = (String::new(), String::new(), String::new());
        let mut next = 1;
        let places = wanted.map(|(wanted, column, length, all)| {
            let length = if wanted { length } else { "-1" };
            lengths.push_str(&format!(" || ' ' || cast({length} AS text)"));
            wanted.then(|| {
                columns.push_str(&format!(", {column}"));
                together.push_str(&format!(", {all}"));
                next += 1;
                next - 1
            })
        });
        let join = if next > 1 { "JOIN body b ON b.id = m.body" } else { "" };
        for pick in Pick::of(uids) {
            let text = format!(
                "SELECT string_agg(line, '\n'){together} FROM (SELECT cast(m.uid AS text) || ' ' \
                 || cast(m.modseq AS text) || ' ' || cast(m.flags AS text) || ' ' || cast(m.size AS text) || ' ' \
                 || cast(m.internal_date AS text) || ' ' || cast(m.body AS text) || ' ' \
                 || cast(m.save_date AS text){lengths} || ' ' || m.keywords AS line{columns} \
                 FROM message m {join} WHERE m.folder = $1 AND {} ORDER BY m.uid) AS listing",
                pick.condition("m.uid", 2)
            );
            let row =
                db::query(text, pick.bind(Values::new().int(folder))).fetch_one(self.db().reader()).await?;
            let Some(listing) = row.try_get::<Option<&str>, _>(0)? else { continue };
            let bytes = |place: Option<usize>| -> Result<Bytes, Error> {
                let Some(at) = place else { return Ok(Bytes::new()) };
                Ok(row.try_get::<Option<Vec<u8>>, _>(at)?.map_or_else(Bytes::new, Bytes::from))
            };
            let (mut headers, mut structures) = (bytes(places[0])?, bytes(places[1])?);
            let mut previews: &str = match places[2] {
                Some(at) => row.try_get::<Option<&str>, _>(at)?.unwrap_or_default(),
                None => "",
            };
            for line in listing.lines() {
                let (mut meta, lengths) = told(line)?;
                let [header, structure, preview] = lengths;
                meta.headers = cut(&mut headers, header)?;
                meta.structure = Some(cut(&mut structures, structure)?).filter(|some| !some.is_empty());
                if let Ok(length) = usize::try_from(preview) {
                    let (own, rest) = previews.split_at_checked(length).ok_or_else(|| misfit(&meta))?;
                    (meta.preview, previews) = (Some(own.to_owned()), rest);
                }
                found.push(meta);
            }
        }
        if !found.is_sorted_by_key(|meta| meta.uid) {
            found.sort_unstable_by_key(|meta| meta.uid);
        }
        Ok(found)
    }

    /// Many small bodies in one statement, trace lines included: for each `(body, size)` of [`Meta`], its bytes, or none
    /// where it is not in one piece (more than 256 KiB, or freed meanwhile: then [`MailStore::read_body`]). Answers
    /// are held in memory: ask for a few MiB at a time, and for 256 at most.
    ///
    /// # Errors
    /// What the database says.
    pub async fn small_bodies(&self, wanted: &[(i64, u64)]) -> Result<Vec<Option<Bytes>>, Error> {
        let mut found: HashMap<i64, Bytes> = HashMap::with_capacity(wanted.len());
        for some in wanted.chunks(256) {
            let mut places: Vec<i64> = some.iter().map(|(body, _)| body * PLACES).collect();
            places.sort_unstable();
            places.dedup();
            let text = format!(
                "SELECT string_agg(cast(place AS text) || ' ' || cast(octet_length(data) AS text), '\n'), {} \
                 FROM body_chunk WHERE place IN ({})",
                joined(self.db().backend(), "data"),
                db::list(1, places.len())
            );
            let row = db::query(text, Values::new().ints(&places)).fetch_one(self.db().reader()).await?;
            let Some(listing) = row.try_get::<Option<&str>, _>(0)? else { continue };
            let mut all = Bytes::from(row.try_get::<Vec<u8>, _>(1)?);
            for line in listing.lines() {
                let (place, length) = line
                    .split_once(' ')
                    .and_then(|(place, length)| Some((place.parse::<i64>().ok()?, length.parse().ok()?)))
                    .ok_or_else(|| Error::corrupt("a piece whose numbers are none"))?;
                found.insert(place / PLACES, cut(&mut all, length)?);
            }
        }
        let whole = |(body, size): &(i64, u64)| match (size, found.get(body)) {
            (0, _) => Some(Bytes::new()),
            (size, Some(bytes)) if bytes.len() as u64 == *size => Some(bytes.clone()),
            _ => None,
        };
        Ok(wanted.iter().map(whole).collect())
    }

    /// Bytes `offset .. offset+len` of a body, trace lines included (fewer at the end). Ask for 256 KiB or so at a
    /// time: the answer is held in memory.
    ///
    /// # Errors
    /// [`Error::Missing`] where the body has been freed (its last message was expunged); else what the database says.
    pub async fn read_body(&self, body: i64, offset: u64, len: u64) -> Result<Bytes, Error> {
        if len == 0 {
            return Ok(Bytes::new());
        }
        // Far beyond any body, and far below the end of i64.
        const FAR: u64 = 1 << 40;
        let from = offset.min(FAR);
        let to = offset.saturating_add(len).min(FAR);
        let text = format!(
            "SELECT b.lead, c.place, c.data FROM body b LEFT JOIN body_chunk c \
             ON c.place >= b.id * {PLACES} + (CASE WHEN $2 < b.lead THEN 0 ELSE 1 + ($2 - b.lead) / {PIECE} END) \
             AND c.place <= b.id * {PLACES} + (CASE WHEN $3 < b.lead THEN 0 ELSE 1 + ($3 - b.lead) / {PIECE} END) \
             AND c.place < (b.id + 1) * {PLACES} \
             WHERE b.id = $1 ORDER BY c.place"
        );
        let values = Values::new().int(body).int(clamped(from)).int(clamped(to.saturating_sub(1)));
        let rows = db::query(text, values).fetch_all(self.db().reader()).await?;
        if rows.is_empty() {
            return Err(Error::missing(format!("body {body}")));
        }
        let mut out = BytesMut::new();
        for row in &rows {
            let Some(place) = row.try_get::<Option<i64>, _>(1)? else { break };
            let data: &[u8] = row.try_get(2)?;
            let start = match unsigned(place % PLACES)? {
                0 => 0,
                n => unsigned(row.try_get(0)?)? + (n - 1) * PIECE as u64,
            };
            let inside =
                |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX).min(data.len());
            out.extend_from_slice(&data[inside(from)..inside(to)]);
        }
        Ok(out.freeze())
    }
}

/// All the values of a column of bytes, end to end, in the order of the other aggregates of the statement.
fn joined(backend: Backend, column: &str) -> String {
    match backend {
        Backend::Sqlite => format!("cast(string_agg(coalesce({column}, ''), '') AS blob)"),
        Backend::Postgres => format!("string_agg(coalesce({column}, ''), cast('' AS bytea))"),
    }
}

/// The next `length` bytes; none where it is negative.
fn cut(all: &mut Bytes, length: i64) -> Result<Bytes, Error> {
    match usize::try_from(length) {
        Ok(length) if length <= all.len() => Ok(all.split_to(length)),
        Ok(_) => Err(Error::corrupt("values that are shorter than their lengths")),
        Err(_) => Ok(Bytes::new()),
    }
}

fn misfit(meta: &Meta) -> Error {
    Error::corrupt(format!("preview of message {}", meta.uid))
}

/// One line of metadata, and the lengths of header block, structure and preview.
fn told(line: &str) -> Result<(Meta, [i64; 3]), Error> {
    const NUMBERS: usize = 10;
    let mut words = line.splitn(NUMBERS + 1, ' ');
    let mut numbers = [0_i64; NUMBERS];
    for number in &mut numbers {
        *number = words
            .next()
            .and_then(|word| word.parse().ok())
            .ok_or_else(|| Error::corrupt("a message whose numbers are none"))?;
    }
    let [id, modseq, bits, size, received, body, saved, lengths @ ..] = numbers;
    let instant = |micros: i64| {
        Timestamp::from_microsecond(micros).map_err(|_| Error::corrupt(format!("date of message {id}")))
    };
    let meta = Meta {
        uid: uid(id)?,
        modseq: unsigned(modseq)?,
        flags: Packed::unpacked(bits, words.next().unwrap_or_default()),
        size: unsigned(size)?,
        internal_date: instant(received)?,
        headers: Bytes::new(),
        body,
        save_date: if saved == 0 { None } else { Some(instant(saved)?) },
        structure: None,
        preview: None,
    };
    Ok((meta, lengths))
}

/// One line of a listing: UID, mod-sequence, flags, keywords.
fn parsed(line: &str) -> Result<Row, Error> {
    let mut words = line.splitn(4, ' ');
    let mut number = || words.next().and_then(|word| word.parse::<i64>().ok());
    let (Some(id), Some(modseq), Some(bits)) = (number(), number(), number()) else {
        return Err(Error::corrupt("a message whose numbers are none"));
    };
    let flags = Packed::unpacked(bits, words.next().unwrap_or_default());
    Ok(Row { uid: uid(id)?, modseq: unsigned(modseq)?, flags })
}

/// Four columns from `at` on: UID, mod-sequence, flags, keywords.
fn listed(row: &AnyRow, at: usize) -> Result<Row, Error> {
    let packed = Packed { bits: row.try_get(at + 2)?, keywords: row.try_get(at + 3)? };
    Ok(Row { uid: uid(row.try_get(at)?)?, modseq: unsigned(row.try_get(at + 1)?)?, flags: packed.unpack() })
}

fn clamped(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Some UIDs, in a shape that makes few different statements.
pub(crate) enum Pick {
    Range(i64, i64),
    List(Vec<i64>),
}

impl Pick {
    /// The UIDs in ascending order, without duplicates.
    pub(crate) fn of(uids: &[u32]) -> Vec<Self> {
        let mut sorted: Vec<i64> = uids.iter().copied().map(i64::from).collect();
        sorted.sort_unstable();
        sorted.dedup();
        match (sorted.first(), sorted.last()) {
            (Some(first), Some(last)) if (last - first) as usize == sorted.len() - 1 => {
                vec![Self::Range(*first, *last)]
            }
            _ => sorted.chunks(LISTED).map(|some| Self::List(some.to_vec())).collect(),
        }
    }

    /// The condition, with its first parameter.
    pub(crate) fn condition(&self, column: &str, first: usize) -> String {
        match self {
            Self::Range(..) => format!("{column} BETWEEN ${first} AND ${}", first + 1),
            Self::List(uids) => format!("{column} IN ({})", db::list(first, uids.len())),
        }
    }

    pub(crate) fn bind(&self, values: Values) -> Values {
        match self {
            Self::Range(from, to) => values.int(*from).int(*to),
            Self::List(uids) => values.ints(uids),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_in_a_row_are_a_range() {
        assert!(matches!(Pick::of(&[3, 5, 4, 4])[..], [Pick::Range(3, 5)]));
        assert!(matches!(&Pick::of(&[3, 9])[..], [Pick::List(uids)] if uids == &[3, 9]));
        assert!(Pick::of(&[]).is_empty());
        let odd: Vec<u32> = (0..1_000).map(|n| n * 2 + 1).collect();
        assert_eq!(Pick::of(&odd).len(), 2);
    }
}
