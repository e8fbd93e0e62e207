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
    let mut packed = Packed::open(bytes, limits)?;
    let mut entries = Vec::new();
    for index in 0..packed.paths.len() {
        if let Some(bytes) = packed.unpack(index)? {
            entries.push(Entry { path: packed.paths[index].clone(), bytes });
        }
    }
    Ok(entries)
}

/// An archive against whose list of entries nothing speaks. What is unpacked is counted against the limits.
pub(crate) struct Packed<'a> {
    /// Paths of all entries, directories included, in the order of the archive.
    pub(crate) paths: Vec<String>,
    zip: Zip<'a>,
    limits: &'a Limits,
    left: u64,
}

impl<'a> Packed<'a> {
    pub(crate) fn open(bytes: &'a [u8], limits: &'a Limits) -> Result<Self, OpenError> {
        let size = bytes.len() as u64;
        if size > limits.archive {
            return Err(OpenError::TooLarge { size, limit: limits.archive });
        }
        let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(not_zip)?;
        if zip.len() > limits.entries {
            return Err(OpenError::TooManyEntries { count: zip.len(), limit: limits.entries });
        }
        if zip.has_duplicate_names() {
            return Err(OpenError::Duplicate { path: "(the same bytes)".into() });
        }
        let mut seen = std::collections::HashSet::new();
        let mut paths = Vec::with_capacity(zip.len());
        for index in 0..zip.len() {
            let path = check(&mut zip, index)?;
            if !seen.insert(path.to_uppercase()) {
                return Err(OpenError::Duplicate { path: shown(&path) });
            }
            paths.push(path);
        }
        if zip.has_overlapping_entries().map_err(not_zip)? {
            return Err(OpenError::Overlap);
        }
        Ok(Self { paths, zip, limits, left: limits.total })
    }

    /// The whole of an entry; `None` for a directory.
    pub(crate) fn unpack(&mut self, index: usize) -> Result<Option<Vec<u8>>, OpenError> {
        unpack_one(&mut self.zip, index, self.limits, &mut self.left)
    }

    /// The first octets of an entry, `octets` at most; `None` for a directory. Its checksum is not looked at.
    pub(crate) fn beginning(&mut self, index: usize, octets: u64) -> Result<Option<Vec<u8>>, OpenError> {
        let path = shown(&self.paths[index]);
        let file = self.zip.by_index(index).map_err(not_zip)?;
        if file.is_dir() {
            return Ok(None);
        }
        let limit = octets.min(self.limits.entry).min(self.left);
        let mut bytes = Vec::new();
        let outcome = file.take(limit).read_to_end(&mut bytes);
        outcome.map_err(|error| OpenError::Damaged { path, problem: error.to_string() })?;
        self.left -= bytes.len() as u64;
        Ok(Some(bytes))
    }
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
) -> Result<Option<Vec<u8>>, OpenError> {
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
    Ok(Some(bytes))
}

fn not_zip(error: ZipError) -> OpenError {
    OpenError::NotZip { problem: error.to_string() }
}

/// A hostile name, fit for a message.
fn shown(path: &str) -> String {
    path.chars().map(|c| if c.is_control() { '?' } else { c }).take(120).collect()
}
