//! The subject (ECO.2.1.3) and the names of PDF files (ECO.2.1.6), both made of what the documents say.

use cda::{Document, Time};
use ins::{folded, unaccented};
use mss::{one_line, type_label};

/// The mention of AMBU.MSS/va1.02, where senders put it.
const REPLACES: &str = "[Annule et remplace]";

/// How a subject stands against its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Right,
    /// Only the label differs.
    Label,
    /// The marker does not come first, or its plus sign is missing.
    Marker,
    /// The patient's name or birth date is not written as it must be.
    Patient,
}

/// `XDM/1.0/DDM+<label> <NAME> <given name> <birth date>`; `None` where the documents do not name the patient.
pub(super) fn expected_subject(documents: &[&Document]) -> Option<String> {
    let (name, born, _) = named(documents.first()?)?;
    let label = label_of(documents);
    Some(format!("{}+{label} {name} {born}", mss::XDM_MARKER).trim_end().to_owned())
}

/// Holds a decoded subject to the documents. The birth date may be left out.
pub(super) fn subject(subject: &str, documents: &[&Document]) -> Option<Subject> {
    let (name, born, family) = named(documents.first()?)?;
    let Some(rest) = subject.strip_prefix(mss::XDM_MARKER).and_then(|rest| rest.strip_prefix('+')) else {
        return Some(Subject::Marker);
    };
    let rest = rest.strip_prefix(REPLACES).map_or(rest, str::trim_start);
    let dated = rest.strip_suffix(born.as_str()).filter(|_| !born.is_empty()).map_or(rest, str::trim_end);
    // The name is in upper case; the given name may be in any.
    let cut = dated.len().checked_sub(name.len()).filter(|&cut| dated.is_char_boundary(cut));
    let Some((label, end)) = cut.map(|cut| dated.split_at(cut)) else { return Some(Subject::Patient) };
    let family = &name[..family];
    if !end.starts_with(family) || !end.eq_ignore_ascii_case(&name) {
        return Some(Subject::Patient);
    }
    Some(if label.trim_end() == label_of(documents) { Subject::Right } else { Subject::Label })
}

/// `<day of the act>_<label>_<NAME>_<given name>.pdf`; what a document does not say is `…`.
pub(super) fn expected_pdf(document: &Document) -> String {
    let [day, label, family, given] =
        pdf_parts(document).map(|part| if part.is_empty() { "…".into() } else { part });
    format!("{day}_{label}_{family}_{given}.pdf")
}

/// Whether a file name is that of this document's PDF, its label apart if `labelled` is false: labels are spelt in several
/// ways. Accents, apostrophes and the signs that no file system takes make no difference; a file number may follow; the
/// birth name is in upper case; the day is that of the writer or of UTC.
pub(super) fn is_pdf_name(name: &str, document: &Document, labelled: bool) -> bool {
    let Some(stem) = stem(name) else { return false };
    let given: Vec<&str> = stem.split('_').collect();
    let expected = pdf_parts(document);
    let same = |index: usize| {
        let wanted = loose(&expected[index]);
        wanted.is_empty() || given.get(index).is_some_and(|part| loose(part) == wanted)
    };
    let utc = document.service_start().map(Time::utc_digits).unwrap_or_default();
    let day = same(0) || given.first().is_some_and(|day| day.len() == 8 && utc.starts_with(day));
    let upper = given.get(2).is_some_and(|family| family.to_uppercase() == *family);
    given.len() >= 4 && day && (!labelled || same(1)) && same(2) && same(3) && upper
}

/// Whether a file name has the form of ECO.2.1.6, whatever the document.
pub(super) fn looks_like_pdf_name(name: &str) -> bool {
    let parts: Vec<&str> = stem(name).unwrap_or_default().split('_').collect();
    parts.len() >= 4
        && parts[0].len() == 8
        && parts[0].bytes().all(|byte| byte.is_ascii_digit())
        && parts.iter().all(|part| !part.is_empty())
        && parts[2].to_uppercase() == parts[2]
}

fn stem(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    extension.eq_ignore_ascii_case("pdf").then_some(stem)
}

fn pdf_parts(document: &Document) -> [String; 4] {
    let day = document.service_start().and_then(Time::day).unwrap_or_default().to_owned();
    let traits = &document.patient.traits;
    let part = |text: &str| -> String {
        one_line(text).chars().map(|c| if "/\\:*?\"<>|_".contains(c) { '-' } else { c }).collect()
    };
    let family = part(&unaccented(traits.birth_name.as_deref().unwrap_or_default())).to_uppercase();
    let given = part(&unaccented(traits.first_given.as_deref().unwrap_or_default()));
    [day, part(&type_label(document)), family, given]
}

fn loose(text: &str) -> String {
    folded(text).chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Name and given name without accents, the name in upper case; the birth date if it is known to the day; the length of the
/// name alone.
fn named(document: &Document) -> Option<(String, String, usize)> {
    let traits = &document.patient.traits;
    let family = one_line(&unaccented(traits.birth_name.as_deref()?)).to_uppercase();
    let given = one_line(&unaccented(traits.first_given.as_deref()?));
    let born = traits.birth_date.and_then(ins::BirthDate::french).unwrap_or_default();
    (!family.is_empty() && !given.is_empty()).then(|| (format!("{family} {given}"), born, family.len()))
}

fn label_of(documents: &[&Document]) -> String {
    match documents {
        [one] => type_label(one),
        many => format!("{} documents", many.len()),
    }
}
