//! The narrative of a document: what a person reads (CDA R2 §4.3.5, *StrucDocText*).
//!
//! Reading builds a tree of our own from an allow-list. Names, attributes and style codes that are not in [`Kind`] and
//! [`Style`] do not get in, so that no writer of pages, texts or PDFs can pass on something that it does not know; their
//! text does get in, so that nothing written for a doctor is lost. Tables and lists come out well-shaped whatever came
//! in: rows hold cells only, groups hold rows only, lists hold items only.

mod link;
mod read;

pub use link::Target;
pub(crate) use read::Reader;

use crate::Code;

/// A section of a structured body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// `code`.
    pub code: Option<Code>,
    /// `title`, else the label of its code; may be empty.
    pub title: String,
    /// `confidentialityCode`, where the section has its own.
    pub confidentiality: Option<Code>,
    /// `text`.
    pub text: Vec<Node>,
    /// Sections within it.
    pub sections: Vec<Section>,
    /// Whether it holds the PDF copy of the whole document (55108-5).
    pub is_copy: bool,
}

impl Section {
    /// This section and all within it, in reading order.
    pub fn walk(&self) -> Vec<&Section> {
        let mut all = vec![self];
        all.extend(self.sections.iter().flat_map(Section::walk));
        all
    }
}

/// A piece of narrative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Text; runs of blanks are single spaces.
    Text(String),
    /// A line break.
    Break,
    /// An embedded file, by its index in [`crate::Whole::media`]; `None` where the document holds nothing of that name.
    Media(Option<usize>),
    /// An element.
    Element(Element),
}

impl Node {
    /// The element, where this is one.
    pub fn element(&self) -> Option<&Element> {
        match self {
            Self::Element(element) => Some(element),
            _ => None,
        }
    }

    /// Whether this is text of blanks only.
    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Text(text) if text.trim().is_empty())
    }
}

/// An element of a narrative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// What it is.
    pub kind: Kind,
    /// Its `ID`, where it is of letters, digits, `.`, `_` and `-`, and the first of that name.
    pub anchor: Option<String>,
    /// What is known of its `styleCode`.
    pub styles: Vec<Style>,
    /// What it holds.
    pub children: Vec<Node>,
}

impl Element {
    /// One without anchor or style.
    pub(crate) fn plain(kind: Kind, children: Vec<Node>) -> Self {
        Self { kind, anchor: None, styles: Vec::new(), children }
    }
}

/// What an element of a narrative is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A block of text.
    Paragraph,
    /// A run of text.
    Content,
    /// A run added since the last version (`revised="insert"`).
    Inserted,
    /// A run taken back since the last version (`revised="delete"`): it is no longer said.
    Deleted,
    /// Below the line.
    Subscript,
    /// Above the line.
    Superscript,
    /// A list; whether it is numbered.
    List {
        /// `listType="ordered"`.
        ordered: bool,
    },
    /// An item of a list.
    Item,
    /// What a table, a list, a paragraph or a picture is called.
    Caption,
    /// A table: captions first, then groups.
    Table,
    /// Heading rows.
    Head,
    /// Rows.
    Body,
    /// Closing rows.
    Foot,
    /// A row.
    Row,
    /// A cell.
    Cell(Cell),
    /// A link.
    Link(Target),
    /// A foot note, in the place where it is called.
    Note,
    /// A call of the foot note with this anchor.
    NoteReference(String),
}

impl Kind {
    /// Whether it stands on lines of its own.
    pub fn is_block(&self) -> bool {
        !matches!(
            self,
            Self::Content
                | Self::Inserted
                | Self::Deleted
                | Self::Subscript
                | Self::Superscript
                | Self::Link(_)
                | Self::Note
                | Self::NoteReference(_)
        )
    }
}

/// What a cell of a table says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// `th`.
    pub is_header: bool,
    /// `colspan`, at least 1.
    pub columns: u16,
    /// `rowspan`, at least 1.
    pub rows: u16,
    /// `align`.
    pub align: Option<Align>,
    /// `scope` of a header, where it is given.
    pub scope: Option<Scope>,
}

impl Cell {
    /// A cell of one column and one row.
    pub fn plain() -> Self {
        Self { is_header: false, columns: 1, rows: 1, align: None, scope: None }
    }
}

/// How the text of a cell is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it all
pub enum Align {
    Left,
    Center,
    Right,
    Justify,
}

/// What a heading cell heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it all
pub enum Scope {
    Row,
    Column,
    RowGroup,
    ColumnGroup,
}

/// A style that is kept. Combined codes (`BoldItalics`) give several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // the names say it all
pub enum Style {
    Bold,
    Italics,
    Underline,
    Emphasis,
}

impl Style {
    /// The styles of a `styleCode`: words, in any case, unknown ones left out.
    pub fn parse(code: &str) -> Vec<Self> {
        let mut styles: Vec<Self> = code
            .split_whitespace()
            .flat_map(|word| match word.to_ascii_lowercase().as_str() {
                "bold" => vec![Self::Bold],
                "italics" | "italic" => vec![Self::Italics],
                "underline" => vec![Self::Underline],
                "emphasis" => vec![Self::Emphasis],
                "bolditalics" => vec![Self::Bold, Self::Italics],
                "boldunderline" => vec![Self::Bold, Self::Underline],
                "italicsunderline" => vec![Self::Italics, Self::Underline],
                "bolditalicsunderline" => vec![Self::Bold, Self::Italics, Self::Underline],
                _ => Vec::new(),
            })
            .collect();
        styles.sort_unstable();
        styles.dedup();
        styles
    }
}
