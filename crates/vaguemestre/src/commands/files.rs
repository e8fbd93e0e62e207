//! Files given on a command line: a path, `-`, a directory.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use bench::{Code, Error};
use rules::inspect::largest;

/// Files of one command: a tree with more is a mistake in the path.
const MOST: usize = 10_000;
/// Directories within directories.
const DEPTH: usize = 32;

/// A file to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    /// The path as given; `-` for standard input.
    pub(crate) path: PathBuf,
    /// Whether it was found in a directory: then it may be of any kind.
    pub(crate) found: bool,
}

/// The files that these paths mean: a directory stands for all its files, in the order of their names. Links in
/// directories are not followed.
pub(crate) fn given(paths: &[PathBuf]) -> Result<Vec<Given>, Error> {
    let mut all = Vec::new();
    for path in paths {
        if path.as_os_str() != "-" && path.is_dir() {
            walk(path, 0, &mut all)?;
        } else {
            all.push(Given { path: path.clone(), found: false });
        }
    }
    Ok(all)
}

fn walk(folder: &Path, depth: usize, all: &mut Vec<Given>) -> Result<(), Error> {
    let mut entries = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(folder, &error))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), &error))?;
        if kind.is_dir() {
            if depth >= DEPTH {
                return Err(too_many(folder, format!("more than {DEPTH} directories within each other")));
            }
            walk(&entry.path(), depth + 1, all)?;
        } else if kind.is_file() {
            if all.len() >= MOST {
                return Err(too_many(folder, format!("more than {MOST} files")));
            }
            all.push(Given { path: entry.path(), found: true });
        }
    }
    Ok(())
}

/// The octets of a file, up to the largest that is judged.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let limit = largest();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > limit {
        let message = format!("{} is larger than {limit} octets, the most that is read", path.display());
        return Err(
            Error::new(Code::BadInput, message, "No operator takes a mail of this size.").field("path")
        );
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let message = format!("{} cannot be read: {error}", path.display());
    Error::new(Code::BadInput, message, "Check the path.").field("path")
}

fn too_many(folder: &Path, what: String) -> Error {
    let message = format!("{}: {what}", folder.display());
    Error::new(Code::BadInput, message, "Give a smaller directory, or the files themselves.").field("path")
}
