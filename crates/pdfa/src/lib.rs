//! French CDA documents as PDF/A-1b (ISO 19005-1), as a mail carries them beside the archive (ECO.2.1.5).
//!
//! A document of level 1 **is** a PDF in an envelope: it comes out byte for byte, whatever it claims to be, because the
//! requirement asks for the same file. A document of level 3 is set here: a block with what the header says (title, type,
//! date, author, organisation, patient), then the whole narrative, section by section. The narrative and not the coded
//! entries, because that is what its author signed.
//!
//! Why our own setting of text, and not a typesetting library: the narrative has nine elements, a page must come out in
//! milliseconds, and nothing in a received document may be interpreted. The PDF itself is written by krilla, whose
//! validator refuses rather than writes a file that does not conform. The fonts are DejaVu Sans Condensed, embedded in
//! part; text is set left to right without shaping, so scripts that need it are replaced by U+FFFD and counted
//! ([`Pdf::replaced`]) rather than printed in a wrong order.
//!
//! The same document gives the same bytes: the creation date of the PDF is the date of the document.

mod content;
mod error;
mod font;
mod head;
mod layout;
mod limits;
mod narrative;
mod paint;
mod picture;

pub use error::Error;
pub use limits::Limits;

/// A PDF, and where it comes from.
#[derive(Clone, PartialEq, Eq)]
pub struct Pdf {
    /// The file.
    pub bytes: Vec<u8>,
    /// Who made it.
    pub origin: Origin,
    /// Pages set here; `None` for an embedded PDF, which is not opened.
    pub pages: Option<usize>,
    /// Characters that the fonts lack, or that cannot be set without shaping (Arabic, Hebrew, …): each became U+FFFD, and
    /// the last page says so. Always 0 for an embedded PDF.
    pub replaced: usize,
}

impl std::fmt::Debug for Pdf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pdf({:?}, {} octets, {:?} pages)", self.origin, self.bytes.len(), self.pages)
    }
}

/// Who made a [`Pdf`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The sender: the file that the document of level 1 embeds, as it is. It may be no PDF/A.
    Embedded,
    /// This crate: PDF/A-1b.
    Rendered,
}

/// The PDF of a document (ECO.2.1.5), within [`Limits::default`]. `source` are the bytes that `document` was read from.
///
/// # Errors
/// See [`render_within`].
pub fn render(document: &cda::Document, source: &[u8]) -> Result<Pdf, Error> {
    render_within(document, source, &Limits::default())
}

/// The PDF of a document (ECO.2.1.5): of level 1 the embedded PDF byte for byte; of level 3, or of level 1 with a plain
/// text or a picture, header and narrative as PDF/A-1b.
///
/// A PDF copy within a document of level 3 ([`cda::Document::copy`]) is not used: the requirement asks for the narrative.
///
/// # Errors
/// [`Error::Source`] where `source` is no CDA; [`Error::Body`] where the body of level 1 is neither PDF nor text nor
/// picture, or is missing; [`Error::TooLarge`] where the narrative passes a limit.
pub fn render_within(document: &cda::Document, source: &[u8], limits: &Limits) -> Result<Pdf, Error> {
    if document.level == cda::Level::N1
        && let Some(bytes) = document.pdf()
    {
        return Ok(Pdf { bytes: bytes.to_vec(), origin: Origin::Embedded, pages: None, replaced: 0 });
    }
    let body = match document.level {
        cda::Level::N3 => narrative::read(source, limits)?,
        cda::Level::N1 => narrative::flat(document.body.as_ref(), limits)?,
    };
    let fonts = font::Fonts::get();
    let mut content = head::blocks(document);
    content.extend(body);
    let replaced = content::clean(&mut content, fonts);
    if replaced > 0 {
        content.push(head::replaced(replaced));
    }
    let footer = fonts.clean(&head::footer(document)).0;
    let title = fonts.clean(&head::title(document)).0;
    let pages = layout::set(&content, &layout::Frame { title, footer }, fonts, limits)?;
    let bytes = paint::write(document, &pages, fonts)?;
    Ok(Pdf { bytes, origin: Origin::Rendered, pages: Some(pages.len()), replaced })
}

/// The same document at level 1: the PDF/A-1b of its narrative, in the envelope of its header; a copy in PDF is left out,
/// and so are the models of level 3 that it claims ([`cda::Draft::at_level_1`]). Of a draft that is of level 1 already, the
/// draft as it is.
///
/// # Errors
/// See [`render_within`].
pub fn at_level_1(draft: &cda::Draft) -> Result<cda::Draft, Error> {
    match draft.body {
        cda::Body::Pdf(_) => Ok(draft.clone()),
        cda::Body::Text { .. } => Ok(draft.clone().at_level_1(narrative_pdf(draft)?)),
    }
}

/// [`cda::Sample::draft`] with every PDF in it a PDF/A-1b: crate `cda` knows no fonts, and its own PDF files, which name
/// one without embedding it, are none. What is handed out or sent is made here.
///
/// # Errors
/// [`Error::Writer`], a fault of ours: samples are within every limit.
pub fn sample(
    sample: cda::Sample,
    id_root: &str,
    patient: ins::Identity,
    time: kernel::Timestamp,
) -> Result<cda::Draft, Error> {
    if sample == cda::Sample::PdfLetter {
        return at_level_1(&cda::Sample::DischargeLetter.draft(id_root, patient, time));
    }
    let draft = sample.draft(id_root, patient, time);
    Ok(match &draft.body {
        cda::Body::Text { sections, copy: Some(_) } => {
            let (sections, copy) = (sections.clone(), Some(narrative_pdf(&draft)?));
            cda::Draft { body: cda::Body::Text { sections, copy }, ..draft }
        }
        _ => draft,
    })
}

/// The PDF/A-1b of a draft of level 3, its copy in PDF left out.
fn narrative_pdf(draft: &cda::Draft) -> Result<Vec<u8>, Error> {
    let mut draft = draft.clone();
    if let cda::Body::Text { copy, .. } = &mut draft.body {
        *copy = None;
    }
    let source = cda::write(&draft);
    Ok(render(&cda::read(&source)?, &source)?.bytes)
}
