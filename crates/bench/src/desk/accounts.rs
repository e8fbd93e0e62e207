use crate::error::Error;
use crate::{Bench, Product};
use operator::Kind;

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
    /// their mail and are opened no more by this product.
    ///
    /// # Errors
    /// `unknown_product`, `bad_input`, `identity_in_use`, `busy` while one of its runs is not finished.
    pub async fn edit_product(&self, nil: &str, edit: ProductEdit) -> Result<Product, Error> {
        let _ = (nil, edit);
        todo!()
    }

    /// Removes a product. Its runs, their evidence and its mail stay; a run that is not finished ends as *aborted*.
    ///
    /// # Errors
    /// `unknown_product`.
    pub async fn remove_product(&self, nil: &str) -> Result<(), Error> {
        let _ = nil;
        todo!()
    }
}
