//! A document as plain text: for search, for readers of mail that show no pages, and for comparing.
//!
//! All words of the narrative are there, in order. A row of a table is a line, with ` | ` between its columns and ` / `
//! between the lines of one cell; columns that a cell spans, and rows that one spans, are left empty, so that a value
//! stays in its column.

use crate::media::{FileKind, Place};
use crate::narrative::{Element, Kind, Node, Section, Target};
use crate::{Level, Whole, french, summary};

/// The whole document: header, then narrative.
pub fn plain(document: &Whole) -> String {
    let mut out = Lines::default();
    let head = &document.header;
    out.heading(if head.title.is_empty() { "Document sans titre" } else { &head.title }, '=');
    let masking = document.masking();
    if !masking.is_open() {
        out.line(&format!("Confidentialité : {}", masking.labels().join(", ")));
    }
    for result in document.laboratory.critical() {
        out.line(&format!("RÉSULTAT CRITIQUE : {}", summary::result(result)));
    }
    for card in summary::cards(head) {
        out.gap();
        out.line(card.title);
        for (name, value) in card.lines {
            out.line(&format!("- {name} : {value}"));
        }
    }
    out.gap();
    body(document, &mut out);
    out.finish()
}

/// The narrative alone.
pub fn narrative(document: &Whole) -> String {
    let mut out = Lines::default();
    body(document, &mut out);
    out.finish()
}

fn body(document: &Whole, out: &mut Lines) {
    if document.header.level == Level::N1 {
        for file in document.media.iter().filter(|file| file.place == Place::Body) {
            match file.kind {
                FileKind::Text => out.line(&String::from_utf8_lossy(&file.media.bytes)),
                kind => out.line(&format!("[{}, {}]", kind.label(), french::size(file.media.bytes.len()))),
            }
        }
    }
    for part in &document.sections {
        section(document, part, '-', out);
    }
}

fn section(document: &Whole, part: &Section, under: char, out: &mut Lines) {
    if !part.title.is_empty() {
        out.gap();
        out.heading(&part.title, under);
    }
    let mut writer = Writer { document, out };
    writer.nodes(&part.text);
    out.end();
    for inner in &part.sections {
        section(document, inner, '.', out);
    }
}

/// Columns after which spans are no longer followed.
const MOST_COLUMNS: usize = 60;

struct Writer<'d, 'o> {
    document: &'d Whole,
    out: &'o mut Lines,
}

impl Writer<'_, '_> {
    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            match node {
                Node::Text(text) => self.out.words(text),
                Node::Break => self.out.break_line(),
                Node::Media(index) => {
                    let file = index.and_then(|index| self.document.media.get(index));
                    let said = match file {
                        Some(file) => {
                            format!("[{}, {}]", file.kind.label(), french::size(file.media.bytes.len()))
                        }
                        None => "[image absente du document]".into(),
                    };
                    self.out.words(&said);
                }
                Node::Element(element) => self.element(element),
            }
        }
    }

    fn element(&mut self, element: &Element) {
        match &element.kind {
            Kind::List { ordered } => {
                self.out.end();
                let mut number = 0;
                for item in element.children.iter().filter_map(Node::element) {
                    if item.kind == Kind::Item {
                        number += 1;
                        self.out.words(&if *ordered { format!("{number}. ") } else { "- ".to_owned() });
                    }
                    self.nodes(&item.children);
                    self.out.end();
                }
            }
            Kind::Deleted => self.around("[supprimé : ", element, "]"),
            Kind::Note => self.around(" [note : ", element, "]"),
            Kind::NoteReference(_) => self.out.words(" [voir la note]"),
            Kind::Link(target) => {
                self.nodes(&element.children);
                match target {
                    Target::Web(address) | Target::Mail(address) => self.out.words(&format!(" <{address}>")),
                    Target::Elsewhere(name) => self.out.words(&format!(" <{name}, non joint>")),
                    Target::Anchor(_) | Target::Refused => {}
                }
            }
            Kind::Table => {
                self.out.end();
                self.table(element);
                self.out.gap();
            }
            kind if kind.is_block() => {
                self.out.end();
                self.nodes(&element.children);
                self.out.end();
            }
            _ => self.nodes(&element.children),
        }
    }

    fn table(&mut self, table: &Element) {
        for part in table.children.iter().filter_map(Node::element) {
            if part.kind == Kind::Caption {
                self.element(part);
                continue;
            }
            // How many rows each column is still taken for, from above.
            let mut taken: Vec<u16> = Vec::new();
            for row in part.children.iter().filter_map(Node::element) {
                self.row(row, &mut taken);
            }
        }
    }

    fn row(&mut self, row: &Element, taken: &mut Vec<u16>) {
        self.out.end();
        let mut column = 0;
        for element in row.children.iter().filter_map(Node::element) {
            let Kind::Cell(cell) = &element.kind else { continue };
            while taken.get(column).is_some_and(|rows| *rows > 0) {
                self.out.column(column);
                column += 1;
            }
            self.out.column(column);
            self.out.in_cell += 1;
            self.nodes(&element.children);
            self.out.in_cell -= 1;
            self.out.is_parted = false;
            let columns = if column < MOST_COLUMNS { usize::from(cell.columns) } else { 1 };
            for at in column..column + columns {
                if at > column {
                    self.out.column(at);
                }
                if taken.len() <= at && at < MOST_COLUMNS {
                    taken.resize(at + 1, 0);
                }
                if let Some(rows) = taken.get_mut(at) {
                    *rows = cell.rows;
                }
            }
            column += columns;
        }
        for rows in taken {
            *rows = rows.saturating_sub(1);
        }
        self.out.end();
    }

    fn around(&mut self, before: &str, element: &Element, after: &str) {
        self.out.words(before);
        self.nodes(&element.children);
        self.out.words(after);
    }
}

/// Text under way. Blanks fold; at most one empty line stands between others.
#[derive(Default)]
struct Lines {
    out: String,
    line: String,
    in_cell: usize,
    /// Whether a line of a cell has ended, and another may follow.
    is_parted: bool,
}

impl Lines {
    fn words(&mut self, text: &str) {
        if self.is_parted && !text.trim().is_empty() {
            self.is_parted = false;
            let begun = !self.line.is_empty() && !self.line.trim_end().ends_with('|');
            self.line.truncate(self.line.trim_end().len());
            self.line.push_str(if begun { " / " } else { " " });
        }
        for c in text.chars() {
            if matches!(c, ' ' | '\n' | '\t' | '\r') {
                if !self.line.is_empty() && !self.line.ends_with(' ') {
                    self.line.push(' ');
                }
            } else if !c.is_control() {
                self.line.push(c);
            }
        }
    }

    /// Ends the line, where one is under way.
    fn end(&mut self) {
        if self.in_cell > 0 {
            self.is_parted = true;
            return;
        }
        let line = self.line.trim_end();
        if !line.is_empty() {
            self.out.push_str(line);
            self.out.push('\n');
        }
        self.line.clear();
    }

    /// Begins a column of a row; within a cell, rows of an inner table go on in one line.
    fn column(&mut self, column: usize) {
        if column > 0 {
            self.is_parted = false;
            self.line.push_str(if self.line.is_empty() || self.line.ends_with(' ') { "| " } else { " | " });
        }
    }

    fn break_line(&mut self) {
        self.end();
    }

    fn line(&mut self, text: &str) {
        for line in text.lines() {
            self.words(line);
            self.end();
        }
    }

    fn gap(&mut self) {
        self.end();
        if self.in_cell == 0 && !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    fn heading(&mut self, text: &str, under: char) {
        self.line(text);
        let length = text.chars().count().min(78);
        self.out.extend(std::iter::repeat_n(under, length));
        self.out.push('\n');
    }

    fn finish(mut self) -> String {
        self.end();
        let length = self.out.trim_end().len();
        self.out.truncate(length);
        self.out.push('\n');
        self.out
    }
}
