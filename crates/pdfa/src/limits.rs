/// What a document may cost to be set. A real one has fewer than 30 pages and 20 000 characters a page at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pages.
    pub pages: usize,
    /// Characters of the narrative. An element counts as [`Limits::ELEMENT`] of them, so that elements without text have
    /// their price.
    pub characters: usize,
    /// Cells of all tables together.
    pub cells: usize,
    /// Pixels of one picture; larger ones are named, not shown.
    pub pixels: u64,
    /// Pixels of all pictures together; those after it are named, not shown.
    pub all_pixels: u64,
}

impl Limits {
    /// What an element costs, in characters.
    pub const ELEMENT: usize = 8;
    /// Columns of a table. One with more is set as lines of text, cell after cell.
    pub const COLUMNS: usize = 40;
    /// Elements of the narrative within each other that are set as such; deeper ones only give their text.
    pub const DEPTH: usize = 64;
}

impl Default for Limits {
    fn default() -> Self {
        Self { pages: 500, characters: 1_000_000, cells: 100_000, pixels: 25_000_000, all_pixels: 60_000_000 }
    }
}
