//! Traces as a file for a spreadsheet: `;`, UTF-8 with its mark, local times (UX.37, spec 01 §6).

use super::TraceFilter;
use crate::{Error, Practice, Trace};

/// A part of an export: bounded, so that an export of years is never in memory whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvPiece {
    /// Whole lines; the first piece starts with the mark of UTF-8 and the names of the columns.
    pub text: String,
    /// What to ask the next piece with; `None` after the last.
    pub next: Option<u64>,
}

/// Lines of a piece.
const PIECE: usize = 1_000;

const HEAD: &str = "\u{feff}numero;date_locale;auteur;pour_le_compte_de;action;document;boite;resultat;requete;reponse;chaine\r\n";

impl Practice {
    /// The lines that match, newest first, as CSV: call again with [`CsvPiece::next`] until there is none.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn traces_csv(&self, filter: &TraceFilter, after: Option<u64>) -> Result<CsvPiece, Error> {
        let lines = self.traces(filter, after, PIECE).await?;
        let mut text = if after.is_none() { String::from(HEAD) } else { String::new() };
        for line in &lines {
            text.push_str(&self.csv_line(line));
        }
        let next = if lines.len() == PIECE { lines.last().map(|line| line.seq) } else { None };
        Ok(CsvPiece { text, next })
    }

    fn csv_line(&self, line: &Trace) -> String {
        let local = line.at.to_zoned(self.zone().clone());
        let cells = [
            line.seq.to_string(),
            local.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
            cell(&line.author),
            cell(line.behalf.as_deref().unwrap_or_default()),
            cell(&line.act),
            cell(line.document.as_ref().map(crate::Key::as_str).unwrap_or_default()),
            cell(line.mailbox.as_deref().unwrap_or_default()),
            cell(&line.outcome),
            cell(&line.request),
            cell(&line.answer),
            line.chain.clone(),
        ];
        format!("{}\r\n", cells.join(";"))
    }
}

/// Quoted where it must be; what a spreadsheet would run as a formula is led by an apostrophe, because a server's answer
/// may begin with one.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([';', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn cells_are_quoted_and_formulas_disarmed() {
        assert_eq!(cell("a;b \"c\""), "\"a;b \"\"c\"\"\"");
        assert_eq!(cell("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(cell("* 3 EXISTS"), "* 3 EXISTS");
    }
}
