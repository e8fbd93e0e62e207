//! The files of a search: read as streams, one after the other, whatever their size.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::judge::{Found, Judge};
use super::known::Known;
use super::runs::{Run, Runs};

/// Finds that are told one by one.
const MOST: usize = 10_000;
/// Octets that are read at a time.
const CHUNK: usize = 256 * 1024;
/// Directories within directories.
const DEPTH: usize = 128;
/// Most that is taken out of one gzip file: a bomb is named, not swallowed.
const INFLATED: u64 = 64 * 1024 * 1024 * 1024;

/// What a search found.
#[derive(Default)]
pub(super) struct Report {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) found: Vec<(String, Found)>,
    /// There were more than are told.
    pub(super) truncated: bool,
    /// Tokens of others: not ours to judge.
    pub(super) foreign: u64,
    pub(super) unreadable: Vec<(String, String)>,
    /// Links, sockets, devices: named, not opened.
    pub(super) skipped: Vec<String>,
}

/// Searches files and directories. Links are not followed, not even those that are given.
pub(super) fn scan(paths: &[PathBuf], known: Known) -> Report {
    let mut search = Search { judge: Judge::new(known), report: Report::default(), buffer: vec![0; CHUNK] };
    for path in paths {
        search.visit(path, 0);
    }
    search.report.foreign = search.judge.foreign;
    search.report
}

struct Search {
    judge: Judge,
    report: Report,
    buffer: Vec<u8>,
}

impl Search {
    fn visit(&mut self, path: &Path, depth: usize) {
        let outcome = fs::symlink_metadata(path).and_then(|metadata| {
            if metadata.is_dir() {
                self.folder(path, depth)
            } else if metadata.is_file() {
                self.file(path)
            } else {
                self.report.skipped.push(path.display().to_string());
                Ok(())
            }
        });
        if let Err(error) = outcome {
            self.report.unreadable.push((path.display().to_string(), error.to_string()));
        }
    }

    fn folder(&mut self, path: &Path, depth: usize) -> io::Result<()> {
        if depth >= DEPTH {
            return Err(io::Error::other(format!("more than {DEPTH} directories within each other")));
        }
        let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            self.visit(&entry.path(), depth + 1);
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> io::Result<()> {
        self.report.files += 1;
        let name = path.display().to_string();
        let mut magic = Vec::new();
        File::open(path)?.take(3).read_to_end(&mut magic)?;
        let zipped = magic == [0x1f, 0x8b, 8];
        self.stream(&name, File::open(path)?)?;
        if zipped {
            let unpacked = MultiGzDecoder::new(BufReader::new(File::open(path)?)).take(INFLATED);
            self.stream(&format!("{name} (gzip)"), unpacked)?;
        }
        Ok(())
    }

    fn stream(&mut self, name: &str, mut stream: impl Read) -> io::Result<()> {
        let Self { judge, report, buffer } = self;
        let mut runs = Runs::default();
        let mut last = None; // pieces of a long run overlap
        let mut each = |run: Run<'_>| {
            for found in judge.look(&run) {
                if last.is_some_and(|last| found.offset <= last) {
                    continue;
                }
                last = Some(found.offset);
                if report.found.len() < MOST {
                    report.found.push((name.to_owned(), found));
                } else {
                    report.truncated = true;
                }
            }
        };
        loop {
            let count = match stream.read(buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    runs.finish(&mut each);
                    return Err(error);
                }
            };
            report.bytes += count as u64;
            runs.feed(&buffer[..count], &mut each);
        }
        runs.finish(&mut each);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn token() -> String {
        let claims = br#"{"iss":"https://localhost:8802/auth/realms/esante-wallet","typ":"ID"}"#;
        let header = kernel::base64url(br#"{"alg":"RS256"}"#);
        format!("{header}.{}.{}", kernel::base64url(claims), kernel::base64url(&[7; 256]))
    }

    #[test]
    fn a_tree_is_searched_without_following_links() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("a/b/log.txt"), format!("x\n{}\n", token())).unwrap();
        fs::write(at("a/clean"), "nothing").unwrap();
        let mut packed = Vec::new();
        for member in [format!("first {}", token()), format!(" second {}", token())] {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(member.as_bytes()).unwrap();
            packed.extend(encoder.finish().unwrap());
        }
        fs::write(at("a/log.gz"), &packed).unwrap();
        fs::write(at("a/broken.gz"), &packed[..60]).unwrap();
        std::os::unix::fs::symlink(at("a"), at("link")).unwrap();
        let report = scan(&[folder.path().to_owned(), at("missing")], Known::new());
        let found: Vec<(String, u64)> =
            report.found.iter().map(|(file, found)| (file.clone(), found.offset)).collect();
        let name = |name: &str| at(name).display().to_string();
        let packed = format!("{} (gzip)", name("a/log.gz"));
        let second = 6 + token().len() as u64 + 8;
        assert_eq!(
            found,
            [(name("a/b/log.txt"), 2), (packed.clone(), 6), (packed, second)],
            "and nothing through the link"
        );
        assert_eq!(report.skipped, [name("link")]);
        let unreadable: Vec<&String> = report.unreadable.iter().map(|(file, _)| file).collect();
        assert_eq!(unreadable, [&name("a/broken.gz"), &name("missing")]);
        assert_eq!(report.files, 4);
    }

    #[test]
    fn a_long_run_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dump");
        let token = token();
        let filler = "QUJD".repeat(60_000);
        fs::write(&file, format!("{filler}.{token}.{filler}.{token} {filler}")).unwrap();
        let report = scan(&[file], Known::new());
        let found: Vec<u64> = report.found.iter().map(|(_, found)| found.offset).collect();
        let first = filler.len() as u64 + 1;
        assert_eq!(found, [first, first + token.len() as u64 + 1 + filler.len() as u64 + 1]);
    }
}
