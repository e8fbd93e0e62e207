//! The journal on a real file: order, durability, numbers, reading back.

#![allow(clippy::unwrap_used)] // a test says what went wrong by its panic

use std::collections::BTreeSet;
use std::path::Path;

use db::{Db, Unit};
use journal::{Journal, Query, Tap};
use kernel::{Clock, Timestamp};
use wire::{ConnectionId, Direction, Event, Fact, Origin, Service};

fn origin(port: u16) -> Origin {
    Origin {
        service: Service::Smtp,
        peer: String::from("127.0.0.1:50000"),
        port,
        implicit_tls: false,
        run: None,
    }
}

fn note(text: &str) -> Fact {
    Fact::Note { text: text.to_owned() }
}

async fn open(path: &Path) -> (Db, Journal) {
    let db = Db::open_sqlite(path).await.unwrap();
    let journal = Journal::open(&db, Clock::system()).await.unwrap();
    (db, journal)
}

async fn all(journal: &Journal) -> Vec<Event> {
    journal.events(&Query::default()).await.unwrap()
}

#[tokio::test]
async fn events_are_read_back_as_they_were_stated() {
    let directory = tempfile::tempdir().unwrap();
    let start: Timestamp = "2026-11-23T10:00:00.123456Z".parse().unwrap();
    let (clock, hands) = Clock::manual(start);
    let db = Db::open_sqlite(&directory.path().join("j.db")).await.unwrap();
    let journal = Journal::open(&db, clock).await.unwrap();
    assert_eq!(journal.head().await.unwrap(), 0);
    let mut tap = journal.connect(origin(1587));
    hands.advance(std::time::Duration::from_micros(1));
    tap.line(Direction::Client, "AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIHg=\r\n", false);
    tap.flush();
    journal.barrier().await.unwrap();
    let events = all(&journal).await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].fact, Fact::Connected { origin: origin(1587) });
    assert_eq!((events[0].seq, events[0].at, events[0].service), (1, start, Service::Smtp));
    assert_eq!(events[1].at.as_microsecond() - start.as_microsecond(), 1);
    let Fact::Line { text, .. } = &events[1].fact else { panic!("a line was stated") };
    assert!(text.starts_with("AUTH XOAUTH2 [") && !text.contains("dXNl"), "{text}");
    assert_eq!(journal.head().await.unwrap(), 2);
}

#[tokio::test]
async fn what_was_flushed_before_a_commit_is_on_disk_when_it_returns() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    let (db, journal) = open(&path).await;
    let mut tap = journal.connect(origin(1));
    tap.record(note("flushed"));
    tap.flush();
    tap.record(note("with the unit"));
    let mut unit = Unit::new();
    tap.take_into(&mut unit);
    db.commit(unit).await.unwrap();
    tap.record(note("not yet"));
    // Another opening of the file, as another process does it.
    let (_other, seen) = open(&path).await;
    let facts: Vec<Fact> = all(&seen).await.into_iter().map(|event| event.fact).collect();
    assert_eq!(facts, [Fact::Connected { origin: origin(1) }, note("flushed"), note("with the unit")]);
    drop(tap);
    journal.barrier().await.unwrap();
    assert_eq!(all(&seen).await.last().unwrap().fact, note("not yet"), "dropping a tap flushes it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_and_the_table_agree() {
    let directory = tempfile::tempdir().unwrap();
    let (_db, journal) = open(&directory.path().join("j.db")).await;
    let mut stream = journal.subscribe();
    let tasks: Vec<_> = (0..8)
        .map(|port| {
            let journal = journal.clone();
            tokio::spawn(async move {
                let mut tap = journal.connect(origin(port));
                for n in 0..50 {
                    tap.record(note(&n.to_string()));
                    if n % 7 == 0 {
                        tap.flush();
                        tap.ready().await;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    journal.barrier().await.unwrap();
    let table = all(&journal).await;
    assert_eq!(table.len(), 8 * 51);
    for event in &table {
        assert_eq!(&*stream.recv().await.unwrap(), event);
    }
    assert!(table.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    // Within a connection, the order is the one in which facts were stated.
    let connections: BTreeSet<ConnectionId> = table.iter().map(|event| event.connection).collect();
    assert_eq!(connections.len(), 8);
    for connection in connections {
        let own = journal.events(&Query { connections: vec![connection], ..Query::default() }).await.unwrap();
        let texts: Vec<String> = own
            .iter()
            .filter_map(|event| match &event.fact {
                Fact::Note { text } => Some(text.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(texts, (0..50).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_query_is_bounded_and_its_list_may_be_long() {
    let directory = tempfile::tempdir().unwrap();
    let (_db, journal) = open(&directory.path().join("j.db")).await;
    let mut taps: Vec<Tap> = (0..700).map(|port| journal.connect(origin(port))).collect();
    for tap in taps.iter_mut().rev() {
        tap.flush();
    }
    journal.barrier().await.unwrap();
    let connections: Vec<ConnectionId> = taps.iter().map(Tap::connection).collect();
    let seqs = |events: Vec<Event>| events.into_iter().map(|event| event.seq).collect::<Vec<_>>();
    let listed = Query { connections: connections.clone(), ..Query::default() };
    assert_eq!(seqs(journal.events(&listed).await.unwrap()), (1..=700).collect::<Vec<_>>());
    let some = Query { connections, after: 10, until: 600, limit: 5 };
    assert_eq!(seqs(journal.events(&some).await.unwrap()), [11, 12, 13, 14, 15]);
    let tail = Query { after: 698, ..Query::default() };
    assert_eq!(seqs(journal.events(&tail).await.unwrap()), [699, 700]);
    let nobody = Query { connections: vec![ConnectionId(i64::MAX)], ..Query::default() };
    assert!(journal.events(&nobody).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_latest_events_of_a_kind_are_found_by_their_time() {
    let directory = tempfile::tempdir().unwrap();
    let start: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    let (clock, hands) = Clock::manual(start);
    let db = Db::open_sqlite(&directory.path().join("j.db")).await.unwrap();
    let journal = Journal::open(&db, clock).await.unwrap();
    assert_eq!(journal.since(start, "note", 10).await.unwrap(), []);
    for minute in 0..60 {
        let mut tap = journal.connect(origin(1587));
        tap.record(note(&format!("minute {minute}")));
        tap.line(Direction::Client, "{\"fact\":\"note\"}", false);
        drop(tap);
        hands.advance(std::time::Duration::from_secs(60));
    }
    journal.barrier().await.unwrap();
    for (from, limit, expected) in [(0, 100, 60), (30, 100, 30), (59, 100, 1), (60, 100, 0), (0, 3, 3)] {
        let at = start + std::time::Duration::from_secs(from * 60);
        let found = journal.since(at, "note", limit).await.unwrap();
        assert_eq!(found.len(), expected, "from minute {from}");
        assert!(found.iter().all(|event| event.at >= at && matches!(event.fact, Fact::Note { .. })));
        assert!(found.is_sorted_by_key(|event| event.seq));
        if let Some(last) = found.last() {
            assert_eq!(last.fact, note("minute 59"));
        }
    }
}

#[tokio::test]
async fn connection_numbers_are_never_given_twice() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    let mut given = BTreeSet::new();
    for _ in 0..3 {
        let (db, journal) = open(&path).await;
        for n in 0..3_000 {
            // Several blocks, without ever waiting for the database but for the runtime's own turns.
            let tap = journal.connect(origin(0));
            assert!(given.insert(tap.connection()), "{} was given before", tap.connection());
            if n % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
        // Closed without a word to the journal, as a crash does.
        db.close().await;
    }
    assert_eq!(given.len(), 9_000);
}

#[tokio::test]
async fn a_tap_that_nobody_flushes_does_not_grow_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let (db, journal) = open(&directory.path().join("j.db")).await;
    let mut tap = journal.connect(origin(1));
    for n in 0..1_000 {
        tap.record(note(&n.to_string()));
    }
    db.barrier().await.unwrap();
    let kept = all(&journal).await.len();
    assert!((700..1_001).contains(&kept), "{kept} events were handed over unasked");
}
