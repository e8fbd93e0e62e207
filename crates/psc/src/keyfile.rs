use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::Secret;
use oidc::SigningKey;

use crate::Error;

const NAME: &str = "signing-key.pem";

/// The realm's key: read from `directory`, or made there (RSA 2048, mode 0600) the first time.
pub(crate) fn open(directory: &Path) -> Result<SigningKey, Error> {
    let path = directory.join(NAME);
    let failed = |source| Error::File { path: path.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    let pem = match fs::read_to_string(&path) {
        Ok(pem) => Secret::new(pem),
        Err(error) if error.kind() == ErrorKind::NotFound => make(directory, &path)?,
        Err(error) => return Err(failed(error)),
    };
    let mode = fs::metadata(&path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "the signing key was readable by others: its mode is now 0600");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    }
    SigningKey::from_pem(pem.reveal()).map_err(|error| Error::Key(error.to_string()))
}

/// Written apart and linked into place: two processes that start together end with the same key, and a crash never
/// leaves half a file under the final name.
fn make(directory: &Path, path: &Path) -> Result<Secret<String>, Error> {
    let pem = generate()?;
    let draft = directory.join(format!("{NAME}.{}", kernel::random::id()));
    let write = || {
        let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(pem.reveal().as_bytes())?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => File::open(directory)?.sync_all(),
        }
    };
    let written = write();
    let _ = fs::remove_file(&draft);
    written.map_err(|source| Error::File { path: path.to_owned(), source })?;
    fs::read_to_string(path).map(Secret::new).map_err(|source| Error::File { path: path.to_owned(), source })
}

/// Puts another key in the place of the present one.
pub(crate) fn replace(directory: &Path, pem: &Secret<String>) -> Result<(), Error> {
    crate::store::replace(&directory.join(NAME), pem.reveal().as_bytes())
}

/// A new RSA 2048 key, PEM (PKCS#8).
pub(crate) fn generate() -> Result<Secret<String>, Error> {
    let unusable = |_| Error::Key("the cryptographic library made none".into());
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(unusable)?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(unusable)?;
    let body = Secret::new(STANDARD.encode(der.as_ref()));
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in body.reveal().as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(Secret::new(pem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_kept_for_its_owner_alone() {
        let data = tempfile::tempdir().unwrap();
        let directory = data.path().join("psc");
        let first = open(&directory).unwrap();
        let path = directory.join(NAME);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "no draft stays");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(open(&directory).unwrap().kid(), first.kid());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "damaged").unwrap();
        assert!(matches!(open(&directory), Err(Error::Key(_))));
    }
}
