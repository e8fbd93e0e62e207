//! The words under which a card is found. The question is cut up by the same functions (`query`).

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
    buffer: String,
}

impl Words {
    pub(crate) fn take(&mut self, column: Column) -> String {
        std::mem::take(&mut self.texts[column as usize])
    }

    fn add(&mut self, column: Column, word: &str) {
        let text = &mut self.texts[column as usize];
        if !text.split(' ').any(|known| known == word) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
    }

    /// Fills the fields for this card.
    pub(crate) fn fill(&mut self, card: &Card, records: &[Record<'_>]) {
        self.texts.iter_mut().for_each(String::clear);
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
        self.starts();
    }

    /// The words of one column.
    pub(crate) fn column(&self, column: Column) -> &str {
        &self.texts[column as usize]
    }

    /// Fills the fields of places for this place alone.
    pub(crate) fn fill_place(&mut self, place: &Place) {
        self.street(&place.street);
        self.city(&place.city);
        self.postcode(&place.postcode);
        self.district(&place.city);
    }

    /// Fills words in full, and words as they are, for this text alone.
    pub(crate) fn fill_text(&mut self, text: &str) {
        self.organization(text);
        self.name(Column::Family, text);
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
            let known = |column: Column| self.texts[column as usize].split(' ').any(|known| known == word);
            let says_little =
                word.len() < 2 || word == "mssante" || word.bytes().any(|byte| byte.is_ascii_digit());
            if !says_little && !known(Column::Family) && !known(Column::Given) {
                self.add(Column::Mail, word);
            }
        }
    }

    fn starts(&mut self) {
        let mut starts = std::mem::take(&mut self.texts[Column::Start as usize]);
        for column in [Column::Family, Column::Given, Column::Organization, Column::City] {
            for word in self.texts[column as usize].split(' ') {
                for length in 1..=word.len().min(3) {
                    let start = &word[..length];
                    if !starts.split(' ').any(|known| known == start) {
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
