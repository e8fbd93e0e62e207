//! French CDA R2 documents (HL7 CDA R2, CI-SIS *Structuration minimale*), read and written.
//!
//! Reading takes any document that the field sends, and keeps what the header says apart from how it was spelt: names
//! by qualifier and never by position, elements by namespace and never by prefix, the header wherever it stands (a
//! "self-presenting" document is a style sheet with a `ClinicalDocument` inside). Nothing in a document is ever
//! executed or fetched: style sheets, schema locations, links. A document type declaration is refused, because every
//! known attack on XML readers starts with one.
//!
//! An absent field is `None`, never a failure: judging is somebody else's work, and it needs to see what is there.
//! Writing makes the documents that a bench hands out and a connector sends: complete headers, and a PDF or narrative
//! sections with laboratory results. [`Sample`] has an example of each kind.

mod decode;
mod document;
mod draft;
mod error;
mod french;
pub mod html;
pub mod lab;
mod limits;
mod masking;
pub mod media;
pub mod narrative;
mod pdf;
mod read;
mod summary;
pub mod text;
mod whole;
mod write;
pub mod xml;

pub use decode::decode;
pub use document::{Act, Code, Document, Encounter, Id, Level, Media, Organisation, Professional, Time};
pub use draft::{Block, Body, Draft, LabEntry, Sample, SectionDraft, SmallKind, oid_of, plain_pdf};
pub use error::Error;
pub use limits::Limits;
pub use masking::Masking;
pub use read::{MAX_BYTES, MAX_NODES, looks_like_cda, read, read_header, read_whole};
pub use whole::Whole;
pub use write::write;

/// The namespace of CDA (HL7 v3).
pub const NAMESPACE: &str = "urn:hl7-org:v3";
/// The code system of LOINC.
pub const LOINC: &str = "2.16.840.1.113883.6.1";
/// The national identifiers of professionals (RPPS and others).
pub const PROFESSIONALS: &str = "1.2.250.1.71.4.2.1";
/// The national identifiers of structures (FINESS and others).
pub const STRUCTURES: &str = "1.2.250.1.71.4.2.2";
