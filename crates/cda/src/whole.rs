use crate::lab::Laboratory;
use crate::media::{Embedded, Place};
use crate::narrative::Section;
use crate::{Code, Document, Masking};

/// A document with its body: what [`crate::read_whole`] gives. Reading the header alone ([`crate::read`]) costs less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The header; `problems` tells what was left out of the body too.
    pub header: Document,
    /// The local name of the root element: `ClinicalDocument`, or `stylesheet` of a document that presents itself.
    pub root: String,
    /// Whether a byte order mark stands at its beginning.
    pub has_mark: bool,
    /// The narrative, level 3 only.
    pub sections: Vec<Section>,
    /// Embedded files, in the order of the document; the body of level 1 first.
    pub media: Vec<Embedded>,
    /// Laboratory results.
    pub laboratory: Laboratory,
}

impl Whole {
    /// All sections, in reading order.
    pub fn all_sections(&self) -> Vec<&Section> {
        self.sections.iter().flat_map(Section::walk).collect()
    }

    /// The PDF of the whole document, where it carries one: the body of level 1, else the copy in level 3. The octets
    /// decide.
    pub fn pdf(&self) -> Option<&Embedded> {
        let of = |place| self.media.iter().find(move |file| file.place == place);
        of(Place::Body).or_else(|| of(Place::Copy)).filter(|file| file.media.bytes.starts_with(b"%PDF-"))
    }

    /// From whom the header asks to keep the document. METADATA.XML may say more.
    pub fn masking(&self) -> Masking {
        Masking::of(&self.header.confidentialities)
    }

    /// Whether the type of the document is a laboratory report (*CR d'examens biologiques*, 11502-2).
    pub fn is_laboratory_report(&self) -> bool {
        self.header.code.as_ref().is_some_and(|code: &Code| code.code == "11502-2")
    }
}
