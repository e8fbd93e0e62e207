use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use mailstore::MailStore;

/// Most accounts that are remembered; past it everything is forgotten and learnt again.
const MOST: usize = 10_000;

/// Remembers the INBOX of each account, so that a recipient costs no statement.
///
/// An INBOX keeps its number as long as its account lives; should a commit fail all the same, the accounts concerned
/// are forgotten and looked up anew.
#[derive(Default)]
pub(crate) struct Inboxes(RwLock<HashMap<i64, i64>>);

impl Inboxes {
    /// The folder's number; `None` where the account has no INBOX.
    pub(crate) async fn of(&self, store: &MailStore, account: i64) -> Result<Option<i64>, db::Error> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&account).copied();
        if known.is_some() {
            return Ok(known);
        }
        let Some(folder) = store.folder(account, "INBOX").await? else { return Ok(None) };
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= MOST {
            map.clear();
        }
        map.insert(account, folder.id);
        Ok(Some(folder.id))
    }

    pub(crate) fn forget(&self, folders: &[i64]) {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        map.retain(|_, folder| !folders.contains(folder));
    }
}
