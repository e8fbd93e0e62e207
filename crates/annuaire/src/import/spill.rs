//! Lines put aside by person or structure, so that each partition can be grouped in memory.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// How many partitions: a file of three million lines makes partitions of some 15 MB.
const PARTITIONS: usize = 64;

pub(super) struct Spill {
    dir: PathBuf,
    files: Vec<BufWriter<File>>,
}

impl Spill {
    pub(super) fn create(dir: &Path) -> Result<Self, Error> {
        let failed = || Error::io(format!("writing in {}", dir.display()));
        fs::create_dir_all(dir).map_err(failed())?;
        let files = (0..PARTITIONS)
            .map(|number| {
                Ok(BufWriter::with_capacity(32 * 1024, File::create(dir.join(number.to_string()))?))
            })
            .collect::<std::io::Result<Vec<_>>>()
            .map_err(failed())?;
        Ok(Self { dir: dir.to_owned(), files })
    }

    /// Puts a line aside: `KEY RS LINE LF`.
    pub(super) fn put(&mut self, key: &str, line: &str) -> Result<(), Error> {
        let file = &mut self.files[partition(key)];
        let write = file
            .write_all(key.as_bytes())
            .and_then(|()| file.write_all(b"\x1e"))
            .and_then(|()| file.write_all(line.as_bytes()))
            .and_then(|()| file.write_all(b"\n"));
        write.map_err(Error::io(format!("writing in {}", self.dir.display())))
    }

    /// The partitions' files.
    pub(super) fn finish(self) -> Result<Vec<PathBuf>, Error> {
        let failed = || Error::io(format!("writing in {}", self.dir.display()));
        for mut file in self.files {
            file.flush().map_err(failed())?;
        }
        Ok((0..PARTITIONS).map(|number| self.dir.join(number.to_string())).collect())
    }
}

/// FNV-1a: no need for more than an even spread.
fn partition(key: &str) -> usize {
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    (hash >> 32) as usize % PARTITIONS
}
