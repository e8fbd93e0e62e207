//! From the public extractions to a base that serves.
//!
//! Lines are read as a stream, cleaned, and spilled into partitions by person or structure, because one person's lines are
//! scattered over a file of a million; each partition then fits in memory, is grouped, and its cards are indexed. Memory
//! is bounded whatever the file's size. Everything happens in a directory of its own beside the base that serves; a base
//! is published by one rename, and only when every guard agrees.

pub(crate) mod columns;
mod guard;
mod lines;
mod open;
mod publish;
mod spill;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::index::{Meta, write};
use columns::Source;
pub(crate) use open::date_in;
pub(crate) use publish::{Lock, current, sweep};

/// How an import is asked for.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Publish even where the new base is much smaller than the one that serves.
    pub even_if_smaller: bool,
    /// Date of the extraction where its name does not tell, RFC 3339 or `AAAAMMJJhhmm`.
    pub source_date: Option<String>,
}

/// How far an import is; called now and then from the importing thread.
pub type Progress<'a> = &'a (dyn Fn(Stage, u64) + Sync);

/// What an import is doing; the number that comes with it counts lines, then cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Lines are read.
    Reading,
    /// Cards are indexed.
    Indexing,
    /// The base is written out and opened.
    Publishing,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Lines read, headers aside.
    pub lines: u64,
    /// Lines of mailboxes that were kept.
    pub mailboxes: u64,
    /// Cards of the base.
    pub cards: u64,
    /// Cards of persons.
    pub persons: u64,
    /// Lines that could not be used.
    pub rejected: u64,
    /// Defects that were survived, counted.
    pub dirt: Dirt,
    /// Date of the extraction, RFC 3339.
    pub source_date: Option<String>,
    /// Names of the files that were read.
    pub files: Vec<String>,
    /// People of the other extractions that have no mailbox: left out.
    pub without_mailbox: u64,
    /// Size of the base on disk, in octets.
    pub bytes: u64,
    /// What the person who imports should know.
    pub warnings: Vec<String>,
}

/// Defects of a real extraction (spec of the directory, §6.8), each counted in lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dirt {
    /// Doubled, leading or trailing spaces, tabs, non-breaking spaces.
    pub spaces: u64,
    /// Accents as separate characters (NFD).
    pub decomposed: u64,
    /// NUL and other control characters.
    pub control: u64,
    /// The word `NULL` for nothing.
    pub null: u64,
    /// Fields longer than 300 characters, cut.
    pub long: u64,
    /// Lines with fewer columns than the header.
    pub short: u64,
    /// Lines that end with CRLF.
    pub crlf: u64,
    /// Lines that are not UTF-8: read as Windows-1252.
    pub not_utf8: u64,
    /// Addresses with capitals.
    pub capitals: u64,
}

/// Imports these files into `dir` and publishes the base; the caller opens it.
pub(crate) fn run(
    dir: &Path,
    files: &[PathBuf],
    options: &ImportOptions,
    progress: Progress<'_>,
) -> Result<Report, Error> {
    fs::create_dir_all(dir).map_err(Error::io(format!("making {}", dir.display())))?;
    let _lock = Lock::take(dir)?;
    sweep(dir);
    let last = current(dir).and_then(|base| Meta::read(&base).ok());
    let building = publish::Building::start(dir)?;
    let mut report = Report::default();
    let mut spill = spill::Spill::create(&building.path().join("spill"))?;
    let mut dates = Vec::new();
    for file in files {
        let mut each = |source: Source, name: &str, reader: &mut dyn std::io::Read| {
            report.files.push(name.to_owned());
            lines::read(source, name, reader, &mut spill, &mut report, progress)
        };
        dates.extend(open::each_text(file, &mut each)?);
    }
    report.source_date = options.source_date.clone().or_else(|| dates.into_iter().flatten().max());
    guard::after_reading(files, &report, last.as_ref(), options)?;
    progress(Stage::Indexing, 0);
    let done = AtomicU64::new(0);
    let counted = write::build(building.path(), spill.finish()?, &mut |cards| {
        progress(Stage::Indexing, done.fetch_add(cards, Ordering::Relaxed) + cards);
    })?;
    progress(Stage::Publishing, counted.cards);
    report.cards = counted.cards;
    report.persons = counted.persons;
    report.without_mailbox = counted.without_mailbox;
    guard::warn(&mut report, last.as_ref());
    let _ = fs::remove_dir_all(building.path().join("spill"));
    report.bytes = publish::size_of(building.path());
    Meta::new(&report, counted.tables).write(building.path())?;
    building.publish(last.is_some())?;
    Ok(report)
}
