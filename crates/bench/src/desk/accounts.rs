use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use kernel::Secret;
use operator::Kind;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use sqlx::Row as _;

use crate::error::{Code, Error};
use crate::product::{Files, NewProduct, write_private};
use crate::{Bench, Product, save_version};

/// What *Modifier* changes of a product. Runs made before stay under the identifiers that they were made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductEdit {
    /// New name.
    pub name: String,
    /// New version, added to those declared before.
    pub version: Option<String>,
    /// PER or ORG.
    pub kind: Kind,
    /// New national identifier of the PSC identity.
    pub psc_identity: String,
    /// New national identifier of the structure.
    pub app_identity: String,
    /// *Parcours*, such as `DNS` or `MDV`; empty where unknown.
    pub course: String,
    /// *Démarche*; empty where unknown.
    pub procedure: String,
    /// *Statut* of the démarche at Convergence; empty where unknown.
    pub status: String,
}

impl Bench {
    /// Changes a product. New identifiers get mailboxes, identity and certificate at once; the old mailboxes keep
    /// their mail and are opened no more by this product: the old PSC identity gives no token, the old certificate is
    /// revoked and kept aside as `auth_cli-<old identifier>.pem`.
    ///
    /// # Errors
    /// `unknown_product`, `bad_input`, `identity_in_use`, `busy` while one of its runs is not finished.
    pub async fn edit_product(&self, nil: &str, edit: ProductEdit) -> Result<Product, Error> {
        let _alone = self.shared.registering.lock().await;
        let known = self.products().await?;
        let old = self.product(nil).await?;
        let new = edit.as_new(nil);
        new.validate()?;
        Owners::of(known.iter().filter(|other| other.nil != nil)).refuse_taken(&new)?;
        if let Some(run) = self.unfinished(nil).await?.first() {
            let message = format!("run {run} of product {nil} is not finished");
            let next = "Wait for its verdict, or cancel it, then change the product.";
            return Err(Error::new(Code::Busy, message, next).field("nil").detail(json!({"run": run})));
        }
        let domain = self.shared.parts.operator.domain();
        let product = Product {
            psc_address: format!("{}@{domain}", new.psc_identity.to_lowercase()),
            app_address: format!("{}@{domain}", new.app_identity.to_lowercase()),
            client_id: old.client_id.clone(),
            nil: new.nil,
            name: new.name,
            version: new.version,
            kind: new.kind,
            psc_identity: new.psc_identity,
            app_identity: new.app_identity,
            course: new.course,
            procedure: new.procedure,
            status: new.status,
            created: old.created,
        };
        let issued = self.new_certificate(&product).await?;
        self.save(&product).await?;
        if let Some((key, chain)) = issued {
            let files = Files::of(&self.shared.parts.data, nil);
            self.retire_certificate(&files, &old.app_identity).await?;
            put_aside(&files, &old.app_identity)?;
            write_private(&files.key, key.reveal().as_bytes())?;
            write_private(&files.certificate, chain.as_bytes())?;
        }
        self.equip(&product).await?;
        if !old.psc_identity.eq_ignore_ascii_case(&product.psc_identity) {
            self.shared.parts.psc.remove_identity(&old.psc_identity);
        }
        self.shared.touch();
        Ok(product)
    }

    /// Removes a product. Its runs, their evidence and its mail stay; a run that is not finished ends as *aborted*. Its
    /// certificate is revoked, its PSC identity forgotten, its files deleted: the identifiers may be used again.
    ///
    /// # Errors
    /// `unknown_product`.
    pub async fn remove_product(&self, nil: &str) -> Result<(), Error> {
        let _alone = self.shared.registering.lock().await;
        let product = self.product(nil).await?;
        let parts = &self.shared.parts;
        let gone = nil.to_owned();
        parts
            .db
            .write(move |tx| {
                let nil = gone.clone();
                Box::pin(async move {
                    for sql in [
                        "DELETE FROM product WHERE nil = $1",
                        "DELETE FROM product_version WHERE nil = $1",
                        "DELETE FROM prerequisite WHERE nil = $1",
                    ] {
                        sqlx::query(sql).bind(&nil).execute(&mut *tx).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        for run in self.unfinished(nil).await? {
            // One that has just ended needs no cancelling.
            if let Err(error) = self.cancel(run).await {
                tracing::debug!(run, "not cancelled: {error}");
            }
        }
        parts.psc.remove_identity(&product.psc_identity);
        if let Err(error) = parts.psc.remove_client(&product.client_id) {
            tracing::warn!("the PSC client of the removed product {nil} stays: {error}");
        }
        let files = Files::of(&parts.data, nil);
        self.retire_certificate(&files, &product.app_identity).await?;
        match fs::remove_dir_all(&files.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        self.shared.touch();
        Ok(())
    }

    /// Numbers of the product's runs that have no verdict yet.
    pub(super) async fn unfinished(&self, nil: &str) -> Result<Vec<i64>, Error> {
        let rows = sqlx::query("SELECT number FROM run WHERE verdict IS NULL AND nil = $1 ORDER BY number")
            .bind(nil)
            .fetch_all(self.shared.parts.db.reader())
            .await
            .map_err(db::Error::from)?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(db::Error::from)?)
    }

    /// A new key and chain for the product's structure, where those on disk cannot be used for it.
    async fn new_certificate(&self, product: &Product) -> Result<Option<(Secret<String>, String)>, Error> {
        let files = Files::of(&self.shared.parts.data, &product.nil);
        if self.certificate_fault(product, &files).is_none() {
            return Ok(None);
        }
        let (lab, identity, name) =
            (Arc::clone(&self.shared.parts.lab), product.app_identity.clone(), product.name.clone());
        let issued = tokio::task::spawn_blocking(move || lab.issue_auth_cli(&identity, &name))
            .await
            .map_err(io::Error::other)??;
        Ok(Some((issued.key_pem, issued.chain_pem)))
    }

    /// Revokes the certificate on disk, if it is of this identity: a file that was put there by mistake is another's.
    async fn retire_certificate(&self, files: &Files, identity: &str) -> Result<(), Error> {
        if let Some(leaf) = leaf_of(&files.certificate).filter(|leaf| leaf.common_name == identity) {
            let lab = Arc::clone(&self.shared.parts.lab);
            tokio::task::spawn_blocking(move || lab.revoke(&leaf.serial))
                .await
                .map_err(io::Error::other)??;
        }
        Ok(())
    }

    async fn save(&self, product: &Product) -> Result<(), Error> {
        let (saved, now) = (product.clone(), self.shared.parts.clock.now().as_microsecond());
        self.shared
            .parts
            .db
            .write(move |tx| {
                let product = saved.clone();
                Box::pin(async move {
                    sqlx::query(
                        "UPDATE product SET name = $2, version = $3, kind = $4, psc_identity = $5, app_identity = $6,
                         course = $7, formality = $8, status = $9 WHERE nil = $1",
                    )
                    .bind(&product.nil)
                    .bind(&product.name)
                    .bind(&product.version)
                    .bind(product.kind.name())
                    .bind(&product.psc_identity)
                    .bind(&product.app_identity)
                    .bind(&product.course)
                    .bind(&product.procedure)
                    .bind(&product.status)
                    .execute(&mut *tx)
                    .await?;
                    if let Some(version) = &product.version {
                        save_version(tx, &product.nil, version, now).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        Ok(())
    }
}

impl ProductEdit {
    fn as_new(&self, nil: &str) -> NewProduct {
        NewProduct {
            nil: nil.to_owned(),
            name: self.name.clone(),
            version: self.version.clone().filter(|version| !version.is_empty()),
            kind: self.kind,
            psc_identity: self.psc_identity.clone(),
            app_identity: self.app_identity.clone(),
            course: self.course.clone(),
            procedure: self.procedure.clone(),
            status: self.status.clone(),
        }
    }
}

/// Who uses which identifier: test identities are not shared between products, in any case of letters.
#[derive(Debug, Default)]
pub(crate) struct Owners(HashMap<String, (String, String)>);

impl Owners {
    pub(crate) fn of<'a>(products: impl Iterator<Item = &'a Product>) -> Self {
        let mut all = Self::default();
        for product in products {
            all.insert(&product.nil, &product.name, [&product.psc_identity, &product.app_identity]);
        }
        all
    }

    pub(super) fn insert(&mut self, nil: &str, name: &str, identities: [&str; 2]) {
        for identity in identities {
            self.0.insert(identity.to_ascii_lowercase(), (nil.to_owned(), name.to_owned()));
        }
    }

    /// `identity_in_use` where another product has one of the identifiers.
    pub(crate) fn refuse_taken(&self, new: &NewProduct) -> Result<(), Error> {
        for (field, identity) in [("psc_id", &new.psc_identity), ("app_id", &new.app_identity)] {
            if let Some((nil, name)) = self.0.get(&identity.to_ascii_lowercase()) {
                let message = format!("the identifier {identity} is used by product {nil} ({name})");
                let next = "Test identities cannot be shared between products: use another test card or certificate.";
                let detail = json!({"nil": nil, "name": name, "identity": identity});
                return Err(Error::new(Code::IdentityInUse, message, next).field(field).detail(detail));
            }
        }
        Ok(())
    }
}

/// The first certificate of a PEM file; `None` where there is none that can be read.
pub(super) fn leaf_of(path: &Path) -> Option<wire::CertificateFacts> {
    let pem = fs::read(path).ok()?;
    let leaf = CertificateDer::pem_slice_iter(&pem).next()?.ok()?;
    tls::certificate_facts(&leaf).ok()
}

/// Keeps the certificate and the key that are replaced, under the identity that they are of.
fn put_aside(files: &Files, identity: &str) -> Result<(), Error> {
    let leaf = leaf_of(&files.certificate);
    let identity = leaf.as_ref().map_or(identity, |leaf| &leaf.common_name);
    for path in [&files.certificate, &files.key] {
        match fs::rename(path, aside_of(path, identity)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// `auth_cli.pem` of an identity that is used no more: `auth_cli-<identity>.pem`, as far as a file name can say it.
fn aside_of(path: &Path, identity: &str) -> PathBuf {
    let fine = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("auth_cli");
    let extension = path.extension().and_then(|end| end.to_str()).unwrap_or("pem");
    path.with_file_name(format!("{stem}-{}.{extension}", identity.chars().map(fine).collect::<String>()))
}
