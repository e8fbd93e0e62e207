//! Files inside a document: what they say they are, and what their first octets say.
//!
//! The declared type is a claim of the sender and is sometimes false (six published examples announce JPEG and hold PNG).
//! Whatever is shown or opened goes by the octets, and the difference is kept so that it can be judged.

use sha1::{Digest, Sha1};

use crate::{Limits, Media};

/// A file embedded in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// `observationMedia/@ID`, which the narrative refers to; `None` for the body of level 1.
    pub id: Option<String>,
    /// Declared type and octets.
    pub media: Media,
    /// What the octets are.
    pub kind: FileKind,
    /// What it is there for.
    pub place: Place,
    /// Title of the section that holds it; empty for the body of level 1.
    pub section: String,
}

/// What an embedded file is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// It is the document: body of level 1.
    Body,
    /// A copy of the whole document (section 55108-5).
    Copy,
    /// Part of the narrative or an attachment of its own.
    Attached,
}

impl Embedded {
    pub(crate) fn new(id: Option<String>, media: Media, place: Place, section: String) -> Self {
        let kind = FileKind::of(&media.bytes);
        Self { id, media, kind, place, section }
    }

    /// Whether the declared type is the one of the octets.
    pub fn is_as_declared(&self) -> bool {
        self.kind.is_declared_by(&self.media.media_type)
    }

    /// SHA-1 of the octets in lower-case hexadecimal: a name for the file, not a protection of it.
    pub fn sha1(&self) -> String {
        kernel::hex(&Sha1::digest(&self.media.bytes))
    }

    /// Width and height in pixels, of PNG, JPEG and GIF.
    pub fn pixels(&self) -> Option<(u32, u32)> {
        pixels(self.kind, &self.media.bytes)
    }

    /// Whether it may be shown as a picture: octets of PNG, JPEG or GIF with a size that can be read and is bounded, and
    /// declared as one of the three. SVG never is: it is a program.
    pub fn is_picture(&self) -> bool {
        let declared = [FileKind::Png, FileKind::Jpeg, FileKind::Gif]
            .iter()
            .any(|kind| kind.is_declared_by(&self.media.media_type));
        let bounded = self.pixels().is_some_and(|(width, height)| {
            width > 0 && height > 0 && u64::from(width) * u64::from(height) <= Limits::PICTURE_PIXELS
        });
        declared && bounded && self.media.bytes.len() <= Limits::PICTURE_BYTES
    }
}

/// What a file is, by its first octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// `%PDF-`
    Pdf,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// TIFF, either byte order.
    Tiff,
    /// RTF.
    Rtf,
    /// ZIP, and what is built on it (Office files, XDM archives).
    Zip,
    /// SVG, a picture that may hold scripts.
    Svg,
    /// HTML.
    Html,
    /// Other XML.
    Xml,
    /// Text in UTF-8.
    Text,
    /// None of these.
    Unknown,
}

impl FileKind {
    /// What these octets are.
    pub fn of(bytes: &[u8]) -> Self {
        const MAGIC: [(&[u8], FileKind); 9] = [
            (b"%PDF-", FileKind::Pdf),
            (b"\x89PNG\r\n\x1a\n", FileKind::Png),
            (b"\xff\xd8\xff", FileKind::Jpeg),
            (b"GIF87a", FileKind::Gif),
            (b"GIF89a", FileKind::Gif),
            (b"II*\0", FileKind::Tiff),
            (b"MM\0*", FileKind::Tiff),
            (b"{\\rtf", FileKind::Rtf),
            (b"PK\x03\x04", FileKind::Zip),
        ];
        if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            return *kind;
        }
        let head = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        let head = head[..head.len().min(1024)].to_ascii_lowercase();
        let holds = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
        match head.first() {
            Some(b'<') if holds(b"<svg") => Self::Svg,
            Some(b'<') if holds(b"<html") || head.starts_with(b"<!doctype html") => Self::Html,
            Some(b'<') => Self::Xml,
            Some(_) if !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok() => Self::Text,
            _ => Self::Unknown,
        }
    }

    /// Its media type; `application/octet-stream` for what is unknown.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Tiff => "image/tiff",
            Self::Rtf => "text/rtf",
            Self::Zip => "application/zip",
            Self::Svg => "image/svg+xml",
            Self::Html => "text/html",
            Self::Xml => "application/xml",
            Self::Text => "text/plain",
            Self::Unknown => "application/octet-stream",
        }
    }

    /// Its name in pages and texts.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pdf => "PDF",
            Self::Png | Self::Jpeg | Self::Gif => "image",
            Self::Tiff => "image TIFF",
            Self::Rtf => "texte RTF",
            Self::Zip => "archive ZIP",
            Self::Svg => "dessin SVG",
            Self::Html => "page HTML",
            Self::Xml => "XML",
            Self::Text => "texte",
            Self::Unknown => "fichier de type inconnu",
        }
    }

    /// Whether a declared media type says this; parameters and case make no difference.
    pub fn is_declared_by(self, declared: &str) -> bool {
        let declared = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let others: &[&str] = match self {
            Self::Jpeg => &["image/jpg", "image/pjpeg"],
            Self::Rtf => &["application/rtf"],
            Self::Zip => &["application/x-zip-compressed"],
            Self::Xml => &["text/xml"],
            _ => &[],
        };
        declared == self.media_type() || others.contains(&declared.as_str())
    }
}

/// Width and height as the file's own header says.
fn pixels(kind: FileKind, bytes: &[u8]) -> Option<(u32, u32)> {
    let big = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let little = |at: usize| Some(u32::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    match kind {
        FileKind::Png => (bytes.get(12..16)? == b"IHDR").then_some((big(16)?, big(20)?)),
        FileKind::Gif => Some((little(6)?, little(8)?)),
        FileKind::Jpeg => jpeg_pixels(bytes),
        _ => None,
    }
}

/// Walks from marker to marker (ITU-T T.81 §B.1) to the start of frame.
fn jpeg_pixels(bytes: &[u8]) -> Option<(u32, u32)> {
    let two = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        match *bytes.get(at + 1)? {
            0xff => at += 1,
            0xc4 | 0xc8 | 0xcc => at += 2 + usize::from(two(at + 2)?),
            0xc0..=0xcf => return Some((u32::from(two(at + 7)?), u32::from(two(at + 5)?))),
            0x01 | 0xd0..=0xd7 => at += 2,
            0xd9 | 0xda => return None,
            _ => at += 2 + usize::from(two(at + 2)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedded(declared: &str, bytes: &[u8]) -> Embedded {
        let media = Media { media_type: declared.into(), bytes: bytes.to_vec() };
        Embedded::new(None, media, Place::Attached, String::new())
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    #[test]
    fn the_octets_decide_and_the_claim_is_compared() {
        for (bytes, kind) in [
            (b"%PDF-1.4".as_slice(), FileKind::Pdf),
            (b"\xff\xd8\xff\xe0", FileKind::Jpeg),
            (b"GIF89a\x01\0\x02\0", FileKind::Gif),
            (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", FileKind::Svg),
            (b"\n<!DOCTYPE HTML><p>", FileKind::Html),
            (b"<a/>", FileKind::Xml),
            (b"{\\rtf1}", FileKind::Rtf),
            (b"PK\x03\x04", FileKind::Zip),
            ("été".as_bytes(), FileKind::Text),
            (b"a\0b", FileKind::Unknown),
            (b"\xe9t\xe9", FileKind::Unknown),
            (b"", FileKind::Unknown),
        ] {
            assert_eq!(FileKind::of(bytes), kind, "{}", String::from_utf8_lossy(bytes));
        }
        assert!(embedded("Application/PDF; x=y", b"%PDF-1.7").is_as_declared());
        assert!(!embedded("image/jpeg", &png(1, 1)).is_as_declared());
        assert!(embedded("image/jpg", b"\xff\xd8\xff").is_as_declared());
    }

    #[test]
    fn only_bounded_pictures_of_three_kinds_are_pictures() {
        assert!(embedded("image/png", &png(10, 10)).is_picture());
        assert!(embedded("image/jpeg", &png(10, 10)).is_picture(), "a lie within the allowed kinds");
        assert!(!embedded("text/html", &png(10, 10)).is_picture());
        assert!(!embedded("image/png", &png(60_000, 60_000)).is_picture(), "a bomb");
        assert!(!embedded("image/png", &png(0, 10)).is_picture());
        assert!(!embedded("image/png", b"\x89PNG\r\n\x1a\n").is_picture(), "no header");
        assert!(!embedded("image/svg+xml", b"<svg/>").is_picture());
        assert!(!embedded("image/png", b"<svg/>").is_picture());
        let gif = embedded("image/gif", b"GIF89a\x01\0\x02\0");
        assert_eq!((gif.pixels(), gif.is_picture()), (Some((1, 2)), true));
        let jpeg = b"\xff\xd8\xff\xe0\0\x04JF\xff\xff\xc0\0\x0b\x08\0\x05\0\x09\x01";
        assert_eq!(embedded("image/jpeg", jpeg).pixels(), Some((9, 5)));
        assert_eq!(embedded("image/jpeg", b"\xff\xd8\xff\xe0\0\0\xff").pixels(), None);
    }
}
