//! Versions of the tables, and the few words in which the two databases differ.

use crate::{Backend, Db, Error, Tx, Values, query};

/// What every database has, whoever uses it.
pub(crate) const GROUND: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS schema_version (component TEXT PRIMARY KEY, version BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS sequence (name TEXT PRIMARY KEY, next BIGINT NOT NULL)",
];

pub(crate) async fn migrate(db: &Db, component: &'static str, migrations: &[&str]) -> Result<(), Error> {
    let backend = db.backend();
    let texts: Vec<String> = migrations.iter().map(|text| translate(backend, text)).collect();
    db.write(move |tx| {
        let texts = texts.clone();
        Box::pin(async move { bring(tx, backend, component, texts).await })
    })
    .await
}

async fn bring(
    tx: &mut Tx,
    backend: Backend,
    component: &'static str,
    texts: Vec<String>,
) -> Result<(), Error> {
    if backend == Backend::Postgres {
        // Two nodes that start together migrate one after the other; released at the end of the transaction.
        sqlx::raw_sql("SELECT pg_advisory_xact_lock(7305514)").execute(&mut *tx).await?;
    }
    let known = i64::try_from(texts.len()).unwrap_or(i64::MAX);
    let row = query("SELECT version FROM schema_version WHERE component = $1", Values::new().text(component))
        .fetch_optional(&mut *tx)
        .await?;
    let found: i64 = row.map_or(Ok(0), |row| sqlx::Row::try_get(&row, 0))?;
    if found > known {
        return Err(Error::Newer { component: component.to_owned(), found, known });
    }
    if found == known {
        return Ok(());
    }
    for text in texts.into_iter().skip(usize::try_from(found).unwrap_or(0)) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut *tx).await?;
    }
    query(
        "INSERT INTO schema_version (component, version) VALUES ($1, $2) \
         ON CONFLICT (component) DO UPDATE SET version = $2",
        Values::new().text(component).int(known),
    )
    .execute(&mut *tx)
    .await?;
    tracing::info!(component, from = found, to = known, "tables brought to their version");
    Ok(())
}

/// The DDL as this database wants it.
fn translate(backend: Backend, text: &str) -> String {
    match backend {
        Backend::Sqlite => text.replace("BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY"),
        Backend::Postgres => replace_word(&text.replace("WITHOUT ROWID", ""), "BLOB", "BYTEA"),
    }
}

fn replace_word(text: &str, word: &str, by: &str) -> String {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let whole = !before.ends_with(inside) && !after.starts_with(inside);
        out.push_str(before);
        out.push_str(if whole { by } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ddl_differs_in_three_words() {
        let text = "CREATE TABLE a (id BIGINT PRIMARY KEY, x BLOB, MYBLOB BLOB) WITHOUT ROWID;";
        assert_eq!(
            translate(Backend::Sqlite, text),
            "CREATE TABLE a (id INTEGER PRIMARY KEY, x BLOB, MYBLOB BLOB) WITHOUT ROWID;"
        );
        assert_eq!(
            translate(Backend::Postgres, text),
            "CREATE TABLE a (id BIGINT PRIMARY KEY, x BYTEA, MYBLOB BYTEA) ;"
        );
    }
}
