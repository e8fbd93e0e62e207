//! Small JSON files of the sandbox's directory: what a person changed on its pages, and the keys that are still
//! published. Written apart and renamed into place, for the owner's eyes only. No token and no secret goes there.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// Reads a file; the default where there is none.
pub(crate) fn load<T: DeserializeOwned + Default>(path: &Path) -> Result<T, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    match fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map_err(|error| failed(std::io::Error::other(error.to_string())))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(failed(error)),
    }
}

/// Replaces a file.
pub(crate) fn save<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let bytes = serde_json::to_vec_pretty(value).expect("strings, numbers and lists always serialise");
    replace(path, &bytes)
}

/// Replaces a file (mode 0600) by these bytes, whole or not at all.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let draft = path.with_extension(format!("draft-{}", kernel::random::id()));
    let write = || {
        let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        match path.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|source| {
        let _ = fs::remove_file(&draft);
        Error::File { path: path.to_owned(), source }
    })
}
