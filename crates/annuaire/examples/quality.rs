//! The directory's figures, one step at a time; `bench/annuaire` runs the steps beside SQLite FTS5 and prints the table.
//!
//! ```text
//! quality synth --rows N --seed S --out FILE        an extraction of invented people, with the dirt of real ones
//! quality questions --rows N --seed S --out FILE    questions about them: KIND TAB ADDRESS TAB TEXT
//! quality import --file FILE --dir DIR              imports and indexes
//! quality ask --dir DIR --questions FILE [--misses] asks, and counts
//! ```
//!
//! Each step prints one JSON object. Times are of the clock on the wall and, where named `cpu`, of the processor: on a
//! machine that does something else too, the second is what the program itself takes.
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

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use annuaire::synth::{People, write_extraction};
use annuaire::{Directory, ImportOptions, Query, Stage};
use kernel::Clock;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let step = arguments.next().expect("synth, questions, import or ask");
    let mut given: HashMap<String, String> = HashMap::new();
    while let Some(name) = arguments.next() {
        let value = if name == "--misses" { String::new() } else { arguments.next().expect("a value") };
        given.insert(name, value);
    }
    let text = |name: &str| given.get(name).unwrap_or_else(|| panic!("{name} is wanted")).as_str();
    let number =
        |name: &str, usual: u64| given.get(name).map_or(usual, |value| value.parse().expect("a number"));
    let (rows, seed) = (number("--rows", 1_000_000), number("--seed", 1));
    let figures = match step.as_str() {
        "synth" => synth(rows, seed, Path::new(text("--out"))),
        "questions" => make_questions(rows, seed, number("--count", 2_000), Path::new(text("--out"))),
        "import" => import(Path::new(text("--file")), Path::new(text("--dir"))),
        "ask" => {
            ask(Path::new(text("--dir")), Path::new(text("--questions")), given.contains_key("--misses"))
        }
        other => panic!("unknown step {other}"),
    };
    println!("{figures}");
}

fn synth(rows: u64, seed: u64, path: &Path) -> Value {
    let mut out = BufWriter::new(File::create(path).expect("a file"));
    let figures = write_extraction(&People::new(seed), rows, true, &mut out).expect("written");
    out.flush().expect("written");
    json!({"rows": figures.rows, "bytes": figures.bytes, "dirty": figures.dirty})
}

fn make_questions(rows: u64, seed: u64, count: u64, path: &Path) -> Value {
    let count = usize::try_from(count).expect("a number");
    let asked = questions::make(&People::new(seed), rows, count);
    let mut out = BufWriter::new(File::create(path).expect("a file"));
    for question in &asked {
        writeln!(out, "{}\t{}\t{}", question.kind, question.address, question.text).expect("written");
    }
    out.flush().expect("written");
    json!({"questions": asked.len()})
}

fn import(file: &Path, dir: &Path) -> Value {
    let (start, cpu) = (Instant::now(), cpu(ClockId::ProcessCPUTime));
    let stages = std::sync::Mutex::new(Vec::new());
    let told = |stage: Stage, _: u64| {
        let mut stages = stages.lock().expect("locked");
        if stages.last().is_none_or(|(last, _)| *last != stage) {
            stages.push((stage, start.elapsed().as_secs_f64()));
        }
    };
    let directory = Directory::open(dir, Clock::system()).expect("opened");
    let report = directory.import(&[file.to_owned()], &ImportOptions::default(), &told).expect("imported");
    let stages: BTreeMap<String, f64> = stages
        .into_inner()
        .expect("unlocked")
        .into_iter()
        .map(|(stage, at)| (format!("{stage:?}"), at))
        .collect();
    json!({
        "seconds": start.elapsed().as_secs_f64(),
        "cpu_seconds": (self::cpu(ClockId::ProcessCPUTime) - cpu).as_secs_f64(),
        "rows": report.lines,
        "cards": report.cards,
        "bytes": report.bytes,
        "peak_kb": memory("VmHWM"),
        "peak_anon_kb": memory("RssAnon"),
        "begun_at": stages,
    })
}

struct Asked {
    kind: String,
    address: String,
    text: String,
}

fn ask(dir: &Path, path: &Path, misses: bool) -> Value {
    let asked: Vec<Asked> = fs::read_to_string(path)
        .expect("questions")
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, '\t').map(str::to_owned);
            Some(Asked { kind: fields.next()?, address: fields.next()?, text: fields.next()? })
        })
        .collect();
    let directory = Directory::open(dir, Clock::system()).expect("opened");
    // While typing first, on a base that was just opened: every other beginning of a question, as a person types it.
    let mut typing = Times::default();
    for question in asked.iter().step_by((asked.len() / 400).max(1)) {
        for typed in beginnings(&question.text) {
            typing.time(typed, || directory.search(&Query::text(typed), 10).expect("answered"));
        }
    }
    let mut page = Times::default();
    for question in asked.iter().step_by((asked.len() / 100).max(1)) {
        for typed in beginnings(&question.text) {
            let query = Query { facets: true, ..Query::text(typed) };
            page.time(typed, || directory.search(&query, 20).expect("answered"));
        }
    }
    let mut whole = Times::default();
    let mut kinds: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for question in &asked {
        let found = whole
            .time(&question.text, || directory.search(&Query::text(&question.text), 10).expect("answered"));
        let is_it = |address: &annuaire::Address| address.address == question.address;
        let hit = found.hits.iter().any(|hit| hit.card.addresses.iter().any(is_it));
        let (right, all) = kinds.entry(&question.kind).or_default();
        *right += u64::from(hit);
        *all += 1;
        if misses && !hit {
            let first: Vec<&str> = found.hits.iter().take(3).map(|hit| hit.card.name.as_str()).collect();
            eprintln!(
                "missed {}: {:?} for {}, total {} {first:?}",
                question.kind, question.text, question.address, found.total
            );
        }
    }
    if misses {
        typing.slowest(25);
    }
    json!({
        "typing": typing.figures(),
        "page": page.figures(),
        "whole": whole.figures(),
        "right": kinds,
        "rss_anon_kb": memory("RssAnon"),
        "rss_kb": memory("VmRSS"),
    })
}

/// What is in the box while a question is typed: from the second letter on, every other letter, and the whole.
fn beginnings(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.char_indices().map(|(at, _)| at).skip(2).step_by(2).chain([text.len()]);
    ends.map(|end| &text[..end]).filter(|typed| !typed.ends_with(' '))
}

#[derive(Default)]
struct Times(Vec<(Duration, Duration, String)>);

impl Times {
    fn time<R>(&mut self, text: &str, work: impl FnOnce() -> R) -> R {
        let (start, before) = (Instant::now(), cpu(ClockId::ThreadCPUTime));
        let result = work();
        self.0.push((start.elapsed(), cpu(ClockId::ThreadCPUTime) - before, text.to_owned()));
        result
    }

    fn figures(&self) -> Value {
        let figures = |pick: fn(&(Duration, Duration, String)) -> Duration| {
            let mut times: Vec<Duration> = self.0.iter().map(pick).collect();
            times.sort_unstable();
            let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
            json!({"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1.0)})
        };
        json!({"searches": self.0.len(), "ms": figures(|time| time.0), "cpu_ms": figures(|time| time.1)})
    }

    fn slowest(&self, count: usize) {
        let mut times: Vec<_> = self.0.iter().collect();
        times.sort_unstable_by_key(|time| std::cmp::Reverse(time.1));
        for (wall, cpu, text) in times.into_iter().take(count) {
            eprintln!("slow {:>6} us of processor, {:>6} us: {text:?}", cpu.as_micros(), wall.as_micros());
        }
    }
}

fn cpu(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// A line of /proc/self/status, in KB.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|value| value.parse().ok()).unwrap_or(0)
}
