//! The data directory: where everything is kept, who holds it, and how commands find its server.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use bench::{Code, Error, write_private};
use kernel::Secret;
use serde_json::Value;

/// The file of the data directory that holds the database.
pub(crate) const DATABASE: &str = "vaguemestre.sqlite";

/// A data directory that this process holds.
#[derive(Debug)]
pub(crate) struct DataDir {
    pub(crate) path: PathBuf,
    _lock: File,
}

/// The default: `$XDG_DATA_HOME/vaguemestre`, else `~/.local/share/vaguemestre`.
pub(crate) fn default_path() -> Result<PathBuf, Error> {
    let base = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")));
    base.map(|base| base.join("vaguemestre")).ok_or_else(|| {
        Error::new(
            Code::DataUnwritable,
            "no home directory is known",
            "Give a data directory with --data DIR.",
        )
    })
}

impl DataDir {
    /// Creates the directory where needed and takes its lock.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let unwritable = |error: std::io::Error| {
            let message = format!("the data directory {} cannot be written: {error}", path.display());
            Error::new(Code::DataUnwritable, message, "Check its rights, or give another with --data DIR.")
        };
        fs::create_dir_all(path.join("run")).map_err(unwritable)?;
        let path = path.canonicalize().map_err(unwritable)?;
        restrict(&path).map_err(unwritable)?;
        let lock = File::create(path.join("run/lock")).map_err(unwritable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                let holder = read_server(&path)
                    .map(|server| format!(" (pid {}, {})", server["pid"], server["server"]));
                let message =
                    format!("the data directory {} is in use{}", path.display(), holder.unwrap_or_default());
                let next =
                    "Use the server that holds it, stop it, or give another directory with --data DIR.";
                Err(Error::new(Code::Busy, message, next))
            }
            Err(TryLockError::Error(error)) => Err(unwritable(error)),
        }
    }

    /// The API key, made once.
    pub(crate) fn api_key(&self) -> Result<Secret<String>, Error> {
        let path = self.path.join("run/api-key");
        match fs::read_to_string(&path) {
            Ok(key) if key.trim().len() >= 20 => Ok(Secret::new(key.trim().to_owned())),
            _ => {
                let key = Secret::new(kernel::random::id());
                write_private(&path, format!("{}\n", key.reveal()).as_bytes())?;
                Ok(key)
            }
        }
    }

    /// Tells commands where the server is.
    pub(crate) fn publish(&self, up: &Value) -> Result<(), Error> {
        Ok(write_private(&self.path.join("run/server.json"), format!("{up}\n").as_bytes())?)
    }

    /// The server is going away.
    pub(crate) fn unpublish(&self) {
        let _ = fs::remove_file(self.path.join("run/server.json"));
    }
}

fn restrict(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

/// What the running server of a data directory said of itself.
pub(crate) fn read_server(data: &Path) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(data.join("run/server.json")).ok()?).ok()
}

/// Settings of the data directory that are not ports: `settings.json`.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Settings {
    /// Domain of the mailboxes, after `mail-tests-editeur.`.
    pub(crate) domain: String,
}

/// The domain where nobody asked for another; `.test` is reserved (RFC 2606), so it can never be a real operator's.
const DOMAIN: &str = "vaguemestre.test";

impl Settings {
    /// Reads the settings, with `domain` taking over (and kept) where it is given.
    pub(crate) fn open(data: &Path, domain: Option<&str>) -> Result<Self, Error> {
        let path = data.join("settings.json");
        let kept: Option<Self> = match fs::read(&path) {
            Ok(bytes) => Some(serde_json::from_slice(&bytes).map_err(|error| {
                let message = format!("{} is damaged: {error}", path.display());
                Error::new(
                    Code::BadInput,
                    message,
                    "Correct it, or remove it to go back to the default settings.",
                )
            })?),
            Err(_) => None,
        };
        let settings = match (domain, kept) {
            (None, Some(kept)) => return Ok(kept),
            (Some(domain), kept) => {
                let domain = domain.trim_end_matches('.').to_ascii_lowercase();
                if !is_domain(&domain) {
                    let next = "Give a domain name such as espacedeconfiance.mssante.fr.";
                    return Err(Error::new(Code::BadInput, format!("{domain:?} is no domain name"), next)
                        .field("domain"));
                }
                if let Some(kept) = kept.filter(|kept| kept.domain != domain)
                    && data.join("vaguemestre.sqlite").exists()
                {
                    let message = format!("the mailboxes of this data directory are at {}", kept.domain);
                    let next =
                        "Addresses never change under a client: use another --data for another domain.";
                    return Err(Error::new(Code::BadInput, message, next).field("domain"));
                }
                Self { domain }
            }
            (None, None) => Self { domain: DOMAIN.into() },
        };
        write_private(
            &path,
            format!("{}\n", serde_json::to_string(&settings).expect("settings serialise")).as_bytes(),
        )?;
        Ok(settings)
    }

    /// What is after the `@` of every mailbox, as in MOTCO2.
    pub(crate) fn mail_domain(&self) -> String {
        format!("mail-tests-editeur.{}", self.domain)
    }
}

fn is_domain(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 200 && name.contains('.') && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_kept_and_cannot_change_under_mailboxes() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(
            Settings::open(dir.path(), None).unwrap().mail_domain(),
            "mail-tests-editeur.vaguemestre.test"
        );
        let own = "espacedeconfiance.mssante.fr";
        assert_eq!(Settings::open(dir.path(), Some(own)).unwrap().domain, own);
        assert_eq!(Settings::open(dir.path(), None).unwrap().domain, own);
        fs::write(dir.path().join("vaguemestre.sqlite"), "").unwrap();
        assert_eq!(
            Settings::open(dir.path(), Some("other.test")).unwrap_err().field.as_deref(),
            Some("domain")
        );
        assert_eq!(Settings::open(dir.path(), Some("no domain")).unwrap_err().code, Code::BadInput);
    }

    #[test]
    fn a_directory_is_held_by_one_process_and_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let held = DataDir::open(dir.path()).unwrap();
        assert_eq!(DataDir::open(dir.path()).unwrap_err().code, Code::Busy);
        let key = held.api_key().unwrap();
        assert_eq!(held.api_key().unwrap(), key);
        let mode = fs::metadata(dir.path().join("run/api-key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let error = DataDir::open(&dir.path().join("file/data")).unwrap_err();
        assert_eq!(error.code, Code::DataUnwritable);
        assert!(error.message.contains("file/data"), "{}", error.message);
    }
}
