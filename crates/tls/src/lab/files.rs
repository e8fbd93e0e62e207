use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::Error;

/// How the name of a draft starts.
const DRAFT: &[u8] = b".draft-";

/// The lab's directory: 0700, every file in it 0600, every write atomic, one writer at a time across processes.
pub(super) struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Opens the directory, making it where it is missing.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let directory = Self { path: path.to_owned() };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(|source| directory.storage(path, source))?;
        restrict(path, 0o700).map_err(|source| directory.storage(path, source))?;
        Ok(directory)
    }

    /// Waits for, and holds, the right to change the directory. Given back when dropped, also by a crash.
    pub(super) fn lock(&self) -> Result<File, Error> {
        let path = self.path.join("lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        private(&mut options);
        options
            .open(&path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|source| self.storage(&path, source))
    }

    /// Removes drafts that an interrupted write left: they may hold a key. To be called under the lock.
    pub(super) fn sweep(&self) -> Result<(), Error> {
        let entries = fs::read_dir(&self.path).map_err(|source| self.storage(&self.path, source))?;
        for entry in entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().starts_with(DRAFT))
        {
            fs::remove_file(entry.path()).map_err(|source| self.storage(&entry.path(), source))?;
        }
        Ok(())
    }

    /// Contents of a file; `None` where there is none.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Ok(bytes) => {
                restrict(&path, 0o600).map_err(|source| self.storage(&path, source))?;
                Ok(Some(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.storage(&path, source)),
        }
    }

    /// Puts a file in place, whole or not at all: written under another name, synced, renamed.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path.join(name);
        let draft = self.path.join(format!(".draft-{}-{name}", kernel::random::mark()));
        let mut options = OpenOptions::new();
        options.create_new(true).write(true);
        private(&mut options);
        let written = options
            .open(&draft)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&draft, &path))
            .and_then(|()| File::open(&self.path)?.sync_all());
        written.map_err(|source| {
            let _ = fs::remove_file(&draft);
            self.storage(&path, source)
        })
    }

    pub(super) fn damaged(&self, name: &str, what: impl Into<String>) -> Error {
        Error::Damaged { file: self.path.join(name), what: what.into() }
    }

    fn storage(&self, path: &Path, source: io::Error) -> Error {
        Error::Storage { path: path.to_owned(), source }
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn private(_options: &mut OpenOptions) {}

/// Takes away what others may do with `path`, where they may do anything.
#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut permissions = fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "readable by others: permissions tightened");
        permissions.set_mode(mode);
        fs::set_permissions(path, permissions)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}
