//! The writer, the readers and the schema on real files (and on PostgreSQL where a URL is given).

#![allow(clippy::unwrap_used)] // a test says what went wrong by its panic

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use db::{Applier, BoxFuture, Db, Error, Insert, Tx, Unit, Values};
use sqlx::Row as _;

static NOTE: Insert = Insert::new("INSERT INTO note (id, text)", 2);
const TABLE: &str = "CREATE TABLE note (id BIGINT PRIMARY KEY, text TEXT NOT NULL)";

/// Writes texts; refuses one that says so; counts its calls and notices.
#[derive(Clone, Default)]
struct Notes {
    calls: Arc<AtomicUsize>,
    seen: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Applier for Notes {
    type Item = String;
    type Reply = i64;

    fn apply<'a>(&'a self, tx: &'a mut Tx, items: &'a [String]) -> BoxFuture<'a, Result<Vec<i64>, Error>> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            assert!(!items.iter().any(|text| text == "panic"), "asked to");
            let first = db::reserve(tx, "note", i64::try_from(items.len()).unwrap()).await?;
            let rows: Vec<_> = (first..).zip(items).collect();
            NOTE.run(tx, &rows, |values, (id, text)| values.int(*id).text(text.as_str())).await?;
            if items.iter().any(|text| text == "poison") {
                return Err(Error::invalid("poison"));
            }
            Ok(rows.iter().map(|(id, _)| *id).collect())
        })
    }

    fn committed(&self, items: &[String], _replies: &[i64]) {
        self.seen.lock().unwrap().extend_from_slice(items);
    }
}

async fn open(directory: &tempfile::TempDir) -> Db {
    let db = Db::open_sqlite(&directory.path().join("t é?#%20.db")).await.unwrap();
    db.migrate("note", &[TABLE]).await.unwrap();
    db
}

async fn texts(db: &Db) -> Vec<String> {
    let rows =
        db::query("SELECT text FROM note ORDER BY id", Values::new()).fetch_all(db.reader()).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn unit(handle: &db::Handle<Notes>, text: &str) -> (Unit, db::Ticket<Notes>) {
    let mut unit = Unit::new();
    let ticket = unit.push(handle, text.to_owned());
    (unit, ticket)
}

async fn pragma(conn: &mut Tx, name: &str) -> String {
    let row = db::query(format!("PRAGMA {name}"), Values::new()).fetch_one(conn).await.unwrap();
    row.try_get::<i64, _>(0).map_or_else(|_| row.get(0), |number| number.to_string())
}

#[tokio::test]
async fn every_connection_is_durable() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory).await;
    let names = ["journal_mode", "synchronous", "foreign_keys", "busy_timeout"];
    let wanted = ["wal", "2", "1", "5000"];
    let writer = db
        .write(move |tx| {
            Box::pin(async move {
                let mut found = Vec::new();
                for name in names {
                    found.push(pragma(tx, name).await);
                }
                Ok(found)
            })
        })
        .await
        .unwrap();
    assert_eq!(writer, wanted);
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(db.reader().acquire().await.unwrap());
    }
    for reader in &mut held {
        for (name, value) in names.iter().zip(wanted).chain([(&"query_only", "1")]) {
            assert_eq!(pragma(reader, name).await, value, "{name}");
        }
        let refused = db::query("DELETE FROM note", Values::new()).execute(&mut **reader).await;
        assert!(Error::from(refused.unwrap_err()).is_unwritable());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory).await;
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.file_name());
    }
    db.close().await;
}

#[tokio::test]
async fn waiting_units_share_a_commit() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory).await;
    let notes = Notes::default();
    let handle = db.register(notes.clone());
    let before = db.stats();
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let (db, handle) = (db.clone(), handle.clone());
            tokio::spawn(async move {
                for round in 0..20 {
                    let (unit, ticket) = unit(&handle, &format!("{n} {round}"));
                    assert!(db.commit(unit).await.unwrap().take(ticket) > 0);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let after = db.stats();
    assert_eq!(after.units - before.units, 400);
    let commits = after.commits - before.commits;
    assert!(commits <= 100, "400 units of 20 callers took {commits} commits");
    assert_eq!(texts(&db).await.len(), 400);
    let stored = texts(&db).await;
    assert_eq!(*notes.seen.lock().unwrap(), stored, "notices come in commit order");
}

#[tokio::test]
async fn a_poisoned_unit_harms_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory).await;
    let notes = Notes::default();
    let handle = db.register(notes.clone());
    let answers = ["a", "poison", "b", "panic", "c"].map(|text| {
        let (db, unit) = (db.clone(), unit(&handle, text).0);
        async move { db.commit(unit).await.map(drop) }
    });
    // All five are queued before the writer takes the first: this runtime has one thread.
    let answers = futures_util::future::join_all(answers).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, false, true]);
    assert!(matches!(&answers[1], Err(Error::Invalid(what)) if what == "poison"));
    assert_eq!(texts(&db).await, ["a", "b", "c"]);
    assert_eq!(*notes.seen.lock().unwrap(), ["a", "b", "c"], "only what was committed is announced");
    assert_eq!((db.stats().retries, db.stats().failures), (1, 2));
}

#[tokio::test]
async fn a_failing_closure_undoes_only_itself() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory).await;
    let handle = db.register(Notes::default());
    let failing = db.write(|tx| {
        Box::pin(async move {
            db::query("INSERT INTO note (id, text) VALUES (1000, 'undone')", Values::new())
                .execute(tx)
                .await?;
            Err::<(), _>(Error::invalid("after the insert"))
        })
    });
    let (kept, ticket) = unit(&handle, "kept");
    let (failed, committed) = futures_util::future::join(failing, db.commit(kept)).await;
    assert!(matches!(failed, Err(Error::Invalid(_))));
    assert_eq!(committed.unwrap().take(ticket), 1);
    assert_eq!(texts(&db).await, ["kept"]);
    let twice = || {
        db.write(|tx| {
            Box::pin(async move {
                db::query("INSERT INTO note (id, text) VALUES (2000, 'once')", Values::new())
                    .execute(tx)
                    .await?;
                Ok(())
            })
        })
    };
    twice().await.unwrap();
    let error = twice().await.unwrap_err();
    assert!(error.is_duplicate() && !error.is_temporary() && !error.is_unwritable(), "{error}");
}

#[tokio::test]
async fn what_was_submitted_is_there_after_a_barrier_and_after_close() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory).await;
    let handle = db.register(Notes::default());
    for n in 0..600 {
        db.submit(unit(&handle, &n.to_string()).0);
    }
    db.barrier().await.unwrap();
    let wanted: Vec<String> = (0..600).map(|n| n.to_string()).collect();
    assert_eq!(texts(&db).await, wanted);
    db.submit(unit(&handle, "last").0);
    db.close().await;
    assert!(matches!(db.commit(unit(&handle, "too late").0).await, Err(Error::Closed)));
    let again = open(&directory).await;
    assert_eq!(texts(&again).await.len(), 601);
}

#[tokio::test]
async fn a_unit_of_another_database_is_refused() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, two) = (open(&one).await, open(&two).await);
    let handle = one.register(Notes::default());
    two.register(Notes::default());
    assert!(matches!(two.commit(unit(&handle, "lost").0).await, Err(Error::Other(_))));
}

#[tokio::test]
async fn migrations_are_applied_once_and_a_newer_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory).await;
    db.migrate("note", &[TABLE]).await.unwrap();
    db.migrate(
        "note",
        &[TABLE, "ALTER TABLE note ADD COLUMN more TEXT; CREATE INDEX note_more ON note (more)"],
    )
    .await
    .unwrap();
    let error = db.migrate("note", &[TABLE]).await.unwrap_err();
    assert!(matches!(&error, Error::Newer { component, found: 2, known: 1 } if component == "note"));
    assert_eq!(error.code(), Some("data_newer"));
    // A migration that fails in its middle leaves nothing behind.
    assert!(
        db.migrate("half", &["CREATE TABLE half (id BIGINT); CREATE TABLE half (id BIGINT)"]).await.is_err()
    );
    db.migrate("half", &["CREATE TABLE half (id BIGINT)"]).await.unwrap();
}

#[tokio::test]
async fn a_place_that_cannot_be_written_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let error = Db::open_sqlite(&directory.path().join("missing/t.db")).await.unwrap_err();
    assert_eq!(error.code(), Some("data_unwritable"), "{error}");
    let error = Db::open_sqlite(directory.path()).await.unwrap_err();
    assert_eq!(error.code(), Some("data_unwritable"), "{error}");
    std::fs::write(directory.path().join("text.db"), "this is not a database, but a text of some length")
        .unwrap();
    let error = Db::open_sqlite(&directory.path().join("text.db")).await.unwrap_err();
    assert!(error.code().is_none() && !error.is_temporary(), "{error}");
    assert!(matches!(Db::open_postgres("mysql://user:hunter2@localhost/x").await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_full_disk_is_told_and_passes() {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory).await;
    let handle = db.register(Notes::default());
    let limit = |pages: i64| {
        db.write(move |tx| {
            Box::pin(async move {
                // SQLite's own limit answers as a full disk does.
                db::query(format!("PRAGMA max_page_count = {pages}"), Values::new()).fetch_all(tx).await?;
                Ok(())
            })
        })
    };
    limit(16).await.unwrap();
    let big = "x".repeat(1_000_000);
    let small = db.commit(unit(&handle, "small").0);
    let (big_answer, small) = futures_util::future::join(db.commit(unit(&handle, &big).0), small).await;
    let error = big_answer.err().expect("a megabyte does not fit in 16 pages");
    assert!(error.is_unwritable() && error.is_temporary(), "{error}");
    assert!(small.is_ok(), "what fits is still written");
    limit(1_000_000).await.unwrap();
    db.commit(unit(&handle, &big).0).await.unwrap();
}

#[tokio::test]
async fn another_process_that_writes_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (open(&directory).await, open(&directory).await);
    let (first, second) = (one.register(Notes::default()), two.register(Notes::default()));
    for n in 0..20 {
        let commits =
            (one.commit(unit(&first, &n.to_string()).0), two.commit(unit(&second, &n.to_string()).0));
        let (a, b) = futures_util::future::join(commits.0, commits.1).await;
        assert!(a.is_ok() && b.is_ok());
    }
    assert_eq!(texts(&one).await.len(), 40);
}

#[tokio::test]
async fn a_server_that_goes_away_is_found_again() {
    let Ok(url) = std::env::var("VAGUEMESTRE_TEST_POSTGRES") else {
        println!("SKIP postgresql: VAGUEMESTRE_TEST_POSTGRES is not set");
        return;
    };
    let db = Db::open_postgres(&url).await.unwrap();
    let kill = || {
        db.write(|tx| {
            Box::pin(async move {
                db::query("SELECT pg_terminate_backend(pg_backend_pid())", Values::new()).execute(tx).await?;
                Ok(())
            })
        })
    };
    let error = kill().await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    db.write(|tx| Box::pin(async move { db::reserve(tx, "test", 1).await })).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_of_a_database_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (directory.path().join("from.db"), directory.path().join("to.db"));
    let db = Db::open_sqlite(&from).await.unwrap();
    db.migrate("t", &["CREATE TABLE t (n BIGINT PRIMARY KEY, pad TEXT)"]).await.unwrap();
    let writer = {
        let db = db.clone();
        tokio::spawn(async move {
            for n in 1..=300_i64 {
                db.write(move |tx| {
                    Box::pin(async move {
                        let values = Values::new().int(n).text("x".repeat(2_000));
                        db::query("INSERT INTO t (n, pad) VALUES ($1, $2)", values).execute(tx).await?;
                        Ok(())
                    })
                })
                .await
                .unwrap();
            }
        })
    };
    while db.stats().units < 50 {
        tokio::task::yield_now().await;
    }
    db::snapshot(&from, &to).await.unwrap();
    writer.await.unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&to).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let copy = Db::open_sqlite(&to).await.unwrap();
    let row =
        db::query("SELECT count(*), max(n) FROM t", Values::new()).fetch_one(copy.reader()).await.unwrap();
    let (count, last): (i64, i64) = (row.get(0), row.get(1));
    assert!(count == last && (49..=300).contains(&count), "{count} rows, the last one is {last}");
    assert_eq!(copy.versions().await.unwrap(), [(String::from("t"), 1)]);
    assert!(copy.integrity().await.unwrap().is_empty());
    let again = db::snapshot(&from, &to).await.unwrap_err();
    assert!(matches!(again, db::Error::Invalid(_)) && to.exists(), "{again}");
    let nowhere = db::snapshot(&from, &directory.path().join("no/to.db")).await.unwrap_err();
    assert!(nowhere.is_unwritable(), "{nowhere}");
}
