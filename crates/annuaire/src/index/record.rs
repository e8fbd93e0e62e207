//! The extractions' lines of one card, as they are kept: a field that repeats the line before is one octet.

use crate::import::columns::Source;

const FIELD: char = '\u{1f}';
const LINE: char = '\u{1e}';
const SAME: &str = "\u{1d}";

/// One line of an extraction; its fields are those of the source's columns, empty where the line has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) source: Source,
    fields: Vec<&'a str>,
}

impl<'a> Record<'a> {
    /// Reads a line as the import spills it.
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        let source = Source::of_letter(*line.as_bytes().first()?)?;
        let fields = line[1..].split(FIELD).collect();
        Some(Self { source, fields })
    }

    /// The field of this column.
    pub(crate) fn get(&self, column: usize) -> &'a str {
        self.fields.get(column).copied().unwrap_or_default()
    }
}

/// The form that is kept.
pub(crate) fn pack(records: &[Record<'_>]) -> String {
    let mut out = String::new();
    for (at, record) in records.iter().enumerate() {
        if at > 0 {
            out.push(LINE);
        }
        out.push(record.source.letter());
        let before = records[..at].iter().rev().find(|before| before.source == record.source);
        for (column, field) in record.fields.iter().enumerate() {
            if column > 0 {
                out.push(FIELD);
            }
            match before {
                Some(before) if !field.is_empty() && before.get(column) == *field => out.push_str(SAME),
                _ => out.push_str(field),
            }
        }
    }
    out
}

/// Reads the form that is kept.
pub(crate) fn records(packed: &str) -> Vec<Record<'_>> {
    let mut out: Vec<Record<'_>> = Vec::new();
    for line in packed.split(LINE) {
        let Some(mut record) = Record::read(line) else { continue };
        if let Some(before) = out.iter().rev().find(|before| before.source == record.source) {
            for (column, field) in record.fields.iter_mut().enumerate() {
                if *field == SAME {
                    *field = before.get(column);
                }
            }
        }
        out.push(record);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_read_back() {
        let lines = [
            "MPER\u{1f}a@b\u{1f}8\u{1f}999",
            "MPER\u{1f}c@d\u{1f}8\u{1f}999\u{1f}x",
            "S8\u{1f}999",
            "MORG\u{1f}\u{1f}8",
        ];
        let read: Vec<Record<'_>> = lines.iter().filter_map(|line| Record::read(line)).collect();
        let packed = pack(&read);
        assert!(packed.len() < lines.iter().map(|line| line.len()).sum::<usize>());
        assert_eq!(records(&packed), read);
        assert!(records("").is_empty());
    }
}
