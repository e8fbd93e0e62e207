//! One statement in a transaction of its own.

use db::{Db, Values, query};

/// Runs a statement; it may run twice, hence `Fn`.
pub(crate) async fn execute<F>(db: &Db, statement: F) -> Result<(), db::Error>
where
    F: Fn() -> (&'static str, Values) + Send + Sync + 'static,
{
    db.write(move |tx| {
        let (text, values) = statement();
        Box::pin(async move {
            query(text, values).execute(tx).await?;
            Ok(())
        })
    })
    .await
}
