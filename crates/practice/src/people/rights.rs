//! What a person may do in a mailbox, from which day to which, and for whom.

use db::Values;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use super::{PersonRole, by_key, told};
use crate::columns::{opt_key, word};
use crate::mailboxes::mailbox_id;
use crate::words::words;
use crate::{Actor, Error, Key, NewTrace, Practice};

/// How far a right goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum May {
    /// Sees the list, opens documents.
    Read,
    /// And files, decides, assigns, notes.
    Act,
}

words!(May { Read = "read", Act = "act" });

/// What a person may do in one mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Right {
    /// Who.
    pub person: Key,
    /// In which mailbox.
    pub mailbox: Key,
    /// What.
    pub may: May,
    /// For whom the person acts there; `None` for themselves.
    #[serde(default)]
    pub behalf: Option<Key>,
    /// The first day, `YYYY-MM-DD` in the practice's zone; always, without one.
    #[serde(default)]
    pub since: Option<String>,
    /// The last day, included; for good, without one.
    #[serde(default)]
    pub until: Option<String>,
}

/// An actor before one mailbox, today.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// `None` for the software.
    pub(crate) person: Option<i64>,
    pub(crate) role: Option<PersonRole>,
    /// For whom: the name.
    pub(crate) behalf: Option<String>,
}

impl Practice {
    /// Gives a person a right in a mailbox, in place of the one that they had there. What waits there is unread to a
    /// person who comes new.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a person or mailbox; [`Error::Bad`] for a day that is none, or a last day before the first;
    /// [`Error::Db`].
    pub async fn grant(&self, actor: &Actor, right: &Right) -> Result<(), Error> {
        for (field, day) in [("since", &right.since), ("until", &right.until)] {
            check_day(field, day.as_deref())?;
        }
        if let (Some(since), Some(until)) = (&right.since, &right.until)
            && since > until
        {
            return Err(Error::bad("until", "the last day is before the first"));
        }
        let (actor, right, at) = (actor.clone(), right.clone(), self.now());
        self.write(move |tx| {
            let (actor, right) = (actor.clone(), right.clone());
            Box::pin(async move {
                let (person, _) = by_key(tx, &right.person).await?;
                let mailbox = mailbox_id(tx, &right.mailbox).await?;
                let behalf = match &right.behalf {
                    Some(key) => Some(by_key(tx, key).await?.0),
                    None => None,
                };
                let text = "SELECT 1 FROM lps_right WHERE person = $1 AND mailbox = $2";
                let had =
                    db::query(text, Values::new().int(person).int(mailbox)).fetch_optional(&mut *tx).await?;
                let text = "INSERT INTO lps_right (person, mailbox, may, behalf, since, until) \
                            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (person, mailbox) \
                            DO UPDATE SET may = $3, behalf = $4, since = $5, until = $6";
                let values = Values::new()
                    .int(person)
                    .int(mailbox)
                    .text(right.may.word())
                    .opt_int(behalf)
                    .opt_text(right.since.as_deref())
                    .opt_text(right.until.as_deref());
                db::query(text, values).execute(&mut *tx).await?;
                if had.is_none() {
                    let text = "INSERT INTO lps_unread (person, received, document) \
                                SELECT cast($1 as bigint), received, id FROM lps_document \
                                WHERE mailbox = $2 AND state = 'to_do' ON CONFLICT DO NOTHING";
                    db::query(text, Values::new().int(person).int(mailbox)).execute(&mut *tx).await?;
                }
                let mut line = NewTrace::by(at, &actor, "grant");
                line.request = format!("person {}, mailbox {}, {}", right.person, right.mailbox, right.may);
                told(tx, line, &right.person).await
            })
        })
        .await
    }

    /// Takes a person's right in a mailbox back.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none; [`Error::Db`].
    pub async fn revoke(&self, actor: &Actor, person: &Key, mailbox: &Key) -> Result<(), Error> {
        let (actor, person, mailbox, at) = (actor.clone(), person.clone(), mailbox.clone(), self.now());
        self.write(move |tx| {
            let (actor, person, mailbox) = (actor.clone(), person.clone(), mailbox.clone());
            Box::pin(async move {
                let who = by_key(tx, &person).await?.0;
                let place = mailbox_id(tx, &mailbox).await?;
                let text = "DELETE FROM lps_right WHERE person = $1 AND mailbox = $2";
                let gone = db::query(text, Values::new().int(who).int(place)).execute(&mut *tx).await?;
                if gone.rows_affected() == 0 {
                    return Err(Error::not_found("right of the person in mailbox", &mailbox));
                }
                let text = "DELETE FROM lps_unread WHERE person = $1 AND document IN \
                            (SELECT id FROM lps_document WHERE mailbox = $2)";
                db::query(text, Values::new().int(who).int(place)).execute(&mut *tx).await?;
                let mut line = NewTrace::by(at, &actor, "revoke");
                line.request = format!("person {person}, mailbox {mailbox}");
                told(tx, line, &person).await
            })
        })
        .await
    }

    /// The rights that were given, of one person or of all; those of other days too.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn rights(&self, person: Option<&Key>) -> Result<Vec<Right>, Error> {
        let text = "SELECT p.key, m.key, r.may, b.key, r.since, r.until FROM lps_right r \
                    JOIN lps_person p ON p.id = r.person JOIN lps_mailbox m ON m.id = r.mailbox \
                    LEFT JOIN lps_person b ON b.id = r.behalf WHERE $1 = '' OR p.key = $1 ORDER BY p.id, m.id LIMIT 5000";
        let values = Values::new().text(person.map(Key::as_str).unwrap_or_default());
        let rows = db::query(text, values).fetch_all(self.reader()).await?;
        rows.iter()
            .map(|row| {
                Ok(Right {
                    person: Key::stored(row.try_get(0)?),
                    mailbox: Key::stored(row.try_get(1)?),
                    may: word(row, 2, May::parse)?,
                    behalf: opt_key(row, 3)?,
                    since: row.try_get(4)?,
                    until: row.try_get(5)?,
                })
            })
            .collect()
    }
}

/// What the actor is before this mailbox on this day, where they have the right. The software has every right.
///
/// # Errors
/// [`Error::Refused`]: `no_right`, or `no_behalf` where they act for somebody that their right does not name.
pub(crate) async fn standing(
    conn: &mut sqlx::AnyConnection,
    actor: &Actor,
    mailbox: i64,
    need: May,
    today: &str,
) -> Result<Standing, Error> {
    let Some(key) = &actor.person else { return Ok(Standing::default()) };
    let text = "SELECT p.id, p.role, r.may, r.since, r.until, b.key, b.name FROM lps_person p \
                JOIN lps_right r ON r.person = p.id AND r.mailbox = $2 LEFT JOIN lps_person b ON b.id = r.behalf \
                WHERE p.key = $1 AND p.removed = 0";
    let row = db::query(text, Values::new().text(key.as_str()).int(mailbox)).fetch_optional(conn).await?;
    let none = || Error::refused("no_right", "the person has no such right in this mailbox today");
    let row = row.ok_or_else(none)?;
    let (since, until): (Option<String>, Option<String>) = (row.try_get(3)?, row.try_get(4)?);
    let covers =
        since.is_none_or(|day| day.as_str() <= today) && until.is_none_or(|day| today <= day.as_str());
    if !covers || word(&row, 2, May::parse)? < need {
        return Err(none());
    }
    let (for_whom, name): (Option<Key>, Option<String>) = (opt_key(&row, 5)?, row.try_get(6)?);
    if actor.behalf.is_some() && actor.behalf != for_whom {
        return Err(Error::refused("no_behalf", "the person does not act for that one in this mailbox"));
    }
    Ok(Standing {
        person: Some(row.try_get(0)?),
        role: Some(word(&row, 1, PersonRole::parse)?),
        behalf: name,
    })
}

/// A day of the calendar, or none.
pub(crate) fn check_day(field: &'static str, day: Option<&str>) -> Result<(), Error> {
    let right = |day: &str| day.len() == 10 && day.parse::<jiff::civil::Date>().is_ok();
    match day {
        Some(day) if !right(day) => Err(Error::bad(field, "a day is written YYYY-MM-DD")),
        _ => Ok(()),
    }
}
