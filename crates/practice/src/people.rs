//! The people of the practice, and what each may do in which mailbox.
//!
//! A right is of one person in one mailbox, with its first and last day: a replacement's ends by itself. It may say for
//! whom the person acts (*pour le compte de*): traces then name both. Who may change people and rights is the face's
//! business (an administrator, an API key), as it is before the first person exists.

use db::{Tx, Values};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::columns::{opt_key, word};
use crate::words::words;
use crate::{Actor, ChangeKind, Error, Key, NewTrace, Practice, changes, traces};

mod rights;

pub use rights::{May, Right};
pub(crate) use rights::{Standing as ActorStanding, check_day, standing};

/// What a person is in the practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PersonRole {
    /// A doctor of the practice.
    Doctor,
    /// *Remplaçant*: a doctor for a time.
    Replacement,
    /// *Secrétaire*.
    Secretary,
}

words!(PersonRole { Doctor = "doctor", Replacement = "replacement", Secretary = "secretary" });

impl PersonRole {
    /// Whether medical acts are theirs: the visa, a critical result taken in charge.
    pub fn is_medical(self) -> bool {
        matches!(self, Self::Doctor | Self::Replacement)
    }
}

/// A person of the practice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their name here.
    pub key: Key,
    /// As screens and traces show them.
    pub name: String,
    /// What they are.
    pub role: PersonRole,
    /// RPPS or ADELI with its prefix, as Pro Santé Connect says it (`SubjectNameID`); a login is matched on it.
    pub national_id: Option<String>,
}

/// What is said of a person to save them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPerson {
    /// As screens and traces show them; 200 characters at most.
    pub name: String,
    /// What they are.
    pub role: PersonRole,
    /// See [`Person::national_id`]; 64 characters at most.
    #[serde(default)]
    pub national_id: Option<String>,
}

impl Practice {
    /// Saves a person: the one of `key`, else the one of that national identifier, else a new one.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown key; [`Error::Bad`]; [`Error::Refused`] (`national_id_taken`); [`Error::Db`].
    pub async fn save_person(
        &self,
        actor: &Actor,
        key: Option<&Key>,
        person: NewPerson,
    ) -> Result<Person, Error> {
        let wrong = |text: &str, most: usize| {
            text.trim().is_empty() || text.chars().count() > most || text.chars().any(char::is_control)
        };
        if wrong(&person.name, 200) {
            return Err(Error::bad("name", "between 1 and 200 characters, on one line"));
        }
        if person.national_id.as_deref().is_some_and(|id| wrong(id, 64)) {
            return Err(Error::bad("national_id", "between 1 and 64 characters"));
        }
        let (actor, key, at) = (actor.clone(), key.cloned(), self.now());
        self.write(move |tx| {
            let (actor, key, person) = (actor.clone(), key.clone(), person.clone());
            Box::pin(async move {
                let known = match (&key, &person.national_id) {
                    (Some(key), _) => Some(by_key(tx, key).await?),
                    (None, Some(id)) => find(tx, "national_id", id).await?,
                    (None, None) => None,
                };
                let key = known.as_ref().map_or_else(Key::random, |(_, known)| known.key.clone());
                let id = match known {
                    Some((id, _)) => id,
                    None => db::reserve(tx, "lps_person", 1).await?,
                };
                let text = "INSERT INTO lps_person (id, key, name, role, national_id, removed) VALUES ($1, $2, $3, $4, $5, 0) \
                            ON CONFLICT (id) DO UPDATE SET name = $3, role = $4, national_id = $5";
                let values = Values::new()
                    .int(id)
                    .text(key.as_str())
                    .text(&person.name)
                    .text(person.role.word())
                    .opt_text(person.national_id.as_deref());
                db::query(text, values).execute(&mut *tx).await?;
                told(tx, NewTrace::by(at, &actor, "save_person"), &key).await?;
                Ok(Person { key, name: person.name, role: person.role, national_id: person.national_id })
            })
        })
        .await
        .map_err(|error| match error {
            Error::Db(error) if error.is_duplicate() => {
                Error::refused("national_id_taken", "another person has this national identifier")
            }
            other => other,
        })
    }

    /// The people of the practice, by name.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn people(&self) -> Result<Vec<Person>, Error> {
        let text = format!("{SELECT} WHERE removed = 0 ORDER BY name, id LIMIT 1000");
        let rows = db::query(text, Values::new()).fetch_all(self.reader()).await?;
        rows.iter().map(|row| Ok(read(row)?.1)).collect()
    }

    /// A person.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn person(&self, key: &Key) -> Result<Option<Person>, Error> {
        let mut conn = self.reader().acquire().await?;
        Ok(find(&mut conn, "key", key.as_str()).await?.map(|(_, person)| person))
    }

    /// The person of this national identifier: who has just logged in.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn person_of(&self, national_id: &str) -> Result<Option<Person>, Error> {
        let mut conn = self.reader().acquire().await?;
        Ok(find(&mut conn, "national_id", national_id).await?.map(|(_, person)| person))
    }

    /// Takes a person away, with their rights. What they did stays theirs; what was assigned to them stays assigned and is
    /// found under their key.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Db`].
    pub async fn remove_person(&self, actor: &Actor, key: &Key) -> Result<(), Error> {
        let (actor, key, at) = (actor.clone(), key.clone(), self.now());
        self.write(move |tx| {
            let (actor, key) = (actor.clone(), key.clone());
            Box::pin(async move {
                let (id, _) = by_key(tx, &key).await?;
                for text in [
                    "UPDATE lps_person SET removed = 1, national_id = NULL WHERE id = $1",
                    "DELETE FROM lps_right WHERE person = $1",
                    "UPDATE lps_right SET behalf = NULL WHERE behalf = $1",
                    "DELETE FROM lps_unread WHERE person = $1",
                ] {
                    db::query(text, Values::new().int(id)).execute(&mut *tx).await?;
                }
                told(tx, NewTrace::by(at, &actor, "remove_person"), &key).await
            })
        })
        .await
    }

    /// Today in the practice, `YYYY-MM-DD`.
    pub(crate) fn today(&self) -> String {
        self.now().to_zoned(self.setting().zone.clone()).date().to_string()
    }
}

/// The person of this key.
pub(crate) async fn by_key(conn: &mut sqlx::AnyConnection, key: &Key) -> Result<(i64, Person), Error> {
    find(conn, "key", key.as_str()).await?.ok_or_else(|| Error::not_found("person", key))
}

async fn find(
    conn: &mut sqlx::AnyConnection,
    column: &'static str,
    value: &str,
) -> Result<Option<(i64, Person)>, Error> {
    let text = format!("{SELECT} WHERE removed = 0 AND {column} = $1");
    let row = db::query(text, Values::new().text(value)).fetch_optional(conn).await?;
    row.as_ref().map(read).transpose()
}

const SELECT: &str = "SELECT id, key, name, role, national_id FROM lps_person";

fn read(row: &AnyRow) -> Result<(i64, Person), Error> {
    let key = opt_key(row, 1)?.ok_or_else(|| Error::damaged("a person without a key"))?;
    let role = word(row, 3, PersonRole::parse)?;
    Ok((row.try_get(0)?, Person { key, name: row.try_get(2)?, role, national_id: row.try_get(4)? }))
}

/// Notes and traces a change about a person.
async fn told(tx: &mut Tx, mut line: NewTrace, key: &Key) -> Result<(), Error> {
    changes::note(tx, line.at, ChangeKind::PersonChanged, key).await?;
    line.request = if line.request.is_empty() { format!("person {key}") } else { line.request };
    traces::write(tx, line).await
}
