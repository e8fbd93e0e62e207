use crate::Bench;
use crate::error::Error;

/// What a CSV list of products holds, row by row.
#[derive(Clone, Debug)]
pub struct ImportReport {
    /// Every row, in the file's order; the header line is none.
    pub rows: Vec<ImportRow>,
    /// Whether the good rows were registered.
    pub committed: bool,
}

/// One row.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// Its line in the file, from 1.
    pub line: usize,
    /// Its NIL, as written.
    pub nil: String,
    /// Its product name, as written.
    pub name: String,
    /// Why it cannot be registered; `None` where it can be, or was.
    pub error: Option<Error>,
}

impl Bench {
    /// Reads a list of products: CSV (RFC 4180), `;` or `,` between fields, UTF-8 with or without BOM, with a header
    /// line that names the columns `nil, name, version, psc_id, app_id, type, parcours, demarche, statut` in any order (the
    /// French headings of the list of products are read too). With `commit` the good rows are registered, and the
    /// bad ones left out; without, nothing is written.
    ///
    /// # Errors
    /// `bad_input` where the file is no such list at all (no header, a missing column, not UTF-8, more than
    /// 10 000 rows); a bad row is no error: it is named in the report.
    pub async fn import(&self, csv: &[u8], commit: bool) -> Result<ImportReport, Error> {
        let _ = (csv, commit);
        todo!()
    }
}
