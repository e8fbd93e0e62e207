//! Subscriptions. A folder that exists carries its own; that of a deleted one stays, by name, until somebody
//! unsubscribes or creates the folder again (RFC 3501 §6.3.6: a server does not unsubscribe by itself).

use std::sync::Arc;

use db::{Error, Tx, Values};
use sqlx::Row as _;

use crate::MailStore;

/// Names kept for an account at most: as many as it has folders.
const MOST: i64 = 5_000;

impl MailStore {
    /// Changes whether LSUB shows a folder.
    ///
    /// # Errors
    /// [`Error::Missing`] where it is gone; else what the database says.
    pub async fn subscribe(&self, folder: i64, subscribed: bool) -> Result<(), Error> {
        self.db()
            .write(move |tx| {
                Box::pin(async move {
                    let values = Values::new().int(folder).int(i64::from(subscribed));
                    let done = db::query("UPDATE folder SET subscribed = $2 WHERE id = $1", values);
                    match done.execute(tx).await?.rows_affected() {
                        0 => Err(Error::missing(format!("folder {folder}"))),
                        _ => Ok(()),
                    }
                })
            })
            .await
    }

    /// Subscribed names whose folders were deleted, by name.
    ///
    /// # Errors
    /// What the database says.
    pub async fn lost_subscriptions(&self, account: i64) -> Result<Vec<String>, Error> {
        let text = "SELECT name FROM lost_subscription WHERE account = $1";
        let rows = db::query(text, Values::new().int(account)).fetch_all(self.db().reader()).await?;
        let mut names = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
        names.sort(); // here: the two databases do not agree on the order of text
        Ok(names)
    }

    /// Ends the subscription of a deleted folder. False where there is none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget_subscription(&self, account: i64, name: &str) -> Result<bool, Error> {
        let name: Arc<str> = name.into();
        self.db()
            .write(move |tx| {
                let name = Arc::clone(&name);
                Box::pin(async move { found(tx, account, &name).await })
            })
            .await
    }
}

/// Keeps the subscription of a folder that is being deleted, unless the account has [`MOST`] of them already: who
/// creates and deletes folders without end fills no table.
pub(crate) async fn lose(tx: &mut Tx, folder: i64) -> Result<(), Error> {
    let text = "INSERT INTO lost_subscription (account, name) \
                SELECT account, name FROM folder WHERE id = $1 AND subscribed = 1 AND $2 > \
                (SELECT count(*) FROM lost_subscription AS lost WHERE lost.account = folder.account) \
                ON CONFLICT (account, name) DO NOTHING";
    db::query(text, Values::new().int(folder).int(MOST)).execute(tx).await?;
    Ok(())
}

/// Takes the subscription of a deleted folder back. Whether there was one.
pub(crate) async fn found(tx: &mut Tx, account: i64, name: &str) -> Result<bool, Error> {
    let text = "DELETE FROM lost_subscription WHERE account = $1 AND name = $2";
    Ok(db::query(text, Values::new().int(account).text(name)).execute(tx).await?.rows_affected() > 0)
}
