//! Which practices this process serves, and the API keys that open them.
//!
//! A key names its practice: programs never say which practice they mean, so that one can never read another's mail
//! by a wrong parameter. Keys have 128 bits drawn by the system, hence a plain SHA-256 at rest is as good as a slow
//! hash; the key itself is shown once, when it is made.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use db::{Db, Values, query};
use kernel::{Clock, Secret, Timestamp};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::Error;
use crate::sql::execute;

pub(crate) const MIGRATIONS: &[&str] = &["
CREATE TABLE lps_house (
    name TEXT PRIMARY KEY,
    label TEXT NOT NULL,
    created BIGINT NOT NULL
) WITHOUT ROWID;
CREATE TABLE lps_key (
    id TEXT PRIMARY KEY,
    house TEXT NOT NULL,
    label TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created BIGINT NOT NULL,
    revoked BIGINT
) WITHOUT ROWID;
"];

/// Keys of one practice that are in use at a time.
const MOST_KEYS: usize = 100;

/// The list of practices and keys, on disk and in memory.
pub(crate) struct Registry {
    db: Db,
    clock: Clock,
    /// By the SHA-256 of the key.
    keys: RwLock<HashMap<String, KeyLine>>,
}

/// A practice as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PracticeLine {
    /// Its name: in paths, and nowhere else.
    pub name: String,
    /// For people.
    pub label: String,
}

/// An API key, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyLine {
    pub(crate) id: String,
    pub(crate) house: String,
    /// Which software has it.
    pub(crate) label: String,
    pub(crate) created: Timestamp,
}

impl Registry {
    pub(crate) async fn open(db: Db, clock: Clock) -> Result<Self, Error> {
        db.migrate("lps-registry", MIGRATIONS).await?;
        let text = "SELECT id, house, label, hash, created FROM lps_key WHERE revoked IS NULL";
        let rows = query(text, Values::new()).fetch_all(db.reader()).await.map_err(db::Error::from)?;
        let keys = rows.iter().map(key_line).collect::<Result<_, sqlx::Error>>().map_err(db::Error::from)?;
        Ok(Self { db, clock, keys: RwLock::new(keys) })
    }

    pub(crate) async fn practices(&self) -> Result<Vec<PracticeLine>, Error> {
        let text = "SELECT name, label FROM lps_house ORDER BY name";
        let rows = query(text, Values::new()).fetch_all(self.db.reader()).await.map_err(db::Error::from)?;
        rows.iter()
            .map(practice_line)
            .collect::<Result<_, sqlx::Error>>()
            .map_err(|error| db::Error::from(error).into())
    }

    /// Adds a practice, or gives a known one another label.
    pub(crate) async fn save_practice(&self, name: &str, label: &str) -> Result<(), Error> {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 40 || !name.chars().all(good) {
            return Err(Error::Name(name.to_owned()));
        }
        let (name, label, now) = (name.to_owned(), label.to_owned(), self.clock.now().as_millisecond());
        let text = "INSERT INTO lps_house (name, label, created) VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET label = excluded.label";
        let values = move || Values::new().text(name.clone()).text(label.clone()).int(now);
        Ok(execute(&self.db, move || (text, values())).await?)
    }

    /// Makes a key of a practice. This is the only time that it is seen.
    pub(crate) async fn new_key(&self, house: &str, label: &str) -> Result<(KeyLine, Secret<String>), Error> {
        if self.keys_of(house).len() >= MOST_KEYS {
            return Err(Error::TooMany("API keys", MOST_KEYS));
        }
        let secret = Secret::new(kernel::random::id());
        let line = KeyLine {
            id: kernel::random::mark(),
            house: house.to_owned(),
            label: label.to_owned(),
            created: instant(self.clock.now().as_millisecond()),
        };
        self.insert(&line, &secret).await?;
        Ok((line, secret))
    }

    async fn insert(&self, line: &KeyLine, secret: &Secret<String>) -> Result<(), Error> {
        let (kept, hash) = (line.clone(), secret.fingerprint());
        let statement = move || {
            let values = Values::new()
                .text(kept.id.clone())
                .text(kept.house.clone())
                .text(kept.label.clone())
                .text(hash.clone())
                .int(kept.created.as_millisecond());
            ("INSERT INTO lps_key (id, house, label, hash, created) VALUES ($1, $2, $3, $4, $5)", values)
        };
        execute(&self.db, statement).await?;
        self.write_keys().insert(secret.fingerprint(), line.clone());
        Ok(())
    }

    /// Makes a key unusable; false where the practice has none of this id.
    pub(crate) async fn revoke(&self, house: &str, id: &str) -> Result<bool, Error> {
        let known = self.keys_of(house).into_iter().any(|line| line.id == id);
        if !known {
            return Ok(false);
        }
        let (kept, now) = (id.to_owned(), self.clock.now().as_millisecond());
        let values = move || Values::new().int(now).text(kept.clone());
        execute(&self.db, move || ("UPDATE lps_key SET revoked = $1 WHERE id = $2", values())).await?;
        self.write_keys().retain(|_, line| line.id != id);
        Ok(true)
    }

    /// The keys of a practice, the oldest first.
    pub(crate) fn keys_of(&self, house: &str) -> Vec<KeyLine> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let mut lines: Vec<KeyLine> = keys.values().filter(|line| line.house == house).cloned().collect();
        lines.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        lines
    }

    /// Whose key this is. What is compared is a hash: the time that it takes says nothing of the key.
    pub(crate) fn holder(&self, given: &str) -> Option<KeyLine> {
        let hash = kernel::sha256_hex(given.as_bytes());
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned()
    }

    fn write_keys(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<String, KeyLine>> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner) // every change of the map is whole
    }
}

fn practice_line(row: &AnyRow) -> Result<PracticeLine, sqlx::Error> {
    Ok(PracticeLine { name: row.try_get(0)?, label: row.try_get(1)? })
}

/// With the key's hash.
fn key_line(row: &AnyRow) -> Result<(String, KeyLine), sqlx::Error> {
    let created = instant(row.try_get(4)?);
    let line = KeyLine { id: row.try_get(0)?, house: row.try_get(1)?, label: row.try_get(2)?, created };
    Ok((row.try_get(3)?, line))
}

/// A time of a BIGINT column (milliseconds).
pub(crate) fn instant(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keys_are_hashed_at_rest_name_their_practice_and_die_when_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lps.sqlite");
        let db = Db::open_sqlite(&path).await.unwrap();
        let registry = Registry::open(db.clone(), Clock::system()).await.unwrap();
        registry.save_practice("lilas", "Cabinet des Lilas").await.unwrap();
        let (line, secret) = registry.new_key("lilas", "logiciel").await.unwrap();
        assert_eq!(registry.holder(secret.reveal()).map(|line| line.house).as_deref(), Some("lilas"));
        assert_eq!(registry.holder("something else"), None);
        db.close().await;
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let key = secret.reveal().as_bytes();
            assert!(!bytes.windows(key.len()).any(|window| window == key), "the key is on disk");
        }
        let db = Db::open_sqlite(&path).await.unwrap();
        let again = Registry::open(db.clone(), Clock::system()).await.unwrap();
        assert_eq!(again.holder(secret.reveal()), Some(line.clone()), "keys outlive the process");
        assert!(!again.revoke("another", &line.id).await.unwrap(), "of another practice");
        assert!(again.revoke("lilas", &line.id).await.unwrap());
        assert_eq!(again.holder(secret.reveal()), None);
        let once_more = Registry::open(db, Clock::system()).await.unwrap();
        assert_eq!(once_more.holder(secret.reveal()), None);
    }

    #[tokio::test]
    async fn a_practice_has_a_name_that_a_path_can_hold() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&dir.path().join("lps.sqlite")).await.unwrap();
        let registry = Registry::open(db, Clock::system()).await.unwrap();
        for name in ["", "..", "a/b", "É", "A", &"x".repeat(41)] {
            assert!(matches!(registry.save_practice(name, "x").await, Err(Error::Name(_))), "{name}");
        }
        registry.save_practice("a", "un").await.unwrap();
        registry.save_practice("a", "deux").await.unwrap();
        let all = registry.practices().await.unwrap();
        assert_eq!(all, [PracticeLine { name: "a".into(), label: "deux".into() }]);
    }
}
