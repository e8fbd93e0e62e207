//! What is done to a database rather than through it: a copy while it is in use, and a look at its soundness.

use std::path::Path;

use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::open::Target;
use crate::{Db, Error, Values, query};

/// Copies the SQLite file `from` to `to`, which must not exist, as one snapshot, while other processes read and write.
/// The copy is compact, has mode 0600, is on the disk when this returns, and was read back whole.
///
/// # Errors
/// [`Error::Invalid`] where `to` exists; [`Error::is_unwritable`] where there is no room; [`Error::Corrupt`] where
/// the copy does not hold together. What was written of `to` is removed.
pub async fn snapshot(from: &Path, to: &Path) -> Result<(), Error> {
    if to.exists() {
        return Err(Error::invalid(format!("{} exists already", to.display())));
    }
    let done = copy(from, to).await;
    if done.is_err() {
        let _ = std::fs::remove_file(to);
    }
    done
}

async fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let Some(name) = to.to_str() else {
        return Err(Error::invalid(format!("the path {} is not UTF-8", to.display())));
    };
    let source = Target::sqlite(from)?;
    // Made here, empty, so that it is private from its first byte; VACUUM INTO takes an empty file.
    let target = Target::sqlite(to)?;
    let mut conn = source.bare().await?;
    query("VACUUM INTO $1", Values::new().text(name)).execute(&mut conn).await?;
    conn.close().await?;
    let io = |error: std::io::Error| Error::from(sqlx::Error::Io(error));
    std::fs::File::open(to).and_then(|file| file.sync_all()).map_err(io)?;
    let mut conn = target.bare().await?;
    let problems = integrity(&mut conn).await?;
    conn.close().await?;
    match problems.first() {
        None => Ok(()),
        Some(problem) => Err(Error::corrupt(format!("the copy of the database ({problem})"))),
    }
}

impl Db {
    /// What SQLite finds wrong with the file's own structure, a line each; nothing where it is sound. PostgreSQL looks
    /// after its own: nothing.
    ///
    /// # Errors
    /// What the database says.
    pub async fn integrity(&self) -> Result<Vec<String>, Error> {
        match self.backend() {
            crate::Backend::Sqlite => integrity(&mut *self.reader().acquire().await?).await,
            crate::Backend::Postgres => Ok(Vec::new()),
        }
    }

    /// The components whose tables are here, with their versions, by name.
    ///
    /// # Errors
    /// What the database says.
    pub async fn versions(&self) -> Result<Vec<(String, i64)>, Error> {
        let text = "SELECT component, version FROM schema_version ORDER BY component";
        let rows = query(text, Values::new()).fetch_all(self.reader()).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }
}

async fn integrity(conn: &mut sqlx::AnyConnection) -> Result<Vec<String>, Error> {
    let rows = query("PRAGMA integrity_check(20)", Values::new()).fetch_all(conn).await?;
    let lines = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

impl Target {
    /// A connection that was told nothing but to wait for locks.
    async fn bare(&self) -> Result<sqlx::AnyConnection, Error> {
        let mut conn = self.options().connect().await?;
        sqlx::raw_sql("PRAGMA busy_timeout = 5000").execute(&mut conn).await?;
        Ok(conn)
    }
}
