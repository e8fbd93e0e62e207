//! The Annuaire Santé on this machine: the public extractions imported, indexed, and searched in one line of typing.
//!
//! Why a base of our own: the State's API knows no street, no typing error, no abbreviation and no ranking, so that
//! SC.MSS/UX.41 ("gynéco place de l'église montluçon") can only be met with a local index (spec of the directory, §2.2).
//! The index keeps dictionaries, postings and cards in files that are mapped, not loaded; the search reads the postings
//! of each word of the question as sets of cards, joins the sets, and ranks the few cards that are left.
//!
//! A base is built beside the one that serves and takes its place in one rename: whatever happens to an import, the last
//! good base keeps answering and says its date. That something is not found never means that it does not exist: boxes on
//! the red list are absent from the public extraction.

mod directory;
mod error;
mod facets;
pub mod fetch;
pub mod fhir;
mod found;
mod import;
mod index;
mod model;
mod phonetic;
mod pick;
mod query;
mod rank;
mod refresh;
mod relax;
mod search;
pub mod synth;
mod text;

pub use directory::{Directory, State};
pub use error::Error;
pub use found::{
    Criteria, Facet, Facets, FieldName, Found, Hit, How, Query, Reason, Relaxed, RelaxedField, SCHEMA,
};
pub use import::{Dirt, ImportOptions, Progress, Report, Stage};
pub use model::{Address, BoxType, Card, Coded, Kind, Place, Section, Sheet, SheetField};
pub use refresh::{Outage, Refresh, Refreshed};
