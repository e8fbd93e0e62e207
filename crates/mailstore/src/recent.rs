//! `\Recent` (RFC 3501 §2.3.2): a message is new to one session, the first that opens its folder after it came. One
//! mark for each folder says up to which UID sessions have been told; it moves with a compare-and-set, so that two
//! sessions, of one process or of two, never share a message.

use db::{Error, Values};
use sqlx::Row as _;

use crate::MailStore;
use crate::flags::uid;

impl MailStore {
    /// The first UID that no session has been told to be recent.
    ///
    /// # Errors
    /// [`Error::Missing`] where the folder is gone; else what the database says.
    pub async fn recent_from(&self, folder: i64) -> Result<u32, Error> {
        let row = db::query("SELECT recent_uid FROM folder WHERE id = $1", Values::new().int(folder))
            .fetch_optional(self.db().reader())
            .await?
            .ok_or_else(|| Error::missing(format!("folder {folder}")))?;
        uid(row.try_get(0)?)
    }

    /// Makes the messages below UID `next` that nobody has claimed this session's recent ones, and returns the first
    /// of them: `next` or more where there are none. Writes only where there is something to claim.
    ///
    /// # Errors
    /// As [`MailStore::recent_from`].
    pub async fn claim_recent(&self, folder: i64, next: u32) -> Result<u32, Error> {
        loop {
            let from = self.recent_from(folder).await?;
            if from >= next {
                return Ok(from);
            }
            let claimed = self
                .db()
                .write(move |tx| {
                    Box::pin(async move {
                        let text = "UPDATE folder SET recent_uid = $1 WHERE id = $2 AND recent_uid = $3";
                        let values = Values::new().int(next.into()).int(folder).int(from.into());
                        Ok(db::query(text, values).execute(tx).await?.rows_affected())
                    })
                })
                .await?;
            if claimed > 0 {
                return Ok(from);
            }
        }
    }
}
