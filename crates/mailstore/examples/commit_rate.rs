//! How many units a second: one unit is a 4 KB mail delivered to its sender's own folder with ten journal events, and is
//! waited for. `cargo run --release -p mailstore --example commit_rate -- [committers] [seconds] [directory] [learned]`;
//! with `learned`, each mail brings its structure, its searchable headers and its text.
//!
//! Run it where nothing else runs: the figure is that of the slowest of the disk and two cores.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kernel::Clock;
use wire::{Direction, Origin, Service};

const EVENTS: usize = 10;
const BODY: usize = 4_096;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let committers: usize = arguments.next().map_or(20, |text| text.parse().expect("a number of committers"));
    let seconds: u64 = arguments.next().map_or(5, |text| text.parse().expect("a number of seconds"));
    let directory = tempfile::tempdir_in(arguments.next().map_or_else(std::env::temp_dir, PathBuf::from))
        .expect("a directory to write in");
    let learned = arguments.next().map(|_| Arc::new(learned()));

    let clock = Clock::system();
    let db = match std::env::var("VAGUEMESTRE_TEST_POSTGRES") {
        Ok(url) => db::Db::open_postgres(&url).await,
        Err(_) => db::Db::open_sqlite(&directory.path().join("rate.db")).await,
    }
    .expect("the database opens");
    let journal = journal::Journal::open(&db, clock.clone()).await.expect("the journal opens");
    let store = mailstore::MailStore::open(&db, clock.clone()).await.expect("the store opens");

    let (units, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = Vec::new();
    for n in 0..committers {
        let account = store.create_account(&format!("{n}@rate.test")).await.expect("an account");
        let inbox = store.folder(account.id, "INBOX").await.expect("a read").expect("an INBOX").id;
        let (db, journal, store, clock) = (db.clone(), journal.clone(), store.clone(), clock.clone());
        let (units, stop, learned) = (Arc::clone(&units), Arc::clone(&stop), learned.clone());
        tasks.push(tokio::spawn(async move {
            let origin = Origin {
                service: Service::Smtp,
                peer: String::from("127.0.0.1:50000"),
                port: 1587,
                implicit_tls: false,
                run: None,
            };
            let mut tap = journal.connect(origin);
            let mut mail = b"From: a@rate.test\r\nTo: b@rate.test\r\nSubject: rate\r\n\r\n".to_vec();
            mail.resize(BODY, b'x');
            while stop.load(Ordering::Relaxed) == 0 {
                let mut body = store.body();
                body.push(&mail).await.expect("a small body");
                for _ in 0..EVENTS {
                    tap.line(
                        Direction::Client,
                        "RCPT TO:<somebody@mailbox.example> NOTIFY=SUCCESS,FAILURE",
                        false,
                    );
                }
                let mut unit = db::Unit::new();
                tap.take_into(&mut unit);
                let mut body = body.finish();
                body.learned = learned.clone();
                let delivery = mailstore::Delivery {
                    body,
                    trace: Bytes::from_static(b"Return-Path: <a@rate.test>\r\nReceived: from rate\r\n"),
                    folders: vec![inbox],
                    flags: mailstore::Flags::default(),
                    internal_date: clock.now(),
                };
                let ticket = store.deliver_into(&mut unit, delivery);
                let mut replies = db.commit(unit).await.expect("a commit");
                assert_eq!(replies.take(ticket).uids.len(), 1);
                units.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }

    tokio::time::sleep(Duration::from_secs(1)).await; // warm-up, not counted
    let (before, stats, start) = (units.load(Ordering::Relaxed), db.stats(), Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (done, after, elapsed) =
        (units.load(Ordering::Relaxed) - before, db.stats(), start.elapsed().as_secs_f64());
    stop.store(1, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("a committer ends well");
    }
    let commits = (after.commits - stats.commits) as f64;
    print(&format!(
        "{committers} committers, {EVENTS} events and one mail of {BODY} bytes per unit, {elapsed:.1} s: \
         {:.0} units/s, {:.0} commits/s, {:.1} units per commit",
        done as f64 / elapsed,
        commits / elapsed,
        done as f64 / commits,
    ));
    db.close().await;
}

fn learned() -> mailstore::Learned {
    let text = |text: &str| Some(text.to_owned());
    mailstore::Learned {
        structure: vec![b'x'; 400].into(),
        preview: Some("x".repeat(200)),
        heads: Some(mailstore::Heads {
            from: text("a@rate.test"),
            to: text("b@rate.test"),
            subject: text("rate"),
            sent_day: Some(20_000),
            ..mailstore::Heads::default()
        }),
        text: Some("x".repeat(BODY - 60)),
    }
}

#[allow(clippy::print_stdout)] // the figure is this program's result
fn print(line: &str) {
    println!("{line}");
}
