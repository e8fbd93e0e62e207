//! The words under which a card is found. The question is cut up by the same functions (`query`).

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use super::record::Record;
use super::{Column, Fields};
use crate::import::columns::Source;
use crate::model::{Card, Kind, Place};
use crate::phonetic;
use crate::query::places::{arrondissement, department_of, is_link, long_word};
use crate::text::{fold, fold_onto, words};

/// The words of one card, field by field; kept from card to card.
#[derive(Default)]
pub(crate) struct Words {
    texts: [String; 12],
    /// Hashes of the words that are there: a hospital has thousands of addresses, too many to look through for each word.
    seen: HashSet<u64, BuildHasherDefault<Hashed>>,
    buffer: String,
}

/// The hasher of what is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// FNV-1a of a column and a word, its bits mixed once more for the table.
fn hash(column: Column, word: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64 ^ (column as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = word.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Words from which the table of hashes is given back after a card.
const MANY: usize = 4_096;

impl Words {
    pub(crate) fn take(&mut self, column: Column) -> String {
        std::mem::take(&mut self.texts[column as usize])
    }

    fn add(&mut self, column: Column, word: &str) {
        if self.seen.insert(hash(column, word)) {
            let text = &mut self.texts[column as usize];
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
    }

    fn has(&self, column: Column, word: &str) -> bool {
        self.seen.contains(&hash(column, word))
    }

    /// Empties every field.
    fn clear(&mut self) {
        self.texts.iter_mut().for_each(String::clear);
        if self.seen.capacity() > MANY {
            self.seen = HashSet::default();
        }
        self.seen.clear();
    }

    /// Fills the fields for this card, those of beginnings too: for the index.
    pub(crate) fn fill_all(&mut self, card: &Card, records: &[Record<'_>]) {
        self.fill(card, records);
        self.starts();
    }

    /// Fills the fields for this card but [`Column::Start`], whose words are the beginnings of others.
    pub(crate) fn fill(&mut self, card: &Card, records: &[Record<'_>]) {
        self.clear();
        self.kinds(card);
        for name in [&card.family, &card.given] {
            let column = if std::ptr::eq(name, &card.family) { Column::Family } else { Column::Given };
            self.name(column, name);
        }
        if card.kind == Kind::Structure {
            let name = card.name.clone();
            self.organization(&name);
        }
        for record in records {
            match record.source {
                Source::Mailboxes => {
                    [7, 18, 19, 20, 21].iter().for_each(|column| self.organization(record.get(*column)))
                }
                Source::Activities => {
                    [24, 25].iter().for_each(|column| self.organization(record.get(*column)))
                }
                _ => {}
            }
            if record.source == Source::Mailboxes {
                self.district(record.get(27));
            }
        }
        for place in &card.places {
            self.street(&place.street);
            self.city(&place.city);
            self.postcode(&place.postcode);
        }
        self.codes(card);
        for address in &card.addresses {
            self.address(&address.address);
        }
        for identifier in &card.identifiers {
            let identifier = identifier.to_ascii_lowercase();
            self.add(Column::Identifier, &identifier);
        }
    }

    /// The words of one column.
    pub(crate) fn column(&self, column: Column) -> &str {
        &self.texts[column as usize]
    }

    /// Fills the fields of places for this place alone.
    pub(crate) fn fill_place(&mut self, place: &Place) {
        self.clear();
        self.street(&place.street);
        self.city(&place.city);
        self.postcode(&place.postcode);
        self.district(&place.city);
    }

    fn kinds(&mut self, card: &Card) {
        self.add(Column::Kind, if card.kind == Kind::Person { "person" } else { "structure" });
        for address in &card.addresses {
            let code = fold(address.kind.code()).replace(' ', "");
            self.add(Column::Kind, &code);
        }
        if card.paperless {
            self.add(Column::Kind, "paperless");
        }
    }

    /// Each word of a name, each two neighbours in one, all in one, and the initials of compound first names.
    fn name(&mut self, column: Column, name: &str) {
        let folded = fold(name);
        let parts: Vec<&str> = words(&folded).collect();
        for part in &parts {
            self.add(column, part);
            if column == Column::Family && part.len() > 2 {
                self.add(Column::Sound, &phonetic::key(part));
            }
        }
        for pair in parts.windows(2) {
            self.add(column, &pair.concat());
        }
        if parts.len() > 1 {
            let whole = parts.concat();
            if parts.len() > 2 {
                self.add(column, &whole);
            }
            if column == Column::Family {
                self.add(Column::Sound, &phonetic::key(&whole));
            } else {
                let initials: String = parts.iter().filter_map(|part| part.chars().next()).collect();
                self.add(column, &initials);
            }
        }
    }

    fn organization(&mut self, name: &str) {
        self.each(name, Column::Organization, true);
    }

    fn street(&mut self, street: &str) {
        self.each(street, Column::Street, true);
    }

    fn city(&mut self, city: &str) {
        self.each(city, Column::City, true);
    }

    /// Words in full (`st` is `saint`), without links (`de`, `la`…) where they say nothing.
    fn each(&mut self, text: &str, column: Column, without_links: bool) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        fold_onto(text, &mut buffer);
        for word in words(&buffer) {
            if !(without_links && is_link(word)) {
                self.add(column, long_word(word));
            }
        }
        self.buffer = buffer;
    }

    fn postcode(&mut self, postcode: &str) {
        if postcode.len() == 5 && postcode.bytes().all(|byte| byte.is_ascii_digit()) {
            self.add(Column::Postcode, postcode);
            let department = format!("d{}", department_of(postcode).to_ascii_lowercase());
            self.add(Column::Postcode, &department);
        }
    }

    /// The arrondissement behind a CEDEX or a number: `PARIS CEDEX 09` is also 75009.
    fn district(&mut self, line: &str) {
        if let Some(postcode) = arrondissement(&fold(line)) {
            self.postcode(&postcode);
        }
    }

    fn codes(&mut self, card: &Card) {
        for (letter, coded) in
            card.trade.iter().map(|trade| ('p', trade)).chain(card.skills.iter().map(|skill| ('s', skill)))
        {
            let code = code_word(letter, &coded.code, &coded.label);
            self.add(Column::Code, &code);
        }
    }

    fn address(&mut self, address: &str) {
        self.add(Column::Mail, address);
        let Some((local, domain)) = address.split_once('@') else { return };
        let local = fold(local);
        let domain = fold(domain.rsplit_once('.').map_or(domain, |(domain, _)| domain));
        for word in words(&local).chain(words(&domain)) {
            let says_little =
                word.len() < 2 || word == "mssante" || word.bytes().any(|byte| byte.is_ascii_digit());
            if !says_little && !self.has(Column::Family, word) && !self.has(Column::Given, word) {
                self.add(Column::Mail, word);
            }
        }
    }

    fn starts(&mut self) {
        let mut starts = std::mem::take(&mut self.texts[Column::Start as usize]);
        for column in [Column::Family, Column::Given, Column::Organization, Column::City] {
            for word in words(&self.texts[column as usize]) {
                for length in 1..=word.len().min(3) {
                    let start = &word[..length];
                    if self.seen.insert(hash(Column::Start, start)) {
                        if !starts.is_empty() {
                            starts.push(' ');
                        }
                        starts.push_str(start);
                    }
                }
            }
        }
        self.texts[Column::Start as usize] = starts;
    }

    /// Moves the words into a document.
    pub(crate) fn put(&mut self, fields: &Fields, document: &mut tantivy::TantivyDocument) {
        for column in Column::ALL {
            let text = self.take(column);
            if !text.is_empty() {
                document.add_text(fields.word(column), text);
            }
        }
    }
}

/// The word of a code: its letter and the code, or the label where there is no code.
pub(crate) fn code_word(letter: char, code: &str, label: &str) -> String {
    let code = if code.is_empty() { fold(label).replace(' ', "") } else { fold(code).replace(' ', "") };
    format!("{letter}{code}")
}
