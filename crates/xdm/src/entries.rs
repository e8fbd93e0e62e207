use std::io::{Cursor, Read as _};

use zip::ZipArchive;
use zip::result::ZipError;

/// What an archive may ask of its reader.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The archive itself, in octets.
    pub archive: u64,
    /// Files and directories in it.
    pub entries: usize,
    /// One file, unpacked, in octets.
    pub entry: u64,
    /// All files, unpacked, in octets.
    pub total: u64,
    /// How many times larger than packed a file may be, once it is larger than [`Limits::RATIO_FROM`]. XML packs 10 to 30
    /// times, never 200.
    pub ratio: u64,
}

impl Limits {
    /// Files up to this size, in octets, may have any ratio: a page of blanks is no bomb.
    pub const RATIO_FROM: u64 = 1024 * 1024;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive: kernel::Limits::default().message,
            entries: 200,
            entry: 50 * 1024 * 1024,
            total: 100 * 1024 * 1024,
            ratio: 200,
        }
    }
}

/// Why an archive is refused whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Not a ZIP archive, or a damaged one.
    #[error("this is not a ZIP archive that can be read: {problem}")]
    NotZip {
        /// What is wrong.
        problem: String,
    },
    /// Larger than [`Limits::archive`].
    #[error("the archive has {size} octets; at most {limit} are read")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// More entries than [`Limits::entries`].
    #[error("the archive has {count} entries; at most {limit} are read")]
    TooManyEntries {
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A path that leaves the archive, is absolute, names a drive, or uses backslashes.
    #[error("the entry “{path}” has a path that could leave the archive")]
    Path {
        /// The path, shortened and without control characters.
        path: String,
    },
    /// Two entries of one name, upper and lower case being the same: readers would disagree on what the archive says.
    #[error("the archive has two entries named “{path}”")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// Entries that share bytes.
    #[error("entries of the archive overlap")]
    Overlap,
    /// An encrypted entry: MSSanté protects the transport, never the archive.
    #[error("the entry “{path}” is encrypted")]
    Encrypted {
        /// The path.
        path: String,
    },
    /// A symbolic link.
    #[error("the entry “{path}” is a link")]
    Link {
        /// The path.
        path: String,
    },
    /// An entry larger than [`Limits::entry`], or all together than [`Limits::total`], or packed more than
    /// [`Limits::ratio`] times.
    #[error("the entry “{path}” unpacks to more than is allowed ({limit} octets)")]
    Bomb {
        /// The path.
        path: String,
        /// The limit reached, in octets.
        limit: u64,
    },
    /// A file whose bytes do not unpack, or not to what its checksum says.
    #[error("the entry “{path}” is damaged: {problem}")]
    Damaged {
        /// The path.
        path: String,
        /// What is wrong.
        problem: String,
    },
}

/// A file of an archive.
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// Every file, in the order of the archive, once nothing speaks against it.
pub(crate) fn unpack(bytes: &[u8], limits: &Limits) -> Result<Vec<Entry>, OpenError> {
    let size = bytes.len() as u64;
    if size > limits.archive {
        return Err(OpenError::TooLarge { size, limit: limits.archive });
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(not_zip)?;
    if archive.len() > limits.entries {
        return Err(OpenError::TooManyEntries { count: archive.len(), limit: limits.entries });
    }
    if archive.has_duplicate_names() {
        return Err(OpenError::Duplicate { path: "(the same bytes)".into() });
    }
    let mut seen = std::collections::HashSet::new();
    for index in 0..archive.len() {
        let path = check(&mut archive, index)?;
        if !seen.insert(path.to_uppercase()) {
            return Err(OpenError::Duplicate { path: shown(&path) });
        }
    }
    if archive.has_overlapping_entries().map_err(not_zip)? {
        return Err(OpenError::Overlap);
    }
    let mut left = limits.total;
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        if let Some(entry) = unpack_one(&mut archive, index, limits, &mut left)? {
            entries.push(entry);
        }
    }
    Ok(entries)
}

type Zip<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// What can be said of an entry without unpacking it.
fn check(archive: &mut Zip<'_>, index: usize) -> Result<String, OpenError> {
    let file = archive.by_index_raw(index).map_err(not_zip)?;
    let path = file.name().map_err(not_zip)?.into_owned();
    if file.encrypted() {
        return Err(OpenError::Encrypted { path: shown(&path) });
    }
    if file.is_symlink() {
        return Err(OpenError::Link { path: shown(&path) });
    }
    let drive = path.as_bytes().get(1) == Some(&b':');
    let climbs = path.split('/').any(|part| part == "..");
    let hidden = path.contains('\\') || path.chars().any(char::is_control);
    if path.is_empty() || path.starts_with('/') || drive || climbs || hidden || file.enclosed_name().is_none()
    {
        return Err(OpenError::Path { path: shown(&path) });
    }
    Ok(path)
}

/// `None` for a directory.
fn unpack_one(
    archive: &mut Zip<'_>,
    index: usize,
    limits: &Limits,
    left: &mut u64,
) -> Result<Option<Entry>, OpenError> {
    let mut file = archive.by_index(index).map_err(not_zip)?;
    if file.is_dir() {
        return Ok(None);
    }
    let path = file.name().map_err(not_zip)?.into_owned();
    let by_ratio = file.compressed_size().saturating_mul(limits.ratio).max(Limits::RATIO_FROM);
    let limit = limits.entry.min(*left).min(by_ratio);
    let mut bytes = Vec::with_capacity(usize::try_from(file.size().min(limit)).unwrap_or_default());
    // One octet more than allowed is asked for: that it comes is what tells.
    let outcome = (&mut file).take(limit.saturating_add(1)).read_to_end(&mut bytes);
    if bytes.len() as u64 > limit {
        return Err(OpenError::Bomb { path: shown(&path), limit });
    }
    outcome.map_err(|error| OpenError::Damaged { path: shown(&path), problem: error.to_string() })?;
    *left -= bytes.len() as u64;
    Ok(Some(Entry { path, bytes }))
}

fn not_zip(error: ZipError) -> OpenError {
    OpenError::NotZip { problem: error.to_string() }
}

/// A hostile name, fit for a message.
fn shown(path: &str) -> String {
    path.chars().map(|c| if c.is_control() { '?' } else { c }).take(120).collect()
}
