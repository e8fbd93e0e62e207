//! The synthetic extraction as a file, clean or with the dirt that real files have.

use std::io::{self, Write};

use kernel::Rng;

use super::{People, Row};
use crate::import::columns::MAILBOXES;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Lines, without the header.
    pub rows: u64,
    /// Octets, the header among them.
    pub bytes: u64,
    /// Lines that were dirtied.
    pub dirty: u64,
}

/// Writes the first `rows` lines of this population with their header; with `dirt`, about one line in 25 has a defect
/// that real extractions have: stray spaces, quotation marks, decomposed accents, `NULL`, a missing column, CRLF…
///
/// # Errors
/// When `out` refuses.
pub fn write_extraction(people: &People, rows: u64, dirt: bool, out: &mut impl Write) -> io::Result<Figures> {
    let mut figures = Figures::default();
    let mut rng = Rng::seeded(rows ^ 0x5eed);
    let header = MAILBOXES.join("|") + "\n";
    out.write_all(header.as_bytes())?;
    figures.bytes += header.len() as u64;
    for row in people.rows(rows) {
        let mut line = if dirt && rng.below(25) == 0 {
            figures.dirty += 1;
            dirtied(&mut rng, &row)
        } else {
            row.line()
        };
        line.push('\n');
        out.write_all(line.as_bytes())?;
        figures.bytes += line.len() as u64;
        figures.rows += 1;
    }
    Ok(figures)
}

fn dirtied(rng: &mut Rng, row: &Row) -> String {
    let mut row = row.clone();
    match rng.below(10) {
        0 => row.organization = row.organization.replace(' ', "  "),
        1 => row.family.push(' '),
        2 => row.organization = format!("\"{}\" L''ETOILE", row.organization),
        3 => row.address = row.address.replace(".mssante.test", ".MSSANTE.TEST"),
        4 => row.street.insert(0, '\t'),
        5 => row.organization = row.organization.replace(' ', "\u{a0}"),
        6 => row.given = crate::text::decomposed(&row.given),
        7 => row.service = "NULL".to_owned(),
        8 => row.organization = format!("{} {}", row.organization, "ASSOCIATION ".repeat(25)),
        _ => {
            let line = row.line();
            let cut = line.rfind('|').unwrap_or(line.len());
            return if rng.below(2) == 0 { line[..cut].to_owned() } else { line + "\r" };
        }
    }
    row.line()
}
