//! IHE_XDM.zip, the archive in which MSSanté mails carry health documents (IHE ITI-32 *Distribute Document Set on Media*,
//! as the *Référentiel socle MSSanté* uses it).
//!
//! Two different dangers meet here. The archive comes by mail, so it may be a weapon: paths that climb, entries that
//! share bytes, a gigabyte in a kilobyte. Such an archive is refused whole, before anything of it is used
//! ([`OpenError`]). And the archive may be honest but clumsy: no METADATA.XML, a wrong hash, identifiers that dangle. Then
//! everything that can be read is read, and each fault is told ([`Problem`]), because a document lost for a wrong hash is
//! a document lost to a patient.
//!
//! Nothing is ever unpacked to a disk. A list of received mails needs less than the documents: [`glance()`] says whose they
//! are, what they are and what is to be done with them, and unpacks no more of them than their headers.

mod archive;
mod codes;
mod ebrim;
mod entries;
mod glance;
mod metadata;
mod submission;

pub use archive::{Archive, Document, Problem};
pub use codes::{Labelled, class_code, format_code};
pub use entries::{Limits, OpenError};
pub use glance::{Glance, glance};
pub use metadata::Action;
pub use submission::{Submission, SubmissionDocument, WriteError};

/// The archive's file name in a mail.
pub const FILE_NAME: &str = "IHE_XDM.zip";
