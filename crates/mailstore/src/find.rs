use db::{Error, Values};
use sqlx::Row as _;

use crate::MailStore;

/// A stored body that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundBody {
    /// For [`MailStore::read_body`].
    pub id: i64,
    /// Bytes in all, trace lines included.
    pub size: u64,
}

impl MailStore {
    /// The newest message of a folder whose body, as received and without its trace lines, has this SHA-256
    /// (hexadecimal). Reads the folder's narrow rows: meant for a bench, which looks up its own mail.
    ///
    /// # Errors
    /// What the database says.
    pub async fn find_body(&self, folder: i64, sha256: &str) -> Result<Option<FoundBody>, Error> {
        let text = "SELECT b.id, m.size FROM message m JOIN body b ON b.id = m.body \
                    WHERE m.folder = $1 AND b.sha256 = $2 ORDER BY m.uid DESC LIMIT 1";
        let values = Values::new().int(folder).text(sha256);
        let row = db::query(text, values).fetch_optional(self.db().reader()).await?;
        row.map(|row| {
            let size: i64 = row.try_get(1)?;
            Ok(FoundBody { id: row.try_get(0)?, size: u64::try_from(size).unwrap_or(0) })
        })
        .transpose()
    }
}
