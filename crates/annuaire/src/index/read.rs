//! A base that serves: sets of cards by word, cards by number.
//!
//! A search is set algebra over cards (`set`): the time of a question is that of reading its words' postings.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::columnar::Column as Numbers;
use tantivy::postings::{BlockSegmentPostings, TermInfo};
use tantivy::schema::{IndexRecordOption, Value as _};
use tantivy::store::StoreReader;
use tantivy::tokenizer::WhitespaceTokenizer;
use tantivy::{Index, InvertedIndexReader, TantivyDocument, TantivyError, Term};

use super::set::{Gather, Set};
use super::spelling::{SPELT, Slip, Spelling};
use super::{Column, Counted, Fields, Meta};
use crate::error::Error;

/// Blocks of cards that stay unpacked in memory, in each segment (16 KB each).
const BLOCKS: usize = 16;

/// Dictionary entries that one prefix may read in a segment; beyond, the search would cost more than its answer is worth.
const MOST_ENTRIES: usize = 4_000;

/// The same where each entry is of one card, addresses and identifiers: a beginning that so many have says nothing yet.
const MOST_UNIQUE: usize = 500;

/// Cards of a word from which its set is kept: a profession, a large city, half a question is about one of them.
const FREQUENT: u32 = 30_000;

/// Sets that are kept, at most (100 KB each for 800 000 cards).
const MOST_FREQUENT: usize = 48;

type Frequent = HashMap<(Column, String), Arc<Set>>;

/// An open base.
pub(crate) struct Base {
    pub(crate) dir: PathBuf,
    pub(crate) meta: Meta,
    fields: Fields,
    segments: Vec<Segment>,
    spelling: Spelling,
    frequent: Mutex<Frequent>,
    /// Words of 64 bits of a set: each segment begins at a multiple of 64.
    size: usize,
    /// Cards of persons; asked for by every question.
    pub(crate) persons: Set,
    /// Cards of structures.
    pub(crate) structures: Set,
}

struct Segment {
    first: u32,
    cards: u32,
    words: Vec<Arc<InvertedIndexReader>>,
    store: StoreReader,
    counted: Vec<Numbers<u64>>,
}

/// The tokenizer of every field: words are folded and separated by spaces already.
pub(super) fn register(index: &Index) {
    index.tokenizers().register("spaces", WhitespaceTokenizer::default());
}

impl Base {
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        let meta = Meta::read(dir)?;
        let damaged = |error: TantivyError| Error::Damaged { dir: dir.to_owned(), what: error.to_string() };
        let index = Index::open_in_dir(dir.join("index")).map_err(damaged)?;
        register(&index);
        let fields = Fields::new();
        if index.schema() != fields.schema {
            return Err(Error::Damaged {
                dir: dir.to_owned(),
                what: "the index has other fields".to_owned(),
            });
        }
        let reader = index
            .reader_builder()
            .reload_policy(tantivy::ReloadPolicy::Manual)
            .try_into()
            .map_err(damaged)?;
        let reader: tantivy::IndexReader = reader;
        let searcher = reader.searcher();
        let mut segments = Vec::new();
        let mut first = 0_u32;
        for segment in searcher.segment_readers() {
            let words = Column::ALL.map(|column| segment.inverted_index(fields.word(column)));
            let words = words.into_iter().collect::<Result<Vec<_>, _>>().map_err(damaged)?;
            let counted = Counted::ALL.map(|counted| segment.fast_fields().u64(counted.name()));
            let counted = counted.into_iter().collect::<Result<Vec<_>, _>>().map_err(damaged)?;
            let store = segment.get_store_reader(BLOCKS).map_err(|error| damaged(error.into()))?;
            segments.push(Segment { first, cards: segment.max_doc(), words, store, counted });
            first += segment.max_doc().next_multiple_of(64);
        }
        let spelling = Spelling::open(dir)?;
        let size = (first as usize) / 64;
        let (persons, structures) = (Set::none(), Set::none());
        let (dir, frequent) = (dir.to_owned(), Mutex::default());
        let mut base = Self { dir, meta, fields, segments, spelling, frequent, size, persons, structures };
        base.persons = base.set(Column::Kind, "person")?;
        base.structures = base.set(Column::Kind, "structure")?;
        Ok(base)
    }

    /// How many cards there are.
    pub(crate) fn cards(&self) -> u64 {
        self.segments.iter().map(|segment| u64::from(segment.cards)).sum()
    }

    /// A set to be gathered.
    pub(crate) fn gather(&self) -> Gather {
        Gather::new(self.size)
    }

    /// Every card.
    pub(crate) fn all(&self) -> Set {
        let mut all = self.gather();
        all.add_set(&self.persons);
        all.add_set(&self.structures);
        all.finish()
    }

    /// The cards that have this word.
    pub(crate) fn set(&self, column: Column, word: &str) -> Result<Set, Error> {
        let mut into = self.gather();
        self.word(column, word, &mut into)?;
        Ok(into.finish())
    }

    /// Adds the cards that have this word.
    pub(crate) fn word(&self, column: Column, word: &str, into: &mut Gather) -> Result<(), Error> {
        let term = Term::from_field_text(self.fields.word(column), word);
        let mut cards = 0;
        let mut infos = Vec::with_capacity(self.segments.len());
        self.each(|segment| {
            let info = segment.words[column as usize].get_term_info(&term)?;
            cards += info.as_ref().map_or(0, |info| info.doc_freq);
            infos.push(info);
            Ok(())
        })?;
        if cards < FREQUENT {
            return self.postings(column, &infos, into);
        }
        let frequent = || self.frequent.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (column, word.to_owned());
        let known = frequent().get(&key).cloned();
        let known = match known {
            Some(known) => known,
            None => {
                let mut cards = self.gather();
                self.postings(column, &infos, &mut cards)?;
                let cards = Arc::new(cards.finish());
                let mut frequent = frequent();
                if frequent.len() >= MOST_FREQUENT {
                    frequent.clear();
                }
                frequent.insert(key, Arc::clone(&cards));
                cards
            }
        };
        into.add_set(&known);
        Ok(())
    }

    fn postings(&self, column: Column, infos: &[Option<TermInfo>], into: &mut Gather) -> Result<(), Error> {
        let mut infos = infos.iter();
        self.each(|segment| {
            if let Some(info) = infos.next().and_then(Option::as_ref) {
                let words = &segment.words[column as usize];
                segment.add(words.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?, into);
            }
            Ok(())
        })
    }

    /// Adds the cards that have a word with this beginning.
    pub(crate) fn prefix(&self, column: Column, prefix: &str, into: &mut Gather) -> Result<(), Error> {
        let mut end = prefix.as_bytes().to_vec();
        end.push(0xff);
        let most =
            if matches!(column, Column::Mail | Column::Identifier) { MOST_UNIQUE } else { MOST_ENTRIES };
        self.each(|segment| {
            let words = &segment.words[column as usize];
            let mut stream = words.terms().range().ge(prefix).lt(&end).into_stream()?;
            let mut entries = 0;
            while stream.advance() && entries < most {
                segment.add(
                    words.read_block_postings_from_terminfo(stream.value(), IndexRecordOption::Basic)?,
                    into,
                );
                entries += 1;
            }
            Ok(())
        })
    }

    /// Adds the cards that have a word of which this one may be a misspelling.
    pub(crate) fn near(
        &self,
        column: Column,
        word: &str,
        slip: Slip,
        into: &mut Gather,
    ) -> Result<(), Error> {
        debug_assert!(SPELT.contains(&column));
        let near = self.spelling.near(word, slip);
        near.iter()
            .filter(|spelt| spelt.is_in(column))
            .try_for_each(|spelt| self.word(column, &spelt.word, into))
    }

    /// The packed lines of this card.
    pub(crate) fn card(&self, card: u32) -> Result<String, Error> {
        let damaged = |what: &str| Error::Damaged { dir: self.dir.clone(), what: what.to_owned() };
        let segment = self.segments.iter().rev().find(|segment| segment.first <= card);
        let segment = segment.ok_or_else(|| damaged("a card is missing"))?;
        let document: TantivyDocument =
            segment.store.get(card - segment.first).map_err(|error| damaged(&error.to_string()))?;
        let packed =
            document.get_first(self.fields.card).and_then(|value| value.as_bytes().map(<[u8]>::to_vec));
        packed
            .and_then(|packed| String::from_utf8(packed).ok())
            .ok_or_else(|| damaged("a card cannot be read"))
    }

    /// How many of these cards, which are in order, have each number below `numbers` in a counted column; 0 is for none.
    pub(crate) fn counts(&self, counted: Counted, cards: &[u32], numbers: usize) -> Vec<u64> {
        let mut counts = vec![0; numbers];
        let mut from = 0;
        for segment in &self.segments {
            let end = segment.first + segment.cards;
            let upto = from + cards[from..].partition_point(|card| *card < end);
            let column = &segment.counted[counted as usize];
            for card in &cards[from..upto] {
                let number = column.first(card - segment.first).unwrap_or(0);
                if let Some(count) = usize::try_from(number).ok().and_then(|number| counts.get_mut(number)) {
                    *count += 1;
                }
            }
            from = upto;
        }
        counts
    }

    fn each(&self, mut read: impl FnMut(&Segment) -> std::io::Result<()>) -> Result<(), Error> {
        for segment in &self.segments {
            read(segment).map_err(|error| Error::Damaged {
                dir: self.dir.clone(),
                what: format!("the index: {error}"),
            })?;
        }
        Ok(())
    }
}

impl Segment {
    fn add(&self, mut postings: BlockSegmentPostings, into: &mut Gather) {
        while postings.block_len() > 0 {
            into.add(self.first, postings.docs());
            postings.advance();
        }
    }
}
