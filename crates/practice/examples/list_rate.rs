//! How fast the work list answers: a practice of 100 000 documents, filters of every kind, pages from the first to the
//! last, and what each page weighs.
//!
//! `cargo run --release -p practice --example list_rate [rows] [pages]`. Prints a line per filter: p50 and p95 of a page in
//! milliseconds (both statements, rows read back), octets of the largest page as JSON, and whether the goal is met
//! (p95 ≤ 25 ms, 40 KB a page of 50).

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)] // a measure speaks on its standard output

#[path = "../src/list/tests/fill.rs"]
mod fill;

use std::time::Instant;

use db::Db;
use kernel::{Clock, Timestamp};
use practice::{Cursor, Filter, Key, Practice, Provenance, Setting, Sort, Standing, State};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().unwrap());
    let (rows, pages) = (arguments.next().unwrap_or(100_000), arguments.next().unwrap_or(40));
    let directory = tempfile::tempdir().unwrap();
    let db = Db::open_sqlite(&directory.path().join("lps.db")).await.unwrap();
    let clock = Clock::manual(Timestamp::from_millisecond(fill::NOW).unwrap()).0;
    let practice = Practice::open(db.clone(), clock, Setting::default()).await.unwrap();
    let start = Instant::now();
    fill::fill(&db, rows, 7).await;
    let size = std::fs::metadata(directory.path().join("lps.db")).unwrap().len();
    println!("{rows} rows filled in {:.1} s, {} MB", start.elapsed().as_secs_f64(), size / 1_000_000);
    println!("{:<34} {:>6} {:>8} {:>8} {:>8}", "filter", "pages", "p50 ms", "p95 ms", "octets");
    for (name, filter) in filters() {
        measure(&practice, name, &filter, pages).await;
    }
    for (name, filter) in [("counts of all", Filter::default()), ("counts of mine", mine(|filter| filter))] {
        let mut times = Vec::new();
        for _ in 0..pages {
            let start = Instant::now();
            practice.counts(&filter).await.unwrap();
            times.push(start.elapsed().as_secs_f64() * 1_000.0);
        }
        tell(name, times, 0);
    }
}

/// The first pages, one after the other, over and over until there are enough.
async fn measure(practice: &Practice, name: &str, filter: &Filter, pages: usize) {
    let (mut times, mut largest) = (Vec::new(), 0);
    let mut after: Option<Cursor> = None;
    for _ in 0..pages {
        let start = Instant::now();
        let page = practice.rows(filter, after.as_ref(), 50).await.unwrap();
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
        largest = largest.max(serde_json::to_vec(&page).unwrap().len());
        after = page.next;
    }
    tell(name, times, largest);
}

fn tell(name: &str, mut times: Vec<f64>, octets: usize) {
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize];
    let (middle, most) = (at(0.5), at(0.95));
    let verdict = if most <= 25.0 && octets <= 40 * 1_024 { "" } else { "  over" };
    println!("{name:<34} {:>6} {middle:>8.2} {most:>8.2} {octets:>8}{verdict}", times.len());
}

fn mine(change: impl FnOnce(Filter) -> Filter) -> Filter {
    change(Filter { viewer: Key::parse("doctor"), ..Filter::default() })
}

fn filters() -> Vec<(&'static str, Filter)> {
    let all = Filter::default;
    let text = |text: &str| Some(text.to_owned());
    let day = |ago: i64| Timestamp::from_millisecond(fill::NOW - ago * 86_400_000).ok();
    vec![
        ("all", all()),
        ("all, oldest first", Filter { reversed: true, ..all() }),
        ("to do", Filter { states: vec![State::ToDo], ..all() }),
        ("to do, mine", mine(|filter| Filter { states: vec![State::ToDo], ..filter })),
        (
            "filed, mine, by patient",
            mine(|f| Filter { states: vec![State::Filed], sort: Sort::Patient, ..f }),
        ),
        ("to do, by patient", Filter { states: vec![State::ToDo], sort: Sort::Patient, ..all() }),
        ("to do, by type", Filter { states: vec![State::ToDo], sort: Sort::Type, ..all() }),
        ("to do, by date made", Filter { states: vec![State::ToDo], sort: Sort::Made, ..all() }),
        ("history, newest first", Filter { states: vec![State::History], ..all() }),
        ("dismissed and deleted", Filter { states: vec![State::Dismissed, State::Deleted], ..all() }),
        ("unread, mine", mine(|filter| Filter { unread: true, ..filter })),
        ("unread, mine, by patient", mine(|filter| Filter { unread: true, sort: Sort::Patient, ..filter })),
        ("from patients", Filter { provenance: Some(Provenance::Patient), ..all() }),
        ("from an operator (none)", Filter { provenance: Some(Provenance::Operator), ..all() }),
        ("one patient", Filter { patient: Key::parse("patient-17"), ..all() }),
        ("critical", Filter { critical: true, ..all() }),
        ("critical, waiting", Filter { unacknowledged: true, reversed: true, ..all() }),
        ("requests", Filter { request: true, ..all() }),
        ("assigned", Filter { assigned: Key::parse("doctor"), ..all() }),
        ("a period of long ago", Filter { from: day(800), until: day(700), ..all() }),
        ("a period, by type", Filter { from: day(800), until: day(790), sort: Sort::Type, ..all() }),
        ("a rare type", Filter { type_code: text("11488-4"), ..all() }),
        ("no such type", Filter { type_code: text("0-0"), ..all() }),
        ("doubles", Filter { standing: Some(Standing::Duplicate), ..all() }),
        ("a rare word, of long ago", Filter { text: text("retraite"), ..all() }),
        ("an author", Filter { text: text("auteur77"), ..all() }),
        ("a name", Filter { text: text("martin1"), ..all() }),
        ("a name and a type", Filter { text: text("martin12 imagerie"), ..all() }),
        ("a frequent word", Filter { text: text("biologiques"), ..all() }),
        ("two frequent words, mine", mine(|filter| Filter { text: text("biolog auteur1"), ..filter })),
        ("no such word", Filter { text: text("zzz"), ..all() }),
    ]
}
