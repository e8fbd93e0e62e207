/// What of a document is kept and shown at most. Real documents stay far below; beyond, the rest is left out and
/// [`crate::Document::problems`] says so. The size of the file and its shape are bounded before, by [`crate::MAX_BYTES`],
/// [`crate::MAX_NODES`] and [`crate::xml::parse`].
///
/// They are constants because no operator has a reason to change them, and gathered here so that one look shows them all.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits;

impl Limits {
    /// Elements and texts of all narratives together. The richest published example has 3 000.
    pub const NARRATIVE_NODES: usize = 200_000;
    /// Elements within each other in a narrative; deeper ones become plain text. Published examples have 8.
    pub const NARRATIVE_DEPTH: usize = 48;
    /// Sections within each other; published examples have 3.
    pub const SECTION_DEPTH: usize = 16;
    /// Sections of a document; published examples have 30.
    pub const SECTIONS: usize = 2_000;
    /// Columns that one cell may span: browsers make them all.
    pub const COLUMN_SPAN: u16 = 100;
    /// Rows that one cell may span.
    pub const ROW_SPAN: u16 = 1_000;
    /// Files embedded in a document; published examples have 5.
    pub const MEDIA: usize = 500;
    /// One picture shown in a page, in octets.
    pub const PICTURE_BYTES: usize = 8 * 1024 * 1024;
    /// All pictures shown in a page, in octets; one referenced twice counts twice.
    pub const PICTURES_BYTES: usize = 32 * 1024 * 1024;
    /// One picture shown in a page, in pixels: a small file may unfold into gigabytes.
    pub const PICTURE_PIXELS: u64 = 50_000_000;
    /// Laboratory results; published examples have 44.
    pub const RESULTS: usize = 20_000;
    /// A label or a value that an entry takes from the narrative, in characters.
    pub const REFERENCE_CHARS: usize = 2_000;
    /// All of what entries take from the narrative, in characters: one passage may be named by every entry.
    pub const REFERENCES_CHARS: usize = 10_000_000;
    /// A section's title where it is repeated, with each result and each file, in characters.
    pub const REPEATED_TITLE_CHARS: usize = 200;
    /// An anchor or the address of a link, in octets.
    pub const ADDRESS_BYTES: usize = 2_000;
}
