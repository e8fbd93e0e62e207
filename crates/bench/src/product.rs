//! Products (NIL), their versions, and the two mailboxes, the PSC client and the certificate that come with each.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use kernel::{Secret, Timestamp};
use operator::Kind;
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::error::{Code, Error};

/// A product as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its number at Convergence; opaque.
    pub nil: String,
    /// Its name.
    pub name: String,
    /// Its newest version, if one was said.
    pub version: Option<String>,
    /// PER or ORG.
    pub kind: Kind,
    /// National identifier of the PSC identity; the local part of the PER or ORG mailbox.
    pub psc_identity: String,
    /// National identifier of the structure; the local part of the APP mailbox.
    pub app_identity: String,
    /// Address of the PER or ORG mailbox.
    pub psc_address: String,
    /// Address of the APP mailbox.
    pub app_address: String,
    /// Client identifier at the sandbox's PSC.
    pub client_id: String,
    /// *Parcours*, such as `MDV`; empty where unknown.
    pub course: String,
    /// *Démarche* at Convergence; empty where unknown.
    pub procedure: String,
    /// *Statut* of the démarche; empty where unknown.
    pub status: String,
    /// When it was registered.
    pub created: Timestamp,
}

/// A request to register a product.
#[derive(Clone, Debug)]
pub struct NewProduct {
    /// See [`Product::nil`].
    pub nil: String,
    /// See [`Product::name`].
    pub name: String,
    /// See [`Product::version`].
    pub version: Option<String>,
    /// See [`Product::kind`].
    pub kind: Kind,
    /// See [`Product::psc_identity`].
    pub psc_identity: String,
    /// See [`Product::app_identity`].
    pub app_identity: String,
    /// See [`Product::course`].
    pub course: String,
    /// See [`Product::procedure`].
    pub procedure: String,
    /// See [`Product::status`].
    pub status: String,
}

pub(crate) const MIGRATION: &str = "CREATE TABLE product (
    nil TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT,
    kind TEXT NOT NULL,
    psc_identity TEXT NOT NULL UNIQUE,
    app_identity TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    created_us BIGINT NOT NULL
);
CREATE TABLE product_version (
    nil TEXT NOT NULL,
    version TEXT NOT NULL,
    seen_us BIGINT NOT NULL,
    PRIMARY KEY (nil, version)
)";

/// Second version of the schema: what MOTCO2's list of products shows, and the checklist.
pub(crate) const MIGRATION_2: &str = "ALTER TABLE product ADD COLUMN course TEXT NOT NULL DEFAULT '';
ALTER TABLE product ADD COLUMN formality TEXT NOT NULL DEFAULT '';
ALTER TABLE product ADD COLUMN status TEXT NOT NULL DEFAULT '';
CREATE TABLE prerequisite (
    nil TEXT NOT NULL,
    id TEXT NOT NULL,
    ticked_us BIGINT NOT NULL,
    PRIMARY KEY (nil, id)
)";

impl NewProduct {
    /// Refuses what could not be a number, a name or the local part of an address.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let fine = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if self.nil.is_empty() || self.nil.len() > 64 || !fine(&self.nil) || self.nil.starts_with('.') {
            let next = "Give the reference that Convergence shows, such as 2621: letters, digits, '.', '_' and '-', 64 at most.";
            return Err(
                Error::new(Code::BadInput, format!("{:?} cannot be a NIL", self.nil), next).field("nil")
            );
        }
        if self.name.trim().is_empty()
            || self.name.chars().count() > 200
            || self.name.chars().any(char::is_control)
        {
            let next = "Give the product's name: 1 to 200 characters on one line.";
            return Err(Error::new(Code::BadInput, "the product has no usable name", next).field("name"));
        }
        for (field, identity) in [("psc_id", &self.psc_identity), ("app_id", &self.app_identity)] {
            if !is_local_part(identity) {
                let next =
                    "Give the national identifier as on the test card or certificate, such as 899700000018.";
                let message =
                    format!("{identity:?} cannot be the local part of a mailbox address (RFC 5321 §4.1.2)");
                return Err(Error::new(Code::BadInput, message, next).field(field));
            }
        }
        if self.psc_identity.eq_ignore_ascii_case(&self.app_identity) {
            let next = "The personal and the applicative mailbox need an identifier each.";
            return Err(Error::new(Code::BadInput, "the two identifiers are the same", next).field("app_id"));
        }
        if let Some(version) = &self.version
            && (version.trim().is_empty()
                || version.chars().count() > 64
                || version.chars().any(char::is_control))
        {
            let next = "Give a version such as 2.1.2, 64 characters at most.";
            return Err(
                Error::new(Code::BadInput, "the version cannot be used", next).field("product_version")
            );
        }
        let labels = [("parcours", &self.course), ("demarche", &self.procedure), ("statut", &self.status)];
        for (field, text) in labels {
            if text.chars().count() > 100 || text.chars().any(char::is_control) {
                let message = format!("the field {field} cannot be used");
                let next = "Give one line of 100 characters at most, or nothing.";
                return Err(Error::new(Code::BadInput, message, next).field(field));
            }
        }
        Ok(())
    }
}

fn is_local_part(identity: &str) -> bool {
    let atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    identity.len() <= 64 && identity.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atext))
}

impl Product {
    pub(crate) fn read(row: &sqlx::any::AnyRow, domain: &str) -> Result<Self, db::Error> {
        let kind: String = row.try_get("kind")?;
        let psc_identity: String = row.try_get("psc_identity")?;
        let app_identity: String = row.try_get("app_identity")?;
        Ok(Self {
            nil: row.try_get("nil")?,
            name: row.try_get("name")?,
            version: row.try_get("version")?,
            kind: Kind::parse(&kind).ok_or_else(|| db::Error::corrupt(format!("mailbox kind {kind:?}")))?,
            psc_address: format!("{}@{domain}", psc_identity.to_lowercase()),
            app_address: format!("{}@{domain}", app_identity.to_lowercase()),
            psc_identity,
            app_identity,
            client_id: row.try_get("client_id")?,
            course: row.try_get("course")?,
            procedure: row.try_get("formality")?,
            status: row.try_get("status")?,
            created: Timestamp::from_microsecond(row.try_get("created_us")?).unwrap_or(Timestamp::UNIX_EPOCH),
        })
    }

    /// The object of `account add` and of the list.
    pub fn to_json(&self, data: &Path) -> Value {
        json!({
            "schema": "vaguemestre/product/1",
            "nil": self.nil,
            "name": self.name,
            "product_version": self.version,
            "status": "ready",
            "mailboxes": [
                {"type": self.kind.name(), "address": self.psc_address, "auth": "xoauth2", "identity": self.psc_identity},
                {"type": "APP", "address": self.app_address, "auth": "external", "identity": self.app_identity},
            ],
            "parcours": self.course,
            "demarche": self.procedure,
            "statut": self.status,
            "created": self.created,
            "psc_client": {"client_id": self.client_id, "secret_file": Files::of(data, &self.nil).secret},
        })
    }
}

/// The files of a product in the data directory.
#[derive(Clone, Debug)]
pub struct Files {
    /// The product's folder.
    pub dir: PathBuf,
    /// AUTH_CLI certificate and its chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PKCS#8 PEM, mode 0600.
    pub key: PathBuf,
    /// The PSC client's secret, mode 0600.
    pub secret: PathBuf,
}

impl Files {
    /// Where the files of `nil` are.
    pub fn of(data: &Path, nil: &str) -> Self {
        let dir = data.join("products").join(nil);
        Self {
            certificate: dir.join("auth_cli.pem"),
            key: dir.join("auth_cli.key"),
            secret: dir.join("psc_client_secret"),
            dir,
        }
    }

    /// The key, for the one who signs a further certificate on it.
    pub(crate) fn read_key(&self) -> std::io::Result<Secret<String>> {
        fs::read_to_string(&self.key).map(Secret::new)
    }

    /// The PSC client's secret.
    pub(crate) fn read_secret(&self) -> std::io::Result<Secret<String>> {
        fs::read_to_string(&self.secret).map(|text| Secret::new(text.trim_end().to_owned()))
    }
}

/// Writes a file whole or not at all, readable by its owner alone.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let temporary = path.with_extension(format!("{}.tmp", kernel::random::mark()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(nil: &str, psc: &str, app: &str) -> NewProduct {
        NewProduct {
            nil: nil.into(),
            name: "SantéProMoins".into(),
            version: Some("2.1.2".into()),
            kind: Kind::Per,
            psc_identity: psc.into(),
            app_identity: app.into(),
            course: String::new(),
            procedure: String::new(),
            status: String::new(),
        }
    }

    #[test]
    fn identifiers_are_opaque_but_must_fit_an_address() {
        assert!(product("DEV935997", "500000001815646/CPAT00045", "163254178").validate().is_ok());
        for (nil, psc, app, field) in [
            ("../x", "1", "2", "nil"),
            ("", "1", "2", "nil"),
            ("1", "a b", "2", "psc_id"),
            ("1", "a@b", "2", "psc_id"),
            ("1", "2", "", "app_id"),
            ("1", "2", "2", "app_id"),
        ] {
            let error = product(nil, psc, app).validate().unwrap_err();
            assert_eq!((error.code, error.field.as_deref()), (Code::BadInput, Some(field)));
        }
    }
}
