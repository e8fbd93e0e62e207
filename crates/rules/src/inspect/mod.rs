//! One file, held against the requirements: what it is, what it says, what is not as it should be.
//!
//! A file on a disk has no transcript and no step: nobody knows which test it belongs to, so that only its bytes are
//! judged. The `X-MSS-*` headers are judged by the same code as in runs (the module `indicators`); what the bench's jobs
//! do not ask (subject, file names, METADATA.XML, documents) is judged here.
//!
//! Three severities, and one principle: what rests on a single source or on a habit is a warning at most, because an
//! error sends somebody to change a program. Everything is pure and bounded: the limits are those of `mss`, `xdm` and
//! `cda`, and a file that passes one of them is [`Inspection::refused`].

mod archive;
mod document;
mod facts;
mod finding;
mod mail;
mod names;
mod pdf;
mod report;
mod shape;

use serde::{Deserialize, Serialize};

pub use facts::{DocumentFacts, Facts, MediaFacts};
pub use finding::{At, Finding, Severity};
pub use mss::{Action, Settings};
pub use report::{Checked, Report, Summary};

use crate::Text;
use finding::Findings;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A mail (RFC 5322).
    Mail,
    /// An IHE_XDM archive.
    Xdm,
    /// A CDA document.
    Cda,
    /// A PDF file.
    Pdf,
    /// None of these: nothing was judged.
    Unknown,
}

/// What was found in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub facts: Facts,
    /// What is not as it should be, worst first.
    pub findings: Vec<Finding>,
    /// The file could not be judged whole: unreadable, refused as hostile, or over a limit. A finding says which.
    #[serde(skip)]
    pub refused: bool,
}

/// The largest file that is read, in octets: that of a mail ([`mss::MailLimits`]).
pub fn largest() -> u64 {
    mss::MailLimits::default().message
}

/// Judges one file, as a mail of Mon espace santé or of MOTCO2 is read. `name` is its name or path: a PDF is judged by it (ECO.2.1.6), and a mail may be told by it.
///
/// Never fails and never panics: what cannot be read is a finding, and [`Inspection::refused`].
pub fn inspect(name: &str, bytes: &[u8]) -> Inspection {
    inspect_with(name, bytes, &Settings::with_motco2())
}

/// As [`inspect`], where other addresses are of patients: what such a one wrote is no mail of an LPS, and `X-MSS-MES` may
/// stand on a mail to it (ECO.2.2.8).
pub fn inspect_with(name: &str, bytes: &[u8], settings: &Settings) -> Inspection {
    let kind = kind(name, bytes);
    let mut findings = Findings::default();
    let facts = match kind {
        Kind::Mail => mail::inspect(bytes, settings, &mut findings),
        Kind::Xdm => archive::inspect(bytes, &mut findings),
        Kind::Cda => document::inspect(name, bytes, &mut findings),
        Kind::Pdf => pdf::inspect(name, bytes, &mut findings),
        Kind::Unknown => {
            findings.refuse(
                "SC.CDA/VISU.01",
                ("mail, IHE_XDM.zip, CDA, PDF", "?"),
                At::default(),
                Text::new(
                    "Ce fichier n’est ni un message, ni une archive IHE_XDM, ni un document CDA, ni un PDF : rien n’a été contrôlé.",
                    "This file is no mail, no IHE_XDM archive, no CDA document and no PDF: nothing was checked.",
                ),
            );
            Facts::default()
        }
    };
    let (findings, refused) = findings.done();
    Inspection { kind, facts, findings, refused }
}

/// The CDA documents of a file, each with its path in it: of a mail and of an archive those that they carry.
pub fn documents(name: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let cda = |path: String, bytes: Vec<u8>| cda::looks_like_cda(&bytes).then_some((path, bytes));
    match kind(name, bytes) {
        Kind::Mail => {
            let mail = mss::interpret(bytes);
            mail.documents.into_iter().filter_map(|document| cda(document.path, document.bytes)).collect()
        }
        Kind::Xdm => {
            let archive = xdm::Archive::open(bytes, &xdm::Limits::default());
            let documents = archive.map(|archive| archive.documents).unwrap_or_default();
            documents.into_iter().filter_map(|document| cda(document.path, document.bytes)).collect()
        }
        Kind::Cda => vec![(file_name(name).to_owned(), bytes.to_vec())],
        Kind::Pdf | Kind::Unknown => Vec::new(),
    }
}

/// By the octets; the name helps only where they are those of some mail.
fn kind(name: &str, bytes: &[u8]) -> Kind {
    let head = &bytes[..bytes.len().min(1_024)];
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Kind::Xdm;
    }
    if text.starts_with(b"%PDF-") {
        return Kind::Pdf;
    }
    // The first octet tells mails from XML of any encoding; looking for a root costs more.
    let may_be_xml = text.first().is_some_and(|&byte| matches!(byte, b'<' | 0 | 0x80..));
    if may_be_xml && cda::looks_like_cda(bytes) {
        return Kind::Cda;
    }
    let extension = file_name(name).rsplit_once('.').map_or("", |(_, extension)| extension);
    if extension.eq_ignore_ascii_case("eml") || looks_like_mail(bytes) {
        return Kind::Mail;
    }
    match head.windows(5).any(|five| five == b"%PDF-") {
        true => Kind::Pdf,
        false => Kind::Unknown,
    }
}

/// A first line that is a header field, and one of those that every mail has among the first fields.
fn looks_like_mail(bytes: &[u8]) -> bool {
    let first = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let named = first.iter().position(|&byte| byte == b':').is_some_and(|colon| {
        colon > 0 && first[..colon].iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    let head = &bytes[..bytes.len().min(64 * 1024)];
    let known = ["from", "to", "subject", "date", "message-id", "received", "return-path", "mime-version"];
    named && mss::fields(head).take(100).any(|field| known.contains(&&*field.name.to_ascii_lowercase()))
}

/// The last part of a path.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
