//! What is to be set: blocks of text in reading order, apart from where they come from and where they will stand.

use std::sync::Arc;

use crate::font::Fonts;
use crate::picture::Picture;

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) bold: bool,
    pub(crate) italic: bool,
    pub(crate) underline: bool,
    /// Text that a revision took away (`content[@revised='delete']`): it must be seen to be so.
    pub(crate) strike: bool,
    pub(crate) shift: Shift,
    pub(crate) ink: Ink,
}

/// Where a piece of text stands on its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shift {
    #[default]
    None,
    Up,
    Down,
}

/// The few colours of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ink {
    #[default]
    Text,
    Muted,
    Accent,
}

/// Text of one style. A line feed breaks the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) text: String,
    pub(crate) style: Style,
}

impl Span {
    pub(crate) fn new(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Block {
    /// Level 0 is the title of the document; 1 and more, sections within each other.
    Heading {
        level: usize,
        text: Vec<Span>,
    },
    Paragraph(Vec<Span>),
    List {
        ordered: bool,
        items: Vec<Vec<Block>>,
    },
    Table(Table),
    Picture(Arc<Picture>),
    /// What is said in place of something that is not shown.
    Note(String),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// Rows in order: those of the heads first, those of the feet last.
    pub(crate) rows: Vec<Row>,
    /// Set without borders, its columns as narrow as they can be: the header block.
    pub(crate) plain: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) cells: Vec<Cell>,
    /// Of a `thead`: repeated on each page.
    pub(crate) head: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) blocks: Vec<Block>,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) head: bool,
    pub(crate) align: Align,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Align {
    #[default]
    Left,
    Centre,
    Right,
}

/// Makes every text one that the fonts can set, and counts the characters that had to be replaced.
pub(crate) fn clean(blocks: &mut [Block], fonts: &Fonts) -> usize {
    let spans = |spans: &mut Vec<Span>| -> usize {
        spans
            .iter_mut()
            .map(|span| {
                let (text, replaced) = fonts.clean(&span.text);
                span.text = text;
                replaced
            })
            .sum()
    };
    blocks
        .iter_mut()
        .map(|block| match block {
            Block::Heading { text, .. } | Block::Paragraph(text) => spans(text),
            Block::List { items, .. } => items.iter_mut().map(|item| clean(item, fonts)).sum(),
            Block::Table(table) => {
                let cells = table.rows.iter_mut().flat_map(|row| row.cells.iter_mut());
                cells.map(|cell| clean(&mut cell.blocks, fonts)).sum()
            }
            Block::Note(text) => {
                let (cleaned, replaced) = fonts.clean(text);
                *text = cleaned;
                replaced
            }
            Block::Picture(_) => 0,
        })
        .sum()
}
