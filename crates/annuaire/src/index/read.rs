//! A base that serves: sets of cards by word, cards by number.
//!
//! A search is set algebra over bits, one for each card: a set of a million cards is 125 KB, and joining two takes
//! microseconds whatever they hold, so that the time of a question is that of reading its words' postings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use levenshtein_automata::{DFA, Distance, SINK_STATE};
use tantivy::columnar::Column as Numbers;
use tantivy::postings::BlockSegmentPostings;
use tantivy::schema::{IndexRecordOption, Value as _};
use tantivy::store::StoreReader;
use tantivy::tokenizer::WhitespaceTokenizer;
use tantivy::{Index, InvertedIndexReader, TantivyDocument, TantivyError, Term};

use super::{Column, Counted, Fields, Meta};
use crate::error::Error;

/// Blocks of cards that stay unpacked in memory, in each segment (16 KB each).
const BLOCKS: usize = 16;

/// Dictionary entries that one prefix may read; beyond, the search would cost more than its answer is worth.
const MOST_ENTRIES: usize = 4_000;

/// A set of cards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn insert(&mut self, card: u32) {
        self.0[(card >> 6) as usize] |= 1 << (card & 63);
    }

    pub(crate) fn contains(&self, card: u32) -> bool {
        self.0[(card >> 6) as usize] & (1 << (card & 63)) != 0
    }

    pub(crate) fn or(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine |= theirs);
    }

    pub(crate) fn and(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine &= theirs);
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros();
                    left &= left - 1;
                    (at as u32) * 64 + bit
                })
            })
        })
    }
}

/// An open base.
pub(crate) struct Base {
    pub(crate) dir: PathBuf,
    pub(crate) meta: Meta,
    fields: Fields,
    segments: Vec<Segment>,
    /// Bits of a set: each segment begins at a multiple of 64.
    size: usize,
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
        Ok(Self { dir: dir.to_owned(), meta, fields, segments, size: (first as usize) / 64 })
    }

    /// How many cards there are.
    pub(crate) fn cards(&self) -> u64 {
        self.segments.iter().map(|segment| u64::from(segment.cards)).sum()
    }

    /// The empty set.
    pub(crate) fn none(&self) -> Bits {
        Bits(vec![0; self.size])
    }

    /// Every card.
    pub(crate) fn all(&self) -> Bits {
        let mut bits = self.none();
        for segment in &self.segments {
            (segment.first..segment.first + segment.cards).for_each(|card| bits.insert(card));
        }
        bits
    }

    /// Adds the cards that have this word.
    pub(crate) fn word(&self, column: Column, word: &str, into: &mut Bits) -> Result<(), Error> {
        let term = Term::from_field_text(self.fields.word(column), word);
        self.each(|segment| {
            let words = &segment.words[column as usize];
            if let Some(info) = words.get_term_info(&term)? {
                segment.add(words.read_block_postings_from_terminfo(&info, IndexRecordOption::Basic)?, into);
            }
            Ok(())
        })
    }

    /// Adds the cards that have a word with this beginning.
    pub(crate) fn prefix(&self, column: Column, prefix: &str, into: &mut Bits) -> Result<(), Error> {
        let mut end = prefix.as_bytes().to_vec();
        end.push(0xff);
        self.each(|segment| {
            let words = &segment.words[column as usize];
            let mut stream = words.terms().range().ge(prefix).lt(&end).into_stream()?;
            let mut entries = 0;
            while stream.advance() && entries < MOST_ENTRIES {
                segment.add(
                    words.read_block_postings_from_terminfo(stream.value(), IndexRecordOption::Basic)?,
                    into,
                );
                entries += 1;
            }
            Ok(())
        })
    }

    /// Adds the cards that have a word that the automaton accepts.
    pub(crate) fn near(&self, column: Column, automaton: &Near, into: &mut Bits) -> Result<(), Error> {
        self.each(|segment| {
            let words = &segment.words[column as usize];
            let mut stream = words.terms().search(automaton).into_stream()?;
            let mut entries = 0;
            while stream.advance() && entries < MOST_ENTRIES {
                segment.add(
                    words.read_block_postings_from_terminfo(stream.value(), IndexRecordOption::Basic)?,
                    into,
                );
                entries += 1;
            }
            Ok(())
        })
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

    /// The number that this card has in a counted column; 0 for none.
    pub(crate) fn number(&self, counted: Counted, card: u32) -> u64 {
        let segment = self.segments.iter().rev().find(|segment| segment.first <= card);
        segment.and_then(|segment| segment.counted[counted as usize].first(card - segment.first)).unwrap_or(0)
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
    fn add(&self, mut postings: BlockSegmentPostings, into: &mut Bits) {
        while postings.block_len() > 0 {
            for card in postings.docs() {
                into.insert(self.first + card);
            }
            postings.advance();
        }
    }
}

/// Accepts the words at a distance of some typing errors.
pub(crate) struct Near(DFA);

impl Near {
    /// Words at most `distance` (1 or 2) errors from `word`; with `prefix`, words that begin so.
    pub(crate) fn new(word: &str, distance: usize, prefix: bool) -> Self {
        use std::sync::LazyLock;

        use levenshtein_automata::LevenshteinAutomatonBuilder as Builder;
        static ONE: LazyLock<Builder> = LazyLock::new(|| Builder::new(1, true));
        static TWO: LazyLock<Builder> = LazyLock::new(|| Builder::new(2, true));
        let builder: &Builder = if distance < 2 { &ONE } else { &TWO };
        Self(if prefix { builder.build_prefix_dfa(word) } else { builder.build_dfa(word) })
    }
}

impl tantivy_fst::Automaton for Near {
    type State = u32;

    fn start(&self) -> u32 {
        self.0.initial_state()
    }

    fn is_match(&self, state: &u32) -> bool {
        matches!(self.0.distance(*state), Distance::Exact(_))
    }

    fn can_match(&self, state: &u32) -> bool {
        *state != SINK_STATE
    }

    fn accept(&self, state: &u32, byte: u8) -> u32 {
        self.0.transition(*state, byte)
    }
}
