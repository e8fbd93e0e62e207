//! `kill -9` in the middle of the work: what was acknowledged is there, byte for byte, with its events.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use journal::{Journal, Query};
use kernel::Clock;
use mailstore::MailStore;
use wire::{Fact, Origin, Service};

use crate::mail;

const PLACE: &str = "VAGUEMESTRE_TEST_CRASH_DIRECTORY";

/// Sizes on both sides of what is written ahead.
fn size(n: u64) -> usize {
    if n.is_multiple_of(5) { 600_000 } else { 4_096 }
}

async fn open(directory: &str) -> (db::Db, MailStore, Journal) {
    let db = db::Db::open_sqlite(&std::path::Path::new(directory).join("mail.db")).await.unwrap();
    let store = MailStore::open(&db, Clock::system()).await.unwrap();
    let journal = Journal::open(&db, Clock::system()).await.unwrap();
    (db, store, journal)
}

/// Not a test by itself: what the other one starts in a process of its own, and kills.
#[tokio::test]
async fn child() {
    let Ok(directory) = std::env::var(PLACE) else { return };
    let (db, store, journal) = open(&directory).await;
    let account = store.create_account("a@test").await.unwrap();
    let inbox = store.folder(account.id, "INBOX").await.unwrap().unwrap().id;
    let tasks: Vec<_> = (0..4u64)
        .map(|worker| {
            let (db, store, journal) = (db.clone(), store.clone(), journal.clone());
            tokio::spawn(async move {
                let mut tap = journal.connect(Origin {
                    service: Service::Smtp,
                    peer: String::from("127.0.0.1:1"),
                    port: 1,
                    implicit_tls: false,
                    run: None,
                });
                for n in (0..).map(|n| n * 4 + worker) {
                    let mut body = store.body();
                    body.push(&mail(n, size(n))).await.unwrap();
                    tap.record(Fact::Note { text: format!("mail {n}") });
                    let mut unit = db::Unit::new();
                    tap.take_into(&mut unit);
                    let delivery = mailstore::Delivery {
                        body: body.finish(),
                        trace: bytes::Bytes::new(),
                        folders: vec![inbox],
                        flags: mailstore::Flags::default(),
                        internal_date: Clock::system().now(),
                    };
                    let ticket = store.deliver_into(&mut unit, delivery);
                    let uid = db.commit(unit).await.unwrap().take(ticket).uids[0];
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "ok {n} {uid}").unwrap();
                    out.flush().unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    let mut acknowledged: Vec<(u64, u32)> = Vec::new();
    for round in 0..2 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--nocapture"])
            .env(PLACE, place)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = (round + 1) * 50;
        while acknowledged.len() < wanted {
            let line = lines.next().expect("the child goes on until it is killed").unwrap();
            // The test harness's own words may stand on the same line, before the first one.
            if let Some((_, rest)) = line.split_once("ok ")
                && let Some((n, uid)) = rest.split_once(' ')
            {
                acknowledged.push((n.parse().unwrap(), uid.parse().unwrap()));
            }
        }
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        // What it said before it died counts too.
        for line in lines.map_while(Result::ok) {
            if let Some((n, uid)) = line.strip_prefix("ok ").and_then(|rest| rest.split_once(' '))
                && let (Ok(n), Ok(uid)) = (n.parse(), uid.parse())
            {
                acknowledged.push((n, uid));
            }
        }
        let (db, store, journal) = open(place).await;
        let account = store.account("a@test").await.unwrap().unwrap();
        let inbox = store.folder(account.id, "INBOX").await.unwrap().unwrap().id;
        let events = journal.events(&Query::default()).await.unwrap();
        let rows = store.rows(inbox).await.unwrap();
        for (n, uid) in &acknowledged {
            let meta =
                store.meta(inbox, &[*uid]).await.unwrap().pop().expect("an acknowledged mail is there");
            assert_eq!(
                store.read_body(meta.body, 0, u64::MAX).await.unwrap(),
                mail(*n, size(*n)),
                "mail {n}"
            );
        }
        // Mail and event are of one commit: as many of one as of the other, acknowledged or not.
        let notes = events.iter().filter(|event| matches!(event.fact, Fact::Note { .. })).count();
        assert_eq!(notes, rows.len());
        assert!(store.status(inbox).await.unwrap().uid_next > rows.last().unwrap().uid);
        db.close().await;
    }
}
