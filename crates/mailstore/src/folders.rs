//! Accounts and their folders.

use std::collections::BTreeSet;
use std::sync::Arc;

use db::{Error, Insert, Tx, Values};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::change::{move_all, release};
use crate::delivery::hold;
use crate::flags::uid;
use crate::subscription;
use crate::{Account, Folder, MailStore};

/// The one folder whose name is compared without case (RFC 3501 §5.1).
const INBOX: &str = "INBOX";
/// What a new account has (special uses: RFC 6154).
const FOLDERS: [(&str, Option<&str>); 6] = [
    (INBOX, None),
    ("Sent", Some("\\Sent")),
    ("Drafts", Some("\\Drafts")),
    ("Trash", Some("\\Trash")),
    ("Junk", Some("\\Junk")),
    ("Archive", Some("\\Archive")),
];
/// Folders of one account at most.
const MOST: usize = 5_000;
/// Bytes in a name at most.
const LONGEST: usize = 1_000;

static FOLDER: Insert = Insert::new(
    "INSERT INTO folder (id, account, name, special_use, uid_validity, uid_next, highest_modseq, subscribed)",
    8,
);
const COLUMNS: &str = "SELECT id, account, name, special_use, uid_validity, subscribed FROM folder";

impl MailStore {
    /// Creates the account and its folders (INBOX, Sent, Drafts, Trash, Junk, Archive), or returns the existing one.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address without `@`; else what the database says.
    pub async fn create_account(&self, address: &str) -> Result<Account, Error> {
        let address: Arc<str> = address.trim().to_lowercase().into();
        if !address.contains('@') {
            return Err(Error::invalid("a mailbox address holds an @"));
        }
        let now = self.seconds();
        let created = {
            let address = Arc::clone(&address);
            self.db()
                .write(move |tx| {
                    let address = Arc::clone(&address);
                    Box::pin(async move { create_account(tx, &address, now).await })
                })
                .await
        };
        match created {
            // Another process was faster.
            Err(error) if error.is_duplicate() => match self.account(&address).await? {
                Some(account) => Ok(account),
                None => Err(error),
            },
            created => created,
        }
    }

    /// The account of an address, compared without case.
    ///
    /// # Errors
    /// What the database says.
    pub async fn account(&self, address: &str) -> Result<Option<Account>, Error> {
        let text = "SELECT id, address FROM account WHERE address = $1";
        let values = Values::new().text(address.trim().to_lowercase());
        let row = db::query(text, values).fetch_optional(self.db().reader()).await?;
        row.map(|row| Ok(Account { id: row.try_get(0)?, address: row.try_get(1)? })).transpose()
    }

    /// Every account, by number.
    ///
    /// # Errors
    /// What the database says.
    pub async fn accounts(&self) -> Result<Vec<Account>, Error> {
        let text = "SELECT id, address FROM account ORDER BY id";
        let rows = db::query(text, Values::new()).fetch_all(self.db().reader()).await?;
        rows.iter().map(|row| Ok(Account { id: row.try_get(0)?, address: row.try_get(1)? })).collect()
    }

    /// The account's folders, INBOX first and then by name.
    ///
    /// # Errors
    /// What the database says.
    pub async fn folders(&self, account: i64) -> Result<Vec<Folder>, Error> {
        let text = format!("{COLUMNS} WHERE account = $1");
        let rows = db::query(text, Values::new().int(account)).fetch_all(self.db().reader()).await?;
        let mut folders = rows.iter().map(folder).collect::<Result<Vec<_>, _>>()?;
        // Sorted here: the two databases do not agree on the order of text.
        folders.sort_by(|a, b| (a.name != INBOX, &a.name).cmp(&(b.name != INBOX, &b.name)));
        Ok(folders)
    }

    /// By name; `INBOX` in any case. `Ok(None)` also for a name that no folder can have.
    ///
    /// # Errors
    /// What the database says.
    pub async fn folder(&self, account: i64, name: &str) -> Result<Option<Folder>, Error> {
        let Ok(name) = canonical(name) else { return Ok(None) };
        let text = format!("{COLUMNS} WHERE account = $1 AND name = $2");
        let values = Values::new().int(account).text(name);
        db::query(text, values).fetch_optional(self.db().reader()).await?.as_ref().map(folder).transpose()
    }

    /// Creates a folder and its parents. `Ok(None)` where it exists. A trailing `/` is ignored (RFC 3501 §6.3.3).
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name with an empty part or a control character, one that is too long, or one folder
    /// too many; [`Error::Missing`] where the account is gone; else what the database says.
    pub async fn create_folder(&self, account: i64, name: &str) -> Result<Option<Folder>, Error> {
        self.create_folder_for(account, name, None).await
    }

    /// [`MailStore::create_folder`] with a special use, such as `\Drafts` (RFC 6154). Another folder of the account may
    /// have the same.
    ///
    /// # Errors
    /// As [`MailStore::create_folder`]; [`Error::Invalid`] also for a use that no folder of a new account has.
    pub async fn create_folder_for(
        &self,
        account: i64,
        name: &str,
        special_use: Option<&str>,
    ) -> Result<Option<Folder>, Error> {
        let name: Arc<str> = canonical(name)?.into();
        let special = match special_use {
            None => None,
            Some(wanted) => {
                let known = FOLDERS.iter().filter_map(|(_, usage)| *usage);
                let found = known.into_iter().find(|usage| usage.eq_ignore_ascii_case(wanted));
                Some(found.ok_or_else(|| Error::invalid("no folder is for that use here"))?)
            }
        };
        let now = self.seconds();
        self.db()
            .write(move |tx| {
                let name = Arc::clone(&name);
                Box::pin(async move { create(tx, account, &name, special, now).await })
            })
            .await
    }

    /// Renames a folder and what is below it. `Ok(false)` where the source is missing, the target exists, or the
    /// target is below the source. Renaming INBOX moves its messages and leaves it empty (RFC 3501 §6.3.5).
    ///
    /// # Errors
    /// As [`MailStore::create_folder`].
    pub async fn rename_folder(&self, account: i64, from: &str, to: &str) -> Result<bool, Error> {
        let names: Arc<(String, String)> = Arc::new((canonical(from)?, canonical(to)?));
        let now = self.seconds();
        let watchers = Arc::clone(&self.inner.watchers);
        let inbox = self
            .db()
            .write_then(
                move |tx| {
                    let names = Arc::clone(&names);
                    Box::pin(async move { rename(tx, account, &names.0, &names.1, now).await })
                },
                move |moved| {
                    if let Some(folders) = moved {
                        folders.iter().for_each(|(folder, modseq)| watchers.announce(*folder, *modseq));
                    }
                },
            )
            .await?;
        Ok(inbox.is_some())
    }

    /// Deletes a folder and its messages; folders below it stay.
    ///
    /// # Errors
    /// [`Error::Invalid`] for INBOX; [`Error::Missing`] where it is gone already; else what the database says.
    pub async fn delete_folder(&self, folder: i64) -> Result<(), Error> {
        let watchers = Arc::clone(&self.inner.watchers);
        self.db().write_then(move |tx| Box::pin(delete(tx, folder)), move |()| watchers.gone(folder)).await
    }

    fn seconds(&self) -> i64 {
        self.inner.clock.now().as_second()
    }
}

fn folder(row: &AnyRow) -> Result<Folder, Error> {
    Ok(Folder {
        id: row.try_get(0)?,
        account: row.try_get(1)?,
        name: row.try_get(2)?,
        special_use: row.try_get(3)?,
        uid_validity: uid(row.try_get(4)?)?,
        subscribed: row.try_get::<i64, _>(5)? != 0,
    })
}

/// The name as it is stored: no trailing `/`, INBOX in capitals.
fn canonical(name: &str) -> Result<String, Error> {
    let name = name.strip_suffix('/').unwrap_or(name);
    if name.len() > LONGEST {
        return Err(Error::invalid(format!("a folder's name has {LONGEST} bytes at most")));
    }
    if name.split('/').any(str::is_empty) || name.contains(char::is_control) {
        return Err(Error::invalid("a folder's name has no empty part and no control character"));
    }
    let (first, rest) = name.split_at(name.find('/').unwrap_or(name.len()));
    let first = if first.eq_ignore_ascii_case(INBOX) { INBOX } else { first };
    Ok(format!("{first}{rest}"))
}

async fn create_account(tx: &mut Tx, address: &str, now: i64) -> Result<Account, Error> {
    let known = db::query("SELECT id FROM account WHERE address = $1", Values::new().text(address));
    if let Some(row) = known.fetch_optional(&mut *tx).await? {
        return Ok(Account { id: row.try_get(0)?, address: address.to_owned() });
    }
    let id = db::reserve(tx, "account", 1).await?;
    db::query(
        "INSERT INTO account (id, address, uid_validity) VALUES ($1, $2, 0)",
        Values::new().int(id).text(address),
    )
    .execute(&mut *tx)
    .await?;
    insert(tx, id, &FOLDERS.map(|(name, special)| (name.to_owned(), special)), true, now).await?;
    Ok(Account { id, address: address.to_owned() })
}

/// Inserts folders that do not exist, and returns them.
async fn insert(
    tx: &mut Tx,
    account: i64,
    names: &[(String, Option<&'static str>)],
    subscribed: bool,
    now: i64,
) -> Result<Vec<Folder>, Error> {
    let count = i64::try_from(names.len()).unwrap_or(i64::MAX);
    let mut validity = next_validity(tx, account, now, count).await?;
    let mut id = db::reserve(tx, "folder", count).await?;
    let mut folders = Vec::with_capacity(names.len());
    for (name, special) in names {
        folders.push(Folder {
            id,
            account,
            name: name.clone(),
            special_use: special.map(str::to_owned),
            uid_validity: uid(validity)?,
            subscribed: subscribed | subscription::found(tx, account, name).await?,
        });
        (id, validity) = (id + 1, validity + 1);
    }
    FOLDER
        .run(tx, &folders, |values, folder| {
            values
                .int(folder.id)
                .int(folder.account)
                .text(folder.name.as_str())
                .opt_text(folder.special_use.as_deref())
                .int(folder.uid_validity.into())
                .int(1)
                .int(1)
                .int(folder.subscribed.into())
        })
        .await?;
    Ok(folders)
}

/// Takes `count` UIDVALIDITY values: the second it is, or what follows the account's last one.
async fn next_validity(tx: &mut Tx, account: i64, now: i64, count: i64) -> Result<i64, Error> {
    let text = "UPDATE account SET uid_validity = \
         CASE WHEN uid_validity >= $2 THEN uid_validity + $3 ELSE $2 + $3 - 1 END \
         WHERE id = $1 RETURNING uid_validity - $3 + 1";
    let row = db::query(text, Values::new().int(account).int(now).int(count)).fetch_optional(tx).await?;
    Ok(row.ok_or_else(|| Error::missing(format!("account {account}")))?.try_get(0)?)
}

async fn names(tx: &mut Tx, account: i64) -> Result<Vec<(i64, String)>, Error> {
    let text = "SELECT id, name FROM folder WHERE account = $1";
    let rows = db::query(text, Values::new().int(account)).fetch_all(tx).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

async fn create(
    tx: &mut Tx,
    account: i64,
    name: &str,
    special: Option<&'static str>,
    now: i64,
) -> Result<Option<Folder>, Error> {
    let known: BTreeSet<String> = names(tx, account).await?.into_iter().map(|(_, name)| name).collect();
    if known.contains(name) {
        return Ok(None);
    }
    let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
    let missing: Vec<(String, Option<&'static str>)> = ends
        .map(|end| name[..end].to_owned())
        .filter(|path| !known.contains(path))
        .map(|path| if path == name { (path, special) } else { (path, None) })
        .collect();
    if known.len() + missing.len() > MOST {
        return Err(Error::invalid(format!("an account has {MOST} folders at most")));
    }
    Ok(insert(tx, account, &missing, false, now).await?.pop())
}

/// The folders whose messages were moved, or `None` where nothing could be done.
async fn rename(
    tx: &mut Tx,
    account: i64,
    from: &str,
    to: &str,
    now: i64,
) -> Result<Option<Vec<(i64, u64)>>, Error> {
    let known = names(tx, account).await?;
    let find = |name: &str| known.iter().find(|(_, known)| known == name).map(|(id, _)| *id);
    let Some(source) = find(from) else { return Ok(None) };
    if from == INBOX {
        let Some(target) = create(tx, account, to, None, now).await? else { return Ok(None) };
        return Ok(Some(move_all(tx, source, target.id, now.saturating_mul(1_000_000)).await?.changed));
    }
    let below = |name: &str, root: &str| name.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
    if below(to, from) {
        return Ok(None);
    }
    let mut moved: Vec<(i64, &str, String)> = known
        .iter()
        .filter(|(_, name)| name == from || below(name, from))
        .map(|(id, name)| (*id, name.as_str(), format!("{to}{}", &name[from.len()..])))
        .collect();
    let stays = |name: &str| find(name).is_some_and(|id| !moved.iter().any(|(moved, ..)| *moved == id));
    if moved.iter().any(|(_, _, new)| stays(new)) || find(to).is_some() {
        return Ok(None);
    }
    if let Some((parent, _)) = to.rsplit_once('/')
        && find(parent).is_none()
    {
        create(tx, account, parent, None, now).await?;
    }
    // Shortest first: a name that a shorter one frees is free when its turn comes.
    moved.sort_by_key(|(_, old, _)| old.len());
    for (id, _, new) in moved {
        let values = Values::new().int(id).text(new);
        db::query("UPDATE folder SET name = $2 WHERE id = $1", values).execute(&mut *tx).await?;
    }
    Ok(Some(Vec::new()))
}

async fn delete(tx: &mut Tx, folder: i64) -> Result<(), Error> {
    let row = db::query("SELECT name FROM folder WHERE id = $1", Values::new().int(folder))
        .fetch_optional(&mut *tx)
        .await?
        .ok_or_else(|| Error::missing(format!("folder {folder}")))?;
    if row.try_get::<String, _>(0)? == INBOX {
        return Err(Error::invalid("INBOX cannot be deleted"));
    }
    hold(tx, &[folder]).await?;
    let rows = db::query("SELECT body FROM message WHERE folder = $1", Values::new().int(folder))
        .fetch_all(&mut *tx)
        .await?;
    let bodies = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    release(tx, bodies.into_iter()).await?;
    subscription::lose(tx, folder).await?;
    for text in [
        "DELETE FROM message WHERE folder = $1",
        "DELETE FROM message_head WHERE folder = $1",
        "DELETE FROM expunged WHERE folder = $1",
        "DELETE FROM folder WHERE id = $1",
    ] {
        db::query(text, Values::new().int(folder)).execute(&mut *tx).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stored_in_one_form() {
        assert_eq!(canonical("inbox").unwrap(), "INBOX");
        assert_eq!(canonical("Inbox/a/").unwrap(), "INBOX/a");
        assert_eq!(canonical("inboxes").unwrap(), "inboxes");
        for bad in ["", "/", "a//b", "/a", "a\u{7}", &"x".repeat(LONGEST + 1)] {
            assert!(matches!(canonical(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }
}
