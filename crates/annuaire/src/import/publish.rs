//! A base takes the place of another in one rename; what a killed import left behind is swept.
//!
//! `CURRENT` holds the name of the directory that serves. It is replaced by a rename after everything else is on disk, so
//! that at any instant, and after any kill, it names a whole base.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Error;

const CURRENT: &str = "CURRENT";
const BUILDING: &str = "building-";
const BASE: &str = "base-";
const INCOMING: &str = "incoming-";

/// A download that is older than this was left by a process that ended.
const OLD: Duration = Duration::from_secs(24 * 3_600);

/// The directory of the base that serves, where there is one.
pub(crate) fn current(dir: &Path) -> Option<PathBuf> {
    let name = fs::read_to_string(dir.join(CURRENT)).ok()?;
    let name = name.trim();
    (name.starts_with(BASE) && !name.contains(['/', '\\'])).then(|| dir.join(name))
}

/// One import at a time in a data directory; the system lets go of it when the process ends, however it ends.
pub(crate) struct Lock(#[expect(dead_code, reason = "held, never read")] File);

impl Lock {
    pub(crate) fn take(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("lock");
        let file = File::create(&path).map_err(Error::io(format!("making {}", path.display())))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(fs::TryLockError::WouldBlock) => Err(Error::Busy(dir.to_owned())),
            Err(fs::TryLockError::Error(error)) => {
                Err(Error::Io { what: format!("locking {}", path.display()), source: error })
            }
        }
    }
}

/// Removes what killed imports left, and bases but for the one that serves and the one before; call it under the lock.
pub(crate) fn sweep(dir: &Path) {
    let serving = current(dir);
    let mut old = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(BUILDING) || name.starts_with(INCOMING) && is_old(&entry) {
            let _ = fs::remove_dir_all(entry.path());
        } else if name.starts_with(BASE) && Some(entry.path()) != serving {
            old.push(entry.path());
        }
    }
    // Names sort by age: the newest of the old ones is kept to go back to.
    old.sort();
    old.pop();
    for path in old {
        let _ = fs::remove_dir_all(path);
    }
}

/// Whether nothing was put there for a day, by the file system's own clock.
fn is_old(entry: &fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
    modified.and_then(|modified| modified.elapsed().ok()).is_some_and(|age| age > OLD)
}

/// A base under construction; removed when dropped unpublished.
pub(super) struct Building {
    dir: PathBuf,
    path: PathBuf,
    published: bool,
}

impl Building {
    pub(super) fn start(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(format!("{BUILDING}{}", kernel::random::mark()));
        fs::create_dir_all(&path).map_err(Error::io(format!("making {}", path.display())))?;
        Ok(Self { dir: dir.to_owned(), path, published: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn publish(mut self, had_one: bool) -> Result<PathBuf, Error> {
        let failed = |what: &str| Error::io(format!("{what} in {}", self.dir.display()));
        let last = fs::read_dir(&self.dir)
            .map_err(failed("looking"))?
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.strip_prefix(BASE)?.parse::<u64>().ok())
            .max()
            .unwrap_or(0);
        let name = format!("{BASE}{:08}", last + 1);
        let base = self.dir.join(&name);
        sync_all(&self.path).map_err(failed("writing the base out"))?;
        fs::rename(&self.path, &base).map_err(failed("naming the base"))?;
        self.published = true;
        let fresh = self.dir.join("CURRENT.new");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&fresh)?;
            file.write_all(name.as_bytes())?;
            file.sync_all()?;
            fs::rename(&fresh, self.dir.join(CURRENT))?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(failed("publishing the base"))?;
        tracing::info!(base = %name, replaced = had_one, "a directory base was published");
        Ok(base)
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn sync_all(dir: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { sync_all(&path)? } else { File::open(&path)?.sync_all()? }
    }
    File::open(dir)?.sync_all()
}

pub(super) fn size_of(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size_of(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
