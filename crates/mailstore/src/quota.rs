//! How much an account holds, and how much it may.
//!
//! Each folder counts its messages and bytes in the statement that numbers them, so that usage is a sum over a few
//! folders and never a scan. A limit is checked in the transaction that would pass it, after what it frees is freed:
//! a move within an account is never refused.

use std::collections::BTreeSet;

use db::{Error, Tx, Values};
use sqlx::Row as _;

use crate::MailStore;
use crate::flags::unsigned;

/// Bytes and messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Sizes of the messages, all folders together: a message in two folders counts twice (RFC 9208 STORAGE, there
    /// in units of 1 024).
    pub bytes: u64,
    /// How many messages (RFC 9208 MESSAGE).
    pub messages: u64,
}

/// What an account may hold. None: no limit, which is what a new account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaLimit {
    /// Bytes.
    pub bytes: Option<u64>,
    /// Messages.
    pub messages: Option<u64>,
}

/// What an account holds, and what it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Now.
    pub used: Usage,
    /// At most.
    pub limit: QuotaLimit,
}

const QUOTAS: &str = "SELECT a.id, a.address, a.limit_bytes, a.limit_messages, \
     cast(coalesce(sum(f.bytes), 0) AS bigint), cast(coalesce(sum(f.messages), 0) AS bigint) \
     FROM account a LEFT JOIN folder f ON f.account = a.id";
const GROUPED: &str = "GROUP BY a.id, a.address, a.limit_bytes, a.limit_messages";

impl MailStore {
    /// What the account holds and may hold.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is no such account; else what the database says.
    pub async fn quota(&self, account: i64) -> Result<Quota, Error> {
        let text = format!("{QUOTAS} WHERE a.id = $1 {GROUPED}");
        let row = db::query(text, Values::new().int(account))
            .fetch_optional(self.db().reader())
            .await?
            .ok_or_else(|| Error::missing(format!("account {account}")))?;
        quota(&row)
    }

    /// Sets what the account may hold from now on. What is there already stays, even past the limit.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is no such account; else what the database says.
    pub async fn set_quota(&self, account: i64, limit: QuotaLimit) -> Result<(), Error> {
        let stored = |limit: Option<u64>| limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
        self.db()
            .write(move |tx| {
                Box::pin(async move {
                    let values = Values::new()
                        .int(account)
                        .opt_int(stored(limit.bytes))
                        .opt_int(stored(limit.messages));
                    let text = "UPDATE account SET limit_bytes = $2, limit_messages = $3 WHERE id = $1";
                    match db::query(text, values).execute(tx).await?.rows_affected() {
                        0 => Err(Error::missing(format!("account {account}"))),
                        _ => Ok(()),
                    }
                })
            })
            .await
    }
}

/// Refuses the transaction where one of these accounts holds more than it may.
pub(crate) async fn check(tx: &mut Tx, accounts: &BTreeSet<i64>) -> Result<(), Error> {
    for account in accounts {
        // One process after the other: the second one sees what the first one has added.
        let held = db::query(
            "UPDATE account SET uid_validity = uid_validity WHERE id = $1",
            Values::new().int(*account),
        );
        held.execute(&mut *tx).await?;
        let text = format!("{QUOTAS} WHERE a.id = $1 {GROUPED}");
        let Some(row) = db::query(text, Values::new().int(*account)).fetch_optional(&mut *tx).await? else {
            continue;
        };
        let Quota { used, limit } = quota(&row)?;
        let over = |used: u64, limit: Option<u64>| limit.is_some_and(|limit| used > limit);
        if over(used.bytes, limit.bytes) || over(used.messages, limit.messages) {
            let most = match limit.bytes.filter(|limit| used.bytes > *limit) {
                Some(bytes) => format!("{bytes} bytes"),
                None => format!("{} messages", limit.messages.unwrap_or_default()),
            };
            let address: String = row.try_get(1)?;
            return Err(Error::OverQuota(format!("the mailbox {address} may hold {most} at most")));
        }
    }
    Ok(())
}

fn quota(row: &sqlx::any::AnyRow) -> Result<Quota, Error> {
    let limit = |at: usize| row.try_get::<Option<i64>, _>(at)?.map(unsigned).transpose();
    Ok(Quota {
        limit: QuotaLimit { bytes: limit(2)?, messages: limit(3)? },
        used: Usage { bytes: unsigned(row.try_get(4)?)?, messages: unsigned(row.try_get(5)?)? },
    })
}
