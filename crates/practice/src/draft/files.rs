//! The rows of a mail without structured documents: reports of HPRIM and files, each to be filed by hand.

use ins::{Identity, Traits};
use jiff::tz::TimeZone;
use kernel::Timestamp;
use mss::{Attachment, FileKind, HprimReport, Interpreted, Level};

use super::{DocumentDraft, ROWS, line, name_of};
use crate::Form;
use crate::columns::millis;
use crate::versions::Marks;

/// Reports, then files that a patient's file may take; pictures where there is nothing else, for a signature often has
/// one.
pub(super) fn rows(mail: &Interpreted, zone: &TimeZone) -> Vec<DocumentDraft> {
    let mut rows = Vec::new();
    for (attachment, file) in &mail.hprim {
        let attachment = attachment.and_then(|index| mail.attachments.get(index));
        let several = file.reports.len() > 1;
        for (index, report) in file.reports.iter().enumerate().take(ROWS) {
            rows.push(hprim(mail, attachment, report, several.then_some(index), zone));
        }
    }
    let opened = |file: &Attachment| {
        file.kind == FileKind::Xdm
            && mail.documents.iter().any(|one| mail.attachments[one.attachment].part == file.part)
    };
    let of = |wanted: fn(FileKind) -> bool| {
        mail.attachments
            .iter()
            .filter(move |file| wanted(file.kind) && !opened(file))
            .take(ROWS)
            .map(|file| row(mail, file))
    };
    rows.extend(of(|kind| {
        matches!(
            kind,
            FileKind::Pdf
                | FileKind::Office
                | FileKind::Dicom
                | FileKind::Zip
                | FileKind::Xdm
                | FileKind::Xml
        )
    }));
    if rows.is_empty() {
        rows.extend(of(|kind| kind == FileKind::Image));
    }
    rows
}

fn row(mail: &Interpreted, file: &Attachment) -> DocumentDraft {
    let pdf = file.kind == FileKind::Pdf;
    let mut draft = DocumentDraft::empty(if pdf { Form::Pdf } else { Form::File });
    draft.guess(mail);
    draft.part = i64::try_from(file.part).unwrap_or(0);
    draft.path = line(&file.safe_name());
    // A file of several is told by its name, one alone by the subject.
    if mail.attachments.len() > 1 || mail.shown_subject.is_empty() {
        draft.title.clone_from(&draft.path);
    }
    draft.marks.sha256.clone_from(&file.sha256);
    draft.facts.pdf = pdf;
    draft
}

fn hprim(
    mail: &Interpreted,
    file: Option<&Attachment>,
    report: &HprimReport,
    index: Option<usize>,
    zone: &TimeZone,
) -> DocumentDraft {
    let whole = file.map_or_else(|| kernel::sha256_hex(mail.text.as_bytes()), |file| file.sha256.clone());
    // Reports of one file are documents of their own, each with its own digest.
    let sha256 = match index {
        None => whole,
        Some(index) => kernel::sha256_hex(format!("{whole}#{index}").as_bytes()),
    };
    let mut draft = DocumentDraft::empty(Form::Hprim);
    draft.guess(mail);
    draft.part = file.map_or(0, |file| i64::try_from(file.part).unwrap_or(0));
    draft.path = file.map(|file| line(&file.safe_name())).unwrap_or_default();
    draft.marks = Marks { sha256, organisation: line(&report.sender.label), ..Marks::default() };
    draft.critical = report
        .results()
        .any(|result| matches!(result.level(), Some((Level::CriticallyLow | Level::CriticallyHigh, _))));
    let said = |text: &str| Some(line(text)).filter(|text| !text.is_empty());
    draft.identity = Identity {
        traits: Traits {
            birth_name: said(&report.family),
            first_given: said(&report.given),
            birth_date: report.birth_date,
            ..Traits::default()
        },
        ..Identity::default()
    };
    draft.patient_name = name_of(&draft.identity.traits);
    let day = report.date.map(ins::BirthDate::hl7).and_then(|date| cda::Time::parse(&date));
    draft.act_day = day.as_ref().and_then(|day| super::day_of(day, zone));
    let made: Option<Timestamp> = day.as_ref().and_then(|day| super::instant_of(day, zone));
    draft.made = made.map(millis).or(draft.made);
    draft
}
