//! The INS, the national health identity (*identité nationale de santé*): matricule, OID and traits.
//!
//! A French health document names its patient three times over: a matricule, the OID that says what kind of number it
//! is, and the strict traits. Each is worthless without the others: the same digits under the OID of tests and under
//! the OID of production are two people, and a matricule without traits must not be sent at all. So the crate keeps
//! them together in one [`Identity`], and says of an incomplete one *what* is missing ([`Identity::qualified`]), because
//! that list is what a person needs to see.
//!
//! Reading is lenient (fields may be absent, a key may be wrong: it happens in real documents); what is present has
//! its type, and cannot be of the wrong shape. Nothing here knows of documents or mail.

mod compare;
mod identity;
mod matricule;
mod name;
mod nature;
mod status;
mod traits;

pub use compare::{Comparison, Decision, InsLikeness, Likeness, Match, Reason, Trait, compare, decide};
pub use identity::{Identity, Missing};
pub use matricule::{Deduced, Matricule, MatriculeError, Month};
pub use name::{folded, unaccented};
pub use nature::Nature;
pub use status::{Ins, Record, Status, World};
pub use traits::{BirthDate, Sex, Traits};
