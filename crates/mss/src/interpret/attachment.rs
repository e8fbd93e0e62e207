use std::fmt;

use serde::{Deserialize, Serialize};

use crate::mailbox::clean;

/// A file of a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name as the sender wrote it, decoded; `None` where there is none.
    pub name: Option<String>,
    /// The type declared, in lower case. Senders lie: see [`Attachment::kind`].
    pub declared: String,
    /// What the octets say.
    pub kind: FileKind,
    /// SHA-256 of the octets, in hexadecimal.
    pub sha256: String,
    /// The octets, the transfer encoding undone.
    pub bytes: Vec<u8>,
    /// The transfer encoding was damaged: the file may be, too.
    pub damaged: bool,
    /// It stands in a mail that is attached to this one.
    pub nested: bool,
    /// Its place in [`crate::Interpreted::parts`].
    pub part: usize,
}

impl Attachment {
    /// A name that a file system and a screen can take: no folder, no sign that systems refuse, no turned writing; never
    /// empty.
    pub fn safe_name(&self) -> String {
        let last = self.name.as_deref().unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
        let safe: String =
            clean(last).chars().map(|c| if ":*?\"<>|".contains(c) { '-' } else { c }).take(150).collect();
        let safe = safe.trim_matches(['.', ' ']);
        if safe.is_empty() { format!("piece-jointe{}", self.kind.extension()) } else { safe.to_owned() }
    }

    /// Whether the declared type is another one than the octets'. Types that say nothing (`application/octet-stream`) are
    /// no lie.
    pub fn is_mislabelled(&self) -> bool {
        let usual = self.kind.types();
        let vague = matches!(
            self.declared.as_str(),
            "" | "application/octet-stream" | "application/binary" | "application/x-download"
        );
        !vague && !usual.is_empty() && !usual.contains(&self.declared.as_str())
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attachment({:?}, {}, {} octets)", self.kind, self.declared, self.bytes.len())
    }
}

/// What a file is, by its first octets, save those that have none of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FileKind {
    /// An archive with an XDM inside, or named as one.
    Xdm,
    /// A CDA document without archive.
    Cda,
    /// A report of HPRIM Médecin.
    Hprim,
    /// PDF.
    Pdf,
    /// JPEG, PNG, GIF, TIFF, BMP, WebP, HEIC.
    Image,
    /// SVG: a picture that may hold programs.
    Svg,
    /// DICOM.
    Dicom,
    /// Word, Excel, PowerPoint and OpenDocument of any age, RTF.
    Office,
    /// HTML.
    Html,
    /// Other XML.
    Xml,
    /// An archive of something else.
    Zip,
    /// A mail.
    Mail,
    /// Outlook's `winmail.dat`: the files in it are not read.
    Tnef,
    /// A signature of S/MIME or PGP.
    Signature,
    /// A calendar or a card.
    Card,
    /// Other text.
    Text,
    /// A program: never to be opened.
    Program,
    /// Nothing.
    Empty,
    /// Anything else.
    Other,
}

impl FileKind {
    /// Of octets, with what was declared where octets say nothing. Archives are [`FileKind::Zip`] until opened.
    pub(super) fn of(bytes: &[u8], declared: &str) -> Self {
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        let starts = |signs: &[&[u8]]| signs.iter().any(|sign| bytes.starts_with(sign));
        let is_text = |signs: &[&str]| {
            signs.iter().any(|sign| {
                text.get(..sign.len()).is_some_and(|head| head.eq_ignore_ascii_case(sign.as_bytes()))
            })
        };
        if bytes.is_empty() {
            Self::Empty
        } else if bytes[..bytes.len().min(1_024)].windows(5).any(|five| five == b"%PDF-") {
            Self::Pdf // readers take up to a kilobyte of anything before it
        } else if starts(&[b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\0", b"MM\0*", b"BM"])
            || (starts(&[b"RIFF"]) && bytes.get(8..12) == Some(b"WEBP"))
            || (bytes.get(4..8) == Some(b"ftyp") && bytes.get(8..11) == Some(b"hei"))
        {
            Self::Image
        } else if bytes.get(128..132) == Some(b"DICM") {
            Self::Dicom
        } else if starts(&[b"PK\x03\x04", b"PK\x05\x06"]) {
            if is_office(bytes) { Self::Office } else { Self::Zip }
        } else if starts(&[b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf"]) {
            Self::Office
        } else if starts(&[b"\x78\x9f\x3e\x22"]) {
            Self::Tnef
        } else if starts(&[b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe"]) {
            Self::Program
        } else if cda::looks_like_cda(bytes) {
            Self::Cda
        } else if is_text(&["<svg"]) || (is_text(&["<?xml"]) && head_holds(text, b"<svg")) {
            Self::Svg
        } else if is_text(&["<!doctype html", "<html"]) {
            Self::Html
        } else if is_text(&["<?xml"]) {
            Self::Xml
        } else if is_text(&["BEGIN:VCALENDAR", "BEGIN:VCARD"]) {
            Self::Card
        } else if crate::looks_like_hprim(bytes) {
            Self::Hprim
        } else {
            Self::of_declared(declared)
        }
    }

    fn of_declared(declared: &str) -> Self {
        match declared {
            "message/rfc822" | "message/global" => Self::Mail,
            "application/pkcs7-signature" | "application/x-pkcs7-signature" | "application/pgp-signature" => {
                Self::Signature
            }
            "text/html" => Self::Html,
            "text/xml" | "application/xml" => Self::Xml,
            other if other.starts_with("text/") => Self::Text,
            _ => Self::Other,
        }
    }

    /// The types that are declared for it; empty where any may be.
    fn types(self) -> &'static [&'static str] {
        match self {
            Self::Xdm | Self::Zip => {
                &["application/zip", "application/x-zip", "application/x-zip-compressed"]
            }
            Self::Cda => &["text/xml", "application/xml", "application/hl7-cda+xml"],
            Self::Pdf => &["application/pdf", "application/x-pdf"],
            Self::Image => &[
                "image/jpeg",
                "image/jpg",
                "image/pjpeg",
                "image/png",
                "image/gif",
                "image/tiff",
                "image/bmp",
                "image/webp",
                "image/heic",
            ],
            Self::Svg => &["image/svg+xml"],
            Self::Dicom => &["application/dicom"],
            Self::Program => &["application/x-msdownload", "application/x-executable"],
            _ => &[],
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Xdm | Self::Zip => ".zip",
            Self::Cda | Self::Xml => ".xml",
            Self::Pdf => ".pdf",
            Self::Hprim | Self::Text => ".txt",
            Self::Html => ".html",
            Self::Svg => ".svg",
            Self::Mail => ".eml",
            _ => "",
        }
    }
}

/// An archive whose folder names the parts of an Office or OpenDocument file.
fn is_office(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(4_096)];
    let holds = |part: &[u8], sign: &[u8]| part.windows(sign.len()).any(|window| window == sign);
    holds(head, b"[Content_Types].xml")
        || holds(head, b"mimetypeapplication/vnd.oasis")
        || holds(&bytes[bytes.len().saturating_sub(8_192)..], b"[Content_Types].xml")
}

fn head_holds(text: &[u8], sign: &[u8]) -> bool {
    text[..text.len().min(1_024)].windows(sign.len()).any(|window| window == sign)
}
