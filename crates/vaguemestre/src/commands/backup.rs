//! `vaguemestre backup`: a data directory copied whole while its server runs.
//!
//! The database is copied as one snapshot, and first: what a product needs beside its rows (keys, certificates) is
//! written before them and never changes, so that files copied later can only be more than the rows ask for. The
//! copy is made under another name and renamed when it is complete, on the disk and read back: there is never half
//! a backup under the name that was asked for.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use bench::{Code, Error};
use i18n::{Arg, text_with};
use serde_json::json;

use crate::cli::{Backup, Cli};
use crate::data::{DATABASE, default_path};
use crate::output;

/// `vaguemestre backup`.
pub(crate) async fn run(cli: &Cli, arguments: &Backup) -> Result<u8, Error> {
    let started = Instant::now();
    let data = existing(cli)?;
    let out = std::path::absolute(&arguments.out)?;
    let copied = save(&data, &out).await?;
    if cli.json {
        output::json(&json!({
            "schema": "vaguemestre/backup/1", "data": data, "out": out, "files": copied.files,
            "bytes": copied.bytes, "duration_ms": u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        }));
    } else {
        let path = out.display().to_string();
        let arguments = [("path", Arg::Text(&path)), ("files", Arg::Number(copied.files))];
        output::say!("{}", text_with(cli.lang(), "cli-backup-done", &arguments));
        output::say!("  {}", text_with(cli.lang(), "cli-backup-use", &[("path", Arg::Text(&path))]));
    }
    Ok(0)
}

/// The data directory that a command works on, which must be one.
pub(crate) fn existing(cli: &Cli) -> Result<PathBuf, Error> {
    let data = match &cli.data {
        Some(data) => data.clone(),
        None => default_path()?,
    };
    if data.to_str().is_some_and(|text| text.starts_with("postgres://") || text.starts_with("postgresql://"))
    {
        let next = "Use PostgreSQL's own tools: pg_dump for a copy, psql and its logs for a check.";
        let message = "this command is for a data directory, not for a PostgreSQL database";
        return Err(Error::new(Code::BadInput, message, next).field("data"));
    }
    if data.join(DATABASE).is_file() {
        return Ok(data.canonicalize()?);
    }
    let message = format!("{} is no data directory: it holds no {DATABASE}", data.display());
    Err(Error::new(Code::BadInput, message, "Give the --data of vaguemestre up.").field("data"))
}

#[derive(Default)]
struct Copied {
    files: i64,
    bytes: u64,
}

async fn save(data: &Path, out: &Path) -> Result<Copied, Error> {
    let (Some(parent), Some(name)) = (out.parent(), out.file_name()) else {
        return Err(refused(out, "is no place for a backup"));
    };
    if fs::symlink_metadata(out).is_ok() {
        return Err(refused(out, "exists already"));
    }
    let parent =
        parent.canonicalize().map_err(|error| refused(parent, &format!("cannot be used: {error}")))?;
    if parent.starts_with(data) {
        return Err(refused(out, "is inside the data directory"));
    }
    let temporary = parent.join(format!(".{}.{}.tmp", name.to_string_lossy(), kernel::random::mark()));
    let done = fill(data, &temporary).await.and_then(|copied| {
        // Refused where somebody has made it meanwhile, unless it is an empty directory.
        fs::rename(&temporary, out)?;
        File::open(&parent)?.sync_all()?;
        Ok(copied)
    });
    if done.is_err() {
        let _ = fs::remove_dir_all(&temporary);
    }
    done
}

fn refused(path: &Path, why: &str) -> Error {
    let message = format!("{} {why}", path.display());
    Error::new(Code::BadInput, message, "Give --out the path of a directory to be made.").field("out")
}

async fn fill(data: &Path, to: &Path) -> Result<Copied, Error> {
    make(to)?;
    let database = to.join(DATABASE);
    db::snapshot(&data.join(DATABASE), &database).await?;
    let mut copied = Copied { files: 1, bytes: fs::metadata(&database)?.len() };
    for path in databases_of(&data.join("lps"))? {
        let place = to.join(path.strip_prefix(data).unwrap_or(&path));
        DirBuilder::new().recursive(true).mode(0o700).create(place.parent().unwrap_or(to))?;
        db::snapshot(&path, &place).await?;
        copied.files += 1;
        copied.bytes += fs::metadata(&place)?.len();
    }
    let (from, into) = (data.to_owned(), to.to_owned());
    let files = tokio::task::spawn_blocking(move || {
        let mut files = Copied::default();
        copy(&from, &into, &|name| !is_left_out(name) && name != "lps", &mut files)?;
        make(&into.join("run"))?;
        copy(&from.join("run"), &into.join("run"), &|name| name == "api-key", &mut files)?;
        if from.join("lps").is_dir() {
            let lps = into.join("lps");
            DirBuilder::new().recursive(true).mode(0o700).create(&lps)?;
            copy(&from.join("lps"), &lps, &|name| !is_left_out(name), &mut files)?;
            make(&lps.join("run"))?;
            copy(&from.join("lps/run"), &lps.join("run"), &|name| name.ends_with(".key"), &mut files)?;
        }
        File::open(&into)?.sync_all()?;
        Ok::<_, io::Error>(files)
    });
    let files = files.await.map_err(io::Error::other)??;
    copied.files += files.files;
    copied.bytes += files.bytes;
    Ok(copied)
}

/// What is of the running server alone, or copied otherwise.
fn is_left_out(name: &str) -> bool {
    name == "run" || name == "work" || is_database(name) || name.ends_with(".tmp")
}

/// A database and what SQLite keeps beside it: never copied as files, which would tear them.
fn is_database(name: &str) -> bool {
    name.ends_with(".sqlite") || name.contains(".sqlite-")
}

/// The databases of the LPS side: one of the service, one of each practice.
fn databases_of(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    let Some(entries) = present(fs::read_dir(dir))? else { return Ok(all) };
    for entry in entries {
        let (path, kind) = {
            let entry = entry?;
            (entry.path(), entry.file_type()?)
        };
        if kind.is_dir() {
            all.extend(databases_of(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "sqlite") {
            all.push(path);
        }
    }
    Ok(all)
}

/// Copies files (0600) and directories (0700); links and other things are not followed.
fn copy(from: &Path, to: &Path, wanted: &dyn Fn(&str) -> bool, copied: &mut Copied) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if !wanted(&name.to_string_lossy()) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(&name));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(&target)?;
            copy(&source, &target, &|name| !name.ends_with(".tmp") && !is_database(name), copied)?;
        } else if kind.is_file() {
            // A file that was replaced meanwhile is there under its name; one that was removed is not wanted.
            let Some(mut reader) = present(File::open(&source))? else { continue };
            let mut writer = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&target)?;
            copied.bytes += io::copy(&mut reader, &mut writer)?;
            writer.sync_all()?;
            copied.files += 1;
        }
    }
    File::open(to)?.sync_all()
}

fn present<T>(file: io::Result<T>) -> io::Result<Option<T>> {
    match file {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}
