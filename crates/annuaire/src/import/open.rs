//! Files as they come: ZIP or text, told apart by their first octets, never by their name.

use std::fs::File;
use std::io::{BufReader, Read, Seek as _};
use std::path::Path;

use super::columns::{Layout, NoLayout, Source};
use crate::error::Error;

/// First octets of a ZIP archive (APPNOTE 4.3.7).
const ZIP: &[u8] = b"PK\x03\x04";

/// Most octets that one text of an archive may have unpacked: far above the largest extraction.
const LARGEST: u64 = 4 * 1024 * 1024 * 1024;

/// Texts of one archive that are looked at.
const MOST_TEXTS: usize = 16;

/// What is done with one extraction: its kind, its name, its text.
type Each<'a> = dyn FnMut(Source, &str, &mut dyn Read) -> Result<(), Error> + 'a;

/// Calls `each` with every extraction in the file; gives the dates that names tell, then that of the file.
pub(super) fn each_text(path: &Path, each: &mut Each<'_>) -> Result<Vec<Option<String>>, Error> {
    let shown = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        Error::refused(&shown, format!("cannot be read: {error}"), "Give the path of the extraction")
    };
    let mut file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(Error::refused(&shown, "is a directory", "Give the file itself"));
    }
    let mut magic = [0; 4];
    let mut got = 0;
    while got < magic.len() {
        match file.read(&mut magic[got..]).map_err(unreadable)? {
            0 => break,
            more => got += more,
        }
    }
    file.rewind().map_err(unreadable)?;
    if got == 0 {
        return Err(Error::refused(&shown, "is empty", "Download the file again"));
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    if magic != ZIP {
        let mut reader = BufReader::with_capacity(256 * 1024, file);
        let header = header(&mut reader, &shown)?;
        each(source_of(&header, &shown)?, &name, &mut (header.as_bytes()).chain(reader))?;
        return Ok(vec![date_in(&name)]);
    }
    let damaged = |error: zip::result::ZipError| {
        Error::refused(
            &shown,
            format!("the ZIP archive is cut or damaged ({error})"),
            "Download the file again",
        )
    };
    let mut archive = zip::ZipArchive::new(BufReader::with_capacity(256 * 1024, file)).map_err(damaged)?;
    let mut dates = Vec::new();
    let mut read = 0;
    for at in 0..archive.len().min(MOST_TEXTS) {
        let entry = archive.by_index(at).map_err(damaged)?;
        let entry_name = entry.name().map_err(damaged)?.into_owned();
        if !entry_name.to_ascii_lowercase().ends_with(".txt") {
            continue;
        }
        let shown = format!("{shown}, {entry_name}");
        let mut reader = BufReader::with_capacity(256 * 1024, entry.take(LARGEST));
        let header = header(&mut reader, &shown)?;
        each(source_of(&header, &shown)?, &entry_name, &mut (header.as_bytes()).chain(reader))?;
        dates.push(date_in(&entry_name));
        read += 1;
    }
    if read == 0 {
        return Err(Error::refused(
            &shown,
            "holds no .txt file",
            "Give the archive of the extraction as it was downloaded",
        ));
    }
    dates.push(date_in(&name));
    Ok(dates)
}

/// Longest header, in octets: the longest real one has under 2 000.
const LONGEST_HEADER: usize = 16 * 1024;

fn header(reader: &mut impl Read, shown: &str) -> Result<String, Error> {
    let mut line = Vec::new();
    let mut one = [0];
    while line.len() < LONGEST_HEADER && line.last() != Some(&b'\n') {
        match reader.read(&mut one) {
            Ok(0) => break,
            Ok(_) => line.push(one[0]),
            Err(error) => {
                let what = format!("is cut or damaged ({error})");
                return Err(Error::refused(shown, what, "Download the file again"));
            }
        }
    }
    Ok(String::from_utf8_lossy(&line).trim_start_matches('\u{feff}').to_owned())
}

fn source_of(header: &str, shown: &str) -> Result<Source, Error> {
    match Layout::read(header) {
        Ok(layout) => Ok(layout.source),
        Err(NoLayout::Missing(source, missing)) => Err(Error::refused(
            shown,
            format!("looks like « {} », without the columns {}", source.title(), missing.join(", ")),
            "Download the file again; if the State changed it, this program must follow",
        )),
        Err(NoLayout::Unknown) => {
            let start = header.trim_start();
            let what = if start.starts_with('<') {
                "is a web page, not an extraction"
            } else if start.starts_with('{') {
                "is JSON, not an extraction"
            } else {
                "has none of the extractions' headers in its first line"
            };
            Err(Error::refused(
                shown,
                what,
                "Give Extraction_Correspondance_MSSante or the PS_LibreAcces files, as text or ZIP",
            ))
        }
    }
}

/// The date that a name carries as `AAAAMMJJhhmm` (or with `-` and seconds), read as Paris time without its offset.
pub(crate) fn date_in(name: &str) -> Option<String> {
    let runs = name.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    let runs: Vec<&str> = runs.collect();
    runs.iter().enumerate().find_map(|(at, run)| {
        let digits = match run.len() {
            12 | 14 => (*run).to_owned(),
            8 => match runs.get(at + 1).filter(|time| matches!(time.len(), 4 | 6)) {
                Some(time) => format!("{run}{time}"),
                None => format!("{run}0000"),
            },
            _ => return None,
        };
        instant(&digits)
    })
}

/// `AAAAMMJJhhmm` as RFC 3339, Paris time as UTC+1: a date to show, not one to compute with.
fn instant(digits: &str) -> Option<String> {
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<i16>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute) = (number(8, 10)?, number(10, 12)?);
    let month = i8::try_from(month).ok()?;
    let civil = jiff::civil::DateTime::new(
        year,
        month,
        i8::try_from(day).ok()?,
        i8::try_from(hour).ok()?,
        i8::try_from(minute).ok()?,
        0,
        0,
    );
    (2000..2200).contains(&year).then_some(())?;
    let civil = civil.ok()?;
    Some(format!("{}+01:00", civil.strftime("%Y-%m-%dT%H:%M:%S")))
}

#[cfg(test)]
mod tests {
    use super::date_in;

    #[test]
    fn dates_are_read_in_names() {
        let date = |name| date_in(name);
        let expected = Some("2026-08-26T04:15:00+01:00".to_owned());
        assert_eq!(date("Extraction_Correspondance_MSSante_202608260415.txt"), expected);
        assert_eq!(date("20260826-041500-extraction.txt"), expected);
        assert_eq!(date("extraction-correspondance-mssante.txt"), None);
        assert_eq!(date("x_202613990415.txt"), None);
    }
}
