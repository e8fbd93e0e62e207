//! A PDF file by itself. It is not opened as a PDF: what is looked for stands in clear in every PDF/A-1, whose metadata may
//! not be compressed (ISO 19005-1 §6.7.2).

use memchr::memmem;

use super::finding::Findings;
use super::{At, Facts, file_name, names};
use crate::Text;

pub(super) fn inspect(name: &str, bytes: &[u8], findings: &mut Findings) -> Facts {
    let name = file_name(name);
    judge(name, bytes, findings);
    if name.to_ascii_lowercase().ends_with(".pdf") && !names::looks_like_pdf_name(name) {
        findings.warning(
            "ECO.2.1.6",
            ("AAAAMMJJ_Type_NOM_Prénom[_dossier].pdf", name),
            At::entry(name),
            Text::new(
                "Le nom n’a pas la forme demandée au PDF d’un document : AAAAMMJJ_Type_NOM_Prénom.pdf. Sans objet si ce n’en est pas un.",
                "The name has not the form asked of a document's PDF: AAAAMMJJ_Type_NAME_Given.pdf. Of no matter if it is none.",
            ),
        );
    }
    Facts::default()
}

/// What a PDF must be to be PDF/A-1 (ECO.2.1.5), as far as its octets tell without reading it. A warning at most: only a
/// validator can say.
pub(super) fn judge(name: &str, bytes: &[u8], findings: &mut Findings) {
    let holds = |word: &[u8]| memmem::find(bytes, word).is_some();
    let mut warn = |expected: &str, received: &str, fr: &str, en: &str| {
        findings.warning("ECO.2.1.5", (expected, received), At::entry(name), Text::new(fr, en));
    };
    if !holds(b"pdfaid:part") {
        warn(
            "PDF/A-1",
            "pas d’identification PDF/A",
            "Ce PDF ne se déclare pas PDF/A-1 (pas de pdfaid:part).",
            "This PDF does not say that it is PDF/A-1 (no pdfaid:part).",
        );
    }
    if holds(b"/JavaScript") || holds(b"/Launch") {
        warn(
            "PDF/A-1",
            "/JavaScript ou /Launch",
            "Ce PDF contient un programme ou lance quelque chose : interdit en PDF/A-1.",
            "This PDF holds a program or launches something: forbidden in PDF/A-1.",
        );
    }
    if holds(b"/Encrypt") {
        warn(
            "PDF/A-1",
            "/Encrypt",
            "Ce PDF est chiffré : interdit en PDF/A-1.",
            "This PDF is encrypted: forbidden in PDF/A-1.",
        );
    }
    let tail = &bytes[bytes.len().saturating_sub(1_024)..];
    if !tail.windows(5).any(|window| window == b"%%EOF") {
        warn(
            "%%EOF",
            "",
            "Ce PDF n’a pas de fin : il a peut-être été coupé.",
            "This PDF has no end: it may have been cut.",
        );
    }
}
