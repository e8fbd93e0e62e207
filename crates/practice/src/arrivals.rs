//! What a server has, told by whoever looked: folders, messages, flags, what is gone.
//!
//! A message is named by folder, UIDVALIDITY and UID (spec 07, L5), and a mail by its octets: where a server numbers its
//! folder anew, or somebody moves a mail, the mail that was known takes the new place and nothing is filed twice.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use db::{Insert, Tx, Values};
use sqlx::Row as _;

use crate::columns::millis;
use crate::mailboxes::{mailbox_id, narrow};
use crate::{Arrival, Error, FolderState, Key, Practice, Wanted};

mod places;

pub(crate) use places::{swap_copies, trade_places};

static MAIL: Insert = Insert::new(
    "INSERT INTO lps_mail (id, key, mailbox, folder, uid_validity, uid, received, history, flags, gone, fetch_attempts, \
     fetch_due, parse, parser, parse_attempts, parse_due, provenance, subject, text, documents, facts)",
    21,
);

/// Characters of all flags of a message.
const FLAGS: usize = 2_000;

impl Practice {
    /// Takes what one look at a folder told, in one transaction: the folder's state, messages that arrived, flags of known
    /// ones, UIDs that are gone. All of it under `folder.uid_validity`: where that is another one than before, what was
    /// known of the folder is marked gone, and mails with the same octets take their new places when these are kept.
    ///
    /// Messages that are known already cost nothing: a look may be told twice. Returns those of `arrivals` whose octets
    /// are not here, newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the mailbox; [`Error::Bad`] for a folder without UIDVALIDITY; [`Error::Db`].
    pub async fn synchronised(
        &self,
        mailbox: &Key,
        folder: FolderState,
        arrivals: Vec<Arrival>,
        flags: Vec<(u32, Vec<String>)>,
        gone: Vec<RangeInclusive<u32>>,
    ) -> Result<Vec<Wanted>, Error> {
        if folder.uid_validity == 0 {
            return Err(Error::bad("uid_validity", "a folder that can be synchronised has one, not 0"));
        }
        // A UID told twice counts once; 0 is none (RFC 3501 §2.3.1.1).
        let arrivals: BTreeMap<u32, Arrival> =
            arrivals.into_iter().filter(|one| one.uid != 0).map(|one| (one.uid, one)).collect();
        let look = Arc::new(Look {
            mailbox: mailbox.clone(),
            folder,
            arrivals: arrivals.into_values().collect(),
            flags: flags.into_iter().map(|(uid, flags)| (uid, joined(&flags))).collect(),
            gone: merged(gone),
        });
        self.write(move |tx| {
            let look = Arc::clone(&look);
            Box::pin(async move { look.write(tx).await })
        })
        .await
    }

    /// What is known to be in a folder: UIDs in ascending order, with their flags. For servers without CONDSTORE, where a
    /// look is compared with the one before.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn known(&self, mailbox: &Key, folder: &str) -> Result<Vec<(u32, Vec<String>)>, Error> {
        let rows = db::query(
            "SELECT m.uid, m.flags FROM lps_mail m JOIN lps_folder f ON f.id = m.folder \
             JOIN lps_mailbox b ON b.id = f.mailbox WHERE b.key = $1 AND f.name = $2 \
             AND m.uid_validity = f.uid_validity AND m.uid > 0 AND m.gone = 0 ORDER BY m.uid",
            Values::new().text(mailbox.as_str()).text(folder),
        )
        .fetch_all(self.reader())
        .await?;
        rows.iter().map(|row| Ok((narrow(row.try_get(0)?), split(&row.try_get::<String, _>(1)?)))).collect()
    }

    /// Messages of a folder whose octets are not here and may be fetched now, newest first, `limit` at most.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn wanted(&self, mailbox: &Key, folder: &str, limit: usize) -> Result<Vec<Wanted>, Error> {
        let rows = db::query(
            "SELECT m.key, m.uid FROM lps_mail m JOIN lps_folder f ON f.id = m.folder \
             JOIN lps_mailbox b ON b.id = f.mailbox WHERE b.key = $1 AND f.name = $2 \
             AND m.uid_validity = f.uid_validity AND m.blob IS NULL AND m.gone = 0 AND m.fetch_due <= $3 \
             ORDER BY m.uid DESC LIMIT $4",
            Values::new()
                .text(mailbox.as_str())
                .text(folder)
                .int(millis(self.now()))
                .int(i64::try_from(limit).unwrap_or(i64::MAX)),
        )
        .fetch_all(self.reader())
        .await?;
        rows.iter()
            .map(|row| Ok(Wanted { mail: Key::stored(row.try_get(0)?), uid: narrow(row.try_get(1)?) }))
            .collect()
    }
}

/// One look at a folder.
struct Look {
    mailbox: Key,
    folder: FolderState,
    /// By UID.
    arrivals: Vec<Arrival>,
    flags: Vec<(u32, String)>,
    gone: Vec<RangeInclusive<u32>>,
}

impl Look {
    async fn write(&self, tx: &mut Tx) -> Result<Vec<Wanted>, Error> {
        let mailbox = mailbox_id(tx, &self.mailbox).await?;
        let since = db::query("SELECT since FROM lps_mailbox WHERE id = $1", Values::new().int(mailbox))
            .fetch_one(&mut *tx)
            .await?
            .try_get::<i64, _>(0)?;
        let (folder, renumbered) = self.write_folder(tx, mailbox).await?;
        let mut left = 0;
        if renumbered {
            left += db::query(
                "UPDATE lps_mail SET gone = 1 WHERE folder = $1 AND uid_validity <> $2 AND gone = 0",
                Values::new().int(folder).int(self.validity()),
            )
            .execute(&mut *tx)
            .await?
            .rows_affected();
        }
        let wanted = self.write_arrivals(tx, mailbox, folder, since).await?;
        self.write_flags(tx, folder).await?;
        for range in &self.gone {
            left += db::query(
                "UPDATE lps_mail SET gone = 1 WHERE folder = $1 AND uid_validity = $2 AND uid BETWEEN $3 AND $4 \
                 AND gone = 0",
                Values::new()
                    .int(folder)
                    .int(self.validity())
                    .int(i64::from(*range.start()))
                    .int(i64::from(*range.end())),
            )
            .execute(&mut *tx)
            .await?
            .rows_affected();
        }
        if left > 0 {
            swap_copies(tx, mailbox).await?;
        }
        Ok(wanted)
    }

    fn validity(&self) -> i64 {
        i64::from(self.folder.uid_validity)
    }

    /// The folder's row number, and whether its UIDVALIDITY is another one than before.
    async fn write_folder(&self, tx: &mut Tx, mailbox: i64) -> Result<(i64, bool), Error> {
        let state = &self.folder;
        let known = db::query(
            "SELECT id, uid_validity FROM lps_folder WHERE mailbox = $1 AND name = $2",
            Values::new().int(mailbox).text(state.name.as_str()),
        )
        .fetch_optional(&mut *tx)
        .await?;
        let values = |id: i64| {
            Values::new()
                .int(id)
                .text(state.role.as_str())
                .int(self.validity())
                .int(i64::from(state.uid_next))
                .text(state.modseq.to_string())
        };
        if let Some(row) = known {
            let (id, before): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            let text = "UPDATE lps_folder SET role = $2, uid_validity = $3, uid_next = $4, modseq = $5 WHERE id = $1";
            db::query(text, values(id)).execute(&mut *tx).await?;
            return Ok((id, before != self.validity()));
        }
        let id = db::reserve(tx, "lps_folder", 1).await?;
        let text = "INSERT INTO lps_folder (id, role, uid_validity, uid_next, modseq, mailbox, name) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = values(id).int(mailbox).text(state.name.as_str());
        db::query(text, values).execute(&mut *tx).await?;
        Ok((id, false))
    }

    async fn write_arrivals(
        &self,
        tx: &mut Tx,
        mailbox: i64,
        folder: i64,
        since: i64,
    ) -> Result<Vec<Wanted>, Error> {
        let mut wanted = Vec::new();
        for some in self.arrivals.chunks(256) {
            let uids: Vec<i64> = some.iter().map(|one| i64::from(one.uid)).collect();
            let text = format!(
                "SELECT id, uid, key, flags, gone, CASE WHEN blob IS NULL THEN 1 ELSE 0 END FROM lps_mail \
                 WHERE folder = $1 AND uid_validity = $2 AND uid IN ({})",
                db::list(3, uids.len())
            );
            let values = Values::new().int(folder).int(self.validity()).ints(&uids);
            let rows = db::query(text, values).fetch_all(&mut *tx).await?;
            let mut known = BTreeSet::new();
            for row in rows {
                let uid: i64 = row.try_get(1)?;
                known.insert(uid);
                if row.try_get::<i64, _>(5)? == 1 {
                    wanted.push(Wanted { mail: Key::stored(row.try_get(2)?), uid: narrow(uid) });
                }
                let told = some.iter().find(|one| i64::from(one.uid) == uid).map(|one| joined(&one.flags));
                let told = told.unwrap_or_default();
                if row.try_get::<String, _>(3)? != told || row.try_get::<i64, _>(4)? == 1 {
                    let values = Values::new().int(row.try_get(0)?).text(told);
                    db::query("UPDATE lps_mail SET flags = $2, gone = 0 WHERE id = $1", values)
                        .execute(&mut *tx)
                        .await?;
                }
            }
            let new: Vec<&Arrival> = some.iter().filter(|one| !known.contains(&i64::from(one.uid))).collect();
            if new.is_empty() {
                continue;
            }
            let first = db::reserve(tx, "lps_mail", i64::try_from(new.len()).unwrap_or(i64::MAX)).await?;
            let rows: Vec<(i64, Key, &Arrival)> =
                (first..).zip(new).map(|(id, one)| (id, Key::random(), one)).collect();
            MAIL.run(tx, &rows, |values, (id, key, one)| {
                values
                    .int(*id)
                    .text(key.as_str())
                    .int(mailbox)
                    .int(folder)
                    .int(self.validity())
                    .int(i64::from(one.uid))
                    .int(millis(one.received))
                    .int(i64::from(millis(one.received) < since))
                    .text(joined(&one.flags))
                    .int(0)
                    .int(0)
                    .int(0)
                    .text("wanted")
                    .int(0)
                    .int(0)
                    .int(0)
                    .text("unknown")
                    .text("")
                    .text("")
                    .int(0)
                    .text("{}")
            })
            .await?;
            wanted.extend(rows.into_iter().map(|(_, mail, one)| Wanted { mail, uid: one.uid }));
        }
        wanted.sort_by_key(|one| std::cmp::Reverse(one.uid));
        Ok(wanted)
    }

    async fn write_flags(&self, tx: &mut Tx, folder: i64) -> Result<(), Error> {
        for (uid, flags) in &self.flags {
            let values =
                Values::new().int(folder).int(self.validity()).int(i64::from(*uid)).text(flags.as_str());
            db::query(
                "UPDATE lps_mail SET flags = $4 WHERE folder = $1 AND uid_validity = $2 AND uid = $3 AND flags <> $4",
                values,
            )
            .execute(&mut *tx)
            .await?;
        }
        Ok(())
    }
}

/// Flags as the column keeps them: they are atoms, so that a blank separates them (RFC 3501 §2.3.2). What is none is left
/// out.
fn joined(flags: &[String]) -> String {
    let atom = |flag: &&String| {
        !flag.is_empty() && flag.len() <= 200 && !flag.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    let mut out = String::new();
    for flag in flags.iter().filter(atom) {
        if out.len() + flag.len() >= FLAGS {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(flag);
    }
    out
}

/// Back.
pub(crate) fn split(flags: &str) -> Vec<String> {
    flags.split(' ').filter(|flag| !flag.is_empty()).map(str::to_owned).collect()
}

/// The same numbers in as few ranges as there can be.
fn merged(mut ranges: Vec<RangeInclusive<u32>>) -> Vec<RangeInclusive<u32>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| *range.start());
    let mut out: Vec<RangeInclusive<u32>> = Vec::new();
    for range in ranges {
        match out.last_mut() {
            Some(last) if *range.start() <= last.end().saturating_add(1) => {
                *last = *last.start()..=*range.end().max(last.end());
            }
            _ => out.push(range),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(
            merged(vec![5..=5, 1..=2, 3..=3, RangeInclusive::new(9, 7), 4..=4, 12..=20, 15..=16]),
            [1..=5, 12..=20]
        );
        assert_eq!(merged(vec![u32::MAX..=u32::MAX, 1..=u32::MAX]), [1..=u32::MAX]);
        assert!(merged(vec![]).is_empty());
    }

    #[test]
    fn flags_come_back_and_what_is_no_atom_does_not() {
        let flags = ["\\Seen", "$Forwarded", "two words", "", "a\0b"].map(str::to_owned);
        assert_eq!(split(&joined(&flags)), ["\\Seen", "$Forwarded"]);
        let many: Vec<String> = (0..10_000).map(|n| format!("k{n}")).collect();
        assert!(joined(&many).len() <= FLAGS);
        assert!(split("").is_empty());
    }
}
