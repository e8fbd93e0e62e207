//! What was found, for a person: each file, the documents in it, the findings by weight.

use askama::Template;
use axum::response::Response;
use i18n::{Arg, Lang};
use ins::Nature;
use rules::Registry;
use rules::inspect::{Action, DocumentFacts, Finding, Inspection, Kind, Severity};
use web::{T, Tone, pill};

use super::shelf::{Dropped, File};
use super::{limits, shelf};
use crate::Face;
use crate::asked::Asked;
use crate::frame::say;
use crate::jobs::requirement_link;

/// Documents of one file on the page; all are in the report for programs.
const DOCUMENTS: usize = 30;

#[derive(Template)]
#[template(path = "file-checked.html")]
struct Checked {
    t: T,
    id: String,
    tone: &'static str,
    verdict: String,
    summary: String,
    kept: String,
    files: Vec<FileView>,
}

struct FileView {
    name: String,
    what: String,
    /// Why nothing was judged, where nothing was.
    trouble: String,
    documents: Vec<DocumentView>,
    more: String,
    groups: Vec<Group>,
}

struct DocumentView {
    title: String,
    rows: Vec<(String, String)>,
    critical: String,
    /// Where it is shown: the beginning of its addresses.
    at: String,
    /// Whether it is shown at once.
    open: bool,
}

struct Group {
    pill: String,
    class: &'static str,
    findings: Vec<Row>,
}

struct Row {
    message: String,
    rule: String,
    rule_link: String,
    rule_text: String,
    expected: String,
    received: String,
    place: String,
}

pub(super) fn show(face: &Face, asked: &Asked, id: &str, dropped: &Dropped) -> Response {
    let t = asked.t();
    let report = super::report(dropped);
    let found = report.summary();
    let too_large = dropped.files.iter().any(|file| file.inspection.is_none());
    let (tone, verdict) = match (found.errors, found.warnings) {
        _ if report.is_refused() || too_large => ("bad", "check-refused"),
        (0, 0) => ("good", "check-good"),
        (0, _) => ("unsure", "check-warned"),
        _ => ("bad", "check-bad"),
    };
    let counts = [
        ("files", dropped.files.len().into()),
        ("errors", found.errors.into()),
        ("warnings", found.warnings.into()),
    ];
    let alone = dropped.files.len() == 1;
    let body = Checked {
        t,
        id: id.to_owned(),
        tone,
        verdict: t.get(verdict),
        summary: i18n::text_with(t.0, "check-summary", &counts),
        kept: t.count("check-kept", "minutes", shelf::MINUTES),
        files: (0..).zip(&dropped.files).map(|(n, file)| view(t, id, n, file, alone)).collect(),
    };
    asked.page(face, &t.get("check-result")).show(&body)
}

fn view(t: T, id: &str, number: usize, file: &File, alone: bool) -> FileView {
    let size = size(t, file.size);
    let Some(inspection) = &file.inspection else {
        let trouble = t.get("check-too-large") + " " + &limits(t);
        return FileView {
            name: file.name.clone(),
            what: size,
            trouble,
            documents: vec![],
            more: String::new(),
            groups: vec![],
        };
    };
    let kind = match inspection.kind {
        Kind::Mail => t.get("check-kind-mail"),
        Kind::Xdm => t.get("check-kind-xdm"),
        Kind::Cda => t.get("check-kind-cda"),
        Kind::Pdf => t.get("check-kind-pdf"),
        Kind::Unknown => t.get("check-kind-unknown"),
    };
    let facts = &inspection.facts.documents;
    let more = facts.len().saturating_sub(DOCUMENTS);
    FileView {
        name: file.name.clone(),
        what: format!("{kind} · {size}"),
        trouble: if file.size == 0 { t.get("check-empty") } else { String::new() },
        documents: documents(t, &format!("/check/{id}/{number}"), file, inspection, alone),
        more: if more == 0 { String::new() } else { t.count("check-more", "count", more) },
        groups: groups(t, &inspection.findings),
    }
}

// === Documents ===

fn documents(t: T, at: &str, file: &File, inspection: &Inspection, alone: bool) -> Vec<DocumentView> {
    let facts = &inspection.facts.documents;
    let shown = facts.iter().take(DOCUMENTS).enumerate();
    shown
        .map(|(n, one)| DocumentView {
            title: if one.title.is_empty() { t.get("check-untitled") } else { one.title.clone() },
            rows: rows(t, one),
            critical: if one.critical == 0 {
                String::new()
            } else {
                t.count("check-critical", "count", one.critical)
            },
            at: file
                .places
                .get(n)
                .copied()
                .flatten()
                .map(|place| format!("{at}/{place}"))
                .unwrap_or_default(),
            open: alone && n == 0,
        })
        .collect()
}

/// Whose, what, which action; then the rest. What the document does not say has no row.
fn rows(t: T, one: &DocumentFacts) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let mut row = |id: &str, value: String| {
        if !value.is_empty() {
            rows.push((t.get(id), value));
        }
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    row(
        "check-action",
        match one.action {
            Action::Create => t.get("check-create"),
            Action::Replace => t.get("check-replace"),
            Action::Delete => t.get("check-delete"),
        },
    );
    row("check-patient", patient(t, one));
    row("check-ins", insured(t, one));
    let code = text(&one.code);
    let level = format!("{:?}", one.level);
    row("check-type", if code.is_empty() { level } else { format!("{code} · {level}") });
    row("check-date", one.effective_time.as_deref().map(|time| moment(t.0, time)).unwrap_or_default());
    row("check-id", pair(&one.id));
    let version = [text(&one.version), text(&one.set_id)].join(" · ");
    row("check-version", version.trim_matches([' ', '·']).to_owned());
    row("check-replaces", one.replaces.as_ref().map(pair).unwrap_or_default());
    if one.lab_results > 0 {
        row("check-results", one.lab_results.to_string());
    }
    let media = one.media.iter().map(|media| {
        format!("{} · {} · {}", media.magic.to_uppercase(), media.declared, size(t, media.bytes as u64))
    });
    row("check-media", media.collect::<Vec<_>>().join(", "));
    row("check-file", format!("{} · {}", one.file, size(t, one.bytes as u64)));
    rows
}

fn patient(t: T, one: &DocumentFacts) -> String {
    let birth = one.birth_name.clone().unwrap_or_default();
    let given = one.given_names.clone().or_else(|| one.first_given.clone()).unwrap_or_default();
    let mut parts = vec![format!("{birth} {given}").trim().to_owned()];
    if let Some(used) = one.used_name.as_ref().filter(|used| **used != birth) {
        parts.push(t.with("check-used", "name", used));
    }
    parts.push(one.sex.clone().unwrap_or_default());
    parts.push(one.birth_date.as_deref().map(|date| moment(t.0, date)).unwrap_or_default());
    parts.push(
        one.birth_place_cog.as_ref().map(|place| t.with("check-cog", "code", place)).unwrap_or_default(),
    );
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

fn insured(t: T, one: &DocumentFacts) -> String {
    let Some(matricule) = &one.ins_matricule else { return String::new() };
    let oid = one.ins_oid.as_deref().unwrap_or_default();
    let nature = match Nature::from_oid(oid) {
        Some(Nature::Nir) => t.get("check-nir"),
        Some(Nature::Nia) => t.get("check-nia"),
        Some(Nature::Test) => t.get("check-ins-test"),
        Some(Nature::Demo) => t.get("check-ins-demo"),
        None => oid.to_owned(),
    };
    format!("{matricule} · {nature}").trim_matches([' ', '·']).to_owned()
}

fn pair((root, extension): &(Option<String>, Option<String>)) -> String {
    [root, extension].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ^ ")
}

/// `AAAAMMJJ[HHMM…]` as people of the language write it; anything else as it stands.
fn moment(lang: Lang, hl7: &str) -> String {
    let digits = hl7.len() - hl7.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits < 8 {
        return hl7.to_owned();
    }
    let (year, month, day) = (&hl7[..4], &hl7[4..6], &hl7[6..8]);
    let date =
        if lang == Lang::Fr { format!("{day}/{month}/{year}") } else { format!("{year}-{month}-{day}") };
    if digits < 12 { date } else { format!("{date} {}:{}", &hl7[8..10], &hl7[10..12]) }
}

/// Octets, Ko or Mo, of 1 024 each.
fn size(t: T, octets: u64) -> String {
    const KILO: u64 = 1024;
    match octets {
        0..KILO => t.count("check-octets", "count", usize::try_from(octets).unwrap_or(usize::MAX)),
        _ if octets < KILO * KILO => t.with("check-kilo", "count", &octets.div_ceil(KILO).to_string()),
        _ => {
            let tenths = (octets * 10).div_ceil(KILO * KILO);
            let mark = if t.0 == Lang::Fr { ',' } else { '.' };
            t.with("check-mega", "count", &format!("{}{mark}{}", tenths / 10, tenths % 10))
        }
    }
}

// === Findings ===

/// The findings by weight, worst first.
fn groups(t: T, findings: &[Finding]) -> Vec<Group> {
    let weights = [
        (Severity::Error, Tone::Bad, "bad", "check-errors"),
        (Severity::Warning, Tone::Unsure, "unsure", "check-warnings"),
        (Severity::Info, Tone::Idle, "idle", "check-remarks"),
    ];
    let groups = weights.into_iter().filter_map(|(severity, tone, class, id)| {
        let of: Vec<Row> =
            findings.iter().filter(|one| one.severity == severity).map(|one| row(t, one)).collect();
        (!of.is_empty()).then(|| Group {
            pill: pill(tone, &t.count(id, "count", of.len())),
            class,
            findings: of,
        })
    });
    groups.collect()
}

fn row(t: T, finding: &Finding) -> Row {
    let requirement = Registry::get().find(&finding.rule);
    let text = requirement.map(|one| if t.0 == Lang::Fr { one.fr.clone() } else { one.en.clone() });
    Row {
        message: say(t.0, &finding.message),
        rule: finding.rule.clone(),
        rule_link: requirement_link(&finding.rule),
        rule_text: text.unwrap_or_default(),
        expected: finding.expected.clone(),
        received: finding.received.clone(),
        place: place(t, finding),
    }
}

fn place(t: T, finding: &Finding) -> String {
    let at = &finding.at;
    let part = at.part.as_ref().map(|part| t.with("filecheck-part", "part", part));
    let line = at.line.map(|line| {
        let line = line.to_string();
        i18n::text_with(t.0, "filecheck-line", &[("line", Arg::Text(&line))])
    });
    [part, at.entry.clone(), line].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_sizes_are_written_as_people_write_them() {
        for (hl7, french, english) in [
            ("19780526", "26/05/1978", "1978-05-26"),
            ("20260105101500+0100", "05/01/2026 10:15", "2026-01-05 10:15"),
            ("202601", "202601", "202601"),
            ("né en 1978", "né en 1978", "né en 1978"),
        ] {
            assert_eq!(
                (moment(Lang::Fr, hl7), moment(Lang::En, hl7)),
                (french.to_owned(), english.to_owned())
            );
        }
        let french = [0, 1, 1023, 1024, 1025, 1024 * 1024, 26 * 1024 * 1024 / 10]
            .map(|octets| size(T(Lang::Fr), octets));
        assert_eq!(french, ["0 octet", "1 octet", "1023 octets", "1 Ko", "2 Ko", "1,0 Mo", "2,6 Mo"]);
    }
}
