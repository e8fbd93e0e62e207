/// Why bytes are no CDA document that can be read. Messages quote no text of the document but names of elements.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Larger than [`crate::MAX_BYTES`].
    #[error("the document has {size} octets; at most {limit} are read")]
    TooLarge {
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// An encoding that is not known, or octets that are not of it.
    #[error("the document is not text in its encoding, {encoding}: save it again in UTF-8")]
    Encoding {
        /// The encoding declared, or found from the first octets.
        encoding: String,
    },
    /// Not well-formed.
    #[error("the document is not well-formed XML, line {line}, column {column}: {problem}")]
    Xml {
        /// From 1; 0 where the place is not known (the text ends too early).
        line: u32,
        /// From 1, in characters; 0 as above.
        column: u32,
        /// What is wrong there.
        problem: String,
    },
    /// A document type declaration: never needed in a CDA, and the way into most attacks.
    #[error("the document has a document type declaration (DOCTYPE): it is refused, remove it")]
    DocumentType,
    /// More elements and texts than are read ([`crate::MAX_NODES`] of a document).
    #[error("the document has more than {limit} elements and texts")]
    TooManyNodes {
        /// How many it may have.
        limit: u32,
    },
    /// A shape that no real document has, and that would hold the parser for minutes.
    #[error("the document has too many {what}, line {line}: at most {limit} are read")]
    Shape {
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        limit: usize,
        /// From 1.
        line: u32,
    },
    /// XML, with no `ClinicalDocument` anywhere.
    #[error(
        "the document is XML but no CDA: its root is <{root}>, with no ClinicalDocument of urn:hl7-org:v3 in it"
    )]
    NotCda {
        /// The local name of the root element.
        root: String,
    },
}

impl Error {
    pub(crate) fn from_xml(error: roxmltree::Error) -> Self {
        match error {
            roxmltree::Error::DtdDetected => Self::DocumentType,
            other => {
                // Errors without a place answer 1:1, which would be a lie about the end of the text.
                let placed = !matches!(
                    other,
                    roxmltree::Error::UnexpectedEndOfStream
                        | roxmltree::Error::UnclosedRootNode
                        | roxmltree::Error::NoRootNode
                );
                let place = other.pos();
                let (line, column) = if placed { (place.row, place.col) } else { (0, 0) };
                Self::Xml { line, column, problem: problem(&other) }
            }
        }
    }
}

/// In our words where the library's would quote the document at length.
fn problem(error: &roxmltree::Error) -> String {
    let text = match error {
        roxmltree::Error::UnexpectedEndOfStream | roxmltree::Error::UnclosedRootNode => {
            "the text ends before its last element does".to_owned()
        }
        roxmltree::Error::NoRootNode => "there is no element".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}
