//! Partitions of lines become cards, cards become an index.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use tantivy::indexer::NoMergePolicy;
use tantivy::store::Compressor;
use tantivy::{Index, IndexSettings, IndexWriter, TantivyDocument};

use super::record::{Record, pack};
use super::spelling::{SPELT, Spelling};
use super::terms::Words;
use super::{Counted as Column, Fields, Pair, Tables, card_of};
use crate::error::Error;
use crate::import::columns::Source;
use crate::model::{BoxType, Card, Kind};
use crate::query::places::department_of;

/// Memory of the indexing threads together, in octets: enough that a million cards make a handful of segments.
const ARENA: usize = 320_000_000;

/// Octets of cards that are packed together: a card that is looked at costs the unpacking of its whole block.
const BLOCK: usize = 16 * 1024;

/// Cards between two tellings of progress.
const TOLD_EVERY: u64 = 5_000;

/// What was built.
pub(crate) struct Built {
    pub(crate) cards: u64,
    pub(crate) persons: u64,
    pub(crate) without_mailbox: u64,
    pub(crate) tables: Tables,
}

/// Builds the index of these partitions in `dir`; `told` hears how many cards were added since it was last called.
pub(crate) fn build(
    dir: &Path,
    partitions: Vec<PathBuf>,
    told: &mut (dyn FnMut(u64) + Send),
) -> Result<Built, Error> {
    let path = dir.join("index");
    let failed = |error: tantivy::TantivyError| Error::Io {
        what: format!("building the index in {}", path.display()),
        source: std::io::Error::other(error.to_string()),
    };
    fs::create_dir_all(&path).map_err(Error::io(format!("making {}", path.display())))?;
    let fields = Fields::new();
    let settings = IndexSettings {
        docstore_compression: Compressor::Lz4,
        docstore_blocksize: BLOCK,
        ..IndexSettings::default()
    };
    let index = Index::builder()
        .schema(fields.schema.clone())
        .settings(settings)
        .create_in_dir(&path)
        .map_err(failed)?;
    super::read::register(&index);
    let threads = thread::available_parallelism().map_or(2, |count| count.get().clamp(1, 4));
    let mut writer: IndexWriter = index.writer_with_num_threads(threads, ARENA).map_err(failed)?;
    writer.set_merge_policy(Box::new(NoMergePolicy));
    let shared = Shared {
        fields: &fields,
        writer: &writer,
        tables: Mutex::new(Interner::default()),
        cards: AtomicU64::new(0),
        persons: AtomicU64::new(0),
        without_mailbox: AtomicU64::new(0),
        told: Mutex::new(told),
    };
    let (next, broken) = (AtomicUsize::new(0), AtomicBool::new(false));
    let outcome = thread::scope(|scope| {
        let work = || -> Result<(), Error> {
            let mut words = Words::default();
            while let Some(file) = partitions.get(next.fetch_add(1, Ordering::Relaxed)) {
                if broken.load(Ordering::Relaxed) {
                    break;
                }
                shared.partition(file, &mut words).inspect_err(|_| broken.store(true, Ordering::Relaxed))?;
            }
            Ok(())
        };
        let workers: Vec<_> = (0..threads.min(2)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    });
    let built = Built {
        cards: shared.cards.load(Ordering::Relaxed),
        persons: shared.persons.load(Ordering::Relaxed),
        without_mailbox: shared.without_mailbox.load(Ordering::Relaxed),
        tables: shared.tables.into_inner().unwrap_or_default().tables(),
    };
    outcome?;
    writer.commit().map_err(failed)?;
    writer.wait_merging_threads().map_err(failed)?;
    spell(dir, &index, &fields, failed)?;
    Ok(built)
}

/// Writes the words of names, structures and places: see [`Spelling`].
fn spell(
    dir: &Path,
    index: &Index,
    fields: &Fields,
    failed: impl Fn(tantivy::TantivyError) -> Error,
) -> Result<(), Error> {
    let reader = index.reader_builder().reload_policy(tantivy::ReloadPolicy::Manual);
    let reader: tantivy::IndexReader = reader.try_into().map_err(&failed)?;
    let mut columns = Vec::new();
    for segment in reader.searcher().segment_readers() {
        for (at, column) in SPELT.into_iter().enumerate() {
            columns.push((at, segment.inverted_index(fields.word(column)).map_err(&failed)?));
        }
    }
    Spelling::write(dir, &columns)
}

struct Shared<'a> {
    fields: &'a Fields,
    writer: &'a IndexWriter,
    tables: Mutex<Interner>,
    cards: AtomicU64,
    persons: AtomicU64,
    without_mailbox: AtomicU64,
    told: Mutex<&'a mut (dyn FnMut(u64) + Send)>,
}

impl Shared<'_> {
    fn partition(&self, file: &Path, words: &mut Words) -> Result<(), Error> {
        let text = fs::read_to_string(file).map_err(Error::io(format!("reading {}", file.display())))?;
        let _ = fs::remove_file(file);
        let mut lines: Vec<(&str, &str)> =
            text.lines().filter_map(|line| line.split_once('\u{1e}')).collect();
        // Stable: the lines of one card keep the order of their files.
        lines.sort_by_key(|(key, _)| *key);
        let mut groups: Vec<&[(&str, &str)]> = lines.chunk_by(|(a, _), (b, _)| a == b).collect();
        // Neighbours pack better: the same city, the same trade.
        groups.sort_by_cached_key(|group| group.first().map(|(_, line)| alike(line)));
        let mut since = 0;
        for group in groups {
            self.card(group, words)?;
            since += 1;
            if since == TOLD_EVERY {
                self.tell(since);
                since = 0;
            }
        }
        self.tell(since);
        Ok(())
    }

    fn tell(&self, cards: u64) {
        if let Ok(mut told) = self.told.lock() {
            told(cards);
        }
    }

    fn card(&self, group: &[(&str, &str)], words: &mut Words) -> Result<(), Error> {
        let mut records: Vec<Record<'_>> = group.iter().filter_map(|(_, line)| Record::read(line)).collect();
        records.dedup();
        // Whatever the order of the files: the place of a mailbox before those of other extractions.
        records.sort_by_key(|record| record.source != Source::Mailboxes);
        let Some(card) = card_of(&records) else {
            self.without_mailbox.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        let mut document = TantivyDocument::default();
        words.fill_all(&card, &records);
        words.put(self.fields, &mut document);
        for (column, number) in Column::ALL.into_iter().zip(self.numbers(&card)) {
            document.add_u64(self.fields.counted[column as usize], number);
        }
        document.add_bytes(self.fields.card, pack(&records).as_bytes());
        self.writer.add_document(document).map_err(|error| Error::Io {
            what: "indexing a card".to_owned(),
            source: std::io::Error::other(error.to_string()),
        })?;
        self.cards.fetch_add(1, Ordering::Relaxed);
        if card.kind == Kind::Person {
            self.persons.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn numbers(&self, card: &Card) -> [u64; 5] {
        let Ok(mut tables) = self.tables.lock() else { return [0; 5] };
        let place = card.places.iter().find(|place| !place.city.is_empty() || !place.postcode.is_empty());
        let city = place.map_or(0, |place| tables.cities.number(&place.city.to_uppercase(), ""));
        let department = place.map_or(0, |place| {
            if place.postcode.len() == 5 {
                tables.departments.number(department_of(&place.postcode), "")
            } else {
                0
            }
        });
        let profession =
            card.trade.as_ref().map_or(0, |trade| tables.professions.number(&trade.code, &trade.label));
        let mut skill = 0;
        // Every label goes into the table, because questions are held against it; the first one is counted.
        for known in card.skills.iter().rev() {
            skill = tables.skills.number(&known.code, &known.label);
        }
        let types = card.addresses.iter().fold(0, |mask, address| mask | type_bit(&address.kind));
        [profession, skill, department, city, types]
    }
}

/// What cards that are packed together have in common: postcode, street and profession of a mailbox's line.
fn alike(line: &str) -> Option<(String, String, String)> {
    let record = Record::read(line).filter(|record| record.source == Source::Mailboxes)?;
    let part = |column: usize| record.get(column).to_owned();
    Some((part(28), part(14) + record.get(16), part(25)))
}

/// The bit of a type in the counted column.
pub(crate) fn type_bit(kind: &BoxType) -> u64 {
    match kind {
        BoxType::Per => 1,
        BoxType::Org => 2,
        BoxType::Cab => 4,
        BoxType::App => 8,
        BoxType::Other(_) => 16,
    }
}

#[derive(Default)]
struct Interner {
    professions: Numbers,
    skills: Numbers,
    cities: Numbers,
    departments: Numbers,
}

impl Interner {
    fn tables(self) -> Tables {
        let names = |numbers: Numbers| numbers.pairs.into_iter().map(|pair| pair.0).collect();
        Tables {
            professions: self.professions.pairs,
            skills: self.skills.pairs,
            cities: names(self.cities),
            departments: names(self.departments),
        }
    }
}

#[derive(Default)]
struct Numbers {
    known: HashMap<String, u64>,
    pairs: Vec<Pair>,
}

impl Numbers {
    /// The number of this code, from 1; 0 for nothing.
    fn number(&mut self, code: &str, label: &str) -> u64 {
        let name = if code.is_empty() { label } else { code };
        if name.is_empty() {
            return 0;
        }
        if let Some(number) = self.known.get(name) {
            return *number;
        }
        self.pairs.push(Pair(code.to_owned(), label.to_owned()));
        let number = self.pairs.len() as u64;
        self.known.insert(name.to_owned(), number);
        number
    }
}
