//! When a new base may not take the place of the last good one.

use std::path::PathBuf;

use super::{ImportOptions, Report};
use crate::error::Error;
use crate::index::Meta;

/// Share of lines that may be unusable, one in so many.
const REJECTED_ONE_IN: u64 = 1_000;

/// A base with fewer mailboxes than this share of the last one is refused, in percent.
const SHRUNK_REFUSED: u64 = 50;

/// A base that differs by more than this from the last one is published with a warning, in percent.
const CHANGED_WARNED: u64 = 15;

/// Rejected lines that are forgiven in a small file.
const REJECTED_FORGIVEN: u64 = 5;

pub(super) fn after_reading(
    files: &[PathBuf],
    report: &Report,
    last: Option<&Meta>,
    options: &ImportOptions,
) -> Result<(), Error> {
    let name = files.first().map(|file| file.display().to_string()).unwrap_or_default();
    if report.mailboxes == 0 {
        return Err(Error::refused(
            &name,
            "no mailbox was read",
            "Give the MSSanté extraction (Extraction_Correspondance_MSSante), alone or with the PS_LibreAcces files",
        ));
    }
    if report.rejected > REJECTED_FORGIVEN && report.rejected * REJECTED_ONE_IN > report.lines {
        let what = format!("{} of {} lines cannot be used", report.rejected, report.lines);
        return Err(Error::refused(&name, what, "Download the file again"));
    }
    let before = last.map_or(0, |meta| meta.report.mailboxes);
    if !options.even_if_smaller && report.mailboxes * 100 < before * SHRUNK_REFUSED {
        let what = format!("{} mailboxes, where the base that serves has {before}", report.mailboxes);
        return Err(Error::refused(&name, what, "If this is right, import it with --even-if-smaller"));
    }
    Ok(())
}

pub(super) fn warn(report: &mut Report, last: Option<&Meta>) {
    let before = last.map_or(0, |meta| meta.report.mailboxes);
    if before > 0 && report.mailboxes.abs_diff(before) * 100 > before * CHANGED_WARNED {
        report.warnings.push(format!("{} mailboxes instead of {before}", report.mailboxes));
    }
    if report.rejected > 0 {
        report.warnings.push(format!("{} lines could not be used", report.rejected));
    }
    if report.source_date.is_none() {
        report.warnings.push("the date of the extraction is not known".to_owned());
    }
}
