//! The directory's figures: import, size, memory, times while typing, and how often the right card is in the first ten.
//!
//! `quality --rows N [--seed S] [--questions N] [--dir DIR] [--keep]`; `bench/annuaire` runs it beside SQLite FTS5.
//! The questions are made in `questions.rs` from the rows alone and know nothing of the ranking.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub
)]

#[path = "quality/questions.rs"]
mod questions;

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use annuaire::synth::{People, write_extraction};
use annuaire::{Directory, ImportOptions, Query, Stage};
use kernel::Clock;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut rows, mut seed, mut count, mut dir, mut keep) = (100_000_u64, 1_u64, 2_000_usize, None, false);
    let mut misses = false;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("a value");
        match argument.as_str() {
            "--rows" => rows = value().parse().expect("a number"),
            "--seed" => seed = value().parse().expect("a number"),
            "--questions" => count = value().parse().expect("a number"),
            "--dir" => dir = Some(PathBuf::from(value())),
            "--keep" => keep = true,
            "--misses" => misses = true,
            other => panic!("unknown argument {other}"),
        }
    }
    let dir =
        dir.unwrap_or_else(|| std::env::temp_dir().join(format!("annuaire-quality-{}", std::process::id())));
    fs::create_dir_all(&dir).expect("a directory");
    let people = People::new(seed);
    let text = dir.join("Extraction_Correspondance_MSSante_202611230415.txt");
    let base = dir.join("annuaire");
    if !(keep && base.join("CURRENT").exists()) {
        let mut out = BufWriter::new(File::create(&text).expect("a file"));
        let figures = write_extraction(&people, rows, true, &mut out).expect("written");
        out.flush().expect("written");
        // The import runs in a process of its own, so that the memory read below is that of serving.
        let start = Instant::now();
        if std::env::var_os("ANNUAIRE_IMPORT").is_none() {
            let status = std::process::Command::new(std::env::current_exe().expect("a path"))
                .args(["--rows", &rows.to_string(), "--dir", dir.to_str().expect("UTF-8")])
                .env("ANNUAIRE_IMPORT", "1")
                .status();
            assert!(status.expect("ran").success());
        } else {
            let directory = Directory::open(&base, Clock::system()).expect("opened");
            let start = Instant::now();
            let report =
                directory.import(&[text], &ImportOptions::default(), &|_: Stage, _| {}).expect("imported");
            println!(
                "import            {:>8.1} s   {} rows, {} cards, peak {} MB",
                start.elapsed().as_secs_f64(),
                report.lines,
                report.cards,
                memory("VmHWM") / 1024
            );
            println!("on disk           {:>8.1} MB", report.bytes as f64 / 1e6);
            return;
        }
        let _ = (start, figures);
    }
    let directory = Directory::open(&base, Clock::system()).expect("opened");
    let asked = questions::make(&people, rows, count);
    if let Some(path) = std::env::var_os("ANNUAIRE_QUESTIONS") {
        let mut out = BufWriter::new(File::create(path).expect("a file"));
        for question in &asked {
            writeln!(out, "{}\t{}\t{}", question.kind, question.address, question.text).expect("written");
        }
    }
    let mut kinds: Vec<&str> = asked.iter().map(|question| question.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let of_kind: Vec<_> = asked.iter().filter(|question| question.kind == kind).collect();
        let found = of_kind.iter().filter(|question| {
            let found = directory.search(&Query::text(&question.text), 10).expect("answered");
            let hit = found
                .hits
                .iter()
                .any(|hit| hit.card.addresses.iter().any(|address| address.address == question.address));
            if !hit && misses {
                let names: Vec<String> = found
                    .hits
                    .iter()
                    .take(3)
                    .map(|hit| format!("{} {:?}", hit.card.name, hit.card.places.first()))
                    .collect();
                println!(
                    "  missed {kind}: {:?} for {} total {} {:?}",
                    question.text, question.address, found.total, names
                );
            }
            hit
        });
        let found = found.count();
        println!(
            "{kind:<17} {:>8.2} %   {found} of {}",
            found as f64 * 100.0 / of_kind.len() as f64,
            of_kind.len()
        );
    }
    // While typing: every beginning of a question, three letters and more, as a person types it; each once cold.
    let mut times: Vec<(u64, String)> = Vec::new();
    for question in asked.iter().step_by((asked.len() / 400).max(1)) {
        let letters: Vec<char> = question.text.chars().collect();
        for end in
            (1..=letters.len()).filter(|end| *end >= 2 || letters.len() < 3).step_by(2).chain([letters.len()])
        {
            let typed: String = letters[..end].iter().collect();
            let start = Instant::now();
            let found = directory.search(&Query::text(&typed), 10).expect("answered");
            std::hint::black_box(found);
            times.push((u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX), typed));
        }
    }
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].0 as f64 / 1000.0;
    println!(
        "while typing      p50 {:.2} ms  p95 {:.2} ms  p99 {:.2} ms  max {:.2} ms   {} searches",
        at(0.5),
        at(0.95),
        at(0.99),
        at(1.0),
        times.len()
    );
    let mut whole: Vec<u64> = asked
        .iter()
        .map(|question| {
            let start = Instant::now();
            std::hint::black_box(directory.search(&Query::text(&question.text), 10).expect("answered"));
            u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
        })
        .collect();
    whole.sort_unstable();
    let at = |share: f64| whole[((whole.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
    println!("whole questions   p50 {:.2} ms  p95 {:.2} ms  p99 {:.2} ms", at(0.5), at(0.95), at(0.99));
    println!("memory serving    {:>8} MB anonymous", memory("RssAnon") / 1024);
    if misses {
        for (time, typed) in times.iter().rev().take(20) {
            println!("  slow {time} us {typed:?}");
        }
    }
    if !keep {
        let _ = fs::remove_dir_all(&dir);
    }
}

/// A line of /proc/self/status, in KB.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|value| value.parse().ok()).unwrap_or(0)
}
