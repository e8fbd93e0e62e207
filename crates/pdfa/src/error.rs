/// Why no PDF was made. Messages quote nothing of the document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no CDA document that can be read.
    #[error("the narrative cannot be read: {0}")]
    Source(#[from] cda::Error),
    /// The body of level 1 is missing, or is a file that cannot be set on pages (RTF, TIFF, …).
    #[error("the body of the document is {found}: only PDF, plain text, PNG and JPEG can be given as PDF")]
    Body {
        /// What it is: the declared type, or `missing`.
        found: String,
    },
    /// More than [`crate::Limits`] allows.
    #[error("the document has too many {what}: at most {limit} are set")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// krilla's validator refused the file, or its writer failed: a fault of ours, never of the document.
    #[error("the PDF could not be written as PDF/A-1b: {problem}")]
    Writer {
        /// What it said.
        problem: String,
    },
}
